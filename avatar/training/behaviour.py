"""Head, eyes, brows and feelings around the mouth: training motion after published statistics of how people move.

The decisions (where to look, when to blink, which posture) come from `avatar.sampler.intention`, the same process that
feeds the sampler; here they become movement. Sources: head moves on stress and after pauses, 0.2 to 2 Hz, Hadar 1983;
listeners nod at the speaker's pauses, first cycle largest; saccade durations 20 ms + 2.4 ms a degree, Eyes Alive 2002.
Everything is smooth: what trembles here would tremble in the sampler.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from avatar.motion import FRAME_RATE_HZ, Controls, ConversationState, Emotion, Floats, MotionLayout, neutral
from avatar.sampler.conditions import EMOTIONS, REACTION_FRAMES, USER_HISTORY_FRAMES, condition_vector, user_voice
from avatar.sampler.dynamics import PITCH_OF_BREATH, Y_OF_BREATH
from avatar.sampler.intention.process import step
from avatar.sampler.intention.state import IntentionState

INDEX = MotionLayout.INDEX
_DEGREE = np.pi / 180.0

# Additions at full intensity. A stem without Left or Right moves both sides.
EMOTION_SHAPES: dict[Emotion, dict[str, float]] = {
    Emotion.NEUTRAL: {},
    Emotion.HAPPY: {
        "mouthSmile": 0.62, "cheekSquint": 0.45, "eyeSquint": 0.28, "mouthDimple": 0.15, "browOuterUp": 0.12,
        "browInnerUp": 0.08, "headPitch": 0.02,
    },
    Emotion.SAD: {
        "browInnerUp": 0.60, "mouthFrown": 0.48, "eyeBlink": 0.14, "mouthShrugLower": 0.25, "browDown": 0.10,
        "headPitch": -0.07, "mouthPress": 0.10,
    },
    Emotion.ANGRY: {
        "browDown": 0.75, "eyeSquint": 0.30, "noseSneer": 0.28, "mouthPress": 0.28, "mouthFrown": 0.22, "eyeWide": 0.15,
        "jawForward": 0.12, "headPitch": -0.03,
    },
    Emotion.SURPRISED: {
        "browInnerUp": 0.65, "browOuterUp": 0.65, "eyeWide": 0.60, "jawOpen": 0.14, "mouthFunnel": 0.08,
        "headPitch": 0.03,
    },
    Emotion.AFRAID: {
        "browInnerUp": 0.65, "browOuterUp": 0.25, "eyeWide": 0.55, "mouthStretch": 0.40, "browDown": 0.18,
        "headPitch": -0.02, "jawOpen": 0.05,
    },
    Emotion.DISGUSTED: {
        "noseSneer": 0.62, "mouthUpperUp": 0.25, "browDown": 0.38, "cheekSquint": 0.30, "mouthFrown": 0.28,
        "eyeSquint": 0.28, "headYaw": 0.03,
    },
    Emotion.CONTEMPTUOUS: {
        "mouthSmileLeft": 0.45, "mouthDimpleLeft": 0.42, "cheekSquintLeft": 0.22, "eyeSquint": 0.15,
        "browOuterUpRight": 0.15, "mouthPress": 0.10, "headPitch": 0.05, "headRoll": 0.02,
    },
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Liveliness:
    """Spread of the head's sway in one state, degrees, and how fast it takes a posture (hertz)."""

    sway_deg: float
    posture_hz: float


LIVELINESS: dict[ConversationState, Liveliness] = {
    ConversationState.IDLE: Liveliness(0.38, 0.35),
    ConversationState.LISTENING: Liveliness(0.55, 0.55),
    ConversationState.THINKING: Liveliness(0.75, 0.55),
    ConversationState.SPEAKING: Liveliness(1.35, 0.85),
}

SWAY_SMOOTHING_FRAMES = 5.0  # Gaussian: sway reaches up to about 1.2 Hz
AXIS_SHARE = (0.85, 1.0, 0.7)  # pitch, yaw, roll
NOD_DEG = 2.6  # on the strongest stress
NOD_REFRACTORY_FRAMES = 9
BROW_REFRACTORY_FRAMES = 18
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
    intentions, conditions = _intend(scene)
    values = neutral(frames) + scene.mouth
    liveliness = 1.5 - scene.composure
    speaking = np.array([state is ConversationState.SPEAKING for state in scene.states], np.float32)
    listening = np.array([state is ConversationState.LISTENING for state in scene.states], np.float32)
    thinking = np.array([state is ConversationState.THINKING for state in scene.states], np.float32)
    slow = np.full(frames, 0.8, np.float32)
    # Every scene begins from the neutral pose, as every session does.
    awake = np.clip(np.arange(frames, dtype=np.float32) / WAKE_FRAMES, 0.0, 1.0)
    awake = awake * awake * (3.0 - 2.0 * awake)

    _move_head(values, scene, intentions, liveliness * awake, random)
    feelings = _feel(values, scene, slow)
    _nod_and_raise_brows(values, scene, intentions, liveliness, speaking)

    # A friendly resting face, never quite constant.
    smile = awake * (0.07 + 0.03 * smooth_noise(frames, 20.0, random)) + 0.05 * follow(listening, slow)
    brow = awake * (0.04 + 0.03 * smooth_noise(frames, 12.0, random))
    thought = follow(thinking, slow)
    _add(values, "mouthSmile", np.clip(smile, 0.0, 0.3) * (1.0 - 0.6 * feelings))
    _add(values, "browInnerUp", np.clip(brow, 0.0, 0.2) + 0.10 * thought)
    _add(values, "browOuterUp", np.clip(brow, 0.0, 0.2) * 0.7)
    _add(values, "browDown", 0.10 * thought)
    _add(values, "mouthPress", 0.08 * thought)
    _move_eyes(values, intentions, random)

    # Feelings part the lips; in a closure they still meet, so what opens there is taken back.
    meeting = np.clip(
        scene.mouth[:, INDEX["mouthClose"]] / np.maximum(scene.mouth[:, INDEX["jawOpen"]], 1e-3), 0.0, 1.0
    )
    values[:, INDEX["mouthClose"]] = np.maximum(values[:, INDEX["mouthClose"]], meeting * values[:, INDEX["jawOpen"]])
    for name in ("mouthUpperUpLeft", "mouthUpperUpRight"):
        values[:, INDEX[name]] *= 1.0 - meeting
    values[:, MotionLayout.FACE] = np.clip(values[:, MotionLayout.FACE], 0.0, 1.0)
    return values, conditions


def _intend(scene: Scene) -> tuple[Floats, Floats]:
    state = IntentionState()
    heard = np.zeros(USER_HISTORY_FRAMES + len(scene.states), np.float32)
    if scene.user is not None:
        heard[USER_HISTORY_FRAMES:] = scene.user
    intentions, conditions = [], []
    for frame, mode in enumerate(scene.states):
        stop = USER_HISTORY_FRAMES + frame - REACTION_FRAMES + 1
        user = None if scene.user is None else user_voice(heard[max(0, stop - USER_HISTORY_FRAMES) : stop])
        state, vector = step(
            state,
            seed=scene.seed,
            frame=frame,
            mode=mode,
            loudness=float(scene.loudness[frame]),
            controls=scene.controls[frame],
            composure=scene.composure,
            user=user,
            nods=scene.nods,
        )
        intentions.append(vector)
        conditions.append(
            condition_vector(vector, state=mode, controls=scene.controls[frame], user=user, composure=scene.composure)
        )
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


def _feel(values: Floats, scene: Scene, slow: Floats) -> Floats:
    """Adds the emotions' shapes; returns how strongly anything is felt, [T]."""
    wanted = np.zeros((len(values), len(EMOTIONS)), np.float32)
    for frame, controls in enumerate(scene.controls):
        if controls.emotion is not None:
            wanted[frame, EMOTIONS.index(controls.emotion)] = controls.intensity
    felt = follow(wanted, slow)
    talking = np.clip(scene.loudness * 2.0, 0.0, 1.0)
    talking = follow(talking, slow)
    for column, emotion in enumerate(EMOTIONS):
        for name, size in EMOTION_SHAPES[emotion].items():
            # Speech needs the mouth: shapes that would fight it step back.
            share = 1.0 - 0.45 * talking if name.startswith(("mouth", "jaw")) else 1.0
            _add(values, name, size * felt[:, column] * share)
    strongest: Floats = felt[:, 1:].max(axis=1)
    return strongest


def _nod_and_raise_brows(values: Floats, scene: Scene, intentions: Floats, liveliness: float, speaking: Floats) -> None:
    frames = len(values)
    strength = scene.prominence * speaking
    nods = _spaced(strength, 0.35, NOD_REFRACTORY_FRAMES)
    sizes = [-NOD_DEG * _DEGREE * liveliness * float(strength[frame]) for frame in nods]
    # A move begins when its stress can be heard, with the sampler's look-ahead: what comes earlier can't be learned.
    values[:, 0] += bumps([frame + 3 for frame in nods], sizes, frames, 11)
    raises = _spaced(strength, 0.45, BROW_REFRACTORY_FRAMES)
    lift = bumps(
        [frame + 5 for frame in raises], [0.45 * float(strength[frame]) * liveliness for frame in raises], frames, 15
    )
    _add(values, "browInnerUp", 0.7 * lift)
    _add(values, "browOuterUp", 0.8 * lift)
    _add(values, "eyeWide", 0.25 * lift)
    # The listener.
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
