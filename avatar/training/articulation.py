"""Phonemes with times to mouth curves: a dominance model of coarticulation with hard lip contacts.

Every phoneme has a target for a few gestures and says how strongly it insists on each (Cohen & Massaro 1993); curves
are the weighted blend, so that weak consonants take the shape of their neighbours and rounding starts before the
sound. Contacts are not blended: lips meet for p b m, and the lower lip meets the upper teeth for f v, whatever stands
beside them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from avatar.motion import FRAME_RATE_HZ, Floats, MotionLayout
from avatar.training.phoneme_symbols import visemes_of
from avatar.training.visemes import VISEME_NAMES, VISEMES, VOWELS
from avatar.training.voices.utterance import Phone


@dataclass(frozen=True, slots=True)
class Style:
    """How one person speaks.

    Attributes:
        opening: scale of jaw and lips.
        rounding: scale of funnel and pucker.
        asymmetry: how much stronger the left side is, about ±0.1.
        press: how firmly lips press in p b m.
    """

    opening: float = 1.0
    rounding: float = 1.0
    asymmetry: float = 0.0
    press: float = 0.25


@dataclass(frozen=True, slots=True)
class _Segment:
    viseme: str
    start_s: float
    end_s: float
    stress: float


# Reach of a target beyond its segment (time constants, seconds): the jaw is heavy, rounding comes early.
JAW_REACH_S = (0.055, 0.055)
ROUND_REACH_S = (0.115, 0.075)
TONGUE_REACH_S = (0.035, 0.035)
# A contact is complete from a little before the phoneme's start, for at least one video frame and a bit.
CONTACT_LEAD_S = 0.006
CONTACT_LEAST_S = 0.048
CONTACT_RAMP_S = 0.055
STRESS_SCALE = (0.86, 1.02, 1.14)  # none, secondary, primary
SILENCE_KEEPS_OPEN_S = 0.12  # in a pause the mouth closes over about twice this
BREATH_BEFORE_S = 0.09  # lips part this long before the first sound (the sampler hears 80 ms ahead)
CURVE_RATE_HZ = 200


def _segments(phones: Sequence[Phone]) -> list[_Segment]:
    out: list[_Segment] = []
    for phone in phones:
        shapes = visemes_of(phone.symbol, phone.alphabet)
        edges = [phone.start_s, phone.end_s]
        if len(shapes) == 2:
            edges.insert(1, phone.start_s + 0.55 * (phone.end_s - phone.start_s))
        # ARPABET durations carry no stress: long vowels are taken for stressed.
        stress = float(phone.stress)
        if phone.alphabet == "arpabet" and shapes[0] in VOWELS:
            stress = float(np.clip((phone.end_s - phone.start_s - 0.05) / 0.06, 0.0, 2.0))
        out += [_Segment(shape, edges[i], edges[i + 1], stress) for i, shape in enumerate(shapes)]
    return out


def _reach(times: Floats, segment: _Segment, before_s: float, after_s: float) -> Floats:
    """Dominance over time: 1 inside the middle of the segment, falling exponentially outside."""
    # The target is insisted on in the middle; edges belong to both neighbours.
    inset = 0.2 * (segment.end_s - segment.start_s)
    early = np.clip(segment.start_s + inset - times, 0.0, None) / before_s
    late = np.clip(times - (segment.end_s - inset), 0.0, None) / after_s
    return np.exp(-early - late).astype(np.float32)


def _contact(times: Floats, start_s: float, end_s: float) -> Floats:
    """1 during a contact, with smooth ramps before and after."""
    start, end = start_s - CONTACT_LEAD_S, end_s - 0.012
    if end - start < CONTACT_LEAST_S:
        middle = (start + end) / 2.0
        start, end = middle - CONTACT_LEAST_S / 2.0, middle + CONTACT_LEAST_S / 2.0
    part = np.clip(np.minimum(times - start + CONTACT_RAMP_S, end + CONTACT_RAMP_S - times) / CONTACT_RAMP_S, 0.0, 1.0)
    return (part * part * (3.0 - 2.0 * part)).astype(np.float32)


def relative_loudness(samples: Floats, sample_rate_hz: int, times: Floats) -> Floats:
    """Loudness against the recording's loud vowels, about 0.3 to 1.2, at the given times (seconds)."""
    window = sample_rate_hz // 20
    power = np.convolve(np.square(samples), np.full(window, 1.0 / window, np.float32), mode="same")
    level = np.sqrt(power) + 1e-6
    loud = np.percentile(level[level > 0.1 * level.max()], 80) if level.max() > 1e-5 else 1.0
    at = np.clip((times * sample_rate_hz).astype(np.int64), 0, len(level) - 1)
    return np.clip((level[at] / loud) ** 0.5, 0.0, 1.25).astype(np.float32)


def frame_times(frames: int) -> Floats:
    """The moment that each frame shows: its middle, seconds."""
    return ((np.arange(frames) + 0.5) / FRAME_RATE_HZ).astype(np.float32)


def articulate(phones: Sequence[Phone], samples: Floats, sample_rate_hz: int, *, style: Style | None = None) -> Floats:
    """Mouth curves of an utterance.

    Args:
        phones: in order.
        samples: the sound they belong to; its loudness scales the opening.
        sample_rate_hz: of the sound.
        style: of the speaker.

    Returns:
        float32 [T, 60], T = frames that the sound covers; all but the mouth and tongue are zero.
    """
    style = style or Style()
    frames = -(-len(samples) * FRAME_RATE_HZ // sample_rate_hz)
    times = (np.arange(int(np.ceil(frames / FRAME_RATE_HZ * CURVE_RATE_HZ)) + 1) / CURVE_RATE_HZ).astype(np.float32)
    segments = _segments(phones)
    names = ("jaw", "lips", "funnel", "pucker", "spread", "tongue")
    total = np.zeros((len(names), len(times)), np.float32)
    weight = np.full((len(names), len(times)), 1e-6, np.float32)
    lips_meet, teeth_meet = np.zeros(len(times), np.float32), np.zeros(len(times), np.float32)
    for index, segment in enumerate(segments):
        viseme = VISEMES[segment.viseme]
        start, end = segment.start_s, segment.end_s
        if segment.viseme == "rest":
            # Pauses: the mouth keeps its shape at first, and parts before speech resumes.
            last = index == len(segments) - 1
            keep = min(SILENCE_KEEPS_OPEN_S, 0.45 * (end - start)) if index else 0.0
            breath = 0.0 if last else min(BREATH_BEFORE_S, 0.3 * (end - start))
            segment = _Segment("rest", start + keep, end - breath, 0.0)
        reach = {
            "jaw": _reach(times, segment, *JAW_REACH_S),
            "round": _reach(times, segment, *ROUND_REACH_S),
            "tongue": _reach(times, segment, *TONGUE_REACH_S),
        }
        scale = STRESS_SCALE[round(segment.stress)] if segment.viseme in VOWELS else 1.0
        for row, name in enumerate(names):
            kind = "jaw" if name in ("jaw", "lips") else "tongue" if name == "tongue" else "round"
            insists = viseme.jaw_weight if kind == "jaw" else 1.0 if kind == "tongue" else viseme.round_weight
            target = float(getattr(viseme, name)) * (scale if name in ("jaw", "lips") else 1.0)
            share = insists * reach[kind]
            total[row] += share * target
            weight[row] += share
        if viseme.contact == "lips":
            lips_meet = np.maximum(lips_meet, _contact(times, start, end))
        elif viseme.contact == "teeth":
            teeth_meet = np.maximum(teeth_meet, _contact(times, start, end))
    jaw, lips, funnel, pucker, spread, tongue = total / weight
    loud = relative_loudness(samples, sample_rate_hz, times)
    slow: Floats = np.convolve(np.pad(loud, 6, mode="edge"), np.full(13, 1.0 / 13.0), mode="valid").astype(np.float32)
    opening = style.opening * (0.72 + 0.36 * slow)
    curves = _coefficients(
        jaw * opening, lips * opening, funnel * style.rounding, pucker * style.rounding, spread, tongue,
        lips_meet, teeth_meet, style,
    )  # fmt: skip
    at = np.clip(np.round(frame_times(frames) * CURVE_RATE_HZ).astype(np.int64), 0, len(times) - 1)
    return curves[at]


def _coefficients(
    jaw: Floats,
    lips: Floats,
    funnel: Floats,
    pucker: Floats,
    spread: Floats,
    tongue: Floats,
    lips_meet: Floats,
    teeth_meet: Floats,
    style: Style,
) -> Floats:
    """Gestures [N] to ARKit coefficients: float32 [N, 60]."""
    out = np.zeros((len(jaw), MotionLayout.SIZE), np.float32)

    def put(name: str, value: np.ndarray) -> None:
        out[:, MotionLayout.INDEX[name]] = value

    def put_both(stem: str, value: np.ndarray) -> None:
        put(stem + "Left", value * (1.0 + style.asymmetry))
        put(stem + "Right", value * (1.0 - style.asymmetry))

    # Contacts pull the jaw up, but not shut: mouthClose brings the lips over what is left.
    jaw = jaw * (1.0 - 0.45 * lips_meet) * (1.0 - 0.4 * teeth_meet)
    apart = 1.0 - lips_meet
    put("jawOpen", jaw)
    put("mouthClose", jaw * lips_meet)
    put("mouthFunnel", funnel * (1.0 - 0.7 * lips_meet) * (1.0 - 0.6 * teeth_meet))
    put("mouthPucker", pucker * (1.0 - 0.3 * lips_meet))
    put_both("mouthStretch", 0.55 * spread * apart)
    put_both("mouthSmile", 0.35 * spread)
    put_both("mouthDimple", 0.25 * spread)
    put_both("mouthLowerDown", lips * apart * (1.0 - teeth_meet))
    put_both("mouthUpperUp", (0.55 * lips * apart) * (1.0 - teeth_meet) + 0.22 * teeth_meet)
    put("mouthRollLower", 0.18 * lips_meet + 0.62 * teeth_meet)
    put("mouthRollUpper", 0.14 * lips_meet)
    put_both("mouthPress", style.press * lips_meet)
    put("mouthShrugLower", 0.10 * lips_meet + 0.12 * teeth_meet + 0.15 * funnel * apart)
    put("mouthShrugUpper", 0.10 * funnel * apart)
    put("jawForward", 0.12 * np.clip(teeth_meet * -0.4 + funnel, 0.0, 1.0))
    put("cheekPuff", 0.08 * lips_meet)
    put("tongueOut", 0.5 * tongue * apart)
    return np.clip(out, 0.0, 1.0)


def viseme_classes(phones: Sequence[Phone], frames: int) -> np.ndarray:
    """Which viseme each frame's middle falls into: int64 [frames], indices into VISEME_NAMES."""
    out = np.full(frames, VISEME_NAMES.index("rest"), np.int64)
    times = frame_times(frames)
    for segment in _segments(phones):
        inside = (times >= segment.start_s) & (times < segment.end_s)
        out[inside] = VISEME_NAMES.index(segment.viseme)
    return out
