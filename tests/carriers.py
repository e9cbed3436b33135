"""Carriers of weights for tests: real ones hidden, small ones made."""

from __future__ import annotations

import importlib.metadata
from importlib.metadata import Distribution, PackageNotFoundError

import pytest

from agent.packaged_models import PACKAGED


def hide_carriers(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Pretends that these distributions are not installed; without names, that none with weights is."""
    hidden = set(names) or {carrier for model in PACKAGED for carrier in model.carriers}
    real = importlib.metadata.distribution

    def distribution(name: str) -> Distribution:
        if name in hidden:
            raise PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(importlib.metadata, "distribution", distribution)
