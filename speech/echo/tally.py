"""What was measured of the echo, piece by piece, as one figure a second."""

from __future__ import annotations

from dataclasses import dataclass

_EVERY_S = 1.0
"""Seconds of the avatar's voice in a figure."""


@dataclass(frozen=True, slots=True)
class EchoFigure:
    """A second or more in which the avatar was heard.

    Attributes:
        level_db: the echo as the microphone had it, in dB relative to full scale.
        erle_db: how much of it was taken out, in dB (echo return loss enhancement, ITU-T G.168).
        double_talk_s: seconds in which somebody else was heard, too.
    """

    level_db: float
    erle_db: float
    double_talk_s: float


class EchoTally:
    """Adds up the pieces of one conversation; levels are those of pieces in which nobody but the avatar is heard."""

    def __init__(self) -> None:
        self._begin()

    def add(self, seconds: float, echo_db: float, cancelled_db: float, *, is_double_talk: bool) -> EchoFigure | None:
        """Takes a piece in which the avatar was heard.

        Args:
            seconds: how long it is.
            echo_db: the echo as the microphone had it, in dB relative to full scale.
            cancelled_db: how much was taken out, in dB.
            is_double_talk: whether somebody else was heard, too.

        Returns:
            What was measured since the last figure; None before a second is full, or while levels can't be told.
        """
        self._s += seconds
        if is_double_talk:
            self._double_talk_s += seconds
        else:
            self._pieces += 1
            self._echo_db += echo_db
            self._cancelled_db += cancelled_db
        if self._s < _EVERY_S or not self._pieces:
            return None
        figure = EchoFigure(
            self._echo_db / self._pieces, self._cancelled_db / self._pieces, round(self._double_talk_s, 6)
        )
        self._begin()
        return figure

    def _begin(self) -> None:
        self._s = self._double_talk_s = self._echo_db = self._cancelled_db = 0.0
        self._pieces = 0
