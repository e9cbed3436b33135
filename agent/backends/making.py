"""The chosen backends made, not yet entered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from agent.backends import tables
from agent.backends.choice import chosen_ears, chosen_mind, chosen_talker, chosen_voice, with_meant_voice
from agent.backends.descriptor import Backend, EarsContext, MindContext, VoiceContext
from agent.backends.minds import make_knowledge
from agent.config.config import Config
from agent.config.descriptor import Descriptor
from agent.knowledge.file import Knowledge
from agent.llm.base import LLM
from speech.asr.base import ASR
from speech.errors import BackendError, VisavisError, one_line
from speech.tts.base import TTS

_Made = TypeVar("_Made")
_Some = TypeVar("_Some", bound=Backend[Any])


def make_ears(config: Config, phrases: Sequence[str], *, accurate: bool = False) -> ASR:
    """The chosen recogniser.

    Args:
        config: the whole configuration.
        phrases: what it expects more than other words, if the configuration wants that.
        accurate: for recordings: fewer errors, but later.
    """
    backend = _find(tables.ears(config), chosen_ears(config, accurate=accurate).chosen)
    expected = phrases if config.ears.bias_to_knowledge else ()
    context = EarsContext(config, config.settings_of(backend), expected, accurate)
    return made(config, backend, lambda: backend.make(context))


def make_mind(config: Config, knowledge: Knowledge) -> LLM:
    """The chosen mind; with mind.chat, one that chats where the knowledge file has no answer."""
    talker = chosen_talker(config) if config.mind.chat else None
    name = talker.chosen if talker is not None else chosen_mind(config).chosen
    backend = _find(tables.minds(config), name)
    context = MindContext(config, config.settings_of(backend), knowledge)
    mind = made(config, backend, lambda: backend.make(context))
    if talker is None:
        return mind
    from agent.llm.chatting import ChattingLLM

    may_do_without = config.mind.backend in ("auto", "knowledge")
    return ChattingLLM(make_knowledge(config, knowledge), mind, may_do_without=may_do_without)


def make_voice(config: Config) -> TTS:
    """The chosen synthesiser."""
    backend = _find(tables.voices(config), chosen_voice(config).chosen)
    meant = with_meant_voice(config)
    context = VoiceContext(meant, meant.settings_of(backend))
    return made(config, backend, lambda: backend.make(context))


def answers_from_file(config: Config) -> bool:
    """Whether the mind looks answers up in the knowledge file itself; it then searches it by meaning, too."""
    return config.mind.chat or chosen_mind(config).chosen == "knowledge"


def made(config: Config, descriptor: Descriptor[Any], make: Callable[[], _Made]) -> _Made:
    """What its code makes; of an installed package, whatever that raises is one line.

    Raises:
        VisavisError: it can't be made.
    """
    try:
        return make()
    except VisavisError:
        raise
    except Exception as error:
        plugin = tables.plugin_of(config, descriptor)
        if plugin is None:
            raise
        raise BackendError(f"{plugin.title}: {one_line(str(error)) or type(error).__name__}") from error


def _find(backends: Sequence[_Some], name: str) -> _Some:
    return next(backend for backend in backends if backend.name == name)
