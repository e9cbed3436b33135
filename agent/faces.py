"""What a face is made of: the motion model, samplers that draw from it, and the decoder of a portrait."""

from __future__ import annotations

import threading
from collections.abc import Hashable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING
from zlib import crc32

from agent.config.config import Config
from agent.personas import portrait_path
from agent.shared import content_key
from avatar.decoder import FaceDecoder, Image
from avatar.motion import Floats, neutral
from avatar.portrait.portrait import Portrait, load_portrait
from avatar.sampler.lookahead import MotionSampler, warm_up
from avatar.secondary_motion import NO_LAG
from speech.errors import InputError

if TYPE_CHECKING:
    from avatar.processes.sampling import MotionProcess
    from avatar.sampler.batcher import BlockBatcher

BLOCK_FRAMES = 5
"""Frames of motion made at a time, where the sound is known well ahead."""


@dataclass(frozen=True, slots=True)
class Face:
    """A portrait that can be animated, for any number of sessions."""

    portrait: Portrait
    decoder: OneAtATime


def load_motion(config: Config, elsewhere: MotionProcess | None = None) -> BlockBatcher:
    """Loads the motion model, on which samplers draw together: imports PyTorch, which takes seconds the first time.

    Args:
        config: names the weights.
        elsewhere: samples with the same weights; None samples here.
    """
    import torch

    from avatar.processes.packing import sample_elsewhere
    from avatar.sampler.batcher import BlockBatcher
    from avatar.sampler.model import load_motion_model

    # One thread: two of them wait for each other when the recogniser and the encoder run beside.
    torch.set_num_threads(1)
    model = load_motion_model(config.face.weights)
    if elsewhere is not None:
        return BlockBatcher(model, partial(sample_elsewhere, elsewhere))
    motion = BlockBatcher(model)
    warm_up(new_sampler(config, motion))
    return motion


def new_sampler(
    config: Config, motion: BlockBatcher, block_frames: int = BLOCK_FRAMES, *, nods_by_itself: bool = True
) -> MotionSampler:
    """A fresh sampler, as it is configured.

    Args:
        config: the whole configuration.
        motion: shared.
        block_frames: of motion are made at a time.
        nods_by_itself: at pauses of the user's voice; else only where it is asked to, because their words are known.
    """
    from avatar.sampler.guidance import Guidance
    from avatar.sampler.motion_sampler import FlowMotionSampler
    from avatar.sampler.options import SamplerOptions

    face = config.face
    # Two people who say the same do not move alike.
    whose = crc32(str(content_key(portrait_path(config.portrait.path))).encode())
    options = SamplerOptions(
        seed=face.seed + (whose << 32),
        steps=face.steps,
        block_frames=block_frames,
        composure=face.composure,
        nods=face.nods if nods_by_itself else 0.0,
        guidance=Guidance(audio=face.guidance_audio),
    )
    return FlowMotionSampler(motion, options)


def load_sampler(config: Config) -> MotionSampler:
    """A fresh sampler with a motion model of its own."""
    return new_sampler(config, load_motion(config))


def load_face(config: Config) -> Face:
    """Analyses the portrait, or finds the analysis in the cache, and builds its decoder.

    Raises:
        InputError: the picture can't be used, or the settings don't fit together.
    """
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
    return Face(portrait, OneAtATime(decoder))


def face_key(config: Config) -> Hashable:
    """Equal for settings that make the same face: by the contents of their files, not by where they are."""
    output, wanted = config.output, config.portrait
    files = portrait_path(wanted.path), wanted.landmarks, output.background
    return (*map(content_key, files), output.size, output.full_frame, config.face.breathing)


class OneAtATime:
    """A decoder that several sessions may call: it draws for one after the other, as it reuses its memory.

    Args:
        decoder: whose pictures depend on nothing but what it is called with.

    Attributes:
        decoder: likewise.
    """

    def __init__(self, decoder: FaceDecoder) -> None:
        self.decoder, self._drawing = decoder, threading.Lock()

    def decode(self, values: Floats, breath: float = 0.0, lag: Floats = NO_LAG) -> Image:
        """See `FaceDecoder.decode`."""
        with self._drawing:
            return self.decoder.decode(values, breath, lag)


def _portrait(config: Config, size: int) -> Portrait:
    wanted = config.portrait
    return load_portrait(portrait_path(wanted.path), landmarks=wanted.landmarks, size=size, cache_dir=wanted.cache_dir)
