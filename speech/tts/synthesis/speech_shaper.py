"""A neural voice's raw sound → the sound that is played: silence around it cut, even loudness, soft edges."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from speech.audio import Samples
from speech.tts.synthesis.loudness import SPEECH_LEVEL_DBFS, limit, speech_level_dbfs

LEAD_IN_S = 0.02
"""Silence kept before the first sound, as with the other voices."""
MAX_CORRECTION_DB = 6.0
"""How far a sentence's own loudness is evened out on top of the voice's: more would flatten what is meant soft."""

_SURE_AFTER_S = 1.0
"""Of sound, after which a sentence's loudness is known: its first syllable may just be a weak or a stressed one."""
_FRAME_S = 0.01
_SILENT_BELOW_SPEECH_DB = 30.0
_DECAY_S = 0.03  # of a voice's own dying away that is kept after its last sound
_FADE_S = 0.005


@dataclass(frozen=True, slots=True)
class ShapedPiece:
    """Sound that is ready.

    Attributes:
        samples: float32 [N].
        is_speech: bool [N]; whether something is said at this sample.
    """

    samples: Samples
    is_speech: npt.NDArray[np.bool_]


def speech_bounds(samples: Samples, sample_rate_hz: int, level_dbfs: float) -> tuple[int, int] | None:
    """First and last sample (exclusive) that isn't silence, for speech of a level, in frames of 10 ms; None if none."""
    speech = np.flatnonzero(_speech_frames(samples, round(_FRAME_S * sample_rate_hz), level_dbfs))
    if not len(speech):
        return None
    size = round(_FRAME_S * sample_rate_hz)
    return int(speech[0]) * size, (int(speech[-1]) + 1) * size


class SpeechShaper:
    """Shapes one sentence, in whatever pieces it comes.

    Args:
        sample_rate_hz: of the sound.
        level_dbfs: how loud this voice usually speaks (RMS of its speech re full scale).
        volume: factor on the even loudness.
        pause_s: silence after the sentence.
        hold_s: the end of the speech so far that is kept back until more is known: words that turn out to be left at
            the end of the sentence are said in it.

    Attributes:
        dropped: samples taken off the beginning.
        speech_held: samples up to the last speech in what is kept back.
        speech_end: where the speech ends in the shaped sound, what is kept back included, in samples.
    """

    def __init__(
        self, sample_rate_hz: int, *, level_dbfs: float, volume: float, pause_s: float, hold_s: float = 0.0
    ) -> None:
        self._rate, self._level_dbfs, self._volume, self._pause_s = sample_rate_hz, level_dbfs, volume, pause_s
        self._frame, self._fade = round(_FRAME_S * sample_rate_hz), round(_FADE_S * sample_rate_hz)
        self._hold = max(round(hold_s * sample_rate_hz), self._fade)
        self._held: Samples = np.zeros(0, np.float32)
        self.speech_held = 0
        self._heard: list[Samples] = []
        self._gain: float | None = None
        self._out = 0
        self._has_begun = False
        self.dropped = 0

    @property
    def speech_end(self) -> int:
        """See the class."""
        return self._out + self.speech_held

    def push(self, raw: Samples) -> ShapedPiece:
        """Takes the next piece, float32 [N]; returns what is ready, which may be nothing."""
        self._held = np.concatenate((self._held, raw))
        bounds = speech_bounds(self._held, self._rate, self._level_dbfs)
        if not self._has_begun:
            lead = round(LEAD_IN_S * self._rate)
            silent = bounds[0] if bounds else len(self._held) // self._frame * self._frame
            self._drop(max(silent - lead, 0))
            if bounds is None:
                return self._ready(0)
            bounds = (bounds[0], bounds[1] - max(silent - lead, 0))
        if bounds is not None:
            self.speech_held = max(bounds[1], self.speech_held)
        piece = self._ready(max(self.speech_held - self._hold, 0))
        if not self._has_begun and len(piece.samples):
            self._has_begun = True
            ramp = np.linspace(0.0, 1.0, min(self._fade, len(piece.samples)), dtype=np.float32)
            piece.samples[: len(ramp)] *= ramp
        return piece

    def finish(self) -> ShapedPiece:
        """Returns the rest, and the pause; nothing if the voice said nothing.

        The sound that has come so far is the whole sentence.
        """
        if self.speech_held == 0:
            return self._ready(0)
        decay = round(_DECAY_S * self._rate)
        pause = round(self._pause_s * self._rate)
        self._held = self._held[: self.speech_held + min(decay, pause)].copy()
        fade = min(self._fade, len(self._held))
        self._held[len(self._held) - fade :] *= np.linspace(1.0, 0.0, fade, dtype=np.float32)
        silence = np.zeros(max(self.speech_held + pause - len(self._held), 0), np.float32)
        self._held = np.concatenate((self._held, silence))
        return self._ready(len(self._held))

    def _drop(self, count: int) -> None:
        self._held = self._held[count:]
        self.dropped += count

    def _ready(self, count: int) -> ShapedPiece:
        raw, self._held = self._held[:count], self._held[count:]
        speech = np.repeat(_speech_frames(raw, self._frame, self._level_dbfs), self._frame)
        is_speech = np.pad(speech, (0, count - len(speech)))
        self.speech_held = max(self.speech_held - count, 0) if count else self.speech_held
        self._out += count
        return ShapedPiece(limit(raw * self._gains(raw)), is_speech)

    def _gains(self, raw: Samples) -> Samples:
        """The factor at each sample: it follows what is known of the sentence's loudness without a step."""
        before = self._gain
        self._heard.append(raw)
        heard = np.concatenate(self._heard)
        level = speech_level_dbfs(heard, self._rate)
        if np.isfinite(level):
            correction = float(np.clip(self._level_dbfs - level, -MAX_CORRECTION_DB, MAX_CORRECTION_DB))
            correction *= min(len(heard) / (_SURE_AFTER_S * self._rate), 1.0)
            self._gain = 10 ** ((SPEECH_LEVEL_DBFS - self._level_dbfs + correction) / 20) * self._volume
        now = self._gain if self._gain is not None else 0.0
        return np.linspace(now if before is None else before, now, len(raw), dtype=np.float32)


def _speech_frames(samples: Samples, size: int, level_dbfs: float) -> npt.NDArray[np.bool_]:
    frames = samples[: len(samples) // size * size].reshape(-1, size)
    power = np.mean(np.square(frames, dtype=np.float64), axis=1)
    speech: npt.NDArray[np.bool_] = power > 10 ** ((level_dbfs - _SILENT_BELOW_SPEECH_DB) / 10)
    return speech
