"""Which fetched models are on this machine: where, and whether whole. Imports nothing heavy, and never downloads."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from agent.config.config import Config
from agent.models.catalogue import (
    BACKENDS,
    CATALOGUE,
    PLACES,
    Backend,
    Model,
    ModelSource,
    canonical,
    find_model,
    piper_source,
)
from agent.models.manifest import MANIFEST, checked_name, is_name, read_manifest
from agent.models.piper_catalogue import piper_language
from speech.errors import InputError
from speech.user_folders import data_folder

ENTRY_FILES: Mapping[str, str] = {"whisper": ".pt", "hibari": ".onnx", "piper": ".onnx"}
"""Backends whose models are one file, and how its name ends; the others' are folders."""


@dataclass(frozen=True, slots=True)
class ModelState:
    """Whether a model is on this machine.

    Attributes:
        status: "complete"; "missing": nothing of it; "partial": it is being fetched, or that was stopped; "broken":
            it was whole once.
        path: what the backend is given; where the folder would be if it isn't complete.
        detail: what is wrong; "" if nothing is.
        size: bytes that are there.
    """

    status: Literal["complete", "missing", "partial", "broken"]
    path: Path
    detail: str = ""
    size: int = 0


def models_folder(config: Config) -> Path:
    """Where models are kept: `ring.models`, or the system's folder for a user's data."""
    if config.ring.models is not None:
        return config.ring.models
    return data_folder() / "models"


def folder_of(folder: Path, backend: Backend, name: str) -> Path:
    """The folder of one model inside the models' folder."""
    return folder / backend / canonical(backend, name).replace("/", "--")


def default_model(backend: str, config: Config) -> str:
    """The model that a backend takes where the configuration names none and none that fits is here yet.

    Args:
        backend: one of `BACKENDS`.
        config: its languages and devices choose among the defaults.
    """
    return _defaults(_backend(backend), config)[0].name


def installed_path(config: Config, backend: str, model: str = "") -> Path | None:
    """What the backend is given for a fetched model or one that is named by its path; None unless it is whole.

    Args:
        config: where models are.
        backend: one of `BACKENDS`.
        model: a name, an absolute path (its existence is all that is asked of it), or "" for the default or, if that
            isn't here, another fetched one that knows the language.
    """
    if Path(model).is_absolute():
        path = Path(model)
        fits = path.is_file() if _backend(backend) in ENTRY_FILES else path.is_dir()
        return path if fits else None
    found = fetched_model(config, backend, model)
    return found[1].path if found and found[1].status == "complete" else None


def fetched_model(config: Config, backend: str, model: str = "") -> tuple[Model, ModelState] | None:
    """The model that was fetched for a backend: a whole one, or else one that is damaged; None without either.

    The arguments are those of `installed_path`, but no path.
    """
    known = _backend(backend)
    names = [model] if model else [default.name for default in _defaults(known, config)]
    found = [
        (named_model(known, name), state_of(models_folder(config), known, name)) for name in names if is_name(name)
    ]
    for status in ("complete", "broken"):
        for candidate in found:
            if candidate[1].status == status:
                return candidate
    return None


def fetch_command(backend: str, name: str) -> str:
    """The command that fetches or mends a model."""
    return f"visavis fetch {backend}/{name}"


def state_of(folder: Path, backend: Backend, name: str) -> ModelState:
    """Looks for one model. Sizes are compared, checksums are not: that takes `visavis fetch` some seconds.

    Args:
        folder: the models' folder.
        backend: whose model.
        name: as the catalogue has it, or of another one that was fetched.
    """
    place = folder_of(folder, backend, name)
    try:
        manifest = read_manifest(place)
    except InputError as error:
        return ModelState("broken", place, str(error))
    if manifest is None:
        size = sum(file.stat().st_size for file in place.rglob("*") if file.is_file()) if place.is_dir() else 0
        if not size:
            return ModelState("missing", place)
        return ModelState("partial", place, f"{megabytes(size)} of it are here", size)
    sizes = {}
    for path, record in manifest.files.items():
        file = place / path
        if not file.is_file():
            return ModelState("broken", place, f"its file {path} is gone")
        sizes[path] = file.stat().st_size
        if sizes[path] != record.size:
            return ModelState("broken", place, f"{path}: expected {record.size} bytes, got {sizes[path]}")
    return ModelState("complete", place / manifest.entry, size=sum(sizes.values()))


def fetched_models(folder: Path) -> list[Model]:
    """Every model that is in the models' folder, whole or damaged."""
    found = []
    for backend in BACKENDS:
        for path in sorted((folder / backend).glob(f"*/{MANIFEST}")):
            name = path.parent.name.replace("--", "/")
            if is_name(name) and folder_of(folder, backend, name) == path.parent:
                found.append(named_model(backend, name))
    return found


def recommended_models(config: Config) -> list[Model]:
    """The models of the recommended ring that this configuration would use: of ears, mind and voice, at most one each.

    A place has none where the configuration names a backend without models, a server, or a path.
    """
    ears: tuple[Backend, ...] = ("faster-whisper", "whisper")
    if find_spec("faster_whisper") is None and find_spec("whisper") is not None:
        ears = ("whisper", "faster-whisper")
    minds: tuple[Backend, ...] = () if config.mind.base_url else ("transformers",)
    voices: tuple[Backend, ...] = ("coqui", "xtts")
    if config.voice.language.partition("-")[0].lower() != "en":  # there, Piper has more and quicker voices
        voices = ("piper", *voices)
    wanted = []
    for section, backends in ((config.ears, ears), (config.mind, minds), (config.voice, voices)):
        if section.backend != "auto":
            backends = tuple(backend for backend in BACKENDS if backend == section.backend)
        if backends and not Path(section.model).is_absolute():
            wanted.append(_model_for(config, backends, section.model))
    return wanted


def _model_for(config: Config, backends: tuple[Backend, ...], name: str) -> Model:
    """The one that is here; if none is, the one that should be."""
    for backend in backends:
        for candidate in [named_model(backend, name)] if name else _defaults(backend, config):
            if installed_path(config, backend, candidate.name) is not None:
                return candidate
    if not name:
        return _defaults(backends[0], config)[0]
    known = (find_model(backend, name) for backend in backends)
    return next((model for model in known if model), named_model(backends[0], name))


def named_model(backend: Backend, name: str) -> Model:
    """The catalogue's model of this name, or one that only its source knows.

    Raises:
        InputError: it can't be the name of a model of this backend.
    """
    model = find_model(backend, checked_name(name))
    if model is not None:
        return model
    if backend in ("transformers", "faster-whisper"):
        if name.count("/") != 1:
            known = ", ".join(model.name for model in CATALOGUE if model.backend == backend)
            raise InputError(f"{backend}: expected one of {known}, or OWNER/NAME on Hugging Face, got '{name}'")
        return Model(backend, name, "not in the catalogue", "", 0, ModelSource("hugging-face", name))
    if backend == "piper":
        source = piper_source(name)
        if source is None:
            raise InputError(f"piper: expected a name such as de_DE-thorsten-medium, got '{name}'")
        return Model(backend, name, "not in the catalogue", "see MODEL_CARD", 0, source, "", (piper_language(name),))
    kind: Literal["url-with-sha256", "coqui"] = "url-with-sha256" if backend == "whisper" else "coqui"
    return Model(backend, name, "not in the catalogue", "", 0, ModelSource(kind, name))


def megabytes(size: int) -> str:
    """A size for people: "145 MB", "3.1 GB"."""
    return f"{size / 1e9:.2f} GB" if size >= 1e9 else f"{max(size / 1e6, 0.1):.{0 if size >= 1e7 else 1}f} MB"


def _backend(name: str) -> Backend:
    if name not in BACKENDS:
        raise InputError(f"backend: expected one with models ({', '.join(BACKENDS)}), got '{name}'")
    return name


def _defaults(backend: Backend, config: Config) -> list[Model]:
    """The catalogue's models of a backend, best first; all of them know the language if any does."""
    models = [model for model in CATALOGUE if model.backend == backend]
    if PLACES[backend] == "mind":
        return models
    language = config.ears.language if PLACES[backend] == "ears" else config.voice.language
    fitting = [model for model in models if model.speaks(language)] or models
    if backend == "piper":  # "en-gb" is rather spoken by "en_GB-…"
        fitting.sort(key=lambda model: not model.name.lower().replace("_", "-").startswith(f"{language.lower()}-"))
    if PLACES[backend] == "ears":
        wanted = (
            "turbo"
            if _has_gpu(config.ears.device)
            else "base.en"
            if language.partition("-")[0].lower() == "en"
            else "small"
        )
        fitting.sort(key=lambda model: model.name != wanted)
    return fitting


def _has_gpu(device: str) -> bool:
    """Whether a CUDA device is likely, without the seconds that asking PyTorch would take."""
    return device == "cuda" or (device == "auto" and shutil.which("nvidia-smi") is not None)
