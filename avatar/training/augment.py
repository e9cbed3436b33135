"""What happens to sound on its way: rooms, microphones, telephones, noise. For training on clean synthetic speech."""

from __future__ import annotations

import numpy as np

from avatar.motion import Floats
from speech.audio import SPEECH_RATE_HZ, resample

Random = np.random.Generator


def room(samples: Floats, random: Random) -> Floats:
    """Reverberation: exponentially decaying noise after the direct sound (which keeps its place in time)."""
    decay_s = float(random.uniform(0.08, 0.5))
    length = int(decay_s * SPEECH_RATE_HZ)
    times = np.arange(length) / SPEECH_RATE_HZ
    response = random.standard_normal(length) * np.exp(-6.9 * times / decay_s)
    response *= float(random.uniform(0.15, 0.7)) / np.sqrt(np.sum(response**2))
    response[0] = 1.0
    size = 1 << int(np.ceil(np.log2(len(samples) + length)))
    wet = np.fft.irfft(np.fft.rfft(samples, size) * np.fft.rfft(response, size), size)[: len(samples)]
    return wet.astype(np.float32)


def equalise(samples: Floats, random: Random) -> Floats:
    """A microphone's or a loudspeaker's smooth frequency response, ±8 dB, by filtering the whole recording."""
    size = 1 << int(np.ceil(np.log2(len(samples) + 1)))
    frequencies = np.fft.rfftfreq(size, 1.0 / SPEECH_RATE_HZ)
    anchors = np.log([50, 150, 400, 1000, 2500, 5000, 8000])
    gains = random.normal(0.0, 4.0, len(anchors)).clip(-8.0, 8.0)
    decibels = np.interp(np.log(np.maximum(frequencies, 50.0)), anchors, gains)
    filtered = np.fft.irfft(np.fft.rfft(samples, size) * 10.0 ** (decibels / 20.0), size)[: len(samples)]
    return filtered.astype(np.float32)


def telephone(samples: Floats, random: Random) -> Floats:
    """Band-limiting: 300 to 3400 Hz, or a low-pass somewhere between 3 and 7 kHz (codecs, old recordings)."""
    size = 1 << int(np.ceil(np.log2(len(samples) + 1)))
    frequencies = np.fft.rfftfreq(size, 1.0 / SPEECH_RATE_HZ)
    low, high = (300.0, 3400.0) if random.random() < 0.5 else (0.0, float(random.uniform(3000.0, 7000.0)))
    gain = 1.0 / (1.0 + (frequencies / high) ** 16)
    if low:
        gain *= 1.0 / (1.0 + (low / np.maximum(frequencies, 1.0)) ** 8)
    return np.fft.irfft(np.fft.rfft(samples, size) * gain, size)[: len(samples)].astype(np.float32)


def noise_like(count: int, random: Random) -> Floats:
    """Background noise of unit power: white to brown, steady or slowly changing, sometimes over a chord."""
    size = 1 << int(np.ceil(np.log2(count + 1)))
    frequencies = np.maximum(np.fft.rfftfreq(size, 1.0 / SPEECH_RATE_HZ), 20.0)
    spectrum = np.fft.rfft(random.standard_normal(size)) * frequencies ** -float(random.uniform(0.0, 1.2))
    noise = np.fft.irfft(spectrum, size)[:count]
    times = np.arange(count) / SPEECH_RATE_HZ
    if random.random() < 0.3:
        noise = noise * (1.0 + 0.8 * np.sin(2.0 * np.pi * random.uniform(0.2, 3.0) * times + random.uniform(0.0, 6.0)))
    noise = noise / (np.std(noise) + 1e-9)
    if random.random() < 0.2:
        chord = random.uniform(80.0, 300.0) * np.array([1.0, 1.25, 1.5, 2.0])
        bed = sum(np.sin(2.0 * np.pi * tone * times + random.uniform(0.0, 6.0)) for tone in chord)
        noise = 0.5 * noise + bed * (0.6 + 0.4 * np.sin(2.0 * np.pi * random.uniform(0.5, 2.5) * times))
    return (noise / (np.std(noise) + 1e-9)).astype(np.float32)


def g711(samples: Floats) -> Floats:
    """A telephone line's codec: 8 kHz, 8 bits, µ-law (ITU-T G.711)."""
    low = resample(samples, SPEECH_RATE_HZ, 8000)
    level = float(np.abs(low).max()) + 1e-6
    pressed = np.sign(low) * np.log1p(255.0 * np.abs(low / level)) / np.log(256.0)
    coarse = np.round(pressed * 127.0) / 127.0
    out = np.sign(coarse) * (np.exp(np.abs(coarse) * np.log(256.0)) - 1.0) / 255.0 * level
    return _fitted(resample(out.astype(np.float32), 8000, SPEECH_RATE_HZ), len(samples))


def starved(samples: Floats, random: Random) -> Floats:
    """A codec with too few bits: in every short window the weak parts of the spectrum are left out."""
    size, hop = 512, 256
    window = np.sqrt(np.hanning(size + 1)[:-1]).astype(np.float32)
    padded = np.pad(samples, (size, size + -len(samples) % hop))
    starts = np.arange(0, len(padded) - size + 1, hop)
    spectra = np.fft.rfft(padded[starts[:, None] + np.arange(size)] * window, axis=1)
    power = np.abs(spectra)
    kept = power > np.quantile(power, float(random.uniform(0.5, 0.85)), axis=1, keepdims=True)
    pieces = np.fft.irfft(spectra * kept, size, axis=1) * window
    out = np.zeros(len(padded), np.float64)
    for start, piece in zip(starts, pieces, strict=True):
        out[start : start + size] += piece
    return out[size : size + len(samples)].astype(np.float32)


def _fitted(samples: Floats, count: int) -> Floats:
    """The samples cut or padded to `count`."""
    return np.pad(samples, (0, max(0, count - len(samples))))[:count]


def augment(samples: Floats, random: Random) -> Floats:
    """One random recording condition of a clean recording: float32 [N] at 16 kHz to the same, in the same time."""
    out = samples
    if random.random() < 0.5:
        out = equalise(out, random)
    if random.random() < 0.3:
        out = room(out, random)
    if random.random() < 0.12:
        out = telephone(out, random)
    level = float(np.sqrt(np.mean(np.square(out)))) + 1e-6
    if random.random() < 0.5:
        ratio_db = float(random.uniform(10.0, 45.0))
        out = out + noise_like(len(out), random) * (level * 10.0 ** (-ratio_db / 20.0))
    # Speech between -38 and -12 dB of full scale.
    out = out * (10.0 ** (float(random.uniform(-38.0, -12.0)) / 20.0) / level)
    if random.random() < 0.05:
        out = np.clip(out * float(random.uniform(2.0, 5.0)), -0.6, 0.6)
    if random.random() < 0.06:
        out = g711(out)
    if random.random() < 0.06:
        out = starved(out, random)
    return np.clip(out, -1.0, 1.0).astype(np.float32)
