"""Lids of skin, spectacles that stay rigid, whites that match, and light that an eye reflects."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from avatar.decoder import Image
from avatar.evaluation.decoder.evaluation import vector
from avatar.evaluation.decoder.lids import measure_closed_lid
from avatar.eyes.eyeball import Sclera, paint_iris, paint_sclera
from avatar.eyes.glasses import find_glasses
from avatar.eyes.opening import refine_slit
from avatar.geometry import landmarks as lm
from avatar.geometry.opening import Slit
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


@pytest.fixture(scope="module")
def decoder(portrait: Portrait) -> MeshDecoder:
    return MeshDecoder(portrait)


@pytest.fixture(scope="module")
def glasses_decoder(with_glasses: Portrait) -> MeshDecoder:
    return MeshDecoder(with_glasses)


def frame_pixels(image: Image) -> Image:
    colour = image.astype(int)
    return ((colour[:, :, 0] < 190) & (colour[:, :, 0] - colour[:, :, 1] > 90) & (colour[:, :, 1] < 70)).astype(
        np.uint8
    )


def test_only_who_wears_glasses_has_some(portrait: Portrait, with_glasses: Portrait) -> None:
    assert find_glasses(with_glasses.image, with_glasses.landmarks, lm.FacePlane.of(with_glasses.landmarks))
    assert find_glasses(portrait.image, portrait.landmarks, lm.FacePlane.of(portrait.landmarks)) is None


def test_a_frame_stays_as_it_is_while_the_face_moves(with_glasses: Portrait, glasses_decoder: MeshDecoder) -> None:
    decoder = glasses_decoder
    rest = frame_pixels(decoder.decode(vector()))
    eyes = with_glasses.landmarks[[33, 263], 1].mean()
    rest[: int(eyes) - 60], rest[int(eyes) + 60 :] = 0, 0
    faces = (
        vector(browInnerUp=1.0, browOuterUp=1.0),
        vector(mouthSmile=1.0, cheekSquint=1.0, noseSneer=1.0),
        vector(eyeBlink=0.5),
        vector(eyeBlink=1.0),
    )
    for face in faces:
        moved = cv2.dilate(frame_pixels(decoder.decode(face)), np.ones((3, 3), np.uint8))
        assert (rest & moved).sum() > 0.97 * rest.sum()
    turned = cv2.dilate(frame_pixels(decoder.decode(vector(headX=0.2))), np.ones((3, 3), np.uint8))
    assert (rest & turned).sum() < 0.5 * rest.sum()


def test_lids_close_behind_the_frame(with_glasses: Portrait, glasses_decoder: MeshDecoder) -> None:
    rest, closed = glasses_decoder.decode(vector()), glasses_decoder.decode(vector(eyeBlink=1.0))
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


def test_a_thick_frame_is_found(portrait: Portrait) -> None:
    image = portrait.image.copy()
    plane = lm.FacePlane.of(portrait.landmarks)
    points = plane.to_plane(portrait.landmarks)
    for side in lm.SIDES:
        middle = points[list(lm.EYE_CORNERS[side])].mean(axis=0) - [0.0, 0.03]
        axes = plane.to_pixels(np.add(middle, (0.27, 0.22))) - plane.to_pixels(middle)
        centre = tuple(int(v) for v in plane.to_pixels(middle))
        cv2.ellipse(image, centre, (int(axes[0]), int(-axes[1])), 0, 0, 360, (15, 12, 14), 18, cv2.LINE_AA)
    ends = [plane.to_pixels(np.array([side * 0.12, 0.02])).astype(int).tolist() for side in (-1, 1)]
    cv2.line(image, ends[0], ends[1], (15, 12, 14), 18, cv2.LINE_AA)
    found = find_glasses(image, portrait.landmarks, plane)
    assert found is not None
    bare, frame = found.taken_off(image, plane, 1)
    bridge = np.mean(ends, axis=0).astype(int)
    assert frame[bridge[1], bridge[0]] > 0.9 and bare[bridge[1], bridge[0]].mean() > 80
    for x, y in portrait.landmarks[[468, 473, 152], :2].astype(int):
        assert frame[y, x] == 0.0 and (bare[y, x] == image[y, x]).all(), "neither iris nor chin is frame"


def test_a_closed_lid_is_as_light_and_as_rough_as_skin(portrait: Portrait, decoder: MeshDecoder) -> None:
    closed = decoder.decode(vector(eyeBlink=1.0))
    for side in lm.SIDES:
        found = measure_closed_lid(closed, portrait.landmarks, side)
        assert found is not None and 0.75 <= found.light <= 1.05 and found.texture >= 0.6
    flat = cv2.GaussianBlur((0.6 * portrait.image).astype(np.uint8), (0, 0), 12.0)
    flat[portrait.landmarks[[145, 374], 1].astype(int).max() :] = portrait.image[
        portrait.landmarks[[145, 374], 1].astype(int).max() :
    ]
    found = measure_closed_lid(flat, portrait.landmarks, "Left")
    assert found is not None and found.light < 0.75 and found.texture < 0.6, "a dark disc is none"


def test_a_raised_brow_close_by_hardly_lifts_the_rim(portrait: Portrait) -> None:
    plane = lm.FacePlane.of(portrait.landmarks)
    landmarks = portrait.landmarks.copy()
    for points in (lm.BROW["Left"], lm.BROW_LOWER["Left"]):
        landmarks[list(points), 1] += 0.09 * plane.eye_distance_px
    decoder = MeshDecoder(replace(portrait, landmarks=landmarks))
    column = round(float(landmarks[lm.IRIS["Left"][0], 0]))
    middle = round(float(landmarks[lm.IRIS["Left"][0], 1]))

    def rim(picture: Image) -> int:
        """Rows from the iris' middle up to the lashes."""
        eye = picture[middle - 45 : middle - 4, column - 12 : column - 8].astype(int).sum(axis=(1, 2))
        return int(eye[::-1].argmin())

    risen = rim(decoder.decode(vector(browInnerUp=1.0, browOuterUp=1.0))) - rim(decoder.decode(vector()))
    assert 0.0 < risen / plane.eye_distance_px < 0.04


def test_an_eye_grows_where_white_is_seen_and_not_to_the_fold() -> None:
    plane = lm.FacePlane(np.array([200.0, 100.0]), np.array([[300.0, 0.0], [0.0, -300.0]]), 300.0)
    a = np.linspace(-0.15, 0.15, 65)
    bow = np.sqrt(1.0 - (a / 0.15) ** 2)
    y, x = np.mgrid[:200, :400]
    at = plane.to_plane(np.stack([x, y], axis=-1))
    arch = np.sqrt(np.clip(1.0 - (at[..., 0] / 0.15) ** 2, 0.0, None))
    inside = np.abs(at[..., 0]) < 0.15
    image = np.full((200, 400, 3), (200, 150, 120), np.uint8)
    image[inside & (at[..., 1] < 0.09 * arch) & (at[..., 1] > 0.0)] = (170, 120, 95)  # the lid
    image[inside & (at[..., 1] >= 0.09 * arch) & (at[..., 1] < 0.13 * arch)] = (40, 20, 15)  # its fold
    image[inside & (np.abs(at[..., 1]) < 0.05 * arch)] = (225, 222, 220)
    truth = Slit(a, 0.05 * bow, -0.05 * bow)
    found = refine_slit(truth, image, plane)
    np.testing.assert_allclose(found.upper, truth.upper, atol=0.012)
    found = refine_slit(Slit(a, 0.05 * bow, -0.02 * bow), image, plane)
    assert found.lower.min() == pytest.approx(-0.05, abs=0.01)


def test_what_is_made_up_of_a_white_matches_the_other_eye() -> None:
    def sclera(colour: float, seen: int) -> Sclera:
        image = np.full((4, 4, 3), colour, np.uint8)
        filled = np.repeat([[0.0, 0.0, 1.0, 1.0]], 4, axis=0).astype(np.float32)
        return Sclera(image, filled, np.full(3, colour, np.float32), seen)

    dark, light = sclera(100.0, 10), sclera(200.0, 990)
    matched = dark.matched(light, 0.9)
    assert (matched.image[:, :2] == 100).all(), "the photo's own stays"
    np.testing.assert_allclose(matched.image[:, 2:], 180, atol=2)
    np.testing.assert_allclose(light.matched(dark, 1.0 / 0.9).image, 200, atol=2)


def test_what_is_dark_beside_the_white_stays_and_the_iris_leaves_no_mark() -> None:
    y, x = np.mgrid[:61, :121].astype(np.float64)
    distance = np.hypot(x - 60, y - 30) / 18.0
    part = np.full((61, 121, 3), 225, np.uint8)
    part[distance < 1.08] = (60, 40, 30)
    part[:, :16] = (70, 45, 40)  # hair, or a shadow
    visible = np.ones((61, 121), np.float32)
    whites = (part[..., 0] > 200) & (distance > 1.1)
    painted = paint_sclera(part, whites, visible, distance, 1.0).image.astype(int)
    assert np.abs(painted[:, :14] - part[:, :14]).max() < 8
    assert painted[distance < 1.0].min() > 190
    covered = visible.copy()
    covered[:8] = 0.0
    under_lid = paint_sclera(part, whites & (covered > 0), covered, distance, 1.0).image.astype(int)
    assert np.abs(under_lid[4, 4] - part[4, 4]).max() < 20, "and goes on under the lid"


def test_an_eye_at_rest_is_as_in_the_photo_also_in_the_shadow_of_hair(portrait: Portrait) -> None:
    image = portrait.image.copy()
    iris = portrait.landmarks[lm.IRIS["Left"][0], :2]
    beyond = int(iris[0] + 0.095 * lm.FacePlane.of(portrait.landmarks).eye_distance_px)
    image[:, beyond:] = (image[:, beyond:] * 0.3).astype(np.uint8)
    rest = MeshDecoder(replace(portrait, image=image)).decode(vector())
    row = int(portrait.landmarks[[263, 466], 1].mean())
    corner = np.s_[row - 3 : row + 4, beyond + 2 : int(portrait.landmarks[263, 0]) - 2]
    assert rest[corner].max() < 110, "the white is not painted over the shadow"


def test_hair_and_its_shadow_lie_on_a_closed_lid(portrait: Portrait) -> None:
    plane = lm.FacePlane.of(portrait.landmarks)
    image = portrait.image.copy()
    points = plane.to_plane(portrait.landmarks)
    rows, columns = np.mgrid[: portrait.size, : portrait.size]
    at = plane.to_plane(np.stack([columns, rows], axis=-1))
    x = points[list(lm.EYE_CORNERS["Left"]), 0]
    top = points[list(lm.EYE_UPPER["Left"]), 1]
    # It hangs down to the rim at the eye's outer end.
    lowest = top.min() + 0.012 + 0.05 * (x.max() - at[..., 0]) / np.ptp(x)
    fringe = (at[..., 0] > x.min() - 0.05) & (at[..., 1] > lowest)
    image[fringe] = (image[fringe] * 0.15).astype(np.uint8)
    closed = MeshDecoder(replace(portrait, image=image)).decode(vector(eyeBlink=1.0)).mean(axis=2)

    def light(a: float, b: float) -> float:
        column, row = np.rint(plane.to_pixels(np.array([a, b]))).astype(int)
        return float(closed[row - 1 : row + 2, column - 1 : column + 2].mean())

    middle = float(x.mean())
    under = light(middle, float(points[list(lm.EYE_LOWER["Left"]), 1].min()) - 0.08)
    assert light(middle, float(top.max()) - 0.01) < 0.7 * under, "hair and its shadow lie on the lid"


def test_a_rim_across_an_eyes_corner_stays(portrait: Portrait) -> None:
    image = portrait.image.copy()
    plane = lm.FacePlane.of(portrait.landmarks)
    points = plane.to_plane(portrait.landmarks)
    for side in lm.SIDES:
        corners = points[list(lm.EYE_CORNERS[side])]
        out = lm.OUTWARDS[side]
        inner = min(corners, key=lambda corner: out * corner[0])
        # A lens whose inner rim crosses the inner corner.
        middle = np.array([inner[0] + out * 0.265, corners[:, 1].mean() - 0.03])
        axes = plane.to_pixels(np.add(middle, (0.24, 0.17))) - plane.to_pixels(middle)
        centre = tuple(int(v) for v in plane.to_pixels(middle))
        cv2.ellipse(image, centre, (int(axes[0]), int(-axes[1])), 0, 0, 360, RED, 4, cv2.LINE_AA)
    inner_ends = points[[133, 362]]
    ends = plane.to_pixels(inner_ends + np.array([0.0, 0.02])).astype(int).tolist()
    cv2.line(image, ends[0], ends[1], RED, 4, cv2.LINE_AA)
    glasses = find_glasses(image, portrait.landmarks, plane)
    assert glasses is not None
    _, frame = glasses.taken_off(image, plane, 1)
    rims = frame_pixels(image) > 0
    eyes = np.zeros(rims.shape, np.uint8)
    for end in inner_ends:
        cv2.circle(eyes, plane.to_pixels(end).astype(int).tolist(), 9, (1,), -1)
    across = rims & (eyes > 0)
    assert across.sum() > 40 and (frame[across] > 0.5).mean() > 0.85
    for x, y in portrait.landmarks[[468, 473], :2].astype(int):
        assert frame[y, x] == 0.0


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
