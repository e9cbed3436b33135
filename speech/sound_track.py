"""A stream of sound on the output timeline, written ahead of being played."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from typing import Protocol

import numpy as np

from speech.audio import OUTPUT_RATE_HZ, Samples

# Cutting sound off between two samples clicks; 10 ms of fade does not.
FADE_SAMPLES = OUTPUT_RATE_HZ // 100


class Player(Protocol):
    """Whoever plays a track at their own pace, from memory that is written ahead."""

    @property
    def free_from(self) -> int:
        """The first sample that can still be written."""
        ...

    @property
    def room_until(self) -> int:
        """The sample after the last one for which there is room."""
        ...

    def write(self, start: int, samples: Samples) -> None:
        """Writes sound that lies between `free_from` and `room_until`."""
        ...


class SoundTrack:
    """What one party says, in output samples from the start of the session; silence where nothing was written.

    Written from the event loop; taken by whoever shows or keeps it, and played by whoever `attach_player` names: what
    was taken is fixed, so that all agree on every sample. While the track is *open*, more sound is on its way: a
    clock that need not keep real time waits for it instead of playing silence.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pieces: deque[tuple[int, Samples]] = deque()
        self._end = 0
        self._taken = 0
        self._player: Player | None = None
        self._fed_until = 0
        self._changed_from: int | None = None
        self._open = False
        self._news = asyncio.Event()

    @property
    def end(self) -> int:
        """Sample index just after the last written sound."""
        return self._end

    @property
    def taken(self) -> int:
        """Sample index from which on sound can still be written or cut."""
        return self._taken if self._player is None else max(self._taken, self._player.free_from)

    @property
    def is_open(self) -> bool:
        """Whether more sound is on its way."""
        return self._open

    def open(self) -> None:
        """Marks the track as open: more sound is on its way."""
        self._open = True

    def close(self) -> None:
        """Marks the track as closed: nothing more is on its way for now."""
        self._open = False
        self._news.set()

    def attach_player(self, player: Player) -> None:
        """Gives a player, whose memory holds nothing yet, all that it has room for, now and from now on."""
        with self._lock:
            self._player, self._fed_until = player, 0
            self._feed_player()

    def append(self, samples: Samples) -> int:
        """Writes sound after everything written so far, but not into what was taken already.

        Returns:
            The sample at which it starts.
        """
        with self._lock:
            start = max(self._end, self.taken)
            if len(samples):
                self._pieces.append((start, samples))
                self._end = start + len(samples)
                self._mark_changed(start)
                self._feed_player()
        self._news.set()
        return start

    def cut(self, at: int = 0) -> int:
        """Takes back everything from sample `at` on that was not taken; what is left fades out over its last 10 ms.

        Returns:
            The sample from which on there is silence.
        """
        with self._lock:
            taken = self.taken
            at = max(at, min(taken + FADE_SAMPLES, self._end))
            if at >= self._end:
                return self._end
            kept: deque[tuple[int, Samples]] = deque()
            for start, samples in self._pieces:
                if start + len(samples) <= at:
                    kept.append((start, samples))
                elif start < at:
                    left = samples[: at - start].copy()
                    fade = min(FADE_SAMPLES, at - max(start, taken))
                    left[len(left) - fade :] *= np.linspace(1.0, 0.0, fade, dtype=np.float32)
                    kept.append((start, left))
            self._pieces = kept
            self._end = at
            self._mark_changed(at)
            if self._player is not None and self._fed_until > at - FADE_SAMPLES:
                faded = max(at - FADE_SAMPLES, taken)
                self._player.write(faded, self._read(faded, self._fed_until - faded))
                self._fed_until = at
            return at

    def take(self, start: int, count: int) -> Samples:
        """Returns what `read` does, for being played: from now on it stays as it is."""
        with self._lock:
            self._taken = max(self._taken, start + count)
            return self._read(start, count)

    def read(self, start: int, count: int) -> Samples:
        """Returns float32 [count] from sample `start` on, silence where nothing is written."""
        with self._lock:
            return self._read(start, count)

    def _read(self, start: int, count: int) -> Samples:
        out = np.zeros(count, np.float32)
        if start < self._end:
            for piece_start, samples in reversed(self._pieces):  # what is read is mostly the newest
                low, high = max(start, piece_start), min(start + count, piece_start + len(samples))
                if high <= start:
                    break
                if low < high:
                    out[low - start : high - start] = samples[low - piece_start : high - piece_start]
        return out

    def forget(self, before: int) -> None:
        """Drops pieces that end before sample `before`: they were played and nobody reads them again."""
        with self._lock:
            self._feed_player()  # what the player had no room for
            while self._pieces and self._pieces[0][0] + len(self._pieces[0][1]) <= before:
                self._pieces.popleft()

    def take_changed(self) -> int | None:
        """The first sample that was written or cut since the last call, or None. For whoever has read ahead."""
        with self._lock:
            changed, self._changed_from = self._changed_from, None
        return changed

    async def wait_until_known(self, until: int) -> None:
        """Waits until everything before sample `until` is known: written, or the track closed."""
        while self._open and self._end < until:
            self._news.clear()
            await self._news.wait()

    def _feed_player(self) -> None:
        if self._player is None:
            return
        start, end = max(self._fed_until, self._player.free_from), min(self._end, self._player.room_until)
        if start < end:
            self._player.write(start, self._read(start, end - start))
            self._fed_until = end

    def _mark_changed(self, sample: int) -> None:
        self._changed_from = sample if self._changed_from is None else min(self._changed_from, sample)
