"""Records the demo's questions with the packaged voices into agent/data/questions; the same bytes every time.

Run as `python scripts/record_questions.py` after `make install`. Afterwards, or with --check alone, the ears that are
used for English listen to each recording as in a conversation; a question they mishear ends with status 1.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import re
import sys
from dataclasses import asdict, fields

import numpy as np

from agent.backends.making import make_ears, make_voice
from agent.commands.demo import QUESTIONS as FOLDER
from agent.commands.demo import Question, recorded_questions
from agent.config.config import load_config
from agent.parts import knowledge_of
from agent.personas import name_of
from agent.turn_detection import turn_detector
from speech.asr.base import transcribe_recording
from speech.audio import SPEECH_RATE_HZ, resample
from speech.errors import InputError
from speech.files.sound_file import read_audio
from speech.files.wav_writer import write_wav

_LEAD_IN_S = 0.2  # like a recording by hand: nobody speaks in the first moment
_ROOM_NOISE_DBFS = -65.0  # a quiet room's: no microphone gives the digital silence that a voice leaves

_MAN, _WOMAN = "piper", "hibari"


def _asked(number: int, name: str, portrait: str, text: str, voice: str) -> Question:
    return Question(FOLDER / f"{number}_{name}.wav", portrait, text, voice)


# Three visitors, each with a short talk. Some ask in the knowledge file's words, some in words that are not in it.
QUESTIONS = (
    _asked(1, "name", "mira", "Hello, what is your name?", _MAN),
    _asked(2, "private", "mira", "Will anybody else get to hear what I tell you?", _MAN),
    _asked(3, "more", "mira", "Tell me more.", _MAN),
    _asked(4, "laugh", "mira", "Make me laugh.", _MAN),
    _asked(5, "able", "jonas", "Hello. What can you do?", _WOMAN),
    _asked(6, "desk", "jonas", "Could you sit at our front desk?", _WOMAN),
    _asked(7, "goodbye", "jonas", "Thank you and goodbye.", _WOMAN),
    _asked(8, "story", "ada", "Tell me a story about a lighthouse.", _MAN),
    _asked(9, "rhyme", "ada", "Make up a rhyme about the moon.", _MAN),
)


async def record() -> None:
    """Speaks all questions into WAV files (16 kHz, mono, 16 bits) and lists them in questions.tsv."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    room = np.random.default_rng(0)
    for question in QUESTIONS:
        config = load_config(None, [f"voice.backend={question.voice}"], {})
        async with make_voice(config) as voice:
            pieces = [chunk.audio.samples async for chunk in voice.synthesize(question.text)]
            spoken = resample(np.concatenate(pieces), voice.sample_rate_hz, SPEECH_RATE_HZ)
        spoken = np.concatenate([np.zeros(round(_LEAD_IN_S * SPEECH_RATE_HZ), np.float32), spoken])
        noise = room.normal(scale=10 ** (_ROOM_NOISE_DBFS / 20), size=len(spoken)).astype(np.float32)
        write_wav(question.file, spoken + noise, SPEECH_RATE_HZ)
    with (FOLDER / "questions.tsv").open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, [field.name for field in fields(Question)], delimiter="\t", lineterminator="\n")
        table.writeheader()
        table.writerows(asdict(question) | {"file": question.file.name} for question in QUESTIONS)


async def check() -> bool:
    """Listens to the listed recordings and prints what was heard; returns whether all of it was right."""
    all_right = True
    config = load_config(None, [], {})
    async with make_ears(config, knowledge_of(config).phrases(name_of(config))) as ears:
        for question in recorded_questions():
            samples = read_audio(question.file, SPEECH_RATE_HZ)
            silence = np.zeros(SPEECH_RATE_HZ, np.float32)  # lets the turn end by itself, as in a conversation
            sound = np.concatenate([samples, silence])
            heard = [transcript.text async for transcript in transcribe_recording(sound, ears, turn_detector(config))]
            right = _words(" ".join(heard)) == _words(question.text)
            all_right &= right
            print(f"{question.file.name}: {'heard right' if right else 'misheard as'}: {' / '.join(heard)}")
    return all_right


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z']+", text.lower().replace("-", ""))


def main() -> None:
    """Reads the command line, records, and listens."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only listen to what is already recorded")
    arguments = parser.parse_args()
    try:
        if not arguments.check:
            asyncio.run(record())
        if not asyncio.run(check()):
            sys.exit(1)
    except (InputError, FileNotFoundError) as error:
        print(error, file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
