"""Numbers of all visits since the program began, for whoever watches it; nothing depends on them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from agent.metrics.figures import ConversationFigures


@dataclass
class Figures(ConversationFigures):
    """The numbers of their conversations, and of the visits themselves.

    Attributes:
        begun: visits, those who only waited included.
        turned_away: visitors for whom there was not even room in the line.
        ended: visits by the reason (`Why`).
        resumed: broken connections that came back.
        resets: conversations that a kiosk forgot.
    """

    begun: int = 0
    turned_away: int = 0
    ended: Counter[str] = field(default_factory=Counter)
    resumed: int = 0
    resets: int = 0
