"""Several visitors at once, over WebRTC: pictures that came late, what each receives, and what it costs.

    python -m benchmarks.web_sessions                       # 1, 2 and 4 at once, 40 s each
    python -m benchmarks.web_sessions --sessions 4 --seconds 120
    python -m benchmarks.web_sessions --drawing-processes 0

Sessions as `visavis serve` holds them: pictures are drawn in processes of their own, encoded as VP8, and sent over
DTLS; the visitors (benchmarks/web_visitors.py) ask by voice every nine seconds, and are a process on the same cores,
though they decode nothing. Every session has a portrait and a voice of its own, loaded before.

- late: pictures left out of all that were due
- received: pictures a second that a visitor got; 25 are due
- longest gap: between two pictures that a visitor got; 40 ms is even
- answer: from the decided end of the turn to the first audible sample with its moving mouth
- processor: seconds a second, of the two cores, by thread of this process and by other process
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import sys
import threading
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import numpy as np
from aiortc import RTCConfiguration

from agent.config.config import Config, load_config
from agent.conversation.live_audio import LiveAudio
from agent.conversation.session import Session
from agent.engine import Engine, load_engine
from agent.web.rtc.connection import Connection
from agent.web.rtc.face_track import PeerFace
from agent.web.rtc.peer_sound import PeerSound
from benchmarks.memory import process_tree
from benchmarks.report import print_machine, print_percentiles
from benchmarks.sessions import Measured, settings_of
from speech.worker.cores import usable_cores
from speech.worker.priority import prefer_live

SETTLE_S = 6.0
"""Not measured, while the connections are made."""


async def run(engine: Engine, count: int, seconds: float) -> None:
    """Holds so many conversations for so long, and prints what came of them."""
    visitors = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "benchmarks.web_visitors",
        str(count),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=1 << 26,
    )
    assert visitors.stdin is not None and visitors.stdout is not None
    measured = Measured()
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as tasks:
        held: list[tuple[Session, asyncio.Task[None], Connection]] = []
        for number in range(count):
            sound = PeerSound()
            face = PeerFace(sound)
            audio = LiveAudio(sound, full_duplex=True)
            config = settings_of(engine.config, number)
            opening = engine.session(audio, [face], on_event=measured.take, config=config)
            session = await stack.enter_async_context(opening)
            connection = Connection(sound, face, on_lost=audio.leave, servers=RTCConfiguration([]))
            held.append((session, tasks.create_task(session.run(), name=f"session {number}"), connection))
        for _, _, connection in held:
            number, offer = json.loads(await visitors.stdout.readline())
            visitors.stdin.write(json.dumps([number, await connection.answer(offer)]).encode() + b"\n")
        await asyncio.sleep(SETTLE_S)
        before, used = [(session.frames, session.frames_late) for session, *_ in held], processor_seconds()
        await asyncio.sleep(seconds)
        frames, late = (sum(now) for now in zip(*((s.frames, s.frames_late) for s, *_ in held), strict=True))
        measured.frames, measured.late = frames - sum(f for f, _ in before), late - sum(n for _, n in before)
        spent = processor_seconds()
        visitors.stdin.write(b"\n")
        arrivals = [np.array(one) for one in json.loads(await visitors.stdout.readline())]
        for _, running, connection in held:
            running.cancel()
            await connection.close()
    await visitors.wait()
    within = [one[one > one[-1] - seconds] for one in arrivals]
    share = 100 * measured.late / measured.frames
    print(f"{count} at once: late {measured.late} of {measured.frames} pictures ({share:.2f} %)  goal < 1 %")
    print_percentiles("  received", [(len(one) - 1) / (one[-1] - one[0]) for one in within], "Hz", "25")
    gaps = np.concatenate([1000 * np.diff(one) for one in within])
    print(f"  gap between pictures: p99 {np.percentile(gaps, 99):.0f} ms; the longest of each visitor:", end=" ")
    print(", ".join(f"{1000 * np.diff(one).max():.0f}" for one in within), "ms")
    if measured.answers_ms:
        print_percentiles("  answer", measured.answers_ms, "ms", "<= 500 median")
    spent.subtract(used)
    total = sum(spent.values()) / seconds
    print(
        f"  processor {total:.2f}:", ", ".join(f"{n} {s / seconds:.2f}" for n, s in spent.most_common(12)), flush=True
    )


def processor_seconds() -> Counter[str]:
    """What this process's threads and the processes that it has started have used so far, by what they are."""
    used: Counter[str] = Counter()
    for thread in threading.enumerate():
        name = thread.name.rstrip("0123456789").rstrip("_-")
        used[f"here: {name}"] += _seconds(Path(f"/proc/self/task/{thread.native_id}"))
    for pid in process_tree(os.getpid())[1:]:
        with contextlib.suppress(OSError):
            words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
            name = words[words.index("-m") + 1] if "-m" in words else Path(words[0]).name
            used[name] += _seconds(Path(f"/proc/{pid}"))
    return used


def _seconds(task: Path) -> Any:
    fields = (task / "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def measure(config: Config, counts: list[int], seconds: float, drawing_processes: int) -> None:
    """Prints all of it."""
    async with load_engine(config, drawing_processes=drawing_processes) as engine, AsyncExitStack() as stack:
        for number in range(max(counts)):
            own = settings_of(config, number)
            for part in (engine.parts.decoder, engine.parts.voice, engine.parts.mind):
                await stack.enter_async_context(part(own))
        for count in counts:
            await run(engine, count, seconds)


def main() -> None:
    """Reads the arguments and measures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, nargs="+", default=[1, 2, 4], help="how many at once, one run each")
    parser.add_argument("--seconds", type=float, default=40.0, help="that each run is measured")
    parser.add_argument("--drawing-processes", type=int, default=usable_cores(), help="0 draws in this one")
    parser.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE", help="of the configuration")
    options = parser.parse_args()
    prefer_live()
    config = load_config(None, options.set, {})
    drawing = options.drawing_processes
    settings = {"threads": 1, "seed": "the session's number", "seconds": options.seconds, "drawing processes": drawing}
    print_machine("torch", "aiortc", "av", "faster-whisper", "onnxruntime", **settings)
    asyncio.run(measure(config, options.sessions, options.seconds, drawing))


if __name__ == "__main__":
    main()
