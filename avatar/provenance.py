"""The visible mark: a small "AI" label on every frame that leaves the program."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np

from avatar.decoder import FRAME_SIZE, Image

Corner = Literal["top-left", "top-right", "bottom-left", "bottom-right"]

LABEL_TEXT = "AI"
_HEIGHT, _WIDTH, _MARGIN = 26, 40, 12


class AiLabel:
    """Blends a rounded translucent badge into one corner of a frame, in place.

    Args:
        corner: where it sits.
    """

    def __init__(self, corner: Corner = "bottom-right") -> None:
        top = _MARGIN if corner.startswith("top") else FRAME_SIZE - _MARGIN - _HEIGHT
        left = _MARGIN if corner.endswith("left") else FRAME_SIZE - _MARGIN - _WIDTH
        self._region = np.s_[top : top + _HEIGHT, left : left + _WIDTH]
        # Drawn four times larger and shrunk: OpenCV's shapes are not anti-aliased where they are filled.
        scale = 4
        plate = np.zeros((_HEIGHT * scale, _WIDTH * scale), np.uint8)
        radius = 7 * scale
        cv2.rectangle(plate, (radius, 0), (_WIDTH * scale - radius, _HEIGHT * scale), (255,), -1)
        cv2.rectangle(plate, (0, radius), (_WIDTH * scale, _HEIGHT * scale - radius), 255, -1)
        for x in (radius, _WIDTH * scale - radius - 1):
            for y in (radius, _HEIGHT * scale - radius - 1):
                cv2.circle(plate, (x, y), radius, (255,), -1)
        text = np.zeros_like(plate)
        (width, height), _ = cv2.getTextSize(LABEL_TEXT, cv2.FONT_HERSHEY_SIMPLEX, 2.2, 6)
        origin = ((_WIDTH * scale - width) // 2, (_HEIGHT * scale + height) // 2)
        cv2.putText(text, LABEL_TEXT, origin, cv2.FONT_HERSHEY_SIMPLEX, 2.2, (255,), 6, cv2.LINE_AA)
        size = (_WIDTH, _HEIGHT)
        plate_alpha = cv2.resize(plate, size, interpolation=cv2.INTER_AREA)[..., None].astype(np.float32) / 255 * 0.55
        text_alpha = cv2.resize(text, size, interpolation=cv2.INTER_AREA)[..., None].astype(np.float32) / 255 * 0.95
        # Dark plate under white text, folded into one blend: out = image * keep + add.
        self._keep = (1 - plate_alpha) * (1 - text_alpha)
        self._add = plate_alpha * (1 - text_alpha) * 24.0 + text_alpha * 255.0

    def draw(self, image: Image) -> None:
        """Draws the label into uint8 [512, 512, 3], in place."""
        image[self._region] = (image[self._region] * self._keep + self._add).astype(np.uint8)
