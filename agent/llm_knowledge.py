"""The embedded mind: answers from a knowledge file, small talk, and honest "I don't know". No network, no weights."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from types import TracebackType
from typing import Self

from agent.knowledge import Entry, Hit, Knowledge
from agent.llm import Message
from agent.ranking import CONFIDENT
from agent.smalltalk import Intent, SmallTalk, say_date, say_time
from agent.words import QUESTION_WORDS, STOP_WORDS, tokens

SMALL_TALK = 0.78
"""The whole utterance must be this much like a known phrase to be small talk (measured together with `CONFIDENT`)."""

UNSURE = 0.40
"""From here up to `CONFIDENT` the best entry is offered as a question: "Did you mean …?"."""

_MORE = (
    "tell me more", "more", "more please", "go on", "what else", "continue", "please continue", "and then", "keep going",
    "tell me more about that", "tell me more about it", "anything else", "can you tell me more", "and what else", "carry on",
    "say more", "is there more", "more about that", "please go on", "what more",
)  # fmt: skip
_REPEAT = (
    "repeat that", "say that again", "can you repeat that", "please repeat", "repeat", "what did you say", "pardon", "again please",
    "say it again", "come again", "i didn't catch that", "could you say that again", "once more", "what was that",
    "can you say that again", "sorry what", "i did not understand", "again", "please repeat that",
)  # fmt: skip
_YES = ("yes", "yes please", "yeah", "yep", "yes i did", "sure", "right", "correct", "that's right", "exactly", "yes that one", "of course")

_PRONOUNS = frozenset("it that this they them there its one he she these those".split())
_POLITE_START = re.compile(
    r"^(?:(?:um+|uh+|er+|hm+|well|so|and|okay|ok|oh|please|hello|hi|hey|excuse me|good (?:morning|afternoon|evening|day)"
    r"|(?:can|could|would|will) you (?:please )?tell me|please tell me|tell me please|do you know|i(?:'d| would) like to know"
    r"|i want to know|i (?:have|'ve) a question|may i ask|can i ask(?: you)?|i was wondering|now)\b[\s,.!]*)+",
    re.IGNORECASE,
)
_POLITE_END = re.compile(r"[\s,]*\b(?:please|thank you|thanks|then|again please)[\s.!?]*$", re.IGNORECASE)
_DID_YOU_MEAN = "Did you mean"
_TOPICS_NAMED = 3


class KnowledgeLLM:
    """Answers from a knowledge file.

    It keeps no state between calls: what was talked about last is found again in the history, so one mind can serve many
    conversations, and an answer that was cut off goes on where the person stopped hearing it.

    Args:
        knowledge: what it knows.
        name: what it calls itself.
        seed: another seed varies the wording of small talk.
        now: gives the local time; for "what time is it".
    """

    def __init__(
        self,
        knowledge: Knowledge,
        *,
        name: str = "Mira",
        seed: int = 0,
        now: Callable[[], datetime] = datetime.now,
    ) -> None:
        self.name = name
        self._knowledge = knowledge
        self._seed = seed
        self._now = now
        self._small_talk = SmallTalk()
        self._follow_ups = SmallTalk((Intent("more", _MORE, ()), Intent("repeat", _REPEAT, ())))
        self._spoken = _spoken_index(knowledge.entries)

    async def __aenter__(self) -> Self:
        """Nothing to load: the knowledge is there."""
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Nothing to free."""

    async def stream(self, history: Sequence[Message], text: str) -> AsyncIterator[str]:
        """Answers `text`, word by word; see `agent.llm.LLM.stream`."""
        for delta in re.findall(r"\S+\s*", self.reply(history, text)):
            yield delta
            await asyncio.sleep(0)  # lets a cancellation in, and everybody else work

    def phrases(self) -> list[str]:
        """What people may say to it, for the recogniser's language model: the knowledge's questions, small talk, follow-ups."""
        polite = [self._small_talk.phrases(), self._follow_ups.phrases()]
        called = [" ".join(tokens(f"{hello} {self.name}")) for hello in ("hello", "hi", "hey", "thank you", "goodbye")]
        return list(dict.fromkeys([*self._knowledge.phrases(), *polite[0], *polite[1], *called]))

    def reply(self, history: Sequence[Message], text: str) -> str:
        """The whole answer to `text` at once."""
        asked = self._without_politeness(text)
        if not tokens(asked):
            if not tokens(text):
                return "I didn't catch that. Could you say it again, please?"
            asked = text
        said = [message.text for message in history if message.role == "assistant"]
        last = self._last_answer(history)
        follow_up = self._follow_ups.match(asked)
        if follow_up and follow_up[1] >= SMALL_TALK and (small := self._follow_up(follow_up[0].name, last, said)):
            return small
        if said and _DID_YOU_MEAN in said[-1] and " ".join(tokens(asked)) in _YES:
            offered = said[-1].rpartition(_DID_YOU_MEAN)[2]
            if hits := self._knowledge.search(offered, 1):
                return hits[0].entry.paragraphs[0]
        hits = self._search(asked, last[0] if last else None)
        score = hits[0].score if hits else 0.0
        talk = max((m for m in (self._small_talk.match(text), self._small_talk.match(asked)) if m), key=lambda m: m[1])
        if talk[1] >= SMALL_TALK and talk[1] >= score:
            now = self._now()
            values = {"name": self.name, "time": say_time(now), "date": say_date(now), "topics": self._topics(said)}
            return talk[0].reply(said, self._seed, **values)
        if score >= CONFIDENT:
            entry = hits[0].entry
            if last and last[0] is entry and _is_pronoun_question(asked) and last[1] < len(entry.paragraphs):
                return entry.paragraphs[last[1]]
            return entry.paragraphs[0]
        if score >= UNSURE:
            return f"I'm not sure that I heard you right. {_DID_YOU_MEAN}: {_as_offer(hits[0].entry)}"
        return self._do_not_know(said)

    def _without_politeness(self, text: str) -> str:
        text = re.sub(rf"\b{re.escape(self.name)}\b[\s,.!]*", "", text, flags=re.IGNORECASE).strip()
        return _POLITE_END.sub("", _POLITE_START.sub("", text))

    def _search(self, asked: str, last: Entry | None) -> list[Hit]:
        topic = last.title if last is not None and _is_pronoun_question(asked) else ""
        return self._knowledge.search(asked, 4, topic=topic)

    def _follow_up(self, wanted: str, last: tuple[Entry, int, str] | None, said: list[str]) -> str:
        """What to say to "tell me more" or "repeat that"; empty if it makes no sense here."""
        if wanted == "repeat":
            return said[-1] if said else "I haven't said anything yet. Ask me something."
        if last is None:
            return f"More about what? {self._topics(said)}"
        entry, next_paragraph, rest = last
        if rest:
            return rest
        if next_paragraph < len(entry.paragraphs):
            return entry.paragraphs[next_paragraph]
        related = [
            hit.entry
            for hit in self._knowledge.search(f"{entry.title} {entry.paragraphs[0]}", 6)
            if not any(hit.entry.paragraphs[0] in text for text in said)
        ]
        if related:
            return f"That's all I know about {_as_topic(entry)}. {_about(related[0])}{related[0].paragraphs[0]}"
        return f"That's all I know about {_as_topic(entry)}. {self._topics(said)}"

    def _last_answer(self, history: Sequence[Message]) -> tuple[Entry, int, str] | None:
        """The entry spoken about last, the number of its next paragraph, and what of the last one was not heard."""
        for message in reversed(history):
            if message.role != "assistant" or _DID_YOU_MEAN in message.text:
                continue
            words = _plain(message.text).split()
            for start in range(len(words)):
                for length in (6, 3, 2, 1):
                    key = " ".join(words[start : start + length])
                    for number, place in self._spoken.get(key, ()):
                        entry = self._knowledge.entries[number]
                        rest = _unheard(entry.paragraphs[place], words[start:])
                        if rest is not None:
                            return entry, place + 1, rest if message.interrupted else ""
        return None

    def _topics(self, said: list[str]) -> str:
        """Names a few topics, others each time."""
        entries = self._knowledge.entries
        step = len(said) * _TOPICS_NAMED
        chosen = [entries[(step + place) % len(entries)] for place in range(min(_TOPICS_NAMED, len(entries)))]
        if any(entry.is_question for entry in chosen):
            offers = [_as_offer(entry) for entry in chosen]
            return f"You can ask me, for example: {' Or: '.join(offers)}"
        names = [_as_topic(entry) for entry in chosen]
        return f"I can tell you about {_enumerate(names)}."

    def _do_not_know(self, said: list[str]) -> str:
        openings = (
            "I'm sorry, I don't know that.",
            "That's something I don't know.",
            "I don't know, I'm afraid.",
            "Sorry, I have no answer to that.",
        )
        return f"{openings[(len(said) + self._seed) % len(openings)]} {self._topics(said)}"


def _is_pronoun_question(text: str) -> bool:
    words = tokens(text)
    content = [word for word in words if word not in STOP_WORDS and word not in QUESTION_WORDS]
    return any(word in _PRONOUNS for word in words) and len(content) <= 2


def _as_topic(entry: Entry) -> str:
    """The title in the middle of a sentence: its first letter small, unless it begins a name."""
    if entry.is_question:
        return f"“{entry.title}”"
    first, *rest = entry.title.split(" ")
    is_name = not first[1:].islower() or first in ("Visavis", "Zoom", "I") or any(word[:1].isupper() for word in rest)
    return entry.title if is_name else entry.title[:1].lower() + entry.title[1:]


def _as_offer(entry: Entry) -> str:
    """The entry as a question to the person."""
    asked = entry.title if entry.is_question else entry.questions[0] if entry.questions else f"{entry.title}?"
    return asked if asked.endswith("?") else f"{asked}?"


def _about(entry: Entry) -> str:
    return "" if entry.is_question else f"About {_as_topic(entry)}: "


def _enumerate(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def _plain(text: str) -> str:
    return " ".join(tokens(text))


def _spoken_index(entries: Sequence[Entry]) -> dict[str, list[tuple[int, int]]]:
    """First words of every paragraph → (entry, paragraph), to recognise an answer in the history."""
    index: dict[str, list[tuple[int, int]]] = {}
    for number, entry in enumerate(entries):
        for place, paragraph in enumerate(entry.paragraphs):
            start = " ".join(paragraph.split()[:12])
            index.setdefault(" ".join(_plain(start).split()[:6]), []).append((number, place))
    return index


def _unheard(paragraph: str, heard: list[str]) -> str | None:
    """What is left of a paragraph from the sentence that was cut off; None if `heard` is not its beginning."""
    position = 0
    for match in re.finditer(r".+?(?:[.!?…]+[\"”’)]*(?=\s|$)|$)", paragraph):
        words = _plain(match.group()).split()
        if heard[position : position + len(words)] != words:
            part = heard[position:]
            if part != words[: len(part)] and position == 0:
                return None
            return paragraph[match.start() :].strip()
        position += len(words)
    return ""
