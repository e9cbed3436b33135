"""Installs the carriers of packaged weights into this Python; one that can't be is reported and left out.

Run: python scripts/install_weights.py install|recommended|training
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from agent.models.checksums import mismatch
from agent.models.packaged import carrier_version
from agent.models.packaged_catalogue import PACKAGED, PackagedModel
from agent.models.training_catalogue import KOKORO, KOKORO_STYLES
from agent.models.training_voices import checked_styles, styles_path
from speech.errors import InputError

# Without what they list: libraries for purposes that aren't ours, some of which don't get along with our own.
PIP = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile", "--no-deps")


def main(target: str) -> None:
    """Installs what a make target installs.

    Args:
        target: "install", "recommended" or "training".
    """
    wanted = [model for model in (*PACKAGED, KOKORO) if model.installed_by == target and _absent(model)]
    if wanted and _pip([line for model in wanted for line in _absent(model)]):
        _one_by_one(wanted)
    if target == KOKORO.installed_by and (trouble := _install_styles()):
        what = f"{KOKORO.title}: {KOKORO_STYLES.file_name} could not be installed ({trouble})"
        print(f"{what}; without it, {KOKORO.without}")


def _one_by_one(wanted: Sequence[PackagedModel]) -> None:
    for model in wanted:
        carriers = _absent(model)
        if trouble := _pip(carriers):
            what = f"{model.title}: {', '.join(carriers)} could not be installed ({trouble})"
            print(f"{what}; without it, {model.without}")


def _install_styles() -> str:
    """Puts Kokoro's style vectors where they are looked for; returns what went wrong, "" if nothing did."""
    try:
        checked_styles()
    except InputError:
        pass
    else:
        return ""
    if (npm := shutil.which("npm")) is None:
        return "the program npm is not installed"
    archive, place = KOKORO_STYLES, styles_path()
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent) as folder:
        command = [npm, "pack", "--silent", "--pack-destination", folder, f"{archive.package}@{archive.version}"]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", cwd=folder)
        packed = Path(folder, archive.file_name)
        if done.returncode or not packed.is_file():
            return (done.stderr.strip().splitlines() or [f"npm ended with {done.returncode}"])[-1]
        if trouble := mismatch(packed, archive.size, archive.sha256):
            return trouble
        os.replace(packed, place)
    return ""


def _absent(model: PackagedModel) -> list[str]:
    return [f"{name}=={version}" for name, version in model.carriers.items() if carrier_version(name) != version]


def _pip(requirements: Sequence[str]) -> str:
    """Installs; returns the last line of what went wrong, "" if nothing did."""
    done = subprocess.run([*PIP, *requirements], stderr=subprocess.PIPE, text=True, errors="replace")
    if not done.returncode:
        return ""
    lines = [line.removeprefix("ERROR: ").strip() for line in done.stderr.splitlines() if line.startswith("ERROR")]
    return lines[-1] if lines else f"pip ended with {done.returncode}"


if __name__ == "__main__":
    main(*sys.argv[1:])
