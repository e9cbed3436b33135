"""What is said of doubtful portraits: a good one is left alone, shut or covered eyes and covered mouths are named."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from avatar.decoder import Image
from avatar.mesh.decoder import MeshDecoder
from avatar.motion import MotionLayout, neutral
from avatar.portrait.detection import FaceFinder
from avatar.portrait.landmark_checks import check_landmarks
from avatar.portrait.portrait import Portrait, load_portrait
from avatar.portrait.upright import mirrored_distances
from tests.drawn_animal import drawn_fox

PORTRAITS = Path(__file__).parent.parent / "avatar" / "assets" / "portraits"


@pytest.fixture(scope="module")
def mira() -> Portrait:
    return load_portrait(PORTRAITS / "mira.png")


@pytest.fixture(scope="module")
def decoder(mira: Portrait) -> MeshDecoder:
    return MeshDecoder(mira)


@pytest.fixture(scope="module")
def finder() -> Iterator[FaceFinder]:
    with FaceFinder() as finder:
        yield finder


def said_of(image: Image, finder: FaceFinder) -> str:
    landmarks = finder.meshes(image)[0]
    return " / ".join(check_landmarks(image, landmarks, mirrored_distances(image, landmarks, finder)))


def test_good_portraits_are_left_alone(mira: Portrait) -> None:
    for name in ("ada", "jonas"):
        assert load_portrait(PORTRAITS / f"{name}.png").notices == ()
    assert mira.notices == ()


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0}, "both eyes are shut"),
        ({"eyeBlinkLeft": 1.0}, "the left eye is shut"),
        ({"jawOpen": 1.0}, "the mouth is wide open"),
        ({"jawOpen": 0.55}, "the mouth is open: its lips are brought together"),
        ({"jawOpen": 0.2}, ""),
    ],
)
def test_shut_eyes_and_open_mouths_are_said(
    decoder: MeshDecoder, finder: FaceFinder, asked: dict[str, float], said: str
) -> None:
    frame = neutral(1)[0]
    for name, value in asked.items():
        frame[MotionLayout.INDEX[name]] = value
    found = said_of(decoder.decode(frame), finder)
    assert said in found if said else found == ""


def test_covered_faces_are_said(mira: Portrait, finder: FaceFinder) -> None:
    points, unit = mira.landmarks, float(np.linalg.norm(mira.landmarks[33] - mira.landmarks[263]))
    glasses = mira.image.copy()
    for corners in ((33, 133), (362, 263)):
        x, y = points[list(corners), :2].mean(axis=0)
        cv2.ellipse(glasses, (round(x), round(y)), (int(0.3 * unit), int(0.25 * unit)), 0, 0, 360, (25, 25, 30), -1)
    assert "the eyes can't be made out" in said_of(glasses, finder)
    half = mira.image.copy()
    half[:, int(points[6, 0] + 0.05 * unit) : int(points[454, 0] + 0.1 * unit)] = (90, 70, 60)
    assert "the left eye can't be made out" in said_of(half, finder)


def test_a_face_that_is_half_understood_is_to_be_placed_by_hand(finder: FaceFinder) -> None:
    found = said_of(drawn_fox()[0], finder)
    assert "uncertain around the mouth" in found and "visavis landmarks" in found
