"""Where an OpenAI-compatible server is, and the key that opens it: what is good is told apart before it is used."""

from __future__ import annotations

import ipaddress
import os
import re
from urllib.parse import SplitResult, urlsplit

from agent.text.foreign_text import redact_credentials, shortened
from speech.errors import InputError


def address_of(base_url: str) -> SplitResult:
    """The parts of a server's address.

    Raises:
        InputError: it is none, or it holds what would be shown with it in every message: a password or a key.
    """
    url = base_url.strip()
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        parts = urlsplit("")
    secret = parts.username is not None or parts.password is not None or parts.query or parts.fragment
    if secret and parts.scheme in ("http", "https"):
        shown = shortened(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}")
        raise InputError(
            f'mind.base_url: expected an address without a user, a password, "?" or "#", got them with "{shown}"; '
            "a key belongs into the environment variable that mind.api_key_env names"
        )
    if parts.scheme not in ("http", "https") or not parts.hostname or re.search(r"[\s\\<>\"]|[^\x20-\U0010ffff]", url):
        shown = shortened(redact_credentials(base_url))
        raise InputError(f'mind.base_url: expected an address such as "http://127.0.0.1:11434/v1", got "{shown}"')
    return parts


def key_from(variable: str) -> str:
    """The key in an environment variable; "" for none.

    Raises:
        InputError: it can't be sent. The message shows nothing of it.
    """
    key = os.environ.get(variable, "").strip() if variable else ""
    if re.fullmatch(r"[\x21-\x7e]*", key) is None:
        raise InputError(
            f"mind.api_key_env: expected {variable} to hold a key of ASCII letters, digits and signs, got blanks or "
            "other characters in it; set it again"
        )
    return key


def is_this_computer(host: str) -> bool:
    """Whether a host's name or address stands for the computer that we run on."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host.rstrip(".") == "localhost" or host.rstrip(".").endswith(".localhost")
    mapped = getattr(address, "ipv4_mapped", None) or address
    return bool(mapped.is_loopback or mapped.is_unspecified)
