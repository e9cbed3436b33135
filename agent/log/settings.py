"""A configuration as the log sees it: what of it is told, and what is secret."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from agent.config.sections import KEYS, Config
from agent.log.redaction import Redaction


def note_settings(redaction: Redaction, config: Config, environment: Mapping[str, str] = os.environ) -> None:
    """Tells a redaction what of a configuration is a name, a secret or what a mind is told, and whether words stay."""
    redaction.keeps_words = config.log.words
    values = {key: _value(config, key) for key in KEYS if key not in _ABOUT_PEOPLE}
    names = [str(value) for value in values.values() if isinstance(value, str | Path)]
    variables = (config.mind.api_key_env, config.mqtt.password_env)
    redaction.know(
        names=[*names, "the default"],
        secrets=[environment.get(variable, "") for variable in variables if variable],
        texts=[config.mind.persona],
    )


def settings_of(config: Config) -> dict[str, str]:
    """What is not at its default: "section.key" → value; of texts only their length, of users nothing."""
    default = Config()
    values = {key: _value(config, key) for key in KEYS if _value(config, key) != _value(default, key)}
    return {key: _ABOUT_PEOPLE.get(key, str)(str(value)) for key, value in values.items()}


_ABOUT_PEOPLE: Mapping[str, Callable[[str], str]] = {
    "mind.persona": lambda text: f"({len(text)} characters)",
    "mqtt.username": lambda name: "(set)",
}
"""Settings that are not told as they are → how they are told."""


def _value(config: Config, key: str) -> object:
    section, _, name = key.partition(".")
    return getattr(getattr(config, section), name)
