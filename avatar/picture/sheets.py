"""What contact sheets are put together from: parts of pictures, captions, banners, rows and columns."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from avatar.decoder import Image
from avatar.motion import Floats
from speech.files.draft import Draft

Box = tuple[int, int, int, int]
"""Left, top, right, bottom; pixels of the decoded picture."""

CELL_PX, GAP_PX, SHEET_PX = 196, 4, 1600
_CAPTION_PX = 18


def cut(image: Image, box: Box, width: int) -> Image:
    """A part of a picture, enlarged or reduced to a width; what lies beyond the picture is white."""
    height, across = image.shape[:2]
    left, top, right, bottom = box
    beyond = max(0, -left, -top, right - across, bottom - height)
    padded = cv2.copyMakeBorder(image, beyond, beyond, beyond, beyond, cv2.BORDER_CONSTANT, value=(255, 255, 255))
    part = padded[top + beyond : bottom + beyond, left + beyond : right + beyond]
    size = width, round((bottom - top) * width / (right - left))
    way = cv2.INTER_AREA if width < right - left else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(part, size, interpolation=way), np.uint8)


def around(points: Floats, beside: float, above: float, below: float) -> Box:
    """A box around landmarks with margins in pixels."""
    low, high = points[:, :2].min(axis=0), points[:, :2].max(axis=0)
    return int(low[0] - beside), int(low[1] - above), int(high[0] + beside), int(high[1] + below)


def face_box(landmarks: Floats, unit: float) -> Box:
    """Around the whole face, by its landmarks and the distance of its eyes."""
    return around(landmarks, 0.15 * unit, 0.2 * unit, 0.4 * unit)


def caption(text: str, width: int) -> Image:
    """One line to go under a picture."""
    strip = Pillow.new("RGB", (width, _CAPTION_PX), "white")
    ImageDraw.Draw(strip).text((3, 2), text, "#24303c", ImageFont.load_default(12))
    return np.asarray(strip, np.uint8)


def banner(text: str) -> Image:
    """A line across the sheet."""
    strip = Pillow.new("RGB", (SHEET_PX, 26), "#e8edf2")
    ImageDraw.Draw(strip).text((6, 5), text, "#24303c", ImageFont.load_default(15))
    return np.asarray(strip, np.uint8)


def tiled(cells: Sequence[Image], columns: int) -> Image:
    """Pictures of the same size in rows."""
    height, width = max(cell.shape[0] for cell in cells) + GAP_PX, cells[0].shape[1] + GAP_PX
    rows = -(-len(cells) // columns)
    sheet = np.full((rows * height, columns * width, 3), 255, np.uint8)
    for number, cell in enumerate(cells):
        y, x = number // columns * height, number % columns * width
        sheet[y : y + cell.shape[0], x : x + cell.shape[1]] = cell
    return sheet


def stacked(rows: Sequence[Image]) -> Image:
    """Parts of a sheet, one under another."""
    width = max(row.shape[1] for row in rows)
    padded = [
        cv2.copyMakeBorder(row, 0, 0, 0, width - row.shape[1], cv2.BORDER_CONSTANT, value=(255, 255, 255))
        for row in rows
    ]
    return np.asarray(np.vstack(padded), np.uint8)


def jpeg(picture: Image) -> bytes:
    """A picture as a JPEG file's bytes."""
    file = io.BytesIO()
    Pillow.fromarray(picture).save(file, "JPEG", quality=85)
    return file.getvalue()


def write_sheets(folder: Path, sheets: Mapping[str, Image]) -> None:
    """Writes each sheet as NAME.png."""
    for name, sheet in sheets.items():
        with Draft(folder / f"{name}.png") as draft:
            Pillow.fromarray(sheet).save(draft.path)
