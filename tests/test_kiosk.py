"""The kiosk in a real browser: it invites, talks, forgets, and comes back by itself, whatever happens to the server."""

from __future__ import annotations

import os
import signal
import socket
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile

pytest.importorskip("playwright")

from playwright.sync_api import Page, sync_playwright

from agent.commands.demo import QUESTIONS
from tests.browser import DEAF, SMALL, browsing, serving
from tests.certificates import certificate_for
from tests.x_display import x_display

pytestmark = [pytest.mark.chromium, pytest.mark.real_time, pytest.mark.timeout(240)]  # it waits for a server twice

IDLE_RESET_S = 5
LONG_MS = 45_000


@pytest.fixture(scope="module")
def question(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A question, before and after which nobody is there for a while; Chromium hears it again and again."""
    spoken, rate_hz = soundfile.read(QUESTIONS / "1_name.wav")
    path = tmp_path_factory.mktemp("kiosk") / "question.wav"
    soundfile.write(path, np.concatenate([np.zeros(2 * rate_hz), spoken, np.zeros(16 * rate_hz)]), rate_hz)
    return path


@contextmanager
def _kiosk(port: int, *more: str) -> Iterator[str]:
    options = {"web.kiosk": "true", "web.idle_reset_s": f"{IDLE_RESET_S}", "web.sessions": "1"}
    settings = [part for name, value in options.items() for part in ("--set", f"{name}={value}")]
    with serving(*SMALL, "--port", str(port), *settings, *more) as server:
        yield server.url
        # As on a bad day: it has no time to say good-bye.
        server.process.send_signal(signal.SIGKILL)


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def _wait_for(page: Page, mode: str) -> None:
    page.wait_for_selector(f"html.kiosk[data-kiosk='{mode}']", state="attached")


def _session(page: Page) -> str:
    return str(page.evaluate("localStorage.getItem('visavis.session')"))


def _shown(page: Page) -> list[str]:
    """The ids of the page's buttons and fields that can be seen."""
    shown = "[...document.querySelectorAll('button, input, dialog')].filter((one) => one.checkVisibility())"
    return [str(name) for name in page.evaluate(f"{shown}.map((one) => one.id || one.name)")]


@pytest.mark.xdist_group("others")  # Chromium has little to do, and both wait a lot
def test_a_day_of_a_kiosk(question: Path) -> None:
    """Somebody asks, the page is loaded anew, they go, the server is killed and comes back: nobody has to help."""
    port = _free_port()
    with ExitStack() as server, browsing(question, loop=True) as browser:
        url = server.enter_context(_kiosk(port))
        page = browser.new_page(viewport={"width": 540, "height": 960})
        page.set_default_timeout(LONG_MS)
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))

        # Nobody is there: it invites, in large letters, without anything that could be pressed.
        page.goto(url)  # without ?kiosk=1: the server says that it is one
        _wait_for(page, "attract")
        invitation = page.wait_for_selector("#invitation span")
        assert invitation is not None and invitation.inner_text() == "Hello! Just talk to me."
        assert _shown(page) == []
        assert page.evaluate("getComputedStyle(document.querySelector('#face')).cursor") == "none"
        menu = "document.body.dispatchEvent(new MouseEvent('contextmenu', {bubbles: true, cancelable: true}))"
        assert page.evaluate(menu) is False, "a long touch opens a menu"
        page.wait_for_function("document.getElementById('face').videoWidth == 256")

        # Somebody speaks, and is answered aloud.
        _wait_for(page, "talk")
        page.wait_for_selector('#captions .avatar:has-text("I\'m Mira")')
        assert page.evaluate("document.getElementById('face').muted") is False
        assert _shown(page) == []
        large = page.evaluate("parseFloat(getComputedStyle(document.querySelector('#captions p')).fontSize)")
        assert large > 0.05 * 540

        # The page is loaded anew in the middle: the conversation is still there.
        session = _session(page)
        page.reload()
        page.wait_for_selector('#captions .avatar:has-text("I\'m Mira")')
        assert _session(page) == session

        # They have gone: it forgets, and invites again.
        _wait_for(page, "attract")
        assert page.evaluate("document.getElementById('captions').textContent") == ""

        # A touch is enough, too; and where nobody says anything, it invites again.
        page.mouse.click(270, 480)
        _wait_for(page, "talk")

        # The server is killed, and is there again after a while.
        server.close()
        _wait_for(page, "away")
        server.enter_context(_kiosk(port, *DEAF))
        _wait_for(page, "attract")
        page.wait_for_function("window.visavis?.media.state == 'live'")
        page.wait_for_function("document.getElementById('face').videoWidth == 256")
        assert _session(page) != session
        assert errors == []


@pytest.mark.xvfb
def test_chromium_is_started_with_the_server(tmp_path: Path, question: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over HTTPS with a certificate of our own, and with a token: it gets in, and hears, without being asked."""
    certificate, key = certificate_for(tmp_path, "avatar.example")
    debugging = _free_port()
    program = tmp_path / "chromium"
    program.write_text(
        "#!/bin/sh\nexec /usr/bin/chromium --no-sandbox --disable-gpu --use-fake-device-for-media-stream "
        f'--use-file-for-fake-audio-capture={question} --remote-debugging-port={debugging} "$@"\n'
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv("VISAVIS_WEB_TOKEN", "a-token-for-the-kiosk")
    files = ["--tls-certificate", str(certificate), "--tls-key", str(key)]
    with x_display(540, 960) as display:
        with (
            serving(*SMALL, "--kiosk", "--sessions", "1", *files, DISPLAY=display.name) as server,
            sync_playwright() as playwright,
        ):
            assert server.url.startswith("https://127.0.0.1:")
            page = _page_of(playwright.chromium, debugging, server.url)
            assert page.url == f"{server.url}?kiosk=1", "the token stays in the address"
            _wait_for(page, "talk")
            page.wait_for_selector('#captions .avatar:has-text("I\'m Mira")')
        with socket.socket() as asking:
            assert asking.connect_ex(("127.0.0.1", debugging)) != 0, "Chromium goes on without the server"
    assert not any("kiosk" in line for line in server.output), server.output


def _page_of(chromium: object, port: int, url: str) -> Page:
    import time

    from playwright.sync_api import BrowserType, Error

    assert isinstance(chromium, BrowserType)
    until = time.monotonic() + 30
    while True:
        try:
            (page,) = chromium.connect_over_cdp(f"http://127.0.0.1:{port}").contexts[0].pages
            page.set_default_timeout(LONG_MS)
            page.wait_for_url(f"{url}**")
            return page
        except (Error, ValueError):
            if time.monotonic() > until:
                raise
            time.sleep(0.2)
