"""Head, eyes and brows around the mouth: training motion after published statistics of how people move.

The decisions (where to look, when to blink, which posture) come from `avatar.sampler.intention`, the same process that
feeds the sampler; here they become movement. Sources: head moves on stress and after pauses, 0.2 to 2 Hz, Hadar 1983;
listeners nod at the speaker's pauses, first cycle largest; saccade durations 20 ms + 2.4 ms a degree, Eyes Alive 2002.
Everything is smooth: what trembles here would tremble in the sampler. Emotions have no shapes here: they are put on
what is sampled (`avatar.feelings`), and only make who feels them livelier or calmer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from avatar.feelings.expression import NOTHING, feel
from avatar.motion import FRAME_RATE_HZ, LOOK_AHEAD_FRAMES, Controls, ConversationState, Floats, MotionLayout, neutral
from avatar.sampler.conditions import REACTION_FRAMES, USER_HISTORY_FRAMES, condition_vector, user_voice
from avatar.sampler.dynamics import PITCH_OF_BREATH, Y_OF_BREATH
from avatar.sampler.intention.process import step
from avatar.sampler.intention.state import IntentionState

INDEX = MotionLayout.INDEX
_DEGREE = np.pi / 180.0


@dataclass(frozen=True, slots=True)
class Liveliness:
    """Spread of the head's sway in one state, degrees, and how fast it takes a posture (hertz)."""

    sway_deg: float
    posture_hz: float


LIVELINESS: dict[ConversationState, Liveliness] = {
    ConversationState.IDLE: Liveliness(0.38, 0.35),
    ConversationState.LISTENING: Liveliness(0.55, 0.55),
    ConversationState.THINKING: Liveliness(0.75, 0.55),
    ConversationState.SPEAKING: Liveliness(1.7, 0.95),
}

SWAY_SMOOTHING_FRAMES = 5.0  # Gaussian: sway reaches up to about 1.2 Hz
AXIS_SHARE = (0.85, 1.0, 0.7)  # pitch, yaw, roll
BROW_REFRACTORY_FRAMES = 18
BROW_LIFT = 0.95  # on the strongest stress; brows of people who talk move over 0.065 eye distances
WAKE_FRAMES = 25  # the first second
GAZE_LID_SHARE = 0.7  # lids follow a downward gaze: closure per radian


@dataclass(frozen=True, slots=True)
class Scene:
    """What behaviour is made for, frame by frame.

    Attributes:
        states: what the person does, T of them.
        mouth: float32 [T, 60] of articulation.
        prominence: float32 [T], peaks in [0, 1] at stressed syllables.
        loudness: float32 [T] of the own voice.
        user: float32 [T], loudness of the user's voice, or None.
        controls: T of them.
        composure: 0 lively … 1 still.
        seed: of everything random here.
        nods: share of the user's pauses that the listener nods at.
    """

    states: Sequence[ConversationState]
    mouth: Floats
    prominence: Floats
    loudness: Floats
    user: Floats | None
    controls: Sequence[Controls]
    composure: float
    seed: int
    nods: float = 1.0


def smooth_noise(frames: int, spread_frames: float, random: np.random.Generator) -> Floats:
    """Gaussian-smoothed noise of unit variance: float32 [frames]."""
    reach = int(4 * spread_frames)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / spread_frames) ** 2)
    kernel /= np.sqrt(np.sum(kernel**2))
    return np.convolve(random.standard_normal(frames + 2 * reach), kernel, mode="valid").astype(np.float32)


def follow(target: Floats, hertz: Floats) -> Floats:
    """A critically damped spring after a target, from rest at 0: [T] or [T, D], its natural frequency per frame [T]."""
    substeps = 4
    dt = 1.0 / (FRAME_RATE_HZ * substeps)
    out = np.empty_like(target)
    position, speed = np.zeros_like(target[0]), np.zeros_like(target[0])
    for frame in range(len(target)):
        omega = 2.0 * np.pi * hertz[frame]
        for _ in range(substeps):
            speed = speed + dt * (omega**2 * (target[frame] - position) - 2.0 * omega * speed)
            position = position + dt * speed
        out[frame] = position
    return out


def bumps(at: Sequence[int], sizes: Sequence[float], frames: int, length: int) -> Floats:
    """Sum of raised-cosine bumps of `length` frames centred at the given frames: float32 [frames]."""
    out = np.zeros(frames + 2 * length, np.float32)
    shape = np.hanning(length + 2)[1:-1].astype(np.float32)
    for frame, size in zip(at, sizes, strict=True):
        if frame < frames:
            start = frame + length - length // 2
            out[start : start + length] += size * shape
    return out[length : length + frames]


def _spaced(strength: Floats, least: float, apart: int) -> list[int]:
    """Frames of peaks of at least `least`, no two nearer than `apart`, earlier ones first."""
    chosen: list[int] = []
    for frame in np.flatnonzero(strength >= least):
        if not chosen or frame - chosen[-1] >= apart:
            chosen.append(int(frame))
    return chosen


def behave(scene: Scene) -> tuple[Floats, Floats]:
    """Makes the whole motion of a scene.

    Returns:
        float32 [T, 60] motion (eyeLook* zero), and float32 [T, ConditionLayout.SIZE] the conditions it answers to.
    """
    random = np.random.default_rng(scene.seed)
    frames = len(scene.states)
    composure = _composure(scene)
    intentions, conditions = _intend(scene, composure)
    values = neutral(frames) + scene.mouth
    liveliness = 1.5 - composure
    speaking = np.array([state is ConversationState.SPEAKING for state in scene.states], np.float32)
    listening = np.array([state is ConversationState.LISTENING for state in scene.states], np.float32)
    thinking = np.array([state is ConversationState.THINKING for state in scene.states], np.float32)
    slow = np.full(frames, 0.8, np.float32)
    # Every scene begins from the neutral pose, as every session does.
    awake = np.clip(np.arange(frames, dtype=np.float32) / WAKE_FRAMES, 0.0, 1.0)
    awake = awake * awake * (3.0 - 2.0 * awake)

    _move_head(values, scene, intentions, liveliness * awake, random)
    _move_brows(values, scene, intentions, liveliness, speaking)

    # A friendly resting face, never quite constant.
    smile = awake * (0.07 + 0.03 * smooth_noise(frames, 20.0, random)) + 0.05 * follow(listening, slow)
    brow = awake * (0.04 + 0.03 * smooth_noise(frames, 12.0, random))
    thought = follow(thinking, slow)
    _add(values, "mouthSmile", np.clip(smile, 0.0, 0.3))
    _add(values, "browInnerUp", np.clip(brow, 0.0, 0.2) + 0.10 * thought)
    _add(values, "browOuterUp", np.clip(brow, 0.0, 0.2) * 0.7)
    _add(values, "browDown", 0.10 * thought)
    _add(values, "mouthPress", 0.08 * thought)
    _move_eyes(values, intentions, random)

    values[:, MotionLayout.FACE] = np.clip(values[:, MotionLayout.FACE], 0.0, 1.0)
    return values, conditions


def _composure(scene: Scene) -> Floats:
    """What is left of it by what is felt, as in the sampler: float32 [T]."""
    feeling, out = NOTHING, []
    for frame, controls in enumerate(scene.controls):
        feeling = feel(feeling, controls, float(scene.loudness[frame]), scene.composure)
        out.append(scene.composure - feeling.arousal)
    return np.clip(np.array(out, np.float32), 0.0, 1.0)


def _intend(scene: Scene, composure: Floats) -> tuple[Floats, Floats]:
    state = IntentionState()
    heard = np.zeros(USER_HISTORY_FRAMES + len(scene.states), np.float32)
    if scene.user is not None:
        heard[USER_HISTORY_FRAMES:] = scene.user
    loud = np.pad(scene.loudness, (0, LOOK_AHEAD_FRAMES))
    intentions, conditions = [], []
    for frame, mode in enumerate(scene.states):
        stop = USER_HISTORY_FRAMES + frame - REACTION_FRAMES + 1
        controls, calm = scene.controls[frame], float(composure[frame])
        user = None if scene.user is None else user_voice(heard[max(0, stop - USER_HISTORY_FRAMES) : stop])
        state, vector = step(
            state,
            seed=scene.seed,
            frame=frame,
            mode=mode,
            loudness=float(scene.loudness[frame]),
            ahead=(float(loud[frame + 1]), float(loud[frame + 2])),
            controls=controls,
            composure=calm,
            user=user,
            nods=scene.nods,
        )
        intentions.append(vector)
        conditions.append(condition_vector(vector, state=mode, controls=controls, user=user, composure=calm))
    return np.stack(intentions), np.stack(conditions)


def _add(values: Floats, name: str, amount: Floats) -> None:
    """Adds to a coefficient, or to both sides of a stem."""
    for target in (name,) if name in INDEX else (name + "Left", name + "Right"):
        values[:, INDEX[target]] += amount


def _move_head(
    values: Floats, scene: Scene, intentions: Floats, liveliness: Floats, random: np.random.Generator
) -> None:
    frames = len(values)
    table = [LIVELINESS[state] for state in scene.states]
    pace = np.array([entry.posture_hz for entry in table], np.float32)
    voice = follow(np.clip(scene.loudness * 1.6, 0.0, 1.0), np.full(frames, 0.9, np.float32))
    amount = np.array([entry.sway_deg for entry in table], np.float32)
    speaking = np.array([state is ConversationState.SPEAKING for state in scene.states])
    # A speaker sways with the voice and comes nearly to rest in pauses.
    amount = np.where(speaking, amount * (0.45 + 0.65 * voice), amount)
    amount = follow(amount.astype(np.float32), np.full(frames, 1.0, np.float32)) * liveliness * _DEGREE
    posture = follow(intentions[:, 3:6], pace)
    for axis in range(3):
        sway = smooth_noise(frames, SWAY_SMOOTHING_FRAMES, random) * AXIS_SHARE[axis] * amount
        values[:, axis] += posture[:, axis] + sway
    breath = intentions[:, 6]
    values[:, 0] += PITCH_OF_BREATH * breath
    # The head turns about the neck: its centre shifts with yaw and roll, sinks with pitch.
    drift = 0.25 * amount
    values[:, INDEX["headX"]] += -0.35 * values[:, 2] + 0.15 * values[:, 1] + drift * smooth_noise(frames, 9.0, random)
    values[:, INDEX["headY"]] += 0.25 * values[:, 0] + Y_OF_BREATH * breath + drift * smooth_noise(frames, 9.0, random)
    target = np.log(np.array([c.head_distance or 1.0 for c in scene.controls], np.float32))
    distance = follow(target, np.full(frames, 0.45, np.float32)) + 0.30 * amount * smooth_noise(frames, 10.0, random)
    values[:, INDEX["headDistance"]] = np.exp(distance)


def _move_brows(values: Floats, scene: Scene, intentions: Floats, liveliness: Floats, speaking: Floats) -> None:
    frames = len(values)
    strength = scene.prominence * speaking
    # A move begins when its stress can be heard, with the sampler's look-ahead: what comes earlier can't be learned.
    raises = _spaced(strength, 0.45, BROW_REFRACTORY_FRAMES)
    lifts = [BROW_LIFT * float(strength[frame] * liveliness[frame]) for frame in raises]
    lift = bumps([frame + 5 for frame in raises], lifts, frames, 15)
    _add(values, "browInnerUp", 0.7 * lift)
    _add(values, "browOuterUp", 0.8 * lift)
    _add(values, "eyeWide", 0.25 * lift)
    # Nods, and what else the brows do, are decided.
    values[:, 0] += intentions[:, 7]
    _add(values, "browInnerUp", intentions[:, 10])
    _add(values, "browOuterUp", intentions[:, 10])


def _move_eyes(values: Floats, intentions: Floats, random: np.random.Generator) -> None:
    frames = len(values)
    drift = 0.12 * _DEGREE * np.clip(np.arange(frames) / WAKE_FRAMES, 0.0, 1.0)
    for gaze, head, column in ((INDEX["gazeYaw"], 1, 1), (INDEX["gazePitch"], 0, 2)):
        eye = np.empty(frames, np.float32)
        position = 0.0
        for frame in range(frames):
            gap = float(intentions[frame, column]) - position
            # Up to 8 degrees fit into one frame (20 ms + 2.4 ms a degree); larger ones take two.
            position += gap if abs(gap) < 8.0 * _DEGREE else 0.7 * gap
            eye[frame] = position
        values[:, gaze] = eye - values[:, head] + drift * smooth_noise(frames, 8.0, random)
    values[:, 6:8] = np.clip(values[:, 6:8], -0.55, 0.55)
    closure = intentions[:, 0]
    down = np.clip(-values[:, INDEX["gazePitch"]], 0.0, 0.5)
    up = np.clip(values[:, INDEX["gazePitch"]], 0.0, 0.5)
    for side, share in (("Left", 1.0), ("Right", 0.98)):
        rest = values[:, INDEX["eyeBlink" + side]] + GAZE_LID_SHARE * down
        values[:, INDEX["eyeBlink" + side]] = np.clip(rest + (1.0 - rest) * closure * share, 0.0, 1.0)
        values[:, INDEX["eyeWide" + side]] = (values[:, INDEX["eyeWide" + side]] + 0.4 * up) * (1.0 - closure)
        values[:, INDEX["eyeSquint" + side]] += 0.10 * closure
