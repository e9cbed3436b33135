"""The recognisers, one line each; their classes are imported only when one is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.backends.descriptor import EarsBackend, EarsContext
from agent.config.speech_sections import EarsSection
from agent.models.weights import ears_model
from agent.personas import name_of

if TYPE_CHECKING:
    from speech.asr.base import ASR
    from speech.asr.whisper import WhisperASR


def _pocketsphinx(context: EarsContext[EarsSection]) -> ASR:
    from speech.asr.pocketsphinx import PocketSphinxASR

    return PocketSphinxASR(phrases=context.phrases, accurate=context.accurate)


def _whisper(context: EarsContext[EarsSection]) -> ASR:
    from speech.asr.whisper import WhisperASR

    return _any_whisper(WhisperASR, context)


def _faster_whisper(context: EarsContext[EarsSection]) -> ASR:
    from speech.asr.faster_whisper import FasterWhisperASR

    return _any_whisper(FasterWhisperASR, context)


def _any_whisper(kind: type[WhisperASR], context: EarsContext[EarsSection]) -> ASR:
    ears = context.settings
    return kind(
        model=ears_model(context.config, kind.package.backend, context.accurate),
        language=ears.language,
        device=ears.device,
        phrases=(name_of(context.config), *context.phrases) if context.phrases else (),
        accurate=context.accurate,
    )


EARS: tuple[EarsBackend[EarsSection], ...] = (
    EarsBackend(
        name="faster-whisper",
        about="Whisper in any size, the quicker of two; partial words while you speak",
        cost="0.5 GB and more",
        settings=EarsSection,
        shared_section="ears",
        extra="faster-whisper",
        module="faster_whisper",
        needs="weights",
        rank=lambda config: 1,
        make=_faster_whisper,
    ),
    EarsBackend(
        name="whisper",
        about="Whisper in any size, OpenAI's own program; partial words while you speak",
        cost="0.5 GB and more",
        settings=EarsSection,
        shared_section="ears",
        extra="whisper",
        module="whisper",
        needs="weights",
        rank=lambda config: 2,
        make=_whisper,
    ),
    EarsBackend(
        name="pocketsphinx",
        about="English, coarsely, where no Whisper is",
        settings=EarsSection,
        shared_section="ears",
        module="pocketsphinx",
        rank=lambda config: 1,
        reason=lambda config: "no Whisper weights that can be used are here",
        make=_pocketsphinx,
    ),
)
