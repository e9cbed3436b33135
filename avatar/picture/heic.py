"""HEIC pictures, as telephones make them: HEVC tiles put together, decoded with PyAV."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from avatar.decoder import Image
from avatar.picture.heif_boxes import Heif, HeifError, Item, Reader

if TYPE_CHECKING:
    import av

_MOST_TILES = 1024
# Matrix coefficients of a `nclx` property (ITU-T H.273), as swscale numbers them; others are taken for BT.601's.
_MATRICES = {1: 1, 9: 9, 10: 9}
_BT601 = 5
_LIMITED, _FULL = 1, 2


class Heic:
    """A HEIC file.

    Args:
        content: the file's bytes.

    Attributes:
        size: width and height as coded, before it is turned; pixels.
        profile: its ICC profile, or None.

    Raises:
        HeifError: it is damaged, or holds what is not read here.
    """

    def __init__(self, content: bytes) -> None:
        self._heif = Heif.read(content)
        self._shown = self._heif.item(self._heif.primary)
        for _ in range(4):  # one that only turns or cuts another
            if self._shown.kind != "iden" or len(self._shown.parts) != 1:
                break
            part = self._heif.item(self._shown.parts[0])
            self._shown = Item(part.kind, part.extents, part.is_inside, part.properties + self._shown.properties)
            self._shown.parts = part.parts
        if self._shown.kind not in ("hvc1", "grid"):
            raise HeifError(f"its picture is of the kind {self._shown.kind!a}, which is not read here")
        self.size = _extent(self._shown)
        colours = [content for kind, content in self._shown.properties if kind == "colr"]
        self.profile = next((bytes(c[4:]) for c in colours if c[:4] in (b"prof", b"rICC")), None)
        self._nclx = next((c[4:] for c in colours if c[:4] == b"nclx" and len(c) >= 11), None)

    @property
    def display_size(self) -> tuple[int, int]:
        """Width and height after rotation and cropping, pixels."""
        width, height = self.size
        for kind, content in self._shown.properties:
            if kind == "clap":
                left, top, right, bottom = _aperture(content, (width, height))
                width, height = right - left, bottom - top
            elif kind == "irot" and content[0] & 1:
                width, height = height, width
        return width, height

    def decode(self) -> Image:
        """The picture as it is seen, uint8 [H, W, 3] in its own colour space.

        Raises:
            HeifError: it is damaged.
        """
        image = self._coded()
        # Cut, turned and mirrored in the order in which the file says so.
        for kind, content in self._shown.properties:
            if kind == "clap":
                left, top, right, bottom = _aperture(content, (image.shape[1], image.shape[0]))
                image = image[top:bottom, left:right]
            elif kind == "irot" and content:
                image = np.rot90(image, content[0] & 3)
            elif kind == "imir" and content:
                image = image[:, ::-1] if content[0] & 1 else image[::-1]
        return np.ascontiguousarray(image)

    def _coded(self) -> Image:
        width, height = self.size
        if self._shown.kind == "hvc1":
            return self._decoded(self._shown)[:height, :width]
        layout = Reader(self._heif.data(self._shown))
        layout.take(1)
        wide = 4 if layout.number(1) & 1 else 2
        rows, columns = layout.number(1) + 1, layout.number(1) + 1
        width, height = layout.number(wide), layout.number(wide)
        if (width, height) != self.size or rows * columns != len(self._shown.parts) or rows * columns > _MOST_TILES:
            raise HeifError("its tiles don't make up the picture")
        image = np.zeros((height, width, 3), np.uint8)
        for index, number in enumerate(self._shown.parts):
            tile = self._decoded(self._heif.item(number))
            top, left = index // columns * tile.shape[0], index % columns * tile.shape[1]
            into = image[top : top + tile.shape[0], left : left + tile.shape[1]]
            into[:] = tile[: into.shape[0], : into.shape[1]]
        return image

    def _decoded(self, item: Item) -> Image:
        import av

        configuration = item.property("hvcC")
        if item.kind != "hvc1" or configuration is None:
            raise HeifError("a tile of it is not read here")
        size = _extent(item)
        if size[0] * size[1] > self.size[0] * self.size[1] * 4 + 2**20:
            raise HeifError("a tile of it is larger than the picture")
        decoder = av.CodecContext.create("hevc", "r")
        decoder.extradata = configuration
        decoder.thread_count = 1
        try:
            frames = decoder.decode(av.Packet(self._heif.data(item))) + decoder.decode(None)
        except (av.FFmpegError, ValueError) as error:
            raise HeifError(f"a part of it could not be decoded: {error}") from None
        if not frames:
            raise HeifError("a part of it could not be decoded")
        image = self._rgb(frames[0])
        if image.shape[1] < size[0] or image.shape[0] < size[1]:
            raise HeifError("a part of it is smaller than it says")
        return image[: size[1], : size[0]]

    def _rgb(self, frame: av.VideoFrame) -> Image:
        """By the matrix and range of the file's colour property, else by what the coded picture says itself."""
        matrix, full = int(frame.colorspace), int(frame.color_range) == _FULL
        if self._nclx is not None:
            matrix, full = int.from_bytes(self._nclx[4:6], "big"), bool(self._nclx[6] & 0x80)
        converted = frame.reformat(
            format="rgb24",
            src_colorspace=_MATRICES.get(matrix, _BT601),
            src_color_range=_FULL if full else _LIMITED,
            dst_color_range=_FULL,
        )
        return np.asarray(converted.to_ndarray(), np.uint8)


def _extent(item: Item) -> tuple[int, int]:
    content = item.property("ispe")
    if content is None:
        raise HeifError("it does not say how large it is")
    reader = Reader(content)
    reader.take(4)
    width, height = reader.number(4), reader.number(4)
    if not width or not height:
        raise HeifError("it says to be without pixels")
    return width, height


def _aperture(content: bytes, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """What is to be seen of a picture: left, top, right and bottom; all of it where that makes no sense."""
    reader = Reader(content)
    values = [int.from_bytes(reader.take(4), "big", signed=index % 2 == 0) for index in range(8)]
    if min(values[1::2]) <= 0:
        return 0, 0, *size
    width, height, x, y = (values[i] / values[i + 1] for i in (0, 2, 4, 6))
    left, top = round((size[0] - width) / 2 + x), round((size[1] - height) / 2 + y)
    right, bottom = left + round(width), top + round(height)
    if not (0 <= left < right <= size[0] and 0 <= top < bottom <= size[1]):
        return 0, 0, *size
    return left, top, right, bottom
