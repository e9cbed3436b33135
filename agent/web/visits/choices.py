"""What there is to choose from, and the configuration that follows from a visitor's wishes."""

from __future__ import annotations

import asyncio

from agent.config.config import Config
from agent.personas import PERSONAS
from agent.web.visits.wishes import Wishes
from speech.errors import InputError
from speech.tts.base import Voice


class Choices:
    """What visitors of one server may choose from.

    Args:
        config: the server's.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self._voices: tuple[Voice, ...] | None = None

    async def config_for(self, wishes: Wishes) -> Config:
        """The server's configuration with a visitor's wishes.

        Raises:
            InputError: something that is not to be had here.
        """
        changes: dict[str, dict[str, object]] = {}
        if wishes.portrait:
            if wishes.portrait not in PERSONAS:
                raise InputError(
                    "portrait: expected the id of a person or of a picture that was brought; see /api/portraits"
                )
            changes["portrait"] = {"path": wishes.portrait, "landmarks": None}
        config = self._config
        return config.model_copy(
            update={name: getattr(config, name).model_copy(update=keys) for name, keys in changes.items()}
        )

    async def voices(self) -> tuple[Voice, ...]:
        """The voices here, the best first."""
        if self._voices is None:
            from agent.backends.voice_list import voices_here

            self._voices = tuple(await asyncio.to_thread(voices_here, self._config))
        return self._voices
