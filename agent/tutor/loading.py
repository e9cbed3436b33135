"""A lesson, ready to be taught: read, with a judge who soon knows what its answers mean."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from importlib.util import find_spec

from agent.backends.making import answers_from_file
from agent.config.config import Config
from agent.conversation.events import Event
from agent.knowledge.file import Knowledge
from agent.knowledge.understanding import Understanding
from agent.llm.base import LLM, Conversation
from agent.models.packaged import any_installed, packaged_path
from agent.models.packaged_catalogue import find_packaged, packaged_of
from agent.personas import name_of
from agent.tutor.judge import Judge
from agent.tutor.lesson import Lesson
from agent.tutor.lesson_file import existing_lesson, load_lesson
from agent.tutor.progress import Progress
from agent.tutor.teacher import Teacher, TeachingPolicy, teaching
from agent.tutor.wishes import named_in, wish_in
from speech.errors import VisavisError
from speech.user_folders import data_folder


@dataclass(frozen=True, slots=True)
class Teachable:
    """A lesson that several learners may have at once.

    Attributes:
        lesson: what is taught.
        judge: goes by words and sounds until it is ready.
        reading: learns what the answers mean; its result is why it can't, or "".
    """

    lesson: Lesson
    judge: Judge
    reading: asyncio.Task[str]

    async def ready(self) -> None:
        """Waits until the judge knows what the answers mean, where that can be known."""
        await asyncio.shield(self.reading)

    def expected_beside(self, expected: Callable[[str], bool]) -> Callable[[str], bool]:
        """Whether words that may have been misheard are worth judging, or expected by somebody else; in a thread."""
        by_words = Judge()

        def is_expected(text: str) -> bool:
            return (
                wish_in(text) is not None
                or named_in(text) is not None
                or any(by_words.judge(question, text).is_right for question in self.lesson.questions)
                or expected(text)
            )

        return is_expected


@asynccontextmanager
async def open_lesson(
    config: Config, knowledge: Knowledge, understanding: Understanding
) -> AsyncGenerator[Teachable, None]:
    """Reads the configured lesson; its meaning is read meanwhile.

    Args:
        config: the whole configuration; `tutor.lesson` names a lesson.
        knowledge: whose meaning, where it is read, brings the network that the judge needs.
        understanding: reads it.

    Raises:
        InputError: the lesson can't be read.
    """
    lesson, judge = await asyncio.to_thread(load_lesson, existing_lesson(config.tutor.lesson)), Judge()
    reading = asyncio.create_task(_learn(judge, lesson, knowledge, understanding), name="read lesson's meaning")
    try:
        yield Teachable(lesson, judge, reading)
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


@asynccontextmanager
async def taught(
    lesson: Teachable,
    mind: LLM,
    talk: Conversation,
    config: Config,
    *,
    place: str = "",
    on_event: Callable[[Event], None],
) -> AsyncGenerator[Teacher, None]:
    """A lesson for one learner; what is no part of it is the mind's.

    Args:
        lesson: what is taught.
        mind: shared; a language model is asked about doubtful answers too, in a conversation of its own.
        talk: the learner's conversation with it.
        config: the session's settings.
        place: where another teacher was, whose lesson goes on.
        on_event: the session's.
    """
    is_small = find_packaged("transformers", mind.name) is not None  # it says yes to nearly everything
    is_model = not await asyncio.to_thread(answers_from_file, config) and not is_small
    tutor = config.tutor
    policy = TeachingPolicy(name_of(config), config.mind.seed, " ".join(tutor.learner.split()), tutor.remember)
    with mind.conversation() if is_model else nullcontext() as model:
        opening = teaching(
            lesson.lesson,
            lesson.judge,
            talk,
            model=model,
            progress=progress_of(config),
            place=place,
            policy=policy,
            on_event=on_event,
        )
        async with opening as teacher:
            yield teacher


def progress_of(config: Config) -> Progress | None:
    """Where the progress of learners who agree is kept; None where nothing is remembered."""
    if config.tutor.remember == "no":
        return None
    return Progress(config.tutor.progress or data_folder() / "progress")


async def _learn(judge: Judge, lesson: Lesson, knowledge: Knowledge, understanding: Understanding) -> str:
    """Gives the judge the network of meanings: the knowledge's, or one of its own."""
    model = packaged_of("embeddings")[0]
    await understanding.ready()
    try:
        if knowledge.meaning is not None:
            encode = knowledge.meaning.encode
        elif any_installed(model) and find_spec("tokenizers") is not None:
            folder = await asyncio.to_thread(packaged_path, model)
            from agent.knowledge.minilm import MiniLM  # imports PyTorch, which takes seconds

            encode = (await asyncio.to_thread(MiniLM, folder)).encode
        else:
            return f"{model.title} is not installed: answers are judged by words and sounds alone"
        await asyncio.to_thread(judge.learn, encode, lesson.questions)
    except VisavisError as error:
        return f"{error}; until then, answers are judged by words and sounds alone"
    return ""
