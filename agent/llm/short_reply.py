"""What a very small language model writes, as it can be spoken: whole sentences, a few of them, none of them twice."""

from __future__ import annotations

import re

_SENTENCE = re.compile(r"[^\n]*?[.!?…]+[\"”’')]*(?=\s)\s*|[^\n]*\n\s*")
_MARKS = re.compile(r"[*_#`~|<>\[\]{}]+")
_LIST = re.compile(r"\s*(?:[-•–+]|\d+[.)])\s")
_STAGE_DIRECTION = re.compile(r"\([^()\n]*\)\s*")
_WORDS = re.compile(r"\w+")


class ShortReply:
    """Passes a streamed reply on sentence by sentence: push deltas until it is over, then flush; one a reply.

    It is over where enough was said, where a sentence comes back (such a model says it again and again), and where a
    list begins.

    Args:
        most_sentences: how many may be said; a line of a poem counts as one.

    Attributes:
        is_over: nothing more will be said.
    """

    def __init__(self, most_sentences: int) -> None:
        self._left = most_sentences
        self._held = ""
        self._said: set[str] = set()
        self.is_over = False

    def push(self, delta: str) -> str:
        """Takes the next piece; returns the sentences that are whole with it, "" for none."""
        self._held += delta
        ready = ""
        while not self.is_over and (found := _SENTENCE.match(self._held)):
            self._held = self._held[found.end() :]
            ready += self._taken(found[0])
        return ready

    def flush(self, *, was_cut: bool) -> str:
        """The model has stopped: returns what is left, but no half sentence after whole ones.

        Args:
            was_cut: it stopped because it had to, and not because it was done.
        """
        rest, self._held = self._held, ""
        if self.is_over or (was_cut and self._said):
            return ""
        return self._taken(rest)

    def _taken(self, sentence: str) -> str:
        """A sentence without what can't be spoken; "" for one that is not to be said."""
        if _LIST.match(sentence):
            self.is_over = bool(self._said)
            sentence = _LIST.sub("", sentence, count=1)
        said = _MARKS.sub("", _STAGE_DIRECTION.sub("", sentence))
        words = " ".join(_WORDS.findall(said.lower()))
        self.is_over = self.is_over or words in self._said
        if self.is_over or not words:
            return ""
        self._said.add(words)
        self._left -= 1
        self.is_over = self._left == 0
        return said
