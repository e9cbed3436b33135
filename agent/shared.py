"""What several sessions use at once: made for the first of them, by content, and stopped after the last."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Hashable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from agent.models.checksums import sha256_of

T = TypeVar("T")


class SharedThings:
    """Lends parts out under keys: equal keys, the same part.

    Every part is entered and left by a task of its own, so that it doesn't matter whose lease is the first or the last.
    """

    def __init__(self) -> None:
        self._lent: dict[Hashable, _Lent] = {}

    @asynccontextmanager
    async def lease(self, key: Hashable, opening: Callable[[], AbstractAsyncContextManager[T]]) -> AsyncGenerator[T]:
        """The part under a key, ready for use; the last lease that ends stops it, and waits for that.

        Args:
            key: whatever makes two parts different.
            opening: makes the part, where nobody has it.

        Raises:
            VisavisError: it could not be loaded; whoever leases it next tries again.
        """
        lent = self._lent.get(key)
        if lent is None:
            lent = self._lent[key] = _Lent(opening())
        lent.users += 1
        try:
            yield await asyncio.shield(lent.ready)
        finally:
            lent.users -= 1
            if not lent.users:
                if self._lent.get(key) is lent:
                    del self._lent[key]
                await lent.close()


class _Lent:
    """One part and its task."""

    def __init__(self, opening: AbstractAsyncContextManager[Any]) -> None:
        self.users = 0
        self.ready: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._unused = asyncio.Event()
        self._task = asyncio.create_task(self._keep(opening), name="shared part")

    async def _keep(self, opening: AbstractAsyncContextManager[Any]) -> None:
        try:
            async with opening as part:
                self.ready.set_result(part)
                await self._unused.wait()
        except (Exception, asyncio.CancelledError) as error:
            if self.ready.done():
                raise
            self.ready.set_exception(error)
            self.ready.exception()  # seen: those who wait get it, and there may be none any more

    async def close(self) -> None:
        """Stops the part, or its loading."""
        if self.ready.done():
            self._unused.set()
        else:
            self._task.cancel()
        await asyncio.wait([self._task])
        if not self._task.cancelled():
            self._task.result()


def content_key(path: Path | str | None) -> str | None:
    """The hash of a file's contents; of what is no file, what it is called."""
    try:
        if path is not None and Path(path).is_file():
            return sha256_of(Path(path))
    except (OSError, ValueError):
        pass  # whoever opens it says what is wrong
    return None if path is None else str(path)
