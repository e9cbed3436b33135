"""Records the demo's questions with two of Flite's voices into agent/data/questions; the same bytes every time.

Run as `python scripts/record_questions.py`; needs Debian's program flite. Afterwards, or with --check alone, the
project's ears listen to each recording without being told what to expect; a question they mishear ends with status 1.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from speech.asr import transcribe_recording
from speech.asr_pocketsphinx import PocketSphinxASR
from speech.audio import SPEECH_RATE_HZ, write_wav
from speech.errors import InputError
from speech.sound_file import read_audio
from speech.tts_flite import FliteTTS
from speech.turns import TurnDetector
from speech.vad import SileroVAD

_QUESTIONS = Path(__file__).parent.parent / "agent" / "data" / "questions"
_COLUMNS = ("file", "text", "voice")
_LEAD_IN_S = 0.2  # like a recording by hand: nobody speaks in the first moment
_ROOM_NOISE_DBFS = (
    -65.0
)  # a quiet room's: no microphone gives the digital silence that Flite leaves, and it misleads ears


@dataclass(frozen=True, slots=True)
class _Question:
    file: str
    text: str
    voice: str


# Two visitors, each with a short talk. Worded so that PocketSphinx hears them right with its general language model.
QUESTIONS = (
    _Question("1_name.wav", "Hello, what is your name?", "rms"),
    _Question("2_photo.wav", "Can I use my own photo?", "rms"),
    _Question("3_more.wav", "Tell me more.", "rms"),
    _Question("4_laugh.wav", "Make me laugh.", "rms"),
    _Question("5_able.wav", "Hello. What can you do?", "awb"),
    _Question("6_internet.wav", "Do you need the internet?", "awb"),
    _Question("7_goodbye.wav", "Thank you and goodbye.", "awb"),
)
_OWN_RATES_WPM = {"rms": 157, "awb": 165}  # each voice at its own speed: stretched, it is heard less well


async def record(folder: Path) -> None:
    """Speaks all questions into WAV files (16 kHz, mono, 16 bits) and lists them in questions.tsv."""
    folder.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240  a script: nothing else runs
    room = np.random.default_rng(0)
    for question in QUESTIONS:
        async with FliteTTS(voice=question.voice, rate_wpm=_OWN_RATES_WPM[question.voice]) as voice:
            pieces = [chunk.audio.samples async for chunk in voice.synthesize(question.text)]
        spoken = np.concatenate([np.zeros(round(_LEAD_IN_S * SPEECH_RATE_HZ), np.float32), *pieces])
        noise = room.normal(scale=10 ** (_ROOM_NOISE_DBFS / 20), size=len(spoken)).astype(np.float32)
        write_wav(folder / question.file, spoken + noise, SPEECH_RATE_HZ)
    with (folder / "questions.tsv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, delimiter="\t", lineterminator="\n")
        table.writerow(_COLUMNS)
        table.writerows((question.file, question.text, question.voice) for question in QUESTIONS)


async def check(folder: Path) -> bool:
    """Listens to the listed recordings and prints what was heard; returns whether all of it was right."""
    all_right = True
    with (folder / "questions.tsv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    async with PocketSphinxASR() as ears:
        for row in rows:
            samples = read_audio(folder / row["file"], SPEECH_RATE_HZ)
            silence = np.zeros(SPEECH_RATE_HZ, np.float32)  # lets the turn end by itself, as in a conversation
            heard = [
                transcript.text
                async for transcript in transcribe_recording(
                    np.concatenate([samples, silence]), ears, TurnDetector(SileroVAD())
                )
            ]
            right = _words(" ".join(heard)) == _words(row["text"])
            all_right &= right
            print(f"{row['file']}: {'heard right' if right else 'misheard as'}: {' / '.join(heard)}")
    return all_right


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z']+", text.lower())


def main() -> None:
    """Reads the command line, records, and listens."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=_QUESTIONS, help="folder for the recordings")
    parser.add_argument("--check", action="store_true", help="only listen to what is already recorded")
    arguments = parser.parse_args()
    try:
        if not arguments.check:
            asyncio.run(record(arguments.out))
        if not asyncio.run(check(arguments.out)):
            sys.exit(1)
    except (InputError, FileNotFoundError) as error:
        print(error, file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
