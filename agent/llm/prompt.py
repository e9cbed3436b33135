"""What a language model is told: who it is, how to speak, what it knows, what was said, and the question."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypedDict

from agent.knowledge.entry import Entry
from agent.knowledge.file import Knowledge
from agent.llm.base import Message
from avatar.motion import Emotion

DEFAULT_PERSONA = (
    "You are a good companion to talk to: warm, curious and quick, with a dry sense of humour. You listen closely, "
    "you say what you think, and you help where you can."
)
"""Who it is where the configuration says nothing else."""

KNOWLEDGE_CHARACTERS = 8_000
"""A file up to this size goes in whole (about 2,000 tokens of English). It stands before the conversation, where a
model reads it once and keeps it in its cache from turn to turn."""

EXCERPT_CHARACTERS = 2_500
"""Of a larger file, the entries nearest to the question; they are read anew with every question."""

_MOST_ENTRIES = 8
_NEAR = 0.1
"""A ranking score (`agent.knowledge.ranking`) below this is chance; what lies under `CONFIDENT` may still help a
model."""

_HOW_TO_SPEAK = (
    "You are talking with somebody face to face. What you write is spoken aloud by your voice, word for word, and your "
    "face goes with it. So answer as people talk: one to three short sentences, no more, unless you are asked for a "
    "story or for details. No Markdown, no lists, no headings, no emojis, no web addresses, no stage directions; write "
    "numbers and units as they are said. Answer in the language in which you are spoken to. What you hear comes from a "
    "speech recogniser and may be misheard: take it as it was probably meant, and ask if you can't tell. If you don't "
    "know something, say so honestly and briefly; never make up facts, prices, times or names."
)
_HOW_TO_FEEL = (
    f"Begin every answer with the feeling that your face is to show, in square brackets: one of "
    f"{', '.join(f'[{emotion}]' for emotion in Emotion)}, with a strength from 0 to 1 if you like, as in [happy 0.6]. "
    "Use [neutral] when nothing else fits. Where you laugh or sigh, write [laugh] or [sigh]. Never write brackets "
    "anywhere else."
)
_HOW_TO_KNOW = "What follows is what you know about this place and this subject. Where it answers, go by it."
_CUT_OFF = "(I cut you off there, and heard only the words above.)"
_BEGINNING = "(The conversation begins.)"


class ChatMessage(TypedDict):
    """One message, as chat models take it; roles alternate after the first."""

    role: Literal["system", "user", "assistant"]
    content: str


class Prompt:
    """Makes the messages for a language model.

    Everything before the last message depends on the past only, so that a model's cache of it stays good.

    Args:
        name: what it calls itself.
        persona: who it is, in a few sentences; "" for the default one.
        knowledge: what it knows beside what the model does.
        knowledge_characters: how much of that may go in.
    """

    def __init__(
        self,
        *,
        name: str,
        persona: str = "",
        knowledge: Knowledge | None = None,
        knowledge_characters: int = KNOWLEDGE_CHARACTERS,
    ) -> None:
        parts = [f"Your name is {name}. {persona.strip() or DEFAULT_PERSONA}", _HOW_TO_SPEAK, _HOW_TO_FEEL]
        self._to_search = knowledge
        self._excerpt_characters = min(EXCERPT_CHARACTERS, knowledge_characters)
        if knowledge is not None:
            whole = "\n\n".join(map(_written, knowledge.entries))
            if len(whole) <= knowledge_characters:
                parts += [_HOW_TO_KNOW, whole]
                self._to_search = None
        self._system = "\n\n".join(parts)

    def messages(self, history: Sequence[Message], text: str) -> list[ChatMessage]:
        """The messages for a question.

        Args:
            history: what was said before, oldest first.
            text: what the person has just said.

        Returns:
            The system's message, then user and assistant in turns; the last one is the user's.
        """
        chat = with_turns([{"role": "system", "content": self._system}], history, text)
        if excerpt := self._excerpt(history, text):
            chat[-1]["content"] = f"{_HOW_TO_KNOW}\n\n{excerpt}\n\nNow I say to you: {chat[-1]['content']}"
        return chat

    def _excerpt(self, history: Sequence[Message], text: str) -> str:
        """The entries nearest to the question, the best first; what was asked before counts a little ("and then?")."""
        if self._to_search is None:
            return ""
        before = next((one.text for one in reversed(history) if one.role == "user" and not one.is_background), "")
        room = self._excerpt_characters
        chosen: list[str] = []
        for hit in self._to_search.search(text, _MOST_ENTRIES, topic=before):
            if hit.score < _NEAR or room <= 0:
                break
            chosen.append(_written(hit.entry)[:room])
            room -= len(chosen[-1]) + 2
        return "\n\n".join(chosen)


def with_turns(begins: Sequence[ChatMessage], history: Sequence[Message], text: str) -> list[ChatMessage]:
    """What comes first, what was said, and the question: user and assistant in turns after the system's message.

    Args:
        begins: the system's message, and exchanges after it if any.
        history: what was said before, oldest first.
        text: what the person has just said.
    """
    chat: list[ChatMessage] = list(begins)
    note = ""
    for message in (*history, Message("user", text)):
        content = f"{note} {message.text}".strip()
        if chat[-1]["role"] == message.role:  # templates of several models insist on turns
            joined = f"{chat[-1]['content']} {content}"
            chat[-1] = {"role": message.role, "content": joined}
        else:
            if chat[-1]["role"] == "system" and message.role == "assistant":
                chat.append({"role": "user", "content": _BEGINNING})
            chat.append({"role": message.role, "content": content})
        # The note is the person's: in the model's own words it would learn to write such notes.
        note = _CUT_OFF if message.interrupted else ""
    return chat


def _written(entry: Entry) -> str:
    """An entry as a model reads it: a short answer says nothing without its question, nor that without its topic."""
    asked = next(iter(entry.questions), entry.title)
    return "\n".join((": ".join((*entry.context, asked)), *entry.paragraphs))
