"""The user's own voice drives the face: sound and picture go out together, a quarter of a second later.

    microphone ─ howl guard ─ feed ─ voice track ─┬─ speaker
                                                  └─ motion sampler (two frames at a time) ─ decoder ─ outputs

The speaker's pace is the clock, as in a conversation; the feed keeps the microphone in step with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager

import numpy as np

from agent.conversation.audio_io import AudioIO, Heard, Stage, UserSound
from agent.conversation.floor import Floor
from agent.engine import Engine, label
from agent.faces import new_sampler
from agent.howl_guard import HowlGuard
from agent.turn_detection import turn_detector
from avatar.clock import SAMPLES_PER_FRAME, PacedClock, Player
from avatar.motion import LOOK_AHEAD_FRAMES, ConversationState
from avatar.outputs.base import Output
from avatar.renderer import Renderer
from speech.audio import OUTPUT_RATE_HZ, Samples, rms
from speech.events import SpeechStarted, SpeechStopped
from speech.sound_track import SoundTrack
from speech.turns.base import TurnDetector

BLOCK_FRAMES = 2
"""Two take hardly longer than one: single frames would keep a core busy with motion for half of the time."""

MAKING_S = 0.045
"""Frames are begun so long before their sound is heard: a block is sampled, then its first frame is drawn."""

# A block needs the sound up to its own end and of its look-ahead; the microphone brings 20 ms at a time, and may be
# half of that late.
DELAY_SAMPLES = (
    round(MAKING_S * OUTPUT_RATE_HZ)
    + (BLOCK_FRAMES + LOOK_AHEAD_FRAMES) * SAMPLES_PER_FRAME
    + round(0.03 * OUTPUT_RATE_HZ)
)
"""How long sound waits between microphone and ear: 235 ms."""

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


@asynccontextmanager
async def open_mirror(
    engine: Engine,
    audio: AudioIO,
    outputs: Sequence[Output],
    *,
    on_problem: Callable[[str], None],
    on_state: Callable[[ConversationState], None] = lambda state: None,
) -> AsyncGenerator[Mirror, None]:
    """A mirror, ready to run.

    Args:
        engine: with motion model and face.
        audio: hears all the time, and has a player; its time begins here.
        outputs: entered.
        on_problem: called with what went wrong, in one line; the rest goes on.
        on_state: called when the face begins to speak or to listen.
    """
    config, player = engine.config, audio.player
    if player is None:
        raise ValueError("open_mirror: expected audio with a player, got none")
    stage = Stage(SoundTrack(), SoundTrack(), PacedClock(player, ahead_s=MAKING_S), Floor())
    async with engine.parts.motion(config) as motion, engine.face() as face:
        renderer = Renderer(
            clock=stage.clock,
            voice=stage.voice,
            user=SoundTrack(),  # who speaks is who is shown: there is nobody to listen to
            sampler=new_sampler(config, motion, BLOCK_FRAMES),
            decoder=face.decoder,
            outputs=outputs,
            label=label(config),
            on_output_failed=lambda output, error: on_problem(str(error)),
            ready_frames=0,  # the sound of later frames is not there yet
        )
        renderer.set_controls(config.controls.controls())
        turns = await asyncio.to_thread(turn_detector, config)
        async with audio.open(stage) as heard:
            yield Mirror(heard, player, stage.voice, renderer, turns, HowlGuard(on_problem), on_state)


class Mirror:
    """Lends the user the face; `open_mirror` makes it.

    Args:
        heard: what comes from the user.
        player: tells when each sample is heard.
        track: what is played.
        renderer: the face.
        turns: says when the user speaks.
        guard: against a speaker that the microphone hears.
        on_state: called when the face begins to speak or to listen.
    """

    def __init__(
        self,
        heard: AsyncGenerator[Heard, None],
        player: Player,
        track: SoundTrack,
        renderer: Renderer,
        turns: TurnDetector,
        guard: HowlGuard,
        on_state: Callable[[ConversationState], None],
    ) -> None:
        self._heard, self._player, self._track = heard, player, track
        self._renderer, self._turns, self._guard, self._on_state = renderer, turns, guard, on_state

    async def run(self) -> None:
        """Mirrors until the user leaves."""
        feed = MirrorFeed(self._track, self._heard_now)
        self._set_state(ConversationState.LISTENING)
        async with aclosing(self._heard) as heard, asyncio.TaskGroup() as tasks:
            tasks.create_task(self._renderer.run(), name="face")
            async for item in heard:
                if not isinstance(item, UserSound):
                    continue
                feed.push(self._guard.push(item.words.samples))
                for event in await asyncio.to_thread(self._turns.push, item.voice):
                    if isinstance(event, SpeechStarted):
                        self._set_state(ConversationState.SPEAKING)
                    elif isinstance(event, SpeechStopped):
                        self._set_state(ConversationState.LISTENING)
            self._renderer.end_at(0)

    @property
    def frames(self) -> int:
        """Frames that went out so far, late ones included."""
        return self._renderer.frames

    @property
    def frames_late(self) -> int:
        """Pictures left out so far because they came too late."""
        return self._renderer.frames_late

    def _heard_now(self) -> int:
        return round((asyncio.get_running_loop().time() - self._player.heard_at(0)) * OUTPUT_RATE_HZ)

    def _set_state(self, state: ConversationState) -> None:
        self._renderer.set_state(state)
        self._on_state(state)
