"""A sheet of one clip: the real face over ours at the widest, the closed and some middle moments."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from avatar.decoder import FaceDecoder, Image
from avatar.evaluation.people.tracked_face import TrackedFace
from avatar.geometry import landmarks as lm
from avatar.geometry.points import kept_rows
from avatar.motion import FRAME_RATE_HZ, Floats
from avatar.picture.sheets import caption, cut

# How open the real mouth is in the columns: shares of the way from its least to its greatest opening, by rank.
_RANKS = (1.0, 0.85, 0.7, 0.5, 0.3, 0.15, 0.0)
_APART_FRAMES = 6
_CELL_PX, _GAP_PX = 220, 4
_SIDE = 2.6  # of the square around a face, eye distances
_BELOW_EYES = 0.45  # its middle, eye distances
_EYES, _CHIN = kept_rows((33, 263)), kept_rows((lm.CHIN,))[0]


def moments(gap: Floats) -> list[int]:
    """Frames to look at: from the widest opening to the least, apart from one another where the clip allows it."""
    order = np.argsort(gap, kind="stable")
    chosen: list[int] = []
    for rank in _RANKS:
        off = np.abs(np.arange(len(order)) - round(rank * (len(order) - 1)))
        nearest = np.argsort(off, kind="stable")
        free = [int(order[at]) for at in nearest if all(abs(int(order[at]) - c) >= _APART_FRAMES for c in chosen)]
        if free:
            chosen.append(free[0])
    return chosen


def side_by_side(path: Path, decoder: FaceDecoder, values: Floats, real: TrackedFace, ours: TrackedFace) -> Image:
    """Draws the sheet.

    Args:
        path: the real video; it is read once more.
        decoder: of our portrait.
        values: float32 [T, 60], our motion.
        real: as tracked in the video, at least T frames.
        ours: as tracked in what was drawn of the motion, T frames.

    Returns:
        uint8 [H, W, 3].
    """
    frames = moments(real.gap[: len(values)])
    pictures = _pictures(path, frames)
    columns = []
    for frame, picture in zip(frames, pictures, strict=True):
        drawn = np.ascontiguousarray(decoder.decode(values[frame])[:, :, :3])
        cells = [_face(picture, real.landmarks[frame]), _face(drawn, ours.landmarks[frame])]
        told = f"{frame / FRAME_RATE_HZ:.2f} s   real {real.gap[frame]:.2f}   ours {ours.gap[frame]:.2f}"
        columns.append(np.vstack([caption(told, _CELL_PX), *cells]))
    gap = np.full((columns[0].shape[0], _GAP_PX, 3), 255, np.uint8)
    spaced = [part for column in columns for part in (column, gap)]
    return np.asarray(np.hstack(spaced[:-1]), np.uint8)


def _pictures(path: Path, frames: Sequence[int]) -> list[Image]:
    """The picture that is shown in the middle of each frame, or the one nearest to it."""
    from avatar.tracking.video import read_frames

    wanted = {frame: (frame + 0.5) / FRAME_RATE_HZ for frame in frames}
    nearest: dict[int, tuple[float, Image]] = {}
    for picture in read_frames(path):
        for frame, time_s in wanted.items():
            off = abs(picture.time_s - time_s)
            if frame not in nearest or off < nearest[frame][0]:
                nearest[frame] = (off, picture.image)
        if picture.time_s > max(wanted.values()) + 1.0:
            break
    return [nearest[frame][1] for frame in frames]


def _face(picture: Image, landmarks: Floats) -> Image:
    """A square around the face."""
    corners = landmarks[_EYES, :2]
    unit = float(np.linalg.norm(corners[1] - corners[0]))
    middle = corners.mean(axis=0)
    down = landmarks[_CHIN, :2] - middle
    middle = middle + down / max(float(np.linalg.norm(down)), 1e-6) * _BELOW_EYES * unit
    left, top = (int(at - _SIDE * unit / 2.0) for at in middle)
    side = max(int(_SIDE * unit), 1)
    return cut(picture, (left, top, left + side, top + side), _CELL_PX)
