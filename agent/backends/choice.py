"""Which backends are used for ears, mind and voice, and why; all from their descriptors."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import Any, Literal

from agent.backends import tables
from agent.backends.descriptor import Backend
from agent.backends.voice_names import language_in
from agent.config.config import Config
from agent.models.catalogue import Place
from agent.models.packaged import install_command
from agent.models.packaged_catalogue import packaged_of
from agent.models.weights import WeightsSource, candidates, look_for, resolve_weights, sources_of
from speech.errors import InputError, VisavisError

_KNOWLEDGE_FIRST = ("auto", "knowledge")
"""With mind.chat: backends that name no language model, so that the best one is taken, or none."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen for one place.

    Attributes:
        what: the place: "ears", "mind", "voice".
        chosen: the name of the backend.
        why: in words.
        source: where its weights come from, or "server"; "" for a backend that needs none.
        notices: what would have been better and can't be used, and the command that mends it; a line each.
    """

    what: Place
    chosen: str
    why: str
    source: WeightsSource | Literal["server", ""] = ""
    notices: tuple[str, ...] = ()


def choices(config: Config, *, accurate: bool = False) -> tuple[Choice, ...]:
    """The backends of ears, mind and voice, `auto` resolved. Packaged weights are checked, which takes a moment once.

    Raises:
        InputError: a backend that no table has.
    """
    return (chosen_ears(config, accurate=accurate), chosen_mind(config), chosen_voice(config))


def chosen_ears(config: Config, *, accurate: bool = False) -> Choice:
    """Whisper where its weights are, faster-whisper first because it is quicker; else PocketSphinx."""
    backends = tables.ears(config)
    choice = _named(config, "ears", backends, accurate=accurate) or _auto(config, "ears", backends, accurate=accurate)
    language = config.ears.language
    if (
        config.ears.backend == "auto"
        and choice.chosen == "pocketsphinx"
        and language.partition("-")[0].lower() not in ("", "en")
    ):
        (larger, *_) = candidates(config, "faster-whisper")
        notice = f"ears: pocketsphinx hears only English, ears.language is '{language}'; run: {install_command(larger)}"
        choice = replace(choice, notices=(*choice.notices, notice))
    return choice


def chosen_mind(config: Config) -> Choice:
    """A server where one is named, else a fetched language model, else the knowledge file.

    With mind.chat the knowledge file answers first, and a language model chats about the rest (`chosen_talker`).
    """
    if config.mind.chat:
        talker = chosen_talker(config)
        if talker is None:
            notice = "mind: the knowledge file alone instead of chat: expected a language model, found none; run: "
            return Choice(
                "mind",
                "knowledge",
                "mind.chat is on, but there is no language model",
                notices=(f"{notice}{install_command(packaged_of('transformers')[0])}",),
            )
        why = f"mind.chat is on: {talker.chosen} chats where the file has no answer ({talker.why})"
        return replace(talker, chosen="knowledge", why=why)
    backends = tables.minds(config)
    return _named(config, "mind", backends) or _auto(config, "mind", backends)


def chosen_talker(config: Config) -> Choice | None:
    """The language model that chats with mind.chat: the named one, else a server, a fetched or the packaged one."""
    backends = tables.minds(config)
    if config.mind.backend not in _KNOWLEDGE_FIRST:
        return _named(config, "mind", backends)
    return _server(config, "mind", backends) or _best(config, "mind", backends, any_source=True).choice


def chosen_voice(config: Config) -> Choice:
    """The engine whose voice is named; else the best that speaks the language, fetched weights before packaged ones.

    Raises:
        InputError: a backend that no table has, or a language that no voice has.
    """
    meant = with_meant_voice(config)
    backends = tables.voices(meant)
    by_name = (
        "" if meant.voice.backend == config.voice.backend else f"its voice is named by {_set(config, 'voice.voice')}"
    )
    named = _named(meant, "voice", backends, why=by_name)
    if named is not None:
        return named
    best = _best(meant, "voice", backends)
    speakers = {backend.name for backend in backends if backend.has_speakers}
    if meant.voice.voice and (best.choice is None or best.choice.chosen not in speakers):
        raise InputError(
            f"{_set(config, 'voice.voice')}: expected a voice that is here, or a language that one speaks, "
            f"got '{meant.voice.voice}'; see: visavis voices"
        )
    return best.choice or _last_resort(meant, best, backends)


def with_meant_voice(config: Config) -> Config:
    """The same settings with the engine, voice, model and language that `voice.voice` means.

    "espeak:de" is eSpeak's German, while "de" is the best German voice here. Nothing changes where it is empty, or is
    the name of a voice of the engine that is named beside it.
    """
    voice = config.voice
    engine, colon, own = voice.voice.partition(":")
    backends = tables.voices(config)
    changes: dict[str, str] = {}
    meant = next((backend for backend in backends if colon and backend.name == engine.lower()), None)
    if meant is not None and voice.backend in ("auto", meant.name):
        changes = {"backend": meant.name, **meant.qualified(own)}
    elif voice.backend == "auto" and voice.voice and not voice.model:
        found = next((means for backend in backends if (means := backend.unqualified(voice.voice))), None)
        if found is not None:
            changes = dict(found)
        elif language := language_in(voice.voice):
            changes = {"voice": "", "language": language}
    return config.model_copy(update={"voice": voice.model_copy(update=changes)}) if changes else config


def without_weights(config: Config, choice: Choice) -> Config | None:
    """The settings for the next choice where one with weights turned out not to work on this machine.

    Returns:
        The same settings with a backend that needs no weights; None where the backend was asked for, or had none.
    """
    section = getattr(config, choice.what)
    asked_for = section.backend != "auto" or section.model or config.ring.choice == "recommended"
    if asked_for or (choice.what == "mind" and config.mind.chat) or choice.source not in ("fetched", "packaged"):
        return None
    if choice.what == "voice" and config.voice.voice:
        return None
    plain, _ = _plain(config, tables.backends_of(config, choice.what))
    return config.model_copy(update={choice.what: section.model_copy(update={"backend": plain})})


def missing_of(backend: Backend[Any]) -> str:
    """The module or the program that a backend needs and that is not here; "" for none."""
    if backend.module and find_spec(backend.module) is None:
        return backend.module
    return "" if not backend.programs or any(map(shutil.which, backend.programs)) else backend.programs[0]


def _auto(config: Config, place: Place, backends: Sequence[Backend[Any]], *, accurate: bool = False) -> Choice:
    """A server that is named, else the best weights that are here, else what needs none."""
    if server := _server(config, place, backends):
        return server
    best = _best(config, place, backends, accurate=accurate)
    return best.choice or _last_resort(config, best, backends)


def _ranked(config: Config, backends: Sequence[Backend[Any]], needs: str) -> list[Backend[Any]]:
    ranked = [(rank, backend) for backend in backends if (rank := backend.rank(config)) is not None]
    return [backend for _, backend in sorted(ranked, key=lambda pair: pair[0]) if backend.needs == needs]


def _server(config: Config, place: Place, backends: Sequence[Backend[Any]]) -> Choice | None:
    for backend in _ranked(config, backends, "server") if config.ring.choice != "embedded" else ():
        if why := backend.reason(config):
            return Choice(place, backend.name, why, "server")
    return None


def _named(
    config: Config, place: Place, backends: Sequence[Backend[Any]], *, accurate: bool = False, why: str = ""
) -> Choice | None:
    """The backend that the configuration names, or None where it says "auto"; `why` where a backend is not the why."""
    section = getattr(config, place)
    asked: str = section.backend
    if asked == "auto":
        return None
    key = f"{place}.backend"
    backend = next((backend for backend in backends if backend.name == asked), None)
    if backend is None:
        for plugin in config.plugins.all:
            if (plugin.kind, plugin.name) == (place, asked):
                raise InputError(f"{config.source.of(key)}: {key}: {plugin.title}: {plugin.problem}")
        names = ", ".join(f"'{name}'" for name in ("auto", *(backend.name for backend in backends)))
        raise InputError(f"{config.source.of(key)}: {key}: expected one of {names}, got '{asked}'")
    named = Choice(place, asked, why or f"named by {_set(config, key)}")
    if backend.needs == "server":
        return replace(named, source="server")
    if backend.needs != "weights":
        return named
    try:
        weights = resolve_weights(config, asked, section.model, accurate=accurate)
    except VisavisError as error:
        return replace(named, source="fetched" if backend.extra else "packaged", notices=(str(error),))
    notices = _notices(place, f"{weights.name}, {weights.source},", [weights.trouble] if weights.trouble else [])
    return replace(named, why=f"{named.why}; {weights.why}", source=weights.source, notices=notices)


def _set(config: Config, key: str) -> str:
    """A setting, and where it was set."""
    return f"{key} ({config.source.of(key)})"


@dataclass(frozen=True, slots=True)
class _Best:
    """The best backend with weights, if there is one, and what is wrong with better ones."""

    place: Place
    first: str
    choice: Choice | None
    troubles: tuple[str, ...]


def _best(
    config: Config,
    place: Place,
    backends: Sequence[Backend[Any]],
    *,
    accurate: bool = False,
    any_source: bool = False,
) -> _Best:
    """Looks for weights where the ring allows it: first in the best source for every backend, then in the next one."""
    troubles: list[str] = []
    model: str = getattr(config, place).model
    ranked = _ranked(config, backends, "weights")
    for source in sources_of(config, place):
        for backend in ranked:
            if missing_of(backend) or (source == "packaged" and not any_source and not backend.packaged_for_auto):
                continue
            try:
                weights = look_for(config, backend.name, source, model, accurate=accurate)
            except VisavisError as error:
                troubles.append(str(error))
                continue
            if weights is not None:
                troubles += [weights.trouble] if weights.trouble else []
                notices = _notices(place, f"{weights.name}, {weights.source},", troubles)
                choice = Choice(place, backend.name, weights.why, weights.source, notices)
                return _Best(place, ranked[0].name, choice, ())
    return _Best(place, ranked[0].name, None, tuple(troubles))


def _last_resort(config: Config, best: _Best, backends: Sequence[Backend[Any]]) -> Choice:
    """The way back where nothing better is here; with the ring "recommended" there is none."""
    if config.ring.choice == "recommended":
        why = f"ring.choice is recommended ({config.source.of('ring.choice')})"
        return Choice(best.place, best.first, why, "fetched")
    chosen, why = _plain(config, backends)
    return Choice(best.place, chosen, f"needs no weights; {why}", notices=_notices(best.place, chosen, best.troubles))


def _plain(config: Config, backends: Sequence[Backend[Any]]) -> tuple[str, str]:
    """The backend that serves the settings without weights, and why this one.

    Raises:
        InputError: none does.
    """
    for backend in _ranked(config, backends, ""):
        if why := backend.reason(config):
            return backend.name, why
    raise InputError("auto: expected a backend that needs no weights, none serves these settings")


def _notices(place: Place, chosen: str, troubles: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"{place}: {chosen} instead of {trouble}" for trouble in dict.fromkeys(troubles))
