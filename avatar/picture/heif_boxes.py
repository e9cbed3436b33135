"""The boxes of a HEIF file (ISO/IEC 23008-12): where its picture's parts lie, and what is said of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Self

_MOST_ITEMS = 4096
_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"miaf"}
_OTHERS = {b"avif", b"avis", b"crx "}


class HeifError(ValueError):
    """A HEIF file whose boxes are inconsistent, or of a kind that is not read here."""


@dataclass(slots=True)
class Item:
    """A picture, or a part of one.

    Attributes:
        kind: four characters, "hvc1" of a coded picture, "grid" of one that is put together.
        extents: offset and length of each stretch of its bytes, into the file or (`is_inside`) into the item data box.
        is_inside: whether the extents lie in the item data box.
        properties: kind and content of each property, in their order.
        parts: numbers of the items that it is put together from, in their order.
    """

    kind: str = ""
    extents: list[tuple[int, int]] = field(default_factory=list)
    is_inside: bool = False
    properties: list[tuple[str, bytes]] = field(default_factory=list)
    parts: list[int] = field(default_factory=list)

    def property(self, kind: str) -> bytes | None:
        """The content of its first property of a kind; None if it has none."""
        return next((content for name, content in self.properties if name == kind), None)


class Reader:
    """Big-endian numbers one after the other.

    Raises:
        HeifError: there are no more.
    """

    def __init__(self, content: bytes) -> None:
        self._content, self._at = content, 0

    def take(self, length: int) -> bytes:
        """The next `length` bytes; HeifError at the end."""
        if length > len(self._content) - self._at:
            raise HeifError("it ends too early")
        self._at += length
        return self._content[self._at - length : self._at]

    def number(self, length: int) -> int:
        """An unsigned big-endian number of `length` bytes; 0 for no bytes."""
        return int.from_bytes(self.take(length), "big")

    def rest(self) -> bytes:
        """The remaining bytes."""
        return self.take(len(self._content) - self._at)


def is_heif(content: bytes) -> bool:
    """Whether a file says of itself that it is HEIF with pictures as HEVC codes them (and not AVIF)."""
    if content[4:8] != b"ftyp":
        return False
    length = min(int.from_bytes(content[:4], "big"), 256)
    brands = {content[at : at + 4] for at in (8, *range(16, length, 4))}
    return bool(brands & _BRANDS) and not brands & _OTHERS


@dataclass(slots=True)
class Heif:
    """A file's items.

    Attributes:
        content: the whole file.
        items: by their numbers.
        primary: the number of the picture to show.
    """

    content: bytes
    items: dict[int, Item]
    primary: int
    _inside: bytes = b""

    @classmethod
    def read(cls, content: bytes) -> Self:
        """The items of a file.

        Raises:
            HeifError: the boxes don't fit together.
        """
        meta = next((body for kind, body in _boxes(content) if kind == "meta"), None)
        if meta is None:
            raise HeifError("it holds no picture")
        heif = cls(content, {}, 0)
        boxes = dict(_boxes(meta[4:]))
        heif._inside = boxes.get("idat", b"")
        if "pitm" not in boxes:
            raise HeifError("it names no picture to show")
        primary = _full(boxes["pitm"])
        heif.primary = primary[2].number(2 if primary[0] == 0 else 4)
        heif._read_kinds(boxes.get("iinf", b""))
        heif._read_locations(boxes.get("iloc", b""))
        heif._read_references(boxes.get("iref", b""))
        heif._read_properties(boxes.get("iprp", b""))
        return heif

    def item(self, number: int) -> Item:
        """An item by its number.

        Raises:
            HeifError: there is none.
        """
        if number not in self.items:
            raise HeifError(f"its item {number} is missing")
        return self.items[number]

    def data(self, item: Item) -> bytes:
        """The bytes of an item.

        Raises:
            HeifError: they are not in the file.
        """
        source = self._inside if item.is_inside else self.content
        pieces = []
        for offset, length in item.extents:
            if offset + length > len(source):
                raise HeifError("it ends too early")
            pieces.append(source[offset : offset + length] if length else source[offset:])
        if sum(map(len, pieces)) > len(self.content):
            raise HeifError("its parts overlap")
        return b"".join(pieces)

    def _at(self, number: int) -> Item:
        if number not in self.items and len(self.items) >= _MOST_ITEMS:
            raise HeifError(f"it has more than {_MOST_ITEMS} parts")
        return self.items.setdefault(number, Item())

    def _read_kinds(self, box: bytes) -> None:
        if not box:
            return
        version, _, reader = _full(box)
        reader.take(2 if version == 0 else 4)
        for kind, body in _boxes(reader.rest()):
            if kind == "infe" and body[0] >= 2:
                entry_version, _, entry = _full(body)
                number = entry.number(2 if entry_version == 2 else 4)
                entry.take(2)
                self._at(number).kind = entry.take(4).decode("latin-1")

    def _read_locations(self, box: bytes) -> None:
        if not box:
            return
        version, _, reader = _full(box)
        sizes = reader.number(2)
        offset_bytes, length_bytes, base_bytes, index_bytes = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
        for _ in range(reader.number(4 if version == 2 else 2)):
            item = self._at(reader.number(4 if version == 2 else 2))
            method = reader.number(2) & 15 if version in (1, 2) else 0
            if method > 1:
                raise HeifError("it is put together in a way that is not read here")
            item.is_inside = method == 1
            reader.take(2)
            base = reader.number(base_bytes)
            for _ in range(reader.number(2)):
                if version in (1, 2):
                    reader.take(index_bytes)
                offset, length = reader.number(offset_bytes), reader.number(length_bytes)
                item.extents.append((base + offset, length))

    def _read_references(self, box: bytes) -> None:
        if not box:
            return
        version, _, reader = _full(box)
        wide = 2 if version == 0 else 4
        for kind, body in _boxes(reader.rest()):
            if kind == "dimg":
                entry = Reader(body)
                item = self._at(entry.number(wide))
                item.parts = [entry.number(wide) for _ in range(entry.number(2))]

    def _read_properties(self, box: bytes) -> None:
        shared: list[tuple[str, bytes]] = []
        for kind, body in _boxes(box):
            if kind == "ipco":
                shared = list(_boxes(body))
            elif kind == "ipma":
                version, flags, reader = _full(body)
                for _ in range(reader.number(4)):
                    item = self._at(reader.number(2 if version == 0 else 4))
                    for _ in range(reader.number(1)):
                        index = reader.number(2) & 0x7FFF if flags & 1 else reader.number(1) & 0x7F
                        if 0 < index <= len(shared):
                            item.properties.append(shared[index - 1])


def _boxes(content: bytes) -> Iterator[tuple[str, bytes]]:
    """Kind and content of the boxes that stand one after the other; what is cut off at the end is left out."""
    at = 0
    while at + 8 <= len(content):
        length, kind = int.from_bytes(content[at : at + 4], "big"), content[at + 4 : at + 8].decode("latin-1")
        head = 8
        if length == 1:
            length, head = int.from_bytes(content[at + 8 : at + 16], "big"), 16
        elif length == 0:
            length = len(content) - at
        if length < head or at + length > len(content):
            return
        yield kind, content[at + head : at + length]
        at += length


def _full(body: bytes) -> tuple[int, int, Reader]:
    """Version, flags and the rest of a box that has them."""
    reader = Reader(body)
    return reader.number(1), reader.number(3), reader
