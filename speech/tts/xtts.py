"""XTTS v2 (the package coqui-tts): many languages, any voice from a short recording, sound while it is being made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from speech.errors import InputError
from speech.files.sound_file import read_audio
from speech.tts.coqui_folder import CoquiFolder, check_coqui_package, open_coqui_folder, torch_names
from speech.tts.neural import DEFAULT_RATE_WPM, NeuralTTS, check_settings, choose_speaker
from speech.tts.synthesis.loudness import speech_level_dbfs

SPEAKERS = "speakers_xtts.pth"
"""The file with XTTS's own voices."""

_DEFAULT_SAMPLE_RATE_HZ = 24_000  # where config.json says nothing; it is the library's default too
_SHORTEST_SAMPLE_S = 1.0
_QUIETEST_SAMPLE_DBFS = -60.0


class XttsTTS(NeuralTTS):
    """Speaks with XTTS: the first sound comes long before the sentence is finished. Wants a GPU.

    The model does not say when it speaks which word: word times are estimated from the words' letters.

    Args:
        model: the folder, with config.json, model.pth, vocab.json and, for its own voices, speakers_xtts.pth.
        voice: one of `voices()`; "" for the preferred one.
        preferred: taken without a `voice` where the model has a speaker of this name, else its first.
        sample: recording of the voice to speak with, 6 s or more of clear speech, instead of one of the model's.
        rate_wpm: words a minute, 80 to 300, on the same scale as `EspeakTTS`; XTTS keeps to it roughly.
        volume: factor on the even loudness of all voices, 0 to 2.
        device: "cpu", "cuda", "mps", or "auto": CUDA where there is one.
        language: what it reads, such as "en" or "pt".

    Raises:
        InputError: the package is not installed, the folder is missing, damaged or of another kind, the voice or the
            language is unknown, or the recording can't be used; (on entering) it could not be loaded.
        ValueError: a number is out of its range.
    """

    name = "xtts"
    parallel = 1

    def __init__(
        self,
        *,
        model: Path,
        voice: str = "",
        preferred: str = "",
        sample: Path | None = None,
        rate_wpm: int = DEFAULT_RATE_WPM,
        volume: float = 1.0,
        device: str = "auto",
        language: str = "en",
    ) -> None:
        check_coqui_package(self.name)
        check_settings(rate_wpm=rate_wpm, volume=volume)
        folder = open_coqui_folder(model, kind="xtts")
        if not (model / "vocab.json").is_file():
            raise InputError(f"{model}: expected XTTS's vocab.json, found no such file in the folder")
        own = model / SPEAKERS
        speakers = [str(name) for name in torch_names(own)] if own.is_file() else []
        if sample is not None:
            _check_sample(sample)
        elif not speakers:
            raise InputError(
                f"{model}: expected voices in {SPEAKERS}, found none; put the file there, or set voice.sample to a "
                "recording of the voice to speak with"
            )
        audio: Any = folder.settings.get("audio") or {}
        super().__init__(
            worker="speech.tts.coqui_worker",
            what="XTTS",
            setup={
                "kind": "xtts",
                "config": str(folder.config),
                "checkpoint": str(folder.checkpoint),
                "speaker": choose_speaker(voice, preferred, speakers) if sample is None else "",
                "sample": str(sample) if sample is not None else None,
                "language": _language(folder, language),
                "rate_wpm": rate_wpm,
                "volume": volume,
                "device": device,
            },
            sample_rate_hz=int(audio.get("output_sample_rate") or _DEFAULT_SAMPLE_RATE_HZ),
            speakers=speakers,
            language=language,
        )


def _language(folder: CoquiFolder, wanted: str) -> str:
    """The model's own name for a language: "zh-cn" for "zh", "pt" for "pt-BR"."""
    names = [str(name) for name in folder.settings.get("languages") or []]
    if not names or wanted.lower() in names:
        return wanted.lower()
    base = wanted.lower().split("-")[0]
    found = next((name for name in names if name.split("-")[0] == base), None)
    if found is None:
        raise InputError(f"voice.language: expected one of the model's ({', '.join(names)}), got {wanted!r}")
    return found


def _check_sample(sample: Path) -> None:
    rate = 16_000
    samples = read_audio(sample, rate)
    if len(samples) < _SHORTEST_SAMPLE_S * rate:
        raise InputError(
            f"{sample}: expected at least {_SHORTEST_SAMPLE_S:g} s of the voice (better 6 s or more), "
            f"got {len(samples) / rate:.2f} s"
        )
    level = speech_level_dbfs(np.asarray(samples), rate)
    if level < _QUIETEST_SAMPLE_DBFS:
        raise InputError(f"{sample}: expected a recording of a voice, it is silent ({level:.0f} dBFS)")
