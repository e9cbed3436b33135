"""TIFF files without compression, of numbers of any kind: what Pillow does not write."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import numpy.typing as npt


def tiff(values: npt.NDArray[Any], *, orientation: int = 1) -> bytes:
    """A file of [H, W] or [H, W, 3] numbers."""
    height, width = values.shape[:2]
    channels = 1 if values.ndim == 2 else values.shape[2]
    bits, kind = 8 * values.dtype.itemsize, {"u": 1, "i": 2, "f": 3}[values.dtype.kind]
    data = np.ascontiguousarray(values.astype(values.dtype.newbyteorder("<"))).tobytes()
    after = 8 + 2 + 12 * 11 + 4
    each = struct.pack(f"<{2 * channels}H", *[bits] * channels, *[kind] * channels)

    def per_channel(value: int, offset: int) -> int:
        return value if channels == 1 else after + offset

    entries = [
        *((256, 4, 1, width), (257, 4, 1, height), (258, 3, channels, per_channel(bits, 0))),
        *((259, 3, 1, 1), (262, 3, 1, 2 if channels > 1 else 1), (273, 4, 1, after + len(each))),
        *((274, 3, 1, orientation), (277, 3, 1, channels), (278, 4, 1, height), (279, 4, 1, len(data))),
        (339, 3, channels, per_channel(kind, 2 * channels)),
    ]
    table = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + table + b"\0\0\0\0" + each + data
