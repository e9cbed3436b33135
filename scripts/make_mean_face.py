"""Makes avatar/assets/mean_face.csv: the mean of the drawn portraits' meshes, as MediaPipe finds them.

python scripts/make_mean_face.py

The portraits are drawn by scripts/draw_portraits.py. Each mesh is levelled, put to scale by its eyes and averaged with
its mirror image, so that the mean is exactly symmetric. A line is one landmark: x (viewer's right), y (down) and z
(away from the viewer), one unit between the outer corners of the eyes, zero between them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.optimize import linear_sum_assignment

from avatar.portrait.portrait import load_portrait

_ASSETS = Path(__file__).parent.parent / "avatar" / "assets"


def _levelled(mesh: np.ndarray) -> np.ndarray:
    """float64 [478, 3]: the eyes level and one unit apart, the face seen straight from the front."""
    points = mesh.astype(np.float64)
    points = points - (points[33] + points[263]) / 2.0
    across = points[263] - points[33]
    x_axis = across / np.linalg.norm(across)
    # Pitch as MediaPipe gives it: what is "straight" up and down is a convention anyway.
    z_axis = np.cross(x_axis, [0.0, 1.0, 0.0])
    z_axis /= np.linalg.norm(z_axis)
    y_axis = np.cross(z_axis, x_axis)
    return points @ np.stack([x_axis, y_axis, z_axis], axis=1) / np.linalg.norm(across)


def _mirrored(points: np.ndarray) -> np.ndarray:
    """The mirror image, every landmark under the number of its partner."""
    flipped = points * [-1.0, 1.0, 1.0]
    distance = np.linalg.norm(points[:, None] - flipped[None], axis=2)
    # The finer points of eyes and iris have a mesh of their own: each is to find its partner among themselves.
    distance[:468, 468:] = distance[468:, :468] = 1e3
    partner = linear_sum_assignment(distance)[1]
    if (partner[partner] != np.arange(len(points))).any():
        raise SystemExit("the drawn faces are too crooked to pair left with right")
    return flipped[partner]


def main() -> None:
    """Writes the file."""
    meshes = [_levelled(load_portrait(path).landmarks) for path in sorted((_ASSETS / "portraits").glob("*.png"))]
    mean = np.mean(meshes, axis=0)
    mean = (mean + _mirrored(mean)) / 2.0
    np.savetxt(_ASSETS / "mean_face.csv", mean, fmt="%.4f", delimiter=",", header="x,y,z", comments="")


if __name__ == "__main__":
    main()
