"""What happens when a user talks into the avatar: when the voice ducks, when it is silent, what lets it go on.

    python -m benchmarks.interruption                            # onsets alone, faster than real time
    python -m benchmarks.interruption --live 24                  # and whole conversations in real time, 4 s each
    python -m benchmarks.interruption --plot docs/interruption.png --faces faces.png

Onsets: each item of benchmarks/users.py through the onset detector, 20 ms at a time, room noise at -62 dBFS; from the
first audible sample of the item, in stream time. Live: the whole engine at a simulated sound card: what is written
for it is taken 10 ms at a time and heard SPEAKER_S later, what the user says comes 20 ms at a time, MICROPHONE_S late,
and no echo with it (headphones). Ducked and silent are the samples that are really played, from the user's first one.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np

from agent.config.config import load_config
from agent.conversation.events import Event, StateChanged, TurnFinished, VoiceCut, VoiceDucked, VoiceHeld, VoiceResumed
from agent.conversation.live_audio import LiveAudio
from agent.conversation.session import Session
from agent.engine import Engine, load_engine
from avatar.decoder import Image, VideoFrame
from avatar.motion import FRAME_RATE_HZ, Floats, MotionLayout
from benchmarks.report import print_machine, print_percentiles
from benchmarks.users import UserItem, backchannels, interruptions, noises
from speech.audio import OUTPUT_RATE_HZ, AudioChunk, Samples
from speech.devices.sound_memory import MICROPHONE_BLOCK, SPEAKER_BLOCK, SoundMemory
from speech.events import Transcript
from speech.sound_track import SoundTrack
from speech.turns.onset import OnsetDetector, VoiceOnset
from speech.turns.vad import SileroVAD

SPEAKER_S, MICROPHONE_S = 0.03, 0.03
"""As speech/devices asks real devices for."""
ROOM_DBFS = -62.0
SAID = (
    "I can tell you a long story about this little program, which hears what you say, thinks about it for a moment, "
    "answers in its own voice, and moves its lips while it speaks, until somebody has something else to say."
)
AT_S = 1.6
"""When the user begins, after the avatar did."""


class SimulatedCard:
    """A sound card that plays into memory of its own and hears a script; a `SoundDevice`.

    Attributes:
        played: what was played, from sample 0 on.
    """

    has_microphone = True
    underflows = chunks_lost = 0

    def __init__(self) -> None:
        self._start_s = 0.0
        self._memory = SoundMemory.create()
        self._script: list[tuple[float, Samples]] = []
        self._noise = np.random.default_rng(1)
        self.played: list[Samples] = []

    @property
    def all_played(self) -> Samples:
        """All of it in one piece."""
        return np.concatenate(self.played) if self.played else np.zeros(0, np.float32)

    def say(self, at_s: float, samples: Samples) -> int:
        """The user says this at a time of the event loop; returns the output sample that is heard just then."""
        self._script.append((at_s, samples))
        return round((at_s - self.heard_at(0)) * OUTPUT_RATE_HZ)

    def heard_at(self, sample: int) -> float:
        """See `avatar.clock.Player`."""
        return self._start_s + SPEAKER_S + sample / OUTPUT_RATE_HZ

    async def wait_while_paused(self) -> None:
        """It never is."""

    @asynccontextmanager
    async def playing(self, track: SoundTrack) -> AsyncGenerator[Self, None]:
        """Takes the track's sound as it is due."""
        self._start_s = asyncio.get_running_loop().time()
        track.attach_player(self._memory)
        playing = asyncio.create_task(self._play(), name="simulated speaker")
        try:
            yield self
        finally:
            playing.cancel()
            self._memory.close()

    async def _play(self) -> None:
        while True:
            due = round((asyncio.get_running_loop().time() - self._start_s) * OUTPUT_RATE_HZ)
            while sum(map(len, self.played[-1:])) * len(self.played) < due:
                self.played.append(self._memory.take(SPEAKER_BLOCK)[1])
            await asyncio.sleep(SPEAKER_BLOCK / OUTPUT_RATE_HZ)

    async def chunks(self) -> AsyncGenerator[AudioChunk, None]:
        """What the microphone hears."""
        start = 0
        while True:
            recorded_s = self._start_s + (start + MICROPHONE_BLOCK) / OUTPUT_RATE_HZ
            await asyncio.sleep(max(0.0, recorded_s + MICROPHONE_S - asyncio.get_running_loop().time()))
            yield AudioChunk(self.heard(start, MICROPHONE_BLOCK), OUTPUT_RATE_HZ, start)
            start += MICROPHONE_BLOCK

    def heard(self, start: int, count: int) -> Samples:
        """The user and the room, from a sample of the microphone on."""
        sound = (10.0 ** (ROOM_DBFS / 20.0) * self._noise.standard_normal(count)).astype(np.float32)
        for at_s, samples in self._script:
            begin = round((at_s - self._start_s) * OUTPUT_RATE_HZ) - start
            low, high = max(0, begin), min(count, begin + len(samples))
            if low < high:
                sound[low:high] += samples[low - begin : high - begin]
        return sound


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


# ---- onsets alone


def onsets(sure_s: float) -> None:
    """Prints how soon each kind of item ducks and silences the avatar, and how many do."""
    random, vad = np.random.default_rng(1), SileroVAD()
    for kind, items in (("words", interruptions()), ("backchannels", backchannels()), ("noises", noises())):
        ducked: list[float] = []
        sure: list[float] = []
        for item in items:
            lead = OUTPUT_RATE_HZ + int(random.integers(1536))
            sound = np.concatenate([np.zeros(lead), item.samples, np.zeros(OUTPUT_RATE_HZ)])
            sound += 10.0 ** (ROOM_DBFS / 20.0) * random.standard_normal(len(sound))
            duck_s, sure_at_s = _onset_of(OnsetDetector(vad, sure_s=sure_s), sound.astype(np.float32), lead)
            ducked += [] if duck_s is None else [1000.0 * duck_s]
            sure += [] if sure_at_s is None else [1000.0 * sure_at_s]
        print(f"{kind}: {len(items)}, ducked {len(ducked)}, sure {len(sure)}")
        print_percentiles(f"  {kind}: onset to ducking", ducked, "ms")
        print_percentiles(f"  {kind}: onset to sure", sure, "ms")


def _onset_of(detector: OnsetDetector, sound: Samples, lead: int) -> tuple[float | None, float | None]:
    duck_s = sure_s = None
    for start in range(0, len(sound), MICROPHONE_BLOCK):
        chunk = AudioChunk(sound[start : start + MICROPHONE_BLOCK], OUTPUT_RATE_HZ, start)
        now_s = (chunk.end_sample - lead) / OUTPUT_RATE_HZ
        if any(isinstance(event, VoiceOnset) for event in detector.push(chunk)):
            duck_s = now_s if duck_s is None else duck_s
        if detector.is_sure:
            sure_s = now_s if sure_s is None else sure_s
    return duck_s, sure_s


# ---- whole conversations


@dataclass
class Scene:
    """One conversation, and all that came of it; times of the event loop, in seconds."""

    card: SimulatedCard
    output: Kept
    events: list[tuple[float, Event]]
    onsets: list[int]
    start_s: float

    def of(self, *kinds: type[Event]) -> list[Event]:
        """The events of these kinds."""
        return [event for _, event in self.events if isinstance(event, kinds)]


async def converse(engine: Engine, users: Sequence[tuple[float, Samples]], seconds: float) -> Scene:
    """The avatar speaks, and the user says these things, each so long after it began."""
    loop = asyncio.get_running_loop()
    card, output, events = SimulatedCard(), Kept(), list[tuple[float, Event]]()
    audio = LiveAudio(card, full_duplex=True)
    begins: list[int] = []

    async def play_the_user(session: Session) -> None:
        await asyncio.sleep(0.8)
        session.say(SAID)
        while not any(isinstance(event, StateChanged) and event.state == "speaking" for _, event in events):
            await asyncio.sleep(0.01)
        now_s = loop.time()
        begins.extend(card.say(now_s + at_s, samples) for at_s, samples in users)
        await asyncio.sleep(seconds)
        audio.leave()

    def on_event(event: Event) -> None:
        events.append((loop.time(), event))

    async with (
        engine.session(audio, [output], on_event=on_event) as session,
        asyncio.TaskGroup() as tasks,
    ):
        tasks.create_task(play_the_user(session))
        await session.run()
    return Scene(card, output, events, begins, card.heard_at(0))


def report(scene: Scene, item: UserItem, measured: dict[str, list[float]]) -> None:
    """Adds one conversation's numbers."""
    onset = scene.onsets[0]
    for event in scene.of(VoiceDucked, VoiceHeld):
        at = (event.at_s - scene.start_s) * OUTPUT_RATE_HZ  # type: ignore[union-attr]
        measured.setdefault(type(event).__name__, []).append(1000.0 * (at - onset) / OUTPUT_RATE_HZ)
    level = np.abs(scene.card.all_played[onset : onset + OUTPUT_RATE_HZ]).reshape(-1, 480).max(axis=1)
    silent = next((place for place in range(len(level)) if level[place : place + 10].max() < 1e-3), None)
    if scene.of(VoiceHeld) and silent is not None:
        measured.setdefault("last audible sample", []).append(10.0 * silent)
    turn = next(event.record for event in scene.of(TurnFinished) if isinstance(event, TurnFinished))
    wanted = item.kind in ("question", "command")
    measured.setdefault("missed" if wanted else "ended by nothing", []).append(float(turn.interrupted != wanted))
    heard = [event.text for event in scene.of(Transcript) if isinstance(event, Transcript) and event.is_final]
    names = ", ".join(type(event).__name__ for event in scene.of(VoiceDucked, VoiceHeld, VoiceResumed, VoiceCut))
    print(f"  {item.kind:<12} {item.name:<44} {names}; understood: {heard}", flush=True)


async def live(count: int, seed: int) -> None:
    """Conversations with as many items of each kind as fit into `count`."""
    random = np.random.default_rng(seed)
    kinds = [interruptions(), backchannels(), noises()]
    shares = [count // 2, count // 4, count - count // 2 - count // 4]
    measured: dict[str, list[float]] = {}
    async with load_engine(load_config(None, [], {})) as engine:
        for items, share in zip(kinds, shares, strict=True):
            for number in random.choice(len(items), share, replace=False):
                item = items[number]
                report(await converse(engine, [(AT_S, item.samples)], AT_S + item.duration_s + 1.5), item, measured)
    for name, goal in (("VoiceDucked", "100"), ("VoiceHeld", "300"), ("last audible sample", "300")):
        if name in measured:
            print_percentiles(f"user's first sample to: {name}", measured[name], "ms", goal)
    for name in ("missed", "ended by nothing"):
        print(f"{name}: {sum(measured[name]):.0f} of {len(measured[name])}")


# ---- the plot


def plot(scene: Scene, path: Path) -> None:
    """Microphone, speaker, steps and face on one time axis."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    begin = scene.onsets[0] / OUTPUT_RATE_HZ - 1.2
    end = (scene.onsets[-1] / OUTPUT_RATE_HZ) + 3.2
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
    for event in scene.of(*colours):
        at_s = event.at_s - scene.start_s  # type: ignore[union-attr]
        name = type(event).__name__.removeprefix("Voice").lower()
        for axis in (user, voice, mouth, eyes):
            axis.axvline(at_s, color=colours[type(event)], linewidth=1.0, linestyle="--")
        voice.text(at_s, voice.get_ylim()[1], f" {name}", color=colours[type(event)], va="top", fontsize=8)
    for told_s, event in scene.events:
        if isinstance(event, Transcript) and event.is_final:
            user.text(told_s - scene.start_s, user.get_ylim()[0], f"“{event.text}”", fontsize=8, va="bottom")
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


async def plotted(path: Path, faces: Path | None) -> None:
    """One sentence with an "mhm" in it that changes nothing, and a question that ends it."""
    (hum,) = [item for item in backchannels() if item.name == "mhm 0"]
    question = next(item for item in interruptions() if item.name == "What is your name? / slt")
    async with load_engine(load_config(None, [], {})) as engine:
        scene = await converse(engine, [(AT_S, hum.samples), (AT_S + 3.0, question.samples)], AT_S + 8.0)
    plot(scene, path)
    if faces is not None:
        contact_sheet(scene, faces)


def main() -> None:
    """Runs what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--live", type=int, default=0, metavar="N", help="so many conversations")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--faces", type=Path, help="a contact sheet beside the plot")
    wanted = parser.parse_args()
    config = load_config(None, [], {})
    print_machine("onnxruntime", "silero-vad", "torch", sure_s=config.ears.barge_in_s, seed=wanted.seed, threads=1)
    if wanted.plot:
        asyncio.run(plotted(wanted.plot, wanted.faces))
    elif wanted.live:
        asyncio.run(live(wanted.live, wanted.seed))
    else:
        onsets(config.ears.barge_in_s)


if __name__ == "__main__":
    main()
