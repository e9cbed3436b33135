"""What somebody says in a scene: one speaker with a throat of their own, one to three texts, each in some mood."""

from __future__ import annotations

from contextlib import suppress

import numpy as np

from avatar.training.texts.corpus import english, other_language
from avatar.training.voices.cast import Cast
from avatar.training.voices.change import Throat, lively, sung, through, whispered, with_effort
from avatar.training.voices.utterance import TrainingVoice, Utterance
from speech.errors import InputError

Random = np.random.Generator

_MOST_TEXTS = 3
_OWN_THROAT_SHARE = 0.3
"""Of the scenes keep the voice as it is."""
_PITCH_SPREAD, _PITCH = 0.10, (0.80, 1.26)
_FORMANTS_SPREAD, _FORMANTS = 0.07, (0.85, 1.18)
_PACE_SPREAD, _SPEAKERS_PACE_SPREAD, _PACE = 0.08, 0.12, (0.65, 1.45)
_MOODS = {"plain": 0.66, "lively": 0.16, "effort": 0.12, "sung": 0.04, "whispered": 0.02}
_ATTEMPTS = 5
"""At a text that the voice can say."""


def speeches(random: Random, cast: Cast, *, validation: bool) -> list[Utterance]:
    """One to three utterances of one speaker; in validation in the voice as it is, and plainly.

    Raises:
        VisavisError: the voice says none of several texts.
    """
    voice = cast.draw(random, validation=validation)
    throat, pace = Throat(), 1.0
    if not validation and random.random() > _OWN_THROAT_SHARE:
        pitch, formants = _near_one(random, _PITCH_SPREAD, _PITCH), _near_one(random, _FORMANTS_SPREAD, _FORMANTS)
        throat, pace = Throat(pitch, formants), _near_one(random, _SPEAKERS_PACE_SPREAD, _PACE)
    spoken = []
    for _ in range(int(random.integers(1, _MOST_TEXTS + 1))):
        mood = "plain" if validation else str(random.choice(list(_MOODS), p=list(_MOODS.values())))
        own_pace = float(np.clip(pace * _near_one(random, _PACE_SPREAD, _PACE), *_PACE))
        if mood == "sung":
            own_pace = _PACE[0]
        utterance = _said(voice, own_pace / throat.pitch, random, validation=validation)
        spoken.append(_in_mood(mood, through(throat, utterance), random))
    return spoken


def _said(voice: TrainingVoice, pace: float, random: Random, *, validation: bool) -> Utterance:
    seed = int(random.integers(1 << 31))
    language = voice.language.partition("-")[0]
    texts = english(seed, validation=validation) if language == "en" else other_language(seed, language)
    for _ in range(_ATTEMPTS - 1):
        with suppress(InputError):
            return voice.speak(next(texts), pace=pace, random=random)
    return voice.speak(next(texts), pace=pace, random=random)


def _in_mood(mood: str, utterance: Utterance, random: Random) -> Utterance:
    if mood == "lively":
        return lively(utterance, float(random.uniform(0.7, 2.2)), random)
    if mood == "effort":
        return with_effort(utterance, float(random.uniform(-1.0, 1.0)))
    if mood == "sung":
        return sung(utterance, random)
    return whispered(utterance, random) if mood == "whispered" else utterance


def _near_one(random: Random, spread: float, limits: tuple[float, float]) -> float:
    return float(np.clip(np.exp(random.normal(0.0, spread)), *limits))
