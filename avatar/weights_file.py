"""Networks' weights in safetensors files: read so that a wrong or hostile file costs one line, and no memory."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from speech.errors import InputError, one_line
from speech.files.input_file import check_input_file

LARGEST_BYTES = 1_000_000_000
"""A hundred times what ships; what is larger is some other network."""

DAMAGED = (
    OSError, KeyError, IndexError, AttributeError, TypeError, RuntimeError, ValueError, EOFError, pickle.UnpicklingError
)  # fmt: skip
"""What `torch.load(…, weights_only=True)` and the use of what it gives raise for a file that is none of ours."""

_LARGEST_SIZE, _MOST_LAYERS = 4096, 64

Sizes = TypeVar("Sizes")
Network = TypeVar("Network", bound=nn.Module)


def read_weights(path: Path, expected: str, otherwise: str) -> tuple[dict[str, str], dict[str, Tensor]]:
    """Reads a safetensors file.

    Args:
        path: the file.
        expected: what it should be, for messages: "motion sampler weights".
        otherwise: what to do if it isn't, for messages: "train again".

    Returns:
        Its metadata, and its tensors, all finite.

    Raises:
        InputError: no regular file, too large, no safetensors file, or with numbers that are none.
    """
    try:
        check_input_file(path, expected, most_bytes=LARGEST_BYTES)
    except InputError as error:
        raise InputError(f"{error}; {otherwise}") from None
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}
    except (SafetensorError, OSError, ValueError, TypeError, RuntimeError, KeyError, AttributeError) as error:
        raise InputError(
            f"{path}: expected a safetensors file, could not read it: {brief(error)}; {otherwise}"
        ) from None
    for name, tensor in tensors.items():
        if not tensor.is_floating_point():
            raise InputError(f"{path}: expected {expected}, '{one_line(name[:40])}' is of {tensor.dtype}; {otherwise}")
        if not bool(torch.isfinite(tensor.float()).all()):
            raise InputError(f"{path}: expected {expected}, '{one_line(name[:40])}' holds NaN or infinity; {otherwise}")
    return metadata, tensors


def parse_sizes(kind: type[Sizes], text: str) -> Sizes:
    """A network's sizes, from the JSON in its file.

    Args:
        kind: a dataclass of whole numbers.
        text: a JSON object.

    Raises:
        ValueError: not such an object, or sizes that no network of ours has.
    """
    try:
        stated: Any = json.loads(text)
    except RecursionError:
        raise ValueError("sizes nested too deep") from None
    names = {field.name for field in fields(kind)}  # type: ignore[arg-type]  # a dataclass, which no type can say
    if not isinstance(stated, dict) or not set(stated) <= names:
        raise ValueError(f"expected the sizes {', '.join(sorted(names))}, got {text[:60]}")
    for name, value in stated.items():
        most = _MOST_LAYERS if name == "layers" else _LARGEST_SIZE
        if type(value) is not int or not 1 <= value <= most:
            raise ValueError(f"expected {name} from 1 to {most}, got {str(value)[:20]}")
    if stated.get("width", 1) % stated.get("heads", 1):
        raise ValueError(f"expected a width of so many equal heads, got {stated['width']} and {stated['heads']}")
    return kind(**stated)


def load_network(make: Callable[[], Network], tensors: Mapping[str, Tensor]) -> Network:
    """A network with weights; nothing is allocated before all their shapes are right.

    Args:
        make: builds it.
        tensors: by the names of its state.

    Raises:
        ValueError: weights are missing, are too many, or have other shapes.
    """
    with torch.device("meta"):
        shapes = {name: tuple(value.shape) for name, value in make().state_dict().items()}
    for name in sorted(shapes.keys() | tensors.keys()):
        got = tuple(tensors[name].shape) if name in tensors else "nothing"
        if got != shapes.get(name, "nothing"):
            raise ValueError(f"'{one_line(name[:60])}' expected {shapes.get(name, 'nothing')}, got {got}")
    network = make()
    network.load_state_dict(tensors)
    return network.eval()


def store_by_columns(network: nn.Module) -> None:
    """Lays its products' weights out column by column: a few rows are multiplied by them 6 % quicker."""
    for layer in network.modules():
        if isinstance(layer, nn.Linear):
            layer.weight.data = layer.weight.data.t().contiguous().t()


def brief(error: Exception) -> str:
    """An error's message on one line of at most 160 characters."""
    return one_line(" ".join(str(error).split())[:160]) or type(error).__name__
