"""The trained motion sampler on disk: safetensors, with all that is needed to read it in the metadata."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save

from avatar.motion import Floats
from avatar.sampler.conditions import ConditionLayout
from avatar.sampler.denoiser import Denoiser, DenoiserConfig
from avatar.sampler.dynamics import MOTION_SIZE, NAMES
from avatar.weights_file import brief, load_network, parse_sizes, read_weights
from speech.errors import InputError
from speech.files.draft import Draft

FORMAT = "visavis motion sampler"
VERSION = 2
SHIPPED = "motion.safetensors"
_LONGEST_NOTE = 200
NORMALISATION = ("position_mean", "position_std", "flow_mean", "flow_std")


@dataclass(frozen=True)
class MotionCheckpoint:
    """A trained sampler.

    Attributes:
        denoiser: the network, in evaluation mode.
        position_mean: float32 [52], of the sampled dimensions' positions.
        position_std: float32 [52], their spread.
        flow_mean: float32 [52], of the flow's variables (`avatar.sampler.dynamics`).
        flow_std: float32 [52], their spread: variable = mean + std * network units.
        note: how it was trained, one line.
    """

    denoiser: Denoiser
    position_mean: Floats
    position_std: Floats
    flow_mean: Floats
    flow_std: Floats
    note: str = ""


def untrained(seed: int = 0, config: DenoiserConfig | None = None) -> MotionCheckpoint:
    """Random weights, for tests."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        denoiser = Denoiser(config or DenoiserConfig()).eval()
        for layer in (denoiser.motion_out, denoiser.audio.views.out):  # which begin with zeros
            torch.nn.init.normal_(layer.weight, std=0.02)
    zero, spread = np.zeros(MOTION_SIZE, np.float32), np.full(MOTION_SIZE, 0.05, np.float32)
    position = zero.copy()
    position[NAMES.index("headDistance")] = 1.0
    return MotionCheckpoint(denoiser, position, spread, zero, 0.05 * spread, "untrained")


def save_checkpoint(path: Path, checkpoint: MotionCheckpoint) -> None:
    """Writes the weights in half precision (a thousandth of a unit is far below what can be seen)."""
    tensors = {name: value.detach().half().contiguous() for name, value in checkpoint.denoiser.state_dict().items()}
    for name in NORMALISATION:
        tensors[f"normalisation.{name}"] = torch.from_numpy(getattr(checkpoint, name).copy())
    metadata = {
        "format": FORMAT,
        "version": str(VERSION),
        "config": json.dumps(asdict(checkpoint.denoiser.config)),
        "layout": ",".join(NAMES),
        "conditions": str(ConditionLayout.SIZE),
        "note": checkpoint.note,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with Draft(path) as draft:
        draft.path.write_bytes(save(tensors, metadata))


def load_checkpoint(path: Path | None = None) -> MotionCheckpoint:
    """Reads a checkpoint; None: the one that ships with the package.

    Raises:
        InputError: missing, damaged, or made for another layout or version.
    """
    if path is None:
        with resources.as_file(resources.files("avatar") / "assets" / SHIPPED) as shipped:
            return load_checkpoint(shipped)
    metadata, stored = read_weights(path, "motion sampler weights", "train them, or reinstall visavis")
    _check(path, metadata)
    tensors = {name: tensor.float() for name, tensor in stored.items()}
    try:
        normalisation = {name: _normalisation(name, tensors.pop(f"normalisation.{name}")) for name in NORMALISATION}
        config = parse_sizes(DenoiserConfig, metadata["config"])
        denoiser = load_network(lambda: Denoiser(config), tensors)
    except (KeyError, ValueError, RuntimeError) as error:
        raise InputError(
            f"{path}: expected weights of this sampler, they don't fit: {brief(error)}; train again"
        ) from None
    return MotionCheckpoint(denoiser, **normalisation, note=metadata.get("note", "")[:_LONGEST_NOTE])


def _normalisation(name: str, values: torch.Tensor) -> Floats:
    if values.shape != (MOTION_SIZE,):
        raise ValueError(f"normalisation.{name} expected ({MOTION_SIZE},), got {tuple(values.shape)}")
    if name.endswith("_std") and not bool((values > 0.0).all()):
        raise ValueError(f"normalisation.{name} expected spreads above 0")
    return np.asarray(values.numpy(), np.float32)


def _check(path: Path, metadata: dict[str, str]) -> None:
    expected = {
        "format": FORMAT,
        "version": str(VERSION),
        "layout": ",".join(NAMES),
        "conditions": str(ConditionLayout.SIZE),
    }
    for key, value in expected.items():
        if metadata.get(key) != value:
            raise InputError(
                f"{path}: expected motion sampler weights with {key} '{value[:40]}', "
                f"got '{str(metadata.get(key))[:40]}'; train again with this version"
            )
