import numpy as np
import pytest
import torch

from avatar.motion import Controls, ConversationState, MotionLayout
from avatar.sampler.conditions import ConditionLayout, condition_vector
from avatar.sampler.dynamics import (
    CARRIED_FRAMES,
    GAZE,
    HEAD,
    HIGHEST,
    LIDS,
    LOWEST,
    MOTION_SIZE,
    NAMES,
    decode,
    encode,
)

SAMPLED = list(MotionLayout.SAMPLED)
LIMITS = torch.from_numpy(LOWEST[SAMPLED]), torch.from_numpy(HIGHEST[SAMPLED])


def _conditions(frames, intention=(0.0,) * 12, **controls):
    row = condition_vector(
        np.array(intention, np.float32),
        state=ConversationState.SPEAKING,
        controls=Controls(**controls),
        user=None,
        composure=0.5,
    )
    return torch.from_numpy(np.tile(row, (1, frames, 1)))


def _rest(frames):
    rest = torch.zeros(1, frames, MOTION_SIZE)
    rest[:, :, NAMES.index("headDistance")] = 1.0
    return rest


@pytest.mark.parametrize("dropped", [None, ConditionLayout.GAZE, ConditionLayout.POSTURE, ConditionLayout.BLINK])
def test_decoding_undoes_encoding(dropped):
    generator = torch.Generator().manual_seed(0)
    motion = 0.1 + 0.05 * torch.randn(3, CARRIED_FRAMES + 5, MOTION_SIZE, generator=generator)
    motion = motion.clamp(*LIMITS)
    intention = (0.3, 0.1, -0.1, 0.02, -0.03, 0.01, 0.5, -0.04, -0.03, -0.01, 0.2, 0.1)
    conditions = _conditions(5, intention).repeat(3, 1, 1)
    if dropped:
        conditions[:, :, dropped] = 0.0
    again = decode(encode(motion, conditions), motion[:, :CARRIED_FRAMES], conditions, *LIMITS)
    assert torch.allclose(again, motion[:, CARRIED_FRAMES:], atol=1e-5)


def test_without_innovations_everything_goes_where_it_was_meant_to():
    intention = (0.0, 0.2, -0.1, 0.05, -0.08, 0.03, *(0.0,) * 6)
    conditions = _conditions(150, intention, head_distance=1.2)
    motion = decode(torch.zeros(1, 150, MOTION_SIZE), _rest(2), conditions, *LIMITS)[0]
    assert torch.allclose(motion[-1, :3], torch.tensor(intention[3:6]), atol=2e-3)
    assert float(motion[-1, NAMES.index("headDistance")]) == pytest.approx(1.2, abs=0.01)
    gaze, head = motion[-1, GAZE], motion[-1, HEAD]
    assert float(gaze[0] + head[1]) == pytest.approx(0.2, abs=1e-3)
    assert float(gaze[1] + head[0]) == pytest.approx(-0.1, abs=1e-3)
    # No overshoot worth seeing, and no step at the start.
    assert float(motion[:, 1].min()) > -0.085
    assert float(motion[0, :3].abs().max()) < 0.01


def test_a_blink_closes_the_lids():
    conditions = _conditions(1, (1.0, *(0.0,) * 11))
    motion = decode(torch.zeros(1, 1, MOTION_SIZE), _rest(2), conditions, *LIMITS)[0, 0]
    assert motion[list(LIDS)].tolist() == [1.0, 1.0]


def test_errors_fade_instead_of_adding_up():
    wrong = torch.full((1, 2000, MOTION_SIZE), 0.001)
    motion = decode(wrong, _rest(2), _conditions(2000), *LIMITS)[0]
    drift = (motion[-1] - _rest(1)[0, 0]).abs()
    assert float(drift.max()) < 0.08
    assert torch.allclose(motion[-1], motion[-500], atol=1e-4)


def test_a_nod_is_made_as_it_was_meant():
    nods = -0.06 * np.hanning(22).astype(np.float32)
    rows = []
    for frame in range(60):
        now, before, earlier = (nods[frame - k] if 0 <= frame - k < 22 else 0.0 for k in range(3))
        rows.append(_conditions(1, (*(0.0,) * 7, now, before, earlier, 0.0, 0.0))[0])
    motion = decode(torch.zeros(1, 60, MOTION_SIZE), _rest(2), torch.stack(rows, dim=1), *LIMITS)[0]
    assert np.allclose(motion[:22, 0].numpy(), nods, atol=1e-5)
    assert float(motion[22:, 0].abs().max()) < 1e-5
    # The eyes stay on the partner meanwhile.
    assert float((motion[:, GAZE][:, 1] + motion[:, 0]).abs().max()) < 1e-5
