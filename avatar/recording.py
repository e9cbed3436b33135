"""A whole recording through the face: what it says and hears in, one video or motion file out."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from avatar.clock import SAMPLES_PER_FRAME, OfflineClock
from avatar.control_timeline import ControlTimeline
from avatar.decoder import FaceDecoder
from avatar.outputs.base import Output
from avatar.provenance import AiLabel
from avatar.renderer import FrameShown, Renderer
from avatar.sampler.lookahead import MotionSampler
from speech.audio import Samples
from speech.sound_track import SoundTrack


def frames_of(samples: int) -> int:
    """Frames that are shown while so many output samples play; a last frame that is only partly filled counts."""
    return math.ceil(samples / SAMPLES_PER_FRAME)


async def render_recording(
    sound: Samples,
    user_sound: Samples,
    frames: int,
    *,
    sampler: MotionSampler,
    decoder: FaceDecoder | None,
    outputs: Sequence[Output],
    label: AiLabel | None,
    timeline: ControlTimeline,
    mix_user: bool,
    on_frame: Callable[[FrameShown], None],
) -> None:
    """Renders `frames` frames of somebody who says `sound` and listens to `user_sound`.

    Args:
        sound: float32 [N] at OUTPUT_RATE_HZ; what is missing at the end is silence.
        user_sound: likewise, of the other person.
        frames: how many frames to make.
        sampler: a fresh sampler, or recorded motion.
        decoder: None where only the motion is wanted.
        outputs: entered; see `avatar.outputs.opening`.
        label: the visible mark, or None.
        timeline: what the person does, and gaze, head distance, emotion and composure, frame by frame.
        mix_user: let the outputs play the other person too.
        on_frame: called with every frame, for progress.
    """
    voice, user = SoundTrack(), SoundTrack()
    voice.append(sound)
    user.append(user_sound)
    renderer = Renderer(
        clock=OfflineClock([voice]),
        voice=voice,
        user=user,
        sampler=sampler,
        decoder=decoder,
        outputs=outputs,
        label=label,
        mix_user=mix_user,
        user_is_known=True,
    )
    renderer.end_at(frames * SAMPLES_PER_FRAME)
    renderer.set_timeline(timeline)
    await renderer.run(on_frame)
