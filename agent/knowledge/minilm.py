"""MiniLM: a sentence's meaning as 384 numbers, from the weights that travel in a package.

The network is BERT (Devlin et al. 2019) with six layers, distilled (Wang et al. 2020) and trained on pairs of sentences
(Reimers & Gurevych 2019). It is written out here because importing a library of models takes seconds, and the first
question may come before.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as nn
from safetensors.torch import load_file
from tokenizers import Tokenizer

MOST_TOKENS = 128
"""Of a text; the sentences that it was trained on were no longer."""

_PADDING = 0


class MiniLM:
    """Turns texts into vectors; safe to be called by several threads at once.

    Args:
        folder: has model.safetensors, tokenizer.json and config.json.
    """

    def __init__(self, folder: Path) -> None:
        self._weights = load_file(folder / "model.safetensors")
        config = json.loads((folder / "config.json").read_text("utf-8"))
        self._layers, self._heads = config["num_hidden_layers"], config["num_attention_heads"]
        self._epsilon = config["layer_norm_eps"]
        self.size: int = config["hidden_size"]
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(MOST_TOKENS)

    def encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """The meanings of texts: float32 [N, 384], each of length 1; those of one length are quickest together."""
        ids = [one.ids for one in self._tokenizer.encode_batch(list(texts))]
        width = max(map(len, ids), default=0)
        tokens = torch.tensor([one + [_PADDING] * (width - len(one)) for one in ids], dtype=torch.long)
        is_said = torch.arange(width) < torch.tensor([[len(one)] for one in ids])
        with torch.inference_mode():
            states = self._states(tokens, is_said)
            means = (states * is_said[..., None]).sum(1) / is_said.sum(1, keepdim=True)
            vectors: npt.NDArray[np.float32] = nn.normalize(means, dim=1).numpy()
        return vectors

    def _states(self, tokens: torch.Tensor, is_said: torch.Tensor) -> torch.Tensor:
        """Hidden states of the last layer, [N, T, 384], for tokens [N, T]."""
        weights = self._weights
        count, width = tokens.shape
        states = weights["embeddings.word_embeddings.weight"][tokens]
        states = states + weights["embeddings.position_embeddings.weight"][:width]
        states = self._normed(states + weights["embeddings.token_type_embeddings.weight"][0], "embeddings")
        mask = None if bool(is_said.all()) else is_said[:, None, None, :]
        for layer in range(self._layers):
            name = f"encoder.layer.{layer}"
            query, key, value = (
                self._linear(states, f"{name}.attention.self.{part}")
                .view(count, width, self._heads, -1)
                .transpose(1, 2)
                for part in ("query", "key", "value")
            )
            seen = nn.scaled_dot_product_attention(query, key, value, attn_mask=mask)
            seen = self._linear(seen.transpose(1, 2).reshape(count, width, -1), f"{name}.attention.output.dense")
            states = self._normed(states + seen, f"{name}.attention.output")
            thought = self._linear(nn.gelu(self._linear(states, f"{name}.intermediate.dense")), f"{name}.output.dense")
            states = self._normed(states + thought, f"{name}.output")
        return states

    def _linear(self, states: torch.Tensor, name: str) -> torch.Tensor:
        return nn.linear(states, self._weights[f"{name}.weight"], self._weights[f"{name}.bias"])

    def _normed(self, states: torch.Tensor, name: str) -> torch.Tensor:
        weight, bias = self._weights[f"{name}.LayerNorm.weight"], self._weights[f"{name}.LayerNorm.bias"]
        return nn.layer_norm(states, weight.shape, weight, bias, self._epsilon)
