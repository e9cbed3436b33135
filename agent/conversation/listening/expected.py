"""Whether words that may have been misheard are worth an answer: whether the knowledge file or small talk has them."""

from __future__ import annotations

from agent.knowledge.asking_back import as_question
from agent.knowledge.file import Knowledge
from agent.knowledge.ranking import CONFIDENT, UNSURE
from agent.knowledge.smalltalk import SmallTalk
from agent.llm.knowledge_file import SMALL_TALK
from agent.text.avatar_name import strip_avatar_name


class Expected:
    """What people are expected to say.

    Args:
        knowledge: what the avatar knows.
        name: what it is called by.
    """

    def __init__(self, knowledge: Knowledge, name: str) -> None:
        self._knowledge, self._name = knowledge, name
        self._small_talk = SmallTalk(name=name)

    def nearest(self, text: str) -> str:
        """The question of the knowledge file that `text` may be, misheard; "" where none is near."""
        hits = self._knowledge.search(strip_avatar_name(text, self._name, is_known=self._knowledge.knows), 1)
        return as_question(hits[0].form) if hits and hits[0].score >= UNSURE else ""

    def __call__(self, text: str) -> bool:
        """Whether `text` is one of these things, going by words and sound; takes some milliseconds."""
        asked = strip_avatar_name(text, self._name, is_known=self._knowledge.knows)
        hits = self._knowledge.search(asked, 1)
        if hits and hits[0].score >= CONFIDENT:
            return True
        return any(self._small_talk.match(said)[1] >= SMALL_TALK for said in (text, asked))
