"""How lively a voice sounds, and how far it is raised, against its own habit of the last twenty seconds.

Who is aroused speaks higher and louder, and moves the pitch further and quicker (Scherer 2003; Juslin & Laukka 2003).
Each of these is averaged over the voiced frames of the last moments, and over many more for the habit. Who shouts, or
holds a note, opens the mouth wider (Schulman 1989; Sundberg & Skoog 1997).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from avatar.feelings.voice_pitch import Tone
from avatar.motion import FRAME_RATE_HZ

_NOW_FRAMES, _HABIT_FRAMES = 1.5 * FRAME_RATE_HZ, 20.0 * FRAME_RATE_HZ
"""Time constants, in voiced frames; before they have passed, all that was heard counts alike."""
_SURE_FRAMES = 20
"""With so many voiced frames what is heard counts in full."""
_FORGETS_FRAMES = round(1.5 * FRAME_RATE_HZ)
"""After so long a silence somebody begins anew."""

_LEAST_DB, _FAINT_DB = -45.0, 18.0
"""Nothing softer than the first is a voice, nor what is softer than its habit by the second: rooms hum, and echo."""

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
_RAISED_COUNTS = 2.0
_PITCH_REACH, _LEVEL_REACH = 6.0, 10.0  # of what is heard of a difference

# Decibels and semitones above the habit from which on a voice is raised, and at which it is shouted.
_RAISED_DB, _RAISED_SEMITONES = (4.0, 10.0), (5.0, 11.0)
_KNOWN_FRAMES = 30
"""So many voiced frames make a habit that somebody can rise above."""
_LEVEL_SHARE = 0.15
"""Of the newest voiced frame in the level that is compared with the habit."""
# A note is held while the pitch moves less than this in a frame, and the level too; after so many frames, and wholly.
_STEADY_SEMITONES, _STEADY_DB = 0.7, 1.8
_HELD_FRAMES = (6.0, 14.0)
_OPENS, _SHUTS = 0.3, 0.12  # of the way to what is heard, a frame

_PACE_HZ = 0.45
"""Natural frequency of the critically damped spring by which the face follows: nine tenths in 1.4 seconds."""
_NOTHING = 1e-3


@dataclass(frozen=True, slots=True)
class Averages:
    """Of a voice's frames.

    Attributes:
        pitch: semitones above 100 Hz.
        level: dB of full scale.
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
        last: its pitch and level.
        level: of the last few tenths of a second.
        held_frames: for how long the note has been held.
        raised: 0 as usual … 1 shouted or sung, as far as the mouth shows it.
        lively: -1 flat … 1 lively, as far as the face shows it.
        speed: its change a second.
    """

    now: Averages | None = None
    habit: Averages | None = None
    now_frames: int = 0
    habit_frames: int = 0
    quiet_frames: int = 0
    last: tuple[float, float] = (0.0, 0.0)
    level: float = 0.0
    held_frames: int = 0
    raised: float = 0.0
    lively: float = 0.0
    speed: float = 0.0


SILENT = Manner()
"""Before the first frame."""


def hear(before: Manner, tone: Tone) -> Manner:
    """One frame later: after the frame before, and with what is heard of the own voice in this one."""
    least = _LEAST_DB if before.habit is None else max(_LEAST_DB, before.habit.level - _FAINT_DB)
    is_voice = tone.hz > 0.0 and tone.level_db > least
    heard = _voiced(before, tone) if is_voice else _quiet(before)
    wanted = _raised(heard)
    raised = before.raised + (_OPENS if wanted > before.raised else _SHUTS) * (wanted - before.raised)
    target = 0.0
    if heard.now is not None and heard.habit is not None:
        # Held notes hardly move, but nobody who sings them is bored.
        score = _score(heard.now, heard.habit) + _RAISED_COUNTS * raised
        target = min(1.0, heard.now_frames / _SURE_FRAMES) * math.tanh(score)
    omega, dt = 2.0 * math.pi * _PACE_HZ, 1.0 / FRAME_RATE_HZ
    # The spring's exact solution over one frame.
    away = before.lively - target
    pull, decay = before.speed + omega * away, math.exp(-omega * dt)
    lively, speed = target + (away + pull * dt) * decay, (before.speed - omega * pull * dt) * decay
    if max(abs(target), abs(lively), abs(speed)) < _NOTHING:
        lively = speed = 0.0
    return replace(heard, raised=raised if raised > _NOTHING else 0.0, lively=lively, speed=speed)


def _voiced(before: Manner, tone: Tone) -> Manner:
    """With a frame that has a voice."""
    pitch, level = 12.0 * math.log2(tone.hz / 100.0), tone.level_db
    now, habit, smooth = before.now, before.habit, before.level
    if now is None:
        now = Averages(pitch, level)
    if habit is None:
        habit, smooth = now, level
    moved = abs(pitch - before.last[0]) if before.quiet_frames == 0 and before.habit_frames else None
    is_steady = moved is not None and moved < _STEADY_SEMITONES and abs(level - before.last[1]) < _STEADY_DB
    return replace(
        before,
        now=_averaged(now, pitch, level, moved, before.now_frames, _NOW_FRAMES, _NOW_BEGINS),
        habit=_averaged(habit, pitch, level, moved, before.habit_frames, _HABIT_FRAMES, _HABIT_BEGINS),
        now_frames=before.now_frames + 1,
        habit_frames=min(before.habit_frames + 1, round(_HABIT_FRAMES)),
        quiet_frames=0,
        last=(pitch, level),
        level=smooth + _LEVEL_SHARE * (level - smooth),
        held_frames=before.held_frames + 1 if is_steady else 0,
    )


def _quiet(before: Manner) -> Manner:
    """With a frame without one."""
    if before.quiet_frames >= _FORGETS_FRAMES:
        return before if before.now is None else replace(before, now=None, now_frames=0)
    return replace(before, quiet_frames=before.quiet_frames + 1, held_frames=0)


def _averaged(
    averages: Averages, pitch: float, level: float, moved: float | None, frames: int, most: float, begins: float
) -> Averages:
    """With one frame more; averages of so many frames, that look back on `most`."""
    share, slow = 1.0 / min(frames + 1.0, most), 1.0 / min(frames + begins, most)
    away = pitch - averages.pitch
    glide = averages.glide
    if moved is not None and moved < _FURTHEST:
        glide += slow * (moved * FRAME_RATE_HZ - glide)
    return Averages(
        pitch=averages.pitch + share * max(-_FURTHEST, min(_FURTHEST, away)),
        level=averages.level + share * (level - averages.level),
        spread=averages.spread + slow * (_plausible(abs(away)) - averages.spread),
        glide=glide,
    )


def _plausible(away: float) -> float:
    return away if away < _FURTHEST else max(0.0, 2.0 * _FURTHEST - away)


def _raised(heard: Manner) -> float:
    """How far the voice is raised in this frame, in [0, 1]: louder or higher than its habit, or a note held."""
    if heard.quiet_frames or heard.now is None or heard.habit is None:
        return 0.0
    raised = _rise(heard.held_frames, *_HELD_FRAMES)
    if heard.habit_frames >= _KNOWN_FRAMES:
        raised += _rise(heard.level - heard.habit.level, *_RAISED_DB)
        raised += _rise(heard.now.pitch - heard.habit.pitch, *_RAISED_SEMITONES)
    return min(1.0, raised)


def _rise(value: float, low: float, high: float) -> float:
    return min(1.0, max(0.0, (value - low) / (high - low)))


def _score(now: Averages, habit: Averages) -> float:
    """How lively it sounds, without bounds, 0 as expected."""
    spread, glide = _ratio(now.spread, habit.spread, _USUAL_SPREAD), _ratio(now.glide, habit.glide, _USUAL_GLIDE)
    pitch = max(-_PITCH_REACH, min(_PITCH_REACH, now.pitch - habit.pitch))
    level = max(-_LEVEL_REACH, min(_LEVEL_REACH, now.level - habit.level))
    return _SPREAD * spread + _GLIDE * glide + _PITCH * pitch + _LEVEL * level


def _ratio(now: float, habit: float, usual: float) -> float:
    """Of a movement to what is expected of it, octaves; as much as none is a tenth of the usual."""
    least = usual / 10.0
    return math.log2(max(now, least) / (usual ** (1.0 - _HABIT_SHARE) * max(habit, least) ** _HABIT_SHARE))
