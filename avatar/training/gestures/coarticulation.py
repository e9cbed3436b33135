"""Targets blended over time: a dominance model of coarticulation with hard lip contacts.

Every phoneme has a target for a few gestures and says how strongly it insists on each (Cohen & Massaro 1993); curves
are the weighted blend, so that weak consonants take the shape of their neighbours and rounding starts before the
sound. Contacts are not blended: lips meet for p b m, and the lower lip meets the upper teeth for f v, whatever stands
beside them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from avatar.motion import Floats
from avatar.training.gestures.visemes import VISEMES, VOWELS, Viseme


@dataclass(frozen=True, slots=True)
class Coarticulation:
    """The numbers of the rule that hold for everybody.

    Attributes:
        jaw_before_s: reach of a target for jaw and lips before its phoneme, a time constant.
        jaw_after_s: the same after it.
        round_before_s: reach of rounding and spreading before their phoneme, a time constant.
        round_after_s: the same after it.
        contact_ramp_s: how long lips take to meet, and to part again.
        contact_least_s: how long a contact lasts at least.
        vowels: scale of the vowels' opening.
        consonants: scale of the consonants' opening.
        stress: how far stress changes a vowel's opening: 1 by STRESS_SCALE, 0 not at all.
        opening_by_loudness: what a unit of loudness (the recording's loud vowels) adds to the scale of all opening.
        opening_at_start: what the beginning of a phrase adds to that scale.
        spread: scale of spreading and of what goes with it.
        spread_by_opening: by how much corners go back for every unit of the jaw.
        funnel: scale of lips pushed forward.
        pucker: scale of lips drawn together.
        rounded_closing: by how much fully rounded lips open less than their target says.
        pause_keeps_open_s: how long after its last sound a mouth keeps its shape.
    """

    jaw_before_s: float = 0.068
    jaw_after_s: float = 0.042
    round_before_s: float = 0.06
    round_after_s: float = 0.07
    contact_ramp_s: float = 0.11
    contact_least_s: float = 0.084
    vowels: float = 1.0
    consonants: float = 1.5
    stress: float = 0.4
    opening_by_loudness: float = 0.45
    opening_at_start: float = -0.08
    spread: float = 0.55
    spread_by_opening: float = 0.9
    funnel: float = 0.35
    pucker: float = 0.86
    rounded_closing: float = 0.75
    pause_keeps_open_s: float = 0.085


COARTICULATION = Coarticulation()
"""As the rule ships."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A time with one mouth shape: the viseme, seconds, and stress from 0 (none) to 2 (primary)."""

    viseme: str
    start_s: float
    end_s: float
    stress: float


@dataclass(frozen=True, slots=True)
class Gestures:
    """What the mouth does, float32 [N] each: blended targets, and how complete the two contacts are."""

    jaw: Floats
    lips: Floats
    funnel: Floats
    pucker: Floats
    spread: Floats
    tongue: Floats
    lips_meet: Floats
    teeth_meet: Floats


_BLENDED = ("jaw", "lips", "funnel", "pucker", "spread", "tongue")
TONGUE_REACH_S = (0.035, 0.035)
# A contact is complete from a little before the phoneme's start until a little before its end.
CONTACT_LEAD_S, CONTACT_TAIL_S = 0.006, 0.012
# A vowel up to the first length parts lips by so much, one from the second length on needs no help (seconds).
SHORT_VOWEL_PARTS, SHORT_VOWEL_S = 0.6, (0.06, 0.12)
STRESS_SCALE = (0.86, 1.02, 1.14)  # none, secondary, primary
BREATH_BEFORE_S = 0.09  # lips part this long before the first sound (the sampler hears 80 ms ahead)
_USUAL_LOUDNESS = 7.0 / 9.0  # of speech, at which loudness scales nothing
_FURTHEST = 13.0  # time constants beyond which a target has no say
# After a silence of so long a phrase begins, which is felt for so long (a time constant).
_PHRASE_PAUSE_S, _PHRASE_S = 0.15, 0.3
_OPENING_LIMITS = (0.2, 1.8)


def _reach(times: Floats, segment: Segment, before_s: float, after_s: float) -> Floats:
    """Dominance over time: 1 inside the middle of the segment, falling exponentially outside."""
    # The target is insisted on in the middle; edges belong to both neighbours.
    inset = 0.2 * (segment.end_s - segment.start_s)
    early = np.clip(segment.start_s + inset - times, 0.0, None) / before_s
    late = np.clip(times - (segment.end_s - inset), 0.0, None) / after_s
    return np.exp(-early - late).astype(np.float32)


def _contact(times: Floats, start_s: float, end_s: float, numbers: Coarticulation) -> Floats:
    """1 during a contact, with ramps before and after."""
    start, end, ramp = start_s - CONTACT_LEAD_S, end_s - CONTACT_TAIL_S, numbers.contact_ramp_s
    if end - start < numbers.contact_least_s:
        middle = (start + end) / 2.0
        start, end = middle - numbers.contact_least_s / 2.0, middle + numbers.contact_least_s / 2.0
    part = np.clip(np.minimum(times - start + ramp, end + ramp - times) / ramp, 0.0, 1.0)
    # Lips meet at nearly their full speed, and come from far away smoothly (Löfqvist & Gracco 1997).
    return (part * part).astype(np.float32)


def _parting(times: Floats, start_s: float, end_s: float) -> Floats:
    """How far a short vowel takes contacts beside it back in its middle: else lips would stay shut from m to b."""
    length_s, middle_s = end_s - start_s, (start_s + end_s) / 2.0
    short = np.clip((SHORT_VOWEL_S[1] - length_s) / (SHORT_VOWEL_S[1] - SHORT_VOWEL_S[0]), 0.0, 1.0)
    inside = np.clip(1.0 - np.abs(times - middle_s) / max(length_s / 2.0, 1e-3), 0.0, 1.0)
    return np.asarray(SHORT_VOWEL_PARTS * short * inside, np.float32)


def blend(segments: Sequence[Segment], times: Floats, numbers: Coarticulation) -> Gestures:
    """What segments ask for, in order, at the given times (seconds): before loudness, style and the rest scale it."""
    total = np.zeros((len(_BLENDED), len(times)), np.float32)
    weight = np.full((len(_BLENDED), len(times)), 1e-6, np.float32)
    lips_meet, teeth_meet, parted = (np.zeros(len(times), np.float32) for _ in range(3))
    reaches = {
        "jaw": (numbers.jaw_before_s, numbers.jaw_after_s),
        "round": (numbers.round_before_s, numbers.round_after_s),
        "tongue": TONGUE_REACH_S,
    }
    furthest = _FURTHEST * max(max(pair) for pair in reaches.values())
    for index, segment in enumerate(segments):
        viseme = VISEMES[segment.viseme]
        start, end = segment.start_s, segment.end_s
        if segment.viseme == "rest":
            # Pauses: the mouth keeps its shape at first, and parts before speech resumes.
            last = index == len(segments) - 1
            keep = min(numbers.pause_keeps_open_s, 0.45 * (end - start)) if index else 0.0
            breath = 0.0 if last else min(BREATH_BEFORE_S, 0.3 * (end - start))
            segment = Segment("rest", start + keep, end - breath, 0.0)
        near = slice(*np.searchsorted(times, (start - furthest, end + furthest)))
        reach = {kind: _reach(times[near], segment, *pair) for kind, pair in reaches.items()}
        for row, name in enumerate(_BLENDED):
            kind = "jaw" if name in ("jaw", "lips") else "tongue" if name == "tongue" else "round"
            insists = viseme.jaw_weight if kind == "jaw" else 1.0 if kind == "tongue" else viseme.round_weight
            share = insists * reach[kind]
            total[row, near] += share * _target(viseme, segment, name, numbers)
            weight[row, near] += share
        if segment.viseme in VOWELS:
            parted[near] = np.maximum(parted[near], _parting(times[near], start, end))
        if viseme.contact:
            meet = lips_meet if viseme.contact == "lips" else teeth_meet
            meet[near] = np.maximum(meet[near], _contact(times[near], start, end, numbers))
    jaw, lips, funnel, pucker, spread, tongue = total / weight
    return Gestures(jaw, lips, funnel, pucker, spread, tongue, lips_meet * (1.0 - parted), teeth_meet)


def _target(viseme: Viseme, segment: Segment, gesture: str, numbers: Coarticulation) -> float:
    """What a segment wants of a gesture."""
    target = float(getattr(viseme, gesture))
    if gesture not in ("jaw", "lips"):
        return target
    target *= 1.0 - numbers.rounded_closing * min(viseme.funnel + viseme.pucker, 1.0)
    if segment.viseme not in VOWELS:
        return numbers.consonants * target
    return numbers.vowels * (1.0 + numbers.stress * (STRESS_SCALE[round(segment.stress)] - 1.0)) * target


def opening_scale(segments: Sequence[Segment], times: Floats, loudness: Floats, numbers: Coarticulation) -> Floats:
    """Scale of jaw and lips over time: by loudness, and by where in its phrase a sound stands."""
    slow = np.convolve(np.pad(loudness, 6, mode="edge"), np.full(13, 1.0 / 13.0), mode="valid")
    scale = 1.0 + numbers.opening_by_loudness * (slow - _USUAL_LOUDNESS)
    edge = np.zeros_like(scale)
    for segment in segments:
        if segment.viseme == "rest" and segment.end_s - segment.start_s >= _PHRASE_PAUSE_S:
            since = np.clip(times - segment.end_s, 0.0, None)
            edge += numbers.opening_at_start * np.exp(-since / _PHRASE_S) * (times >= segment.end_s)
    return np.clip(scale * (1.0 + edge), *_OPENING_LIMITS).astype(np.float32)
