"""What the person intends to do: where to look, how to hold the head, when to blink.

These are rare decisions: a few per second at most, each at one instant. A flow sampled in two to four steps averages
over them (half a blink, a quarter of a glance), so they are drawn here, frame by frame, from published statistics,
and the network turns them into movement. The training data are made from the same process, so the network has seen
every kind of decision. Everything is keyed by (seed, frame): a rewind costs nothing and repeats exactly.

Sources: blink rates and log-normal intervals: Bentivoglio 1997, Doughty 2001, Stern 1984; gaze at the partner while
listening and talking: Argyle; aversion: Andrist 2012; saccade sizes: Lee, Badler & Badler, Eyes Alive, 2002; head
posture shifts at pauses: Hadar 1983.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from avatar.motion import FRAME_RATE_HZ, Controls, ConversationState, Floats

INTENTION_NAMES = ("blink", "gazeYaw", "gazePitch", "headPitch", "headYaw", "headRoll", "breath")
"""blink: lid closure in [0, 1]; gaze: direction in the portrait's frame (head + eyes), radians; head: the posture that
the head is moving to, radians; breath: chest position in [-1, 1]."""

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
PARTNER_SPREAD_DEG = 1.3  # eyes wander between the partner's eyes and mouth
PHRASE_END_CREDIT_S = 1.5  # a phrase end brings the next blink and posture shift closer by this
LARGE_SHIFT_DEG = 8.0  # gaze shifts beyond this often come with a blink
LARGE_SHIFT_BLINK = 0.5
HEAD_SHARE = 0.3  # of a gaze shift is done by the head when looking away
MAIN_HEAD_SHARE = 0.5  # of the commanded main direction
PAUSE_FRAMES = 5  # this many quiet frames after speech make a phrase end
SPEECH_LOUDNESS = 0.45  # of avatar.features.loudness: -37 dB
BREATH_S = 4.0  # a quiet breath: 15 a minute


@dataclass(frozen=True, slots=True)
class IntentionState:
    """All that the process remembers between frames (times in frames)."""

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
) -> tuple[IntentionState, Floats]:
    """One frame of the process.

    Args:
        state: after the previous frame.
        seed: of the whole motion.
        frame: absolute index; with the seed it keys the random numbers.
        mode: what the person is doing now.
        loudness: of the own speech in this frame, as `avatar.features.loudness`.
        controls: a commanded main gaze direction turns head and eyes.
        composure: 0 lively … 1 still: rarer and smaller posture shifts, calmer eyes.

    Returns:
        The state after this frame, and float32 [7] as INTENTION_NAMES.
    """
    random = np.random.Generator(np.random.Philox(key=[seed & 0xFFFFFFFFFFFFFFFF, frame & 0xFFFFFFFFFFFFFFFF]))
    uniform = random.random(6)
    normal = random.standard_normal(12)
    habits = HABITS[mode]
    pace = 1.4 - 0.8 * composure  # 0.5 is the published pace
    rate = float(FRAME_RATE_HZ)
    new = state

    quiet = 0 if loudness > SPEECH_LOUDNESS else state.quiet_frames + 1
    phrase_end = quiet == PAUSE_FRAMES
    new = replace(new, quiet_frames=min(quiet, 1000))

    if mode is not state.mode:
        looks = {ConversationState.LISTENING: True, ConversationState.THINKING: False}.get(mode, state.on_partner)
        # The reaction takes 120 to 360 ms: the present fixation ends, the bout is over if it was of the wrong kind.
        soon = 3.0 + 6.0 * float(uniform[0])
        bout = state.bout_left if looks == state.on_partner else soon
        new = replace(new, mode=mode, bout_left=bout, posture_in=min(state.posture_in, 4.0 + 10.0 * float(uniform[1])))

    # Gaze: bouts at the partner and away, fixations inside them.
    shifted_by = 0.0
    bout_left, fixation_left = new.bout_left - 1.0, new.fixation_left - pace
    if bout_left <= 0.0:
        on_partner = not new.on_partner
        mean = habits.partner_s if on_partner else habits.away_s
        bout_left = max(10.0, _log_normal(float(normal[0]), mean, FIXATION_SPREAD) * rate)
        fixation_left = 0.0
        new = replace(new, on_partner=on_partner)
    if fixation_left <= 0.0:
        fixation_left = max(5.0, _log_normal(float(normal[1]), habits.fixation_s, FIXATION_SPREAD) * rate)
        before = np.add(new.away, new.wander)
        if new.on_partner:
            away = (0.0, 0.0)
            spread = PARTNER_SPREAD_DEG * _DEGREE
            wander = (spread * float(normal[2]), spread * float(normal[3]) - 0.01)
        else:
            size = min(18.0, 4.0 + habits.away_size_deg * -float(np.log(1.0 - 0.95 * uniform[2])) * 0.6) * _DEGREE
            side = 1.0 if uniform[3] < 0.5 else -1.0
            if new.away != (0.0, 0.0) and uniform[4] < 0.75:
                side = float(np.sign(new.away[0])) or side  # mostly stays on the side it looked to
            lift = 0.35 if mode is ConversationState.THINKING else -0.1
            angle = lift + 0.5 * float(normal[4])
            away = (side * size * float(np.cos(angle)), size * float(np.sin(angle)))
            wander = (0.0, 0.0)
        shifted_by = float(np.hypot(*(np.add(away, wander) - before)))
        new = replace(new, away=away, wander=wander)
    new = replace(new, bout_left=bout_left, fixation_left=fixation_left)

    # Blinks.
    blink_in = new.blink_in - 1.0 - (PHRASE_END_CREDIT_S * rate if phrase_end else 0.0)
    blink_age = new.blink_age + 1.0 if new.blink_age >= 0.0 else -1.0
    if blink_age >= BLINK_LENGTH_S * new.blink_stretch * rate:
        blink_age = -1.0
    wants = blink_in <= 0.0 or (shifted_by > LARGE_SHIFT_DEG * _DEGREE and uniform[5] < LARGE_SHIFT_BLINK)
    if wants and blink_age < 0.0:
        interval = _log_normal(float(normal[5]), habits.blink_interval_s, BLINK_SPREAD) * rate
        # One blink in six stays incomplete (Stern 1984).
        depth = 0.55 + 0.3 * float(uniform[1]) if uniform[0] < 1.0 / 6.0 else 1.0
        stretch = float(np.clip(1.0 + 0.15 * normal[6], 0.75, 1.4))
        new = replace(new, blink_depth=depth, blink_stretch=stretch)
        blink_in = max(BLINK_REFRACTORY_S * rate, interval)
        blink_age = float(uniform[2])  # blinks don't begin on frame boundaries
    new = replace(new, blink_in=blink_in, blink_age=blink_age)
    closure = new.blink_depth * blink_closure(blink_age / rate, new.blink_stretch) if blink_age >= 0.0 else 0.0

    # Head posture.
    posture_in = new.posture_in - pace - (PHRASE_END_CREDIT_S * rate if phrase_end else 0.0)
    if posture_in <= 0.0:
        size = 1.5 - composure
        drawn = np.clip(normal[7:10], -2.2, 2.2) * np.array(habits.posture_deg) * _DEGREE * size
        new = replace(new, posture=(float(drawn[0]), float(drawn[1]), float(drawn[2])))
        posture_in = max(8.0, _log_normal(float(normal[10]), habits.posture_s, FIXATION_SPREAD) * rate)
    breath_phase = (new.breath_phase + 2.0 * np.pi / (BREATH_S * rate) * (1.0 + 0.2 * float(normal[11]))) % (2 * np.pi)
    new = replace(new, posture_in=posture_in, breath_phase=float(breath_phase))

    main = controls.gaze or (0.0, 0.0)
    yaw = main[0] + new.away[0] + new.wander[0]
    pitch = main[1] + new.away[1] + new.wander[1]
    head_pitch = new.posture[0] + MAIN_HEAD_SHARE * main[1] + HEAD_SHARE * new.away[1]
    head_yaw = new.posture[1] + MAIN_HEAD_SHARE * main[0] + HEAD_SHARE * new.away[0]
    breath = float(np.sin(breath_phase))
    return new, np.array([closure, yaw, pitch, head_pitch, head_yaw, new.posture[2], breath], np.float32)
