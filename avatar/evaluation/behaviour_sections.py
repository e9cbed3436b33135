"""Tables about the rest of the person: blinks, gaze and head against their bands, nods, commands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from avatar.evaluation import bands, behaviour, curves
from avatar.evaluation.driving import MakeSampler, drive, silence
from avatar.evaluation.listener import Nods
from avatar.evaluation.results import Band, Section, row
from avatar.evaluation.spectra import HEAD_BANDS_HZ, band_share
from avatar.evaluation.speech_sections import head_block_ratio
from avatar.motion import FRAME_RATE_HZ, Controls, ConversationState, Floats, MotionLayout
from avatar.progress import ShareDone

LEAST_S = 10.0
"""Rates of anything shorter would say nothing."""

# What is asked of the gaze (yaw and pitch, degrees) and of the head's distance.
_GAZES_DEG: tuple[tuple[float, float], ...] = ((20.0, 0.0), (-20.0, 0.0), (0.0, 10.0), (0.0, -10.0))
_DISTANCES: tuple[float, ...] = (0.85, 1.2)
_COMMAND_S, _SETTLED_S = 8.0, 2.0

_FRESH: tuple[tuple[str, int, Band | None], ...] = (
    ("head yaw, r", behaviour.INDEX["headYaw"], bands.SAME_SEED),
    ("head pitch, r", behaviour.INDEX["headPitch"], bands.SAME_SEED),
    ("lids, r", behaviour.INDEX["eyeBlinkLeft"], bands.SAME_SEED),
)


@dataclass(frozen=True, slots=True)
class Behaved:
    """A motion to look at.

    Attributes:
        name: of the column.
        values: float32 [T, 60].
        state: whose bands it is held to; None for no bands.
        block_frames: it was sampled in such blocks; None if it was not.
    """

    name: str
    values: Floats
    state: ConversationState | None
    block_frames: int | None = None


def behaviour_section(motions: Sequence[Behaved]) -> Section:
    """Statistics of each motion, with their bands."""
    seconds = [len(m.values) / FRAME_RATE_HZ for m in motions]
    found = [behaviour.blinks(m.values) for m in motions]
    per_s = list(zip(motions, seconds, strict=True))

    def held(measure: str) -> list[Band | None]:
        return [bands.band(m.state, measure) for m in motions]

    def each(measure: Callable[[Floats], float | None]) -> list[float | None]:
        return [measure(m.values) for m in motions]

    def of_blinks(measure: Callable[[list[behaviour.Blink]], float]) -> list[float | None]:
        return [measure(b) if b else None for b in found]

    rows = [
        row("length", [s / 60.0 for s in seconds], "min", 1),
        row(bands.BLINKS, [60.0 * len(b) / s for b, s in zip(found, seconds, strict=True)], "", 1, held(bands.BLINKS)),
        row(
            bands.BLINK_LENGTH,
            of_blinks(lambda b: float(np.median([blink.length_s for blink in b]))),
            "s",
            2,
            held(bands.BLINK_LENGTH),
        ),
        row("blink length, longest", of_blinks(lambda b: max(blink.length_s for blink in b)), "s"),
        row(
            "incomplete blinks",
            of_blinks(lambda b: float(np.mean([blink.peak < behaviour.INCOMPLETE_BLINK for blink in b]))),
            "%",
            0,
        ),
        row("closing, share of a blink", of_blinks(lambda b: float(np.median([blink.closing for blink in b]))), "%", 0),
        row(bands.DIRECT_GAZE, each(behaviour.direct_gaze_share), "%", 0, held(bands.DIRECT_GAZE)),
        row(bands.SACCADES, [behaviour.saccades(m.values) / s for m, s in per_s], "", 2, held(bands.SACCADES)),
        row(bands.HEAD_SPEED, each(behaviour.head_speed_rms), "°/s", 1, held(bands.HEAD_SPEED)),
        row("pose variation ΔP", each(behaviour.pose_variation_deg), "°", 3),
        row("head jerk, rms", each(behaviour.head_jerk_rms), "°/s³", 0),
    ]
    for low, high in HEAD_BANDS_HZ:
        name = f"head power at {low:g}–{high:g} Hz"
        rows.append(row(name, [band_share(behaviour.head_velocity(m.values), low, high) for m in motions], "%", 0))
    if any(m.block_frames for m in motions):
        ratios = [head_block_ratio(m.values, m.block_frames) for m in motions]
        rows.append(row("head speed, block edges", ratios))
    rows.append(row("head drift in 10 min", each(behaviour.drift_deg), "°"))
    note = (
        "Gaze is head and eyes together, at the partner within 5°. "
        "ΔP: mean |difference| between adjacent frames at 25 Hz over pitch, yaw and roll. Head power: of its angular "
        "velocity. Block edges: speed across them over speed elsewhere. Drift: trend of minutes, from 3 on."
    )
    return Section("Behaviour", tuple(m.name for m in motions), tuple(rows), note)


def nod_section(listened: Nods, alone: Nods) -> Section:
    """A listener's nods, beside the same person whom nobody speaks to, at the same moments."""
    both = (listened, alone)
    rows = (
        row("user's pauses", [float(n.pauses) for n in both], digits=0),
        row("pauses followed by a nod", [n.answered for n in both], "%", 0),
        row("moments in mid-speech followed by one", [n.by_chance for n in both], "%", 0),
        row("depth of the nods, median", [n.depth_deg for n in both], "°", 1),
    )
    note = "A nod: the head dips by 1.5° or more within 1.4 s of the pause and comes back."
    return Section("Listener's nods", ("listening", "hearing nothing"), rows, note)


def command_section(make: MakeSampler, progress: ShareDone) -> Section:
    """What a fresh, listening sampler reaches of a commanded gaze and head distance: medians after two seconds."""
    rows = []
    asked = [Controls(gaze=(np.radians(yaw), np.radians(pitch))) for yaw, pitch in _GAZES_DEG]
    asked += [Controls(head_distance=distance) for distance in _DISTANCES]
    for number, controls in enumerate(asked):
        values = drive(make(None), silence(_COMMAND_S), ConversationState.LISTENING, controls=controls)
        settled = values[round(_SETTLED_S * FRAME_RATE_HZ) :]
        if controls.gaze is not None:
            axis = 0 if controls.gaze[0] else 1
            wanted = float(np.degrees(controls.gaze[axis]))
            reached = float(np.median(behaviour.gaze_direction_deg(settled)[:, axis]))
            name = f"gaze {'yaw' if axis == 0 else 'pitch'} {wanted:+.0f}°"
            rows.append(row(name, [wanted, reached, reached - wanted], "°", 1))
        else:
            wanted = controls.head_distance or 1.0
            reached = float(np.median(settled[:, MotionLayout.INDEX["headDistance"]]))
            rows.append(row(f"head distance {wanted:.0%}", [wanted, reached, reached - wanted], "%", 1))
        progress((number + 1) / len(asked))
    return Section("Commands", ("asked", "reached", "difference"), tuple(rows), "Gaze is head and eyes together.")


def same_seed_section(motions: Sequence[Floats]) -> Section:
    """Whether the head does the same in different speeches with the same seed.

    Args:
        motions: float32 [T, 60] each, of two speeches at least; compared as far as the shorter one of a pair goes.
    """
    rows = []
    for name, column, band in _FRESH:
        found = [
            curves.correlation(one[:frames, column], other[:frames, column])
            for one, other in combinations(motions, 2)
            for frames in [min(len(one), len(other))]
        ]
        known = [value for value in found if value is not None]
        mean, most = (float(np.mean(known)), float(max(known))) if known else (None, None)
        rows.append(row(name, [mean, most], bands=[band, None]))
    note = f"Correlation from the first frame on, over the pairs of {len(motions)} speeches; by chance 0 in the mean."
    return Section("Different speeches, same seed", ("mean", "highest"), tuple(rows), note)
