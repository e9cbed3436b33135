"""Who says what on the sheets: one held-out sentence for each of several voices."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from avatar.evaluation.speech.held_out import NATURAL, kind_of
from avatar.evaluation.speech.speech_track import SAMPLES_PER_FRAME, SpeechTrack, SpokenPart
from avatar.progress import ShareDone
from avatar.training.texts.corpus import english
from avatar.training.voices.cast import Cast
from avatar.training.voices.utterance import TrainingVoice
from speech.errors import InputError

_LETTERS = (25, 60)
_ASKED = ("pbm", "fv")
"""A sentence has one of the letters of each."""
_ATTEMPTS = 5  # at a sentence that the voice can say


def natural_speeches(cast: Cast, count: int, seed: int, progress: ShareDone = lambda done: None) -> list[SpeechTrack]:
    """Sentences, a different one in a different voice each.

    Args:
        cast: whose voices.
        count: how many; there may be fewer voices.
        seed: chooses the sentences.
        progress: called with the share done.

    Returns:
        Tracks of one part each, with a little silence after it.
    """
    texts, voices = _sentences(seed), chosen_voices(cast, count)
    made = []
    for number, voice in enumerate(voices):
        progress(number / len(voices))
        made.append(_spoken(voice, texts, np.random.default_rng([seed, number])))
    return made


def chosen_voices(cast: Cast, count: int) -> list[TrainingVoice]:
    """Natural voices that training never heard, then one of each other maker, then more of the rest, far apart.

    Where there are no natural ones, the held-out robots.
    """
    held_out = [voice for voice in cast.held_out if kind_of(voice.name) == NATURAL]
    if not held_out:
        return list({voice.name: voice for voice in cast.held_out}.values())[:count]
    names = {voice.name for voice in held_out}
    others = [
        voice
        for voice in cast.voices
        if kind_of(voice.name) == NATURAL
        and voice.language.startswith("en")
        and voice.name not in names
        and "+" not in voice.name  # a mixture of two
    ]
    makers = {voice.name.partition(" ")[0] for voice in held_out}
    first = [voice for voice in others if voice.name.partition(" ")[0] not in makers]
    rest = [voice for voice in others if voice not in first]
    chosen = [*held_out, *first][:count]
    missing = min(count - len(chosen), len(rest))
    return chosen + [rest[(2 * i + 1) * len(rest) // (2 * missing)] for i in range(missing)]


def _sentences(seed: int) -> Iterator[str]:
    said: set[str] = set()
    for text in english(seed, validation=True):
        fits = _LETTERS[0] <= len(text) <= _LETTERS[1] and all(any(c in text.lower() for c in kind) for kind in _ASKED)
        if fits and text not in said:
            said.add(text)
            yield text


def _spoken(voice: TrainingVoice, texts: Iterator[str], random: np.random.Generator) -> SpeechTrack:
    for _ in range(_ATTEMPTS):
        try:
            spoken = voice.speak(next(texts), pace=1.0, random=random)
        except InputError:
            continue
        frames = -(-len(spoken.samples) // SAMPLES_PER_FRAME)
        sound = np.pad(spoken.samples, (0, (frames + 5) * SAMPLES_PER_FRAME - len(spoken.samples)))
        return SpeechTrack(sound, (SpokenPart(0, frames, spoken.phones, spoken.text, spoken.voice),))
    raise InputError(f"{voice.name}: expected a voice that says one of {_ATTEMPTS} sentences, it says none")
