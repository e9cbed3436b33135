"""All voices on this machine, called as `voice.voice` and --voice take them, and the one that would be taken."""

from __future__ import annotations

from dataclasses import replace

from agent import backends
from agent.config.config import Config
from agent.models.catalogue import find_model
from agent.models.fetched import fetched_models, models_folder, state_of
from agent.models.packaged import any_installed
from agent.models.packaged_catalogue import packaged_of
from agent.models.weights import look_for, resolve_weights
from agent.voices.choice import espeak_voice, pico_voice, with_meant_voice
from agent.voices.personas import persona_of
from speech.errors import InputError
from speech.tts.base import Voice


def voices_here(config: Config) -> list[Voice]:
    """The voices, by engine, the best engines first; nothing is loaded.

    Of fetched models with several speakers only those of a configured one are listed.
    """
    from speech.tts.espeak import EspeakTTS
    from speech.tts.flite import FliteTTS, flite_voices
    from speech.tts.hibari import HIBARI_VOICES
    from speech.tts.pico import pico_voices

    found = []
    if backends.chosen_voice(config).chosen in ("coqui", "xtts"):
        found += backends.make_voice(config).voices()
    found += HIBARI_VOICES if _is_usable(config, "hibari") else []
    found += _piper_voices(config)
    if _is_usable(config, "pico"):
        found += [replace(voice, id=f"pico:{voice.id}") for voice in pico_voices()]
    found += FliteTTS().voices() if flite_voices() else []
    espeak = EspeakTTS().voices()
    found += [voice if "+" in voice.id else replace(voice, id=f"espeak:{voice.id}") for voice in espeak]
    return found


def taken_voice(config: Config) -> str:
    """The one that these settings take, as in the list, or the engine and the speaker for one that is not in it.

    Raises:
        InputError: no voice speaks the language.
    """
    meant = with_meant_voice(config)
    engine = backends.chosen_voice(config).chosen
    if engine == "pico":
        return f"pico:{pico_voice(meant)}"
    if engine == "piper":
        return resolve_weights(meant, "piper", meant.voice.model).name
    if engine == "espeak":
        voice = espeak_voice(meant)
        return voice if voice.startswith("en-us+") else f"espeak:{voice.partition('+')[0]}"
    return meant.voice.voice or persona_of(meant).voices.get(engine, engine)


def _is_usable(config: Config, backend: str) -> bool:
    try:
        return look_for(config, backend, "packaged", packaged_of(backend)[0].name) is not None
    except InputError:
        return False


def _piper_voices(config: Config) -> list[Voice]:
    folder = models_folder(config)
    fetched = [model.name for model in fetched_models(folder) if model.backend == "piper"]
    names = [name for name in fetched if state_of(folder, "piper", name).status == "complete"]
    names += [model.name for model in packaged_of("piper") if any_installed(model) and model.name not in names]
    return [_piper_voice(name) for name in names]


def _piper_voice(name: str) -> Voice:
    known = find_model("piper", name)
    what = known.what if known else name
    gender = "female" if what.endswith("one woman") else "male" if what.endswith("one man") else None
    return Voice(name, name.partition("-")[0].replace("_", "-").lower(), what, gender, "piper")
