"""Mouth shapes: what each one asks of jaw, lips and tongue. Which phoneme has which: `phoneme_symbols`.

Viseme groups follow common phonetic knowledge (vowel height opens the jaw; w, oo, sh, r round); the targets are set so
that the blended mouth is as open and as wide in the middle of each sound as the tracked mouths of seven people are.
"""

from __future__ import annotations

from dataclasses import dataclass


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
    "aa": Viseme(0.64, 0.32),
    "ae": Viseme(0.56, 0.38, spread=0.25),
    "ah": Viseme(0.44, 0.28),
    "ao": Viseme(0.50, 0.15, funnel=0.50, pucker=0.42, round_weight=1.6),
    "eh": Viseme(0.48, 0.38, spread=0.28),
    "er": Viseme(0.24, 0.20, funnel=0.34, pucker=0.42),
    "ih": Viseme(0.27, 0.30, spread=0.28),
    "iy": Viseme(0.18, 0.56, spread=0.48, round_weight=1.3),
    "uh": Viseme(0.28, 0.14, funnel=0.30, pucker=0.28, round_weight=1.4),
    "uw": Viseme(0.12, 0.04, funnel=0.36, pucker=0.68, jaw_weight=1.4, round_weight=1.8),
    "oh": Viseme(0.46, 0.14, funnel=0.50, pucker=0.42, round_weight=1.6),
    "ue": Viseme(0.18, 0.08, funnel=0.42, pucker=0.60, round_weight=1.8),  # French u, German ü
    "oe": Viseme(0.34, 0.12, funnel=0.48, pucker=0.36, round_weight=1.6),  # French eu, German ö
    "schwa": Viseme(0.27, 0.24, jaw_weight=0.6, round_weight=0.4),
    # Consonants.
    "p": Viseme(0.12, 0.0, pucker=0.12, contact="lips", jaw_weight=1.2, round_weight=0.3),
    "f": Viseme(0.10, 0.10, contact="teeth", jaw_weight=1.6, round_weight=0.4),
    "th": Viseme(0.17, 0.30, tongue=0.6, jaw_weight=1.2, round_weight=0.4),
    "t": Viseme(0.14, 0.28, tongue=0.10, jaw_weight=0.8, round_weight=0.25),
    "l": Viseme(0.20, 0.28, tongue=0.32, jaw_weight=0.7, round_weight=0.3),
    "s": Viseme(0.07, 0.48, spread=0.26, jaw_weight=2.2, round_weight=0.5),
    "sh": Viseme(0.09, 0.60, funnel=0.58, pucker=0.18, jaw_weight=2.0, round_weight=1.6),
    "k": Viseme(0.20, 0.24, jaw_weight=0.5, round_weight=0.15),
    "r": Viseme(0.10, 0.08, funnel=0.38, pucker=0.56, jaw_weight=1.3, round_weight=1.1),
    "w": Viseme(0.07, 0.0, funnel=0.28, pucker=0.84, jaw_weight=2.4, round_weight=2.0),
    "y": Viseme(0.13, 0.28, spread=0.38, jaw_weight=0.9, round_weight=0.8),
    "h": Viseme(0.25, 0.22, jaw_weight=0.15, round_weight=0.05),
    "rest": Viseme(0.0, 0.0, jaw_weight=1.0, round_weight=0.7),
}
VISEME_NAMES: tuple[str, ...] = tuple(VISEMES)
UNKNOWN_VISEME = 255
"""In place of an index into VISEME_NAMES, where nobody knows what is said."""
VOWELS: tuple[str, ...] = ("aa", "ae", "ah", "ao", "eh", "er", "ih", "iy", "uh", "uw", "oh", "ue", "oe", "schwa")
