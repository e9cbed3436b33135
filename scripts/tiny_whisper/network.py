"""The tiny Whisper's network while it is trained: fewer tokens, shorter sound, and attention that can be guided."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from whisper.model import ModelDimensions, MultiHeadAttention, Whisper

DIMENSIONS = ModelDimensions(
    n_mels=80,
    n_audio_ctx=1500,
    n_audio_state=64,
    n_audio_head=4,
    n_audio_layer=2,
    n_vocab=51864,
    n_text_ctx=448,
    n_text_state=64,
    n_text_head=4,
    n_text_layer=2,
)
"""As Whisper's English-only models, but 64 wide and two layers deep on each side."""


class Trainee(nn.Module):
    """A Whisper over the few tokens that its sentences use; all other tokens share one embedding, the last row.

    Args:
        used: the token ids that have an embedding of their own.
        phonemes: how many phonemes the auxiliary head tells apart.
    """

    def __init__(self, used: list[int], phonemes: int) -> None:
        super().__init__()
        self.whisper = Whisper(DIMENSIONS)
        nn.init.normal_(self.whisper.decoder.positional_embedding, std=0.02)
        width = DIMENSIONS.n_text_state
        self.used = used
        self.index = {token: row for row, token in enumerate(used)}
        self.embedding = nn.Parameter(torch.randn(len(used) + 1, width) * 0.05)
        # One row stands for all unused tokens: in the softmax it counts as often as there are such tokens.
        shares = torch.zeros(len(used) + 1)
        shares[-1] = math.log(DIMENSIONS.n_vocab - len(used))
        self.register_buffer("shares", shares)
        self.phoneme_head = nn.Linear(DIMENSIONS.n_audio_state, phonemes)

    def row(self, token: int) -> int:
        """Row of a token in the small vocabulary."""
        return self.index.get(token, len(self.used))

    def trained(self) -> list[nn.Parameter]:
        """Everything that is learned; the full token embedding is filled in at the end (`export`)."""
        return [value for name, value in self.named_parameters() if "token_embedding" not in name]

    def encode(self, mel: Tensor) -> Tensor:
        """Mel frames [batch, 80, T] → features [batch, T / 2, width]; Whisper's own encoder wants T = 3000."""
        encoder = self.whisper.encoder
        x = F.gelu(encoder.conv2(F.gelu(encoder.conv1(mel)))).permute(0, 2, 1)
        x = x + encoder.positional_embedding[: x.shape[1]]
        for block in encoder.blocks:
            x = block(x)
        return encoder.ln_post(x)

    def decode(self, rows: Tensor, features: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Teacher forcing.

        Args:
            rows: rows of the tokens so far, int64 [batch, L].
            features: `encode`'s result.

        Returns:
            Logits of the next row [batch, L, rows], and each layer's cross-attention [batch, heads, L, T / 2].
        """
        decoder = self.whisper.decoder
        x = self.embedding[rows] + decoder.positional_embedding[: rows.shape[1]]
        attentions = []
        for block in decoder.blocks:
            x = x + block.attn(block.attn_ln(x), mask=decoder.mask)[0]
            out, attention = _cross_attention(block.cross_attn, block.cross_attn_ln(x), features)
            attentions.append(attention)
            x = x + out
            x = x + block.mlp(block.mlp_ln(x))
        return decoder.ln(x) @ self.embedding.T + self.shares, attentions

    def export(self) -> dict[str, object]:
        """The checkpoint as openai-whisper publishes its own: dimensions and weights in half precision."""
        with torch.no_grad():
            full = self.embedding[-1].expand(DIMENSIONS.n_vocab, -1).clone()
            full[torch.tensor(self.used)] = self.embedding[:-1]
            self.whisper.decoder.token_embedding.weight.copy_(full)
        weights = {name: value.half() for name, value in self.whisper.state_dict().items()}
        return {"dims": dict(vars(DIMENSIONS)), "model_state_dict": weights}


def _cross_attention(attention: MultiHeadAttention, x: Tensor, features: Tensor) -> tuple[Tensor, Tensor]:
    """As `MultiHeadAttention.forward`, but with weights through which a loss can flow back."""
    query, key, value = attention.query(x), attention.key(features), attention.value(features)
    query, key, value = (part.unflatten(2, (attention.n_head, -1)).transpose(1, 2) for part in (query, key, value))
    weights = (query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])).softmax(-1)
    return attention.out((weights @ value).transpose(1, 2).flatten(2)), weights
