"""The tables of backends: one line each, imported only when chosen. Installed packages may add lines of their own.

A package adds a backend with an entry point in the group "visavis.ears", "visavis.minds" or "visavis.voices", whose
object is called like the ones below: ears with (config, phrases, accurate), minds with (config, knowledge), voices with
(config):

    [project.entry-points."visavis.voices"]
    loud = "loud_package:make_voice"
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from agent.config.config import Config
from agent.knowledge.file import Knowledge
from agent.llm.base import LLM
from agent.models.packaged_catalogue import find_packaged
from agent.models.weights import ears_model, resolve_model, resolve_weights
from agent.voices.choice import espeak_voice, pico_voice
from agent.voices.personas import name_of, persona_of
from speech.asr.base import ASR
from speech.errors import InputError
from speech.tts.base import TTS

if TYPE_CHECKING:
    from agent.llm.knowledge_file import KnowledgeLLM
    from speech.asr.whisper import WhisperASR


def _pocketsphinx(config: Config, phrases: Sequence[str], accurate: bool) -> ASR:
    from speech.asr.pocketsphinx import PocketSphinxASR

    return PocketSphinxASR(phrases=phrases, accurate=accurate)


def _whisper(config: Config, phrases: Sequence[str], accurate: bool) -> ASR:
    from speech.asr.whisper import WhisperASR

    return _any_whisper(WhisperASR, config, phrases, accurate)


def _faster_whisper(config: Config, phrases: Sequence[str], accurate: bool) -> ASR:
    from speech.asr.faster_whisper import FasterWhisperASR

    return _any_whisper(FasterWhisperASR, config, phrases, accurate)


def _any_whisper(kind: type[WhisperASR], config: Config, phrases: Sequence[str], accurate: bool) -> ASR:
    ears = config.ears
    return kind(
        model=ears_model(config, kind.package.backend, accurate),
        language=ears.language,
        device=ears.device,
        phrases=(name_of(config), *phrases) if phrases else (),
        accurate=accurate,
    )


def make_knowledge(config: Config, knowledge: Knowledge) -> KnowledgeLLM:
    """The mind that answers from the knowledge file."""
    from agent.llm.knowledge_file import KnowledgeLLM

    return KnowledgeLLM(knowledge, name=name_of(config))


def _transformers(config: Config, knowledge: Knowledge) -> LLM:
    from agent.llm.transformers import TransformersLLM

    mind = config.mind
    weights = resolve_weights(config, "transformers", mind.model)
    return TransformersLLM(
        model=weights.path,
        name=name_of(config),
        persona=mind.persona,
        knowledge=knowledge,
        device=mind.device,
        temperature=mind.temperature,
        max_tokens=mind.max_tokens,
        seed=mind.seed,
        packaged=find_packaged("transformers", weights.name) if weights.source == "packaged" else None,
    )


def _openai(config: Config, knowledge: Knowledge) -> LLM:
    mind = config.mind
    if not mind.base_url:
        raise InputError(
            'mind.base_url: expected a server such as "http://127.0.0.1:11434/v1" for the backend openai, got none'
        )
    from agent.llm.openai import OpenAILLM

    return OpenAILLM(
        base_url=mind.base_url,
        api_key_env=mind.api_key_env,
        model=mind.model,
        name=name_of(config),
        persona=mind.persona,
        knowledge=knowledge,
        temperature=mind.temperature,
        max_tokens=mind.max_tokens,
    )


def _espeak(config: Config) -> TTS:
    from speech.tts.espeak import EspeakTTS

    voice = config.voice
    return EspeakTTS(voice=espeak_voice(config), rate_wpm=voice.rate_wpm, pitch=voice.pitch, volume=voice.volume)


def _flite(config: Config) -> TTS:
    from speech.tts.flite import FliteTTS

    voice = config.voice
    name = voice.voice or persona_of(config).voices["flite"]
    return FliteTTS(voice=name, rate_wpm=voice.rate_wpm, volume=voice.volume)


def _coqui(config: Config) -> TTS:
    from speech.tts.coqui import CoquiTTS

    voice = config.voice
    return CoquiTTS(
        model=resolve_model(config, "coqui", voice.model),
        voice=voice.voice,
        preferred=persona_of(config).voices["coqui"],
        rate_wpm=voice.rate_wpm,
        volume=voice.volume,
        device=voice.device,
        language=voice.language,
    )


def _xtts(config: Config) -> TTS:
    from speech.tts.xtts import XttsTTS

    voice = config.voice
    return XttsTTS(
        model=resolve_model(config, "xtts", voice.model),
        voice=voice.voice,
        preferred=persona_of(config).voices["xtts"],
        sample=voice.sample,
        rate_wpm=voice.rate_wpm,
        volume=voice.volume,
        device=voice.device,
        language=voice.language,
    )


def _hibari(config: Config) -> TTS:
    from speech.tts.hibari import HibariTTS

    voice = config.voice
    return HibariTTS(
        model=resolve_model(config, "hibari", voice.model),
        voice=voice.voice or persona_of(config).voices["hibari"],
        rate_wpm=voice.rate_wpm,
        volume=voice.volume,
    )


def _piper(config: Config) -> TTS:
    from speech.tts.piper import PiperTTS

    voice = config.voice
    return PiperTTS(
        model=resolve_model(config, "piper", voice.model),
        voice=voice.voice or persona_of(config).voices["piper"],
        rate_wpm=voice.rate_wpm,
        volume=voice.volume,
    )


def _pico(config: Config) -> TTS:
    from speech.tts.pico import PicoTTS

    voice = config.voice
    folder = resolve_model(config, "pico", voice.model)
    return PicoTTS(folder=folder, voice=pico_voice(config), rate_wpm=voice.rate_wpm, volume=voice.volume)


EARS: Mapping[str, Callable[[Config, Sequence[str], bool], ASR]] = {
    "pocketsphinx": _pocketsphinx,
    "whisper": _whisper,
    "faster-whisper": _faster_whisper,
}
MINDS: Mapping[str, Callable[[Config, Knowledge], LLM]] = {
    "knowledge": make_knowledge,
    "transformers": _transformers,
    "openai": _openai,
}
VOICES: Mapping[str, Callable[[Config], TTS]] = {
    "espeak": _espeak,
    "flite": _flite,
    "hibari": _hibari,
    "piper": _piper,
    "pico": _pico,
    "coqui": _coqui,
    "xtts": _xtts,
}


def table(group: str, own: Mapping[str, Callable[..., Any]]) -> Mapping[str, Callable[..., Any]]:
    """Our own backends and those of installed packages, which can't replace ours."""

    def of_package(name: str) -> Callable[..., Any]:
        def make(*arguments: Any) -> Any:
            (found,) = entry_points(group=f"visavis.{group}", name=name)
            try:
                factory = found.load()
            except Exception as error:  # somebody else's code
                raise InputError(f"backend {name}: could not load {found.value}: {error}") from None
            return factory(*arguments)

        return make

    return {**{point.name: of_package(point.name) for point in entry_points(group=f"visavis.{group}")}, **own}
