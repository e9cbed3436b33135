"""When each phoneme of a known text is said: forced alignment by PocketSphinx, English only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from avatar.training.recordings import decode
from avatar.training.voices.utterance import Phone
from speech.asr.language_model import phrase_words
from speech.asr.pronunciation import pronounce
from speech.audio import SPEECH_RATE_HZ, Samples
from speech.errors import InputError

_HOPS_PER_S = 100
# Against Flite's own times (302 phonemes of three voices) the middles came this much early, 8 ms off on average.
_EARLY_S = 0.005
# Faint noise (-60 dB), always the same, and beams that let everything through: without them the search loses its way in
# digital silence and in synthetic voices.
_NOISE, _BEAM = 1e-3, 1e-200
# Then any text fits somehow. Texts that were said (25 recordings of people, 24 of synthesizers) had a mean score of a
# hop above -17 and -36 and at most a fifth of phonemes at the shortest length possible; other texts a median of -52 and
# two fifths.
_WORST_SCORE, _SHORTEST_HOPS, _MOST_SHORTEST = -40.0, 3, 0.25
# Of the sound's power, the share that may lie where the text has pauses: more was said than that.
_MOST_LEFT_OVER = 0.3
_SILENT = ("SIL", "+SPN+", "+NSN+")


def align(sound: Samples, text: str, name: str) -> tuple[Phone, ...]:
    """Finds the phonemes of a text in the sound of it.

    Args:
        sound: float32 [N] at 16 kHz.
        text: what is said, English; numbers may be digits.
        name: of the recording, for error messages.

    Returns:
        Phones in ARPABET (lower case, without stress), in order, from the start to the end of the sound.

    Raises:
        InputError: no words, a word that can't be said, or the text is not what is said.
    """
    words = phrase_words(text)
    if not words:
        raise InputError(f"{name}: expected a transcript with words, got '{text[:40]}'")
    decoder = _decoder()
    for word in dict.fromkeys(words):
        if decoder.lookup_word(word) is None:
            phones = pronounce(word)
            if not phones:
                raise InputError(f"{name}: expected words that can be said in the transcript, got '{word}'")
            decoder.add_word(word, phones, False)
    noise = np.random.default_rng(0).standard_normal(len(sound)) * _NOISE
    pcm = np.round(np.clip(sound + noise, -1.0, 1.0) * 32767.0).astype(np.int16).tobytes()
    try:
        decoder.set_align_text(" ".join(words))
        decode(decoder, pcm)
        if decoder.hyp() is None:
            raise RuntimeError("no path")
        decoder.set_alignment()  # a second pass, for the phonemes inside the words
        decode(decoder, pcm)
        entries = list(decoder.get_alignment().phones())
        if not _fits(entries, sound):
            raise RuntimeError("another text")
    except RuntimeError:
        raise InputError(
            f"{name}: expected the transcript of what is said there, '{text[:60]}' does not fit the sound"
        ) from None
    length_s = len(sound) / SPEECH_RATE_HZ
    found = [Phone("", 0.0, _EARLY_S)]
    for entry in entries:
        end_s = min(_EARLY_S + (entry.start + entry.duration) / _HOPS_PER_S, length_s)
        if end_s > found[-1].end_s:
            symbol = "" if entry.name in _SILENT else entry.name.lower()
            found.append(Phone(symbol, found[-1].end_s, end_s, alphabet="arpabet"))
    if found[-1].end_s < length_s:
        found.append(Phone("", found[-1].end_s, length_s))
    return tuple(found)


def _fits(entries: Sequence[Any], sound: Samples) -> bool:
    """Whether the phonemes could be what is heard."""
    spoken = [entry for entry in entries if entry.name not in _SILENT]
    hops = sum(entry.duration for entry in spoken)
    if hops == 0:
        return False
    score = sum(entry.score for entry in spoken) / hops
    shortest = sum(entry.duration <= _SHORTEST_HOPS for entry in spoken) / len(spoken)
    hop = SPEECH_RATE_HZ // _HOPS_PER_S
    power = np.square(sound, dtype=np.float64)
    pauses = [e for e in entries if e.name in _SILENT]
    left_over = sum(float(power[e.start * hop : (e.start + e.duration) * hop].sum()) for e in pauses)
    return bool(
        score >= _WORST_SCORE and shortest <= _MOST_SHORTEST and left_over <= _MOST_LEFT_OVER * float(power.sum())
    )


def _decoder() -> Any:
    try:
        from pocketsphinx import Decoder
    except ImportError:
        raise InputError(
            "a transcript: expected the package pocketsphinx, which finds the phonemes, it is not installed; "
            "run: pip install 'pocketsphinx>=5.1.1,<6'"
        ) from None
    beams = {"beam": _BEAM, "pbeam": _BEAM, "wbeam": _BEAM}
    return Decoder(lm=None, samprate=SPEECH_RATE_HZ, loglevel="FATAL", bestpath=False, **beams)
