"""What the mouth does in held-out speech, for each kind of voice, against what it is held to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from avatar.evaluation.bands import CLOSED_ELSEWHERE, LIPS_MEET, MOVES_IN_SILENCE, TEETH_MEET
from avatar.evaluation.behaviour import silent_share
from avatar.evaluation.curves import aperture, correlation
from avatar.evaluation.lips import LipGeometry
from avatar.evaluation.phonemes import PhonemeMeasures, events, phoneme_measures
from avatar.evaluation.results import Band, Section, row
from avatar.evaluation.speech.held_out import NATURAL, ROBOT, kind_of
from avatar.evaluation.speech.speech_track import SpeechTrack, SpokenPart, speech_and_silence
from avatar.motion import FRAME_RATE_HZ, Floats

_SHARES: tuple[tuple[str, str, int, Band | None], ...] = (
    ("p b m: lips' edges ≤ 1 px apart", "lips_meet", 1, LIPS_MEET),
    ("p b m: visible opening ≤ 1 px", "lips_look_closed", 1, None),
    ("f v: lip at upper teeth, lips apart", "at_teeth_parted", 1, TEETH_MEET),
    ("f v: lip at upper teeth", "at_teeth", 1, None),
    ("speech away from p b m with closed lips", "closed_elsewhere", 1, CLOSED_ELSEWHERE),
    ("vowels with closed lips", "vowels_closed", 1, None),
)


@dataclass(frozen=True, slots=True)
class _OfOneKind:
    """Figures of the parts of a track that one kind of voice says."""

    phonemes: PhonemeMeasures
    in_silence: float | None
    aperture_r: float | None
    seconds: float


def held_out_section(track: SpeechTrack, values: Floats, rule: Floats, lips: LipGeometry) -> Section:
    """The table.

    Args:
        track: held-out speech.
        values: float32 [T, 60], the motion made for it.
        rule: float32 [T, 60], `rule_motion` of it.
        lips: of the portrait.
    """
    kinds = [kind for kind in (NATURAL, ROBOT) if any(kind_of(part.voice) == kind for part in track.parts)]
    columns = ("all", *kinds) if len(kinds) > 1 else tuple(kinds)
    found = []
    for column in columns:
        parts = [part for part in track.parts if column in ("all", kind_of(part.voice))]
        found.append(_measured(track, parts, values, rule, lips))
    rows = [
        row(name, [getattr(one.phonemes, field) for one in found], "%", digits, [band] * len(found))
        for name, field, digits, band in _SHARES
    ]
    silence = [one.in_silence for one in found]
    rows += [
        row("mouth in silence: spread over that in speech", silence, "%", 1, [MOVES_IN_SILENCE] * len(found)),
        row("vowel aperture, rank r with the rule's: tokens", [one.phonemes.token_rank for one in found]),
        row("vowel aperture, rank r: classes", [one.phonemes.class_rank for one in found]),
        row("aperture against the rule's, r at lag 0", [one.aperture_r for one in found]),
        *(
            row(f"how many {name}", [float(getattr(one.phonemes, field)) for one in found], digits=0)
            for name, field in (("p b m", "contacts"), ("f v", "teeth"), ("vowels", "vowels"))
        ),
        row("length", [one.seconds for one in found], "s", 0),
    ]
    note = "Best within ±1 frame of the phoneme. Voices and texts that training never heard."
    return Section("Held-out speech", columns, tuple(rows), note)


def _measured(
    track: SpeechTrack, parts: Sequence[SpokenPart], values: Floats, rule: Floats, lips: LipGeometry
) -> _OfOneKind:
    opening, wanted = aperture(values), aperture(rule)
    speech, silence = speech_and_silence(track.sound, track.frames)
    own = _frames_of(track, parts)
    return _OfOneKind(
        phoneme_measures(values, rule, events(parts, track.frames), lips),
        silent_share(opening, speech & own, silence & own),
        correlation(opening[own], wanted[own]),
        float(np.count_nonzero(own)) / FRAME_RATE_HZ,
    )


def _frames_of(track: SpeechTrack, parts: Sequence[SpokenPart]) -> npt.NDArray[np.bool_]:
    """The frames of these parts, each with the silence after it."""
    starts = [*(part.first_frame for part in track.parts), track.frames]
    own = np.zeros(track.frames, bool)
    for part, stop in zip(track.parts, starts[1:], strict=True):
        own[part.first_frame : stop] = part in parts
    return own
