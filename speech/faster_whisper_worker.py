"""The process in which faster-whisper listens; `speech.asr_faster_whisper` runs this module with `python -m`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from speech.audio import SPEECH_RATE_HZ, Samples
from speech.errors import InputError
from speech.whisper_options import (
    COMPRESSION_THRESHOLD,
    LOGPROB_THRESHOLD,
    NO_SPEECH_THRESHOLD,
    Setup,
    is_trustworthy,
    leave_room_for_the_face,
)
from speech.whisper_streaming import listen_with
from speech.worker_main import Work, serve

_NEEDED = ("model.bin", "config.json", "tokenizer.json")
"""Without its tokenizer faster-whisper would download one."""

_COMPUTE_TYPES = {"cpu": "int8", "cuda": "float16"}
"""What faster-whisper recommends for each."""


class Decoder:
    """A Whisper model in CTranslate2's format, ready to understand stretches of sound.

    Args:
        setup: which one, and how it is to listen.

    Raises:
        InputError: the model, the device or the language is not there.
    """

    def __init__(self, setup: Setup) -> None:
        path = _folder(Path(setup.model))
        from faster_whisper.tokenizer import _LANGUAGE_CODES

        self._model = _load_model(path, _device(setup.device), leave_room_for_the_face())
        setup.check_language(_LANGUAGE_CODES, is_multilingual=self._model.model.is_multilingual)
        self._options: dict[str, Any] = {
            "language": setup.language or None,
            "temperature": setup.temperatures,
            "beam_size": setup.beam_size,
            "initial_prompt": setup.prompt,
            "condition_on_previous_text": False,
            "no_speech_threshold": NO_SPEECH_THRESHOLD,
            "log_prob_threshold": LOGPROB_THRESHOLD,
            "compression_ratio_threshold": COMPRESSION_THRESHOLD,
        }
        self(np.zeros(SPEECH_RATE_HZ, np.float32), lambda: None)  # the first time is slow

    def __call__(self, sound: Samples, check: Callable[[], None]) -> str:
        """Understands a stretch; see `speech.whisper_streaming.Decode`. CTranslate2 stops only between windows."""
        check()
        segments, _ = self._model.transcribe(sound, **self._options)
        words = ""
        for segment in segments:
            check()
            if is_trustworthy(segment.avg_logprob, segment.compression_ratio):
                words += segment.text
        return " ".join(words.split())


def _folder(path: Path) -> Path:
    missing = [name for name in _NEEDED if not (path / name).is_file()]
    if missing:
        found = f"one without {', '.join(missing)}" if path.is_dir() else "a file" if path.is_file() else "nothing"
        raise InputError(
            f"{path}: expected the folder of a Whisper model for CTranslate2, found {found}; see: visavis fetch --help"
        )
    return path


def _load_model(path: Path, device: str, threads: int) -> Any:
    from faster_whisper import WhisperModel

    try:
        return WhisperModel(
            str(path.absolute()), device=device, compute_type=_COMPUTE_TYPES[device], cpu_threads=threads
        )
    except Exception as error:  # whatever somebody's files may raise in three libraries
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise InputError(
            f"{path}: expected a Whisper model for CTranslate2, could not read it: {reason}; fetch it again"
        ) from None


def _device(asked: str) -> str:
    import ctranslate2

    has_cuda = ctranslate2.get_cuda_device_count() > 0
    if asked == "auto":
        return "cuda" if has_cuda else "cpu"
    if asked == "cpu" or (asked == "cuda" and has_cuda):
        return asked
    raise InputError(f"device: expected one that CTranslate2 finds, got {asked!r}; set ears.device to 'auto' or 'cpu'")


def load(setup: dict[str, Any]) -> Work:
    """Loads the model; the setup's fields are `Setup`'s."""
    return listen_with(Decoder(Setup(**setup)))


if __name__ == "__main__":
    serve(load)
