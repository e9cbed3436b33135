"""The tables of backends: one line each, imported only when chosen. Installed packages may add lines of their own.

A package adds a backend with an entry point in the group "visavis.ears", "visavis.minds" or "visavis.voices", whose
object is called like the ones below: ears with (config, phrases, accurate), minds with (config, knowledge), voices with
(config):

    [project.entry-points."visavis.voices"]
    loud = "loud_package:make_voice"
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from agent.config import Config
from agent.knowledge import Knowledge
from agent.llm import LLM
from agent.model_catalogue import Backend
from agent.models import MODULES, installed_path, resolve_model
from agent.packaged import packaged_path
from agent.packaged_models import find_packaged
from agent.personas import persona_of
from speech.asr import ASR
from speech.errors import InputError
from speech.tts import TTS


def _pocketsphinx(config: Config, phrases: Sequence[str], accurate: bool) -> ASR:
    from speech.asr_pocketsphinx import PocketSphinxASR

    return PocketSphinxASR(phrases=phrases, accurate=accurate)


def _whisper(config: Config, phrases: Sequence[str], accurate: bool) -> ASR:
    from speech.asr_whisper import WhisperASR

    ears = config.ears
    model = resolve_model(config, "whisper", ears.model)
    return WhisperASR(model=model, language=ears.language, device=ears.device, phrases=phrases, accurate=accurate)


def _faster_whisper(config: Config, phrases: Sequence[str], accurate: bool) -> ASR:
    from speech.asr_faster_whisper import FasterWhisperASR

    ears = config.ears
    model = resolve_model(config, "faster-whisper", ears.model)
    return FasterWhisperASR(model=model, language=ears.language, device=ears.device, phrases=phrases, accurate=accurate)


def _knowledge(config: Config, knowledge: Knowledge) -> LLM:
    from agent.llm_knowledge import KnowledgeLLM

    return KnowledgeLLM(knowledge, name=name_of(config))


def _transformers(config: Config, knowledge: Knowledge) -> LLM:
    from agent.llm_transformers import TransformersLLM

    mind = config.mind
    return TransformersLLM(
        model=resolve_model(config, "transformers", mind.model),
        name=name_of(config),
        persona=mind.persona,
        knowledge=knowledge,
        device=mind.device,
        temperature=mind.temperature,
        max_tokens=mind.max_tokens,
    )


def _openai(config: Config, knowledge: Knowledge) -> LLM:
    mind = config.mind
    if not mind.base_url:
        raise InputError(
            'mind.base_url: expected a server such as "http://127.0.0.1:11434/v1" for the backend openai, got none'
        )
    from agent.llm_openai import OpenAILLM

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
    from speech.tts_espeak import EspeakTTS

    voice = config.voice
    name = voice.voice or persona_of(config).voices["espeak"]
    return EspeakTTS(voice=name, rate_wpm=voice.rate_wpm, pitch=voice.pitch, volume=voice.volume)


def _flite(config: Config) -> TTS:
    from speech.tts_flite import FliteTTS

    voice = config.voice
    name = voice.voice or persona_of(config).voices["flite"]
    return FliteTTS(voice=name, rate_wpm=voice.rate_wpm, volume=voice.volume)


def _coqui(config: Config) -> TTS:
    from speech.tts_coqui import CoquiTTS

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
    from speech.tts_xtts import XttsTTS

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
    from speech.tts_hibari import HibariTTS

    voice = config.voice
    return HibariTTS(
        model=_network(config, "hibari", "heart"),
        voice=voice.voice or persona_of(config).voices["hibari"],
        rate_wpm=voice.rate_wpm,
        volume=voice.volume,
    )


def _piper(config: Config) -> TTS:
    from speech.tts_piper import PiperTTS

    voice = config.voice
    return PiperTTS(
        model=_network(config, "piper", "en_US-joe-medium"),
        voice=voice.voice or persona_of(config).voices["piper"],
        rate_wpm=voice.rate_wpm,
        volume=voice.volume,
    )


def _network(config: Config, backend: str, packaged: str) -> Path:
    """The file that `voice.model` names, or the packaged one."""
    named = config.voice.model
    if named and named != packaged:
        return Path(named)
    model = find_packaged(backend, packaged)
    assert model is not None
    return packaged_path(model)


def name_of(config: Config) -> str:
    """What the avatar calls itself, and is called by."""
    return config.mind.name or persona_of(config).name


EARS: Mapping[str, Callable[[Config, Sequence[str], bool], ASR]] = {
    "pocketsphinx": _pocketsphinx,
    "whisper": _whisper,
    "faster-whisper": _faster_whisper,
}
MINDS: Mapping[str, Callable[[Config, Knowledge], LLM]] = {
    "knowledge": _knowledge,
    "transformers": _transformers,
    "openai": _openai,
}
VOICES: Mapping[str, Callable[[Config], TTS]] = {
    "espeak": _espeak,
    "flite": _flite,
    "hibari": _hibari,
    "piper": _piper,
    "coqui": _coqui,
    "xtts": _xtts,
}


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen for one place.

    Attributes:
        what: the place: "ears", "mind", "voice".
        chosen: the name of the backend.
        why: in words.
    """

    what: str
    chosen: str
    why: str


def choices(config: Config) -> tuple[Choice, ...]:
    """The backends of ears, mind and voice, `auto` resolved.

    Raises:
        InputError: a backend that no table has.
    """
    return (chosen_ears(config), chosen_mind(config), chosen_voice(config))


def chosen_ears(config: Config) -> Choice:
    """Whisper where its weights are, faster-whisper first because it is quicker; else PocketSphinx."""
    named = _named(config, "ears", config.ears.backend, EARS)
    if named is not None:
        return named
    backend: Backend
    for backend in ("faster-whisper", "whisper"):
        if _is_ready(config, backend, config.ears.model):
            return Choice("ears", backend, "its package and its weights are here")
    return _embedded(config, "ears", "pocketsphinx", "whisper", "needs no weights; no Whisper weights are here")


def chosen_mind(config: Config) -> Choice:
    """A server where one is named, else a local language model where its weights are, else the knowledge file."""
    named = _named(config, "mind", config.mind.backend, MINDS)
    if named is not None:
        return named
    if config.ring.choice != "embedded" and config.mind.base_url:
        return Choice("mind", "openai", "mind.base_url names a server")
    if _is_ready(config, "transformers", config.mind.model):
        return Choice("mind", "transformers", "its package and its weights are here")
    why = "needs no weights; no language model's weights are here and no server is named"
    return _embedded(config, "mind", "knowledge", "transformers", why)


def chosen_voice(config: Config) -> Choice:
    """Coqui where its weights are, else Flite where it is installed and has the voice, else eSpeak NG."""
    named = _named(config, "voice", config.voice.backend, VOICES)
    if named is not None:
        return named
    backend: Backend
    for backend in ("coqui", "xtts"):
        if _is_ready(config, backend, config.voice.model):
            return Choice("voice", backend, "its package and its weights are here")
    from speech.tts_flite import flite_voices

    installed, wanted = flite_voices(), config.voice.voice
    if installed and (not wanted or wanted in installed):
        why = "the program flite is installed, and has the voice if one is named"
        return _embedded(config, "voice", "flite", "coqui", why)
    why = "comes with a package; the program flite is not installed, or has not the voice that is named"
    return _embedded(config, "voice", "espeak", "coqui", why)


def make_ears(config: Config, phrases: Sequence[str], *, accurate: bool = False) -> ASR:
    """The chosen recogniser, not yet entered.

    Args:
        config: the whole configuration.
        phrases: what it expects more than other words, if the configuration wants that.
        accurate: for recordings: fewer errors, but later.
    """
    make = _table("ears", EARS)[chosen_ears(config).chosen]
    ears: ASR = make(config, phrases if config.ears.bias_to_knowledge else (), accurate)
    return ears


def make_mind(config: Config, knowledge: Knowledge) -> LLM:
    """The chosen mind, not yet entered."""
    mind: LLM = _table("minds", MINDS)[chosen_mind(config).chosen](config, knowledge)
    return mind


def make_voice(config: Config) -> TTS:
    """The chosen synthesiser, not yet entered."""
    voice: TTS = _table("voices", VOICES)[chosen_voice(config).chosen](config)
    return voice


def _table(group: str, own: Mapping[str, Callable[..., Any]]) -> Mapping[str, Callable[..., Any]]:
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


def _named(config: Config, what: str, asked: str, own: Mapping[str, Callable[..., Any]]) -> Choice | None:
    """The backend that the configuration names, or None where it says "auto"."""
    if asked == "auto":
        return None
    key = f"{what}.backend"
    group = what if what == "ears" else f"{what}s"
    if asked not in own and asked not in _table(group, own):
        names = ", ".join(f"'{name}'" for name in ("auto", *_table(group, own)))
        raise InputError(f"{config.source.of(key)}: {key}: expected one of {names}, got '{asked}'")
    return Choice(what, asked, f"named by {key} ({config.source.of(key)})")


def _is_ready(config: Config, backend: Backend, model: str) -> bool:
    """Whether "auto" may take a backend of the recommended ring: its package and its weights are here."""
    if config.ring.choice == "embedded" or find_spec(MODULES[backend][1]) is None:
        return False
    if backend == "coqui" and not any(map(shutil.which, ("espeak-ng", "espeak"))):
        return False  # its VITS voices can't read without
    return installed_path(config, backend, model) is not None


def _embedded(config: Config, what: str, embedded: str, recommended: str, why: str) -> Choice:
    """The way back where nothing better is here; with the ring "recommended" there is none."""
    if config.ring.choice == "recommended":
        return Choice(what, recommended, f"ring.choice is recommended ({config.source.of('ring.choice')})")
    return Choice(what, embedded, why)
