"""A configuration as the log sees it: what of it is told, and what is secret."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from agent.config.sections import KEYS, Config
from agent.log.redaction import Redaction


def note_settings(redaction: Redaction, config: Config, environment: Mapping[str, str] = os.environ) -> None:
    """Tells a redaction what in a configuration is a name, a secret, or a text that a mind is told."""
    free = {("mind", "persona"), ("mqtt", "username")}
    names = [
        str(value)
        for section, values in config.model_dump(exclude={"source"}).items()
        for key, value in values.items()
        if isinstance(value, str | Path) and (section, key) not in free
    ]
    variables = (config.mind.api_key_env, config.mqtt.password_env)
    redaction.know(
        names=[*names, "the default"],
        secrets=[environment.get(variable, "") for variable in variables if variable],
        texts=[config.mind.persona],
    )


def settings_of(config: Config) -> dict[str, str]:
    """What is not at its default: "section.key" → value; of texts only their length, of users nothing."""
    told: dict[str, str] = {}
    default = Config()
    for key in KEYS:
        section, name = key.split(".")
        value = getattr(getattr(config, section), name)
        if value != getattr(getattr(default, section), name):
            told[key] = str(value)
    if "mind.persona" in told:
        told["mind.persona"] = f"({len(config.mind.persona)} characters)"
    if "mqtt.username" in told:
        told["mqtt.username"] = "(set)"
    return told
