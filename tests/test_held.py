"""A thing that a hand holds before the chin: found by its colours, kept whole, and the chin moves behind it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from avatar.decoder import Image
from avatar.evaluation.decoder.evaluation import vector
from avatar.geometry import landmarks as lm
from avatar.mesh.decoder import MeshDecoder
from avatar.motion import Floats
from avatar.portrait.cache import read_entry, write_entry
from avatar.portrait.in_front import hand_in_front, held_in_front
from avatar.portrait.portrait import Portrait, load_portrait

DRAWN = Path(__file__).resolve().parent.parent / "avatar" / "assets" / "portraits"
BLACK, GLOVE = (18, 20, 30), (205, 160, 140)


@pytest.fixture(scope="module")
def portrait(portrait_cache: Path) -> Portrait:
    return load_portrait(DRAWN / "jonas.png", cache_dir=portrait_cache)


def at_chin(portrait: Portrait, right: float, down: float) -> tuple[int, int]:
    """A place beside the chin, eye distances from it, as pixels."""
    x, y = portrait.landmarks[lm.CHIN, :2]
    unit = lm.FacePlane.of(portrait.landmarks).eye_distance_px
    return round(float(x + right * unit)), round(float(y + down * unit))


def hand_below(portrait: Portrait) -> Floats:
    """Landmarks of a hand under the chin, float32 [21, 2]."""
    random = np.random.default_rng(0)
    return (np.array(at_chin(portrait, 0.15, 0.42)) + random.uniform(-18.0, 18.0, (21, 2))).astype(np.float32)


def with_microphone(portrait: Portrait) -> Image:
    image = portrait.image.copy()
    cv2.circle(image, at_chin(portrait, 0.15, 0.42), 34, GLOVE, -1, cv2.LINE_AA)
    cv2.line(image, at_chin(portrait, 0.05, 0.05), at_chin(portrait, 0.15, 0.35), BLACK, 30, cv2.LINE_AA)
    cv2.circle(image, at_chin(portrait, 0.03, 0.02), 24, BLACK, -1, cv2.LINE_AA)
    return image


@pytest.fixture(scope="module")
def holding(portrait: Portrait) -> Portrait:
    image = with_microphone(portrait)
    return replace(portrait, image=image, in_front=held_in_front(image, [hand_below(portrait)], portrait.landmarks))


def test_a_microphone_is_found_with_its_hand(portrait: Portrait, holding: Portrait) -> None:
    mask = holding.in_front
    assert mask is not None and hand_in_front([hand_below(portrait)], portrait.landmarks)
    for right, down in ((0.03, 0.02), (0.03, -0.10), (0.10, 0.20), (0.15, 0.42)):
        x, y = at_chin(portrait, right, down)
        assert mask[y, x] > 0.9
    for right, down in ((-0.25, -0.05), (0.30, -0.05), (0.03, -0.26), (-0.35, 0.2)):
        x, y = at_chin(portrait, right, down)
        assert mask[y, x] < 0.1
    drawn = (np.abs(holding.image.astype(int) - portrait.image).max(axis=2) > 20).mean()
    assert 0.8 * drawn < mask.mean() < 1.3 * drawn


def test_neither_a_bare_hand_nor_a_beard_is_a_thing(portrait: Portrait) -> None:
    hand = hand_below(portrait)
    assert held_in_front(portrait.image, [hand], portrait.landmarks) is None
    assert held_in_front(with_microphone(portrait), [], portrait.landmarks) is None
    bearded = portrait.image.copy()
    face = np.zeros(bearded.shape[:2], np.uint8)
    cv2.fillConvexPoly(face, cv2.convexHull(portrait.landmarks[:, :2].astype(np.int32)), (1,))
    bearded[(face > 0) & (np.arange(len(face)) > portrait.landmarks[17, 1])[:, None]] = BLACK
    assert held_in_front(bearded, [hand], portrait.landmarks) is None


def black_pixels(picture: Image) -> tuple[int, float, float]:
    """How many there are near the chin, and their middle."""
    y, x = np.nonzero(picture.max(axis=2) < 45)
    return len(x), float(x.mean()), float(y.mean())


def test_it_stays_whole_while_the_chin_moves_behind_it(portrait: Portrait, holding: Portrait) -> None:
    decoder = MeshDecoder(holding)
    x, y = at_chin(portrait, 0.03, 0.02)
    box = np.s_[y - 30 : y + 80, x - 45 : x + 60]
    rest = decoder.decode(vector())
    assert holding.in_front is not None
    inside = holding.in_front > 0.99
    assert np.abs(rest[inside].astype(int) - holding.image[inside]).max() < 4
    for face in (vector(jawOpen=0.8), vector(headYaw=np.radians(10.0)), vector(headPitch=np.radians(8.0))):
        picture = decoder.decode(face)
        lips = np.s_[y - 70 : y - 40, x - 40 : x + 40]
        assert np.abs(picture[lips].astype(int) - rest[lips]).max() > 40
        found, expected = black_pixels(picture[box]), black_pixels(rest[box])
        assert abs(found[0] - expected[0]) < 0.05 * expected[0], face
        assert np.hypot(found[1] - expected[1], found[2] - expected[2]) < 4.0
    # Without that it goes down with the jaw.
    dragged = MeshDecoder(replace(holding, in_front=None)).decode(vector(jawOpen=0.8))
    assert black_pixels(dragged[box])[2] - black_pixels(rest[box])[2] > 4.0
    assert np.abs(decoder.decode(vector(headX=0.2))[y, x].astype(int) - rest[y, x]).max() < 30, "it stays in the room"


def test_it_covers_what_is_behind_also_where_nothing_is(holding: Portrait) -> None:
    assert holding.in_front is not None
    picture = MeshDecoder(holding, background="transparent").decode(vector(headYaw=0.1))
    inside = cv2.erode((holding.in_front > 0.9).astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    assert picture[inside][:, 3].min() > 250


def test_the_cache_keeps_it(holding: Portrait, portrait: Portrait, tmp_path: Path) -> None:
    write_entry(tmp_path / "held.npz", holding)
    write_entry(tmp_path / "none.npz", portrait)
    held, none = (read_entry(tmp_path / f"{name}.npz", portrait.size) for name in ("held", "none"))
    assert held is not None and none is not None and none["in_front"] is None
    np.testing.assert_allclose(held["in_front"], holding.in_front, atol=0.5 / 255.0)
    write_entry(tmp_path / "cut.npz", replace(holding, in_front=np.zeros((7, 7), np.float32)))
    assert read_entry(tmp_path / "cut.npz", portrait.size) is None
