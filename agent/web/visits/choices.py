"""What there is to choose from, and the configuration that follows from a visitor's wishes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agent.backends.languages import is_heard, language_models
from agent.backends.voice_list import voices_here
from agent.config.config import Config
from agent.personas import PERSONAS, name_of
from agent.text.languages import LANGUAGES, primary
from agent.tutor.lesson import Lesson, lesson_path, shipped_lessons
from agent.tutor.lesson_file import load_lesson
from agent.web.visits.uploads import Uploads
from agent.web.visits.wishes import Wishes
from speech.errors import InputError
from speech.tts.base import Voice


@dataclass(frozen=True, slots=True)
class Offer:
    """What is to be had on this machine.

    Attributes:
        languages: codes that ears hear, a voice speaks and the mind answers in, the configured one first.
        voices: of these languages, the best first.
        lessons: by their ids.
    """

    languages: tuple[str, ...]
    voices: tuple[Voice, ...]
    lessons: Mapping[str, Lesson]


class Choices:
    """What visitors of one server may choose from.

    Args:
        config: the server's.

    Attributes:
        uploads: pictures that visitors brought.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self.uploads = Uploads(config.output.size)
        self._offer: Offer | None = None
        self._looking = asyncio.Lock()

    async def offer(self) -> Offer:
        """What is to be had; looked for once."""
        async with self._looking:
            if self._offer is None:
                self._offer = await asyncio.to_thread(_look, self._config)
            return self._offer

    async def config_for(self, wishes: Wishes) -> Config:
        """The server's configuration with a visitor's wishes.

        Raises:
            InputError: something that is not to be had here.
        """
        config = self._config
        changes: dict[str, dict[str, Any]] = {}
        if wishes.portrait:
            changes["portrait"] = self._portrait(wishes.portrait)
        if wishes.portrait or wishes.name or wishes.persona:
            changes["mind"] = await asyncio.to_thread(_mind, config, wishes)
        if wishes.voice or wishes.language or wishes.lesson:
            offer = await self.offer()
            changes |= _speech(offer, config, wishes)
            if wishes.lesson not in ("", *offer.lessons):
                raise InputError(f"lesson: expected one of {', '.join(offer.lessons)}")
        lesson = {key: value for key in ("lesson", "learner") if (value := getattr(wishes, key))}
        if wishes.remember is not None and config.tutor.remember != "no":  # that is the owner's, for everybody
            lesson["remember"] = "yes" if wishes.remember else "no"
        changes["tutor"] = lesson
        if wishes.composure is not None:
            changes["face"] = {"composure": wishes.composure}
        if wishes.emotion is not None:
            changes["controls"] = {"emotion": wishes.emotion}
        return config.model_copy(
            update={name: getattr(config, name).model_copy(update=keys) for name, keys in changes.items()}
        )

    def close(self) -> None:
        """Forgets what visitors brought."""
        self.uploads.close()

    def _portrait(self, wanted: str) -> dict[str, Any]:
        if wanted in PERSONAS:
            return {"path": wanted, "landmarks": None}
        upload = self.uploads.find(wanted)
        if upload is None:
            raise InputError("portrait: expected the id of one of /api/portraits, or of a picture brought lately")
        # Its analysis holds the picture, too, and goes with it.
        return {"path": str(upload.path), "landmarks": None, "cache_dir": upload.folder}


def _speech(offer: Offer, config: Config, wishes: Wishes) -> dict[str, dict[str, Any]]:
    """Changes of ears and voice."""
    language = wishes.language.lower()
    if language and language not in offer.languages:
        raise InputError(f"language: expected one of {', '.join(offer.languages)}")
    voice = None
    if wishes.voice:
        voice = next((one for one in offer.voices if one.id == wishes.voice), None)
        if voice is None:
            raise InputError("voice: expected the id of one of /api/voices")
        spoken = primary(voice.language)
        if language not in ("", spoken):
            raise InputError(f"voice: expected one that speaks '{language}', this one speaks '{spoken}'")
        language = spoken
    changes: dict[str, dict[str, Any]] = {}
    if language != primary(config.ears.language):
        changes["ears"] = {"language": language}
    if voice is not None or language != primary(config.voice.language):
        named = {"voice": voice.id if voice else "", "language": voice.language if voice else language}
        changes["voice"] = {"backend": "auto", "model": "", "sample": None, **named}
    return changes if language else {}


def _mind(config: Config, wishes: Wishes) -> dict[str, Any]:
    """Changes of the mind; a model in this machine's memory has one name and persona: others would take another one."""
    changes = {key: value for key in ("name", "persona") if (value := getattr(wishes, key))}
    if all(model.source == "server" for model in language_models(config)):
        return changes
    if changes:
        raise InputError(f"{next(iter(changes))}: expected none, since the language model of this server has its own")
    return {"name": name_of(config)}


def _look(config: Config) -> Offer:
    own = primary(config.voice.language)
    here = voices_here(config)
    spoken = {primary(voice.language) for voice in here}
    # A knowledge file alone answers in the language in which it is written.
    others = [code for code in LANGUAGES if code != own and code in spoken] if language_models(config) else []
    languages = (own, *(code for code in others if is_heard(config, code)))
    voices = {voice.id: voice for voice in reversed(here) if primary(voice.language) in languages}
    lessons = {name: load_lesson(lesson_path(name)) for name in shipped_lessons()}
    return Offer(languages, tuple(reversed(voices.values())), lessons)
