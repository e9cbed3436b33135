"""A whole recording through the face: one sound in, one video or motion file out."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from avatar.clock import SAMPLES_PER_FRAME, OfflineClock
from avatar.decoder import FaceDecoder
from avatar.motion import Controls, ConversationState
from avatar.motion_ahead import MotionSampler
from avatar.outputs.base import Output
from avatar.provenance import AiLabel
from avatar.renderer import FrameShown, Renderer
from speech.audio import Samples
from speech.sound_track import SoundTrack


def frames_of(samples: int) -> int:
    """Frames that are shown while so many output samples play; a last frame that is only partly filled counts."""
    return math.ceil(samples / SAMPLES_PER_FRAME)


async def render_recording(
    sound: Samples,
    frames: int,
    *,
    sampler: MotionSampler,
    decoder: FaceDecoder | None,
    outputs: Sequence[Output],
    label: AiLabel | None,
    controls: Controls,
    on_frame: Callable[[FrameShown], None],
) -> None:
    """Renders `frames` frames of somebody who says `sound`.

    Args:
        sound: float32 [N] at OUTPUT_RATE_HZ; what is missing at the end is silence.
        frames: how many frames to make.
        sampler: a fresh sampler, or recorded motion.
        decoder: None where only the motion is wanted.
        outputs: open outputs; they are finished here, and abandoned if anything fails or the task is cancelled.
        label: the visible mark, or None.
        controls: gaze, head distance and emotion throughout.
        on_frame: told of every frame, for progress.
    """
    voice = SoundTrack()
    voice.append(sound)
    renderer = Renderer(
        clock=OfflineClock([voice]),
        voice=voice,
        user=SoundTrack(),
        sampler=sampler,
        decoder=decoder,
        outputs=outputs,
        label=label,
        on_frame=on_frame,
    )
    renderer.set_state(ConversationState.SPEAKING)
    renderer.set_controls(controls)
    try:
        await renderer.run(lambda: frames * SAMPLES_PER_FRAME)
        for output in outputs:
            output.finish()
    except BaseException:
        for output in outputs:
            output.abandon()
        raise
