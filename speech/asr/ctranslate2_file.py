"""CTranslate2's model.bin: the numbers in it, read so that a damaged or hostile file costs one line, and no memory.

The layout, little-endian, is what CTranslate2's own `ModelSpec.save` writes: the layout's version, name and revision of
the network's description, then every variable (name, rank, sizes, type, bytes, values), then pairs of names: another
name of a variable, and its own. A name is its length with a closing zero, and its letters.
"""

from __future__ import annotations

import math
import mmap
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from speech.errors import InputError, one_line
from speech.files.input_file import check_input_file

_VERSION = 6
_TYPES = ("<f4", "<i1", "<i2", "<i4", "<f2")
"""By their number in the file; number 5, bfloat16, is unknown to NumPy."""

_LARGEST_BYTES = 8_000_000_000
_MOST_VARIABLES, _MOST_AXES, _LONGEST_NAME = 20_000, 4, 200

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Variables:
    """What a model.bin holds.

    Attributes:
        description: the name of the network's description, such as "WhisperSpec".
        revision: of the description.
        values: by name, such as "encoder/conv1/bias"; read-only views of the file, of any shape (scalars: []). A
            variable with two names is the same object under both.
    """

    description: str
    revision: int
    values: dict[str, Array]


def read_variables(path: Path) -> Variables:
    """Reads a model.bin; the values are not copied, and come from the disk when they are used.

    Raises:
        InputError: no regular file, too large, or not what CTranslate2 writes.
    """
    expected = "a model for CTranslate2 (model.bin)"
    check_input_file(path, expected, most_bytes=_LARGEST_BYTES)
    try:
        with path.open("rb") as file:
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return _Reader(content).variables()  # its values keep the mapping open
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{one_line(str(path))}: expected {expected}, could not read it: {reason}") from None


class _Reader:
    """Takes one value after the other, and never past the end. What is wrong with the file is a ValueError."""

    def __init__(self, content: mmap.mmap) -> None:
        self._content = content
        self._at = 0

    def variables(self) -> Variables:
        if (version := self._number("I")) != _VERSION:
            raise ValueError(f"its layout is version {version}, not {_VERSION}")
        description, revision = self._name(), self._number("I")
        values: dict[str, Array] = {}
        for _ in range(self._count()):
            name = self._new_name(values)
            values[name] = self._values(name)
        for _ in range(self._count()):
            name = self._new_name(values)
            if (other := self._name()) not in values:
                raise ValueError(f"{name} is another name of {other}, which is not there")
            values[name] = values[other]
        if left := len(self._content) - self._at:
            raise ValueError(f"{left} bytes are left over")
        return Variables(description, revision, values)

    def _values(self, name: str) -> Array:
        axes = self._number("B")
        if axes > _MOST_AXES:
            raise ValueError(f"{name} has {axes} axes")
        shape = tuple(self._number("I") for _ in range(axes))
        kind = self._number("B")
        if kind >= len(_TYPES):
            raise ValueError(f"{name} has numbers of the unknown type {kind}")
        size = self._number("I")
        if size != math.prod(shape) * np.dtype(_TYPES[kind]).itemsize:
            raise ValueError(f"{name} has {size} bytes for the shape {shape}")
        return np.frombuffer(self._content, _TYPES[kind], math.prod(shape), self._skip(size)).reshape(shape)

    def _count(self) -> int:
        count = self._number("I")
        if count > _MOST_VARIABLES:
            raise ValueError(f"it claims {count} variables")
        return count

    def _new_name(self, known: dict[str, Array]) -> str:
        name = self._name()
        if name in known:
            raise ValueError(f"{name} is there twice")
        return name

    def _name(self) -> str:
        size = self._number("H")
        if not 1 < size <= _LONGEST_NAME:
            raise ValueError(f"a name has {size} bytes")
        start = self._skip(size)
        letters = self._content[start : start + size]
        name = letters[:-1].decode("ascii", "replace")
        if letters[-1] or not name.isascii() or not name.isprintable():
            raise ValueError("a name is not made of letters")
        return name

    def _number(self, kind: str) -> int:
        start = self._skip(struct.calcsize(f"<{kind}"))
        (number,) = struct.unpack_from(f"<{kind}", self._content, start)
        return int(number)

    def _skip(self, size: int) -> int:
        """Where the next `size` bytes begin."""
        start, self._at = self._at, self._at + size
        if self._at > len(self._content):
            raise ValueError(f"it ends in the middle, after {len(self._content)} bytes")
        return start
