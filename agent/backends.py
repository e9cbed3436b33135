"""The tables of backends: one line each, imported only when chosen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from agent.config import Config
from agent.knowledge import Knowledge
from agent.llm import LLM
from agent.personas import persona_of
from speech.asr import ASR
from speech.tts import TTS


def _pocketsphinx(config: Config, phrases: Sequence[str]) -> ASR:
    from speech.asr_pocketsphinx import PocketSphinxASR

    return PocketSphinxASR(phrases=phrases if config.ears.bias_to_knowledge else ())


def _knowledge(config: Config, knowledge: Knowledge) -> LLM:
    from agent.llm_knowledge import KnowledgeLLM

    return KnowledgeLLM(knowledge, name=config.mind.name or persona_of(config).name)


def _espeak(config: Config) -> TTS:
    from speech.tts_espeak import EspeakTTS

    voice = config.voice
    name = voice.voice or persona_of(config).voices["espeak"]
    return EspeakTTS(voice=name, rate_wpm=voice.rate_wpm, pitch=voice.pitch, volume=voice.volume)


def _flite(config: Config) -> TTS:
    from speech.tts_flite import FliteTTS

    voice = config.voice
    name = voice.voice or persona_of(config).voices["flite"]
    return FliteTTS(voice=name, rate_wpm=voice.rate_wpm, volume=voice.volume)


EARS: Mapping[str, Callable[[Config, Sequence[str]], ASR]] = {"pocketsphinx": _pocketsphinx}
MINDS: Mapping[str, Callable[[Config, Knowledge], LLM]] = {"knowledge": _knowledge}
VOICES: Mapping[str, Callable[[Config], TTS]] = {"espeak": _espeak, "flite": _flite}


def chosen_ears(config: Config) -> str:
    """The name of the recogniser that the configuration asks for, `auto` resolved."""
    return "pocketsphinx" if config.ears.backend == "auto" else config.ears.backend


def chosen_mind(config: Config) -> str:
    """The name of the mind that the configuration asks for, `auto` resolved."""
    return "knowledge" if config.mind.backend == "auto" else config.mind.backend


def chosen_voice(config: Config) -> str:
    """The name of the synthesiser: with `auto`, Flite where it is installed and has the voice, else eSpeak NG."""
    if config.voice.backend != "auto":
        return config.voice.backend
    from speech.tts_flite import flite_voices

    installed = flite_voices()
    wanted = config.voice.voice
    return "flite" if installed and (not wanted or wanted in installed) else "espeak"
