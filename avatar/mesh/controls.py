"""Maps the 60 numbers to the controls of the displacement fields, with corrections where plain sums fail.

ARKit's coefficients are not independent on a real face: lips can stay together while the jaw drops, a blink takes
what squinting has left over, rounding wins over smiling. These rules turn them into controls whose fields may simply
be added.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from avatar.geometry.landmarks import SIDES
from avatar.motion import GAZE_AT_FULL_LOOK_RAD, Floats, MotionLayout

MOUTH_CONTROLS: tuple[str, ...] = (
    *("jaw", "gap", "gapMiddle", "jawForward", "jawSide", "funnel", "funnelGap", "pucker", "mouthSide"),
    *("rollLower", "rollUpper", "shrugLower", "shrugPush", "shrugUpper", "puff"),
    *(
        stem + side
        for stem in ("smile", "frown", "unsmile", "dimple", "stretch", "press", "lower", "upper")
        for side in SIDES
    ),
)
FACE_CONTROLS: tuple[str, ...] = (
    *("browInner", "nostrils"),
    *(stem + side for stem in ("browDown", "browOuter", "cheek", "sneer") for side in SIDES),
)
LID_CONTROLS: tuple[str, ...] = tuple(stem + side for side in SIDES for stem in ("lidUpper", "lidLower"))
CONTROLS: tuple[str, ...] = ("rest", *MOUTH_CONTROLS, *FACE_CONTROLS, *LID_CONTROLS)
"""All of them, in the order of the vector; "rest" is always 1 and holds what brings the photo to a neutral start."""
INDEX = {name: i for i, name in enumerate(CONTROLS)}

# Upper lid: share of the eye's opening that it comes down by at eyeSquint = 1, goes up by at eyeWide = 1, and follows
# a full look down or up by. Lower lid: likewise, in units of its own full lift.
_SQUINT_UPPER, _WIDE_UPPER, _LOOK_DOWN_UPPER, _LOOK_UP_UPPER = 0.22, 0.26, 0.72, 0.42
_SQUINT_LOWER, _WIDE_LOWER, _CHEEK_LOWER, _SMILE_LOWER, _LOOK_LOWER, _BLINK_LOWER = 1.0, 0.2, 0.65, 0.3, 0.35, 0.72
# A smile lifts the cheek by this share of what squinting does.
_SMILE_CHEEK = 0.75

# A gap up to this is one in the middle of the lips only; what exceeds it opens them from corner to corner.
_MIDDLE_GAP = 0.08
# A full jaw keeps the upper lip from rising by so much.
_STRETCHES_UPPER = 0.4

_Reader = Callable[[str], float]


class ControlMap:
    """Maps a motion vector, float32 [60], and a breath to the controls of the fields, float32 [len(CONTROLS)]."""

    def __init__(self) -> None:
        self._at = MotionLayout.INDEX

    def __call__(self, values: Floats, breath: float = 0.0) -> Floats:
        """The controls of one motion vector; coefficients outside [0, 1] are clipped, a deep breath is not."""
        face = np.clip(values, 0.0, 1.0).tolist()
        at = self._at

        def of(name: str) -> float:
            return float(face[at[name]])

        out: dict[str, float] = {"rest": 1.0}
        jaw, close = of("jawOpen"), of("mouthClose")
        # Share of the opening that is left once the lips have been brought together.
        left_open = 1.0 - min(1.0, close / max(jaw, 0.05))
        out["jaw"] = jaw
        out["gap"] = max(jaw - close, 0.0)
        out["gapMiddle"] = min(out["gap"], _MIDDLE_GAP)
        out["jawForward"] = of("jawForward")
        out["jawSide"] = of("jawLeft") - of("jawRight")
        out["mouthSide"] = of("mouthLeft") - of("mouthRight")
        funnel, pucker = of("mouthFunnel"), of("mouthPucker")
        out["funnel"] = funnel
        out["funnelGap"] = funnel * left_open
        out["pucker"] = pucker * (1.0 - 0.5 * funnel)
        rounding = max(funnel, pucker)
        twist = 0.5 * abs(out["jawSide"] - out["mouthSide"])
        for stem in ("rollLower", "rollUpper", "shrugLower", "shrugUpper"):
            out[stem] = of("mouth" + stem[0].upper() + stem[1:])
        # The chin pushes the upper lip up through the lower one, as long as they touch.
        out["shrugPush"] = out["shrugLower"] * (1.0 - min(out["gap"] / _MIDDLE_GAP, 1.0))
        # A lip that the chin pushes up can hardly be rolled in as well.
        out["rollUpper"] *= 1.0 - 0.5 * out["shrugLower"]
        out["rollLower"] *= 1.0 - 0.5 * out["shrugLower"]
        out["puff"] = of("cheekPuff")
        out["browInner"] = of("browInnerUp")
        out["nostrils"] = breath
        for side in SIDES:
            smile = of("mouthSmile" + side) * (1.0 - 0.6 * rounding)
            out["smile" + side] = smile
            frown = of("mouthFrown" + side)
            # A corner goes up or down.
            out["frown" + side] = frown * (1.0 - 0.5 * smile)
            # Before a mouth frowns, and as it is rounded, the smile goes that the photo may have.
            out["unsmile" + side] = max(1.0 - (1.0 - frown) ** 5, rounding) * (1.0 - smile)
            out["dimple" + side] = of("mouthDimple" + side)
            # Smile, stretch and dimple pull the same corner: what one has taken the others can't.
            out["stretch" + side] = of("mouthStretch" + side) * (1.0 - 0.5 * smile) * (1.0 - 0.6 * rounding)
            # Lips that are rolled in, or pushed up by the chin, have no more to be pressed thin.
            taken = 0.7 * max(out["rollLower"], out["rollUpper"], out["shrugLower"])
            out["press" + side] = of("mouthPress" + side) * (1.0 - out["gap"]) * (1.0 - taken)
            # Lips that are drawn together give way less; a dropped jaw stretches the upper one over the teeth, and a
            # funnel has turned the lower one down already: there is less skin left between it and the chin, and none
            # where mouth and jaw go to different sides.
            gives_way = left_open * (1.0 - 0.45 * rounding)
            out["lower" + side] = of("mouthLowerDown" + side) * gives_way * (1.0 - 0.5 * funnel * (1.0 + twist))
            out["upper" + side] = of("mouthUpperUp" + side) * gives_way * (1.0 - _STRETCHES_UPPER * jaw)
            brow_down = of("browDown" + side)
            out["browDown" + side] = brow_down
            out["browOuter" + side] = of("browOuterUp" + side) * (1.0 - 0.5 * brow_down)
            out["cheek" + side] = max(of("cheekSquint" + side), _SMILE_CHEEK * smile)
            out["sneer" + side] = of("noseSneer" + side)
            self._lids(out, values, of, side)
        return np.array([out[name] for name in CONTROLS], np.float32)

    def _lids(self, out: dict[str, float], values: Floats, of: _Reader, side: str) -> None:
        pitch = float(np.clip(values[self._at["gazePitch"]] / GAZE_AT_FULL_LOOK_RAD, -1.0, 1.0))
        down, up = max(-pitch, 0.0), max(pitch, 0.0)
        blink, squint, wide = of("eyeBlink" + side), of("eyeSquint" + side), of("eyeWide" + side)
        before = _SQUINT_UPPER * squint - _WIDE_UPPER * wide + _LOOK_DOWN_UPPER * down - _LOOK_UP_UPPER * up
        out["lidUpper" + side] = before + blink * (1.0 - before)
        lift = _SQUINT_LOWER * squint + _CHEEK_LOWER * out["cheek" + side] + _SMILE_LOWER * out["smile" + side]
        lift = min(lift, 1.0) - _WIDE_LOWER * wide - _LOOK_LOWER * down
        out["lidLower" + side] = max(lift, _BLINK_LOWER * blink)


def control_rows(controls: tuple[str, ...]) -> npt.NDArray[np.intp]:
    """Rows of given controls in the vector of all controls."""
    return np.array([INDEX[name] for name in controls], np.intp)
