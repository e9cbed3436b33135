"""How lively a voice sounds, against what is usual and against its own habit of the last twenty seconds.

Who is aroused speaks higher and louder, and moves the pitch further and quicker (Scherer 2003; Juslin & Laukka 2003).
Each of these is averaged over the voiced frames of the last moments, and over many more for the habit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from avatar.motion import FRAME_RATE_HZ

_NOW_FRAMES, _HABIT_FRAMES = 1.5 * FRAME_RATE_HZ, 20.0 * FRAME_RATE_HZ
"""Time constants, in voiced frames; before they have passed, all that was heard counts alike."""
_SURE_FRAMES = 20
"""With so many voiced frames what is heard counts in full."""
_FORGETS_FRAMES = round(1.5 * FRAME_RATE_HZ)
"""After so long a silence somebody begins anew."""

_USUAL_SPREAD, _USUAL_GLIDE = 2.0, 20.0
"""Of people who read a sentence: semitones from the mean pitch, semitones a second."""
_NOW_BEGINS, _HABIT_BEGINS = 12.0, 100.0
"""Spread and glide begin as usual, as if so many frames of it had been heard."""
_HABIT_SHARE = 0.5
"""Of what is expected, on a scale of ratios, is the voice's own habit, the rest what is usual."""
_FURTHEST = 7.0
"""Semitones; what is further off is likelier an octave that was mistaken, and counts less and less."""

# What each adds to the score of which tanh is taken: an octave of spread and glide, a semitone, a decibel.
_SPREAD, _GLIDE, _PITCH, _LEVEL = 1.3, 0.4, 0.2, 0.06
_DB_OF_LOUDNESS = 40.0  # see avatar.sampler.features.loudness
_PITCH_REACH, _LEVEL_REACH = 6.0, 10.0  # of what is heard of a difference

_PACE_HZ = 0.45
"""Natural frequency of the critically damped spring by which the face follows: nine tenths in 1.4 seconds."""


@dataclass(frozen=True, slots=True)
class Averages:
    """Of a voice's frames.

    Attributes:
        pitch: semitones above 100 Hz.
        level: dB.
        spread: semitones that the pitch is away from its mean.
        glide: semitones that it moves in a second.
    """

    pitch: float
    level: float
    spread: float = _USUAL_SPREAD
    glide: float = _USUAL_GLIDE


@dataclass(frozen=True, slots=True)
class Manner:
    """How the own voice has sounded up to a frame; `hear` makes the next.

    Attributes:
        now: of the last moments; None when nothing was said in them.
        habit: of the last twenty seconds; None before the first voice.
        now_frames: voiced frames that `now` has heard.
        habit_frames: and `habit`.
        quiet_frames: since the last voiced one.
        last_pitch: of that one, semitones.
        lively: -1 flat … 1 lively, as far as the face shows it.
        speed: its change a second.
    """

    now: Averages | None = None
    habit: Averages | None = None
    now_frames: int = 0
    habit_frames: int = 0
    quiet_frames: int = 0
    last_pitch: float = 0.0
    lively: float = 0.0
    speed: float = 0.0


SILENT = Manner()
"""Before the first frame."""


def hear(before: Manner, pitch_hz: float, loudness: float) -> Manner:
    """One frame later.

    Args:
        before: after the frame before.
        pitch_hz: of the own voice in this frame, 0 where there is none.
        loudness: likewise, as `avatar.sampler.features.loudness`.
    """
    now, habit, now_frames, habit_frames = before.now, before.habit, before.now_frames, before.habit_frames
    quiet, last = before.quiet_frames + 1, before.last_pitch
    if pitch_hz > 0.0:
        pitch, level = 12.0 * math.log2(pitch_hz / 100.0), _DB_OF_LOUDNESS * loudness
        moved = abs(pitch - last) if before.quiet_frames == 0 and habit is not None else None
        now = _averaged(now, pitch, level, moved, now_frames, _NOW_FRAMES, _NOW_BEGINS)
        habit = _averaged(habit, pitch, level, moved, habit_frames, _HABIT_FRAMES, _HABIT_BEGINS)
        now_frames, habit_frames = now_frames + 1, min(habit_frames + 1, round(_HABIT_FRAMES))
        quiet, last = 0, pitch
    elif quiet >= _FORGETS_FRAMES:
        now, now_frames = None, 0
    target = 0.0
    if now is not None and habit is not None:
        target = min(1.0, now_frames / _SURE_FRAMES) * math.tanh(_score(now, habit))
    omega, dt = 2.0 * math.pi * _PACE_HZ, 1.0 / FRAME_RATE_HZ
    # The spring's exact solution over one frame.
    away = before.lively - target
    pull, decay = before.speed + omega * away, math.exp(-omega * dt)
    lively, speed = target + (away + pull * dt) * decay, (before.speed - omega * pull * dt) * decay
    return Manner(now, habit, now_frames, habit_frames, quiet, last, lively, speed)


def _averaged(
    averages: Averages | None, pitch: float, level: float, moved: float | None, frames: int, most: float, begins: float
) -> Averages:
    """With one frame more; averages of so many frames, that look back on `most`."""
    if averages is None:
        return Averages(pitch, level)
    share, slow = 1.0 / min(frames + 1.0, most), 1.0 / min(frames + begins, most)
    away = pitch - averages.pitch
    glide = averages.glide
    if moved is not None and moved < _FURTHEST:
        glide += slow * (moved * FRAME_RATE_HZ - glide)
    return replace(
        averages,
        pitch=averages.pitch + share * max(-_FURTHEST, min(_FURTHEST, away)),
        level=averages.level + share * (level - averages.level),
        spread=averages.spread + slow * (_plausible(abs(away)) - averages.spread),
        glide=glide,
    )


def _plausible(away: float) -> float:
    return away if away < _FURTHEST else max(0.0, 2.0 * _FURTHEST - away)


def _score(now: Averages, habit: Averages) -> float:
    """How lively it sounds, without bounds, 0 as expected."""
    spread = math.log2(now.spread / _expected(_USUAL_SPREAD, habit.spread))
    glide = math.log2(now.glide / _expected(_USUAL_GLIDE, habit.glide))
    pitch = max(-_PITCH_REACH, min(_PITCH_REACH, now.pitch - habit.pitch))
    level = max(-_LEVEL_REACH, min(_LEVEL_REACH, now.level - habit.level))
    return _SPREAD * spread + _GLIDE * glide + _PITCH * pitch + _LEVEL * level


def _expected(usual: float, habit: float) -> float:
    return float(usual ** (1.0 - _HABIT_SHARE) * habit**_HABIT_SHARE)
