"""A stream of sound on the output timeline, written ahead of being played."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from speech.audio import OUTPUT_RATE_HZ, Samples
from speech.gain import GainCurve

FADE_SAMPLES = OUTPUT_RATE_HZ // 100
"""Cutting sound off between two samples clicks; 10 ms of fade does not."""

DUCKED_GAIN = 10.0 ** (-15.0 / 20.0)
"""-15 dB: whoever speaks hears at once that they were heard, and what is said can still be followed."""

DUCK_SAMPLES = OUTPUT_RATE_HZ // 100
"""A voice ducks within 10 ms: quicker clicks, slower is only later."""

RISE_SAMPLES = OUTPUT_RATE_HZ // 10
"""And comes back within 100 ms, which sounds like somebody who goes on, not like a switch."""

KEPT_BEFORE = OUTPUT_RATE_HZ
"""A voice that was held may go on from up to so long before the hold."""


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


@dataclass(slots=True)
class _Held:
    """What was taken back by a hold, at the places that it would have had.

    Attributes:
        pieces: with what was played a moment before the hold.
        end: sample index just after the last of them.
    """

    pieces: deque[tuple[int, Samples]]
    end: int


class SoundTrack:
    """What one party says, in output samples from the start of the session; silence where nothing was written.

    Written from the event loop; taken by whoever shows or keeps it, and played by whoever `attach_player` names: what
    was taken is fixed, so that all agree on every sample. Only a voice that ducks, is held or cut changes what a
    player has not played yet though others took it already: the user waits for it, and a recording does not.

    While the track is *open*, more sound is on its way: a clock that need not keep real time waits for it instead of
    playing silence. While it is *held* nothing of it is played; what is appended follows what was taken back.
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
        self._gain = GainCurve()
        self._held: _Held | None = None

    @property
    def end(self) -> int:
        """Sample index just after the last written sound; of a held track, where that would be without the hold."""
        return self._end if self._held is None else self._held.end

    @property
    def taken(self) -> int:
        """Sample index from which on sound can still be written."""
        return self._taken if self._player is None else max(self._taken, self._player.free_from)

    @property
    def is_held(self) -> bool:
        """Whether it is silent, and what it was to say is kept."""
        return self._held is not None

    @property
    def is_ducked(self) -> bool:
        """Whether it is, or becomes, quieter than it was written."""
        return self._gain.target < 1.0

    @property
    def _changeable_from(self) -> int:
        """Sample index from which on what is heard can still be changed."""
        return self._taken if self._player is None else self._player.free_from

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
            The sample at which it starts; while the track is held, at which it would.
        """
        with self._lock:
            if self._held is not None:
                start = self._held.end
                if len(samples):
                    self._held.pieces.append((start, samples))
                    self._held.end += len(samples)
                return start
            start = max(self._end, self.taken)
            if len(samples):
                self._pieces.append((start, samples))
                self._end = start + len(samples)
                self._mark_changed(start)
                self._feed_player()
        self._news.set()
        return start

    def cut(self, at: int = 0) -> int:
        """Takes back everything from sample `at` on that was not played; what is left fades out over its last 10 ms.

        Returns:
            The sample from which on there is silence.
        """
        with self._lock:
            self._held = None
            self._turn_gain(1.0, max(at, self._changeable_from + FADE_SAMPLES), 0)
            return self._silence(at)

    def hold(self) -> int:
        """Silences it as `cut` does, but keeps what was taken back, and what is appended from now on.

        Returns:
            The sample from which on nothing is heard. Where all was played already that is now, and not long ago.
        """
        with self._lock:
            if self._held is not None:
                return self._end
            was_end, held = self._end, _Held(self._pieces.copy(), max(self._end, self.taken))
            self._silence(0)
            self._held = held
            return self._end if self._end < was_end else held.end

    def go_on(self, from_sample: int) -> int:
        """Ends a hold: what was kept is heard again from a sample on, at its full level.

        Args:
            from_sample: at most KEPT_BEFORE before the hold; what was said between it and the hold is repeated.

        Returns:
            By how many samples everything after the hold has moved.
        """
        with self._lock:
            held, self._held = self._held, None
            if held is None:
                return 0
            start = max(self._end, self.taken)
            moved = start - from_sample
            for piece_start, samples in held.pieces:
                if (rest := samples[max(0, from_sample - piece_start) :]).size:
                    self._pieces.append((max(piece_start, from_sample) + moved, rest))
                    self._end = self._pieces[-1][0] + len(rest)
            self._gain.fade_in(start, DUCK_SAMPLES)
            self._mark_changed(start)
            self._feed_player()
        self._news.set()
        return moved

    def duck(self) -> int:
        """Lowers it, from as early as that can still be heard.

        Returns:
            The first sample that is lower.
        """
        with self._lock:
            return self._turn_gain(DUCKED_GAIN, self._changeable_from, DUCK_SAMPLES)

    def rise(self) -> int:
        """Brings a voice back that was ducked.

        Returns:
            The first sample that is louder again.
        """
        with self._lock:
            return self._turn_gain(1.0, self._changeable_from, RISE_SAMPLES)

    def _turn_gain(self, gain: float, at: int, over: int) -> int:
        if self._gain.target != gain:
            self._gain.turn_to(gain, at, over)
            self._play_again(at, self._fed_until)
        return at

    def _silence(self, at: int) -> int:
        """Takes back everything from sample `at` on; returns where the silence begins."""
        wanted, free_from, kept = at, -1, self._pieces
        while free_from != self._changeable_from:  # a player that has gone on meanwhile would never play the fade
            free_from = self._changeable_from
            at = max(wanted, min(free_from + FADE_SAMPLES, self._end))
            if at >= self._end:
                return self._end
            kept = _faded(self._pieces, at, free_from)
        self._pieces = kept
        # The fade first: all that follows takes a while to be read.
        self._play_again(at - FADE_SAMPLES, at)
        self._end = at
        self._mark_changed(at)
        self._play_again(at, self._fed_until)
        self._fed_until = min(self._fed_until, at)
        return at

    def _play_again(self, start: int, end: int) -> None:
        """Gives the player once more what it has between two samples and has not played, as it is now."""
        if self._player is not None:
            start, end = max(start, self._player.free_from), min(end, self._fed_until)
            if end > start:
                self._player.write(start, self._read(start, end - start))

    def take(self, start: int, count: int) -> Samples:
        """Returns what `read` does, for being played: from now on it stays as it is."""
        with self._lock:
            self._taken = max(self._taken, start + count)
            return self._read(start, count)

    def read(self, start: int, count: int) -> Samples:
        """Returns float32 [count] from sample `start` on, silence where nothing is written."""
        with self._lock:
            return self._read(start, count)

    def read_at_full_level(self, start: int, count: int) -> Samples:
        """Returns what `read` does, as it was written: a face does not mumble because its voice is ducked."""
        with self._lock:
            return self._written(start, count)

    def _read(self, start: int, count: int) -> Samples:
        return self._gain.apply(self._written(start, count), start)

    def _written(self, start: int, count: int) -> Samples:
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
            self._gain.forget(before)

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


def _faded(pieces: deque[tuple[int, Samples]], at: int, free_from: int) -> deque[tuple[int, Samples]]:
    """What is left of pieces where there is silence from sample `at` on, faded out, but not before `free_from`."""
    kept: deque[tuple[int, Samples]] = deque()
    for start, samples in pieces:
        if start + len(samples) <= at:
            kept.append((start, samples))
        elif start < at:
            left = samples[: at - start].copy()
            fade = min(FADE_SAMPLES, at - max(start, free_from))
            left[len(left) - fade :] *= np.linspace(1.0, 0.0, fade, dtype=np.float32)
            kept.append((start, left))
    return kept
