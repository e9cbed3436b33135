"""What is written beside a fetched model: its files, their sizes and checksums, and where they came from."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from speech.errors import InputError
from speech.files.draft import Draft
from speech.files.input_file import read_input_file

MANIFEST = "visavis-model.json"
"""Written into a model's folder when everything else is there."""

PARTIAL = ".partial"
"""The suffix of a file that is not whole yet."""

_LARGEST_BYTES = 5_000_000
_NAME = re.compile(r"[\w.-]+(/[\w.-]+)*")


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A file as it was when it was fetched.

    Attributes:
        size: bytes.
        sha256: of its content, hexadecimal.
    """

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is in a model's folder, and where it came from.

    Attributes:
        model: such as "whisper/base.en".
        source: in words.
        revision: the commit of a repository; "" elsewhere.
        licence: its short name.
        entry: the file that the backend is given; "" for the folder itself.
        files: path inside the folder → the file.
    """

    model: str
    source: str
    revision: str
    licence: str
    entry: str
    files: Mapping[str, FileRecord]


def read_manifest(place: Path) -> Manifest | None:
    """The manifest of a model's folder; None if there is none.

    Raises:
        InputError: it is damaged.
    """
    path = place / MANIFEST
    if not os.path.lexists(path):
        return None
    try:
        entry = json.loads(read_input_file(path, "what `visavis fetch` wrote", most_bytes=_LARGEST_BYTES))
        files = {name: FileRecord(int(file["size"]), str(file["sha256"])) for name, file in entry.pop("files").items()}
        manifest = Manifest(**{key: str(value) for key, value in entry.items()}, files=files)
    except (OSError, ValueError, OverflowError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{path}: expected what `visavis fetch` wrote, could not read it: {error}") from None
    for name in (*files, manifest.entry):
        # What is named here is opened, and copied elsewhere: it has to stay inside.
        if name and not is_name(name):
            raise InputError(f"{path}: expected names of files in this folder, got {name[:60]!r}")
        if name in files and files[name].size < 0:
            raise InputError(f"{path}: expected the size of {name}, got {files[name].size}")
    if not files:
        raise InputError(f"{path}: expected the names of files, found none")
    return manifest


def write_manifest(place: Path, manifest: Manifest) -> None:
    """Marks a model's folder as complete, in one step."""
    text = json.dumps(asdict(manifest), indent=2) + "\n"
    with Draft(place / MANIFEST) as draft:
        draft.path.write_text(text, "utf-8")


def checked_name(name: str) -> str:
    """The name, if it can be one.

    Raises:
        InputError: it can't.
    """
    if not is_name(name):
        raise InputError(f"model: expected a name such as base.en or Qwen/Qwen2.5-1.5B-Instruct, got '{name}'")
    return name


def is_name(name: str) -> bool:
    """Whether this can be a model's name, or a path inside its folder."""
    return bool(_NAME.fullmatch(name)) and not {".", ".."} & set(name.split("/"))
