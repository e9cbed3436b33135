"""A drawn animal, whose mouth MediaPipe does not understand, and where the points of its face are."""

from __future__ import annotations

import cv2
import numpy as np

from avatar.decoder import Image
from avatar.placing.points import NAMES, PlacedPoints

WIDTH, HEIGHT = 600, 640
FUR, DARK, WHITE = (236, 150, 70), (120, 62, 30), (252, 240, 220)
BACKGROUND = (120, 170, 205)


def drawn_fox() -> tuple[Image, PlacedPoints]:
    """The picture, uint8 [HEIGHT, WIDTH, 3] RGB, and its points."""
    image = np.full((HEIGHT, WIDTH, 3), BACKGROUND, np.uint8)

    def ellipse(x: float, y: float, a: float, b: float, colour: tuple[int, int, int], thickness: int = -1) -> None:
        cv2.ellipse(image, (round(x), round(y)), (round(a), round(b)), 0, 0, 360, colour, thickness, cv2.LINE_AA)

    ellipse(300, 640, 170, 150, FUR)  # shoulders
    for x, tip in ((180, 130), (420, 470)):  # ears
        cv2.fillPoly(image, [np.array([(x - 50, 190), (tip, 60), (x + 60, 150)])], FUR, cv2.LINE_AA)
        cv2.fillPoly(image, [np.array([(x - 25, 175), (tip, 90), (x + 30, 155)])], DARK, cv2.LINE_AA)
    ellipse(300, 320, 190, 205, FUR)
    ellipse(300, 420, 120, 90, WHITE)
    for x in (215, 385):
        ellipse(x, 275, 46, 50, (255, 255, 255))
        ellipse(x, 278, 30, 30, (96, 160, 60))
        ellipse(x, 278, 9, 24, (20, 22, 20))  # a slit
        ellipse(x - 8, 266, 6, 6, (255, 255, 255))
        ellipse(x, 275, 46, 50, DARK, 4)
        cv2.line(image, (x - 40, 205), (x + 40, 205), DARK, 8, cv2.LINE_AA)
    ellipse(300, 365, 26, 18, DARK)
    for x in (265, 335):  # the mouth, two bows
        cv2.ellipse(image, (x, 420), (35, 16), 0, 0, 180, DARK, 4, cv2.LINE_AA)
    rng = np.random.default_rng(0)
    image = np.clip(image + rng.normal(0.0, 3.0, image.shape), 0, 255).astype(np.uint8)
    half = {
        "eye_outer": (169, 277), "eye_inner": (261, 277), "eye_top": (215, 225), "eye_bottom": (215, 325),
        "iris": (215, 278), "iris_edge": (245, 278),
        "brow_inner": (255, 201), "brow_middle": (215, 201), "brow_outer": (175, 201),
        "nose_wing": (275, 365), "mouth_corner": (230, 422), "lip_line": (265, 436),
        "jaw": (150, 450), "ear": (110, 310), "temple": (140, 210),
    }  # fmt: skip
    middle = {
        "nose_bridge": (300, 290), "nose_tip": (300, 362), "nose_base": (300, 384), "lip_top": (300, 412),
        "lip_top_inner": (300, 422), "lip_bottom_inner": (300, 423), "lip_bottom": (300, 445),
        "chin": (300, 520), "forehead_top": (300, 130),
    }  # fmt: skip
    places = {f"right_{name}": place for name, place in half.items()}
    places |= {f"left_{name}": (WIDTH - x, y) for name, (x, y) in half.items()}
    places |= middle
    return image, {name: np.array(places[name], np.float64) for name in NAMES}
