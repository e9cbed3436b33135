"""What a process shares, loaded once, and the conversations that use it.

    async with load_engine(config) as engine:
        async with engine.session(audio, outputs, on_event=tell) as session:
            await session.run()

Everything slow is loaded side by side, off the event loop, and lent to sessions by its settings (`agent.parts`): a
second session with the same portrait or voice takes what is there, one with another loads only that.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from enum import Enum, Flag, auto

from agent.backends.making import answers_from_file
from agent.config.config import Config
from agent.conversation.audio_io import AudioIO, Stage
from agent.conversation.events import Event, Problem
from agent.conversation.floor import Floor
from agent.conversation.hearing import Ears
from agent.conversation.listening.expected import Expected
from agent.conversation.listening.pauses import ListeningPolicy
from agent.conversation.session import Session, SessionPolicy
from agent.faces import Face, new_sampler
from agent.llm.base import Conversation, Message
from agent.manners.loading import own_parts
from agent.memory.loading import expected_beside, memories_of, policy_of
from agent.memory.remembering import remembering
from agent.parts import Loaded, SharedParts
from agent.personas import name_of
from agent.turn_detection import turn_detector
from agent.tutor.loading import taught
from avatar.clock import AudioClock, OfflineClock, PacedClock
from avatar.outputs.base import Output
from avatar.processes.drawing import DrawingPool
from avatar.provenance import AiLabel
from avatar.renderer import Renderer
from speech.sound_track import SoundTrack
from speech.turns.onset import OnsetDetector

DRAWING_S = 0.022
"""Frames are begun so long before their sound is heard: about as long as sampling and drawing one takes."""

MOST_DRAWING_S = 0.06
"""And at most so long on a busy machine; a picture that is there at once then comes this much before its sound."""


class Part(Flag):
    """What an engine loads beforehand, and keeps; the rest is loaded when a session needs it."""

    MOTION = auto()
    FACE = auto()
    EARS = auto()
    MIND = auto()
    VOICE = auto()
    TYPED_CONVERSATION = MOTION | FACE | MIND | VOICE
    CONVERSATION = TYPED_CONVERSATION | EARS


class OutputFailure(Enum):
    """What becomes of a conversation one of whose outputs fails."""

    ENDS_ALL = auto()
    """It ends: without its video it is worth nothing."""
    IS_TOLD = auto()
    """It goes on without that output, and a Problem says why."""


class Engine:
    """What the sessions of a process share; `load_engine` makes it.

    Args:
        config: the settings of every session that has none of its own.
        parts: lends the rest.
    """

    def __init__(self, config: Config, parts: SharedParts) -> None:
        self.config, self.parts = config, parts

    def face(self, config: Config | None = None) -> AbstractAsyncContextManager[Face]:
        """The portrait and its decoder, for what needs them before there is a session."""
        return self.parts.face(config or self.config)

    @asynccontextmanager
    async def session(
        self,
        audio: AudioIO,
        outputs: Sequence[Output],
        *,
        on_event: Callable[[Event], None],
        config: Config | None = None,
        output_failure: OutputFailure = OutputFailure.ENDS_ALL,
        apologises: bool = True,
        end_of_turn_s: float | None = None,
        greets_at_once: bool = True,
        earlier: Sequence[Message] = (),
        lesson_place: str = "",
    ) -> AsyncGenerator[Session, None]:
        """One conversation, ready to run.

        Args:
            audio: where its sound comes from and goes to; its time begins here.
            outputs: entered.
            on_event: called on the event loop for everything that users want to know.
            config: settings of its own, such as portrait, voice, name, seed, controls and pauses.
            output_failure: what becomes of it when an output fails.
            apologises: answers a question without words by saying so; else it is an error.
            end_of_turn_s: a fixed silence that ends a turn, whatever is configured.
            greets_at_once: a teacher speaks first when the session runs; else when `Session.greet` is called.
            earlier: what was said before, where a conversation goes on.
            lesson_place: where its lesson was then, from `LessonMoved`.
        """
        config, parts = config or self.config, self.parts
        async with AsyncExitStack() as stack:
            async with asyncio.TaskGroup() as loading:
                load, enter = loading.create_task, stack.enter_async_context
                motion = load(enter(parts.motion(config)), name="load motion")
                decoder = load(enter(parts.decoder(config)), name="load face")
                known = load(enter(parts.knowledge(config)), name="load knowledge")
                mind = load(enter(parts.mind(config)), name="load mind")
                voice = load(enter(parts.voice(config)), name="load voice")
                asr = load(enter(parts.ears(config)), name="load ears") if audio.hears else None
                lesson = load(enter(parts.lesson(config)), name="load lesson") if config.tutor.lesson else None
            if not audio.real_time:  # nobody waits, and the same questions are to get the same answers each time
                await known.result().part.understanding.ready()
                await lesson.result().ready() if lesson else None
            _tell_notices(on_event, known.result(), mind.result(), voice.result(), *([asr.result()] if asr else []))
            own = await stack.enter_async_context(
                own_parts(
                    parts,
                    config,
                    voice.result().part,
                    asr.result().part if asr else None,
                    real_time=audio.real_time,
                    is_known=known.result().part.knowledge.knows,
                    on_event=on_event,
                )
            )
            ears = None
            if own.ears is not None:
                turns = await asyncio.to_thread(
                    turn_detector, config, end_of_turn_s, live=audio.real_time, language=own.heard_language
                )
                known_words = await asyncio.to_thread(Expected, known.result().part.knowledge, name_of(config))
                expected = expected_beside(config, known_words)
                is_expected = lesson.result().expected_beside(expected) if lesson else expected
                ears = Ears(
                    turns,
                    own.ears,
                    is_expected,
                    config.ears.min_speech_s,
                    config.ears.barge_in_s,
                    known_words.nearest,
                    onset_detector(config) if audio.real_time else None,
                )
            follows_words = ears is not None and audio.real_time
            voice_track, user_track = SoundTrack(), SoundTrack()
            stage = Stage(voice_track, user_track, _clock(audio, voice_track), Floor())
            renderer = Renderer(
                clock=stage.clock,
                voice=stage.voice,
                user=stage.user,
                sampler=new_sampler(config, motion.result(), nods_by_itself=not follows_words),
                decoder=decoder.result(),
                outputs=outputs,
                label=label(config),
                mix_user=audio.real_time,
                on_output_failed=_output_failed(output_failure, on_event),
            )
            chats = not await asyncio.to_thread(answers_from_file, config)
            talk: Conversation = stack.enter_context(mind.result().part.conversation())
            policy = policy_of(config, lambda: own.manners.language, chats=chats)
            remembers = await enter(
                remembering(talk, memories_of(config), policy=policy, on_event=own.manners.on_event)
            )
            talk, opening, tell = remembers, "", remembers.on_event
            if lesson is not None:
                teaching = taught(lesson.result(), mind.result().part, talk, config, place=lesson_place, on_event=tell)
                talk = teacher = await enter(teaching)
                opening, tell = teacher.opening, teacher.on_event
            pauses = config.session
            session = Session(
                await stack.enter_async_context(audio.open(stage)),
                stage=stage,
                ears=ears,
                mind=talk,
                voice=own.voice,
                face=renderer,
                policy=SessionPolicy(
                    opening=opening,
                    greets_at_once=greets_at_once,
                    lead_s=pauses.idle_lead_s,
                    tail_s=pauses.idle_tail_s,
                    thinking_timeout_s=pauses.thinking_timeout_s,
                    apologises=apologises,
                    longest_pause_s=pauses.longest_pause_s,
                    max_history_messages=2 * config.mind.max_history_turns,
                    listening=_listening(config, nods=follows_words, is_lesson=lesson is not None),
                ),
                on_event=tell,
                controls=config.controls.controls(),
                earlier=earlier,
                manners=own.manners,
                phrases=own.manners.phrases,
                spoken=own.spoken,
            )
            own.manners.attend(session.say, lambda: session.is_quiet, lambda: remembers.known_name, remembers.claims)
            remembers.on_forgotten = session.history.clear
            yield session


@asynccontextmanager
async def load_engine(
    config: Config,
    loaded: Part = Part.CONVERSATION,
    *,
    drawing_processes: int = 0,
    on_preparing: Callable[[str], None] = lambda notice: None,
) -> AsyncGenerator[Engine, None]:
    """Loads what the sessions of this process will share, and keeps it until the engine is left.

    Args:
        config: the whole configuration.
        loaded: what is loaded now.
        drawing_processes: in which all sessions' pictures are drawn, one for each core; motion is then sampled in a
            process of its own as well. 0 does both in this one, which is as quick for a single session.
        on_preparing: called before something takes long, this time only.

    Raises:
        VisavisError: something could not be loaded.
    """
    async with AsyncExitStack() as stack:
        drawing = DrawingPool(drawing_processes) if drawing_processes else None
        parts = SharedParts(on_preparing, drawing)
        openings: dict[Part, Callable[[Config], AbstractAsyncContextManager[object]]] = {
            Part.MOTION: parts.motion,
            Part.FACE: parts.face,
            Part.EARS: parts.ears,
            Part.MIND: parts.mind,
            Part.VOICE: parts.voice,
        }
        async with asyncio.TaskGroup() as loading:
            if drawing is not None:
                loading.create_task(stack.enter_async_context(drawing), name="start drawing")
            for part, opening in openings.items():
                if part in loaded:
                    loading.create_task(stack.enter_async_context(opening(config)), name=f"load {part.name}")
        if drawing is not None:
            # What is loaded stays. Looking through it for garbage takes a tenth of a second, in which all sessions
            # stand still.
            gc.collect()
            gc.freeze()
        yield Engine(config, parts)


def _listening(config: Config, *, nods: bool, is_lesson: bool) -> ListeningPolicy:
    return ListeningPolicy(
        nods=config.face.nods if nods else 0.0,
        sounds=config.listening.sounds,
        filler_after_s=config.listening.filler_after_s,
        # What a learner says is to be judged as it was heard: saying it back would give the answer away.
        least_confidence=0.0 if is_lesson else config.listening.ask_back_below,
        seed=config.face.seed,
    )


def onset_detector(config: Config) -> OnsetDetector:
    """A fresh detector of voices that talk into the avatar's."""
    from speech.turns.vad import SileroVAD

    return OnsetDetector(SileroVAD(), sure_s=config.ears.barge_in_s)


def label(config: Config) -> AiLabel | None:
    """The visible mark, where it is wanted."""
    return AiLabel(config.output.label_corner) if config.output.label else None


def _clock(audio: AudioIO, voice: SoundTrack) -> AudioClock:
    if not audio.real_time:
        return OfflineClock([voice])
    if audio.player is None:
        return PacedClock()
    return PacedClock(audio.player, ahead_s=DRAWING_S, most_ahead_s=MOST_DRAWING_S)


def _tell_notices(on_event: Callable[[Event], None], *parts: Loaded[object]) -> None:
    for notice in dict.fromkeys(notice for part in parts for notice in part.notices):
        on_event(Problem(notice))


def _output_failed(
    policy: OutputFailure, on_event: Callable[[Event], None]
) -> Callable[[Output, Exception], None] | None:
    if policy is OutputFailure.ENDS_ALL:
        return None
    return lambda output, error: on_event(Problem(str(error)))
