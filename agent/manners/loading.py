"""The manners of one conversation, with its own pace, loudness and language, from the settings and the lent parts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib import import_module

from agent.backends.choice import with_meant_voice
from agent.config.config import Config
from agent.conversation.events import Event
from agent.conversation.listening.spoken_phrases import SpokenPhrases
from agent.intents.understood import intent_of
from agent.manners.attention import AttentionSettings
from agent.manners.languages import SessionLanguages
from agent.manners.manners import ConversationManners, MannersSettings
from agent.parts import SharedParts
from agent.personas import name_of
from agent.text.words import tokens
from speech.asr.base import ASR
from speech.asr.exchanged import ExchangedASR
from speech.errors import InputError
from speech.tts.adjusted import AdjustedVoice
from speech.tts.base import TTS


@dataclass(frozen=True, slots=True)
class OwnParts:
    """What a conversation changes for itself, though others use the same parts.

    Attributes:
        voice: at its pace and loudness, in its language.
        ears: in its language; None where only typed text comes in.
        manners: what changes them.
        spoken: short phrases in that voice.
        heard_language: gives the one that the ears understand now; "" for any.
    """

    voice: AdjustedVoice
    ears: ExchangedASR | None
    manners: ConversationManners
    spoken: SpokenPhrases
    heard_language: Callable[[], str]


@asynccontextmanager
async def own_parts(
    parts: SharedParts,
    config: Config,
    voice: TTS,
    asr: ASR | None,
    *,
    real_time: bool,
    is_known: Callable[[str], bool],
    on_event: Callable[[Event], None],
) -> AsyncGenerator[OwnParts, None]:
    """Makes them, and keeps what is lent for other languages.

    Args:
        parts: lends voices and ears.
        config: the conversation's settings.
        voice: entered; how it begins.
        asr: likewise; None where only typed text comes in.
        real_time: whether somebody is there: a recording needs no wake phrase, and its silence is not long.
        is_known: whether the knowledge speaks of a word.
        on_event: called with everything that the session tells.

    Raises:
        InputError: the wake phrase is none.
    """
    own = config.manners
    if own.wake_phrase and not tokens(own.wake_phrase):
        where = config.source.of("manners.wake_phrase")
        raise InputError(f"{where}: manners.wake_phrase: expected words to be spoken, got {own.wake_phrase!r}")
    attention = AttentionSettings(name_of(config))
    if real_time:
        attention = AttentionSettings(name_of(config), own.wake_phrase.strip(), own.room, own.awake_s)
    settings = MannersSettings(
        attention,
        offer_after_s=own.offer_after_s if real_time else 0.0,
        is_lesson=bool(config.tutor.lesson),
        keeps_names=config.memory.keep != "no",
    )
    await asyncio.to_thread(_prepare)
    meant = await asyncio.to_thread(with_meant_voice, config)  # the voice's name may say its language
    config = config.model_copy(update={"voice": config.voice.model_copy(update={"language": meant.voice.language})})
    adjusted, exchanged = AdjustedVoice(voice), ExchangedASR(asr) if asr is not None else None
    async with AsyncExitStack() as leases:
        languages = SessionLanguages(parts, config, adjusted, exchanged, leases)
        languages.begin_with(voice, asr)
        manners = ConversationManners(settings, adjusted, languages, on_event=on_event, is_known=is_known)
        try:
            spoken = SpokenPhrases(adjusted, lambda: (manners.phrases.language, adjusted.adjustment))
            first = languages.language

            def heard_language() -> str:
                return config.ears.language if languages.language == first else languages.language

            yield OwnParts(adjusted, exchanged, manners, spoken, heard_language)
        finally:
            manners.close()


def _prepare() -> None:
    """Loads what would hold up the first words: the filters of a changed pace, and the tables of intents."""
    import_module("av")
    intent_of("nothing in particular", "en")
