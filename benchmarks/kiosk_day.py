"""A day at a kiosk, for the face alone: visitors come, ask, are answered, interrupt, and leave; as fast as it goes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from avatar.clock import SAMPLES_PER_FRAME
from avatar.control_timeline import ControlTimeline
from avatar.motion import FRAME_RATE_HZ, Controls, ConversationState, Floats
from avatar.renderer import AUDIBLE, KEEP_SAMPLES
from avatar.sampler.lookahead import MotionLookahead, MotionSampler
from avatar.training.voices.espeak import speak_espeak
from speech.audio import OUTPUT_RATE_HZ, SPEECH_RATE_HZ, Samples, resample
from speech.sound_track import SoundTrack

SENTENCES = (
    "Good morning, and welcome to our museum.",
    "We open at nine every morning, except on public holidays.",
    "The paintings from Italy are on the second floor, beside the big staircase.",
    "Maybe Pamela would like to come with me, before the number of visitors becomes too high.",
    "Yes, you may take photographs.",
    "A family ticket is five pounds, and it covers both parents and all of their children.",
    "I am sorry, I don't know that. Would you ask my colleague over there?",
    "Five very brave firefighters have saved most of the things that you will see.",
)

INTERRUPTED = 0.15
"""Share of the answers that the visitor cuts short."""

BARGE_IN_S = 0.13
"""Of the visitor's voice, before the answer falls silent."""

END_OF_TURN_S = 0.44


def sentences() -> list[Samples]:
    """What the face says, spoken by eSpeak NG: float32 at OUTPUT_RATE_HZ each."""
    voices = ("en-us+f3", "en-us+m3")
    return [
        resample(speak_espeak(text, voices[i % 2]).samples, SPEECH_RATE_HZ, OUTPUT_RATE_HZ)
        for i, text in enumerate(SENTENCES)
    ]


def visitor_voice(random: np.random.Generator, frames: int) -> Samples:
    """Noise with the loudness of somebody who speaks: syllables at 4 Hz and pauses. Float32 at OUTPUT_RATE_HZ."""
    times = np.arange(frames * SAMPLES_PER_FRAME) / OUTPUT_RATE_HZ
    phase, pause = random.uniform(0.0, 2.0 * np.pi, 2)
    syllables = np.clip(np.sin(2.0 * np.pi * 4.0 * times + phase), 0.0, 1.0)
    phrases = np.sin(2.0 * np.pi * 0.35 * times + pause) > -0.6
    noise = random.standard_normal(len(times))
    return (0.15 * syllables * phrases * noise).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Shown:
    """One frame of the day.

    Attributes:
        state: the state that the face was in.
        values: float32 [60].
        is_audible: whether its own voice is heard in it.
        is_rewound: whether motion had been made for it that was thrown away, because the sound changed.
    """

    state: ConversationState
    values: Floats
    is_audible: bool
    is_rewound: bool


@dataclass(frozen=True, slots=True)
class _Part:
    """A while in one state: what the face begins to say (or stops saying) with it, and what the visitor says."""

    state: ConversationState
    frames: int
    says: Samples | None = None
    is_cut: bool = False
    hears: Samples | None = None


def kiosk_day(
    sampler: MotionSampler, spoken: Sequence[Samples], *, seed: int, controls: Controls | None = None
) -> Iterator[Shown]:
    """Frame after frame, endlessly, through the same code as in a live conversation.

    Motion is made ahead; when an answer begins or is cut, what was made ahead is thrown away and made anew
    (`MotionSampler.interrupt`).

    Args:
        sampler: fresh.
        spoken: sentences, float32 at OUTPUT_RATE_HZ.
        seed: of the day.
        controls: asked throughout.
    """
    voice, user = SoundTrack(), SoundTrack()
    ahead = MotionLookahead(sampler, voice, user)
    frame = 0
    for part in _parts(np.random.default_rng(seed), spoken):
        timeline = ControlTimeline.constant(part.state, controls or Controls())
        if part.is_cut:
            voice.cut()
        elif part.says is not None:
            voice.append(part.says)
        heard = deque(np.split(part.hears, len(part.hears) // SAMPLES_PER_FRAME) if part.hears is not None else ())
        for _ in range(part.frames):
            start = frame * SAMPLES_PER_FRAME
            if heard:
                user.append(heard.popleft())
            sound = voice.take(start, SAMPLES_PER_FRAME)
            user.take(start, SAMPLES_PER_FRAME)
            if not (is_ready := ahead.is_ready()):
                ahead.sample(timeline)
            values = ahead.take()
            ahead.sample_ahead(timeline)
            for track in (voice, user):
                track.forget(start - KEEP_SAMPLES)
            yield Shown(part.state, values, bool(np.abs(sound).max() > AUDIBLE), not is_ready and frame > 0)
            frame += 1


def _parts(random: np.random.Generator, spoken: Sequence[Samples]) -> Iterator[_Part]:
    idle, listening, thinking, speaking = ConversationState

    def lasting(low_s: float, high_s: float) -> int:
        return round(FRAME_RATE_HZ * float(random.uniform(low_s, high_s)))

    while True:
        yield _Part(idle, round(FRAME_RATE_HZ * float(np.clip(random.lognormal(3.2, 0.9), 3.0, 300.0))))
        turns, is_cut = 1 + min(6, int(random.geometric(0.4))), False
        for _ in range(turns):
            asks, waits = lasting(1.5, 7.0), round(END_OF_TURN_S * FRAME_RATE_HZ)
            question = visitor_voice(random, asks)
            yield _Part(listening, asks + waits, is_cut=is_cut, hears=question)
            yield _Part(thinking, lasting(0.3, 2.5))
            chosen = random.integers(len(spoken), size=int(random.integers(1, 5)))
            answer = np.concatenate([spoken[i] for i in chosen])
            frames = len(answer) // SAMPLES_PER_FRAME
            is_cut = bool(random.random() < INTERRUPTED)
            if is_cut:
                before = int(random.uniform(0.2, 0.8) * frames)
                yield _Part(speaking, before, says=answer)
                barge_in = round(BARGE_IN_S * FRAME_RATE_HZ)
                yield _Part(speaking, barge_in, hears=visitor_voice(random, barge_in))
            else:
                yield _Part(speaking, frames, says=answer)
                yield _Part(idle, lasting(0.5, 4.0))
        if is_cut:
            yield _Part(listening, lasting(0.5, 1.0), is_cut=True)
