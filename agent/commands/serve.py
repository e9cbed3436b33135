"""The command that serves the web page."""

from __future__ import annotations

from typing import Annotated

import typer

from agent.commands import options
from agent.commands.log_options import begin_log
from agent.commands.options import configured, say
from speech.worker import signals


def serve(
    host: Annotated[str | None, typer.Option("--host", metavar="ADDRESS", help="Where it listens.")] = None,
    port: Annotated[int | None, typer.Option("--port", metavar="N", help="Of that address; 0 for a free one.")] = None,
    kiosk: Annotated[bool, typer.Option("--kiosk", help="Fill the screen of this machine, in Chromium.")] = False,
    portrait: options.PortraitName = None,
    seed: options.Seed = None,
    config: options.ConfigPath = None,
    overrides: options.Overrides = None,
    quiet: options.Quiet = False,
) -> None:
    """Shows the avatar on a web page, where people talk with it.

    Examples:
    `visavis serve`

    `visavis serve --kiosk --portrait ada`
    """
    from agent.web.server import serve as serve_page

    more: dict[str, object] = {"web.host": host, "web.port": port, "web.kiosk": kiosk or None}
    settings = configured(config, overrides, portrait=portrait, seed=seed, more=more)
    begin_log(settings, "serve")
    signals.run(serve_page(settings, lambda line: say(line, quiet)))


def register(app: typer.Typer) -> None:
    """Adds this command."""
    app.command()(serve)
