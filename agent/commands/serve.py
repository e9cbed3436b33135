"""The command that serves the web page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from agent.commands import options
from agent.commands.log_options import begin_log
from agent.commands.options import check_lesson, configured, messages, say
from speech.errors import InputError
from speech.worker import signals

PACKAGES = {
    "aiortc": "aiortc",
    "fastapi": "fastapi",
    "prometheus_client": "prometheus-client",
    "python_multipart": "python-multipart",
    "uvicorn": "uvicorn",
}
"""What the page needs beside the rest: as it is imported, and as it is installed."""


def serve(
    host: Annotated[
        str | None,
        typer.Option(
            "--host", metavar="ADDRESS", help="Where it listens; all but this machine's own wants a token and TLS."
        ),
    ] = None,
    port: Annotated[int | None, typer.Option("--port", metavar="N", help="Of that address; 0 for a free one.")] = None,
    tls_certificate: Annotated[
        Path | None, typer.Option("--tls-certificate", metavar="FILE.pem", help="Serve HTTPS with this certificate.")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option("--tls-key", metavar="FILE.pem", help="Its private key.")] = None,
    behind_proxy: Annotated[
        bool, typer.Option("--behind-proxy", help="A proxy on this machine has the TLS (see deploy/).")
    ] = False,
    sessions: Annotated[
        int | None,
        typer.Option("--sessions", metavar="N", help="Conversations at once; 0: as many as were measured."),
    ] = None,
    kiosk: Annotated[
        bool, typer.Option("--kiosk", help="A page that fills the screen; on this machine's own, in Chromium.")
    ] = False,
    lesson: options.LessonName = None,
    portrait: options.PortraitName = None,
    landmarks: options.Landmarks = None,
    voice: options.VoiceName = None,
    rate: options.RateWpm = None,
    volume: options.Volume = None,
    seed: options.Seed = None,
    config: options.ConfigPath = None,
    overrides: options.Overrides = None,
    quiet: options.Quiet = False,
) -> None:
    """Shows the avatar on a web page, where people talk with it, until you stop it (Ctrl-C).

    The address is printed when it is ready. The first Ctrl-C lets the sentence that is being said end, a second one
    does not wait.

    Examples:
    `visavis serve`

    `visavis serve --kiosk --portrait ada`

    `visavis serve --port 0 --sessions 2 --lesson lesson.md`

    `VISAVIS_WEB_TOKEN=secret visavis serve --host 0.0.0.0 --tls-certificate cert.pem --tls-key key.pem`
    """
    check_packages()
    settings = configured(
        config,
        overrides,
        portrait=portrait,
        landmarks=landmarks,
        voice=voice,
        rate_wpm=rate,
        volume=volume,
        seed=seed,
        more={
            "web.host": host,
            "web.port": port,
            "web.tls_certificate": tls_certificate,
            "web.tls_key": tls_key,
            "web.behind_proxy": behind_proxy or None,
            "web.sessions": sessions,
            "web.kiosk": kiosk or None,
            "tutor.lesson": lesson,
        },
    )
    check_lesson(settings)
    begin_log(settings, "serve")
    from agent.web.server import serve as serve_page  # takes a second, which nobody waits whose settings are wrong

    @contextmanager
    def loading() -> Iterator[None]:
        if quiet or not messages.is_terminal:
            say("loading …", quiet)
            yield
            return
        with messages.status("loading ears, mind, voice and face …"):
            yield

    signals.run(serve_page(settings, say=lambda line: say(line, quiet), loading=loading, opens_browser=kiosk))


def check_packages() -> None:
    """Refuses to go on without the packages of the page.

    Raises:
        InputError: names those that are missing, and what installs them.
    """
    missing = [package for module, package in PACKAGES.items() if find_spec(module) is None]
    if missing:
        raise InputError(
            f"serve: expected the package{'s' * (len(missing) > 1)} {', '.join(missing)}, not installed; "
            "run: pip install 'visavis[web]'"
        )


def register(app: typer.Typer) -> None:
    """Adds this command."""
    app.command()(serve)
