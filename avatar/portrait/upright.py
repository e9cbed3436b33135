"""Which way up a picture is: the quarter turn at which mesh and detector agree about its largest face."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from avatar.decoder import FRAME_SIZE, Image
from avatar.motion import Doubles, Floats
from avatar.placing.mean_face import mirror_partners
from avatar.portrait.covered import mouth_is_covered
from avatar.portrait.detection import Detection, FaceFinder, eye_distance
from avatar.portrait.head_and_shoulders import Placement, crop_square, head_and_shoulders_square, to_square

# A head is tilted by at most this in a picture that is the right way up, degrees; lying people's are.
_MOST_TILT = 60.0
# The mesh of the mirrored picture, mirrored back, is so near to the mesh where a face is understood, eye distances on
# average: 0.030 at most in 22 good portraits the right way up, 0.030 at least upside down. Where it leaves a doubt, the
# detector is asked how sure it is: 0.81 at least the right way up, 0.71 upside down.
_UNDERSTOOD, _PLAIN = 0.034, 0.018
_CERTAIN = 0.78
# How much more certain and less in doubt another way of holding a picture must be that shows a face already.
_CLEARLY, _LESS_DOUBT = 0.05, 0.75
# Eyes, nose and mouth of the detector are so near to the mesh's, eye distances: 0.10 at most in the good ones.
_AGREES = 0.25
# Beyond this one of the two is wrong: upside down 0.12 to 0.81, with the mouth covered at most 0.33.
_CONTRADICTS = 0.45
# What the mesh has where the detector has eyes, nose tip and mouth.
_POINTS = ((33, 133), (362, 263), (4,), (13, 14))


@dataclass(frozen=True, slots=True)
class HeldPicture:
    """A picture held one of four ways, and the face that is found in it.

    Attributes:
        turns: by how many quarters of a turn it is held clockwise from how the file has it.
        image: uint8 [H, W, 3] as it is held.
        faces: float32 [478, 3] each, pixels, largest first; at least one.
        placement: the square around the largest.
        crop: uint8 [512, 512, 3], that square.
        landmarks: float32 [478, 3], pixels of the crop; None where the face is not found again in it.
        mirror_distances: how far each landmark lies from where it is in the mirrored picture, [478], eye distances;
            infinite where no face is found in that.
        is_seen: whether the detector sees eyes, nose and mouth of the largest face where the mesh has them.
    """

    turns: int
    image: Image
    faces: list[Floats]
    placement: Placement
    crop: Image
    landmarks: Floats | None
    mirror_distances: Doubles
    is_seen: bool

    @property
    def tilt(self) -> float:
        """How far the eyes are from level, degrees clockwise in -180 to 180."""
        across = self.faces[0][263] - self.faces[0][33]
        return float(np.degrees(np.arctan2(across[1], across[0])))

    @property
    def is_understood(self) -> bool:
        """Whether mesh, mirrored mesh and detector agree about the face."""
        return self.landmarks is not None and self.is_seen and float(self.mirror_distances.mean()) <= _UNDERSTOOD

    @property
    def is_upright(self) -> bool:
        """Whether there is a face that is tilted no further than a head is."""
        return self.landmarks is not None and abs(self.tilt) <= _MOST_TILT


def upright(image: Image, finder: FaceFinder) -> HeldPicture | None:
    """The picture held as its largest face makes sense; None if no way of holding it shows a face.

    A face that is understood at once costs no further search.

    Args:
        image: uint8 [H, W, 3].
        finder: entered already.
    """
    first = _hold(image, 0, finder)
    if first is not None and first.is_upright and first.is_understood:
        if first.mirror_distances.mean() <= _PLAIN or _certainty(first, finder) >= _CERTAIN:
            return first
    turned = [held for turns in (1, 2, 3) if (held := _hold(image, turns, finder)) is not None and held.is_upright]
    if first is None or not first.is_upright:
        good = [held for held in turned if not contradicts_detector(held, finder)]
        return max(good, key=lambda held: _certainty(held, finder), default=first)
    if first.landmarks is not None and mouth_is_covered(first.crop, first.landmarks):
        return first  # which is why it is not understood
    # Faces are seen in foreheads too, only never as clearly: both have to say that it is better held another way.
    certainty, doubt = max(_certainty(first, finder) + _CLEARLY, _CERTAIN), float(first.mirror_distances.mean())
    better = [held for held in turned if held.is_understood and held.mirror_distances.mean() < _LESS_DOUBT * doubt]
    better = [held for held in better if _certainty(held, finder) > certainty]
    return max(better, key=lambda held: _certainty(held, finder), default=first)


def contradicts_detector(held: HeldPicture, finder: FaceFinder) -> bool:
    """Whether the detector, looking closely, has eyes, nose and mouth elsewhere than the mesh."""
    if held.landmarks is None:
        return True
    near = finder.detections(held.crop)
    return bool(near) and min(_distance(detection, held.landmarks) for detection in near) > _CONTRADICTS


def mirrored_distances(image: Image, landmarks: Floats, finder: FaceFinder) -> Doubles:
    """How far each landmark is from where it is in the mirrored picture: [478], eye distances; infinite if nowhere."""
    found = finder.meshes(np.ascontiguousarray(image[:, ::-1]))
    if not found:
        return np.full(len(landmarks), np.inf)
    back = found[0][mirror_partners(), :2]
    back[:, 0] = image.shape[1] - 1 - back[:, 0]
    return np.asarray(np.linalg.norm(back - landmarks[:, :2], axis=1) / eye_distance(landmarks), np.float64)


def _hold(image: Image, turns: int, finder: FaceFinder) -> HeldPicture | None:
    image = np.ascontiguousarray(np.rot90(image, -turns))
    faces, seen = finder.find_with_detections(image)
    if not faces:
        return None
    placement = head_and_shoulders_square(image, faces[0])
    crop = crop_square(image, placement, FRAME_SIZE)
    expected = to_square(faces[0], placement)
    landmarks = next((points for points in finder.meshes(crop) if _is_same(points, expected)), None)
    apart = np.full(478, np.inf) if landmarks is None else mirrored_distances(crop, landmarks, finder)
    is_seen = any(_distance(detection, faces[0]) <= _AGREES for detection in seen)
    return HeldPicture(turns, image, faces, placement, crop, landmarks, apart, is_seen)


def _is_same(points: Floats, expected: Floats) -> bool:
    apart = np.linalg.norm(points[:, :2] - expected[:, :2], axis=1).mean()
    return bool(apart < 0.25 * eye_distance(expected))


def _distance(detection: Detection, landmarks: Floats) -> float:
    mesh = np.array([landmarks[list(points), :2].mean(axis=0) for points in _POINTS])
    return float(np.linalg.norm(detection.points[:4] - mesh, axis=1).mean()) / eye_distance(landmarks)


def _certainty(held: HeldPicture, finder: FaceFinder) -> float:
    """How sure the detector is of the face in the crop."""
    return max((detection.score for detection in finder.detections(held.crop)), default=0.0)
