"""Draws docs/landmarks.png: the points that can be placed by hand, numbered as in docs/landmarks.md.

python scripts/draw_landmarks.py
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from avatar.placing.drawing import draw_face_diagram
from avatar.placing.points import NAMES

_SIDE = 900
_INK = (40, 40, 46)
# Where a number stands beside its point, pixels; near others it takes another side than the right.
_BESIDE = (9, 5)
_ABOVE, _BELOW, _LEFT = (-8, -11), (-8, 24), (-34, 5)
_ELSEWHERE = {
    **dict.fromkeys(("right_eye_top", "left_eye_top", "lip_top", "forehead_top"), _ABOVE),
    **dict.fromkeys(("right_eye_bottom", "left_eye_bottom", "lip_bottom", "chin"), _BELOW),
    **dict.fromkeys(("right_eye_outer", "left_eye_inner", "right_mouth_corner", "right_nose_wing"), _LEFT),
    **dict.fromkeys(("right_brow_inner", "right_brow_middle", "right_brow_outer"), _ABOVE),
    **dict.fromkeys(("left_brow_inner", "left_brow_middle", "left_brow_outer"), _ABOVE),
    **dict.fromkeys(("right_lip_line", "left_lip_line"), (-8, 22)),
    **dict.fromkeys(("right_ear", "right_jaw", "right_temple"), _LEFT),
    "lip_top_inner": (-4, -6),
    "lip_bottom_inner": (-8, 22),
    "right_iris": (-20, -3),
    "left_iris": (9, -3),
    "right_iris_edge": (4, -5),
    "left_iris_edge": (-24, -5),
}


def main() -> None:
    """Writes the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent.parent / "docs", help="folder to write to")
    image, places = draw_face_diagram(_SIDE, None)
    for number, (name, place) in enumerate(zip(NAMES, places, strict=True), start=1):
        x, y = np.round(place + _ELSEWHERE.get(name, _BESIDE)).astype(int)
        cv2.putText(image, str(number), (int(x), int(y)), cv2.FONT_HERSHEY_SIMPLEX, 0.5, _INK, 1, cv2.LINE_AA)
    picture = Image.fromarray(image[:, _SIDE // 10 : -_SIDE // 10]).quantize(64)
    picture.save(parser.parse_args().out / "landmarks.png", optimize=True)


if __name__ == "__main__":
    main()
