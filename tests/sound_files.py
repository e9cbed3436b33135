"""Sound files of many formats, made for tests."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np

from speech.audio import Samples

RATE = 44_100


def speechlike(seconds: float, rate: int = RATE, seed: int = 0) -> Samples:
    """Something with a voice's pitch and syllables: harmonics of 120 Hz, four times a second; peak 0.5."""
    time = np.arange(round(seconds * rate)) / rate
    harmonics = sum(np.sin(2 * np.pi * 120 * k * time) / k for k in range(1, 20))
    syllables = 0.55 - 0.45 * np.cos(2 * np.pi * 4 * time)
    hiss = np.random.default_rng(seed).normal(0.0, 0.05, len(time))
    sound = (harmonics + hiss) * syllables
    return (0.5 * sound / np.abs(sound).max()).astype(np.float32)


CODECS = {
    "mp3": ("libmp3lame", "fltp"),
    "adts": ("aac", "fltp"),
    "mp4": ("aac", "fltp"),
    "mpegts": ("aac", "fltp"),
    "flac": ("flac", "s16"),
    "opus": ("libopus", "flt"),
    "matroska": ("libopus", "flt"),
}
"""What PyAV calls the container → codec and sample format."""


def encode(path: Path, sound: Samples, container: str, rate: int = RATE, layout: str = "mono", **options: str) -> Path:
    """Writes float32 [C, N] or [N] with PyAV."""
    codec, sample_format = CODECS[container]
    with av.open(str(path), "w", format=container, options=options) as out:
        stream = out.add_stream(codec, rate=rate, layout=layout)
        frame = av.AudioFrame.from_ndarray(np.atleast_2d(sound).astype(np.float32), format="fltp", layout=layout)
        frame.sample_rate = rate
        for part in av.AudioResampler(format=sample_format, layout=layout, rate=rate).resample(frame):
            out.mux(stream.encode(part))
        out.mux(stream.encode(None))
    return path


def damage(path: Path, seed: int = 0, places: int = 4, length: int = 120) -> None:
    """Overwrites some stretches of a file behind its head."""
    random = np.random.default_rng(seed)
    data = bytearray(path.read_bytes())
    for _ in range(places):
        at = int(random.integers(len(data) // 6, len(data) - length))
        data[at : at + length] = random.bytes(length)
    path.write_bytes(data)


def level_db(sound: Samples) -> float:
    """RMS, dB of full scale."""
    return float(10 * np.log10(np.mean(np.square(sound.astype(np.float64))) + 1e-12))
