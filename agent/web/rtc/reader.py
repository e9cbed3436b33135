"""A visitor without WebRTC, who reads the captions: time goes on for them as for a peer."""

from __future__ import annotations

import asyncio

from agent.web.rtc.peer_sound import PeerSound


class Reader:
    """Takes the voice at its pace, and lets nobody hear it; in the place of a `Connection`.

    Args:
        sound: of the visitor.
    """

    def __init__(self, sound: PeerSound) -> None:
        self._sound = sound
        sound.attach(self)
        self._taking = asyncio.create_task(self._take(), name="reader")

    @property
    def heard_from_s(self) -> float:
        """The event loop's time until which it surely read: now."""
        return asyncio.get_running_loop().time()

    async def close(self) -> None:
        """Time stands still from now on, unless another one took its place."""
        self._taking.cancel()
        await asyncio.gather(self._taking, return_exceptions=True)
        self._sound.detach(self)

    async def _take(self) -> None:
        index = self._sound.next_piece()
        while True:
            await self._sound.piece(index)
            index += 1
