"""Users who finish, and users who hesitate: recordings and packaged voices, cut where somebody stops to think.

A hesitation is a whole sentence that was spoken fluently, cut at a word's end; between its parts lies the recording's
own room tone (0.4 to 1.2 s), and before it, in half of them, an "um" or "uh" of another voice. That is harder than
life: people who hesitate draw the last word out, and people who read sentences fluently don't.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from agent.backends.making import make_voice
from agent.config.config import load_config
from speech.audio import SPEECH_RATE_HZ, Samples, resample
from speech.errors import VisavisError
from speech.files.sound_file import read_audio

SENTENCES = Path(__file__).parent / "turn_sentences.tsv"

VOICES = ("hibari", "piper", "flite:slt", "flite:rms", "pico:en-GB")
"""Backend, and voice where it has several."""

FILLERS = ("um", "uh")
SHORTEST_HESITATION_S, LONGEST_HESITATION_S = 0.4, 1.2
AFTER_S = 2.0
"""Silence after the last word."""

_TONE_S, _FADE_S = 0.12, 0.01
_QUIET_DBFS = -62.0
_QUIETER_DB = -20.0
"""What counts as room tone is at least so much quieter than the voice."""

_SILENT_DB = -34.0
"""A filler begins and ends where it is this much below its loudest moment."""

_CUTS = 4
"""Hesitations made from each recording, none of them after a whole sentence."""

_LEAD_S = 0.3


@dataclass(frozen=True)
class User:
    """Somebody who speaks once.

    Attributes:
        group: whose list the sentence comes from: "recorded", "tuned" or "fresh".
        kind: "finished", or where the hesitation is: "phrase", "clause", "list", "number", "recorded"; with "um" where
            a filler is heard.
        name: for reports.
        samples: float32 [N] at 16 kHz.
        end_s: where the last word ends, if there is no hesitation; else where the word before it ends.
        goes_on_s: where the voice comes back, or None.
    """

    group: str
    kind: str
    name: str
    samples: Samples
    end_s: float
    goes_on_s: float | None = None


@dataclass(frozen=True)
class Spoken:
    """A sentence, its sound and where its words are: (text, start, end) in seconds."""

    name: str
    samples: Samples
    words: list[tuple[str, float, float]]


def room_tone(samples: Samples, seconds: float, rng: np.random.Generator) -> Samples:
    """The quietest piece of a recording again and again, cross-faded; very soft noise where it has none."""
    size, wanted = round(_TONE_S * SPEECH_RATE_HZ), round(seconds * SPEECH_RATE_HZ)
    starts = range(0, len(samples) - size, size // 4)
    levels = [float(np.sqrt(np.mean(samples[start : start + size] ** 2))) for start in starts]
    quiet = int(np.argmin(levels))
    if not 0.0 < levels[quiet] < np.percentile(levels, 95) * 10 ** (_QUIETER_DB / 20):
        return rng.normal(0.0, 10 ** (_QUIET_DBFS / 20), wanted).astype(np.float32)
    piece, hop = samples[starts[quiet] : starts[quiet] + size], size // 2
    window = np.sqrt(np.hanning(size)).astype(np.float32)
    tone = np.zeros(wanted + 2 * size, np.float32)
    for start in range(0, wanted + size, hop):
        tone[start : start + size] += np.roll(piece if rng.random() < 0.5 else piece[::-1], rng.integers(size)) * window
    return tone[hop : hop + wanted]


def with_pause(
    spoken: Spoken, word: int, pause_s: float, rng: np.random.Generator, filler: Samples | None = None
) -> tuple[Samples, float, float]:
    """A hesitation after a word: the sound, where the voice stops and where it comes back, seconds."""
    end_s, next_s = spoken.words[word][2], spoken.words[word + 1][1]
    at = round((end_s + next_s) / 2 * SPEECH_RATE_HZ)
    before, after = _faded(spoken.samples[:at], end=True), _faded(spoken.samples[at:], end=False)
    pieces = [before]
    if filler is not None:
        level = float(np.sqrt(np.mean(before**2)) / np.sqrt(np.mean(filler**2)))
        pieces += [room_tone(spoken.samples, 0.08, rng), filler * np.float32(min(level, 0.9 / np.abs(filler).max()))]
    stop_s = sum(map(len, pieces)) / SPEECH_RATE_HZ
    pieces += [room_tone(spoken.samples, pause_s, rng), after, room_tone(spoken.samples, AFTER_S, rng)]
    return np.concatenate(pieces), stop_s, stop_s + pause_s


def _faded(samples: Samples, *, end: bool) -> Samples:
    size = min(len(samples), round(_FADE_S * SPEECH_RATE_HZ))
    faded, ramp = samples.copy(), np.linspace(0.0, 1.0, size, dtype=np.float32)
    if end:
        faded[len(faded) - size :] *= ramp[::-1]
    else:
        faded[:size] *= ramp
    return faded


async def voice_users(rng: np.random.Generator) -> tuple[list[User], list[Samples]]:
    """The table's sentences by the packaged voices, two for each, and fillers; those that are not here are left out."""
    said, rows = await _say_all(), _rows()
    fillers = [_without_silence(spoken.samples) for (voice, text), spoken in said.items() if text in FILLERS]
    users = []
    for row_number, (group, kind, text) in enumerate(rows):
        voices = [voice for voice in VOICES if (voice, text.replace("| ", "")) in said]
        for voice in (voices[row_number % len(voices)], voices[(row_number + 2) % len(voices)]):
            spoken = said[voice, text.replace("| ", "")]
            name = f"{voice}: {text}"
            if kind == "finished":
                users.append(_finished(group, name, spoken, rng))
            else:
                word = len(text.split("|")[0].split()) - 1
                users += _hesitating(group, kind, name, spoken, word, fillers, rng)
    return users, fillers


def recorded_users(folder: Path, rng: np.random.Generator, fillers: Sequence[Samples]) -> Iterator[User]:
    """English recordings of a folder's `questions/questions.tsv` and `speech/transcripts.tsv`, whole and hesitating."""
    from faster_whisper import WhisperModel

    from agent.models.packaged import packaged_path
    from agent.models.packaged_catalogue import find_packaged

    model = find_packaged("faster-whisper", "base")
    assert model is not None
    whisper = WhisperModel(str(packaged_path(model)), device="cpu", compute_type="int8", cpu_threads=1)
    for table in ("questions/questions.tsv", "speech/transcripts.tsv"):
        with (folder / table).open(encoding="utf-8") as file:
            for row in csv.DictReader(file, delimiter="\t"):
                if row["lang"] == "en":
                    path = folder / row["path"]
                    yield from _recorded(whisper, path.stem, read_audio(path, SPEECH_RATE_HZ), rng, fillers)


def _recorded(
    whisper: Any, name: str, samples: Samples, rng: np.random.Generator, fillers: Sequence[Samples]
) -> Iterator[User]:
    segments, _ = whisper.transcribe(samples, language="en", word_timestamps=True, condition_on_previous_text=False)
    words = [(word.word.strip(), word.start, word.end) for segment in segments for word in segment.words]
    if not words:
        return
    spoken = Spoken(name, samples[: round((words[-1][2] + _LEAD_S) * SPEECH_RATE_HZ)], words)
    yield _finished("recorded", f"{name}: {' '.join(word for word, _, _ in words)}", spoken, rng)
    inside = [place for place, (word, _, _) in enumerate(words[:-1]) if word[-1] not in ".?!"]
    for place in sorted(rng.permutation(inside)[:_CUTS].tolist()):
        text = " ".join(word for word, _, _ in words[: place + 1])
        yield from _hesitating("recorded", "recorded", f"{name}: {text} |", spoken, place, fillers, rng)


def _finished(group: str, name: str, spoken: Spoken, rng: np.random.Generator) -> User:
    end_s = spoken.words[-1][2]
    samples = np.concatenate([spoken.samples, room_tone(spoken.samples, AFTER_S, rng)])
    return User(group, "finished", name, samples, end_s)


def _hesitating(
    group: str,
    kind: str,
    name: str,
    spoken: Spoken,
    word: int,
    fillers: Sequence[Samples],
    rng: np.random.Generator,
) -> Iterator[User]:
    """In silence, and with a filler before it."""
    for filler in (None, fillers[int(rng.integers(len(fillers)))]):
        pause_s = float(rng.uniform(SHORTEST_HESITATION_S, LONGEST_HESITATION_S))
        samples, end_s, goes_on_s = with_pause(spoken, word, pause_s, rng, filler)
        yield User(group, kind if filler is None else "um", name, samples, end_s, goes_on_s)


def _without_silence(samples: Samples) -> Samples:
    loud = np.flatnonzero(np.abs(samples) > np.abs(samples).max() * 10 ** (_SILENT_DB / 20))
    return samples[loud[0] : loud[-1] + 1]


def _rows() -> list[tuple[str, str, str]]:
    with SENTENCES.open(encoding="utf-8") as file:
        return [(row["set"], row["kind"], row["text"]) for row in csv.DictReader(file, delimiter="\t")]


async def _say_all() -> dict[tuple[str, str], Spoken]:
    texts = [*dict.fromkeys(text.replace("| ", "") for _, _, text in _rows()), *FILLERS]
    said = {}
    for voice in VOICES:
        backend, _, name = voice.partition(":")
        settings = [f"voice.backend={backend}", *([f"voice.voice={name}"] if name else [])]
        try:
            async with make_voice(load_config(None, settings, {})) as tts:
                for text in texts:
                    said[voice, text] = await _say(tts, f"{voice}: {text}", text)
        except VisavisError as error:
            print(f"left out: {error}")
    return said


async def _say(tts: Any, name: str, text: str) -> Spoken:
    pieces, words, done = [], [], 0
    async for chunk in tts.synthesize(text):
        rate = chunk.audio.sample_rate_hz
        words += [(word.text, (word.start_sample) / rate, word.end_sample / rate) for word in chunk.words]
        pieces.append(chunk.audio.samples)
        done += len(chunk.audio.samples)
    lead = np.zeros(round(_LEAD_S * SPEECH_RATE_HZ), np.float32)
    samples = np.concatenate([lead, resample(np.concatenate(pieces), rate, SPEECH_RATE_HZ)])
    return Spoken(name, samples, [(word, start + _LEAD_S, end + _LEAD_S) for word, start, end in words])
