"""Microphone and speaker through PortAudio: what is heard when, and what the user says.

The speaker's own pace is the program's clock: `heard_at` tells the time of every sample, from what the device reports.
Where no speaker is, or while it is unplugged, the time goes on evenly, so that the face lives on.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable
from types import TracebackType
from typing import Any, Self

import numpy as np

from speech.audio import OUTPUT_RATE_HZ, AudioChunk, Samples
from speech.devices import Kind, find_device, sounddevice
from speech.errors import InputError

_SPEAKER_BLOCK = OUTPUT_RATE_HZ // 100
_MICROPHONE_BLOCK = OUTPUT_RATE_HZ // 50
_SPEAKER_LATENCY_S = 0.03
"""Sound that the device holds: what is cut must be played this long still, and less makes it stutter when the machine
is busy."""
_MICROPHONE_LATENCY_S = 0.03

_FOLLOW = 0.1
"""How much of each report of the device's time is believed: reports come a hundred times a second and jitter."""
_JUMP_S = 0.08
"""A difference beyond this is no jitter: the device has stopped for a while."""

_SILENT_S = 1.0
"""A device that has asked for nothing, or given nothing, for so long is gone."""
_ALL_AGAIN = 4
"""At every fourth attempt the devices that work are opened again too (a gap of some 0.1 s): only so new ones appear."""
_UNPLUGGED_S = 6
"""Silence that stands for a microphone that is gone: longer than any setting lets a turn wait for its end."""
_RETRY_S = (1.0, 2.0, 2.0, 5.0, 10.0, 30.0)

WAITING_CHUNKS = 100
"""Chunks of the microphone (2 s) that may wait to be heard; when the program is further behind, the oldest are lost and
counted."""


class SoundCard:
    """Plays what `source` gives and yields what the microphone hears; survives that either is unplugged.

    Args:
        speaker: its name or number, "" for the default; None plays nothing.
        microphone: likewise; None hears nothing.
        source: asked for the next samples (start, count) on the device's own thread; must be quick.
        on_problem: told in one line, on the event loop, what went wrong, and that it is right again.
        delay_s: how much later than the device says the sound is heard.
    """

    def __init__(
        self,
        *,
        speaker: str | None,
        microphone: str | None,
        source: Callable[[int, int], Samples],
        on_problem: Callable[[str], None],
        delay_s: float = 0.0,
    ) -> None:
        self._wanted: dict[Kind, str] = {}
        if speaker is not None:
            self._wanted["speaker"] = speaker
        if microphone is not None:
            self._wanted["microphone"] = microphone
        self._source, self._on_problem, self._delay_s = source, on_problem, delay_s
        self._streams: dict[Kind, Any] = {}
        self._last_called_s: dict[Kind, float] = {}
        self._has_looked = False
        self._lost = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        # A sample and the time at which it is heard: all others follow from the rate. Replaced as a whole.
        self._known: tuple[int, float] | None = None
        self._next_sample = 0
        self._heard = 0
        self._chunks: deque[AudioChunk] = deque(maxlen=WAITING_CHUNKS)
        self._news = asyncio.Event()
        self.chunks_lost = 0
        self.underflows = 0

    async def __aenter__(self) -> Self:
        """Opens what is wanted; what can't be opened is told and tried again by `watch`."""
        for problem in (await asyncio.to_thread(self._open_missing)).values():
            self._on_problem(problem)
            self._lost.set()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self._close, list(self._streams))

    def heard_at(self, sample: int) -> float:
        """The event loop's time at which an output sample is heard, or will be."""
        now = time.monotonic()
        if self._silent():
            self._lost.set()
        if self._known is None:
            self._known = (0, now)
        known, at_s = self._known
        return at_s + (sample - known) / OUTPUT_RATE_HZ

    def heard_now(self) -> int:
        """The output sample that is heard now; it may lie before the first one."""
        start_s = self.heard_at(0)
        return round((time.monotonic() - start_s) * OUTPUT_RATE_HZ)

    async def chunks(self) -> AsyncGenerator[AudioChunk, None]:
        """What the microphone hears: float32 mono at OUTPUT_RATE_HZ, 20 ms at a time, without end."""
        while True:
            while self._chunks:
                yield self._chunks.popleft()
            self._news.clear()
            await self._news.wait()

    async def watch(self) -> None:
        """Opens again what was lost; runs as long as the card is used."""
        while True:
            await self._lost.wait()
            gone = self._silent()
            await asyncio.to_thread(self._close, gone)
            if "microphone" in gone:  # whoever was just speaking can't be heard to the end: it is silence from here on
                self._take(AudioChunk(np.zeros(_UNPLUGGED_S * OUTPUT_RATE_HZ, np.float32), OUTPUT_RATE_HZ, self._heard))
                self._heard += _UNPLUGGED_S * OUTPUT_RATE_HZ
            for kind in gone:
                self._on_problem(f"{kind}: it is gone; plug it in again or wait, the rest goes on")
            missing = set(self._wanted) - set(self._streams)
            for attempt in itertools.count():
                if attempt % _ALL_AGAIN == _ALL_AGAIN - 1:  # it may be one that PortAudio has not seen yet
                    await asyncio.to_thread(self._close, list(self._streams))
                await asyncio.to_thread(self._open_missing)
                for kind in missing & set(self._streams):
                    self._on_problem(f"{kind}: it is there again")
                missing -= set(self._streams)
                if len(self._streams) == len(self._wanted):
                    break
                await asyncio.sleep(_RETRY_S[min(attempt, len(_RETRY_S) - 1)])
            self._lost.clear()

    def _silent(self) -> list[Kind]:
        """Open devices that have not called for too long."""
        now = time.monotonic()
        return [kind for kind in tuple(self._streams) if now - self._last_called_s[kind] > _SILENT_S]

    # ---- opening and closing, on a thread

    def _open_missing(self) -> dict[Kind, str]:
        """Opens what is wanted and not open; returns what went wrong with each that is still missing."""
        missing = [kind for kind in self._wanted if kind not in self._streams]
        problems: dict[Kind, str] = {}
        try:
            module = sounddevice()
        except InputError as error:
            return dict.fromkeys(missing, str(error))
        for kind in missing:
            try:
                if not self._streams and self._has_looked:
                    # PortAudio sees new devices only when it is brought up again, which ends every stream.
                    module._terminate()
                    module._initialize()
                self._has_looked = True
                self._open(kind, self._wanted[kind])
            except InputError as error:
                problems[kind] = str(error)
            except module.PortAudioError as error:  # a device that goes while it is looked at
                problems[kind] = f"{kind}: expected the sound system to answer, it said: {error}"
        return problems

    def _open(self, kind: Kind, name: str) -> None:
        module = sounddevice()
        device = find_device(kind, name)
        options: dict[str, Any] = {"samplerate": OUTPUT_RATE_HZ, "device": device.number, "dtype": "float32"}
        if "WASAPI" in device.system:  # it converts rates only when asked to
            options["extra_settings"] = module.WasapiSettings(auto_convert=True)
        now = time.monotonic()
        stream: Any = None
        try:
            if kind == "speaker":
                if self._known is not None:  # the time went on without us
                    known, at_s = self._known
                    ahead = known + round((now + _SPEAKER_LATENCY_S - at_s) * OUTPUT_RATE_HZ)
                    self._next_sample = max(self._next_sample, ahead)
                channels = 1 if device.outputs == 1 else 2
                stream = module.OutputStream(
                    channels=channels,
                    blocksize=_SPEAKER_BLOCK,
                    latency=_SPEAKER_LATENCY_S,
                    callback=self._play,
                    **options,
                )
            else:
                stream = module.InputStream(
                    channels=1,
                    blocksize=_MICROPHONE_BLOCK,
                    latency=_MICROPHONE_LATENCY_S,
                    callback=self._hear,
                    **options,
                )
            self._last_called_s[kind] = now
            stream.start()
        except module.PortAudioError as error:
            if stream is not None:
                stream.close(ignore_errors=True)
            reason = str(error).split("[")[0].strip()
            raise InputError(
                f"{kind}: expected '{device.name}' to open at {OUTPUT_RATE_HZ} Hz: {reason}; "
                f"is it in use? `visavis devices` lists others"
            ) from None
        self._streams[kind] = stream

    def _close(self, kinds: list[Kind]) -> None:
        for kind in kinds:
            stream = self._streams.pop(kind)
            try:
                stream.abort()
                stream.close()
            except Exception as error:  # PortAudio on a device that is gone; there is nothing left to lose
                del error

    # ---- on the devices' own threads

    def _play(self, out: Samples, count: int, times: Any, status: Any) -> None:
        now = self._last_called_s["speaker"] = time.monotonic()
        self.underflows += bool(status.output_underflow)
        start, self._next_sample = self._next_sample, self._next_sample + count
        out[:] = self._source(start, count)[:, None]
        waits_s = times.outputBufferDacTime - times.currentTime
        if not 0.0 <= waits_s < 2.0:  # some systems report nothing
            waits_s = _SPEAKER_LATENCY_S
        heard_s = now + waits_s + self._delay_s
        if self._known is not None:
            known, at_s = self._known
            expected_s = at_s + (start - known) / OUTPUT_RATE_HZ
            if abs(heard_s - expected_s) < _JUMP_S:
                heard_s = expected_s + _FOLLOW * (heard_s - expected_s)
        self._known = (start, heard_s)

    def _hear(self, sound: Samples, count: int, times: Any, status: Any) -> None:
        self._last_called_s["microphone"] = time.monotonic()
        chunk = AudioChunk(sound[:, 0].copy(), OUTPUT_RATE_HZ, self._heard)
        self._heard += count
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._take, chunk)

    def _take(self, chunk: AudioChunk) -> None:
        self.chunks_lost += len(self._chunks) == WAITING_CHUNKS
        self._chunks.append(chunk)
        self._news.set()
