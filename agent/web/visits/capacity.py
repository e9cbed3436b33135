"""How many conversations this machine holds at once, from what one costs here."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from agent.engine import Engine
from agent.faces import WARM_UP_FRAMES, new_sampler
from agent.web.rtc.encoder import FaceEncoder
from avatar.clock import SAMPLES_PER_FRAME
from avatar.decoder import FaceDecoder, VideoFrame
from avatar.motion import FRAME_RATE_HZ, neutral
from speech.audio import OUTPUT_RATE_HZ, AudioChunk
from speech.worker.cores import usable_cores

PICTURES = 24
"""Drawn and encoded to measure; a block of motion is sampled for every four of them."""

OTHER_COST_S = 0.06
"""Processor time a second of everything else that a conversation needs: its sound in and out, packets, tasks.
Measured by benchmarks/sessions.py."""

USABLE_SHARE = 0.8
"""Of the processors: the rest is for recognising, thinking and speaking, which come in bursts."""


@dataclass(frozen=True, slots=True)
class Capacity:
    """What a machine was measured to hold.

    Attributes:
        sessions: conversations at once in which no picture should come late; at least 1.
        cores: that this process may use.
        session_cost_s: processor time that one conversation needs for a second.
    """

    sessions: int
    cores: int
    session_cost_s: float


async def measure_capacity(engine: Engine) -> Capacity:
    """Measures what a conversation costs on this machine, with the engine's own face, in well under a second.

    Args:
        engine: with its face and its motion model loaded.
    """
    config = engine.config
    async with engine.face() as face, engine.parts.motion(config) as motion:
        picture_s = await asyncio.to_thread(_picture_cost_s, face.decoder)
        sampler = new_sampler(config, motion)
        frames = PICTURES
        sampler.push(AudioChunk(np.zeros((frames + WARM_UP_FRAMES) * SAMPLES_PER_FRAME, np.float32), OUTPUT_RATE_HZ, 0))
        motion_s = await asyncio.to_thread(_cost_s, lambda: len(sampler.frames().values))
    cost_s = FRAME_RATE_HZ * (picture_s + motion_s) + OTHER_COST_S
    cores = usable_cores()
    return Capacity(max(1, int(USABLE_SHARE * cores / cost_s)), cores, cost_s)


def _picture_cost_s(decoder: FaceDecoder) -> float:
    encoder, values = FaceEncoder(), neutral(1)[0]

    def draw() -> int:
        for frame in range(PICTURES):
            values[frame % len(values)] += 0.01  # so that there is something to encode
            encoder.encode(VideoFrame(decoder.decode(values), frame * SAMPLES_PER_FRAME))
        return PICTURES

    return _cost_s(draw)


def _cost_s(work: Callable[[], int]) -> float:
    """Processor time of this thread for each of the frames that some work makes."""
    began = time.thread_time()
    frames = work()
    return (time.thread_time() - began) / max(frames, 1)
