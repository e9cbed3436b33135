"""The addresses of this machine at which a peer may reach it."""

from __future__ import annotations

from aioice import ice

LOOPBACK = "127.0.0.1"
_addresses_of_networks = ice.get_host_addresses


def use_loopback_without_network() -> None:
    """Has aioice offer the loopback where there is no other address: a peer on this machine needs no network.

    Chromium is none of those: without a network it has no address of its own to offer.
    """
    ice.get_host_addresses = host_addresses


def host_addresses(use_ipv4: bool, use_ipv6: bool) -> list[str]:
    """The addresses on networks; without any, the loopback's."""
    return _addresses_of_networks(use_ipv4, use_ipv6) or [LOOPBACK]
