"""What the person intends to do: anew with every seed and every sound, the same with the same ones."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import torch

from avatar.evaluation.bands import BANDS, BLINKS, DIRECT_GAZE
from avatar.motion import FRAME_RATE_HZ, Controls, ConversationState, Floats, Gesture
from avatar.sampler.conditions import condition_vector
from avatar.sampler.dynamics import CARRIED_FRAMES, HIGHEST, LOWEST, decode
from avatar.sampler.intention.chance import Chance, Stream, generator, heard_after
from avatar.sampler.intention.process import step
from avatar.sampler.intention.state import INTENTION_NAMES, IntentionState
from avatar.sampler.intention.talker import talker
from avatar.sampler.model import SAMPLED

SPEAKING, LISTENING = ConversationState.SPEAKING, ConversationState.LISTENING
COLUMN = {name: i for i, name in enumerate(INTENTION_NAMES)}
YAW = COLUMN["headYaw"]


def _speech(frames: int, seed: int, lead: int = 10) -> Floats:
    """Loudness of phrases and pauses after a little silence; the pauses of all seeds are at the same times."""
    random = np.random.default_rng(seed)
    times = np.arange(frames) / FRAME_RATE_HZ
    syllables = 0.72 + 0.14 * np.sin(2.0 * np.pi * 4.0 * times) + 0.05 * random.standard_normal(frames)
    loud = np.where(np.sin(2.0 * np.pi * 0.3 * times) > -0.7, syllables, 0.0)
    loud[:lead] = 0.0
    return np.clip(loud, 0.0, 1.0).astype(np.float32)


def _intend(
    loud: Floats,
    *,
    seed: int = 0,
    mode: ConversationState = SPEAKING,
    user: Floats | None = None,
    gestures: dict[int, Gesture] | None = None,
    composure: float = 0.5,
) -> tuple[Floats, list[IntentionState]]:
    """The intentions [T, 12] and states after each frame of a sound."""
    state, rows, states = IntentionState(), [], []
    ahead = np.append(loud, (0.0, 0.0))
    controls = Controls()
    for frame in range(len(loud)):
        controls = Controls(gesture=(gestures or {}).get(frame, controls.gesture))
        state, row = step(
            state,
            seed=seed,
            frame=frame,
            mode=mode,
            loudness=float(loud[frame]),
            ahead=(float(ahead[frame + 1]), float(ahead[frame + 2])),
            controls=controls,
            composure=composure,
            user=None if user is None else user[frame],
        )
        rows.append(row)
        states.append(state)
    return np.stack(rows), states


def _sizes_of_correlations(motions: list[Floats], column: int) -> list[float]:
    first = 2 * FRAME_RATE_HZ
    return [abs(float(np.corrcoef(a[first:, column], b[first:, column])[0, 1])) for a, b in combinations(motions, 2)]


def test_the_same_seed_says_something_else_with_other_movements() -> None:
    spoken = [_intend(_speech(1000, sound))[0] for sound in range(6)]
    assert np.array_equal(spoken[0], _intend(_speech(1000, 0))[0])
    for name in ("headPitch", "headYaw", "headRoll", "gazeYaw", "blink"):
        sizes = _sizes_of_correlations(spoken, COLUMN[name])
        assert np.median(sizes) < 0.25 and max(sizes) < 0.75, (name, sizes)


def test_what_is_not_heard_yet_changes_nothing() -> None:
    one, other = _speech(200, 1), _speech(200, 2)
    other[:80] = one[:80]
    (a, _), (b, _) = _intend(one), _intend(other)
    assert np.array_equal(a[:78], b[:78]), "but for the two frames that can be heard before"
    assert not np.array_equal(a[78:], b[78:])


def test_whom_one_listens_to_is_sound_too() -> None:
    quiet = np.zeros(500, np.float32)
    voices = [np.zeros((500, 3), np.float32) for _ in range(3)]
    voices[1][:, 0], voices[2][:, 0] = _speech(500, 1), _speech(500, 2)
    nobody, one, other = (_intend(quiet, mode=LISTENING, user=voice)[0] for voice in voices)
    assert np.array_equal(nobody, _intend(quiet, mode=LISTENING)[0]), "digital silence says nothing"
    assert max(_sizes_of_correlations([nobody, one, other], COLUMN["gazeYaw"])) < 0.6


def test_the_key_of_the_sound_is_coarse_and_depends_on_all_of_it() -> None:
    assert heard_after(0, 0.0, 0.0) == 0 == heard_after(0, 0.004, 0.004), "no sound"
    assert heard_after(7, 0.5, 0.0) == heard_after(7, 0.5 + 1e-9, 0.0)
    assert (
        len({heard_after(7, 0.5, 0.0), heard_after(7, 0.6, 0.0), heard_after(7, 0.0, 0.5), heard_after(8, 0.5, 0.0)})
        == 4
    )


def test_random_numbers_of_frames_and_streams_are_apart() -> None:
    keys = [
        (stream, seed, heard, frame) for stream in Stream for seed in (0, 1) for heard in (0, 1) for frame in (-1, 0, 1)
    ]
    assert len({float(generator(*key).random()) for key in keys}) == len(keys)
    chance, again = Chance(3, 4, 5), Chance(3, 4, 5)
    assert [chance.uniform(), chance.normal()] == [again.uniform(), again.normal()]


@pytest.mark.parametrize("mode", ConversationState)
def test_talkers_differ_and_stay_in_the_bands(mode: ConversationState) -> None:
    minutes, rates, shares = 2, [], []
    sound = _speech(minutes * 1500, 0) if mode is SPEAKING else np.zeros(minutes * 1500, np.float32)
    for seed in range(4):
        rows, _ = _intend(sound, seed=seed, mode=mode)
        shut = rows[:, COLUMN["blink"]] > 0.5
        rates.append(float((shut[1:] & ~shut[:-1]).sum()) / minutes)
        shares.append(float((np.hypot(rows[:, 1], rows[:, 2]) < np.radians(5.0)).mean()))
    band = BANDS[mode][BLINKS]
    assert all(band.low - 2.0 <= rate <= band.high + 2.0 for rate in rates), rates  # two minutes are few blinks
    assert len(set(rates)) > 1
    if looks := BANDS[mode].get(DIRECT_GAZE):
        assert all(looks.low - 0.1 <= share <= looks.high + 0.1 for share in shares), shares


def test_everybody_has_habits_of_their_own() -> None:
    assert talker(1) == talker(1)
    assert len({talker(seed + (portrait << 32)) for seed in range(5) for portrait in range(5)}) == 25
    blinking = [talker(seed).blinking for seed in range(200)]
    assert max(blinking) / min(blinking) > 1.4 and abs(float(np.mean(np.log(blinking)))) < 0.05


def _head(rows: Floats, mode: ConversationState = SPEAKING) -> Floats:
    """Where the dynamics alone take the head, degrees [T, 3]."""
    conditions = np.stack(
        [condition_vector(row, state=mode, controls=Controls(), user=None, composure=0.5) for row in rows]
    )
    carried = torch.zeros(1, CARRIED_FRAMES, len(SAMPLED))
    carried[:, :, 5] = 1.0
    limits = (torch.from_numpy(limit[SAMPLED]) for limit in (LOWEST, HIGHEST))
    moved = decode(torch.zeros(1, len(rows), len(SAMPLED)), carried, torch.from_numpy(conditions)[None], *limits)
    return np.degrees(moved[0, :, :3].numpy())


def test_a_shake_and_a_tilt_are_made_as_intended() -> None:
    loud = _speech(200, 3)
    plain, shaken, tilted = (
        _head(_intend(loud, gestures=gestures)[0]) for gestures in (None, {60: Gesture.SHAKE}, {60: Gesture.TILT})
    )
    # The gaze goes back to the partner as well, which takes the head along a little.
    shake = np.diff((shaken - plain)[58:100, 1])
    assert 4.0 < np.ptp((shaken - plain)[58:100, 1]) < 12.0
    assert (np.diff(np.sign(shake[np.abs(shake) > 0.05])) != 0).sum() >= 3, "to and fro"
    assert np.abs((tilted - plain)[70:100, 2]).max() > 2.0
    assert np.abs((tilted - plain)[:60]).max() == 0.0


def test_a_gesture_is_made_once() -> None:
    _, states = _intend(_speech(300, 4), gestures={50: Gesture.SHAKE})
    assert sum(state.shake_age == 1.0 for state in states) == 1
    (looks, _), (away, _) = (_intend(_speech(120, 5), gestures={30: g}) for g in (Gesture.LOOK_AT, Gesture.LOOK_AWAY))
    distance = [np.degrees(np.hypot(rows[38:58, 1], rows[38:58, 2])) for rows in (looks, away)]
    assert distance[0].max() < 5.0 <= distance[1].min()


def test_heads_nod_with_stresses_and_brows_with_strong_ones() -> None:
    loud = np.full(1500, 0.6, np.float32)
    loud[::5] = 0.66  # syllables
    stressed = np.arange(40, 1500, 60)
    loud[stressed] = 0.82
    rows, _ = _intend(loud)
    nods = rows[:, COLUMN["nod"]]
    begins = np.flatnonzero((nods[1:] != 0.0) & (nods[:-1] == 0.0)) + 1
    assert len(begins) >= 0.3 * len(stressed)
    assert all(min(abs(stressed - begin)) <= 3 for begin in begins), "with a stress, and never without"
    assert -6.0 < np.degrees(nods.min()) < -1.0 and nods.max() == 0.0
    assert 0.1 < rows[:, COLUMN["brow"]].max() < 0.6
    calm = _intend(loud, composure=1.0)[0]
    assert calm[:, COLUMN["nod"]].min() > 0.6 * nods.min()
    assert not _intend(loud, mode=LISTENING)[0][:, COLUMN["nod"]].any(), "whoever listens hears no stress of their own"
