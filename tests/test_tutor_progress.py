"""Progress: who agreed is remembered, what is due comes first, what is forgotten is gone, and nothing is lost."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from agent.tutor.progress import DAY_S, Progress
from agent.tutor.state import Result
from speech.errors import BackendError, VisavisError

QUESTIONS = ["a", "b", "c"]


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def test_boxes_rest_twice_as_long_each_time_and_misses_start_again(tmp_path: Path) -> None:
    clock = Clock()
    progress = Progress(tmp_path, now=clock)
    assert progress.due("Anna", "l", QUESTIONS) is None and progress.known("Anna") == ""
    progress.record("Anna", "l", [Result("a", True), Result("b", False)])
    assert progress.due("Anna", "l", QUESTIONS) == ["b", "c"], "missed first, then what was never asked"
    clock.now += 1.1 * DAY_S
    assert progress.due("Anna", "l", QUESTIONS) == ["b", "a", "c"]
    progress.record("Anna", "l", [Result("a", True), Result("b", True), Result("b", True)])
    assert progress.learned("Anna") == (2, 2) and progress.learned("Bert") == (0, 0)
    clock.now += 1.1 * DAY_S
    assert progress.due("Anna", "l", QUESTIONS) == ["c"], "now both rest for two days"
    clock.now += DAY_S
    assert progress.due("Anna", "l", QUESTIONS) == ["a", "b", "c"]
    progress.record("Anna", "l", [Result("a", False)])
    assert progress.due("Anna", "l", QUESTIONS) == ["a", "b", "c"]
    assert progress.due("Anna", "other lesson", QUESTIONS) is None
    assert progress.due("Bert", "l", QUESTIONS) is None


def test_the_file_is_the_users_alone_and_forgetting_leaves_no_trace(tmp_path: Path) -> None:
    progress = Progress(tmp_path / "made")
    progress.record("Rumpelstilzchen", "l", [Result("k" * 24, True)])
    assert stat.S_IMODE(progress.file.stat().st_mode) == 0o600
    assert stat.S_IMODE(progress.file.parent.stat().st_mode) == 0o700
    assert b"Rumpelstilzchen" in progress.file.read_bytes()
    assert progress.forget("rumpelstilzchen")
    data = progress.file.read_bytes()
    assert b"umpelstilzchen" not in data.lower() and b"kkkk" not in data
    assert [path.name for path in progress.file.parent.iterdir()] == ["progress.sqlite"]
    assert not progress.forget("Rumpelstilzchen")


def test_names_that_sound_the_same_are_one_learner_but_ids_are_not(tmp_path: Path) -> None:
    progress = Progress(tmp_path)
    progress.record("Anna", "l", [Result("a", True)])
    progress.record("visitor-7", "l", [Result("a", True)])
    assert progress.known("ana") == "Anna" and progress.known("ANNA") == "Anna"
    assert progress.known("Hanna") == "" and progress.known("visitor-seven") == "" and progress.known("visitor-8") == ""


def test_a_damaged_file_is_kept_aside_and_told_in_one_line(tmp_path: Path) -> None:
    progress = Progress(tmp_path)
    progress.record("Anna", "l", [Result("a", True)])
    progress.file.write_bytes(b"no database at all" * 100)
    assert progress.due("Anna", "l", QUESTIONS) is None
    problem = progress.take_problem()
    assert "damaged" in problem and "\n" not in problem and progress.take_problem() == ""
    (aside,) = tmp_path.glob("progress.damaged-*.sqlite")
    assert aside.read_bytes().startswith(b"no database")
    progress.record("Anna", "l", [Result("a", False)])
    assert progress.due("Anna", "l", ["a"]) == ["a"]


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(VisavisError) as caught:
        Progress(tmp_path / "file" / "below").record("Anna", "l", [Result("a", True)])
    assert "\n" not in str(caught.value)


def test_a_file_that_another_process_keeps_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.database.private_file.BUSY_S", 0.05)
    progress = Progress(tmp_path)
    progress.record("Anna", "l", [Result("a", True)])
    other = sqlite3.connect(progress.file, isolation_level=None)
    other.execute("begin exclusive")
    with pytest.raises(BackendError, match="could not be used"):
        progress.record("Anna", "l", [Result("b", True)])
    other.rollback()
    other.close()
    progress.record("Anna", "l", [Result("b", True)])


def test_two_processes_lose_nothing(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from agent.tutor.progress import Progress;"
        "from agent.tutor.state import Result; p = Progress(Path(sys.argv[1]));"
        "[p.record('Anna', 'l', [Result(f'{sys.argv[2]}{n}', True)]) for n in range(20)]"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path), name], cwd=Path(__file__).parent.parent)
        for name in "xy"
    ]
    assert [process.wait(60) for process in running] == [0, 0]
    keys = [f"{name}{n}" for name in "xy" for n in range(20)]
    with sqlite3.connect(tmp_path / "progress.sqlite") as database:
        kept = {row[0] for row in database.execute("select question from cards")}
        assert database.execute("select count(*) from learners").fetchone() == (1,)
    database.close()
    assert kept == set(keys)
