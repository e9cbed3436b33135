"""Full disks, missing homes, closed terminals, odd names: one line that says so, or the work goes on without."""

from __future__ import annotations

import errno
import io
import json
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import NoReturn

import av
import numpy as np
import pytest
from rich.console import Console
from rich.live import Live

from agent.__main__ import main
from agent.commands.options import check_target, make_folder
from agent.commands.transcript_log import TranscriptLog
from agent.config.config import Config, load_config
from agent.console import streams
from agent.console.subtitles import write_subtitles
from agent.console.waterfall import plot_waterfall
from agent.conversation.events import TurnFinished
from agent.conversation.turn import Turn, TurnRecord
from avatar.decoder import FRAME_SIZE, VideoFrame
from avatar.evaluation.reports.html import write_html
from avatar.evaluation.results import Evaluation
from avatar.motion import MotionLayout
from avatar.outputs.motion_csv import MotionCsvOutput
from avatar.outputs.video_file import VideoFileOutput
from avatar.placing.landmarks_file import PlacedFace, write_landmarks
from avatar.placing.points import NAMES
from avatar.portrait.portrait import load_portrait
from avatar.sampler.checkpoint import save_checkpoint, untrained
from avatar.tracking.files import write_confidence, write_curves
from avatar.training.curves import plot_curves
from avatar.training.scene_store import SceneStore
from avatar.training.scenes import MadeScene
from speech.errors import InputError
from speech.files.media import open_media
from speech.files.wav_writer import write_wav
from speech.user_folders import cache_folder, data_folder, state_folder
from tests.full_disk import disk_of

PORTRAITS = Path(__file__).parent.parent / "avatar" / "assets" / "portraits"

MOTION = np.zeros((500, MotionLayout.SIZE), np.float32)
POINTS = dict.fromkeys(NAMES, np.zeros(2, np.float32))


def csv_output(path: Path) -> None:
    with MotionCsvOutput(path) as output:
        for row in MOTION:
            output.write(None, np.zeros(1920, np.float32), row)


def training_data(path: Path) -> None:
    frames = np.zeros((50, 4), np.float32)
    with SceneStore(path.parent) as store:
        scene = MadeScene(frames, frames, frames, frames, frames[:, 0], [], np.zeros(50 * 640, np.float32))
        store.add(scene, validation=False)
        store.finish({})


def transcripts(path: Path) -> None:
    transcript_log = TranscriptLog(Config(), quiet=True)
    transcript_log.records = [_Turn()]  # type: ignore[list-item]
    transcript_log.write(path)


class _Turn:
    def as_json(self) -> dict[str, object]:
        return {"heard": "hello " * 1000}


WRITERS = {
    "a.wav": lambda path: write_wav(path, np.zeros(16_000, np.float32), 16_000),
    "motion.csv": csv_output,
    "curves.csv": lambda path: write_curves(path, MOTION),
    "confidence.csv": lambda path: write_confidence(path, np.ones(2000, np.float32)),
    "a.html": lambda path: write_html(Evaluation("Test", {}, []), path),
    "a.safetensors": lambda path: save_checkpoint(path, untrained()),
    "a.landmarks.json": lambda path: write_landmarks(path, PlacedFace(POINTS), (100, 100)),
    "plot.png": lambda path: plot_waterfall(path, [], "nothing"),
    "curves.png": lambda path: plot_curves([(1, "flow", 1.0, 1.0)], path),
    "a.jsonl": transcripts,
    "features.npy": training_data,
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_full_disk_is_one_line_and_leaves_the_old_file(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("old")
    with pytest.raises(InputError, match=os.strerror(errno.EFBIG)) as failed, disk_of(64):
        WRITERS[name](tmp_path / name)
    assert str(tmp_path) in str(failed.value)
    assert [path.name for path in tmp_path.iterdir()] == [name] and (tmp_path / name).read_text() == "old"


def test_subtitles_onto_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(InputError, match=r"a\.srt: .*No space left"):
        write_subtitles(tmp_path / "a.srt", [])
    assert not list(tmp_path.iterdir())


def test_a_full_cache_costs_only_time(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with disk_of(4096):
        portrait = load_portrait(PORTRAITS / "mira.png", cache_dir=tmp_path)
    assert portrait.size == FRAME_SIZE and not list(tmp_path.iterdir())
    assert "Exception ignored" not in capfd.readouterr().err


def test_what_is_private_is_the_users_alone(tmp_path: Path) -> None:
    cache = tmp_path / "cache" / "visavis"
    load_portrait(PORTRAITS / "mira.png", cache_dir=cache)
    transcripts(tmp_path / "a.mp4")
    make_folder(tmp_path / "kept", private=True)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (cache, tmp_path / "a.jsonl", tmp_path / "kept")}
    assert modes == {"visavis": 0o700, "a.jsonl": 0o600, "kept": 0o700}
    assert [stat.S_IMODE(entry.stat().st_mode) for entry in cache.iterdir()] == [0o600]


def test_no_home_at_all(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for variable in ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(variable, raising=False)

    def homeless(_: int) -> NoReturn:
        raise KeyError("getpwuid(): uid not found")

    monkeypatch.setattr("pwd.getpwuid", homeless)
    assert cache_folder() == Path("/nonexistent/visavis/cache")
    assert data_folder().parts[:2] == state_folder().parts[:2] == ("/", "nonexistent")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache_folder() == Path("/nonexistent/visavis/cache")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "visavis"


def test_transcripts_that_cannot_be_written_are_told_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").mkdir()
    transcript_log = TranscriptLog(Config(), quiet=True)
    transcript_log.check(tmp_path / "b.mp4")
    with pytest.raises(InputError, match=r"a\.jsonl: expected a file to write, this is a folder"):
        transcript_log.check(tmp_path / "a.mp4")
    (tmp_path / "file").touch()
    for place, why in (
        ("file", "this is a file"),
        ("file/in-it", "could not make it"),
        ("/proc/x", "could not make it"),
    ):
        kept = load_config(None, [f"session.keep_transcripts={tmp_path / place}"], {})
        with pytest.raises(InputError, match=why):
            TranscriptLog(kept, quiet=True).check(None)


def test_both_transcripts_are_tried(tmp_path: Path) -> None:
    kept = load_config(None, [f"session.keep_transcripts={tmp_path / 'kept'}"], {})
    transcript_log = TranscriptLog(kept, quiet=True)
    transcript_log.check(None)
    transcript_log.on_event(TurnFinished(TurnRecord(Turn(0, 0))))
    with pytest.raises(InputError, match="does not exist"):
        transcript_log.write(tmp_path / "missing" / "a.mp4")
    assert len(list((tmp_path / "kept").iterdir())) == 1


def clip(path: Path, seconds: float) -> None:
    frame = np.full((FRAME_SIZE, FRAME_SIZE, 3), 128, np.uint8)
    with VideoFileOutput(path) as output:
        for number in range(round(seconds * 25)):
            output.write(VideoFrame(frame, number), np.zeros(1920, np.float32), MOTION[0])


def test_two_recordings_of_one_name_at_once_both_end_and_one_stays_whole(tmp_path: Path) -> None:
    target = tmp_path / "a.mp4"
    others = [threading.Thread(target=clip, args=(target, seconds)) for seconds in (0.4, 0.8)]
    for other in others:
        other.start()
    for other in others:
        other.join()
    with av.open(str(target)) as container:
        assert sum(1 for _ in container.decode(video=0)) in (10, 20)
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


@pytest.mark.parametrize("name", ["10:30", "-5 degrees", "n" * 250, "a%03d", "http:", "“quoted” 😀"])
def test_any_name_is_a_files(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    check_target(Path(f"{name}.wav"), ".wav")
    write_wav(Path(f"{name}.wav"), np.full(1600, 0.5, np.float32), 16_000)
    with open_media(Path(f"{name}.wav"), "a sound file") as container:
        assert sum(frame.samples for frame in container.decode(audio=0)) == 1600
    clip(Path(f"{name}.mp4"), 0.08)
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{name}.mp4", f"{name}.wav"]


def run(*arguments: str, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sys, "argv", ["visavis", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("say", "-5 degrees", "-o", "a.wav"), 'such as visavis say -- "-5 degrees"'),
        (("transcribe", "-take1.wav"), "stands after --"),
        (("say", "hello", "-o", "a.wav", "--nope"), "no such option: --nope"),
        (("render", "--sate", "idle"), "(Possible options: --set, --square, --state); see visavis render --help"),
        (("say", "-o", "a.wav"), "say: missing argument 'text'; see visavis say --help"),
        (("nothing",), "No such command 'nothing'; see visavis --help"),
    ],
)
def test_misuse_is_one_line(
    arguments: tuple[str, ...], expected: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(*arguments, monkeypatch=monkeypatch) == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("visavis: ") and expected in line


def test_what_begins_with_a_dash_is_said_after_two(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    voice = ("--set", "voice.backend=espeak", "--json", "-q")
    assert run("say", *voice, "-o", "-5.wav", "--", "-5 degrees", monkeypatch=monkeypatch) == 0
    assert [word["word"] for word in json.loads(capfd.readouterr().out)["words"]] == ["-5", "degrees"]
    assert Path("-5.wav").stat().st_size > 1000


def test_an_error_that_nobody_foresaw_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def fails(error: BaseException) -> None:
        def devices() -> object:
            raise error

        monkeypatch.setattr("speech.devices.listing.sound_devices", devices)

    for error, line in (
        (PermissionError(errno.EACCES, "Permission denied", "/some/file"), "/some/file: could not be read or written"),
        (OSError(errno.EIO, "Input/output error"), "a file or device could not be read or written: Input/output error"),
        (MemoryError(), "expected more memory"),
        (BaseExceptionGroup("two", [InputError("first"), OSError(errno.EIO, "second")]), "first"),
    ):
        fails(error)
        assert run("devices", monkeypatch=monkeypatch) == 2
        assert capfd.readouterr().err.startswith(f"visavis: {line}")
    fails(OSError(errno.EIO, "Input/output error"))
    monkeypatch.setenv("VISAVIS_DEBUG", "1")
    monkeypatch.setattr(sys, "argv", ["visavis", "devices"])
    with pytest.raises(OSError, match="Input/output error"):
        main()
    monkeypatch.delenv("VISAVIS_DEBUG")
    fails(RuntimeError("a fault of the program's own"))
    with pytest.raises(RuntimeError, match="own"):
        main()


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_letters_that_an_output_does_not_know_are_escaped_as_json_escapes_them(
    encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = io.BytesIO()
    output = io.TextIOWrapper(content, encoding=encoding, errors="strict")
    monkeypatch.setattr(sys, "stdout", output)
    monkeypatch.setattr(sys, "__stdout__", output)
    streams.prepare()
    value = {"name": "Română ș … 😀 \udce9"}
    print(json.dumps(value, ensure_ascii=False))
    streams.flush()
    assert json.loads(content.getvalue().decode(encoding)) == value


def test_messages_reach_a_terminal_beside_a_line_at_its_bottom(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    console = Console(file=streams.StandardError(), force_terminal=True)  # type: ignore[arg-type]
    with Live("at the bottom", console=console, refresh_per_second=20):
        console.print("a message")
    assert "a message" in terminal.getvalue()


def test_a_terminal_that_is_gone_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(sys, "stderr", Gone())
    console = Console(file=streams.StandardError(), force_terminal=True)  # type: ignore[arg-type]
    with Live("at the bottom", console=console):
        console.print("a message")


SHELL = r"""
"$PYTHON" -m agent --version > /dev/full 2> full & a=$!
"$PYTHON" -m agent --version >&- 2> closed & b=$!
"$PYTHON" -m agent --version <&- 2> /dev/full > stderr & c=$!
wait $a; echo $? >> full; wait $b; echo $? >> closed; wait $c; echo $? >> stderr
"""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_standard_streams_that_are_full_or_closed(tmp_path: Path) -> None:
    env = {**os.environ, "PYTHON": sys.executable, "PYTHONPATH": os.pathsep.join(sys.path)}
    env.pop("PYTHONUNBUFFERED", None)
    subprocess.run(["sh", "-c", SHELL], cwd=tmp_path, env=env, check=True, timeout=120)
    told = {path.name: path.read_text().splitlines() for path in tmp_path.iterdir()}
    output = "visavis: standard output: could not be read or written: "
    assert told["full"] == [f"{output}No space left on device", "2"]
    assert told["closed"] == [f"{output}Bad file descriptor", "2"]
    assert told["stderr"][1:] == ["0"] and told["stderr"][0].startswith("visavis ")


def test_nothing_is_reported_to_the_makers_of_libraries(tmp_path: Path) -> None:
    code = "from speech.turns.vad import SileroVAD; SileroVAD()"
    env = {name: value for name, value in os.environ.items() if name not in ("ORT_DISABLE_TELEMETRY", "CI")}
    env |= {"TMPDIR": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", code], env=env, check=True, timeout=120)
    assert not list(tmp_path.iterdir()), "ONNX Runtime keeps the number of its session there when it reports"
