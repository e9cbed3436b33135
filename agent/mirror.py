"""The user's own voice drives the face: sound and picture go out together, a fifth of a second later.

    microphone ─ feed ─ voice track ─┬─ speaker
                                     └─ motion sampler (one frame at a time) ─ decoder ─ outputs

The speaker's pace is the clock, as in a conversation; the feed keeps the microphone in step with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import numpy as np

from agent.config.config import Config
from agent.engine import DRAWING_S, Face, load_face, turn_detector
from avatar.clock import SAMPLES_PER_FRAME, PacedClock
from avatar.motion import LOOK_AHEAD_FRAMES, ConversationState
from avatar.outputs.base import Output
from avatar.provenance import AiLabel
from avatar.renderer import Renderer
from speech.audio import OUTPUT_RATE_HZ, AudioChunk, Samples, rms
from speech.devices.sound_card import SoundCard
from speech.events import SpeechStarted, SpeechStopped
from speech.sound_track import SoundTrack
from speech.turns.detector import TurnDetector

BLOCK_FRAMES = 1

# A frame is begun DRAWING_S before it is heard and needs the sound up to its own end and of its look-ahead; the
# microphone brings 20 ms at a time, and may be half of that late.
DELAY_SAMPLES = (
    round(DRAWING_S * OUTPUT_RATE_HZ)
    + (BLOCK_FRAMES + LOOK_AHEAD_FRAMES) * SAMPLES_PER_FRAME
    + round(0.03 * OUTPUT_RATE_HZ)
)
"""How long sound waits between microphone and ear: 165 ms."""

MOST_LATENCY_S = 0.06
"""Of the speaker: it takes the sound so long before it is heard, and the microphone may be late by what is left."""

_TOO_EARLY = OUTPUT_RATE_HZ // 50
_TOO_LATE = OUTPUT_RATE_HZ // 33
_MUCH_TOO_LATE = OUTPUT_RATE_HZ // 12
_QUIET_RMS = 0.003
"""-50 dBFS: a piece this quiet can be left out unheard."""


class MirrorFeed:
    """Writes the microphone's sound to the voice track at an even delay, although two devices never run alike.

    Args:
        track: what the speaker plays and the face says.
        heard: tells the output sample that is heard now.
        delay_samples: between the two.

    Attributes:
        corrections: pieces that were left out, or silences put in.
    """

    def __init__(self, track: SoundTrack, heard: Callable[[], int], delay_samples: int = DELAY_SAMPLES) -> None:
        self._track, self._heard, self._delay = track, heard, delay_samples
        self.corrections = 0

    def push(self, samples: Samples) -> None:
        """Takes what was just recorded."""
        end = max(self._track.end, self._track.taken)
        late = end + len(samples) - self._heard() - self._delay
        if late < -_TOO_EARLY:
            self._track.append(np.zeros(-late, np.float32))
            self.corrections += 1
        elif late > _TOO_LATE:
            quiet = rms(samples) < _QUIET_RMS
            if quiet or late > _MUCH_TOO_LATE:
                self.corrections += 1
                return
        self._track.append(samples)


async def run_mirror(
    config: Config,
    *,
    card: SoundCard,
    track: SoundTrack,
    face: Face,
    outputs: Sequence[Output],
    until_left: asyncio.Event,
    on_problem: Callable[[str], None],
    on_chunk: Callable[[AudioChunk], None] = lambda chunk: None,
    on_state: Callable[[ConversationState], None] = lambda state: None,
) -> Renderer:
    """Mirrors until the user leaves.

    Args:
        config: the whole configuration.
        card: entered; plays `track`.
        track: an empty track.
        face: of `load_mirror_face`.
        outputs: entered.
        until_left: set when the user leaves.
        on_problem: told in one line what went wrong; the rest goes on.
        on_chunk: told of all sound from the microphone, for a level meter.
        on_state: told whether the face speaks or listens.
    """
    renderer = Renderer(
        clock=PacedClock(card, ahead_s=DRAWING_S),
        voice=track,
        user=SoundTrack(),
        sampler=face.sampler,
        decoder=face.decoder,
        outputs=outputs,
        label=AiLabel(config.output.label_corner) if config.output.label else None,
        on_output_failed=lambda output, error: on_problem(str(error)),
        ready_frames=0,  # the sound of later frames is not there yet
    )
    renderer.set_controls(config.controls.controls())

    def set_state(state: ConversationState) -> None:
        renderer.set_state(state)
        on_state(state)

    async def feed(turns: TurnDetector) -> None:
        feeding = MirrorFeed(track, card.heard_now)
        async for chunk in card.chunks():
            on_chunk(chunk)
            feeding.push(chunk.samples)
            for event in await asyncio.to_thread(turns.push, chunk):
                if isinstance(event, SpeechStarted):
                    set_state(ConversationState.SPEAKING)
                elif isinstance(event, SpeechStopped):
                    set_state(ConversationState.LISTENING)

    turns = await asyncio.to_thread(turn_detector, config)
    set_state(ConversationState.LISTENING)
    async with asyncio.TaskGroup() as tasks:
        beside = [
            tasks.create_task(feed(turns), name="microphone"),
            tasks.create_task(card.watch(), name="sound card"),
        ]
        tasks.create_task(renderer.run(lambda: 0 if until_left.is_set() else None), name="face")
        await until_left.wait()
        for task in beside:
            task.cancel()
    return renderer


async def load_mirror_face(config: Config) -> Face:
    """The face, with a sampler that makes its motion a frame at a time."""
    return await load_face(config, block_frames=BLOCK_FRAMES)
