"""Carriers of weights for tests: real ones found or hidden, small ones made."""

from __future__ import annotations

import hashlib
import importlib.metadata
from collections.abc import Mapping
from importlib.metadata import Distribution, PackageNotFoundError
from pathlib import Path

import pytest

from agent.models.packaged import packaged_path
from agent.models.packaged_catalogue import PACKAGED, PackagedFile, PackagedModel, find_packaged


def weights_of(backend: str, name: str) -> Path:
    """What a backend is given of the real packaged weights; they must be installed."""
    model = find_packaged(backend, name)
    assert model is not None
    return packaged_path(model)


def hide_carriers(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Pretends that these distributions are not installed; without names, that none with weights is."""
    hidden = set(names) or {carrier for model in PACKAGED for carrier in model.carriers}
    real = importlib.metadata.distribution

    def distribution(name: str) -> Distribution:
        if name in hidden:
            raise PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(importlib.metadata, "distribution", distribution)


def make_carrier(site: Path, name: str, version: str, files: Mapping[str, bytes]) -> None:
    """Installs a distribution into a folder: a module that must not be imported, with these files in its data."""
    data = site / name.replace("-", "_") / "data"
    data.mkdir(parents=True, exist_ok=True)
    (data.parent / "__init__.py").write_text("raise RuntimeError('a carrier was imported')\n", "utf-8")
    for path, content in files.items():
        (data / path).write_bytes(content)
    about = site / f"{name.replace('-', '_')}-{version}.dist-info"
    about.mkdir(exist_ok=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", "utf-8")


def carried_model(backend: str, name: str, carrier: str, files: Mapping[str, bytes], entry: str = "") -> PackagedModel:
    """The entry for what `make_carrier` installs at version 1.0; "x.part1" and "x.part2" are the parts of "x"."""
    folder = f"{carrier.replace('-', '_')}/data"
    entries = tuple(
        PackagedFile(
            carrier,
            f"{folder}/{path}",
            len(content),
            hashlib.sha256(content).hexdigest(),
            path.removesuffix(".part1").removesuffix(".part2"),
        )
        for path, content in files.items()
    )
    return PackagedModel(
        backend, name, "for tests", "MIT", {carrier: "1.0"}, entries, "install", "tests go without", entry=entry
    )
