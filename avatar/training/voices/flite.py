"""Flite as a voice to train on, where its program is installed: statistical voices, dull but clear."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass

import numpy as np

from avatar.training.voices.utterance import Phone, Utterance
from speech.audio import SPEECH_RATE_HZ
from speech.errors import BackendError
from speech.files.scratch import scratch_folder
from speech.files.sound_file import read_audio


@dataclass(frozen=True, slots=True)
class FliteVoice:
    """A voice of the program.

    Attributes:
        voice: its name there.
    """

    voice: str
    language = "en-us"

    @property
    def name(self) -> str:
        """See `TrainingVoice`."""
        return f"flite {self.voice}"

    def speak(self, text: str, *, pace: float, random: np.random.Generator) -> Utterance:
        """See `TrainingVoice`; leaves nothing to chance."""
        return speak_flite(text, self.voice, stretch=1.0 / pace)


def flite_voices() -> tuple[str, ...]:
    """Flite's voices for training; none without the program."""
    return ("rms", "awb", "slt", "kal16") if shutil.which("flite") else ()


def speak_flite(text: str, voice: str, *, stretch: float = 1.0) -> Utterance:
    """Speaks with Flite.

    Args:
        text: English.
        voice: one of `flite_voices`.
        stretch: of the durations; 1 is the voice's own pace.

    Raises:
        BackendError: the program failed.
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
        phones.append(Phone("" if name == "pau" else name, at, float(end), alphabet="arpabet"))
        at = float(end)
    return Utterance(samples, tuple(phones), f"flite {voice}", text)
