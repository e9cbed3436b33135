"""What each emotion does to a face, as additions to the motion vector at full intensity.

After the prototypes of the Facial Action Coding System (Ekman & Friesen 1978; EMFACS), with what makes them differ from
one another on a small picture drawn strongest: brows, lids, corners of the mouth, nose.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from avatar.motion import Emotion, Floats, MotionLayout

EMOTIONS = tuple(Emotion)

# A stem without Left or Right moves both sides; negative numbers take away what speech or a friendly resting face puts
# there. Head angles in radians.
SHAPES: dict[Emotion, dict[str, float]] = {
    Emotion.NEUTRAL: {},
    # AU 6 + 12 + 25: cheeks raised, corners up and out, lips parted.
    Emotion.HAPPY: {
        "mouthSmile": 0.85, "cheekSquint": 0.70, "eyeSquint": 0.25, "mouthDimple": 0.20, "mouthUpperUp": 0.15,
        "browOuterUp": 0.15, "browInnerUp": 0.05, "headPitch": 0.02,
    },
    # AU 1 + 4 + 15 + 17, upper lids heavy, head low.
    Emotion.SAD: {
        "browInnerUp": 0.85, "browDown": 0.12, "browOuterUp": -0.30, "mouthFrown": 0.85, "mouthShrugLower": 0.40,
        "mouthSmile": -0.60, "eyeBlink": 0.20, "mouthPucker": 0.08, "headPitch": -0.09, "headRoll": 0.03,
    },
    # AU 4 + 5 + 7 + 23: brows down and together, their tails up, eyes hard, lips tight, chin forward.
    Emotion.ANGRY: {
        "browDown": 1.00, "browInnerUp": -0.60, "browOuterUp": 0.35, "eyeSquint": 0.45, "eyeWide": 0.35,
        "noseSneer": 0.40, "mouthPress": 0.50, "mouthFrown": 0.45, "mouthSmile": -0.60, "jawForward": 0.30,
        "headPitch": -0.06,
    },
    # AU 1 + 2 + 5 + 26: brows high, eyes wide, jaw dropped; a little of a frown, which takes a photo's own smile back.
    Emotion.SURPRISED: {
        "browInnerUp": 0.80, "browOuterUp": 0.85, "eyeWide": 0.60, "jawOpen": 0.16, "mouthFunnel": 0.12,
        "mouthSmile": -0.30, "mouthFrown": 0.20, "headPitch": 0.04,
    },
    # AU 1 + 2 + 4 + 5 + 20: brows raised and straight, eyes wide, corners drawn back.
    Emotion.AFRAID: {
        "browInnerUp": 0.90, "browDown": 0.30, "browOuterUp": 0.35, "eyeWide": 0.70, "mouthStretch": 0.80,
        "mouthFrown": 0.25, "mouthLowerDown": 0.20, "mouthSmile": -0.60, "headPitch": -0.03,
    },
    # AU 9 + 10 + 17 + 7: nose wrinkled, upper lip raised, eyes narrowed.
    Emotion.DISGUSTED: {
        "noseSneer": 1.00, "mouthUpperUp": 0.45, "browDown": 0.45, "browInnerUp": -0.30, "cheekSquint": 0.70,
        "eyeSquint": 0.70, "mouthFrown": 0.35, "mouthShrugLower": 0.30, "mouthSmile": -0.60, "headPitch": 0.03,
        "headYaw": 0.05,
    },
    # AU 12 + 14 of one side, the other brow raised, lids half down, head back.
    Emotion.CONTEMPTUOUS: {
        "mouthSmileLeft": 0.80, "mouthDimpleLeft": 0.70, "cheekSquintLeft": 0.35, "mouthSmileRight": -0.60,
        "mouthFrownRight": 0.20, "mouthPress": 0.20, "mouthLeft": 0.20, "browOuterUpRight": 0.60,
        "browDownLeft": 0.25, "eyeBlink": 0.15, "headPitch": 0.07, "headRoll": 0.04,
    },
}  # fmt: skip

AROUSAL: dict[Emotion, float] = {
    Emotion.NEUTRAL: 0.0,
    Emotion.HAPPY: 0.20,
    Emotion.SAD: -0.30,
    Emotion.ANGRY: 0.20,
    Emotion.SURPRISED: 0.15,
    Emotion.AFRAID: 0.05,
    Emotion.DISGUSTED: 0.0,
    Emotion.CONTEMPTUOUS: -0.15,
}
"""How much livelier than at rest who feels it moves, in units of `Controls.composure`."""


GLOOMY = frozenset({Emotion.SAD, Emotion.ANGRY, Emotion.AFRAID, Emotion.DISGUSTED, Emotion.CONTEMPTUOUS})
"""Who feels these has no smile left, however lively the voice."""

LIVELY: dict[str, float] = {
    "mouthSmile": 0.18, "cheekSquint": 0.16, "browInnerUp": 0.06, "browOuterUp": 0.10, "eyeWide": 0.06,
}  # fmt: skip
"""What a voice as lively as any brings to the face of who speaks so."""

VOICE_AROUSAL = 0.22
"""How much livelier it makes the movements, as AROUSAL; a flat voice makes them as much calmer."""


def additions() -> Floats:
    """The shapes as a matrix: float32 [len(EMOTIONS), 60]."""
    return np.stack([motion_vector(SHAPES[emotion]) for emotion in EMOTIONS])


def motion_vector(values: Mapping[str, float]) -> Floats:
    """Values by name, a name without a side meaning both sides, all else zero: float32 [60]."""
    out = np.zeros(MotionLayout.SIZE, np.float32)
    for name, value in values.items():
        for target in (name,) if name in MotionLayout.INDEX else (name + "Left", name + "Right"):
            out[MotionLayout.INDEX[target]] = value
    return out
