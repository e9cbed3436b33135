"""How peers find their way: addresses of this machine, STUN, TURN."""

from __future__ import annotations

import pytest

from agent.config.web_sections import WebSection
from agent.web.rtc import addresses
from agent.web.rtc.addresses import LOOPBACK, host_addresses
from agent.web.rtc.ice_servers import rtc_configuration
from speech.errors import InputError


def test_without_any_network_there_is_still_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    assert host_addresses(True, True) == [LOOPBACK] or LOOPBACK not in host_addresses(True, True)
    monkeypatch.setattr(addresses, "_addresses_of_networks", lambda use_ipv4, use_ipv6: [])
    assert host_addresses(True, True) == [LOOPBACK]


def test_stun_and_turn_are_taken_from_the_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    assert rtc_configuration(WebSection()).iceServers == []
    web = WebSection(
        stun_server="stun:stun.example.org:3478", turn_server="turn:turn.example.org?transport=tcp", turn_username="u"
    )
    with pytest.raises(InputError, match="VISAVIS_TURN_CREDENTIAL, got no password"):
        rtc_configuration(web)
    monkeypatch.setenv("VISAVIS_TURN_CREDENTIAL", "secret")
    servers = rtc_configuration(web).iceServers
    assert servers is not None
    assert [(one.urls, one.username, one.credential) for one in servers] == [
        ("stun:stun.example.org:3478", None, None),
        ("turn:turn.example.org?transport=tcp", "u", "secret"),
    ]


@pytest.mark.parametrize(
    "wrong", [{"stun_server": "stun.example.org"}, {"turn_server": "turn:"}, {"stun_server": "stun:a b"}]
)
def test_an_address_that_is_none_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(InputError, match=r"web\.\w+_server: expected"):
        rtc_configuration(WebSection.model_validate({"turn_username": "u", **wrong}))
