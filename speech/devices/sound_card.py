"""Microphone and speaker: what is heard when, and what the user says.

The devices are open in a process of their own (`speech.devices.sound_process`). The speaker's own pace is the program's
clock: `heard_at` tells the time of every sample, from what the device reports. Where no speaker is, or while it is
unplugged, the time goes on evenly, so that the face lives on.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import math
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Self

import numpy as np

from speech.audio import OUTPUT_RATE_HZ, AudioChunk, Samples
from speech.devices.listing import Kind
from speech.devices.muted import MutedNotice
from speech.devices.sound_memory import MICROPHONE_BLOCK, SoundMemory
from speech.devices.speaker_latency import STEPS_S, AdaptiveLatency
from speech.echo.alignment import LEAD, between
from speech.errors import DeviceError, VisavisError
from speech.sound_track import SoundTrack
from speech.worker.process import Worker

_LOG = logging.getLogger(__name__)

_MICROPHONE_LATENCY_S = 0.03
_SILENT_S = 1.0
"""A device that has asked for nothing, or given nothing, for so long is gone."""
_ANSWER_S = 8.0
"""A sound system that takes longer to open or close a device hangs: the sound process is started again."""
_ALL_AGAIN = 4
"""At every fourth attempt the devices that work are opened again too (a gap of some 0.5 s): only so new ones appear."""
_UNPLUGGED_S = 6
"""Silence that stands for a microphone that is gone: longer than any setting lets a turn wait for its end."""
_RETRY_S = (1.0, 2.0, 2.0, 5.0, 10.0, 30.0)


class SoundCard:
    """Plays a track and yields what the microphone hears; survives that either is unplugged, and its own process's end.

    Args:
        speaker: its name or number, "" for the default; None plays nothing.
        microphone: likewise; None hears nothing.
        on_problem: called on the event loop with what went wrong, and that it is right again, in one line.
        delay_s: how much later than the device says the sound is heard.
        most_latency_s: of the speaker, where it runs dry with less.

    Attributes:
        openings: how often one of the two was opened so far.
    """

    def __init__(
        self,
        *,
        speaker: str | None,
        microphone: str | None,
        on_problem: Callable[[str], None],
        delay_s: float = 0.0,
        most_latency_s: float = STEPS_S[-1],
    ) -> None:
        self._wanted: dict[Kind, str] = {}
        if speaker is not None:
            self._wanted["speaker"] = speaker
        if microphone is not None:
            self._wanted["microphone"] = microphone
        self._on_problem, self._delay_s = on_problem, delay_s
        self._track = SoundTrack()
        self._memory = SoundMemory.create()
        self._worker: Worker | None = None
        self._listening: asyncio.Task[None] | None = None
        self._open: set[Kind] = set()
        self._latency = AdaptiveLatency(most_latency_s)
        self._opened_latency_s = self._latency.seconds
        self._changing = asyncio.Lock()
        self._gone: set[Kind] = set()
        self._lost, self._missing, self._unsteady = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._heard = 0
        self._fetched = 0
        self._played_meanwhile: Samples = np.zeros(0, np.float32)
        self._muted = MutedNotice(on_problem)
        self._silence_due = False
        self._news = asyncio.Event()
        self._chunks_lost = 0
        self.openings = 0

    @asynccontextmanager
    async def playing(self, track: SoundTrack) -> AsyncGenerator[Self, None]:
        """Opens what is wanted, plays the track, and opens again what was lost or runs dry. Once only.

        What can't be opened is told, and tried again.
        """
        self._track = track
        try:
            for kind, problem in (await self._open_missing()).items():
                self._on_problem(problem)
                self._gone.add(kind)
                self._missing.set()
            async with asyncio.TaskGroup() as watching:
                watches = [
                    watching.create_task(self._watch_for_losses(), name="lost devices"),
                    watching.create_task(self._open_again(), name="missing devices"),
                    watching.create_task(self._watch_steadiness(), name="speaker's latency"),
                ]
                yield self
                for watch in watches:
                    watch.cancel()
        finally:
            await self._end_process()
            self._memory.close()

    @property
    def has_microphone(self) -> bool:
        """Whether one is wanted."""
        return "microphone" in self._wanted

    @property
    def underflows(self) -> int:
        """How often the speaker ran dry in the middle of a sound."""
        return self._memory.audible_underflows

    @property
    def chunks_lost(self) -> int:
        """Pieces (20 ms) of the microphone's sound that nobody took within 2 s."""
        return self._chunks_lost + self._missed()

    def heard_at(self, sample: int) -> float:
        """The event loop's time at which an output sample is heard, or will be."""
        self._look()
        start_s = self._memory.start_s
        if start_s is None:
            start_s = self._memory.start_s = time.monotonic()
        return start_s + self._delay_s + sample / OUTPUT_RATE_HZ

    async def wait_while_paused(self) -> None:
        """A sound card that is gone goes on by the event loop's clock: it is never paused."""

    async def chunks(self) -> AsyncGenerator[AudioChunk, None]:
        """What the microphone hears: float32 mono at OUTPUT_RATE_HZ, 20 ms at a time, without end."""
        while True:
            if self._silence_due:
                self._silence_due = False
                silence = np.zeros(_UNPLUGGED_S * OUTPUT_RATE_HZ, np.float32)
                self._played_meanwhile = silence
                yield self._chunk(silence)
            while self._memory.recorded - self._fetched >= MICROPHONE_BLOCK:
                if missed := self._missed():
                    self._chunks_lost += missed
                    self._fetched += missed * MICROPHONE_BLOCK
                    self._heard += missed * MICROPHONE_BLOCK
                samples = self._memory.heard(self._fetched, MICROPHONE_BLOCK)
                self._muted.notice(samples)
                self._played_meanwhile = self._reference(self._fetched)
                self._fetched += MICROPHONE_BLOCK
                yield self._chunk(samples)
            self._news.clear()
            if not self._silence_due:
                await self._news.wait()

    def played_meanwhile(self) -> Samples:
        """What the speaker played while the latest of `chunks` was recorded, as far as is known; as long."""
        return self._played_meanwhile

    def _reference(self, recorded: int) -> Samples:
        distance = self._memory.distance
        if distance is None:
            return np.zeros(MICROPHONE_BLOCK, np.float32)
        place = recorded + distance + LEAD - self._delay_s * OUTPUT_RATE_HZ
        whole = math.floor(place)
        # A speaker that is just closed, maybe to be opened again, is still heard in the room.
        played = self._memory.played(whole - 1, MICROPHONE_BLOCK + 3, or_will_be="speaker" in self._open)
        return between(played, place - whole)

    def _missed(self) -> int:
        return max(0, -((self._fetched - self._memory.oldest_recorded) // MICROPHONE_BLOCK))

    def _chunk(self, samples: Samples) -> AudioChunk:
        chunk = AudioChunk(samples, OUTPUT_RATE_HZ, self._heard)
        self._heard += len(samples)
        return chunk

    def _look(self) -> None:
        """Notices, whenever somebody asks for the time, what must be seen to."""
        if self._silent():
            self._lost.set()
        self._latency.update(time.monotonic(), self._memory.underflows)
        if self._latency.seconds != self._opened_latency_s and self._track.end <= self._memory.free_from:
            self._unsteady.set()

    async def _watch_steadiness(self) -> None:
        """Opens a speaker that ran dry with more latency, in a moment in which nothing is heard of it."""
        while True:
            await self._unsteady.wait()
            async with self._changing:
                if "speaker" in self._open:
                    await self._close("speaker")
                    await self._open_missing()
                    self._tell_changes()
            self._unsteady.clear()

    async def _watch_for_losses(self) -> None:
        """Tells at once what is gone, also while another device is waited for."""
        while True:
            await self._lost.wait()
            self._lost.clear()
            async with self._changing:
                for kind in self._silent():
                    await self._close(kind)
                self._tell_changes()

    async def _open_again(self) -> None:
        """Opens what is gone, again and again, until it is there."""
        while True:
            await self._missing.wait()
            for attempt in itertools.count():
                async with self._changing:
                    if not self._open or attempt % _ALL_AGAIN == _ALL_AGAIN - 1:
                        await self._end_process()  # PortAudio sees new devices only when it is brought up again
                    await self._open_missing()
                    self._tell_changes()
                if not self._gone:
                    break
                await asyncio.sleep(_RETRY_S[min(attempt, len(_RETRY_S) - 1)])
            self._missing.clear()

    def _tell_changes(self) -> None:
        """Tells of every device that is not open any more, or is again, once."""
        for kind in self._wanted:
            if kind in self._open and kind in self._gone:
                self._gone.discard(kind)
                self._on_problem(f"{kind}: it is there again")
            elif kind not in self._open and kind not in self._gone:
                self._gone.add(kind)
                self._missing.set()
                self._on_problem(f"{kind}: it is gone; plug it in again or wait, the rest goes on")
                if kind == "microphone":  # whoever was just speaking can't be heard to the end: silence from here on
                    self._silence_due = True
                    self._news.set()

    def _silent(self) -> list[Kind]:
        """Open devices that have not called for too long, or whose process has ended."""
        now, memory = time.monotonic(), self._memory
        has_ended = self._worker is None or self._worker.has_ended
        called_s = {"speaker": memory.speaker_called_s, "microphone": memory.microphone_called_s}
        return [kind for kind in self._wanted if kind in self._open and (has_ended or now - called_s[kind] > _SILENT_S)]

    # ---- the process

    async def _open_missing(self) -> dict[Kind, str]:
        """Opens what is wanted and not open; returns what went wrong with each that is still missing."""
        problems: dict[Kind, str] = {}
        for kind in [kind for kind in self._wanted if kind not in self._open]:
            latency_s = _MICROPHONE_LATENCY_S
            if kind == "speaker":
                latency_s = self._opened_latency_s = self._latency.seconds
                # The time went on without us; nobody plays now, so what was written ahead is written again.
                if (start_s := self._memory.start_s) is not None:
                    self._memory.go_on_at(round((time.monotonic() + latency_s - start_s) * OUTPUT_RATE_HZ))
                self._track.attach_player(self._memory)
            try:
                device = await self._ask({"open": kind, "name": self._wanted[kind], "latency_s": latency_s})
                _LOG.info("%s open: %s, latency %.0f ms", kind, device, 1000.0 * latency_s)
                self._open.add(kind)
                self.openings += 1
            except VisavisError as error:
                problems[kind] = str(error)
        return problems

    async def _close(self, kind: Kind) -> None:
        self._open.discard(kind)
        if self._worker is None or self._worker.has_ended:
            return
        with contextlib.suppress(VisavisError):
            await self._ask({"close": kind})

    async def _ask(self, fields: dict[str, object]) -> str:
        """Has the process do something.

        Returns:
            The name of the device that it opened; "" for other requests.

        Raises:
            VisavisError: it could not.
        """
        if self._worker is None or self._worker.has_ended:
            await self._end_process()
            self._worker = await Worker.start(
                "speech.devices.sound_process",
                {"memory": self._memory.handle},
                what="the sound process",
                inherited=self._memory.inherited(),
            )
            self._listening = asyncio.create_task(self._listen(self._worker), name="microphone's news")
        try:
            async with asyncio.timeout(_ANSWER_S), aclosing(self._worker.request(fields)) as items:
                opened = [str(item.fields["device"]) async for item in items]
        except TimeoutError:
            await self._end_process()
            raise DeviceError(
                f"sound: expected the sound system to answer within {_ANSWER_S:g} s, it did not; it is tried again"
            ) from None
        return opened[0] if opened else ""

    async def _listen(self, worker: Worker) -> None:
        with contextlib.suppress(VisavisError):  # it has ended
            async with aclosing(worker.request({"listen": True})) as items:
                async for _ in items:
                    self._news.set()
        self._lost.set()

    async def _end_process(self) -> None:
        """Ends the process, and with it everything that is open."""
        self._open.clear()
        worker, self._worker = self._worker, None
        listening, self._listening = self._listening, None
        if listening is not None:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
        if worker is not None:
            await worker.stop()
