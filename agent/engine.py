"""From a configuration to loaded parts: everything slow is loaded at once, side by side, off the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from agent.backends.choice import chosen_ears, chosen_mind, chosen_voice
from agent.backends.loading import loaded
from agent.backends.making import answers_from_file, make_ears, make_mind, make_voice
from agent.backends.tables import problems
from agent.config.config import Config
from agent.config.device_sections import NO_DEVICE
from agent.conversation.events import Event, Problem
from agent.conversation.expected import Expected
from agent.conversation.history import History
from agent.conversation.session import Parts, Session, Timing
from agent.knowledge.file import Knowledge, load_knowledge
from agent.knowledge.understanding import Understanding
from agent.llm.base import LLM
from agent.voices.personas import name_of, portrait_path
from avatar.clock import SAMPLES_PER_FRAME, AudioClock, OfflineClock, PacedClock
from avatar.decoder import FaceDecoder
from avatar.motion import LOOK_AHEAD_FRAMES, neutral
from avatar.outputs.base import Output
from avatar.portrait.portrait import Portrait, load_portrait
from avatar.provenance import AiLabel
from avatar.renderer import Renderer
from avatar.sampler.lookahead import MotionSampler
from speech.audio import OUTPUT_RATE_HZ, AudioChunk
from speech.devices.sound_card import SoundCard
from speech.devices.speaker_latency import STEPS_S
from speech.errors import InputError
from speech.sound_track import SoundTrack

if TYPE_CHECKING:
    from speech.turns.detector import TurnDetector

DRAWING_S = 0.022
"""Frames are begun so long before their sound is heard: about as long as sampling and drawing one takes."""

MOST_DRAWING_S = 0.06
"""And at most so long on a busy machine; a picture that is there at once then comes this much before its sound."""

WARM_UP_FRAMES = 10 + LOOK_AHEAD_FRAMES

BLOCK_FRAMES = 5
"""Frames of motion made at a time, where the sound is known well ahead."""

DEFAULT_KNOWLEDGE = Path(__file__).parent / "data" / "knowledge.md"


@dataclass(frozen=True, slots=True)
class Face:
    """A portrait that can be animated: the picture, its decoder, and a fresh sampler."""

    portrait: Portrait
    decoder: FaceDecoder
    sampler: MotionSampler


def load_sampler(config: Config, block_frames: int = BLOCK_FRAMES) -> MotionSampler:
    """Loads the motion sampler: imports PyTorch, which takes seconds the first time."""
    import torch

    from avatar.sampler.batcher import BlockBatcher
    from avatar.sampler.guidance import Guidance
    from avatar.sampler.model import load_motion_model
    from avatar.sampler.motion_sampler import FlowMotionSampler
    from avatar.sampler.options import SamplerOptions

    # One thread: two of them wait for each other when the recogniser and the encoder run beside.
    torch.set_num_threads(1)
    face = config.face
    batcher = BlockBatcher(load_motion_model(face.weights))
    options = SamplerOptions(
        seed=face.seed,
        steps=face.steps,
        block_frames=block_frames,
        composure=face.composure,
        nods=face.nods,
        guidance=Guidance(audio=face.guidance_audio),
    )
    # PyTorch's first call of a network takes a quarter of a second: not while somebody is watching.
    warm = FlowMotionSampler(batcher, options)
    warm.push(AudioChunk(np.zeros(WARM_UP_FRAMES * SAMPLES_PER_FRAME, np.float32), OUTPUT_RATE_HZ, 0))
    warm.frames()
    return FlowMotionSampler(batcher, options)


def load_decoder(config: Config) -> tuple[Portrait, FaceDecoder]:
    """Analyses the portrait, or finds the analysis in the cache, and builds its decoder."""
    import cv2

    from avatar.mesh.decoder import MeshDecoder

    # One thread here as well: its pieces of work are far too small to be shared out.
    cv2.setNumThreads(1)
    output, breathing = config.output, config.face.breathing
    portrait = _portrait(config, output.size)
    decoder: FaceDecoder
    if output.full_frame:
        from avatar.mesh.full_frame import FullFrame, FullFrameDecoder

        if output.background != "photo":
            raise InputError(
                f'output.full_frame: expected output.background = "photo" beside it, got "{output.background}": the '
                "whole photo has its own background"
            )
        frame = FullFrame(portrait)
        portrait = _portrait(config, frame.size)
        decoder = FullFrameDecoder(MeshDecoder(portrait, fixed=frame.fixed, breathing=breathing), frame)
    else:
        decoder = MeshDecoder(portrait, background=output.background, breathing=breathing)
    decoder.decode(neutral(1)[0])  # the first picture takes longer
    return portrait, decoder


def _portrait(config: Config, size: int) -> Portrait:
    wanted = config.portrait
    return load_portrait(portrait_path(wanted.path), landmarks=wanted.landmarks, size=size, cache_dir=wanted.cache_dir)


async def load_face(config: Config, block_frames: int = BLOCK_FRAMES) -> Face:
    """Loads sampler and decoder side by side; `block_frames` of motion are made at a time."""
    sampler, (portrait, decoder) = await asyncio.gather(
        asyncio.to_thread(load_sampler, config, block_frames), asyncio.to_thread(load_decoder, config)
    )
    return Face(portrait, decoder, sampler)


def turn_detector(config: Config, *, end_of_turn_s: float | None = None, pauses: bool = False) -> TurnDetector:
    """A fresh voice and turn detector; `end_of_turn_s` overrides the configured one, `pauses` has it report them."""
    from speech.turns.detector import TurnDetector
    from speech.turns.vad import SileroVAD

    ears = config.ears
    return TurnDetector(
        SileroVAD(),
        threshold=ears.vad_threshold,
        end_of_turn_s=ears.end_of_turn_s if end_of_turn_s is None else end_of_turn_s,
        min_speech_s=ears.min_speech_s,
        pause_s=ears.speculate_after_s if pauses else float("inf"),
    )


def knowledge_of(config: Config) -> Knowledge:
    """The knowledge file that the configuration names, or the shipped one."""
    return load_knowledge(config.mind.knowledge or DEFAULT_KNOWLEDGE)


def sound_card(
    config: Config, track: SoundTrack, on_problem: Callable[[str], None], *, most_latency_s: float = STEPS_S[-1]
) -> SoundCard:
    """The configured microphone and speaker; the speaker plays the track, written more than `most_latency_s` ahead."""
    wanted = config.devices
    return SoundCard(
        speaker=None if wanted.speaker == NO_DEVICE else wanted.speaker,
        microphone=None if wanted.microphone == NO_DEVICE else wanted.microphone,
        track=track,
        on_problem=on_problem,
        delay_s=wanted.speaker_delay_s,
        most_latency_s=most_latency_s,
    )


@asynccontextmanager
async def open_parts(
    config: Config,
    *,
    real_time: bool,
    end_of_turn_s: float | None = None,
    on_preparing: Callable[[str], None] = lambda notice: None,
) -> AsyncGenerator[Parts, None]:
    """Loads ears, mind and voice, and stops them at the end; see `open_session`."""
    knowledge = await asyncio.to_thread(knowledge_of, config)
    phrases = knowledge.phrases(name_of(config))
    path = config.mind.knowledge or DEFAULT_KNOWLEDGE
    notices = [*problems(config), *([f"{path.name}: {knowledge.notice}"] if knowledge.notice else [])]
    from_file = await asyncio.to_thread(answers_from_file, config)
    understanding = Understanding(knowledge if from_file else None)

    def mind_made(mind: LLM) -> None:
        if mind.preparing:
            on_preparing(mind.preparing)

    async with AsyncExitStack() as stack:
        opening_ears = loaded(config, chosen_ears, lambda used: make_ears(used, phrases), on_notice=notices.append)
        opening_mind = loaded(
            config,
            chosen_mind,
            lambda used: make_mind(used, knowledge),
            on_notice=notices.append,
            on_made=mind_made,
        )
        opening_voice = loaded(config, chosen_voice, make_voice, on_notice=notices.append)
        async with asyncio.TaskGroup() as loading:
            loading.create_task(stack.enter_async_context(understanding), name="load meaning")
            ears = loading.create_task(stack.enter_async_context(opening_ears), name="load ears")
            mind = loading.create_task(stack.enter_async_context(opening_mind), name="load mind")
            voice = loading.create_task(stack.enter_async_context(opening_voice), name="load voice")
            detecting = asyncio.to_thread(turn_detector, config, end_of_turn_s=end_of_turn_s, pauses=real_time)
            turns = loading.create_task(detecting, name="load VAD")
        if not real_time:  # nobody waits, and the same questions are to get the same answers each time
            await understanding.ready()
        notices += [understanding.problem] if understanding.problem else []
        expected = await asyncio.to_thread(Expected, knowledge, name_of(config))
        yield Parts(turns.result(), ears.result(), mind.result(), voice.result(), tuple(notices), expected)


@asynccontextmanager
async def open_session(
    config: Config,
    *,
    real_time: bool,
    outputs: Callable[[], AbstractAsyncContextManager[Sequence[Output]]],
    apologise: bool,
    on_event: Callable[[Event], None],
    on_loaded: Callable[[Portrait], None] = lambda portrait: None,
    on_preparing: Callable[[str], None] = lambda notice: None,
    end_of_turn_s: float | None = None,
    make_card: Callable[[SoundTrack], SoundCard] | None = None,
) -> AsyncGenerator[Session, None]:
    """Loads everything and yields a session that is ready to run.

    Args:
        config: the whole configuration.
        real_time: pace the session as a sound card would, else as fast as it goes.
        outputs: opens the outputs once everything is loaded; see `avatar.outputs.opening`.
        apologise: answer a question without words by saying so; else it is an error.
        on_event: told of everything that users want to know.
        on_loaded: told when the first frame can be made.
        on_preparing: told before something takes long, this time only.
        end_of_turn_s: overrides the configured silence that ends a turn.
        make_card: makes the sound card that plays the voice track; its pace is then the session's. An output that
            fails is told as a Problem, and the rest goes on.
    """
    async with AsyncExitStack() as stack:
        async with asyncio.TaskGroup() as loading:
            opening = open_parts(config, real_time=real_time, end_of_turn_s=end_of_turn_s, on_preparing=on_preparing)
            parts = loading.create_task(stack.enter_async_context(opening), name="load parts")
            face = loading.create_task(load_face(config), name="load face")
        on_loaded(face.result().portrait)
        for notice in parts.result().notices:
            on_event(Problem(notice))
        if problem := parts.result().mind.problem:
            on_event(Problem(f"{parts.result().mind.name}: {problem}"))
        voice, user = SoundTrack(), SoundTrack()
        opened = await stack.enter_async_context(outputs())  # before the card: once that plays, time goes on
        card = None if make_card is None else await stack.enter_async_context(make_card(voice))
        clock: AudioClock = OfflineClock([voice])
        if real_time:
            clock = PacedClock() if card is None else PacedClock(card, ahead_s=DRAWING_S, most_ahead_s=MOST_DRAWING_S)
        session: Session
        renderer = Renderer(
            clock=clock,
            voice=voice,
            user=user,
            sampler=face.result().sampler,
            decoder=face.result().decoder,
            outputs=opened,
            label=AiLabel(config.output.label_corner) if config.output.label else None,
            mix_user=real_time,
            on_frame=lambda shown: session.frame_shown(shown),
            on_output_failed=None if card is None else (lambda output, error: on_event(Problem(str(error)))),
        )
        timing = config.session
        session = Session(
            parts=parts.result(),
            renderer=renderer,
            clock=clock,
            voice_track=voice,
            user_track=user,
            timing=Timing(
                timing.idle_lead_s,
                timing.idle_tail_s,
                timing.thinking_timeout_s,
                config.ears.min_speech_s,
                config.ears.barge_in_s,
            ),
            apologise=apologise,
            on_event=on_event,
            history=History(max_messages=2 * config.mind.max_history_turns),
            controls=config.controls.controls(),
        )
        yield session
