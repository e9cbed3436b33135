"""The echo canceller: a linear filter for the recogniser, and after it a suppressor for the turn detector.

heard ───────────────── Kalman filter ─┬─ words: the user whole, the echo 20 to 28 dB softer
played ─ drift tracker ─────┴─ AEC3 ───┴─ gate ─ voice: what is left of the echo is silent
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from speech.audio import OUTPUT_RATE_HZ, Samples, rms
from speech.echo.base import CleanSound, EchoReport
from speech.echo.drift import DriftTracker
from speech.echo.kalman import BIN_HZ, BLOCK, KalmanEchoFilter
from speech.echo.likeness import Likeness
from speech.errors import InputError

_AEC3_FRAME = OUTPUT_RATE_HZ // 100
_DOUBLE_TALK_RMS = 0.003
"""-50 dBFS: sound that is not the avatar's and no softer than this."""
_SURELY_HEARD = 0.03
"""-15 dB: a voice that is softer than the echo by more than this may be what is left of it."""
_SURELY_ANOTHER = 4.0
"""What is louder than that by 6 dB, in a room that is known, needs no suppressor."""
_ECHO_FADES = 0.87
"""Of the echo's power that the room holds, a block later: a hall with 2 s of reverberation. What the filter misses of a
room is late: it ends after 0.64 s, and clocks that differ blur what lies there."""
_VOICE_BLOCKS = 3
"""Over which a voice's power is taken: 60 ms."""
_IS_PLAYED = 0.3
"""Likeness to what was played from which on a voice is the echo of a room that is not learnt yet."""
_HELD_BACK_BLOCKS = 6
"""After the last likeness: 0.12 s, about a syllable, which is softer than what is like it."""
_AUDIBLE = 10.0**-5.8
"""Power of what may be left of an echo that somebody could take for a voice: -58 dBFS."""
_SOFTEST = 1e-5
"""-100 dBFS: less is not told apart from silence."""


class ReferenceCanceller:
    """An `EchoCanceller` in two stages.

    The Kalman filter subtracts what it predicts and nothing else. WebRTC's AEC3, which suppresses, gets only what that
    left: alone it takes half of a user's words who speaks at the same time, and here next to none. Where nothing played
    can be heard any more, both outputs are exactly what came in.

    Raises:
        InputError: the package pywebrtc-audio is not installed.
    """

    def __init__(self) -> None:
        try:
            from pywebrtc_audio import EchoCanceller
        except ImportError:
            raise InputError(
                "echo cancelling: expected the package pywebrtc-audio, it is not installed; "
                "run: pip install 'pywebrtc-audio==0.2.0'"
            ) from None
        self._drift, self._filter, self._rooms = DriftTracker(BIN_HZ), KalmanEchoFilter(), 0
        self._suppressor: Any = EchoCanceller(OUTPUT_RATE_HZ)
        self._gate = _Gate()
        self._heard: Samples = np.zeros(0, np.float32)
        self._played: Samples = np.zeros(0, np.float32)

    def push(self, heard: Samples, played: Samples) -> CleanSound:
        """See `EchoCanceller.push`.

        Raises:
            ValueError: the two are not of one length.
        """
        if heard.shape != played.shape:
            raise ValueError(f"push: expected as much played as heard, got {played.shape} and {heard.shape}")
        self._heard, self._played = np.concatenate((self._heard, heard)), np.concatenate((self._played, played))
        whole = len(self._heard) - len(self._heard) % BLOCK
        words, voice = np.empty(whole, np.float32), np.empty(whole, np.float32)
        report: EchoReport | None = None
        may_be_echo = False
        for start in range(0, whole, BLOCK):
            block = slice(start, start + BLOCK)
            words[block], voice[block], report = self._block(self._heard[block], self._played[block])
            may_be_echo |= report is not None and self._gate.least > _AUDIBLE
        self._heard, self._played = self._heard[whole:], self._played[whole:]
        return CleanSound(words, voice, report, may_be_echo)

    def reset(self) -> None:
        """See `EchoCanceller.reset`."""
        self._drift.reset()
        self._filter.reset()
        self._suppressor.reset()
        self._gate = _Gate()
        self._heard = self._played = np.zeros(0, np.float32)

    def _block(self, heard: Samples, played: Samples) -> tuple[Samples, Samples, EchoReport | None]:
        played = self._drift.read(played)
        words, echo = self._filter.push(heard, played)
        if self._filter.is_idle:
            return heard, heard, None
        if self._rooms == self._filter.resets:
            self._drift.observe(self._filter.path, BLOCK)
        else:
            self._rooms = self._filter.resets
            self._drift.forget_path()
        voice = np.empty_like(words)
        for start in range(0, BLOCK, _AEC3_FRAME):
            frame = slice(start, start + _AEC3_FRAME)
            voice[frame] = self._suppressor.process(words[frame], played[frame])
        voice = self._gate.passed(words, voice, played, echo, self._filter)
        return words, voice, _report(heard, words, voice, echo)


class _Gate:
    """Holds back what may be echo: a voice must be louder than what filter and suppressor can miss, and another one.

    In a room that is known the suppressor is not needed: it takes the first moments of a voice away, and all of a short
    word. What is far louder than all that the filter may miss passes as it is.

    Attributes:
        least: mean power that may be left of the echo.
    """

    def __init__(self) -> None:
        self.least = 0.0
        self._words, self._voice = [0.0] * _VOICE_BLOCKS, [0.0] * _VOICE_BLOCKS
        self._likeness, self._held_back = Likeness(), 0

    def passed(self, words: Samples, voice: Samples, played: Samples, echo: Samples, room: KalmanEchoFilter) -> Samples:
        """What of a block is surely no echo.

        Args:
            words: as the filter left it.
            voice: as the suppressor left that.
            played: in it.
            echo: that the filter took out.
            room: the filter, after that.
        """
        self._likeness.push(words, played)
        self.least = max(_SURELY_HEARD * _power(echo) + room.expected_left, _ECHO_FADES * self.least)
        self._words, self._voice = [*self._words[1:], _power(words)], [*self._voice[1:], _power(voice)]
        self._held_back = max(0, self._held_back - 1)
        is_loud = sum(self._words) / _VOICE_BLOCKS > _SURELY_ANOTHER * self.least
        is_audible = sum(self._voice) / _VOICE_BLOCKS >= self.least
        is_like_played = (is_loud or is_audible) and self._likeness.value() > _IS_PLAYED
        if room.knows_room:
            if is_loud and not is_like_played:
                return words
        elif is_like_played:
            self._held_back = _HELD_BACK_BLOCKS
        return voice if is_audible and not self._held_back else np.zeros_like(voice)


def _power(samples: Samples) -> float:
    return float(np.mean(np.square(samples)))


def _report(heard: Samples, words: Samples, voice: Samples, echo: Samples) -> EchoReport:
    echo_dbfs, heard_db, left_db = (20.0 * math.log10(max(rms(sound), _SOFTEST)) for sound in (echo, heard, words))
    return EchoReport(echo_dbfs, heard_db - left_db, rms(voice) > _DOUBLE_TALK_RMS and echo_dbfs > -60.0)
