"""Face coefficients from landmarks: bounded least squares over the displacements that the decoder itself knows.

A face seen from straight ahead differs from its own neutral by a sum of displacement fields, one for each control of
`avatar.mesh.controls`; the controls are found in [0, 1] with a small ridge, and turned back into ARKit's coefficients.
So a face that is tracked here and drawn by the decoder makes the same movements. What landmarks do not show stays
zero: dimples, puffed and squinted cheeks, the nose, the tongue, and a jaw pushed forward.
"""

from __future__ import annotations

import numpy as np

from avatar.geometry import landmarks as lm
from avatar.geometry.opening import slit_between
from avatar.geometry.points import (
    CHEEKS,
    CHIN_AND_JAW,
    KEPT,
    LOWER_SIDE,
    NOSE,
    UPPER_SIDE,
    kept_rows,
    to_mesh,
)
from avatar.mesh.blendshapes import FaceFields
from avatar.motion import Doubles, Floats, MotionLayout

_INDEX = MotionLayout.INDEX
_UNIT_PX = 200.0  # scale at which the fields are asked for; they are smooth, so any will do

# Unknowns: name → controls that one unit of it moves. "open" is a jaw that parts the lips, "close" one that does not.
_UNKNOWNS: dict[str, dict[str, float]] = {
    "open": {"jaw": 1.0, "gap": 1.0},
    "close": {"jaw": 1.0},
    "jawLeft": {"jawSide": 1.0},
    "jawRight": {"jawSide": -1.0},
    "mouthLeft": {"mouthSide": 1.0},
    "mouthRight": {"mouthSide": -1.0},
    "funnel": {"funnel": 1.0, "funnelGap": 1.0},
    **{name: {name: 1.0} for name in ("pucker", "rollLower", "rollUpper", "shrugLower", "shrugUpper")},
    **{
        stem + side: {stem + side: 1.0}
        for stem in ("smile", "frown", "stretch", "press", "lower", "upper")
        for side in lm.SIDES
    },
    "browInner": {"browInner": 1.0},
    **{stem + side: {stem + side: 1.0} for stem in ("browDown", "browOuter") for side in lm.SIDES},
}
_NAMES = tuple(_UNKNOWNS)
_CONTROLS = tuple(sorted({control for parts in _UNKNOWNS.values() for control in parts}))

# MediaPipe sees less of a movement than there is: its share on the lips and brows, and elsewhere. Medians over six
# drawn portraits; the spread between them is about a tenth.
_SEEN: dict[str, tuple[float, float]] = {
    "open": (0.88, 0.68), "close": (0.80, 0.62), "funnel": (0.92, 0.60), "pucker": (0.75, 0.20), "smile": (0.70, 0.78),
    "frown": (0.76, 0.40), "stretch": (0.53, 0.10), "press": (0.69, 0.60), "lower": (1.0, 0.90), "upper": (0.80, 1.0),
    "rollLower": (0.27, 0.70), "rollUpper": (0.57, 1.0), "shrugLower": (0.86, 0.70), "shrugUpper": (0.84, 1.0),
    "jawLeft": (0.37, 0.27), "jawRight": (0.37, 0.27), "mouthLeft": (0.56, 0.30), "mouthRight": (0.56, 0.30),
    "browDown": (0.50, 0.50), "browInner": (0.64, 0.64), "browOuter": (0.52, 0.52),
}  # fmt: skip

_GAP_SEEN = 1.03  # of the distance between the inner lips

# Ridge: how much a full unit costs, in squared eye distances (the fields' own squares are 0.005 to 1). What landmarks
# hardly tell from something else costs more, so that the common cause is preferred.
_RIDGE = 0.001
_COSTS = {
    "open": 0.25, "close": 3.0, "jawLeft": 6.0, "jawRight": 6.0, "mouthLeft": 4.0, "mouthRight": 4.0, "frown": 3.0,
    "press": 10.0, "shrugLower": 6.0, "shrugUpper": 6.0, "rollLower": 2.0, "rollUpper": 4.0, "lower": 12.0,
    "upper": 10.0, "funnel": 6.0,
}  # fmt: skip
_SWEEPS = 60


def _stem(name: str) -> str:
    """The key in the tables above."""
    return name if name in _SEEN else name.removesuffix("Left").removesuffix("Right")


_WEIGHTS: tuple[tuple[lm.Indices, float], ...] = (
    (UPPER_SIDE + LOWER_SIDE + lm.MOUTH_CORNERS + (lm.LIP_UPPER_INNER[0], lm.LIP_UPPER_INNER[-1]), 1.0),
    (CHIN_AND_JAW, 0.15),
    (CHEEKS + NOSE, 0.5),
    (tuple(i for side in lm.SIDES for i in lm.BROW[side] + lm.BROW_LOWER[side]), 1.0),
)
_USED: lm.Indices = tuple(index for group, _ in _WEIGHTS for index in group)
_USED_ROWS, _LIPS = kept_rows(_USED), kept_rows((13, 14))
_LOWER_FACE = kept_rows((*CHIN_AND_JAW, *UPPER_SIDE, *LOWER_SIDE, *lm.MOUTH_CORNERS))
_NEAR_SHARE = 0.25  # of the frames are taken for those with the nearest lips
_WEIGHT = np.concatenate([np.full(len(group), weight) for group, weight in _WEIGHTS])
_ELSEWHERE = np.isin(_USED, CHIN_AND_JAW + CHEEKS + NOSE).astype(int)
_COST = _RIDGE * np.array([_COSTS.get(_stem(name), 1.0) for name in _NAMES])
_SHARE = np.array([_SEEN[_stem(name)] for name in _NAMES])[:, _ELSEWHERE]


def neutral_face(frontal: Doubles, gap: Doubles) -> Doubles:
    """A person's usual face with closed lips: every frame's lips are brought together, and the median is taken.

    How wide the mouth is, all frames tell; how high lips and chin are, those in which the lips are nearest.

    Args:
        frontal: float64 [T, len(KEPT), 3] of `HeadPoses`, frames with open eyes.
        gap: float64 [T], distance of the inner lips in them, eye distances.

    Returns:
        float64 [len(KEPT), 3].
    """
    near = gap <= np.quantile(gap, _NEAR_SHARE)
    face = np.median(frontal, axis=0)
    for _ in range(2):  # the fields are placed by the very face that is looked for
        opened = np.zeros_like(face)
        opened[:, :2] = _basis(face, KEPT)[_NAMES.index("open")]
        opened /= float(opened[_LIPS[1], 1] - opened[_LIPS[0], 1])
        closed = frontal - gap[:, None, None] * opened
        face = np.median(closed, axis=0)
        face[_LOWER_FACE, 1] = np.median(closed[near][:, _LOWER_FACE, 1], axis=0)
    return np.asarray(face, np.float64)


def coefficients(frontal: Doubles, neutral: Doubles) -> Floats:
    """ARKit coefficients of mouth, jaw and brows; lids and gaze stay zero.

    Args:
        frontal: float64 [T, len(KEPT), 3] of `HeadPoses`.
        neutral: float64 [len(KEPT), 3], this person's neutral face in the same frame.

    Returns:
        float32 [T, 60].
    """
    basis = _basis(neutral, _USED) * _SHARE[:, :, None]
    moved = (frontal[:, _USED_ROWS, :2] - neutral[_USED_ROWS, :2]) * _WEIGHT[:, None]
    weighted = (basis * _WEIGHT[:, None]).reshape(len(_NAMES), -1)
    found = bounded_least_squares(weighted.T, moved.reshape(len(moved), -1), _COST)
    # The fit spreads errors over all landmarks; between the lips there must be none: an opening or closure is heard.
    upper, lower = _USED.index(13), _USED.index(14)
    parted = (basis[:, lower, 1] - basis[:, upper, 1]) * _GAP_SEEN / _SEEN["open"][0]
    gap = (moved[:, lower, 1] - moved[:, upper, 1]) / _WEIGHT[upper]
    opened = _NAMES.index("open")
    found[:, opened] = np.clip(found[:, opened] + (gap - found @ parted) / parted[opened], 0.0, 1.0)
    return _as_arkit({name: found[:, i] for i, name in enumerate(_NAMES)})


def bounded_least_squares(matrix: Doubles, targets: Doubles, ridge: Doubles) -> Doubles:
    """Minimises |matrix·x - target|² + Σ ridge·x² over 0 ≤ x ≤ 1, for many targets at once, by coordinate descent.

    Args:
        matrix: float64 [M, N].
        targets: float64 [T, M].
        ridge: float64 [N], positive.

    Returns:
        float64 [T, N].
    """
    square = matrix.T @ matrix + np.diag(ridge)
    right = targets @ matrix
    x = np.zeros_like(right)
    for _ in range(_SWEEPS):
        for i in range(len(square)):
            x[:, i] = np.clip(x[:, i] + (right[:, i] - x @ square[i]) / square[i, i], 0.0, 1.0)
    return x


def _basis(neutral: Doubles, points: lm.Indices) -> Doubles:
    """Where one unit of every unknown moves given landmarks: [unknowns, landmarks, 2], eye distances."""
    mesh = to_mesh(neutral) * np.float32(_UNIT_PX)
    plane = lm.FacePlane.of(mesh)
    mouth = slit_between(plane, mesh, lm.LIP_UPPER_INNER, lm.LIP_LOWER_INNER, lm.MOUTH_CORNERS)
    fields = FaceFields(plane, mesh, mouth)
    pixels = mesh[list(points), :2][None]
    face, upper, lower = (fields.basis(pixels, _CONTROLS, sheet)[:, 0] for sheet in ("face", "upper", "lower"))
    on_upper, on_lower = (np.isin(points, side)[:, None] for side in (UPPER_SIDE, LOWER_SIDE))
    moved = np.where(on_upper, upper, np.where(on_lower, lower, face)) / _UNIT_PX
    mix = np.zeros((len(_NAMES), len(_CONTROLS)))
    for row, parts in enumerate(_UNKNOWNS.values()):
        for control, share in parts.items():
            mix[row, _CONTROLS.index(control)] = share
    return np.asarray(np.tensordot(mix, moved, axes=1), np.float64)


def _as_arkit(found: dict[str, Doubles]) -> Floats:
    """Undoes `avatar.mesh.controls.ControlMap`."""
    out = np.zeros((len(found["open"]), MotionLayout.SIZE), np.float32)

    def put(name: str, value: Doubles) -> None:
        out[:, _INDEX[name]] = np.clip(value, 0.0, 1.0)

    jaw = np.clip(found["open"] + found["close"], 0.0, 1.0)
    close = np.minimum(found["close"], jaw)
    left_open = np.clip(1.0 - close / np.maximum(jaw, 0.05), 0.2, 1.0)
    put("jawOpen", jaw)
    put("mouthClose", close)
    for name in ("jawLeft", "jawRight", "mouthLeft", "mouthRight"):
        put(name, found[name])
    funnel = found["funnel"]
    pucker = found["pucker"] / (1.0 - 0.5 * funnel)
    put("mouthFunnel", funnel)
    put("mouthPucker", pucker)
    for stem in ("rollLower", "rollUpper", "shrugLower", "shrugUpper"):
        put("mouth" + stem[0].upper() + stem[1:], found[stem])
    put("browInnerUp", found["browInner"])
    rounding = 1.0 - 0.6 * np.clip(np.maximum(funnel, pucker), 0.0, 1.0)
    for side in lm.SIDES:
        smile = found["smile" + side]
        put("mouthSmile" + side, smile / rounding)
        put("mouthStretch" + side, found["stretch" + side] / ((1.0 - 0.5 * smile) * rounding))
        put("mouthFrown" + side, found["frown" + side] / (1.0 - 0.5 * smile))
        put("mouthPress" + side, found["press" + side])
        put("mouthLowerDown" + side, found["lower" + side] / left_open)
        put("mouthUpperUp" + side, found["upper" + side] / left_open)
        brow_down = found["browDown" + side]
        put("browDown" + side, brow_down)
        put("browOuterUp" + side, found["browOuter" + side] / (1.0 - 0.5 * brow_down))
    return out


assert set(_USED) <= set(KEPT)
