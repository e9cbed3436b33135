"""Sound with what is said in it and when; the rule-based mouth that belongs to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from avatar.motion import FRAME_RATE_HZ, Floats, MotionLayout, neutral
from avatar.sampler.features import loudness
from avatar.training.articulation import Style, articulate
from avatar.training.voices.utterance import Phone
from speech.audio import SPEECH_RATE_HZ, Samples

SAMPLES_PER_FRAME = SPEECH_RATE_HZ // FRAME_RATE_HZ

# The shipped face is one person, whose left side moves a little more.
_STYLE = Style(asymmetry=0.03)
_ENVELOPE_FLOOR = 1e-3
# The envelope as a mouth: its quietest and loudest twentieth are as wide as those of the rule's mouth in speech.
_ENVELOPE_OPENS = 0.40
_QUIET, _MARGIN_FRAMES = 0.25, 6  # of avatar.sampler.features.loudness: -45 dB


@dataclass(frozen=True, slots=True)
class SpokenPart:
    """One utterance in a track.

    Attributes:
        first_frame: where its sound begins.
        frames: how long it is.
        phones: in order, seconds from its own beginning.
        text: what is said.
        voice: who says it.
    """

    first_frame: int
    frames: int
    phones: tuple[Phone, ...]
    text: str = ""
    voice: str = ""


@dataclass(frozen=True, slots=True)
class SpeechTrack:
    """A recording: `sound` float32 [N] at 16 kHz, and what is said in it, as far as that is known."""

    sound: Samples
    parts: tuple[SpokenPart, ...] = ()

    @property
    def frames(self) -> int:
        """Video frames that the sound covers; a last one that is only partly filled counts."""
        return -(-len(self.sound) // SAMPLES_PER_FRAME)


def rule_motion(track: SpeechTrack) -> Floats:
    """The mouth that `avatar.training.articulation` gives these phones, the head still: float32 [T, 60]."""
    out = neutral(track.frames)
    for part in track.parts:
        start = part.first_frame * SAMPLES_PER_FRAME
        piece = track.sound[start : start + part.frames * SAMPLES_PER_FRAME]
        mouth = articulate(part.phones, piece, SPEECH_RATE_HZ, style=_STYLE)
        out[part.first_frame : part.first_frame + len(mouth)] += mouth
    return out


def log_envelope(track: SpeechTrack) -> Floats:
    """Logarithm of the sound's RMS in every frame, with a floor at -60 dB: float32 [T]."""
    padded = np.zeros(track.frames * SAMPLES_PER_FRAME, np.float64)
    padded[: len(track.sound)] = track.sound
    power = np.square(padded.reshape(track.frames, SAMPLES_PER_FRAME)).mean(axis=1)
    return np.asarray(np.log(np.sqrt(power) + _ENVELOPE_FLOOR), np.float32)


def envelope_motion(track: SpeechTrack) -> Floats:
    """The baseline that any sampler has to beat, the log envelope as jawOpen and nothing else: float32 [T, 60]."""
    envelope = log_envelope(track)
    low, high = np.percentile(envelope, (5.0, 95.0))
    out = neutral(track.frames)
    opened = _ENVELOPE_OPENS * (envelope - low) / max(float(high - low), 1e-6)
    out[:, MotionLayout.INDEX["jawOpen"]] = np.clip(opened, 0.0, 1.0)
    return out


def speech_and_silence(sound: Samples, frames: int) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Which frames are speech, and which are silence with nothing said within a quarter of a second: bool [T] each."""
    loud = np.zeros(frames, bool)
    for frame in range(frames):
        loud[frame] = loudness(sound[frame * SAMPLES_PER_FRAME : (frame + 1) * SAMPLES_PER_FRAME]) > _QUIET
    near = np.convolve(loud, np.ones(2 * _MARGIN_FRAMES + 1), mode="same") > 0.5
    return loud, ~near


def joined(pieces: Sequence[SpeechTrack]) -> SpeechTrack:
    """Tracks one after the other, each from the beginning of a frame on."""
    sounds: list[Samples] = []
    parts: list[SpokenPart] = []
    at = 0
    for piece in pieces:
        sounds.append(np.pad(piece.sound, (0, piece.frames * SAMPLES_PER_FRAME - len(piece.sound))))
        parts += [SpokenPart(at + p.first_frame, p.frames, p.phones, p.text, p.voice) for p in piece.parts]
        at += piece.frames
    return SpeechTrack(np.concatenate(sounds), tuple(parts))
