"""Speech recognition with OpenAI's Whisper, in a process of its own."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from speech.asr.process import ProcessASR
from speech.errors import InputError

PIECE_S = 0.02
"""In a pause no more sound is sent: what is still missing from a piece must not keep the pause from being noticed."""


@dataclass(frozen=True, slots=True)
class WhisperPackage:
    """One of the packages that Whisper's weights run in.

    Attributes:
        backend: what the configuration calls it; also the extra that installs it.
        distribution: what pip calls it.
        module: what Python calls it.
        worker: our module that uses it.
    """

    backend: str
    distribution: str
    module: str
    worker: str


class WhisperASR(ProcessASR):
    """Whisper through the openai-whisper package: words with capitals and punctuation, in a hundred languages.

    Args:
        model: checkpoint as openai-whisper publishes it, a .pt file.
        language: code of the language spoken, such as "en"; "" finds out, which takes longer.
        device: what computes: "auto" (a CUDA GPU where there is one), "cpu", "cuda" or "mps".
        phrases: what people are likely to ask; Whisper is told the rare words in them.
        accurate: search wider, and again where a decoding fails: fewer errors, but later. For recordings.

    Raises:
        InputError: the package is not installed, or the model can't be loaded (on entering).
    """

    package: ClassVar = WhisperPackage("whisper", "openai-whisper", "whisper", "speech.asr.whisper_worker")

    def __init__(
        self,
        *,
        model: Path,
        language: str = "en",
        device: str = "auto",
        phrases: Sequence[str] = (),
        accurate: bool = False,
    ) -> None:
        package = self.package
        if importlib.util.find_spec(package.module) is None:
            raise InputError(
                f"speech recognition: expected the package {package.distribution}, it is not installed; "
                f"run: pip install 'visavis[{package.backend}]'"
            )
        super().__init__(
            name=package.backend,
            what=package.distribution,
            module=package.worker,
            setup={
                "model": str(model),
                "language": language,
                "device": device,
                "phrases": list(phrases),
                "accurate": accurate,
            },
            piece_s=PIECE_S,
        )
