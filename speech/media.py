"""Sound and video files, opened by FFmpeg as files and as nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from speech.input_file import check_input_file

if TYPE_CHECKING:
    from av.container import InputContainer


@contextmanager
def open_media(path: Path, expected: str) -> Iterator[InputContainer]:
    """Opens a container to read; "10:30.wav" is a file too, and a playlist in it opens no other file or address.

    Args:
        path: the file.
        expected: what it should be, for the message: "a sound file".

    Raises:
        InputError: no regular file, or empty.
        av.FFmpegError: what FFmpeg says of its contents.
    """
    import av  # imported here: it costs 0.2 s that commands without files need not pay

    check_input_file(path, expected)
    with av.open(f"file:{path.absolute()}", options={"protocol_whitelist": "file"}) as container:
        yield container
