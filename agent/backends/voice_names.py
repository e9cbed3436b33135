"""What a voice's name means to each of our engines, and which of its voices fits the language and the person."""

from __future__ import annotations

import re
from collections.abc import Mapping

from agent.config.config import Config
from agent.models.catalogue import piper_source
from agent.personas import persona_of
from speech.errors import InputError

_LANGUAGE = re.compile(r"[a-zA-Z]{2,3}(?:[-_][a-zA-Z]{2,4}|[-_]\d{3})?")


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
    tag = _tag(language)
    base = tag.partition("-")[0]
    return next((name for name in (tag, base) if name in known), None)


def language_in(name: str) -> str | None:
    """The language that a name is: "de", "en-gb"; None where it is none that a voice here speaks."""
    return _tag(name) if _LANGUAGE.fullmatch(name) and espeak_language(name) else None


# ---- Names → keys of [voice]


def of_piper(name: str) -> Mapping[str, str]:
    """Of a voice of Piper's, which is a model of its own."""
    return of_piper_alone(name) or {"voice": name}


def of_piper_alone(name: str) -> Mapping[str, str] | None:
    """The same; None for what can't be the name of one."""
    if piper_source(name) is None:
        return None
    return {"backend": "piper", "voice": "", "model": name, "language": _tag(name.partition("-")[0])}


def of_pico(name: str) -> Mapping[str, str]:
    """Of a voice of Pico's, which has a language."""
    from speech.tts.pico import find_voice

    return {"voice": name, **({"language": _tag(name.partition("+")[0])} if find_voice(name) else {})}


def of_pico_alone(name: str) -> Mapping[str, str] | None:
    """Of a man's voice; None for others: those are called like their languages."""
    from speech.tts.pico import MALE, find_voice

    return {"backend": "pico", **of_pico(name)} if name.endswith(MALE) and find_voice(name) else None


def of_flite_alone(name: str) -> Mapping[str, str] | None:
    """Of a voice of Flite's; None where it has none of this name."""
    from speech.tts.flite import flite_voices

    return {"backend": "flite"} if name in flite_voices() else None


def of_espeak(name: str) -> Mapping[str, str]:
    """Of a voice of eSpeak NG's, which is mostly called like its language."""
    language = name.partition("+")[0]
    return {"voice": name, **({"language": _tag(language)} if espeak_language(language) else {})}


def of_espeak_alone(name: str) -> Mapping[str, str] | None:
    """Of a voice that is not called like a language; None where it has none of this name."""
    from speech.tts.espeak import find_voice
    from speech.tts.synthesis.espeak_engine import espeak_engine

    if language_in(name):
        return None
    try:
        find_voice(espeak_engine(), name)
    except InputError:
        return None
    return {"backend": "espeak"}


def _tag(name: str) -> str:
    return name.replace("_", "-").lower()


def _no_voice(config: Config, engine: str) -> InputError:
    language = config.voice.language
    return InputError(
        f"voice.language ({config.source.of('voice.language')}): expected a language that a voice here speaks, "
        f"{engine} has none of '{language}'; see: visavis voices"
    )
