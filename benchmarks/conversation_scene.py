"""The whole program in a simulated room, recorded: what a conversation's measurements are made with.

with scene(folder, overrides, seed=0) as stage:
    stage.monologue(random)
    begun_s = stage.user(item)
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soxr

from benchmarks.emitted import TimedRecording, delay_s, loud_frames
from benchmarks.live import AUDIBLE, Talker, find_offsets, watching, with_own_cache
from benchmarks.live_report import LiveMeasurements
from benchmarks.memory import process_tree
from benchmarks.users import LEVEL, UserItem, active_level, spoken
from speech.audio import OUTPUT_RATE_HZ, SPEECH_RATE_HZ, Samples
from tests.fuse_camera import fuse_camera
from tests.pulse import Pulse, Speaking, pulse
from tests.room import Room, room

AVATAR_VOICE = "heart"
OVERRIDES = (
    "devices.microphone=VisavisMic",
    "devices.speaker=VisavisSpeaker",
    "camera.size=512x512",
    "portrait.path=mira",
    "voice.backend=hibari",
)
SENTENCES = Path(__file__).parent / "sentences" / "en.txt"
SETTLING_S = 12.0
"""Before this the program's speaker finds its latency, and its parts warm up."""


class NothingSaid(Exception):
    """The avatar was to talk, and did not."""


@dataclass
class Scene:
    """A running conversation; `scene` makes it.

    Attributes:
        server: the sound system.
        around: the room.
        talker: the program.
        speaker: what the avatar's speaker played.
        microphone: what the microphone's sink got, users and echo.
        sentences: what the avatar may have to say, with their sound at SPEECH_RATE_HZ.
        measured: offsets, memory and counts of frames, filled when it ends.
        began_s: `time.monotonic()` of its beginning.
    """

    server: Pulse
    around: Room
    talker: Talker
    speaker: TimedRecording
    microphone: TimedRecording
    sentences: dict[str, Samples]
    measured: LiveMeasurements
    began_s: float
    said: list[str] = field(default_factory=list)

    def monologue(self, random: np.random.Generator, seconds: float) -> float:
        """Has the avatar talk for about so long; returns when it was asked to, once it can be heard.

        Raises:
            NothingSaid: whatever was tried.
        """
        self.said, length_s = [], 0.0
        for sentence in random.permutation(sorted(self.sentences)):
            self.said.append(str(sentence))
            length_s += len(self.sentences[str(sentence)]) / SPEECH_RATE_HZ
            if length_s > seconds:
                break
        for _ in range(3):
            self.talker.take()
            asked_s = time.monotonic()
            self.talker.request(f"say {' '.join(self.said)}")
            if self.talker.wait_for("state", 20.0, state="speaking") and self.wait_for_sound(5.0):
                return asked_s
            self.stop()
        raise NothingSaid

    def stop(self) -> None:
        """Has the avatar be quiet, whatever it does, and waits for silence."""
        self.talker.request("stop")
        self.wait_for_silence(0.6, 8.0)
        self.talker.request("stop")  # an answer that was just begun
        self.wait_for_silence(0.8, 8.0)
        self.talker.take()

    def wait_for_silence(self, lasting_s: float, timeout_s: float) -> bool:
        """Waits until the speaker has played nothing for so long; False if it goes on."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if not self.is_audible(lasting_s):
                return True
            time.sleep(0.1)
        return False

    def wait_for_sound(self, timeout_s: float) -> bool:
        """Waits until the speaker plays something; False if it doesn't."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if self.is_audible(0.1):
                return True
            time.sleep(0.05)
        return False

    def is_audible(self, lately_s: float) -> bool:
        """Whether the speaker has played anything lately."""
        end = self.speaker.sample_at(time.monotonic())
        return bool(loud_frames(self.speaker.samples(end - round(lately_s * OUTPUT_RATE_HZ)), AUDIBLE).any())

    def fit_echo(self) -> None:
        """Makes the echo as loud as the users: the avatar says something, and what comes back is measured."""
        self.around.change(gain=1.0)
        for _ in range(3):
            with suppress(NothingSaid):
                asked_s = self.monologue(np.random.default_rng(0), 5.0)
                self.wait_for_silence(1.0, 20.0)
                echo = self.microphone.samples(self.microphone.sample_at(asked_s))
                self.stop()
                self.around.change(gain=LEVEL / active_level(echo))
                return

    def user(self, item: UserItem, gain: float = 1.0) -> tuple[float, Speaking]:
        """The user begins; when, and what is to be waited for."""
        begun_s = time.monotonic()
        return begun_s, self.server.speak(item.samples * gain)

    def onset_s(self, item: UserItem, begun_s: float) -> float | None:
        """When the item's first sample was in the microphone's sink, in the recording; None where it is not found."""
        piece = item.samples[: round(1.5 * OUTPUT_RATE_HZ)]
        start = self.microphone.sample_at(begun_s - 0.1)
        found_s, likeness = delay_s(self.microphone.samples(start, start + len(piece) + OUTPUT_RATE_HZ), piece)
        return self.microphone.time_s(start + found_s * OUTPUT_RATE_HZ) if likeness > 0.3 else None

    def played(self, from_s: float, to_s: float) -> Played:
        """What the speaker played between two times, compared with the sentences that were to be said."""
        start, end = self.speaker.sample_at(from_s), self.speaker.sample_at(to_s)
        recorded = soxr.resample(self.speaker.samples(start, end), OUTPUT_RATE_HZ, SPEECH_RATE_HZ)
        return Played(recorded, self.speaker.time_s(start), [self.sentences[text] for text in self.said])


@dataclass(frozen=True)
class Placed:
    """A sentence, or a part of it, in a recording.

    Attributes:
        start: the recording's sample at which the sentence's first one would lie.
        gains: of every 10 ms of the sentence, NaN where it is not audible in itself.
    """

    start: int
    gains: np.ndarray


_FRAME = SPEECH_RATE_HZ // 100
_PART = 0.08
"""So much of a sentence's energy must be found in one place."""


class Played:
    """A recording of the speaker beside the sentences that were to be said, all float32 at SPEECH_RATE_HZ.

    Nothing but the avatar is in it, and a sentence always sounds the same: how loud each 10 ms of it were played is
    plain, and so is where a sentence went on after it was held.

    Attributes:
        loud: which 10 ms of the recording are audible.
        places: where the sentences, or parts of them, were found.
    """

    def __init__(self, recorded: Samples, start_s: float, sentences: Sequence[Samples]) -> None:
        self.start_s = start_s
        self._recorded = recorded[: len(recorded) // _FRAME * _FRAME].astype(np.float64)
        frames = self._recorded.reshape(-1, _FRAME)
        self.loud = np.sqrt(np.mean(np.square(frames), axis=1)) > AUDIBLE
        self.places: list[Placed] = []
        size = 1 << (len(self._recorded) + max(map(len, sentences), default=1)).bit_length()
        spectrum = np.fft.rfft(self._recorded, size)
        for sentence in sentences:
            product = np.fft.irfft(spectrum * np.conj(np.fft.rfft(sentence, size)), size)
            product /= float(np.sum(np.square(sentence, dtype=np.float64)))
            for _ in range(3):
                best = int(np.argmax(product))
                if product[best] < _PART:
                    break
                start = best if best < len(self._recorded) else best - size
                placed = Placed(start, self._gains(sentence, start))
                if np.nanmax(placed.gains, initial=0.0) > 0.5:
                    self.places.append(placed)
                product[max(0, best - 800) : best + 800] = 0.0
        self.places.sort(key=lambda place: place.start)

    def _gains(self, sentence: Samples, start: int) -> np.ndarray:
        """`Placed.gains`: the part of what was recorded that is the sentence, 20 ms at a time."""
        count = len(sentence) // _FRAME
        padded = np.zeros(count * _FRAME)
        low, high = max(0, start), min(len(self._recorded), start + len(padded))
        if low < high:
            padded[low - start : high - start] = self._recorded[low:high]
        said = sentence[: count * _FRAME].astype(np.float64).reshape(-1, _FRAME)
        heard = padded.reshape(-1, _FRAME)
        common, power = np.sum(said * heard, axis=1), np.sum(np.square(said), axis=1)
        common, power = (np.convolve(values, (1.0, 1.0), "same") for values in (common, power))
        audible = power > 2 * _FRAME * (3 * AUDIBLE) ** 2
        gains = np.full(count, np.nan)
        gains[audible] = common[audible] / power[audible]
        outside = (start + np.arange(count) * _FRAME < 0) | (
            start + np.arange(1, count + 1) * _FRAME > len(self._recorded)
        )
        gains[outside] = np.nan
        return gains

    def gain_curve(self) -> np.ndarray:
        """How loud each 10 ms of the recording were, as a ratio; NaN where nothing was to be said."""
        curve = np.full(len(self.loud), np.nan)
        for place in self.places:
            at = round(place.start / _FRAME) + np.arange(len(place.gains))
            inside = (at >= 0) & (at < len(curve)) & ~np.isnan(place.gains)
            curve[at[inside]] = np.fmax(curve[at[inside]], place.gains[inside])
        return curve

    def frame(self, time_s: float) -> int:
        """The 10 ms in which a time lies."""
        return round((time_s - self.start_s) * 100)


@contextmanager
def scene(
    folder: Path, overrides: Sequence[str], *, has_echo: bool = True, comes_first: bool = False
) -> Iterator[Scene]:
    """Runs the program and the room until the context ends, and measures frames, offsets and memory meanwhile."""
    texts = [line for line in SENTENCES.read_text("utf-8").splitlines() if len(line) > 40 and line.isascii()]
    texts = [line for line in texts if not any(map(str.isdigit, line)) and line[-1] in ".?"]
    sounds = [soxr.resample(sound, OUTPUT_RATE_HZ, SPEECH_RATE_HZ) for sound in spoken(texts, AVATAR_VOICE)]
    measured = LiveMeasurements()
    kept = folder / "sound.raw"
    with ExitStack() as stack:
        server = stack.enter_context(pulse(folder))
        camera = stack.enter_context(fuse_camera(folder / "camera", 512, 512))
        around = stack.enter_context(room(server, delay_s=0.15, gain=float(has_echo), rt60_s=0.3))
        speaker = stack.enter_context(TimedRecording(server.environ, "speaker.monitor"))
        microphone = stack.enter_context(TimedRecording(server.environ, "micsink.monitor"))
        if comes_first:
            os.setpriority(os.PRIO_PROCESS, 0, -15)  # what loads its parts inherits it
        talker = Talker(with_own_cache(server.environ), camera.device, kept, [*OVERRIDES, *overrides])
        stack.callback(talker.process.kill)
        if not talker.wait_for("ready", 120):
            raise RuntimeError("the program does not begin")
        if comes_first:
            _put_first(talker.process.pid)
        began_s = time.monotonic()
        running = Scene(
            server, around, talker, speaker, microphone, dict(zip(texts, sounds, strict=True)), measured, began_s
        )
        arrivals: list[tuple[float, int]] = []
        with watching(talker, camera, arrivals, measured, began_s):
            time.sleep(SETTLING_S)
            if has_echo:
                running.fit_echo()
            yield running
            talker.leave()
        measured.end = next((line for line in talker.received if line["kind"] == "end"), {})
        measured.problems = [line["message"] for line in talker.received if line["kind"] == "problem"]
        find_offsets(measured, speaker, np.fromfile(kept, "<f4"), arrivals, began_s)


def _put_first(pid: int) -> None:
    """Puts all threads of a program so far before others that they are between each other still as they were."""
    for process in process_tree(pid):
        for thread in Path(f"/proc/{process}/task").iterdir():
            with suppress(OSError):
                os.setpriority(
                    os.PRIO_PROCESS, int(thread.name), os.getpriority(os.PRIO_PROCESS, int(thread.name)) - 10
                )
