"""Speech that the sampler was never trained on: other texts, other voices."""

from __future__ import annotations

import numpy as np

from avatar.evaluation.speech.speech_track import SAMPLES_PER_FRAME, SpeechTrack, SpokenPart, joined
from avatar.motion import FRAME_RATE_HZ
from avatar.training.texts.corpus import english
from avatar.training.voices.cast import ENGLISH_ACCENTS, HELD_OUT_FLITE, HELD_OUT_VARIANTS
from avatar.training.voices.espeak import speak_espeak
from avatar.training.voices.flite import flite_voices, speak_flite
from avatar.training.voices.utterance import Utterance

_FLITE_SHARE = 0.5
_PAUSE_S = (0.3, 0.9)


def held_out_speech(seconds: float, seed: int, pause_s: tuple[float, float] = _PAUSE_S) -> SpeechTrack:
    """Somebody, or rather several people, saying held-out sentences.

    Args:
        seconds: how much to make, at least.
        seed: chooses texts, voices and pauses. The same seed and the same installed voices give the same sound in a
            fresh process; later in one, eSpeak's voices waver otherwise, which moves phonemes by a millisecond.
        pause_s: shortest and longest silence after each sentence.
    """
    random = np.random.default_rng([seed, 7])
    texts = english(seed, validation=True)
    has_flite = HELD_OUT_FLITE in flite_voices()
    pieces: list[SpeechTrack] = []
    frames = 0
    while frames < seconds * FRAME_RATE_HZ:
        spoken = _speak(next(texts), random, has_flite)
        pause = int(random.uniform(*pause_s) * FRAME_RATE_HZ)
        length = -(-len(spoken.samples) // SAMPLES_PER_FRAME)
        sound = np.pad(spoken.samples, (0, (length + pause) * SAMPLES_PER_FRAME - len(spoken.samples)))
        part = SpokenPart(0, length, spoken.phones, spoken.text, spoken.voice)
        pieces.append(SpeechTrack(sound, (part,)))
        frames += pieces[-1].frames
    return joined(pieces)


def _speak(text: str, random: np.random.Generator, has_flite: bool) -> Utterance:
    if random.random() < _FLITE_SHARE and has_flite:
        return speak_flite(text, HELD_OUT_FLITE, stretch=float(random.uniform(0.9, 1.2)))
    voice = ENGLISH_ACCENTS[int(random.integers(len(ENGLISH_ACCENTS)))] + HELD_OUT_VARIANTS[int(random.integers(4))]
    rate, pitch, spread = (int(random.integers(*limits)) for limits in ((130, 200), (25, 75), (35, 80)))
    return speak_espeak(text, voice, rate=rate, pitch=pitch, pitch_range=spread)
