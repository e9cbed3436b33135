"""How loud the echo is, how much of it is taken out, and how long both speak: what is measured, and changes nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from speech.audio import OUTPUT_RATE_HZ, Samples

WINDOW = OUTPUT_RATE_HZ // 50
"""Samples: 20 ms."""

REPORT_S = 1.0
"""Seconds of the avatar's voice in a report."""

QUIETEST_DB, MOST_ERLE_DB = -100.0, 60.0
"""What is quieter, or better, is digital silence."""

_AUDIBLE = 1e-5
"""Mean square: -50 dB relative to full scale. What is played below it makes no echo worth a measurement."""

_LATEST_S = 0.3
"""An echo comes so much later than what is played, at most."""

_FEWEST_WINDOWS = 10
"""Of nothing but echo, in a report; where the user speaks all the while, the next one has it."""

_LEFT = 0.25
"""More than this share left (less than 6 dB taken out) is no echo; an echo that is cancelled loses more."""

_OVER_NOISE = 8.0
"""A voice is so much louder than the room (9 dB)."""

_RISE = 1.002
"""The room's level may rise so fast: from one window to the next, 4 dB in ten seconds."""


@dataclass(frozen=True, slots=True)
class EchoReport:
    """What was measured since the report before.

    Attributes:
        level_db: the echo as the microphone had it, in dB relative to full scale.
        erle_db: how much of it was taken out, in dB (echo return loss enhancement, ITU-T G.168).
        double_talk_s: seconds in which both spoke.
    """

    level_db: float
    erle_db: float
    double_talk_s: float


class EchoMeter:
    """Measures one stream of sound; any chunking gives the same reports."""

    def __init__(self) -> None:
        self._sound: Samples = np.zeros((3, 0), np.float32)  # heard, played, clean: what is no whole window yet
        self._since_played = math.inf
        self._room = _AUDIBLE
        self._begin()

    def push(self, heard: Samples, played: Samples, clean: Samples) -> list[EchoReport]:
        """Takes the next piece: what the microphone had, what was played meanwhile, and what is left without the echo.

        Args:
            heard: float32 [N] at OUTPUT_RATE_HZ, mono.
            played: float32 [N].
            clean: float32 [N].
        """
        self._sound = np.concatenate([self._sound, np.stack([heard, played, clean])], axis=1)
        whole = self._sound.shape[1] // WINDOW
        windows = self._sound[:, : whole * WINDOW].reshape(3, whole, WINDOW).astype(np.float64)
        self._sound = self._sound[:, whole * WINDOW :]
        powers = np.mean(windows**2, axis=2)
        return [report for column in powers.T if (report := self._window(*map(float, column))) is not None]

    def _begin(self) -> None:
        self._windows = self._echo_windows = self._double_windows = 0
        self._heard = self._clean = 0.0

    def _window(self, heard: float, played: float, clean: float) -> EchoReport | None:
        self._since_played = 0.0 if played > _AUDIBLE else self._since_played + WINDOW / OUTPUT_RATE_HZ
        self._room = max(min(self._room * _RISE, clean), 1e-9)
        if self._since_played > _LATEST_S:
            return None
        self._windows += 1
        if clean > max(_AUDIBLE, _OVER_NOISE * self._room, _LEFT * heard):
            self._double_windows += 1
        else:
            self._echo_windows += 1
            self._heard += heard
            self._clean += clean
        if self._windows < REPORT_S * OUTPUT_RATE_HZ / WINDOW or self._echo_windows < _FEWEST_WINDOWS:
            return None
        report = EchoReport(
            level_db=max(_db(self._heard / self._echo_windows), QUIETEST_DB),
            erle_db=min(_db((self._heard + 1e-12) / (self._clean + 1e-12)), MOST_ERLE_DB),
            double_talk_s=self._double_windows * WINDOW / OUTPUT_RATE_HZ,
        )
        self._begin()
        return report


def _db(ratio: float) -> float:
    return 10.0 * math.log10(max(ratio, 1e-12))
