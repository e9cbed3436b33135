"""Who may reach the server: decided from the configuration, before anything is loaded."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from agent.config.config import Config
from agent.config.web_sections import WebSection
from speech.errors import InputError

SHORTEST_TOKEN = 16
_TOKEN = re.compile(r"[!-~]+")
_MAKE_TOKEN = 'python3 -c "import secrets; print(secrets.token_urlsafe())"'
_HOST = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?")


@dataclass(frozen=True, slots=True)
class Access:
    """Who may reach the server.

    Attributes:
        token: what visitors must have; "" where none is needed.
        hosts: names by which they may call it, lower case, beside its addresses.
        embed_origins: whose pages may embed ours and use the API, such as "https://school.example".
        behind_proxy: the peer is a proxy, which says who the visitor is.
        encrypted: visitors come by HTTPS.
        upload_bytes: how large a portrait that a visitor brings may be.
    """

    token: str = ""
    hosts: frozenset[str] = frozenset()
    embed_origins: tuple[str, ...] = ()
    behind_proxy: bool = False
    encrypted: bool = False
    upload_bytes: int = 20_000_000


def check_web(config: Config, environ: Mapping[str, str]) -> Access:
    """Who may reach the server that is configured.

    Args:
        config: the whole configuration.
        environ: the environment, such as os.environ.

    Raises:
        InputError: it could be reached from elsewhere without a token or without TLS, or a name or an origin is none.
    """
    web = config.web
    token = environ.get(web.token_env, "").strip() if web.token_env else ""
    if token and (len(token) < SHORTEST_TOKEN or _TOKEN.fullmatch(token) is None):
        raise InputError(
            f"{web.token_env}: expected a token of {SHORTEST_TOKEN} or more letters, digits and signs without spaces, "
            f"got {len(token)} characters; this makes one: {_MAKE_TOKEN}"
        )
    has_tls = web.tls_certificate is not None and web.tls_key is not None
    if not is_own_address(web.host) or web.behind_proxy:
        _check_reachable(config, has_token=bool(token), has_tls=has_tls)
    hosts = {_host(name, config) for name in web.hosts.split()}
    if not is_own_address(web.host):
        hosts |= own_names()
    return Access(
        token,
        frozenset(hosts),
        tuple(dict.fromkeys(_origin(text, config) for text in web.embed_origins.split())),
        web.behind_proxy,
        has_tls or web.behind_proxy,
        web.upload_mb * 1_000_000,
    )


def is_own_address(host: str) -> bool:
    """Whether only this machine reaches an address: 127.0.0.1, ::1, localhost."""
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def own_names() -> set[str]:
    """What other machines of the same network call this one; no page from elsewhere can have such a name."""
    name = socket.gethostname().lower()
    return {name, f"{name.partition('.')[0]}.local"}


def _check_reachable(config: Config, *, has_token: bool, has_tls: bool) -> None:
    web = config.web
    key, value = ("web.host", web.host) if not is_own_address(web.host) else ("web.behind_proxy", "true")
    missing = []
    if not has_token:
        name = web.token_env or WebSection().token_env
        missing.append(f'a token in the environment: export {name}="$({_MAKE_TOKEN})"')
    if not has_tls and not web.behind_proxy:
        missing.append("TLS: web.tls_certificate and web.tls_key, or web.behind_proxy = true behind Caddy or nginx")
    if missing:
        raise InputError(
            f"{key} ({config.source.of(key)}): {value} lets other machines in, which takes {'; and '.join(missing)}"
        )


def _host(name: str, config: Config) -> str:
    name = name.lower()
    if _HOST.fullmatch(name) is None:
        raise InputError(
            f"web.hosts ({config.source.of('web.hosts')}): expected names such as avatar.example, without scheme and "
            f"port, got '{name}'"
        )
    return name.rstrip(".")


def _origin(text: str, config: Config) -> str:
    where = f"web.embed_origins ({config.source.of('web.embed_origins')})"
    try:
        parts = urlsplit(text.lower())
        is_origin = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        is_origin = is_origin and _HOST.fullmatch(parts.hostname or "") is not None and "@" not in parts.netloc
        is_origin = is_origin and not (parts.path.strip("/") or parts.query or parts.fragment)
    except ValueError:
        is_origin = False
    if not is_origin:
        raise InputError(f"{where}: expected origins such as https://school.example, got '{text}'")
    return f"{parts.scheme}://{parts.netloc}"
