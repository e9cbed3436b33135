"""Are the weights, a portrait, the knowledge and the cache folder there, and which programs could be added?"""

from __future__ import annotations

import json
import platform
import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from agent import personas
from agent.config.config import Config
from agent.doctor.packages import PROJECT, Part, Ring, Status, pip
from speech.errors import VisavisError
from speech.user_folders import cache_folder

SHIPPED_WEIGHTS = PROJECT / "avatar" / "assets" / "motion.safetensors"

PYTHONS = ((3, 11), (3, 12))
"""For newer ones there is no wheel of mediapipe 0.10.21, the last version that brings its models along."""

LARGEST_HEADER_BYTES = 100_000_000
"""Of a safetensors file, by its own specification."""

PROBE_S = 5.0
"""Seconds that a program gets to answer; all of them need less than a tenth of that."""


def check_python() -> Part:
    """The version of Python."""
    fits = sys.version_info[:2] in PYTHONS
    fix = "" if fits else "apt-get install python3.11-venv, then create .venv with it"
    detail = "" if fits else "expected 3.11 or 3.12, the versions that mediapipe has wheels for"
    return Part("Python", "embedded", "ok" if fits else "broken", platform.python_version(), detail, fix)


def check_files(config: Config) -> list[Part]:
    """The weights, the portrait, the knowledge file and the cache folder that the configuration asks for."""
    return [check_weights(config), check_portrait(config), check_knowledge(config), check_cache(config)]


def check_weights(config: Config) -> Part:
    """The motion sampler's weights: there, and the header readable and in line with the size."""
    path = config.face.weights or SHIPPED_WEIGHTS
    fix = _mend(config, "face.weights", SHIPPED_WEIGHTS)
    try:
        tensors = _tensors_in(path)
    except FileNotFoundError:
        return Part("motion weights", "embedded", "missing", "", f"face: no file {path}", fix)
    except (OSError, ValueError) as error:
        return Part("motion weights", "embedded", "broken", "", f"face: {path}: {error}", fix)
    return Part("motion weights", "embedded", "ok", "", f"face: {path.name}, {tensors} tensors", "")


def _tensors_in(path: Path) -> int:
    """The number of tensors in a safetensors file (8 bytes of length, a JSON header, the data).

    Raises:
        OSError: it can't be read.
        ValueError: it is no such file, or cut off.
    """
    if path.exists() and not path.is_file():
        raise ValueError("expected a safetensors file, found a folder, a pipe or a device")
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
        if not 2 <= length <= min(size, LARGEST_HEADER_BYTES):
            raise ValueError("expected a safetensors file, got something else")
        text = file.read(length)
    try:
        header = json.loads(text)
        ends = [int(entry["data_offsets"][1]) for name, entry in header.items() if name != "__metadata__"]
    except (ValueError, RecursionError, AttributeError, LookupError, TypeError):
        raise ValueError("expected a safetensors file, its header can't be read") from None
    if 8 + length + max(ends, default=0) != size:
        raise ValueError(f"expected {8 + length + max(ends, default=0)} bytes, got {size}")
    return len(ends)


def check_portrait(config: Config) -> Part:
    """The portrait that is configured, or the shipped ones."""
    shipped = [name for name in personas.PERSONAS if personas.portrait_path(name).is_file()]
    if not shipped:
        fix = _mend_shipped(personas.PORTRAITS)
        return Part("portrait", "embedded", "missing", "", f"no picture in {personas.PORTRAITS}", fix)
    path = personas.portrait_path(config.portrait.path)
    if not path.is_file():
        fix = f"{_edit(config, 'portrait.path')}: a picture's path, or one of {', '.join(shipped)}"
        return Part("portrait", "embedded", "missing", "", f"no file {path}", fix)
    placed = config.portrait.landmarks
    if placed is not None and not placed.is_file():
        fix = f"{_edit(config, 'portrait.landmarks')}: a file that `visavis landmarks {path.name}` makes, or none"
        return Part("portrait", "embedded", "missing", "", f"no file {placed}", fix)
    return Part("portrait", "embedded", "ok", "", f"{path.stem}; shipped: {', '.join(shipped)}", "")


def check_knowledge(config: Config) -> Part:
    """The knowledge file: read as a conversation would read it."""

    def look() -> Part:
        from agent.knowledge.file import load_knowledge
        from agent.models.packaged import any_installed
        from agent.models.packaged_catalogue import packaged_of
        from agent.parts import DEFAULT_KNOWLEDGE

        path = config.mind.knowledge or DEFAULT_KNOWLEDGE
        fix = _mend(config, "mind.knowledge", DEFAULT_KNOWLEDGE)
        try:
            notice = load_knowledge(path).notice
        except VisavisError as error:
            status: Status = "broken" if path.exists() else "missing"
            return Part("knowledge", "embedded", status, "", f"mind: {error}", fix)
        has_meaning = any(map(any_installed, packaged_of("embeddings")))
        ways = "words, sound and meaning" if has_meaning else "words and sound"
        detail = "; ".join(filter(None, (f"mind: {path.name}", f"searched by {ways}", notice)))
        return Part("knowledge", "embedded", "ok", "", detail, "")

    return _unless_packages_lack("knowledge", look)


def check_cache(config: Config) -> Part:
    """The folder of analysed portraits: a file is written there, and removed."""
    folder = config.portrait.cache_dir or cache_folder()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(4096))
    except OSError as error:
        fix = f"{_edit(config, 'portrait.cache_dir')}: a folder that you may write to"
        return Part("cache folder", "embedded", "broken", "", f"{folder}: {error.strerror}", fix)
    return Part("cache folder", "embedded", "ok", "", str(folder), "")


def _unless_packages_lack(name: str, look: Callable[[], Part]) -> Part:
    try:
        return look()
    except ImportError as error:
        detail = f"can't be looked for before the package is there: {' '.join(str(error).split())}"
        return Part(name, "embedded", "broken", "", detail, "")


def _mend(config: Config, key: str, shipped: Path) -> str:
    section, name = key.split(".")
    if getattr(getattr(config, section), name) is None:
        return _mend_shipped(shipped)
    return f'{_edit(config, key)}: a file that is there, or "" for the shipped one'


def _mend_shipped(path: Path) -> str:
    if (PROJECT / ".git").exists():
        return f"git -C {PROJECT} checkout -- {path.relative_to(PROJECT)}"
    return pip("install", "--force-reinstall", "--no-deps", "visavis")


def _edit(config: Config, key: str) -> str:
    return f"change {key} ({config.source.of(key)})"


def check_programs(config: Config) -> list[Part]:
    """What isn't needed, but used where it is there: Flite's voices, a GPU."""
    return [_check_flite(config), _check_gpu()]


def _check_flite(config: Config) -> Part:
    ring: Ring = "embedded" if config.voice.backend == "flite" else "optional"
    if shutil.which("flite") is None:
        return Part("flite", ring, "missing", "", "voice: Flite's voices", "apt-get install flite")
    answer = _ask("flite", "-lv")
    if answer is None:
        return Part("flite", ring, "broken", "", "voice: the program fails", "apt-get install --reinstall flite")
    voices = answer.partition(":")[2].split()
    return Part("flite", ring, "ok", "", f"voice: {', '.join(voices)}", "")


def _check_gpu() -> Part:
    detail = "the recommended ring is much quicker with one"
    answer = _ask("nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader")
    if not answer:
        return Part("CUDA device", "optional", "missing", "", detail, "")
    name, _, driver = answer.splitlines()[0].partition(",")
    return Part("CUDA device", "optional", "ok", driver.strip(), f"{name.strip()}; {detail}", "")


def _ask(*command: str) -> str | None:
    """What a program prints, or None if it isn't there, fails or hangs."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=PROBE_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout
