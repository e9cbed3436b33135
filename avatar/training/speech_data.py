"""Speech with phoneme times, for training: eSpeak NG's events, and Flite's where the program is installed.

The engine is the conversation's; what is said here is plain text, in voice variants, pitches and speeds of all kinds.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass, replace

import numpy as np

from avatar.motion import Floats
from speech.audio import SPEECH_RATE_HZ, resample
from speech.errors import BackendError
from speech.files.scratch import scratch_folder
from speech.files.sound_file import read_audio
from speech.tts.synthesis.espeak_engine import EspeakEvent, EspeakSettings, EventType, espeak_engine


@dataclass(frozen=True, slots=True)
class Phone:
    """A phoneme with its times.

    Attributes:
        symbol: eSpeak's or ARPABET's name without stress marks; "" is silence.
        start_s: seconds from the start of the sound.
        end_s: seconds.
        stress: 2 primary, 1 secondary, 0 none (vowels only).
    """

    symbol: str
    start_s: float
    end_s: float
    stress: int = 0


@dataclass(frozen=True, slots=True)
class Utterance:
    """A spoken text: `samples` float32 [N] at 16 kHz and its phones, in order, without gaps.

    Attributes:
        samples: the sound.
        phones: with their times.
        voice: whose.
        text: what is said.
        arpabet: whether the phones' symbols are ARPABET's (Flite, CMU dictionaries), not eSpeak's.
    """

    samples: Floats
    phones: tuple[Phone, ...]
    voice: str
    text: str
    arpabet: bool = False


def speak_espeak(text: str, voice: str, *, rate: int = 160, pitch: int = 50, pitch_range: int = 50) -> Utterance:
    """Speaks with eSpeak NG.

    Args:
        text: plain text.
        voice: such as "en-us+f3".
        rate: words a minute.
        pitch: 0 to 99.
        pitch_range: 0 to 99.

    Raises:
        InputError: unknown voice.
    """
    engine = espeak_engine()
    pieces: list[Floats] = []
    events: list[EspeakEvent] = []

    def receive(samples: Floats, found: list[EspeakEvent]) -> bool:
        pieces.append(samples)
        events.extend(event for event in found if event.type == EventType.PHONEME)
        return True

    settings = EspeakSettings(voice, rate, pitch, pitch_range)
    engine.worker.submit(engine.speak, text, settings, receive).result()
    sound = np.concatenate(pieces) if pieces else np.zeros(0, np.float32)
    ends = [event.sample for event in events[1:]] + [len(sound)]
    phones = []
    for event, end in zip(events, ends, strict=True):
        silent = event.symbol.startswith("_") or not event.symbol
        if end > event.sample:
            start_s, end_s = event.sample / engine.sample_rate_hz, end / engine.sample_rate_hz
            phones.append(Phone("" if silent else event.symbol, start_s, end_s, event.stress))
    return Utterance(resample(sound, engine.sample_rate_hz, SPEECH_RATE_HZ), tuple(phones), voice, text)


def flite_voices() -> tuple[str, ...]:
    """Flite's voices for training (statistical ones, closer to natural than eSpeak); none without the program."""
    return ("rms", "awb", "slt", "kal16") if shutil.which("flite") else ()


def speak_flite(text: str, voice: str, *, stretch: float = 1.0) -> Utterance:
    """Speaks with Flite.

    Args:
        text: English.
        voice: one of `flite_voices`.
        stretch: of the durations; 1 is the voice's own pace.

    Raises:
        InputError: the program failed.
    """
    with scratch_folder() as folder:
        path = folder / "speech.wav"
        command = ["flite", "-voice", voice, "--setf", f"duration_stretch={stretch}", "-psdur", "-t", text, str(path)]
        result = subprocess.run(command, capture_output=True, text=True)
        if result.returncode != 0 or not path.is_file():
            raise BackendError(f"flite: expected speech from '{text[:40]}', it failed: {result.stderr.strip()[:80]}")
        samples = read_audio(path, SPEECH_RATE_HZ)
    phones: list[Phone] = []
    at = 0.0
    for name, end in re.findall(r"(\S+?):(\d+\.\d+)", result.stdout):
        symbol = "" if name == "pau" else name
        phones.append(Phone(symbol, at, float(end), 0))
        at = float(end)
    return Utterance(samples, tuple(phones), f"flite {voice}", text, arpabet=True)


def stretched(utterance: Utterance, factor: float) -> Utterance:
    """The same speech played `factor` times as fast: pitch, formants and pace change together."""
    samples = resample(utterance.samples, round(SPEECH_RATE_HZ * factor), SPEECH_RATE_HZ)
    phones = tuple(Phone(p.symbol, p.start_s / factor, p.end_s / factor, p.stress) for p in utterance.phones)
    return replace(utterance, samples=samples, phones=phones)


def sung(utterance: Utterance, random: np.random.Generator) -> Utterance:
    """The same speech as if sung: held notes that step every few syllables, with vibrato.

    The recording is read at a pace that follows the melody, so formants shift a little with the pitch, as they do
    when the larynx rises.
    """
    rate = 200
    count = int(len(utterance.samples) / SPEECH_RATE_HZ * rate) + 2
    notes = np.repeat(random.integers(-4, 5, count // 60 + 1), 60)[:count]
    notes = np.convolve(np.pad(notes, 8, mode="edge"), np.full(17, 1.0 / 17.0), mode="valid")
    times = np.arange(count) / rate
    vibrato = 0.35 * np.sin(2.0 * np.pi * float(random.uniform(4.5, 6.5)) * times)
    pace = 2.0 ** ((notes + vibrato) / 12.0)
    reached = np.concatenate([[0.0], np.cumsum(1.0 / pace[:-1])]) / rate  # time in the song of each old time
    song = np.arange(int(reached[-1] * SPEECH_RATE_HZ)) / SPEECH_RATE_HZ
    at = np.interp(song, reached, times) * SPEECH_RATE_HZ
    samples = np.interp(at, np.arange(len(utterance.samples)), utterance.samples).astype(np.float32)

    def moved(time_s: float) -> float:
        return min(float(reached[-1]), float(np.interp(time_s, times, reached)))

    phones = [Phone(p.symbol, moved(p.start_s), moved(p.end_s), p.stress) for p in utterance.phones]
    kept = tuple(phone for phone in phones if phone.end_s > phone.start_s)
    return replace(utterance, samples=samples, phones=kept)
