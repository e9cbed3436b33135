"""The whole program: cold start, latency of answers in real time, speed of `render`, memory.

    python -m benchmarks.end_to_end                      # everything, about three minutes
    python -m benchmarks.end_to_end --only latency --turns 20
    python -m benchmarks.end_to_end --portrait me.jpg --voice espeak

Latency is counted from the last sample of a question, fed at real-time pace, to the moment when the outputs have taken
the first audible sample and a frame whose mouth has moved; the silence that ends a turn is a setting, so it is shown
apart. The video is encoded meanwhile, as in a real recording.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from agent.commands.conversation import load_questions
from agent.commands.demo import QUESTIONS
from agent.config.config import Config, load_config
from agent.conversation.events import Event, TurnFinished
from agent.conversation.questions import Questions
from agent.conversation.turn import TurnRecord
from agent.engine import load_engine
from avatar.outputs.opening import open_outputs, required
from avatar.outputs.video_file import VideoFileOutput
from benchmarks.memory import memory_mb
from benchmarks.report import print_machine, print_percentiles

PARTS = ("cold", "latency", "render", "memory")
COLD_START = """
import time; began = time.time()
import asyncio, os, sys
from agent.engine import load_engine
from agent.config.config import load_config
from agent.conversation.events import TypedText
from agent.conversation.questions import Questions
from avatar.outputs.opening import open_outputs, required

class FirstFrame:
    def write(self, frame, sound, motion):
        print(time.time() - began, flush=True); os._exit(0)
    def __enter__(self): return self
    def __exit__(self, *_): pass

async def main():
    config = load_config(None, sys.argv[1:], {})
    asked = Questions([TypedText("hello")], real_time=True)
    async with load_engine(config) as engine, open_outputs(required(FirstFrame())) as outputs:
        async with engine.session(asked, outputs, on_event=lambda event: None) as session:
            await session.run()
asyncio.run(main())
"""


def cold_starts(overrides: list[str], runs: int) -> list[float]:
    """Seconds from a fresh interpreter to the first frame, everything loaded; the portrait's analysis is cached."""
    seconds = []
    for _ in range(runs + 1):
        command = [sys.executable, "-c", COLD_START, *overrides]
        seconds.append(float(subprocess.run(command, capture_output=True, text=True, check=True).stdout))
    return seconds[1:]  # the first run fills the caches


async def answer_all(config: Config, turns: int, video: Path) -> tuple[list[TurnRecord], int, int]:
    """Asks the shipped questions in turn, in real time; returns the records, late frames and all frames."""
    files = sorted(QUESTIONS.glob("*.wav"))
    asked = load_questions([files[i % len(files)] for i in range(turns)], [])
    records: list[TurnRecord] = []

    def on_event(event: Event) -> None:
        if isinstance(event, TurnFinished):
            records.append(event.record)

    silence_s = config.ears.end_of_turn_s + 0.3
    audio = Questions(asked, real_time=True, silence_after_s=silence_s, pause_before_s=0.3)
    async with (
        load_engine(config) as engine,
        open_outputs(required(VideoFileOutput(video))) as outputs,
        engine.session(audio, outputs, on_event=on_event) as session,
    ):
        await session.run()
        return records, session.frames_late, session.frames


def latency(config: Config, turns: int, folder: Path) -> None:
    """Prints each stage's percentiles."""
    records, late, frames = asyncio.run(answer_all(config, turns + 1, folder / "latency.mp4"))
    answered = [record.since_speech_end() for record in records[1:] if record.sentences]  # the first one warms up
    for stage in ("transcript", "first_token", "first_sentence", "first_audio", "first_moving_mouth"):
        after_turn_end = [1000 * (times[stage] - times["turn_end"]) for times in answered]
        print_percentiles(f"end of turn decided -> {stage}", after_turn_end, "ms")
    both = [max(times["first_audio"], times["first_moving_mouth"]) for times in answered]
    without_wait = [1000 * (time - times["turn_end"]) for time, times in zip(both, answered, strict=True)]
    print_percentiles("answer, without the end-of-turn wait", without_wait, "ms", "<= 500 median")
    print_percentiles("answer, with it", [1000 * time for time in both], "ms")
    print(f"late frames: {late} of {frames}; heard: {dict(Counter(record.question for record in records[1:]))}")


def render_speed(overrides: list[str], runs: int, folder: Path) -> list[float]:
    """Seconds of speech rendered a second by `visavis render`, start-up included, for 60 s of speech."""
    speech = folder / "speech.wav"
    sentence = "This is a sentence that takes a little while to say, and it is followed by another one. "
    base = [sys.executable, "-m", "agent"]
    subprocess.run([*base, "say", sentence * 11, "-o", str(speech), "-q"], check=True)
    options = [part for override in overrides for part in ("--set", override)]
    command = [*base, "render", "--audio", str(speech), "-o", str(folder / "render.mp4"), "-q", *options]
    from speech.audio import OUTPUT_RATE_HZ
    from speech.files.sound_file import read_audio

    length_s = len(read_audio(speech, OUTPUT_RATE_HZ)) / OUTPUT_RATE_HZ
    ratios = []
    for _ in range(runs + 1):
        began = time.perf_counter()
        subprocess.run(command, check=True)
        ratios.append(length_s / (time.perf_counter() - began))
    print(f"({length_s:.1f} s of speech)")
    return ratios[1:]


def memory_of_ask(overrides: list[str], folder: Path) -> float:
    """Peak memory of `visavis ask` and the recogniser's process in MB, pages that they share counted once (Linux)."""
    options = [part for override in overrides for part in ("--set", override)]
    question = sorted(QUESTIONS.glob("*.wav"))[0]
    ask = subprocess.Popen(
        [sys.executable, "-m", "agent", "ask", str(question), "-o", str(folder / "a.mp4"), "-q", *options]
    )
    peak_mb = 0.0
    while ask.poll() is None:
        peak_mb = max(peak_mb, memory_mb(ask.pid))
        time.sleep(0.05)
    return peak_mb


def main() -> None:
    """Runs the parts that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=PARTS, action="append", help="may be repeated; all by default")
    parser.add_argument("--turns", type=int, default=12, help="answers to time")
    parser.add_argument("--runs", type=int, default=5, help="cold starts and renderings to time")
    parser.add_argument("--portrait", default="mira")
    parser.add_argument("--voice", choices=("espeak", "flite", "auto"), default="auto")
    options = parser.parse_args()
    overrides = [f"portrait.path={options.portrait}", f"voice.backend={options.voice}"]
    parts = options.only or PARTS
    config = load_config(None, overrides, {})
    print_machine(
        "torch",
        "pocketsphinx",
        "av",
        "opencv-contrib-python-headless",
        seed=config.face.seed,
        threads=1,
        voice=options.voice,
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if "cold" in parts:
            print_percentiles("cold start -> first frame", cold_starts(overrides, options.runs), "s", "<= 5")
        if "latency" in parts:
            latency(config, options.turns, folder)
        if "render" in parts:
            print_percentiles("render, times real time", render_speed(overrides, options.runs, folder), "x", ">= 3")
        if "memory" in parts:
            print(f"memory, peak: {memory_of_ask(overrides, folder):.0f} MB  goal <= 1500")


if __name__ == "__main__":
    main()
