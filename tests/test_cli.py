"""The commands as a user runs them, through the real parts."""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import av
import numpy as np
import pytest

from agent.__main__ import main
from agent.commands.demo import QUESTIONS
from avatar.motion import CSV_HEADER, MotionLayout, read_motion_csv
from speech.audio import OUTPUT_RATE_HZ
from speech.files.sound_file import read_audio
from speech.files.wav_writer import write_wav
from tests.commands import Commands

SMALL = ("--set", "output.size=256")
"""A quarter of the picture is drawn in half of the time, and shows as much of what is asked here."""
QUICK = (*SMALL, "--set", "voice.backend=espeak")


class Visavis(Protocol):
    """Runs one command in a folder and expects that it goes well."""

    def __call__(self, *arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]: ...


@pytest.fixture(scope="module")
def visavis(command: Commands) -> Visavis:
    def run(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
        done = command.run(*arguments, cwd=cwd)
        assert done.returncode == 0, f"{arguments}: exit status {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    return run


@pytest.fixture(scope="module")
def speech(visavis: Visavis, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few seconds of speech, said by the program itself."""
    folder = tmp_path_factory.mktemp("speech")
    visavis(
        "say", "Please bring my paper map of Bombay.", "-o", "speech.wav", "--set", "voice.backend=espeak", cwd=folder
    )
    return folder / "speech.wav"


@pytest.fixture(scope="module")
def answered(visavis: Visavis, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which two questions, one recorded and one typed, have been answered."""
    folder = tmp_path_factory.mktemp("answered")
    question = sorted(QUESTIONS.glob("*.wav"))[0]
    visavis("ask", question, "--text", "What can you do?", "-o", "answer.mp4", "--subtitles", *SMALL, cwd=folder)
    return folder


def test_version_and_help(visavis: Visavis, tmp_path: Path) -> None:
    assert re.fullmatch(r"visavis \d+\.\d+\.\d+\n", visavis("--version", cwd=tmp_path).stdout)
    for command in ("ask", "demo", "render", "transcribe", "say", "voices", "doctor"):
        assert "visavis " + command in visavis(command, "--help", cwd=tmp_path).stdout, "help has an example"


def test_ask_answers_with_a_video_its_transcript_and_subtitles(answered: Path) -> None:
    assert {file.name for file in answered.iterdir()} == {"answer.mp4", "answer.jsonl", "answer.srt"}
    recorded, typed = (json.loads(line) for line in (answered / "answer.jsonl").read_text().splitlines())
    assert "name" in recorded["question"] and "Mira" in recorded["heard"]
    assert typed["question"] == "What can you do?" and typed["heard"] == typed["reply"] != ""
    for turn in (recorded, typed):
        stages = turn["stages_s"]
        in_order = [value for stage, value in stages.items() if stage != "first_moving_mouth"]
        assert in_order == sorted(in_order) and {"first_moving_mouth", "playback_end"} <= set(stages)
    subtitles = (answered / "answer.srt").read_text()
    assert recorded["sentences"][0]["text"] in subtitles and " --> " in subtitles


def test_the_answer_is_audible_where_the_transcript_says_and_the_mouth_moves_there(answered: Path) -> None:
    sound = read_audio(answered / "answer.mp4", OUTPUT_RATE_HZ)
    turns = [json.loads(line) for line in (answered / "answer.jsonl").read_text().splitlines()]
    with av.open(str(answered / "answer.mp4")) as container:
        frames = [frame.to_ndarray(format="gray").astype(np.int16) for frame in container.decode(video=0)]
    assert len(frames) == pytest.approx(len(sound) / OUTPUT_RATE_HZ * 25, abs=2)
    loud = np.zeros(len(sound), bool)
    moves = np.array([np.abs(a[140:215, 90:165] - b[140:215, 90:165]).mean() for a, b in itertools.pairwise(frames)])
    speaking = np.zeros(len(moves), bool)
    for turn in turns:
        for sentence in turn["sentences"]:
            start, end = sentence["start_s"], sentence["end_s"]
            loud[int(start * OUTPUT_RATE_HZ) : int(end * OUTPUT_RATE_HZ)] = True
            speaking[int(start * 25) : int(end * 25)] = True
    assert np.sqrt(np.mean(sound[loud] ** 2)) > 30 * np.sqrt(np.mean(sound[~loud] ** 2))
    assert moves[speaking].mean() > 1.5 * moves[~speaking].mean()


def test_ask_is_reproducible(visavis: Visavis, tmp_path: Path) -> None:
    pictures = []
    for name in ("a.mp4", "b.mp4"):
        visavis("ask", "--text", "hello", "-o", name, "--seed", "7", *QUICK, "-q", cwd=tmp_path)
        with av.open(str(tmp_path / name)) as container:
            pictures.append([frame.to_ndarray(format="gray") for frame in container.decode(video=0)])
    assert len(pictures[0]) == len(pictures[1])
    np.testing.assert_array_equal(np.stack(pictures[0]), np.stack(pictures[1]))


def test_render_writes_video_and_curves_and_plays_curves_back(visavis: Visavis, speech: Path, tmp_path: Path) -> None:
    made = ("-o", "a.mp4", "--motion-out", "a.csv")
    visavis("render", "--audio", speech, "--portrait", "mira", *made, *SMALL, cwd=tmp_path)
    curves = read_motion_csv(tmp_path / "a.csv")
    length_s = len(read_audio(speech, OUTPUT_RATE_HZ)) / OUTPUT_RATE_HZ
    assert len(curves) == int(np.ceil(length_s * 25))
    assert curves[:, MotionLayout.INDEX["jawOpen"]].max() > 0.15, "the mouth opens"
    made = ("-o", "b.mp4", "--motion-out", "b.csv")
    visavis("render", "--motion-in", "a.csv", "--audio", speech, *made, "-q", *SMALL, cwd=tmp_path)
    np.testing.assert_array_equal(read_motion_csv(tmp_path / "b.csv"), curves)
    with av.open(str(tmp_path / "a.mp4")) as a, av.open(str(tmp_path / "b.mp4")) as b:
        for one, other in zip(a.decode(video=0), b.decode(video=0), strict=True):
            np.testing.assert_array_equal(one.to_ndarray(format="gray"), other.to_ndarray(format="gray"))


def test_render_obeys_controls_and_hears_the_other_person(visavis: Visavis, speech: Path, tmp_path: Path) -> None:
    (tmp_path / "turns.csv").write_text("time_s,state,gaze_yaw_deg\n0,listening,\n1,speaking,free\n9,idle,\n")
    tone = np.sin(np.arange(OUTPUT_RATE_HZ) / 20).astype(np.float32) / 4
    write_wav(tmp_path / "user.wav", tone, OUTPUT_RATE_HZ)
    asked = ("--emotion", "happy", "--gaze", "-20,10", "--distance", "1.3", "--composure", "1")
    heard = ("--user-audio", "user.wav", "--mix-user", "--controls", "turns.csv")
    made = ("-o", "a.mp4", "--motion-out", "a.csv")
    done = visavis("render", "--audio", speech, *heard, *asked, *made, *SMALL, cwd=tmp_path)
    assert "the last row of the controls is for 9.00 s, after the end" in done.stderr
    curves, index = read_motion_csv(tmp_path / "a.csv"), MotionLayout.INDEX
    assert curves[-1, index["headDistance"]] == pytest.approx(1.3, abs=0.1)
    yaw = np.degrees(curves[:, index["headYaw"]] + curves[:, index["gazeYaw"]])
    assert yaw[15:25].mean() < -10 < yaw[-10:].mean(), "it looks to its own right, until it is free again"
    first = read_audio(tmp_path / "a.mp4", OUTPUT_RATE_HZ)[: len(tone)]
    alone = read_audio(speech, OUTPUT_RATE_HZ)[: len(tone)]
    assert np.corrcoef(first - alone, tone)[0, 1] > 0.95


def test_the_same_seed_gives_the_same_curves_and_another_seed_others(
    visavis: Visavis, speech: Path, tmp_path: Path
) -> None:
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        visavis("render", "--audio", speech, "--motion-out", f"{name}.csv", "--seed", seed, "-q", cwd=tmp_path)
    a, b, c = ((tmp_path / f"{name}.csv").read_bytes() for name in "abc")
    assert a == b != c
    assert a.splitlines()[0].decode() == ",".join(CSV_HEADER)


def test_transcribe_writes_what_was_said(visavis: Visavis, tmp_path: Path) -> None:
    question = sorted(QUESTIONS.glob("*.wav"))[0]
    (line,) = json.loads(visavis("transcribe", question, "--json", cwd=tmp_path).stdout)
    assert "your name" in line["text"] and 0 <= line["start_s"] < line["end_s"]


def test_say_gives_word_times_and_obeys_rate_and_volume(visavis: Visavis, tmp_path: Path) -> None:
    def said(name: str, *options: str) -> tuple[float, float]:
        arguments = ("say", "One two three.", "-o", name, "--set", "voice.backend=espeak", "--json", *options)
        told = json.loads(visavis(*arguments, cwd=tmp_path).stdout)
        assert [word["word"] for word in told["words"]] == ["One", "two", "three."]
        return told["duration_s"], float(np.sqrt(np.mean(read_audio(tmp_path / name, 16_000) ** 2)))

    normal, slow, quiet = said("a.wav"), said("b.wav", "--rate", "90"), said("c.wav", "--volume", "0.25")
    assert slow[0] > 1.3 * normal[0] and quiet[1] == pytest.approx(0.25 * normal[1], rel=0.15)


def test_voices_are_listed_by_language(visavis: Visavis, tmp_path: Path) -> None:
    voices = json.loads(visavis("voices", "de", "--json", cwd=tmp_path).stdout)
    assert voices and all(voice["language"].startswith("de") for voice in voices)


def test_doctor_finds_everything_in_place(visavis: Visavis, tmp_path: Path) -> None:
    diagnosis = json.loads(visavis("doctor", "--json", cwd=tmp_path).stdout)
    assert diagnosis["complete"] is True


def broken(folder: Path) -> None:
    (folder / "empty.wav").touch()
    (folder / "text.png").write_text("no picture")
    (folder / "text.wav").write_text("no sound")
    write_wav(folder / "silence.wav", np.zeros(32_000, np.float32), 16_000)
    hiss = np.random.default_rng(0).normal(0, 0.05, 32_000).astype(np.float32)
    write_wav(folder / "hiss.wav", hiss, 16_000)
    write_wav(folder / "tone.wav", (0.3 * np.sin(np.arange(16_000) / 5)).astype(np.float32), 16_000)
    (folder / "empty.md").touch()
    (folder / "latin1.md").write_bytes("# Was kostet ein Kännchen?\n\nVier Euro.".encode("latin-1"))
    (folder / "huge.md").write_text("# Question?\n\nAnswer.\n\n" * 400_000)
    (folder / "bad.toml").write_text("[voice]\nraet_wpm = 100\n")
    (folder / "bad.csv").write_text("frame,time\n0,0\n")


ASK = ("ask", "--text", "hello", "-o", "out.mp4")
RENDER = ("render", "--audio", "tone.wav")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("ask", "-o", "out.mp4"), "recorded question or --text"),
        (("ask", "--text", " ", "-o", "out.mp4"), "empty"),
        (("ask", "missing.wav", "-o", "out.mp4"), "missing.wav: expected a sound file, found nothing"),
        (("ask", "empty.wav", "-o", "out.mp4"), "empty.wav: expected a sound file, got an empty file"),
        (("ask", "text.wav", "-o", "out.mp4"), "text.wav: expected sound"),
        (("ask", "hiss.wav", "-o", "out.mp4"), "heard no words"),
        ((*ASK[:-1], "out.avi"), "ends in .mp4"),
        ((*ASK[:-1], "nowhere/out.mp4"), "does not exist"),
        ((*ASK, "--portrait", "missing.jpg"), "missing.jpg"),
        ((*ASK, "--portrait", "text.png"), "text.png"),
        ((*ASK, "--voice", "nobody"), "nobody"),
        ((*ASK, "--rate", "5000"), "80 to 300"),
        ((*ASK, "--config", "bad.toml"), "line 2: unknown key 'voice.raet_wpm'; did you mean 'voice.rate_wpm'"),
        ((*ASK, "--config", "missing.toml"), "missing.toml"),
        ((*ASK, "--set", "voice.rate=3"), "voice.rate_wpm"),
        ((*ASK, "--set", "mind.knowledge=empty.md"), "empty.md"),
        ((*ASK, "--set", "mind.knowledge=latin1.md"), "UTF-8"),
        ((*ASK, "--set", "mind.knowledge=huge.md"), "huge.md"),
        ((*ASK, "--set", "face.weights=text.wav"), "text.wav"),
        ((*ASK, "--set", "face.weights=missing.safetensors"), "missing.safetensors"),
        (RENDER, "there is nothing to make"),
        (("render", "-o", "out.mp4"), "--audio FILE, --user-audio FILE or --motion-in FILE"),
        ((*RENDER, "-o", "out.mp4", "--emotion", "joyful"), "expected one of 'neutral', 'happy', "),
        ((*RENDER, "-o", "out.mp4", "--emotion", "sad", "--intensity", "2"), "expected a number from 0 to 1, got 2"),
        ((*RENDER, "-o", "out.mp4", "--intensity", "0.5"), "--intensity: expected --emotion NAME beside it"),
        ((*RENDER, "-o", "out.mp4", "--gaze", "10"), "--gaze: expected two angles in degrees such as 10,-5, got '10'"),
        ((*RENDER, "-o", "out.mp4", "--gaze", "-10,31"), "controls.gaze_pitch_deg: expected a number from -30 to 30"),
        ((*RENDER, "-o", "out.mp4", "--distance", "3"), "expected a number from 0.7 to 1.5, got 3"),
        ((*RENDER, "-o", "out.mp4", "--composure", "nan"), "face.composure: expected a number from 0 to 1, got nan"),
        ((*RENDER, "-o", "out.mp4", "--state", "asleep"), "--state: expected one of idle, listening, "),
        ((*RENDER, "-o", "out.mp4", "--controls", "bad.csv"), "bad.csv: line 1: unknown column 'frame'"),
        ((*RENDER, "-o", "out.mp4", "--mix-user"), "--mix-user: expected --user-audio FILE beside it"),
        (("render", "--motion-in", "bad.csv", "-o", "out.mp4", "--gaze", "1,1"), "leave out what is asked of the face"),
        (("render", "--motion-in", "bad.csv", "-o", "out.mp4", "--user-audio", "tone.wav"), "or add --mix-user"),
        (("render", "--motion-in", "bad.csv", "-o", "out.mp4"), "bad.csv: line 1"),
        (("render", "--audio", "silence", "-o", "out.mp4"), "silence: expected a sound file"),
        (("transcribe", "silence.wav"), "heard no words"),
        (("say", "", "-o", "out.wav"), "empty"),
        (("say", "hello", "-o", "out.mp3"), "ends in .wav"),
        (("voices", "xx"), "'xx'"),
        (("mirror", "--microphone", "none"), "mirror: expected a microphone, got 'none'"),
        (("talk", "--record", "talk.avi"), "talk.avi: expected a name that ends in .mp4"),
        (("talk", "--mqtt", "127.0.0.1:x"), "mqtt.port: expected a whole number from 1 to 65535"),
        (("talk", "--set", "ears.backend=siri"), "ears.backend: expected one of 'auto', "),
        (("talk", "--set", "mind.backend=openai"), "mind.base_url: expected a server such as"),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, tuple) else "",
)
def test_bad_input_is_one_clear_line_and_leaves_nothing(
    arguments: tuple[str, ...],
    expected: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    broken(tmp_path)
    before = {file.name for file in tmp_path.iterdir()}
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["visavis", *arguments])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    told = capfd.readouterr().err
    lines = [line for line in told.splitlines() if line.startswith("visavis: ")]
    assert len(lines) == 1 and expected in lines[0] and "Traceback" not in told, told
    assert {file.name for file in tmp_path.iterdir()} == before


def test_silence_among_questions_is_answered_by_saying_so(visavis: Visavis, tmp_path: Path) -> None:
    broken(tmp_path)
    visavis("ask", "silence.wav", "--text", "hello", "-o", "a.mp4", "-q", *QUICK, cwd=tmp_path)
    turns = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert "didn't catch that" in turns[0]["heard"] and turns[1]["heard"]


def test_ctrl_c_cleans_up(speech: Path, tmp_path: Path) -> None:
    sound = np.tile(read_audio(speech, 16_000), 100)
    write_wav(tmp_path / "long.wav", sound, 16_000)
    command = [sys.executable, "-m", "agent", "render", "--audio", "long.wav", "-o", "long.mp4"]
    running = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    _wait_until(lambda: any(file.name.startswith(".visavis-") for file in tmp_path.iterdir()), running)
    running.send_signal(signal.SIGINT)
    _, errors = running.communicate(timeout=60)
    assert running.returncode == 130 and "Traceback" not in errors
    assert [file.name for file in tmp_path.iterdir()] == ["long.wav"]


def _wait_until(happened: Callable[[], bool], running: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 120
    while not happened():
        assert running.poll() is None and time.monotonic() < deadline, "it never began to write"
        time.sleep(0.05)


@pytest.mark.testdata
def test_real_questions_are_answered(visavis: Visavis, test_data: Path, tmp_path: Path) -> None:
    names = ("q_brooklyn.wav", "q_time_google.wav", "q_weather_azure.wav")
    visavis("ask", *(test_data / "questions" / name for name in names), "-o", "a.mp4", "-q", *QUICK, cwd=tmp_path)
    turns = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert len(turns) == len(names)
    for turn in turns:
        assert len(turn["question"].split()) >= 3 and turn["heard"] == turn["reply"] != ""


def test_the_environment_of_the_tests_is_the_packages_own() -> None:
    """The commands above must have run this tree, not another one that happens to be installed."""
    where = subprocess.run(
        [sys.executable, "-c", "import agent; print(agent.__file__)"], capture_output=True, text=True, check=True
    )
    assert Path(where.stdout.strip()).parent == Path(__file__).parent.parent / "agent"
    assert os.environ.get("VISAVIS_CONFIG") is None
