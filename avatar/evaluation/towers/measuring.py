"""Scores of a motion against its sound by towers that the user trained; no score without proof that they can tell."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from avatar.evaluation.towers.file import load_towers
from avatar.evaluation.towers.measures import ShiftTable, offset_and_confidence, shift_table
from avatar.evaluation.towers.model import TowerKind
from avatar.evaluation.towers.windows import stream
from avatar.motion import FRAME_RATE_HZ, Floats, MotionLayout
from avatar.sampler.features import recording_features
from speech.audio import SPEECH_RATE_HZ
from speech.errors import InputError


@dataclass(frozen=True, slots=True)
class TowerScore:
    """What trained towers say about one clip.

    Attributes:
        kind: of the towers.
        score: mean cosine with nothing shifted; None where there is no figure to give.
        offset_frames: where the clip fits best within ±15 frames, positive when the motion is late; None as above.
        confidence: `offset_and_confidence`; None as above.
        table: the shift table of this clip; None as above.
        held_out: the towers' own table, of scenes that they were not trained on: read every figure against it.
        data: what the towers were trained on.
        refusal: why figures are missing, one line; empty if none is.
    """

    kind: TowerKind
    score: float | None
    offset_frames: int | None
    confidence: float | None
    table: ShiftTable | None
    held_out: ShiftTable
    data: str
    refusal: str = ""


def score_motion(weights: Path, sound: Floats, motion: Floats, *, kind: TowerKind | None = None) -> TowerScore:
    """Scores a motion against the sound that it is shown with.

    Args:
        weights: of `visavis train sync` or `visavis train capp`.
        sound: float32 [N] at 16 kHz, beginning with the motion.
        motion: float32 [T, 60], 25 frames a second. What is longer of the two is cut.
        kind: that the weights must be of; any if None.

    Returns:
        The figures; none, but the reason, if the towers don't tell matching from shifted motion on their own held-out
        scenes, or if the clip is too short or silent.

    Raises:
        InputError: the weights can't be read or are of another kind, or the motion is not of this shape.
    """
    if motion.ndim != 2 or motion.shape[1] != MotionLayout.SIZE:
        raise ValueError(f"motion: expected an array [T, {MotionLayout.SIZE}], got {list(motion.shape)}")
    trained = load_towers(weights, kind)
    model, held_out = trained.model, trained.held_out
    score: float | None = None
    offset: int | None = None
    confidence: float | None = None
    table: ShiftTable | None = None
    refusal = ""
    frames = min(len(motion), len(sound) * FRAME_RATE_HZ // SPEECH_RATE_HZ)
    if not held_out.peaked:
        refusal = (
            f"{weights}: these towers can't tell matching from shifted motion on scenes that they were not trained on; "
            "train them on more videos"
        )
    elif frames < model.config.frames:
        refusal = f"expected at least {model.config.frames / FRAME_RATE_HZ:.2f} s of sound and motion, got less"
    else:
        features = recording_features(sound, SPEECH_RATE_HZ)[:frames]
        clip = stream(model.kind, model.config, features, motion[:frames, list(MotionLayout.SAMPLED)])
        try:
            table = shift_table(model, [clip])
            score = table.at_zero
            offset, confidence = offset_and_confidence(model, clip)
        except InputError as error:  # a short clip has a table, but no room to look for the offset in
            refusal = str(error)
    return TowerScore(model.kind, score, offset, confidence, table, held_out, trained.data, refusal)
