"""How well and how fast the ears hear real speech: Whisper against PocketSphinx, by file, and what the window costs.

With a folder of real speech (`questions/questions.tsv` and `speech/transcripts.tsv` in it, columns path, transcript,
lang) English recordings are heard; without it the questions that come with the program. Numbers count as they are said,
so that "20-ounce" is "twenty ounce"; of drink orders only the slots are known, and count as right or wrong.

Run as `python -m benchmarks.ears [FOLDER] [--windows]` in the project's folder; a few minutes. `--windows` compares
lengths of the window instead.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import json
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from agent.backends.making import make_ears
from agent.config.config import Config, load_config
from agent.models.packaged import packaged_path
from agent.models.packaged_catalogue import find_packaged
from agent.parts import knowledge_of
from agent.personas import name_of
from agent.text.words import tokens
from benchmarks.memory import memory_mb
from benchmarks.report import print_machine, print_percentiles
from speech.asr.base import ASR, TAIL_S, transcribe_recording
from speech.audio import SPEECH_RATE_HZ, AudioChunk, Samples, chunked
from speech.files.sound_file import read_audio
from speech.turns.base import PRE_ROLL_S
from speech.turns.detector import SilenceTurnDetector
from speech.turns.vad import SileroVAD

CHUNK_S = 0.04
"""Pieces in which a microphone delivers."""

LONGEST_PAUSE_S = 2.0
"""Recordings of single sentences are one turn, whatever pauses their speakers make."""

PAUSE_S, END_OF_TURN_S = 0.22, 0.44
"""Silence that the ears still hear, and silence after which the end of the turn is certain."""

WINDOWS = (1.5, 3.0, 5.0, 8.0, 30.0)
"""Seconds after the sound; the last is the whole window."""

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
    """A recording and what is said in it: a sentence, or the slots of an order."""

    group: str
    name: str
    samples: Samples
    text: str = ""
    slots: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """How many words or slots can be wrong."""
        return len(self.slots) or len(tokens(self.text))

    def errors(self, heard: str) -> int:
        """How many words or slots are wrong."""
        if self.slots:
            said = f" {' '.join(tokens(heard))} "
            return sum(f" {' '.join(tokens(slot))} " not in said for slot in self.slots)
        return word_errors(tokens(self.text), tokens(heard))


def main() -> None:
    """Reads the command line, measures, and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", help="folder of real speech")
    parser.add_argument("--windows", action="store_true", help="compare lengths of the window")
    parser.add_argument("--whisper-only", action="store_true", help="leave PocketSphinx out, which takes longest")
    arguments = parser.parse_args()
    print_machine("faster-whisper", "ctranslate2", "pocketsphinx", threads=1, windows=arguments.windows)
    utterances = real_utterances(arguments.folder) if arguments.folder else own_utterances()
    if arguments.windows:
        compare_windows(utterances)
    else:
        asyncio.run(compare_ears(utterances, with_pocketsphinx=not arguments.whisper_only))


def compare_windows(utterances: Sequence[Utterance]) -> None:
    """Prints errors and processor time for every window, without a prompt."""
    from speech.asr.faster_whisper_worker import Decoder
    from speech.asr.whisper_options import Setup
    from speech.asr.whisper_window import AFTER_THE_SOUND_S, WHOLE_WINDOW_S

    model = find_packaged("faster-whisper", "tiny.en")
    assert model is not None
    decoder = Decoder(Setup(str(packaged_path(model))))
    turns = [turn_of(one.samples) for one in utterances]
    groups = dict.fromkeys(one.group for one in utterances)
    for after_s in (*WINDOWS, None):
        wrong, exact, again = dict.fromkeys(groups, 0), 0, 0
        began = time.process_time()
        for one, turn in zip(utterances, turns, strict=True):
            decoded = decoder.decode(turn, lambda: None, AFTER_THE_SOUND_S if after_s is None else after_s)
            if after_s is None and decoded.is_doubtful:
                decoded = decoder.decode(turn, lambda: None, WHOLE_WINDOW_S)
                again += 1
            errors = one.errors(decoded.text)
            wrong[one.group] += errors
            exact += errors == 0
        cost_ms = (time.process_time() - began) / len(utterances) * 1000.0
        title = f"+{AFTER_THE_SOUND_S:g} s, {again} times again, whole" if after_s is None else f"+{after_s:g} s"
        found = ", ".join(f"{group} {count}" for group, count in wrong.items())
        print(
            f"  {title:<30} wrong: {found}; {exact} of {len(utterances)} exact; {cost_ms:.0f} ms of one core each",
            flush=True,
        )


async def compare_ears(utterances: Sequence[Utterance], *, with_pocketsphinx: bool) -> None:
    """Prints what each recogniser gets wrong, file by file, then how fast Whisper is while somebody speaks."""
    live, last_resort = configured("faster-whisper"), configured("pocketsphinx")
    own = knowledge_of(live).phrases(name_of(live))
    heard: dict[str, list[str]] = {}
    for title, settings, phrases, accurate in (
        ("PocketSphinx, recordings", last_resort, (), True),
        ("PocketSphinx, live", last_resort, (), False),
        ("Whisper, live", live, (), False),
        ("Whisper, live, told the shipped knowledge", live, own, False),
        ("Whisper, live, told drinks", live, DRINK_PHRASES, False),
        ("Whisper, recordings", live, (), True),
    ):
        if settings is last_resort and not with_pocketsphinx:
            continue
        began = time.perf_counter()
        async with make_ears(settings, phrases, accurate=accurate) as asr:
            loaded_s = time.perf_counter() - began
            began = time.perf_counter()
            heard[title] = [await hear(asr, one.samples) for one in utterances]
            print_groups(title, utterances, heard[title], loaded_s, time.perf_counter() - began)
    for place, one in enumerate(utterances):
        print(f"{one.group} {one.name}: {one.text or ', '.join(one.slots)}")
        for title, texts in heard.items():
            print(f"  {one.errors(texts[place]):2d} of {one.size:2d}  {title}: {texts[place]}")
    async with make_ears(live, own) as asr:
        early = [await delay_ms(asr, one.samples) for one in utterances if not one.slots]
        print_percentiles("end of turn certain → final words, live pace", early, "ms", "≤ 150 ms")
        print(f"memory of the worker {workers_mb():.0f} MB  goal ≤ 400 MB")


def configured(ears: str) -> Config:
    """The default configuration with these ears."""
    return load_config(None, [f"ears.backend={ears}"], {})


def print_groups(title: str, utterances: Sequence[Utterance], texts: Sequence[str], load_s: float, s: float) -> None:
    """Prints a line for each group: wrong words or slots, and recordings without an error."""
    spoken_s = sum(len(one.samples) for one in utterances) / SPEECH_RATE_HZ
    print(f"{title}: loaded in {load_s:.1f} s, {s / spoken_s:.2f} of real time")
    for group in dict.fromkeys(one.group for one in utterances):
        errors = [one.errors(text) for one, text in zip(utterances, texts, strict=True) if one.group == group]
        size = sum(one.size for one in utterances if one.group == group)
        print(f"  {group:<10} {sum(errors):3d} of {size} wrong, {errors.count(0)} of {len(errors)} exact", flush=True)


def workers_mb() -> float:
    """Memory of this process's children in MB."""
    children = (path.read_text().split() for path in Path("/proc/self/task").glob("*/children"))
    return sum(memory_mb(int(child)) for listed in children for child in listed)


async def hear(asr: ASR, samples: Samples) -> str:
    """The words of a recording."""
    turns = SilenceTurnDetector(SileroVAD(), end_of_turn_s=LONGEST_PAUSE_S)
    return " ".join([one.text async for one in transcribe_recording(samples, asr, turns)])


def turn_of(samples: Samples, tail_s: float = TAIL_S) -> Samples:
    """The sound of a recording's turn, as a recogniser gets it; where nobody speaks, all of it."""
    turns = SilenceTurnDetector(SileroVAD(), end_of_turn_s=LONGEST_PAUSE_S)
    events = [event for chunk in chunked(samples, SPEECH_RATE_HZ, 1600) for event in turns.push(chunk)]
    events += turns.flush()
    if not events:
        return samples
    start, end = (round(s * SPEECH_RATE_HZ) for s in (events[0].at_s - PRE_ROLL_S, events[-1].at_s + tail_s))
    return samples[max(0, start) : end]


async def delay_ms(asr: ASR, samples: Samples) -> float:
    """Time from the moment when the end of the turn is certain to the final words, the sound coming as it is spoken."""
    turn = turn_of(samples, PAUSE_S)
    certain_at = 0.0

    async def microphone() -> AsyncIterator[AudioChunk]:
        nonlocal certain_at
        began = time.perf_counter()
        for chunk in chunked(turn, SPEECH_RATE_HZ, round(CHUNK_S * SPEECH_RATE_HZ)):
            await asyncio.sleep(began + chunk.end_sample / SPEECH_RATE_HZ - time.perf_counter())
            yield chunk
        await asyncio.sleep(END_OF_TURN_S - PAUSE_S)  # held back: see `agent.conversation.listening.utterance`
        certain_at = time.perf_counter()

    async for _ in asr.transcribe(microphone()):
        pass
    return (time.perf_counter() - certain_at) * 1000.0


def own_utterances() -> list[Utterance]:
    """The questions that come with the program, with what was said."""
    folder = Path(__file__).parent.parent / "agent" / "data" / "questions"
    with (folder / "questions.tsv").open(encoding="utf-8") as file:
        rows = list(csv.reader(file, delimiter="\t"))
    return [
        Utterance("question", name, read_audio(folder / name, SPEECH_RATE_HZ), text)
        for name, _, text, *_ in rows
        if (folder / name).is_file()
    ]


def real_utterances(folder: Path) -> list[Utterance]:
    """Questions, drink orders and sentences by people, English only."""
    found = []
    for table in ("questions/questions.tsv", "speech/transcripts.tsv"):
        with (folder / table).open(encoding="utf-8") as file:
            for row in csv.DictReader(file, delimiter="\t"):
                if row["lang"] != "en":
                    continue
                samples, name = read_audio(folder / row["path"], SPEECH_RATE_HZ), Path(row["path"]).name
                if slots := row.get("intent_or_slots"):
                    found.append(Utterance("order", name, samples, slots=tuple(json.loads(slots).values())))
                else:
                    group = "question" if table.startswith("questions") else "sentence"
                    found.append(Utterance(group, name, samples, row["transcript"]))
    return found


def word_errors(said: list[str], heard: list[str]) -> int:
    """Words to insert, take out or replace (Levenshtein)."""
    row = list(range(len(heard) + 1))
    for i, one in enumerate(said, 1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(heard, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (one != other))
    return row[-1]


if __name__ == "__main__":
    main()
