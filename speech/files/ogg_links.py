"""Ogg files made of several, one after the other: radio stations and recorders chain them, each with its own format."""

from __future__ import annotations

import struct
from pathlib import Path

_HEADER = struct.Struct("<4sBBqIIIB")
"""Of a page: "OggS", version, flags, granule position, stream, page number, checksum, number of segments."""

_MARK = b"OggS"
_FIRST_OF_STREAM = 2
_SEARCHED_BYTES = 1 << 16


def ogg_links(path: Path, start: int, stop: int) -> list[tuple[int, int]]:
    """Where each link of a chain begins and ends, in bytes; one that spans everything where there is no chain.

    Args:
        path: an Ogg file.
        start: its first byte there.
        stop: the byte after its last.
    """
    begins = [start]
    was_first_page = True
    with path.open("rb") as file:
        at = start
        while at < stop:
            file.seek(at)
            header = file.read(_HEADER.size)
            if len(header) < _HEADER.size:
                break
            mark, _, flags, granule, _, page, _, segments = _HEADER.unpack(header)
            if mark != _MARK:  # damaged: the next page that can be found
                file.seek(at + 1)
                found = file.read(_SEARCHED_BYTES).find(_MARK)
                at += 1 + (found if found >= 0 else _SEARCHED_BYTES - len(_MARK) + 1)
                continue
            is_first_page = bool(flags & _FIRST_OF_STREAM) and granule == 0 and page == 0
            if is_first_page and not was_first_page:
                begins.append(at)
            was_first_page = is_first_page
            at += _HEADER.size + segments + sum(file.read(segments))
    return list(zip(begins, [*begins[1:], stop], strict=True))
