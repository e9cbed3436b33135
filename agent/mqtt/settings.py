"""What of the [mqtt] section can't be right is found before anything is connected."""

from __future__ import annotations

import os
import re
import unicodedata

from agent.config.device_sections import MqttSection
from agent.text.foreign_text import redact_credentials, shortened
from speech.errors import InputError


def check(settings: MqttSection) -> None:
    """Looks at host, base topic and user name.

    Raises:
        InputError: one of them no broker would take, or no resolver.
    """
    topic = settings.base_topic
    if not all(topic.split("/")) or set(topic) & set("+#") or topic.startswith("$") or not _is_text(topic):
        raise InputError(
            "mqtt.base_topic: expected levels of a topic such as \"home/visavis\", without '+', '#', control "
            f"characters or a '$' in front, got '{shortened(topic)}'"
        )
    if not _is_host(settings.host):
        raise InputError(
            "mqtt.host: expected a host's name or address such as \"192.168.0.5\", without 'mqtt://', brackets or a "
            f"port (that is mqtt.port), got '{shortened(redact_credentials(settings.host))}'"
        )
    if not _is_text(settings.username):
        raise InputError(f"mqtt.username: expected no control characters, got '{shortened(settings.username)}'")


def password_from_environment(settings: MqttSection) -> str | None:
    """The password in the environment; None for a user without one.

    Raises:
        InputError: it is not there, or can't be sent; nothing of it is shown.
    """
    if not settings.username or not settings.password_env:
        return None
    password = os.environ.get(settings.password_env)
    if password is None:
        raise InputError(
            f"mqtt: expected the password of user '{settings.username}' in the environment variable "
            f'{settings.password_env}, it is not set; set it, or mqtt.password_env = "" for a user without a password'
        )
    if any(unicodedata.category(character) == "Cs" for character in password):
        raise InputError(f"mqtt: expected the password in {settings.password_env} to be UTF-8, it is not; set it again")
    return password


def _is_text(text: str) -> bool:
    """Brokers end a connection for control characters, and half a surrogate pair has no UTF-8."""
    return not any(unicodedata.category(character) in ("Cc", "Cs") for character in text)


def _is_host(host: str) -> bool:
    if re.search(r"[\s/@\[\]]", host) or host.count(":") == 1 or not _is_text(host):
        return False
    try:
        host.encode("idna")
    except UnicodeError:
        return False
    return True
