"""Scenes written to disk as they come: one array a file over all scenes, whatever their number."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from avatar.training.scenes import MadeScene
from speech.errors import InputError
from speech.files.draft import Draft

ARRAY_TYPES: dict[str, type[np.generic]] = {
    "features": np.float16,
    "motion": np.float32,
    "conditions": np.float16,
    "articulation": np.float16,
    "visemes": np.uint8,
    "sound": np.int16,
}
"""The fields of `MadeScene` that are kept, and how. Training does not read the sound: it is kept so that another front
end can be tried without making the data again."""

_FULL_SCALE = 32767.0
_HEADER_BYTES = 128
"""Room for the header of a .npy file (format 1.0), which tells the length and is written last."""


def packed(scene: MadeScene) -> dict[str, npt.NDArray[Any]]:
    """The scene's arrays as they are kept: [T, …] each, of `ARRAY_TYPES`."""
    sound = np.round(np.clip(scene.sound, -1.0, 1.0) * _FULL_SCALE).reshape(len(scene.motion), -1)
    arrays = {name: getattr(scene, name) for name in ARRAY_TYPES} | {"sound": sound}
    return {name: np.ascontiguousarray(array).astype(ARRAY_TYPES[name]) for name, array in arrays.items()}


def write_scene(path: Path, scene: MadeScene) -> None:
    """One scene in a file of its own, whole or not at all.

    Raises:
        InputError: it can't be written there.
    """
    with Draft(path) as draft, draft.path.open("wb") as file:
        np.savez(file, speech=np.array(json.dumps(scene.speech)), **packed(scene))


def read_scene(path: Path) -> MadeScene:
    """What `write_scene` wrote; it packs to the same bytes again."""
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in ARRAY_TYPES}
        speech = json.loads(str(file["speech"]))
    sound = (arrays.pop("sound").reshape(-1) / _FULL_SCALE).astype(np.float32)
    return MadeScene(**arrays, speech=speech, sound=sound)


def scene_frames(path: Path) -> int:
    """How many frames such a file holds, without reading all of it."""
    with np.load(path, allow_pickle=False) as file:
        return len(file["visemes"])


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
        for name, array in packed(scene).items():
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
