"""The models that `visavis fetch` knows: what each is for, whose it is, how large, and where it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from agent.models.piper_catalogue import REPOSITORY, REVISION, piper_folder, piper_language
from agent.models.piper_catalogue import VOICES as PIPER_VOICES

Backend = Literal["whisper", "faster-whisper", "transformers", "piper", "coqui", "xtts"]
Place = Literal["ears", "mind", "voice"]

BACKENDS: tuple[Backend, ...] = get_args(Backend)
PLACES: Mapping[Backend, Place] = {
    "whisper": "ears",
    "faster-whisper": "ears",
    "transformers": "mind",
    "piper": "voice",
    "coqui": "voice",
    "xtts": "voice",
}


@dataclass(frozen=True, slots=True)
class ModelSource:
    """Where a model comes from.

    Attributes:
        kind: "url-with-sha256": the table in the openai-whisper package; "hugging-face": a repository on the hub;
            "coqui": the list in the coqui-tts package.
        name: the table's key, the repository ("owner/name"), or the name in the list.
        revision: of the repository: a branch or a commit; what is fetched is the commit that it stands for then.
        folder: of the repository, where the model is not all of it; "" for its root.
    """

    kind: Literal["url-with-sha256", "hugging-face", "coqui"]
    name: str
    revision: str = "main"
    folder: str = ""

    def __str__(self) -> str:
        """Where that is, in words."""
        return {
            "url-with-sha256": "OpenAI, as the openai-whisper package states",
            "hugging-face": f"Hugging Face, {self.name}" + (f", {self.folder}" if self.folder else ""),
            "coqui": "Coqui, as the coqui-tts package states",
        }[self.kind]


@dataclass(frozen=True, slots=True)
class Model:
    """One model.

    Attributes:
        backend: the backend that uses it.
        name: as `ears.model`, `mind.model` and `voice.model` take it.
        what: what it is.
        licence: its short name; "" where only the source knows.
        size: about how many bytes are fetched; 0 where only the source knows.
        source: where it comes from.
        why: of a default: why this one.
        languages: codes of what it hears or speaks; empty for many.
        question: of a licence that not everybody may accept: what is asked before anything is fetched.
    """

    backend: Backend
    name: str
    what: str
    licence: str
    size: int
    source: ModelSource
    why: str = ""
    languages: tuple[str, ...] = ()
    question: str = ""

    @property
    def title(self) -> str:
        """The name that `visavis fetch` takes, such as "whisper/base.en"."""
        return f"{self.backend}/{self.name}"

    def speaks(self, language: str) -> bool:
        """Whether it knows a language such as "de" or "en-us"; "" is one that is still to be found out."""
        return not self.languages or language.partition("-")[0].lower() in self.languages


_CPML = (
    "XTTS is under the Coqui Public Model License 1.0.0 (CPML): the model and what it says may be used for "
    "non-commercial purposes only. The whole text comes with the model, in LICENSE.txt. "
    "Do you agree to the non-commercial CPML, or have you bought another licence?"
)
_QWEN_RESEARCH = (
    "Qwen2.5 3B is under the Qwen Research License: for research and other non-commercial purposes only. The whole "
    "text comes with the model, in LICENSE. Do you agree to it?"
)

_EN = ("en",)


def _whisper(name: str, size: int, what: str, why: str = "") -> Model:
    languages = _EN if name.endswith(".en") else ()
    return Model("whisper", name, what, "MIT", size, ModelSource("url-with-sha256", name), why, languages)


def _faster(name: str, size: int, what: str, why: str = "", repository: str = "") -> Model:
    source = ModelSource("hugging-face", repository or f"Systran/faster-whisper-{name}")
    languages = _EN if name.endswith(".en") else ()
    return Model("faster-whisper", name, what, "MIT", size, source, why, languages)


def _qwen(billions: str, size: int, what: str, why: str = "", licence: str = "Apache-2.0", question: str = "") -> Model:
    name = f"Qwen/Qwen2.5-{billions}B-Instruct"
    return Model("transformers", name, what, licence, size, ModelSource("hugging-face", name), why, question=question)


def _coqui(name: str, size: int, what: str, language: str, why: str = "", licence: str = "Apache-2.0") -> Model:
    return Model("coqui", name, what, licence, size, ModelSource("coqui", name), why, (language,))


def piper_source(name: str) -> ModelSource | None:
    """Where a Piper voice comes from; None for what can't be the name of one."""
    folder = piper_folder(name)
    return ModelSource("hugging-face", REPOSITORY, REVISION, folder) if folder else None


def _piper(name: str, size: int, what: str, licence: str, why: str) -> Model:
    source = piper_source(name)
    assert source is not None
    return Model("piper", name, what, licence, size, source, why, (piper_language(name),))


_ON_A_CPU = "the smallest that hears clear English well; keeps up on two CPU cores"
_LANGUAGES = "the smallest that hears languages beside English well"
_ON_A_GPU = "nearly as good as the largest, several times as fast; for a GPU"

CATALOGUE: tuple[Model, ...] = (
    _whisper("base.en", 145_000_000, "English", _ON_A_CPU),
    _whisper("small", 484_000_000, "99 languages", _LANGUAGES),
    _whisper("turbo", 1_620_000_000, "99 languages", _ON_A_GPU),
    _whisper("tiny.en", 76_000_000, "English, coarse"),
    _whisper("tiny", 76_000_000, "99 languages, coarse"),
    _whisper("base", 145_000_000, "99 languages"),
    _whisper("small.en", 484_000_000, "English"),
    _whisper("medium.en", 1_530_000_000, "English, slow on a CPU"),
    _whisper("medium", 1_530_000_000, "99 languages, slow on a CPU"),
    _whisper("large-v1", 3_090_000_000, "99 languages, for a GPU"),
    _whisper("large-v2", 3_090_000_000, "99 languages, for a GPU"),
    _whisper("large-v3", 3_090_000_000, "99 languages, for a GPU"),
    _faster("base.en", 148_000_000, "English", _ON_A_CPU),
    _faster("small", 486_000_000, "99 languages", _LANGUAGES),
    _faster("turbo", 1_620_000_000, "99 languages", _ON_A_GPU, "mobiuslabsgmbh/faster-whisper-large-v3-turbo"),
    _faster("tiny.en", 78_000_000, "English, coarse"),
    _faster("tiny", 78_000_000, "99 languages, coarse"),
    _faster("base", 148_000_000, "99 languages"),
    _faster("small.en", 486_000_000, "English"),
    _faster("medium.en", 1_530_000_000, "English, slow on a CPU"),
    _faster("medium", 1_530_000_000, "99 languages, slow on a CPU"),
    _faster("large-v2", 3_090_000_000, "99 languages, for a GPU"),
    _faster("large-v3", 3_090_000_000, "99 languages, for a GPU"),
    _qwen("1.5", 3_100_000_000, "1.5 billion parameters", "free to use, and small enough to answer on a CPU"),
    _qwen("0.5", 1_000_000_000, "0.5 billion parameters, quick, knows little"),
    _qwen("3", 6_180_000_000, "3 billion parameters", "", "Qwen-Research", _QWEN_RESEARCH),
    _qwen("7", 15_240_000_000, "7 billion parameters, for a GPU with 16 GB or more"),
    *(_piper(*voice) for voice in PIPER_VOICES),
    _coqui("tts_models/en/vctk/vits", 148_000_000, "English, 109 speakers", "en", "women's and men's voices in one"),
    _coqui("tts_models/en/ljspeech/vits", 145_000_000, "English, one woman", "en"),
    _coqui("tts_models/de/thorsten/vits", 0, "German, one man", "de", "the German one"),
    _coqui("tts_models/fr/css10/vits", 0, "French, one man", "fr", "the French one", "BSD-3-Clause"),
    _coqui("tts_models/es/css10/vits", 0, "Spanish, one man", "es", "the Spanish one", "BSD-3-Clause"),
    Model(
        "xtts",
        "tts_models/multilingual/multi-dataset/xtts_v2",
        "17 languages, 58 speakers, any voice from a recording; for a GPU",
        "CPML",
        1_880_000_000,
        ModelSource("coqui", "tts_models/multilingual/multi-dataset/xtts_v2"),
        "",
        ("en", "es", "fr", "de", "it", "pt", "pl", "tr", "ru", "nl", "cs", "ar", "zh", "hu", "ko", "ja", "hi"),
        _CPML,
    ),
)
"""Defaults first, by backend. Sizes are what is published, rounded."""

ALIASES: Mapping[str, str] = {"large": "large-v3", "large-v3-turbo": "turbo"}
"""Second names of Whisper's models."""


def find_model(backend: Backend, name: str) -> Model | None:
    """The catalogue's entry, or None."""
    name = canonical(backend, name)
    return next((model for model in CATALOGUE if (model.backend, model.name) == (backend, name)), None)


def canonical(backend: Backend, name: str) -> str:
    """The name under which a model is kept: Whisper has two for some."""
    return ALIASES.get(name, name) if PLACES[backend] == "ears" else name
