"""What is done to both of the front end's inputs in training, so that nothing is learned that only these voices have.

The sound itself was changed before (`avatar.training.augment`), for both alike. These changes are cheap, new at every
step, and different for the two inputs: nothing may hang on one of them, or on a few of their numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from avatar.motion import LOOK_AHEAD_FRAMES
from avatar.sampler.features import HOPS_PER_FRAME
from avatar.sampler.front_end import SpeechViews
from avatar.sampler.speech_encoder import VIEWS_PER_FRAME

DROP_LOOK_AHEAD = 0.05
WAVE_BANDS = 0.5  # spread of the formants' single shifts

# Of the views, in their own spreads: noise in every frame, a shift that stays (as voices and microphones differ), and
# how far each number is stretched. A share of the numbers says nothing at all.
VIEW_NOISE, VIEW_SHIFT, VIEW_STRETCH, DROP_NUMBER = 0.3, 0.25, 0.1, 0.1

DROP_VIEWS, DROP_MEL = 0.12, 0.2
"""Shares of the examples that have one input alone. People are understood by the views in the first place: these have
to be able to do without the other one."""

_LEAST_SPREAD = 0.01
_MEASURED_BLOCKS = 2000


def changed_mel(features: Tensor, silence: Tensor, generator: torch.Generator) -> Tensor:
    """Formants, level, colour, noise floor and lost look-ahead, changed in feature space.

    Args:
        features: [B, hops, 64].
        silence: [4, 64].
        generator: of all that is random.

    Returns:
        [B, hops, 64].
    """
    size, hops, bands = features.shape

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return torch.rand(shape, generator=generator) * (high - low) + low

    # Vocal tracts differ in length, and formants singly: bands are read at stretched, wavy positions.
    wave = F.interpolate(torch.randn(size, 1, 7, generator=generator), size=bands, mode="linear")[:, 0]
    position = torch.arange(bands) * uniform(0.87, 1.15, size, 1) + WAVE_BANDS * wave
    position = position.clamp(0, bands - 1.001)
    low = position.floor().long()
    share = (position - low)[:, None, :]
    index = low[:, None, :].expand(size, hops, bands)
    out = features.gather(2, index) * (1.0 - share) + features.gather(2, index + 1) * share
    # Level and colour: a gain that varies smoothly over the bands (4 units are e-fold of power times 4).
    anchors = torch.randn(size, 1, 6, generator=generator) * 0.22
    colour = F.interpolate(anchors, size=bands, mode="linear", align_corners=True)
    level = uniform(-0.7, 0.5, size, 1, 1)
    floor = features.new_tensor(float(silence.min()))
    # Gains act on power above the floor.
    power = (torch.exp(4.0 * (out - floor)) - 1.0).clamp_min(0.0) * torch.exp(4.0 * (colour + level))
    noisy = (torch.rand(size, 1, 1, generator=generator) < 0.4).float()
    tint = F.interpolate(torch.randn(size, 1, 4, generator=generator) * 0.3, size=bands, mode="linear")
    noise_level = uniform(0.0, 0.9, size, 1, 1) + tint
    grain = -torch.log(torch.rand(out.shape, generator=generator).clamp_min(1e-6))
    power = power + noisy * grain.clamp(0.1, 4.0) * (torch.exp(4.0 * noise_level) - 1.0).clamp_min(0.0)
    out = floor + torch.log1p(power) / 4.0
    # Nothing may hang on one band alone (SpecAugment; Park et al. 2019).
    middle, width = uniform(0.0, bands, size, 1, 1), uniform(0.0, 6.0, size, 1, 1)
    masked = (torch.rand(size, 1, 1, generator=generator) < 0.25) & ((torch.arange(bands) - middle).abs() < width)
    out = torch.where(masked, floor, out)
    deaf = torch.rand(size, generator=generator) < DROP_LOOK_AHEAD
    ahead = LOOK_AHEAD_FRAMES * HOPS_PER_FRAME
    if deaf.any():
        out[deaf, -ahead:] = silence.repeat(LOOK_AHEAD_FRAMES, 1)
    return out


@dataclass(frozen=True)
class ViewChanges:
    """Changes views of frames.

    Attributes:
        mean: [VIEW_SIZE], of all views.
        spread: [VIEW_SIZE], likewise.
    """

    mean: Tensor
    spread: Tensor

    @classmethod
    def measured(cls, views: Tensor) -> ViewChanges:
        """For views like these: [blocks, frames, VIEW_SIZE]."""
        some = some_blocks(views).float().flatten(0, 1)
        return cls(some.mean(0), some.std(0).clamp_min(_LEAST_SPREAD))

    def __call__(self, views: Tensor, generator: torch.Generator) -> Tensor:
        """[B, F, 3, VIEW_SIZE] to as many."""
        size, frames, _, width = views.shape
        each = (size, 1, 1, width)
        said = (torch.rand(each, generator=generator) >= DROP_NUMBER).float()
        gain = said * (1.0 + VIEW_STRETCH * torch.randn(each, generator=generator))
        shift = VIEW_SHIFT * torch.randn(each, generator=generator) * self.spread + (1.0 - gain) * self.mean
        noise = torch.randn(size, frames + LOOK_AHEAD_FRAMES, width, generator=generator)
        noise.mul_(VIEW_NOISE * self.spread)
        out = torch.addcmul(shift, views, gain)
        for k in range(VIEWS_PER_FRAME):
            out[:, :, k] += noise[:, k : k + frames]
        return out


def one_input_alone(features: Tensor, views: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Takes one of the inputs away from a share of the examples, in place: what is missing is 0, as in no sound."""
    drawn = torch.rand(len(features), generator=generator)
    has_views, has_mel = drawn >= DROP_VIEWS, drawn < 1.0 - DROP_MEL
    return features.mul_(has_mel[:, None, None]), views.mul_(has_views[:, None, None, None])


@torch.no_grad()
def begin_views(speech: SpeechViews, views: Tensor) -> None:
    """Has the network begin with numbers of zero mean and unit spread: Whisper's are of very different sizes.

    Args:
        speech: fresh.
        views: [blocks, frames, VIEW_SIZE], of the data.
    """
    some = F.layer_norm(some_blocks(views).float(), views.shape[-1:]).flatten(0, 1)
    speech.norm.weight.copy_(1.0 / some.std(0).clamp_min(_LEAST_SPREAD))
    speech.norm.bias.copy_(-some.mean(0) * speech.norm.weight)


def some_blocks(views: Tensor) -> Tensor:
    """Enough of all blocks for means and spreads."""
    return views[:: -(-len(views) // _MEASURED_BLOCKS)]
