"""Which frames get a picture where the machine can't keep up: evenly fewer, rather than now one and then none."""

from __future__ import annotations

from avatar.motion import FRAME_RATE_HZ

MOST_EVERY = 3
"""At least every third frame is drawn: 8 pictures a second."""

_TOO_MANY_LATE, _TOO_MANY_LATE_SPEAKING = 0.2, 0.4
"""Shares of late pictures. A face that only listens gives way first: its lips are not read."""

_REMEMBERED = 2 * FRAME_RATE_HZ
"""Pictures over which the share is taken; a single stall is not many of them."""

_FIRST_RETRY, _LAST_RETRY = 5 * FRAME_RATE_HZ, 60 * FRAME_RATE_HZ
"""After so many frames more pictures are tried again; later and later where that is too many each time."""


class PictureRate:
    """Of one session, each of which decides for itself; as all are as late as one another, all come to the same.

    Attributes:
        every: frames for each picture.
    """

    def __init__(self) -> None:
        self.every = 1
        self._late_share = 0.0
        self._frames_since_change = _LAST_RETRY  # nothing was tried too early yet
        self._retry_after = _FIRST_RETRY

    def leaves_out(self, frame: int) -> bool:
        """Whether a frame gets no picture."""
        return frame % self.every != 0

    def passed(self, frame: int, *, late: bool, speaking: bool) -> None:
        """Takes whether a frame's picture was late, where it was to get one."""
        self._frames_since_change += 1
        if self.leaves_out(frame):
            return
        self._late_share += (late - self._late_share) / _REMEMBERED
        if self._late_share > (_TOO_MANY_LATE_SPEAKING if speaking else _TOO_MANY_LATE):
            if self.every < MOST_EVERY:
                was_too_early = self._frames_since_change < self._retry_after
                self._retry_after = min(2 * self._retry_after, _LAST_RETRY) if was_too_early else _FIRST_RETRY
                self._change(1)
        elif self.every > 1 and self._frames_since_change >= self._retry_after and self._late_share < 0.05:
            self._change(-1)

    def _change(self, more: int) -> None:
        self.every += more
        self._late_share, self._frames_since_change = 0.0, 0
