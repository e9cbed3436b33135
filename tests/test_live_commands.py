"""`visavis talk`, `mirror` and `devices` as a user runs them, over a real sound server."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from agent.commands.demo import QUESTIONS
from avatar.motion import MotionLayout
from avatar.tracking.track import track_video
from speech.audio import OUTPUT_RATE_HZ, Samples, rms
from speech.files.sound_file import read_audio
from tests.live_program import ROOT, LiveProgram, live_program
from tests.pulse import Pulse, pulse

pytestmark = [pytest.mark.pulse, pytest.mark.timeout(300)]  # on a busy machine a program takes its time to start
DEVICES = ("--microphone", "VisavisMic", "--speaker", "VisavisSpeaker", "--set", "output.size=256")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pulse]:
    with pulse(tmp_path_factory.mktemp("pulse")) as running:
        yield running


def test_devices_are_listed(server: Pulse) -> None:
    command = [sys.executable, "-m", "agent", "devices", "--json"]
    done = subprocess.run(
        command, env={**server.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True
    )
    found = {device["name"]: device for device in json.loads(done.stdout)}
    assert found["VisavisMic"]["inputs"] and found["VisavisSpeaker"]["outputs"]
    shown = subprocess.run(
        command[:-1], env={**server.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True
    )
    assert "VisavisMic" in shown.stdout and "default" in shown.stdout


@pytest.mark.packaged("faster-whisper/tiny.en")
def test_questions_are_answered_and_recorded_though_the_sound_server_dies_between_them(
    server: Pulse, tmp_path: Path
) -> None:
    question = read_audio(QUESTIONS / "1_name.wav", OUTPUT_RATE_HZ)
    with live_program(server, tmp_path, "talk", *DEVICES, "--record", "talk.mp4") as talking:
        talking.wait_for("speak)")
        with server.recording() as recording:
            server.speak(question).wait()
            talking.wait_for("playback end")
            heard = recording.samples()
        server.kill()
        try:
            for device in ("speaker", "microphone"):
                talking.wait_for(f"{device}: it is gone")
        finally:
            server.start()
        for device in ("speaker", "microphone"):
            talking.wait_for(f"{device}: it is there again")
        server.speak(question).wait()
        talking.wait_for("playback end", times=2)
        talking.stop()
        assert talking.process.returncode == 0, talking.said
    assert talking.said.lower().count("what is your name?") == 2
    turn, after = (json.loads(line) for line in (tmp_path / "talk.jsonl").read_text().splitlines())
    (sentence, *_) = turn["sentences"]
    assert "Mira" in turn["heard"] and "Mira" in after["heard"]
    # Half duplex: what it says is not heard by itself, and the recording has it where the transcript says.
    kept = read_audio(tmp_path / "talk.mp4", OUTPUT_RATE_HZ)
    spoken = kept[int(sentence["start_s"] * OUTPUT_RATE_HZ) : int(sentence["end_s"] * OUTPUT_RATE_HZ)]
    loud_s = np.count_nonzero(np.abs(heard) > 1e-3) / OUTPUT_RATE_HZ
    assert np.sqrt(np.mean(spoken**2)) > 0.02 and loud_s > 0.3 * (turn["sentences"][-1]["end_s"] - sentence["start_s"])
    with av.open(str(tmp_path / "talk.mp4")) as container:
        frames = sum(1 for _ in container.decode(video=0))
    assert frames == pytest.approx(len(kept) / OUTPUT_RATE_HZ * 25, abs=3)  # the face went on


@pytest.mark.packaged("faster-whisper/tiny.en")
def test_it_is_cut_off_by_a_user_with_headphones_loses_its_ears_and_is_killed(server: Pulse, tmp_path: Path) -> None:
    name = read_audio(QUESTIONS / "1_name.wav", OUTPUT_RATE_HZ)
    with live_program(server, tmp_path, "talk", *DEVICES, "--headphones", "--record", "talk.mp4") as talking:
        talking.wait_for("speak)")
        with server.recording() as recording:
            server.speak(read_audio(QUESTIONS / "2_private.wav", OUTPUT_RATE_HZ)).wait()
            deadline = time.monotonic() + 20
            while not np.abs(recording.samples()[-OUTPUT_RATE_HZ // 5 :]).max() > 0.01:
                assert time.monotonic() < deadline, "no answer is heard"
                time.sleep(0.05)
            time.sleep(1.0)
            server.speak(name).wait()
        talking.wait_for("(interrupted)")
        talking.wait_for("Mira.")
        helpers = _helpers(talking)
        (ears,) = (int(line.split()[0]) for line in helpers if "whisper_worker" in line)
        os.kill(ears, signal.SIGKILL)  # the next question is heard by another one
        server.speak(name).wait()
        talking.wait_for("Mira.", times=2)
        helpers += _helpers(talking)
        talking.process.kill()
        talking.process.wait()
    assert sum("_process" in line or "_worker" in line for line in helpers) >= 4
    left = [int(line.split()[0]) for line in helpers]
    deadline = time.monotonic() + 20
    while any(is_running(pid) for pid in left):
        assert time.monotonic() < deadline, helpers
        time.sleep(0.05)
    # What there was of it is kept.
    assert sorted(path.name for path in tmp_path.iterdir()) == ["talk.unfinished.jsonl", "talk.unfinished.mp4"]
    turns = [json.loads(line) for line in (tmp_path / "talk.unfinished.jsonl").read_text().splitlines()]
    cut, following, last = turns
    assert cut["interrupted"] and 0 < len(cut["heard"]) < len(cut["reply"]) and cut["reply"].startswith(cut["heard"])
    assert "name" in following["question"] and not following["interrupted"]
    assert "name" in last["question"] and "Mira" in last["heard"]
    with av.open(str(tmp_path / "talk.unfinished.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) >= 50
    assert np.abs(read_audio(tmp_path / "talk.unfinished.mp4", OUTPUT_RATE_HZ)).max() > 0.02


def _helpers(program: LiveProgram) -> list[str]:
    """The processes that work for it: number, and what it runs."""
    command = ["ps", "-ww", "--ppid", str(program.process.pid), "-o", "pid=,args="]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


@pytest.mark.real_time
@pytest.mark.measured  # alone: a microphone that is starved for a moment tears the voice in two
def test_a_mirrored_voice_comes_out_with_a_face(server: Pulse, tmp_path: Path) -> None:
    speech = read_audio(QUESTIONS / "1_name.wav", OUTPUT_RATE_HZ)
    with (
        live_program(server, tmp_path, "mirror", *DEVICES, "--record", "mirror.mp4") as mirroring,
        server.recording() as recording,
    ):
        mirroring.wait_for("speak)")
        time.sleep(0.7)  # a face at rest, before and after
        server.speak(speech).wait()
        time.sleep(1.5)
        mirroring.stop()
        assert mirroring.process.returncode == 0, mirroring.said
        heard = recording.samples()
    kept = read_audio(tmp_path / "mirror.mp4", OUTPUT_RATE_HZ)
    for sound in (heard, kept):
        # In pieces: a busy machine loses some of 20 ms, which shifts what follows.
        delays = delays_of(speech, sound)
        at = int(np.median([delay for delay in delays if delay is not None]))
        in_place = [delay is not None and abs(delay - at) < 0.1 * OUTPUT_RATE_HZ for delay in delays]
        assert len(delays) > 8 and np.mean(in_place) > 0.7, delays
    jaw = track_video(tmp_path / "mirror.mp4").values[:, MotionLayout.INDEX["jawOpen"]]
    first, last = (round(sample / OUTPUT_RATE_HZ * 25) for sample in (at, at + len(speech)))
    open_mouth = np.percentile(jaw[first:last], 90)
    closed = np.percentile(np.concatenate([jaw[5 : first - 5], jaw[last + 10 :]]), 90)
    assert open_mouth > closed + 0.1, "the mouth moves with the voice"


def test_a_missing_microphone_is_one_clear_line(server: Pulse, tmp_path: Path) -> None:
    with live_program(server, tmp_path, "talk", "--microphone", "Studio 9") as talking:
        talking.wait(60)
        assert talking.process.returncode == 2, talking.said
    said = talking.said
    assert re.search(r"visavis: microphone: expected one of .*, got 'Studio 9'", said) and said.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_missing_devices_are_told_and_the_face_goes_on(server: Pulse, tmp_path: Path) -> None:
    environ = {**server.environ, "PULSE_SERVER": f"unix:{tmp_path}/nobody", "HOME": str(tmp_path)}
    elsewhere = Pulse(environ, tmp_path)
    options = ("--camera", "--set", "camera.device=/dev/video99", "--set", "ears.backend=pocketsphinx")
    with live_program(elsewhere, tmp_path, "talk", *options, "--record", "talk.mp4") as talking:
        talking.wait_for("speak)")
        time.sleep(1.5)
        talking.stop()
        assert talking.process.returncode == 0, talking.said
    lines = [line for line in talking.said.splitlines() if line.startswith("! ")]
    assert len(lines) == 3
    assert any("microphone" in line for line in lines) and any("speaker" in line for line in lines)
    assert any("/dev/video99" in line for line in lines)
    with av.open(str(tmp_path / "talk.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) > 25


def delays_of(speech: Samples, sound: Samples) -> list[int | None]:
    """How much later each loud piece of 0.1 s is in the sound; None where it is not there."""
    length = OUTPUT_RATE_HZ // 10
    pieces = [(start, speech[start : start + length]) for start in range(0, len(speech) - length, length)]
    size = 1 << (len(sound) + length).bit_length()
    spectrum = np.fft.rfft(sound, size)
    energy = np.convolve(sound.astype(np.float64) ** 2, np.ones(length), "valid") + 1e-9
    found: list[int | None] = []
    for start, piece in pieces:
        if rms(piece) > 0.02:
            likeness = np.fft.irfft(spectrum * np.conj(np.fft.rfft(piece, size)), size)[: len(energy)]
            likeness /= np.sqrt(energy * np.sum(piece**2))
            place = int(np.argmax(likeness))
            found.append(place - start if likeness[place] > 0.8 else None)
    return found


def is_running(pid: int) -> bool:
    """Whether a process does anything still: one that has ended and waits for its parent does not."""
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
