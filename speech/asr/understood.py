"""What a recogniser has understood of a stretch of sound."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Understood:
    """Words, and how far they can be trusted.

    Attributes:
        text: the words on one line.
        is_doubtful: they are hardly likelier than others.
        confidence: [0, 1], how sure the decoder is that none of them is wrong; None where it can't tell.
    """

    text: str = ""
    is_doubtful: bool = False
    confidence: float | None = None


def joined(parts: Iterable[Understood]) -> Understood:
    """Several stretches on end: doubtful if one is, and as sure as all together."""
    spoken = [part for part in parts if part.text]
    known = [part.confidence for part in spoken if part.confidence is not None]
    return Understood(
        " ".join(part.text for part in spoken),
        any(part.is_doubtful for part in spoken),
        math.prod(known) if known and len(known) == len(spoken) else None,
    )
