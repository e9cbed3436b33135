"""A real browser before the real program: `visavis serve` in a process of its own, headless Chromium at its page.

with serving("--set", "web.sessions=2") as server, browsing(microphone=QUESTION) as browser:
    page = browser.new_page()
    page.goto(server.url)
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

CHROMIUM = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
]

SMALL = ("--set", "output.size=256")
"""For `serving`: pictures that are drawn, sent and decoded in a quarter of the time."""

DEAF = ("--set", "ears.backend=pocketsphinx")
"""For `serving`, where nobody speaks: ears that are there at once."""


@dataclass
class Server:
    """The program, ready.

    Attributes:
        url: of its page.
        process: it.
        output: all lines that it printed so far, errors too.
    """

    url: str
    process: subprocess.Popen[str]
    output: list[str] = field(default_factory=list)


@contextmanager
def serving(*options: str, **environment: str) -> Iterator[Server]:
    """`visavis serve` at a free port of this machine, stopped with SIGTERM in the end."""
    command = [sys.executable, "-m", "agent", "serve", "--port", "0", *options]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=Path(__file__).parent.parent,
        env={**os.environ, **environment},
    )
    server, ready = Server("", process), threading.Event()

    def read() -> None:
        assert process.stdout is not None
        with process.stdout as lines:
            for line in lines:
                server.output.append(line)
                if found := re.search(r"https?://\S+:\d+/", line):
                    server.url = server.url or found[0]
                    ready.set()
        ready.set()

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        assert ready.wait(60) and server.url, "".join(server.output)
        yield server
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        finally:
            process.kill()
        reader.join(5)


@contextmanager
def browsing(
    microphone: Path | None = None,
    *,
    allow: bool = True,
    loop: bool = False,
    flags: tuple[str, ...] = (),
    obeys_csp: bool = False,
) -> Iterator[Browser]:
    """Headless Chromium.

    Args:
        microphone: WAV file that its microphone hears, once or again and again; None for Chromium's own beeps.
        allow: whether it may use the microphone without asking; else every wish for it is refused.
        loop: whether the file is heard again and again.
        flags: more of Chromium's.
        obeys_csp: whether pages' content-security policies hold; then Playwright's `wait_for_function` can't be used,
            which evaluates text in the page.
    """
    more = ["--use-fake-ui-for-media-stream" if allow else "--deny-permission-prompts"]
    if microphone is not None:
        more.append(f"--use-file-for-fake-audio-capture={microphone}" + ("" if loop else "%noloop"))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=[*CHROMIUM, *more, *flags])
        if not obeys_csp:
            browser.new_page = partial(browser.new_page, bypass_csp=True)
            browser.new_context = partial(browser.new_context, bypass_csp=True)
        try:
            yield browser
        finally:
            browser.close()
