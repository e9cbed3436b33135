"""Chromium before the kiosk's page: found, started again, ended; with programs that only look like it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from pathlib import Path

import pytest

from agent.web import kiosk_browser


def _browser(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    program = folder / "chromium"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    monkeypatch.setattr(kiosk_browser, "PLACES", ())


def test_no_browser_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(kiosk_browser, "PLACES", ())
    said: list[str] = []
    asyncio.run(kiosk_browser.keep_browser("http://127.0.0.1:1/?kiosk=1", said.append))
    assert said == [
        "kiosk: no Chromium is installed (apt-get install chromium); "
        "open http://127.0.0.1:1/?kiosk=1 in any browser instead"
    ]


def test_a_browser_that_ends_is_started_again_but_not_for_ever(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(kiosk_browser, "FIRST_WAIT_S", 0.0)
    monkeypatch.setattr(kiosk_browser.tempfile, "gettempdir", lambda: str(tmp_path))
    lines = "[1:2:ERROR:dbus/bus.cc(1)] no bus\\n[1:2:ERROR:x11.cc(1)] Missing X server\\n"
    _browser(tmp_path, monkeypatch, f"printf '{lines}' >&2; echo \"$@\" >> {tmp_path}/started; exit 1")
    said: list[str] = []
    asyncio.run(kiosk_browser.keep_browser("http://127.0.0.1:1/?kiosk=1", said.append))
    again = "kiosk: Chromium ended with status 1 (Missing X server)"
    assert said[:-1] == [f"{again}; it is started again"] * kiosk_browser.MOST_RESTARTS
    assert said[-1].startswith(again) and said[-1].endswith("it stays closed, the server goes on")
    started = (tmp_path / "started").read_text().splitlines()
    assert len(started) == kiosk_browser.MOST_RESTARTS + 1
    assert "--kiosk" in started[0] and started[0].endswith("http://127.0.0.1:1/?kiosk=1")
    assert not list(tmp_path.glob(".visavis-*")), "its profile stays on the disk"


def test_only_our_page_may_use_the_microphone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(kiosk_browser.tempfile, "gettempdir", lambda: str(tmp_path))
    find = 'for one; do case "$one" in --user-data-dir=*) cat "${one#*=}/Default/Preferences";; esac; done'
    _browser(tmp_path, monkeypatch, f"({find}) > {tmp_path}/seen; sleep 60")

    async def look() -> str:
        keeping = asyncio.create_task(kiosk_browser.keep_browser("https://127.0.0.1:8443/?kiosk=1", print))
        seen = await asyncio.to_thread((tmp_path / "seen").read_text)  # a pipe: until it was written
        keeping.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await keeping
        return seen

    os.mkfifo(tmp_path / "seen")
    seen = json.loads(asyncio.run(look()))
    allowed = seen["profile"]["content_settings"]["exceptions"]
    assert allowed == {"media_stream_mic": {"https://127.0.0.1:8443,*": {"setting": 1}}}
    assert not list(tmp_path.glob(".visavis-*"))


def test_nobody_reads_the_token_on_the_command_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(kiosk_browser.tempfile, "gettempdir", lambda: str(tmp_path))
    _browser(tmp_path, monkeypatch, f'echo "$@" > {tmp_path}/seen; sleep 60')
    os.mkfifo(tmp_path / "seen")

    async def look() -> tuple[str, str]:
        shown = kiosk_browser.keep_browser("http://127.0.0.1:1/?kiosk=1", print, token="a-token&of-signs")
        keeping = asyncio.create_task(shown)
        command = await asyncio.to_thread((tmp_path / "seen").read_text)
        page = await asyncio.to_thread(Path(command.split()[-1].removeprefix("file://")).read_text)
        keeping.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await keeping
        return command, page

    command, page = asyncio.run(look())
    assert "a-token" not in command
    assert "url=http://127.0.0.1:1/?kiosk=1&amp;token=a-token%26of-signs" in page
    assert not list(tmp_path.glob(".visavis-*"))
