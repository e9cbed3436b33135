"""The connections of one visit: one at a time, and a new one takes the old one's place."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from aiortc import RTCConfiguration

from agent.web.rtc.connection import Connection
from agent.web.rtc.controls import ControlsChange
from agent.web.rtc.face_track import PeerFace
from agent.web.rtc.peer_sound import PeerSound
from agent.web.rtc.reader import Reader

CLOSING_S = 10.0
"""A connection that takes longer to close is left alone: its visit's place is somebody else's by then."""

_LOG = logging.getLogger(__name__)


class Connections:
    """Answers peers.

    Args:
        sound: of the visitor, whichever connection it goes over.
        face: likewise.
        servers: STUN and TURN.
        on_controls: called on the event loop with what the peer asks of the face.
        on_connected: called when there is another connection.
        on_lost: called on the event loop with a connection that broke, while there was no other; it is closed then.
    """

    def __init__(
        self,
        sound: PeerSound,
        face: PeerFace,
        servers: RTCConfiguration,
        *,
        on_controls: Callable[[ControlsChange], None],
        on_connected: Callable[[], None],
        on_lost: Callable[[Connection | Reader], None],
    ) -> None:
        self._sound, self._face, self._servers = sound, face, servers
        self._on_controls, self._on_connected, self._on_lost = on_controls, on_connected, on_lost
        self._current: Connection | Reader | None = None
        self._one_at_a_time = asyncio.Lock()
        self._closing: set[asyncio.Task[None]] = set()

    async def answer(self, offer: str, check: Callable[[], None]) -> str:
        """Answers a peer's SDP offer; a connection that was there is closed once the new one is answered.

        Args:
            offer: as it came.
            check: raises where no connection is wanted; called before and after.

        Raises:
            VisavisError: the offer can't be answered, or what `check` raises; a connection that was there stays.
        """
        async with self._one_at_a_time:
            check()
            connection = Connection(
                self._sound,
                self._face,
                on_lost=lambda: self._lost(connection),
                on_controls=self._on_controls,
                servers=self._servers,
            )
            try:
                answer = await connection.answer(offer)
                check()
            except BaseException:
                await connection.close()
                raise
            await self._take(connection)
            return answer

    async def read(self, check: Callable[[], None]) -> None:
        """A visitor without WebRTC reads along, in the place of a peer; an offer replaces it.

        Args:
            check: raises where no connection is wanted.
        """
        async with self._one_at_a_time:
            check()
            await self._take(Reader(self._sound))

    def nobody_follows(self) -> None:
        """Nobody follows the visit's events any more: whoever only read along has gone."""
        if isinstance(self._current, Reader):
            self._lost(self._current)

    async def _take(self, connection: Connection | Reader) -> None:
        before, self._current = self._current, connection
        self._on_connected()
        if before is not None:
            await _close(before)

    async def hang_up(self) -> None:
        """Closes the connection, if there is one, and waits for those that broke."""
        connection, self._current = self._current, None
        if connection is not None:
            await _close(connection)
        if self._closing:
            await asyncio.wait(self._closing)

    def _lost(self, connection: Connection | Reader) -> None:
        if connection is self._current:
            self._current = None
            self._on_lost(connection)
            # A task of ours, as it must go on when the visit ends meanwhile: half closed, its sockets would stay.
            closing = asyncio.create_task(_close(connection), name="hang up")
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)


async def _close(connection: Connection | Reader) -> None:
    """What fails when somebody is hung up is nobody else's trouble."""
    try:
        async with asyncio.timeout(CLOSING_S):
            await connection.close()
    except Exception:
        _LOG.exception("a connection could not be closed")
