"""STUN and TURN, as they are configured."""

from __future__ import annotations

import os

from aiortc import RTCConfiguration, RTCIceServer

from agent.config.web_sections import WebSection
from agent.text.foreign_text import shortened
from agent.web.rtc.addresses import use_loopback_without_network
from speech.errors import InputError


def rtc_configuration(web: WebSection) -> RTCConfiguration:
    """How connections find their way; on one network without any server.

    Raises:
        InputError: an address that is none, or no password for TURN in its environment variable.
    """
    use_loopback_without_network()
    servers = []
    if web.stun_server:
        servers.append(RTCIceServer(_checked("stun_server", web.stun_server, ("stun:",))))
    if web.turn_server:
        address = _checked("turn_server", web.turn_server, ("turn:", "turns:"))
        password = os.environ.get(web.turn_credential_env, "")
        if not web.turn_username or not password:
            raise InputError(
                "config.toml: web.turn_server: expected web.turn_username, and the password in the environment variable"
                f" {web.turn_credential_env}, got {'no password' if web.turn_username else 'no username'}"
            )
        servers.append(RTCIceServer(address, username=web.turn_username, credential=password))
    return RTCConfiguration(servers)


def _checked(key: str, address: str, schemes: tuple[str, ...]) -> str:
    host = address.partition(":")[2]
    if not address.startswith(schemes) or not host or any(letter.isspace() for letter in address):
        raise InputError(f"config.toml: web.{key}: expected {schemes[0]}HOST:PORT, got '{shortened(address, 80)}'")
    return address
