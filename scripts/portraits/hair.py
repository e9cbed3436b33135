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
        gather: how much a lock narrows towards its tip, 0 … 1.
        rough_roots: scatter of where strands begin, as a part of the length.
        feather: how far in the hair grows dense: from the roots and from the tips, as parts of the length, and from
            the first guide line, as a part of the sheet's breadth; 0 is at once.
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
    gather: float = 0.72
    rough_roots: float = 0.06
    feather: tuple[float, float, float] = (0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Curls:
    """A cloud of small curls inside an outline.

    Attributes:
        outline: closed line around the cloud.
        count: how many curls.
        radius: of a curl, face units.
        tone: middle tone.
        middle: the point from which the cloud is round.
    """

    outline: Line
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


class _Sketch:
    """What the strands are drawn into.

    `strand` holds each strand's own tone, sharp; `along` the light that changes along the strands, which is smoothed
    afterwards, so that a strand can be drawn in few pieces; `dense` how opaque it is; `cover` where there is hair.
    All uint8 [H, W].
    """

    def __init__(self, canvas: Canvas, mass: Line | None) -> None:
        self.canvas = canvas
        self.strand = np.full((canvas.size, canvas.size), int(255 * _MASS_TONE), np.uint8)
        self.along = np.full((canvas.size, canvas.size), int(255 * _ALONG_NEUTRAL), np.uint8)
        self.dense = np.full((canvas.size, canvas.size), 255, np.uint8)
        self.cover = np.zeros((canvas.size, canvas.size), np.uint8)
        if mass is not None:
            self.cover = (255 * canvas.fill(curve(mass, closed=True), 0.04)).astype(np.uint8)

    def draw(
        self,
        path: npt.NDArray[np.float64],
        widths: Sequence[float],
        tone: float,
        light: npt.NDArray[np.float64],
        dense: npt.NDArray[np.float64],
        first: int,
    ) -> None:
        """Draws one strand along `path` [N, 2]; `light` and `dense` [N] in pieces that begin at point `first`."""
        outline = self.canvas.fixed_point(ribbon(path, widths))
        cv2.fillPoly(self.cover, [outline], 255, cv2.LINE_AA, 4)
        cv2.fillPoly(self.strand, [outline], int(255 * min(max(tone, 0.02), 1.0)), cv2.LINE_AA, 4)
        # Wider than the strand, so that its smoothed edge is as thin as the rest of it.
        around = self.canvas.fixed_point(ribbon(path, [1.5 * width + _AROUND for width in widths]))
        count = len(path)
        for start in range(first - _PIECE, count - 1, _PIECE):
            i, j = max(start, 0), min(start + _PIECE + 1, count)
            if j - i >= 2:
                piece = np.concatenate([outline[i:j], outline[2 * count - j : 2 * count - i]])
                middle = min(max(start + _PIECE // 2, 0), count - 1)
                cv2.fillPoly(self.along, [piece], int(255 * min(max(light[middle], 0.0), 1.0)), cv2.LINE_8, 4)
                piece = np.concatenate([around[i:j], around[2 * count - j : 2 * count - i]])
                cv2.fillPoly(self.dense, [piece], int(255 * dense[middle]), cv2.LINE_8, 4)

    def finished(self) -> Layer:
        """The layer, lit from the upper left."""
        canvas = self.canvas
        cover = self.cover.astype(np.float32) / 255
        weight = np.maximum(canvas.blur(cover, _ALONG_SMOOTHING), 1e-3)
        along = canvas.blur(self.along.astype(np.float32) / 255 * cover, _ALONG_SMOOTHING) / weight
        form = 0.98 - 0.15 * np.clip(canvas.x, -1.5, 1.5) - 0.08 * np.clip(canvas.y + 0.6, -1.5, 2.5)
        tone = self.strand.astype(np.float32) / 255 * (1 + 2.2 * (along - _ALONG_NEUTRAL)) * form
        weight = np.maximum(canvas.blur(cover, _DENSE_SMOOTHING), 1e-3)
        dense = canvas.blur(self.dense.astype(np.float32) / 255 * cover, _DENSE_SMOOTHING) / weight
        return Layer(np.clip(tone, 0, 1), cover * np.clip(dense, 0, 1))


_MASS_TONE = 0.19
_ALONG_NEUTRAL = 0.4
_ALONG_SMOOTHING = 0.022
_DENSE_SMOOTHING = 0.014
_AROUND = 0.012
_PIECE = 4
"""Points of a strand that share one light."""
_POINTS = 48
"""Points of a strand, about."""


def paint_layer(canvas: Canvas, parts: Sequence[Sheet | Curls], mass: Line | None, rng: np.random.Generator) -> Layer:
    """Draws all `parts` in order, over the mass inside the closed line `mass`, if there is one."""
    sketch = _Sketch(canvas, mass)
    for part in parts:
        if isinstance(part, Sheet):
            _draw_sheet(sketch, part, rng)
        else:
            _draw_curls(sketch, part, rng)
    return sketch.finished()


def _draw_sheet(sketch: _Sketch, sheet: Sheet, rng: np.random.Generator) -> None:
    guides = np.array([curve(guide, steps=max(_POINTS // len(guide), 4)) for guide in sheet.guides])
    count, length = guides.shape[:2]
    t = np.linspace(0, 1, length)
    free = np.clip((t - sheet.straight) / 0.3, 0, 1)
    # From the far edge to the near one, but not strictly: locks overlap each other both ways.
    centers = (np.arange(sheet.locks) + 0.5) / sheet.locks
    for center in centers[np.argsort(-centers + rng.normal(0, 0.10, sheet.locks))]:
        spread = rng.uniform(0.8, 1.9) / sheet.locks
        phase = 7.0 * center + rng.normal(0, 0.5)
        lock_tone = sheet.tone + rng.normal(0, 0.07)
        lock_end = 1 - abs(rng.normal(0, sheet.spread))
        lock_swing = sheet.wave * rng.uniform(0.6, 1.3)
        lean = rng.normal(0, sheet.stray)
        shine = rng.uniform(0.12, 0.34, len(sheet.sheen))
        places = np.array(sheet.sheen) + rng.normal(0, 0.025, len(sheet.sheen))
        across = rng.uniform(-1, 1, sheet.strands)
        for u in across[np.argsort(-np.abs(across) + rng.normal(0, 0.25, sheet.strands))]:
            v = np.abs(center + spread * u * (1 - sheet.gather * t**2) + rng.normal(0, 0.004))
            v = np.minimum(v, 2 - v) * (count - 1)  # folded back at the sheet's borders
            below = np.minimum(v.astype(int), count - 2)
            part = (v - below)[:, None]
            path = guides[below, np.arange(length)] * (1 - part) + guides[below + 1, np.arange(length)] * part
            tangent = np.gradient(path, axis=0)
            tangent /= np.linalg.norm(tangent, axis=1, keepdims=True) + 1e-9
            swing = lock_swing * np.sin(2 * np.pi * sheet.waves * t + phase + rng.normal(0, 0.10)) * free
            swing = swing + (lean + rng.normal(0, sheet.stray * 0.35)) * t**2 + rng.normal(0, 0.004)
            path = path + np.stack([-tangent[:, 1], tangent[:, 0]], axis=1) * swing[:, None]
            end = lock_end - abs(rng.normal(0, 0.25 * sheet.spread))
            start = rng.uniform(0, sheet.rough_roots)
            inside = (t >= start) & (t <= max(end, start + 0.12))
            position = t[inside]
            light = np.full(len(position), _ALONG_NEUTRAL) - 0.22 * np.exp(-position / 0.04) - 0.10 * position
            for place, strength in zip(places, shine, strict=True):
                light += strength * np.exp(-(((position - place) / 0.075) ** 2))
            light += 1.5 * sheet.wave * np.cos(2 * np.pi * sheet.waves * position + phase) * free[inside]
            width = sheet.width * rng.uniform(0.5, 1.2)
            widths = (width * 0.2, width * 0.8, width, width, width * 0.9, width * 0.7, width * sheet.thinning)
            tone = lock_tone + 0.08 * (1 - 1.6 * abs(u)) + rng.normal(0, 0.05)
            from_root, from_tip, from_edge = (
                ramp(distance, 0, feather) if feather else 1.0
                for distance, feather in zip(
                    (position, position[-1] - position, v[inside] / (count - 1)), sheet.feather, strict=True
                )
            )
            dense = np.full(len(position), from_root * from_tip * from_edge)
            sketch.draw(path[inside], widths, tone, light, dense, int(rng.integers(_PIECE)))


def _draw_curls(sketch: _Sketch, curls: Curls, rng: np.random.Generator) -> None:
    canvas = sketch.canvas
    outline = curve(curls.outline, closed=True)
    inside = canvas.fill(outline, 0.03)
    away_x, away_y = canvas.x - curls.middle[0], canvas.y - curls.middle[1]
    dome = np.sqrt(np.clip(1 - (away_x / 1.45) ** 2 - (away_y / 1.7) ** 2, 0, 1))
    lamp = np.clip(0.75 * dome - 0.42 * away_x - 0.38 * away_y, 0, 1.3)
    low, high = outline.min(axis=0), outline.max(axis=0)
    turn = np.linspace(0, 1, 18)
    for _ in range(curls.count):
        center = rng.uniform(low, high)
        column, row = canvas.fixed_point([tuple(center)])[0] >> 4
        amount = float(inside[row, column])
        if amount < rng.uniform(0.15, 0.75):
            continue
        start, sweep = rng.uniform(0, 2 * np.pi), rng.uniform(3.5, 8.0) * rng.choice((-1, 1))
        angle = start + sweep * turn
        radius = curls.radius * rng.uniform(0.55, 1.15) * (1 - 0.5 * turn)
        stretch = rng.uniform(0.6, 1.0)
        path = center + np.stack([np.cos(angle) * radius, np.sin(angle) * radius * stretch], axis=1)
        form = float(lamp[row, column])
        width = curls.radius * rng.uniform(0.14, 0.26)
        tone = curls.tone * (0.40 + 0.75 * form) + rng.normal(0, 0.07)
        # The side of every turn that faces the lamp is bright.
        light = _ALONG_NEUTRAL + 0.16 * (-0.6 * np.cos(angle) - 0.8 * np.sin(angle))
        sketch.draw(
            path, (width * 0.4, width, width, width * 0.4), tone, light, np.ones(len(path)), int(rng.integers(_PIECE))
        )


def shadow_on_skin(canvas: Canvas, layer: Layer) -> Floats:
    """What part of the lamp's light the hair keeps from the skin beside it, in [0, 1]."""
    shift = np.array([[1, 0, 0.05 * canvas.unit], [0, 1, 0.07 * canvas.unit]], np.float32)
    moved = cv2.warpAffine(layer.cover, shift, (canvas.size, canvas.size))
    return np.clip(0.9 * canvas.blur(np.asarray(moved, np.float32), 0.07), 0, 1)


def hairline_softener(canvas: Canvas, layer: Layer) -> Floats:
    """A faint tint of hair on the skin next to it, so that the hairline does not look cut."""
    near = canvas.blur(layer.cover, 0.05)
    return np.asarray(0.55 * ramp(near, 0.05, 0.6) * (0.6 + 0.4 * bump(canvas.x, canvas.y + 1.2, 1.2, 0.6)), np.float32)
