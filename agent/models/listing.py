"""Which files a model has, and what their source states about them: sizes, checksums, the licence."""

from __future__ import annotations

import ast
import json
import os
import urllib.parse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from agent.models.catalogue import Model
from agent.models.download_sources import Checksum, Cut, RemoteFile, web_answer
from agent.models.fetched import ENTRY_FILES
from agent.models.manifest import Manifest, is_name
from speech.errors import InputError

HUB = "https://huggingface.co"
"""Of Hugging Face; the environment variable HF_ENDPOINT names a mirror, as it does for Hugging Face's own tools."""

_LARGEST_LISTING_BYTES = 20_000_000

_WANTED: Mapping[str, Sequence[str]] = {
    "transformers": ("*.json", "*.safetensors", "*.txt", "*.jinja", "*.model", "LICENSE*"),
    "faster-whisper": ("config.json", "preprocessor_config.json", "model.bin", "tokenizer.json", "vocabulary.*"),
    "piper": ("*.onnx", "*.onnx.json", "MODEL_CARD"),
    "xtts": ("*.json", "*.pth", "LICENSE*"),
    "coqui": ("*.json", "*.pth", "LICENSE*"),
}
"""Backend → the files of a repository that it loads."""

_NEEDED: Mapping[str, Sequence[str]] = {
    "transformers": ("config.json", "*.safetensors"),
    "faster-whisper": ("config.json", "model.bin", "tokenizer.json"),
    "piper": ("*.onnx", "*.onnx.json"),
    "xtts": ("config.json", "model.pth", "vocab.json"),
    "coqui": ("config.json", "*.pth"),
}
"""Backend → the files without which it can't."""

_NOT_WANTED = ("consolidated*",)
"""The same weights again, in the format of another program."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What is to be fetched.

    Attributes:
        files: all files, or the one archive that holds them.
        revision: the commit of a repository; "" elsewhere.
        licence: as the source states it; "" where it states none.
        is_archive: whether the one file is a ZIP archive, to be unpacked.
        entry: the file that the backend is given; "" for the folder.
    """

    files: tuple[RemoteFile, ...]
    revision: str = ""
    licence: str = ""
    is_archive: bool = False
    entry: str = ""


def list_files(model: Model) -> Listing:
    """Asks the source of a model.

    Raises:
        InputError: the source, or the package that knows it, isn't there, or has no such model.
    """
    if model.source.kind == "url-with-sha256":
        return _of_whisper(model)
    if model.source.kind == "coqui":
        return _of_coqui(model)
    # Of a repository of many voices the licence that counts is the voice's own.
    licence = model.licence if model.backend == "piper" else ""
    return _of_hub(model, model.source.name, model.source.revision, licence)


def listing_of(manifest: Manifest) -> Listing:
    """The files that another machine fetched, with their checksums."""
    files = tuple(
        RemoteFile(path, "", record.size, Checksum("sha256", record.sha256)) for path, record in manifest.files.items()
    )
    return Listing(files, manifest.revision, manifest.licence, entry=manifest.entry)


def _of_whisper(model: Model) -> Listing:
    """From the table in the package, which is read and not imported: that would take seconds."""
    table = _package_file("whisper", "__init__.py", "openai-whisper", "whisper").read_text("utf-8")
    urls: dict[str, str] = {}
    for statement in ast.parse(table).body:
        if isinstance(statement, ast.Assign) and [ast.unparse(target) for target in statement.targets] == ["_MODELS"]:
            urls = ast.literal_eval(statement.value)
    url = urls.get(model.source.name)
    if url is None:
        raise InputError(f"whisper: expected one of {', '.join(urls)}, got '{model.source.name}'")
    *_, sha256, name = url.split("/")
    return Listing((RemoteFile(name, url, checksum=Checksum("sha256", sha256)),), entry=name)


def _of_coqui(model: Model) -> Listing:
    """From the list in the package: a ZIP archive, of which no checksum is stated, or a repository."""
    listed = json.loads(_package_file("TTS", ".models.json", "coqui-tts", "coqui").read_text("utf-8"))
    entry: Any = listed
    for part in model.source.name.split("/"):
        entry = entry.get(part) if isinstance(entry, dict) else None
    is_xtts = model.source.name.rpartition("/")[2].startswith("xtts")
    if not isinstance(entry, dict) or not {"github_rls_url", "repo_id"} & set(entry):
        raise InputError(f"{model.backend}: coqui-tts lists no model '{model.source.name}'; see: visavis fetch --list")
    if is_xtts != (model.backend == "xtts"):
        other = "xtts" if is_xtts else "coqui"
        raise InputError(f"{model.backend}: expected one of its models, got one of {other}; fetch {other}/… instead")
    licence = str(entry.get("license", ""))
    if "repo_id" in entry:
        return _of_hub(model, entry["repo_id"], "main", licence, entry.get("ignore", ()))
    url = str(entry["github_rls_url"])
    return Listing((RemoteFile(url.rpartition("/")[2], url),), licence=licence, is_archive=True)


def _package_file(module: str, name: str, distribution: str, extra: str) -> Path:
    spec = find_spec(module)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        if (path := Path(folder) / name).is_file():
            return path
    raise InputError(
        f"expected the package {distribution}, which knows where its models are and is needed to use them; "
        f"run: pip install 'visavis[{extra}]'"
    )


def _of_hub(model: Model, repository: str, revision: str, licence: str = "", ignore: Sequence[str] = ()) -> Listing:
    """From Hugging Face's public API, the same that huggingface_hub's `model_info(files_metadata=True)` asks."""
    hub = (os.environ.get("HF_ENDPOINT") or HUB).rstrip("/")
    url = (
        f"{hub}/api/models/{urllib.parse.quote(repository)}/revision/{urllib.parse.quote(revision, safe='')}?blobs=true"
    )
    try:
        with web_answer(url, {}) as answer:
            stated = json.loads(answer.read(_LARGEST_LISTING_BYTES))
        commit = str(stated["sha"])
        entries = [(str(entry["rfilename"]), entry) for entry in stated["siblings"]]
        folder = f"{model.source.folder}/" if model.source.folder else ""
        base = (
            f"{hub}/{urllib.parse.quote(repository)}/resolve/{urllib.parse.quote(commit)}/{urllib.parse.quote(folder)}"
        )
        files = tuple(
            RemoteFile(name, f"{base}{urllib.parse.quote(name)}", int(entry["size"]), _checksum(entry))
            for path, entry in entries
            if path.startswith(folder)
            and _is_wanted(name := path.removeprefix(folder), _WANTED[model.backend], (*_NOT_WANTED, *ignore))
        )
        if any(file.size is not None and file.size < 0 for file in files):
            raise ValueError("a file of less than no bytes")
        if len({file.path.lower() for file in files}) < len(files):
            raise ValueError("two files of one name")
    except Cut as cut:
        raise InputError(f"{cut}; without a network: visavis fetch --from FOLDER") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise InputError(f"{url}: expected a list of files, could not read the answer: {repr(error)[:160]}") from None
    for pattern in _NEEDED[model.backend]:
        if not any(fnmatch(file.path, pattern) for file in files):
            raise InputError(f"{hub}/{repository}: expected a model for {model.backend}, found no {pattern} in it")
    stated_licence = (stated.get("cardData") or {}).get("license") or ""
    entry_file = ENTRY_FILES.get(model.backend)
    entry_name = next((file.path for file in files if entry_file and file.path.endswith(entry_file)), "")
    return Listing(files, commit, licence or str(stated_licence), entry=entry_name)


def _is_wanted(name: str, wanted: Sequence[str], not_wanted: Sequence[str]) -> bool:
    """Whether a file of a repository is one of the patterns; those in its folders are for other programs."""
    if "/" in name or not is_name(name) or name.startswith("."):
        return False
    return any(fnmatch(name, pattern) for pattern in wanted) and not any(fnmatch(name, p) for p in not_wanted)


def _checksum(entry: Mapping[str, Any]) -> Checksum:
    large = entry.get("lfs")
    return Checksum("sha256", str(large["sha256"])) if large else Checksum("git", str(entry["blobId"]))
