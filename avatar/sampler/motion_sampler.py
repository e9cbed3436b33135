"""Speech in, motion out, block by block: the streaming flow-matching sampler."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from avatar.motion import (
    FRAME_RATE_HZ,
    LOOK_AHEAD_FRAMES,
    Controls,
    ConversationState,
    Floats,
    Motion,
    MotionLayout,
    neutral,
    with_eye_look,
)
from avatar.sampler.audio_buffer import AudioBuffer
from avatar.sampler.checkpoint import MotionCheckpoint
from avatar.sampler.conditions import REACTION_FRAMES, USER_HISTORY_FRAMES, condition_vector, user_voice
from avatar.sampler.denoiser import AUDIO_PAST_FRAMES
from avatar.sampler.dynamics import CARRIED_FRAMES, MOTION_SIZE, MOUTH, decode, encode
from avatar.sampler.features import MEL_BANDS, loudness
from avatar.sampler.guidance import Guidance, guided
from avatar.sampler.intention import IntentionState, step
from avatar.sampler.solvers import euler, time_smoothed, time_steps
from speech.audio import AudioChunk

REWIND_FRAMES = 120 * FRAME_RATE_HZ
"""How far back an interruption can reach: two minutes, longer than anything is played ahead."""

# Base noise is smooth over about this many frames to either side (see sampling.time_smoothed).
NOISE_REACH = 4
NOISE_SPREAD_FRAMES = 1.6

# Evaluations lie nearer to the data's end (0, .5, .8 for three), where they decide how much of the noise survives.
TIME_SHIFT = 2.0

DEFAULT_GUIDANCE = Guidance()

SAMPLED = list(MotionLayout.SAMPLED)

# Ranges of the eight numbers that are not ARKit's [0, 1]: past these no decoder looks right.
LOWEST = np.array([-0.6, -0.8, -0.6, -1.0, -1.0, 0.6, -0.7, -0.6] + [0.0] * 52, np.float32)
HIGHEST = np.array([0.6, 0.8, 0.6, 1.0, 1.0, 1.8, 0.7, 0.6] + [1.0] * 52, np.float32)


def noise_kernel() -> torch.Tensor:
    """Weights that smooth the base noise in time: [2 * NOISE_REACH + 1], squares summing to 1."""
    weights = torch.exp(-0.5 * (torch.arange(-NOISE_REACH, NOISE_REACH + 1) / NOISE_SPREAD_FRAMES) ** 2)
    return weights / weights.square().sum().sqrt()


@dataclass(slots=True)
class _Frame:
    """What is remembered of a frame that was made."""

    motion: Floats  # float32 [52], MotionLayout units
    units: Floats  # float32 [104], what the network sees of it
    intention: IntentionState


class FlowMotionSampler:
    """Samples motion from the sound that will be played, as soon as enough of it is there.

    The noise of a frame is keyed by (seed, frame), and all that a block depends on is exact: pushing the same sound in
    any chunks gives the same bytes (with the same number of torch threads on the same machine).

    Args:
        checkpoint: the trained network.
        seed: chooses among the motions that fit the sound.
        steps: network evaluations a block (Euler).
        block_frames: frames sampled at once, 1 to 5; 1 or 2 for mirroring a live voice.
        composure: 0 lively … 1 still, where the controls don't say.
        nods: share of the user's pauses that a listener nods at, 0 to 1.
        guidance: of the conditions; see `Guidance`.

    Attributes:
        frame: index of the next frame that `frames` will return.
    """

    def __init__(
        self,
        checkpoint: MotionCheckpoint,
        *,
        seed: int = 0,
        steps: int = 3,
        block_frames: int = 5,
        composure: float = 0.5,
        nods: float = 0.6,
        guidance: Guidance = DEFAULT_GUIDANCE,
    ) -> None:
        limit = checkpoint.denoiser.config.block
        if not 1 <= block_frames <= limit:
            raise ValueError(f"block_frames: expected 1 to {limit}, got {block_frames}")
        if steps < 1:
            raise ValueError(f"steps: expected at least 1, got {steps}")
        if not 0.0 <= composure <= 1.0:
            raise ValueError(f"composure: expected 0 (lively) to 1 (still), got {composure}")
        if not 0.0 <= nods <= 1.0:
            raise ValueError(f"nods: expected 0 (never) to 1 (at every pause), got {nods}")
        self.frame = 0
        self._checkpoint = checkpoint
        self._seed = seed
        self._times = time_steps(steps, shift=TIME_SHIFT)
        self._block_frames = block_frames
        self._composure, self._nods = composure, nods
        self._guidance = guidance
        self._state = ConversationState.IDLE
        self._controls = Controls()
        self._speech = AudioBuffer()
        self._ended = False
        self._user = AudioBuffer()
        self._user_loudness: list[float] = []
        self._user_from = 0  # frame of the first of _user_loudness
        self._kernel = noise_kernel()
        self._flow_mean = torch.from_numpy(checkpoint.flow_mean)
        self._flow_std = torch.from_numpy(checkpoint.flow_std)
        self._features: dict[int, Floats] = {}
        self._made: dict[int, _Frame] = {}
        self._lowest, self._highest = (torch.from_numpy(limit[SAMPLED]) for limit in (LOWEST, HIGHEST))
        rest = neutral(1)[0, SAMPLED]
        self._rest = _Frame(rest, self._units(rest, np.zeros(MOTION_SIZE, np.float32)), IntentionState())

    def push(self, chunk: AudioChunk) -> None:
        """Appends sound that will be played, speech and silence alike.

        Args:
            chunk: any length; start_sample continues the track, the rate never changes.

        Raises:
            ValueError: a gap, an overlap, or another rate.
        """
        self._speech.push(chunk, "speech track")
        self._ended = False

    def end_of_speech(self) -> None:
        """Nothing more comes for now: what is missing of the look-ahead counts as silence."""
        self._ended = True

    def listen(self, chunk: AudioChunk) -> None:
        """Appends the user's own voice (same clock as the speech track), which drives the listener's motion.

        Raises:
            ValueError: as `push`.
        """
        self._user.push(chunk, "user's voice")
        size = self._user.extractor().samples
        while (self._user_from + len(self._user_loudness) + 1) * size <= self._user.end:
            start = (self._user_from + len(self._user_loudness)) * size
            self._user_loudness.append(loudness(self._user.read(start, start + size)))
        self._user.forget(self._user.end - size)
        surplus = len(self._user_loudness) - REWIND_FRAMES - USER_HISTORY_FRAMES
        if surplus > REWIND_FRAMES:
            del self._user_loudness[:surplus]
            self._user_from += surplus

    def set_state(self, state: ConversationState) -> None:
        """From the next sampled frame on."""
        self._state = state

    def set_controls(self, controls: Controls) -> None:
        """From the next sampled frame on."""
        self._controls = controls

    def interrupt(self, frame: int) -> None:
        """Rewinds: motion and sound from `frame` on are thrown away; what follows continues from the last kept frame.

        Args:
            frame: absolute, at most `self.frame`; the next chunk pushed starts at this frame's first sample, if sound
                had come that far.

        Raises:
            ValueError: a frame that was not made yet, or is too long ago.
        """
        if frame > self.frame or frame < 0:
            raise ValueError(f"interrupt: expected a frame from 0 to {self.frame}, got {frame}")
        if frame > 0 and frame < self.frame and frame - 1 not in self._made:
            raise ValueError(f"interrupt: expected at most {REWIND_FRAMES} frames back from {self.frame}, got {frame}")
        for made in range(frame, self.frame):
            self._made.pop(made, None)
        if self._speech.rate is not None:
            self._speech.cut(frame * self._speech.extractor().samples)
        self._features = {index: value for index, value in self._features.items() if index < frame}
        self._ended = False
        self.frame = frame

    def frames(self) -> Motion:
        """Samples all that can be sampled now.

        Returns:
            Motion of `values` float32 [T, 60], T possibly 0, from the frame after the last one returned.
        """
        start = self.frame
        pieces: list[Floats] = []
        while (count := self._ready()) > 0:
            pieces.append(self._sample(count))
            self.frame += count
            self._forget()
        values = np.concatenate(pieces) if pieces else np.zeros((0, MotionLayout.SIZE), np.float32)
        return Motion(values, start)

    def _ready(self) -> int:
        """Frames of the next block; 0 if not enough sound is there."""
        if self._speech.rate is None:
            return 0
        size = self._speech.extractor().samples
        if self._ended:
            return min(self._block_frames, -(-self._speech.end // size) - self.frame)
        whole = self._speech.end // size - LOOK_AHEAD_FRAMES - self.frame
        return self._block_frames if whole >= self._block_frames else 0

    def _feature(self, frame: int) -> Floats:
        """Features of one frame, [4, 64]; kept once all of its sound is there."""
        known = self._features.get(frame)
        if known is None:
            extract = self._speech.extractor()
            start = frame * extract.samples
            known = extract(self._speech.read(start - extract.before, start + extract.samples))
            if start + extract.samples <= self._speech.end:
                self._features[frame] = known
        return known

    def _sample(self, count: int) -> Floats:
        """The next `count` frames: float32 [count, 60]."""
        first, denoiser = self.frame, self._checkpoint.denoiser
        needed = range(first - AUDIO_PAST_FRAMES, first + count + LOOK_AHEAD_FRAMES)
        features = np.stack([self._feature(frame) for frame in needed]).reshape(-1, MEL_BANDS)
        states, conditions = self._conditions(count)
        history = np.stack([self._past(first - k).units for k in range(denoiser.config.history, 0, -1)])
        with torch.inference_mode():
            heard, expected, met = denoiser.hear(torch.from_numpy(features)[None])
            given = torch.from_numpy(conditions)[None]
            predict = guided(
                denoiser,
                self._guidance,
                history=torch.from_numpy(history)[None],
                heard=heard,
                expected=expected,
                conditions=given,
            )
            flow = euler(predict, self._noise(count), self._times)
            # Contacts are decided, not sampled: where they are met, the mouth is as the front end expects it.
            flow[:, :, list(MOUTH)] += met * (expected - flow[:, :, list(MOUTH)])
            innovations = self._flow_mean + self._flow_std * flow
            carried = np.stack([self._past(first - k).motion for k in range(CARRIED_FRAMES, 0, -1)])
            before = torch.from_numpy(carried)[None]
            motion = decode(innovations, before, given, self._lowest, self._highest)
            # Where a range cut something off, the history is told what was really done.
            done = encode(torch.cat([before, motion], dim=1), given)[0].numpy()
        values = neutral(count)
        values[:, SAMPLED] = motion[0].numpy()
        for i in range(count):
            made = values[i, SAMPLED]
            self._made[first + i] = _Frame(made, self._units(made, done[i]), states[i])
        return with_eye_look(values)

    def _units(self, motion: Floats, innovation: Floats) -> Floats:
        """What the network sees of a frame: float32 [104]."""
        known = self._checkpoint
        position = (motion - known.position_mean) / known.position_std
        units: Floats = np.concatenate([position, (innovation - known.flow_mean) / known.flow_std]).astype(np.float32)
        return units

    def _conditions(self, count: int) -> tuple[list[IntentionState], Floats]:
        states: list[IntentionState] = []
        rows: list[Floats] = []
        intention = self._past(self.frame - 1).intention
        size = self._speech.extractor().samples
        composure = self._composure if self._controls.composure is None else self._controls.composure
        for frame in range(self.frame, self.frame + count):
            own = loudness(self._speech.read(frame * size, (frame + 1) * size))
            user = self._user_voice(frame)
            intention, vector = step(
                intention,
                seed=self._seed,
                frame=frame,
                mode=self._state,
                loudness=own,
                controls=self._controls,
                composure=composure,
                user=user,
                nods=self._nods,
            )
            states.append(intention)
            rows.append(
                condition_vector(
                    vector,
                    state=self._state,
                    controls=self._controls,
                    user=user,
                    composure=composure,
                )
            )
        return states, np.stack(rows)

    def _user_voice(self, frame: int) -> Floats | None:
        """What is known of the user's voice when `frame` is made; None if nothing was heard for a while."""
        known_to = self._user_from + len(self._user_loudness)
        # Motion is made ahead of being shown: where the reaction time does not cover that, the last known voice holds.
        stop = min(frame - REACTION_FRAMES + 1, known_to)
        if frame - known_to > FRAME_RATE_HZ:
            return None
        heard = np.zeros(USER_HISTORY_FRAMES, np.float32)
        first = max(stop - USER_HISTORY_FRAMES, self._user_from)
        if stop > first:
            heard[USER_HISTORY_FRAMES - (stop - first) :] = self._user_loudness[
                first - self._user_from : stop - self._user_from
            ]
        return user_voice(heard)

    def _noise(self, count: int) -> torch.Tensor:
        """Base noise of the next frames: [1, count, 52]; each white frame is keyed by (seed, frame)."""
        white = np.empty((count + 2 * NOISE_REACH, MOTION_SIZE), np.float32)
        for i in range(len(white)):
            frame = self.frame - NOISE_REACH + i
            # The intention draws from the same seed; the second bit pattern keeps the two streams apart.
            key = [self._seed & 0xFFFFFFFFFFFFFFFF, (frame & 0xFFFFFFFF) | 1 << 40]
            white[i] = np.random.Generator(np.random.Philox(key=key)).standard_normal(MOTION_SIZE, np.float32)
        return time_smoothed(torch.from_numpy(white), self._kernel)[None]

    def _past(self, frame: int) -> _Frame:
        return self._made.get(frame, self._rest)

    def _forget(self) -> None:
        oldest = self.frame - REWIND_FRAMES
        if oldest > 0 and self._speech.rate is not None:
            for old in range(oldest - self._block_frames, oldest):
                self._made.pop(old, None)
                self._features.pop(old, None)
            extract = self._speech.extractor()
            self._speech.forget((oldest - AUDIO_PAST_FRAMES) * extract.samples - extract.before)
