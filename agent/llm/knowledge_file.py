"""The embedded mind: answers from a knowledge file, small talk, and honest "I don't know". No network, no weights."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from types import TracebackType
from typing import Self

from agent.knowledge.asking_back import DID_YOU_MEAN, as_question, ask_back, choice_of, offered
from agent.knowledge.entry import Entry
from agent.knowledge.file import Hit, Knowledge
from agent.knowledge.ranking import CONFIDENT, UNSURE
from agent.knowledge.smalltalk import Intent, SmallTalk, say_date, say_time
from agent.knowledge.spoken.days import WEEK
from agent.llm.base import Conversation, Message
from agent.text.avatar_name import strip_avatar_name
from agent.text.words import COMMON_WORDS, QUESTION_WORDS, STOP_WORDS, stem, tokens

SMALL_TALK = 0.78
"""The whole utterance must be this much like a known phrase to be small talk (measured together with `CONFIDENT`)."""

CERTAIN = 0.9
"""From here on the knowledge file has this very question, and goes before small talk."""

_LOOKED_AT = 8
"""Entries: the best, and a few more, as the next best may be rows of its table."""

_PRONOUNS = frozenset("it that this they them there its one he she these those".split())
_POLITE_START = re.compile(
    r"^(?:(?:um+|uh+|er+|hm+|well|so|and|okay|ok|oh|please|hello|hi|hey|excuse me"
    r"|good (?:morning|afternoon|evening|day)|(?:can|could|would|will) you (?:please )?tell me|please tell me"
    r"|tell me please|do you know|i(?:'d| would) like to know"
    r"|i want to know|i (?:have|'ve) a question|may i ask|can i ask(?: you)?|i was wondering|now)\b[\s,.!]*)+",
    re.IGNORECASE,
)
_OF_ANY_ROW = frozenset(map(stem, ("cost", "price", "pay", "open", "close", "closed", "free")))
"""Words of the sentences that tables are made into: they tell no row from another."""
_THERE_IS = re.compile(r"\b(?:is|are|was|were) there\b|\bthere(?:'s| is| are| was| were)\b", re.IGNORECASE)
_GOES_ON = re.compile(r"^\W*(?:and|or|but|what about|how about)\b", re.IGNORECASE)
"""How a question begins that leaves out what was talked about last: "And on Monday?"."""
_DAY_FROM_NOW = re.compile(r"\b(today|tonight|tomorrow)\b|(?<=open )(?:right )?now\b", re.IGNORECASE)
_POLITE_END = re.compile(r"[\s,]*\b(?:please|thank you|thanks|then|again please)[\s.!?]*$", re.IGNORECASE)
_HESITATIONS = frozenset("um umm uh uhh er hm hmm mm mhm ah".split())
_TOPICS_NAMED = 3
_RELATED = 6
_KEY_WORDS = 6


@dataclass(frozen=True, slots=True)
class _LastAnswer:
    """What was spoken about last.

    Attributes:
        entry: the entry.
        next_paragraph: the number of the first paragraph not yet begun.
        rest: what was not heard of the last one, if it was cut off.
    """

    entry: Entry
    next_paragraph: int
    rest: str


class KnowledgeLLM:
    """Answers from a knowledge file.

    It keeps no state between calls: what was talked about last is found again in the history, so one mind can serve
    many conversations, and an answer that was cut off goes on where the person stopped hearing it.

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
        self.problem = self.preparing = ""
        self._knowledge = knowledge
        self._seed = seed
        self._now = now
        self._small_talk = SmallTalk(name=name)
        self._spoken = _spoken_index(knowledge.answers)
        self._section_of = {id(row): entry for entry in knowledge.entries for row in entry.rows}
        self._has_days = any(name in WEEK for entry in knowledge.entries for row in entry.rows for name in row.names)

    async def __aenter__(self) -> Self:
        """Nothing to load: the knowledge is there."""
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Nothing to free."""

    def conversation(self) -> AbstractContextManager[Conversation]:
        """Itself: what was asked back and what was talked about last are found in the history."""
        return nullcontext(self)

    async def stream(self, history: Sequence[Message], text: str) -> AsyncGenerator[str, None]:
        """Answers `text`, word by word; see `agent.llm.base.Conversation.stream`."""
        async for delta in in_words(await asyncio.to_thread(self.reply, history, text)):
            yield delta

    def reply(self, history: Sequence[Message], text: str) -> str:
        """The whole reply to `text` at once."""
        return self.answer(history, text) or self.do_not_know(history)

    def answer(self, history: Sequence[Message], text: str) -> str | None:
        """The whole reply to `text` at once, or None where neither the knowledge nor small talk has one."""
        if not set(tokens(text)) - _HESITATIONS:
            return "I didn't catch that. Could you say it again, please?"
        to_nobody = strip_avatar_name(text, self.name, is_known=self._knowledge.knows)
        asked = _POLITE_END.sub("", _POLITE_START.sub("", to_nobody)) or to_nobody
        said = [message.text for message in history if message.role == "assistant"]
        last = self._last_answer(history)
        if said and (form := choice_of(text, offered(said[-1]))):
            return self._offered_answer(form, history)
        hits, day = self._search(asked, last, goes_on=_GOES_ON.match(to_nobody) is not None)
        score = hits[0].score if hits else 0.0
        talk, likeness = max(
            map(self._small_talk.match, dict.fromkeys((text, to_nobody, asked))), key=lambda one: one[1]
        )
        if likeness >= SMALL_TALK and score < CERTAIN:
            if talk.name == "yes" and said and (forms := offered(said[-1])):
                return self._offered_answer(forms[0], history)
            return self._small_answer(talk, last, said)
        if hits and score >= CONFIDENT:
            entry = hits[0].entry
            goes_on = last is not None and last.entry is entry and _is_pronoun_question(asked)
            if last is not None and goes_on and last.next_paragraph < len(entry.paragraphs):
                return entry.paragraphs[last.next_paragraph]
            return f"{day}{self._best_part(entry, asked)}"
        if hits and score >= UNSURE:
            return ask_back([hit.form for hit in self._to_offer(hits)])
        return None

    def do_not_know(self, history: Sequence[Message]) -> str:
        """The honest reply to what it has no answer to, with topics that it knows."""
        said = [message.text for message in history if message.role == "assistant"]
        openings = (
            "I'm sorry, I don't know that.",
            "That's something I don't know.",
            "I don't know, I'm afraid.",
            "Sorry, I have no answer to that.",
        )
        return f"{openings[(len(said) + self._seed) % len(openings)]} {self._topics(said)}"

    def _search(self, asked: str, last: _LastAnswer | None, *, goes_on: bool) -> tuple[list[Hit], str]:
        """The best entries, if any, and what is to be said before its answer: which day is meant by "tomorrow"."""
        topic = ""
        if last is not None and (goes_on or _is_pronoun_question(asked)):
            topic = self._section(last.entry).title
        if self._has_days and (named := _DAY_FROM_NOW.search(asked)):
            is_tomorrow = named[0].lower() == "tomorrow"
            day = WEEK[(self._now().weekday() + is_tomorrow) % 7]
            hits = self._knowledge.search(
                _DAY_FROM_NOW.sub(f"on {day}", asked), _LOOKED_AT, topic=topic, by_meaning=True
            )
            if hits and day in hits[0].entry.names:
                return hits, f"{'Tomorrow' if is_tomorrow else 'Today'} is {day}. "
        return self._knowledge.search(asked, _LOOKED_AT, topic=topic, by_meaning=True), ""

    def _to_offer(self, hits: Sequence[Hit]) -> list[Hit]:
        """The best entry, and the next best one of another section, if that alone would be offered, too."""
        mine = self._section(hits[0].entry)
        others = [one for one in hits if self._section(one.entry) is not mine and one.score >= UNSURE]
        return [hits[0], *others[:1]]

    def _offered_answer(self, form: str, history: Sequence[Message]) -> str | None:
        """The answer to a question that was offered, as it suits the question that was asked."""
        asked = [message.text for message in history if message.role == "user"]
        found = self._knowledge.search(form, 1)
        return self._knowledge.paragraph(found[0].entry, asked[-1] if asked else form) if found else None

    def _section(self, entry: Entry) -> Entry:
        """The entry itself, or that which holds the row."""
        return self._section_of.get(id(entry), entry)

    def _best_part(self, entry: Entry, asked: str) -> str:
        """The row or paragraph that has most of what was asked beside the entry's title; mostly the first paragraph."""
        known = {stem(word) for text in (entry.title, *entry.questions, *entry.context) for word in tokens(text)}
        telling = {stem(word) for word in tokens(asked) if word not in STOP_WORDS | QUESTION_WORDS | COMMON_WORDS}
        telling -= known | _OF_ANY_ROW
        if not telling or len(entry.paragraphs) + len(entry.rows) == 1:
            return self._knowledge.paragraph(entry, asked)
        rows = [row.paragraphs[0] for row in entry.rows]
        shared = [len(telling & {stem(word) for word in tokens(text)}) for text in (*rows, *entry.paragraphs)]
        of_rows, of_paragraphs = shared[: len(rows)], shared[len(rows) :]
        most = max(of_rows, default=0)
        if most and of_rows.count(most) == 1:
            return rows[of_rows.index(most)]
        if not any(of_paragraphs):
            return self._knowledge.paragraph(entry, asked)
        return entry.paragraphs[of_paragraphs.index(max(of_paragraphs))]

    def _small_answer(self, talk: Intent, last: _LastAnswer | None, said: list[str]) -> str:
        if talk.name == "more":
            return self._more(last, said)
        if talk.name == "repeat":
            if last is not None and last.rest:
                return last.entry.paragraphs[last.next_paragraph - 1]
            return said[-1] if said else "I haven't said anything yet. Ask me something."
        now = self._now()
        values = {"name": self.name, "time": say_time(now), "date": say_date(now), "topics": self._topics(said)}
        return talk.reply(said, self._seed, **values)

    def _more(self, last: _LastAnswer | None, said: list[str]) -> str:
        """What comes after the last answer: what was not heard of it, its next paragraph, or something related."""
        if last is None:
            return f"More about what? {self._topics(said)}"
        if last.rest:
            return last.rest
        entry = self._section(last.entry)
        if entry is not last.entry:  # after a row comes the table, if it was not said yet
            for paragraph in entry.paragraphs:
                if not any(paragraph in text for text in said):
                    return paragraph
        elif last.next_paragraph < len(entry.paragraphs):
            return entry.paragraphs[last.next_paragraph]
        near = self._knowledge.search(f"{entry.title} {entry.paragraphs[0]}", _RELATED)
        around = dict.fromkeys(id(self._section(hit.entry)) for hit in near)
        fresh = [one for one in self._knowledge.entries if id(one) in around and one is not entry]
        fresh = [one for one in fresh if not any(one.paragraphs[0] in text for text in said)]
        about = "that" if entry.is_question else _as_topic(entry)
        if fresh:
            return f"That's all I know about {about}. {_about(fresh[0])}{fresh[0].paragraphs[0]}"
        return f"That's all I know about {about}. {self._topics(said)}"

    def _last_answer(self, history: Sequence[Message]) -> _LastAnswer | None:
        for message in reversed(history):
            if message.role != "assistant" or DID_YOU_MEAN in message.text:
                continue
            words = tokens(message.text)
            for start in range(len(words)):
                if found := self._answers_at(words[start:]):
                    # A table's paragraph begins like its first row: the longer one was said, as far as it was heard.
                    if not message.interrupted:
                        found = [one for one in found if not one.rest] or found[:1]
                    last = max(found, key=lambda one: len(one.entry.paragraphs[one.next_paragraph - 1]))
                    return last if message.interrupted else replace(last, rest="")
        return None

    def _answers_at(self, words: list[str]) -> list[_LastAnswer]:
        """The answers that begin as these words do."""
        found = []
        for length in range(_KEY_WORDS, 0, -1):
            for number, place in self._spoken.get(" ".join(words[:length]), ()):
                entry = self._knowledge.answers[number]
                rest = _unheard(entry.paragraphs[place], words)
                if rest is not None:
                    found.append(_LastAnswer(entry, place + 1, rest))
        return found

    def _topics(self, said: list[str]) -> str:
        """Names a few topics, others each time."""
        entries = self._knowledge.entries
        step = len(said) * _TOPICS_NAMED
        chosen = [entries[(step + place) % len(entries)] for place in range(min(_TOPICS_NAMED, len(entries)))]
        if any(entry.is_question for entry in chosen):
            offers = [as_question(next(iter(entry.questions), entry.title)) for entry in chosen]
            return f"You can ask me, for example: {' Or: '.join(offers)}"
        names = [_as_topic(entry) for entry in chosen]
        return f"I can tell you about {_enumerate(names)}."


async def in_words(reply: str) -> AsyncGenerator[str, None]:
    """A whole reply as the deltas of a stream."""
    for delta in re.findall(r"\S+\s*", reply):
        yield delta
        await asyncio.sleep(0)  # lets a cancellation in, and everybody else work


def _is_pronoun_question(text: str) -> bool:
    words = tokens(_THERE_IS.sub("", text))
    content = [word for word in words if word not in STOP_WORDS and word not in QUESTION_WORDS]
    return any(word in _PRONOUNS for word in words) and len(content) <= 2


def _as_topic(entry: Entry) -> str:
    """The title in the middle of a sentence: its first letter small, unless it is a name."""
    first = entry.title.split(" ")[0]
    is_name = not first[1:].islower() or any(
        re.search(rf"[a-z,] {re.escape(first)}\b", text) for text in entry.paragraphs
    )
    return entry.title if is_name else entry.title[:1].lower() + entry.title[1:]


def _about(entry: Entry) -> str:
    return "" if entry.is_question else f"About {_as_topic(entry)}: "


def _enumerate(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def _spoken_index(entries: Sequence[Entry]) -> dict[str, list[tuple[int, int]]]:
    """First words of every paragraph → (entry, paragraph), to recognise an answer in the history.

    An answer that was cut off early is recognised from three words on.
    """
    index: dict[str, list[tuple[int, int]]] = {}
    for number, entry in enumerate(entries):
        for place, paragraph in enumerate(entry.paragraphs):
            words = tokens(" ".join(paragraph.split()[: 2 * _KEY_WORDS]))[:_KEY_WORDS]
            for length in range(min(3, len(words)), len(words) + 1):
                index.setdefault(" ".join(words[:length]), []).append((number, place))
    return index


def _unheard(paragraph: str, heard: list[str]) -> str | None:
    """What is left of a paragraph from the sentence that was cut off; None if `heard` is not its beginning."""
    position = 0
    for match in re.finditer(r".+?(?:[.!?…]+[\"”’)]*(?=\s|$)|$)", paragraph):
        words = tokens(match.group())
        part = heard[position : position + len(words)]
        if part != words:
            is_other = position == 0 and part != words[: len(part)]
            return None if is_other else paragraph[match.start() :].strip()
        position += len(words)
    return ""
