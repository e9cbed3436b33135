"""Where faces fold and bulge, and under which controls: curves and bumps in the face plane, in eye distances.

After the anatomy of expression as FACS describes it (Ekman, Friesen and Hager, Facial Action Coding System, 2002):
each crease is named and driven by the action units that make it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from avatar.geometry import landmarks as lm
from avatar.geometry.warp import smoothstep
from avatar.motion import Doubles

Drivers = Mapping[str, float]
"""Control → how much of the crease it brings at 1."""

# Landmarks along the fold from the wing of the nose to beside the mouth.
_NASOLABIAL = {"Right": (129, 203, 206, 216, 212), "Left": (358, 423, 426, 436, 432)}
# Samples along a curve, and how far a crease's light and dark reach, in its own widths.
_SAMPLES, _REACH = 40, 5.0


@dataclass(frozen=True, slots=True)
class Crease:
    """A fold along a curve.

    Attributes:
        drivers: what brings it.
        curve: float64 [N, 2], from end to end.
        width: of its dark line.
        depth: share of the light that it takes at its darkest.
        bulge: share of the light that the skin beside it gains, on the left of the curve's direction (b up).
        blunt: the line starts in full instead of fading in.
    """

    drivers: Drivers
    curve: Doubles
    width: float
    depth: float
    bulge: float = 0.0
    blunt: bool = False

    def bounds(self) -> tuple[Doubles, Doubles]:
        """The rectangle outside which it changes nothing: its low and its high corner."""
        margin = _REACH * self.width
        return self.curve.min(axis=0) - margin, self.curve.max(axis=0) + margin

    def shade(self, at: Doubles) -> Doubles:
        """What it adds to a light of 1 at given points [..., 2]: [...]."""
        points, along = _resampled(self.curve)
        # The nearest sample, then the distance to the line through it: samples must not show as beads.
        offsets = at[..., None, :] - points
        nearest = np.argmin((offsets**2).sum(axis=-1), axis=-1)
        tangents = np.gradient(points, axis=0)
        tangents /= np.linalg.norm(tangents, axis=1, keepdims=True)
        tangent = tangents[nearest]
        offset = at - points[nearest]
        beyond = offset[..., 0] * tangent[..., 0] + offset[..., 1] * tangent[..., 1]
        side = tangent[..., 0] * offset[..., 1] - tangent[..., 1] * offset[..., 0]
        is_end = (nearest == 0) | (nearest == len(points) - 1)
        outside = np.where(is_end, np.abs(beyond), 0.0)
        t = along[nearest]
        fade = smoothstep(t, 1.0, 0.45) * (1.0 if self.blunt else smoothstep(t, 0.0, 0.35))
        # Real folds waver in depth along their way.
        fade = fade * (0.85 + 0.15 * np.sin(9.0 * t + 40.0 * self.curve[0, 0]))
        fade = fade * np.exp(-((outside / self.width) ** 2))
        widths = self.width * (0.7 + 0.6 * t)
        dark = np.exp(-((side / widths) ** 2))
        beside = np.exp(-(((side - 2.0 * widths) / (1.4 * widths)) ** 2))
        return np.asarray(fade * (self.bulge * beside - self.depth * dark))


@dataclass(frozen=True, slots=True)
class Bulge:
    """Soft tissue pushed out (or, with a negative height, hollowed), lit from above.

    Attributes:
        drivers: what brings it.
        centre: float64 [2].
        width: half its extent along a.
        height: half its extent along b.
        light: share of the light that its upper side gains and its lower side loses.
    """

    drivers: Drivers
    centre: Doubles
    width: float
    height: float
    light: float

    def bounds(self) -> tuple[Doubles, Doubles]:
        """The rectangle outside which it changes nothing: its low and its high corner."""
        margin = 2.4 * np.array([self.width, self.height])
        return self.centre - margin, self.centre + margin

    def shade(self, at: Doubles) -> Doubles:
        """What it adds to a light of 1 at given points [..., 2]: [...]."""
        x, y = (at[..., 0] - self.centre[0]) / self.width, (at[..., 1] - self.centre[1]) / self.height
        # The slope of a Gaussian bump along b, its extremes scaled to 1.
        return np.asarray(self.light * np.sqrt(2.0 * np.e) * y * np.exp(-(x**2) - y**2))


@dataclass(frozen=True, slots=True)
class Dimpling:
    """The dimpled skin of a chin that is pushed up.

    Attributes:
        drivers: what brings it.
        centre: float64 [2].
        radius: of the dimpled patch.
        grain: distance between dimples.
        light: share of the light that they gain and lose.
    """

    drivers: Drivers
    centre: Doubles
    radius: float
    grain: float
    light: float

    def bounds(self) -> tuple[Doubles, Doubles]:
        """The rectangle outside which it changes nothing: its low and its high corner."""
        return self.centre - 1.6 * self.radius, self.centre + 1.6 * self.radius

    def shade(self, at: Doubles) -> Doubles:
        """What it adds to a light of 1 at given points [..., 2]: [...]."""
        offset = (at - self.centre) / self.radius
        patch = np.exp(-((offset**2).sum(axis=-1) ** 2))
        # A few waves of one length in all directions make irregular, equally large dimples.
        rng = np.random.default_rng(7)
        total = np.zeros(at.shape[:-1])
        waves = 9
        for angle, phase in zip(np.arange(waves) * np.pi / waves, rng.uniform(0.0, 2.0 * np.pi, waves), strict=True):
            direction = np.array([np.cos(angle), np.sin(angle)]) * 2.0 * np.pi / self.grain
            total += np.sin(at @ direction + phase)
        return np.asarray(self.light * patch * total / np.sqrt(waves / 2.0))


def face_creases(points: Doubles) -> list[Crease | Bulge | Dimpling]:
    """All folds and bulges of one face.

    Args:
        points: float64 [478, 2], its landmarks in the face plane.
    """
    found: list[Crease | Bulge | Dimpling] = [*_forehead(points), *_chin(points)]
    for side in lm.SIDES:
        found += [*_eye(points, side), *_cheek(points, side)]
    return found


def _forehead(points: Doubles) -> list[Crease | Bulge | Dimpling]:
    """Lines across the forehead, and the furrow between the brows."""
    found: list[Crease | Bulge | Dimpling] = []
    inner = np.mean([points[lm.BROW[side][0]] for side in lm.SIDES], axis=0)
    room = max(float(points[lm.FOREHEAD_TOP, 1] - inner[1]), 0.2)
    tails = {side: points[list(lm.BROW[side][2:4])].mean(axis=0) for side in lm.SIDES}
    for number, share in enumerate((0.26, 0.46, 0.66)):
        height = inner[1] + share * room
        a = np.linspace(-0.30 + 0.04 * number, 0.30 - 0.03 * number, 9)
        # A worried forehead's lines bend upwards in the middle.
        middle = np.column_stack([inner[0] + a, height + 0.035 * np.cos(a / 0.30 * np.pi / 2)])
        found.append(Crease({"browInner": 0.9}, middle, 0.020, 0.075, 0.04))
        for side in lm.SIDES:
            x = tails[side][0] + np.linspace(-0.17, 0.17, 7)
            arch = height + 0.010 + 0.03 * np.cos((x - tails[side][0]) / 0.17 * np.pi / 2)
            found.append(Crease({"browOuter" + side: 0.9}, np.column_stack([x, arch]), 0.019, 0.07, 0.035))
    for side in lm.SIDES:
        out = lm.OUTWARDS[side]
        low = (points[lm.BROW_LOWER[side][0]] * 0.62 + points[9] * 0.38) * [1.0, 0.0]
        bottom = float(points[lm.BROW_LOWER[side][0], 1]) - 0.03
        heights = np.linspace(0.0, 0.19, 6)
        line = np.column_stack([low[0] - out * 0.012 * np.sin(heights / 0.19 * np.pi), bottom + heights])
        found.append(Crease({"browDown" + side: 1.0}, line, 0.015, 0.17, 0.05))
    brow = {"browDownLeft": 0.5, "browDownRight": 0.5}
    found.append(Bulge(brow, points[9], 0.13, 0.07, -0.05))
    return found


def _eye(points: Doubles, side: str) -> list[Crease | Bulge | Dimpling]:
    """Crow's feet, the fold under the eye, the wrinkles beside the bridge of the nose."""
    out = lm.OUTWARDS[side]
    inner, outer = (points[index] for index in lm.EYE_CORNERS[side][:: int(out)])
    found: list[Crease | Bulge | Dimpling] = []
    squeeze = {"cheek" + side: 0.75, "lidLower" + side: 0.35}
    for angle, length in ((-0.55, 0.11), (-0.05, 0.13), (0.45, 0.10)):
        way = np.linspace(0.055, 0.055 + length, 6)
        bend = angle * (1.0 + 0.6 * (way - way[0]) / length)
        line = outer + np.column_stack([out * way * np.cos(bend), way * np.sin(bend)])
        found.append(Crease(squeeze, line, 0.010, 0.10, 0.035, blunt=False))
    lower = points[list(lm.EYE_LOWER[side])]
    order = lower[np.argsort(lower[:, 0])]
    t = np.linspace(0.12, 0.92, 9)
    along = np.column_stack([np.interp(t, np.linspace(0, 1, len(order)), order[:, i]) for i in (0, 1)])
    under = along - np.column_stack([np.zeros_like(t), 0.048 + 0.030 * np.sin(t * np.pi)])
    found.append(Crease({"cheek" + side: 0.35, "lidLower" + side: 0.75}, under, 0.013, 0.09, 0.05))
    bridge = points[6]
    for drop, depth in ((-0.02, 0.12), (-0.075, 0.10)):
        start, end = inner * 0.45 + bridge * 0.55, bridge * 0.8 + inner * 0.2
        line = np.linspace(start, end, 5)
        line[:, 1] += drop + 0.02 * np.linspace(1.0, 0.0, 5)
        found.append(Crease({"sneer" + side: 1.0}, line, 0.011, depth, 0.04))
    return found


def _cheek(points: Doubles, side: str) -> list[Crease | Bulge | Dimpling]:
    """The smile fold, the dimple beside the mouth, the cheek pushed up or blown out."""
    out = lm.OUTWARDS[side]
    corner = points[lm.MOUTH_CORNERS[0] if out < 0 else lm.MOUTH_CORNERS[1]]
    fold = points[list(_NASOLABIAL[side])]
    # From the top downwards the cheek lies on the curve's left on the person's left side, else on its right.
    fold = fold if out > 0 else fold[::-1]
    smile = {"smile" + side: 0.75, "sneer" + side: 0.7, "upper" + side: 0.45, "cheek" + side: 0.25}
    smile |= {"stretch" + side: 0.2, "jaw": 0.15, "pucker": -0.5, "funnel": -0.3, "puff": -1.0}
    beside = np.linspace(-0.10, 0.085, 7)
    bracket = corner + np.column_stack([out * (0.085 - 2.2 * beside**2), beside])
    bracket = bracket if out < 0 else bracket[::-1]
    pull = {"dimple" + side: 1.0, "smile" + side: 0.45, "stretch" + side: 0.7, "press" + side: 0.35, "puff": -1.0}
    apple = points[lm.CHEEK[side]]
    blown = np.array([corner[0] + out * 0.24, corner[1] + 0.04])
    hollow = np.array([apple[0] + out * 0.12, (apple[1] + corner[1]) / 2 - 0.02])
    return [
        Crease(smile, fold, 0.026, 0.14, 0.06),
        Crease(pull, bracket, 0.014, 0.13, 0.05),
        Bulge({"cheek" + side: 0.6, "smile" + side: 0.6}, apple - [0.0, 0.02], 0.19, 0.13, 0.08),
        Bulge({"puff": 1.0}, blown, 0.20, 0.17, 0.08),
        Bulge({"jaw": 0.5, "pucker": 0.8, "puff": -1.0}, hollow, 0.13, 0.20, -0.045),
    ]


def _chin(points: Doubles) -> list[Crease | Bulge | Dimpling]:
    """The fold under the lower lip, the boss of the chin and its dimples."""
    lip, chin = points[17], points[lm.CHIN]
    length = float(lip[1] - chin[1])
    a = np.linspace(-0.17, 0.17, 9)
    fold = np.column_stack([lip[0] + a, lip[1] - 0.30 * length - 0.025 * (1.0 - (a / 0.17) ** 2)])
    boss = lip + (chin - lip) * 0.62
    return [
        Crease({"shrugLower": 1.0, "pucker": 0.4, "rollLower": 0.4}, fold[::-1], 0.022, 0.15, 0.07),
        Bulge({"shrugLower": 1.0}, boss, 0.20, 0.13, 0.06),
        Dimpling({"shrugLower": 1.0}, boss, 0.16, 0.075, 0.016),
    ]


def _resampled(curve: Doubles) -> tuple[Doubles, Doubles]:
    """A curve at even steps, its kinks rounded off, and the share of its length at each: [M, 2], [M]."""
    lengths = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(curve, axis=0), axis=1))])
    share = np.linspace(0.0, 1.0, _SAMPLES)
    points = np.column_stack([np.interp(share * lengths[-1], lengths, curve[:, i]) for i in (0, 1)])
    padded = np.vstack([2 * points[0] - points[4:0:-1], points, 2 * points[-1] - points[-2:-6:-1]])
    kernel = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 4.0, 3.0, 2.0, 1.0]) / 25.0
    smooth = np.column_stack([np.convolve(padded[:, i], kernel, mode="valid") for i in (0, 1)])
    return smooth, share
