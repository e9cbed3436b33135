"""Two towers, one for sound and one for motion: what belongs together lands in the same place.

Contrastive pretraining of pairs as in CLIP (arXiv 2103.00020). With the mouth it tells whether lips and sound are in
step, as SyncNet does (Chung & Zisserman 2016); with the head's pose it is CAPP of VASA-1 (arXiv 2404.10667, section 4).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from avatar.sampler.dynamics import HEAD, MOUTH
from avatar.sampler.features import HOPS_PER_FRAME, MEL_BANDS

AUDIO_CHANNELS = HOPS_PER_FRAME * MEL_BANDS
FIRST_TEMPERATURE, LOWEST_TEMPERATURE = 0.07, 0.01  # of the contrastive loss, as in CLIP
DROPOUT = 0.1
FARTHEST = 6.0  # spreads from the mean; what lies beyond is a slip of the tracker
STEM_FRAMES = 5  # frames that the first convolution sees


class TowerKind(StrEnum):
    """What is compared with the sound."""

    SYNC = "sync"
    CAPP = "capp"

    @property
    def motion_channels(self) -> int:
        """Numbers a frame that the motion tower sees: the mouth's coefficients, or the head's pose and velocity."""
        return len(MOUTH) if self is TowerKind.SYNC else 2 * (HEAD.stop - HEAD.start)


@dataclass(frozen=True, slots=True)
class TowerConfig:
    """Sizes of the network, kept with the weights.

    Attributes:
        frames: of a window.
        stride: frames that become one token of the transformers.
        layers: of each tower's transformer.
        width: of the transformers.
        heads: of their attention.
        embedding: numbers that a window becomes.
    """

    frames: int
    stride: int
    layers: int
    width: int = 128
    heads: int = 4
    embedding: int = 64


CONFIGS = {
    TowerKind.SYNC: TowerConfig(frames=12, stride=1, layers=2),
    TowerKind.CAPP: TowerConfig(frames=75, stride=3, layers=2),
}
"""Windows of 0.48 s, and of 3 s as in VASA-1; small enough for a CPU (VASA-1's pose tower has 6 layers)."""


class Tower(nn.Module):
    """A window of frames to a point on the unit sphere: convolution, transformer, one linear map of all tokens."""

    def __init__(self, channels: int, config: TowerConfig) -> None:
        super().__init__()
        width, tokens = config.width, config.frames // config.stride
        self.patch = nn.Linear(channels, width // 2)
        self.stem = nn.Conv1d(width // 2, width, STEM_FRAMES, padding=STEM_FRAMES // 2)
        self.gather = nn.Conv1d(width, width, config.stride, stride=config.stride)
        self.place = nn.Parameter(0.02 * torch.randn(tokens, width))
        layer = nn.TransformerEncoderLayer(
            width, config.heads, 2 * width, DROPOUT, activation="gelu", batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, config.layers, nn.LayerNorm(width), enable_nested_tensor=False)
        self.out = nn.Linear(tokens * width, config.embedding)

    def forward(self, x: Tensor) -> Tensor:
        """[B, frames, channels] to [B, embedding], of length 1."""
        tokens: Tensor = self.gather(F.gelu(self.stem(self.patch(x).transpose(1, 2)))).transpose(1, 2) + self.place
        return F.normalize(self.out(self.layers(tokens).flatten(1)), dim=1)


class TwoTower(nn.Module):
    """Both towers, the learned temperature, and the unit of each motion channel.

    Args:
        kind: what the motion tower sees.
        config: sizes; the kind's own if None.

    Attributes:
        unit: float32 [motion channels], the spread of the training motion; set before training.
    """

    unit: Tensor

    def __init__(self, kind: TowerKind, config: TowerConfig | None = None) -> None:
        super().__init__()
        self.kind, self.config = kind, config or CONFIGS[kind]
        self.audio_tower = Tower(AUDIO_CHANNELS, self.config)
        self.motion_tower = Tower(kind.motion_channels, self.config)
        self.log_scale = nn.Parameter(torch.tensor(1.0 / FIRST_TEMPERATURE).log())
        self.register_buffer("unit", torch.ones(kind.motion_channels))

    def embed_audio(self, audio: Tensor) -> Tensor:
        """[B, frames, 256] to [B, embedding]."""
        out: Tensor = self.audio_tower(audio)
        return out

    def embed_motion(self, motion: Tensor) -> Tensor:
        """[B, frames, motion channels] to [B, embedding]."""
        out: Tensor = self.motion_tower((motion / self.unit).clamp(-FARTHEST, FARTHEST))
        return out

    def loss(self, audio: Tensor, motion: Tensor) -> Tensor:
        """Symmetric InfoNCE: every window must find its own partner among all B of the batch, in both directions."""
        scale = self.log_scale.exp().clamp(max=1.0 / LOWEST_TEMPERATURE)
        logits = scale * self.embed_audio(audio) @ self.embed_motion(motion).T
        own = torch.arange(len(logits), device=logits.device)
        return 0.5 * (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own))
