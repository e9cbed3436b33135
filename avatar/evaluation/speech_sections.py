"""Tables about mouths in speech: phonemes, agreement with a target over time, and the mouth against its sound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from avatar.evaluation import curves
from avatar.evaluation.behaviour import boundary_ratio, silent_share
from avatar.evaluation.lips import LipGeometry, aperture_at_gap
from avatar.evaluation.phonemes import CLOSED_GAP_PX, events, phoneme_measures, phoneme_section
from avatar.evaluation.results import Row, Section, SpeechTrace, row
from avatar.evaluation.spectra import MOUTH_BAND_HZ, band_share
from avatar.evaluation.speech.speech_track import SpeechTrack, joined, log_envelope, speech_and_silence
from avatar.motion import Floats, MotionLayout

RULE, ENVELOPE = "rule", "envelope"
"""Columns of the baselines: the rule-based targets, and the log envelope as a mouth."""

TRACED_CLIPS = 6
"""Clips whose curves are kept for plots."""


LEAST_BLOCKS = 60
"""With fewer, chance decides what happens at their edges."""


@dataclass(frozen=True, slots=True)
class Target:
    """What mouths should do in one clip: float32 [T] each, any unit."""

    aperture: Floats
    width: Floats


@dataclass(frozen=True, slots=True)
class Clip:
    """One piece of speech and the motions made for it.

    Attributes:
        name: of the piece.
        track: the sound, and what is said.
        motions: whose → float32 [T, 60], T = track.frames.
        target: what they should follow, if known; may be shorter or longer.
    """

    name: str
    track: SpeechTrack
    motions: Mapping[str, Floats]
    target: Target | None = None


def phoneme_sections(clips: Sequence[Clip], lips: LipGeometry) -> list[Section]:
    """The table of the phonemes of all clips that have any, taken together; none if none has."""
    spoken = [clip for clip in clips if clip.track.parts]
    if not spoken:
        return []
    track = joined([clip.track for clip in spoken])
    motions = {name: np.concatenate([clip.motions[name] for clip in spoken]) for name in spoken[0].motions}
    found = events(track.parts, track.frames)
    rule = motions[RULE]
    opened = aperture_at_gap(lips, CLOSED_GAP_PX)
    note = f"On this portrait 1 px is jawOpen - mouthClose = {opened:.3f}."
    return [phoneme_section({n: phoneme_measures(m, rule, found, lips) for n, m in motions.items()}, note)]


@dataclass(slots=True)
class _Agreement:
    """Of one measure and one motion, over all clips."""

    at_zero: list[float] = field(default_factory=list)
    lags: list[Floats] = field(default_factory=list)

    def add(self, ours: Floats, theirs: Floats) -> None:
        frames = min(len(ours), len(theirs))
        found = curves.correlation(ours[:frames], theirs[:frames])
        if found is not None:
            self.at_zero.append(found)
        lagged = curves.lag_curve(ours[:frames], theirs[:frames])
        if lagged is not None:
            self.lags.append(lagged)

    def figures(self) -> tuple[float | None, float | None, float | None]:
        """Mean correlation at lag 0; the highest of the mean lag curve; where that is."""
        zero = float(np.mean(self.at_zero)) if self.at_zero else None
        if not self.lags:
            return zero, None, None
        mean = np.mean(self.lags, axis=0)
        return zero, float(mean.max()), float(curves.best_lag(mean))


def agreement(title: str, clips: Sequence[Clip], columns: Sequence[str], lips: LipGeometry, note: str = "") -> Section:
    """How well each column's mouths follow the clips' targets.

    Args:
        title: of the table.
        clips: all with a target.
        columns: whose motions.
        lips: of the portrait that the motions are drawn on.
        note: more to say.
    """
    names = ("aperture", "gap as drawn", "width as drawn", "aperture velocity", "width velocity")
    found = {(name, column): _Agreement() for name in names for column in columns}
    per_clip: list[Row] = []
    for clip in clips:
        assert clip.target is not None
        wanted = clip.target
        own: list[float | None] = []
        for column in columns:
            values = clip.motions[column]
            at, opening = lips(values), curves.aperture(values)
            frames = min(len(values), len(wanted.aperture))
            pairs = {
                "aperture": (opening, wanted.aperture),
                "gap as drawn": (at.gap_px, wanted.aperture),
                "width as drawn": (at.width_px, wanted.width),
                "aperture velocity": (curves.velocity(opening), curves.velocity(wanted.aperture)),
                "width velocity": (curves.velocity(at.width_px), curves.velocity(wanted.width)),
            }
            for name, (ours, theirs) in pairs.items():
                found[name, column].add(ours, theirs)
            own.append(curves.correlation(opening[:frames], wanted.aperture[:frames]))
        per_clip.append(row(f"{clip.name}: aperture, r at lag 0", own))
    rows: list[Row] = []
    for name in names:
        figures = [found[name, column].figures() for column in columns]
        rows.append(row(f"{name}: r at lag 0", [f[0] for f in figures]))
        rows.append(row(f"{name}: best r, ±8 frames", [f[1] for f in figures]))
        rows.append(row(f"{name}: best lag, frames", [f[2] for f in figures], digits=0))
    return Section(title, tuple(columns), tuple(rows + (per_clip if len(clips) > 1 else [])), note)


def mouth_and_sound(clips: Sequence[Clip], block_frames: int | None) -> Section:
    """The mouth against its own sound, means over the clips.

    Args:
        clips: any.
        block_frames: frames of the sampler's blocks; None where nothing was sampled in blocks.
    """
    columns = tuple(clips[0].motions)
    low, high = MOUTH_BAND_HZ
    measured: dict[str, dict[str, list[float | None]]] = {column: {} for column in columns}
    names: list[str] = []

    def put(column: str, name: str, value: float | None) -> None:
        if name not in names:
            names.append(name)
        measured[column].setdefault(name, []).append(value)

    for clip in clips:
        envelope = log_envelope(clip.track)
        speech, silence = speech_and_silence(clip.track.sound, clip.track.frames)
        for column in columns:
            opening = curves.aperture(clip.motions[column])
            lagged = curves.lag_curve(opening, envelope)
            put(column, "with log envelope: r at lag 0", curves.correlation(opening, envelope))
            put(column, "with log envelope: best r", None if lagged is None else float(lagged.max()))
            lag = None if lagged is None else float(curves.best_lag(lagged))
            put(column, "with log envelope: best lag, frames", lag)
            put(column, f"power at {low:g}–{high:g} Hz", band_share(opening, low, high))
            put(column, "spread in silence over speech", silent_share(opening, speech, silence))
            if block_frames is not None:
                long_enough = clip.track.frames >= LEAST_BLOCKS * block_frames
                put(
                    column,
                    "speed at block edges over elsewhere",
                    boundary_ratio(opening, block_frames) if long_enough else None,
                )
    percent = {f"power at {low:g}–{high:g} Hz", "spread in silence over speech"}
    rows = [
        row(
            name,
            [_mean(measured[column][name]) for column in columns],
            "%" if name in percent else "",
            1 if name in percent or name.endswith("frames") else 2,
        )
        for name in names
    ]
    return Section(
        "Mouth and sound",
        columns,
        tuple(rows),
        "Of the aperture. A best lag above 0: the mouth is later than the sound.",
    )


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def traces(clips: Sequence[Clip], target_name: str) -> list[SpeechTrace]:
    """The curves of the first clips, for plots."""
    found = []
    for clip in clips[:TRACED_CLIPS]:
        apertures = {name: curves.aperture(values) for name, values in clip.motions.items()}
        target = None if clip.target is None else clip.target.aperture
        lags = {}
        for name, opening in apertures.items():
            frames = 0 if target is None else min(len(opening), len(target))
            lagged = None if target is None else curves.lag_curve(opening[:frames], target[:frames])
            if lagged is not None and not np.allclose(lagged.max(), 1.0, atol=1e-6):
                lags[name] = lagged
        found.append(SpeechTrace(clip.name, apertures, target, target_name, clip.track.parts, lags))
    return found


def head_block_ratio(values: Floats, block_frames: int | None) -> float | None:
    """`boundary_ratio` of the head's angles."""
    return None if block_frames is None else boundary_ratio(values[:, MotionLayout.ROTATION], block_frames)
