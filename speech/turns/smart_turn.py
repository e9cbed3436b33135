"""Smart Turn v3: how complete a turn sounds, from its last 8 s of sound.

The network is Whisper tiny's encoder with a classifier on top (pipecat-ai/smart-turn, BSD-2), 8 MB in int8. It takes
Whisper's log-mel spectrogram (Radford et al. 2022) with the filters of Slaney's Auditory Toolbox (1998).
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from speech.audio import SPEECH_RATE_HZ, Samples
from speech.errors import InputError

WINDOW_S = 8.0
_SAMPLES = round(WINDOW_S * SPEECH_RATE_HZ)
_FFT, _HOP, _MELS = 400, 160, 80
_LINEAR_BELOW_HZ, _LINEAR_MELS, _MELS_PER_OCTAVE = 1000.0, 15.0, 27.0 / np.log2(6.4)
"""Slaney's scale: 15 mels up to 1 kHz, then 27 for a factor of 6.4."""


class SmartTurn:
    """Judges how a turn sounds; 50 ms on one thread. Any thread may call it.

    Args:
        model: its ONNX file.

    Raises:
        InputError: the file can't be read.
    """

    def __init__(self, model: Path) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3  # errors only
        try:
            self._session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # whatever somebody's file may raise
            reason = " ".join(str(error).split())[:120]
            raise InputError(f"{model}: expected Smart Turn's network, could not read it: {reason}") from None

    def completeness(self, sound: Samples) -> float:
        """How complete a turn sounds.

        Args:
            sound: float32 [N] at 16 kHz, with `JUDGED_AT_S` of silence at its end; at most the last `WINDOW_S` count.

        Returns:
            [0, 1]; 1 is surely complete.
        """
        return float(self._session.run(None, {"input_features": log_mel(sound)[np.newaxis]})[0].item())


def log_mel(sound: Samples) -> npt.NDArray[np.float32]:
    """The spectrogram that the network takes: float32 [80, 800] of float32 [N] at 16 kHz, silence put in front."""
    padded = np.zeros(_SAMPLES, np.float32)
    kept = sound[-_SAMPLES:]
    padded[_SAMPLES - len(kept) :] = kept
    padded = (padded - padded.mean()) / np.sqrt(padded.var() + 1e-7)
    framed = np.lib.stride_tricks.sliding_window_view(np.pad(padded, _FFT // 2, mode="reflect"), _FFT)[:-1:_HOP]
    power = np.abs(np.fft.rfft(framed * np.hanning(_FFT + 1)[:-1], axis=1)) ** 2
    levels = np.log10(np.maximum(power @ _mel_filters(), 1e-10)).T
    mel: npt.NDArray[np.float32] = ((np.maximum(levels, levels.max() - 8.0) + 4.0) / 4.0).astype(np.float32)
    return mel


@functools.cache
def _mel_filters() -> npt.NDArray[Any]:
    """Triangles of equal area, [201, 80]."""
    top = _LINEAR_MELS + _MELS_PER_OCTAVE * np.log2(SPEECH_RATE_HZ / 2.0 / _LINEAR_BELOW_HZ)
    mels = np.linspace(0.0, top, _MELS + 2)
    linear = mels * _LINEAR_BELOW_HZ / _LINEAR_MELS
    edges = np.where(mels < _LINEAR_MELS, linear, _LINEAR_BELOW_HZ * 2.0 ** ((mels - _LINEAR_MELS) / _MELS_PER_OCTAVE))
    bins = np.linspace(0.0, SPEECH_RATE_HZ / 2.0, _FFT // 2 + 1)[:, np.newaxis]
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    filters: npt.NDArray[Any] = np.maximum(0.0, np.minimum(rising, falling)) * 2.0 / (edges[2:] - edges[:-2])
    return filters
