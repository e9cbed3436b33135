"""Draws the demo's portraits into avatar/assets/portraits; the same bytes every time on one machine.

Run as `python scripts/draw_portraits.py`; takes about half a minute. The people are described in portraits/mira.py,
jonas.py and ada.py.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
from PIL import Image
from portraits.painter import SIZE, SUPERSAMPLING, paint
from portraits.people import PEOPLE

_PORTRAITS = Path(__file__).parent.parent / "avatar" / "assets" / "portraits"


def main() -> None:
    """Reads the command line and draws."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=_PORTRAITS, help="folder for the PNG files")
    parser.add_argument("--size", type=int, default=SIZE, help="width and height, pixels (default %(default)s)")
    parser.add_argument(
        "--supersampling", type=int, default=SUPERSAMPLING, help="1 is a quick draft (default %(default)s)"
    )
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    arguments.out.mkdir(parents=True, exist_ok=True)
    for person in PEOPLE:
        path = arguments.out / f"{person.name}.png"
        Image.fromarray(paint(person, arguments.size, arguments.supersampling)).save(path, optimize=True)
        print(path)


if __name__ == "__main__":
    main()
