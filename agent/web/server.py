"""`visavis serve`: takes its address, loads the engine, opens the hall, answers until it is stopped, says good-bye."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import AbstractContextManager, closing
from typing import Any

import uvicorn

from agent.config.config import Config
from agent.engine import Part, load_engine
from agent.log.lines import log_event
from agent.log.vitals import log_vitals
from agent.web.app import make_app
from agent.web.kiosk_browser import keep_browser
from agent.web.listening import key_hash, listen, tls_context, url_of
from agent.web.liveness import Liveness
from agent.web.safety.access import check_web
from agent.web.safety.limits import LARGEST_HEAD
from agent.web.safety.slow_clients import BehindProxyProtocol, ImpatientProtocol
from agent.web.service_manager import ServiceManager
from agent.web.visits.hall import Hall, open_hall
from speech.worker import signals
from speech.worker.cores import usable_cores
from speech.worker.priority import prefer_live

FAREWELL_S = 8.0
"""A sentence that is being said when the server is stopped may take so long."""

RESTARTS = "the server restarts"
"""What pages are told: they come back by themselves."""

CLOSING_S = 3
"""Answers that are on their way may take so long when the server is stopped."""

_LOG = logging.getLogger(__name__)


async def serve(
    config: Config,
    *,
    say: Callable[[str], None],
    loading: Callable[[], AbstractContextManager[object]],
    opens_browser: bool,
) -> None:
    """Serves the page until the program is stopped.

    Args:
        config: the whole configuration.
        say: prints a line.
        loading: shows that something is being loaded, for as long as it is entered.
        opens_browser: shows the page on this machine's screen.

    Raises:
        VisavisError: the address can't be taken, or something could not be loaded.
    """
    access = check_web(config, os.environ)
    prefer_live()
    began, web = time.perf_counter(), config.web
    manager = ServiceManager.of(os.environ)
    tls = tls_context(web)
    with closing(listen(web.host, web.port)) as listening, contextlib.ExitStack() as waiting:
        waiting.enter_context(loading())
        manager.tell("STATUS=loading")
        loaded = load_engine(config, Part.CONVERSATION, drawing_processes=usable_cores(), on_preparing=say)
        async with loaded as engine, open_hall(engine) as hall:
            options = uvicorn.Config(
                make_app(hall, access),
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                ws="none",
                http=BehindProxyProtocol if access.behind_proxy else ImpatientProtocol,
                h11_max_incomplete_event_size=LARGEST_HEAD,
                timeout_graceful_shutdown=CLOSING_S,
            )
            options.load()
            options.ssl = tls
            waiting.close()
            loaded_s = time.perf_counter() - began
            say(f"{url_of(listening, tls=tls is not None)} (loaded in {loaded_s:.1f} s; Ctrl-C ends it)")
            log_event(_LOG, "ready", loaded_s=round(loaded_s, 1), host=web.host, port=listening.getsockname()[1])
            beside: dict[str, Coroutine[Any, Any, None]] = {
                "vitals": log_vitals(hall.losses),
                "watchdog": manager.feed_watchdog(Liveness(engine, hall).prove),
            }
            if opens_browser:
                local = url_of(listening, tls=tls is not None, local=True)
                pinned_key = key_hash(web.tls_certificate) if web.tls_certificate else ""
                shown = keep_browser(f"{local}?kiosk=1", say, token=access.token, pinned_key=pinned_key)
                beside["kiosk browser"] = shown
            await _answer(_Server(options), listening, hall, beside, manager, say)


async def _answer(
    server: _Server,
    listening: socket.socket,
    hall: Hall,
    beside: Mapping[str, Coroutine[Any, Any, None]],
    manager: ServiceManager,
    say: Callable[[str], None],
) -> None:
    """Answers until a signal asks to leave; then what is being said is said to its end, and no more."""
    asked_to_leave = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        answering = tasks.create_task(server.serve([listening]), name="web server")
        helpers = [tasks.create_task(helper, name=name) for name, helper in beside.items()]
        with _leaving_on_signals(asked_to_leave):
            manager.tell("READY=1", "STATUS=ready")
            await asked_to_leave.wait()
            manager.tell("STOPPING=1")
            say("leaving: what is being said ends with its sentence; Ctrl-C again ends at once")
            await hall.farewell(RESTARTS, FAREWELL_S)
            for helper in helpers:
                helper.cancel()
            server.should_exit = True
            await answering


class _Server(uvicorn.Server):
    """uvicorn, but signals are the program's."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Takes none over."""
        yield


@contextlib.contextmanager
def _leaving_on_signals(asked: asyncio.Event) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    with signals.leaving(lambda: loop.call_soon_threadsafe(asked.set)):
        yield
