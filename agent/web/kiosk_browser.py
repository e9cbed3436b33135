"""Chromium before the page, filling this machine's screen: found, started, started again, ended with the server."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import re
import shutil
import signal
import tempfile
from collections import deque
from collections.abc import Callable
from html import escape
from pathlib import Path
from urllib.parse import quote, urlsplit

from speech.errors import one_line
from speech.files.locked_temporary import LockedTemporary

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
"""What distributions call it."""

PLACES = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)

FLAGS = (
    "--kiosk",
    "--no-first-run",
    "--no-default-browser-check",
    "--noerrdialogs",
    "--hide-crash-restore-bubble",
    "--disable-session-crashed-bubble",
    "--disable-translate",
    "--disable-features=Translate,MediaRouter",
    "--disable-sync",
    "--disable-component-update",
    "--disable-background-networking",
    "--disable-pinch",
    "--overscroll-history-navigation=0",
    "--autoplay-policy=no-user-gesture-required",
    "--password-store=basic",
)

MOST_RESTARTS, WITHIN_S = 5, 600.0
"""A browser that ends more often than that is left alone: something is wrong that starting it again won't mend."""

FIRST_WAIT_S = 1.0
"""Before it is started again; twice as long each time that follows soon."""

ENDING_S = 5.0

_TAIL_LINES = 2
_SOURCE = re.compile(r"^\[[^\]]*\] *")
"""Chromium's own processes, times and source files, before each of its lines."""
_NOISE = re.compile(r"dbus|zygote_linux", re.IGNORECASE)
"""Nothing of this keeps it from running."""

_LOG = logging.getLogger(__name__)


def find_browser() -> str | None:
    """The program, where there is one."""
    found = (shutil.which(name) for name in (*NAMES, *PLACES))
    return next((path for path in found if path), None)


async def keep_browser(url: str, say: Callable[[str], None], *, token: str = "", pinned_key: str = "") -> None:
    """Shows the page until it is cancelled; says what goes wrong, and returns where there is no way to show it.

    Args:
        url: of the page, with the scheme; only its origin may use the microphone.
        say: prints a line.
        token: that visitors must have; "" for none.
        pinned_key: hash of the server's public key, which is believed whoever signed it and under whatever name; ""
            for the usual checks.
    """
    program = find_browser()
    if program is None:
        say(f"kiosk: no Chromium is installed (apt-get install chromium); open {url} in any browser instead")
        return
    # Under the user's own temporary folder, and gone with the program: nothing of a visitor stays on the disk.
    profile = await asyncio.to_thread(LockedTemporary.folder, Path(tempfile.gettempdir()))
    try:
        await asyncio.to_thread(_allow_microphone, profile.path, url)
        flags = [*FLAGS, f"--user-data-dir={profile.path}"]
        if pinned_key:
            flags.append(f"--ignore-certificate-errors-spki-list={pinned_key}")
        first = await asyncio.to_thread(_way_in, profile.path, f"{url}&token={quote(token)}") if token else url
        await _keep_running([program, *flags, first], say)
    finally:
        await asyncio.shield(asyncio.to_thread(profile.remove))


async def _keep_running(command: list[str], say: Callable[[str], None]) -> None:
    """Starts it again when it ends, for whatever reason: a dark screen is of use to nobody."""
    loop = asyncio.get_running_loop()
    ends: deque[float] = deque(maxlen=MOST_RESTARTS)
    while True:
        status, tail = await _run(command)
        now = loop.time()
        recent = [at for at in ends if now - at < WITHIN_S]
        why = _why(status, tail)
        if len(recent) == MOST_RESTARTS:
            say(f"kiosk: {why}, {MOST_RESTARTS + 1} times in a few minutes; it stays closed, the server goes on")
            return
        ends.append(now)
        say(f"kiosk: {why}; it is started again")
        _LOG.warning("%s; it is started again", why)
        await asyncio.sleep(FIRST_WAIT_S * 2 ** len(recent))


def _why(status: int, tail: list[str]) -> str:
    if status < 0:
        return f"Chromium was ended by {signal.Signals(-status).name}"
    return f"Chromium ended with status {status}" + (f" ({'; '.join(tail)})" if tail and status else "")


async def _run(command: list[str]) -> tuple[int, list[str]]:
    """Runs it to its end; cancelled, it is ended with all that it started. Returns its status and its last words."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stderr is not None
    tail: deque[str] = deque(maxlen=_TAIL_LINES)
    try:
        while line := await _line(process.stderr):
            text = one_line(line.decode(errors="replace").strip())
            if text and not _NOISE.search(text):
                tail.append(_SOURCE.sub("", text))
        return await process.wait(), list(tail)
    finally:
        await asyncio.shield(_end(process))


async def _line(stream: asyncio.StreamReader) -> bytes:
    while True:
        try:
            return await stream.readline()
        except ValueError:  # longer than a line may be; what follows is the next
            continue


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        _signal(process, signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), ENDING_S)
    _signal(process, signal.SIGKILL)  # what it has left behind
    await process.wait()


def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _way_in(profile: Path, url: str) -> str:
    """A page in the profile that leads to an address: on the command line everybody on this machine could read it."""
    page = profile / "way-in.html"
    page.write_text(f'<!doctype html><meta http-equiv="refresh" content="0; url={escape(url)}">', encoding="utf-8")
    return page.as_uri()


def _allow_microphone(profile: Path, url: str) -> None:
    """Writes what a visitor would have clicked on: this origin may use the microphone, and no other."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    origin = f"{parts.scheme}://{parts.hostname}:{port},*"
    allowed = {"exceptions": {"media_stream_mic": {origin: {"setting": 1}}}}
    preferences = {"profile": {"content_settings": allowed, "exit_type": "Normal"}}
    (profile / "Default").mkdir(mode=0o700)
    (profile / "Default" / "Preferences").write_text(json.dumps(preferences), encoding="utf-8")
