"""Even loudness: how loud speech is, the gain that makes every voice alike, and a limiter for its peaks."""

from __future__ import annotations

import numpy as np

from speech.audio import Samples

SPEECH_LEVEL_DBFS = -20.0
"""Level of active speech (RMS re full scale): loud enough for laptop speakers, with headroom for speech's peaks."""
CALIBRATION_TEXT = "The quick brown fox jumps over the lazy dog."
"""What a voice says to have its own loudness measured: every letter of English once, in plain words."""

_FRAME_S = 0.02
_ACTIVE_BELOW_PEAK_DB = 25.0  # frames this far under the loudest are pauses, not speech
_KNEE = 0.85  # below this amplitude the limiter changes nothing


def speech_level_dbfs(samples: Samples, sample_rate_hz: int) -> float:
    """Returns the RMS level of the frames in which somebody speaks, in dB re full scale; -inf for silence."""
    size = round(_FRAME_S * sample_rate_hz)
    frames = samples[: len(samples) // size * size].reshape(-1, size)
    power = np.mean(np.square(frames, dtype=np.float64), axis=1) if len(frames) else np.zeros(1)
    if power.max() == 0.0:
        return float("-inf")
    active = power[power > power.max() * 10 ** (-_ACTIVE_BELOW_PEAK_DB / 10)]
    return float(10 * np.log10(active.mean()))


def gain_to_speech_level(samples: Samples, sample_rate_hz: int) -> float:
    """Returns the factor that brings speech to `SPEECH_LEVEL_DBFS`; 1 for silence."""
    level = speech_level_dbfs(samples, sample_rate_hz)
    return float(10 ** ((SPEECH_LEVEL_DBFS - level) / 20)) if np.isfinite(level) else 1.0


def limit(samples: Samples) -> Samples:
    """Bends peaks softly below 1, sample by sample, so that chunks give the same as the whole: float32 [N]."""
    excess = np.maximum(np.abs(samples) - _KNEE, 0.0) / (1.0 - _KNEE)
    limited = _KNEE + (1.0 - _KNEE) * np.tanh(excess)
    out: Samples = np.where(excess > 0.0, np.sign(samples) * limited, samples).astype(np.float32)
    return out
