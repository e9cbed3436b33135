"""The demo, held for real: its words are audible in the video, and the mouth moves with them."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from agent.commands.demo import QUESTIONS
from speech.audio import SPEECH_RATE_HZ
from speech.files.sound_file import read_audio

pytestmark = [pytest.mark.real_time, pytest.mark.timeout(400)]

SAMPLED, OTHERS = 12, 9
NEEDED = 0.8


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    command = [sys.executable, "-m", "agent", "demo", "-o", str(folder / "out"), "-q"]
    subprocess.run(command, cwd=folder, check=True, timeout=360)
    return folder / "out"


def _turns(demo: Path) -> list[tuple[Path, dict[str, Any]]]:
    return [
        (path.with_suffix(".mp4"), json.loads(line))
        for path in sorted(demo.glob("*.jsonl"))
        for line in path.read_text().splitlines()
    ]


class Aligner:
    """How well a recording fits a sentence, by PocketSphinx's forced alignment."""

    def __init__(self) -> None:
        from pocketsphinx import Decoder

        self._decoder = Decoder(lm=None, samprate=float(SPEECH_RATE_HZ), loglevel="FATAL")

    def words(self, text: str) -> list[str]:
        """The words that the dictionary knows; a name that it lacks is left out of every candidate alike."""
        plain = re.sub(r"[^a-z' ]", " ", text.lower()).split()
        return [word for word in plain if self._decoder.lookup_word(word) is not None]

    def score(self, samples: np.ndarray, text: str) -> float:
        """The alignment's log score; minus infinity where the words can't be fitted into the sound."""
        words = self.words(text)
        self._decoder.set_align_text(" ".join(words))
        try:
            self._hear(samples)
            # The second pass gives every phone's score as a log likelihood; the first one's are rounded to zero.
            self._decoder.set_alignment()
            self._hear(samples)
        except RuntimeError:  # no way through the sound with these words
            return -np.inf
        return float(sum(phone.score for word in self._decoder.get_alignment() for phone in word))

    def _hear(self, samples: np.ndarray) -> None:
        self._decoder.start_utt()
        self._decoder.process_raw((samples * 32767).astype(np.int16).tobytes(), no_search=False, full_utt=True)
        self._decoder.end_utt()


def test_the_right_sentences_are_heard_in_the_video(demo: Path) -> None:
    aligner, rng = Aligner(), np.random.default_rng(0)
    spoken = []
    for video, turn in _turns(demo):
        sound = read_audio(video, SPEECH_RATE_HZ)
        for sentence in turn["sentences"]:
            start, end = (round(sentence[key] * SPEECH_RATE_HZ) for key in ("start_s", "end_s"))
            spoken.append((sentence["text"], sound[start:end]))
    assert len(spoken) > OTHERS
    right, sampled = 0, [spoken[i] for i in rng.permutation(len(spoken))[:SAMPLED]]
    for text, samples in sampled:
        different = sorted({other for other, _ in spoken if other != text})
        others = rng.choice(different, min(OTHERS, len(different)), replace=False)
        right += aligner.score(samples, text) > max(aligner.score(samples, str(other)) for other in others)
    assert right >= NEEDED * len(sampled), f"only {right} of {len(sampled)} sentences fit their sound best"


def test_every_question_was_heard_and_answered(demo: Path) -> None:
    turns = [turn for _, turn in _turns(demo)]
    with (QUESTIONS / "questions.tsv").open(encoding="utf-8") as file:
        assert len(turns) == len(list(csv.DictReader(file, delimiter="\t")))
    for turn in turns:
        assert turn["problem"] is None and turn["heard"] == turn["reply"] != "" and turn["question"]
        assert "don't know" not in turn["reply"] and "didn't catch" not in turn["reply"], turn
        stages = turn["stages_s"]
        assert stages["first_moving_mouth"] >= stages["turn_end"] > stages["speech_end"]


def test_the_plot_and_the_subtitles_are_there(demo: Path) -> None:
    with Image.open(demo / "demo-waterfall.png") as plot:
        assert plot.width > 600 and len(plot.convert("RGB").getcolors(1 << 24) or []) > 20
    for subtitles in demo.glob("*.srt"):
        assert subtitles.read_text().count(" --> ") >= 6, "the questions' lines and the answers'"
