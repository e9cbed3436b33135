"""Silence for long: met once with an offer, and then with rest until somebody speaks."""

from __future__ import annotations

from collections.abc import Callable

from agent.conversation.events import Event, StateChanged, TurnFinished
from agent.countdown import Countdown
from avatar.motion import ConversationState
from speech.events import Transcript


class LongSilence:
    """Watches one conversation. It never begins one: where nobody has said anything yet, nobody may be there.

    Args:
        after_s: of silence, in which nobody spoke, typed or touched anything; 0 for never.
        is_quiet: whether nobody speaks, thinks or is held.
        offer: says it; called once, and again only after somebody spoke.
    """

    def __init__(self, after_s: float, is_quiet: Callable[[], bool], offer: Callable[[], None]) -> None:
        self._after_s, self._is_quiet, self._offer = after_s, is_quiet, offer
        self._countdown = Countdown(self._over)
        self._may_offer = False

    def see(self, event: Event) -> None:
        """Takes what happens in the session."""
        match event:
            case Transcript(text) if text.strip():
                self._may_offer = True
                self._wait()
            case TurnFinished(record):
                self._may_offer = self._may_offer or bool(record.question)
                self._wait()
            case StateChanged(ConversationState.IDLE):
                self._wait()
            case StateChanged():
                self._countdown.stop()

    def touch(self) -> None:
        """Somebody types or touches something: the silence begins anew."""
        self._wait()

    def rest(self) -> None:
        """Nothing is offered until somebody speaks."""
        self._may_offer = False
        self._countdown.stop()

    def close(self) -> None:
        """The conversation is over."""
        self._after_s = 0.0
        self._countdown.stop()

    def _wait(self) -> None:
        if self._may_offer and self._after_s:
            self._countdown.start(self._after_s)

    def _over(self) -> None:
        if not self._is_quiet():
            self._wait()
            return
        self.rest()
        self._offer()
