"""Speech with phoneme times, for training: eSpeak NG's events, and Flite's where the program is installed.

The engine is the conversation's; what is said here is plain text, in voice variants, pitches and speeds of all kinds.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from avatar.motion import Floats
from speech.audio import SPEECH_RATE_HZ, read_audio, resample
from speech.errors import InputError
from speech.espeak_engine import EspeakEvent, EspeakSettings, EventType, espeak_engine


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
    """A spoken text: `samples` float32 [N] at 16 kHz and its phones, in order, without gaps."""

    samples: Floats
    phones: tuple[Phone, ...]
    voice: str
    text: str


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
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        command = ["flite", "-voice", voice, "--setf", f"duration_stretch={stretch}", "-psdur", "-t", text, str(path)]
        result = subprocess.run(command, capture_output=True, text=True)
        if result.returncode != 0 or not path.is_file():
            raise InputError(f"flite: expected speech from '{text[:40]}', it failed: {result.stderr.strip()[:80]}")
        samples = read_audio(path, SPEECH_RATE_HZ)
    phones: list[Phone] = []
    at = 0.0
    for name, end in re.findall(r"(\S+?):(\d+\.\d+)", result.stdout):
        symbol = "" if name == "pau" else name
        phones.append(Phone(symbol, at, float(end), 0))
        at = float(end)
    return Utterance(samples, tuple(phones), f"flite {voice}", text)


def stretched(utterance: Utterance, factor: float) -> Utterance:
    """The same speech played `factor` times as fast: pitch, formants and pace change together."""
    samples = resample(utterance.samples, round(SPEECH_RATE_HZ * factor), SPEECH_RATE_HZ)
    phones = tuple(Phone(p.symbol, p.start_s / factor, p.end_s / factor, p.stress) for p in utterance.phones)
    return Utterance(samples, phones, utterance.voice, utterance.text)
