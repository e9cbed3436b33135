"""Breathing: a curve over time, and what it does to the picture."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from avatar.breathing import breath_at
from avatar.geometry.head import HeadGains, HeadMotion
from avatar.geometry.landmarks import NOSE_WING, FacePlane
from avatar.geometry.warp import Grid
from avatar.mesh.decoder import MeshDecoder
from avatar.motion import MotionLayout, neutral
from avatar.portrait.portrait import Portrait, load_portrait

DRAWN = Path(__file__).resolve().parent.parent / "avatar" / "assets" / "portraits" / "jonas.png"


def test_it_is_a_person_at_rest() -> None:
    rise = np.array([breath_at(frame / 25) for frame in range(25 * 600)])
    assert rise.min() >= 0.0 and 0.8 < rise.max() <= 1.0
    assert np.abs(np.diff(rise)).max() < 0.05
    level = rise > 0.4
    breaths = np.flatnonzero(level[1:] & ~level[:-1])
    assert 12 <= len(breaths) / 10 <= 20
    lengths_s = np.diff(breaths) / 25
    assert 0.1 < lengths_s.std() < 1.0
    inhaling = (np.diff(rise) > 0).mean()
    assert 0.35 < inhaling < 0.45


@pytest.fixture(scope="module")
def portrait(portrait_cache: Path) -> Portrait:
    return load_portrait(DRAWN, cache_dir=portrait_cache)


def test_shoulders_rise_and_the_background_stays(portrait: Portrait) -> None:
    decoder, still = MeshDecoder(portrait), neutral(1)[0]
    out, breathed = decoder.decode(still), decoder.decode(still, 1.0)
    change = np.abs(breathed.astype(int) - out.astype(int)).max(axis=2)
    nobody = cv2.dilate((portrait.matte > 0.02).astype(np.uint8), np.ones((41, 41), np.uint8)) == 0
    assert change[380:].max() > 30
    assert change[:300][nobody[:300]].max() <= 2
    np.testing.assert_array_equal(decoder.decode(still, 0.0), out)
    np.testing.assert_array_equal(MeshDecoder(portrait, breathing=0.0).decode(still, 1.0), out)


def test_the_head_is_carried_along_a_little(portrait: Portrait) -> None:
    points = portrait.landmarks
    grid = Grid(0, 0, 64, 64, 8)
    field = HeadMotion(grid, points, FacePlane.of(points), HeadGains())(neutral(1)[0][MotionLayout.HEAD], 1.0)
    rises = -grid.sample(field, np.array([[points[4, :2], [points[152, 0], 505.0]]], np.float32))[0, :, 1]
    assert 0.5 < rises[0] < 0.5 * rises[1]


def test_a_breath_widens_the_nostrils_and_nothing_else_of_the_face(portrait: Portrait) -> None:
    decoder, still = MeshDecoder(portrait), neutral(1)[0]
    grey = [cv2.cvtColor(decoder.decode(still, breath), cv2.COLOR_RGB2GRAY) for breath in (0.0, 1.0)]
    across = cv2.calcOpticalFlowFarneback(*grey, None, 0.5, 3, 15, 5, 5, 1.1, 0)[..., 0]

    def moves(index: int) -> float:
        x, y = np.rint(portrait.landmarks[index, :2]).astype(int)
        return float(np.median(across[y - 3 : y + 4, x - 3 : x + 4]))

    unit = FacePlane.of(portrait.landmarks).eye_distance_px
    wider = (moves(NOSE_WING["Left"]) - moves(NOSE_WING["Right"])) / unit
    assert 0.010 < wider < 0.024
    for left, right in ((263, 33), (291, 61), (280, 50)):  # eyes, mouth, cheeks
        assert abs(moves(left) - moves(right)) / unit < 0.002
