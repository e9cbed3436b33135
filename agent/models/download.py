"""One file brought here: going on where an earlier try stopped, checked, and only then given its name."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from agent.models.download_sources import Answer, Checksum, Cut, FileSource, RemoteFile, Stale, Unreachable
from agent.models.manifest import PARTIAL
from speech.errors import InputError

CHUNK_BYTES = 1 << 18

PAUSES_S = (1.0, 2.0, 4.0, 8.0)
"""Before each further try after the connection was cut; where a try got further than all before, they start again."""

LARGEST_UNSTATED_BYTES = 20_000_000_000
"""Of a file of which neither its source nor the server says how large it is: none that we fetch is larger."""

SLOWEST_BYTES, SLOWEST_S = 10_000, 60.0
"""A connection that brings less than so much in so long counts as cut."""

BytesProgress = Callable[[int, int | None], None]
"""Called with the bytes that are here, and the bytes that there will be, if that is known."""


def receive(
    file: RemoteFile, target: Path, source: FileSource, progress: BytesProgress, *, pauses_s: Sequence[float] = PAUSES_S
) -> str:
    """Brings a file here. It has its name only when it is whole and its checksum is right.

    What an earlier try left beside it (`target` + ".partial") is used; so is what this one leaves when it is stopped.

    Args:
        file: what it is, and what its source states about it.
        target: the file to write; its folder must exist.
        source: where the bytes come from.
        progress: called with how far it is.
        pauses_s: seconds before each further try when the connection is cut.

    Returns:
        The SHA-256 of the content, hexadecimal.

    Raises:
        InputError: it can't be had, isn't what was stated (and is then removed), or can't be written here.
    """
    partial = target.with_name(target.name + PARTIAL)
    label = _Label(target.with_name(f"{target.name}{PARTIAL}.json"), file)
    with _writing(partial):
        with partial.open("ab") as stream:
            _lock(stream, partial)
            if stream.tell() and not label.allows_going_on:
                _shorten(stream, 0)
            resumed = stream.tell() > 0
            try:
                _fill(file, stream, label, source, progress, pauses_s)
            finally:
                if not stream.tell() and file.size != 0:
                    partial.unlink()
            stream.flush()
            os.fsync(stream.fileno())
        checksum = file.checksum or (Checksum("md5", label.md5) if label.md5 else None)
        sha256, is_right = check(partial, checksum)
        if is_right:
            os.replace(partial, target)
        else:
            partial.unlink()
        label.path.unlink(missing_ok=True)
    if is_right:
        return sha256
    if resumed:  # the first part may have been of another version
        return receive(file, target, source, progress, pauses_s=pauses_s)
    kind = checksum.kind if checksum else ""
    stated = checksum.value if checksum else ""
    raise InputError(
        f"{file.url or file.path}: expected a file with the {kind} checksum {stated[:12]}…, got another; removed it. "
        "Try again; if it is the same then, something between here and there changes what is sent"
    )


def check(path: Path, checksum: Checksum | None) -> tuple[str, bool]:
    """Reads a file: its SHA-256, and whether it is what was stated."""
    sha256 = hashlib.sha256()
    other: Any = None
    if checksum is not None and checksum.kind == "git":
        other = hashlib.sha1(usedforsecurity=False)
        other.update(b"blob %d\0" % path.stat().st_size)
    elif checksum is not None and checksum.kind == "md5":
        other = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK_BYTES):
            sha256.update(chunk)
            if other is not None:
                other.update(chunk)
    found = (other or sha256).hexdigest()
    return sha256.hexdigest(), checksum is None or found == checksum.value.lower()


class _Label:
    """What is remembered beside a partial file: which version of which file it is the beginning of."""

    def __init__(self, path: Path, file: RemoteFile) -> None:
        self.path = path
        self._file = file
        self.etag = self.md5 = ""
        kept: dict[str, str] = {}
        with contextlib.suppress(OSError, ValueError):
            kept = json.loads(path.read_text("utf-8"))
        self._is_same = isinstance(kept, dict) and kept.get("file") == self._identity
        if self._is_same:
            self.etag, self.md5 = str(kept.get("etag", "")), str(kept.get("md5", ""))

    @property
    def _identity(self) -> str:
        return self._file.checksum.value if self._file.checksum else self._file.url

    @property
    def allows_going_on(self) -> bool:
        """Whether a checksum or an ETag makes sure that both parts will be of one version."""
        return self._is_same and bool(self._file.checksum or self.etag)

    def remember(self, answer: Answer) -> None:
        self.etag, self.md5 = answer.etag, answer.md5 or (self.md5 if answer.start else "")
        self.path.write_text(json.dumps({"file": self._identity, "etag": self.etag, "md5": self.md5}), "utf-8")


def _fill(
    file: RemoteFile,
    stream: IO[bytes],
    label: _Label,
    source: FileSource,
    progress: BytesProgress,
    pauses_s: Sequence[float],
) -> None:
    """Appends to a partial file until it is whole."""
    began = furthest = stream.tell()
    failures = 0
    while stream.tell() != file.size:
        if file.size is not None and stream.tell() > file.size:
            _shorten(stream, 0)
        try:
            if _append(file, stream, label, source, progress):
                return
            raise Cut(f"{file.url or file.path}: the connection was cut")
        except Cut as cut:
            if isinstance(cut, Stale):
                _shorten(stream, 0)
            if stream.tell() > furthest:
                furthest, failures = stream.tell(), 0
            failures += 1
            if failures > len(pauses_s) or (isinstance(cut, Unreachable) and furthest == began):
                kept = f"; the {stream.tell()} bytes that are here are kept for the next time" if stream.tell() else ""
                raise InputError(f"{cut}{kept}") from None
            time.sleep(pauses_s[failures - 1])


def _append(file: RemoteFile, stream: IO[bytes], label: _Label, source: FileSource, progress: BytesProgress) -> bool:
    """Appends what one connection gives. Returns whether the file is whole."""
    with source.open(file, stream.tell(), label.etag) as answer:
        if file.size is not None and answer.total is not None and answer.total != file.size:
            raise InputError(f"{file.url or file.path}: expected {file.size} bytes, the file there has {answer.total}")
        if answer.start != stream.tell():
            _shorten(stream, answer.start)
        label.remember(answer)
        total = file.size if file.size is not None else answer.total
        most = LARGEST_UNSTATED_BYTES if total is None else total
        looked, was = time.monotonic(), stream.tell()
        while chunk := answer.read(CHUNK_BYTES):
            if stream.tell() + len(chunk) > most:
                _shorten(stream, 0)
                label.path.unlink(missing_ok=True)
                raise InputError(f"{file.url or file.path}: expected {most} bytes at most, the server sends more")
            stream.write(chunk)
            progress(stream.tell(), total)
            if time.monotonic() - looked > SLOWEST_S:
                if stream.tell() - was < SLOWEST_BYTES:
                    raise Cut(f"{file.url or file.path}: less than {SLOWEST_BYTES} bytes came in {SLOWEST_S:g} s")
                looked, was = time.monotonic(), stream.tell()
    return total is None or stream.tell() == total


def _shorten(stream: IO[bytes], size: int) -> None:
    stream.truncate(size)
    stream.seek(size)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            free = shutil.disk_usage(path.parent).free
            raise InputError(
                f"{path}: the disk is full ({free / 1e6:.0f} MB free); make room and run it again, it goes on from here"
            ) from None
        raise InputError(f"{path}: {error.strerror or error}") from None


def _lock(stream: IO[bytes], path: Path) -> None:
    """Keeps a second `visavis fetch` away from a partial file, where the system can."""
    try:
        import fcntl
    except ImportError:  # Windows opens no second time what is being renamed
        return
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise InputError(f"{path}: another `visavis fetch` is writing this file; wait for it to finish") from None
