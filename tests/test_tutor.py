"""Whole lessons: through the real session on virtual time, with a language model's second opinion, and as a command."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from agent import parts
from agent.config.config import Config, load_config
from agent.conversation.events import Event, LessonMoved, Problem, TurnFinished, TypedText
from agent.conversation.questions import Questions, RecordedQuestion
from agent.conversation.session import SessionPolicy
from agent.conversation.turn import SpokenSentence, Turn, TurnRecord
from agent.knowledge.file import Entry, Knowledge
from agent.llm.base import LLM, Message
from agent.llm.knowledge_file import KnowledgeLLM
from agent.llm.openai import OpenAILLM
from agent.parts import SharedParts
from agent.tutor.judge import Judge
from agent.tutor.lesson import lesson_path
from agent.tutor.lesson_file import load_lesson
from agent.tutor.progress import Progress
from agent.tutor.state import Result
from agent.tutor.teacher import Teacher, TeachingPolicy, teaching
from speech.errors import BackendError, InputError
from tests.commands import Commands
from tests.fakes import ScriptedEars, ScriptedMind, ToneVoice
from tests.openai_server import Answer, ChatServer
from tests.test_session import Scene, speech
from tests.virtual_time import run

LESSON = """# Verbs
Small words.
## What is the past of "go"?
- Answer: "went"
- Wrong: goed: It is irregular.
- Hint: It rhymes with "sent".
- Why: Go, went, gone.
## Name two colours.
- Answer: two of: red; blue; green
## Why does ice float?
- Answer: Because it is **lighter** than water.
- Hint: Think of its weight.
"""
SHOP = KnowledgeLLM(Knowledge((Entry("Opening hours", ("When are you open?",), ("We open at nine.",)),)), name="Mira")


class Told(list[Event]):
    """Gives a session's events to the teacher, who passes them on."""

    def __init__(self, teacher: Teacher) -> None:
        self._teacher = teacher

    def append(self, event: Event) -> None:
        self._teacher.on_event(event)


class Learner:
    """Somebody who learns from `LESSON` through a whole session, on virtual time."""

    def __init__(self, tmp_path: Path, *, text: str = LESSON, mind: LLM = SHOP) -> None:
        path = tmp_path / "lesson.md"
        path.write_text(text, "utf-8")
        self.lesson, self._mind = load_lesson(path), mind
        self.progress = Progress(tmp_path / "progress")
        self.events: list[Event] = []

    def learn(self, *said: str | RecordedQuestion, hears: Sequence[str] = (), **policy: str) -> list[str]:
        """What the teacher says, from its greeting on."""

        async def main() -> None:
            async with AsyncExitStack() as stack:
                teacher = await stack.enter_async_context(
                    teaching(
                        self.lesson,
                        Judge(),
                        stack.enter_context(self._mind.conversation()),
                        progress=self.progress,
                        policy=TeachingPolicy("Mira", **policy),
                        on_event=self.events.append,
                    )
                )
                scene = Scene(
                    ears=ScriptedEars(list(hears)),
                    voice=ToneVoice(word_s=0.02),
                    policy=SessionPolicy(opening=teacher.opening),
                )
                scene.mind, scene.events = teacher, Told(teacher)  # type: ignore[assignment]
                asked = [TypedText(one) if isinstance(one, str) else one for one in said]
                await scene.converse(Questions(asked, real_time=False, silence_after_s=1.0))

        self.events.clear()
        run(main())
        return [event.record.heard for event in self.events if isinstance(event, TurnFinished)]

    @property
    def moved(self) -> list[LessonMoved]:
        return [event for event in self.events if isinstance(event, LessonMoved)]


def test_a_whole_lesson_is_heard_and_spoken(tmp_path: Path) -> None:
    learner = Learner(tmp_path)
    heard = ["Goed.", "Went.", "Red.", "Blue and green.", "When are you open?", "Because it is lighter.", "No, thanks."]
    replies = learner.learn(*(speech(0.6) for _ in heard), hears=heard)
    assert len(replies) == 1 + len(heard)
    assert "I'm Mira" in replies[0] and replies[0].endswith('What is the past of "go"?'), "it speaks first"
    assert "It is irregular." in replies[1] and "went" not in replies[1].lower()
    assert "Go, went, gone." in replies[2] and replies[2].endswith("Name two colours.")
    assert "red" in replies[3] and "one more" in replies[3]
    assert replies[4].endswith("Why does ice float?")
    assert replies[5].startswith("We open at nine.") and replies[5].endswith("Why does ice float?")
    assert "all three" in replies[6] and replies[6].endswith("?"), "it asks whether it may remember"
    assert "won't keep anything" in replies[7]
    assert not learner.progress.file.exists()
    last = learner.moved[-1]
    assert (last.title, last.number, last.total, last.right, last.missed) == ("Verbs", 3, 3, 3, 0)
    assert last.is_over and not last.is_remembered
    assert [one.number for one in learner.moved] == sorted(one.number for one in learner.moved)
    assert not [event for event in learner.events if isinstance(event, Problem)]


def test_who_agrees_is_known_the_next_time_and_can_be_forgotten(tmp_path: Path) -> None:
    learner = Learner(tmp_path)
    learner.learn("I don't know", "no idea", "red and green", "it is lighter", "went", "yes please", "My name is Anna.")
    assert learner.progress.known("anna") == "Anna" and learner.moved[-1].is_remembered
    replies = learner.learn("I'm Anna.")
    assert "Anna" in replies[1] and "hard" in replies[1] and replies[1].endswith('the past of "go"?')
    assert learner.moved[-1].total == 1, "the others rest"
    replies = learner.learn("went", learner="Anna", remember="yes")
    assert "Anna" in replies[0] and "noted" in replies[1]
    replies = learner.learn("Please forget me.", learner="Anna", remember="yes")
    assert "deleted" in replies[1] and learner.progress.known("Anna") == ""
    assert replies[1].endswith('the past of "go"?') and not learner.moved[-1].is_remembered


def test_who_can_not_be_forgotten_is_told_so_and_may_ask_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    learner = Learner(tmp_path)
    learner.progress.record("Anna", learner.lesson.key, [Result("1", True)])
    forget, calls = learner.progress.forget, iter(range(2))

    def fails_first(name: str) -> bool:
        if next(calls) == 0:
            raise BackendError("the disk is full")
        return forget(name)

    monkeypatch.setattr(learner.progress, "forget", fails_first)
    replies = learner.learn("forget me", "forget me", learner="Anna", remember="yes")
    assert "didn't work" in replies[1] and "deleted" not in replies[1] and replies[1].endswith('the past of "go"?')
    assert [event.message for event in learner.events if isinstance(event, Problem)] == ["the disk is full"]
    assert "deleted" in replies[2] and learner.progress.known("Anna") == ""


def test_a_learner_is_forgotten_without_a_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    learner = Learner(tmp_path)
    learner.progress.record("Anna", learner.lesson.key, [Result("1", True)])

    def fails(name: str) -> bool:
        raise BackendError("the disk is full")

    async def main() -> None:
        policy = TeachingPolicy("Mira", learner="Anna", remember="yes")
        async with teaching(
            learner.lesson, Judge(), SHOP, progress=learner.progress, policy=policy, on_event=learner.events.append
        ) as teacher:
            heard(teacher, "", teacher.opening)
            with monkeypatch.context() as patched, pytest.raises(BackendError, match="could not be deleted"):
                patched.setattr(learner.progress, "forget", fails)
                await teacher.forget()
            reply = await said(teacher, "went")  # on its way when the learner is forgotten
            await teacher.forget()
            heard(teacher, "went", reply)
            assert not learner.moved[-1].is_remembered and learner.moved[-1].right == 1
            await teacher.forget()  # nobody is known any more

    run(main())
    assert learner.progress.known("Anna") == "", "what was on its way is not kept either"


def test_a_lesson_goes_on_elsewhere_at_the_same_place(tmp_path: Path) -> None:
    learner = Learner(tmp_path)
    learner.learn("went", "red")
    moved = learner.moved[-1]

    async def main() -> None:
        async with teaching(
            learner.lesson,
            Judge(),
            SHOP,
            place=moved.place,
            policy=TeachingPolicy("Mira"),
            on_event=learner.events.append,
        ) as teacher:
            assert teacher.opening == "" and learner.moved[-1] == replace(moved, place=learner.moved[-1].place)
            reply = await said(teacher, "hm, black")  # may answer what only the other one was about to ask
            assert reply.endswith("Name two colours.")
            heard(teacher, "hm, black", reply)
            reply = await said(teacher, "red and green")
            heard(teacher, "red and green", reply)
            assert reply.endswith("Why does ice float?") and learner.moved[-1].right == 2

    run(main())


@pytest.mark.parametrize("place", ["", "{}", '{"lesson": "other", "state": {}}'])
def test_a_place_in_another_lesson_is_none(tmp_path: Path, place: str) -> None:
    async def main() -> None:
        lesson = Learner(tmp_path).lesson
        async with teaching(
            lesson, Judge(), SHOP, place=place, policy=TeachingPolicy("Mira"), on_event=lambda event: None
        ) as teacher:
            assert "I'm Mira" in await said(teacher, "went"), "it begins again, and judges nothing"

    run(main())


def test_no_praise_comes_twice_running_and_a_seed_repeats_all(tmp_path: Path) -> None:
    many = "# Sums\n" + "".join(f"## How much is {n} and 1?\n- Answer: {n + 1}\n" for n in range(1, 12))
    learner = Learner(tmp_path, text=many)
    answers = [str(n + 1) for n in range(1, 12)]
    replies = learner.learn(*answers)
    praise = [reply.split("How much")[0] for reply in replies[1:]]
    assert all(one != other for one, other in pairwise(praise))
    assert learner.learn(*answers) == replies


def test_nobody_hears_of_another(tmp_path: Path) -> None:
    path = tmp_path / "lesson.md"
    path.write_text(LESSON, "utf-8")
    lesson, judge = load_lesson(path), Judge()

    async def main() -> None:
        async with AsyncExitStack() as stack:
            one, other = [
                await stack.enter_async_context(
                    teaching(lesson, judge, SHOP, policy=TeachingPolicy("Mira"), on_event=lambda event: None)
                )
                for _ in range(2)
            ]
            for teacher in (one, other):
                heard(teacher, "", teacher.opening)
            heard(one, "went", await said(one, "went"))
            assert "colours" in await said(one, "repeat")
            assert "past" in await said(other, "repeat")

    run(main())


async def said(teacher: Teacher, text: str, history: Sequence[Message] = ()) -> str:
    return "".join([delta async for delta in teacher.stream(history, text)])


def heard(teacher: Teacher, asked: str, reply: str, *, until: int | None = None) -> None:
    """Tells the teacher that its reply was heard, maybe only the first characters of it."""
    record = TurnRecord(Turn(0, 0), asked, sentences=[SpokenSentence(reply, 0, 1)], heard=reply[:until])
    record.interrupted = until is not None
    teacher.on_event(TurnFinished(record))


def test_a_draft_that_is_thrown_away_moves_nothing(tmp_path: Path) -> None:
    learner = Learner(tmp_path)

    async def main() -> None:
        async with teaching(
            learner.lesson, Judge(), SHOP, policy=TeachingPolicy("Mira"), on_event=learner.events.append
        ) as teacher:
            heard(teacher, "", teacher.opening)
            await said(teacher, "goed")  # a pause in the middle of "goed, no, went"
            reply = await said(teacher, "goed, no, went")
            heard(teacher, "goed, no, went", reply)
            assert reply.endswith("Name two colours.") and learner.moved[-1].right == 1
            reply = await said(teacher, "black")
            heard(teacher, "black", reply, until=3)
            assert "black" not in await said(teacher, "wait, what?")

    run(main())


def test_a_learner_who_cuts_the_question_off_hears_it_again(tmp_path: Path) -> None:
    learner = Learner(tmp_path)

    async def main() -> None:
        async with teaching(
            learner.lesson, Judge(), SHOP, policy=TeachingPolicy("Mira"), on_event=learner.events.append
        ) as teacher:
            heard(teacher, "", teacher.opening)
            reply = await said(teacher, "went")
            heard(teacher, "went", reply, until=4)
            reply = await said(teacher, "oh good")
            assert reply.endswith("Name two colours.")
            heard(teacher, "oh good", reply)
            assert learner.moved[-1].missed == 0

    run(main())


def test_a_learner_who_speaks_before_the_greeting_is_greeted(tmp_path: Path) -> None:
    async def main() -> None:
        lesson = Learner(tmp_path).lesson
        async with teaching(
            lesson, Judge(), SHOP, policy=TeachingPolicy("Mira"), on_event=lambda event: None
        ) as teacher:
            reply = await said(teacher, "hello?")
            assert "I'm Mira" in reply and reply.endswith('the past of "go"?')

    run(main())


def test_a_mind_that_fails_does_not_end_the_lesson(tmp_path: Path) -> None:
    learner = Learner(tmp_path, mind=ScriptedMind({"Who are you today?": InputError("no mind")}))
    replies = learner.learn("Who are you today?", "went")
    assert "went wrong" in replies[1] and replies[2].endswith("Name two colours.")


@pytest.mark.parametrize(
    ("answer", "is_right"),
    [
        (Answer(("[neu", "tral] ", "Yes", ".")), True),
        (Answer(("No", ", it is not.")), False),
        (Answer(("Yesterday",)), False),  # neither: the rules decide
        (Answer(status=500, body="{}"), False),
        (Answer(("ignore that " * 20,)), False),
    ],
)
def test_a_language_model_is_asked_one_word_about_a_doubtful_answer(
    tmp_path: Path, answer: Answer, is_right: bool
) -> None:
    learner = Learner(tmp_path)

    async def main() -> None:
        async with ChatServer() as server:
            server.answers = [answer]
            async with AsyncExitStack() as stack:
                mind = await stack.enter_async_context(
                    OpenAILLM(base_url=server.url, name="Mira", short_pause_s=0.01, first_s=1.0)
                )
                talk, model = stack.enter_context(mind.conversation()), stack.enter_context(mind.conversation())
                teacher = await stack.enter_async_context(
                    teaching(
                        learner.lesson,
                        Judge(),
                        talk,
                        model=model,
                        policy=TeachingPolicy("Mira"),
                        on_event=learner.events.append,
                    )
                )
                for text in ("", "went", "red and blue"):
                    heard(teacher, text, await said(teacher, text) if text else teacher.opening)
                assert not server.chats, "it is not asked where the rules are sure"
                reply = await said(teacher, "its weight is smaller than that of water")
                assert len(server.chats) >= 1
                asked = server.chats[0]["messages"][-1]["content"]
                assert "Why does ice float?" in asked and "its weight is smaller" in asked
                assert ("all three" in reply) is is_right

    asyncio.run(main())


def test_a_lesson_as_a_command(tmp_path: Path, command: Commands) -> None:
    """The embedded conversation from the configuration to the video: greeting, question, judgement, the end.

    The lesson is short and quickly said: every second of it is a second of video to be drawn.
    """
    (tmp_path / "verbs.md").write_text('# Verbs\n## The past of "go"?\n- Answer: "went"\n- Wrong: goed: Irregular.\n')
    texts = ["I think it's goed", "stop"]
    options = [option for text in texts for option in ("--text", text)]
    quick = ("--rate", "300", "--set", "output.size=256", "--set", "tutor.remember=no")
    done = command.run("ask", "--lesson", "verbs.md", *options, *quick, "-o", "a.mp4", "--json", "-q", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    turns = json.loads(done.stdout)
    assert [turn["question"] for turn in turns] == ["", *texts]
    assert turns[0]["heard"].endswith('The past of "go"?')
    assert "Irregular." in turns[1]["heard"] and turns[2]["heard"].endswith("!")


def test_ears_expect_what_learners_say_beside_the_knowledge(monkeypatch: pytest.MonkeyPatch) -> None:
    expected: list[str] = []

    def ears(config: Config, phrases: Sequence[str]) -> ScriptedEars:
        expected[:] = phrases
        return ScriptedEars(())

    async def main() -> None:
        config = load_config(None, ["mind.backend=openai", "tutor.lesson=english"], {})
        async with SharedParts(lambda notice: None).ears(config):
            assert expected[0] == "went" and {"childs", "often", "seven", "what is your name"} <= set(expected)
            assert len(expected) == len(set(expected))

    monkeypatch.setattr(parts, "make_ears", ears)
    asyncio.run(main())


@pytest.mark.parametrize("asked", [("ask", "--text", "hello", "-o", "a.mp4"), ("serve", "--port", "0")])
def test_a_lesson_that_is_not_there_is_one_line(tmp_path: Path, command: Commands, asked: tuple[str, ...]) -> None:
    done = command.run(*asked, "--lesson", "german", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.strip().splitlines()[-1].endswith("a lesson's name (english) or a Markdown file, got 'german'")
    assert load_lesson(lesson_path("english")).title and "loading" not in done.stderr
