"""What the settings of a voice mean: a voice's name decides the engine, else its language and the person do."""

from __future__ import annotations

import re

from agent.config.config import Config
from agent.models.catalogue import piper_source
from agent.models.packaged_catalogue import packaged_of
from agent.voices.personas import persona_of
from speech.errors import InputError

ENGINES = ("hibari", "piper", "pico", "flite", "espeak", "coqui", "xtts")
"""Which may stand before a voice's name: "espeak:de" is eSpeak's German, while "de" is the best German voice here."""

_LANGUAGE = re.compile(r"[a-zA-Z]{2,3}(?:[-_][a-zA-Z]{2,4}|[-_]\d{3})?")


def with_meant_voice(config: Config) -> Config:
    """The same settings with the engine, voice, model and language that `voice.voice` means.

    Nothing changes where it is empty, or is the name of a voice of the engine that is named beside it.
    """
    voice = config.voice
    engine, colon, own = voice.voice.partition(":")
    changes: dict[str, str] = {}
    if colon and engine.lower() in ENGINES and voice.backend in ("auto", engine.lower()):
        changes = _of_engine(engine.lower(), own)
    elif voice.backend == "auto" and voice.voice and not voice.model:
        changes = _of_name(voice.voice)
    return config.model_copy(update={"voice": voice.model_copy(update=changes)}) if changes else config


def engines_for(config: Config) -> tuple[str, ...]:
    """The engines with weights that speak the language, best first among those from one source."""
    language = config.voice.language.lower()
    base = language.partition("-")[0]
    if base != "en":
        return ("piper", "coqui", "xtts", "pico")
    if language == "en-gb":
        return ("coqui", "xtts", "pico", "piper", "hibari")
    english = ("hibari", "piper") if persona_of(config).gender == "female" else ("piper", "hibari")
    return ("coqui", "xtts", *english, "pico")


def pico_voice(config: Config) -> str:
    """Pico's voice for the settings: the one that is named, else the language's, a man's for a man.

    Raises:
        InputError: it has none of the language.
    """
    from speech.tts.pico import MALE, find_voice

    voice = config.voice
    if voice.voice:
        return voice.voice
    language = voice.language
    found = find_voice(language) or find_voice(language.partition("-")[0])
    if found is None:
        raise _no_voice(config, "pico")
    return found + (MALE if persona_of(config).gender == "male" else "")


def espeak_voice(config: Config) -> str:
    """ESpeak NG's voice for the settings: the one that is named, else the language's with the person's timbre.

    Raises:
        InputError: it has none of the language.
    """
    voice = config.voice
    own = persona_of(config).voices["espeak"]
    if voice.voice or voice.language.lower() in ("en", "en-us"):
        return voice.voice or own
    language = espeak_language(voice.language)
    if language is None:
        raise _no_voice(config, "eSpeak NG")
    return f"{language}+{own.partition('+')[2]}"


def espeak_language(language: str) -> str | None:
    """What eSpeak NG calls a language, or the one that it is spoken like: "de-at" → "de"; None for none."""
    from speech.tts.synthesis.espeak_engine import espeak_engine

    known = {tag.lower() for voice in espeak_engine().voices for _, tag in voice.languages}
    tag = language.replace("_", "-").lower()
    base = tag.partition("-")[0]
    return next((name for name in (tag, base) if name in known), None)


def _of_engine(engine: str, name: str) -> dict[str, str]:
    """The settings for a name behind an engine's."""
    from speech.tts.pico import find_voice as find_pico_voice

    if engine == "piper" and piper_source(name):
        return {"backend": engine, "voice": "", "model": name, "language": _tag(name.partition("-")[0])}
    changes = {"backend": engine, "voice": name}
    language = name.partition("+")[0]
    if (engine == "pico" and find_pico_voice(name)) or (engine == "espeak" and espeak_language(language)):
        changes["language"] = _tag(language)
    return changes


def _of_name(name: str) -> dict[str, str]:
    """The settings for a name alone; none for one that is no engine's own: a speaker's of a fetched model."""
    from speech.tts.espeak import find_voice
    from speech.tts.flite import flite_voices
    from speech.tts.pico import MALE
    from speech.tts.pico import find_voice as find_pico_voice
    from speech.tts.synthesis.espeak_engine import espeak_engine

    if name in {model.name for model in packaged_of("hibari")}:
        return {"backend": "hibari"}
    if piper_source(name):
        return _of_engine("piper", name)
    if name in flite_voices():
        return {"backend": "flite"}
    if name.endswith(MALE) and find_pico_voice(name):
        return _of_engine("pico", name)
    if _LANGUAGE.fullmatch(name) and espeak_language(name):
        return {"voice": "", "language": _tag(name)}
    try:
        find_voice(espeak_engine(), name)
    except InputError:
        return {}
    return {"backend": "espeak"}


def _tag(name: str) -> str:
    return name.replace("_", "-").lower()


def _no_voice(config: Config, engine: str) -> InputError:
    language = config.voice.language
    return InputError(
        f"voice.language ({config.source.of('voice.language')}): expected a language that a voice here speaks, "
        f"{engine} has none of '{language}'; see: visavis voices"
    )
