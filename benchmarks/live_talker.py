"""The program under measurement: `visavis talk` or `visavis mirror`, reporting what happens as JSON lines.

Run by `benchmarks.live` and `benchmarks.mirror`; ends when its standard input does.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Self

from agent.config.config import load_config
from agent.conversation.events import Event, Problem, StateChanged, TurnFinished
from agent.conversation.microphone import Microphone
from agent.engine import open_session, sound_card
from agent.mirror import MOST_LATENCY_S, load_mirror_face, run_mirror
from avatar.decoder import VideoFrame
from avatar.motion import Floats
from avatar.outputs.base import Output
from avatar.outputs.framing import Framing
from avatar.outputs.opening import open_outputs, required
from avatar.outputs.virtual_camera import VirtualCameraOutput
from avatar.portrait.portrait import Portrait
from benchmarks.emitted import Numbered
from speech.audio import Samples
from speech.devices.sound_card import SoundCard
from speech.sound_track import SoundTrack
from speech.worker.priority import prefer_live


class KeptSound:
    """Writes the sound of every frame into a raw float32 file: the timeline that everything belongs to."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> Self:
        """Opens the file."""
        self._file = self._path.open("wb", buffering=0)
        return self

    def write(self, frame: VideoFrame | None, sound: Samples, motion: Floats) -> None:
        """Appends one frame's sound."""
        self._file.write(sound.astype("<f4").tobytes())

    def __exit__(self, *_: object) -> None:
        """Closes the file."""
        self._file.close()


def report(kind: str, **fields: Any) -> None:
    """Writes one JSON line to the driver."""
    print(json.dumps({"kind": kind, "at_s": time.monotonic(), **fields}), flush=True)


def on_event(event: Event) -> None:
    """Reports to the driver what it measures with."""
    match event:
        case StateChanged(state):
            report("state", state=state)
        case Problem(message):
            report("problem", message=message)
        case TurnFinished(record):
            report("turn", record=record.as_json())
        case _:
            pass


async def talk(overrides: list[str], camera: str, sound: Path) -> None:
    """Talks until standard input ends."""
    config = load_config(None, overrides, {})
    loop = asyncio.get_running_loop()
    card: SoundCard
    portraits: list[Portrait] = []

    def make_card(track: SoundTrack) -> SoundCard:
        nonlocal card
        card = sound_card(config, track, lambda message: report("problem", message=message))
        return card

    def outputs() -> AbstractAsyncContextManager[Sequence[Output]]:
        framing = Framing(config.camera.size, portrait=portraits[0].image)
        return open_outputs(required(Numbered(VirtualCameraOutput(device=camera, framing=framing)), KeptSound(sound)))

    async with open_session(
        config,
        real_time=True,
        outputs=outputs,
        apologise=True,
        on_event=on_event,
        on_loaded=portraits.append,
        make_card=make_card,
    ) as session:
        source = Microphone(card, headphones=config.devices.headphones, push_to_talk=False, on_level=lambda level: None)
        loop.add_reader(sys.stdin.fileno(), source.leave)
        report("ready")
        await session.run(source, [lambda _: card.watch()])
        loop.remove_reader(sys.stdin.fileno())
        report_end(session.frames, session.frames_late, card)


async def mirror(overrides: list[str], camera: str, sound: Path) -> None:
    """Mirrors until standard input ends."""
    config = load_config(None, overrides, {})
    face, track, left = await load_mirror_face(config), SoundTrack(), asyncio.Event()
    loop = asyncio.get_running_loop()
    framing = Framing(config.camera.size, portrait=face.portrait.image)
    planned = required(Numbered(VirtualCameraOutput(device=camera, framing=framing)), KeptSound(sound))
    async with (
        open_outputs(planned) as outputs,
        sound_card(
            config, track, lambda message: report("problem", message=message), most_latency_s=MOST_LATENCY_S
        ) as card,
    ):
        loop.add_reader(sys.stdin.fileno(), left.set)
        report("ready")
        renderer = await run_mirror(
            config,
            card=card,
            track=track,
            face=face,
            outputs=outputs,
            until_left=left,
            on_problem=lambda message: report("problem", message=message),
        )
        loop.remove_reader(sys.stdin.fileno())
        report_end(renderer.frames, renderer.frames_late, card)


def report_end(frames: int, late: int, card: SoundCard) -> None:
    """The program's own counts."""
    report("end", frames=frames, late=late, underflows=card.underflows, chunks_lost=card.chunks_lost)


def main() -> None:
    """Reads the arguments and talks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--camera", required=True)
    parser.add_argument("--sound", required=True, type=Path)
    parser.add_argument("--mirror", action="store_true")
    parser.add_argument("overrides", nargs="*", help="settings as section.key=value")
    options = parser.parse_args()
    prefer_live()  # as the command itself does
    work = mirror if options.mirror else talk
    asyncio.run(work(options.overrides, options.camera, options.sound))


if __name__ == "__main__":
    main()
