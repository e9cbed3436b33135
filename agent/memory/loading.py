"""What the configuration says of memory."""

from __future__ import annotations

from collections.abc import Callable

from agent.config.config import Config
from agent.memory.state import MemoryPolicy
from agent.memory.store import Memories
from agent.memory.understanding import RecallSome, Understanding
from agent.personas import name_of
from agent.tutor.loading import progress_of
from speech.user_folders import data_folder


def memories_of(config: Config) -> Memories | None:
    """Where what people ask to have remembered is kept; None where nothing is."""
    if config.memory.keep == "always":
        return lasting_memories(config)
    return Memories(None) if config.memory.keep == "session" else None


def lasting_memories(config: Config) -> Memories:
    """What is kept on this machine, whether or not it is switched on now."""
    return Memories(config.memory.folder or data_folder() / "memory", progress=progress_of(config))


def policy_of(config: Config, language: Callable[[], str], *, chats: bool) -> MemoryPolicy:
    """How somebody is remembered in a conversation.

    Args:
        config: its settings.
        language: gives the language in which it is held, which may change.
        chats: a language model answers.
    """
    person = " ".join(config.memory.person.split())
    return MemoryPolicy(language, name_of(config), person, chats=chats, is_public=config.web.kiosk)


def for_visitors(config: Config) -> Config:
    """The settings for people whom nobody knows: what is kept of a visitor ends with the visit; at a kiosk, nothing is.

    Whoever gave a name would else be told what somebody of that name had said.
    """
    keep = "no" if config.web.kiosk or config.memory.keep == "no" else "session"
    return config.model_copy(update={"memory": config.memory.model_copy(update={"keep": keep, "person": ""})})


def expected_beside(config: Config, expected: Callable[[str], bool]) -> Callable[[str], bool]:
    """Whether words that may have been misheard want something remembered or told, or are expected by somebody else."""
    if config.memory.keep == "no":
        return expected
    understanding = Understanding(config.voice.language, name_of(config))

    def is_expected(text: str) -> bool:
        understood = understanding.wish_in(text)
        return (understood is not None and not isinstance(understood.wish, RecallSome)) or expected(text)

    return is_expected
