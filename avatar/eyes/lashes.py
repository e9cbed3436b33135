"""The rim of an upper lid with its lashes: as it is in the photo, and as it lies on a closed eye."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from avatar.eyes.canvas import LidCanvas
from avatar.geometry.warp import smoothstep
from avatar.motion import Doubles, Floats
from avatar.picture.blending import GREY

# Lengths are eye distances.
# The lid is measured in such steps above its rim, up to here or to this share of the room below the brow.
_STEP, _HIGHEST, _ROOM_SHARE, _ROOM = 0.004, 0.16, 0.7, 0.05
# Their line lies within this above the rim; they reach so high, at least and at most.
_LINE_WITHIN, _LASHES = 0.026, (0.012, 0.060)
# The fold above the rim: where it is looked for, how dark it must be, where it lies if none is found (a share of the
# room up to the brow, within these bounds), and how far above the lashes at least.
_FOLD_FROM, _FOLD_TO, _FOLD_DARKER, _FOLD_SHARE, _FOLD, _OVER_LASHES = 0.035, 0.12, 0.04, 0.30, (0.032, 0.075), 0.014
# So much of a lash's own colour is kept beside its darkness.
_OWN_COLOUR = 0.4
# The line on a closed eye: half its width, and how light it is, shares of the skin's light.
_LINE, _LINE_LIGHT = 0.0048, (0.12, 0.65)
# They cover no more of a closed lid than this share of what was open.
_LONGEST = 0.38
# Single lashes below it: how many, how long, and how opaque where they are black.
_HAIRS, _HAIR_LENGTH, _HAIR_OPACITY = 30, 0.028, 0.4


@dataclass(frozen=True, slots=True)
class LidMeasures:
    """What the photo shows of an upper lid, heights above its open rim in eye distances.

    Attributes:
        line: of the lashes' roots.
        lashes: of their tips.
        fold: where the lid goes under, in the middle.
    """

    line: float
    lashes: float
    fold: float


def measure_lid(canvas: LidCanvas, skin: float, room: float) -> LidMeasures:
    """Measures a lid.

    Args:
        canvas: of the eye.
        skin: how light the skin is, grey levels.
        room: between rim and brow, eye distances.
    """
    steps = np.arange(0.0, min(max(_ROOM_SHARE * room, _ROOM), _HIGHEST), _STEP)
    width = np.abs(canvas.across)

    def profile(columns: npt.NDArray[np.bool_], percentile: float) -> Doubles:
        rows = [canvas.grey[columns & (np.abs(canvas.above - step) < 0.75 * _STEP)] for step in steps]
        return np.array([np.percentile(row, percentile) if len(row) else skin for row in rows]) / skin

    # Beside the iris, which is as dark as they are.
    line = float(steps[int(np.argmin(profile((width > 0.45) & (width < 0.80), 50)[steps < _LINE_WITHIN]))])
    # Lashes leave gaps; they end where it no longer gets lighter.
    clear = np.maximum.accumulate(profile(width < 0.65, 25)[steps < _LASHES[1]])
    lashes = float(np.clip(steps[int(np.argmax(clear >= 0.93 * clear[-1]))], *_LASHES))
    lashes = max(lashes, line + _LASHES[0])
    # A fold is dark all along, between what is lighter.
    light = profile(width < 0.65, 50)
    between = np.flatnonzero((steps > max(_FOLD_FROM, lashes)) & (steps < _FOLD_TO))
    for i in between[np.argsort(light[between])]:
        under = light[(steps > lashes - _STEP) & (steps < steps[i])]
        over = light[(steps > steps[i]) & (steps < steps[i] + 0.05)]
        if len(under) and len(over) and min(under.max(), over.max()) > light[i] + _FOLD_DARKER:
            return LidMeasures(line, lashes, max(float(steps[i]) - _STEP, _FOLD[0]))
    low, high = (max(bound, lashes + _OVER_LASHES) for bound in _FOLD)
    return LidMeasures(line, lashes, float(np.clip(_FOLD_SHARE * room, low, high)))


def paint_lashes(
    canvas: LidCanvas, lid: Floats, skin: Floats, measures: LidMeasures, warm: float
) -> tuple[Floats, Floats]:
    """Paints rim and lashes upon the skin of a closed lid: how much darker than skin they are in the photo.

    Args:
        canvas: of the eye.
        lid: float32 [h, w, 3], the closed lid without them.
        skin: float32 [h, w, 3], the photo as if there were no eye.
        measures: of the lid.
        warm: how colourful the skin is, 0 to 1.

    Returns:
        float32 [h, w, 3], the lid with them; and float32 [h, w], how much single lashes cover below the rim.
    """
    t, height = canvas.across, canvas.above_closed
    darker = np.clip(canvas.values / np.maximum(skin, 1.0), 0.08, 1.0)
    grey = np.clip(canvas.grey / np.maximum(skin @ GREY, 1.0), 0.08, 1.0)
    # An iris' blue is not a lash's, and a shadow's red is the skin's.
    blue = np.clip((canvas.values[..., 2] - canvas.values[..., 0]) / 20.0, 0.0, 1.0)[..., None]
    tinted = grey[..., None] + _OWN_COLOUR * (1.0 - blue) * (darker - grey[..., None])
    ends = (1.0 - smoothstep(t, 0.90, 1.08)) * (1.0 - smoothstep(-t, 0.65, 1.0))
    tallest = float((canvas.slit.upper - canvas.slit.lower).max())
    long = min(measures.lashes - measures.line, _LONGEST * tallest)
    strip = (smoothstep(height, 0.0, 0.006) * (1.0 - smoothstep(height, long, long + 0.012)) * ends)[..., None]
    lid = lid * (1.0 + strip * (canvas.moved_down(tinted, canvas.down + measures.line) - 1.0))
    # The line of their roots goes on where iris and white hid it.
    light = _line_light(grey, canvas.above - measures.line, t)
    # Less of the skin's blue and green than of its red gets through lashes and the shadow under them.
    ink = light[..., None] ** (1.0 + warm * np.array([-0.15, 0.03, 0.12]))
    thick = _LINE * (0.7 + 0.5 * smoothstep(t, -0.6, 0.6))
    line = (np.exp(-((np.clip(height - 0.002, 0.0, None) / thick) ** 2)) * ends)[..., None]
    lid = lid * (1.0 + line * (ink - 1.0))
    hairs = _HAIR_OPACITY * (1.0 - light) * _hairs(canvas) * (height < 0.002)
    return np.asarray(lid, np.float32), np.asarray(hairs, np.float32)


def _line_light(grey: Floats, above: Doubles, t: Doubles, samples: int = 33) -> Doubles:
    """How light the lashes' line is, as a share of the skin's light, at each texel's place along it: [h, w]."""
    found = np.ones(samples, np.float32)
    middles, step = np.linspace(-1.0, 1.0, samples, retstep=True)
    for i, middle in enumerate(middles):
        here = (np.abs(above) < 0.006) & (np.abs(t - middle) < step)
        if here.any():
            found[i] = np.percentile(grey[here], 25)
    # What the iris darkens and the white lightens, the rest of the rim outvotes.
    padded = np.pad(found, 8, mode="edge")
    medians = np.array([np.median(padded[i : i + 17]) for i in range(samples)], np.float32)
    return np.interp(t, middles, np.clip(cv2.GaussianBlur(medians[None], (0, 0), 3.0)[0], *_LINE_LIGHT))


def _hairs(canvas: LidCanvas) -> Floats:
    """Single lashes below the closed rim: float32 [h, w] in [0, 1]."""
    random = np.random.default_rng(3)
    drawn = np.zeros(canvas.above.shape, np.uint8)
    slit, out = canvas.slit, canvas.outwards
    half = float(slit.a[-1] - slit.a[0]) / 2.0
    s = np.linspace(0.0, 1.0, 5)[:, None]
    for t in np.linspace(-0.86, 0.97, _HAIRS) + random.uniform(-0.025, 0.025, _HAIRS):
        a = np.array(slit.centre + out * t * half)
        root = np.array([float(a), float(slit.upper_at(a) - canvas.closing(a)) + 0.002])
        length = _HAIR_LENGTH * (0.55 + 0.45 * (t + 1.0) / 2.0) * random.uniform(0.7, 1.1)
        lean = out * (0.10 + 0.35 * max(t + 0.2, 0.0)) + random.uniform(-0.12, 0.12)
        # Down first, then turned up at the tips.
        way = root + length * (s * np.array([lean, -1.0]) + s * s * np.array([0.35 * out, 0.35]))
        points = np.rint(16.0 * canvas.to_texels(way)).astype(np.int32)
        cv2.polylines(drawn, [points], False, (255,), 1, cv2.LINE_AA, 4)
    return np.asarray(cv2.GaussianBlur(drawn, (0, 0), 0.7) / np.float32(255.0), np.float32)
