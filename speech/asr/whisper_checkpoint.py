"""Whisper's weights from CTranslate2's form into openai-whisper's own: the same numbers under other names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from speech.asr.ctranslate2_file import Array, read_variables
from speech.errors import InputError

_DESCRIPTION, _REVISION = "WhisperSpec", 3

_IN_A_BLOCK: dict[str, tuple[str, ...]] = {
    "self_attention/layer_norm": ("attn_ln",),
    "self_attention/linear_0": ("attn.query", "attn.key", "attn.value"),
    "self_attention/linear_1": ("attn.out",),
    "attention/layer_norm": ("cross_attn_ln",),
    "attention/linear_0": ("cross_attn.query",),
    "attention/linear_1": ("cross_attn.key", "cross_attn.value"),
    "attention/linear_2": ("cross_attn.out",),
    "ffn/layer_norm": ("mlp_ln",),
    "ffn/linear_0": ("mlp.0",),
    "ffn/linear_1": ("mlp.2",),
}
"""CTranslate2's layer → openai-whisper's; several have their rows one after the other in CTranslate2's."""

_BESIDE_THE_BLOCKS: dict[str, tuple[str, ...]] = {
    "encoder/conv1": ("encoder.conv1",),
    "encoder/conv2": ("encoder.conv2",),
    "encoder/layer_norm": ("encoder.ln_post",),
    "decoder/layer_norm": ("decoder.ln",),
}
_WITHOUT_A_LAYER = {
    "encoder/position_encodings/encodings": "encoder.positional_embedding",
    "decoder/position_encodings/encodings": "decoder.positional_embedding",
    "decoder/embeddings/weight": "decoder.token_embedding.weight",
}
_KINDS = {"weight": "weight", "bias": "bias", "gamma": "weight", "beta": "bias"}
_BLOCK = re.compile(r"(encoder|decoder)/layer_(\d{1,2})/(.+)", re.ASCII)


def write_checkpoint(model: Path, target: Path) -> None:
    """Writes a Whisper model as openai-whisper publishes its own: sizes, and weights in half precision.

    Args:
        model: CTranslate2's model.bin.
        target: the checkpoint, a .pt file; as large as the model in half precision.

    Raises:
        InputError: the model is none of Whisper's, or quantised.
    """
    import torch

    variables = read_variables(model)
    found = variables.description, variables.revision
    if found != (_DESCRIPTION, _REVISION):
        raise InputError(f"{model}: expected {_DESCRIPTION}, revision {_REVISION}, got {found[0]}, revision {found[1]}")
    try:
        weights = dict(_weights(variables.values))
        dims = _dims(variables.values, weights)
    except (KeyError, ValueError, IndexError, TypeError) as error:
        reason = f"nothing is known of {error}" if isinstance(error, KeyError) else error
        raise InputError(f"{model}: expected Whisper's weights for CTranslate2, got others: {reason}") from None
    state = {name: torch.from_numpy(value) for name, value in weights.items()}
    torch.save({"dims": dims, "model_state_dict": state}, target)


def _weights(values: dict[str, Array]) -> Iterator[tuple[str, Array]]:
    """The state of the network: float16, each with its own memory."""
    for source, value in values.items():
        if value is values["decoder/embeddings/weight"] and source == "decoder/projection/weight":
            continue  # openai-whisper shares them by itself
        if not value.ndim:
            continue  # options, which are the same in all of Whisper's
        if value.dtype.kind != "f":
            raise ValueError(f"{source} is quantised")
        names = _names(source)
        with np.errstate(over="ignore"):
            parts = np.split(value.astype(np.float16), len(names))
        for name, part in zip(names, parts, strict=True):
            if not np.isfinite(part).all():
                raise ValueError(f"{source} holds numbers that are none")
            if not name.endswith("key.bias"):
                yield name, part.copy()
            elif part.any():  # Whisper's keys have none
                raise ValueError(f"{source} has a bias for the keys")


def _names(source: str) -> tuple[str, ...]:
    """What openai-whisper calls one of CTranslate2's variables."""
    if source in _WITHOUT_A_LAYER:
        return (_WITHOUT_A_LAYER[source],)
    layer, _, kind = source.rpartition("/")
    block = _BLOCK.fullmatch(layer)
    if block is None:
        layers = _BESIDE_THE_BLOCKS[layer]
    else:
        layers = tuple(f"{block[1]}.blocks.{block[2]}.{name}" for name in _IN_A_BLOCK[block[3]])
    return tuple(f"{name}.{_KINDS[kind]}" for name in layers)


def _dims(values: dict[str, Array], weights: dict[str, Array]) -> dict[str, int]:
    """The sizes of the network; that all weights fit them is seen when they are loaded."""
    audio, text = (weights[f"{part}.positional_embedding"].shape for part in ("encoder", "decoder"))
    blocks = [name.partition(".")[0] for name in weights if name.endswith(".mlp_ln.bias")]
    return {
        "n_mels": weights["encoder.conv1.weight"].shape[1],
        "n_audio_ctx": audio[0],
        "n_audio_state": audio[1],
        "n_audio_head": int(values["encoder/num_heads"]),
        "n_audio_layer": blocks.count("encoder"),
        "n_vocab": weights["decoder.token_embedding.weight"].shape[0],
        "n_text_ctx": text[0],
        "n_text_state": text[1],
        "n_text_head": int(values["decoder/num_heads"]),
        "n_text_layer": blocks.count("decoder"),
    }
