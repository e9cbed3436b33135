"""The front end of the motion sampler's network: mel bands for when, and a speech recogniser's views for what.

Mel bands come through layers of three taps each, over hops of 10 ms and then over video frames, with 0.84 s of past and
80 ms of future: contacts of the lips are exact in time. What was said, Whisper's first layers know better
(`avatar.sampler.speech_encoder`): every frame's views of itself and of its look-ahead are added through a bottleneck.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from avatar.motion import LOOK_AHEAD_FRAMES
from avatar.sampler.features import HOPS_PER_FRAME, MEL_BANDS
from avatar.sampler.speech_encoder import VIEW_SIZE, VIEWS_PER_FRAME

HOP_DILATIONS = (1, 1, 2, 2)
"""Hops of 10 ms between the three taps of each of the front end's first layers, where bursts and formants move."""
FRAME_DILATIONS = (1, 1, 1, 2, 2, 3)
"""Video frames between the three taps of each layer after them."""

AUDIO_PAST_FRAMES = 2 * sum(HOP_DILATIONS) // HOPS_PER_FRAME + 2 * sum(FRAME_DILATIONS) - LOOK_AHEAD_FRAMES
"""Frames before the present one that the front end hears (0.84 s)."""

Tails = tuple[Tensor, ...]
"""The front end's streaming state: for each of its layers with taps, the inputs [B, 2 * dilation, width] that the next
frames still look back on."""


class Taps(nn.Module):
    """Residual layers of three taps over time, without padding: a result depends on its window only."""

    def __init__(self, width: int, dilations: tuple[int, ...]) -> None:
        super().__init__()
        self.dilations = dilations
        self.norms = nn.ModuleList([nn.LayerNorm(width) for _ in dilations])
        self.taps = nn.ModuleList([nn.Linear(3 * width, width) for _ in dilations])
        self.outs = nn.ModuleList([nn.Linear(width, width) for _ in dilations])

    def forward(self, x: Tensor, tails: Tails | None = None) -> tuple[Tensor, Tails]:
        """A whole window, or what follows on one.

        Args:
            x: [B, N, width].
            tails: of the window before; None: x is a whole window.

        Returns:
            [B, N, width], or [B, N - 2 * sum(dilations), width] of a whole window; and its tails.
        """
        after: list[Tensor] = []
        for i, (apart, norm, taps, out) in enumerate(
            zip(self.dilations, self.norms, self.taps, self.outs, strict=True)
        ):
            if tails is not None:
                x = torch.cat([tails[i], x], dim=1)
            after.append(x[:, -2 * apart :])
            y = norm(x)
            count = y.shape[1] - 2 * apart
            three = torch.cat([y[:, :count], y[:, apart : apart + count], y[:, 2 * apart :]], dim=-1)
            # The newest sound is the nearest to what is decided now: the residual path is aligned to it.
            x = x[:, 2 * apart :] + out(F.gelu(taps(three)))
        return x, tuple(after)


class SpeechViews(nn.Module):
    """What a frame takes from the speech encoder: little of each view, so that no voice is learned by heart.

    Args:
        size: kept of a view.
        width: of the front end's frames.
    """

    def __init__(self, size: int, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(VIEW_SIZE)
        self.narrow = nn.Linear(VIEW_SIZE, size)
        self.rise = nn.Linear(VIEWS_PER_FRAME * size, width)
        self.out = nn.Linear(width, width)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, views: Tensor) -> Tensor:
        """[B, F, VIEWS_PER_FRAME, VIEW_SIZE] to [B, F, width]."""
        kept = self.narrow(self.norm(views))
        added: Tensor = self.out(F.gelu(self.rise(kept.flatten(2))))
        return added


class AudioFrontEnd(nn.Module):
    """First over hops of 10 ms, then over video frames; at the end the views are added.

    Args:
        width: of frames.
        hop_width: of hops.
        view_width: kept of a view.
    """

    def __init__(self, *, width: int, hop_width: int, view_width: int) -> None:
        super().__init__()
        self.enter = nn.Linear(MEL_BANDS, hop_width)
        self.hops = Taps(hop_width, HOP_DILATIONS)
        self.patch = nn.Linear(HOPS_PER_FRAME * hop_width, width)
        self.frames = Taps(width, FRAME_DILATIONS)
        self.views = SpeechViews(view_width, width)
        self.norm = nn.LayerNorm(width)

    def forward(self, features: Tensor, views: Tensor, tails: Tails | None = None) -> tuple[Tensor, Tails]:
        """Hears a whole window, or what follows on one.

        Args:
            features: [B, hops of the past, F frames and the look-ahead, 64]; with `tails` those of F frames only.
            views: [B, F, VIEWS_PER_FRAME, VIEW_SIZE] of `avatar.sampler.speech_encoder.frame_views`.
            tails: of the frames before.

        Returns:
            [B, F, width], and the tails for the frames after.
        """
        split = len(HOP_DILATIONS)
        hops, hop_tails = self.hops(self.enter(features), tails and tails[:split])
        patches = self.patch(hops.reshape(len(hops), -1, HOPS_PER_FRAME * hops.shape[-1]))
        frames, frame_tails = self.frames(patches, tails and tails[split:])
        return self.norm(frames + self.views(views)), hop_tails + frame_tails
