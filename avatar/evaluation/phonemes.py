"""Whether the mouth does at each phoneme what the phoneme needs: contacts, and how far vowels open."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from avatar.evaluation.curves import aperture, rank_correlation
from avatar.evaluation.lips import LipGeometry
from avatar.evaluation.results import Row, Section, row
from avatar.evaluation.speech.speech_track import SpokenPart
from avatar.motion import FRAME_RATE_HZ, Floats, MotionLayout
from avatar.training.gestures.visemes import VISEMES, VOWELS
from avatar.training.phoneme_symbols import visemes_of

CLOSED_GAP_PX = 1.0
"""Lips whose edges are no further apart are closed."""
AT_TEETH_PX = 2.0
"""The lower lip meets the upper teeth where its edge is no further from theirs."""
CLOSED_APERTURE = 0.02
"""Of jawOpen - mouthClose; 1 px of the shipped portraits."""
ROLLED_LIP = 0.35
"""Of mouthRollLower, which draws the lower lip under the teeth."""

_NEAR_FRAMES = 1
_AWAY_FRAMES = 2
_FEWEST_OF_A_CLASS = 3


@dataclass(frozen=True, slots=True)
class PhonemeEvent:
    """A phoneme in a track: its kind is "lips" (p b m), "teeth" (f v), "vowel" or "" (others); frames [first, stop)."""

    kind: str
    viseme: str
    first: int
    stop: int

    def near(self, frames: int) -> slice:
        """Its frames and one more on either side."""
        return slice(max(0, self.first - _NEAR_FRAMES), min(frames, self.stop + _NEAR_FRAMES))


def events(parts: Sequence[SpokenPart], frames: int) -> list[PhonemeEvent]:
    """The phonemes of a track of so many frames, in order, pauses left out."""
    return list(_events(parts, frames))


def _events(parts: Sequence[SpokenPart], frames: int) -> Iterator[PhonemeEvent]:
    for part in parts:
        for phone in part.phones:
            viseme = visemes_of(phone.symbol, phone.alphabet)[0]
            first = part.first_frame + int(phone.start_s * FRAME_RATE_HZ)
            stop = min(frames, part.first_frame + int(phone.end_s * FRAME_RATE_HZ) + 1)
            kind = "vowel" if viseme in VOWELS else VISEMES[viseme].contact
            if phone.symbol and first < stop:
                yield PhonemeEvent(kind, viseme, first, stop)


@dataclass(frozen=True, slots=True)
class PhonemeMeasures:
    """Shares of phonemes with what they need within a frame of them; None where there is no such phoneme.

    Attributes:
        lips_meet: p b m with the edges of the lips within CLOSED_GAP_PX.
        lips_look_closed: p b m with a visible opening of at most CLOSED_GAP_PX.
        lips_low_aperture: p b m with jawOpen - mouthClose under CLOSED_APERTURE.
        at_teeth: f v with the lower lip at the upper teeth's edge or over it.
        at_teeth_parted: the same with the lips apart at the same time, as f and v need it.
        near_edge: f v with the lower lip's edge within AT_TEETH_PX of that of the teeth, over or under.
        rolled: f v with mouthRollLower over ROLLED_LIP.
        closed_elsewhere: frames of speech, none of them within two frames of a p b m, with closed lips.
        vowels_closed: vowels in all of whose frames the lips are closed: a mouth that hardly moves.
        vowels_parted_at_teeth: vowels that would pass for an f or v.
        token_rank: rank correlation over vowels of the mean aperture with the rule's.
        class_rank: the same over the means of the vowel classes.
        gap_token_rank: as token_rank, of the drawn gap.
        contacts: how many p b m.
        teeth: how many f v.
        vowels: how many vowels.
    """

    lips_meet: float | None
    lips_look_closed: float | None
    lips_low_aperture: float | None
    at_teeth: float | None
    at_teeth_parted: float | None
    near_edge: float | None
    rolled: float | None
    closed_elsewhere: float | None
    vowels_closed: float | None
    vowels_parted_at_teeth: float | None
    token_rank: float | None
    class_rank: float | None
    gap_token_rank: float | None
    contacts: int
    teeth: int
    vowels: int


def _share(passed: list[bool]) -> float | None:
    return float(np.mean(passed)) if passed else None


def phoneme_measures(values: Floats, rule: Floats, found: Sequence[PhonemeEvent], lips: LipGeometry) -> PhonemeMeasures:
    """Measures a motion at its phonemes.

    Args:
        values: float32 [T, 60].
        rule: float32 [T, 60], `speech_track.rule_motion` of the same track.
        found: `events` of the track.
        lips: of a portrait.
    """
    at, of_rule, opening = lips(values), lips(rule), aperture(values)
    roll = values[:, MotionLayout.INDEX["mouthRollLower"]]
    touching = at.over_teeth_px >= -AT_TEETH_PX
    parted = touching & (at.gap_px > CLOSED_GAP_PX)
    close = np.abs(at.over_teeth_px) <= AT_TEETH_PX
    near = {
        kind: [event.near(len(values)) for event in found if event.kind == kind] for kind in ("lips", "teeth", "vowel")
    }
    vowels = [event for event in found if event.kind == "vowel"]
    means, rule_means, gaps, rule_gaps = (
        np.array([curve[event.first : event.stop].mean() for event in vowels], np.float32)
        for curve in (opening, aperture(rule), at.gap_px, of_rule.gap_px)
    )
    return PhonemeMeasures(
        lips_meet=_share([bool(at.gap_px[part].min() <= CLOSED_GAP_PX) for part in near["lips"]]),
        lips_look_closed=_share([bool(at.visible_px[part].min() <= CLOSED_GAP_PX) for part in near["lips"]]),
        lips_low_aperture=_share([bool(opening[part].min() < CLOSED_APERTURE) for part in near["lips"]]),
        at_teeth=_share([bool(touching[part].any()) for part in near["teeth"]]),
        at_teeth_parted=_share([bool(parted[part].any()) for part in near["teeth"]]),
        near_edge=_share([bool(close[part].any()) for part in near["teeth"]]),
        rolled=_share([bool((roll[part] > ROLLED_LIP).any()) for part in near["teeth"]]),
        closed_elsewhere=_share((at.gap_px[_away_from_lips(found, len(values))] <= CLOSED_GAP_PX).tolist()),
        vowels_closed=_share([bool(at.gap_px[e.first : e.stop].max() <= CLOSED_GAP_PX) for e in vowels]),
        vowels_parted_at_teeth=_share([bool(parted[part].any()) for part in near["vowel"]]),
        token_rank=rank_correlation(means, rule_means),
        class_rank=_class_rank(vowels, means, rule_means),
        gap_token_rank=rank_correlation(gaps, rule_gaps),
        contacts=len(near["lips"]),
        teeth=len(near["teeth"]),
        vowels=len(vowels),
    )


def _away_from_lips(found: Sequence[PhonemeEvent], frames: int) -> npt.NDArray[np.bool_]:
    spoken, lips = np.zeros(frames, bool), np.zeros(frames, bool)
    for event in found:
        spoken[event.first : event.stop] = True
        if event.kind == "lips":
            lips[max(0, event.first - _AWAY_FRAMES) : event.stop + _AWAY_FRAMES] = True
    return spoken & ~lips


def _class_rank(vowels: Sequence[PhonemeEvent], ours: Floats, theirs: Floats) -> float | None:
    classes = np.array([event.viseme for event in vowels])
    kept = [name for name in VOWELS if np.count_nonzero(classes == name) >= _FEWEST_OF_A_CLASS]
    means = [np.array([curve[classes == name].mean() for name in kept]) for curve in (ours, theirs)]
    return rank_correlation(*means)


_SHARES: tuple[tuple[str, str], ...] = (
    ("p b m: lips' edges ≤ 1 px apart", "lips_meet"),
    ("p b m: visible opening ≤ 1 px", "lips_look_closed"),
    ("p b m: jawOpen - mouthClose < 0.02", "lips_low_aperture"),
    ("f v: lip at upper teeth, lips apart", "at_teeth_parted"),
    ("f v: lip at upper teeth", "at_teeth"),
    ("f v: lip within 2 px of teeth's edge", "near_edge"),
    ("f v: mouthRollLower > 0.35", "rolled"),
    ("speech away from p b m with closed lips", "closed_elsewhere"),
    ("vowels with closed lips", "vowels_closed"),
    ("vowels: lip at upper teeth, lips apart", "vowels_parted_at_teeth"),
)
_RANKS: tuple[tuple[str, str], ...] = (
    ("vowel aperture, rank r with rule: tokens", "token_rank"),
    ("vowel aperture, rank r: classes", "class_rank"),
    ("vowel gap as drawn, rank r: tokens", "gap_token_rank"),
)


def phoneme_section(measured: dict[str, PhonemeMeasures], note: str) -> Section:
    """The table of several motions of the same speech, by whose they are."""
    every = list(measured.values())
    rows: list[Row] = [row(name, [getattr(m, field) for m in every], "%", 0) for name, field in _SHARES]
    rows += [row(name, [getattr(m, field) for m in every]) for name, field in _RANKS]
    one = every[0]
    counted = (
        f"{one.contacts} p b m, {one.teeth} f v, {one.vowels} vowels; best within ±1 frame of the phoneme. At the "
        "upper teeth: the lower lip's edge at most 2 px below theirs, or over them; vowels tell the chance level. "
        f"{note}"
    )
    return Section("Phonemes", tuple(measured), tuple(rows), counted.strip())
