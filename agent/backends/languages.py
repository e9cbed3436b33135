"""In which languages a conversation can be held here: whether the mind answers, ears hear and a voice speaks them."""

from __future__ import annotations

from typing import Any

from agent.backends.choice import Choice, chosen_ears, chosen_mind, chosen_talker, chosen_voice
from agent.config.config import Config
from speech.errors import VisavisError


def language_models(config: Config) -> list[Choice]:
    """Those that answer; none where the knowledge file does, which answers only in the language it is written in."""
    chosen = chosen_mind(config), chosen_talker(config) if config.mind.chat else None
    return [model for model in chosen if model is not None and model.chosen != "knowledge"]


def is_heard(config: Config, language: str) -> bool:
    """Whether a recogniser is here that understands a language; PocketSphinx stays where none does."""
    try:
        return chosen_ears(with_ears(config, language)).chosen != "pocketsphinx"
    except VisavisError:
        return False


def is_spoken(config: Config, language: str) -> bool:
    """Whether a voice is here that speaks a language."""
    try:
        chosen_voice(with_voice(config, language))
    except VisavisError:
        return False
    return True


def with_ears(config: Config, language: str) -> Config:
    """The same settings, with ears for a language."""
    return config.model_copy(update={"ears": config.ears.model_copy(update={"language": language})})


def with_voice(config: Config, language: str, voice: str = "") -> Config:
    """The same settings, with the best voice for a language, or the one named."""
    changes: dict[str, Any] = {"backend": "auto", "model": "", "sample": None, "voice": voice, "language": language}
    return config.model_copy(update={"voice": config.voice.model_copy(update=changes)})
