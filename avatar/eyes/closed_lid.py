"""The upper lid of a closed eye, painted once from the person's own skin.

A photo shows an eye open: the lid that comes down in a blink lies folded away. What it looks like is put together from
what can be seen: its tone goes on from the skin around the eye, its grain is that of skin close by, its rim and lashes
are those of the open lid. A lid is lit as the ball beneath it bulges, and goes under at its fold.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from avatar.decoder import Image
from avatar.eyes.skin import SkinSample
from avatar.geometry import landmarks as lm
from avatar.geometry.opening import Slit
from avatar.geometry.warp import smoothstep
from avatar.motion import Doubles, Floats
from avatar.picture.blending import GREY, colourfulness
from avatar.picture.filling import pull_push

# Texels a pixel of the portrait.
_SCALE = 2
# Lengths are eye distances.
# What is no skin still counts a little: a shadow all around belongs to the lid as well.
_LEAST_KNOWN = 0.10
# A lid is as light as the skin under the eye, within these shares (0.79 to 1.02 in recorded blinks).
_TONE = (0.86, 1.00)
# The fold above the rim: where it is looked for, how dark it must be, where it lies if none is found (a share of the
# room up to the brow), and how soft the lid's upper border is.
_FOLD_FROM, _FOLD_TO, _FOLD_DARKER, _FOLD_SHARE = 0.035, 0.12, 0.04, 0.30
_FOLD_LEAST, _FOLD_MOST = 0.032, 0.075
# Lashes longer than this are kept free of the fold, by so much.
_LONG, _CLEAR = 0.030, 0.014
# Light on a lid: gained on its bulge, lost towards rim and fold.
_SHEEN, _RIM_SHADE, _FOLD_SHADE = 0.06, 0.07, 0.06
# Lashes along the rim in the photo: at most so high. Their line in a closed eye: half its width,
# and how light it is, shares of the skin's light.
_LASH_COLOUR, _LINE_WITHIN = 0.4, 0.026
_WARM = np.array([-0.15, 0.03, 0.12], np.float32)
_LASHES, _LINE, _LINE_DARK = (0.012, 0.060), 0.0048, (0.12, 0.75)
# Finer than this is grain, and its finest part, by which its strength is judged; what is so many times stronger than its median is a thing.
_FINE, _FINEST, _MOST = 0.030, 0.012, 3.5
# It is made as strong as under the eye, within these factors.
_GRAIN_GAIN = (0.4, 3.0)
# Grain is taken from skin so far away (across outwards, up).
_GRAIN_FROM = ((0.0, -0.20), (0.0, -0.26), (0.06, -0.22), (-0.04, -0.30), (0.0, 0.30), (-0.08, 0.38), (0.0, 0.0))
# Lashes that stand out below a closed rim: how many, how long, how opaque at most.
_HAIRS, _HAIR_LENGTH, _HAIR_OPACITY = 30, 0.028, 0.4


Where = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class LidShape:
    """Where the upper lid of one eye lies, in the face plane.

    Attributes:
        slit: the opening in the photo.
        fold: how far above the open rim the lid goes under, in the middle, eye distances.
        lashes: how far above it the lashes reach.
    """

    slit: Slit
    fold: float
    lashes: float

    def fold_at(self, a: Doubles) -> Doubles:
        """Height (b) of the fold: it comes down to the rim's ends, but not upon the lashes."""
        t = self.slit.across(a)
        arch = np.sqrt(np.clip(1.0 - (t / 1.12) ** 2, 0.0, 1.0))
        free = (self.lashes + _CLEAR) * (1.0 - smoothstep(np.abs(t), 0.95, 1.25))
        return np.asarray(
            self.slit.upper_at(a) + np.maximum(self.fold * arch, np.where(self.lashes > _LONG, free, 0.0))
        )


def paint_closed_lid(
    texture: Image,
    texels: Floats,
    plane: lm.FacePlane,
    slit: Slit,
    skin: SkinSample,
    down: Doubles,
    room: float,
    outwards: float,
) -> tuple[Image, LidShape]:
    """Paints a closed upper lid.

    Args:
        texture: uint8 [2 S, 2 S, 3], the portrait enlarged.
        texels: float32 [h, w, 2], which part of it is painted, pixels of the portrait.
        plane: of the face.
        slit: the opening in the photo.
        skin: under the eye.
        down: float64 [h, w], how far the rim comes down, eye distances.
        room: between rim and brow, eye distances.
        outwards: sign of the face plane's first axis away from the nose.

    Returns:
        uint8 [h, w, 4], RGB and alpha, the eye closed and all else in its place; and where the lid lies.
    """
    unit = _SCALE * plane.eye_distance_px
    at = plane.to_plane(texels)
    a, b = at[..., 0], at[..., 1]
    t = slit.across(a)
    upper, lower = slit.upper_at(a), slit.lower_at(a)
    colour = _taken(texture, texels)
    values = colour.astype(np.float32)
    under = lower - b
    likeness = skin.likeness(colour)

    # Its tone: the skin around goes on over the eye.
    line_at, lashes, fold = _measure_lid(values @ GREY, b - upper, t, skin.grey, room)
    shape = LidShape(slit, fold, lashes)
    top = shape.fold_at(a)
    is_eye = (b < np.maximum(top, upper + lashes)) & (under < 0.022) & (np.abs(t) < 1.12)
    known = np.where(is_eye, 0.0, np.maximum(likeness, _LEAST_KNOWN)).astype(np.float32)
    base = cv2.GaussianBlur(pull_push(values, known), (0, 0), 0.025 * unit)
    rim = upper - down
    height = np.maximum(top - rim, 1e-3)
    s = (b - rim) / height
    bulge = (1.0 - smoothstep(s, 0.40, 1.15)) * (1.0 - smoothstep(np.abs(t), 0.7, 1.15))
    lid = base + bulge[..., None] * (_toned(base, skin) - base)

    # Its light: it bulges over the ball.
    light = 1.0 + _SHEEN * np.exp(-(((s - 0.55) / 0.26) ** 2)) * np.exp(-((t / 0.7) ** 2))
    light -= _RIM_SHADE * np.exp(-np.clip(s, 0.0, None) / 0.16)
    light -= _FOLD_SHADE * np.exp(-(((s - 1.0) / 0.16) ** 2)) * (1.0 - smoothstep(np.abs(t), 0.7, 1.05))
    lid = lid * light[..., None]

    # Its grain: that of plain skin close by.
    grain = _grain(texture, texels, plane, skin, is_eye, outwards) * (lid @ GREY)[..., None]
    plain = (under > 0.05) & (under < 0.12) & (np.abs(t) < 0.8)
    own = _strength(values @ GREY, plain, unit)
    lid = lid + grain * np.clip(own / max(_strength(grain @ GREY, is_eye, unit), 1e-3), *_GRAIN_GAIN)

    # Its rim and lashes: how much darker than skin they are in the photo, moved down with the lid.
    darker = np.clip(values / np.maximum(base, 1.0), 0.08, 1.0)
    grey = np.clip(values @ GREY / np.maximum(base @ GREY, 1.0), 0.08, 1.0)
    # An iris' blue is not a lash's, and a shadow's red is the skin's.
    blue = np.clip((values[..., 2] - values[..., 0]) / 20.0, 0.0, 1.0)[..., None]
    strip = _sampled(
        grey[..., None] + _LASH_COLOUR * (1.0 - blue) * (darker - grey[..., None]),
        _moved_up(texels, plane, down + line_at),
    )
    d = b - rim
    ends = (1.0 - smoothstep(outwards * t, 0.90, 1.08)) * (1.0 - smoothstep(-outwards * t, 0.65, 1.0))
    height = lashes - line_at
    weight = (smoothstep(d, 0.0, 0.006) * (1.0 - smoothstep(d, height, height + 0.012))) * ends
    lid = lid * (1.0 + weight[..., None] * (strip - 1.0))
    line = _rim_line(grey, b - upper - line_at, t)
    dark = np.interp(t, np.linspace(-1.0, 1.0, len(line)), line)
    # Less of the skin's blue and green than of its red gets through lashes and the shadow under them.
    ink = dark[..., None] ** (1.0 + _WARM * colourfulness(skin.colour))
    thick = _LINE * (0.7 + 0.5 * smoothstep(outwards * t, -0.6, 0.6))
    profile = np.exp(-((np.clip(d - 0.002, 0.0, None) / thick) ** 2)) * ends
    lid = lid * (1.0 + profile[..., None] * (ink - 1.0))

    # Alpha: skin above the rim, single lashes below it.
    px = _SCALE * float(np.linalg.norm(plane.axes[:, 1]))
    cover = np.clip(0.5 + (d * px + 2.2) / 2.6, 0.0, 1.0) * (1.0 - smoothstep(np.abs(t), 1.02, 1.20))
    hairs = _lashes(texels.shape[:2], plane, texels, slit, down, outwards)
    hairs = hairs * (1.0 - dark) * _HAIR_OPACITY * (d < 0.002)
    hair_colour = base * np.minimum(ink, 0.55)
    below = np.clip(hairs / np.maximum(cover + hairs, 1e-3), 0.0, 1.0)[..., None]
    lid = lid * (1.0 - below) + hair_colour * below
    alpha = np.clip(cover + hairs * (1.0 - cover), 0.0, 1.0)
    return np.dstack([np.rint(np.clip(lid, 0.0, 255.0)), np.rint(255.0 * alpha)]).astype(np.uint8), shape


def _toned(base: Floats, skin: SkinSample) -> Floats:
    """A lid's colours made as light as lids are: what is too dark is mixed with skin, what is too light is dimmed."""
    low, high = _TONE
    tone = np.maximum(base @ GREY / skin.grey, 1e-3)
    plain = np.clip((low - tone) / np.maximum(high - tone, 1e-3), 0.0, 1.0)[..., None]
    mixed = base + plain * (high * skin.colour - base)
    return np.asarray(mixed * np.minimum(high / tone, 1.0)[..., None], np.float32)


def _measure_lid(grey: Floats, above: Doubles, t: Doubles, skin: float, room: float) -> tuple[float, float, float]:
    """How high above the rim the lashes' line lies, how high the lashes reach, where the fold is; eye distances."""
    steps = np.arange(0.0, min(max(0.7 * room, 0.05), 0.16), 0.004)
    middle = np.abs(t) < 0.65
    rows = [grey[middle & (above >= d - 0.003) & (above < d + 0.003)] for d in steps]
    # Lashes leave gaps, a fold is dark all along.
    with_lashes, profile = (
        np.array([np.percentile(row, share) if len(row) else skin for row in rows]) / skin for share in (25, 50)
    )
    # Beside the iris, which is as dark as they are.
    beside = (np.abs(t) > 0.45) & (np.abs(t) < 0.80)
    near = steps[steps < _LINE_WITHIN]
    dark = [np.median(grey[beside & (np.abs(above - d) < 0.003)]) for d in near]
    line_at = float(near[int(np.argmin(dark))])
    # The lashes end where it no longer gets lighter.
    clear = np.maximum.accumulate(with_lashes[: max(int(_LASHES[1] / 0.004), 2)])
    lashes = float(np.clip(steps[int(np.argmax(clear >= 0.93 * clear[-1]))], *_LASHES))
    lashes = max(lashes, line_at + _LASHES[0])
    between = (steps > max(_FOLD_FROM, lashes)) & (steps < _FOLD_TO)
    for i in np.flatnonzero(between)[np.argsort(profile[between])]:
        lighter_below = profile[(steps > lashes - 0.004) & (steps < steps[i])]
        lighter_above = profile[(steps > steps[i]) & (steps < steps[i] + 0.05)]
        if (
            len(lighter_below)
            and len(lighter_above)
            and min(lighter_below.max(), lighter_above.max()) > profile[i] + _FOLD_DARKER
        ):
            return line_at, lashes, float(np.clip(steps[i] - 0.004, _FOLD_LEAST, _FOLD_TO))
    return (
        line_at,
        lashes,
        float(np.clip(_FOLD_SHARE * room, max(_FOLD_LEAST, lashes + 0.014), max(_FOLD_MOST, lashes + 0.014))),
    )


def _grain(
    texture: Image, texels: Floats, plane: lm.FacePlane, skin: SkinSample, where: Where, outwards: float
) -> Floats:
    """Fine detail of the cleanest skin close by, as a share of that skin's light: float32 [h, w, 3]."""
    best: tuple[float, Image, SkinSample] | None = None
    for across, up in _GRAIN_FROM:
        there = texels + (plane.axes @ np.array([outwards * across, up])).astype(np.float32)
        colour = _taken(texture, there)
        sample = SkinSample(colour, where)
        share = float(sample.likeness(colour)[where].mean()) * min(sample.grey / skin.grey, 1.0)
        if best is None or share > best[0] + 0.05:
            best = share, colour, sample
    assert best is not None
    _, colour, sample = best
    fine = _fine(colour, sample.likeness(colour), plane)
    most = _MOST * float(np.median(np.abs(fine[where] @ GREY))) if where.any() else 0.0
    return np.asarray(np.clip(fine, -most, most) / sample.grey, np.float32)


def _fine(colour: Image, likeness: Floats, plane: lm.FacePlane) -> Floats:
    """What is finer than a skin's shading, measured on skin alone: float32 [h, w, 3]."""
    blur = _FINE * _SCALE * plane.eye_distance_px
    weight = likeness + np.float32(1e-3)
    values = colour.astype(np.float32)
    smooth = (
        cv2.GaussianBlur(values * weight[..., None], (0, 0), blur) / cv2.GaussianBlur(weight, (0, 0), blur)[..., None]
    )
    return np.asarray((values - smooth) * likeness[..., None], np.float32)


def _strength(grey: Floats, where: Where, unit: float) -> float:
    """How strong the finest detail is: the median of what a small blur takes away."""
    fine = np.abs(grey - cv2.GaussianBlur(grey, (0, 0), _FINEST * unit))
    return float(np.median(fine[where])) if where.any() else 0.0


def _rim_line(darker: Floats, above: Doubles, t: Doubles, samples: int = 33) -> Floats:
    """How dark the rim with its lashes is along the slit, as shares of the skin's light: float32 [samples]."""
    found = np.ones(samples, np.float32)
    near = np.abs(above) < 0.006
    edges = np.linspace(-1.0, 1.0, samples + 1)
    for i in range(samples):
        here = near & (t >= edges[i] - 0.03) & (t < edges[i + 1] + 0.03)
        if here.any():
            found[i] = np.percentile(darker[here], 25)
    # What the iris darkens and the white lightens, the rest of the rim outvotes.
    padded = np.pad(found, 8, mode="edge")
    medians = np.array([np.median(padded[i : i + 17]) for i in range(samples)], np.float32)
    return np.clip(cv2.GaussianBlur(medians[None], (0, 0), 3.0)[0], *_LINE_DARK)


def _lashes(
    size: tuple[int, ...], plane: lm.FacePlane, texels: Floats, slit: Slit, down: Doubles, outwards: float
) -> Floats:
    """Single lashes below the closed rim: float32 [h, w] in [0, 1]."""
    random = np.random.default_rng(3)
    drawn = np.zeros(size, np.uint8)
    middle = (slit.a[0] + slit.a[-1]) / 2.0
    half = (slit.a[-1] - slit.a[0]) / 2.0
    first = texels[0, 0]
    closing = np.interp(slit.a, *_profile_of(down, plane, texels, slit))
    for t in np.linspace(-0.86, 0.97, _HAIRS) + random.uniform(-0.025, 0.025, _HAIRS):
        a = middle + outwards * t * half
        root = np.array([a, float(slit.upper_at(np.array(a))) - float(np.interp(a, slit.a, closing)) + 0.002])
        length = _HAIR_LENGTH * (0.55 + 0.45 * (t + 1.0) / 2.0) * random.uniform(0.7, 1.1)
        lean = outwards * (0.10 + 0.35 * max(t + 0.2, 0.0)) + random.uniform(-0.12, 0.12)
        s = np.linspace(0.0, 1.0, 5)[:, None]
        # Down first, then turned up at the tips.
        way = root + length * (s * np.array([lean, -1.0]) + s * s * np.array([0.35 * outwards, 0.35]))
        points = (plane.to_pixels(way) - first) * _SCALE
        cv2.polylines(drawn, [np.rint(points * 16.0).astype(np.int32)], False, (255,), 1, cv2.LINE_AA, 4)
    return cv2.GaussianBlur(drawn, (0, 0), 0.7).astype(np.float32) / 255.0


def _profile_of(down: Doubles, plane: lm.FacePlane, texels: Floats, slit: Slit) -> tuple[Doubles, Doubles]:
    """`down` along the open rim: a, and how far it comes down there."""
    points = plane.to_pixels(np.column_stack([slit.a, slit.upper]))
    at = ((points - texels[0, 0]) * _SCALE).astype(np.float32)[None]
    return slit.a, np.asarray(_sampled(down.astype(np.float32), at)[0], np.float64)


def _moved_up(texels: Floats, plane: lm.FacePlane, down: Doubles) -> Floats:
    """Where in the painted part each texel lay before the lid came down, texels [h, w, 2]."""
    rows, columns = np.mgrid[: texels.shape[0], : texels.shape[1]]
    up = down[..., None] * plane.axes[:, 1] * _SCALE
    return np.asarray(np.stack([columns, rows], axis=-1) + up, np.float32)


def _taken(texture: Image, texels: Floats) -> Image:
    """The enlarged portrait at coordinates of the portrait itself."""
    at = (texels * _SCALE + 0.5).astype(np.float32)
    return np.asarray(cv2.remap(texture, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def _sampled(values: Floats, at: Floats) -> Floats:
    found = cv2.remap(values.astype(np.float32), at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(found, np.float32)
