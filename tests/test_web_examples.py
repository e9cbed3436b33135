"""The examples against the real server: with TLS, a token, and another site's page that is let in by name."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import av
import numpy as np
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request

from speech.asr.faster_whisper_worker import Decoder
from tests.browser import DEAF, SMALL, Server, browsing, serving
from tests.certificates import certificate_for

# Beside the page's own tests: Chromium has less to do here.
pytestmark = [pytest.mark.chromium, pytest.mark.real_time, pytest.mark.xdist_group("others")]

EXAMPLES = Path(__file__).parent.parent / "examples"
TOKEN = "a-token-of-32-letters-and-digits"


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        return


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, int]]:
    """Another site: its folder, and its port on this machine."""
    folder = tmp_path_factory.mktemp("school")
    (folder / "favicon.ico").touch()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder))) as site:
        thread = threading.Thread(target=site.serve_forever, daemon=True)
        thread.start()
        yield folder, site.server_address[1]
        site.shutdown()
        thread.join(5.0)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return certificate_for(tmp_path_factory.mktemp("certificate"), "localhost")


@pytest.fixture(scope="module")
def server(school: tuple[Path, int], certificate: tuple[Path, Path]) -> Iterator[Server]:
    settings = {
        "web.embed_origins": f"http://localhost:{school[1]}",
        "web.tls_certificate": certificate[0],
        "web.tls_key": certificate[1],
    }
    options = [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
    with serving(*SMALL, *DEAF, *options, VISAVIS_WEB_TOKEN=TOKEN) as running:
        yield running


def _run_client(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(EXAMPLES / "client.py"), *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=90, check=False, env={**os.environ, **environment}
    )


def test_the_client_asks_and_keeps_the_answer(
    server: Server, certificate: tuple[Path, Path], tmp_path: Path, whisper: Decoder
) -> None:
    film, trusted = tmp_path / "answer.mp4", {"SSL_CERT_FILE": str(certificate[0])}
    refused = _run_client("Who?", "--url", server.url, "-o", str(film), **trusted)
    assert refused.returncode == 1
    assert refused.stderr.strip() == "expected the server's token as 'Authorization: Bearer …'"

    asked = ("What is your name?", "--url", server.url, "--portrait", "ada", "-o", str(film))
    done = _run_client(*asked, VISAVIS_WEB_TOKEN=TOKEN, **trusted)
    assert done.returncode == 0, done.stderr
    assert "I'm Ada." in done.stdout
    assert "ada" in _words(whisper, film)
    with av.open(film) as container:
        faces = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]
    assert faces[0].shape == (256, 256)
    moved = [float(np.abs(one.astype(float) - faces[0]).mean()) for one in faces]
    assert max(moved) > 0.5


def _words(whisper: Decoder, film: Path) -> str:
    """What is said in a film."""
    with av.open(film) as container:
        to_mono = av.AudioResampler("flt", "mono", 16_000)
        pieces = [piece.to_ndarray()[0] for frame in container.decode(audio=0) for piece in to_mono.resample(frame)]
    return whisper(np.concatenate(pieces), lambda: None).text.lower()


def test_a_server_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    failed = _run_client("Who?", "--url", "http://127.0.0.1:1", "-o", str(tmp_path / "answer.wav"))
    assert failed.returncode == 1
    assert failed.stderr.startswith("http://127.0.0.1:1: could not reach the server: ")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing(obeys_csp=True, flags=("--ignore-certificate-errors",)) as running:
        yield running


def _open_example(
    browser: Browser, server: Server, school: tuple[Path, int], host: str
) -> tuple[Page, list[str], list[dict[str, str]]]:
    """The example's page, shown by another site; what the browser complains about; the wishes of sessions it begins."""
    page_source = (EXAMPLES / "embed.html").read_text()
    page_source = page_source.replace("http://127.0.0.1:8080/embed.js", f"{server.url}embed.js")
    page_source = page_source.replace('data-portrait="ada"', f'data-portrait="ada" data-token="{TOKEN}"')
    (school[0] / "embed.html").write_text(page_source)
    page, complaints, begun = browser.new_page(), [], []

    def note(message: ConsoleMessage) -> None:
        if message.type == "error":
            complaints.append(f"{message.location['url']}: {message.text}")

    def note_request(request: Request) -> None:
        if request.method == "POST" and request.url.endswith("/api/sessions"):
            begun.append(request.post_data_json)

    page.on("console", note)
    page.on("request", note_request)
    page.goto(f"http://{host}:{school[1]}/embed.html")
    return page, complaints, begun


def _becomes_true(is_so: Callable[[], bool], page: Page, within_s: float = 30.0) -> bool:
    until = time.monotonic() + within_s
    while not is_so():
        if time.monotonic() > until:
            return False
        page.wait_for_timeout(50)
    return True


def test_another_sites_page_embeds_the_avatar(server: Server, school: tuple[Path, int], browser: Browser) -> None:
    page, complaints, begun = _open_example(browser, server, school, "localhost")
    avatar = page.frame_locator("iframe")
    avatar.locator("#talk").click()
    face = avatar.locator("#face")
    assert _becomes_true(lambda: face.evaluate("face => face.videoWidth") == 256, page)
    began = face.evaluate("face => face.currentTime")
    assert _becomes_true(lambda: face.evaluate("face => face.currentTime") > began + 0.3, page)
    frame = page.frames[1]
    assert TOKEN not in frame.url and frame.url.endswith("/?portrait=ada")
    assert not complaints, complaints
    assert [wishes["portrait"] for wishes in begun] == ["ada"]
    page.close()


def test_a_site_that_was_not_let_in_sees_nothing(server: Server, school: tuple[Path, int], browser: Browser) -> None:
    page, complaints, begun = _open_example(browser, server, school, "127.0.0.1")
    assert _becomes_true(lambda: any("frame-ancestors" in line for line in complaints), page)
    assert page.frames[1].url in ("", "chrome-error://chromewebdata/")
    assert begun == []
    page.close()


def test_a_visitor_types_the_token(server: Server, browser: Browser) -> None:
    page = browser.new_page()
    page.goto(server.url)
    page.get_by_label("Token").fill(TOKEN)
    page.get_by_role("button").click()
    page.locator("#talk").wait_for()
    assert page.url == server.url
    page.close()
