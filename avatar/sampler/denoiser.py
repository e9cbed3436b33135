"""The network of the motion sampler: an audio front end, and a flow-matching transformer over one block of motion.

The front end (`avatar.sampler.front_end`) hears each frame with a second of past and 80 ms of future and is trained to
know the articulation. The transformer sees the previous frames and the noisy block together with the front end's view
and the conditions, and predicts the clean block, in the flow's variables (`avatar.sampler.dynamics`), normalised to
zero mean and unit spread.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from avatar.sampler.conditions import ConditionLayout
from avatar.sampler.dynamics import MOTION_SIZE, MOUTH
from avatar.sampler.front_end import AudioFrontEnd, Tails

GATE_SHARPNESS = 1.0
GATE_BIAS = (0.5, 0.2)
"""How decided, and how ready to meet (lips; lip and teeth), the contacts are in use: a missed contact is seen more than
one too many, but lips come and go over frames. `benchmarks/contact_gates.py` tells what other choices do."""


@dataclass(frozen=True, slots=True)
class DenoiserConfig:
    """Sizes of the network, kept in the checkpoint.

    Attributes:
        width: of the transformer and of the front end's frames.
        hop_width: of the front end's hops.
        view_width: kept of each of the speech encoder's views.
        layers: of the transformer.
        heads: of its attention.
        feed_forward: width inside its feed-forward parts.
        history: previous frames that it sees.
        block: most frames of one block.
    """

    width: int = 256
    hop_width: int = 128
    view_width: int = 64
    layers: int = 3
    heads: int = 4
    feed_forward: int = 768
    history: int = 8
    block: int = 5


def decided(logits: Tensor) -> Tensor:
    """The gates of the contacts as they are used: logits [..., 2] to [0, 1]."""
    return torch.sigmoid(GATE_SHARPNESS * (logits + logits.new_tensor(GATE_BIAS)))


class Articulation(nn.Module):
    """What the mouth does, as far as it can be heard: an open shape, or a contact of lips, or of lip and teeth.

    A contact is there or not; a network that averages would leave the lips half closed. So contacts have gates of
    their own, trained as a classification, that switch between three shapes.
    """

    def __init__(self, config: DenoiserConfig) -> None:
        super().__init__()
        self.gates = nn.Linear(config.width, 2)
        self.shapes = nn.Linear(config.width, 3 * len(MOUTH))

    def forward(self, heard: Tensor, contacts: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """What is expected of the mouth.

        Args:
            heard: [B, F, width].
            contacts: [B, F, 2] in [0, 1] (lips, teeth) where they are known, in training; otherwise the gates decide.

        Returns:
            [B, F, len(MOUTH)], and the gates' logits [B, F, 2].
        """
        logits = self.gates(heard)
        met = decided(logits) if contacts is None else contacts
        lips, teeth = met.unsqueeze(-1).unbind(-2)
        opened, closed, bitten = self.shapes(heard).chunk(3, dim=-1)
        return opened * (1.0 - lips) * (1.0 - teeth) + closed * lips + bitten * teeth * (1.0 - lips), logits


class Block(nn.Module):
    """A pre-norm transformer layer, all tokens seeing all."""

    def __init__(self, config: DenoiserConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.norm_1 = nn.LayerNorm(config.width)
        self.qkv = nn.Linear(config.width, 3 * config.width)
        self.out = nn.Linear(config.width, config.width)
        self.norm_2 = nn.LayerNorm(config.width)
        self.rise = nn.Linear(config.width, config.feed_forward)
        self.fall = nn.Linear(config.feed_forward, config.width)

    def forward(self, x: Tensor, wanted: int | None = None) -> Tensor:
        """[B, N, width] to [B, N, width], or [B, wanted, width] of the last tokens, which see all."""
        batch, tokens, width = x.shape
        normed = self.norm_1(x)
        if wanted is None or wanted == tokens:
            query, key, value = self.qkv(normed).chunk(3, dim=-1)
        else:
            weight, bias = self.qkv.weight, self.qkv.bias
            query = F.linear(normed[:, -wanted:].contiguous(), weight[:width], bias[:width])
            key, value = F.linear(normed, weight[width:], bias[width:]).chunk(2, dim=-1)
            x = x[:, -wanted:]
        query, key, value = (
            part.view(batch, -1, self.heads, width // self.heads).transpose(1, 2) for part in (query, key, value)
        )
        seen = F.scaled_dot_product_attention(query, key, value)
        x = x + self.out(seen.transpose(1, 2).reshape(x.shape))
        return x + self.fall(F.gelu(self.rise(self.norm_2(x))))


@dataclass(frozen=True, slots=True)
class Heard:
    """What the front end makes of sound.

    Attributes:
        view: [B, F, width], what the transformer sees of it.
        expected: [B, F, len(MOUTH)], the articulation.
        met: [B, F, 1], how surely the lips, or lip and teeth, meet, in [0, 1].
        tails: for the frames after.
    """

    view: Tensor
    expected: Tensor
    met: Tensor
    tails: Tails

    def rows(self) -> list[Heard]:
        """Each of the batch by itself, [1, …]."""
        tails = zip(*(layer.split(1) for layer in self.tails), strict=True)
        parts = zip(self.view.split(1), self.expected.split(1), self.met.split(1), tails, strict=True)
        return [Heard(*part) for part in parts]


@dataclass(frozen=True, slots=True)
class Given:
    """What the transformer knows of a block beside the noisy motion, the same at every flow time.

    Attributes:
        past: [B, history, width], tokens of the frames before.
        conditions: [B, F, width], as they are added to the block's tokens.
        sound: [B, F, width], likewise.
        no_sound: [B, 1, width], what is added instead where there is none.
        expected: [B, F, len(MOUTH)], where the mouth starts from.
    """

    past: Tensor
    conditions: Tensor
    sound: Tensor
    no_sound: Tensor
    expected: Tensor


class Denoiser(nn.Module):
    """Predicts a clean block of motion from a noisy one and all that is known."""

    def __init__(self, config: DenoiserConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.audio = AudioFrontEnd(width=width, hop_width=config.hop_width, view_width=config.view_width)
        self.articulation = Articulation(config)
        self.no_audio = nn.Parameter(torch.zeros(width))
        self.no_history = nn.Parameter(torch.zeros(width))
        self.motion_in = nn.Linear(MOTION_SIZE, width)
        self.history_in = nn.Linear(2 * MOTION_SIZE, width)
        self.prior_in = nn.Linear(len(MOUTH), width)
        self.audio_in = nn.Linear(width, width)
        self.condition_in = nn.Sequential(nn.Linear(ConditionLayout.SIZE, width), nn.GELU(), nn.Linear(width, width))
        self.time_in = nn.Sequential(nn.Linear(64, width), nn.GELU(), nn.Linear(width, width))
        self.position = nn.Parameter(torch.empty(config.history + config.block, width))
        if not self.position.is_meta:  # there it would import PyTorch's compiler, a second of every start
            nn.init.normal_(self.position, std=0.02)
        self.blocks = nn.ModuleList([Block(config) for _ in range(config.layers)])
        self.norm = nn.LayerNorm(width)
        self.motion_out = nn.Linear(width, MOTION_SIZE)
        nn.init.zeros_(self.motion_out.weight)
        nn.init.zeros_(self.motion_out.bias)

    def hear(self, features: Tensor, views: Tensor, tails: Tails | None = None) -> Heard:
        """Hears F frames, whole or following on others: see `AudioFrontEnd`."""
        view, after = self.audio(features, views, tails)
        expected, logits = self.articulation(view)
        return Heard(view, expected, decided(logits).amax(-1, keepdim=True), after)

    def given(
        self,
        *,
        history: Tensor,
        has_history: Tensor,
        heard: Tensor,
        expected: Tensor,
        has_audio: Tensor,
        conditions: Tensor,
    ) -> Given:
        """What is known of a block beside the noisy motion.

        Args:
            history: [B, history, 104] previous frames: positions and innovations, both normalised.
            has_history: [B, 1] 1 or 0: 0 drops the condition.
            heard: [B, F, width] and
            expected: [B, F, len(MOUTH)] of `hear`.
            has_audio: [B, 1] 1 or 0.
            conditions: [B, F, ConditionLayout.SIZE].
        """
        kept, with_sound = has_history[:, :, None], has_audio[:, :, None]
        past = self.history_in(history) * kept + self.no_history * (1.0 - kept)
        return Given(
            past=past + self.position[: past.shape[1]],
            conditions=self.condition_in(conditions),
            sound=(self.audio_in(heard) + self.prior_in(expected)) * with_sound,
            no_sound=self.no_audio * (1.0 - with_sound),
            expected=expected * with_sound,
        )

    def embed_time(self, t: Tensor) -> Tensor:
        """Flow times [B], in [0, 1), as they are added to tokens: [B, width]."""
        embedded: Tensor = self.time_in(time_features(t))
        return embedded

    def forward(self, x: Tensor, time: Tensor, given: Given) -> Tensor:
        """Predicts the clean block.

        Args:
            x: [B, F, 52] noisy block, F at most `config.block`.
            time: [B, width] of `embed_time`.
            given: what else is known of it.

        Returns:
            [B, F, 52].
        """
        frames, history = x.shape[1], given.past.shape[1]
        now = self.motion_in(x) + given.conditions + time[:, None] + given.sound + given.no_sound
        tokens = torch.cat([given.past, now + self.position[history : history + frames]], dim=1)
        for block in self.blocks[:-1]:
            tokens = block(tokens)
        tokens = self.blocks[-1](tokens, wanted=frames)
        change = self.motion_out(self.norm(tokens))
        # What was heard needs no learning twice: the mouth starts from what the front end expects.
        start = torch.zeros_like(change)
        start[:, :, list(MOUTH)] = given.expected.to(start.dtype)
        return start + change


def time_features(t: Tensor) -> Tensor:
    """Sines and cosines of the flow time: [B] to [B, 64]."""
    frequencies = torch.exp(torch.arange(32, device=t.device) * (math.log(200.0) / 31.0))
    angles = t[:, None] * frequencies[None, :]
    return torch.cat([angles.sin(), angles.cos()], dim=-1)
