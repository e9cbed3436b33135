"""A hall without an engine: visits that only take down what is asked of them. The API before it is the real one."""

from __future__ import annotations

import secrets
from collections import deque
from typing import Any

from agent.config.config import Config
from agent.web.rtc.controls import ControlsChange
from agent.web.visits.choices import Choices
from agent.web.visits.event_log import EventLog
from agent.web.visits.figures import Figures
from agent.web.visits.wishes import Wishes
from avatar.motion import Controls
from speech.errors import BackendError, InputError

ANSWER = "v=0\r\nanswer"


class FakeSession:
    def __init__(self) -> None:
        self.controls = Controls()
        self.asked: list[str] = []
        self.said: list[str] = []
        self.is_held = False

    def ask(self, text: str) -> bool:
        self.asked.append(text)
        return len(self.asked) <= 3

    def say(self, text: str) -> bool:
        self.said.append(text)
        return True

    def hold(self) -> bool:
        was_speaking = not self.is_held and bool(self.said)
        self.is_held = self.is_held or was_speaking
        return was_speaking

    def resume(self) -> bool:
        was_held, self.is_held = self.is_held, False
        return was_held


class FakeVisit:
    def __init__(self, config: Config, place: int) -> None:
        self.id = secrets.token_urlsafe(16)
        self.config, self.place = config, place
        self.session = None if place else FakeSession()
        self.events = EventLog()
        self.turns: deque[dict[str, Any]] = deque(maxlen=5)
        self.offers: list[str] = []
        self.stops = self.touches = 0
        self.is_connected = self.is_over = False
        self.greetings = self.forgotten = 0
        self.lesson: dict[str, Any] | None = None
        self.attention: dict[str, Any] | None = None

    def greet(self) -> None:
        self.greetings += 1

    async def forget_learner(self) -> bool:
        if self.config.tutor.lesson and self.config.tutor.learner == "Unforgettable":
            raise BackendError("what is remembered of you could not be deleted; please try again later")
        self.forgotten += 1
        return bool(self.config.tutor.lesson)

    async def connect(self, offer: str) -> str:
        if not offer.startswith("v=0"):
            raise InputError("expected an SDP offer, got something else")
        self.offers.append(offer)
        self.is_connected = True
        return ANSWER

    async def read(self) -> None:
        self.is_connected = False

    async def disconnect(self) -> None:
        self.is_connected = False

    def touch(self) -> None:
        self.touches += 1

    def change_controls(self, change: ControlsChange) -> None:
        assert self.session is not None
        self.session.controls = change.applied_to(self.session.controls)

    def stop(self) -> None:
        self.stops += 1

    def leave(self) -> None:
        self.is_over = True
        self.events.close()


class FakeHall:
    """Has two places, and a line for one."""

    def __init__(self, config: Config | None = None) -> None:
        self.config = config or Config()
        self.choices = Choices(self.config)
        self.visits: dict[str, FakeVisit] = {}
        self.figures = Figures()
        self.is_closing = False

    @property
    def places(self) -> int:
        return max(0, 2 - len(self.visits))

    @property
    def waiting(self) -> int:
        return max(0, len(self.visits) - 2)

    def find(self, visit_id: str) -> FakeVisit | None:
        visit = self.visits.get(visit_id)
        return None if visit is None or visit.is_over else visit

    async def enter(self, wishes: Wishes) -> FakeVisit:
        config = await self.choices.config_for(wishes)
        if len(self.visits) == 3:
            raise BackendError("all places are taken; please try again later")
        visit = FakeVisit(config, self.waiting + 1 if self.places == 0 else 0)
        self.visits[visit.id] = visit
        return visit
