"""The user who sits at a microphone: sound as it comes, and a key that opens and closes it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable

from agent.conversation.events import TalkKey
from agent.conversation.session import Session
from speech.audio import OUTPUT_RATE_HZ, AudioChunk, rms
from speech.devices.sound_card import SoundCard

ECHO_S = 0.35
"""How long a room and two devices' buffers still hold the avatar's voice after its last sample."""

_MOST_AHEAD_S = 0.25
"""A microphone whose clock is faster than the speaker's fills the user's track: beyond this a chunk is left out."""

QUEUED_KEYS = 32
"""Key presses that wait; more are dropped."""


class Microphone:
    """A live source: yields the microphone's sound, or only what is said while the talk key is down.

    Args:
        card: the sound card, entered.
        headphones: the microphone does not hear the avatar, so the user can interrupt it by voice.
        push_to_talk: nothing is heard before `press`.
        on_level: told of the loudness of every chunk (RMS, 0 to 1), on the event loop.
    """

    real_time = True
    echo_s = ECHO_S

    def __init__(
        self, card: SoundCard, *, headphones: bool, push_to_talk: bool, on_level: Callable[[float], None]
    ) -> None:
        self._card, self._push_to_talk, self._on_level = card, push_to_talk, on_level
        self.full_duplex = headphones and not push_to_talk
        self._is_down = False
        # Sound and keys in one queue, in the order in which they happened; None ends it.
        self._items: asyncio.Queue[AudioChunk | TalkKey | None] = asyncio.Queue(QUEUED_KEYS)

    def press(self) -> None:
        """The talk key: opens the microphone, or closes it."""
        self._is_down = not self._is_down
        self._put(TalkKey(self._is_down))

    @property
    def is_open(self) -> bool:
        """Whether the microphone is open, as far as the user has a say in it."""
        return self._is_down or not self._push_to_talk

    def leave(self) -> None:
        """The user leaves: the session ends."""
        self._put(None)

    async def items(self, session: Session) -> AsyncGenerator[AudioChunk | TalkKey, None]:
        """Yields sound and key presses until the user leaves."""
        listening = asyncio.create_task(self._listen(session), name="microphone")
        listening.add_done_callback(lambda _: self.leave())  # only a failure ends it; the user is not left waiting
        try:
            while (item := await self._items.get()) is not None:
                yield item
            session.interrupt()
            if listening.done():
                await listening
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    async def _listen(self, session: Session) -> None:
        async for chunk in self._card.chunks():
            self._on_level(rms(chunk.samples))
            if not self.is_open:
                continue
            if session.is_listening:
                track = session.user_track
                if track.end + len(chunk.samples) - track.taken < _MOST_AHEAD_S * OUTPUT_RATE_HZ:
                    track.append(chunk.samples)
            await self._items.put(chunk)

    def _put(self, item: TalkKey | None) -> None:
        while self._items.full():  # what the user decides goes before what the user says
            self._items.get_nowait()
        self._items.put_nowait(item)
