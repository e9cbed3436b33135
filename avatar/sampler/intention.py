"""What the person intends to do: where to look, how to hold the head, when to blink.

These are rare decisions: a few per second at most, each at one instant. A flow sampled in two to four steps averages
over them (half a blink, a quarter of a glance), so they are drawn here, frame by frame, from published statistics,
and the network turns them into movement. The training data are made from the same process, so the network has seen
every kind of decision. Everything is keyed by (seed, frame): a rewind costs nothing and repeats exactly.

A listener's nods and brows are decisions too: they answer the user's pauses and emphases.

Sources: blink rates and log-normal intervals: Bentivoglio 1997, Doughty 2001, Stern 1984; gaze at the partner while
listening and talking: Argyle; aversion: Andrist 2012; saccade sizes: Lee, Badler & Badler, Eyes Alive, 2002; head
posture shifts at pauses: Hadar 1983; listeners nod at the speaker's pauses, the first cycle being the largest: Hadar,
Steiner & Rose 1985.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from avatar.motion import FRAME_RATE_HZ, Controls, ConversationState, Floats

INTENTION_NAMES = (
    *("blink", "gazeYaw", "gazePitch", "headPitch", "headYaw", "headRoll", "breath"),
    *("nod", "nodBefore", "nodEarlier", "brow", "browBefore"),
)
"""blink: lid closure in [0, 1]; gaze: direction in the portrait's frame (head + eyes), radians; head: the posture that
the head is moving to, radians; breath: chest position in [-1, 1]; nod: pitch that a listener's nod adds, radians, in
this frame and the two before; brow: lift of the brows in [0, 1], in this frame and the one before."""

_DEGREE = np.pi / 180.0


@dataclass(frozen=True, slots=True)
class Habits:
    """How often and how far, in one conversational state (times are means, in seconds; angles in degrees)."""

    blink_interval_s: float
    partner_s: float
    away_s: float
    fixation_s: float
    away_size_deg: float
    posture_s: float
    posture_deg: tuple[float, float, float]  # pitch, yaw, roll: standard deviations


HABITS: dict[ConversationState, Habits] = {
    ConversationState.IDLE: Habits(5.0, 4.5, 2.5, 1.6, 7.0, 5.0, (1.2, 2.0, 1.2)),
    ConversationState.LISTENING: Habits(3.5, 5.5, 1.2, 1.6, 6.0, 4.5, (1.5, 1.8, 2.2)),
    ConversationState.THINKING: Habits(4.4, 0.8, 3.2, 1.0, 10.0, 3.0, (2.5, 4.0, 2.0)),
    ConversationState.SPEAKING: Habits(3.5, 2.1, 2.2, 1.0, 7.0, 1.6, (2.2, 3.4, 2.2)),
}

BLINK_SPREAD = 0.55  # sigma of the logarithm of the blink interval
FIXATION_SPREAD = 0.5
BLINK_REFRACTORY_S = 0.4
LEAST_FIXATION_FRAMES = 8.0  # where a bout ends sooner, the eyes stay where they are until then
PARTNER_SPREAD_DEG = 1.3  # eyes wander between the partner's eyes and mouth
PHRASE_END_CREDIT_S = 1.5  # a phrase end brings the next blink and posture shift closer by this
LEAST_AWAY_DEG = 4.0
THINKING_AWAY_DEG, THINKING_LIFT = 9.0, 0.6  # who thinks looks away so that one sees it, and up: radians from the side
LARGE_SHIFT_DEG = 8.0  # gaze shifts beyond this often come with a blink
LARGE_SHIFT_BLINK, THINKING_SHIFT_BLINK = 0.5, 0.2  # who thinks shifts far all the time, and blinks less
HEAD_SHARE = 0.3  # of a gaze shift is done by the head when looking away
MAIN_HEAD_SHARE = 0.5  # of the commanded main direction
PAUSE_FRAMES = 5  # this many quiet frames after speech make a phrase end
SPEECH_LOUDNESS = 0.45  # of avatar.sampler.features.loudness: -37 dB
BREATH_S = 4.0  # a quiet breath: 15 a minute
BREATH_IN_S = 0.5  # a quick breath: before an answer, and at phrase ends
SPEECH_BREATH_PACE = 0.6  # speech is a long breath out

NOD_DEG = 3.5  # of a listener's nod, first cycle
NOD_SPREAD = 0.25  # sigma of its logarithm
NOD_CYCLES = (1.0, 0.55, 0.25)
NOD_CYCLE_FRAMES = 13
ACCENT_NOD_DEG = 1.3
ACCENT = 0.45  # of conditions.user_voice's emphasis
ACCENT_BROW = 0.22
BROW_FRAMES = 17
ACCENT_APART_FRAMES = 50


@dataclass(slots=True)
class IntentionState:
    """All that the process remembers between frames (times in frames); `step` makes a new one."""

    mode: ConversationState = ConversationState.IDLE
    blink_in: float = 40.0
    blink_age: float = -1.0  # frames since a blink began; negative: none
    blink_depth: float = 1.0
    blink_stretch: float = 1.0
    on_partner: bool = True
    bout_left: float = 60.0
    fixation_left: float = 20.0
    away: tuple[float, float] = (0.0, 0.0)  # radians, relative to the main direction
    wander: tuple[float, float] = (0.0, 0.0)
    posture: tuple[float, float, float] = (0.0, 0.0, 0.0)
    posture_in: float = 30.0
    breath_phase: float = 0.0
    quiet_frames: int = 1000
    breath_in: float = 0.0  # frames that a quick breath still takes
    nod_age: float = -1.0  # frames since a nod began; negative: none
    nod_size: float = 0.0  # radians
    nod_cycles: int = 0
    nods: tuple[float, float] = (0.0, 0.0)  # of the last two frames, the later one first
    brow_age: float = -1.0
    brow: float = 0.0  # of the last frame
    accent_age: int = 1000
    pause: float = 0.0  # of the user in the last frame; see conditions.user_voice


def raised_cosine(age: float, length: float) -> float:
    """A bump from 0 over 1 back to 0 while `age` goes from 0 to `length`."""
    return 0.5 - 0.5 * float(np.cos(2.0 * np.pi * age / length)) if 0.0 < age < length else 0.0


def blink_closure(age_s: float, stretch: float) -> float:
    """Lid closure of a full blink: closing in 90 ms, closed 30 ms, opening in 210 ms (times `stretch`)."""
    closing, closed, opening = 0.09 * stretch, 0.03 * stretch, 0.21 * stretch
    if age_s < closing:
        part = age_s / closing
    elif age_s < closing + closed:
        part = 1.0
    else:
        part = max(0.0, 1.0 - (age_s - closing - closed) / opening)
    return part * part * (3.0 - 2.0 * part)


BLINK_LENGTH_S = 0.33


def _log_normal(normal: float, mean: float, spread: float) -> float:
    return mean * float(np.exp(spread * normal - spread * spread / 2.0))


def step(
    state: IntentionState,
    *,
    seed: int,
    frame: int,
    mode: ConversationState,
    loudness: float,
    controls: Controls,
    composure: float,
    user: Floats | None = None,
    nods: float = 0.6,
    nod: int = 0,
) -> tuple[IntentionState, Floats]:
    """One frame of the process.

    Args:
        state: after the previous frame.
        seed: of the whole motion.
        frame: absolute index; with the seed it keys the random numbers.
        mode: what the person is doing now.
        loudness: of the own speech in this frame, as `avatar.sampler.features.loudness`.
        controls: a commanded main gaze direction turns head and eyes.
        composure: 0 lively … 1 still: rarer and smaller posture shifts, calmer eyes.
        user: float32 [3] of `avatar.sampler.conditions.user_voice`; None when there is no user.
        nods: share of the user's pauses that a listener nods at, in [0, 1]; people differ much in this.
        nod: cycles of a nod that a listener begins now, whatever the user's voice does; 0 for none.

    Returns:
        The state after this frame, and float32 [len(INTENTION_NAMES)].
    """
    random = np.random.Generator(np.random.Philox(key=[seed & 0xFFFFFFFFFFFFFFFF, frame & 0xFFFFFFFFFFFFFFFF]))
    uniform = random.random(6)
    normal = random.standard_normal(12)
    habits = HABITS[mode]
    pace = 1.4 - 0.8 * composure  # 0.5 is the published pace
    rate = float(FRAME_RATE_HZ)
    new = replace(state)  # a copy, changed from here on: one for each change would take most of the time

    quiet = 0 if loudness > SPEECH_LOUDNESS else state.quiet_frames + 1
    phrase_end = quiet == PAUSE_FRAMES
    new.quiet_frames = min(quiet, 1000)

    if mode is not state.mode:
        looks = {ConversationState.LISTENING: True, ConversationState.THINKING: False}.get(mode, state.on_partner)
        # The reaction takes 120 to 360 ms: the present fixation ends, the bout is over if it was of the wrong kind.
        soon = 3.0 + 6.0 * float(uniform[0])
        bout = state.bout_left if looks == state.on_partner else soon
        if state.mode is ConversationState.LISTENING:
            new.breath_in = BREATH_IN_S * rate  # about to answer
        if mode is ConversationState.THINKING and not state.on_partner:  # a glance aside becomes a thoughtful one
            bout, new.fixation_left = max(bout, habits.away_s * rate / 2.0), min(state.fixation_left, soon)
        new.mode, new.bout_left = mode, bout
        new.posture_in = min(state.posture_in, 4.0 + 10.0 * float(uniform[1]))

    # Gaze: bouts at the partner and away, fixations inside them.
    shifted_by = 0.0
    bout_left, fixation_left = new.bout_left - 1.0, new.fixation_left - pace
    if bout_left <= 0.0:
        on_partner = not new.on_partner
        mean = habits.partner_s if on_partner else habits.away_s
        bout_left = max(10.0, _log_normal(float(normal[0]), mean, FIXATION_SPREAD) * rate)
        fixation_left = 0.0
        new.on_partner = on_partner
    if fixation_left <= 0.0 and bout_left >= LEAST_FIXATION_FRAMES:
        fixation_left = max(5.0, _log_normal(float(normal[1]), habits.fixation_s, FIXATION_SPREAD) * rate)
        before = np.add(new.away, new.wander)
        if new.on_partner:
            away = (0.0, 0.0)
            spread = PARTNER_SPREAD_DEG * _DEGREE
            wander = (spread * float(normal[2]), spread * float(normal[3]) - 0.01)
        else:
            thinks = mode is ConversationState.THINKING
            least = THINKING_AWAY_DEG if thinks else LEAST_AWAY_DEG
            size = min(18.0, least + habits.away_size_deg * -float(np.log(1.0 - 0.95 * uniform[2])) * 0.6) * _DEGREE
            side = 1.0 if uniform[3] < 0.5 else -1.0
            if new.away != (0.0, 0.0) and uniform[4] < 0.75:
                side = float(np.sign(new.away[0])) or side  # mostly stays on the side it looked to
            lift = THINKING_LIFT if thinks else -0.1
            angle = lift + 0.5 * float(normal[4])
            away = (side * size * float(np.cos(angle)), size * float(np.sin(angle)))
            wander = (0.0, 0.0)
        shifted_by = float(np.hypot(*(np.add(away, wander) - before)))
        new.away, new.wander = away, wander
    new.bout_left, new.fixation_left = bout_left, fixation_left

    # Blinks.
    blink_in = new.blink_in - 1.0 - (PHRASE_END_CREDIT_S * rate if phrase_end else 0.0)
    blink_age = new.blink_age + 1.0 if new.blink_age >= 0.0 else -1.0
    if blink_age >= BLINK_LENGTH_S * new.blink_stretch * rate:
        blink_age = -1.0
    with_shift = THINKING_SHIFT_BLINK if mode is ConversationState.THINKING else LARGE_SHIFT_BLINK
    wants = blink_in <= 0.0 or (shifted_by > LARGE_SHIFT_DEG * _DEGREE and uniform[5] < with_shift)
    if wants and blink_age < 0.0:
        interval = _log_normal(float(normal[5]), habits.blink_interval_s, BLINK_SPREAD) * rate
        # One blink in six stays incomplete (Stern 1984).
        depth = 0.55 + 0.3 * float(uniform[1]) if uniform[0] < 1.0 / 6.0 else 1.0
        stretch = float(np.clip(1.0 + 0.15 * normal[6], 0.75, 1.4))
        new.blink_depth, new.blink_stretch = depth, stretch
        blink_in = max(BLINK_REFRACTORY_S * rate, interval)
        blink_age = float(uniform[2])  # blinks don't begin on frame boundaries
    new.blink_in, new.blink_age = blink_in, blink_age
    closure = new.blink_depth * blink_closure(blink_age / rate, new.blink_stretch) if blink_age >= 0.0 else 0.0

    # Head posture.
    posture_in = new.posture_in - pace - (PHRASE_END_CREDIT_S * rate if phrase_end else 0.0)
    if posture_in <= 0.0:
        size = 1.5 - composure
        drawn = np.clip(normal[7:10], -2.2, 2.2) * np.array(habits.posture_deg) * _DEGREE * size
        new.posture = (float(drawn[0]), float(drawn[1]), float(drawn[2]))
        posture_in = max(8.0, _log_normal(float(normal[10]), habits.posture_s, FIXATION_SPREAD) * rate)
    new.posture_in = posture_in
    _breathe(new, float(normal[11]), quick=phrase_end and mode is ConversationState.SPEAKING)
    before_nods, before_brow = new.nods, new.brow
    _listen(new, user, nods, nod, 1.5 - composure, random)

    main = controls.gaze or (0.0, 0.0)
    yaw = main[0] + new.away[0] + new.wander[0]
    pitch = main[1] + new.away[1] + new.wander[1]
    head_pitch = new.posture[0] + MAIN_HEAD_SHARE * main[1] + HEAD_SHARE * new.away[1]
    head_yaw = new.posture[1] + MAIN_HEAD_SHARE * main[0] + HEAD_SHARE * new.away[0]
    breath = float(np.sin(new.breath_phase))
    vector = [closure, yaw, pitch, head_pitch, head_yaw, new.posture[2], breath]
    return new, np.array([*vector, new.nods[0], *before_nods, new.brow, before_brow], np.float32)


def _breathe(state: IntentionState, normal: float, *, quick: bool) -> None:
    """The chest's next position; a quick breath fills it by the time that it takes."""
    breath_in = BREATH_IN_S * FRAME_RATE_HZ if quick else state.breath_in
    pace = SPEECH_BREATH_PACE if state.mode is ConversationState.SPEAKING else 1.0
    ahead = 2.0 * np.pi / (BREATH_S * FRAME_RATE_HZ) * (1.0 + 0.2 * normal) * pace
    if breath_in >= 1.0:
        ahead = ((0.5 * np.pi - state.breath_phase) % (2.0 * np.pi)) / breath_in
    state.breath_phase, state.breath_in = float((state.breath_phase + ahead) % (2.0 * np.pi)), breath_in - 1.0


def _listen(
    state: IntentionState, user: Floats | None, nods: float, nod: int, liveliness: float, random: np.random.Generator
) -> None:
    """A listener's nods at the user's pauses, a small one with a brow at emphases; what has begun is finished."""
    _, rise, pause = (float(value) for value in user) if user is not None else (0.0, 0.0, 0.0)
    listening = state.mode is ConversationState.LISTENING
    chance, normal = float(random.random()), float(random.standard_normal())
    nod_age = state.nod_age + 1.0 if state.nod_age >= 0.0 else -1.0
    brow_age = state.brow_age + 1.0 if state.brow_age >= 0.0 else -1.0
    accent_age = min(state.accent_age + 1, 1000)
    nod_size, cycles = state.nod_size, state.nod_cycles
    if nod_age >= (cycles + 0.1) * NOD_CYCLE_FRAMES:
        nod_age = -1.0
    if brow_age >= BROW_FRAMES:
        brow_age = -1.0
    free = listening and nod_age < 0.0
    at_pause = pause > 0.9 >= state.pause and chance < nods
    if free and (nod or at_pause):
        nod_age, cycles = 0.0, nod or 1 + int(3.0 * chance / max(nods, 1e-6))
        nod_size = NOD_DEG * _DEGREE * liveliness * float(np.exp(NOD_SPREAD * np.clip(normal, -2.0, 2.0)))
    elif free and rise > ACCENT and accent_age >= ACCENT_APART_FRAMES:
        nod_age, cycles, nod_size = 0.0, 1, ACCENT_NOD_DEG * _DEGREE * liveliness
        brow_age, accent_age = 0.0, 0
    pitch = 0.0
    if nod_age >= 0.0:
        for cycle in range(cycles):
            pitch -= NOD_CYCLES[cycle] * raised_cosine(nod_age - cycle * NOD_CYCLE_FRAMES, 1.1 * NOD_CYCLE_FRAMES)
    state.nod_age, state.nod_size, state.nod_cycles = nod_age, nod_size, cycles
    state.nods = (pitch * nod_size, state.nods[0])
    state.brow_age, state.brow = brow_age, ACCENT_BROW * liveliness * raised_cosine(brow_age, BROW_FRAMES)
    state.accent_age, state.pause = accent_age, pause
