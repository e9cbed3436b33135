"""What a listener intends: nods and brows at the user's pauses and emphases, a breath before answering."""

import numpy as np
import pytest

from avatar.motion import Controls, ConversationState
from avatar.sampler.conditions import user_voice
from avatar.sampler.intention import INTENTION_NAMES, IntentionState, step

AT = {name: i for i, name in enumerate(INTENTION_NAMES)}
HISTORY = 75


def _listen(user, *, nods=1.0, seed=0, composure=0.5, mode=ConversationState.LISTENING, answer_at=None):
    heard = np.concatenate([np.zeros(HISTORY, np.float32), user])
    state, rows = IntentionState(mode=mode), []
    for frame in range(len(user)):
        state, row = step(
            state,
            seed=seed,
            frame=frame,
            mode=ConversationState.THINKING if answer_at is not None and frame >= answer_at else mode,
            loudness=0.0,
            controls=Controls(),
            composure=composure,
            user=user_voice(heard[frame + 1 : frame + 1 + HISTORY]),
            nods=nods,
        )
        rows.append(row)
    return np.stack(rows)


def _talk(frames=400):
    """Somebody who talks from frame 50 to 150 and from 200 to 300."""
    user = np.zeros(frames, np.float32)
    user[50:150] = user[200:300] = 0.7
    return user


def test_nods_come_at_the_pauses_and_die_down():
    nod = _listen(_talk())[:, AT["nod"]]
    assert np.abs(nod[:150]).max() < np.radians(2.0)  # only accents
    for pause in (150, 300):
        here = nod[pause : pause + 45]
        assert here.min() < np.radians(-2.5)
        assert np.argmin(here) < 15
        assert abs(here[-1]) < 1e-6
    assert np.abs(np.diff(nod)).max() < np.radians(1.6)  # no jerk in one frame


@pytest.mark.parametrize("nods", [0.0, 0.5, 1.0])
def test_how_often_is_a_parameter(nods):
    given = sum(_listen(_talk(), nods=nods, seed=seed)[150:180, AT["nod"]].min() < -0.03 for seed in range(16))
    assert given == 0 if nods == 0.0 else given == 16 if nods == 1.0 else 3 < given < 13


def test_who_is_not_listening_does_not_nod():
    rows = _listen(_talk(), mode=ConversationState.SPEAKING)
    assert np.abs(rows[:, AT["nod"]]).max() == 0.0 and rows[:, AT["brow"]].max() == 0.0


def test_a_nod_that_has_begun_is_finished():
    cut = _listen(_talk(), answer_at=157)
    nod = cut[:, AT["nod"]]
    assert nod[150:175].min() < np.radians(-2.0)
    assert np.abs(np.diff(nod)).max() < np.radians(1.6)
    assert np.abs(nod[200:]).max() == 0.0


def test_an_emphasis_raises_the_brows():
    user = _talk()
    user[100:108] = 1.0
    user[50:100] = 0.6
    calm = _listen(_talk())
    moved = _listen(user)
    assert moved[100:125, AT["brow"]].max() > 0.1
    assert calm[100:125, AT["brow"]].max() < 0.05


def test_delayed_columns_repeat_the_earlier_frames():
    rows = _listen(_talk())
    assert np.array_equal(rows[1:, AT["nodBefore"]], rows[:-1, AT["nod"]])
    assert np.array_equal(rows[2:, AT["nodEarlier"]], rows[:-2, AT["nod"]])
    assert np.array_equal(rows[1:, AT["browBefore"]], rows[:-1, AT["brow"]])


def test_a_breath_is_taken_before_the_answer():
    for seed in range(10):
        breath = _listen(_talk(), answer_at=320, seed=seed)[:, AT["breath"]]
        assert breath[331] > 0.95


def test_the_still_nod_less():
    lively, still = (_listen(_talk(), composure=composure)[:, AT["nod"]].min() for composure in (0.0, 1.0))
    assert lively < 2.0 * still
