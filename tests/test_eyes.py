"""Spectacles that stay rigid, and light that an eye reflects."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from avatar.decoder import Image
from avatar.evaluation.decoder.evaluation import vector
from avatar.eyes.eyeball import paint_iris
from avatar.eyes.glasses import find_glasses
from avatar.geometry import landmarks as lm
from avatar.mesh.decoder import MeshDecoder
from avatar.portrait.portrait import Portrait, load_portrait

DRAWN = Path(__file__).resolve().parent.parent / "avatar" / "assets" / "portraits"
RED = (150, 20, 20)


@pytest.fixture(scope="module")
def portrait(portrait_cache: Path) -> Portrait:
    return load_portrait(DRAWN / "jonas.png", cache_dir=portrait_cache)


@pytest.fixture(scope="module")
def with_glasses(portrait: Portrait) -> Portrait:
    """The same person with dark red spectacles."""
    image = portrait.image.copy()
    plane = lm.FacePlane.of(portrait.landmarks)
    points = plane.to_plane(portrait.landmarks)
    for side in lm.SIDES:
        corners = points[list(lm.EYE_CORNERS[side])]
        middle = corners.mean(axis=0) - [0.0, 0.03]
        axes = plane.to_pixels(np.add(middle, (0.24, 0.16))) - plane.to_pixels(middle)
        centre = tuple(int(v) for v in plane.to_pixels(middle))
        cv2.ellipse(image, centre, (int(axes[0]), int(-axes[1])), 0, 0, 360, RED, 3, cv2.LINE_AA)
    ends = [plane.to_pixels(np.array([side * 0.10, 0.0])).astype(int).tolist() for side in (-1, 1)]
    cv2.line(image, ends[0], ends[1], RED, 3, cv2.LINE_AA)
    return replace(portrait, image=image)


def frame_pixels(image: Image) -> Image:
    colour = image.astype(int)
    return ((colour[:, :, 0] < 190) & (colour[:, :, 0] - colour[:, :, 1] > 90) & (colour[:, :, 1] < 70)).astype(
        np.uint8
    )


def test_only_who_wears_glasses_has_some(portrait: Portrait, with_glasses: Portrait) -> None:
    assert find_glasses(with_glasses.image, with_glasses.landmarks, lm.FacePlane.of(with_glasses.landmarks))
    assert find_glasses(portrait.image, portrait.landmarks, lm.FacePlane.of(portrait.landmarks)) is None


def test_a_frame_stays_as_it_is_while_brows_and_cheeks_move(with_glasses: Portrait) -> None:
    decoder = MeshDecoder(with_glasses)
    rest = frame_pixels(decoder.decode(vector()))
    eyes = with_glasses.landmarks[[33, 263], 1].mean()
    rest[: int(eyes) - 60], rest[int(eyes) + 60 :] = 0, 0
    for face in (vector(browInnerUp=1.0, browOuterUp=1.0), vector(mouthSmile=1.0, cheekSquint=1.0, noseSneer=1.0)):
        moved = cv2.dilate(frame_pixels(decoder.decode(face)), np.ones((3, 3), np.uint8))
        assert (rest & moved).sum() > 0.97 * rest.sum()
    turned = cv2.dilate(frame_pixels(decoder.decode(vector(headX=0.2))), np.ones((3, 3), np.uint8))
    assert (rest & turned).sum() < 0.5 * rest.sum()


def test_lids_close_behind_the_frame(with_glasses: Portrait) -> None:
    decoder = MeshDecoder(with_glasses)
    rest, closed = decoder.decode(vector()), decoder.decode(vector(eyeBlink=1.0))
    eyes = with_glasses.landmarks[[159, 386], :2].astype(int)
    for x, y in np.add(eyes, (0, 8)):
        assert np.abs(closed[y, x].astype(int) - rest[y, x]).max() > 25
    bridge = with_glasses.landmarks[168, :2].astype(int)
    assert (
        np.abs(
            closed[bridge[1] - 10 : bridge[1] + 30, bridge[0]].astype(int)
            - rest[bridge[1] - 10 : bridge[1] + 30, bridge[0]]
        ).max()
        < 12
    )


def test_a_reflection_is_taken_off_the_iris() -> None:
    side = 61
    y, x = np.mgrid[:side, :side] - side // 2
    distance = np.hypot(x, y) / 20.0
    part = np.full((side, side, 3), 230, np.uint8)
    part[distance < 1.0] = (40, 90, 120)
    part[distance < 0.4] = (10, 10, 10)
    spot = (np.abs(x - 6) <= 2) & (np.abs(y + 6) <= 2)
    part[spot] = 250
    iris, light = paint_iris(part, np.ones((side, side), np.float32), distance, 1.0)
    assert iris[spot][:, :3].max() < 140
    assert light[spot][:, 3].min() > 120 and light[spot][:, :3].min() > 200
    assert light[distance > 0.85][:, 3].max() == 0
    whole, none = paint_iris(
        np.where(spot[:, :, None], 60, part).astype(np.uint8), np.ones((side, side), np.float32), distance, 1.0
    )
    assert none[:, :, 3].max() == 0 and whole[:, :, 3].max() == 255
