"""`visavis serve`: loads the engine, opens the hall, answers until it is stopped."""

from __future__ import annotations

import uvicorn

from agent.config.config import Config
from agent.engine import Part, load_engine
from agent.web.app import make_app
from agent.web.visits.hall import open_hall
from speech.worker.priority import prefer_live


async def serve(config: Config) -> None:
    """Serves the page until the program is stopped."""
    prefer_live()
    web = config.web
    async with load_engine(config, Part.CONVERSATION) as engine, open_hall(engine) as hall:
        server = uvicorn.Server(
            uvicorn.Config(make_app(hall), host=web.host, port=web.port, log_config=None, access_log=False)
        )
        await server.serve()
