"""Backends, chosen and loaded: what does not work on this machine is said, and the next choice is taken."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any, TypeVar

from agent.backends.choice import Choice, without_weights
from agent.config.config import Config
from agent.log.lines import Foreign, log_event
from speech.errors import VisavisError

_LOG = logging.getLogger(__name__)

Part = TypeVar("Part", bound=AbstractAsyncContextManager[Any])


@asynccontextmanager
async def loaded(
    config: Config,
    choose: Callable[[Config], Choice],
    make: Callable[[Config], Part],
    *,
    on_notice: Callable[[str], None],
    on_made: Callable[[Part], None] = lambda part: None,
) -> AsyncGenerator[Part, None]:
    """Ears, a mind or a voice, ready for use; stopped at the end.

    Where `auto` chose weights whose library does not work here (a processor that it was not built for, too little
    memory), the backend that needs no weights is loaded in its place.

    Args:
        config: the whole configuration.
        choose: one of `chosen_ears`, `chosen_mind` and `chosen_voice` in `agent.backends.choice`.
        make: makes the backend for settings; in a thread, since weights may be checked, joined or converted.
        on_notice: called with what is not as it should be, a line each.
        on_made: given the backend before it is loaded.

    Raises:
        InputError: it can't be made or loaded, and there is no next choice.
    """
    part = await asyncio.to_thread(make, config)
    choice = await asyncio.to_thread(choose, config)
    on_made(part)
    began_s, chosen = time.monotonic(), choice.chosen
    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(part)
        except VisavisError as error:
            instead = await asyncio.to_thread(without_weights, config, choice)
            if instead is None:
                raise
            chosen = getattr(instead, choice.what).backend
            on_notice(f"{choice.what}: {chosen} instead of {choice.chosen}: {error}")
            log_event(_LOG, "backend_failed", level=logging.WARNING, backend=choice.chosen, problem=Foreign(error))
            part = await asyncio.to_thread(make, instead)
            await stack.enter_async_context(part)
        for notice in choice.notices:
            on_notice(notice)
        loaded_s = round(time.monotonic() - began_s, 2)
        log_event(
            _LOG,
            "backend",
            place=choice.what,
            chosen=chosen,
            source=choice.source,
            why=choice.why,
            loaded_s=loaded_s,
            notices=list(choice.notices) or None,
        )
        yield part
