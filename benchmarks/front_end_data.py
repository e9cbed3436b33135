"""What front ends are compared on: synthetic voices with the rule's mouth, and people with their tracked ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from agent.models.training_voices import training_voices
from avatar.evaluation.lips import LipGeometry
from avatar.evaluation.people.tracked_face import track_face
from avatar.evaluation.people_section import SENTENCE_S
from avatar.evaluation.speech.speech_track import SAMPLES_PER_FRAME, SpeechTrack, SpokenPart, rule_motion
from avatar.motion import FRAME_RATE_HZ, Floats
from avatar.training.augment import augment
from avatar.training.voices.cast import Cast
from avatar.training.voices.speaking import speeches
from avatar.training.voices.utterance import Utterance
from speech.audio import SPEECH_RATE_HZ, Samples
from speech.files.sound_file import read_audio

_CLEAN_SHARE = 0.25
_PAUSE_FRAMES = 12  # after every sentence


@dataclass(frozen=True, slots=True)
class Piece:
    """Sound and the mouth that belongs to it.

    Attributes:
        person: who speaks.
        sound: float32 [N] at 16 kHz.
        mouth: float32 [T, 2], opening and width, any unit.
    """

    person: str
    sound: Samples
    mouth: Floats

    @property
    def is_sentence(self) -> bool:
        """Whether it is one sentence, no continuous speech."""
        return len(self.mouth) <= SENTENCE_S * FRAME_RATE_HZ


def utterances(seed: int) -> Iterator[Utterance]:
    """Endless sentences of all voices that the motion is trained on, as often as there; those left out are told."""
    cast = Cast(training_voices(print), print)
    random = np.random.default_rng(seed)
    while True:
        yield from speeches(random, cast, validation=False)


def synthetic_pieces(minutes: float, seed: int, lips: LipGeometry) -> list[Piece]:
    """Speech with the rule's mouth, half a second of silence after every sentence."""
    random = np.random.default_rng([seed, 1])
    pieces: list[Piece] = []
    frames = 0
    for spoken in utterances(seed):
        length = -(-len(spoken.samples) // SAMPLES_PER_FRAME) + _PAUSE_FRAMES
        clean = np.pad(spoken.samples, (0, length * SAMPLES_PER_FRAME - len(spoken.samples)))
        track = SpeechTrack(clean, (SpokenPart(0, length, spoken.phones, spoken.text, spoken.voice),))
        at = lips(rule_motion(track))
        heard = clean if random.random() < _CLEAN_SHARE else augment(clean, random)
        pieces.append(Piece(spoken.voice, heard, np.stack([at.gap_px, at.width_px], axis=1)))
        frames += length
        if frames >= minutes * 60 * FRAME_RATE_HZ:
            return pieces
    raise AssertionError("the texts are endless")


def real_piece(path: Path, late: int, work: Path | None) -> Piece:
    """A video's own sound and the tracked mouth; the sound is so many frames late."""
    kept = None if work is None else work / f"{path.stem}.npy"
    if kept is not None and kept.is_file():
        mouth = np.load(kept)
    else:
        face = track_face(path)
        mouth = np.stack([face.gap, face.width], axis=1)
        if kept is not None:
            np.save(kept, mouth)
    sound = read_audio(path, SPEECH_RATE_HZ)[late * SAMPLES_PER_FRAME :]
    frames = min(len(mouth), len(sound) // SAMPLES_PER_FRAME)
    return Piece(path.stem, sound[: frames * SAMPLES_PER_FRAME], mouth[:frames])


def scaled(pieces: Sequence[Piece]) -> list[Piece]:
    """Mouths with zero mean and unit spread over all the pieces."""
    every = np.concatenate([piece.mouth for piece in pieces])
    mean, spread = every.mean(axis=0), every.std(axis=0)
    return [replace(piece, mouth=((piece.mouth - mean) / spread).astype(np.float32)) for piece in pieces]
