"""The languages of one conversation: voice and ears are lent for another one when the user asks for it."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from agent.backends.languages import is_heard, is_spoken, language_models, with_ears, with_voice
from agent.config.config import Config
from agent.manners.manners import SwitchResult
from agent.parts import SharedParts
from agent.text.languages import primary
from speech.asr.base import ASR
from speech.asr.exchanged import ExchangedASR
from speech.errors import VisavisError
from speech.tts.adjusted import AdjustedVoice
from speech.tts.base import TTS

LOADING_S = 30.0
"""Voice and ears that are not there by then are not had."""


class SessionLanguages:
    """See `agent.manners.manners.Languages`.

    Args:
        parts: lends voices and ears.
        config: the conversation's settings.
        voice: is exchanged.
        ears: likewise; None where only typed text comes in.
        leases: keeps what is lent until the conversation ends; there is one set for each language.

    Attributes:
        language: spoken now.
    """

    def __init__(
        self,
        parts: SharedParts,
        config: Config,
        voice: AdjustedVoice,
        ears: ExchangedASR | None,
        leases: AsyncExitStack,
    ) -> None:
        self._parts, self._config, self._voice, self._ears, self._leases = parts, config, voice, ears, leases
        self.language = primary(config.voice.language)
        self._lent: dict[str, tuple[TTS, ASR | None]] = {}

    def begin_with(self, voice: TTS, ears: ASR | None) -> None:
        """What the conversation began with: it is there when the user comes back to the first language."""
        self._lent[self.language] = voice, ears

    async def switch(self, language: str) -> SwitchResult:
        """See `agent.manners.manners.Languages.switch`."""
        if language == self.language:
            return "same"
        if language not in self._lent:
            missing = await asyncio.to_thread(self._missing, language)
            if missing is not None:
                return missing
            try:
                async with asyncio.timeout(LOADING_S):
                    self._lent[language] = await self._lend(language)
            except (VisavisError, TimeoutError):
                return "no_voice"
        voice, ears = self._lent[language]
        self._voice.speak_as(voice)
        if self._ears is not None and ears is not None:
            self._ears.hear_with(ears)
        self.language = language
        return "switched"

    def _missing(self, language: str) -> SwitchResult | None:
        if not language_models(self._config):
            return "no_mind"
        if not is_spoken(self._config, language):
            return "no_voice"
        if self._ears is not None and not is_heard(self._config, language):
            return "no_ears"
        return None

    async def _lend(self, language: str) -> tuple[TTS, ASR | None]:
        async with AsyncExitStack() as entering:
            voice = (await entering.enter_async_context(self._parts.voice(with_voice(self._config, language)))).part
            ears = None
            if self._ears is not None:
                ears = (await entering.enter_async_context(self._parts.ears(with_ears(self._config, language)))).part
            self._leases.push_async_exit(entering.pop_all())
        return voice, ears
