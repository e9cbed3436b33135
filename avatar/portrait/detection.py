"""Faces found by MediaPipe: 478 landmarks and a head-and-body matte; and hands.

MediaPipe takes two seconds to import, so only `avatar.portrait.portrait` comes here, and only for a portrait that it
has not analysed before.
"""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from avatar.decoder import Image
from avatar.motion import Doubles, Floats
from speech.errors import InputError

# Side of the square cut around a found face, in widths of the detector's box: forehead and chin fit well inside.
_CROP_IN_BOXES = 2.4
_WORK_SIZE = 640
_MAX_FACES = 6
# The detector's own default is 0.5: a lower threshold finds paintings, the mesh then confirms or rejects.
_DETECTION_CONFIDENCE = 0.4
# Of 22 good portraits the one with a hand has 0.65, no other any above this.
_HAND_CONFIDENCE = 0.5


@contextlib.contextmanager
def _silence_native_log() -> Iterator[None]:
    """MediaPipe and TensorFlow Lite write straight to file descriptor 2: keep the command line clean."""
    sys.stderr.flush()
    saved = os.dup(2)
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(null)


@dataclass(frozen=True, slots=True)
class Detection:
    """A face as the detector sees it, before there is a mesh.

    Attributes:
        centre: of its box, float64 [2], pixels.
        side: the longer one of its box, pixels.
        points: float64 [6, 2], pixels: the person's right eye, left eye, nose tip, mouth, right ear, left ear.
        score: how sure the detector is, 0 to 1.
    """

    centre: Doubles
    side: float
    points: Doubles
    score: float


class FaceFinder:
    """MediaPipe's detectors, mesh and segmentation behind a few calls; use it in a `with` block.

    Raises:
        InputError: mediapipe is missing or its version has no bundled models.
    """

    def __init__(self) -> None:
        os.environ.setdefault("GLOG_minloglevel", "3")
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        self._log = contextlib.ExitStack()
        with _silence_native_log(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of mediapipe's own dependencies, nobody's business here
            try:
                import mediapipe

                solutions = mediapipe.solutions
            except (ImportError, AttributeError) as error:
                raise InputError(
                    f"mediapipe: expected version 0.10.21, which analyses a new portrait, got '{error}'; "
                    "install it with `pip install mediapipe==0.10.21`"
                ) from None
        self._solutions: Any = solutions
        self._mesh: Any = None

    def __enter__(self) -> FaceFinder:
        """Silences MediaPipe's native log until the block ends."""
        self._log.enter_context(_silence_native_log())
        self._log.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        return self

    def __exit__(self, *_: object) -> None:
        """Lets go of the mesh, and restores file descriptor 2."""
        self._log.close()
        self._mesh = None

    def meshes(self, image: Image) -> list[Floats]:
        """The faces of a picture: uint8 [H, W, 3] to a list of float32 [478, 3], largest first.

        x and y are pixels; z is in pixels too, zero near the middle of the head and negative towards the viewer.
        """
        if self._mesh is None:  # to load it takes six times as long as to look: it is kept until the block ends
            self._mesh = self._log.enter_context(
                self._solutions.face_mesh.FaceMesh(
                    static_image_mode=True,
                    refine_landmarks=True,
                    max_num_faces=_MAX_FACES,
                    min_detection_confidence=_DETECTION_CONFIDENCE,
                )
            )
        faces = self._mesh.process(image).multi_face_landmarks or []
        height, width = image.shape[:2]
        scale = np.array([width, height, width], np.float32)
        found = [np.array([(p.x, p.y, p.z) for p in face.landmark], np.float32) * scale for face in faces]
        return sorted(found, key=lambda points: -eye_distance(points))

    def find(self, image: Image) -> list[Floats]:
        """As `meshes`, but also finds small faces: the far-range detector first, then the mesh on enlarged crops."""
        return self.find_with_detections(image)[0]

    def find_with_detections(self, image: Image) -> tuple[list[Floats], list[Detection]]:
        """As `find`; and what the far-range detector saw, widest first."""
        found = self.meshes(image)
        seen = self.detections(image, far=True)
        for detection in seen[:_MAX_FACES]:
            centre = detection.centre
            if any(_covers(points, centre) for points in found):
                continue
            points = self._mesh_in_crop(image, centre, _CROP_IN_BOXES * detection.side)
            if points is not None:
                found.append(points)
        return sorted(found, key=lambda points: -eye_distance(points)), seen

    def detections(self, image: Image, *, far: bool = False) -> list[Detection]:
        """The faces that the detector sees, widest first: the one for faces up to 2 m away, or up to 5 m."""
        height, width = image.shape[:2]
        with self._solutions.face_detection.FaceDetection(
            model_selection=int(far), min_detection_confidence=_DETECTION_CONFIDENCE
        ) as detector:
            found = detector.process(image).detections or []
        seen = []
        for detection in found:
            where = detection.location_data
            box = where.relative_bounding_box
            centre = np.array([(box.xmin + box.width / 2) * width, (box.ymin + box.height / 2) * height])
            points = np.array([(p.x * width, p.y * height) for p in where.relative_keypoints])
            side = max(box.width * width, box.height * height)
            seen.append((box.width, Detection(centre, side, points, float(detection.score[0]))))
        return [detection for _, detection in sorted(seen, key=lambda item: -item[0])]

    def _mesh_in_crop(self, image: Image, centre: Doubles, side: float) -> Floats | None:
        scale = _WORK_SIZE / side
        to_crop = np.array(
            [[scale, 0.0, _WORK_SIZE / 2 - scale * centre[0]], [0.0, scale, _WORK_SIZE / 2 - scale * centre[1]]]
        )
        crop = cv2.warpAffine(
            image, to_crop, (_WORK_SIZE, _WORK_SIZE), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
        )
        faces = self.meshes(np.asarray(crop, np.uint8))
        if not faces:
            return None
        points: Floats = faces[0] / np.float32(scale)
        points[:, :2] += (centre - side / 2).astype(np.float32)
        return points

    def hands(self, image: Image) -> list[Floats]:
        """The hands in a picture: uint8 [H, W, 3] to a list of float32 [21, 2], pixels."""
        with self._solutions.hands.Hands(
            static_image_mode=True, model_complexity=0, min_detection_confidence=_HAND_CONFIDENCE
        ) as finder:
            found = finder.process(image).multi_hand_landmarks or []
        size = np.array(image.shape[1::-1], np.float32)
        return [np.array([(p.x, p.y) for p in hand.landmark], np.float32) * size for hand in found]

    def matte(self, image: Image) -> Floats:
        """How much each pixel belongs to a person: uint8 [H, W, 3] to float32 [H, W] in [0, 1]."""
        with self._solutions.selfie_segmentation.SelfieSegmentation(model_selection=0) as segmentation:
            return np.asarray(segmentation.process(image).segmentation_mask, np.float32)


def eye_distance(points: Floats) -> float:
    """Between the outer corners of the eyes (33, 263), in space: a turned head doesn't look smaller; pixels."""
    return float(np.linalg.norm(points[33] - points[263]))


def _covers(points: Floats, centre: Doubles) -> bool:
    low, high = points[:, :2].min(axis=0), points[:, :2].max(axis=0)
    return bool((centre > low).all() and (centre < high).all())
