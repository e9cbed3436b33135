"""HEIC pictures of a few tiles: PyAV codes them, the boxes around them are put together here."""

from __future__ import annotations

import io
import struct

import av
import numpy as np

from avatar.decoder import Image


def heic(
    image: Image, tile: int, *, turns: int = 0, mirror: int | None = None, profile: bytes = b"", grid: bool = True
) -> bytes:
    """A file whose picture, uint8 [H, W, 3], is to be turned anticlockwise by quarters and then mirrored.

    Args:
        image: the picture as it is coded, its sides multiples of `tile`.
        tile: pixels a side of the tiles.
        turns: of the `irot` property.
        mirror: of the `imir` property, 1 left and right; None writes none.
        profile: an ICC profile.
        grid: whether the picture is made of tiles; else it is a single one of the whole size.
    """
    height, width = image.shape[:2]
    tiles = [image]
    if grid:
        tiles = [image[y : y + tile, x : x + tile] for y in range(0, height, tile) for x in range(0, width, tile)]
    coded = [_coded(part) for part in tiles]
    tile_size = tiles[0].shape[1::-1]
    properties = [_box("hvcC", coded[0][1]), _full("ispe", struct.pack(">II", *tile_size))]
    properties.append(_full("ispe", struct.pack(">II", width, height)))
    shown = [3]
    if not grid:
        shown = [1, 3]
    if turns:
        properties.append(_box("irot", bytes([turns])))
        shown.append(len(properties))
    if mirror is not None:
        properties.append(_box("imir", bytes([mirror])))
        shown.append(len(properties))
    if profile:
        properties.append(_box("colr", b"prof" + profile))
        shown.append(len(properties))
    numbers = range(1, len(tiles) + 1)
    primary = len(tiles) + 1 if grid else 1
    kinds = [(n, b"hvc1") for n in numbers] + ([(primary, b"grid")] if grid else [])
    infos = b"".join(_full("infe", struct.pack(">HH", n, 0) + kind + b"\0", version=2) for n, kind in kinds)
    uses = [(n, [1, 2]) for n in numbers] + [(primary, shown)] if grid else [(1, shown)]
    associations = b"".join(struct.pack(">HB", n, len(used)) + bytes(used) for n, used in uses)
    layout = struct.pack(">BBBBHH", 0, 0, height // tile - 1, width // tile - 1, width, height)
    references = _box("dimg", struct.pack(">HH", primary, len(tiles)) + b"".join(struct.pack(">H", n) for n in numbers))

    def meta(first: int) -> bytes:
        places, at = [], first
        for n, (data, _) in zip(numbers, coded, strict=True):
            places.append(struct.pack(">HHHHII", n, 0, 0, 1, at, len(data)))
            at += len(data)
        if grid:
            places.append(struct.pack(">HHHHII", primary, 1, 0, 1, 0, len(layout)))
        boxes = [
            _full("hdlr", b"\0\0\0\0pict" + b"\0" * 13),
            _full("pitm", struct.pack(">H", primary)),
            _full("iinf", struct.pack(">H", len(kinds)) + infos),
            _full("iloc", struct.pack(">BBH", 0x44, 0, len(places)) + b"".join(places), version=1),
            _box(
                "iprp", _box("ipco", b"".join(properties)) + _full("ipma", struct.pack(">I", len(uses)) + associations)
            ),
        ]
        if grid:
            boxes += [_full("iref", references), _box("idat", layout)]
        return _full("meta", b"".join(boxes))

    head = _box("ftyp", b"heic\0\0\0\0mif1heic")
    start = len(head) + len(meta(0)) + 8
    return head + meta(start) + _box("mdat", b"".join(data for data, _ in coded))


def _coded(image: Image) -> tuple[bytes, bytes]:
    """One picture as HEVC codes it, its units with their lengths; and how the decoder is to be set up."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        options = {"x265-params": "log-level=none:info=0:qp=4", "preset": "ultrafast", "color_range": "pc"}
        stream = container.add_stream("libx265", rate=1, options=options)
        stream.height, stream.width = image.shape[:2]
        stream.pix_fmt = "yuv444p"
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
        frame = frame.reformat(format="yuv444p", dst_colorspace=5, dst_color_range=2)
        frame.color_range, frame.colorspace, frame.pts = 2, 5, 0
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            packet.pts = packet.dts = 0
            container.mux(packet)
    whole = file.getvalue()
    at = whole.index(b"hvcC")
    length = int.from_bytes(whole[at - 4 : at], "big")
    start = whole.index(b"mdat")
    mdat = whole[start + 4 : start - 4 + int.from_bytes(whole[start - 4 : start], "big")]
    return mdat, whole[at + 4 : at - 4 + length]


def _box(kind: str, body: bytes) -> bytes:
    return struct.pack(">I", len(body) + 8) + kind.encode() + body


def _full(kind: str, body: bytes, version: int = 0) -> bytes:
    return _box(kind, bytes([version, 0, 0, 0]) + body)
