"""What both Whisper workers share: their setup, Whisper's own limits, the prompt, the share of the processor."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from speech.errors import InputError
from speech.worker.cores import usable_cores

NO_SPEECH_THRESHOLD, LOGPROB_THRESHOLD, COMPRESSION_THRESHOLD = 0.6, -1.0, 2.4
"""Whisper's own limits, beyond which a decoding has failed (Radford et al. 2022, section 4.5)."""

_TEMPERATURES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
_BEAMS = 5

_MOST_THREADS = 4
_NICENESS = 5
_SHORT_S = 1.0
"""A sound this short is a word or two: told the names and phrases beforehand, Whisper says them twice."""
SHORT_WORDS = "Yeah. Wait. Really? Stop. Mm-hmm. Okay, right. Hold on."
"""What is told before such a sound instead: that it is a word or two. Without it, "be quiet" is "required", and what is
said beside an echo is often taken for silence. Other short words gain as much: "Two people.", "Today."."""
SHORT_PENALTY = 1.3
"""Tokens that come again are less likely by this factor: a lone "No." is "No. No. No. No." without it."""

_PROMPT_CHARACTERS = 300
_NAMES_CHARACTERS = 150
_TELLING_LETTERS = 4
_LONGEST_ABBREVIATION = 3  # letters: "GPU"
_DICTIONARY = Path("model") / "en-us" / "cmudict-en-us.dict"


@dataclass(frozen=True, slots=True)
class Setup:
    """How a worker is to listen.

    Attributes:
        model: path of the weights.
        language: code of the language spoken, such as "en"; "" finds out.
        device: "auto", "cpu", "cuda" or "mps".
        phrases: what people are likely to say, lower case; the avatar's name first.
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
        """What Whisper takes for said before, so that it expects more of the kind; None for nothing."""
        return expected_words(self.phrases) or None if self.language in ("en", "") else None

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


def rare_words(phrases: Sequence[str]) -> str:
    """The words of English phrases that no dictionary has, mostly names: telling Whisper makes it expect them.

    Returns:
        "Visavis, GPU", in the phrases' order, at most `_NAMES_CHARACTERS`; "" without such words.
    """
    known = _dictionary()
    if not known:
        return ""
    words = (word.strip(".,?!") for phrase in phrases for word in phrase.lower().split())
    prompt = ""
    for word in dict.fromkeys(word for word in words if word and word not in known):
        spelled = word.upper() if len(word) <= _LONGEST_ABBREVIATION else word.capitalize()
        longer = f"{prompt}, {spelled}".removeprefix(", ")
        if len(longer) > _NAMES_CHARACTERS:
            break
        prompt = longer
    return prompt


def is_told(seconds: float) -> bool:
    """Whether Whisper is told `Setup.prompt` before it listens to a sound of this length."""
    return seconds > _SHORT_S


def expected_words(phrases: Sequence[str]) -> str:
    """What to tell Whisper before it listens: names that no dictionary has, and phrases that hold many long words.

    Args:
        phrases: what people are likely to say; the first one is told whatever it is.

    Returns:
        "Mira, Visavis, GPU. Which languages do you speak." for example: at most `_PROMPT_CHARACTERS`; "" without
        phrases.
    """
    if not phrases:
        return ""
    first = phrases[0].strip(" .?!")
    prompt = f"{first[:1].upper()}{first[1:]}, {rare_words(phrases[1:])}".removesuffix(", ") + "."
    told = {word for phrase in phrases for word in phrase.split() if word.capitalize() in prompt}
    left = {phrase: {word for word in phrase.split() if len(word) >= _TELLING_LETTERS} for phrase in phrases}
    while left:
        best = max(left, key=lambda phrase: sum(map(len, left[phrase] - told)) / (len(phrase) + 2))
        new = left.pop(best) - told
        longer = f"{prompt} {best[:1].upper()}{best[1:].rstrip('.?!')}.".strip()
        if not new:
            break
        if len(longer) <= _PROMPT_CHARACTERS:
            prompt = longer
            told |= new
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
    cores = usable_cores()
    return min(_MOST_THREADS, max(1, cores - 1))
