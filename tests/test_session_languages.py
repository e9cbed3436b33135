"""Another language in the middle of a conversation: what is lent for it, what is missing, and the way back."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, cast

import pytest

from agent.config.config import Config
from agent.manners import languages
from agent.manners.languages import SessionLanguages
from agent.parts import Loaded, SharedParts
from speech.asr.exchanged import ExchangedASR
from speech.errors import BackendError
from speech.tts.adjusted import AdjustedVoice
from tests.fakes import ScriptedEars, ToneVoice
from tests.virtual_time import run


class _Parts:
    """Lends a new voice and new ears for each language."""

    def __init__(self) -> None:
        self.lent: list[str] = []
        self.returned: list[str] = []
        self.fails = False

    @asynccontextmanager
    async def voice(self, config: Config) -> AsyncGenerator[Loaded[Any], None]:
        voice = ToneVoice()
        voice.name = f"voice {config.voice.language}"
        async with self._lent(voice.name):
            yield Loaded(voice)

    @asynccontextmanager
    async def ears(self, config: Config) -> AsyncGenerator[Loaded[Any], None]:
        if self.fails:
            raise BackendError("no room")
        ears = ScriptedEars([])
        ears.name = f"ears {config.ears.language}"
        async with self._lent(ears.name):
            yield Loaded(ears)

    @asynccontextmanager
    async def _lent(self, name: str) -> AsyncGenerator[None, None]:
        self.lent.append(name)
        try:
            yield
        finally:
            self.returned.append(name)


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> dict[str, bool]:
    """What there is of a language other than English."""
    there = {"mind": True, "voice": True, "ears": True}
    monkeypatch.setattr(languages, "language_models", lambda config: ["one"] * there["mind"])
    monkeypatch.setattr(languages, "is_spoken", lambda config, language: there["voice"])
    monkeypatch.setattr(languages, "is_heard", lambda config, language: there["ears"])
    return there


async def _visits(parts: _Parts, *codes: str) -> list[tuple[str, str, str]]:
    """What becomes of each wish: the result, and whose voice and ears there are then."""
    voice, ears = AdjustedVoice(ToneVoice()), ExchangedASR(ScriptedEars([]))
    became = []
    async with AsyncExitStack() as leases:
        spoken = SessionLanguages(cast(SharedParts, parts), Config(), voice, ears, leases)
        spoken.begin_with(ToneVoice(), ScriptedEars([]))
        for code in codes:
            became.append((await spoken.switch(code), voice.name, ears.name))
            assert not parts.returned or parts.fails
    assert sorted(parts.returned) == sorted(parts.lent)
    return became


def test_voice_and_ears_change_and_the_first_ones_come_back(here: dict[str, bool]) -> None:
    parts = _Parts()
    assert run(_visits(parts, "de", "de", "en", "de")) == [
        ("switched", "voice de", "ears de"),
        ("same", "voice de", "ears de"),
        ("switched", "tone voice", "scripted ears"),
        ("switched", "voice de", "ears de"),
    ]
    assert parts.lent == ["voice de", "ears de"]  # once


@pytest.mark.parametrize(("missing", "result"), [("mind", "no_mind"), ("voice", "no_voice"), ("ears", "no_ears")])
def test_what_is_missing_is_told_and_nothing_changes(here: dict[str, bool], missing: str, result: str) -> None:
    here[missing] = False
    parts = _Parts()
    assert run(_visits(parts, "de")) == [(result, "tone voice", "scripted ears")]
    assert parts.lent == []


def test_ears_that_fail_to_load_leave_everything_as_it_was(here: dict[str, bool]) -> None:
    parts = _Parts()
    parts.fails = True
    assert run(_visits(parts, "de", "en")) == [
        ("no_voice", "tone voice", "scripted ears"),
        ("same", "tone voice", "scripted ears"),
    ]
