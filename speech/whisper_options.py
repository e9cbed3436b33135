"""What both Whisper workers share: their setup, the limits of trust, the prompt, the share of the processor."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from speech.errors import InputError

NO_SPEECH_THRESHOLD, LOGPROB_THRESHOLD, COMPRESSION_THRESHOLD = 0.6, -1.0, 2.4
"""Whisper's own limits, beyond which a decoding has failed (Radford et al. 2022, section 4.5)."""

_TEMPERATURES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
_BEAMS = 5

_MOST_THREADS = 4
_NICENESS = 5
_PROMPT_CHARACTERS = 200
_LONGEST_ABBREVIATION = 3  # letters: "GPU"
_DICTIONARY = Path("model") / "en-us" / "cmudict-en-us.dict"


@dataclass(frozen=True, slots=True)
class Setup:
    """How a worker is to listen.

    Attributes:
        model: path of the weights.
        language: code of the language spoken, such as "en"; "" finds out.
        device: "auto", "cpu", "cuda" or "mps".
        phrases: what people are likely to say, lower case.
        accurate: search wider, and again where a decoding fails: fewer errors, later.
    """

    model: str
    language: str = "en"
    device: str = "auto"
    phrases: list[str] = field(default_factory=list)
    accurate: bool = False

    @property
    def beam_size(self) -> int:
        """Hypotheses that are followed at once."""
        return _BEAMS if self.accurate else 1

    @property
    def temperatures(self) -> tuple[float, ...]:
        """Tried one after the other until a decoding does not fail."""
        return _TEMPERATURES if self.accurate else _TEMPERATURES[:1]

    @property
    def prompt(self) -> str | None:
        """What Whisper is told beforehand; None for nothing."""
        return rare_words(self.phrases) or None if self.language in ("en", "") else None

    def check_language(self, known: Collection[str], *, is_multilingual: bool) -> None:
        """Refuses a language that the model does not know.

        Raises:
            InputError: it does not.
        """
        if self.language and self.language not in known:
            raise InputError(f"language: expected one of Whisper's, such as 'en' or 'de', got {self.language!r}")
        if not is_multilingual and self.language not in ("en", ""):
            raise InputError(
                f"language: expected 'en' for {self.model}, which knows only English, got {self.language!r}; "
                "choose a model without '.en' in its name"
            )


def is_trustworthy(avg_logprob: float, compression_ratio: float) -> bool:
    """Whether a decoded segment was understood: likely enough words, and not the same ones again and again."""
    return avg_logprob >= LOGPROB_THRESHOLD and compression_ratio <= COMPRESSION_THRESHOLD


def rare_words(phrases: Sequence[str]) -> str:
    """The words of English phrases that no dictionary has, mostly names: telling Whisper makes it expect them.

    Returns:
        "Visavis, GPU", in the phrases' order, at most 200 characters; "" without such words.
    """
    known = _dictionary()
    if not known:
        return ""
    words = (word.strip(".,?!") for phrase in phrases for word in phrase.lower().split())
    prompt = ""
    for word in dict.fromkeys(word for word in words if word and word not in known):
        spelled = word.upper() if len(word) <= _LONGEST_ABBREVIATION else word.capitalize()
        longer = f"{prompt}, {spelled}".removeprefix(", ")
        if len(longer) > _PROMPT_CHARACTERS:
            break
        prompt = longer
    return prompt


def _dictionary() -> set[str]:
    """PocketSphinx's English words, 126,000 of them; none where its package is not installed."""
    spec = importlib.util.find_spec("pocketsphinx")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        if (path := Path(folder) / _DICTIONARY).is_file():
            lines = path.read_text("utf-8").splitlines()
            return {line.split(None, 1)[0].split("(")[0] for line in lines if line.strip()}
    return set()


def leave_room_for_the_face() -> int:
    """Lowers this process's priority, so that frames come first. Returns how many threads it should compute with."""
    if hasattr(os, "nice"):
        os.nice(_NICENESS)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(_MOST_THREADS, max(1, cores - 1))
