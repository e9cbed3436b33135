"""One block of motion: what it is sampled from, the sampling of several at once, and what a stream keeps of it.

    SamplerState ─ gather ─┐
    SamplerState ─ gather ─┼─ sample_blocks ─┬─ keep ─ SamplerState
                           ┘                 └─ keep ─ SamplerState

`gather` and `keep` touch one stream only, and belong to its thread. `sample_blocks` touches none: it is a function of
the model and of arrays, so blocks of any streams can be sampled together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from avatar.feelings.expression import Feeling, express, feel
from avatar.feelings.voice_pitch import voice_pitch
from avatar.motion import FRAME_RATE_HZ, LOOK_AHEAD_FRAMES, Floats, neutral, with_eye_look
from avatar.sampler.conditions import condition_vector
from avatar.sampler.denoiser import Denoiser, Heard
from avatar.sampler.dynamics import CARRIED_FRAMES, MOUTH, decode, encode
from avatar.sampler.features import MEL_BANDS, loudness
from avatar.sampler.flow.noise import NOISE_REACH, white_noise
from avatar.sampler.flow.solvers import euler, time_smoothed, time_steps
from avatar.sampler.front_end import AUDIO_PAST_FRAMES, Tails
from avatar.sampler.guidance import Guidance, guided
from avatar.sampler.intention.process import step
from avatar.sampler.intention.state import IntentionState
from avatar.sampler.intention.sway import with_sway
from avatar.sampler.model import SAMPLED, MotionModel
from avatar.sampler.options import SamplerOptions
from avatar.sampler.speech_encoder import frame_views, silence_views
from avatar.sampler.state import SampledFrame, SamplerState

# Evaluations lie nearer to the data's end (0, .5, .8 for three), where they decide how much of the noise survives.
TIME_SHIFT = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """All that the next F frames of one stream are sampled from.

    Attributes:
        features: float32 [(AUDIO_PAST_FRAMES + F + LOOK_AHEAD_FRAMES) * 4, 64], of the speech; or [F * 4, 64], the
            last ones of these, where `tails` says what was before.
        window: float32 [WINDOW_FRAMES, 4, 80], what the speech encoder hears of it; None: digital silence.
        tails: of the front end, [1, …], or None.
        history: float32 [history, 104], of the frames before, as the network sees them.
        carried: float32 [CARRIED_FRAMES, 52], positions that the dynamics start from.
        conditions: float32 [F, ConditionLayout.SIZE].
        intentions: F, after each frame.
        feelings: F, likewise.
        noise: float32 [F + 2 * NOISE_REACH, 52], white.
        steps: network evaluations.
        guidance: of the conditions.
    """

    features: Floats
    window: Floats | None
    tails: Tails | None
    history: Floats
    carried: Floats
    conditions: Floats
    intentions: tuple[IntentionState, ...]
    feelings: tuple[Feeling, ...]
    noise: Floats
    steps: int
    guidance: Guidance

    @property
    def batch_key(self) -> tuple[int, int]:
        """Frames and steps: blocks in which these are equal can be sampled in one batch."""
        return len(self.conditions), self.steps


@dataclass(frozen=True, slots=True, eq=False)
class SampledBlock:
    """What was sampled.

    Attributes:
        motion: float32 [F, 52], MotionLayout's units.
        innovations: float32 [F, 52], of `avatar.sampler.dynamics`.
        tails: of the front end after the block, [1, …].
    """

    motion: Floats
    innovations: Floats
    tails: Tails


def gather(model: MotionModel, options: SamplerOptions, state: SamplerState, count: int) -> Block:
    """Collects what the stream's next `count` frames are sampled from."""
    first = state.frame
    first_heard = first - AUDIO_PAST_FRAMES if state.tails is None else first + LOOK_AHEAD_FRAMES
    heard = range(first_heard, first + count + LOOK_AHEAD_FRAMES)
    history = model.denoiser.config.history
    past = [state.frames.get(first - k, model.rest) for k in range(max(history, CARRIED_FRAMES), 0, -1)]
    intentions, feelings, conditions = _intend(options, state, past[-1], count)
    return Block(
        features=np.stack([state.feature(frame) for frame in heard]).reshape(-1, MEL_BANDS),
        window=state.window(count),
        tails=state.tails,
        history=np.stack([frame.units for frame in past[-history:]]),
        carried=np.stack([frame.motion for frame in past[-CARRIED_FRAMES:]]),
        conditions=conditions,
        intentions=intentions,
        feelings=feelings,
        noise=white_noise(options.seed, _heard(model, state, intentions), first - NOISE_REACH),
        steps=options.steps,
        guidance=options.guidance,
    )


def _intend(
    options: SamplerOptions, state: SamplerState, before: SampledFrame, count: int
) -> tuple[tuple[IntentionState, ...], tuple[Feeling, ...], Floats]:
    """What the person intends and feels in the next frames, and their conditions [count, ConditionLayout.SIZE]."""
    intention, feeling = before.intention, before.feeling
    intentions: list[IntentionState] = []
    feelings: list[Feeling] = []
    rows: list[Floats] = []
    size = state.speech.extractor().samples
    listen = voice_pitch(size * FRAME_RATE_HZ)
    calm = options.composure if state.controls.composure is None else state.controls.composure
    # What is felt is put on the face afterwards (`express`); the network hears only of how lively it makes.
    loud = [
        loudness(state.speech.read(frame * size, (frame + 1) * size))
        for frame in range(state.frame, state.frame + count + LOOK_AHEAD_FRAMES)
    ]
    for i, frame in enumerate(range(state.frame, state.frame + count)):
        user = state.user.voice_at(frame)
        end = (frame + 1) * size
        tone = listen(state.speech.read(end - listen.samples, end))
        feeling = feel(feeling, state.controls, loud[i], calm, tone)
        composure = min(1.0, max(0.0, calm - feeling.arousal))
        intention, vector = step(
            intention,
            seed=options.seed,
            frame=frame,
            mode=state.mode,
            loudness=loud[i],
            ahead=(loud[i + 1], loud[i + 2]),
            controls=state.controls,
            composure=composure,
            user=user,
            nods=options.nods,
            nod=state.nod if frame == state.frame else 0,
        )
        intentions.append(intention)
        feelings.append(feeling)
        rows.append(condition_vector(vector, state=state.mode, controls=state.controls, user=user, composure=composure))
    return tuple(intentions), tuple(feelings), np.stack(rows)


def _heard(model: MotionModel, state: SamplerState, intentions: Sequence[IntentionState]) -> list[int]:
    """Keys of the sound for the block's noise, from NOISE_REACH frames before it to as many after it.

    Noise reaches into frames whose sound is not known yet. So each frame of it belongs to the sound up to NOISE_REACH
    frames earlier, which is known whenever that noise is needed, wherever blocks begin.
    """
    before = [state.frames.get(state.frame - k, model.rest).intention for k in range(2 * NOISE_REACH, 0, -1)]
    return [intention.heard for intention in (*before, *intentions)]


@torch.inference_mode()
def sample_blocks(model: MotionModel, blocks: Sequence[Block]) -> list[SampledBlock]:
    """Samples blocks of several streams in one batch.

    What else is in the batch changes a block's motion in the last bits of a float32 at most (below 1e-5): on some
    processors matrix products of more rows add in another order.

    Args:
        model: shared by the streams.
        blocks: at least one; all with the same `batch_key`.

    Returns:
        One for each block, in the same order.

    Raises:
        ValueError: blocks that don't fit into one batch.
    """
    if len({block.batch_key for block in blocks}) != 1:
        raise ValueError(f"expected blocks of one batch_key, got {[block.batch_key for block in blocks]}")
    denoiser = model.denoiser
    conditions, carried = _batch([block.conditions for block in blocks]), _batch([block.carried for block in blocks])
    heard = _hear(denoiser, blocks, _views(model, blocks))
    expected, met = torch.cat([each.expected for each in heard]), torch.cat([each.met for each in heard])
    predict = guided(
        denoiser,
        [block.guidance for block in blocks],
        history=_batch([block.history for block in blocks]),
        heard=torch.cat([each.view for each in heard]),
        expected=expected,
        conditions=conditions,
    )
    noise = time_smoothed(_batch([block.noise for block in blocks]), model.noise_kernel)
    flow = euler(predict, noise, time_steps(blocks[0].steps, shift=TIME_SHIFT))
    # Contacts are decided, not sampled: where they are met, the mouth is as the front end expects it.
    flow[:, :, list(MOUTH)] += met * (expected - flow[:, :, list(MOUTH)])
    motion = decode(model.flow_mean + model.flow_std * flow, carried, conditions, model.lowest, model.highest)
    # Where a range cut something off, the history gets what was really done.
    done = encode(torch.cat([carried, motion], dim=1), conditions)
    # Copies: a stream keeps its frames for minutes, and must not keep the others' with them.
    return [SampledBlock(motion[i].numpy().copy(), done[i].numpy().copy(), each.tails) for i, each in enumerate(heard)]


def _views(model: MotionModel, blocks: Sequence[Block]) -> Tensor:
    """What the speech encoder makes of each block: [B, F, VIEWS_PER_FRAME, VIEW_SIZE]."""
    last = len(blocks[0].conditions) + LOOK_AHEAD_FRAMES
    windows = [block.window for block in blocks if block.window is not None]
    heard = iter(model.encoder(_batch(windows), last)) if windows else iter(())
    return frame_views(torch.stack([silence_views(last) if b.window is None else next(heard) for b in blocks]))


def _hear(denoiser: Denoiser, blocks: Sequence[Block], views: Tensor) -> list[Heard]:
    """What each block hears, [1, …]: whole windows in one batch, those that follow on others in another."""
    heard: dict[int, Heard] = {}
    for follows in (False, True):
        rows = [i for i, block in enumerate(blocks) if (block.tails is not None) == follows]
        if rows:
            before = [tails for i in rows if (tails := blocks[i].tails) is not None]
            tails = tuple(torch.cat(layer) for layer in zip(*before, strict=True)) if follows else None
            together = denoiser.hear(_batch([blocks[i].features for i in rows]), views[rows], tails)
            heard.update(zip(rows, together.rows(), strict=True))
    return [heard[i] for i in range(len(blocks))]


def _batch(arrays: Sequence[Floats]) -> Tensor:
    """[...] each to [B, ...]."""
    return torch.from_numpy(np.stack(arrays))


def keep(model: MotionModel, state: SamplerState, block: Block, sampled: SampledBlock) -> Floats:
    """Moves the stream on past its block: returns the frames, float32 [F, 60]."""
    count = len(sampled.motion)
    units = model.units(sampled.motion, sampled.innovations)
    for i in range(count):
        state.frames[state.frame + i] = SampledFrame(
            sampled.motion[i], units[i], block.intentions[i], block.feelings[i]
        )
    state.advance(count, sampled.tails)
    values = neutral(count)
    values[:, SAMPLED] = sampled.motion
    return with_eye_look(express(with_sway(values, block.intentions), block.feelings))
