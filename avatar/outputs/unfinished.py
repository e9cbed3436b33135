"""A recording that can be played at any moment, and under a name that can be found, whatever becomes of the program."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import av

from speech.errors import InputError, VisavisError
from speech.files.draft import Draft, check_writable, create_unique_file


class Unfinished:
    """Stands for a draft where hours may be lost: `talk.mp4` is written as `talk.unfinished.mp4`, in fragments.

    In the end its packets are copied into an ordinary file of the target's name (a WebM is one already). What a killed
    program leaves is no temporary file: it stays, and the next recording takes another name (`talk.unfinished-2.mp4`).

    Args:
        target: what the file will be called.

    Attributes:
        path: where to write; an empty file.

    Raises:
        InputError: no file can be made there.
    """

    def __init__(self, target: Path) -> None:
        check_writable(target)
        self._target = target
        self._boxes: WholeBoxes | None = None
        self.path = create_unique_file(target.with_name(f"{target.stem}.unfinished{target.suffix}"))

    def sink(self) -> str | WholeBoxes:
        """Where FFmpeg is to write."""
        if self.path.suffix.lower() == ".webm":  # which can be cut off anywhere
            return str(self.path)
        self._boxes = WholeBoxes(self.path)
        return self._boxes

    def close(self) -> None:
        """Nothing more is written."""
        if self._boxes is not None:
            self._boxes.close()

    def keep(self) -> None:
        """Makes the ordinary file, in the place of what had its name; the unfinished one is removed.

        Raises:
            InputError: it could not be made, as on a full disk; the unfinished one stays.
        """
        self.close()
        try:
            if self.path.suffix.lower() == ".webm":
                os.replace(self.path, os.path.realpath(self._target))
                return
            with Draft(self._target) as draft:
                copy_packets(self.path, draft.path)
            self.path.unlink(missing_ok=True)
        except (VisavisError, OSError) as error:  # FFmpeg's own are OSErrors too
            reason = getattr(error, "strerror", None) or error
            raise InputError(
                f"{self._target}: could not be finished ({reason}); the recording is in {self.path.name}"
            ) from None

    def discard(self) -> None:
        """Removes a recording that shows nothing; one that can be played stays."""
        self.close()
        if not _plays(self.path):
            with contextlib.suppress(OSError):
                self.path.unlink()


class WholeBoxes:
    """A file of an MP4's boxes that never holds a part of one: a file that ends within a "moof" can't even be opened.

    Args:
        path: an empty file.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("r+b", buffering=0)
        self._waiting = bytearray()

    def write(self, data: bytes) -> int:
        """Takes the next bytes; they are written as soon as their box is whole, a "moof" with its "mdat".

        Raises:
            OSError: the disk is full; what was whole before stays.
        """
        self._waiting += data
        at = whole = 0
        while at + 16 <= len(self._waiting):
            size, kind = int.from_bytes(self._waiting[at : at + 4], "big"), self._waiting[at + 4 : at + 8]
            at += size if size != 1 else int.from_bytes(self._waiting[at + 8 : at + 16], "big")
            if at > len(self._waiting):
                break
            if kind != b"moof":
                whole = at
        if whole:
            self._append(self._waiting[:whole])
            del self._waiting[:whole]
        return len(data)

    def close(self) -> None:
        """Ends the file; what is not whole is lost."""
        self._file.close()

    def _append(self, boxes: bytearray) -> None:
        before, written = self._file.tell(), 0
        try:
            while written < len(boxes):
                written += self._file.write(memoryview(boxes)[written:])
        except OSError:
            self._file.truncate(before)
            self._file.seek(before)
            raise


def copy_packets(source: Path, target: Path) -> None:
    """Writes an MP4's or MOV's streams into another whose beginning says where everything is."""
    container = "mov" if target.suffix.lower() == ".mov" else "mp4"
    with (
        av.open(f"file:{source}") as old,
        av.open(f"file:{target}", "w", format=container, options={"movflags": "+faststart"}) as new,
    ):
        copies = {stream.index: new.add_stream_from_template(stream) for stream in old.streams}
        for packet in old.demux():
            if packet.dts is not None:  # the last of each stream is empty
                packet.stream = copies[packet.stream_index]
                new.mux(packet)


def _plays(path: Path) -> bool:
    try:
        with av.open(f"file:{path}") as container:
            return next(container.decode(video=0), None) is not None
    except (OSError, av.FFmpegError, IndexError):
        return False
