"""How many misheard questions are asked about instead of answered, and how many rightly heard ones needlessly.

Recordings of real speech are heard clean, and with a café around them: six voices and one noise at 15 to 0 dB below the
speaker. For every threshold of the confidence the table says which share of the utterances with a wrong word is asked
about, and of those without one. The first table takes no notice of what the knowledge file expects, the second is
what the program does with the shipped one: whoever asks for what it knows is answered, and the hopeless get no answer.
The measures that could be a confidence are compared by the area under their curves.

Run as `python -m benchmarks.misheard FOLDER [--rows FILE]` in the project's folder; a quarter of an hour. `--rows`
keeps what was heard, and takes it from there the next time.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from agent.config.config import load_config
from agent.conversation.confirming import LEAST_CONFIDENCE, Confirming
from agent.conversation.events import Say
from agent.conversation.listening.expected import Expected
from agent.conversation.reply import ForMind
from agent.models.packaged import packaged_path
from agent.models.packaged_catalogue import find_packaged
from agent.parts import knowledge_of
from agent.personas import name_of
from agent.text.phrases import Phrases
from benchmarks.ears import Utterance, own_utterances, real_utterances, turn_of
from benchmarks.report import print_machine
from speech.asr.faster_whisper_worker import Decoder
from speech.asr.whisper_options import Setup
from speech.asr.whisper_window import AFTER_THE_SOUND_S, WHOLE_WINDOW_S, Decoded
from speech.audio import SPEECH_RATE_HZ, Samples
from speech.events import Transcript
from speech.files.sound_file import read_audio

LEVELS_DB = (None, 15, 10, 5, 0)
"""Of the speaker above the café; None: no café."""

ROOMS = 2
"""Other cafés for each level."""

THRESHOLDS = (0.1, 0.15, 0.2, LEAST_CONFIDENCE, 0.3, 0.35, 0.4)


@dataclass(frozen=True)
class Heard:
    """What became of a recording.

    Attributes:
        level_db: as in LEVELS_DB.
        errors: words or slots that are wrong.
        decoded: by the decoder.
    """

    name: str
    level_db: int | None
    errors: int
    decoded: Decoded


MEASURES: dict[str, Callable[[Decoded], float]] = {
    "mean log-probability": lambda one: one.avg_logprob,
    "least word": lambda one: min(one.word_probabilities),
    "words expected wrong": lambda one: -sum(1.0 - p for p in one.word_probabilities),
    "confidence": lambda one: one.confidence or 0.0,
}


def main() -> None:
    """Reads the command line, measures, and prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="folder of real speech")
    parser.add_argument("--rows", type=Path, help="file of what was heard")
    parser.add_argument("--model", default="tiny.en")
    arguments = parser.parse_args()
    print_machine("faster-whisper", "ctranslate2", threads=1, seed=0, model=arguments.model)
    rows = read_rows(arguments.rows)
    if not rows:
        rows = hear_all(arguments.folder, arguments.model)
        if arguments.rows:
            arguments.rows.write_text("\n".join(json.dumps(asdict(row)) for row in rows), "utf-8")
    rows = [row for row in rows if row.decoded.text and row.decoded.word_probabilities]
    for name, measure in MEASURES.items():
        print(f"area under the curve, {name:<22} {area(rows, measure):.3f}")
    print("\nwords alone")
    for threshold in THRESHOLDS:
        print_line(threshold, rows, lambda row: (row.decoded.confidence or 0.0) < threshold)  # noqa: B023
    print("\nwith the shipped knowledge")
    for threshold in THRESHOLDS:
        outcomes = asyncio.run(outcomes_of(rows, threshold))
        print_line(threshold, rows, lambda row: outcomes[id(row)] == "asked")  # noqa: B023
        if threshold == LEAST_CONFIDENCE:
            wrong = [outcomes[id(row)] for row in rows if row.errors]
            counts = ", ".join(f"{kind} {wrong.count(kind)}" for kind in ("answered", "asked", "not understood"))
            print(f"        of {len(wrong)} with a wrong word: {counts}")


def read_rows(path: Path | None) -> list[Heard]:
    """What was kept the last time; nothing where nothing was."""
    if path is None or not path.is_file():
        return []
    rows = map(json.loads, path.read_text("utf-8").splitlines())
    return [Heard(**(row | {"decoded": Decoded(**row["decoded"])})) for row in rows]


def hear_all(folder: Path, model: str) -> list[Heard]:
    """Every recording in every café."""
    config = load_config(None, [], {})
    packaged = find_packaged("faster-whisper", model)
    assert packaged is not None
    decoder = Decoder(Setup(str(packaged_path(packaged)), phrases=knowledge_of(config).phrases(name_of(config))))
    cafe = Cafe(folder)
    found = []
    for one in (*real_utterances(folder), *own_utterances()):
        turn = turn_of(one.samples)[: int((WHOLE_WINDOW_S - 1.0) * SPEECH_RATE_HZ)]
        for level_db in LEVELS_DB:
            for _ in range(1 if level_db is None else ROOMS):
                found.append(hear(decoder, one, turn if level_db is None else cafe.around(turn, level_db), level_db))
        print(f"{one.name}: {found[-9].decoded.text}", flush=True)
    return found


def hear(decoder: Decoder, one: Utterance, sound: Samples, level_db: int | None) -> Heard:
    """As the worker does it."""
    decoded = decoder.decode(np.ascontiguousarray(sound, np.float32), lambda: None, AFTER_THE_SOUND_S)
    if decoded.is_doubtful:
        decoded = decoder.decode(np.ascontiguousarray(sound, np.float32), lambda: None, WHOLE_WINDOW_S)
    return Heard(one.name, level_db, one.errors(decoded.text), decoded)


class Cafe:
    """Six voices of the same recordings, in any language, and one noise."""

    def __init__(self, folder: Path) -> None:
        names = [path for path in sorted((folder / "speech").iterdir()) if path.suffix in (".wav", ".flac")]
        self._voices = [read_audio(path, SPEECH_RATE_HZ) for path in names]
        self._noises = [read_audio(path, SPEECH_RATE_HZ) for path in sorted((folder / "noise").glob("sb_noise*"))]
        self._random = np.random.default_rng(0)

    def around(self, turn: Samples, level_db: int) -> Samples:
        """A turn with the café so far below it."""
        parts = [(self._voices, 1.0)] * 6 + [(self._noises, 1.5)]
        room = sum(weight * self._some_of(sounds, len(turn)) for sounds, weight in parts)
        room = room / level_of(room) * level_of(turn) * 10.0 ** (-level_db / 20.0)
        return (turn + room).astype(np.float32)

    def _some_of(self, sounds: Sequence[Samples], count: int) -> Samples:
        sound = sounds[self._random.integers(len(sounds))]
        sound = np.tile(sound, count // len(sound) + 2)
        start = self._random.integers(len(sound) - count)
        piece = sound[start : start + count]
        return piece / level_of(piece)


def level_of(sound: Samples) -> float:
    """RMS, never 0."""
    return float(np.sqrt(np.mean(np.square(sound)))) + 1e-6


async def outcomes_of(rows: Sequence[Heard], threshold: float) -> dict[int, str]:
    """What the program does with each: "answered", "asked" or "not understood"."""
    config = load_config(None, [], {})
    expected = Expected(knowledge_of(config), name_of(config))
    outcomes = {}
    for row in rows:
        confirming = Confirming(
            ForMind(), Phrases("en"), is_expected=expected, nearest=expected.nearest, least_confidence=threshold
        )
        heard = Transcript(row.decoded.text, True, 0.0, 1.0, row.decoded.is_doubtful, row.decoded.confidence)
        words = await confirming.understood(heard)
        reply = await confirming.reply_to(words) if words else None
        outcomes[id(row)] = "not understood" if not words else "asked" if isinstance(reply, Say) else "answered"
    return outcomes


def area(rows: Sequence[Heard], measure: Callable[[Decoded], float]) -> float:
    """How often a right utterance has more of it than a wrong one."""
    right = np.array([measure(row.decoded) for row in rows if not row.errors])
    wrong = np.array([measure(row.decoded) for row in rows if row.errors])
    higher = (right[:, None] > wrong[None, :]).mean() + 0.5 * (right[:, None] == wrong[None, :]).mean()
    return float(higher)


def print_line(threshold: float, rows: Sequence[Heard], is_asked: Callable[[Heard], bool]) -> None:
    """One line of a table: by level, which of the wrong and of the right ones are asked about."""
    cells = []
    for level_db in LEVELS_DB:
        here = [row for row in rows if row.level_db == level_db]
        right, wrong = ([row for row in here if bool(row.errors) is is_wrong] for is_wrong in (False, True))
        name = "clean" if level_db is None else f"{level_db} dB"
        counts = [f"{sum(map(is_asked, some))}/{len(some)}" for some in (wrong, right)]
        cells.append(f"{name}: wrong {counts[0]}, right {counts[1]}")
    print(f"  {threshold:.2f}  {'; '.join(cells)}", flush=True)


if __name__ == "__main__":
    main()
