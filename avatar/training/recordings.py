"""Real speech with transcripts becomes speech with phoneme times: PocketSphinx aligns the words with the sound.

Alignment is by the acoustic model and the CMU dictionary of the recogniser's wheel: the best path over the words, then
one over their phones. Words that the dictionary lacks are said as eSpeak NG says them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from avatar.motion import Floats
from avatar.table import read_text
from avatar.training.voices.utterance import Phone, Utterance
from speech.asr.language_model import phrase_words
from speech.asr.pronunciation import pronounce
from speech.audio import SPEECH_RATE_HZ
from speech.errors import InputError
from speech.files.sound_file import read_audio

SOUND_SUFFIXES = (".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a")

_LARGEST_TRANSCRIPTS = 100_000_000
LONGEST_S = 35.0
"""Longer recordings are left out: an alignment that once goes astray does not come back."""

_HOP_S = 0.01
# The second pass sometimes finds no way to its end; with a little more silence around the sound it does (seconds).
_PADDINGS_S = (0.3, 0.2, 0.0, 0.1, 0.5)
_PADDING_LEVEL = 3e-5
# Median log score of a phone's frame: right transcripts gave -6 to -20, wrong ones -26 to -60.
_WORST_SCORE = -23.0
# What a word's last phone leaves over as a pause: as quiet as this share of the way from noise to speech, in decibels,
# for so long.
_QUIET_SHARE, _PAUSE_S = 0.25, 0.08
_LEAST_PHONE_S = 0.03


@dataclass(frozen=True, slots=True)
class TranscribedFile:
    """A sound file and what is said in it."""

    path: Path
    text: str


def find_recordings(folder: Path, suffixes: tuple[str, ...] = SOUND_SUFFIXES) -> list[TranscribedFile]:
    """Recordings (or, by other suffixes, videos) with transcripts anywhere under a folder, sorted by path.

    A transcript is a .txt of the same stem (beside the sound, or anywhere under the folder if there is only one of
    that name), a line `id|text` of a metadata.csv (LJSpeech; the last column counts), or a line `id TEXT` of a
    *.trans.txt (LibriSpeech).

    Raises:
        InputError: no such folder, or no recording with a transcript in it.
    """
    if not folder.is_dir():
        raise InputError(
            f"{folder}: expected a folder of recordings, found {'a file' if folder.exists() else 'nothing'}"
        )
    sounds = sorted(path for path in folder.rglob("*") if path.suffix.lower() in suffixes and path.is_file())
    texts = _transcripts(folder)
    found = []
    for path in sounds:
        text = texts.get(str(path.with_suffix("")), texts.get(path.stem, ""))
        if text.strip():
            found.append(TranscribedFile(path, " ".join(text.split())))
    if not found:
        raise InputError(
            f"{folder}: expected recordings ({', '.join(suffixes)}) with transcripts (the same name .txt, a "
            f"metadata.csv of id|text, or *.trans.txt), found {len(sounds)} recordings and none with a transcript"
        )
    return found


def _transcripts(folder: Path) -> dict[str, str]:
    """Texts by path without suffix, and by stem where that is unique."""
    out: dict[str, str] = {}
    stems: dict[str, list[str]] = {}
    for path in _texts(folder, "*.txt"):
        if path.name.endswith(".trans.txt"):
            for line in _lines(path):
                name, _, text = line.partition(" ")
                stems.setdefault(name, []).append(text)
        else:
            text = " ".join(_lines(path))
            out[str(path.with_suffix(""))] = text
            stems.setdefault(path.stem, []).append(text)
    for path in _texts(folder, "metadata.csv"):
        for name, *others in (line.split("|") for line in _lines(path)):
            if others:
                stems.setdefault(Path(name).stem if name.lower().endswith(SOUND_SUFFIXES) else name, []).append(
                    others[-1]
                )
    return {**{stem: found[0] for stem, found in stems.items() if len(found) == 1}, **out}


def _texts(folder: Path, pattern: str) -> list[Path]:
    return sorted(path for path in folder.rglob(pattern) if path.is_file() and path.stat().st_size)


def _lines(path: Path) -> list[str]:
    return read_text(path, "transcripts", most_bytes=_LARGEST_TRANSCRIPTS).splitlines()


class Aligner:
    """Finds the phonemes of known words in a recording, in English; about 25 times as fast as real time.

    Raises:
        InputError: the pocketsphinx package is not installed.
    """

    def __init__(self) -> None:
        try:
            from pocketsphinx import Decoder
        except ImportError:
            raise InputError(
                "alignment: expected the package pocketsphinx, it is not installed; "
                "run: pip install 'pocketsphinx>=5.1.1,<6'"
            ) from None
        self._make: Callable[[], Any] = lambda: Decoder(lm=None, samprate=SPEECH_RATE_HZ, loglevel="FATAL")

    def align(self, samples: Floats, text: str) -> tuple[Phone, ...]:
        """The phones of a text in a sound, in order and without gaps, ARPABET in lower case; "" is silence.

        Args:
            samples: float32 [N] at 16 kHz.
            text: what is said, as one writes it.

        Raises:
            InputError: the sound does not hold these words.
        """
        words = phrase_words(text)
        if not words:
            raise InputError("expected a transcript with words in it")
        for padding_s in _PADDINGS_S:
            found = self._attempt(samples, words, padding_s)
            if found is not None:
                break
        else:
            raise InputError("expected the sound of its transcript, the two do not fit together")
        phones, last, score = found
        if score < _WORST_SCORE:
            raise InputError(f"expected the sound of its transcript, the two hardly fit (score {score:.0f} a frame)")
        return _tidied(phones, last, samples)

    def _attempt(
        self, samples: Floats, words: list[str], padding_s: float
    ) -> tuple[list[Phone], list[bool], float] | None:
        """Phones, whether each ends a word, and the median score of a frame; None if no path was found."""
        # A new decoder for every attempt: a failed one leaves the old in a state that nothing mends, and what was heard
        # before must not change what is found now.
        decoder = self._make()
        for word in words:
            if decoder.lookup_word(word) is None:
                said = pronounce(word)
                if not said:
                    raise InputError(f"expected a transcript of English words, cannot say '{word[:20]}'")
                decoder.add_word(word, said, True)
        noise = np.random.default_rng(0)
        silence = [noise.normal(0.0, _PADDING_LEVEL, int(padding_s * SPEECH_RATE_HZ)) for _ in "01"]
        heard = np.concatenate([silence[0], samples + noise.normal(0.0, _PADDING_LEVEL, len(samples)), silence[1]])
        pcm = (np.clip(heard, -1.0, 1.0) * 32767.0).astype(np.int16).tobytes()
        try:
            decoder.set_align_text(" ".join(words))
            decode(decoder, pcm)
            if decoder.hyp() is None:
                return None
            decoder.set_alignment()
            decode(decoder, pcm)
            aligned = [
                (phone, i == len(word) - 1)
                for word in map(list, decoder.get_alignment())
                for i, phone in enumerate(word)
            ]
        except RuntimeError:
            return None
        phones, last, scores = [], [], []
        for phone, ends in aligned:
            silent = phone.name == "SIL" or phone.name.startswith("+")
            start_s = phone.start * _HOP_S - padding_s
            end_s = start_s + phone.duration * _HOP_S
            phones.append(Phone("" if silent else phone.name.lower(), start_s, end_s, alphabet="arpabet"))
            last.append(ends and not silent)
            if not silent:
                scores.append(phone.score / max(phone.duration, 1))
        return (phones, last, float(np.median(scores))) if scores else None


def decode(decoder: Any, pcm: bytes) -> None:
    """Has a PocketSphinx decoder hear a whole recording: 16-bit samples at 16 kHz."""
    decoder.start_utt()
    decoder.process_raw(pcm, full_utt=True)
    decoder.end_utt()


def _tidied(phones: Sequence[Phone], last: Sequence[bool], samples: Floats) -> tuple[Phone, ...]:
    """Phones inside the sound and without gaps; pauses that a word's last phone has swallowed are silence again."""
    end_s = len(samples) / SPEECH_RATE_HZ
    quiet = _quiet(samples)
    out: list[Phone] = []

    def add(symbol: str, stop_s: float) -> None:
        start_s = out[-1].end_s if out else 0.0
        stop_s = min(stop_s, end_s)
        if stop_s - start_s <= 0.0:
            return
        if not symbol and out and not out[-1].symbol:
            out[-1] = replace(out[-1], end_s=stop_s)
        else:
            out.append(Phone(symbol, start_s, stop_s, alphabet="arpabet"))

    for phone, ends in zip(phones, last, strict=True):
        stop_s = phone.end_s
        if ends:
            stop = min(round(phone.end_s / _HOP_S), len(quiet))
            first = stop
            while first > 0 and quiet[first - 1] and first * _HOP_S > phone.start_s + _LEAST_PHONE_S:
                first -= 1
            if (stop - first) * _HOP_S >= _PAUSE_S:
                stop_s = first * _HOP_S
        add(phone.symbol, stop_s)
        add("", phone.end_s)
    if out and out[-1].end_s < end_s:
        add("", end_s)
    return tuple(out)


def _quiet(samples: Floats) -> np.ndarray:
    """Which hundredths of a second are hardly louder than the recording's noise: bool [N]."""
    hop = int(_HOP_S * SPEECH_RATE_HZ)
    count = len(samples) // hop
    power = np.square(samples[: count * hop].astype(np.float64)).reshape(count, hop).mean(axis=1)
    level = 10.0 * np.log10(np.convolve(power, np.full(3, 1.0 / 3.0), mode="same") + 1e-9)
    low, high = np.percentile(level, [5, 95]) if count else (0.0, 0.0)
    return level < low + _QUIET_SHARE * (high - low)


def align_transcript(
    recording: TranscribedFile, aligner: Aligner, report: Callable[[str], None] = lambda line: None
) -> Utterance:
    """A recording with the times of its phones.

    Args:
        recording: the sound and its words.
        aligner: finds where they are said.
        report: called with what the recording's owner should know of the sound.

    Raises:
        InputError: the sound can't be read, is too long, or does not hold these words.
    """
    samples = read_audio(recording.path, SPEECH_RATE_HZ, report=report)
    length_s = len(samples) / SPEECH_RATE_HZ
    if length_s > LONGEST_S:
        raise InputError(
            f"{recording.path}: expected at most {LONGEST_S:.0f} s of speech, got {length_s:.0f}; cut it up"
        )
    try:
        phones = aligner.align(samples, recording.text)
    except InputError as error:
        raise InputError(f"{recording.path}: {error}") from None
    return Utterance(samples, phones, f"recording {recording.path.parent.name}", recording.text)
