"""Phonemes with times to mouth curves, in the coefficients that the decoder draws.

What the phonemes ask for is blended by `avatar.training.gestures.coarticulation`; here it becomes one person's mouth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from avatar.motion import FRAME_RATE_HZ, Floats, MotionLayout
from avatar.training.gestures.coarticulation import (
    COARTICULATION,
    Coarticulation,
    Gestures,
    Segment,
    blend,
    opening_scale,
)
from avatar.training.gestures.visemes import VISEME_NAMES, VOWELS
from avatar.training.phoneme_symbols import visemes_of
from avatar.training.voices.utterance import Phone


@dataclass(frozen=True, slots=True)
class Style:
    """How one person speaks.

    Attributes:
        opening: scale of jaw and lips.
        rounding: scale of funnel and pucker.
        asymmetry: how much stronger the left side is, about ±0.1.
        press: how firmly lips press in p b m.
        sway: how far one corner of the open mouth is drawn back beyond the other, now left, now right, over seconds:
            standard deviation, coefficients.
        jaw_sway: how far the open jaw swings aside likewise.
        seed: of how both drift.
    """

    opening: float = 1.0
    rounding: float = 1.0
    asymmetry: float = 0.0
    press: float = 0.25
    sway: float = 0.0
    jaw_sway: float = 0.0
    seed: int = 0


def some_person(random: np.random.Generator) -> Style:
    """How somebody may speak: spreads as between tracked people, whose corners and jaws sway more than is made here."""
    return Style(
        opening=float(np.exp(np.clip(random.normal(0.0, 0.1), -0.2, 0.2))),
        rounding=float(random.uniform(0.85, 1.15)),
        asymmetry=float(np.clip(random.normal(0.0, 0.04), -0.1, 0.1)),
        sway=float(random.uniform(0.02, 0.08)),
        jaw_sway=float(random.uniform(0.02, 0.08)),
        seed=int(random.integers(1 << 31)),
    )


CURVE_RATE_HZ = 200
# Corners and jaw sway as sums of so many waves, with periods between these (seconds); from this jaw on in full.
_WAVES, _PERIODS_S, _SWAYS_FROM = 4, (1.0, 8.0), 0.25


def _segments(phones: Sequence[Phone]) -> list[Segment]:
    out: list[Segment] = []
    for phone in phones:
        shapes = visemes_of(phone.symbol, phone.alphabet)
        edges = [phone.start_s, phone.end_s]
        if len(shapes) == 2:
            edges.insert(1, phone.start_s + 0.55 * (phone.end_s - phone.start_s))
        # ARPABET durations carry no stress: long vowels are taken for stressed.
        stress = float(phone.stress)
        if phone.alphabet == "arpabet" and shapes[0] in VOWELS:
            stress = float(np.clip((phone.end_s - phone.start_s - 0.05) / 0.06, 0.0, 2.0))
        out += [Segment(shape, edges[i], edges[i + 1], stress) for i, shape in enumerate(shapes)]
    return out


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


def curve_times(frames: int) -> Floats:
    """The moments at which the curves of so many frames are worked out, seconds."""
    count = int(np.ceil(frames / FRAME_RATE_HZ * CURVE_RATE_HZ)) + 1
    return (np.arange(count) / CURVE_RATE_HZ).astype(np.float32)


def articulate(
    phones: Sequence[Phone],
    samples: Floats,
    sample_rate_hz: int,
    *,
    style: Style | None = None,
) -> Floats:
    """Mouth curves of an utterance.

    Args:
        phones: in order.
        samples: the sound they belong to; its loudness scales the opening.
        sample_rate_hz: of the sound.
        style: of the speaker.

    Returns:
        float32 [T, 60], T = frames that the sound covers; all but the mouth and tongue are zero.
    """
    frames = -(-len(samples) * FRAME_RATE_HZ // sample_rate_hz)
    loudness = relative_loudness(samples, sample_rate_hz, curve_times(frames))
    return articulate_at(phones, loudness, frames, style=style)


def articulate_at(
    phones: Sequence[Phone],
    loudness: Floats,
    frames: int,
    *,
    style: Style | None = None,
    numbers: Coarticulation = COARTICULATION,
) -> Floats:
    """Mouth curves of phones whose loudness is known: `articulate`, with the rule's numbers to choose.

    Args:
        phones: in order.
        loudness: float32 [N], `relative_loudness` at `curve_times(frames)`.
        frames: T, how many to make.
        style: of the speaker.
        numbers: of the rule.

    Returns:
        float32 [T, 60], as `articulate`.
    """
    style = style or Style()
    times = curve_times(frames)
    segments = _segments(phones)
    gestures = blend(segments, times, numbers)
    opening = style.opening * opening_scale(segments, times, loudness, numbers)
    curves = _coefficients(gestures, opening, times, style, numbers)
    at = np.clip(np.round(frame_times(frames) * CURVE_RATE_HZ).astype(np.int64), 0, len(times) - 1)
    return curves[at]


def _coefficients(gestures: Gestures, opening: Floats, times: Floats, style: Style, numbers: Coarticulation) -> Floats:
    """Gestures [N] to ARKit coefficients: float32 [N, 60]."""
    out = np.zeros((len(opening), MotionLayout.SIZE), np.float32)

    def put(name: str, value: np.ndarray) -> None:
        out[:, MotionLayout.INDEX[name]] = value

    def put_both(stem: str, value: np.ndarray) -> None:
        put(stem + "Left", value * (1.0 + style.asymmetry))
        put(stem + "Right", value * (1.0 - style.asymmetry))

    lips_meet, teeth_meet, tongue = gestures.lips_meet, gestures.teeth_meet, gestures.tongue
    funnel = gestures.funnel * style.rounding * numbers.funnel
    pucker = gestures.pucker * style.rounding * numbers.pucker
    spread = gestures.spread * numbers.spread
    lips = gestures.lips * opening
    # Contacts pull the jaw up, but not shut: mouthClose brings the lips over what is left.
    jaw = gestures.jaw * opening * (1.0 - 0.45 * lips_meet) * (1.0 - 0.4 * teeth_meet)
    apart = 1.0 - lips_meet
    # An open mouth is a wide one, unless it is rounded.
    wide = numbers.spread_by_opening * jaw * np.clip(1.0 - funnel - pucker, 0.0, 1.0)
    put("jawOpen", jaw)
    put("mouthClose", jaw * lips_meet)
    put("mouthFunnel", funnel * (1.0 - 0.7 * lips_meet) * (1.0 - 0.6 * teeth_meet))
    put("mouthPucker", pucker * (1.0 - 0.3 * lips_meet))
    corners, aside = (drift * np.clip(jaw / _SWAYS_FROM, 0.0, 1.0) * apart for drift in _drift(times, style.seed))
    put("jawLeft", style.jaw_sway * aside)
    put("jawRight", -style.jaw_sway * aside)
    stretch = (0.55 * spread + wide) * apart
    put("mouthStretchLeft", stretch * (1.0 + style.asymmetry) + style.sway * np.clip(corners, 0.0, None))
    put("mouthStretchRight", stretch * (1.0 - style.asymmetry) - style.sway * np.clip(corners, None, 0.0))
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


def _drift(times: Floats, seed: int) -> tuple[Floats, Floats]:
    """Two slow curves of mean 0 and variance 1 over seconds."""
    random = np.random.default_rng(seed)
    low, high = (float(np.log(period)) for period in _PERIODS_S)
    periods = np.exp(random.uniform(low, high, (2, _WAVES, 1)))
    turns = times / periods + random.uniform(0.0, 1.0, (2, _WAVES, 1))
    waves = np.sin(2.0 * np.pi * turns)
    first, second = (waves.sum(axis=1) * np.sqrt(2.0 / _WAVES)).astype(np.float32)
    return first, second


def viseme_classes(phones: Sequence[Phone], frames: int) -> np.ndarray:
    """Which viseme each frame's middle falls into: int64 [frames], indices into VISEME_NAMES."""
    out = np.full(frames, VISEME_NAMES.index("rest"), np.int64)
    times = frame_times(frames)
    for segment in _segments(phones):
        inside = (times >= segment.start_s) & (times < segment.end_s)
        out[inside] = VISEME_NAMES.index(segment.viseme)
    return out
