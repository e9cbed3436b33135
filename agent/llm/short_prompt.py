"""What a very small language model is told: a few words, and examples of how one speaks.

Long instructions confuse it: it takes them up, answers them or repeats itself, and what it should know it gets wrong
even where it stands in the prompt. From examples it learns to be brief, to speak in the first person, and to ask back.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from agent.llm.base import Message
from agent.llm.prompt import ChatMessage, with_turns

DEFAULT_PERSONA = "You are warm and curious."
"""Who it is where the configuration says nothing else."""

_HOW_TO_CHAT = "You are talking with a friend, face to face. You answer in one or two short sentences."
_HOW_TO_INVENT = "You tell short and simple stories, with a happy end."

_EXAMPLES = (
    ("I had a long day at work.", "Oh, that sounds tiring. What happened?"),
    ("My sister is coming to visit.", "How lovely! I hope the two of you have a good time."),
    ("What do you think of winter?", "I like the first snow best. It makes everything so quiet."),
    ("I feel sad.", "I'm sorry to hear that. Do you want to talk about it?"),
    ("Can you cook?", "No, I have no hands! But I love to hear about good food."),
    ("I don't know what to do today.", "How about a walk in the park? The sun would do you good."),
)
_INVENTED = (
    "Tell me a story about a cloud.",
    "Once there was a little cloud who could not rain. All the other clouds laughed at her. So she flew to the sea and "
    "asked the waves for help. They filled her up, and that evening it rained on every garden in the village.",
)
"""An example too, of its own: after examples of a chat it tells no story, and after this it does not chat."""

_MOST_REMEMBERED = 6
"""Messages of the conversation that go in: three exchanges. Of more it takes up what no longer matters."""

_INVENTIONS = re.compile(
    r"\b(?:(?:fairy ?)?tale|stor(?:y|ie)|fable|poem|rhyme|verse|limerick|haiku|lullab(?:y|ie)|song)s?\b", re.IGNORECASE
)
_ASKED_FOR = re.compile(
    r"\b(?:tell|make|write|sing|invent|improvise|compose|recite|give|say|want|like|love|know|have|another|please)\b",
    re.IGNORECASE,
)


def asks_to_invent(text: str) -> bool:
    """Whether somebody asks for a story, a rhyme and the like, and not for facts."""
    asked = _INVENTIONS.search(text)
    return asked is not None and _ASKED_FOR.search(text) is not None


class ShortPrompt:
    """Makes the messages for a very small language model; see `agent.llm.prompt.Prompt`.

    Args:
        name: what it calls itself.
        persona: who it is, in a few words; "" for the default one.
    """

    def __init__(self, *, name: str, persona: str = "") -> None:
        who = f"Your name is {name}. {persona.strip() or DEFAULT_PERSONA}"
        self._to_chat = _begin(f"{who} {_HOW_TO_CHAT}", _EXAMPLES)
        self._to_invent = _begin(f"{who} {_HOW_TO_INVENT}", (_INVENTED,))

    def messages(self, history: Sequence[Message], text: str) -> list[ChatMessage]:
        """The messages for a question; see `Prompt.messages`. A story begins without what was before."""
        if asks_to_invent(text):
            return with_turns(self._to_invent, (), text)
        background = [message for message in history if message.is_background]
        said = [message for message in history if not message.is_background]
        recent = [replace(message, interrupted=False) for message in said[-_MOST_REMEMBERED:]]
        while recent and recent[0].role == "assistant":  # it would join the last example
            del recent[0]
        return with_turns(self._to_chat, [*background, *recent], text)


def _begin(system: str, examples: Sequence[tuple[str, str]]) -> list[ChatMessage]:
    chat: list[ChatMessage] = [{"role": "system", "content": system}]
    for asked, answered in examples:
        chat += [{"role": "user", "content": asked}, {"role": "assistant", "content": answered}]
    return chat
