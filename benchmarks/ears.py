"""How well and how fast the ears hear: word errors with and without a kiosk's phrases, real-time factor, delay, memory.

The kiosk's questions (kiosk_questions.tsv: its phrases, reworded ones, and free speech that has nothing to do with it)
are read by Flite's voices, if the program is there. With a folder of real speech (`questions/questions.tsv` and
`speech/transcripts.tsv` in it, columns path, transcript, lang), that is heard as well.

Run as `python -m benchmarks.ears [FOLDER]` in the project's folder; several minutes.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from benchmarks.report import print_machine, print_percentiles
from speech.asr import TAIL_S, transcribe_recording
from speech.asr_pocketsphinx import DEFAULT_PHRASE_WEIGHT, PocketSphinxASR
from speech.audio import SPEECH_RATE_HZ, AudioChunk, Samples, chunked
from speech.language_model import phrase_words
from speech.sound_file import read_audio
from speech.turns import PRE_ROLL_S, TurnDetector
from speech.vad import SileroVAD

VOICES = ("rms", "awb", "slt")
CHUNK_S = 0.04
"""Pieces in which a microphone delivers."""

LONGEST_PAUSE_S = 2.0
"""Recordings of single sentences are one turn, whatever pauses their speakers make."""

DRINK_PHRASES = [
    *(f"can i get a {size} {shots} {drink}" for size, shots, drink in product(
        ("small", "medium", "large", "eight ounce", "twelve ounce", "sixteen ounce", "twenty ounce"),
        ("single shot", "double shot", "triple shot", "quadruple shot"),
        ("americano", "cappuccino", "coffee", "espresso", "latte", "mocha", "macchiato"),
    )),
    *(f"{start} a {roast} {drink} with {amount} {what}" for start, roast, drink, amount, what in product(
        ("i'd like", "make me", "may i have"),
        ("light roast", "medium roast", "dark roast"),
        ("drip coffee", "house coffee", "iced coffee", "iced latte", "iced mocha", "white mocha"),
        ("some", "a lot of", "a little bit of", "a bit of", "no"),
        ("sugar", "brown sugar", "sweetener", "honey", "milk", "cream", "soy milk", "almond milk", "skim milk"),
    )),
]  # fmt: skip
"""What an owner of a coffee stand would write down; made without listening to the orders."""


@dataclass(frozen=True)
class Utterance:
    """A recording and what is said in it; with `order` set, only these words matter, in any order."""

    group: str
    text: str
    samples: Samples
    order: bool = False


def main() -> None:
    """Reads the command line, measures, and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", help="folder of real speech")
    parser.add_argument("--every", type=int, default=1, help="hear every n-th kiosk sentence (%(default)s)")
    parser.add_argument("--accurate", action="store_true", help="with the passes made for recordings")
    parser.add_argument("--weight", type=float, default=DEFAULT_PHRASE_WEIGHT, help="of the phrases (%(default)s)")
    arguments = parser.parse_args()
    print_machine("pocketsphinx", "numpy", weight=arguments.weight, accurate=arguments.accurate)
    asyncio.run(measure(arguments.folder, arguments.every, arguments.accurate, arguments.weight))


async def measure(folder: Path | None, every: int, accurate: bool, weight: float) -> None:
    """Prints the word errors of each group with each list of phrases, then speed and delay."""
    kiosk, phrases = kiosk_utterances(every)
    questions, orders, sentences = real_utterances(folder) if folder else ([], [], [])
    tests = [
        ("no phrases", [], [*kiosk, *questions, *orders, *sentences]),
        (f"{len(phrases)} kiosk phrases", phrases, [*kiosk, *questions, *sentences]),
        ("the questions themselves", [one.text for one in questions], questions),
        (f"{len(DRINK_PHRASES)} drink orders", DRINK_PHRASES, [*orders, *questions]),
    ]
    for title, known, utterances in tests:
        if utterances:
            began = time.perf_counter()
            async with PocketSphinxASR(phrases=known, phrase_weight=weight, accurate=accurate) as asr:
                print(f"\n{title}: loaded in {time.perf_counter() - began:.1f} s")
                await print_errors(asr, utterances)
    async with PocketSphinxASR(phrases=phrases, phrase_weight=weight, accurate=accurate) as asr:
        print()
        delays = [await delay_ms(asr, one) for one in [*questions, *kiosk][:12]]
        print_percentiles("last sample at real-time pace → final words", delays, "ms", "≤ 200 ms")


async def print_errors(asr: PocketSphinxASR, utterances: Sequence[Utterance]) -> None:
    """Prints a line for each group: wrong words, sentences without an error, time taken over time spoken."""
    for group in dict.fromkeys(one.group for one in utterances):
        wrong = words = perfect = 0
        spoken_s = 0.0
        members = [one for one in utterances if one.group == group]
        began = time.perf_counter()
        for one in members:
            heard = await hear(asr, one.samples)
            count = missing_words if one.order else word_errors
            errors = count(phrase_words(one.text), phrase_words(heard))
            wrong, words, perfect = wrong + errors, words + len(phrase_words(one.text)), perfect + (errors == 0)
            spoken_s += len(one.samples) / SPEECH_RATE_HZ
        share, of = (time.perf_counter() - began) / spoken_s, len(members)
        print(f"  {group:<22} {wrong / words:7.1%} words wrong, {perfect:3d} of {of:3d} perfect, {share:.2f} x")


async def hear(asr: PocketSphinxASR, samples: Samples) -> str:
    """The words of a recording."""
    turns = TurnDetector(SileroVAD(), end_of_turn_s=LONGEST_PAUSE_S)
    return " ".join([one.text async for one in transcribe_recording(samples, asr, turns)])


async def delay_ms(asr: PocketSphinxASR, utterance: Utterance) -> float:
    """Time from the last sample of the utterance, fed at real-time pace, to its final words."""
    turns = TurnDetector(SileroVAD(), end_of_turn_s=LONGEST_PAUSE_S)
    events = [event for chunk in chunked(utterance.samples, SPEECH_RATE_HZ, 1600) for event in turns.push(chunk)]
    events += turns.flush()
    start, end = (int(s * SPEECH_RATE_HZ) for s in (events[0].at_s - PRE_ROLL_S, events[-1].at_s + TAIL_S))
    last_at = 0.0

    async def microphone() -> AsyncIterator[AudioChunk]:
        nonlocal last_at
        began = time.perf_counter()
        for chunk in chunked(utterance.samples[max(0, start) : end], SPEECH_RATE_HZ, round(CHUNK_S * SPEECH_RATE_HZ)):
            await asyncio.sleep(began + chunk.end_sample / SPEECH_RATE_HZ - time.perf_counter())
            yield chunk
        last_at = time.perf_counter()

    async for _ in asr.transcribe(microphone()):
        pass
    return (time.perf_counter() - last_at) * 1000.0


def kiosk_utterances(every: int) -> tuple[list[Utterance], list[str]]:
    """The kiosk's sentences in Flite's voices (none without the program), and its phrases."""
    with (Path(__file__).parent / "kiosk_questions.tsv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    phrases = [row["text"] for row in rows if row["kind"] == "phrase"]
    if shutil.which("flite") is None:
        print("left out: the kiosk's questions need the flite program")
        return [], phrases
    utterances = []
    with tempfile.TemporaryDirectory() as folder:
        for voice, kind in product(VOICES, ("phrase", "reworded", "free")):
            for row in [row for row in rows if row["kind"] == kind][::every]:
                path = os.path.join(folder, "sentence.wav")
                subprocess.run(["flite", "-voice", voice, "-t", row["text"], "-o", path], check=True)
                utterances.append(Utterance(f"{kind}, {voice}", row["text"], read_audio(Path(path), SPEECH_RATE_HZ)))
    return utterances, phrases


def real_utterances(folder: Path) -> tuple[list[Utterance], list[Utterance], list[Utterance]]:
    """Questions, drink orders (of which only the words that matter are known) and sentences by people, English only."""
    questions, orders, sentences = [], [], []
    for table in ("questions/questions.tsv", "speech/transcripts.tsv"):
        with (folder / table).open(encoding="utf-8") as file:
            for row in csv.DictReader(file, delimiter="\t"):
                if row["lang"] != "en":
                    continue
                samples = read_audio(folder / row["path"], SPEECH_RATE_HZ)
                if slots := row.get("intent_or_slots"):
                    orders.append(Utterance("real drink orders", " ".join(json.loads(slots).values()), samples, True))
                elif table.startswith("questions"):
                    questions.append(Utterance("real questions", row["transcript"], samples))
                else:
                    sentences.append(Utterance("real sentences", row["transcript"], samples))
    return questions, orders, sentences


def word_errors(said: list[str], heard: list[str]) -> int:
    """Words to insert, take out or replace (Levenshtein)."""
    row = list(range(len(heard) + 1))
    for i, one in enumerate(said, 1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(heard, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (one != other))
    return row[-1]


def missing_words(wanted: list[str], heard: list[str]) -> int:
    """How many of the wanted words were not heard, whatever else was."""
    left = list(heard)
    for word in wanted:
        if word in left:
            left.remove(word)
    return len(wanted) - (len(heard) - len(left))


if __name__ == "__main__":
    main()
