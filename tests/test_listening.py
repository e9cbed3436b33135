"""Where the server listens, and its certificate: what is wrong with them is one line."""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path

import pytest

from agent.config.web_sections import WebSection
from agent.web.listening import listen, tls_context, url_of
from speech.errors import BackendError, InputError
from tests.certificates import certificate_for


def test_a_port_that_is_taken_is_told() -> None:
    with contextlib.closing(listen("127.0.0.1", 0)) as first:
        port = first.getsockname()[1]
        with pytest.raises(BackendError, match=f"port {port}: another program listens there; stop it"):
            listen("127.0.0.1", port)
    listen("127.0.0.1", port).close()


@pytest.mark.parametrize(
    ("host", "told"), [("203.0.113.4", "it has no such address"), ("no.such.host.invalid", "nobody knows this name")]
)
def test_an_address_that_is_not_ours_is_told(host: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        listen(host, 0)


def test_the_address_is_told_as_one_can_open_it() -> None:
    with contextlib.closing(listen("0.0.0.0", 0)) as listening:
        port = listening.getsockname()[1]
        assert url_of(listening, tls=True, local=True) == f"https://127.0.0.1:{port}/"
        assert url_of(listening, tls=False) == f"http://{socket.gethostname()}:{port}/"
    with contextlib.closing(listen("localhost", 0)) as listening:
        assert url_of(listening, tls=False) in (f"http://127.0.0.1:{listening.getsockname()[1]}/", "http://[::1]")


def test_a_certificate_encrypts(tmp_path: Path) -> None:
    certificate, key = certificate_for(tmp_path, "avatar.example")
    assert tls_context(WebSection(tls_certificate=certificate, tls_key=key)) is not None
    assert tls_context(WebSection()) is None


def test_a_certificate_that_is_none_is_told(tmp_path: Path) -> None:
    certificate, key = certificate_for(tmp_path, "avatar.example")
    (tmp_path / "other").mkdir()
    _, other = certificate_for(tmp_path / "other", "other.example")
    (tmp_path / "text.pem").write_text("hello")
    for files, told in (
        ((certificate, None), "web.tls_key: expected a PEM file"),
        ((None, key), "web.tls_certificate: expected a PEM file"),
        ((tmp_path / "gone.pem", key), "could not read it: No such file"),
        ((tmp_path / "text.pem", key), "expected a certificate in a PEM file, this is none"),
        ((certificate, tmp_path / "text.pem"), "expected a private key in a PEM file, this is none"),
        ((certificate, other), "expected a certificate that belongs to the key"),
        ((key, key), "expected a certificate that belongs to the key"),
    ):
        with pytest.raises(InputError, match=told):
            tls_context(WebSection(tls_certificate=files[0], tls_key=files[1]))
