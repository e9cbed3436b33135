"""How far the features of a face travel in its pictures, by optical flow.

A face tracker believes in faces: of a brow in a painting it sees a third of the way, of a cheek nothing. The pixels
themselves tell how far their surroundings have gone (Kroeger et al. 2016, "Fast optical flow using dense inverse
search").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from avatar.decoder import Image
from avatar.evaluation.results import Band, Cell, Row, at_least
from avatar.geometry import landmarks as lm
from avatar.motion import Doubles, Floats

_BROWS = tuple(lm.BROW[side] + lm.BROW_LOWER[side] for side in lm.SIDES)
_INNER = tuple(brow[i] for brow in _BROWS for i in (0, 1, 5, 6))
_OUTER = tuple(brow[i] for brow in _BROWS for i in (2, 3, 4, 7, 8, 9))
_CORNERS, _CHEEKS = lm.MOUTH_CORNERS, tuple(lm.CHEEK.values())
# Flow around a landmark is the median within this distance, eye distances: a single pixel may be flat.
_AROUND = 0.03


@dataclass(frozen=True, slots=True)
class _Travel:
    name: str
    coefficient: str
    places: lm.Indices
    direction: tuple[float, float]  # outwards, up
    band: Band | None = None


_TRAVELS = (
    _Travel("brows up: inner ends rise", "browInnerUp", _INNER, (0.0, 1.0), at_least(0.04)),
    _Travel("brows up: outer ends rise", "browOuterUp", _OUTER, (0.0, 1.0), at_least(0.04)),
    _Travel("brows down: inner ends sink", "browDown", _INNER, (0.0, -1.0), at_least(0.04)),
    _Travel("smile: corners rise", "mouthSmile", _CORNERS, (0.0, 1.0)),
    _Travel("smile: corners go outwards", "mouthSmile", _CORNERS, (1.0, 0.0)),
    _Travel("smile: cheeks rise", "mouthSmile", _CHEEKS, (0.0, 1.0)),
    _Travel("frown: corners sink", "mouthFrown", _CORNERS, (0.0, -1.0)),
    _Travel("sneer: wings of the nose rise", "noseSneer", tuple(lm.NOSE_WING.values()), (0.0, 1.0)),
)


def travel_rows(landmarks: Floats, draw: Callable[[Mapping[str, float]], Image]) -> list[Row]:
    """What each coefficient moves at 1, in eye distances.

    Args:
        landmarks: float32 [478, 3], of the portrait, pixels.
        draw: makes the portrait's picture with given coefficients, those without a side on both.
    """
    plane = lm.FacePlane.of(landmarks)
    rest = _grey(draw({}))
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    moved: dict[str, Doubles] = {}
    rows = []
    for travel in _TRAVELS:
        if travel.coefficient not in moved:
            driven = _grey(draw({travel.coefficient: 1.0}))
            found = np.asarray(flow.calc(rest, driven, np.zeros((*rest.shape, 2), np.float32)), np.float64)
            moved[travel.coefficient] = found @ np.linalg.inv(plane.axes).T
        gone = [_gone(moved[travel.coefficient], landmarks[index], plane, travel.direction) for index in travel.places]
        rows.append(Row(travel.name, (Cell(float(np.mean(gone)), travel.band),), "", 3))
    return rows


def _gone(flow: Doubles, landmark: Floats, plane: lm.FacePlane, direction: tuple[float, float]) -> float:
    """How far the picture around a landmark has gone in a direction, eye distances."""
    outwards, up = direction
    out = np.sign(plane.to_plane(landmark)[0])
    reach = max(_AROUND * plane.eye_distance_px, 1.0)
    x, y = (float(value) for value in landmark[:2])
    rows, columns = (slice(max(int(v - reach), 0), int(v + reach) + 1) for v in (y, x))
    part = flow[rows, columns].reshape(-1, 2)
    return float(np.median(part @ np.array([outwards * out, up]))) if len(part) else 0.0


def _grey(picture: Image) -> Image:
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8)
