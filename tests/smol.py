"""The packaged language model for tests: converted once for all of them, and a small one of its kind to be spoiled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from agent.llm.gguf_folder import chat_folder
from agent.models.packaged import packaged_path
from agent.models.packaged_catalogue import PackagedModel, find_packaged

SMOL = "transformers/SmolLM2-135M-Instruct"
CONTEXT = 2048
"""Tokens that the small one holds; the real one holds 8192."""

_BESIDE_WEIGHTS = ("generation_config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja")


def packaged_smol() -> PackagedModel:
    """The table's entry; for tests marked `packaged(SMOL)`."""
    model = find_packaged(*SMOL.split("/"))
    assert model is not None
    return model


def smol_folder() -> Path:
    """The real model, converted. It lies in the user's cache, where the first test run of a machine makes it."""
    model = packaged_smol()
    return chat_folder(model, packaged_path(model))


def make_small(folder: Path, real: Path, **changes: Any) -> Path:
    """Saves a model with the real one's tokenizer and marks but one thin layer of random weights.

    It babbles, without end as good as ever, and loads in no time: for what does not depend on what is said.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    torch.manual_seed(0)
    shape = {"num_hidden_layers": 1, "hidden_size": 64, "intermediate_size": 64, "num_attention_heads": 1}
    shape |= {"num_key_value_heads": 1, "max_position_embeddings": CONTEXT}
    config = AutoConfig.from_pretrained(real, **{**shape, **changes})
    del config.four_bit_group
    AutoModelForCausalLM.from_config(config, dtype=torch.float32).save_pretrained(folder)
    for name in _BESIDE_WEIGHTS:
        (folder / name).write_bytes((real / name).read_bytes())
    return folder
