"""What the motion sampler is trained on: the losses of the audio front end and of the flow."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from avatar.conditions import ConditionLayout
from avatar.denoiser import MOTION_SIZE, MOUTH, Denoiser
from avatar.motion import MotionLayout
from avatar.motion_sampler import NOISE_REACH, noise_kernel
from avatar.sampling import euler, time_smoothed, time_steps
from avatar.training.articulation import VISEME_NAMES
from avatar.training.batches import Blocks, Crops

_POSITION = {name: i for i, name in enumerate(MotionLayout.NAMES[j] for j in MotionLayout.SAMPLED)}
JAW, CLOSE, ROLL = _POSITION["jawOpen"], _POSITION["mouthClose"], _POSITION["mouthRollLower"]
_MOUTH = list(MOUTH)
_OTHERS = [i for i in range(MOTION_SIZE) if i not in set(MOUTH)]

# Condition dropping: rates near those of VASA-1 (section 3.2).
DROP_CONDITION = 0.1
DROP_AUDIO = 0.08
DROP_HISTORY = 0.25
# Weights of the losses, chosen so that the mouth leads.
CONTACT_WEIGHT = 2.0
APERTURE_WEIGHT = 1.0
CHANGE_WEIGHT = 2.0
VISEME_WEIGHT = 0.15
APERTURE_SCALE = 0.06  # an aperture error that can just be seen
HISTORY_ERROR = 0.12  # spread of the smooth errors put on the history, in units of each dimension's spread
ROLLOUT_STEPS = 3
AT_NOISE = 0.25  # share of examples at time 0, where every sampling begins


class Objective(nn.Module):
    """The losses; holds the viseme classifier that only training needs."""

    def __init__(self, denoiser: Denoiser, mean: Tensor, std: Tensor) -> None:
        super().__init__()
        self.denoiser = denoiser
        self.viseme = nn.Linear(denoiser.config.width, len(VISEME_NAMES))
        self.kernel = noise_kernel()
        self.aperture = (float(std[JAW]), float(std[CLOSE]), float(mean[JAW] - mean[CLOSE]))
        weights = torch.ones(MOTION_SIZE)
        weights[[JAW, CLOSE, ROLL]] = CONTACT_WEIGHT
        self.weights = weights

    def _open(self, jaw: Tensor, close: Tensor) -> Tensor:
        """Aperture, jawOpen - mouthClose, from network units."""
        return jaw * self.aperture[0] - close * self.aperture[1] + self.aperture[2]

    def _mouth(self, predicted: Tensor, wanted: Tensor) -> Tensor:
        """Robust, so that a contact is there or not rather than half there: [..., len(MOUTH)] to a scalar."""
        jaw, close = _MOUTH.index(JAW), _MOUTH.index(CLOSE)
        error = (F.smooth_l1_loss(predicted, wanted, beta=0.2, reduction="none") * self.weights[_MOUTH]).mean()
        opened = self._open(predicted[..., jaw], predicted[..., close])
        right = self._open(wanted[..., jaw], wanted[..., close])
        return error + APERTURE_WEIGHT * F.smooth_l1_loss(opened / APERTURE_SCALE, right / APERTURE_SCALE, beta=0.3)

    def hearing(self, crops: Crops) -> Tensor:
        """The front end's loss: articulation, and which viseme it is."""
        heard, expected = self.denoiser.hear(crops.features)
        loss = self._mouth(expected.float(), crops.articulation)
        visemes = F.cross_entropy(self.viseme(heard).float().flatten(0, 1), crops.visemes.flatten())
        return loss + VISEME_WEIGHT * visemes

    def flow(self, blocks: Blocks, generator: torch.Generator, *, rollout: bool) -> Tensor:
        """Flow matching on the second block of each pair.

        Args:
            blocks: the batch.
            generator: of everything random.
            rollout: the first block of each pair is sampled by the network itself (self-forcing).
        """
        reach, block = self.denoiser.config.history, self.denoiser.config.block
        rows = len(blocks.motion)
        size = block
        if float(torch.rand(1, generator=generator)) < 0.2:
            size = int(torch.randint(1, block, (1,), generator=generator))
        now = slice(block, block + size)
        errors = self._history_errors(rows, reach, generator)
        has_history = (torch.rand(rows, 1, generator=generator) >= DROP_HISTORY).float()
        if rollout:
            before = blocks.motion[:, :reach] + errors
            history = torch.cat([before[:, block:], self._own_block(blocks, before, generator)], dim=1)
            has_history = torch.ones(rows, 1)
        else:
            history = blocks.motion[:, block : block + reach] + errors
        has_audio = (torch.rand(rows, 1, generator=generator) >= DROP_AUDIO).float()
        noise = self._noise(rows, size, generator)
        t = torch.rand(rows, generator=generator)
        t = torch.where(torch.rand(rows, generator=generator) < AT_NOISE, torch.zeros(rows), t)[:, None, None]
        wanted = blocks.motion[:, reach + block : reach + block + size]
        predicted = self.denoiser(
            (1.0 - t) * noise + t * wanted,
            t[:, 0, 0],
            history=history,
            has_history=has_history,
            heard=blocks.heard[:, now],
            expected=blocks.expected[:, now],
            has_audio=has_audio,
            conditions=self._drop(blocks.conditions[:, now], generator),
        ).float()
        return self._block_loss(predicted, wanted, history[:, -1:], has_history, has_audio)

    def _block_loss(
        self, predicted: Tensor, wanted: Tensor, last: Tensor, has_history: Tensor, has_audio: Tensor
    ) -> Tensor:
        # Without sound a mouth can't be right: those examples teach the rest only.
        heard = has_audio[:, :, None]
        loss = self._mouth(predicted[:, :, _MOUTH] * heard, wanted[:, :, _MOUTH] * heard)
        loss = loss + (predicted[:, :, _OTHERS] - wanted[:, :, _OTHERS]).square().mean()
        kept = has_history[:, :, None]
        steps_made = torch.cat([(predicted[:, :1] - last) * kept, predicted[:, 1:] - predicted[:, :-1]], dim=1)
        steps_right = torch.cat([(wanted[:, :1] - last) * kept, wanted[:, 1:] - wanted[:, :-1]], dim=1)
        change = (steps_made - steps_right)[:, :, _OTHERS]
        return loss + CHANGE_WEIGHT * change.square().mean()

    def _history_errors(self, rows: int, reach: int, generator: torch.Generator) -> Tensor:
        """Smooth errors like the sampler's own: an offset and a slope, the same for the whole history."""
        offset = torch.randn(rows, 1, MOTION_SIZE, generator=generator)
        slope = torch.randn(rows, 1, MOTION_SIZE, generator=generator)
        line = torch.linspace(1.0, 0.0, reach)[None, :, None]
        return HISTORY_ERROR * (offset + 0.5 * slope * line)

    def _noise(self, rows: int, frames: int, generator: torch.Generator) -> Tensor:
        white = torch.randn(rows, frames + 2 * NOISE_REACH, MOTION_SIZE, generator=generator)
        return time_smoothed(white, self.kernel)

    def _drop(self, conditions: Tensor, generator: torch.Generator) -> Tensor:
        out = conditions.clone()
        for group in ConditionLayout.GROUPS:
            gone = torch.rand(len(out), generator=generator) < DROP_CONDITION
            out[gone, :, group] = 0.0
        return out

    @torch.no_grad()
    def _own_block(self, blocks: Blocks, before: Tensor, generator: torch.Generator) -> Tensor:
        """The first block of each pair as the sampler makes it: [B, block, 52]."""
        block, rows = self.denoiser.config.block, len(before)
        one = torch.ones(rows, 1)

        def predict(x: Tensor, t: float) -> Tensor:
            out: Tensor = self.denoiser(
                x,
                torch.full((rows,), t),
                history=before,
                has_history=one,
                heard=blocks.heard[:, :block],
                expected=blocks.expected[:, :block],
                has_audio=one,
                conditions=blocks.conditions[:, :block],
            ).float()
            return out

        return euler(predict, self._noise(rows, block, generator), time_steps(ROLLOUT_STEPS))
