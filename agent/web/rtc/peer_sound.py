"""A WebRTC peer as a sound device: the browser's microphone, and the voice that it plays, on one clock."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import numpy as np

from speech.audio import OUTPUT_RATE_HZ, AudioChunk, Samples
from speech.echo.alignment import LEAD, Alignment, between
from speech.sound_track import SoundTrack

PIECE_SAMPLES = OUTPUT_RATE_HZ // 50
"""20 ms: what one Opus packet holds."""

PLAYOUT_S = 0.08
"""What a browser's jitter buffer, mixer and sound card take before sound is heard. Measured with benchmarks/web.py."""

PICTURE_S = 0.04
"""What encoding, decoding and a browser's display take before a picture is seen; likewise measured."""

MOST_NETWORK_S = 1.0
"""A peer that claims to be farther away is not believed."""

SMOOTHING = 0.2
"""Weight of the newest measurement."""

MOST_QUEUED = 50
"""Pieces of the microphone's sound that wait, one second; of more, the oldest go and are counted."""


class PeerSound:
    """The sound of one visitor, whose connection may break and come back; a `SoundDevice`.

    Output samples are counted in 20 ms pieces, sent one after the other at an even pace while a peer is attached.
    Without one time stands still: nothing is played, and so nothing is drawn either. A voice track that is played after
    another one begins where that ended, as far as the peer can tell.

    Attributes:
        first_piece: in which the voice track that is played has its sample 0.
        chunks_lost: pieces of the microphone's sound that nobody took in time.
        openings: how often another peer came.
    """

    has_microphone = True
    underflows = 0

    def __init__(self) -> None:
        self._track: SoundTrack | None = None
        self._heard: asyncio.Queue[tuple[int, Samples]] = asyncio.Queue(MOST_QUEUED)
        self._received = 0
        self._alignment = Alignment()
        self._distance = 0.0
        self._played_meanwhile: Samples = np.zeros(0, np.float32)
        self._peer: object | None = None
        self._plays = asyncio.Event()
        self._zero_s = 0.0  # while it plays: the event loop's time at which piece 0 was sent, or would have been
        self._paused_at = 0  # while it is paused: the piece with which it goes on
        self._network_s = 0.0
        self.first_piece = 0
        self.chunks_lost = self.openings = 0

    # ---- time

    def attach(self, peer: object) -> None:
        """A peer is there: time goes on. One that was there before is forgotten."""
        if self._peer is None:
            self._zero_s = asyncio.get_running_loop().time() - self._paused_at * PIECE_SAMPLES / OUTPUT_RATE_HZ
            self._plays.set()
        if self._peer is not peer:
            self._alignment = Alignment()
            self.openings += 1
        self._peer = peer

    def detach(self, peer: object) -> None:
        """A peer has gone: time stands still, unless another one took its place."""
        if self._peer is peer:
            self._peer, self._paused_at = None, self.next_piece()
            self._plays.clear()

    @property
    def is_paused(self) -> bool:
        """Whether no peer is attached."""
        return self._peer is None

    async def wait_while_paused(self) -> None:
        """Waits for a peer."""
        await self._plays.wait()

    def sent_at(self, sample: int) -> float:
        """The event loop's time at which a sample of the voice track is sent; infinite while there is no peer."""
        return self._due_at(self.first_piece * PIECE_SAMPLES + sample)

    def heard_at(self, sample: int) -> float:
        """When a picture has to be there to be seen as the visitor hears a sample of the voice track.

        The event loop's time; infinite without a peer. A picture is longer on its way to the eye than to the peer.
        """
        return self.sent_at(sample) + self._network_s + PLAYOUT_S - PICTURE_S

    def sample_heard(self, at_s: float) -> int:
        """The sample of the voice track that the visitor heard at a time, if there was a connection then; at least 0.

        Args:
            at_s: of the event loop, since the last peer came.
        """
        return max(0, round(self._sample_heard(at_s)))

    def _sample_heard(self, at_s: float) -> float:
        sent_s = at_s - self._network_s - PLAYOUT_S - self._zero_s
        return sent_s * OUTPUT_RATE_HZ - self.first_piece * PIECE_SAMPLES

    def media_time(self) -> float:
        """Seconds of output that were sent until now; not a number while there is no peer."""
        return asyncio.get_running_loop().time() - self._zero_s if not self.is_paused else math.nan

    def set_network_delay(self, seconds: float) -> None:
        """How long sound is on its way to the peer, as measured once more."""
        self._network_s += SMOOTHING * (min(seconds, MOST_NETWORK_S) - self._network_s)

    # ---- the avatar's voice

    @asynccontextmanager
    async def playing(self, track: SoundTrack) -> AsyncGenerator[None, None]:
        """The track is sent to the peer; what the microphone heard before is not for it."""
        while not self._heard.empty():
            self._heard.get_nowait()
        self._track, self.first_piece = track, self.next_piece()
        try:
            yield
        finally:
            self._track = None

    def next_piece(self) -> int:
        """The first piece that is not due yet."""
        if self.is_paused:
            return self._paused_at
        now_s = asyncio.get_running_loop().time() - self._zero_s
        return math.ceil(now_s * OUTPUT_RATE_HZ / PIECE_SAMPLES)

    async def piece(self, index: int) -> Samples:
        """The sound of 20 ms of output, when it is due.

        Args:
            index: which one, counted from the first that was ever sent.
        """
        loop = asyncio.get_running_loop()
        while (left_s := self._due_at(index * PIECE_SAMPLES) - loop.time()) > 0.0:
            if math.isfinite(left_s):
                await asyncio.sleep(left_s)
            else:
                await self.wait_while_paused()
        await asyncio.sleep(0)  # a voice that has to catch up must not starve everybody else
        if self._track is None or index < self.first_piece:
            return np.zeros(PIECE_SAMPLES, np.float32)
        return self._track.take((index - self.first_piece) * PIECE_SAMPLES, PIECE_SAMPLES)

    def _due_at(self, sample: int) -> float:
        return math.inf if self.is_paused else self._zero_s + sample / OUTPUT_RATE_HZ

    # ---- the visitor's microphone

    def hear(self, samples: Samples) -> None:
        """Takes what the peer's microphone heard: float32 mono at OUTPUT_RATE_HZ."""
        if self._heard.full():
            self._heard.get_nowait()
            self.chunks_lost += 1
        self._received += len(samples)
        if not self.is_paused:
            now_s = asyncio.get_running_loop().time()
            self._distance = self._alignment.update(self._sample_heard(now_s) - self._received)
        self._heard.put_nowait((self._received - len(samples), samples))

    async def chunks(self) -> AsyncGenerator[AudioChunk, None]:
        """What the microphone hears, without end; nothing while there is no peer."""
        start = 0
        while True:
            place, samples = await self._heard.get()
            self._played_meanwhile = self._reference(place, len(samples))
            yield AudioChunk(samples, OUTPUT_RATE_HZ, start)
            start += len(samples)

    def played_meanwhile(self) -> Samples:
        """What the visitor heard of the voice track while the latest of `chunks` was recorded, as far as is known."""
        return self._played_meanwhile

    def _reference(self, place: int, count: int) -> Samples:
        at = place + self._distance + LEAD
        whole = math.floor(at)
        if self._track is None or whole < 1:
            return np.zeros(count, np.float32)
        return between(self._track.read(whole - 1, count + 3), at - whole)
