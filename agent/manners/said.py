"""What the avatar said last, as far as it may be asked to say it again."""

from __future__ import annotations

from agent.conversation.turn import TurnRecord
from agent.text.sentences import goes_on

_FEWEST_WORDS = 4
"""Of a shorter last sentence ("Right?") nobody asks "what?": the one before it is said again, too."""


class Said:
    """The last reply, sentence by sentence."""

    def __init__(self) -> None:
        self._sentences: list[str] = []
        self._heard_last = 0

    def __bool__(self) -> bool:
        return bool(self._sentences)

    def take(self, record: TurnRecord) -> None:
        """Keeps the reply of a turn; one without words leaves the last one as it is."""
        if not record.sentences:
            return
        self._sentences, begun = [], True
        starts: list[int] = []
        for part in record.sentences:
            if begun:
                self._sentences.append(part.text)
                starts.append(part.start_sample)
            else:
                self._sentences[-1] += f" {part.text}"
            begun = not goes_on(part.text)
        end = record.cut_sample
        heard = len(starts) if end is None else sum(start < end for start in starts)
        self._heard_last = max(heard - 1, 0)

    def whole(self) -> str:
        """All of it, also what was not heard because the user spoke."""
        return " ".join(self._sentences)

    def last(self) -> str:
        """From the sentence on that was heard last."""
        first = self._heard_last
        while first and sum(len(one.split()) for one in self._sentences[first:]) < _FEWEST_WORDS:
            first -= 1
        return " ".join(self._sentences[first:])
