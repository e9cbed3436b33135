"""A live conversation measured from outside: what was spoken into the microphone, and what really came out.

    python -m benchmarks.live                              # three minutes
    python -m benchmarks.live --minutes 10 --plot soak.png
    python -m benchmarks.live --minutes 1 --voice espeak
    python -m benchmarks.live --minutes 1 --load 2         # beside two busy loops

The program talks over PulseAudio's null sinks and a camera that is a FUSE file, as it would over real devices. Both
sinks are recorded with times, every picture carries its frame's number, so that nothing is taken from the program's
own reports but the counts of late frames. Every other question is asked while the avatar speaks (headphones).

- answer: from the last sample of the question to the first audible sample of the answer, end-of-turn wait included
- interruption: from the first sample of the user's voice to the last audible sample
- offset: a picture's arrival at the camera minus the time at which its sound was heard; recorders are up to 10 ms late
"""

from __future__ import annotations

import argparse
import json
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from agent.commands.demo import QUESTIONS
from benchmarks.emitted import TimedRecording, delay_s, loud_frames, number_of
from benchmarks.live_report import LiveMeasurements, plot, report
from benchmarks.memory import memory_mb
from benchmarks.report import print_machine
from speech.audio import OUTPUT_RATE_HZ, Samples
from speech.files.sound_file import read_audio
from tests.fuse_camera import FuseCamera, fuse_camera
from tests.pulse import Pulse, pulse

FRAME_SAMPLES = OUTPUT_RATE_HZ // 25
AUDIBLE = 1e-3
SPOKEN = 0.01  # -40 dBFS: the questions are recordings with little noise
WINDOW_S = 1.0
OVERRIDES = (
    "devices.microphone=VisavisMic",
    "devices.speaker=VisavisSpeaker",
    "devices.headphones=true",
    "camera.size=512x512",
)


class Talker:
    """The running program and the lines that it reports."""

    def __init__(self, environ: dict[str, str], camera: str, sound: Path, overrides: list[str], *options: str) -> None:
        command = [sys.executable, "-m", "benchmarks.live_talker", "--camera", camera, "--sound", str(sound), *options]
        self.process = subprocess.Popen(
            [*command, *overrides], env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._lines: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()
        self.received: list[dict[str, Any]] = []

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(json.loads(line))
        self._lines.put(None)

    def wait_for(self, kind: str, timeout_s: float, **fields: Any) -> bool:
        """Waits until it reports this kind; False if it doesn't in time.

        Raises:
            RuntimeError: it has ended.
        """
        deadline = time.monotonic() + timeout_s
        while (left_s := deadline - time.monotonic()) > 0:
            try:
                line = self._lines.get(timeout=left_s)
            except queue.Empty:
                return False
            if line is None:
                raise RuntimeError("the program has ended")
            self.received.append(line)
            if line["kind"] == kind and all(line.get(key) == value for key, value in fields.items()):
                return True
        return False

    def request(self, line: str) -> None:
        """Asks for something: "say TEXT", "stop"."""
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def take(self) -> list[dict[str, Any]]:
        """What it has reported and nobody has waited for; also kept in `received`."""
        lines = []
        while not self._lines.empty() and (line := self._lines.get()) is not None:
            lines.append(line)
        self.received += lines
        return lines

    def leave(self) -> None:
        """Ends the conversation and takes what it still reports."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        while (line := self._lines.get(timeout=120)) is not None:
            self.received.append(line)
        self.process.wait(60)
        if self.process.stdout is not None:
            self.process.stdout.close()


def converse(minutes: float, overrides: list[str]) -> LiveMeasurements:
    """Holds a conversation for so long and measures it."""
    questions = [read_audio(path, OUTPUT_RATE_HZ) for path in sorted(QUESTIONS.glob("*.wav"))]
    measured = LiveMeasurements()
    with (
        tempfile.TemporaryDirectory() as name,
        pulse(Path(name)) as sound_system,
        fuse_camera(Path(name) / "camera", 512, 512) as camera,
        TimedRecording(sound_system.environ, "speaker.monitor") as speaker,
        TimedRecording(sound_system.environ, "micsink.monitor") as microphone,
    ):
        kept = Path(name) / "sound.raw"
        talker = Talker(with_own_cache(sound_system.environ), camera.device, kept, overrides)
        arrivals: list[tuple[float, int]] = []
        assert talker.wait_for("ready", 120)
        began = time.monotonic()
        with watching(talker, camera, arrivals, measured, began):
            asked = 0
            while time.monotonic() - began < minutes * 60:
                _ask(talker, sound_system, questions, asked)
                asked += 1
            talker.leave()
        measured.end = next(line for line in talker.received if line["kind"] == "end")
        measured.problems = [line["message"] for line in talker.received if line["kind"] == "problem"]
        _latencies(measured, speaker, microphone, began)
        find_offsets(measured, speaker, np.fromfile(kept, "<f4"), arrivals, began)
        for line in talker.received:
            stages = line["record"]["stages_s"] if line["kind"] == "turn" else {}
            if {"first_audio", "first_moving_mouth"} <= set(stages):
                measured.stages_s.append(stages)
                measured.moving_after_sound_s.append(stages["first_moving_mouth"] - stages["first_audio"])
    return measured


@contextmanager
def busy_loops(count: int) -> Iterator[None]:
    """Keeps so many cores busy, at the usual priority, while the context lasts."""
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def with_own_cache(environ: dict[str, str]) -> dict[str, str]:
    """The sound system's environment, which has a home of its own, with the user's cache of analysed portraits."""
    return {**environ, "XDG_CACHE_HOME": str(Path.home() / ".cache")}


def _ask(talker: Talker, sound_system: Pulse, questions: list[Samples], number: int) -> None:
    """One question, and one more into the answer."""
    first, second = (questions[(2 * number + offset) % len(questions)] for offset in (0, 1))
    sound_system.speak(first).wait()
    if talker.wait_for("state", 10, state="speaking"):
        time.sleep(0.6)
        sound_system.speak(second).wait()
    talker.wait_for("state", 30, state="speaking")
    talker.wait_for("turn", 60)
    time.sleep(1.0)


@contextmanager
def watching(
    talker: Talker, camera: FuseCamera, arrivals: list[tuple[float, int]], measured: LiveMeasurements, began: float
) -> Iterator[None]:
    """Reads the numbers of the camera's pictures and the memory while the context lasts."""
    over = threading.Event()

    def watch_camera() -> None:
        while not over.is_set():
            try:
                frame = camera.receive(0.5)
            except queue.Empty:
                continue
            arrivals.append((frame.at_s, number_of(frame.i420[:512])))

    def watch_memory() -> None:
        while not over.wait(5.0):
            measured.memory.append((time.monotonic() - began, memory_mb(talker.process.pid)))

    threads = [threading.Thread(target=target) for target in (watch_camera, watch_memory)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


def _spans(loud: np.ndarray, gap_s: float) -> list[tuple[float, float]]:
    """Spans of 10 ms frames in seconds, over gaps shorter than `gap_s`."""
    where = np.flatnonzero(loud)
    if not len(where):
        return []
    breaks = np.flatnonzero(np.diff(where) > gap_s * 100)
    starts, ends = np.r_[where[0], where[breaks + 1]], np.r_[where[breaks], where[-1]] + 1
    return [(start / 100, end / 100) for start, end in zip(starts, ends, strict=True)]


def _latencies(measured: LiveMeasurements, speaker: TimedRecording, microphone: TimedRecording, began: float) -> None:
    """Pairs what the user said with what the avatar said."""
    said = [
        (start + microphone.start_s(), end + microphone.start_s())
        for start, end in _spans(loud_frames(microphone.samples(), SPOKEN), 0.45)
    ]
    answered = [
        (start + speaker.start_s(), end + speaker.start_s())
        for start, end in _spans(loud_frames(speaker.samples(), AUDIBLE), 0.25)
    ]
    for number, (start, end) in enumerate(said):
        following = said[number + 1][0] if number + 1 < len(said) else np.inf
        cut = [span for span in answered if span[0] < start < span[1]]
        if cut:
            measured.interruptions_s.append(cut[0][1] - start)
        first = next((span[0] for span in answered if span[0] > end), np.inf)
        if first < min(following, end + 3.0):
            measured.answers_s.append(first - end)


def find_offsets(
    measured: LiveMeasurements, speaker: TimedRecording, kept: Samples, arrivals: list[tuple[float, int]], began: float
) -> None:
    """Finds every audible second of the timeline in the recording, and compares with the pictures of that second."""
    recorded = speaker.samples()
    size = round(WINDOW_S * OUTPUT_RATE_HZ)
    times, numbers = np.array([at_s for at_s, _ in arrivals]), np.array([number for _, number in arrivals])
    for start in range(0, len(kept) - size, size):
        piece = kept[start : start + size]
        pictures = (numbers >= start // FRAME_SAMPLES) & (numbers < (start + size) // FRAME_SAMPLES)
        if np.sqrt(np.mean(np.square(piece))) < 0.02 or not pictures.any():
            continue
        # The search begins two seconds before the first picture of the piece and ends two seconds after it.
        low = speaker.sample_at(times[pictures][0] - 2.0)
        found_s, likeness = delay_s(recorded[low : low + size + 4 * OUTPUT_RATE_HZ], piece)
        if likeness < 0.7:  # cut off, or the speaker ran dry in it
            continue
        heard_s = speaker.time_s(low + found_s * OUTPUT_RATE_HZ)
        for at_s, number in zip(times[pictures], numbers[pictures], strict=True):
            offset = at_s - (heard_s + (number * FRAME_SAMPLES - start) / OUTPUT_RATE_HZ)
            measured.offsets.append((at_s - began, offset))


def main() -> None:
    """Runs the conversation that was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--voice", choices=("espeak", "flite", "auto"), default="auto")
    parser.add_argument("--portrait", default="mira")
    parser.add_argument("--load", type=int, default=0, help="busy loops beside it, for the whole conversation")
    parser.add_argument("--plot", type=Path, help="PNG of offsets, memory and latencies")
    parser.add_argument("overrides", nargs="*", help="settings as section.key=value")
    options = parser.parse_args()
    overrides = [
        *OVERRIDES,
        f"portrait.path={options.portrait}",
        f"voice.backend={options.voice}",
        *options.overrides,
    ]
    print_machine(
        "torch", "sounddevice", "pyvirtualcam", "pocketsphinx", threads=1, minutes=options.minutes, load=options.load
    )
    with busy_loops(options.load):
        measured = converse(options.minutes, overrides)
    report(measured)
    if options.plot is not None:
        plot(measured, options.plot)


if __name__ == "__main__":
    main()
