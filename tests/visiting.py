"""A hall of visitors on virtual time: the real sessions, halls and visits, with scripted parts and peers.

async def evening() -> None:
    async with opened(Parts(mind), "web.sessions=2") as (hall, engine):
        visit = await hall.enter(Wishes())
        await visit.connect("offer")
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, ClassVar, cast

import pytest

from agent.config.config import Config, load_config
from agent.conversation.audio_io import AudioIO, Stage
from agent.conversation.events import Event
from agent.conversation.floor import Floor
from agent.conversation.hearing import Ears
from agent.conversation.session import Session, SessionPolicy
from agent.engine import Engine, OutputFailure
from agent.llm.base import Conversation, Message
from agent.tutor.judge import Judge
from agent.tutor.lesson import lesson_path
from agent.tutor.lesson_file import load_lesson
from agent.tutor.loading import progress_of
from agent.tutor.teacher import TeachingPolicy, teaching
from agent.web.rtc.face_track import PeerFace
from agent.web.rtc.peer_sound import PIECE_SAMPLES, PeerSound
from agent.web.visits import connections
from agent.web.visits.event_log import WebEvent
from agent.web.visits.hall import Hall, open_hall
from agent.web.visits.visit import Visit
from avatar.clock import PacedClock
from avatar.decoder import FaceDecoder
from avatar.motion import Motion, neutral
from avatar.outputs.base import Output
from avatar.renderer import Renderer
from avatar.sampler.lookahead import MotionSampler
from speech.audio import OUTPUT_RATE_HZ, AudioChunk, Samples
from speech.errors import InputError
from speech.sound_track import SoundTrack
from speech.turns.detector import SilenceTurnDetector
from tests.fakes import LoudnessSampler, LoudnessVAD, ScriptedEars, ScriptedMind, ToneVoice

GARBAGE = "garbage"


class StillSampler(LoudnessSampler):
    """A face that never moves, which costs nothing over minutes."""

    def push(self, chunk: AudioChunk) -> None:
        pass

    def frames(self, ready: int = 0) -> Motion:
        self.frame += 5
        return Motion(neutral(5), self.frame - 5)

    def interrupt(self, frame: int) -> None:
        self.frame = frame


class FakeEngine:
    """Makes real sessions of scripted parts.

    Attributes:
        config: of all visits.
        seeds: of the faces so far.
        sessions: that are open.
        tells: takes what each session so far tells.
        opening_s: how long one takes to be loaded.
        fails: raised instead of it, once.
        new_sampler: makes each one's motion.
        decoder: makes everybody's pictures; None where only the sound is wanted.
    """

    def __init__(self, config: Config, replies: Mapping[str, str | Exception], ears: Sequence[str] = ()) -> None:
        self.config = config
        self.mind, self.voice = ScriptedMind(replies, delay_s=0.01), ToneVoice(delay_s=0.001)
        self._ears = ScriptedEars(ears)
        self.seeds: list[int] = []
        self.sessions: list[Session] = []
        self.tells: list[Callable[[Event], None]] = []
        self.opening_s = 0.0
        self.fails: Exception | None = None
        self.new_sampler: Callable[[], MotionSampler] = StillSampler
        self.decoder: FaceDecoder | None = None

    @asynccontextmanager
    async def session(
        self,
        audio: AudioIO,
        outputs: Sequence[Output],
        *,
        on_event: Callable[[Event], None],
        config: Config,
        output_failure: OutputFailure,
        earlier: Sequence[Message],
        greets_at_once: bool,
        lesson_place: str,
    ) -> AsyncGenerator[Session, None]:
        await asyncio.sleep(self.opening_s)
        if self.fails is not None:
            failure, self.fails = self.fails, None
            raise failure
        self.seeds.append(config.face.seed)
        self.tells.append(on_event)
        voice = SoundTrack()
        stage = Stage(voice, SoundTrack(), PacedClock(audio.player), Floor())
        renderer = Renderer(
            clock=stage.clock,
            voice=voice,
            user=stage.user,
            sampler=self.new_sampler(),
            decoder=self.decoder,
            outputs=outputs,
            label=None,
        )
        async with AsyncExitStack() as stack:
            heard = await stack.enter_async_context(audio.open(stage))
            mind: Conversation = self.mind
            opening, tell = "", on_event
            if config.tutor.lesson:
                lesson = load_lesson(lesson_path(config.tutor.lesson))
                teaching_policy = TeachingPolicy("Mira", learner=config.tutor.learner, remember=config.tutor.remember)
                mind = teacher = await stack.enter_async_context(
                    teaching(
                        lesson,
                        Judge(),
                        self.mind,
                        progress=progress_of(config),
                        place=lesson_place,
                        policy=teaching_policy,
                        on_event=on_event,
                    )
                )
                opening, tell = teacher.opening, teacher.on_event
            session = Session(
                heard,
                stage=stage,
                ears=Ears(SilenceTurnDetector(LoudnessVAD()), self._ears),
                mind=mind,
                voice=self.voice,
                face=renderer,
                policy=SessionPolicy(opening=opening, greets_at_once=greets_at_once),
                on_event=tell,
                controls=config.controls.controls(),
                earlier=earlier,
            )
            self.sessions.append(session)
            try:
                yield session
            finally:
                self.sessions.remove(session)


class FakePeer:
    """A connection whose browser takes the voice as it comes."""

    open: ClassVar[list[FakePeer]] = []
    made: ClassVar[list[FakePeer]] = []

    @classmethod
    def take_the_place(cls, monkeypatch: pytest.MonkeyPatch) -> list[FakePeer]:
        """From now on visits get such connections; returns those that were made so far."""
        cls.open, cls.made = [], []
        monkeypatch.setattr(connections, "Connection", cls)
        return cls.made

    def __init__(self, sound: PeerSound, face: PeerFace, *, on_lost: Callable[[], None], **_: Any) -> None:
        self._sound, self._on_lost = sound, on_lost
        self._playing: asyncio.Task[None] | None = None
        self.heard: list[Samples] = []
        self.heard_from_s = 0.0

    async def answer(self, offer: str) -> str:
        if offer == GARBAGE:
            raise InputError("SDP offer: expected one, got garbage")
        await asyncio.sleep(0.05)
        self.open.append(self)
        self.made.append(self)
        self._sound.attach(self)
        self._playing = asyncio.create_task(self._play())
        return f"answer to {offer}"

    async def _play(self) -> None:
        piece = self._sound.next_piece()
        while True:
            self.heard.append(await self._sound.piece(piece))
            piece += 1

    async def hear(self, samples: Samples) -> None:
        """The visitor speaks."""
        for start in range(0, len(samples), PIECE_SAMPLES):
            self._sound.hear(samples[start : start + PIECE_SAMPLES])
            await asyncio.sleep(PIECE_SAMPLES / OUTPUT_RATE_HZ)

    def vanish(self, ago_s: float = 0.0) -> None:
        """The network has broken some time ago, which is noticed now."""
        self.heard_from_s = asyncio.get_running_loop().time() - ago_s
        self._sound.detach(self)
        self._on_lost()

    async def close(self) -> None:
        self._sound.detach(self)
        if self._playing is not None:
            self._playing.cancel()
            await asyncio.gather(self._playing, return_exceptions=True)
            self._playing = None
            self.open.remove(self)


@asynccontextmanager
async def opened(
    replies: Mapping[str, str | Exception], *settings: str, ears: Sequence[str] = (), **hall_options: Any
) -> AsyncGenerator[tuple[Hall, FakeEngine], None]:
    """An open hall; when it is left, nothing of any visit may be left."""
    engine = FakeEngine(load_config(None, ["web.sessions=4", *settings], {}), replies, ears)
    before = asyncio.all_tasks()
    async with open_hall(cast(Engine, engine), **hall_options) as hall:
        yield hall, engine
    await asyncio.sleep(0)
    assert not engine.sessions and not FakePeer.open
    assert asyncio.all_tasks() <= before, "no task is left"


class Follower:
    """A page that reads a visit's messages; keeps them."""

    def __init__(self, visit: Visit, last_id: int = 0) -> None:
        self.events: list[WebEvent] = []
        self._reading = asyncio.create_task(self._read(visit, last_id))

    async def _read(self, visit: Visit, last_id: int) -> None:
        async for event in visit.events.since(last_id):
            self.events.append(event)

    async def go(self) -> None:
        """Stops reading."""
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)

    async def to_the_end(self) -> list[tuple[str, dict[str, Any]]]:
        """Everything, once there will be no more."""
        await self._reading
        return self.told

    @property
    def told(self) -> list[tuple[str, dict[str, Any]]]:
        return [(event.kind, event.data) for event in self.events]

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [event.data for event in self.events if event.kind == kind]
