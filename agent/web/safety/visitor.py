"""Where a request comes from and what it is called by, as far as that can be believed."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import Scope

from agent.web.safety.access import Access

_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks.

    Attributes:
        address: of the visitor; of IPv6 the network of 64 bits, which is one household.
        scheme: "http" or "https", as the visitor's browser has it.
    """

    address: str
    scheme: str


def visitor_of(scope: Scope, access: Access) -> Visitor:
    """Who asks; behind a proxy what that says: the last address in the list, which it added itself."""
    address = str((scope.get("client") or ("",))[0])
    scheme = str(scope.get("scheme", "http"))
    if access.behind_proxy and _is_near(address):
        headers = Headers(scope=scope)
        forwarded = headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
        address = forwarded if _network(forwarded) else address
        said = headers.get("x-forwarded-proto", "").rpartition(",")[2].strip().lower()
        scheme = said if said in _DEFAULT_PORTS else scheme
    return Visitor(_network(address) or "elsewhere", scheme)


def is_called_rightly(host: str, access: Access) -> bool:
    """Whether a Host header names this server: by an address, or by a name that it was given.

    A page that has its own name point to our address (DNS rebinding) can't use an address for a name.
    """
    name = _split(f"//{host}")[0]
    if name is None:
        return False
    return name in ("localhost", *access.hosts) or _network(name) != ""


def is_own_page(origin: str, host: str, visitor: Visitor) -> bool:
    """Whether an Origin header names our own page, which the same request calls `host`."""
    scheme = origin.partition("://")[0]
    ours = _split(f"//{host}")
    port = _DEFAULT_PORTS.get(visitor.scheme)
    theirs = _split(origin)
    return (
        scheme == visitor.scheme
        and theirs[0] is not None
        and (theirs[0], theirs[1] or port) == (ours[0], ours[1] or port)
    )


def _split(url: str) -> tuple[str | None, int | None]:
    """Name and port; None for a name where it is none."""
    try:
        parts = urlsplit(url)
        if parts.username is not None or parts.path or parts.query or parts.fragment:
            return None, None
        return (parts.hostname or "").rstrip(".") or None, parts.port
    except ValueError:
        return None, None


def _is_near(address: str) -> bool:
    """Whether it may be our proxy: on this machine or in its network of containers."""
    try:
        return ipaddress.ip_address(address).is_private
    except ValueError:
        return False


def _network(address: str) -> str:
    """What is counted as one visitor's place; "" for what is no address."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    if ip.version == 4:
        return str(ip)
    return str(ip.ipv4_mapped or ipaddress.ip_network((ip, 64), strict=False))
