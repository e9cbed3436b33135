"""A folder with a Coqui voice, looked at without PyTorch: what is in it, whose voices, and whether it is whole."""

from __future__ import annotations

import json
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from speech.errors import InputError
from speech.files.input_file import read_input_file
from speech.tts.neural import check_package

_LARGEST_JSON_BYTES, _LARGEST_NAMES_BYTES = 50_000_000, 50_000_000

CHECKPOINTS = ("model_file.pth", "model.pth")
"""How Coqui's published voices name their weights; any other single .pth file will do too."""


def check_coqui_package(engine: str) -> None:
    """Checks that coqui-tts is installed.

    Raises:
        InputError: it isn't.
    """
    check_package(engine, "coqui-tts", module="TTS", install="pip install 'visavis[coqui]'")


@dataclass(frozen=True, slots=True)
class CoquiFolder:
    """The parts of a voice on disk.

    Attributes:
        path: the folder.
        config: its config.json.
        checkpoint: its weights.
        settings: what is in config.json.
    """

    path: Path
    config: Path
    checkpoint: Path
    settings: Mapping[str, Any]

    def setting(self, key: str) -> Any:
        """The value of a setting of the model, which old configurations keep one level higher; None if absent."""
        arguments = self.settings.get("model_args") or {}
        return arguments[key] if arguments.get(key) is not None else self.settings.get(key)

    def beside(self, named: str) -> Path:
        """A file that the configuration names by its path on the machine where the voice was trained.

        Raises:
            InputError: it is neither there nor in this folder.
        """
        found = next((path for path in (self.path / Path(named).name, Path(named)) if path.is_file()), None)
        if found is None:
            raise InputError(f"{self.path}: expected the file {Path(named).name} that config.json names, found none")
        return found

    def speakers(self) -> list[str]:
        """The names of the voices of a VITS model; empty for one that has only one, without a name.

        Raises:
            InputError: the file with the names is missing or damaged.
        """
        try:
            return self._speakers()
        except (AttributeError, KeyError, TypeError) as error:
            raise InputError(
                f"{self.config}: expected the speakers as Coqui's models have them, could not read them: {error}"
            ) from None

    def _speakers(self) -> list[str]:
        if self.setting("use_d_vector_file"):
            files = self.setting("d_vector_file") or []
            entries = [
                entry
                for named in ([files] if isinstance(files, str) else files)
                for entry in _read_names(self.beside(named)).values()
            ]
            return list(dict.fromkeys(str(entry["name"]) for entry in entries))
        if not self.setting("use_speaker_embedding"):
            return []
        listed = self.settings.get("speakers")
        if listed:
            return [str(name) for name in listed]
        named = self.setting("speaker_file") or self.setting("speakers_file")
        return list(_read_names(self.beside(named))) if named else []


def open_coqui_folder(path: Path, *, kind: str) -> CoquiFolder:
    """Looks at a folder and checks that a voice of a kind is in it.

    Args:
        path: the folder.
        kind: "vits" or "xtts", as config.json calls it.

    Raises:
        InputError: something is missing, damaged, or of another kind.
    """
    if not path.is_dir():
        found = "a file" if path.exists() else "nothing"
        raise InputError(f"{path}: expected a folder with config.json and a .pth file, found {found}")
    config = path / "config.json"
    if not config.is_file():
        raise InputError(f"{path}: expected a voice with its config.json, found no such file in the folder")
    try:
        settings = json.loads(read_input_file(config, "a Coqui configuration (JSON)", most_bytes=_LARGEST_JSON_BYTES))
        model = str(settings["model"])[:40].lower()
        if not isinstance(settings.get("model_args") or {}, dict) or not isinstance(settings.get("audio") or {}, dict):
            raise TypeError("expected objects for model_args and audio")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(f"{config}: expected a Coqui configuration (JSON), could not read it: {error}") from None
    if model != kind:
        backend = {"vits": "coqui", "xtts": "xtts"}.get(model)
        advice = f'set voice.backend = "{backend}"' if backend else f"choose a {kind.upper()} voice"
        raise InputError(f"{config}: expected a model of the type {kind}, got {model}; {advice}")
    checkpoint = _checkpoint(path)
    if not _is_whole(checkpoint):
        size = checkpoint.stat().st_size
        raise InputError(f"{checkpoint}: expected PyTorch weights, got a damaged file of {size} bytes; get it again")
    return CoquiFolder(path, config, checkpoint, settings)


def torch_names(path: Path) -> Mapping[str, Any]:
    """Reads a dictionary that PyTorch saved, its tensors left out: only the names, without importing PyTorch.

    Nothing in the file is executed: anything but plain data and tensors is refused.

    Raises:
        InputError: the file is damaged, or holds something else.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            inside = next(entry for entry in archive.infolist() if entry.filename.endswith("/data.pkl"))
            if inside.file_size > _LARGEST_NAMES_BYTES:
                raise ValueError(f"names of {inside.file_size} bytes")
            with archive.open(inside) as stream:
                loaded = _NameReader(stream).load()
    except Exception as error:  # whatever unpickling somebody's file may raise
        reason = " ".join(str(error).split())[:160] or "nothing in it"
        raise InputError(f"{path}: expected names and tensors saved by PyTorch, could not read it: {reason}") from None
    if not isinstance(loaded, Mapping):
        raise InputError(f"{path}: expected a dictionary saved by PyTorch, got a {type(loaded).__name__}")
    return loaded


class _NameReader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if module.partition(".")[0] == "torch":
            return _left_out
        raise pickle.UnpicklingError(f"it holds a {module}.{name}")

    def persistent_load(self, _: Any) -> None:
        return None


def _left_out(*_: object) -> None:
    """Stands for whatever builds a tensor."""


def _read_names(path: Path) -> Mapping[str, Any]:
    if path.suffix != ".json":
        return torch_names(path)
    try:
        loaded = json.loads(read_input_file(path, "the speakers' names (JSON)", most_bytes=_LARGEST_JSON_BYTES))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: expected the speakers' names (JSON), could not read it: {error}") from None
    if not isinstance(loaded, Mapping):
        raise InputError(f"{path}: expected a JSON object with the speakers' names, got a {type(loaded).__name__}")
    return loaded


def _checkpoint(path: Path) -> Path:
    for name in CHECKPOINTS:
        if (path / name).is_file():
            return path / name
    others = [file for file in sorted(path.glob("*.pth")) if "speaker" not in file.name and "encoder" not in file.name]
    if len(others) != 1:
        found = "several: " + ", ".join(file.name for file in others[:4]) if others else "none"
        raise InputError(f"{path}: expected one file with weights ({' or '.join(CHECKPOINTS)}), found {found}")
    return others[0]


def _is_whole(checkpoint: Path) -> bool:
    """Whether a file can be PyTorch's: a ZIP archive up to its end, or a pickle as PyTorch wrote before 1.6."""
    if zipfile.is_zipfile(checkpoint):
        return True
    with checkpoint.open("rb") as stream:
        return stream.read(2) == b"\x80\x02"
