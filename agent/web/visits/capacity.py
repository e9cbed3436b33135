"""How many conversations this machine holds at once, from what one costs here."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from agent.engine import Engine
from agent.faces import BLOCK_FRAMES
from agent.web.rtc.encoder import FaceEncoder
from avatar.clock import SAMPLES_PER_FRAME
from avatar.decoder import FaceDecoder, VideoFrame
from avatar.motion import FRAME_RATE_HZ, MotionLayout, neutral
from avatar.sampler.lookahead import WARM_UP_FRAMES
from speech.audio import OUTPUT_RATE_HZ, AudioChunk
from speech.worker.cores import usable_cores

if TYPE_CHECKING:
    from avatar.sampler.model import MotionModel

PICTURES = 24
"""Drawn and encoded to measure; motion is sampled for as many frames, and a few more."""

TRANSPORT_S, HEARING_S, SPEAKING_S = 0.1, 0.04, 0.06
"""Processor time a second of everything else that a conversation needs: packets in and out, turn detection, and, as
they come to in a lively one, recogniser and voice. Measured by benchmarks/web_sessions.py."""

USABLE_SHARE = 0.6
"""Of the processors: the rest is for what comes in bursts. With 0.9 two cores took a third visitor, and all three saw
every second picture (benchmarks/web_sessions.py, visitors on the same cores)."""


@dataclass(frozen=True, slots=True)
class Capacity:
    """What a machine was measured to hold.

    Attributes:
        sessions: conversations at once in which few pictures should come late; at least 1.
        cores: that this process may use.
        session_cost_s: processor time that one conversation needs for a second.
    """

    sessions: int
    cores: int
    session_cost_s: float


async def measure_capacity(engine: Engine) -> Capacity:
    """Measures what a conversation costs on this machine, with the engine's own face, in about half a second.

    Args:
        engine: with its face and its motion model loaded.
    """
    config = engine.config
    async with engine.face(config) as face, engine.parts.motion(config) as motion:
        picture_s = await asyncio.to_thread(_picture_cost_s, face.decoder)
        motion_s = await asyncio.to_thread(_motion_cost_s, motion.model)
    cost_s = FRAME_RATE_HZ * (picture_s + motion_s) + TRANSPORT_S + HEARING_S + SPEAKING_S
    cores = usable_cores()
    return Capacity(max(1, int(USABLE_SHARE * cores / cost_s)), cores, cost_s)


def _picture_cost_s(decoder: FaceDecoder) -> float:
    """Processor time of a picture of a face that opens its mouth and turns, drawn and encoded."""
    encoder, values = FaceEncoder(), neutral(1)[0]
    began = time.thread_time()
    for frame in range(PICTURES):
        opened = frame / PICTURES
        values[MotionLayout.INDEX["jawOpen"]], values[MotionLayout.INDEX["headYaw"]] = 0.5 * opened, 0.1 * opened
        encoder.encode(VideoFrame(decoder.decode(values), frame * SAMPLES_PER_FRAME))
    return (time.thread_time() - began) / PICTURES


def _motion_cost_s(model: MotionModel) -> float:
    """Processor time of a frame of motion, sampled here, whoever samples the sessions'."""
    from avatar.sampler.batcher import BlockBatcher
    from avatar.sampler.motion_sampler import FlowMotionSampler
    from avatar.sampler.options import SamplerOptions

    sampler = FlowMotionSampler(BlockBatcher(model), SamplerOptions(block_frames=BLOCK_FRAMES))
    # Sound, not silence, which costs less.
    sound = np.random.default_rng(0).uniform(-0.1, 0.1, SAMPLES_PER_FRAME).astype(np.float32)
    began, frames, counted_from = time.thread_time(), 0, 0
    for start in range(PICTURES + WARM_UP_FRAMES):
        sampler.push(AudioChunk(sound, OUTPUT_RATE_HZ, start * SAMPLES_PER_FRAME))
        frames += len(sampler.frames().values)
        if frames <= BLOCK_FRAMES:  # PyTorch's first calls of a network take a quarter of a second
            began, counted_from = time.thread_time(), frames
    return (time.thread_time() - began) / max(frames - counted_from, 1)
