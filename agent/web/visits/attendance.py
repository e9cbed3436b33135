"""Whether a visitor is still there: every part of a visit's life waits only so long for them."""

from __future__ import annotations

from collections.abc import Callable

from agent.countdown import Countdown
from agent.web.visits.life import FOLLOWING, Life, Why

ABSENT_S = 10.0
"""A visitor in the line who follows no events, and asks for nothing, has gone away after so long."""

CONNECT_S = 30.0
"""Who is let in has so long to connect: a browser's question about the microphone is read and answered meanwhile."""


class Attendance:
    """Follows one visit through its life, and notices where its visitor stays away.

    Args:
        resume_s: for so long a visitor whose connection broke may come back.
        on_absent: called when somebody who was waited for has not come.

    Attributes:
        life: where the visit is in its life.
    """

    def __init__(self, resume_s: float, on_absent: Callable[[], None]) -> None:
        self.life = Life.WAITING
        self._resume_s, self._followers, self._is_called = resume_s, 0, False
        self._countdown = Countdown(on_absent)
        self._countdown.start(ABSENT_S)

    @property
    def why_absent(self) -> Why:
        """Why a visit ends whose visitor does not come now."""
        return {Life.WAITING: Why.GONE, Life.READY: Why.NEVER_CONNECTED}.get(self.life, Why.LOST)

    def called(self) -> None:
        """The line is behind them: what is loaded for them now takes as long as it takes."""
        self._is_called = True
        self._countdown.stop()

    def become(self, life: Life) -> None:
        """The visit comes to another part of its life."""
        assert life in FOLLOWING[self.life], f"a visit that is {self.life} can't become {life}"
        self.life = life
        self._countdown.stop()
        if life is Life.READY:
            self._countdown.start(CONNECT_S)
        elif life is Life.LOST:
            self._countdown.start(self._resume_s)

    def reads(self) -> None:
        """They go on in writing, and are there as long as they follow the visit's events."""
        if not self._followers:
            self._countdown.start(ABSENT_S)

    def followed(self, followers: int) -> None:
        """So many pages follow the visit's events now."""
        self._followers = followers
        if followers and self.life is Life.CONNECTED:
            self._countdown.stop()
        self.seen()

    def seen(self) -> None:
        """They have asked for something: who stands in the line is there as long as anybody follows, and a while on."""
        if self.life is Life.WAITING and not self._is_called:
            self._countdown.stop()
            if not self._followers:
                self._countdown.start(ABSENT_S)
