import pytest
import torch

from avatar.sampler.conditions import ConditionLayout
from avatar.sampler.denoiser import Denoiser, DenoiserConfig
from avatar.sampler.dynamics import MOTION_SIZE, MOUTH
from avatar.sampler.guidance import Guidance, guided

CONFIG = DenoiserConfig(width=32, hop_width=16, layers=1, heads=2, feed_forward=48)

pytestmark = pytest.mark.usefixtures("one_torch_thread")


@pytest.fixture(scope="module")
def parts():
    torch.manual_seed(0)
    denoiser = Denoiser(CONFIG)
    # A new network predicts zeros; this one must tell its conditions apart.
    torch.nn.init.normal_(denoiser.motion_out.weight)
    given = {
        "history": torch.randn(1, CONFIG.history, 2 * MOTION_SIZE),
        "heard": torch.randn(1, 5, CONFIG.width),
        "expected": torch.randn(1, 5, len(MOUTH)),
        "conditions": torch.randn(1, 5, ConditionLayout.SIZE),
    }
    return denoiser, given, torch.randn(1, 5, MOTION_SIZE)


@torch.inference_mode()
def _plain(denoiser, given, x, *, audio=1.0, without=None):
    conditions = given["conditions"].clone()
    if without is not None:
        conditions[:, :, without] = 0.0
    known = denoiser.given(
        history=given["history"],
        has_history=torch.ones(1, 1),
        heard=given["heard"],
        expected=given["expected"],
        has_audio=torch.full((1, 1), audio),
        conditions=conditions,
    )
    return denoiser(x, denoiser.embed_time(torch.full((1,), 0.3)), known)


@torch.inference_mode()
def _guided(parts, guidance):
    denoiser, given, x = parts
    return guided(denoiser, [guidance], **given)(x, 0.3)


def test_no_guidance_is_the_plain_prediction(parts):
    denoiser, given, x = parts
    assert torch.equal(_guided(parts, Guidance()), _plain(denoiser, given, x))


def test_guidance_goes_beyond_the_prediction_without_the_condition(parts):
    denoiser, given, x = parts
    full = _plain(denoiser, given, x)
    deaf = _plain(denoiser, given, x, audio=0.0)
    blank = _plain(denoiser, given, x, without=ConditionLayout.GAZE)
    assert not torch.allclose(full, deaf, atol=1e-3) and not torch.allclose(full, blank, atol=1e-3)
    wanted = full + 0.5 * (full - deaf) + 2.0 * (full - blank)
    assert torch.allclose(_guided(parts, Guidance(audio=0.5, gaze=2.0)), wanted, atol=1e-4)


@pytest.mark.parametrize("name", ["gaze", "user"])
def test_every_kind_of_condition_can_be_guided(parts, name):
    denoiser, given, x = parts
    assert not torch.allclose(_guided(parts, Guidance(**{name: 1.0})), _plain(denoiser, given, x), atol=1e-3)


@pytest.mark.parametrize("strength", [-0.1, 9.0, float("nan")])
def test_strengths_that_give_no_face_are_refused(strength):
    with pytest.raises(ValueError, match="guidance, gaze: expected 0 to 4"):
        Guidance(gaze=strength)
