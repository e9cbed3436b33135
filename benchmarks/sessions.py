"""Several live conversations in one process: how many two cores hold, and what another one costs.

    python -m benchmarks.sessions                           # 1, 2 and 4 at once, about three minutes
    python -m benchmarks.sessions --sessions 1 3 --turns 6
    python -m benchmarks.sessions --set voice.backend=espeak
    python -m benchmarks.sessions --drawing-processes 0     # all pictures drawn in one process

Every session has a portrait and a voice of its own (Mira, Jonas, Ada, Mira …), hears the shipped questions at the pace
of speech, a little after the one before it, and is drawn 25 times a second; nothing is encoded or shown, which
benchmarks/web_sessions.py does. Ears, motion model and what is equal otherwise are shared. A session answers while the
others listen, think and speak.

- answer: from the decided end of the turn to the first audible sample with its moving mouth
- frames a second: that really went out, late pictures left out; 25 are due
- start: from asking the engine for a session until it can run, while another one is there
- memory: what the process and its workers hold more than before, pages that they share counted once
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Self

from agent.commands.conversation import load_questions
from agent.commands.demo import QUESTIONS
from agent.config.config import Config, load_config
from agent.conversation.events import Event, TurnFinished, TypedText
from agent.conversation.questions import Questions
from agent.engine import Engine, load_engine
from agent.personas import PERSONAS
from avatar.decoder import VideoFrame
from avatar.motion import FRAME_RATE_HZ, Floats
from benchmarks.memory import memory_mb
from benchmarks.report import print_machine, print_percentiles
from speech.audio import Samples
from speech.worker.cores import usable_cores
from speech.worker.priority import prefer_live

STAGGER_S = 1.3
"""Each session's first question comes so long after that of the one before it."""


class Counted:
    """An output that counts the pictures."""

    def __init__(self) -> None:
        self.pictures = 0

    def __enter__(self) -> Self:
        return self

    def write(self, frame: VideoFrame | None, sound: Samples, motion: Floats) -> None:
        """Counts a picture that was in time."""
        self.pictures += frame is not None

    def __exit__(self, *_: object) -> None:
        """Nothing is kept."""


@dataclass
class Measured:
    """What the sessions of one run gave.

    Attributes:
        answers_ms: of every question that was answered.
        frames: all that were due.
        late: whose pictures were left out.
        rates_hz: pictures a second, of every session.
    """

    answers_ms: list[float] = field(default_factory=list)
    frames: int = 0
    late: int = 0
    rates_hz: list[float] = field(default_factory=list)

    def take(self, event: Event) -> None:
        """Takes what a session tells; an answer's times are in the turn that is over."""
        if isinstance(event, TurnFinished):
            at_s = event.record.at_s
            if {"first_audio", "first_moving_mouth"} <= set(at_s):
                ready_s = max(at_s["first_audio"], at_s["first_moving_mouth"])
                self.answers_ms.append(1000 * (ready_s - at_s["turn_end"]))


def settings_of(config: Config, number: int) -> Config:
    """A session's own portrait, and with it its voice, name and seed."""
    return with_portrait(config, list(PERSONAS)[number % len(PERSONAS)], number)


def with_portrait(config: Config, portrait: str, seed: int) -> Config:
    """The same settings for somebody else."""
    return config.model_copy(
        update={
            "portrait": config.portrait.model_copy(update={"path": portrait}),
            "face": config.face.model_copy(update={"seed": seed}),
        }
    )


async def converse(engine: Engine, number: int, turns: int, measured: Measured) -> None:
    """One session that is asked so many questions."""
    config = settings_of(engine.config, number)
    files = sorted(QUESTIONS.glob("*.wav"))[:7]  # those that the knowledge file answers
    asked = load_questions([files[(number + i) % len(files)] for i in range(turns)], [], quiet=True)
    silence_s = config.ears.end_of_turn_s + 0.3
    audio = Questions(asked, real_time=True, silence_after_s=silence_s, pause_before_s=0.5)

    output = Counted()
    async with engine.session(audio, [output], on_event=measured.take, config=config) as session:
        await asyncio.sleep(STAGGER_S * number)
        began = time.perf_counter()
        await session.run()
        lasted_s = time.perf_counter() - began
    measured.frames += session.frames
    measured.late += session.frames_late
    measured.rates_hz.append(output.pictures / lasted_s)


async def cost_of_another(config: Config, other: Config) -> tuple[float, float]:
    """Seconds and MB that a second session takes beside a first one, in an engine of their own."""

    async def answered(engine: Engine, stack: AsyncExitStack, config: Config) -> float:
        """Opens a session that stays open, has it answer once, and returns how long opening it took."""
        audio, began = Questions([TypedText("What can you do?")], real_time=True), time.perf_counter()
        opening = engine.session(audio, [Counted()], on_event=lambda event: None, config=config)
        session = await stack.enter_async_context(opening)
        took_s = time.perf_counter() - began
        await session.run()
        gc.collect()
        return took_s

    async with load_engine(config) as engine, AsyncExitStack() as stack:
        await answered(engine, stack, config)
        before_mb = memory_mb(os.getpid())
        took_s = await answered(engine, stack, other)
        return took_s, memory_mb(os.getpid()) - before_mb


async def measure(config: Config, counts: list[int], turns: int, drawing_processes: int) -> None:
    """Prints all of it."""
    first, *others = PERSONAS
    for portrait, whose in (
        (first, "the same portrait and voice"),
        *((other, f"{PERSONAS[other].name}'s portrait, analysed before, and the voice that fits") for other in others),
    ):
        took_s, more_mb = await cost_of_another(with_portrait(config, first, 0), with_portrait(config, portrait, 1))
        print(f"second session, {whose}:", end=" ")
        print(f"start {1000 * took_s:.0f} ms  goal <= 300, memory {more_mb:.0f} MB  goal <= 150", flush=True)
    async with load_engine(config, drawing_processes=drawing_processes) as engine:
        await converse(engine, 0, 1, Measured())  # warms up
        for count in counts:
            measured = Measured()
            async with asyncio.TaskGroup() as talks:
                for number in range(count):
                    talks.create_task(converse(engine, number, turns, measured), name=f"session {number}")
            share = 100 * measured.late / measured.frames
            print(f"{count} at once: late {measured.late} of {measured.frames} frames ({share:.2f} %)  goal < 1 %")
            print_percentiles("  answer", measured.answers_ms, "ms", "<= 500 median")
            print_percentiles("  frames a second", measured.rates_hz, "Hz", f"{FRAME_RATE_HZ}")


def main() -> None:
    """Reads the arguments and measures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, nargs="+", default=[1, 2, 4], help="how many at once, one run each")
    parser.add_argument("--turns", type=int, default=4, help="questions to each session")
    parser.add_argument("--drawing-processes", type=int, default=usable_cores(), help="0 draws in this one")
    parser.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE", help="of the configuration")
    options = parser.parse_args()
    prefer_live()  # as `visavis talk` does
    config = load_config(None, options.set, {})
    drawing = options.drawing_processes
    settings = {"threads": 1, "seed": "the session's number", "turns": options.turns, "drawing processes": drawing}
    print_machine("torch", "faster-whisper", "onnxruntime", **settings)
    asyncio.run(measure(config, options.sessions, options.turns, drawing))


if __name__ == "__main__":
    main()
