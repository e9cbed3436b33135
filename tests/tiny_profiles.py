"""ICC profiles made by hand: what the tests need of spaces that are not sRGB."""

from __future__ import annotations

import struct

import numpy as np

DISPLAY_P3 = ((0.5151, 0.2412, -0.0011), (0.2919, 0.6922, 0.0419), (0.1572, 0.0666, 0.7841))
ADOBE_RGB = ((0.6097, 0.3111, 0.0195), (0.2053, 0.6257, 0.0609), (0.1492, 0.0632, 0.7446))
SRGB = ((0.4361, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7142))
"""X, Y and Z of red, green and blue, adapted to D50."""

INKS = {"cyan": (55, -37, -50), "magenta": (48, 74, -3), "yellow": (89, -5, 93), "black": (16, 0, 0)}
"""L, a and b of full inks on paper, as printing presses have them."""


def rgb_profile(primaries: tuple[tuple[float, float, float], ...], gamma: float) -> bytes:
    """Of a screen with these primaries (red, green, blue in XYZ of D50)."""
    tags = {f"{name}XYZ": _xyz(values) for name, values in zip("rgb", primaries, strict=True)}
    return _profile("mntr", "RGB ", "XYZ ", tags | {f"{name}TRC": _gamma(gamma) for name in "rgb"})


def gray_profile(gamma: float) -> bytes:
    """Of greys."""
    return _profile("mntr", "GRAY", "XYZ ", {"kTRC": _gamma(gamma)})


def cmyk_profile() -> bytes:
    """Of a press with the four inks above; several on one place are ever darker, and have ever less colour."""
    paper = np.array([95.0, 0.0, 0.0])
    inks = np.array(list(INKS.values()), float)
    corners = []
    for index in np.ndindex(2, 2, 2, 2):
        lab = paper.copy()
        for used, ink in zip(index, inks, strict=True):
            if used:
                lab = np.array([lab[0] * ink[0] / 95.0, *(lab[1:] + ink[1:])])
        lab[1:] *= 0.0 if index[3] else 0.6 ** max(sum(index) - 1, 0)
        corners.append([lab[0] * 2.55, lab[1] + 128.0, lab[2] + 128.0])
    identity = bytes(range(256))
    grid = np.clip(np.rint(corners), 0, 255).astype(np.uint8).tobytes()
    matrix = struct.pack(">9i", *(65536 if n % 4 == 0 else 0 for n in range(9)))
    table = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0]) + matrix + identity * 4 + grid + identity * 3
    return _profile("prtr", "CMYK", "Lab ", {"A2B0": table})


def _xyz(values: tuple[float, ...]) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(value * 65536) for value in values))


def _gamma(gamma: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"


def _profile(kind: str, space: str, connection: str, tags: dict[str, bytes]) -> bytes:
    text = b"text\0\0\0\0made for a test\0"
    description = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"test\0" + b"\0" * 78
    tags = {"desc": description, "cprt": text, "wtpt": _xyz((0.9642, 1.0, 0.8249)), **tags}
    at, table, body = 132 + 12 * len(tags), b"", b""
    for name, content in tags.items():
        padded = content + b"\0" * (-len(content) % 4)
        table += name.encode() + struct.pack(">II", at + len(body), len(content))
        body += padded
    length = at + len(body)
    head = struct.pack(">I4sI4s4s4s", length, b"test", 0x02400000, kind.encode(), space.encode(), connection.encode())
    head += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + b"\0" * 28 + struct.pack(">3i", 63190, 65536, 54061)
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body
