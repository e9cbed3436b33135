"""What happens when a user talks into the avatar: when the voice ducks, when it is silent, what lets it go on.

    python -m benchmarks.interruption                            # onsets alone
    python -m benchmarks.interruption --conversations            # and whole conversations, in simulated time
    python -m benchmarks.interruption --conversations --recognise
    python -m benchmarks.interruption --plot docs/interruption.png --faces faces.png

Onsets: each item of benchmarks/users.py through the onset detector, 20 ms at a time, room noise at -62 dBFS; from the
first audible sample of the item, in stream time. Conversations: hearing, turns, tracks and clock at a simulated sound
card, on a clock that jumps, so that a busy machine changes nothing: what is written is taken 10 ms at a time and heard
SPEAKER_S later, what the user says comes 20 ms at a time, MICROPHONE_S late, without echo. The avatar's voice is a
tone; the words are the item's own, or what the configured recogniser makes of it, and come 0.2 s after its end. Ducked
and silent are samples that are really played. The plot is the whole engine in real time at the same card.
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
from agent.conversation.events import (
    AnswerPaused,
    Event,
    StateChanged,
    VoiceCut,
    VoiceDucked,
    VoiceHeld,
    VoiceResumed,
)
from agent.conversation.live_audio import LiveAudio
from agent.conversation.reply import ForMind
from agent.conversation.session import Session
from agent.engine import DRAWING_S, MOST_DRAWING_S, Engine, load_engine
from agent.parts import SharedParts
from avatar.clock import PacedClock
from avatar.decoder import Image, VideoFrame
from avatar.motion import FRAME_RATE_HZ, Floats, MotionLayout
from benchmarks.report import print_machine, print_percentiles
from benchmarks.users import UserItem, backchannels, interruptions, noises
from speech.audio import OUTPUT_RATE_HZ, AudioChunk, Samples
from speech.devices.sound_memory import MICROPHONE_BLOCK, SPEAKER_BLOCK, SoundMemory
from speech.events import Transcript
from speech.sound_track import SoundTrack
from speech.turns.detector import SilenceTurnDetector
from speech.turns.onset import OnsetDetector, VoiceOnset
from speech.turns.vad import SileroVAD
from tests.fakes import ScriptedEars, ScriptedMind, ToneVoice
from tests.test_session import Scene as TestScene
from tests.virtual_time import run

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


# ---- all items, in simulated time


async def understood(items: Sequence[UserItem]) -> list[str]:
    """What the configured recogniser makes of each."""

    async def sound(item: UserItem) -> AsyncGenerator[AudioChunk, None]:
        padded = np.pad(item.samples, OUTPUT_RATE_HZ // 2)
        for start in range(0, len(padded), MICROPHONE_BLOCK):
            yield AudioChunk(padded[start : start + MICROPHONE_BLOCK], OUTPUT_RATE_HZ, start)

    config, texts = load_config(None, [], {}), list[str]()
    async with SharedParts(lambda notice: None, None).ears(config) as ears:
        for item in items:
            heard = [transcript async for transcript in ears.part.transcribe(sound(item))]
            texts.append(heard[-1].text if heard and not heard[-1].is_doubtful else "")
    return texts


def simulate(item: UserItem, words: str, measured: dict[str, list[float]], sure_s: float) -> None:
    """One conversation in simulated time: a tone speaks, the item talks into it, and these words are understood."""
    card = SimulatedCard()
    scene = TestScene(
        ears=ScriptedEars([words], delay_s=0.2),
        mind=ScriptedMind({SAID: SAID, words: "Yes."}, delay_s=0.001),
        voice=ToneVoice(delay_s=0.001),
        real_time=True,
        manners=ForMind(language=""),
        turns=SilenceTurnDetector(SileroVAD(), end_of_turn_s=0.5, pause_s=0.22),
    )
    scene.use_clock(PacedClock(card, ahead_s=DRAWING_S, most_ahead_s=MOST_DRAWING_S))
    scene.onsets, onset = OnsetDetector(SileroVAD(), sure_s=sure_s), 0
    audio = LiveAudio(card, full_duplex=True)

    async def talk() -> None:
        nonlocal onset
        loop = asyncio.get_running_loop()
        loop.call_later(0.5, lambda: scene.session.say(SAID))
        loop.call_later(AT_S + item.duration_s + 2.5, audio.leave)
        onset = card.say(loop.time() + AT_S + np.random.default_rng(len(item.name)).uniform(0.0, 0.04), item.samples)
        await scene.converse(audio)

    run(talk())
    level = np.abs(card.all_played[onset : onset + OUTPUT_RATE_HZ]).reshape(-1, 240).max(axis=1)
    for name, limit in (("ducked", 0.15), ("silent", 1e-3)):
        if len(at := np.flatnonzero(level < limit)):
            measured.setdefault(f"{item.kind}: {name}", []).append(5.0 * at[0])
    resumed = [event for event in scene.events if isinstance(event, VoiceResumed) and event.was_held]
    held = [event for event in scene.events if isinstance(event, VoiceHeld)]
    if resumed and held:
        measured.setdefault(f"{item.kind}: pause", []).append(1000.0 * (resumed[0].at_s - held[0].at_s))
    ended_s = card.heard_at(onset) + item.duration_s + 2.0
    was_cut = any(isinstance(event, VoiceCut) and event.at_s < ended_s for event in scene.events)
    is_silent = was_cut or any(isinstance(event, AnswerPaused) for event in scene.events)
    measured.setdefault(f"{item.kind}: stopped", []).append(float(is_silent))
    if is_silent != (item.kind in ("question", "command")):
        print(
            f"  {item.kind} {item.name}: {'stopped' if is_silent else 'not stopped'}, understood {words!r}", flush=True
        )


def simulated(sure_s: float, *, every: int, recognised: bool) -> None:
    """Every so many of the items; their words are known, or what the recogniser makes of them."""
    items = [*interruptions(), *backchannels(), *noises()][::every]
    measured: dict[str, list[float]] = {}
    texts = asyncio.run(understood(items)) if recognised else [item.text for item in items]
    for item, words in zip(items, texts, strict=True):
        simulate(item, words, measured, sure_s)
    for name, values in sorted(measured.items()):
        if name.endswith("stopped"):
            print(f"{name}: {sum(values):.0f} of {len(values)}")
        else:
            goal = {"ducked": "100 p95", "silent": "300 p95"}.get(name.split()[-1], "")
            print_percentiles(f"user's first sample to: {name}" if goal else name, values, "ms", goal)


# ---- the plot


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


def main() -> None:
    """Runs what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--conversations", action="store_true", help="every item in a conversation")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only every so many of the items")
    parser.add_argument("--recognise", action="store_true", help="their words as they are really understood")
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--faces", type=Path, help="a contact sheet beside the plot")
    wanted = parser.parse_args()
    config = load_config(None, [], {})
    print_machine("onnxruntime", "silero-vad", "torch", sure_s=config.ears.barge_in_s, threads=1)
    if wanted.plot:
        plotted(wanted.plot, wanted.faces)
    elif wanted.conversations:
        simulated(config.ears.barge_in_s, every=wanted.every, recognised=wanted.recognise)
    else:
        onsets(config.ears.barge_in_s)


if __name__ == "__main__":
    main()
