"""What recorded and synthetic users say and do: questions, backchannels, coughs, interruptions, hesitations.

Nobody here has the avatar's voice. What a synthesiser says is made once and kept in the user's cache; coughs, laughs,
hums and claps are shaped noise and pulses, always the same for a seed. Real questions are those that come with the
program, and those of a folder of real speech where VISAVIS_TEST_DATA names one.
"""

from __future__ import annotations

import asyncio
import csv
import hashlib
import os
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.signal
import soxr

from agent.backends.making import make_voice
from agent.commands.demo import QUESTIONS
from agent.config.config import load_config
from speech.audio import OUTPUT_RATE_HZ, Samples
from speech.files.sound_file import read_audio
from speech.user_folders import cache_folder

Floats = npt.NDArray[np.floating[Any]]

LEVEL = 0.06
"""RMS of every item while there is sound in it: about -24 dBFS."""

VOICES = ("en_US-joe-medium", "rms", "slt", "pico:en-GB", "pico:en-GB+m", "en-us+f3")
GERMAN_VOICES = ("pico:de-DE", "pico:de-DE+m", "espeak:de")

BACKCHANNELS = ("yeah", "right", "okay", "uh-huh", "yes", "I see", "sure", "really?", "oh", "of course")
GERMAN_BACKCHANNELS = ("ja", "genau", "okay", "aha", "stimmt", "ach so")
COMMANDS = ("stop", "wait a second", "wait", "hold on", "no", "excuse me", "be quiet", "one moment please")
QUESTIONS_ASKED = (
    "What is your name?",
    "How does this program work?",
    "Tell me a joke.",
    "Do you need the internet?",
    "Sorry, can I ask you something else?",
    "That is not what I wanted to know.",
    "What can you do for me?",
    "Who made you?",
    "How old are you?",
    "Is this program free?",
)
HESITATIONS = (
    ("I would like to know, um", "how this works."),
    ("Can you tell me something about", "your voice?"),
    ("My number is five five five", "two three four."),
    ("I think that, uh", "we should talk about the weather."),
    ("First we need bread, butter, and", "some milk."),
    ("The question is whether", "you can see me."),
    ("Well", "what is your name?"),
    ("I was wondering if", "you know a joke."),
    ("Could you please", "tell me who made you?"),
    ("So the thing is that", "I don't like computers."),
)
PAUSES_S = (0.5, 0.7, 0.9, 1.2)


@dataclass(frozen=True, slots=True)
class UserItem:
    """Something that a user says or does.

    Attributes:
        kind: "question", "backchannel", "noise", "command" or "hesitation".
        name: of what and by whom.
        text: the words; "" where there are none.
        samples: float32 at OUTPUT_RATE_HZ, from its first audible sample to its last one, at LEVEL.
        pauses_s: where the user is silent within it: from and to, seconds.
    """

    kind: str
    name: str
    text: str
    samples: Samples
    pauses_s: tuple[tuple[float, float], ...] = ()

    @property
    def duration_s(self) -> float:
        """How long it takes."""
        return len(self.samples) / OUTPUT_RATE_HZ


def real_questions() -> list[UserItem]:
    """Recorded questions whose words are known, the program's own ones and those of VISAVIS_TEST_DATA."""
    with (QUESTIONS / "questions.tsv").open(encoding="utf-8") as file:
        found = [(QUESTIONS / row["file"], row["text"]) for row in csv.DictReader(file, delimiter="\t")]
    folder = os.environ.get("VISAVIS_TEST_DATA")
    if folder and (table := Path(folder) / "questions" / "questions.tsv").is_file():
        with table.open(encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file, delimiter="\t") if row["transcript"][0] != "("]
        found += [(Path(folder) / row["path"], row["transcript"]) for row in rows]
    return [UserItem("question", path.stem, text, trimmed(read_audio(path, OUTPUT_RATE_HZ))) for path, text in found]


def finished() -> list[UserItem]:
    """Whole sentences: real ones, then spoken ones."""
    return real_questions() + _said("question", QUESTIONS_ASKED, VOICES[:5])


def interruptions() -> list[UserItem]:
    """Questions, short commands and a "no", as somebody says them into the avatar's words."""
    return finished() + _said("command", COMMANDS, VOICES[:5])


def backchannels() -> list[UserItem]:
    """What shows that somebody listens, hums included."""
    hums = [UserItem("backchannel", f"mhm {seed}", "mhm", hum(seed)) for seed in range(6)]
    return hums + _said("backchannel", BACKCHANNELS, VOICES) + _said("backchannel", GERMAN_BACKCHANNELS, GERMAN_VOICES)


def noises() -> list[UserItem]:
    """Coughs, laughs, throats that are cleared, claps; and real taps where there are recordings."""
    made = [
        UserItem("noise", f"{make.__name__} {seed}", "", make(seed))
        for make in (cough, laugh, throat, clap)
        for seed in range(5)
    ]
    folder = os.environ.get("VISAVIS_TEST_DATA")
    names = ("friction.wav", "laptop_tap.wav", "phone_rub.wav") if folder else ()
    return made + [
        UserItem("noise", name, "", trimmed(read_audio(Path(folder or "") / "noise" / name, OUTPUT_RATE_HZ)))
        for name in names
    ]


def hesitations() -> list[UserItem]:
    """Two parts of a sentence with a pause between them, in which nobody should answer."""
    items: list[UserItem] = []
    for number, (first, second) in enumerate(HESITATIONS):
        for voice in VOICES[: 5 if number % 2 else 3]:
            parts = _said("hesitation", (first, second), (voice,))
            pause_s = PAUSES_S[len(items) % len(PAUSES_S)]
            before_s = parts[0].duration_s
            samples = np.r_[parts[0].samples, np.zeros(round(pause_s * OUTPUT_RATE_HZ), np.float32), parts[1].samples]
            name = f"{first} ({pause_s:g} s) {second} / {voice}"
            items.append(UserItem("hesitation", name, f"{first} {second}", samples, ((before_s, before_s + pause_s),)))
    return items


def babble(seed: int, seconds: float = 30.0, voices: int = 6) -> Samples:
    """A café: so many people talk at once, none of them to the microphone; at LEVEL."""
    random, size = np.random.default_rng(seed), round(seconds * OUTPUT_RATE_HZ)
    spoken = [item.samples for item in finished()]
    mixed = np.zeros(size, np.float32)
    for _ in range(voices):
        said: list[Samples] = []
        while sum(map(len, said)) < size:
            said.append(spoken[random.integers(len(spoken))])
        mixed += np.roll(np.concatenate(said)[:size], random.integers(size)) * random.uniform(0.5, 1.0)
    distance = np.exp(-np.arange(0.4 * OUTPUT_RATE_HZ) / (0.08 * OUTPUT_RATE_HZ))
    response = distance * random.standard_normal(len(distance))
    return levelled(scipy.signal.fftconvolve(mixed, response)[:size])


def television(seed: int, seconds: float = 30.0) -> Samples:
    """One voice that talks on and on, from across the room; at LEVEL."""
    return babble(seed, seconds, voices=1)


def music(seed: int, seconds: float = 30.0) -> Samples:
    """Chords of plucked strings over a beat; at LEVEL."""
    random, size = np.random.default_rng(seed), round(seconds * OUTPUT_RATE_HZ)
    played = np.zeros(size + OUTPUT_RATE_HZ, np.float32)
    time_s = np.arange(OUTPUT_RATE_HZ) / OUTPUT_RATE_HZ
    roots = (220.0, 174.6, 130.8, 196.0)
    for beat in range(round(seconds * 2)):
        root = roots[beat // 4 % 4]
        tones = root * np.array([1.0, 1.26, 1.5, 2.0]) * random.choice((1.0, 2.0))
        pluck = sum(np.sin(2 * np.pi * tone * n * time_s) / n for tone in tones for n in (1, 2, 3)) * np.exp(
            -4 * time_s
        )
        drum = random.standard_normal(len(time_s)) * np.exp(-60 * time_s) * (3.0 if beat % 2 else 1.5)
        start = beat * OUTPUT_RATE_HZ // 2
        played[start : start + OUTPUT_RATE_HZ] += (pluck + drum)[: len(played) - start]
    return levelled(played[:size])


# ---- what is made without words


def hum(seed: int) -> Samples:
    """Says "mhm": two hums with closed lips, the second one higher."""
    random = np.random.default_rng(seed)
    pitch_hz = random.uniform(95.0, 220.0)
    first = _voiced(pitch_hz * np.linspace(1.05, 0.95, _count(random.uniform(0.12, 0.2))), (250.0, 1100.0), random)
    gap = np.zeros(_count(random.uniform(0.02, 0.06)))
    second = _voiced(pitch_hz * np.linspace(1.1, 1.35, _count(random.uniform(0.16, 0.28))), (260.0, 1100.0), random)
    return levelled(np.r_[first, gap, second])


def cough(seed: int) -> Samples:
    """One to three coughs: an explosion, then a decaying rush of air through the throat."""
    random = np.random.default_rng(100 + seed)
    parts: list[Floats] = []
    for _ in range(random.integers(1, 4)):
        count = _count(random.uniform(0.18, 0.35))
        time_s = np.arange(count) / OUTPUT_RATE_HZ
        rush = random.standard_normal(count) * (np.exp(-time_s / 0.05) + 0.25 * np.exp(-time_s / 0.2))
        voice = _voiced(np.linspace(180, 120, count) * random.uniform(0.8, 1.3), (700.0, 1300.0), random)
        parts += [_through(rush, (650.0, 1400.0, 2700.0), 300.0) + 0.4 * voice * np.exp(-time_s / 0.08)]
        parts += [np.zeros(_count(random.uniform(0.1, 0.3)))]
    return levelled(np.concatenate(parts[:-1]))


def laugh(seed: int) -> Samples:
    """Laughs "ha ha ha", three to six times, falling."""
    random = np.random.default_rng(200 + seed)
    pitch_hz, parts = random.uniform(160.0, 380.0), []
    for number in range(random.integers(3, 7)):
        breath = _through(random.standard_normal(_count(random.uniform(0.06, 0.1))), (800.0, 1500.0), 500.0)
        count = _count(random.uniform(0.07, 0.12))
        vowel = _voiced(pitch_hz * 0.95**number * np.linspace(1.1, 0.9, count), (750.0, 1250.0, 2600.0), random)
        parts += [0.25 * breath / np.abs(breath).max(), vowel / np.abs(vowel).max() * np.hanning(count)]
    return levelled(np.concatenate(parts))


def throat(seed: int) -> Samples:
    """A throat being cleared: slow, irregular pulses with noise."""
    random = np.random.default_rng(300 + seed)
    count = _count(random.uniform(0.35, 0.7))
    pitch = random.uniform(60.0, 90.0) * (
        1.0 + 0.25 * scipy.signal.lfilter([0.01], [1, -0.99], random.standard_normal(count))
    )
    rough = _voiced(np.clip(pitch, 40.0, 140.0), (500.0, 1000.0, 2300.0), random)
    noise = _through(random.standard_normal(count), (500.0, 1000.0), 400.0)
    return levelled((rough / np.abs(rough).max() + 0.3 * noise / np.abs(noise).max()) * np.hanning(count) ** 0.4)


def clap(seed: int) -> Samples:
    """One to four claps of hands."""
    random = np.random.default_rng(400 + seed)
    time_s = np.arange(_count(0.06)) / OUTPUT_RATE_HZ
    parts: list[Floats] = []
    for _ in range(random.integers(1, 5)):
        parts += [_through(random.standard_normal(len(time_s)), (1200.0, 2500.0), 1500.0) * np.exp(-time_s / 0.008)]
        parts += [np.zeros(_count(random.uniform(0.12, 0.25)))]
    return levelled(np.concatenate(parts[:-1]))


def _count(seconds: float) -> int:
    return round(seconds * OUTPUT_RATE_HZ)


def _voiced(pitch_hz: Floats, formants_hz: Sequence[float], random: np.random.Generator) -> Floats:
    """A voice of this pitch, one value a sample: pulses with a little jitter through formants."""
    phase = np.cumsum(pitch_hz * (1.0 + 0.01 * random.standard_normal(len(pitch_hz)))) / OUTPUT_RATE_HZ
    pulses = np.r_[0.0, np.diff(np.floor(phase))]
    source = scipy.signal.lfilter([1.0], [1.0, -0.97], pulses) + 0.02 * random.standard_normal(len(pulses))
    edge = np.minimum(1.0, np.minimum(np.arange(len(pulses)), np.arange(len(pulses))[::-1]) / _count(0.02))
    voiced: Floats = _through(source, formants_hz, 90.0) * edge
    return voiced


def _through(source: Floats, formants_hz: Sequence[float], width_hz: float) -> Floats:
    """Resonances side by side, each higher one 6 dB softer."""
    out = np.zeros(len(source))
    for number, formant in enumerate(formants_hz):
        b, a = scipy.signal.iirpeak(formant, formant / width_hz, OUTPUT_RATE_HZ)
        out += scipy.signal.lfilter(b, a, source) * 0.5**number
    return out


# ---- level, and what a synthesiser says


def active_level(samples: Floats) -> float:
    """RMS where it is louder than 30 dB below its loudest 20 ms; at least 1e-6."""
    size = min(_count(0.02), len(samples))
    frames = samples[: len(samples) // size * size].reshape(-1, size)
    powers = np.mean(np.square(frames, dtype=np.float64), axis=1)
    return max(1e-6, float(np.sqrt(np.mean(powers[powers >= 1e-3 * powers.max()]))))


def levelled(samples: Floats) -> Samples:
    """The same at LEVEL."""
    return np.clip(samples * (LEVEL / active_level(samples)), -0.99, 0.99).astype(np.float32)


def trimmed(samples: Samples) -> Samples:
    """From the first audible sample to the last one, at LEVEL."""
    samples = levelled(samples)
    size = _count(0.01)
    frames = samples[: len(samples) // size * size].reshape(-1, size)
    loud = np.flatnonzero(np.sqrt(np.mean(np.square(frames), axis=1)) > 0.1 * LEVEL)
    return samples[loud[0] * size : (loud[-1] + 1) * size]


def spoken(texts: Sequence[str], voice: str) -> list[Samples]:
    """What a synthesiser says, float32 at OUTPUT_RATE_HZ, as it comes; made once."""
    wanted = [(text, voice, _kept(text, voice)) for text in texts]
    if missing := [one for one in wanted if not one[2].is_file()]:
        asyncio.run(_synthesise(missing))
    return [np.load(path) for _, _, path in wanted]


def _said(kind: str, texts: Sequence[str], voices: Sequence[str]) -> list[UserItem]:
    return [
        UserItem(kind, f"{text} / {voice}", text, trimmed(sound))
        for voice in voices
        for text, sound in zip(texts, spoken(texts, voice), strict=True)
    ]


def _kept(text: str, voice: str) -> Path:
    digest = hashlib.sha256(f"{voice}\n{text}".encode()).hexdigest()[:20]
    return cache_folder() / "benchmark-users" / f"{digest}.npy"


async def _synthesise(wanted: Sequence[tuple[str, str, Path]]) -> None:
    for name in dict.fromkeys(voice for _, voice, _ in wanted):
        async with make_voice(load_config(None, [f"voice.voice={name}"], {})) as voice:
            for text, path in ((text, path) for text, by, path in wanted if by == name):
                async with aclosing(voice.synthesize(text)) as chunks:
                    sound = np.concatenate([chunk.audio.samples async for chunk in chunks])
                path.parent.mkdir(parents=True, exist_ok=True)
                np.save(path, soxr.resample(sound, voice.sample_rate_hz, OUTPUT_RATE_HZ))
