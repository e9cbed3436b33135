"""What is measured on a decoder's pixels and fields: folds, flicker, seams."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from avatar.decoder import Image
from avatar.geometry.warp import Grid
from avatar.mesh.decoder import MeshDecoder
from avatar.motion import Doubles, Floats, MotionLayout, neutral
from avatar.portrait.portrait import Portrait

# What may belong to the person: the matte and so much around it, shares of the picture.
_AROUND = 0.06
# Width of the border on which seams are looked for, shares of the picture.
_RING = 0.02


def fold_share(decoder: MeshDecoder, values: Floats) -> float:
    """Share of cells in which a field turns the picture over, det(I + ∂field) ≤ 0: of the skin, and of both lips.

    Where the lips part, the skin's own field is torn on purpose and never seen: there, the lips' own fields count.

    Args:
        decoder: whose fields.
        values: float32 [60].
    """
    skin = decoder.backward_map(values)
    rows, columns = skin.shape[:2]
    cell = decoder.cell
    head_only = neutral(1)[0]
    head_only[MotionLayout.HEAD] = values[MotionLayout.HEAD]
    nodes = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), axis=-1) * cell + cell / 2 - 0.5
    at = nodes + decoder.backward_map(head_only)
    left, top, width, height = decoder.windows[0]
    low, high = np.array([left, top]) + 2 * cell, np.array([left + width, top + height]) - 2 * cell
    in_mouth = ((at > low) & (at < high)).all(axis=-1)
    folded = (_determinant(skin, cell) <= 0.0) & ~in_mouth
    lips = sum(int(((_determinant(lip.field, lip.cell) <= 0.0) & lip.visible).sum()) for lip in decoder.lips(values))
    return float((int(folded.sum()) + lips) / folded.size)


def _determinant(field: Floats, cell: int) -> Doubles:
    along_y, along_x = np.gradient(field.astype(np.float64) / cell, axis=(0, 1))
    return np.asarray((1.0 + along_x[..., 0]) * (1.0 + along_y[..., 1]) - along_x[..., 1] * along_y[..., 0])


def background_flicker(decoder: MeshDecoder, portrait: Portrait, motion: Sequence[Floats]) -> float:
    """The largest change, in grey levels, of any pixel that the person reaches in none of the pictures."""
    size = portrait.matte.shape[0]
    reach = 2 * int(_AROUND * size) + 1
    around = np.ones((reach, reach), np.uint8)
    person = cv2.dilate((portrait.matte > 0.02).astype(np.uint8), around)
    reached = person > 0
    first, change = None, np.zeros((size, size), np.uint8)
    for values in motion:
        at = _sources(decoder, values, size)
        reached |= cv2.remap(person, at, None, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE) > 0
        frame = decoder.decode(values)
        first = frame if first is None else first
        change = np.maximum(change, cv2.absdiff(frame, first).max(axis=2))
    still = change[~reached]
    return float(still.max()) if still.size else 0.0


def seam_ratio(decoder: MeshDecoder, portrait: Portrait, faces: Sequence[Floats]) -> float:
    """Gradient along the borders of mouth and eye windows, over that of the skin moved alone; 1 where nothing is seen.

    Args:
        decoder: its windows lie where they do with the head at rest.
        portrait: its own.
        faces: vectors that leave the head at rest, float32 [60] each.
    """
    size = portrait.image.shape[0]
    worst = 0.0
    for values in faces:
        at = _sources(decoder, values, size)
        skin = cv2.remap(portrait.image, at, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        drawn, moved = _gradient(decoder.decode(values)), _gradient(np.asarray(skin, np.uint8))
        for left, top, width, height in decoder.windows:
            ring = np.zeros((size, size), np.uint8)
            inner = round(_RING * size)
            cv2.rectangle(ring, (left, top), (left + width - 1, top + height - inner), (1,), inner)
            seen = (ring > 0) & (portrait.matte > 0.9)
            worst = max(worst, float(drawn[seen].mean()) / max(float(moved[seen].mean()), 1.0))
    return worst


def _sources(decoder: MeshDecoder, values: Floats, size: int) -> Floats:
    """Where in the portrait each pixel of a frame comes from, float32 [size, size, 2]."""
    back = cv2.resize(decoder.backward_map(values), (size, size), interpolation=cv2.INTER_LINEAR)
    return np.asarray(Grid(0, 0, size, size, 1).nodes() + back, np.float32)


def _gradient(picture: Image) -> Floats:
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return np.asarray(np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)), np.float32)
