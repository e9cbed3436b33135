"""Whether a listener nods at the right moments: after the user's pauses, not just any time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from avatar.motion import Floats, MotionLayout

_SPOKE_FRAMES = 15  # who spoke less than 600 ms did not say anything that asks for a nod
_PAUSE_FRAMES = 8  # a stop consonant and a breath are shorter
_ANSWER_FRAMES = 35  # a nod comes within 1.4 s of the pause
_DIP_FRAMES = 15  # and goes down within 0.6 s
_DIP_DEG = 1.5
_APART_FRAMES = 25


@dataclass(frozen=True, slots=True)
class Nods:
    """What a listener did.

    Attributes:
        pauses: of the user that ask for a nod.
        answered: share of them followed by a dip of the head of at least 1.5°; None without pauses.
        by_chance: the same share after moments in the middle of the user's speech; None without such moments.
        depth_deg: median depth of the dips after pauses, degrees; None without any.
    """

    pauses: int
    answered: float | None
    by_chance: float | None
    depth_deg: float | None


def pauses(speaks: npt.NDArray[np.bool_]) -> list[int]:
    """Frames at which somebody falls silent for a third of a second or longer, having spoken before."""
    spoken = 0
    found: list[int] = []
    for frame, loud in enumerate(speaks):
        if loud:
            spoken += 1
        elif not speaks[frame : frame + _PAUSE_FRAMES].any():
            if spoken >= _SPOKE_FRAMES:
                found.append(frame)
            spoken = 0
    return found


def nods(values: Floats, speaks: npt.NDArray[np.bool_]) -> Nods:
    """Counts a listener's nods.

    Args:
        values: float32 [T, 60].
        speaks: bool [T], the frames in which the user speaks.
    """
    pitch = np.degrees(values[:, MotionLayout.INDEX["headPitch"]].astype(np.float64))
    asked = [frame for frame in pauses(speaks) if frame + _ANSWER_FRAMES <= len(pitch)]
    depths = np.array([_dip(pitch[frame : frame + _ANSWER_FRAMES]) for frame in asked])
    middle = [
        frame
        for frame in range(0, len(pitch) - _ANSWER_FRAMES, _APART_FRAMES)
        if speaks[frame : frame + _ANSWER_FRAMES].mean() > 0.6
        and all(not -_ANSWER_FRAMES < frame - pause < _ANSWER_FRAMES for pause in asked)
    ]
    chance = np.array([_dip(pitch[frame : frame + _ANSWER_FRAMES]) for frame in middle])
    nodded = depths[depths >= _DIP_DEG]
    return Nods(
        len(asked),
        float((depths >= _DIP_DEG).mean()) if len(depths) else None,
        float((chance >= _DIP_DEG).mean()) if len(chance) else None,
        float(np.median(nodded)) if len(nodded) else None,
    )


def _dip(pitch: npt.NDArray[np.float64]) -> float:
    """The deepest fall within `_DIP_FRAMES` from which the head comes back by at least half, degrees."""
    best = 0.0
    for low in range(1, len(pitch) - 1):
        fall = float(pitch[max(0, low - _DIP_FRAMES) : low].max() - pitch[low])
        back = float(pitch[low : low + _DIP_FRAMES].max() - pitch[low])
        if back >= 0.5 * fall:
            best = max(best, fall)
    return best
