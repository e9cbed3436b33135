"""What a visit tells the hall that it is in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent.conversation.events import Event

if TYPE_CHECKING:
    from agent.web.visits.visit import Visit


@dataclass(frozen=True, slots=True)
class Hooks:
    """What a visit calls, on the event loop.

    Attributes:
        on_event: with everything that its sessions tell.
        on_turns: when there is another turn, or all were forgotten.
        on_idle: when it may make room for somebody else.
        on_resumed: when a broken connection has come back.
        on_reset: when a conversation was forgotten and a fresh one begins.
    """

    on_event: Callable[[Event], None]
    on_turns: Callable[[Visit], None]
    on_idle: Callable[[], None]
    on_resumed: Callable[[], None]
    on_reset: Callable[[], None]
