"""The square face in the picture that a camera shows: as it is, or on a wide background."""

from __future__ import annotations

import cv2
import numpy as np

from avatar.decoder import Image
from avatar.motion import Floats
from avatar.picture.backdrop import backdrop
from speech.errors import InputError

SIZES = {"512x512": (512, 512), "1280x720": (1280, 720)}
"""Name of a size → width and height, pixels."""

_FEATHER_PX = 24
"""Width of the soft border between face and background."""

# The blurred background goes on from the portrait's own edges, mirrored, but so much more slowly that it never
# reaches the face: a mirrored head would be a ghost, and the portrait stretched behind itself shows two seams.
_MIRROR_PACE = 0.15
_BLUR_NEAR_PX, _BLUR_FAR_PX = 10.0, 50.0
_BLUR_SCALE = 4
_DARKER_FAR = 0.2


class Framing:
    """Composes faces into one size of picture. Set-up takes some ten milliseconds, a picture under one.

    Args:
        size: "512x512", the face as it is, or "1280x720", the face 720 high in the middle.
        background: of the wide picture: "blur" (the portrait goes on at its sides, blurred and darkened), a colour
            "#rrggbb", or the path of a picture, which is scaled and cut to fill it.
        portrait: uint8 [S, S, 3] RGB, the face at rest, which "blur" is made from.

    Attributes:
        width: of the composed picture, pixels.
        height: of the composed picture, pixels.

    Raises:
        InputError: no such size, no such colour, or the picture can't be read.
    """

    def __init__(self, size: str, *, background: str = "blur", portrait: Image) -> None:
        if size not in SIZES:
            raise InputError(f"camera.size: expected {' or '.join(SIZES)}, got {size!r}")
        self.width, self.height = SIZES[size]
        self._canvas: Image | None = None
        if self.width == self.height:
            return
        # In place: everything that does not change is drawn once, and the square again for every frame.
        self._canvas = self._background(background, portrait)
        left = (self.width - self.height) // 2
        self._square = self._canvas[:, left : left + self.height]
        position = (np.arange(_FEATHER_PX, dtype=np.float32) + 0.5) / _FEATHER_PX
        ramp = np.tile(_smoothstep(position), (self.height, 1))
        self._borders = []
        for border, weight in ((np.s_[:, :_FEATHER_PX], ramp), (np.s_[:, -_FEATHER_PX:], ramp[:, ::-1])):
            strip, weight = self._square[border], np.ascontiguousarray(weight)
            self._borders.append((strip, strip.copy(), weight, 1.0 - weight))

    def compose(self, face: Image) -> Image:
        """Puts one face into the picture.

        Args:
            face: uint8 [S, S, 3] RGB, or a whole photo, which is shown as large as fits.

        Returns:
            uint8 [height, width, 3] RGB; `face` itself, or memory that the next call overwrites.
        """
        if face.shape[0] != face.shape[1]:
            return _fitted(face, self.width, self.height)
        if self._canvas is None:
            size = (self.width, self.height)
            return face if face.shape[1::-1] == size else np.asarray(cv2.resize(face, size), np.uint8)
        cv2.resize(face, (self.height, self.height), dst=self._square, interpolation=cv2.INTER_CUBIC)
        for strip, behind, weight, rest in self._borders:
            cv2.blendLinear(strip, behind, weight, rest, dst=strip)
        return self._canvas

    def _background(self, background: str, portrait: Image) -> Image:
        if background == "blur":
            return self._blurred(portrait)
        return backdrop(background, self.width, self.height, key="camera.background")

    def _blurred(self, portrait: Image) -> Image:
        """The portrait going on at its sides; made at a fraction of the size, for it has no detail."""
        side, width = self.height // _BLUR_SCALE, self.width // _BLUR_SCALE
        margin = (width - side) / 2
        x = np.arange(width, dtype=np.float32) + 0.5 - margin
        beyond = np.maximum(np.maximum(-x, x - side), 0.0)
        source = np.where(x < 0, _MIRROR_PACE * beyond, np.where(x > side, side - _MIRROR_PACE * beyond, x))
        size = portrait.shape[0]
        columns = np.tile(np.asarray(source * (size / side) - 0.5, np.float32), (size, 1))
        rows = np.tile(np.arange(size, dtype=np.float32)[:, None], (1, width))
        wide = cv2.remap(portrait, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        small = cv2.resize(wide, (width, side), interpolation=cv2.INTER_AREA).astype(np.float32)
        near, far = (
            cv2.GaussianBlur(small, (0, 0), blur_px / _BLUR_SCALE, borderType=cv2.BORDER_REPLICATE)
            for blur_px in (_BLUR_NEAR_PX, _BLUR_FAR_PX)
        )
        away = _smoothstep(beyond / margin)[None, :, None]
        mixed = (near + (far - near) * away) * (1.0 - _DARKER_FAR * away)
        full = cv2.resize(mixed, (self.width, self.height), interpolation=cv2.INTER_CUBIC)
        return np.asarray(np.clip(np.rint(full), 0, 255), np.uint8)


def _fitted(picture: Image, width: int, height: int) -> Image:
    """A picture as large as fits, in the middle, black around it: uint8 [height, width, 3]."""
    scale = min(width / picture.shape[1], height / picture.shape[0])
    size = max(round(picture.shape[1] * scale), 1), max(round(picture.shape[0] * scale), 1)
    canvas = np.zeros((height, width, 3), np.uint8)
    x, y = (width - size[0]) // 2, (height - size[1]) // 2
    method = cv2.INTER_AREA if scale < 1.0 else cv2.INTER_CUBIC
    canvas[y : y + size[1], x : x + size[0]] = cv2.resize(picture, size, interpolation=method)
    return canvas


def _smoothstep(position: Floats) -> Floats:
    return position * position * (np.float32(3.0) - np.float32(2.0) * position)
