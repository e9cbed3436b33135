"""The packaged language model as transformers wants it: a folder made once of a GGUF file, then kept in the cache.

Reading GGUF directly takes half a minute each time and twice the memory. What it takes to do so (the packages gguf and
accelerate) is needed this once only.
"""

from __future__ import annotations

import importlib.util
from importlib.metadata import version
from pathlib import Path

from agent.models.conversion_cache import converted, is_converted
from agent.models.packaged_catalogue import PackagedModel
from speech.errors import InputError

GROUP_SETTING = "four_bit_group"
"""In config.json: how many weights of a row share a scale, where all linear layers hold weights of four bits."""

_FORM = 1
"""Of what is written here: another number makes every folder anew."""

_Q4_1_GROUP = 32
_BYTES_PER_PACKED_BYTE = 3
"""Float16 in the place of four bits, a scale and an offset."""

_SAMPLING = {"repetition_penalty": 1.1, "no_repeat_ngram_size": 6, "top_p": 0.9, "top_k": 50}
"""How the small model stays in its track: without, one reply in four repeats itself."""


def is_made(model: PackagedModel) -> bool:
    """Whether the folder is there already."""
    return is_converted(model.title, _version(model))


def chat_folder(model: PackagedModel, gguf: Path) -> Path:
    """The folder in the Hugging Face format; made now if need be, which takes half a minute and 1.2 GB of memory.

    Args:
        model: what it is.
        gguf: its checked file.

    Raises:
        InputError: it can't be converted, or not be written.
    """

    def make(folder: Path) -> None:
        for package in ("gguf", "accelerate"):
            if importlib.util.find_spec(package) is None:
                raise InputError(
                    f"{model.title}: expected the package {package}, it is not installed; "
                    "run: pip install 'visavis[transformers]'"
                )
        _write(gguf, folder)

    return converted(model.title, _version(model), _BYTES_PER_PACKED_BYTE * model.size, make)


def _version(model: PackagedModel) -> str:
    return " ".join([f"form {_FORM}", f"transformers {version('transformers')}", *(one.sha256 for one in model.files)])


def _write(gguf: Path, folder: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    source = {"gguf_file": gguf.name, "local_files_only": True, "trust_remote_code": False}
    tokenizer = AutoTokenizer.from_pretrained(gguf.parent, **source)
    model = AutoModelForCausalLM.from_pretrained(gguf.parent, dtype=torch.float16, **source)
    # As far as transformers knows, this model can't be saved.
    del model.config.quantization_config
    model.hf_quantizer = None
    setattr(model.config, GROUP_SETTING, _Q4_1_GROUP)
    model.generation_config.update(do_sample=True, **_SAMPLING)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
