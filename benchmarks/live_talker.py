"""The program under measurement: `visavis talk` or `visavis mirror`, reporting what happens as JSON lines.

Run by `benchmarks.live`, `benchmarks.conversation` and `benchmarks.mirror`. Lines on its standard input are requests:
"say TEXT", "stop"; it ends when they end.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from pathlib import Path
from typing import Any, Self

from agent.config.config import Config, load_config
from agent.conversation.events import (
    Event,
    Problem,
    StateChanged,
    TurnFinished,
    VoiceDucked,
    VoiceHeld,
    VoiceResumed,
)
from agent.conversation.live_audio import LiveAudio, NoSound
from agent.conversation.session import Session
from agent.engine import OutputFailure, Part, load_engine
from agent.faces import Face
from agent.mirror import MOST_LATENCY_S, open_mirror
from agent.sound_devices import echo_canceller, live_audio, sound_device
from avatar.decoder import VideoFrame
from avatar.motion import Floats
from avatar.outputs.framing import Framing
from avatar.outputs.opening import PlannedOutput, open_outputs, required
from avatar.outputs.virtual_camera import VirtualCameraOutput
from benchmarks.emitted import Numbered
from speech.audio import Samples
from speech.devices.sound_card import SoundCard
from speech.events import Transcript
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
        case Transcript(text, is_final) if is_final:
            report("heard", text=text)
        case VoiceDucked():
            report("ducked")
        case VoiceHeld():
            report("held")
        case VoiceResumed(was_held=was_held):
            report("resumed", was_held=was_held)
        case _:
            pass


async def talk(overrides: list[str], camera: str, sound: Path) -> None:
    """Talks until standard input ends."""
    config = load_config(None, overrides, {})
    loop = asyncio.get_running_loop()
    device = sound_device(config, report_problem)
    audio = live_audio(config, device, lambda level: None, report_problem)
    async with load_engine(config) as engine, engine.face() as face:
        async with (
            open_outputs(timed_outputs(config, face, camera, sound)) as outputs,
            engine.session(audio, outputs, on_event=on_event, output_failure=OutputFailure.IS_TOLD) as session,
        ):
            loop.add_reader(sys.stdin.fileno(), Requests(session, audio).take)
            report("ready")
            await session.run()
            loop.remove_reader(sys.stdin.fileno())
            report_end(session.frames, session.frames_late, device)


async def mirror(overrides: list[str], camera: str, sound: Path) -> None:
    """Mirrors until standard input ends."""
    config = load_config(None, overrides, {})
    loop = asyncio.get_running_loop()
    device = sound_device(config, report_problem, most_latency_s=MOST_LATENCY_S)
    audio = LiveAudio(device, full_duplex=True, canceller=echo_canceller(config, report_problem))
    async with load_engine(config, Part.MOTION | Part.FACE) as engine, engine.face() as face:
        async with (
            open_outputs(timed_outputs(config, face, camera, sound)) as outputs,
            open_mirror(engine, audio, outputs, on_problem=report_problem) as running,
        ):
            loop.add_reader(sys.stdin.fileno(), audio.leave)
            report("ready")
            await running.run()
            loop.remove_reader(sys.stdin.fileno())
            report_end(running.frames, running.frames_late, device)


class Requests:
    """What the driver asks for: read when it is there, done at once.

    Args:
        session: takes it.
        audio: is left when the driver is done.
    """

    def __init__(self, session: Session, audio: LiveAudio) -> None:
        self._session, self._audio, self._pending = session, audio, b""

    def take(self) -> None:
        """Reads what is there."""
        piece = os.read(sys.stdin.fileno(), 65536)
        if not piece:
            asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
            self._audio.leave()
        *lines, self._pending = (self._pending + piece).split(b"\n")
        for line in lines:
            what, _, text = line.decode().partition(" ")
            if what == "say":
                self._session.say(text)
            else:
                self._session.interrupt()


def timed_outputs(config: Config, face: Face, camera: str, sound: Path) -> list[PlannedOutput]:
    """A camera whose pictures carry their number, and the sound in a file."""
    framing = Framing(config.camera.size, portrait=face.portrait.image)
    return required(Numbered(VirtualCameraOutput(device=camera, framing=framing)), KeptSound(sound))


def report_problem(message: str) -> None:
    """One that the program told."""
    report("problem", message=message)


def report_end(frames: int, late: int, card: SoundCard | NoSound) -> None:
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
