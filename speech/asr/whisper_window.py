"""Whisper on one stretch of sound in a window that is no longer than it must be, and what tells that it failed.

Whisper was trained on windows of 30 s, and takes as long for a word as for a minute. A window that ends soon after the
sound is several times as quick; if it ends too soon, the decoder does not find the end and says things twice. With 8 s
after the sound that is rare (README, "Ears", has the table), and where it happens the whole window is used after all.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from speech.asr.understood import Understood, joined
from speech.asr.whisper_options import COMPRESSION_THRESHOLD, NO_SPEECH_THRESHOLD

FRAMES_PER_S = 100
"""Of Whisper's spectrogram."""

WHOLE_WINDOW_S = 30.0
AFTER_THE_SOUND_S = 8.0
"""What a short window has after its sound."""
_WINDOW_STEP_S = 0.5

_TOKENS, _TOKENS_PER_S = 10, 8.0
"""The most that anybody says in a stretch: people who talk fast need six tokens a second."""

_LONG_REPEAT, _SHORT_REPEATS = 3, 4
"""Whoever says so many words twice on end, or fewer words so many times, is a decoder that does not find the end."""

_DOUBTFUL_LOGPROB, _DOUBTFUL_WORDS = -0.9, -1.0
"""Of all tokens, and of the words alone, natural logarithms: words that are less likely by both were as good as made up
(tests/test_doubtful_words.py). By the first alone half of all commands of two or three words would be doubted, as the
end of a sentence is never sure in a short window."""

_SILENCE_LOGPROB = -0.7
"""Words that are less likely were made up where nobody seems to have spoken; Whisper's own limit of -1 lets a "You" in
silence through."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a decoder made of a stretch, and its own measures of it.

    Attributes:
        text: the words on one line.
        avg_logprob: mean logarithm of their probability, natural.
        compression_ratio: characters over compressed ones; high where words come again and again.
        no_speech_prob: [0, 1], that nobody spoke.
        is_cut_off: it had not ended when it had written more than anybody says in that time.
        word_probabilities: [0, 1], of each word in what was said before it; () where the decoder does not tell.
    """

    text: str
    avg_logprob: float
    compression_ratio: float
    no_speech_prob: float
    is_cut_off: bool = False
    word_probabilities: tuple[float, ...] = ()

    @property
    def confidence(self) -> float | None:
        """How sure it is that no word is wrong, [0, 1]; None where nothing is known of the words.

        e to the minus of the sum of squares of what each word lacks to be certain. A mean over the words says less,
        as one wrong word among ten sure ones is enough for a wrong answer; and without the square, the many little
        doubts of a long sentence weigh as much as a wrong word (benchmarks/misheard.py compares them).
        """
        known = self.word_probabilities
        return math.exp(-sum((1.0 - probability) ** 2 for probability in known)) if known else None

    @property
    def is_silence(self) -> bool:
        """Whether there is nothing to be read, or the words were made up in silence."""
        if not any(character.isalnum() for character in self.text):
            return True
        return self.no_speech_prob > NO_SPEECH_THRESHOLD and self.avg_logprob < _SILENCE_LOGPROB

    @property
    def is_doubtful(self) -> bool:
        """Whether the words are improbable, or the same again and again."""
        known = self.word_probabilities
        words = math.fsum(math.log(max(one, 1e-6)) for one in known) / len(known) if known else -math.inf
        return self.repeats or (self.avg_logprob < _DOUBTFUL_LOGPROB and words < _DOUBTFUL_WORDS)

    @property
    def repeats(self) -> bool:
        """Whether the decoder did not find the end: worth another try in the whole window.

        Words that are only improbable are not: of 196 decodings of short recordings, clean, noisy, cut and through a
        codec, 18 were, and a second try in the whole window made seven more mistakes in them, half a second later.
        """
        runs = without_repeats(self.text) != self.text
        return self.is_cut_off or self.compression_ratio > COMPRESSION_THRESHOLD or runs


def window_frames(seconds: float, after_s: float) -> int:
    """How many frames of the spectrogram are looked at: a sound of this length, and what is left empty after it.

    In whole steps: for a length that CTranslate2 has not met lately it has to make its kernels first.
    """
    steps = math.ceil((seconds + after_s) / _WINDOW_STEP_S)
    return round(min(steps * _WINDOW_STEP_S, WHOLE_WINDOW_S) * FRAMES_PER_S)


def most_tokens(seconds: float) -> int:
    """How many tokens are written at most for a sound of this length."""
    return round(_TOKENS + _TOKENS_PER_S * seconds)


def together(parts: Iterable[Decoded]) -> Understood:
    """The words of the parts of a stretch, without those that were made up in silence or come again and again."""
    spoken = (part for part in parts if not part.is_silence)
    return joined(Understood(without_repeats(part.text), part.is_doubtful, part.confidence) for part in spoken)


def without_repeats(text: str) -> str:
    """Takes out what follows where the same words come on end more often than people say them."""
    words = text.split()
    plain = [word.strip(".,?!").lower() for word in words]
    ends = [end for size in range(1, len(words) // 2 + 1) if (end := _first_run(plain, size)) is not None]
    return " ".join(words[: min(ends)]) if ends else text


def _first_run(words: Sequence[str], size: int) -> int | None:
    """Where `size` words end that come again at once, as often as only a decoder says them; None if they don't."""
    wanted = size if size >= _LONG_REPEAT else size * (_SHORT_REPEATS - 1)
    same = 0
    for place, (one, other) in enumerate(zip(words, words[size:], strict=False), 1):
        same = same + 1 if one == other else 0
        if same == wanted:
            return place - wanted + size
    return None
