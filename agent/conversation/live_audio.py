"""The user who is there now: sound as it comes from a device, and a key that opens and closes the microphone."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import Protocol

import numpy as np

from agent.conversation.audio_io import Heard, Stage, UserSound
from agent.conversation.events import EchoMeasured, TalkKey, UserLeft, UserPaused, UserStopped
from avatar.clock import EvenPlayer, Player
from speech.audio import OUTPUT_RATE_HZ, AudioChunk, Samples, rms
from speech.echo.base import EchoCanceller, EchoReport
from speech.sound_track import SoundTrack

ECHO_S = 0.35
"""How long a room and two devices' buffers still hold the avatar's voice after its last sample."""

_MOST_AHEAD_S = 0.25
"""A microphone whose clock is faster than the speaker's fills the user's track: beyond this a chunk is left out."""

QUEUED = 32
"""Chunks and key presses that wait; further chunks wait at the device, a key takes the place of what waits longest."""

_Item = UserSound | EchoMeasured | TalkKey | UserPaused | UserStopped


class SoundDevice(Player, Protocol):
    """A sound card, or a peer at the other end of a network: `heard_at` is its own time."""

    @property
    def has_microphone(self) -> bool:
        """Whether `chunks` ever gives any."""
        ...

    @property
    def openings(self) -> int:
        """How often it was opened so far, in whole or in part: each time the way of an echo is another one."""
        ...

    def playing(self, track: SoundTrack) -> AbstractAsyncContextManager[object]:
        """Is open, and takes the track's samples for playing, until the context ends."""
        ...

    def chunks(self) -> AsyncGenerator[AudioChunk, None]:
        """What the microphone hears: float32 mono at OUTPUT_RATE_HZ, without end."""
        ...

    def played_meanwhile(self) -> Samples:
        """What the speaker played while the latest of `chunks` was recorded, as far as is known; as long."""
        ...


class LiveAudio:
    """The sound of a user at a device; an `AudioIO`.

    Args:
        device: not yet open.
        full_duplex: the microphone does not hear the avatar, or others see to that, so the user can barge in by voice.
        push_to_talk: nothing is heard before `press`.
        echo_s: how long after the avatar's last sample the microphone may still hear it.
        on_level: called with the loudness of every chunk (RMS, 0 to 1), on the event loop.
        canceller: takes the avatar's echo out of what the microphone hears, so that the user can barge in by voice
            without headphones; None where nothing does.
    """

    real_time = True

    def __init__(
        self,
        device: SoundDevice,
        *,
        full_duplex: bool,
        push_to_talk: bool = False,
        echo_s: float = ECHO_S,
        on_level: Callable[[float], None] = lambda level: None,
        canceller: EchoCanceller | None = None,
    ) -> None:
        self._device, self._push_to_talk, self._echo_s, self._on_level = device, push_to_talk, echo_s, on_level
        self._canceller, self._echo = canceller, _EchoMeter()
        self._openings: int | None = None  # of the device, when it was heard last
        self._full_duplex = (full_duplex or canceller is not None) and not push_to_talk
        self._is_down = False
        self._unfinished = 0  # samples that the canceller holds, less than a block
        # Sound and keys in one queue, in the order in which they happened; None ends it.
        self._items: asyncio.Queue[_Item | None] = asyncio.Queue(QUEUED)

    @property
    def hears(self) -> bool:
        """Whether the device has a microphone."""
        return self._device.has_microphone

    @property
    def player(self) -> Player:
        """The device."""
        return self._device

    def press(self) -> None:
        """The talk key: opens the microphone, or closes it."""
        self._is_down = not self._is_down
        self._put(TalkKey(self._is_down))

    @property
    def is_open(self) -> bool:
        """Whether the microphone is open, as far as the user has a say in it."""
        return self._is_down or not self._push_to_talk

    def stop(self) -> None:
        """The stop key: silences the avatar."""
        self._put(UserStopped())

    def pause(self) -> None:
        """The pause key: holds the avatar's answer, or lets it go on."""
        self._put(UserPaused())

    def leave(self) -> None:
        """The user leaves: the conversation ends."""
        self._put(None)

    @asynccontextmanager
    async def open(self, stage: Stage) -> AsyncGenerator[AsyncGenerator[Heard, None], None]:
        """See `AudioIO.open`."""
        async with self._device.playing(stage.voice):
            yield self._heard(stage)

    async def _heard(self, stage: Stage) -> AsyncGenerator[Heard, None]:
        listening = asyncio.create_task(self._listen(stage), name="microphone")
        listening.add_done_callback(self._listening_ended)
        key_was_down = False
        try:
            while (item := await self._items.get()) is not None:
                if isinstance(item, TalkKey):
                    key_was_down = item.is_down
                elif isinstance(item, UserSound) and not self._is_listening(stage, key_was_down):
                    continue  # half duplex: it may be the avatar's own voice
                yield item
            yield UserLeft()
            if listening.done():
                await listening
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    def _listening_ended(self, listening: asyncio.Task[None]) -> None:
        if self.hears:  # only a failure ends it; the user is not left waiting
            self.leave()

    def _is_listening(self, stage: Stage, key_is_down: bool) -> bool:
        return self._full_duplex or key_is_down or stage.floor.free_for(self._echo_s)

    async def _listen(self, stage: Stage) -> None:
        user = stage.user
        async for chunk in self._device.chunks():
            self._on_level(rms(chunk.samples))
            sound = await self._without_echo(chunk)
            if sound is None or not self.is_open:
                continue
            if self._is_listening(stage, self._is_down):
                samples = sound.words.samples
                if user.end + len(samples) - user.taken < _MOST_AHEAD_S * OUTPUT_RATE_HZ:
                    user.append(samples)
            await self._items.put(sound)

    async def _without_echo(self, chunk: AudioChunk) -> UserSound | None:
        """The sound that is finished with this chunk; None where it is too short for any."""
        if self._canceller is None:
            return UserSound.of(chunk)
        before, self._openings = self._openings, self._device.openings
        if before is not None and before != self._openings:
            self._canceller.reset()
        clean = await asyncio.to_thread(self._canceller.push, chunk.samples, self._device.played_meanwhile())
        if clean.report is not None and (measured := self._echo.add(clean.report, chunk.duration_s)):
            await self._items.put(measured)
        self._unfinished += len(chunk.samples) - len(clean.words)
        if not len(clean.words):
            return None
        start = chunk.end_sample - self._unfinished - len(clean.words)
        return UserSound(
            replace(chunk, samples=clean.words, start_sample=start),
            replace(chunk, samples=clean.voice, start_sample=start),
            clean.may_be_echo,
        )

    def _put(self, item: TalkKey | UserPaused | UserStopped | None) -> None:
        while self._items.full():  # what the user decides goes before what the user says
            self._items.get_nowait()
        self._items.put_nowait(item)


class _EchoMeter:
    """Sums up the canceller's reports: one a second."""

    def __init__(self) -> None:
        self._seconds = self._double_talk_s = self._power_s = self._alone_s = self._cancelled_db_s = 0.0

    def add(self, report: EchoReport, seconds: float) -> EchoMeasured | None:
        """Takes the report of a piece of sound that is so long."""
        self._seconds += seconds
        self._power_s += seconds * 10.0 ** (report.echo_dbfs / 10.0)
        if report.is_double_talk:
            self._double_talk_s += seconds
        else:
            self._alone_s += seconds
            self._cancelled_db_s += seconds * report.cancelled_db
        if self._seconds < 1.0:
            return None
        level_db = 10.0 * math.log10(self._power_s / self._seconds)
        erle_db = self._cancelled_db_s / self._alone_s if self._alone_s else 0.0
        measured = EchoMeasured(level_db, erle_db, self._double_talk_s)
        self._seconds = self._double_talk_s = self._power_s = self._alone_s = self._cancelled_db_s = 0.0
        return measured


class NoSound:
    """A device that has neither microphone nor speaker: time goes on evenly, and the outputs alone have the sound."""

    has_microphone = False
    underflows = chunks_lost = openings = 0

    def __init__(self) -> None:
        self._even = EvenPlayer()

    def heard_at(self, sample: int) -> float:
        """The event loop's time at which an output sample would be heard."""
        return self._even.heard_at(sample)

    async def wait_while_paused(self) -> None:
        """It is never paused."""

    @asynccontextmanager
    async def playing(self, track: SoundTrack) -> AsyncGenerator[None, None]:
        """Nothing is played."""
        yield

    def played_meanwhile(self) -> Samples:
        """Nothing."""
        return np.zeros(0, np.float32)

    async def chunks(self) -> AsyncGenerator[AudioChunk, None]:
        """There are none."""
        none: tuple[AudioChunk, ...] = ()
        for chunk in none:
            yield chunk
