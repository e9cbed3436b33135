"""Speech with phoneme times, for training: eSpeak NG's events, and Flite's where the program is installed.

This is a small synthesis function of its own, because training needs voice variants, pitches and speeds that the
conversation's voices don't offer, and no streaming.
"""

from __future__ import annotations

import ctypes
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from avatar.motion import Floats
from speech.audio import SPEECH_RATE_HZ, read_audio, resample
from speech.errors import InputError


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


# espeak-ng/speak_lib.h
_AUDIO_OUTPUT_SYNCHRONOUS = 2
_INITIALIZE_PHONEME_EVENTS = 1
_EVENT_PHONEME = 7
_RATE, _PITCH, _RANGE = 1, 3, 4
_POSITION_CHARACTER, _CHARS_UTF8 = 1, 1


class _Id(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    )


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


class _Espeak:
    """The library, a global singleton; one thread at a time."""

    def __init__(self) -> None:
        import espeakng_loader

        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        data = espeakng_loader.get_data_path().encode()
        self.rate_hz = self._library.espeak_Initialize(_AUDIO_OUTPUT_SYNCHRONOUS, 0, data, _INITIALIZE_PHONEME_EVENTS)
        if self.rate_hz <= 0:
            raise InputError("eSpeak NG: expected it to start, it did not; reinstall espeakng-loader")
        self._library.espeak_Synth.argtypes = [
            *(ctypes.c_void_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int),
            *(ctypes.c_uint, ctypes.c_uint, ctypes.POINTER(ctypes.c_uint), ctypes.c_void_p),
        ]
        self._sound: list[bytes] = []
        self._events: list[tuple[float, str]] = []
        self._callback = _Callback(self._receive)  # kept: the library holds only its address
        self._library.espeak_SetSynthCallback(self._callback)

    def _receive(self, wave: Any, count: int, events: Any) -> int:
        if count > 0:
            self._sound.append(ctypes.string_at(wave, count * 2))
        index = 0
        while events[index].type:
            if events[index].type == _EVENT_PHONEME:
                name = bytes(events[index].id.string).split(b"\0")[0].decode("utf-8", "replace")
                self._events.append((events[index].sample / self.rate_hz, name))
            index += 1
        return 0

    def speak(self, text: str, voice: str, rate: int, pitch: int, pitch_range: int) -> tuple[Floats, list[Phone]]:
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise InputError(f"eSpeak NG: expected a voice it knows, got '{voice}'")
        for parameter, value in ((_RATE, rate), (_PITCH, pitch), (_RANGE, pitch_range)):
            self._library.espeak_SetParameter(parameter, value, 0)
        self._sound.clear()
        self._events.clear()
        data = text.encode()
        self._library.espeak_Synth(data, len(data) + 1, 0, _POSITION_CHARACTER, 0, _CHARS_UTF8, None, None)
        sound = np.frombuffer(b"".join(self._sound), np.int16).astype(np.float32) / 32768.0
        end = len(sound) / self.rate_hz
        phones: list[Phone] = []
        starts = [at for at, _ in self._events] + [end]
        for (at, name), after in zip(self._events, starts[1:], strict=True):
            symbol = name.lstrip("',%=")
            stress = 2 if "'" in name[:2] else 1 if "," in name[:2] else 0
            silent = symbol.startswith("_") or not symbol
            if after > at:
                phones.append(Phone("" if silent else symbol, at, after, stress))
        return sound, phones


@lru_cache(maxsize=1)
def _espeak() -> _Espeak:
    return _Espeak()


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
    engine = _espeak()
    sound, phones = engine.speak(text, voice, rate, pitch, pitch_range)
    return Utterance(resample(sound, engine.rate_hz, SPEECH_RATE_HZ), tuple(phones), voice, text)


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
