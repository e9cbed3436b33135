"""The synthesisers, one line each; their classes are imported only when one is made or its voices are listed."""

from __future__ import annotations

from dataclasses import replace

from agent.backends import voice_names as names
from agent.backends.descriptor import VoiceBackend, VoiceContext
from agent.config.config import Config
from agent.config.speech_sections import VoiceSection
from agent.models.catalogue import find_model
from agent.models.fetched import fetched_models, models_folder, state_of
from agent.models.packaged import any_installed
from agent.models.packaged_catalogue import packaged_of
from agent.models.weights import look_for, resolve_model, resolve_weights
from agent.personas import persona_of
from speech.errors import VisavisError
from speech.tts.base import TTS, Voice

_Context = VoiceContext[VoiceSection]


def _hibari(context: _Context) -> TTS:
    from speech.tts.hibari import HibariTTS

    voice = context.settings
    return HibariTTS(
        model=resolve_model(context.config, "hibari", voice.model),
        voice=voice.voice or persona_of(context.config).voices["hibari"],
        rate_wpm=voice.rate_wpm,
        volume=voice.volume,
    )


def _hibari_voices(context: _Context) -> list[Voice]:
    from speech.tts.hibari import HIBARI_VOICES

    return HIBARI_VOICES if _is_packaged(context.config, "hibari") else []


def _piper(context: _Context) -> TTS:
    from speech.tts.piper import PiperTTS

    voice = context.settings
    return PiperTTS(
        model=resolve_model(context.config, "piper", voice.model),
        voice=voice.voice or persona_of(context.config).voices["piper"],
        rate_wpm=voice.rate_wpm,
        volume=voice.volume,
    )


def _piper_voices(context: _Context) -> list[Voice]:
    folder = models_folder(context.config)
    fetched = [model.name for model in fetched_models(folder) if model.backend == "piper"]
    found = [name for name in fetched if state_of(folder, "piper", name).status == "complete"]
    found += [model.name for model in packaged_of("piper") if any_installed(model) and model.name not in found]
    return [_piper_voice(name) for name in found]


def _piper_voice(name: str) -> Voice:
    known = find_model("piper", name)
    what = known.what if known else name
    gender = "female" if what.endswith("one woman") else "male" if what.endswith("one man") else None
    return Voice(name, name.partition("-")[0].replace("_", "-").lower(), what, gender, "piper")


def _pico(context: _Context) -> TTS:
    from speech.tts.pico import PicoTTS

    voice = context.settings
    folder = resolve_model(context.config, "pico", voice.model)
    return PicoTTS(folder=folder, voice=names.pico_voice(context.config), rate_wpm=voice.rate_wpm, volume=voice.volume)


def _pico_voices(context: _Context) -> list[Voice]:
    from speech.tts.pico import pico_voices

    here = pico_voices() if _is_packaged(context.config, "pico") else []
    return [replace(voice, id=f"pico:{voice.id}") for voice in here]


def _flite(context: _Context) -> TTS:
    from speech.tts.flite import FliteTTS

    voice = context.settings
    name = voice.voice or persona_of(context.config).voices["flite"]
    return FliteTTS(voice=name, rate_wpm=voice.rate_wpm, volume=voice.volume)


def _flite_voices(context: _Context) -> list[Voice]:
    from speech.tts.flite import FliteTTS, flite_voices

    return FliteTTS().voices() if flite_voices() else []


def _flite_reason(config: Config) -> str:
    from speech.tts.flite import flite_voices

    speaks = config.voice.language.lower() in ("en", "en-us")
    return "the program flite is installed" if flite_voices() and speaks else ""


def _espeak(context: _Context) -> TTS:
    from speech.tts.espeak import EspeakTTS

    voice = context.settings
    return EspeakTTS(
        voice=names.espeak_voice(context.config), rate_wpm=voice.rate_wpm, pitch=voice.pitch, volume=voice.volume
    )


def _espeak_voices(context: _Context) -> list[Voice]:
    from speech.tts.espeak import EspeakTTS

    return [voice if "+" in voice.id else replace(voice, id=f"espeak:{voice.id}") for voice in EspeakTTS().voices()]


def _espeak_reason(config: Config) -> str:
    names.espeak_voice(config)  # is there such a voice?
    return f"no better voice of the language '{config.voice.language.lower()}' is here"


def _espeak_taken(context: _Context) -> str:
    voice = names.espeak_voice(context.config)
    return voice if voice.startswith("en-us+") else f"espeak:{voice.partition('+')[0]}"


def _coqui(context: _Context) -> TTS:
    from speech.tts.coqui import CoquiTTS

    voice = context.settings
    return CoquiTTS(
        model=resolve_model(context.config, "coqui", voice.model),
        voice=voice.voice,
        preferred=persona_of(context.config).voices["coqui"],
        rate_wpm=voice.rate_wpm,
        volume=voice.volume,
        device=voice.device,
        language=voice.language,
    )


def _xtts(context: _Context) -> TTS:
    from speech.tts.xtts import XttsTTS

    voice = context.settings
    return XttsTTS(
        model=resolve_model(context.config, "xtts", voice.model),
        voice=voice.voice,
        preferred=persona_of(context.config).voices["xtts"],
        sample=voice.sample,
        rate_wpm=voice.rate_wpm,
        volume=voice.volume,
        device=voice.device,
        language=voice.language,
    )


def _is_packaged(config: Config, backend: str) -> bool:
    try:
        return look_for(config, backend, "packaged", packaged_of(backend)[0].name) is not None
    except VisavisError:
        return False


# ---- Places in `auto`'s order: what has more voices of the language first, and the voice that fits the person.


def _is_english(config: Config) -> bool:
    return config.voice.language.lower().partition("-")[0] == "en"


def _is_british(config: Config) -> bool:
    return config.voice.language.lower() == "en-gb"


def _piper_rank(config: Config) -> int:
    if not _is_english(config):
        return 0
    if _is_british(config):
        return 4
    return 4 if persona_of(config).gender == "female" else 3


def _hibari_rank(config: Config) -> int | None:
    if not _is_english(config):
        return None
    if _is_british(config):
        return 5
    return 3 if persona_of(config).gender == "female" else 4


VOICES: tuple[VoiceBackend[VoiceSection], ...] = (
    VoiceBackend(
        name="hibari",
        about="an American woman",
        settings=VoiceSection,
        shared_section="voice",
        needs="weights",
        rank=_hibari_rank,
        make=_hibari,
        voices=_hibari_voices,
        unqualified=lambda name: {"backend": "hibari"} if name in {m.name for m in packaged_of("hibari")} else None,
    ),
    VoiceBackend(
        name="piper",
        about="voices for 20 languages, 60 MB each; the licence is in each voice's MODEL_CARD",
        settings=VoiceSection,
        shared_section="voice",
        module="onnxruntime",
        needs="weights",
        rank=_piper_rank,
        make=_piper,
        voices=_piper_voices,
        qualified=names.of_piper,
        unqualified=names.of_piper_alone,
        taken=lambda context: resolve_weights(context.config, "piper", context.settings.model).name,
    ),
    VoiceBackend(
        name="pico",
        about="German, French, Spanish, Italian, British and American English",
        settings=VoiceSection,
        shared_section="voice",
        needs="weights",
        rank=lambda config: 3 if _is_british(config) else 5,
        make=_pico,
        voices=_pico_voices,
        qualified=names.of_pico,
        unqualified=names.of_pico_alone,
        taken=lambda context: f"pico:{names.pico_voice(context.config)}",
    ),
    VoiceBackend(
        name="flite",
        about="American English",
        cost="Debian's flite",
        settings=VoiceSection,
        shared_section="voice",
        programs=("flite",),
        rank=lambda config: 1,
        reason=_flite_reason,
        make=_flite,
        voices=_flite_voices,
        unqualified=names.of_flite_alone,
    ),
    VoiceBackend(
        name="espeak",
        about="eSpeak NG: more than a hundred languages, plainly",
        settings=VoiceSection,
        shared_section="voice",
        module="espeakng_loader",
        rank=lambda config: 2,
        reason=_espeak_reason,
        make=_espeak,
        voices=_espeak_voices,
        qualified=names.of_espeak,
        unqualified=names.of_espeak_alone,
        taken=_espeak_taken,
    ),
    # Coqui's VITS voices can't read without the program.
    VoiceBackend(
        name="coqui",
        about="Coqui's VITS voices",
        cost="Debian's espeak-ng",
        settings=VoiceSection,
        shared_section="voice",
        extra="coqui",
        module="TTS",
        programs=("espeak-ng", "espeak"),
        needs="weights",
        rank=lambda config: 1,
        make=_coqui,
        has_speakers=True,
    ),
    VoiceBackend(
        name="xtts",
        about="Coqui's XTTS v2, which speaks with the voice of a recording; not for commercial use",
        cost="a GPU",
        settings=VoiceSection,
        shared_section="voice",
        extra="coqui",
        module="TTS",
        needs="weights",
        rank=lambda config: 2,
        make=_xtts,
        has_speakers=True,
    ),
)
