"""`visavis serve`: loads the engine, opens the hall, answers until it is stopped."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import uvicorn

from agent.config.config import Config
from agent.engine import Part, load_engine
from agent.web.app import make_app
from agent.web.safety.access import check_web
from agent.web.safety.slow_clients import LARGEST_HEAD, BehindProxyProtocol, ImpatientProtocol
from agent.web.visits.hall import open_hall
from speech.worker.priority import prefer_live


async def serve(config: Config, say: Callable[[str], None]) -> None:
    """Serves the page until the program is stopped.

    Args:
        config: the whole configuration.
        say: prints a line.
    """
    access = check_web(config, os.environ)
    prefer_live()
    began, web = time.perf_counter(), config.web
    async with load_engine(config, Part.CONVERSATION) as engine, open_hall(engine) as hall:
        options = uvicorn.Config(
            make_app(hall, access),
            host=web.host,
            port=web.port,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            ws="none",
            http=BehindProxyProtocol if access.behind_proxy else ImpatientProtocol,
            h11_max_incomplete_event_size=LARGEST_HEAD,
        )
        listening = options.bind_socket()
        host, port = listening.getsockname()[:2]
        say(f"http://{host}:{port}/ (loaded in {time.perf_counter() - began:.1f} s)")
        await uvicorn.Server(options).serve([listening])
