"""One sentence of the avatar's that a user talks into, in real time: on one time axis, and in pictures of its face."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np

from agent.config.config import load_config
from agent.conversation.events import Event, StateChanged, VoiceCut, VoiceDucked, VoiceHeld, VoiceResumed
from agent.conversation.live_audio import LiveAudio
from agent.conversation.session import Session
from agent.engine import Engine, load_engine
from avatar.decoder import Image, VideoFrame
from avatar.motion import FRAME_RATE_HZ, Floats, MotionLayout
from benchmarks.simulated_card import SPEAKER_S, SimulatedCard
from benchmarks.users import backchannels, interruptions
from speech.audio import OUTPUT_RATE_HZ, Samples
from speech.events import Transcript

SAID = (
    "I can tell you a long story about this little program, which hears what you say, thinks about it for a moment, "
    "answers in its own voice, and moves its lips while it speaks, until somebody has something else to say."
)
AT_S = 1.6
"""When the user begins, after the avatar did."""


@dataclass
class Kept:
    """An output that keeps motion, and some pictures."""

    motion: list[Floats] = field(default_factory=list)
    pictures: list[Image | None] = field(default_factory=list)

    def __enter__(self) -> Self:
        return self

    def write(self, frame: VideoFrame | None, sound: Samples, motion: Floats) -> None:
        """Keeps one frame time."""
        self.motion.append(motion.copy())
        self.pictures.append(None if frame is None else frame.image.copy())

    def __exit__(self, *_: object) -> None:
        pass


@dataclass
class Scene:
    """One conversation, and all that came of it; times of the event loop, in seconds."""

    card: SimulatedCard
    output: Kept
    events: list[tuple[float, Event]]
    onsets: list[int]
    start_s: float


async def converse(engine: Engine, users: Sequence[tuple[float, Samples]], seconds: float) -> Scene:
    """The avatar speaks, and the user says these things, each so long after it began."""
    loop = asyncio.get_running_loop()
    card, output, events = SimulatedCard(), Kept(), list[tuple[float, Event]]()
    audio = LiveAudio(card, full_duplex=True)
    begins: list[int] = []
    speaks = asyncio.Event()

    async def play_the_user(session: Session) -> None:
        await asyncio.sleep(0.8)
        session.say(SAID)
        await speaks.wait()
        now_s = loop.time()
        begins.extend(card.say(now_s + at_s, samples) for at_s, samples in users)
        await asyncio.sleep(seconds)
        audio.leave()

    def on_event(event: Event) -> None:
        events.append((loop.time(), event))
        if isinstance(event, StateChanged) and event.state == "speaking":
            speaks.set()

    async with (
        engine.session(audio, [output], on_event=on_event) as session,
        asyncio.TaskGroup() as tasks,
    ):
        tasks.create_task(play_the_user(session))
        await session.run()
    return Scene(card, output, events, begins, card.heard_at(0))


def plot(scene: Scene, path: Path) -> None:
    """Microphone, speaker, steps and face on one time axis."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    begin = scene.onsets[0] / OUTPUT_RATE_HZ - 1.2
    end = (scene.onsets[-1] / OUTPUT_RATE_HZ) + 4.2
    figure, (user, voice, mouth, eyes) = pyplot.subplots(4, 1, sharex=True, figsize=(11, 8), layout="constrained")
    offset = round(SPEAKER_S * OUTPUT_RATE_HZ)
    low, high = (round(seconds * OUTPUT_RATE_HZ) for seconds in (begin, end))
    times = np.arange(low, high)[::24] / OUTPUT_RATE_HZ
    user.plot(times, scene.card.heard(low + offset, high - low)[::24], color="tab:green", linewidth=0.6)
    user.set_ylabel("microphone")
    played = np.pad(scene.card.all_played, (0, high))
    voice.plot(times, played[low:high:24], color="tab:blue", linewidth=0.6)
    voice.set_ylabel("speaker")
    motion = np.stack(scene.output.motion)
    frames = np.arange(len(motion)) / FRAME_RATE_HZ
    for axis, names in (
        (mouth, ("jawOpen", "mouthClose", "mouthFunnel")),
        (eyes, ("browInnerUp", "eyeBlinkLeft", "gazeYaw", "headPitch")),
    ):
        for name in names:
            axis.plot(frames, motion[:, MotionLayout.INDEX[name]], label=name, linewidth=1.0)
        axis.legend(loc="upper right", ncols=4, fontsize=8)
    mouth.set_ylabel("mouth")
    eyes.set_ylabel("eyes, brows, head")
    eyes.set_xlabel("seconds of the output")
    colours = {VoiceDucked: "tab:orange", VoiceHeld: "tab:red", VoiceResumed: "tab:green", VoiceCut: "black"}
    for told_s, event in scene.events:
        if type(event) in colours:
            # What is cut was silent already: there the decision is shown.
            at_s = (told_s if isinstance(event, VoiceCut) else event.at_s) - scene.start_s  # type: ignore[union-attr]
            for axis in (user, voice, mouth, eyes):
                axis.axvline(at_s, color=colours[type(event)], linewidth=1.0, linestyle="--")
            place = list(colours).index(type(event))
            name = type(event).__name__.removeprefix("Voice").lower()
            height = voice.get_ylim()[1] * (1.0 - 0.2 * place)
            voice.text(at_s, height, f" {name}", color=colours[type(event)], va="top", fontsize=9, clip_on=True)
        elif isinstance(event, Transcript) and event.is_final and event.text:
            user.text(
                told_s - scene.start_s, user.get_ylim()[0], f"“{event.text}” ", fontsize=9, va="bottom", ha="right"
            )
    eyes.set_xlim(begin, end)
    figure.savefig(path, dpi=110)
    print(f"{path}: the plot")


def contact_sheet(scene: Scene, path: Path) -> None:
    """The face every other frame from just before the first onset on."""
    from PIL import Image as Picture

    first = round(scene.onsets[0] / OUTPUT_RATE_HZ * FRAME_RATE_HZ) - 4
    shown: list[Image] = []
    for picture in scene.output.pictures[: first + 96]:
        shown.append(picture if picture is not None else shown[-1])
    rows = [
        np.concatenate([one[60:420, 96:416] for one in shown[at : at + 24 : 2]], axis=1)
        for at in range(first, first + 96, 24)
    ]
    Picture.fromarray(np.concatenate(rows)).resize((12 * 160, 4 * 180)).save(path)
    print(f"{path}: the faces")


def plotted(path: Path, faces: Path | None) -> None:
    """One sentence with an "mhm" in it that changes nothing, and a question that ends it."""
    (hum,) = [item for item in backchannels() if item.name == "mhm 0"]
    question = next(item for item in interruptions() if item.name == "What is your name? / slt")

    async def talk() -> Scene:
        async with load_engine(load_config(None, [], {})) as engine:
            return await converse(engine, [(AT_S, hum.samples), (AT_S + 3.0, question.samples)], AT_S + 8.0)

    scene = asyncio.run(talk())
    plot(scene, path)
    if faces is not None:
        contact_sheet(scene, faces)
