"""The log's file: what is in it, that it stays small, and that nothing that goes wrong with it stops the program."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Coroutine, Iterator
from pathlib import Path

import pytest
import typer

from agent.__main__ import main
from agent.command_line import app
from agent.commands.log_options import begin_log, end_log
from agent.config.config import load_config
from agent.config.session_sections import LogSection
from agent.log import log as log_module
from agent.log.lines import Foreign, log_event
from agent.log.log import LOG, MOST_PROGRAMS, MOST_WAITING, Log
from agent.log.redaction import Redaction
from agent.log.settings import note_settings, settings_of
from speech.errors import BackendError, DeviceError
from speech.worker import signals

OURS = logging.getLogger("agent.something")
LIBRARY = logging.getLogger("some_library.part")


@pytest.fixture
def log() -> Iterator[Log]:
    log = Log()
    yield log
    log.close()


def opened(log: Log, folder: Path, **settings: str) -> list[str]:
    """Opens its file; returns where the problems come."""
    problems: list[str] = []
    log.open(LogSection.model_validate({"folder": folder, **settings}, strict=False), problems.append)
    return problems


def test_events_are_lines_of_fields(log: Log, tmp_path: Path) -> None:
    assert opened(log, tmp_path) == []
    log_event(OURS, "turn", number=3, outcome="answered", question=None, after_s={"transcript": 0.25}, length_s=1 / 3)
    OURS.info("a message of %d words", 5)
    OURS.debug("not this")
    log.close()
    first, second = (tmp_path / "visavis.log").read_text().splitlines()
    assert first[:2] == "20" and first[23:].startswith(" INFO    agent.something: turn number=3 outcome=")
    assert first.endswith('outcome="answered" after_s={"transcript": 0.25} length_s=0.333333')
    assert second.endswith("INFO    agent.something: a message of 5 words")
    assert (tmp_path / "visavis.log").stat().st_mode & 0o77 == 0, "nobody else reads it"


def test_json_lines_have_the_same_fields(log: Log, tmp_path: Path) -> None:
    opened(log, tmp_path, format="json")
    log_event(OURS, "turn", level=logging.WARNING, number=3, outcome="answered")
    OURS.error("two\nlines")
    log.close()
    first, second = map(json.loads, (tmp_path / "visavis.log").read_text().splitlines())
    assert first.pop("time")[10] == "T" and second["time"][-6] in "+-"
    assert first == {
        "level": "WARNING",
        "logger": "agent.something",
        "event": "turn",
        "number": 3,
        "outcome": "answered",
    }
    assert second["event"] == "message" and second["message"] == "two\nlines"


def test_a_line_of_text_begins_with_a_time_and_further_ones_are_indented(log: Log, tmp_path: Path) -> None:
    opened(log, tmp_path)
    try:
        {}["missing"]
    except KeyError:
        OURS.exception("it broke")
    LIBRARY.warning("\x1b[2Jgone")
    log.close()
    *others, last = (tmp_path / "visavis.log").read_text().splitlines()
    assert last.endswith("some_library.part: \\x1b[2Jgone"), "a terminal that shows it obeys nothing in it"
    first, *others = others
    assert first.endswith("it broke") and all(line.startswith("    ") for line in others)
    assert any(f'File "{__file__}", line ' in line for line in others), "where it happened stays"


def test_levels_are_the_configuration_s_and_restored(log: Log, tmp_path: Path) -> None:
    before = logging.getLogger("agent").level, list(logging.getLogger().handlers)
    opened(log, tmp_path, level="warning")
    OURS.info("not this")
    OURS.warning("this")
    log.close()
    assert (tmp_path / "visavis.log").read_text().count("\n") == 1
    assert (logging.getLogger("agent").level, list(logging.getLogger().handlers)) == before
    opened(log, tmp_path / "other", level="off")
    assert not log.is_open and not (tmp_path / "other").exists()


def test_libraries_warnings_are_in_it_and_not_on_the_screen(
    log: Log, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    opened(log, tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("something is deprecated", DeprecationWarning, stacklevel=1)
        LIBRARY.warning("a tensor is odd")
        LIBRARY.info("not this")
    log.close()
    text = (tmp_path / "visavis.log").read_text()
    assert "some_library.part: a tensor is odd" in text and "something is deprecated" in text
    assert "not this" not in text and capfd.readouterr() == ("", "")


def test_verbose_shows_everything_beside_the_file(log: Log, tmp_path: Path) -> None:
    shown: list[str] = []
    log.show(shown.append)
    opened(log, tmp_path, level="error")
    OURS.debug("a detail")
    log.close()
    assert len(shown) == 1 and (tmp_path / "visavis.log").read_text() == f"{shown[0]}\n"


def test_logging_never_waits_and_what_is_dropped_is_counted(log: Log) -> None:
    shown: list[str] = []
    go_on, is_held = threading.Event(), threading.Event()

    def slow(line: str) -> None:
        is_held.set()
        assert go_on.wait(20.0)
        shown.append(line)

    log.show(slow)
    OURS.info("first")
    assert is_held.wait(20.0)
    for number in range(MOST_WAITING + 50):
        OURS.info("line %d", number)
    go_on.set()
    while len(shown) < MOST_WAITING + 2:
        threading.Event().wait(0.01)
    log.close()
    assert len(shown) == MOST_WAITING + 2
    assert next(line for line in shown if "lines_dropped" in line).endswith("lines_dropped count=50")


def test_the_files_stay_small(log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_module, "FILE_BYTES", 2000)
    monkeypatch.setattr(log_module, "FILES", 3)
    opened(log, tmp_path)
    for number in range(200):
        OURS.info("line %d", number)
    log.close()
    files = {path.name: path for path in tmp_path.glob("visavis.log*")}
    assert files.keys() == {"visavis.log", "visavis.log.1", "visavis.log.2"}
    assert all(path.stat().st_size <= 2000 for path in files.values())
    kept = "".join(files[name].read_text() for name in ("visavis.log.2", "visavis.log.1", "visavis.log"))
    numbers = [int(line.split()[-1]) for line in kept.splitlines()]
    assert numbers == list(range(numbers[0], 200)), "the newest are kept, whole and in order"


def test_two_programs_have_a_file_each_and_a_name_that_is_free_is_used_again(log: Log, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from agent.config.session_sections import LogSection;"
        " from agent.log.log import LOG; LOG.open(LogSection.model_construct(folder=Path(sys.argv[1]), level='info',"
        " format='text', words=False), print); print(LOG.path.name, flush=True); sys.stdin.read()"
    )
    first = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert first.stdout is not None
    try:
        assert first.stdout.readline() == "visavis.log\n"
        opened(log, tmp_path)
        assert log.path == tmp_path / "visavis-2.log"
    finally:
        first.kill()  # a lock does not outlive its process, however it ends
        first.communicate()
    log.close()
    opened(log, tmp_path)
    assert log.path == tmp_path / "visavis.log"


def test_more_programs_than_names_go_on_without(log: Log, tmp_path: Path) -> None:
    others = [Log() for _ in range(MOST_PROGRAMS)]
    try:
        assert [opened(other, tmp_path) for other in others] == [[]] * MOST_PROGRAMS
        (line,) = opened(log, tmp_path)
        assert "goes on without a log" in line and not log.is_open
    finally:
        for other in others:
            other.close()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full, which stands for a full disk")
def test_a_full_disk_is_told_once_and_the_rest_goes_on(log: Log, tmp_path: Path) -> None:
    path = tmp_path / "visavis.log"
    path.symlink_to("/dev/full")
    problems = opened(log, tmp_path)
    shown: list[str] = []
    log.show(shown.append)
    for number in range(5):
        OURS.info("line %d", number)
    log.close()
    assert len(problems) == 1 and str(path) in problems[0] and "No space left on device" in problems[0]
    assert len(shown) == 5


def test_a_disk_that_has_room_again_is_written_to_again(log: Log, tmp_path: Path) -> None:
    problems = opened(log, tmp_path)
    assert log._writing is not None
    file = log._writing.handlers[0]
    stream = file.stream  # type: ignore[attr-defined]
    stream.close()  # the next line fails
    OURS.info("lost")
    OURS.info("kept")
    log.close()
    assert len(problems) == 1
    assert (tmp_path / "visavis.log").read_text().endswith(" kept\n")


def test_a_folder_that_can_t_be_made_is_told_once(log: Log, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (line,) = opened(log, tmp_path / "file" / "logs")
    assert line == f"log: {tmp_path / 'file' / 'logs'}: Not a directory; it goes on without a log"
    OURS.error("nothing happens")
    assert log.path is None


def test_what_was_written_before_a_kill_can_be_read(tmp_path: Path) -> None:
    code = (
        "import logging, sys, time; from pathlib import Path; from agent.config.session_sections import LogSection;"
        " from agent.log.log import LOG; LOG.open(LogSection.model_construct(folder=Path(sys.argv[1]), level='info',"
        " format='json', words=False), print); [logging.getLogger('agent').info('line %d', n) for n in range(100)]\n"
        "while LOG.path.read_text().count(chr(10)) < 100: time.sleep(0.01)\n"
        "print('written', flush=True); time.sleep(60)"
    )
    running = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert running.stdout is not None and running.stdout.readline() == "written\n"
    running.kill()
    running.communicate()
    lines = [json.loads(line) for line in (tmp_path / "visavis.log").read_text().splitlines()]
    assert [line["message"] for line in lines] == [f"line {number}" for number in range(100)]


def test_settings_are_told_without_texts_and_users(tmp_path: Path) -> None:
    config = load_config(
        None,
        ["voice.rate_wpm=150", "mind.persona=You are a rabbit.", "mqtt.username=alice", "mind.max_tokens=220"],
        {},
    )
    assert settings_of(config) == {
        "voice.rate_wpm": "150",
        "mind.persona": "(17 characters)",
        "mqtt.username": "(set)",
    }


def test_beginning_and_end_are_in_it(tmp_path: Path) -> None:
    config = load_config(None, [f"log.folder={tmp_path}", "log.format=json", "portrait.path=jonas"], {})
    begin_log(config, "talk")
    end_log("voice: 'hello there' can't be said", status=4)
    end_log("only the first counts", status=0)
    start, stop = map(json.loads, (tmp_path / "visavis.log").read_text().splitlines())
    assert (start["event"], start["command"], start["portrait"]) == ("start", "talk", "jonas.png")
    assert start["process"] == os.getpid() and start["settings"]["portrait.path"] == "jonas"
    assert (stop["event"], stop["level"], stop["status"]) == ("stop", "ERROR", 4)
    assert stop["why"] == "voice: '…' can't be said"


def test_what_can_t_be_formatted_is_nobody_s_problem(log: Log, capfd: pytest.CaptureFixture[str]) -> None:
    shown: list[str] = []
    log.show(shown.append)
    assert log._waiting is not None
    log._waiting.handle(logging.LogRecord("agent", logging.INFO, __file__, 1, "%d", ("no number",), None))
    log_event(OURS, "odd", problem=Foreign("a\nb"))
    log.close()
    assert capfd.readouterr() == ("", "")
    assert any("odd" in line for line in shown)


# ---- the commands


def run(*arguments: str | Path, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sys, "argv", ["visavis", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not LOG.is_open
    return int(ended.value.code or 0)


def ended_by(
    ending: BaseException | int, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[int, list[dict[str, object]]]:
    """The status of a `talk` that ends so, and its log; a number is a signal, a negative one of one that interrupts."""

    def talked(coroutine: Coroutine[object, object, object]) -> None:
        coroutine.close()
        logging.getLogger("agent.talk").info("it talks")
        if isinstance(ending, BaseException):
            raise ending
        if ending < 0:  # nothing here leaves by itself
            signal.raise_signal(-ending)
        with signals.leaving(lambda: None):
            signal.raise_signal(ending)

    monkeypatch.setattr("agent.commands.live.signals.run", talked)
    status = run(
        *("talk", "--microphone", "none", "--speaker", "none", "--log-json", "--set", f"log.folder={folder}"),
        monkeypatch=monkeypatch,
    )
    return status, [json.loads(line) for line in (folder / "visavis.log").read_text().splitlines()]


@pytest.mark.parametrize(
    ("ending", "status", "why"),
    [
        (BackendError("mind: expected a server, got 'none at all'"), 4, "mind: expected a server, got '…'"),
        (DeviceError("sound: it hangs"), 3, "sound: it hangs"),
        (BaseExceptionGroup("both", [DeviceError("first"), BackendError("second")]), 3, "first"),
        (OSError(28, "No space left on device", "/a/file"), 2, "/a/file: could not be read or written: No space left"),
        (-signal.SIGHUP, 129, "interrupted by SIGHUP"),
        (signal.SIGTERM, 0, "left, asked to by SIGTERM"),
    ],
    ids=str,
)
def test_how_a_program_ended_is_in_its_log(
    ending: BaseException | int, status: int, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, (start, talks, stop) = ended_by(ending, tmp_path, monkeypatch)
    assert found == status == stop["status"] and str(stop["why"]).startswith(why)
    assert (start["event"], talks["message"], stop["event"]) == ("start", "it talks", "stop")
    assert stop["level"] == ("ERROR" if 1 <= status <= 4 else "INFO")


def test_an_error_that_nobody_foresaw_is_one_line_and_its_traceback_is_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    status, lines = ended_by(ZeroDivisionError("what was 'said'"), tmp_path, monkeypatch)
    (line,) = capfd.readouterr().err.splitlines()
    path = tmp_path / "visavis.log"
    assert line == (
        f"visavis: an error that nobody foresaw (ZeroDivisionError); {path} says more, VISAVIS_DEBUG=1 shows it"
    )
    (trace,) = [line for line in lines if line["level"] == "CRITICAL"]
    assert status == 1 and lines[-1]["event"] == "stop" and lines[-1]["status"] == 1
    assert "in talked" in str(trace["message"]) and str(trace["message"]).endswith("ZeroDivisionError: what was '…'")
    monkeypatch.setenv("VISAVIS_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        ended_by(ZeroDivisionError(), tmp_path, monkeypatch)
    assert not LOG.is_open


@pytest.mark.parametrize("arguments", [("--verbose", "devices"), ("devices", "--verbose")])
def test_verbose_stands_before_or_after_a_command(
    arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def listed() -> list[object]:
        OURS.debug("looking for devices")
        return []

    monkeypatch.setattr("speech.devices.listing.sound_devices", listed)
    assert run(*arguments, monkeypatch=monkeypatch) == 0
    told = capfd.readouterr()
    assert "DEBUG   agent.something: looking for devices" in told.err and "No microphone" in told.out
    assert run("devices", monkeypatch=monkeypatch) == 0
    assert capfd.readouterr().err == ""


def test_every_command_has_the_options() -> None:
    def commands(group: typer.core.TyperGroup) -> Iterator[typer.core.TyperCommand]:
        for command in group.commands.values():
            if isinstance(command, typer.core.TyperGroup):
                yield from commands(command)
            else:
                assert isinstance(command, typer.core.TyperCommand)
                yield command

    group = typer.main.get_command(app)
    assert isinstance(group, typer.core.TyperGroup)
    for command in [group, *commands(group)]:
        options = {option for parameter in command.params for option in parameter.opts}
        assert {"--verbose", "--log-json"} <= options, command.name


@pytest.mark.parametrize("words", [False, True])
def test_words_are_kept_where_the_configuration_says_so(words: bool, tmp_path: Path) -> None:
    redaction = Redaction()
    config = load_config(None, [f"log.words={str(words).lower()}"], {"OPENAI_API_KEY": "sesame"})
    note_settings(redaction, config, {"OPENAI_API_KEY": "sesame"})
    assert redaction.apply("got 'good day' with sesame") == ("got 'good day' with …" if words else "got '…' with …")
