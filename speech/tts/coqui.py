"""Coqui's VITS voices (the package coqui-tts), from a folder on this machine, in a process of their own."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from speech.errors import InputError
from speech.tts.coqui_folder import CoquiFolder, check_coqui_package, open_coqui_folder
from speech.tts.neural import DEFAULT_RATE_WPM, NeuralTTS, check_settings, choose_speaker


class CoquiTTS(NeuralTTS):
    """Speaks with a VITS model: natural, faster than real time on a CPU, a sentence at a time.

    Word times come from the durations that the model gives its phonemes. A sentence always sounds the same.

    Args:
        model: the folder, with config.json, model_file.pth (or model.pth, or another single .pth) and, where the
            model has several speakers, the file with their names.
        voice: one of `voices()`; "" for the preferred one.
        preferred: taken without a `voice` where the model has a speaker of this name, else its first.
        rate_wpm: words a minute, 80 to 300, on the same scale as `EspeakTTS`.
        volume: factor on the even loudness of all voices, 0 to 2.
        device: "cpu", "cuda", "mps", or "auto": CUDA where there is one.
        language: for models that speak several; others speak their own.

    Raises:
        InputError: the package or the program espeak-ng is not installed, the folder is missing, damaged or of another
            kind, or the voice is unknown; (on entering) it could not be loaded.
        ValueError: a number is out of its range.
    """

    name = "coqui"
    parallel = 2

    def __init__(
        self,
        *,
        model: Path,
        voice: str = "",
        preferred: str = "",
        rate_wpm: int = DEFAULT_RATE_WPM,
        volume: float = 1.0,
        device: str = "auto",
        language: str = "en",
    ) -> None:
        check_coqui_package(self.name)
        check_settings(rate_wpm=rate_wpm, volume=volume)
        folder = open_coqui_folder(model, kind="vits")
        _check_phonemizer(folder)
        audio = folder.settings.get("audio") or {}
        if not isinstance(audio.get("sample_rate"), int):
            raise InputError(f"{folder.config}: expected audio.sample_rate, got {audio.get('sample_rate')!r}")
        speakers = folder.speakers()
        super().__init__(
            worker="speech.tts.coqui_worker",
            what="Coqui",
            setup={
                "kind": "vits",
                "config": str(folder.config),
                "checkpoint": str(folder.checkpoint),
                "files": _files(folder),
                "speaker": choose_speaker(voice, preferred, speakers),
                "language": language,
                "rate_wpm": rate_wpm,
                "volume": volume,
                "device": device,
            },
            sample_rate_hz=audio["sample_rate"],
            speakers=speakers,
            language=_own_language(folder) or language,
        )


def _check_phonemizer(folder: CoquiFolder) -> None:
    uses_espeak = folder.settings.get("use_phonemes") and folder.settings.get("phonemizer") in (None, "", "espeak")
    if uses_espeak and not (shutil.which("espeak-ng") or shutil.which("espeak")):
        raise InputError(
            "voice engine coqui: expected the program espeak-ng, with which this voice reads text, found none; "
            "install it (Debian: apt-get install espeak-ng)"
        )


def _own_language(folder: CoquiFolder) -> str:
    """The language of a model that speaks only one; "" if that isn't known, or it speaks several."""
    if folder.setting("use_language_embedding"):
        return ""
    if folder.settings.get("use_phonemes") and folder.settings.get("phoneme_language"):
        return str(folder.settings["phoneme_language"])
    named = set(folder.settings.get("languages") or [])
    named |= {dataset["language"] for dataset in folder.settings.get("datasets") or [] if dataset.get("language")}
    return str(named.pop()) if len(named) == 1 else ""


def _files(folder: CoquiFolder) -> Mapping[str, str | list[str]]:
    """Setting → file of this folder, for the files that config.json names by their place on another machine."""
    files: dict[str, str | list[str]] = {}
    wanted = {
        "speakers_file": folder.setting("use_speaker_embedding") and not folder.settings.get("speakers"),
        "d_vector_file": folder.setting("use_d_vector_file"),
        "language_ids_file": folder.setting("use_language_embedding"),
    }
    for key, is_wanted in wanted.items():
        if is_wanted and (named := folder.setting(key)):
            beside = [str(folder.beside(name)) for name in ([named] if isinstance(named, str) else named)]
            files[key] = beside if key == "d_vector_file" else beside[0]
    return files
