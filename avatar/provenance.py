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
    """Blends a rounded translucent badge into one corner of frames, in place.

    Args:
        corner: where it sits.
    """

    def __init__(self, corner: Corner = "bottom-right") -> None:
        self._corner = corner
        self._shape: tuple[int, int] | None = None

    def draw(self, image: Image) -> None:
        """Draws the label into uint8 [H, W, 3] or [H, W, 4], in place; as large as the shorter side makes it."""
        if image.shape[:2] != self._shape:
            self._fit(image.shape[0], image.shape[1])
        part = image[self._region]
        part[:, :, :3] = (part[:, :, :3] * self._keep + self._add).astype(np.uint8)
        if image.shape[2] == 4:
            part[:, :, 3:] = np.maximum(part[:, :, 3:], self._cover)

    def _fit(self, rows: int, columns: int) -> None:
        self._shape = (rows, columns)
        size = min(rows, columns) / FRAME_SIZE
        high, wide, margin = (round(side * size) for side in (_HEIGHT, _WIDTH, _MARGIN))
        top = margin if self._corner.startswith("top") else rows - margin - high
        left = margin if self._corner.endswith("left") else columns - margin - wide
        self._region = np.s_[top : top + high, left : left + wide]
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
        plate_alpha, text_alpha = (
            cv2.resize(shape, (wide, high), interpolation=cv2.INTER_AREA)[..., None].astype(np.float32) / 255 * share
            for shape, share in ((plate, 0.55), (text, 0.95))
        )
        # Dark plate under white text, folded into one blend: out = image * keep + add.
        self._keep = (1 - plate_alpha) * (1 - text_alpha)
        self._add = plate_alpha * (1 - text_alpha) * 24.0 + text_alpha * 255.0
        self._cover = (255.0 * np.maximum(plate_alpha / 0.55, text_alpha)).astype(np.uint8)
