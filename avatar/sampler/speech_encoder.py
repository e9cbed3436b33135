"""Whisper's ears: the first layers of its encoder, frozen, over a second of sound that ends with what is known.

Whisper (Radford et al. 2022) has learned from 680,000 hours what in a sound is speech, whoever says it and wherever;
its first layers still know when it was said. The weights are OpenAI's, in an asset of their own that
`python -m scripts.cut_speech_encoder` cuts out of tiny.en.

A block of F frames is heard in one window, which ends with its look-ahead; of the window's views the F + 2 last ones
are used, and every frame of the block gets three of them: its own, and those of its look-ahead.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import resources
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from avatar.motion import LOOK_AHEAD_FRAMES
from avatar.sampler.features import HOPS_PER_FRAME
from avatar.sampler.speech_mels import SPEECH_BANDS, silence_mels
from avatar.weights_file import brief, load_network, read_weights, store_by_columns
from speech.errors import InputError

WINDOW_FRAMES = 25
LAYERS = 2
POSITIONS_PER_FRAME = 2
"""The encoder has one every 20 ms."""

WIDTH, HEADS = 384, 6  # of tiny.en
VIEW_SIZE = POSITIONS_PER_FRAME * WIDTH
VIEWS_PER_FRAME = 1 + LOOK_AHEAD_FRAMES

FORMAT = "visavis speech encoder"
SHIPPED = "speech_encoder.safetensors"
_TAPS = 3
_RANGE = 8.0  # decades below a window's loudest power that are heard


SPEECH_PAST_FRAMES = WINDOW_FRAMES - LOOK_AHEAD_FRAMES - 1
"""Frames before its first one that are in the window of the shortest block."""


def window_frames(first: int, count: int) -> range:
    """The frames of the window in which a block of `count` frames from `first` on is heard."""
    end = first + count + LOOK_AHEAD_FRAMES
    return range(end - WINDOW_FRAMES, end)


class SpeechEncoder(nn.Module):
    """The first layers of Whisper's encoder; its state has Whisper's own names.

    Args:
        layers: of the transformer, at least one.
        frames: of the longest window.
    """

    positional_embedding: Tensor

    def __init__(self, layers: int = LAYERS, frames: int = WINDOW_FRAMES) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(SPEECH_BANDS, WIDTH, _TAPS)
        self.conv2 = nn.Conv1d(WIDTH, WIDTH, _TAPS)
        self.register_buffer("positional_embedding", torch.empty(frames * POSITIONS_PER_FRAME, WIDTH))
        self.blocks = nn.ModuleList([_Layer() for _ in range(layers)])

    def forward(self, mels: Tensor, last: int) -> Tensor:
        """Hears windows.

        Args:
            mels: [B, frames, 4, 80] of `avatar.sampler.speech_mels`.
            last: how many frames, of the end of each window, are wanted.

        Returns:
            [B, last, VIEW_SIZE].
        """
        x = mels.flatten(1, 2)
        x = (torch.maximum(x, x.amax((1, 2), keepdim=True) - _RANGE) + 4.0) / 4.0
        x = F.gelu(_convolved(self.conv1, x, 1))
        x = F.gelu(_convolved(self.conv2, x, HOPS_PER_FRAME // POSITIONS_PER_FRAME))
        x = x + self.positional_embedding[: x.shape[1]]
        for block in self.blocks[:-1]:
            x = block(x, x.shape[1])
        # Of the last layer only what is wanted: the other positions are there to be looked back on.
        views: Tensor = self.blocks[-1](x, last * POSITIONS_PER_FRAME)
        return views.reshape(len(mels), last, VIEW_SIZE)


class _Layer(nn.Module):
    """A pre-norm transformer layer, all positions seeing all."""

    def __init__(self) -> None:
        super().__init__()
        self.attn = _Attention()
        self.attn_ln = nn.LayerNorm(WIDTH)
        self.mlp = nn.Sequential(nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH))
        self.mlp_ln = nn.LayerNorm(WIDTH)

    def forward(self, x: Tensor, wanted: int) -> Tensor:
        """[B, N, WIDTH] to [B, wanted, WIDTH] of the last positions, which see all."""
        seen: Tensor = self.attn(self.attn_ln(x), wanted)
        x = x[:, -wanted:] + seen
        change: Tensor = self.mlp(self.mlp_ln(x))
        return x + change


class _Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.query = nn.Linear(WIDTH, WIDTH)
        self.key = nn.Linear(WIDTH, WIDTH, bias=False)
        self.value = nn.Linear(WIDTH, WIDTH)
        self.out = nn.Linear(WIDTH, WIDTH)

    def forward(self, x: Tensor, wanted: int) -> Tensor:
        """[B, N, WIDTH] to [B, wanted, WIDTH] of the last positions."""
        parts = (self.query(x[:, -wanted:].contiguous()), self.key(x), self.value(x))
        query, key, value = (part.unflatten(-1, (HEADS, WIDTH // HEADS)).transpose(1, 2) for part in parts)
        seen = F.scaled_dot_product_attention(query, key, value)
        out: Tensor = self.out(seen.transpose(1, 2).flatten(2))
        return out


def _convolved(taps: nn.Conv1d, x: Tensor, stride: int) -> Tensor:
    """[B, N, channels] to [B, N / stride, WIDTH], zeros around it: one matrix product, quick for short windows."""
    windows = F.pad(x, (0, 0, 1, 1)).unfold(1, _TAPS, stride).flatten(2)
    return F.linear(windows, taps.weight.flatten(1), taps.bias)


def frame_views(encoded: Tensor) -> Tensor:
    """Of every frame of a block itself and its look-ahead: [B, F + 2, VIEW_SIZE] to [B, F, 3, VIEW_SIZE]."""
    frames = encoded.shape[1] - LOOK_AHEAD_FRAMES
    return torch.stack([encoded[:, k : k + frames] for k in range(VIEWS_PER_FRAME)], dim=2)


@lru_cache(maxsize=1)
def load_speech_encoder() -> SpeechEncoder:
    """The encoder that ships with the package, frozen, in evaluation mode; one for the whole process.

    Raises:
        InputError: missing or damaged.
    """
    with resources.as_file(resources.files("avatar") / "assets" / SHIPPED) as path:
        return read_speech_encoder(path)


@lru_cache(maxsize=8)
def silence_views(last: int) -> Tensor:
    """What the shipped encoder makes of a window of digital silence: [last, VIEW_SIZE]; computed once."""
    window = torch.from_numpy(np.tile(silence_mels(), (1, WINDOW_FRAMES, 1, 1)))
    with torch.inference_mode(False), torch.no_grad():  # training uses them as well
        views: Tensor = load_speech_encoder()(window, last)[0]
    return views


def read_speech_encoder(path: Path) -> SpeechEncoder:
    """Reads what `scripts/cut_speech_encoder.py` wrote.

    Raises:
        InputError: missing, damaged, or something else.
    """
    otherwise = "reinstall visavis"
    metadata, stored = read_weights(path, "the speech encoder's weights", otherwise)
    if metadata.get("format") != FORMAT:
        raise InputError(f"{path}: expected '{FORMAT}', got '{str(metadata.get('format'))[:40]}'; {otherwise}")
    try:
        encoder = load_network(SpeechEncoder, {name: tensor.float() for name, tensor in stored.items()})
    except (ValueError, RuntimeError) as error:
        raise InputError(f"{path}: expected the speech encoder's weights: {brief(error)}; {otherwise}") from None
    store_by_columns(encoder)
    return encoder.requires_grad_(False)
