"""No words of a conversation in the log, however they might come there."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from agent.conversation.events import Problem, TurnFinished
from agent.conversation.turn import SpokenSentence, SpokenWord, Turn, TurnRecord
from agent.log.log import Log
from agent.log.redaction import Redaction
from agent.log.session_log import SessionLog
from agent.text.sentences import Sentence
from speech.events import Transcript
from tests.commands import Commands

QUESTION = "Where did my aunt bury the silver teapot"
ANSWER = "She buried it beneath the crooked pear tree."


@pytest.mark.parametrize(
    ("message", "logged"),
    [
        ("expected German, got 'Good day'; choose espeak", "expected German, got '…'; choose espeak"),
        ("it isn't there, and can't be", "it isn't there, and can't be"),
        ("got 'it's \"odd\" isn't it'; can't", "got '…'; can't"),
        ("the server says 'your text was cut o…", "the server says '…'"),
        ("got b'good day'", "got b'…'"),
        ("status 400 ('you said 'hello''); it asks", "status 400 ('…'); it asks"),
        ('said "a "quoted" word" to us', 'said "…" to us'),
        ("speaker: expected 'USB Audio' to open: busy", "speaker: expected 'USB Audio' to open: busy"),
        ("one of 'USB Audio', 'x', got 'y'", "one of 'USB Audio', '…'"),
        ("the key sesame-42 is wrong", "the key … is wrong"),
        ("mind: Where did my AUNT, bury -- it?", "mind: … -- it?"),
        ("the silver spoon", "the silver spoon"),
        ('  File "/a/b.py", line 3, in run', '  File "/a/b.py", line 3, in run'),
        (f"ValueError: {QUESTION}", "ValueError: …"),
        ("KeyError: 'teapot'", "KeyError: '…'"),
        ("two\n'lines'", "two\n'…'"),
    ],
)
def test_messages_lose_what_may_have_been_said(message: str, logged: str) -> None:
    redaction = Redaction()
    redaction.know(names=["USB Audio"], secrets=["sesame-42", ""])
    redaction.note(QUESTION)
    assert redaction.apply(message) == logged


def test_words_stay_where_they_are_asked_for_and_secrets_never() -> None:
    redaction = Redaction()
    redaction.keeps_words = True
    redaction.know(secrets=["sesame-42"])
    assert redaction.apply("'hello', sesame-42") == "'hello', …"


def test_what_a_mind_is_told_is_redacted_for_ever() -> None:
    redaction = Redaction()
    redaction.know(texts=["You are a rabbit with opinions."])
    for number in range(1000):
        redaction.note(f"another text of number {number}")
    assert redaction.apply("the server says: you are a rabbit with opinions") == "the server says: …"


def a_turn() -> TurnRecord:
    record = TurnRecord(Turn(2, 0), question=QUESTION, question_start_sample=0, question_end_sample=96000)
    record.sentences.append(SpokenSentence(ANSWER, 100_000, 148_000))
    record.words = [SpokenWord("She", 110_000), SpokenWord("buried", 120_000)]
    record.heard, record.interrupted, record.cut_sample = "She buried", True, 124_000
    record.mark("speech_end", 10.0)
    record.mark("first_audio", 10.4)
    return record


def told(log: Log, folder: Path, *, words: bool = False) -> list[dict[str, object]]:
    """The lines of a conversation that goes wrong in every way."""
    from agent.config.session_sections import LogSection

    log.redaction.keeps_words = words
    log.open(LogSection(folder=None, format="json").model_copy(update={"folder": folder}), print)
    session_log = SessionLog(log.redaction)
    session_log.on_event(Transcript(QUESTION, True, 0.0, 2.0))
    session_log.on_event(Sentence(0, ANSWER))
    session_log.on_event(Problem(f"voice engine pico: expected German, got {ANSWER[:40]!r}; choose the engine espeak"))
    session_log.on_event(Problem(f"a plug-in printed: {ANSWER}"))
    session_log.on_event(TurnFinished(a_turn()))
    try:
        raise ValueError(QUESTION)
    except ValueError:
        logging.getLogger("some_library").exception("it failed with %s", ANSWER)
    log.close()
    return [json.loads(line) for line in (folder / "visavis.log").read_text().splitlines()]


def test_a_conversation_is_logged_by_its_lengths_and_times(tmp_path: Path) -> None:
    lines = told(Log(), tmp_path)
    text = json.dumps(lines).casefold()
    for word in {*QUESTION.casefold().split(), *ANSWER.casefold().rstrip(".").split()} - {"the", "it", "my", "did"}:
        assert word not in text, f"'{word}' is in the log"
    quoted, printed, turn, trace = lines
    assert quoted["message"] == "voice engine pico: expected German, got '…'; choose the engine espeak"
    assert printed["message"] == "a plug-in printed: …."
    assert turn["event"] == "turn" and turn["outcome"] == "interrupted" and turn["number"] == 2
    assert (turn["question_chars"], turn["reply_chars"], turn["heard_chars"]) == (len(QUESTION), len(ANSWER), 10)
    assert (turn["question_s"], turn["reply_s"]) == (2.0, 0.5)
    assert turn["after_s"] == {"speech_end": 0.0, "first_audio": 0.4}
    assert "Traceback" in str(trace["message"]) and str(trace["message"]).endswith("ValueError: …")


def test_the_words_are_there_for_who_asks_for_them(tmp_path: Path) -> None:
    quoted, _, turn, _ = told(Log(), tmp_path, words=True)
    assert ANSWER[:40] in str(quoted["message"])
    assert (turn["question"], turn["reply"]) == (QUESTION, ANSWER)


def test_a_real_conversation_leaves_no_word_of_it(
    command: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Question, answer, persona, knowledge file and key are all looked for; the log itself is there."""
    (tmp_path / "knowledge.md").write_text(
        f"# Teapots\n\nQ: {QUESTION}?\nA: {ANSWER}\n\nQ: What is jasper?\nA: Jasper.\n"
    )
    monkeypatch.setenv("OPENAI_API_KEY", "sesame-42-secret")
    done = command.run(
        *("--log-json", "ask", "--text", f"{QUESTION}?", "-o", "out.mp4", "--quiet", "--verbose"),
        *("--set", "mind.knowledge=knowledge.md", "--set", "mind.persona=You adore marmalade sandwiches."),
        *("--set", "voice.backend=espeak", "--set", "mind.backend=knowledge", "--set", "ears.backend=pocketsphinx"),
        *("--set", "output.size=256"),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert "crooked pear tree" in (tmp_path / "out.jsonl").read_text(), "it was said"
    (turn,) = [line for line in lines if line["event"] == "turn"]
    assert turn["reply_chars"] == len(ANSWER) and turn["outcome"] == "answered"
    assert [line["place"] for line in lines if line["event"] == "backend"] != []
    for word in ("aunt", "teapot", "silver", "crooked", "pear", "marmalade", "sandwich", "jasper", "sesame"):
        assert word not in done.stderr.casefold()
