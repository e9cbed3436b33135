"""Transcripts grow turn by turn: whatever becomes of the program or of the disk, what was said stays."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from agent.commands.transcript_log import TranscriptLog
from agent.config.config import load_config
from agent.conversation.events import TurnFinished
from agent.conversation.turn import Turn, TurnRecord
from speech.errors import InputError
from tests.test_bad_days import disk_of


def finished(number: int, heard: str = "Yes.") -> TurnFinished:
    record = TurnRecord(Turn(number, 0), question=f"Question {number}?", heard=heard)
    record.mark("speech_end", float(number))
    record.mark("turn_end", number + 0.5)
    return TurnFinished(record)


def turns_in(path: Path) -> list[int]:
    return [json.loads(line)["turn"] for line in path.read_text(encoding="utf-8").splitlines()]


def keeping(folder: Path, *, quiet: bool = True, is_endless: bool = False) -> TranscriptLog:
    config = load_config(None, [f"session.keep_transcripts={folder}"], {})
    transcript_log = TranscriptLog(config, quiet=quiet, is_endless=is_endless)
    transcript_log.check(None)
    return transcript_log


def kept_in(folder: Path) -> Path:
    (path,) = folder.iterdir()
    return path


def test_every_turn_is_on_the_disk_before_the_next_one(tmp_path: Path) -> None:
    transcript_log = keeping(tmp_path / "kept")
    transcript_log.keep_beside(tmp_path / "talk.unfinished.mp4")
    assert not list((tmp_path / "kept").iterdir()) and not (tmp_path / "talk.unfinished.jsonl").exists()
    for number in range(3):
        transcript_log.on_event(finished(number))
        for path in (kept_in(tmp_path / "kept"), tmp_path / "talk.unfinished.jsonl"):
            assert turns_in(path) == list(range(number + 1))
            assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("is_endless", [False, True])
def test_the_one_beside_a_recording_is_called_as_the_recording_is(tmp_path: Path, is_endless: bool) -> None:
    (tmp_path / "talk.jsonl").write_text("of an older recording")
    (tmp_path / "talk.unfinished.jsonl").write_text("of a program that was killed")
    transcript_log = keeping(tmp_path / "kept", is_endless=is_endless)
    transcript_log.keep_beside(tmp_path / "talk.unfinished.mp4")
    transcript_log.on_event(finished(0))
    assert len(transcript_log.records) == (not is_endless), "what never ends would fill the memory"
    transcript_log.write(None)  # the recording could not be finished
    assert (tmp_path / "talk.jsonl").read_text() == "of an older recording"
    assert turns_in(tmp_path / "talk.unfinished-2.jsonl") == [0]
    transcript_log.write(tmp_path / "talk.mp4")
    assert turns_in(tmp_path / "talk.jsonl") == [0] == turns_in(kept_in(tmp_path / "kept"))
    assert (tmp_path / "talk.unfinished.jsonl").read_text() == "of a program that was killed"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept", "talk.jsonl", "talk.unfinished.jsonl"]


def test_nobody_said_anything(tmp_path: Path) -> None:
    (tmp_path / "talk.jsonl").write_text("of an older recording")
    transcript_log = keeping(tmp_path / "kept")
    transcript_log.keep_beside(tmp_path / "talk.unfinished.mp4")
    transcript_log.write(None)
    assert not list((tmp_path / "kept").iterdir()) and [path.name for path in tmp_path.glob("*.jsonl")] == [
        "talk.jsonl"
    ]
    transcript_log.write(tmp_path / "talk.mp4")  # whose transcript the older one is not
    assert (tmp_path / "talk.jsonl").read_text() == ""


def test_a_full_disk_is_said_once_and_what_waits_comes_later(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    transcript_log = keeping(tmp_path / "kept", quiet=False)
    transcript_log.on_event(finished(0))
    path = kept_in(tmp_path / "kept")
    size = path.stat().st_size
    with disk_of(size + 20):
        transcript_log.on_event(finished(1))
        assert turns_in(path) == [0] and path.stat().st_size == size, "no half line"
        transcript_log.on_event(finished(2))
        assert turns_in(path) == [0]
        with pytest.raises(InputError, match="expected room for what was said"):
            transcript_log.write(None)
    (line,) = (line for line in capsys.readouterr().err.splitlines() if line.startswith("! "))
    assert str(path) in line and "tried again" in line
    transcript_log.on_event(finished(3))
    assert turns_in(path) == [0, 1, 2, 3]


def test_a_folder_that_goes_away_stops_nothing(tmp_path: Path) -> None:
    transcript_log = keeping(tmp_path / "kept")
    (tmp_path / "kept").rmdir()
    transcript_log.on_event(finished(0))
    (tmp_path / "kept").mkdir()
    transcript_log.on_event(finished(1))
    transcript_log.write(None)
    assert turns_in(kept_in(tmp_path / "kept")) == [0, 1]


def test_what_is_no_character_can_be_kept_and_read(tmp_path: Path) -> None:
    transcript_log = keeping(tmp_path / "kept")
    transcript_log.on_event(finished(0, heard="caf\udce9 é 😀"))
    (turn,) = map(json.loads, kept_in(tmp_path / "kept").read_text(encoding="utf-8").splitlines())
    assert turn["heard"] == "caf\udce9 é 😀"
