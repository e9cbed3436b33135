"""The network of the motion sampler: an audio front end, and a flow-matching transformer over one block of motion.

The front end hears each frame with 0.4 s of past and 80 ms of future and is trained to know the articulation. The
transformer sees the previous frames and the noisy block together with the front end's view and the conditions, and
predicts the clean block. Everything is in normalised motion units (zero mean, unit spread).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from avatar.conditions import ConditionLayout
from avatar.features import HOPS_PER_FRAME, LOOK_AHEAD_FRAMES, MEL_BANDS
from avatar.motion import MotionLayout

MOTION_SIZE = len(MotionLayout.SAMPLED)

MOUTH: tuple[int, ...] = tuple(
    i
    for i, index in enumerate(MotionLayout.SAMPLED)
    if MotionLayout.NAMES[index].startswith(("jaw", "mouth", "cheekPuff", "tongue"))
)
"""Positions, among the 52 sampled dimensions, of what speech articulates."""

AUDIO_PAST_FRAMES = 11
"""Frames before the present one that the front end hears (0.44 s). With the present and the two ahead these are the 56
hops of the convolutions' receptive field, exactly."""


def audio_hops(frames: int) -> int:
    """Feature hops that so many consecutive frames need."""
    return (AUDIO_PAST_FRAMES + frames + LOOK_AHEAD_FRAMES) * HOPS_PER_FRAME


@dataclass(frozen=True, slots=True)
class DenoiserConfig:
    """Sizes of the network, kept in the checkpoint.

    Attributes:
        width: of the transformer.
        layers: of the transformer.
        heads: of its attention.
        feed_forward: width inside its feed-forward parts.
        channels: of the audio front end.
        history: previous frames that it sees.
        block: most frames of one block.
    """

    width: int = 256
    layers: int = 4
    heads: int = 4
    feed_forward: int = 768
    channels: int = 192
    history: int = 10
    block: int = 5


class AudioFrontEnd(nn.Module):
    """Convolutions from 10 ms hops to video frames, without padding: a frame's result depends on its window only."""

    def __init__(self, config: DenoiserConfig) -> None:
        super().__init__()
        channels, width = config.channels, config.width
        self.layers = nn.ModuleList(
            [
                nn.Conv1d(MEL_BANDS, channels, 7),
                nn.Conv1d(channels, channels, 4, stride=2),
                nn.Conv1d(channels, channels, 5),
                nn.Conv1d(channels, width, 4, stride=2),
                nn.Conv1d(width, width, 3),
                nn.Conv1d(width, width, 3, dilation=2),
            ]
        )
        self.mix = nn.Conv1d(width, width, 3)
        self.norm = nn.LayerNorm(width)

    def forward(self, features: Tensor) -> Tensor:
        """[B, audio_hops(F), 64] to [B, F, width]."""
        x = features.transpose(1, 2)
        for layer in self.layers:
            y = F.gelu(layer(x))
            # Layers that keep width and rate are residual; the newest sound is the nearest to the frame.
            if y.shape[1] == x.shape[1] and isinstance(layer, nn.Conv1d) and layer.stride[0] == 1:
                y = y + x[:, :, -y.shape[2] :]
            x = y
        return self.norm(self.mix(x).transpose(1, 2))


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

    def forward(self, x: Tensor) -> Tensor:
        """[B, N, width] to the same."""
        batch, tokens, width = x.shape
        qkv = self.qkv(self.norm_1(x)).view(batch, tokens, 3, self.heads, width // self.heads)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)
        seen = F.scaled_dot_product_attention(query, key, value)
        x = x + self.out(seen.transpose(1, 2).reshape(batch, tokens, width))
        return x + self.fall(F.gelu(self.rise(self.norm_2(x))))


class Denoiser(nn.Module):
    """Predicts a clean block of motion from a noisy one and all that is known."""

    def __init__(self, config: DenoiserConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.audio = AudioFrontEnd(config)
        self.articulation = nn.Linear(width, len(MOUTH))
        self.no_audio = nn.Parameter(torch.zeros(width))
        self.no_history = nn.Parameter(torch.zeros(width))
        self.motion_in = nn.Linear(MOTION_SIZE, width)
        self.history_in = nn.Linear(MOTION_SIZE, width)
        self.prior_in = nn.Linear(len(MOUTH), width)
        self.audio_in = nn.Linear(width, width)
        self.condition_in = nn.Sequential(nn.Linear(ConditionLayout.SIZE, width), nn.GELU(), nn.Linear(width, width))
        self.time_in = nn.Sequential(nn.Linear(64, width), nn.GELU(), nn.Linear(width, width))
        self.position = nn.Parameter(torch.randn(config.history + config.block, width) * 0.02)
        self.blocks = nn.ModuleList([Block(config) for _ in range(config.layers)])
        self.norm = nn.LayerNorm(width)
        self.motion_out = nn.Linear(width, MOTION_SIZE)
        nn.init.zeros_(self.motion_out.weight)
        nn.init.zeros_(self.motion_out.bias)
        mouth = torch.zeros(MOTION_SIZE)
        mouth[list(MOUTH)] = 1.0
        self.is_mouth: Tensor
        self.register_buffer("is_mouth", mouth, persistent=False)

    def hear(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Sound to what the transformer needs of it.

        Args:
            features: [B, audio_hops(F), 64].

        Returns:
            [B, F, width] the front end's view, and [B, F, len(MOUTH)] the articulation that it expects.
        """
        heard = self.audio(features)
        return heard, self.articulation(heard)

    def forward(
        self,
        x: Tensor,
        t: Tensor,
        *,
        history: Tensor,
        has_history: Tensor,
        heard: Tensor,
        expected: Tensor,
        has_audio: Tensor,
        conditions: Tensor,
    ) -> Tensor:
        """Predicts the clean block.

        Args:
            x: [B, F, 52] noisy block, F at most `config.block`.
            t: [B] flow time in [0, 1).
            history: [B, history, 52] previous frames.
            has_history: [B, 1] 1 or 0: 0 drops the condition.
            heard: [B, F, width] and
            expected: [B, F, len(MOUTH)] of `hear`.
            has_audio: [B, 1] 1 or 0.
            conditions: [B, F, ConditionLayout.SIZE].

        Returns:
            [B, F, 52].
        """
        frames, kept = x.shape[1], has_history[:, :, None]
        with_sound = has_audio[:, :, None]
        sound = self.audio_in(heard) + self.prior_in(expected)
        now = self.motion_in(x) + self.condition_in(conditions) + self.time_in(time_features(t))[:, None]
        now = now + sound * with_sound + self.no_audio * (1.0 - with_sound)
        past = self.history_in(history) * kept + self.no_history * (1.0 - kept)
        tokens = torch.cat([past, now], dim=1)
        tokens = tokens + self.position[: tokens.shape[1]]
        for block in self.blocks:
            tokens = block(tokens)
        change = self.motion_out(self.norm(tokens[:, -frames:]))
        # What is certain needs no learning twice: the mouth starts from what the front end expects, the rest from
        # where it was.
        mouth = torch.zeros_like(change, dtype=expected.dtype)
        mouth[:, :, list(MOUTH)] = expected
        start = mouth * with_sound + history[:, -1:] * kept * (1.0 - self.is_mouth)
        return start + change


def time_features(t: Tensor) -> Tensor:
    """Sines and cosines of the flow time: [B] to [B, 64]."""
    frequencies = torch.exp(torch.arange(32, device=t.device) * (math.log(200.0) / 31.0))
    angles = t[:, None] * frequencies[None, :]
    return torch.cat([angles.sin(), angles.cos()], dim=-1)
