"""eSpeak NG as a voice to train on: a robot, but one that speaks many languages in many variants."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from dataclasses import dataclass

import numpy as np

from avatar.motion import Floats
from avatar.training.voices.utterance import Phone, Utterance
from speech.audio import SPEECH_RATE_HZ, resample
from speech.errors import BackendError
from speech.tts.synthesis.espeak_engine import EspeakEvent, EspeakSettings, EventType, espeak_engine

_RATE_WPM = 160
_PITCH, _PITCH_RANGE = (15, 85), (25, 90)


@dataclass(frozen=True, slots=True)
class EspeakVoice:
    """A variant of eSpeak NG in a language; its pitch is drawn anew for every text.

    Attributes:
        language: such as "en-us".
        variant: such as "+f3", or "".
    """

    language: str
    variant: str

    @property
    def name(self) -> str:
        """See `TrainingVoice`."""
        return f"espeak {self.language}{self.variant}"

    def speak(self, text: str, *, pace: float, random: np.random.Generator) -> Utterance:
        """See `TrainingVoice`. In a process of its own: the sound of one that has spoken before differs a little."""
        call = {
            "text": text,
            "voice": self.language + self.variant,
            "rate": round(_RATE_WPM * pace),
            "pitch": int(random.integers(*_PITCH)),
            "pitch_range": int(random.integers(*_PITCH_RANGE)),
        }
        done = subprocess.run(
            [sys.executable, "-P", "-m", "avatar.training.voices.espeak_process"],
            input=json.dumps(call).encode(),
            capture_output=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )
        if done.returncode:
            reason = (done.stderr.decode(errors="replace").strip().splitlines() or ["no reason told"])[-1]
            raise BackendError(f"{self.name}: expected speech from {text[:40]!r}, it failed: {reason[:120]}")
        return pickle.loads(done.stdout)


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
    return Utterance(resample(sound, engine.sample_rate_hz, SPEECH_RATE_HZ), tuple(phones), f"espeak {voice}", text)
