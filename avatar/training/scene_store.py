"""Scenes written to disk as they come: one array a file over all scenes, whatever their number."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import BinaryIO

import numpy as np

from avatar.training.scenes import MadeScene

ARRAY_TYPES: dict[str, type[np.generic]] = {
    "features": np.float16,
    "motion": np.float32,
    "conditions": np.float16,
    "articulation": np.float16,
    "visemes": np.uint8,
}
"""The fields of `MadeScene` that are kept, and how."""

_HEADER_BYTES = 128
"""Room for the header of a .npy file (format 1.0), which tells the length and is written last."""


class SceneStore:
    """Writes `<array>.npy` and `scenes.json`; use it in a `with` block. Unfinished, it leaves nothing behind.

    Args:
        folder: where they go; what was there is replaced at the end.

    Attributes:
        scenes: of what was added: start, frames, validation, speech, and what else was told.
        frames: in all of them.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, BinaryIO] = {}
        self._shapes: dict[str, tuple[int, ...]] = {}
        self.scenes: list[dict[str, object]] = []
        self.frames = 0

    def __enter__(self) -> SceneStore:
        """Opens the files under temporary names."""
        for name in ARRAY_TYPES:
            file = self._partial(name).open("wb")
            file.write(bytes(_HEADER_BYTES))
            self._files[name] = file
        return self

    def __exit__(self, *_: object) -> None:
        """Removes what is unfinished."""
        for name, file in self._files.items():
            file.close()
            self._partial(name).unlink(missing_ok=True)
        self._partial("scenes").unlink(missing_ok=True)

    def add(self, scene: MadeScene, *, validation: bool, **more: object) -> None:
        """Appends a scene; `more` goes into its entry in scenes.json."""
        count = len(scene.motion)
        for name, kind in ARRAY_TYPES.items():
            array = np.ascontiguousarray(getattr(scene, name)).astype(kind)
            self._shapes[name] = array.shape[1:]
            self._files[name].write(array.tobytes())
        entry = {"start": self.frames, "frames": count, "validation": validation, "speech": scene.speech, **more}
        self.scenes.append(entry)
        self.frames += count

    def finish(self, description: dict[str, object]) -> None:
        """Gives the files their names; `description` goes into scenes.json beside the scenes."""
        for name, kind in ARRAY_TYPES.items():
            file = self._files[name]
            told = {"descr": np.dtype(kind).str, "fortran_order": False, "shape": (self.frames, *self._shapes[name])}
            text = repr(told).encode("latin1")
            room = _HEADER_BYTES - 10
            file.seek(0)
            file.write(b"\x93NUMPY\x01\x00" + room.to_bytes(2, "little") + text.ljust(room - 1) + b"\n")
            file.close()
            os.replace(self._partial(name), self._folder / f"{name}.npy")
        partial = self._partial("scenes")
        partial.write_text(json.dumps({**description, "scenes": self.scenes}), encoding="utf-8")
        os.replace(partial, self._folder / "scenes.json")

    def _partial(self, name: str) -> Path:
        return self._folder / f".{name}.partial"
