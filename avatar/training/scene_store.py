"""Scenes written to disk as they come: one array a file over all scenes, whatever their number."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np

from avatar.training.scenes import MadeScene
from speech.errors import InputError
from speech.files.draft import Draft

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

    Raises:
        InputError: they can't be written there.

    Attributes:
        scenes: of what was added: start, frames, validation, speech, and what else was told.
        frames: in all of them.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._drafts: dict[str, Draft] = {}
        self._files: dict[str, BinaryIO] = {}
        self._shapes: dict[str, tuple[int, ...]] = {}
        self.scenes: list[dict[str, object]] = []
        self.frames = 0

    def __enter__(self) -> SceneStore:
        """Opens the files under temporary names."""
        try:
            for name in ARRAY_TYPES:
                self._drafts[name] = Draft(self._folder / f"{name}.npy")
                with self._writing():
                    self._files[name] = self._drafts[name].path.open("wb")
                    self._files[name].write(bytes(_HEADER_BYTES))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Removes what is unfinished."""
        for file in self._files.values():
            with contextlib.suppress(OSError):  # what could not be flushed is not wanted any more
                file.close()
        for draft in self._drafts.values():
            draft.discard()

    def add(self, scene: MadeScene, *, validation: bool, **more: object) -> None:
        """Appends a scene; `more` goes into its entry in scenes.json."""
        count = len(scene.motion)
        for name, kind in ARRAY_TYPES.items():
            array = np.ascontiguousarray(getattr(scene, name)).astype(kind)
            self._shapes[name] = array.shape[1:]
            with self._writing():
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
            with self._writing():
                file.seek(0)
                file.write(b"\x93NUMPY\x01\x00" + room.to_bytes(2, "little") + text.ljust(room - 1) + b"\n")
                file.close()
        scenes = json.dumps({**description, "scenes": self.scenes})
        with Draft(self._folder / "scenes.json") as draft:
            draft.path.write_text(scenes, encoding="utf-8")
            for arrays in self._drafts.values():
                arrays.keep()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise InputError(f"{self._folder}: could not write the data there: {error.strerror}") from None
