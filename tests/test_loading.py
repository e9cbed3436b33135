"""Backends that can't be loaded here: the next choice is, and it is said; what was asked for is not replaced."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Self

import pytest

from agent.backends.choice import Choice, without_weights
from agent.backends.loading import loaded
from agent.config.config import Config, load_config
from speech.errors import BackendError
from speech.worker.process import Worker

REFUSED = "Whisper ended: it needs instructions that this processor does not have"
CHOICE = Choice("ears", "faster-whisper", "tiny.en, packaged", "packaged", ("ears: something else",))


def config(*overrides: str) -> Config:
    return load_config(None, overrides, {})


class _Ears:
    """A recogniser in a process that a processor refuses, unless it is PocketSphinx."""

    def __init__(self, config: Config, module: str) -> None:
        self.name = config.ears.backend
        self._module = module

    async def __aenter__(self) -> Self:
        if self.name != "pocketsphinx":
            await Worker.start(self._module, {}, what="Whisper")
        return self

    async def __aexit__(self, *_: object) -> None:
        return None


@pytest.fixture
def refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Config], _Ears]:
    """Makes ears whose process dies as one does that runs an instruction which the processor does not know."""
    (tmp_path / "refused.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGILL)\n", "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    return lambda config: _Ears(config, "refused")


def load(make: Callable[[Config], _Ears], config: Config, choice: Choice) -> tuple[str, list[str]]:
    notices: list[str] = []

    async def scene() -> str:
        async with loaded(config, lambda config: choice, make, on_notice=notices.append) as ears:
            return ears.name

    return asyncio.run(scene()), notices


def test_the_next_choice_is_loaded(refused: Callable[[Config], _Ears]) -> None:
    loaded_name, notices = load(refused, config(), CHOICE)
    assert loaded_name == "pocketsphinx"
    assert notices == [f"ears: pocketsphinx instead of faster-whisper: {REFUSED}", "ears: something else"]


@pytest.mark.parametrize(
    "setting", ["ears.backend=faster-whisper", "ears.model=tiny.en", "ring.choice=recommended", "ears.backend=whisper"]
)
def test_what_was_asked_for_is_an_error(refused: Callable[[Config], _Ears], setting: str) -> None:
    with pytest.raises(BackendError, match=f"^{REFUSED}$"):
        load(refused, config(setting), CHOICE)


def test_what_comes_next() -> None:
    def after(what: str, source: str, *settings: str) -> str | None:
        choice = Choice(what, "whatever", "", source)  # type: ignore[arg-type]
        found = without_weights(config(*settings), choice)
        return getattr(found, what).backend if found else None

    assert after("ears", "fetched") == "pocketsphinx" and after("mind", "fetched") == "knowledge"
    assert after("voice", "packaged") in ("flite", "espeak")
    assert after("voice", "packaged", "voice.language=de") == "espeak"
    assert after("voice", "packaged", "voice.voice=heart") is None
    assert after("ears", "") is None and after("mind", "server") is None
    assert after("mind", "packaged", "mind.chat=true") is None, "it does without by itself"
