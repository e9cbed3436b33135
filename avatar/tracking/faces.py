"""The same person's face from picture to picture: MediaPipe's face mesh in video mode."""

from __future__ import annotations

import contextlib
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from avatar.decoder import Image
from avatar.motion import Floats
from avatar.portrait.detection import FaceFinder, eye_distance

_MAX_FACES = 3
_DETECTION_CONFIDENCE = 0.4
# Where the mesh's own detector, made for near faces, finds nothing: look more closely once in so many pictures.
_LOOK_AGAIN = 25
# Side of the window around a small face, eye distances, and to how many pixels it is enlarged at least.
_WINDOW, _WINDOW_PX = 7.0, 480
# The window moves along when the face is off its middle by this share of its side.
_OFF_CENTRE = 0.15
# The next picture's face is the one nearest to the last, if nearer than this (eye distances); else the largest.
_NEAR = 1.5


class FaceTracker:
    """Follows the largest face of a video; use it in a `with` block.

    Attributes:
        most_faces: the most faces seen in one picture so far.

    Raises:
        InputError: mediapipe is missing or its version has no bundled models.
    """

    def __init__(self) -> None:
        self._finder = FaceFinder()
        self._quiet = contextlib.ExitStack()
        self._mesh: Any = None
        self._window: npt.NDArray[np.int64] | None = None  # left, top, right, bottom
        self._last: Floats | None = None
        self._shape: tuple[int, ...] = ()
        self._since_search = _LOOK_AGAIN
        self.most_faces = 0

    def __enter__(self) -> FaceTracker:
        """Loads the mesh; MediaPipe's native log is silenced until the first face is found, when it has said all."""
        import mediapipe

        self._quiet.enter_context(self._finder)
        self._mesh = mediapipe.solutions.face_mesh.FaceMesh(
            static_image_mode=False,
            refine_landmarks=True,
            max_num_faces=_MAX_FACES,
            min_detection_confidence=_DETECTION_CONFIDENCE,
        )
        return self

    def __exit__(self, *_: object) -> None:
        """Releases MediaPipe's mesh."""
        with self._quiet:
            self._mesh.close()

    def __call__(self, image: Image) -> Floats | None:
        """The face in the next picture: uint8 [H, W, 3] to float32 [478, 3] in its pixels, or None."""
        if image.shape != self._shape:  # the stream's pictures changed: nothing of the old ones holds
            self._shape, self._window, self._last = image.shape, None, None
        faces = self._meshes(image)
        if not faces:
            self._since_search += 1
            if self._since_search > _LOOK_AGAIN:
                self._since_search = 0
                self._search(image)
                faces = self._meshes(image) if self._window is not None else []
        if not faces:
            self._last = None
            return None
        self.most_faces = max(self.most_faces, len(faces))
        self._last = face = self._same(faces)
        self._follow(face, image)
        self._quiet.close()
        return face

    def _meshes(self, image: Image) -> list[Floats]:
        part, left, top, scale = image, 0, 0, 1.0
        if self._window is not None:
            left, top, right, bottom = (int(edge) for edge in self._window)
            scale = max(1.0, _WINDOW_PX / max(right - left, 1))
            part = np.ascontiguousarray(image[top:bottom, left:right])
            if scale > 1.0:
                part = np.asarray(cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC), np.uint8)
        height, width = part.shape[:2]
        size = np.array([width, height, width], np.float32) / np.float32(scale)
        found = self._mesh.process(part).multi_face_landmarks or []
        corner = np.array([left, top, 0], np.float32)
        return [np.array([(p.x, p.y, p.z) for p in face.landmark], np.float32) * size + corner for face in found]

    def _search(self, image: Image) -> None:
        with FaceFinder() as finder:
            faces = finder.find(image)
        self._window = None
        if faces:
            self.most_faces = max(self.most_faces, len(faces))
            self._place_window(faces[0], image)

    def _follow(self, face: Floats, image: Image) -> None:
        if self._window is None:
            return
        centre = (self._window[:2] + self._window[2:]) / 2.0
        side = float((self._window[2:] - self._window[:2]).max())
        if np.abs(face[:468, :2].mean(axis=0) - centre).max() > _OFF_CENTRE * side:
            self._place_window(face, image)

    def _place_window(self, face: Floats, image: Image) -> None:
        height, width = image.shape[:2]
        half = _WINDOW / 2.0 * eye_distance(face)
        middle = face[:468, :2].mean(axis=0)
        low = np.clip(middle - half, 0, [width, height])
        high = np.clip(middle + half, 0, [width, height])
        self._window = np.concatenate([low, high]).astype(np.int64)

    def _same(self, faces: list[Floats]) -> Floats:
        largest = max(faces, key=eye_distance)
        if self._last is None:
            return largest
        before = self._last[:468, :2].mean(axis=0)
        apart = [float(np.linalg.norm(face[:468, :2].mean(axis=0) - before)) for face in faces]
        nearest = int(np.argmin(apart))
        return faces[nearest] if apart[nearest] < _NEAR * eye_distance(self._last) else largest
