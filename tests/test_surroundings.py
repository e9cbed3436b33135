"""What is around a face: the square cut out, the person's edge, what a moved head uncovers, the frame's edges."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from avatar.decoder import Image
from avatar.evaluation.decoder.surroundings import padded_percent, residue
from avatar.geometry.frame_edges import FrameEdges
from avatar.geometry.head import HeadMotion
from avatar.geometry.landmarks import FacePlane
from avatar.geometry.warp import Grid
from avatar.mesh.layers import split_layers
from avatar.motion import FARTHEST_HEAD, NEAREST_HEAD, Floats
from avatar.picture.inpainting import inpaint_background
from avatar.picture.matting import edge_alpha
from avatar.portrait.head_and_shoulders import head_and_shoulders_square, padded_share
from avatar.portrait.in_front import hand_in_front
from avatar.portrait.matte import complete_matte
from avatar.portrait.portrait import Portrait, load_portrait

DRAWN = Path(__file__).resolve().parent.parent / "avatar" / "assets" / "portraits" / "mira.png"
GRID = Grid(0, 0, 64, 64, 8)


@pytest.fixture(scope="module")
def portrait(portrait_cache: Path) -> Portrait:
    return load_portrait(DRAWN, cache_dir=portrait_cache)


def placed(portrait: Portrait, width: float, x: float, y: float) -> Floats:
    """The portrait's face, so many pixels wide, with its middle there."""
    points = portrait.landmarks - (portrait.landmarks.min(axis=0) + portrait.landmarks.max(axis=0)) / 2.0
    scaled = points * (width / float(np.linalg.norm(points[234] - points[454])))
    return (scaled + np.array([x, y, 0.0])).astype(np.float32)


def test_hands_at_the_face_are_told_from_others(portrait: Portrait) -> None:
    hand = np.random.default_rng(0).uniform(0.0, 60.0, (21, 2)).astype(np.float32)
    chin = portrait.landmarks[152, :2]
    assert hand_in_front([hand - 400.0, hand + chin], portrait.landmarks)
    assert not hand_in_front([], portrait.landmarks)
    assert not hand_in_front([hand + chin + (150.0, 60.0)], portrait.landmarks)  # before the chest


@pytest.mark.parametrize(
    ("size", "width", "x", "y"),
    [
        ((900, 900), 200, 450, 450),  # room all around
        ((512, 512), 260, 256, 270),  # hardly any
        ((512, 640), 262, 256, 300),
        ((800, 400), 180, 120, 200),  # at the left
        ((800, 500), 160, 400, 125),  # the hair is cut off
        ((600, 420), 160, 480, 305),  # in a corner
    ],
)
def test_the_square_lies_in_the_picture(portrait: Portrait, size: tuple[int, int], width: int, x: int, y: int) -> None:
    picture, face = np.zeros((size[1], size[0], 3), np.uint8), placed(portrait, width, x, y)
    left, top, side = placement = head_and_shoulders_square(picture, face)
    assert padded_share(picture, placement) < 1e-6
    assert (face[:, :2] >= (left, top)).all() and (face[:, :2] <= (left + side, top + side)).all()
    assert 0.3 < width / side < 0.67


def test_a_square_with_too_little_picture_shows_the_whole_face(portrait: Portrait) -> None:
    tight, cut = placed(portrait, 340, 200, 230), placed(portrait, 200, 60, 250)
    picture = np.zeros((460, 400, 3), np.uint8)
    for face in (tight, cut):
        left, top, side = placement = head_and_shoulders_square(picture, face)
        assert 0.01 < padded_share(picture, placement) < 0.4
        assert (face[:, :2] >= (left - 1e-3, top)).all() and (face[:, :2] <= (left + side, top + side)).all()


def test_what_the_frame_cuts_off_does_not_come_in() -> None:
    alpha = np.zeros((512, 512), np.float32)
    alpha[400:, :] = alpha[100:, 150:350] = 1.0
    edges = FrameEdges(GRID, alpha)
    moved = np.zeros((2, 64, 64), np.float32)
    moved[0], moved[1] = 30.0, -20.0  # to the right and up
    edges.hold(moved)
    assert abs(moved[0, 60, 0]) < 1.0 and abs(moved[1, 63, 30]) < 1.0  # shoulder at the left, chest at the bottom
    assert moved[0, 60, 63] == pytest.approx(30.0)  # out of the frame it may go
    assert moved[0, 20, 0] == pytest.approx(30.0)  # where nobody is
    np.testing.assert_allclose(moved[:, 30, 30], (30.0, -20.0), atol=0.01)
    assert edges.farthest == FARTHEST_HEAD
    alpha[:, 150:350] = 1.0  # the head too
    assert FrameEdges(GRID, alpha).farthest < 1.2


@pytest.mark.parametrize("distance", [NEAREST_HEAD, 1.0, FARTHEST_HEAD])
def test_held_at_its_edges_a_person_never_folds(portrait: Portrait, distance: float) -> None:
    edges = FrameEdges(GRID, portrait.matte)
    plane = FacePlane.of(portrait.landmarks)
    head = HeadMotion(GRID, portrait.landmarks, plane, portrait.head_gains, edges=edges)
    somebody = cv2.resize(portrait.matte, (64, 64), interpolation=cv2.INTER_AREA) > 0.0
    for pitch, yaw, roll, x in ((0.2, 0.3, 0.3, 0.3), (-0.2, -0.3, 0.3, -0.3), (0.2, -0.3, -0.3, 0.3), (0, 0, 0.3, 0)):
        field = head(np.array([pitch, yaw, roll, x, 0.2, distance], np.float32), 1.0) / GRID.cell
        dx, dy = np.gradient(field, axis=1), np.gradient(field, axis=0)
        determinant = (1 + dx[..., 0]) * (1 + dy[..., 1]) - dx[..., 1] * dy[..., 0]
        assert determinant[somebody].min() > 0.0


MIDDLE, RADIUS = (150, 170), 85


def away() -> Floats:
    """How far outside the head of `scene` each pixel is."""
    x, y = np.meshgrid(np.arange(300), np.arange(300))
    return np.asarray(np.hypot(x - MIDDLE[0], y - MIDDLE[1]) - RADIUS, np.float32)


def scene() -> tuple[Image, Floats]:
    """A dark head with single hairs in front of a striped wall, and what is really its own."""
    rng = np.random.default_rng(0)
    stripes = np.sin(np.arange(300) / 9.0)
    wall = np.broadcast_to(np.stack([120 + 40 * stripes, 150 + 30 * stripes, 170 + 0 * stripes], -1), (300, 300, 3))
    head = np.full((300, 300, 3), (60.0, 40.0, 30.0)) + rng.normal(0.0, 8.0, (300, 300, 1))
    own = (away() < 0.0).astype(np.uint8)
    for angle in np.linspace(-2.6, -0.5, 8):
        end = np.array(MIDDLE) + (RADIUS + 12) * np.array([np.cos(angle), np.sin(angle)])
        cv2.line(own, MIDDLE, np.rint(end).astype(int).tolist(), (1,), 2)
    share = cv2.GaussianBlur(own.astype(np.float32), (0, 0), 0.7)[:, :, None]
    picture = head * share + (wall + rng.normal(0.0, 3.0, (300, 300, 1))) * (1.0 - share)
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8), share[:, :, 0]


def test_hair_belongs_to_the_head() -> None:
    picture, own = scene()
    segmented = (np.roll(away(), (-3, 4), (0, 1)) < -3.0).astype(np.uint8)  # a little off, and without single hairs
    found = edge_alpha(picture, segmented, 1.0)
    assert np.abs(found - own).mean() < 0.6 * np.abs(segmented - own).mean()
    assert found[(own > 0.6) & (away() > 3.0)].mean() > 0.6
    assert found[away() > 30.0].max() == 0.0


def test_between_cheek_and_shoulder_is_nobody() -> None:
    """What is white there is not the white collar's, though the wall further away has other colours."""
    picture, own = np.full((300, 300, 3), (40, 60, 120), np.float64), np.zeros((300, 300), np.uint8)
    picture[:, 60:110] = (225.0, 225.0, 228.0)  # a white strip of the wall beside the head
    own[60:260, 110:190] = own[220:, 40:260] = 1
    picture[own > 0] = (190.0, 130.0, 100.0)
    picture[220:, 40:260] = (20.0, 20.0, 30.0)
    picture[200:260, 110:190] = (230.0, 230.0, 232.0)
    noisy = np.clip(picture + np.random.default_rng(0).normal(0.0, 2.0, picture.shape), 0, 255).astype(np.uint8)
    found = edge_alpha(noisy, own, 1.0)
    wedge = (slice(150, 205), slice(92, 104))
    assert found[wedge].mean() < 0.1


def test_where_somebody_may_be_is_no_background() -> None:
    picture, own = np.full((300, 300, 3), 200, np.uint8), np.zeros((300, 300), np.uint8)
    picture[100:250, 100:220], own[100:250, 100:220] = (150, 100, 80), 1
    flower = np.zeros((300, 300), np.bool_)
    flower[150:180, 74:100] = True
    picture[flower] = (30, 40, 200)
    own[155:175, 94:100] = 1  # the segmentation has a part of it, and is not sure of the rest
    assert edge_alpha(picture, own, 1.0, flower)[flower].mean() > edge_alpha(picture, own, 1.0)[flower].mean() + 0.2


def test_a_face_is_no_wider_than_the_segmentation_is_sure_of(portrait: Portrait) -> None:
    """A turned head's landmarks lie beyond its cheek."""
    seen = portrait.matte.copy()
    middle = float(portrait.landmarks[:, 0].mean())
    left = float(portrait.landmarks[:, 0].min()) + 6.0
    seen[:, : int(left)] = 0.0
    united = complete_matte(seen, portrait.landmarks, portrait.image)
    nose, eye = portrait.landmarks[4, 1], portrait.landmarks[33, 1]
    assert united[int(eye) : int(nose), : int(left) - 4].max() < 0.1
    seen[int(eye) : int(nose), int(middle) - 10 : int(middle) + 10] = 0.0  # but a hole in it is the face's
    assert complete_matte(seen, portrait.landmarks, portrait.image)[int(eye) + 5, int(middle)] > 0.9


def test_another_head_is_another_person(portrait: Portrait) -> None:
    size, chin = portrait.size, int(portrait.landmarks[152, 1])
    width = float(np.linalg.norm(portrait.landmarks[234] - portrait.landmarks[454]))
    own = split_layers(portrait).alpha
    matte = portrait.matte.copy()
    left = int(portrait.landmarks[:, 0].mean() + width)
    free = int(np.flatnonzero(matte[:chin].max(axis=0) > 0.1).max()) + 12
    left = max(left, free)
    assert left < size - 20
    matte[chin - 160 :, left:] = 1.0  # as sure as of the first, and joined to it at the shoulder
    found = split_layers(replace(portrait, matte=matte)).alpha
    assert found[chin - 150 : chin - 30, left + 10 :].max() < 0.1
    face = portrait.landmarks[:, :2].astype(int)
    assert found[face[:, 1], face[:, 0]].min() > 0.9 and own[face[:, 1], face[:, 0]].min() > 0.9


def test_beside_a_moved_head_nothing_is_seen_twice() -> None:
    _, own = scene()
    picture = np.full((300, 300, 3), 200, np.uint8)
    picture[160:180, 24:56] = (20, 20, 60)  # a dark thing close to the head, which ends before it
    behind = inpaint_background(picture, own, 1.0).astype(np.float32)
    beside = (away() < -4.0) & (away() > -40.0)
    assert behind[beside].min() > 150.0


def test_beside_a_moved_head_the_wall_goes_on() -> None:
    picture, own = scene()
    behind = inpaint_background(picture, own, 1.0).astype(np.float32)
    rows = np.abs(np.arange(300)[:, None] - MIDDLE[1]) < 50
    inside, outside = (behind[rows & (away() > low) & (away() < low + 12), 0] for low in (-18, 12))
    assert inside.std() > 0.6 * outside.std()  # stripes, not their mean
    assert inside.min() > 70.0  # nothing of the head
    plain = np.broadcast_to(np.linspace(90, 200, 300)[None, :, None], (300, 300, 3)).astype(np.uint8)
    filled = inpaint_background(plain, own, 1.0).astype(np.float32)
    assert np.abs(filled - plain).mean(axis=2)[(away() > -20) & (away() < 0)].max() < 12.0  # no ring on a plain wall


class Shifted:
    """A decoder that moves what it is given aside, over a background."""

    def __init__(self, person: Image, alpha: Floats, background: Image) -> None:
        self._layers = person, alpha, background

    def backward_map(self, values: Floats) -> Floats:
        back = np.zeros((128, 128, 2), np.float32)
        back[..., 0] = -130.0 * values[3]
        return back

    def decode(self, values: Floats) -> Image:
        person, alpha, background = self._layers
        matrix = np.array([[1.0, 0.0, 130.0 * float(values[3])], [0.0, 1.0, 0.0]])
        share = cv2.warpAffine(alpha, matrix, (512, 512))[:, :, None]
        return np.asarray(cv2.warpAffine(person, matrix, (512, 512)) * share + background * (1.0 - share), np.uint8)


def test_residue_is_what_stays_behind(portrait: Portrait) -> None:
    layers = split_layers(portrait)
    alpha, clean = layers.alpha, layers.background
    ring = cv2.morphologyEx((alpha > 0.5).astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    left_behind = np.where(ring[:, :, None] > 0, portrait.image // 3, clean).astype(np.uint8)
    good, bad = (residue(Shifted(portrait.image, alpha, behind), portrait) for behind in (clean, left_behind))
    assert good < 1.6 < 3.0 < bad
    assert padded_percent(portrait) == 0.0
