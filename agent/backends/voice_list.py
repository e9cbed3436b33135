"""All voices on this machine, called as `voice.voice` and --voice take them, and the one that would be taken."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from agent.backends import tables
from agent.backends.choice import chosen_voice, with_meant_voice
from agent.backends.descriptor import VoiceBackend, VoiceContext
from agent.backends.making import made, make_voice
from agent.config.config import Config
from agent.personas import persona_of
from speech.tts.base import Voice


def voices_here(config: Config) -> list[Voice]:
    """The voices, by engine, the best engines first; nothing is loaded.

    Of fetched models with several speakers only those of a configured one are listed.
    """
    chosen = chosen_voice(config).chosen
    found: list[Voice] = []
    for backend in sorted(tables.voices(config), key=lambda backend: not backend.has_speakers):
        if not backend.has_speakers:
            found += _listed(config, backend)
        elif backend.name == chosen:
            found += make_voice(config).voices()
    return found


def taken_voice(config: Config) -> str:
    """The one that these settings take, as in the list, or the engine and the speaker for one that is not in it.

    Raises:
        InputError: no voice speaks the language.
    """
    meant = with_meant_voice(config)
    engine = chosen_voice(config).chosen
    backend = next(backend for backend in tables.voices(config) if backend.name == engine)
    if backend.taken is not None:
        return backend.taken(VoiceContext(meant, meant.settings_of(backend)))
    taken = meant.voice.voice or persona_of(meant).voices.get(engine, engine)
    return f"{engine}:{taken}" if tables.plugin_of(config, backend) and meant.voice.voice else taken


def _listed(config: Config, backend: VoiceBackend[Any]) -> list[Voice]:
    context = VoiceContext(config, config.settings_of(backend))
    voices = list(made(config, backend, lambda: backend.voices(context)))
    if tables.plugin_of(config, backend) is None:
        return voices
    # Names that other packages give are known only behind their engine's.
    known = [voice.id for voice in voices if backend.unqualified(voice.id)]
    return [voice if voice.id in known else replace(voice, id=f"{backend.name}:{voice.id}") for voice in voices]
