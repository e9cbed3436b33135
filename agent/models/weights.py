"""Which weights a backend is given: at a path that the settings name, fetched, or packaged. Imports nothing heavy.

The settings' ring says where weights come from that no path names: "auto" takes fetched ones, else packaged ones;
"embedded" only packaged ones, "recommended" only fetched ones. A backend that is named outright gets either.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from agent.config.config import Config
from agent.models.catalogue import BACKENDS, PLACES, Place
from agent.models.fetched import (
    ENTRY_FILES,
    default_model,
    fetch_command,
    fetched_model,
    models_folder,
    state_of,
)
from agent.models.manifest import checked_name
from agent.models.packaged import any_installed, install_command, openai_checkpoint, packaged_path
from agent.models.packaged_catalogue import CONVERTED_FROM, PackagedModel, find_packaged, packaged_of
from speech.errors import InputError

WeightsSource = Literal["path", "fetched", "packaged"]

_SOURCES: dict[str, tuple[WeightsSource, ...]] = {
    "auto": ("fetched", "packaged"),
    "embedded": ("packaged",),
    "recommended": ("fetched",),
}
"""By the ring that is chosen: best first."""
_VOICES = tuple(backend for backend in BACKENDS if PLACES[backend] == "voice")


@dataclass(frozen=True, slots=True)
class Weights:
    """What a backend is given.

    Attributes:
        source: where it comes from.
        name: of the model, or its path.
        path: a file or a folder; `resolve_model` converts it where `CONVERTED_FROM` says so, when it is to be loaded.
        trouble: why better ones can't be used, and the command that mends them; "" where these are the best.
    """

    source: WeightsSource
    name: str
    path: Path
    trouble: str = ""

    @property
    def why(self) -> str:
        """In words."""
        return f"{self.name}, {'named by its path' if self.source == 'path' else self.source}"


def sources_of(config: Config, place: Place) -> tuple[WeightsSource, ...]:
    """Where weights of a place may come from, best first."""
    section = getattr(config, place)
    if Path(section.model).is_absolute():
        return ("path",)
    ring, named = config.ring.choice, section.backend != "auto"
    return tuple(dict.fromkeys((*_SOURCES[ring], *(_SOURCES["auto"] if named else ()))))


def look_for(
    config: Config, backend: str, source: WeightsSource, model: str = "", *, accurate: bool = False
) -> Weights | None:
    """Looks for weights in one place.

    Args:
        config: where models are, and which language is heard and spoken.
        backend: what is to use them.
        source: where to look.
        model: a name, an absolute path, or "" for the best that is there.
        accurate: of ears: for recordings, where errors matter more than time.

    Returns:
        None where there is nothing.

    Raises:
        InputError: there is something, but it is damaged, incomplete or another version; says what mends it.
    """
    if Path(model).is_absolute():
        if source != "path":
            return None
        path = Path(model)
        fits = path.is_file() if backend in ENTRY_FILES else path.is_dir()
        return Weights("path", model, path) if fits else None
    if source == "fetched":
        return _fetched(config, backend, model)
    if source == "packaged":
        return _packaged(candidates(config, backend, model, accurate=accurate))
    return None


def resolve_weights(config: Config, backend: str, model: str = "", *, accurate: bool = False) -> Weights:
    """The best weights for a backend that is about to be loaded; the other arguments are as of `look_for`.

    Raises:
        InputError: there are none that are whole; says what brings or mends them.
    """
    trouble: InputError | None = None
    for source in sources_of(config, place_of(backend)):
        try:
            found = look_for(config, backend, source, model, accurate=accurate)
        except InputError as error:
            trouble = trouble or error
        else:
            if found is not None:
                return replace(found, trouble=str(trouble)) if trouble else found
    raise trouble or _nothing(config, backend, model, accurate)


def resolve_model(config: Config, backend: str, model: str = "", *, accurate: bool = False) -> Path:
    """What a backend loads: the path of the best weights, converted for it if need be; see `resolve_weights`."""
    weights = resolve_weights(config, backend, model, accurate=accurate)
    if weights.source == "packaged" and backend in CONVERTED_FROM:
        packaged = find_packaged(CONVERTED_FROM[backend], weights.name)
        assert packaged is not None
        return openai_checkpoint(packaged)
    return weights.path


def ears_model(config: Config, backend: str, accurate: bool = False) -> Path:
    """What a Whisper backend loads: for English the quick model, for recordings and other languages the larger one.

    Raises:
        InputError: there are no weights for it; says what brings or mends them.
    """
    return resolve_model(config, backend, config.ears.model, accurate=accurate)


def candidates(config: Config, backend: str, model: str = "", *, accurate: bool = False) -> list[PackagedModel]:
    """The packaged weights that a backend could be given, best first, installed or not."""
    origin = CONVERTED_FROM.get(backend, backend)
    if model:
        return [packaged for packaged in packaged_of(origin) if packaged.name == model]
    place = place_of(backend)
    if place == "mind":
        return packaged_of(origin)
    if place == "voice":
        return packaged_of(origin, config.voice.language)
    language = config.ears.language
    if language and not accurate:
        return packaged_of(origin, language)
    # The larger one knows many languages; without it, what is said in English is still understood.
    return sorted(packaged_of(origin, language or None), key=lambda packaged: packaged.languages != ())


def has_weights(backend: str) -> bool:
    """Whether a backend is one that is given weights."""
    return backend in BACKENDS or bool(packaged_of(backend))


def place_of(backend: str) -> Place:
    """The place that a backend with weights fills.

    Raises:
        InputError: no backend of this name has weights.
    """
    for known in BACKENDS:
        if known == backend:
            return PLACES[known]
    packaged = packaged_of(backend)
    if not packaged:
        raise InputError(f"backend: expected one with models ({', '.join(BACKENDS)}), got '{backend}'")
    return packaged[0].place


def _fetched(config: Config, backend: str, model: str) -> Weights | None:
    found = fetched_model(config, backend, model) if backend in BACKENDS else None
    if found is None:
        return None
    about, state = found
    if not model and about.backend in _VOICES and not about.speaks(config.voice.language):
        return None
    if state.status != "complete":
        mend = fetch_command(about.backend, about.name)
        raise InputError(f"{about.title}: expected it whole in {state.path}, but {state.detail}; run: {mend}")
    return Weights("fetched", about.name, state.path)


def _packaged(models: Iterable[PackagedModel]) -> Weights | None:
    trouble: InputError | None = None
    for model in models:
        if any_installed(model):
            try:
                return Weights("packaged", model.name, packaged_path(model), str(trouble or ""))
            except InputError as error:
                trouble = trouble or error
    if trouble is not None:
        raise trouble
    return None


def _nothing(config: Config, backend: str, model: str, accurate: bool) -> InputError:
    """Why there is nothing, and what brings it."""
    setting = f"{place_of(backend)}.model"
    if Path(model).is_absolute():
        kind = f"a file ({ENTRY_FILES[backend]})" if backend in ENTRY_FILES else "a folder"
        there = "something else" if Path(model).exists() else "nothing"
        return InputError(f"{setting} ({config.source.of(setting)}): expected {kind} at {model}, found {there}")
    packaged = candidates(config, backend, model, accurate=accurate)
    usual = next((entry for entry in packaged if entry.installed_by == "install"), packaged[0] if packaged else None)
    commands = [install_command(usual)] if usual else []
    if backend not in BACKENDS:
        if not commands and not model:
            setting = f"{place_of(backend)}.language"
            known = ", ".join(dict.fromkeys(code for entry in packaged_of(backend) for code in entry.languages))
            return InputError(f"{setting} ({config.source.of(setting)}): expected what {backend} speaks: {known}")
        if not commands:
            known = ", ".join(entry.name for entry in packaged_of(backend))
            return InputError(f"{setting} ({config.source.of(setting)}): expected one of {known}, got '{model}'")
        return InputError(f"{packaged[0].title}: expected its packaged weights, found none; run: {commands[0]}")
    name = checked_name(model) if model else default_model(backend, config)
    known_backend = next(known for known in BACKENDS if known == backend)
    state = state_of(models_folder(config), known_backend, name)
    trouble = f"it is {state.status}: {state.detail}" if state.detail else "it is not there"
    commands.insert(0, fetch_command(known_backend, name))
    run = ", or: ".join(commands)
    return InputError(f"{backend}: expected the model {name} in {state.path}, {trouble}; run: {run}")
