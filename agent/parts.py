"""The parts that sessions share, each loaded by the first who asks for it and stopped after the last."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from agent.backends.choice import chosen_ears, chosen_mind, chosen_voice, with_meant_voice
from agent.backends.loading import loaded
from agent.backends.making import answers_from_file, make_ears, make_mind, make_voice
from agent.backends.tables import problems
from agent.config.config import Config
from agent.face_process import FaceProcess
from agent.faces import Face, face_key, load_face, load_motion
from agent.knowledge.file import MAX_PHRASES, Knowledge, load_knowledge
from agent.knowledge.understanding import Understanding
from agent.llm.base import LLM
from agent.personas import name_of, persona_of
from agent.shared import SharedThings, content_key
from agent.tutor.lesson import lesson_path
from agent.tutor.lesson_file import existing_lesson, load_lesson
from agent.tutor.loading import Teachable, open_lesson
from avatar.decoder import DistantFaceDecoder, FaceDecoder
from avatar.processes.drawing import DrawingPool, StoredFace, stored_face
from avatar.processes.sampling import MotionProcess
from speech.asr.base import ASR
from speech.tts.base import TTS

if TYPE_CHECKING:
    from avatar.sampler.batcher import BlockBatcher

DEFAULT_KNOWLEDGE = Path(__file__).parent / "data" / "knowledge.md"

T = TypeVar("T")
Part_co = TypeVar("Part_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Loaded(Generic[Part_co]):
    """A part, ready for use.

    Attributes:
        part: entered.
        notices: what is to be said about its files.
    """

    part: Part_co
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Known:
    """A knowledge file, and what reads its meaning meanwhile."""

    knowledge: Knowledge
    understanding: Understanding


class SharedParts:
    """Every part under the settings that it depends on; each method is entered with `async with`.

    Args:
        on_preparing: called before something takes long, this time only.
        drawing: processes that draw for the sessions, beside which motion is sampled in one too; None where this one
            does both.
    """

    def __init__(self, on_preparing: Callable[[str], None], drawing: DrawingPool | None = None) -> None:
        self._on_preparing, self._drawing = on_preparing, drawing
        self._shared = SharedThings()

    def motion(self, config: Config) -> AbstractAsyncContextManager[BlockBatcher]:
        """The motion model, on which all sessions' blocks are sampled; for `agent.faces.new_sampler`."""
        key = ("motion", content_key(config.face.weights))
        if self._drawing is not None:
            return self._shared.lease(key, lambda: _motion_elsewhere(config))
        return self._shared.lease(key, lambda: _in_thread(load_motion, config))

    @asynccontextmanager
    async def face(self, config: Config) -> AsyncGenerator[Face, None]:
        """The portrait and its decoder."""
        key = ("face", await asyncio.to_thread(face_key, config))
        async with self._shared.lease(key, lambda: self._open_face(config)) as face:
            yield face

    @asynccontextmanager
    async def decoder(self, config: Config) -> AsyncGenerator[FaceDecoder | DistantFaceDecoder, None]:
        """What draws a session's pictures."""
        async with self.face(config) as face:
            if self._drawing is None:
                yield face.decoder
                return
            key = ("stored face", await asyncio.to_thread(face_key, config))
            stored = self._shared.lease(key, lambda: _stored(face))
            async with stored as in_file, self._drawing.decoder(in_file) as decoder:
                yield decoder

    @asynccontextmanager
    async def knowledge(self, config: Config) -> AsyncGenerator[Loaded[Known], None]:
        """The knowledge file; its meaning is read where the mind answers from it."""
        path = config.mind.knowledge or DEFAULT_KNOWLEDGE
        with_meaning = await asyncio.to_thread(answers_from_file, config)
        key = ("knowledge", await asyncio.to_thread(content_key, path), with_meaning)
        async with self._shared.lease(key, lambda: _open_knowledge(path, with_meaning)) as known:
            yield known

    @asynccontextmanager
    async def ears(self, config: Config) -> AsyncGenerator[Loaded[ASR], None]:
        """The recogniser. It expects the words of the knowledge file and lesson, and the name, of whoever loads it."""
        key = ("ears", config.text_of("ears"), config.ring.model_dump_json())
        async with self._shared.lease(key, lambda: self._open_ears(config)) as ears:
            yield ears

    @asynccontextmanager
    async def mind(self, config: Config) -> AsyncGenerator[Loaded[LLM], None]:
        """The mind, by its settings and its name."""
        key = ("mind", config.text_of("mind"), config.ring.model_dump_json(), name_of(config))
        async with self._shared.lease(key, lambda: self._open_mind(config)) as mind:
            yield mind

    @asynccontextmanager
    async def lesson(self, config: Config) -> AsyncGenerator[Teachable, None]:
        """The lesson that is taught."""
        with_meaning = await asyncio.to_thread(answers_from_file, config)
        path = await asyncio.to_thread(lesson_path, config.tutor.lesson)
        key = ("lesson", await asyncio.to_thread(content_key, path), with_meaning)
        async with self._shared.lease(key, lambda: self._open_lesson(config)) as lesson:
            yield lesson

    @asynccontextmanager
    async def voice(self, config: Config) -> AsyncGenerator[Loaded[TTS], None]:
        """The synthesiser of the voice that is meant; people whom the same voices fit share it."""
        meant, fitting = await asyncio.to_thread(with_meant_voice, config), persona_of(config)
        fits = fitting.gender, *fitting.voices.items()
        key = ("voice", meant.text_of("voice"), config.ring.model_dump_json(), fits)
        async with self._shared.lease(key, lambda: _open_voice(config)) as voice:
            yield voice

    @asynccontextmanager
    async def _open_face(self, config: Config) -> AsyncGenerator[Face, None]:
        if self._drawing is None:
            yield await asyncio.to_thread(load_face, config)
            return
        async with self._shared.lease("portraits' process", FaceProcess) as process:
            yield await process.load(config)

    @asynccontextmanager
    async def _open_ears(self, config: Config) -> AsyncGenerator[Loaded[ASR], None]:
        notices: list[str] = []
        async with self.knowledge(config) as known:
            phrases = known.part.knowledge.phrases(name_of(config))
        if config.tutor.lesson:
            lesson = await asyncio.to_thread(load_lesson, existing_lesson(config.tutor.lesson))
            phrases = list(dict.fromkeys([*lesson.phrases(), *phrases]))[:MAX_PHRASES]
        opening = loaded(config, chosen_ears, lambda used: make_ears(used, phrases), on_notice=notices.append)
        async with opening as ears:
            yield Loaded(ears, tuple(notices))

    @asynccontextmanager
    async def _open_lesson(self, config: Config) -> AsyncGenerator[Teachable, None]:
        async with (
            self.knowledge(config) as known,
            open_lesson(config, known.part.knowledge, known.part.understanding) as lesson,
        ):
            yield lesson

    @asynccontextmanager
    async def _open_mind(self, config: Config) -> AsyncGenerator[Loaded[LLM], None]:
        def tell_of_preparing(mind: LLM) -> None:
            if mind.preparing:
                self._on_preparing(mind.preparing)

        notices: list[str] = []
        async with self.knowledge(config) as known:
            knowledge = known.part.knowledge
            opening = loaded(
                config,
                chosen_mind,
                lambda used: make_mind(used, knowledge),
                on_notice=notices.append,
                on_made=tell_of_preparing,
            )
            async with opening as mind:
                notices += [f"{mind.name}: {mind.problem}"] if mind.problem else []
                yield Loaded(mind, (*problems(config), *known.notices, *notices))


@asynccontextmanager
async def _motion_elsewhere(config: Config) -> AsyncGenerator[BlockBatcher, None]:
    process = MotionProcess(config.face.weights)
    async with AsyncExitStack() as stack:
        async with asyncio.TaskGroup() as loading:  # both import PyTorch, which is the slow part
            loading.create_task(stack.enter_async_context(process), name="start sampling")
            motion = loading.create_task(asyncio.to_thread(load_motion, config, process), name="load motion model")
        yield motion.result()


@asynccontextmanager
async def _stored(face: Face) -> AsyncGenerator[StoredFace, None]:
    stored = stored_face(face.decoder.decoder)
    in_file = await asyncio.to_thread(stored.__enter__)
    try:
        yield in_file
    finally:
        await asyncio.to_thread(stored.__exit__, None, None, None)


@asynccontextmanager
async def _open_knowledge(path: Path, with_meaning: bool) -> AsyncGenerator[Loaded[Known], None]:
    knowledge = await asyncio.to_thread(load_knowledge, path)
    notices = [f"{path.name}: {knowledge.notice}"] if knowledge.notice else []
    async with Understanding(knowledge if with_meaning else None) as understanding:
        notices += [understanding.problem] if understanding.problem else []
        yield Loaded(Known(knowledge, understanding), tuple(notices))


@asynccontextmanager
async def _open_voice(config: Config) -> AsyncGenerator[Loaded[TTS], None]:
    notices: list[str] = []
    async with loaded(config, chosen_voice, make_voice, on_notice=notices.append) as voice:
        yield Loaded(voice, tuple(notices))


@asynccontextmanager
async def _in_thread(load: Callable[[Config], T], config: Config) -> AsyncGenerator[T, None]:
    """What needs no stopping."""
    yield await asyncio.to_thread(load, config)


def knowledge_of(config: Config) -> Knowledge:
    """The knowledge file that the configuration names, or the shipped one."""
    return load_knowledge(config.mind.knowledge or DEFAULT_KNOWLEDGE)
