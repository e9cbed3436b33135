"""Memory that the program shares with its sound process: what is to be played, what the microphone heard, and when.

Neither side ever waits for the other. What is to be played lies in a ring, at the place of its sample; the sound
process takes it, leaves it there for a second, so that its echo can be found, and says how far it is. What is heard
lies in a second ring.
"""

from __future__ import annotations

import itertools
import mmap
import os
import sys
import tempfile

import numpy as np

from speech.audio import OUTPUT_RATE_HZ, Samples

SPEAKER_BLOCK = OUTPUT_RATE_HZ // 100
MICROPHONE_BLOCK = OUTPUT_RATE_HZ // 50

_PLAYED = 20 * OUTPUT_RATE_HZ
_KEPT = OUTPUT_RATE_HZ
_HEARD = 2 * OUTPUT_RATE_HZ + MICROPHONE_BLOCK
_HEADER_BYTES = 128
_SIZE = _HEADER_BYTES + 4 * (_PLAYED + _HEARD)
_TAKEN, _RECORDED, _UNDERFLOWS, _AUDIBLE_UNDERFLOWS = range(4)
_START_S, _SPEAKER_S, _MICROPHONE_S, _DISTANCE = range(4)
_names = itertools.count()


class SoundMemory:
    """One side's view of the memory. Every number in it has one writer, and is written at once.

    Args:
        memory: `_SIZE` bytes.
        handle: with which another process attaches to it.
    """

    def __init__(self, memory: mmap.mmap, handle: str) -> None:
        self.handle = handle
        self._counts = np.frombuffer(memory, np.int64, 8)
        self._times = np.frombuffer(memory, np.float64, 8, 64)
        self._played = np.frombuffer(memory, np.float32, _PLAYED, _HEADER_BYTES)
        self._heard = np.frombuffer(memory, np.float32, _HEARD, _HEADER_BYTES + 4 * _PLAYED)

    @classmethod
    def create(cls) -> SoundMemory:
        """New memory: silence, and no time known. Outside Windows its handle is a descriptor that a child inherits."""
        if sys.platform == "win32":
            handle = f"visavis-{os.getpid()}-{next(_names)}"
            created = cls(mmap.mmap(-1, _SIZE, tagname=handle), handle)
        else:
            # Without a name: it goes with the last process that has it open, however that ends.
            file = os.memfd_create("visavis-sound") if sys.platform == "linux" else _unnamed_file()
            os.ftruncate(file, _SIZE)
            created = cls(mmap.mmap(file, _SIZE), str(file))
        created._times[:] = np.nan
        return created

    @classmethod
    def attach(cls, handle: str) -> SoundMemory:
        """The memory that another process made."""
        if sys.platform == "win32":
            return cls(mmap.mmap(-1, _SIZE, tagname=handle), handle)
        return cls(mmap.mmap(int(handle), _SIZE), handle)

    def inherited(self) -> tuple[int, ...]:
        """The file descriptors that a child needs."""
        return () if sys.platform == "win32" else (int(self.handle),)

    def close(self) -> None:
        """Lets go of the descriptor; the memory itself goes with its last user."""
        for descriptor in self.inherited():
            os.close(descriptor)

    # ---- what is played

    @property
    def free_from(self) -> int:
        """The sample from which on sound can be written; the sound process may be about to take what lies before."""
        return int(self._counts[_TAKEN]) + SPEAKER_BLOCK

    @property
    def room_until(self) -> int:
        """The sample before which there is room."""
        return int(self._counts[_TAKEN]) + _PLAYED - _KEPT

    def write(self, start: int, samples: Samples) -> None:
        """Puts sound at its place; all of it between `free_from` and `room_until`."""
        _put(self._played, start, samples)

    def take(self, count: int) -> tuple[int, Samples]:
        """The next samples to be played and where they begin; silence where nothing was written. The player's."""
        start = int(self._counts[_TAKEN])
        self._counts[_TAKEN] = start + count  # first: from now on nobody else writes there
        _put(self._played, start - _KEPT, np.zeros(count, np.float32))
        return start, _get(self._played, start, count)

    def played(self, start: int, count: int, *, or_will_be: bool = True) -> Samples:
        """What was played in the last second, and with `or_will_be` is about to be; silence before the first sample."""
        missing = min(max(0, -start), count)
        sound = np.concatenate((np.zeros(missing, np.float32), _get(self._played, start + missing, count - missing)))
        if not or_will_be:
            sound[max(0, int(self._counts[_TAKEN]) - start) :] = 0.0
        return sound

    def go_on_at(self, sample: int) -> None:
        """Goes on at a later sample, with nothing written yet; nobody may play meanwhile.

        What was played lately is still there: the room holds it a moment longer.
        """
        taken = int(self._counts[_TAKEN])
        later = max(sample, taken)
        kept_from = max(0, later - _KEPT)
        kept = _get(self._played, kept_from, max(0, taken - kept_from))
        self._played[:] = 0.0
        _put(self._played, kept_from, kept)
        self._counts[_TAKEN] = later

    # ---- what is heard

    @property
    def recorded(self) -> int:
        """Samples that the microphone has given so far."""
        return int(self._counts[_RECORDED])

    @property
    def oldest_recorded(self) -> int:
        """The first of them that is still there."""
        return max(0, self.recorded - _HEARD + MICROPHONE_BLOCK)

    def record(self, samples: Samples) -> None:
        """Appends what the microphone gave. The recorder's."""
        _put(self._heard, self.recorded, samples)
        self._counts[_RECORDED] += len(samples)

    def heard(self, start: int, count: int) -> Samples:
        """What was recorded from a sample on."""
        return _get(self._heard, start, count)

    # ---- when

    @property
    def start_s(self) -> float | None:
        """`time.monotonic()` at which sample 0 was heard, or would have been; None until somebody knows."""
        start_s = float(self._times[_START_S])
        return None if np.isnan(start_s) else start_s

    @start_s.setter
    def start_s(self, seconds: float) -> None:
        self._times[_START_S] = seconds

    @property
    def speaker_called_s(self) -> float:
        """When the speaker last asked for sound, NaN for never."""
        return float(self._times[_SPEAKER_S])

    @speaker_called_s.setter
    def speaker_called_s(self, seconds: float) -> None:
        self._times[_SPEAKER_S] = seconds

    @property
    def microphone_called_s(self) -> float:
        """When the microphone last gave sound, NaN for never."""
        return float(self._times[_MICROPHONE_S])

    @microphone_called_s.setter
    def microphone_called_s(self, seconds: float) -> None:
        self._times[_MICROPHONE_S] = seconds

    @property
    def distance(self) -> float | None:
        """Sample played minus sample recorded at one moment, evened out; None until both devices have called."""
        distance = float(self._times[_DISTANCE])
        return None if np.isnan(distance) else distance

    @distance.setter
    def distance(self, samples: float) -> None:
        self._times[_DISTANCE] = samples

    @property
    def underflows(self) -> int:
        """How often the speaker ran dry."""
        return int(self._counts[_UNDERFLOWS])

    @property
    def audible_underflows(self) -> int:
        """How often in the middle of a sound."""
        return int(self._counts[_AUDIBLE_UNDERFLOWS])

    def ran_dry(self, audibly: bool) -> None:
        """Counts once more. The player's."""
        self._counts[_UNDERFLOWS] += 1
        self._counts[_AUDIBLE_UNDERFLOWS] += audibly


def _unnamed_file() -> int:
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def _put(ring: Samples, start: int, samples: Samples) -> None:
    at = start % len(ring)
    first = min(len(samples), len(ring) - at)
    ring[at : at + first] = samples[:first]
    ring[: len(samples) - first] = samples[first:]


def _get(ring: Samples, start: int, count: int) -> Samples:
    at = start % len(ring)
    first = min(count, len(ring) - at)
    return np.concatenate((ring[at : at + first], ring[: count - first]))
