import pytest
import torch

from avatar.sampler.flow.solvers import euler, heun, time_smoothed, time_steps, velocity


def _gaussian_predict(mean: float, spread: float):
    """The exact expectation of the data given x_t, for data from N(mean, spread²) and noise from N(0, 1)."""

    def predict(x, t):
        variance = (1.0 - t) ** 2 + (t * spread) ** 2
        return mean + t * spread**2 / variance * (x - t * mean)

    return predict


def test_time_steps_go_from_noise_to_data():
    assert time_steps(4) == [0.0, 0.25, 0.5, 0.75, 1.0]
    shifted = time_steps(3, shift=2.0)
    assert shifted[0] == 0.0 and shifted[-1] == 1.0 and shifted[1] > 1 / 3


@pytest.mark.parametrize("solve", [euler, heun])
def test_many_steps_turn_noise_into_the_data_distribution(solve):
    noise = torch.randn(20_000, generator=torch.Generator().manual_seed(0))
    out = solve(_gaussian_predict(2.0, 0.5), noise, time_steps(50))
    assert float(out.mean()) == pytest.approx(2.0, abs=0.02)
    assert float(out.std()) == pytest.approx(0.5, abs=0.03)


def test_heun_needs_fewer_steps_than_euler():
    noise = torch.linspace(-2.0, 2.0, 101)
    predict = _gaussian_predict(0.0, 0.5)
    exact = 0.5 * noise
    errors = [
        float((solve(predict, noise, time_steps(n)) - exact).abs().max()) for solve, n in ((heun, 6), (euler, 11))
    ]
    assert errors[0] < 0.7 * errors[1]


def test_one_step_is_the_prediction():
    noise = torch.randn(3, 4)
    assert torch.equal(euler(lambda x, t: x * 2.0 + t, noise, time_steps(1)), noise * 2.0)


def test_velocity_leads_to_the_prediction():
    x, target = torch.zeros(2), torch.tensor([1.0, -2.0])
    assert torch.allclose(x + (1.0 - 0.6) * velocity(target, x, 0.6), target)


def test_smoothed_noise_keeps_its_variance_and_moves_slowly():
    kernel = torch.tensor([1.0, 2.0, 3.0, 2.0, 1.0])
    kernel = kernel / kernel.square().sum().sqrt()
    white = torch.randn(5000 + 4, 3, generator=torch.Generator().manual_seed(1))
    smooth = time_smoothed(white, kernel)
    assert smooth.shape == (5000, 3)
    assert float(smooth.std()) == pytest.approx(1.0, abs=0.05)
    assert float(smooth.diff(dim=0).std()) < 0.6


def test_smoothed_noise_is_the_same_for_any_cut():
    kernel = torch.full((3,), 3.0**-0.5)
    white = torch.randn(12, 2, generator=torch.Generator().manual_seed(2))
    whole = time_smoothed(white, kernel)
    assert torch.equal(whole[4:7], time_smoothed(white[4:9], kernel))
