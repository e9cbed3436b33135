"""The process in which openai-whisper listens; run by `speech.asr.whisper` as `python -m speech.asr.whisper_worker`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from speech.asr.understood import Understood
from speech.asr.whisper_options import (
    COMPRESSION_THRESHOLD,
    LOGPROB_THRESHOLD,
    NO_SPEECH_THRESHOLD,
    Setup,
    is_told,
    leave_room_for_the_face,
)
from speech.asr.whisper_streaming import listen_with
from speech.asr.whisper_window import Decoded, together
from speech.audio import SPEECH_RATE_HZ, Samples
from speech.errors import InputError
from speech.files.input_file import check_input_file
from speech.worker.main import Work, serve


class Decoder:
    """A Whisper checkpoint, ready to understand stretches of sound.

    Args:
        setup: which one, and how it is to listen.

    Raises:
        InputError: the checkpoint, the device or the language is not there.
    """

    def __init__(self, setup: Setup) -> None:
        path = _checkpoint(Path(setup.model))
        import torch
        import whisper

        torch.set_num_threads(leave_room_for_the_face())
        self._model = _load_model(path)
        setup.check_language(whisper.tokenizer.LANGUAGES, is_multilingual=self._model.is_multilingual)
        device = _device(setup.device)
        # Only word times need these; as a sparse tensor they can't be moved to every device.
        self._model.register_buffer("alignment_heads", self._model.alignment_heads.to_dense(), persistent=False)
        self._model.to(device)
        self._options: dict[str, Any] = {
            "language": setup.language or None,
            "fp16": device == "cuda",
            "temperature": setup.temperatures,
            "beam_size": setup.beam_size if setup.accurate else None,
            "initial_prompt": setup.prompt,
            "carry_initial_prompt": setup.prompt is not None,
            "condition_on_previous_text": False,
            "no_speech_threshold": NO_SPEECH_THRESHOLD,
            "logprob_threshold": LOGPROB_THRESHOLD,
            "compression_ratio_threshold": COMPRESSION_THRESHOLD,
        }
        self._check: Callable[[], None] = lambda: None
        for block in (*self._model.encoder.blocks, *self._model.decoder.blocks):
            block.register_forward_pre_hook(lambda *_: self._check())
        self(np.zeros(SPEECH_RATE_HZ, np.float32), lambda: None)  # the first time is slow

    def __call__(self, sound: Samples, check: Callable[[], None], *, is_interim: bool = False) -> Understood:
        """Understands a stretch; see `speech.asr.whisper_streaming.Decode`. Openai-whisper has only whole windows."""
        self._check = check
        told = {} if is_told(len(sound) / SPEECH_RATE_HZ) else {"initial_prompt": None}
        segments = self._model.transcribe(sound, **(self._options | told))["segments"]
        return together(
            Decoded(one["text"].strip(), one["avg_logprob"], one["compression_ratio"], one["no_speech_prob"])
            for one in segments
        )


def _checkpoint(path: Path) -> Path:
    try:
        check_input_file(path, "a Whisper checkpoint (.pt)")
    except InputError as error:
        raise InputError(f"{error}; see: visavis fetch --help") from None
    return path


def _load_model(path: Path) -> Any:
    import whisper

    try:
        model = whisper.load_model(str(path.absolute()), device="cpu")
        # For word times. They are not in the file: OpenAI's package has them by the names of OpenAI's models.
        if (heads := whisper._ALIGNMENT_HEADS.get(path.stem)) is not None:
            model.set_alignment_heads(heads)
        return model
    except Exception as error:  # whatever unpickling somebody's file may raise
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise InputError(
            f"{path}: expected a Whisper checkpoint as openai-whisper publishes it, could not read it: {reason}; "
            "fetch it again"
        ) from None


def _device(asked: str) -> str:
    import torch

    if asked == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if (asked == "cuda" and not torch.cuda.is_available()) or (asked == "mps" and not torch.mps.is_available()):
        raise InputError(f"device: expected one that PyTorch finds, got {asked!r}; set ears.device to 'auto' or 'cpu'")
    return asked


def load(setup: dict[str, Any]) -> Work:
    """Loads the checkpoint; the setup's fields are `Setup`'s."""
    return listen_with(Decoder(Setup(**setup)))


if __name__ == "__main__":
    serve(load)
