"""Voice activity: how likely it is that a short window of sound holds a voice."""

from __future__ import annotations

import functools
import importlib.util
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from speech.audio import Samples
from speech.errors import InputError

VAD_WINDOW = 512
"""Samples at 16 kHz (32 ms) judged at a time: the only window that Silero VAD was trained for at this rate."""

_CONTEXT = 64
"""Samples of the window before, put in front of each window: the network was trained with them."""

_STATE_SHAPE = (2, 1, 128)
"""The network's recurrent state: hidden and cell, one stream, 128 units."""

_MODEL_IN_WHEEL = Path("data") / "silero_vad_16k_op15.onnx"
"""The 16 kHz network; the wheel's other files are the same one for other runtimes and rates."""


class VAD(Protocol):
    """Judges consecutive windows of one stream."""

    def probability(self, window: Samples) -> float:
        """Returns how likely a voice is in the next window of the stream: float32 [VAD_WINDOW] at 16 kHz → [0, 1]."""
        ...

    def reset(self) -> None:
        """Forgets the stream: the next window is the first of a new one."""
        ...


class SileroVAD:
    """Silero VAD through onnxruntime: 0.2 ms a window on one thread.

    The model file comes out of the silero-vad wheel, which is not imported: that would load torch and torchaudio.

    Raises:
        InputError: the silero-vad or onnxruntime package is not installed.
    """

    def __init__(self) -> None:
        self._session = _network(_model_path())
        self._rate = np.array(16_000, np.int64)
        self._state: npt.NDArray[np.float32]
        self._context: Samples
        self.reset()

    def probability(self, window: Samples) -> float:
        """Judges the next window of the stream.

        Args:
            window: float32 [VAD_WINDOW] at 16 kHz.

        Returns:
            Probability of a voice in it, [0, 1].
        """
        if window.shape != (VAD_WINDOW,):
            raise ValueError(f"window: expected shape ({VAD_WINDOW},), got {window.shape}")
        inputs = {
            "input": np.concatenate((self._context, window))[np.newaxis].astype(np.float32),
            "state": self._state,
            "sr": self._rate,
        }
        probability, self._state = self._session.run(None, inputs)
        self._context = window[-_CONTEXT:].copy()
        return float(probability[0, 0])

    def reset(self) -> None:
        """Forgets the stream: the next window is the first of a new one."""
        self._state = np.zeros(_STATE_SHAPE, np.float32)
        self._context = np.zeros(_CONTEXT, np.float32)


@functools.cache
def _network(path: Path) -> Any:
    """The network, once a process: it keeps nothing of the streams, and any thread may run it."""
    try:
        import onnxruntime
    except ImportError:
        raise InputError(
            "voice activity: expected the package onnxruntime, it is not installed; run: pip install onnxruntime"
        ) from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors only
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _model_path() -> Path:
    spec = importlib.util.find_spec("silero_vad")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        if (path := Path(folder) / _MODEL_IN_WHEEL).is_file():
            return path
    raise InputError(
        f"voice activity: expected the package silero-vad with {_MODEL_IN_WHEEL}, found none; "
        "run: pip install --no-deps 'silero-vad>=6.2.3,<7'"
    )
