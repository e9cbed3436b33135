"""Hair: sheets of strands between guide lines, and clouds of curls; painted as tones, then coloured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from portraits.brush import Canvas, Floats, bump, curve, mix, ramp, rgb, ribbon

Line = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """Strands that flow like the guide lines beside them; later guides lie below earlier ones.

    Attributes:
        guides: lines from root to tip, all with the same number of points.
        locks: how many bundles.
        strands: strands of each.
        width: full width of a strand, face units.
        wave: how far a strand swings sideways.
        waves: swings along its length.
        stray: how far roots and tips scatter.
        tone: middle tone, 0 black … 1 the brightest colour.
        sheen: positions along the strand, 0 … 1, where the lamp is mirrored.
        spread: scatter of the strands' lengths, as a part of the length.
        thinning: width of the strands' ends as a part of their middle.
        straight: part of the length, from the root, that does not swing.
        rough_roots: scatter of where strands begin, as a part of the length.
    """

    guides: tuple[Line, ...]
    locks: int
    strands: int = 30
    width: float = 0.017
    wave: float = 0.03
    waves: float = 2.0
    stray: float = 0.02
    tone: float = 0.42
    sheen: tuple[float, ...] = (0.3,)
    spread: float = 0.12
    thinning: float = 0.1
    straight: float = 0.25
    rough_roots: float = 0.06


@dataclass(frozen=True, slots=True)
class Curls:
    """A cloud of small curls inside an outline.

    Attributes:
        outline: closed line around the cloud.
        hole: closed line that is left free (the face), or empty.
        count: how many curls.
        radius: of a curl, face units.
        tone: middle tone.
        middle: the point from which the cloud is round.
    """

    outline: Line
    hole: Line
    count: int
    radius: float = 0.05
    tone: float = 0.5
    middle: tuple[float, float] = (0.0, -0.7)


@dataclass(frozen=True, slots=True)
class Layer:
    """Painted hair: `tone` and `cover`, float32 [H, W] in [0, 1]."""

    tone: Floats
    cover: Floats

    def over(self, image: Floats, palette: Sequence[str]) -> Floats:
        """Lays the hair over `image`, its tones coloured with `palette`, dark to bright."""
        stops = np.linspace(0, 1, len(palette))
        colors = np.array([rgb(code) for code in palette])
        layer = np.stack([np.interp(self.tone, stops, colors[:, i]) for i in range(3)], axis=-1)
        return mix(image, layer.astype(np.float32), self.cover)


def paint_layer(canvas: Canvas, parts: Sequence[Sheet | Curls], base: Line | None, rng: np.random.Generator) -> Layer:
    """Draws all `parts` in order, over the mass inside `base` (a closed line), if there is one."""
    tone = np.full((canvas.size, canvas.size), 40, np.uint8)
    cover = np.zeros((canvas.size, canvas.size), np.uint8)
    if base is not None:
        cover = (255 * canvas.fill(curve(base, closed=True), 0.04)).astype(np.uint8)
        tone = np.full_like(tone, 48)
    for part in parts:
        if isinstance(part, Sheet):
            _draw_sheet(canvas, part, tone, cover, rng)
        else:
            _draw_curls(canvas, part, tone, cover, rng)
    # The big form: brighter towards the lamp at the upper left, darker below.
    light = 0.98 - 0.16 * np.clip(canvas.x, -1.5, 1.5) - 0.10 * np.clip(canvas.y + 0.6, -1.5, 2.5)
    return Layer(np.clip(tone.astype(np.float32) / 255 * light, 0, 1), cover.astype(np.float32) / 255)


def _draw_sheet(canvas: Canvas, sheet: Sheet, tone: npt.NDArray[np.uint8], cover: npt.NDArray[np.uint8],
                rng: np.random.Generator) -> None:
    guides = np.array([curve(guide, steps=8) for guide in sheet.guides])
    count, length = guides.shape[:2]
    t = np.linspace(0, 1, length)
    free = np.clip((t - sheet.straight) / 0.3, 0, 1)
    # From the far edge to the near one, but not strictly: locks overlap each other both ways.
    centers = (np.arange(sheet.locks) + 0.5) / sheet.locks
    for center in centers[np.argsort(-centers + rng.normal(0, 0.10, sheet.locks))]:
        spread = rng.uniform(0.8, 1.9) / sheet.locks
        phase = 7.0 * center + rng.normal(0, 0.5)
        lock_tone = sheet.tone + rng.normal(0, 0.06)
        lock_end = 1 - abs(rng.normal(0, sheet.spread))
        lock_swing = sheet.wave * rng.uniform(0.6, 1.3)
        lean = rng.normal(0, sheet.stray)
        across = rng.uniform(-1, 1, sheet.strands)
        for u in across[np.argsort(-np.abs(across) + rng.normal(0, 0.25, sheet.strands))]:
            v = np.clip(center + spread * u * (1 - 0.72 * t**2) + rng.normal(0, 0.004), 0, 1) * (count - 1)
            below = np.minimum(v.astype(int), count - 2)
            part = (v - below)[:, None]
            path = guides[below, np.arange(length)] * (1 - part) + guides[below + 1, np.arange(length)] * part
            tangent = np.gradient(path, axis=0)
            tangent /= np.linalg.norm(tangent, axis=1, keepdims=True) + 1e-9
            swing = lock_swing * np.sin(2 * np.pi * sheet.waves * t + phase + rng.normal(0, 0.12)) * free
            swing = swing + (lean + rng.normal(0, sheet.stray * 0.4)) * t**2 + rng.normal(0, 0.004)
            path = path + np.stack([-tangent[:, 1], tangent[:, 0]], axis=1) * swing[:, None]
            end = max(lock_end - abs(rng.normal(0, 0.4 * sheet.spread)), 0.35)
            inside = (t >= rng.uniform(0, sheet.rough_roots)) & (t <= end)
            position = t[inside]
            values = lock_tone + 0.07 * (1 - 1.7 * abs(u)) + rng.normal(0, 0.05) - 0.15 * np.exp(-position / 0.05)
            for place in sheet.sheen:
                strength = rng.uniform(0.10, 0.30) * (1.2 - abs(u))
                values = values + strength * np.exp(-(((position - place - rng.normal(0, 0.02)) / 0.09) ** 2))
            values = values + 1.6 * sheet.wave * np.cos(2 * np.pi * sheet.waves * position + phase) * free[inside]
            _draw_strand(canvas, path[inside], sheet.width * rng.uniform(0.6, 1.2), sheet.thinning, values, tone, cover)


def _draw_strand(canvas: Canvas, path: npt.NDArray[np.float64], width: float, thinning: float,
                 values: npt.NDArray[np.float64], tone: npt.NDArray[np.uint8], cover: npt.NDArray[np.uint8]) -> None:
    outline = ribbon(path, (width * 0.5, width, width, width * 0.8, width * thinning))
    fixed = canvas.fixed_point(outline)
    cv2.fillPoly(cover, [fixed], 255, cv2.LINE_AA, 4)
    count = len(path)
    for i in range(0, count - 1, 2):
        j = min(i + 3, count)  # overlaps the next piece, so that no gap shows
        piece = np.concatenate([fixed[i:j], fixed[2 * count - j : 2 * count - i]])
        cv2.fillPoly(tone, [piece], int(255 * min(max(values[i], 0.02), 1.0)), cv2.LINE_AA, 4)


def _draw_curls(canvas: Canvas, curls: Curls, tone: npt.NDArray[np.uint8], cover: npt.NDArray[np.uint8],
                rng: np.random.Generator) -> None:
    outline = curve(curls.outline, closed=True)
    inside = canvas.fill(outline, 0.03)
    if curls.hole:
        inside = inside * (1 - canvas.fill(curve(curls.hole, closed=True), 0.045))
    round_form = np.sqrt(np.clip(2 * canvas.blur(inside, 0.16) - 0.5, 0, 1))
    low, high = outline.min(axis=0), outline.max(axis=0)
    offset = np.array([0.5, 0.445]) * canvas.size
    turn = np.linspace(0, 1, 14)
    for _ in range(curls.count):
        center = rng.uniform(low, high)
        column, row = np.clip((center * canvas.unit + offset).astype(int), 0, canvas.size - 1)
        amount = float(inside[row, column])
        if amount < rng.uniform(0.15, 0.75):
            continue
        start, sweep = rng.uniform(0, 2 * np.pi), rng.uniform(3.0, 7.5) * rng.choice((-1, 1))
        angle = start + sweep * turn
        size = curls.radius * rng.uniform(0.55, 1.15)
        radius = size * (1 - 0.45 * turn)
        stretch = rng.uniform(0.6, 1.0)
        path = center + np.stack([np.cos(angle) * radius, np.sin(angle) * radius * stretch], axis=1)
        form = float(round_form[row, column])
        values = curls.tone * (0.45 + 0.6 * form) + rng.normal(0, 0.07)
        # The side of every turn that faces the lamp is bright.
        values = values + 0.20 * (-0.6 * np.cos(angle) - 0.8 * np.sin(angle)) * (0.4 + 0.6 * form)
        _draw_strand(canvas, path, curls.radius * rng.uniform(0.2, 0.36), 0.4, values, tone, cover)


def shadow_on_skin(canvas: Canvas, layer: Layer) -> Floats:
    """What part of the lamp's light the hair keeps from the skin beside it, in [0, 1]."""
    shift = np.array([[1, 0, 0.05 * canvas.unit], [0, 1, 0.07 * canvas.unit]], np.float32)
    moved = cv2.warpAffine(layer.cover, shift, (canvas.size, canvas.size))
    return np.clip(0.9 * canvas.blur(np.asarray(moved, np.float32), 0.07), 0, 1)


def hairline_softener(canvas: Canvas, layer: Layer) -> Floats:
    """A faint tint of hair on the skin next to it, so that the hairline does not look cut."""
    near = canvas.blur(layer.cover, 0.05)
    return np.asarray(0.55 * ramp(near, 0.05, 0.6) * (0.6 + 0.4 * bump(canvas.x, canvas.y + 1.2, 1.2, 0.6)), np.float32)
