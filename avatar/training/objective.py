"""What the motion sampler is trained on: the losses of the audio front end and of the flow."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from avatar.sampler.conditions import ConditionLayout
from avatar.sampler.denoiser import Denoiser
from avatar.sampler.dynamics import CARRIED_FRAMES, MOTION_SIZE, MOUTH, NAMES, encode
from avatar.sampler.flow.noise import NOISE_REACH, smoothing_kernel
from avatar.sampler.flow.solvers import time_smoothed
from avatar.training.batches import CLOSE, JAW, ROLL, Blocks, Crops, Normalisation
from avatar.training.gestures.visemes import UNKNOWN_VISEME, VISEME_NAMES

_MOUTH = list(MOUTH)
_OTHERS = [i for i in range(MOTION_SIZE) if i not in set(MOUTH)]

# Condition dropping: rates near those of VASA-1 (section 3.2).
DROP_CONDITION = 0.1
DROP_AUDIO = 0.08
DROP_HISTORY = 0.25
# Weights of the losses, chosen so that the mouth leads.
NO_AUDIO_WEIGHT = 0.2  # of the mouth where the sound was dropped
JAW_WEIGHT = 2.0
CURVE_WEIGHT = 1.0  # of opening and width
MOVEMENT_WEIGHT = 0.5  # of how they change from frame to frame: lips that are unsure don't jump
SPREAD_WEIGHT = 0.5  # of how far they move within a crop: what is likely moves less than people do
CONTACT_WEIGHT = 2.0
CONTACT_POSITIVE_WEIGHT = 2.0  # contacts are rare, and a missed one is seen more than one too many
VISEME_WEIGHT = 0.15


def _on_both_sides(**stems: float) -> dict[str, float]:
    return {stem + side: by for side in ("Left", "Right") for stem, by in stems.items()}


OPENS = {"jawOpen": 1.0, "mouthClose": -1.0}
OPENING_SCALE = 0.06  # an error of the opening that can just be seen
WIDENS = {"jawOpen": -0.05, "mouthPucker": -0.19, "mouthFunnel": -0.12} | _on_both_sides(
    mouthStretch=0.10, mouthSmile=0.08, mouthDimple=0.055
)
"""By how many eye distances the mesh decoder draws the corners of the mouth apart, a unit each."""
WIDTH_SCALE = 0.02  # an error of the width that can just be seen

HISTORY_ERROR = 0.1  # spread of the constant errors put on the history's positions, in units of their spread
TAIL = 2.0  # innovations beyond this many spreads (saccades, blinks) count linearly, nearer ones squared
AT_NOISE = 0.25  # share of examples at time 0, where every sampling begins


class Objective(nn.Module):
    """The losses; holds the viseme classifier that only training needs."""

    weights: Tensor
    makes: Tensor

    def __init__(self, denoiser: Denoiser, norms: Normalisation) -> None:
        super().__init__()
        self.denoiser = denoiser
        self.norms = norms
        self.viseme = nn.Linear(denoiser.config.width, len(VISEME_NAMES))
        self.kernel = smoothing_kernel()
        weights = torch.ones(len(MOUTH))
        weights[[JAW, CLOSE, ROLL]] = JAW_WEIGHT
        self.register_buffer("weights", weights, persistent=False)
        self.register_buffer("makes", _curve_makers(norms.flow_std[_MOUTH].cpu()), persistent=False)

    def _mouth(self, predicted: Tensor, wanted: Tensor, rows: Tensor | None = None) -> Tensor:
        """Robust, so that it settles on what is likely and not in between.

        Args:
            predicted: [B, F, len(MOUTH)] in network units.
            wanted: likewise.
            rows: [B, 1] weights of the examples, or None.

        Returns:
            A scalar.
        """
        error = (F.smooth_l1_loss(predicted, wanted, beta=0.2, reduction="none") * self.weights).mean(-1)
        ours, right = self._curves(predicted), self._curves(wanted)
        error = error + CURVE_WEIGHT * _visible(ours, right)
        loss = (error if rows is None else error * rows).mean()
        if predicted.shape[1] > 1:
            moved = _visible(ours.diff(dim=1), right.diff(dim=1))
            loss = loss + MOVEMENT_WEIGHT * (moved if rows is None else moved * rows).mean()
        return loss

    def _curves(self, mouth: Tensor) -> Tensor:
        """Opening and width, in errors that can just be seen: [..., len(MOUTH)] in network units to [..., 2]."""
        return (mouth[..., None] * self.makes).sum(-2)  # a matrix product would be taken in half precision

    def hearing(self, crops: Crops) -> Tensor:
        """The front end's loss: articulation, its contacts, and which viseme it is."""
        heard, _ = self.denoiser.audio(crops.features, crops.views)
        # The shapes learn under the true contacts: else they would overshoot to make up for hesitant gates.
        expected, gates = self.denoiser.articulation(heard, crops.contacts)
        positive = torch.full((2,), CONTACT_POSITIVE_WEIGHT, device=heard.device)
        met = F.binary_cross_entropy_with_logits(gates.float(), crops.contacts, pos_weight=positive)
        classes = crops.visemes.flatten()
        visemes = F.cross_entropy(
            self.viseme(heard).float().flatten(0, 1), classes, ignore_index=UNKNOWN_VISEME, reduction="sum"
        ) / (classes != UNKNOWN_VISEME).sum().clamp_min(1)
        shape = expected.float()
        far = _visible(*(_spread(self._curves(mouth)) for mouth in (shape, crops.articulation))).mean()
        mouth = self._mouth(shape, crops.articulation) + SPREAD_WEIGHT * far
        return mouth + CONTACT_WEIGHT * met + VISEME_WEIGHT * visemes

    def flow(self, blocks: Blocks, generator: torch.Generator) -> Tensor:
        """Flow matching.

        Args:
            blocks: the batch.
            generator: of everything random, on the CPU.
        """
        device = blocks.motion.device
        reach, block, rows = self.denoiser.config.history, self.denoiser.config.block, len(blocks.motion)
        size = block
        if float(torch.rand(1, generator=generator)) < 0.2:
            size = int(torch.randint(1, block, (1,), generator=generator))
        # The dynamics always know the intention; only the network's view of it is dropped.
        flow = encode(blocks.motion[:, reach - CARRIED_FRAMES : reach + size], blocks.conditions[:, :size])
        wanted = (flow - self.norms.flow_mean) / self.norms.flow_std
        has_history = (torch.rand(rows, 1, generator=generator) >= DROP_HISTORY).float().to(device)
        has_audio = (torch.rand(rows, 1, generator=generator) >= DROP_AUDIO).float().to(device)
        white = torch.randn(rows, size + 2 * NOISE_REACH, MOTION_SIZE, generator=generator)
        noise = time_smoothed(white, self.kernel).to(device)
        t = torch.rand(rows, generator=generator)
        t = torch.where(torch.rand(rows, generator=generator) < AT_NOISE, torch.zeros(rows), t)[:, None, None].to(
            device
        )
        given = self.denoiser.given(
            history=self._history(blocks, generator),
            has_history=has_history,
            heard=blocks.heard[:, :size],
            expected=blocks.expected[:, :size],
            has_audio=has_audio,
            conditions=self._drop(blocks.conditions[:, :size], generator),
        )
        noisy = (1.0 - t) * noise + t * wanted
        predicted = self.denoiser(noisy, self.denoiser.embed_time(t[:, 0, 0]), given).float()
        # Without sound the mouth can only be likely; guidance needs to know what that is.
        heeded = has_audio + NO_AUDIO_WEIGHT * (1.0 - has_audio)
        mouth = self._mouth(predicted[:, :, _MOUTH], wanted[:, :, _MOUTH], heeded)
        rest = F.smooth_l1_loss(predicted[:, :, _OTHERS], wanted[:, :, _OTHERS], beta=TAIL)
        return mouth + 2.0 * TAIL * rest

    def _history(self, blocks: Blocks, generator: torch.Generator) -> Tensor:
        """What the network sees of the previous frames, a little off, as its own ones will be: [B, history, 104]."""
        reach, norms = self.denoiser.config.history, self.norms
        position = (blocks.motion[:, :reach] - norms.position_mean) / norms.position_std
        position = position + HISTORY_ERROR * torch.randn(len(position), 1, MOTION_SIZE, generator=generator).to(
            position.device
        )
        flow = (blocks.innovations - norms.flow_mean) / norms.flow_std
        return torch.cat([position, flow], dim=-1)

    def _drop(self, conditions: Tensor, generator: torch.Generator) -> Tensor:
        out = conditions.clone()
        for group in ConditionLayout.GROUPS:
            gone = (torch.rand(len(out), generator=generator) < DROP_CONDITION).to(out.device)
            out[gone, :, group] = 0.0
        return out


def _curve_makers(spreads: Tensor) -> Tensor:
    """What opening and width gain by a unit of the mouth: [len(MOUTH), 2]."""
    out = torch.zeros(len(MOUTH), 2)
    for column, (makes, scale) in enumerate(((OPENS, OPENING_SCALE), (WIDENS, WIDTH_SCALE))):
        for name, by in makes.items():
            row = MOUTH.index(NAMES.index(name))
            out[row, column] = by * spreads[row] / scale
    return out


def _visible(ours: Tensor, right: Tensor) -> Tensor:
    """The error of curves [..., 2]: [...]."""
    return F.smooth_l1_loss(ours, right, beta=0.3, reduction="none").sum(-1)


def _spread(curves: Tensor) -> Tensor:
    """Standard deviations over time: [B, F, 2] to [B, 2]."""
    return curves.var(dim=1, unbiased=False).clamp_min(1e-4).sqrt()
