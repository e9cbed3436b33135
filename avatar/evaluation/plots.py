"""Plots of an evaluation as PNG pictures: light, readable, one idea each."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from avatar.evaluation import behaviour
from avatar.evaluation.bands import BANDS, HEAD_SPEED
from avatar.evaluation.curves import LAGS
from avatar.evaluation.results import Evaluation, FaceTrace, SpeechTrace
from avatar.evaluation.spectra import power_spectrum
from avatar.evaluation.speech_sections import ENVELOPE, RULE
from avatar.motion import FRAME_RATE_HZ, ConversationState, Floats

_SHOWN_S = 6.0
_TIMELINE_S = 60.0
_FACES_S = 10.0
_COLOURS = ("#1f6fb4", "#d1662b", "#2a8f5b", "#8a5fbf", "#b8456b", "#5d6b7a")
_INK, _FAINT = "#24303c", "#c9d1d9"
_DPI = 110


@dataclass(frozen=True, slots=True)
class Plot:
    """One picture: `png` is the file's bytes."""

    title: str
    caption: str
    png: bytes


def plots(found: Evaluation) -> list[Plot]:
    """All plots of an evaluation, in reading order."""
    drawn = [_speech(trace) for trace in found.speech]
    drawn += [_lags(trace) for trace in found.speech if trace.lags]
    drawn += [_faces(trace) for trace in found.faces]
    if found.behaviour:
        drawn += [_timeline(name, values) for name, values in list(found.behaviour.items())[:6]]
        drawn += [_spectra(found.behaviour), _histograms(found.behaviour)]
    return drawn


def _figure(width: float, height: float, rows: int = 1, columns: int = 1, **options: Any) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    axes = figure.subplots(rows, columns, squeeze=False, **options)
    for axis in axes.ravel():
        axis.spines[["top", "right"]].set_visible(False)
        axis.spines[["left", "bottom"]].set_color(_FAINT)
        axis.tick_params(colors=_INK, labelsize=8)
        axis.grid(color="#eef1f4", linewidth=0.8)
        axis.set_axisbelow(True)
    return figure, axes


def _png(figure: Any) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=_DPI)
    return file.getvalue()


def _colours(names: Sequence[str]) -> dict[str, str]:
    return {name: _COLOURS[i % len(_COLOURS)] for i, name in enumerate(names)}


def _speech(trace: SpeechTrace) -> Plot:
    figure, axes = _figure(11.0, 3.6)
    axis = axes[0, 0]
    shown = int(_SHOWN_S * FRAME_RATE_HZ)
    colours = _colours(list(trace.apertures))
    highest = 0.1
    for name, curve in trace.apertures.items():
        if name == RULE and trace.target_name == "the rule's":
            continue  # it is the target
        times = (np.arange(len(curve)) + 0.5) / FRAME_RATE_HZ
        width, style = (1.0, ":") if name in (ENVELOPE, RULE) else (1.8, "-")
        axis.plot(times[:shown], curve[:shown], label=name, color=colours[name], linewidth=width, linestyle=style)
        highest = max(highest, float(curve[:shown].max()))
    if trace.target is not None:
        # Of whatever unit: as high and as wide as the first mouth.
        first = next(iter(trace.apertures.values()))
        scaled = _as_wide(trace.target, first)
        times = (np.arange(len(scaled)) + 0.5) / FRAME_RATE_HZ
        axis.fill_between(times[:shown], 0.0, scaled[:shown], color="#dfe6ec", label=trace.target_name, linewidth=0)
        highest = max(highest, float(scaled[:shown].max()))
    _write_phonemes(axis, trace, highest)
    axis.set_xlim(0.0, min(_SHOWN_S, max(len(curve) for curve in trace.apertures.values()) / FRAME_RATE_HZ))
    axis.set_ylim(-0.2 * highest if trace.parts else 0.0, 1.08 * highest)
    axis.set_xlabel("seconds", fontsize=9, color=_INK)
    axis.set_ylabel("jawOpen - mouthClose", fontsize=9, color=_INK)
    axis.legend(fontsize=8, frameon=False, ncols=6, loc="upper right")
    caption = "How far the mouth opens. Shaded: the target, scaled to the same spread. Red: p b m; orange: f v."
    return Plot(f"Aperture: {trace.name}", caption, _png(figure))


def _as_wide(target: Floats, like: Floats) -> Floats:
    low, high = np.percentile(target, (5, 95))
    to_low, to_high = np.percentile(like, (5, 95))
    return np.asarray((target - low) / max(float(high - low), 1e-6) * (to_high - to_low) + to_low, np.float32)


def _write_phonemes(axis: Any, trace: SpeechTrace, highest: float) -> None:
    from avatar.training.gestures.visemes import VISEMES
    from avatar.training.phoneme_symbols import visemes_of

    colour_of = {"lips": "#c0392b", "teeth": "#c77700", "": "#5d6b7a"}
    for part in trace.parts:
        for number, phone in enumerate(part.phones):
            start = part.first_frame / FRAME_RATE_HZ + phone.start_s
            stop = part.first_frame / FRAME_RATE_HZ + phone.end_s
            if not phone.symbol or start > _SHOWN_S or stop > _SHOWN_S:
                continue
            contact = VISEMES[visemes_of(phone.symbol, phone.alphabet)[0]].contact
            if contact:
                axis.axvspan(start, stop, color=colour_of[contact], alpha=0.10, linewidth=0)
            axis.text(
                (start + stop) / 2.0,
                (-0.06 - 0.08 * (number % 2)) * highest,  # neighbours on two lines
                _plain(phone.symbol),
                ha="center",
                va="center",
                fontsize=7.5,
                color=colour_of[contact],
                family="DejaVu Sans Mono",
            )


def _plain(symbol: str) -> str:
    """Matplotlib takes text between dollar signs for formulas."""
    return symbol.replace("$", r"\$")


def _lags(trace: SpeechTrace) -> Plot:
    figure, axes = _figure(5.5, 3.2)
    axis = axes[0, 0]
    colours = _colours(list(trace.apertures))
    for name, curve in trace.lags.items():
        axis.plot(LAGS, curve, label=name, color=colours[name], marker="o", markersize=3, linewidth=1.5)
    axis.axvline(0, color=_FAINT, linewidth=1)
    axis.set_xlabel("frames by which the mouth is late", fontsize=9, color=_INK)
    axis.set_ylabel(f"r with {trace.target_name}", fontsize=9, color=_INK)
    axis.legend(fontsize=8, frameon=False)
    return Plot(
        f"Lag: {trace.name}", "Correlation of the aperture with the target, shifted by 40 ms steps.", _png(figure)
    )


def _faces(trace: FaceTrace) -> Plot:
    figure, axes = _figure(11.0, 1.5 * len(trace.curves), len(trace.curves), 1, sharex=True)
    shown = int(_FACES_S * FRAME_RATE_HZ)
    longest = 1
    for axis, (what, curves) in zip(axes[:, 0], trace.curves.items(), strict=True):
        for number, (whose, curve) in enumerate(curves.items()):
            part = curve[:shown]
            longest = max(longest, len(part))
            colour = _INK if number == 0 else _COLOURS[number - 1]
            axis.plot((np.arange(len(part)) + 0.5) / FRAME_RATE_HZ, part, color=colour, linewidth=1.4, label=whose)
        axis.set_ylabel(what, fontsize=8, color=_INK)
    axes[0, 0].legend(fontsize=8, frameon=False, ncols=4, loc="upper right")
    axes[-1, 0].set_xlim(0.0, longest / FRAME_RATE_HZ)
    axes[-1, 0].set_xlabel("seconds", fontsize=9, color=_INK)
    caption = "As MediaPipe sees both, over the distance of the eyes' outer corners; ours as drawn."
    return Plot(f"Real and ours: {trace.name}", caption, _png(figure))


def _timeline(name: str, values: Floats) -> Plot:
    shown = values[: int(_TIMELINE_S * FRAME_RATE_HZ)]
    times = (np.arange(len(shown)) + 0.5) / FRAME_RATE_HZ
    figure, axes = _figure(11.0, 3.4, 2, 1, sharex=True, height_ratios=(3, 1))
    gaze = behaviour.gaze_direction_deg(shown)
    head = np.degrees(shown[:, behaviour.INDEX["headYaw"]])
    top, below = axes[0, 0], axes[1, 0]
    top.axhspan(-behaviour.DIRECT_GAZE_DEG, behaviour.DIRECT_GAZE_DEG, color="#e8f3ec", linewidth=0)
    top.plot(times, gaze[:, 0], color=_COLOURS[0], linewidth=1.2, label="gaze, yaw")
    top.plot(times, gaze[:, 1], color=_COLOURS[2], linewidth=1.2, label="gaze, pitch")
    top.plot(times, head, color=_COLOURS[5], linewidth=1.0, linestyle=":", label="head, yaw")
    top.set_ylabel("degrees", fontsize=9, color=_INK)
    top.legend(fontsize=8, frameon=False, ncols=3, loc="upper right")
    closure = (shown[:, behaviour.INDEX["eyeBlinkLeft"]] + shown[:, behaviour.INDEX["eyeBlinkRight"]]) / 2.0
    below.fill_between(times, 0.0, closure, color=_COLOURS[3], linewidth=0)
    for blink in behaviour.blinks(shown):
        below.plot(blink.start_s + 0.1, 1.08, marker="v", markersize=4, color=_INK)
    below.set_ylim(0.0, 1.2)
    below.set_ylabel("lids", fontsize=9, color=_INK)
    below.set_xlabel("seconds", fontsize=9, color=_INK)
    below.set_xlim(0.0, max(times[-1], 1.0))
    caption = "Head and eyes together; green: at the partner, within 5°. Below: how far the lids close; ▼ a blink."
    return Plot(f"Gaze and blinks: {name}", caption, _png(figure))


def _spectra(motions: Mapping[str, Floats]) -> Plot:
    figure, axes = _figure(5.5, 3.2)
    axis = axes[0, 0]
    for (name, values), colour in zip(motions.items(), _cycled(len(motions)), strict=True):
        frequencies, power = power_spectrum(behaviour.head_velocity(values))
        share = power / max(float(power.sum()), 1e-12)
        axis.plot(frequencies[1:], 100.0 * share[1:], color=colour, linewidth=1.5, label=name)
    axis.set_xlim(0.0, 6.0)
    axis.set_xlabel("hertz", fontsize=9, color=_INK)
    axis.set_ylabel("% of power", fontsize=9, color=_INK)
    axis.legend(fontsize=8, frameon=False)
    return Plot("Head, spectrum", "Power of the head's angular velocity, pitch, yaw and roll together.", _png(figure))


def _cycled(count: int) -> list[str]:
    return [_COLOURS[i % len(_COLOURS)] for i in range(count)]


def _histograms(motions: Mapping[str, Floats]) -> Plot:
    figure, axes = _figure(11.0, 3.2, 1, 3)
    speeds, distances, intervals = axes[0]
    edges = (np.linspace(0.0, 30.0, 31), np.linspace(0.0, 25.0, 26), np.linspace(0.0, 12.0, 25))
    for (name, values), colour in zip(motions.items(), _cycled(len(motions)), strict=True):
        speed = np.linalg.norm(behaviour.head_velocity(values), axis=1)
        starts = np.array([blink.start_s for blink in behaviour.blinks(values)])
        for axis, data, bins in zip(
            axes[0], (speed, behaviour.gaze_distance_deg(values), np.diff(starts)), edges, strict=True
        ):
            share = np.histogram(data, bins)[0] / max(len(data), 1)
            axis.stairs(100.0 * share, bins, color=colour, linewidth=1.4, label=name)
    band = BANDS[ConversationState.SPEAKING][HEAD_SPEED]
    speeds.axvspan(band.low, band.high, color="#eef1f4", linewidth=0, zorder=0)
    for axis, label in (
        (speeds, "head speed, °/s (shaded: band of the rms in speech)"),
        (distances, "gaze off the partner, °"),
        (intervals, "seconds between blinks"),
    ):
        axis.set_xlabel(label, fontsize=8.5, color=_INK)
    speeds.set_ylabel("%", fontsize=9, color=_INK)
    intervals.legend(fontsize=8, frameon=False)
    return Plot("Distributions", "Shares of frames, and of blinks.", _png(figure))
