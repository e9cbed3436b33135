"""A recording that can be played at any moment, and under a name that can be found, whatever becomes of the program."""

from __future__ import annotations

import contextlib
import itertools
import os
from pathlib import Path

import av

from speech.draft import Draft, check_writable
from speech.errors import InputError


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
        for number in itertools.count(1):
            self.path = target.with_name(f"{target.stem}.unfinished{f'-{number}' if number > 1 else ''}{target.suffix}")
            try:
                os.close(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
                return
            except FileExistsError:
                continue
            except OSError as error:
                raise InputError(
                    f"{target}: expected a place to write to, could not: {error.strerror or error}"
                ) from None

    def keep(self) -> None:
        """Makes the ordinary file, in the place of what had its name; the unfinished one is removed.

        Raises:
            InputError: it could not be made, as on a full disk; the unfinished one stays.
        """
        try:
            if self.path.suffix.lower() == ".webm":
                os.replace(self.path, os.path.realpath(self._target))
                return
            with Draft(self._target) as draft:
                copy_packets(self.path, draft.path)
            self.path.unlink(missing_ok=True)
        except (InputError, OSError) as error:  # FFmpeg's own are OSErrors too
            reason = getattr(error, "strerror", None) or error
            raise InputError(
                f"{self._target}: could not be finished ({reason}); the recording is in {self.path.name}"
            ) from None

    def discard(self) -> None:
        """Removes a recording that shows nothing; one that can be played stays."""
        if not _plays(self.path):
            with contextlib.suppress(OSError):
                self.path.unlink()


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
