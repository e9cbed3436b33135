"""Speech that the sampler was never trained on: other texts, other voices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from avatar.evaluation.speech.speech_track import SAMPLES_PER_FRAME, SpeechTrack, SpokenPart, joined
from avatar.motion import FRAME_RATE_HZ
from avatar.progress import ShareDone
from avatar.training.texts.corpus import english
from avatar.training.voices.cast import Cast, Random
from avatar.training.voices.utterance import TrainingVoice, Utterance
from speech.errors import InputError

NATURAL, ROBOT = "natural voices", "robot voices"
"""Kinds of voices."""

PAUSE_S, USER_PAUSE_S = (0.3, 0.9), (0.8, 2.0)
"""Shortest and longest silence after each text: of who speaks, and of who is listened to."""

_ROBOTS = ("espeak", "flite")
_ROBOT_SHARE = 0.25  # of the texts; far more than in training, so that both kinds have figures
_PACE_SPREAD = 0.08
_ATTEMPTS = 5  # at a text that the voice can say
_USER_SEED = 1_000_003  # the user says other texts than the avatar


def kind_of(voice: str) -> str:
    """NATURAL or ROBOT, by the name of a voice."""
    return ROBOT if voice.partition(" ")[0] in _ROBOTS else NATURAL


@dataclass(frozen=True, slots=True)
class HeldOutSpeech:
    """What is said to evaluate a sampler: `track` by the avatar, `user` by whom it listens to."""

    track: SpeechTrack
    user: SpeechTrack


def held_out_speech(cast: Cast, seconds: float, seed: int, progress: ShareDone = lambda done: None) -> HeldOutSpeech:
    """Both, each for at least so many seconds; the same cast and seed give the same sound."""
    track = spoken_texts(cast, seconds, seed, PAUSE_S, lambda done: progress(done / 2.0))
    user = spoken_texts(cast, seconds, seed + _USER_SEED, USER_PAUSE_S, lambda done: progress(0.5 + done / 2.0))
    return HeldOutSpeech(track, user)


def spoken_texts(
    cast: Cast,
    seconds: float,
    seed: int,
    pause_s: tuple[float, float] = PAUSE_S,
    progress: ShareDone = lambda done: None,
) -> SpeechTrack:
    """Several people, one after the other, saying held-out texts.

    Args:
        cast: whose voices for validation speak: natural ones three times in four, where it has them.
        seconds: how much to make, at least.
        seed: chooses texts, voices, pace and pauses.
        pause_s: shortest and longest silence after each text.
        progress: called with the share done.
    """
    random = np.random.default_rng([seed, 7])
    texts = english(seed, validation=True)
    pieces: list[SpeechTrack] = []
    frames = 0
    while frames < seconds * FRAME_RATE_HZ:
        voice = _draw(cast, random)
        pace = float(np.exp(random.normal(0.0, _PACE_SPREAD)))
        spoken = _said(voice, [next(texts) for _ in range(_ATTEMPTS)], pace, random)
        pause = int(random.uniform(*pause_s) * FRAME_RATE_HZ)
        length = -(-len(spoken.samples) // SAMPLES_PER_FRAME)
        sound = np.pad(spoken.samples, (0, (length + pause) * SAMPLES_PER_FRAME - len(spoken.samples)))
        part = SpokenPart(0, length, spoken.phones, spoken.text, spoken.voice)
        pieces.append(SpeechTrack(sound, (part,)))
        frames += pieces[-1].frames
        progress(min(1.0, frames / (seconds * FRAME_RATE_HZ)))
    return joined(pieces)


def _draw(cast: Cast, random: Random) -> TrainingVoice:
    """A voice of the kind whose turn it is; of the other one where there is none."""
    wanted = ROBOT if random.random() < _ROBOT_SHARE else NATURAL
    if wanted not in {kind_of(voice.name) for voice in cast.held_out}:
        return cast.draw(random, validation=True)
    while True:
        voice = cast.draw(random, validation=True)
        if kind_of(voice.name) == wanted:
            return voice


def _said(voice: TrainingVoice, texts: list[str], pace: float, random: Random) -> Utterance:
    """The first of the texts that the voice can say."""
    for text in texts[:-1]:
        try:
            return voice.speak(text, pace=pace, random=random)
        except InputError:
            continue
    return voice.speak(texts[-1], pace=pace, random=random)
