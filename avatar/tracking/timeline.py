"""The times at which pictures are seen, from the time stamps of a file, which may be anything."""

from __future__ import annotations

from speech.files.sound_packets import LONGEST_HOLE_S

USUAL_S = 0.04
"""From a picture to the next, where nothing says how long that is."""

PAUSE_S = 1.0
"""Beyond this, a picture says nothing about the time until the next."""

LONGEST_PAUSE_S = LONGEST_HOLE_S
"""Beyond this, the clock has leapt, unless sound shows that time went by; what is missing of sound is filled as far."""

# Packets of sound that lie so near to one another (seconds) are one stretch; the last stretches are remembered.
_SOUND_TOUCHES_S, _STRETCHES = 0.5, 100
# A stamp further from zero (seconds; 3,000 years) is no time.
_FURTHEST_S = 1e11
# Pictures that follow another sooner than this are left out: beyond 50 a second there is nothing more to learn.
_NEAREST_S = 0.015
# A time that much before the last is no disorder: the clock was set back, as where two recordings were joined.
_BACK_S = 0.25
# A pause counts as one where the sound runs on through this share of it.
_SOUND_RUNS_ON = 0.5


class SoundIntervals:
    """The intervals in which a file has sound, seconds by its clock."""

    def __init__(self) -> None:
        self._stretches: list[tuple[float, float]] = []

    def add(self, start: float, stop: float) -> None:
        """Adds the interval of a packet of sound."""
        if self._stretches:
            first, last = self._stretches[-1]
            if abs(start - last) < _SOUND_TOUCHES_S:
                self._stretches[-1] = (first, max(stop, last))
                return
        self._stretches = [*self._stretches[1 - _STRETCHES :], (start, stop)]

    def between(self, first: float, last: float) -> float:
        """Seconds of sound between two times of the file."""
        return sum(max(0.0, min(stop, last) - max(start, first)) for start, stop in self._stretches)


class Timeline:
    """Turns a file's time stamps into times that only go forward.

    A clock that was set back, or that leapt far ahead (pictures and sound have nothing in between), goes on where it
    was: the pieces are played one after the other, as their sound is. A pause stays.

    Args:
        step_s: from a picture to the next, as the file states it.
        sound: what is known of the sound, by the file's clock; None for a file without.

    Attributes:
        closed: how often the clock was set back or leapt ahead.
        now: the last time given out, seconds; None before the first.
        step_s: see above; where the file states nothing sensible, USUAL_S.
    """

    def __init__(self, step_s: float, sound: SoundIntervals | None) -> None:
        self.step_s = step_s if _NEAREST_S <= step_s <= PAUSE_S else USUAL_S
        self._sound = sound
        self._shift = 0.0
        self.now: float | None = None
        self.closed = 0

    def place(self, stamp: float | None) -> float | None:
        """The time of the next picture.

        Args:
            stamp: seconds by the file's clock; None where it states none.

        Returns:
            Seconds, later than the one before; None for a picture that is to be left out.
        """
        if stamp is not None and not abs(stamp) < _FURTHEST_S:
            stamp = None
        if self.now is None:
            self.now = stamp if stamp is not None else 0.0
            return self.now
        ahead = stamp + self._shift - self.now if stamp is not None else self.step_s
        if stamp is not None and (ahead < -_BACK_S or (ahead > PAUSE_S and not self._is_pause(stamp, ahead))):
            self._shift += self.step_s - ahead
            self.closed += 1
            ahead = self.step_s
        if ahead < _NEAREST_S:
            return None
        self.now += ahead
        return self.now

    def _is_pause(self, stamp: float, length_s: float) -> bool:
        if length_s <= LONGEST_PAUSE_S:
            return True
        return self._sound is not None and self._sound.between(stamp - length_s, stamp) >= _SOUND_RUNS_ON * length_s
