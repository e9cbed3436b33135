"""Speech recognition with faster-whisper, in a process of its own."""

from __future__ import annotations

from typing import ClassVar

from speech.asr.whisper import WhisperASR, WhisperPackage


class FasterWhisperASR(WhisperASR):
    """Whisper through the faster-whisper package: CTranslate2 computes, in 8-bit integers on a CPU.

    Its arguments are `WhisperASR`'s, but `model` is the folder of a model converted for CTranslate2, and `device` is
    "auto", "cpu" or "cuda".
    """

    package: ClassVar = WhisperPackage(
        "faster-whisper", "faster-whisper", "faster_whisper", "speech.asr.faster_whisper_worker"
    )
