"""Sound and video files, opened by FFmpeg as files and as nothing else."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from speech.errors import InputError
from speech.files.input_file import check_input_file

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from av.container import InputContainer

_MOST_BOXES = 1000
_PLAYLISTS = (b"#EXTM3U", b"ffconcat version", b"[playlist]", b"v=0\no=", b"v=0\r\no=")


@contextmanager
def open_media(path: Path, expected: str, *, part: tuple[int, int] | None = None) -> Iterator[InputContainer]:
    """Opens a container to read; "10:30.wav" is a file too, and a playlist in it opens no other file or address.

    Args:
        path: the file.
        expected: what it should be, for the message: "a sound file".
        part: first byte and the one after the last, where a file within the file is meant.

    Raises:
        InputError: no regular file, empty, a playlist, or it can't be read.
        av.FFmpegError: what FFmpeg says of its contents.
    """
    import av  # imported here: it costs 0.2 s that commands without files need not pay

    size = check_input_file(path, expected)
    start, stop = part or (0, size)
    try:
        opened = path.open("rb")
    except OSError as error:
        raise InputError(f"{path}: expected {expected}, could not open it: {error.strerror}") from None
    with opened as file:
        file.seek(start)
        if file.read(16).startswith(_PLAYLISTS):
            raise InputError(f"{path}: expected {expected}, got a playlist; name a file that it lists")
        # FFmpeg gets the bytes, not the name: whatever they tell it to open beside them, no protocol is left for that.
        with av.open(_FileSlice(file, start, stop), mode="r", options={"protocol_whitelist": "none"}) as container:
            yield container


def lacks_moov_box(path: Path, part: tuple[int, int] | None = None) -> bool:
    """Whether it is an MP4 or M4A whose boxes lack the one that says where everything is.

    Args:
        path: a regular file.
        part: as in `open_media`.
    """
    at, stop = part or (0, path.stat().st_size)
    names: list[bytes] = []
    with path.open("rb") as file:
        while at + 8 <= stop and len(names) < _MOST_BOXES:
            file.seek(at)
            size, name = struct.unpack(">I4s", file.read(8))
            if size == 1:
                size = int.from_bytes(file.read(8), "big")
            names.append(name)
            if size < 8:
                break
            at += size
    return names[:1] == [b"ftyp"] and b"moov" not in names


class _FileSlice(io.RawIOBase):
    """Some bytes of a file, as if they were a file: FFmpeg reads and seeks in them."""

    def __init__(self, file: io.BufferedReader, start: int, stop: int) -> None:
        super().__init__()
        self._file, self._start, self._stop = file, start, stop
        self.seek(0)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self.tell(), io.SEEK_END: self._stop - self._start}[whence]
        self._file.seek(self._start + max(base + offset, 0))
        return self.tell()

    def tell(self) -> int:
        return self._file.tell() - self._start

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        return self._file.readinto(view[: max(0, min(len(view), self._stop - self._file.tell()))])
