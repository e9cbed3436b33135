"""A sampler made to move: speech, silence, a user to listen to, commands."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from avatar.evaluation.speech.speech_track import SAMPLES_PER_FRAME
from avatar.motion import FRAME_RATE_HZ, Controls, ConversationState, Floats
from avatar.progress import ShareDone
from avatar.sampler.lookahead import MotionSampler
from speech.audio import SPEECH_RATE_HZ, AudioChunk, Samples

MakeSampler = Callable[[int | None], MotionSampler]
"""A fresh sampler with so many network evaluations a block; None for as many as are configured."""

_CHUNK = FRAME_RATE_HZ * SAMPLES_PER_FRAME


def drive(
    sampler: MotionSampler,
    sound: Samples,
    state: ConversationState,
    *,
    user: Samples | None = None,
    controls: Controls | None = None,
    progress: ShareDone = lambda done: None,
) -> Floats:
    """Has a fresh sampler make the motion of a recording.

    Args:
        sampler: fresh.
        sound: float32 [N] at 16 kHz, the own voice.
        state: what the person does.
        user: float32 [N] at 16 kHz, the voice of whom the person listens to.
        controls: commands throughout.
        progress: called with the share done.

    Returns:
        float32 [T, 60], T = frames that the sound covers.
    """
    sampler.set_state(state)
    sampler.set_controls(controls or Controls())
    pieces: list[Floats] = []
    for start in range(0, len(sound), _CHUNK):
        if user is not None:
            sampler.listen(AudioChunk(user[start : start + _CHUNK], SPEECH_RATE_HZ, start))
        sampler.push(AudioChunk(sound[start : start + _CHUNK], SPEECH_RATE_HZ, start))
        pieces.append(sampler.frames().values)
        progress(start / len(sound))
    sampler.end_of_speech()
    pieces.append(sampler.frames().values)
    return np.concatenate(pieces)


def silence(seconds: float) -> Samples:
    """Digital silence: float32 [N] at 16 kHz."""
    return np.zeros(round(seconds * FRAME_RATE_HZ) * SAMPLES_PER_FRAME, np.float32)
