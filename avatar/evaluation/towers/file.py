"""Trained towers on disk: safetensors, with the kind, the sizes, the data and the held-out shift table as metadata."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import save

from avatar.evaluation.towers.measures import ShiftTable
from avatar.evaluation.towers.model import TowerConfig, TowerKind, TwoTower
from avatar.sampler.dynamics import NAMES
from avatar.weights_file import brief, load_network, parse_sizes, read_weights
from speech.errors import InputError
from speech.files.draft import Draft

FORMAT = "visavis two towers"
VERSION = 1


@dataclass(frozen=True, slots=True)
class TrainedTowers:
    """What a file holds.

    Attributes:
        model: in evaluation mode.
        data: what it was trained on, one line.
        held_out: its shift table on scenes that neither training nor early stopping saw.
    """

    model: TwoTower
    data: str
    held_out: ShiftTable


def save_towers(path: Path, trained: TrainedTowers) -> None:
    """Writes the file, whole or not at all."""
    metadata = {
        "format": FORMAT,
        "version": str(VERSION),
        "kind": str(trained.model.kind),
        "layout": ",".join(NAMES),
        "config": json.dumps(asdict(trained.model.config)),
        "data": trained.data,
        "held_out": json.dumps(asdict(trained.held_out)),
    }
    tensors = {name: value.detach().cpu().contiguous() for name, value in trained.model.state_dict().items()}
    with Draft(path) as draft:
        draft.path.write_bytes(save(tensors, metadata))


def load_towers(path: Path, kind: TowerKind | None = None) -> TrainedTowers:
    """Reads what `save_towers` wrote.

    Args:
        path: the file.
        kind: that it must be of; any if None.

    Raises:
        InputError: no such file, not of this format, version or kind, or damaged.
    """
    again = "train it with 'visavis train sync' or 'visavis train capp'"
    metadata, tensors = read_weights(path, "trained towers", again)
    expected = {"format": FORMAT, "version": str(VERSION), "layout": ",".join(NAMES)}
    if kind is not None:
        expected["kind"] = str(kind)
    for key, value in expected.items():
        got = str(metadata.get(key))
        if got != value:
            raise InputError(f"{path}: expected trained towers with {key} '{value[:40]}', got '{got[:40]}'; {again}")
    try:
        tower, config = TowerKind(metadata["kind"]), parse_sizes(TowerConfig, metadata["config"])
        if config.frames < config.stride:
            raise ValueError(f"expected frames of at least one stride, got {config.frames} and {config.stride}")
        model = load_network(lambda: TwoTower(tower, config), tensors)
        table: dict[str, Any] = json.loads(metadata["held_out"])
        table |= {name: tuple(table[name]) for name in ("shifts", "mean", "error")}
        held_out = ShiftTable(**table)
        data = metadata["data"]
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"{path}: expected towers of this version, they don't fit: {brief(error)}; {again}") from None
    return TrainedTowers(model, data, held_out)
