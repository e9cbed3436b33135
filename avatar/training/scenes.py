"""One scene of training data: somebody idles, listens, thinks and speaks; sound, motion and conditions together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from avatar.motion import FRAME_RATE_HZ, Controls, ConversationState, Emotion, Floats, MotionLayout
from avatar.sampler.dynamics import MOUTH
from avatar.sampler.features import loudness, recording_features
from avatar.training.articulation import Style, articulate, frame_times, relative_loudness, some_person, viseme_classes
from avatar.training.augment import augment
from avatar.training.behaviour import Scene, behave
from avatar.training.gestures.visemes import VOWELS
from avatar.training.phoneme_symbols import visemes_of
from avatar.training.voices.cast import Cast
from avatar.training.voices.speaking import speeches
from avatar.training.voices.utterance import Phone, Utterance
from speech.audio import SPEECH_RATE_HZ

Random = np.random.Generator

SAMPLES_PER_FRAME = SPEECH_RATE_HZ // FRAME_RATE_HZ
SAMPLED = list(MotionLayout.SAMPLED)
MOUTH_NAMES = [SAMPLED[i] for i in MOUTH]

EFFORT_OPENS = 0.25  # share by which the mouth opens wider when somebody shouts
CLEAN_SHARE = 0.25  # of the scenes stays as the synthesizer made it, which is what the product mostly plays


@dataclass(frozen=True, slots=True)
class MadeScene:
    """The arrays of a scene of T frames.

    Attributes:
        features: float32 [T, 4, 64] of the augmented sound.
        motion: float32 [T, 52].
        conditions: float32 [T, ConditionLayout.SIZE].
        articulation: float32 [T, len(MOUTH)], the mouth's motion from speech alone.
        visemes: int64 [T], as `viseme_classes`.
        speech: what is said: first frame, voice, text and phones of every utterance.
        sound: float32 [N] at 16 kHz, augmented.
    """

    features: Floats
    motion: Floats
    conditions: Floats
    articulation: Floats
    visemes: npt.NDArray[np.int64]
    speech: list[dict[str, object]]
    sound: Floats


@dataclass(slots=True)
class _Parts:
    """The segments of a scene as they are strung together."""

    sounds: list[Floats] = field(default_factory=list)
    mouths: list[Floats] = field(default_factory=list)
    peaks: list[Floats] = field(default_factory=list)
    visemes: list[npt.NDArray[np.int64]] = field(default_factory=list)
    users: list[Floats] = field(default_factory=list)
    states: list[ConversationState] = field(default_factory=list)
    speech: list[dict[str, object]] = field(default_factory=list)


def make_scene(seed: int, cast: Cast, *, validation: bool) -> MadeScene:
    """Makes a scene of about 5 to 25 seconds; validation scenes use texts and voices that training never has."""
    random = np.random.default_rng(seed)
    return _staged(random, lambda: speeches(random, cast, validation=validation))


def scene_from_utterances(seed: int, utterances: Sequence[Utterance]) -> MadeScene:
    """Makes a scene around recorded speech whose phones are known; the listening and idling before it are made up."""
    return _staged(np.random.default_rng(seed), lambda: utterances)


def _staged(random: Random, speech: Callable[[], Sequence[Utterance]]) -> MadeScene:
    style = some_person(random)
    parts = _Parts()
    for state in _plan(random):
        if state is ConversationState.SPEAKING:
            for spoken in speech():
                _add_speech(parts, random, style, spoken)
        else:
            _add_silence(parts, random, state)
    frames = len(parts.states)
    clean, mouth = np.concatenate(parts.sounds), np.concatenate(parts.mouths)
    heard = clean if random.random() < CLEAN_SHARE else augment(clean, random)
    own = [loudness(clean[i * SAMPLES_PER_FRAME : (i + 1) * SAMPLES_PER_FRAME]) for i in range(frames)]
    values, conditions = behave(
        Scene(
            states=parts.states,
            mouth=mouth,
            prominence=np.concatenate(parts.peaks),
            loudness=np.array(own, np.float32),
            user=np.concatenate(parts.users) if random.random() < 0.8 else None,
            controls=_controls(random, frames),
            composure=float(random.uniform(0.0, 1.0)),
            seed=int(random.integers(1 << 31)),
            nods=float(random.uniform(0.3, 1.0)),
        )
    )
    return MadeScene(
        features=recording_features(heard, SPEECH_RATE_HZ),
        motion=values[:, SAMPLED],
        conditions=conditions,
        articulation=mouth[:, MOUTH_NAMES],
        visemes=np.concatenate(parts.visemes),
        speech=parts.speech,
        sound=heard,
    )


def _plan(random: Random) -> list[ConversationState]:
    plan: list[ConversationState] = []
    if random.random() < 0.5:
        plan.append(ConversationState.IDLE)
    if random.random() < 0.6:
        plan.append(ConversationState.LISTENING)
        if random.random() < 0.5:
            plan.append(ConversationState.THINKING)
    plan.append(ConversationState.SPEAKING)
    if random.random() < 0.4:
        plan.append(ConversationState.LISTENING if random.random() < 0.5 else ConversationState.IDLE)
    return plan


def _add_speech(parts: _Parts, random: Random, style: Style, spoken: Utterance) -> None:
    pause = int(random.uniform(0.05, 0.9) * FRAME_RATE_HZ)
    frames = -(-len(spoken.samples) // SAMPLES_PER_FRAME) + pause
    padded = np.zeros(frames * SAMPLES_PER_FRAME, np.float32)
    padded[: len(spoken.samples)] = spoken.samples
    phones = (*spoken.phones, Phone("", spoken.phones[-1].end_s, len(padded) / SPEECH_RATE_HZ))
    whole = Utterance(padded, phones, spoken.voice, spoken.text)
    parts.speech.append(
        {
            "frame": len(parts.states),
            "voice": spoken.voice,
            "text": spoken.text,
            "alphabet": spoken.phones[0].alphabet,
            "phones": [[p.symbol, p.start_s, p.end_s, p.stress] for p in phones],
        }
    )
    parts.sounds.append(padded)
    wider = replace(style, opening=style.opening * (1.0 + EFFORT_OPENS * spoken.effort))
    parts.mouths.append(articulate(phones, padded, SPEECH_RATE_HZ, style=wider))
    parts.peaks.append(prominence(whole, frames))
    parts.visemes.append(viseme_classes(phones, frames))
    parts.users.append(np.zeros(frames, np.float32))
    parts.states += [ConversationState.SPEAKING] * frames


def _add_silence(parts: _Parts, random: Random, state: ConversationState) -> None:
    longest = 3.5 if state is ConversationState.THINKING else 7.0
    frames = int(random.uniform(1.2, longest) * FRAME_RATE_HZ)
    parts.sounds.append(np.zeros(frames * SAMPLES_PER_FRAME, np.float32))
    parts.mouths.append(np.zeros((frames, MotionLayout.SIZE), np.float32))
    parts.peaks.append(np.zeros(frames, np.float32))
    parts.visemes.append(viseme_classes((), frames))
    talks = state is ConversationState.LISTENING
    parts.users.append(user_loudness(random, frames) if talks else np.zeros(frames, np.float32))
    parts.states += [state] * frames


def prominence(spoken: Utterance, frames: int) -> Floats:
    """How much each syllable stands out, as peaks at its vowel: float32 [frames] in [0, 1]."""
    out = np.zeros(frames, np.float32)
    loud = relative_loudness(spoken.samples, SPEECH_RATE_HZ, frame_times(frames))
    for phone in spoken.phones:
        if visemes_of(phone.symbol, phone.alphabet)[0] not in VOWELS:
            continue
        middle = min(frames - 1, int((phone.start_s + phone.end_s) / 2.0 * FRAME_RATE_HZ))
        length = np.clip((phone.end_s - phone.start_s - 0.05) / 0.10, 0.0, 1.0)
        stands_out = np.clip((float(loud[middle]) - 0.55) / 0.5, 0.0, 1.0)
        out[middle] = float(length * stands_out) * (1.0 if phone.alphabet == "arpabet" or phone.stress == 2 else 0.3)
    return out


def user_loudness(random: Random, frames: int) -> Floats:
    """Loudness of somebody who talks with pauses, as a microphone would give it: float32 [frames]."""
    out = np.full(frames, float(random.uniform(0.0, 0.25)), np.float32)
    at = int(random.integers(0, 20))
    while at < frames:
        length = int(random.uniform(0.8, 4.0) * FRAME_RATE_HZ)
        times = np.arange(length) / FRAME_RATE_HZ
        rate, phase = float(random.uniform(2.5, 5.5)), float(random.uniform(0.0, 6.0))
        syllables = 0.66 + 0.18 * np.sin(2.0 * np.pi * rate * times + phase) + 0.07 * random.standard_normal(length)
        piece = np.clip(syllables, 0.1, 1.0)[: frames - at]
        out[at : at + len(piece)] = piece
        at += length + int(random.uniform(0.3, 1.8) * FRAME_RATE_HZ)
    return out


def _controls(random: Random, frames: int) -> list[Controls]:
    """Commands that change a few times in a scene, often absent."""
    out: list[Controls] = []
    while len(out) < frames:
        gaze = None
        if random.random() < 0.3:
            gaze = (float(random.uniform(-0.5, 0.5)), float(random.uniform(-0.3, 0.3)))
        distance = float(np.exp(random.uniform(-0.25, 0.25))) if random.random() < 0.3 else None
        emotion, intensity = None, 0.0
        if random.random() < 0.55:
            emotion, intensity = list(Emotion)[int(random.integers(len(Emotion)))], float(random.uniform(0.2, 1.0))
        controls = Controls(gaze=gaze, head_distance=distance, emotion=emotion, intensity=intensity)
        out += [controls] * int(random.integers(100, 400))
    return out[:frames]
