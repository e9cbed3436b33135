"""Finds the natural voices that training can use on this machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from agent.models.checksums import mismatch
from agent.models.packaged import packaged_path
from agent.models.packaged_catalogue import PackagedModel, find_packaged
from agent.models.training_catalogue import KOKORO, KOKORO_STYLES
from avatar.training.voices.voice_files import VoiceFiles
from speech.errors import InputError
from speech.user_folders import data_folder


def training_voices(report: Callable[[str], None]) -> VoiceFiles:
    """The files of all natural voices that are installed and whole.

    Args:
        report: called with one line for each that is not, and how to install it.
    """

    def found(look: Callable[[], Path]) -> Path | None:
        try:
            return look()
        except InputError as error:
            report(f"left out: {error}")
            return None

    piper = found(lambda: _packaged("piper", "en_US-joe-medium"))
    styles = found(checked_styles)
    return VoiceFiles(
        hibari=found(lambda: _packaged("hibari", "heart")),
        piper=(piper,) if piper is not None else (),
        kokoro=found(lambda: packaged_path(KOKORO)) if styles is not None else None,
        kokoro_styles=styles,
    )


def styles_path() -> Path:
    """Where Kokoro's style vectors are kept."""
    return data_folder() / "models" / "kokoro" / KOKORO_STYLES.file_name


def checked_styles() -> Path:
    """Where Kokoro's style vectors are.

    Raises:
        InputError: they are missing or altered.
    """
    path = styles_path()
    try:
        trouble = mismatch(path, KOKORO_STYLES.size, KOKORO_STYLES.sha256)
    except OSError:
        trouble = "expected the style vectors of Kokoro's voices, found none"
    if trouble:
        raise InputError(f"{KOKORO.title}: {path}: {trouble}; run: make training")
    return path


def _packaged(backend: str, name: str) -> Path:
    model: PackagedModel | None = find_packaged(backend, name)
    assert model is not None
    return packaged_path(model)
