"""Phonemes with times to mouth curves: a dominance model of coarticulation with hard lip contacts.

Every phoneme has a target for a few gestures and says how strongly it insists on each (Cohen & Massaro 1993); curves
are the weighted blend, so that weak consonants take the shape of their neighbours and rounding starts before the
sound. Contacts are not blended: lips meet for p b m, and the lower lip meets the upper teeth for f v, whatever stands
beside them. Viseme groups and openings follow common phonetic knowledge (vowel height opens the jaw; sibilants close
it; w, oo, sh, r round).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from avatar.motion import FRAME_RATE_HZ, Floats, MotionLayout
from avatar.training.speech_data import Phone


@dataclass(frozen=True, slots=True)
class Viseme:
    """Targets of one mouth shape, in [0, 1], and how strongly it insists on them.

    Attributes:
        jaw: opening of the jaw.
        lips: lips drawn apart beyond what the jaw does.
        funnel: lips pushed forward and open.
        pucker: lips drawn together.
        spread: mouth corners drawn back.
        tongue: tip at or between the teeth.
        contact: "lips", "teeth" (lower lip to upper teeth) or "" for none.
        jaw_weight: dominance for jaw and lips.
        round_weight: dominance for funnel, pucker and spread.
    """

    jaw: float
    lips: float = 0.2
    funnel: float = 0.0
    pucker: float = 0.0
    spread: float = 0.0
    tongue: float = 0.0
    contact: str = ""
    jaw_weight: float = 1.0
    round_weight: float = 1.0


VISEMES: dict[str, Viseme] = {
    # Vowels.
    "aa": Viseme(0.62, 0.30),
    "ae": Viseme(0.56, 0.38, spread=0.25),
    "ah": Viseme(0.44, 0.28),
    "ao": Viseme(0.50, 0.15, funnel=0.50, pucker=0.15, round_weight=1.6),
    "eh": Viseme(0.42, 0.32, spread=0.28),
    "er": Viseme(0.26, 0.20, funnel=0.34, pucker=0.18),
    "ih": Viseme(0.27, 0.30, spread=0.28),
    "iy": Viseme(0.17, 0.34, spread=0.48, round_weight=1.3),
    "uh": Viseme(0.26, 0.12, funnel=0.30, pucker=0.38, round_weight=1.4),
    "uw": Viseme(0.16, 0.06, funnel=0.36, pucker=0.68, round_weight=1.8),
    "oh": Viseme(0.38, 0.12, funnel=0.50, pucker=0.32, round_weight=1.6),
    "ue": Viseme(0.18, 0.08, funnel=0.42, pucker=0.60, round_weight=1.8),  # French u, German ü
    "oe": Viseme(0.34, 0.12, funnel=0.48, pucker=0.36, round_weight=1.6),  # French eu, German ö
    "schwa": Viseme(0.27, 0.24, jaw_weight=0.6, round_weight=0.4),
    # Consonants.
    "p": Viseme(0.12, 0.0, contact="lips", jaw_weight=1.2, round_weight=0.3),
    "f": Viseme(0.10, 0.10, contact="teeth", jaw_weight=1.6, round_weight=0.4),
    "th": Viseme(0.17, 0.30, tongue=0.6, jaw_weight=1.2, round_weight=0.4),
    "t": Viseme(0.14, 0.28, tongue=0.10, jaw_weight=0.8, round_weight=0.25),
    "l": Viseme(0.20, 0.28, tongue=0.32, jaw_weight=0.7, round_weight=0.3),
    "s": Viseme(0.07, 0.36, spread=0.26, jaw_weight=2.2, round_weight=0.5),
    "sh": Viseme(0.09, 0.22, funnel=0.58, pucker=0.18, jaw_weight=2.0, round_weight=1.6),
    "k": Viseme(0.20, 0.24, jaw_weight=0.5, round_weight=0.15),
    "r": Viseme(0.17, 0.16, funnel=0.38, pucker=0.28, jaw_weight=0.9, round_weight=1.1),
    "w": Viseme(0.10, 0.03, funnel=0.28, pucker=0.74, jaw_weight=1.4, round_weight=2.0),
    "y": Viseme(0.13, 0.28, spread=0.38, jaw_weight=0.9, round_weight=0.8),
    "h": Viseme(0.25, 0.22, jaw_weight=0.15, round_weight=0.05),
    "rest": Viseme(0.0, 0.0, jaw_weight=1.0, round_weight=0.7),
}
VISEME_NAMES: tuple[str, ...] = tuple(VISEMES)
UNKNOWN_VISEME = 255
"""In place of an index into VISEME_NAMES, where nobody knows what is said."""
VOWELS: tuple[str, ...] = ("aa", "ae", "ah", "ao", "eh", "er", "ih", "iy", "uh", "uw", "oh", "ue", "oe", "schwa")

# Diphthongs and other sounds of two shapes.
_PAIRS: dict[str, tuple[str, str]] = {
    **dict.fromkeys(("aI", "ay", "ai", "aI2", "AI"), ("aa", "ih")),
    **dict.fromkeys(("aU", "aw", "au", "Au"), ("aa", "uh")),
    **dict.fromkeys(("eI", "ey", "ei", "EI"), ("eh", "iy")),
    **dict.fromkeys(("oU", "ow", "ou", "@U"), ("oh", "uw")),
    **dict.fromkeys(("OI", "oy", "Oi", "OY"), ("ao", "ih")),
    **dict.fromkeys(("i@", "i@3", "I@"), ("iy", "schwa")),
    **dict.fromkeys(("e@", "e@3"), ("eh", "schwa")),
    **dict.fromkeys(("U@", "u@"), ("uh", "schwa")),
    **dict.fromkeys(("aI@", "aI3"), ("aa", "er")),
    "aU@": ("aa", "uh"),
    "O@": ("ao", "er"),
    "A@": ("aa", "er"),
    "o@": ("ao", "er"),
    "pF": ("p", "f"),
    "jU": ("y", "uw"),
}

_SINGLES: dict[str, tuple[str, ...]] = {
    "aa": ("0", "A", "A~", "aa", "a", "a:", "V:", "A:"),
    "ae": ("ae", "&", "&~", "a#"),
    "ah": ("V", "ah", "6"),
    "ao": ("O", "O:", "O2", "ao", "Q", "O~"),
    "eh": ("E", "E:", "E~", "eh", "e", "e:", "e-", "E-", "E2"),
    "er": ("3", "3:", "er", "@r", "R-"),
    "ih": ("I", "ih", "I2", "i.", "y.", "I#", "Y-"),
    "iy": ("i", "i:", "iy", "i#", "I:"),
    "uh": ("U", "uh", "U~", "u-", "U2"),
    "uw": ("u", "u:", "uw", "M", "u#"),
    "oh": ("o", "o:", "o~", "oU2", "o2"),
    "ue": ("y", "y:", "Y:", "H", "yu"),
    "oe": ("Y", "W", "W~", "2", "2:", "9", "Wy"),
    "schwa": ("@", "@2", "@-", "ax", "a2", "@5", "3-", "axr", "@L"),
    "p": ("p", "b", "m", "P", "b#", "p-", "em"),
    "f": ("f", "v", "v#"),
    "th": ("T", "D", "th", "dh"),
    "t": ("t", "d", "n", "t#", "t2", "d#", "n-", "n^", "en", "dx", "nd", "t.", "d.", "n."),
    "l": ("l", "l^", "L", "el", "l-", "l#"),
    "s": ("s", "z", "ts", "dz", "z2", "s;", "z;", "t_s", "s#"),
    "sh": ("S", "Z", "tS", "dZ", "sh", "zh", "ch", "jh", "s\\", "t_s\\", "s.", "sx", "S;", "tS;", "dz;", "ts;"),
    "k": ("k", "g", "N", "x", "Q^", "ng", "X", "R", "R2", "G", "B", "C", "q", "c", "x^", "kh"),
    "r": ("r", "r-", "*", "**", "r#", "*-"),
    "w": ("w", "w#", "wh"),
    "y": ("j", "y2", "J", "J^", "jh2"),
    "h": ("h", "hh", "?", "hv", "h#"),
}
_SYMBOLS: dict[str, str] = {symbol: viseme for viseme, symbols in _SINGLES.items() for symbol in symbols}

_ARPABET_ONLY = {"y": "y", "uh": "uh"}
"""Names that Flite's ARPABET uses otherwise than eSpeak (its y is the consonant)."""


@lru_cache(maxsize=1024)
def visemes_of(symbol: str, *, arpabet: bool = False) -> tuple[str, ...]:
    """The one or two shapes of a phoneme; unknown symbols are looked up by their first letters."""
    if not symbol:
        return ("rest",)
    if arpabet and symbol in _ARPABET_ONLY:
        return (_ARPABET_ONLY[symbol],)
    if symbol in _PAIRS:
        return _PAIRS[symbol]
    for length in range(len(symbol), 0, -1):
        found = _SYMBOLS.get(symbol[:length])
        if found:
            return (found,)
    return ("schwa",)


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


def _segments(phones: Sequence[Phone], *, arpabet: bool) -> list[_Segment]:
    out: list[_Segment] = []
    for phone in phones:
        shapes = visemes_of(phone.symbol, arpabet=arpabet)
        edges = [phone.start_s, phone.end_s]
        if len(shapes) == 2:
            edges.insert(1, phone.start_s + 0.55 * (phone.end_s - phone.start_s))
        # ARPABET durations carry no stress: long vowels are taken for stressed.
        stress = float(phone.stress)
        if arpabet and shapes[0] in VOWELS:
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


def articulate(
    phones: Sequence[Phone], samples: Floats, sample_rate_hz: int, *, style: Style | None = None, arpabet: bool = False
) -> Floats:
    """Mouth curves of an utterance.

    Args:
        phones: in order.
        samples: the sound they belong to; its loudness scales the opening.
        sample_rate_hz: of the sound.
        style: of the speaker.
        arpabet: the phones are Flite's.

    Returns:
        float32 [T, 60], T = frames that the sound covers; all but the mouth and tongue are zero.
    """
    style = style or Style()
    frames = -(-len(samples) * FRAME_RATE_HZ // sample_rate_hz)
    times = (np.arange(int(np.ceil(frames / FRAME_RATE_HZ * CURVE_RATE_HZ)) + 1) / CURVE_RATE_HZ).astype(np.float32)
    segments = _segments(phones, arpabet=arpabet)
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


def viseme_classes(phones: Sequence[Phone], frames: int, *, arpabet: bool = False) -> np.ndarray:
    """Which viseme each frame's middle falls into: int64 [frames], indices into VISEME_NAMES."""
    out = np.full(frames, VISEME_NAMES.index("rest"), np.int64)
    times = frame_times(frames)
    for segment in _segments(phones, arpabet=arpabet):
        inside = (times >= segment.start_s) & (times < segment.end_s)
        out[inside] = VISEME_NAMES.index(segment.viseme)
    return out
