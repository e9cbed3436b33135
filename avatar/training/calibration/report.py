"""What a calibration found, as tables and curves: before, and fitted to other people."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import fields

import numpy as np

from avatar.evaluation.results import Evaluation, Section, row
from avatar.motion import FRAME_RATE_HZ
from avatar.training.calibration.clips import Clip
from avatar.training.calibration.fitting import LIMITS, Calibration, made_mouth
from avatar.training.calibration.measures import Movement, agreement, mean_movement, movement
from avatar.training.calibration.mouth import DrawnMouth, MouthCurves

_AGREEMENT = ("r aperture", "r width", "lag", "spread", "width spread")
_MOVEMENT: tuple[tuple[str, str, str], ...] = (
    ("aperture_spread", "spread of the aperture, 95 %", ""),
    ("width_spread", "spread of the width, 95 %", ""),
    ("opened", "aperture, 90 % point", ""),
    ("speed", "speed of the aperture, 95 % point", "/s"),
    ("openings", "openings", "/s"),
    ("jumps", "jumps of more than 0.08 in a frame", "/s"),
    ("flashes", "closures of one frame alone", "/s"),
    ("wide_when_open", "correlation of aperture and width", ""),
)
assert [name for name, _, _ in _MOVEMENT] == [f.name for f in fields(Movement)]
_DPI = 80


def report(clips: Sequence[Clip], found: Calibration, mouth: DrawnMouth) -> Evaluation:
    """Tables and curves of a calibration."""
    before = [made_mouth(clip, found.before, mouth) for clip in clips]
    after = [made_mouth(clip, found.held_out[clip.person], mouth) for clip in clips]
    return Evaluation(
        title="The rule's numbers, fitted to people",
        settings={
            "clips": str(len(clips)),
            "people": str(len({clip.person for clip in clips})),
            "seconds": f"{sum(clip.frames for clip in clips) / FRAME_RATE_HZ:.0f}",
        },
        sections=[_agreement(clips, before, after), _movement(clips, before, after), _numbers(found)],
        pictures={"Aperture and width": _curves(clips, before, after)},
    )


def _agreement(clips: Sequence[Clip], before: Sequence[MouthCurves], after: Sequence[MouthCurves]) -> Section:
    def figures(clip: Clip, made: MouthCurves) -> list[float]:
        agrees, ours, theirs = agreement(made, clip.real), movement(made), movement(clip.real)
        spreads = [getattr(ours, n) / max(getattr(theirs, n), 1e-3) for n in ("aperture_spread", "width_spread")]
        return [agrees.aperture, agrees.width, float(agrees.lag), *spreads]

    lines, all_of_them = [], []
    for clip, first, second in zip(clips, before, after, strict=True):
        pairs = list(zip(figures(clip, first), figures(clip, second), strict=True))
        all_of_them.append([value for pair in pairs for value in pair])
        lines.append(row(f"{clip.person}/{clip.name} ({clip.sound_offset:+d})", all_of_them[-1]))
    lines.append(row("mean", list(np.mean(all_of_them, axis=0))))
    return Section(
        "Made and real mouths of the same clip",
        tuple(f"{name}, {when}" for name in _AGREEMENT for when in ("before", "held out")),
        tuple(lines),
        "Every clip is made with numbers fitted to other people. In brackets: frames by which its sound was late, "
        "taken away. r at the best lag within 3 frames; lag: frames by which ours is late; spread: ours over theirs.",
    )


def _movement(clips: Sequence[Clip], before: Sequence[MouthCurves], after: Sequence[MouthCurves]) -> Section:
    columns = [mean_movement([movement(one) for one in made]) for made in ([c.real for c in clips], before, after)]
    aside = [
        [(float(np.ptp(np.percentile(curve, (2.5, 97.5))))) for curve in (c.real.unevenness, c.real.jaw_side)]
        for c in clips
    ]
    lines = [row(title, [getattr(one, name) for one in columns], unit) for name, title, unit in _MOVEMENT]
    for index, title in enumerate(
        ("left corner against right, 95 % (coefficients)", "jaw sideways, 95 % (coefficients)")
    ):
        made = [
            float(np.mean([np.ptp(np.percentile((m.unevenness, m.jaw_side)[index], (2.5, 97.5))) for m in mouths]))
            for mouths in (before, after)
        ]
        lines.append(row(title, [float(np.mean([one[index] for one in aside])), *made]))
    return Section(
        "How mouths move, mean of the clips",
        ("real", "before", "held out"),
        tuple(lines),
        "Lengths are over the distance of the eyes' outer corners, as the decoder draws them.",
    )


def _numbers(found: Calibration) -> Section:
    lines = []
    for name in LIMITS:
        folds = [getattr(numbers, name) for numbers in found.held_out.values()]
        values = [getattr(found.before, name), getattr(found.numbers, name), min(folds), max(folds)]
        lines.append(row(name, values, digits=3))
    return Section("Numbers of Coarticulation", ("before", "fitted", "folds from", "to"), tuple(lines))


def _curves(clips: Sequence[Clip], before: Sequence[MouthCurves], after: Sequence[MouthCurves]) -> bytes:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(16.0, 4.4 * len(clips)), layout="constrained")
    axes = figure.subplots(2 * len(clips), 1, squeeze=False)[:, 0]
    for index, (clip, first, second) in enumerate(zip(clips, before, after, strict=True)):
        times = (np.arange(clip.frames) + 0.5) / FRAME_RATE_HZ
        for axis, name in zip(axes[2 * index : 2 * index + 2], ("aperture", "width"), strict=True):
            axis.plot(times, getattr(clip.real, name), "k-", linewidth=1.8, label="real")
            axis.plot(times, getattr(first, name), color="#c8a27c", linewidth=1.0, label="before")
            axis.plot(times, getattr(second, name), color="#1f6fb4", linewidth=1.5, label="held out")
            axis.set(ylabel=name, xlim=(0.0, times[-1]))
            axis.grid(alpha=0.3)
        axes[2 * index].set_title(f"{clip.person}/{clip.name}", loc="left")
        for phone in clip.phones:
            middle = (phone.start_s + phone.end_s) / 2.0
            if middle < times[-1]:
                axes[2 * index].text(middle, 0.0, phone.symbol, fontsize=7, ha="center", va="bottom", color="#b8456b")
    axes[0].legend(loc="upper right")
    file = io.BytesIO()
    figure.savefig(file, format="jpeg", dpi=_DPI)
    return file.getvalue()
