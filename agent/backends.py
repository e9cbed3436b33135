"""Which backends are used for ears, mind and voice, and why; made from the tables of `agent.backend_tables`."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import Any, Literal

from agent.backend_tables import EARS, MINDS, VOICES, make_knowledge, table
from agent.config.config import Config
from agent.knowledge.file import Knowledge
from agent.llm.base import LLM
from agent.models.catalogue import BACKENDS, Place
from agent.models.fetched import MODULES
from agent.models.packaged import install_command
from agent.models.packaged_catalogue import packaged_of
from agent.models.weights import WeightsSource, candidates, has_weights, look_for, resolve_weights, sources_of
from agent.voices.choice import engines_for, espeak_voice, with_meant_voice
from speech.asr.base import ASR
from speech.errors import InputError, VisavisError
from speech.tts.base import TTS

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
    named = _named(config, "ears", EARS, accurate=accurate)
    if named is not None:
        return named
    best = _best(config, "ears", ("faster-whisper", "whisper"), accurate=accurate)
    if best.choice is not None:
        return best.choice
    choice = _last_resort(config, best, "pocketsphinx", "no Whisper weights that can be used are here")
    language = config.ears.language
    if choice.chosen == "pocketsphinx" and language.partition("-")[0].lower() not in ("", "en"):
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
    named = _named(config, "mind", MINDS)
    if named is not None:
        return named
    if server := _server(config):
        return server
    # The packaged language model is small, and wrong about facts: it answers only where it is asked to.
    best = _best(config, "mind", ("transformers",), packaged=False)
    why = "no language model's weights were fetched and no server is named"
    return best.choice or _last_resort(config, best, "knowledge", why)


def chosen_talker(config: Config) -> Choice | None:
    """The language model that chats with mind.chat: the named one, else a server, a fetched or the packaged one."""
    if config.mind.backend not in _KNOWLEDGE_FIRST:
        return _named(config, "mind", MINDS)
    return _server(config) or _best(config, "mind", ("transformers",)).choice


def _server(config: Config) -> Choice | None:
    if config.ring.choice != "embedded" and config.mind.base_url:
        return Choice("mind", "openai", "mind.base_url names a server", "server")
    return None


def chosen_voice(config: Config) -> Choice:
    """The engine whose voice is named; else the best that speaks the language, as `agent.voices.choice.engines_for`.

    Raises:
        InputError: a backend that no table has, or a language that no voice has.
    """
    meant = with_meant_voice(config)
    by_name = (
        "" if meant.voice.backend == config.voice.backend else f"its voice is named by {_set(config, 'voice.voice')}"
    )
    named = _named(meant, "voice", VOICES, why=by_name)
    if named is not None:
        return named
    best = _best(meant, "voice", engines_for(meant))
    if meant.voice.voice and (
        best.choice is None or best.choice.chosen not in ("coqui", "xtts")
    ):  # no speaker of these
        raise InputError(
            f"{_set(config, 'voice.voice')}: expected a voice that is here, or a language that one speaks, "
            f"got '{meant.voice.voice}'; see: visavis voices"
        )
    return best.choice or _last_resort(meant, best, *_plain_voice(meant))


def without_weights(config: Config, choice: Choice) -> Config | None:
    """The settings for the next choice where one with weights turned out not to work on this machine.

    Returns:
        The same settings with a backend that needs no weights; None where the backend was asked for, or had none.
    """
    section = getattr(config, choice.what)
    asked_for = section.backend != "auto" or section.model or config.ring.choice == "recommended"
    if asked_for or (choice.what == "mind" and config.mind.chat) or choice.source not in ("fetched", "packaged"):
        return None
    if choice.what == "voice":
        if config.voice.voice:
            return None
        plain, _ = _plain_voice(config)
    else:
        plain = {"ears": "pocketsphinx", "mind": "knowledge"}[choice.what]
    return config.model_copy(update={choice.what: section.model_copy(update={"backend": plain})})


def _plain_voice(config: Config) -> tuple[str, str]:
    """The engine that speaks the language without weights, and why this one.

    Raises:
        InputError: none does.
    """
    from speech.tts.flite import flite_voices

    language = config.voice.language.lower()
    if flite_voices() and language in ("en", "en-us"):
        return "flite", "the program flite is installed"
    espeak_voice(config)  # is there such a voice?
    return "espeak", f"no better voice of the language '{language}' is here"


def make_ears(config: Config, phrases: Sequence[str], *, accurate: bool = False) -> ASR:
    """The chosen recogniser, not yet entered.

    Args:
        config: the whole configuration.
        phrases: what it expects more than other words, if the configuration wants that.
        accurate: for recordings: fewer errors, but later.
    """
    make = table("ears", EARS)[chosen_ears(config, accurate=accurate).chosen]
    ears: ASR = make(config, phrases if config.ears.bias_to_knowledge else (), accurate)
    return ears


def answers_from_file(config: Config) -> bool:
    """Whether the mind looks answers up in the knowledge file itself; it then searches it by meaning, too."""
    return config.mind.chat or chosen_mind(config).chosen == "knowledge"


def make_mind(config: Config, knowledge: Knowledge) -> LLM:
    """The chosen mind, not yet entered."""
    minds = table("minds", MINDS)
    if config.mind.chat and (talker := chosen_talker(config)) is not None:
        from agent.llm.chatting import ChattingLLM

        model: LLM = minds[talker.chosen](config, knowledge)
        return ChattingLLM(
            make_knowledge(config, knowledge), model, may_do_without=config.mind.backend in _KNOWLEDGE_FIRST
        )
    mind: LLM = minds[chosen_mind(config).chosen](config, knowledge)
    return mind


def make_voice(config: Config) -> TTS:
    """The chosen synthesiser, not yet entered."""
    voice: TTS = table("voices", VOICES)[chosen_voice(config).chosen](with_meant_voice(config))
    return voice


def _named(
    config: Config, place: Place, own: Mapping[str, Callable[..., Any]], *, accurate: bool = False, why: str = ""
) -> Choice | None:
    """The backend that the configuration names, or None where it says "auto"; `why` where a backend is not the why."""
    section = getattr(config, place)
    asked: str = section.backend
    if asked == "auto":
        return None
    key = f"{place}.backend"
    group = place if place == "ears" else f"{place}s"
    if asked not in own and asked not in table(group, own):
        names = ", ".join(f"'{name}'" for name in ("auto", *table(group, own)))
        raise InputError(f"{config.source.of(key)}: {key}: expected one of {names}, got '{asked}'")
    named = Choice(place, asked, why or f"named by {_set(config, key)}")
    if asked == "openai":
        return replace(named, source="server")
    if not has_weights(asked):
        return named
    try:
        weights = resolve_weights(config, asked, section.model, accurate=accurate)
    except VisavisError as error:
        return replace(named, source="fetched" if asked in BACKENDS else "packaged", notices=(str(error),))
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
    config: Config, place: Place, backends: Sequence[str], *, accurate: bool = False, packaged: bool = True
) -> _Best:
    """Looks for weights where the ring allows it: first in the best source for every backend, then in the next one."""
    troubles: list[str] = []
    model: str = getattr(config, place).model
    for source in sources_of(config, place):
        for backend in backends if packaged or source != "packaged" else ():
            if not _can_run(backend):
                continue
            try:
                weights = look_for(config, backend, source, model, accurate=accurate)
            except VisavisError as error:
                troubles.append(str(error))
                continue
            if weights is not None:
                troubles += [weights.trouble] if weights.trouble else []
                notices = _notices(place, f"{weights.name}, {weights.source},", troubles)
                choice = Choice(place, backend, weights.why, weights.source, notices)
                return _Best(place, backends[0], choice, ())
    return _Best(place, backends[0], None, tuple(troubles))


def _can_run(backend: str) -> bool:
    """Whether the packages and programs are here that use a backend's weights."""
    if any(backend == known and find_spec(module) is None for known, (_, module) in MODULES.items()):
        return False
    # Coqui's VITS voices can't read without.
    return backend != "coqui" or any(map(shutil.which, ("espeak-ng", "espeak")))


def _last_resort(config: Config, best: _Best, chosen: str, why: str) -> Choice:
    """The way back where nothing better is here; with the ring "recommended" there is none."""
    if config.ring.choice == "recommended":
        why = f"ring.choice is recommended ({config.source.of('ring.choice')})"
        return Choice(best.place, best.first, why, "fetched")
    return Choice(best.place, chosen, f"needs no weights; {why}", notices=_notices(best.place, chosen, best.troubles))


def _notices(place: Place, chosen: str, troubles: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"{place}: {chosen} instead of {trouble}" for trouble in dict.fromkeys(troubles))
