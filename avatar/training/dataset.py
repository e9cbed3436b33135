"""The training data on disk: made scene by scene, kept as arrays over all scenes."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from avatar.conditions import ConditionLayout
from avatar.features import HOPS_PER_FRAME, MEL_BANDS
from avatar.motion import FRAME_RATE_HZ
from avatar.training.scenes import MadeScene, make_scene
from avatar.training.speech_data import flite_voices
from speech.errors import InputError

Progress = Callable[[float, str], None]
"""Called with the share done in [0, 1] and one line about it."""

VERSION = 1
VALIDATION_SHARE = 0.05

ARRAY_TYPES: dict[str, type[np.generic]] = {
    "features": np.float16,
    "motion": np.float32,
    "conditions": np.float16,
    "articulation": np.float16,
    "visemes": np.uint8,
}
"""The fields of `MadeScene` that are kept, and how."""


def prepare(out_dir: Path, *, minutes: float, seed: int = 0, progress: Progress | None = None) -> None:
    """Makes training data.

    Args:
        out_dir: gets `<array>.npy`, [T, …] over all scenes, and `scenes.json`; created if needed.
        minutes: of motion altogether, at least.
        seed: the same seed and the same installed voices give the same data.
        progress: called after every scene.

    Raises:
        InputError: minutes is not positive.
    """
    if not minutes > 0.0:
        raise InputError(f"minutes: expected more than 0, got {minutes}")
    out_dir.mkdir(parents=True, exist_ok=True)
    total = math.ceil(minutes * 60 * FRAME_RATE_HZ)
    made: list[MadeScene] = []
    scenes: list[dict[str, object]] = []
    frames = kept_back = 0
    while frames < total:
        # A scene goes to validation whenever validation has fallen behind its share, but never the first one.
        validation = bool(made) and kept_back < VALIDATION_SHARE * frames
        scene = make_scene(seed * 1_000_003 + len(made), validation=validation)
        count = len(scene.motion)
        scenes.append({"start": frames, "frames": count, "validation": validation, "speech": scene.speech})
        made.append(scene)
        frames += count
        kept_back += count if validation else 0
        if progress:
            progress(min(1.0, frames / total), f"{frames / FRAME_RATE_HZ / 60:.1f} of {minutes:g} minutes made")
    for name, kind in ARRAY_TYPES.items():
        np.save(out_dir / f"{name}.npy", np.concatenate([getattr(scene, name) for scene in made]).astype(kind))
    description = {"version": VERSION, "seed": seed, "flite": list(flite_voices()), "scenes": scenes}
    (out_dir / "scenes.json").write_text(json.dumps(description), encoding="utf-8")


@dataclass(frozen=True)
class MotionData:
    """Prepared data in memory.

    Attributes:
        arrays: by the names of ARRAY_TYPES, all of the same first dimension.
        scenes: as `prepare` wrote them: start, frames, validation, speech.
    """

    arrays: dict[str, npt.NDArray[Any]]
    scenes: list[dict[str, Any]]


def load(data_dir: Path) -> MotionData:
    """Reads what `prepare` wrote.

    Raises:
        InputError: missing or of another version.
    """
    try:
        description = json.loads((data_dir / "scenes.json").read_text(encoding="utf-8"))
        arrays = {name: np.load(data_dir / f"{name}.npy") for name in ARRAY_TYPES}
    except (OSError, ValueError) as error:
        raise InputError(
            f"{data_dir}: expected data of 'visavis train prepare', could not read it: {error}; prepare it again"
        ) from None
    fits = (
        description.get("version") == VERSION
        and arrays["features"].shape[1:] == (HOPS_PER_FRAME, MEL_BANDS)
        and arrays["conditions"].shape[1:] == (ConditionLayout.SIZE,)
    )
    if not fits:
        raise InputError(f"{data_dir}: expected data of this version, got another; prepare it again")
    return MotionData(arrays, description["scenes"])
