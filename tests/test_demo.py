"""The demo, held for real, with one question for each person: its words are audible in the video, and the mouth moves
with them. What else is asked in it is answered here without the wait."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from agent.__main__ import main
from agent.commands.demo import IMPROVISES, recorded_questions
from agent.conversation.history import History
from agent.knowledge.file import Knowledge, load_knowledge
from agent.knowledge.understanding import Understanding
from agent.llm.knowledge_file import KnowledgeLLM
from agent.parts import DEFAULT_KNOWLEDGE
from agent.text.sentences import SentenceSplitter
from speech.audio import SPEECH_RATE_HZ
from speech.files.sound_file import read_audio

if TYPE_CHECKING:
    from speech.asr.faster_whisper_worker import Decoder

OTHERS, NEEDED = 9, 0.8


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    shorter = ("--questions", "1", "--set", "mind.max_tokens=50", "--set", "output.size=256")
    command = [sys.executable, "-m", "agent", "demo", "-o", str(folder / "out"), "-q", *shorter]
    subprocess.run(command, cwd=folder, check=True, timeout=240)
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


def told_by_the_file() -> list[str]:
    """Sentences of the shipped knowledge, for which others might be taken."""
    replies = [paragraph for entry in load_knowledge(DEFAULT_KNOWLEDGE).entries for paragraph in entry.paragraphs]
    splitter = SentenceSplitter()
    return [one.text for reply in replies for one in (*splitter.push(reply), *splitter.flush())]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_right_sentences_are_heard_in_the_video(demo: Path) -> None:
    aligner, rng = Aligner(), np.random.default_rng(0)
    spoken = []
    for video, turn in _turns(demo):
        sound = read_audio(video, SPEECH_RATE_HZ)
        for sentence in turn["sentences"]:
            start, end = (round(sentence[key] * SPEECH_RATE_HZ) for key in ("start_s", "end_s"))
            spoken.append((sentence["text"], sound[start:end]))
    assert len(spoken) >= 2 * len(_turns(demo))
    candidates = sorted({text for text, _ in spoken} | set(told_by_the_file()))
    right = 0
    for text, samples in spoken:
        others = rng.choice([other for other in candidates if other != text], OTHERS, replace=False)
        right += aligner.score(samples, text) > max(aligner.score(samples, str(other)) for other in others)
    assert right >= NEEDED * len(spoken), f"only {right} of {len(spoken)} sentences fit their sound best"


@pytest.mark.slow
def test_each_question_was_heard_and_answered(demo: Path) -> None:
    turns = [turn for _, turn in _turns(demo)]
    assert len(turns) == len({question.portrait for question in recorded_questions()})
    for turn in turns:
        assert turn["problem"] is None and turn["heard"] == turn["reply"] != "" and turn["question"]
        assert is_answer(turn["reply"]), turn
        stages = turn["stages_s"]
        assert stages["first_moving_mouth"] >= stages["turn_end"] > stages["speech_end"]


@pytest.mark.slow
def test_the_plot_and_the_subtitles_are_there(demo: Path) -> None:
    with Image.open(demo / "demo-waterfall.png") as plot:
        assert plot.width > 600 and len(plot.convert("RGB").getcolors(1 << 24) or []) > 20
    for subtitles in demo.glob("*.srt"):
        turns = [json.loads(line) for line in subtitles.with_suffix(".jsonl").read_text().splitlines()]
        lines = sum(1 + len(turn["sentences"]) for turn in turns)
        assert subtitles.read_text().count(" --> ") >= lines, "the questions' lines and the answers'"


def is_answer(reply: str) -> bool:
    return "don't know" not in reply and "didn't catch" not in reply


@pytest.fixture(scope="module")
def knowledge() -> Knowledge:
    """The shipped knowledge, with its meaning."""
    knowledge = load_knowledge(DEFAULT_KNOWLEDGE)

    async def read() -> None:
        async with Understanding(knowledge) as reading:
            await reading.ready()

    asyncio.run(read())
    return knowledge


@pytest.mark.packaged("faster-whisper/tiny.en", "embeddings/all-MiniLM-L6-v2")
@pytest.mark.parametrize("portrait", sorted({question.portrait for question in recorded_questions()} - {IMPROVISES}))
def test_every_question_is_heard_and_known(portrait: str, whisper: Decoder, knowledge: Knowledge) -> None:
    mind, history = KnowledgeLLM(knowledge), History()
    questions = [question for question in recorded_questions() if question.portrait == portrait]
    assert len(questions) > 2
    for question in questions:
        heard = whisper(read_audio(question.file, SPEECH_RATE_HZ), lambda: None).text
        reply = mind.reply(history.messages(), heard)
        assert heard and is_answer(reply), (question.text, heard, reply)
        history.add_user(heard)
        history.add_assistant(reply, interrupted=False)


@pytest.mark.packaged("faster-whisper/tiny.en")
def test_wishes_for_stories_are_understood(whisper: Decoder) -> None:
    for question in (one for one in recorded_questions() if one.portrait == IMPROVISES):
        heard = whisper(read_audio(question.file, SPEECH_RATE_HZ), lambda: None)
        assert heard.text and not heard.is_doubtful, question.text


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--set", "voice.rate=3"), "unknown key 'voice.rate'"),
        (("--set", "mind.max_tokens=1"), "mind.max_tokens: expected a whole number from 8 to 4096, got 1"),
        (("--set", "ears.backend=siri"), "ears.backend: expected one of 'auto', "),
        (("--set", "mind.knowledge=nowhere.md"), "nowhere.md"),
        (("--questions", "0"), "--questions"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_wrong_setting_ends_with_one_line(
    options: tuple[str, ...],
    expected: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["visavis", "demo", "-o", "out", *options])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    told = [line for line in capfd.readouterr().err.splitlines() if line.startswith("visavis: ")]
    assert len(told) == 1 and expected in told[0], told
    assert not list(tmp_path.rglob("*.mp4"))
