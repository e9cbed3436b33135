"""The trained motion sampler on disk: safetensors, with all that is needed to read it in the metadata."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from avatar.conditions import ConditionLayout
from avatar.denoiser import Denoiser, DenoiserConfig
from avatar.dynamics import MOTION_SIZE, NAMES
from avatar.motion import Floats
from speech.draft import Draft
from speech.errors import InputError

FORMAT = "visavis motion sampler"
VERSION = 1
SHIPPED = "motion.safetensors"
NORMALISATION = ("position_mean", "position_std", "flow_mean", "flow_std")


@dataclass(frozen=True)
class MotionCheckpoint:
    """A trained sampler.

    Attributes:
        denoiser: the network, in evaluation mode.
        position_mean: float32 [52], of the sampled dimensions' positions.
        position_std: float32 [52], their spread.
        flow_mean: float32 [52], of the flow's variables (`avatar.dynamics`).
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
        torch.nn.init.normal_(denoiser.motion_out.weight, std=0.02)
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
    if not path.is_file():
        raise InputError(f"{path}: expected motion sampler weights, found nothing; reinstall visavis or train them")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name).float() for name in file.keys()}
    except (SafetensorError, OSError, ValueError) as error:
        raise InputError(f"{path}: expected a safetensors file, could not read it: {error}; fetch it again") from None
    _check(path, metadata)
    try:
        normalisation = {name: tensors.pop(f"normalisation.{name}").numpy() for name in NORMALISATION}
        denoiser = Denoiser(DenoiserConfig(**json.loads(metadata["config"])))
        denoiser.load_state_dict(tensors)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:160]
        raise InputError(f"{path}: expected weights of this sampler, they don't fit: {reason}; train again") from None
    return MotionCheckpoint(denoiser.eval(), **normalisation, note=metadata.get("note", ""))


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
