"""Landmarks as several looks at a picture agree on."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from avatar.decoder import Image
from avatar.motion import Floats
from avatar.portrait.detection import FaceFinder
from avatar.portrait.head_looks import settled_landmarks
from avatar.portrait.portrait import Portrait, load_portrait

DRAWN = Path(__file__).resolve().parent.parent / "avatar" / "assets" / "portraits" / "mira.png"


@pytest.fixture(scope="module")
def portrait(portrait_cache: Path) -> Portrait:
    return load_portrait(DRAWN, cache_dir=portrait_cache)


class Wrong(FaceFinder):
    """Finds what is there, but once: then the mouth is wide open, or there is no face."""

    def __init__(self, wrong: int, *, blind: bool) -> None:
        super().__init__()
        self._looks = 0
        self._wrong = wrong
        self._blind = blind

    def meshes(self, image: Image) -> list[Floats]:
        found = super().meshes(image)
        self._looks += 1
        if self._looks - 1 != self._wrong:
            return found
        if self._blind:
            return []
        found[0][14, 1] += 40.0
        return found


def test_all_looks_have_the_same_face_in_one_place(portrait: Portrait) -> None:
    # Off the middle, so that it matters where the mirror stands and what is looked at from nearer.
    shift = np.array([[1.0, 0.0, 14.0], [0.0, 1.0, -9.0]])
    moved: npt.NDArray[np.uint8] = np.asarray(
        cv2.warpAffine(portrait.image, shift, (512, 512), borderMode=cv2.BORDER_REPLICATE), np.uint8
    )
    with FaceFinder() as finder:
        found = settled_landmarks(finder, moved)
        assert settled_landmarks(finder, np.zeros((512, 512, 3), np.uint8)) is None
    assert found is not None
    away = np.linalg.norm(found[:, :2] - portrait.landmarks[:, :2] - [14.0, -9.0], axis=1)
    assert away.mean() < 1.5 and away.max() < 6.0
    assert np.abs(found[:, 2] - portrait.landmarks[:, 2]).mean() < 4.0


@pytest.mark.parametrize("wrong", [0, 1, 2, 3])
@pytest.mark.parametrize("blind", [False, True])
def test_a_look_that_is_wrong_is_outvoted(portrait: Portrait, wrong: int, blind: bool) -> None:
    with Wrong(wrong, blind=blind) as finder:
        found = settled_landmarks(finder, portrait.image)
    assert found is not None
    assert found[14, 1] == pytest.approx(portrait.landmarks[14, 1], abs=2.5)


def test_a_finder_remembers_nothing_from_picture_to_picture(portrait: Portrait) -> None:
    finder = FaceFinder()
    found = []
    for _ in range(2):  # entered again, it loads its mesh again
        with finder:
            found.append(finder.meshes(portrait.image)[0])
            finder.meshes(np.ascontiguousarray(portrait.image[:, ::-1]))
            found.append(finder.meshes(portrait.image)[0])
    for again in found[1:]:
        np.testing.assert_array_equal(again, found[0])
