"""Wrinkles: where expression shades skin, and where it must not."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from avatar.decoder import Image
from avatar.geometry import landmarks as lm
from avatar.geometry.head import HeadGains, HeadMotion
from avatar.geometry.warp import Grid
from avatar.mesh.controls import CONTROLS, INDEX
from avatar.mesh.creases import face_creases
from avatar.mesh.shading import Shading
from avatar.motion import Floats
from avatar.portrait.portrait import Portrait, load_portrait

DRAWN = Path(__file__).resolve().parent.parent / "avatar" / "assets" / "portraits" / "jonas.png"
GRID, HEAD_GRID = Grid(0, 0, 128, 128, 4), Grid(0, 0, 64, 64, 8)
STILL = np.zeros((128, 128, 2), np.float32)
AHEAD = np.zeros(3, np.float32)


def controls(**values: float) -> Floats:
    out = np.zeros(len(CONTROLS), np.float32)
    for name, value in values.items():
        out[INDEX[name]] = value
    return out


@pytest.fixture(scope="module")
def portrait(portrait_cache: Path) -> Portrait:
    return load_portrait(DRAWN, cache_dir=portrait_cache)


def shading(portrait: Portrait, image: Image | None = None, cover: Floats | None = None) -> Shading:
    points = portrait.landmarks
    low, high = points[:, :2].min(axis=0) - 20, points[:, :2].max(axis=0) + 60
    box = Grid(int(low[0]), int(low[1]), int(high[0] - low[0]) // 8, int(high[1] - low[1]) // 8, 8)
    plane = lm.FacePlane.of(points)
    head = HeadMotion(HEAD_GRID, points, plane, HeadGains())
    picture = portrait.image if image is None else image
    cover = np.ones((512, 512), np.float32) if cover is None else cover
    return Shading(picture, points, plane, box, GRID, head.depth, HEAD_GRID, cover)


def light(portrait: Portrait, **values: float) -> Floats:
    """What becomes of the portrait's light, float32 [512, 512]."""
    frame = np.full((512, 512, 3), 128, np.uint8)
    shading(portrait).draw(frame, controls(**values), STILL, AHEAD)
    return np.asarray(frame.astype(np.float32).mean(axis=2) / 128.0, np.float32)


def at(portrait: Portrait, shade: Floats, index: int, reach: int = 6) -> tuple[float, float]:
    """Darkest and lightest near a landmark."""
    x, y = portrait.landmarks[index, :2].astype(int)
    part = shade[y - reach : y + reach, x - reach : x + reach]
    return float(part.min()), float(part.max())


def test_a_face_at_rest_is_left_alone(portrait: Portrait) -> None:
    frame = portrait.image.copy()
    shading(portrait).draw(frame, controls(rest=1.0), STILL, AHEAD)
    np.testing.assert_array_equal(frame, portrait.image)


def test_a_smile_folds_the_cheek_on_its_own_side(portrait: Portrait) -> None:
    shade = light(portrait, smileLeft=1.0)
    assert at(portrait, shade, 426)[0] < 0.97
    assert at(portrait, shade, 206) == (1.0, 1.0)
    assert at(portrait, shade, 9) == (1.0, 1.0)


def test_brows_furrow_and_a_raised_chin_dimples(portrait: Portrait) -> None:
    assert at(portrait, light(portrait, browDownLeft=1.0, browDownRight=1.0), 9, 12)[0] < 0.97
    raised = light(portrait, shrugLower=1.0)
    darkest, lightest = at(portrait, raised, 199, 14)
    assert darkest < 0.99 < 1.0 < lightest


def test_it_stays_subtle(portrait: Portrait) -> None:
    everything = light(portrait, **dict.fromkeys(CONTROLS, 1.0))
    assert everything.min() > 0.7 and everything.max() < 1.2


def test_shade_moves_with_the_skin(portrait: Portrait) -> None:
    frame = np.full((512, 512, 3), 128, np.uint8)
    moved = STILL.copy()
    moved[..., 0] = -16.0  # the head has gone sixteen pixels to the right
    shading(portrait).draw(frame, controls(smileLeft=1.0), moved, AHEAD)
    still = light(portrait, smileLeft=1.0)
    shifted = frame.astype(np.float32).mean(axis=2) / 128.0
    np.testing.assert_allclose(shifted[:, 16:], still[:, :-16], atol=0.02)


def test_light_from_one_side_stays_there_while_the_head_turns(portrait: Portrait) -> None:
    fading = np.linspace(1.0, 0.45, 512)[None, :, None]
    gained = []
    for light_from_side in (fading, fading[:, ::-1]):
        shade = shading(portrait, np.asarray(portrait.image * light_from_side, np.uint8))
        nose = []
        for yaw in (-0.2, 0.2):
            frame = np.full((512, 512, 3), 128, np.uint8)
            shade.draw(frame, controls(rest=1.0), STILL, np.array([0.0, yaw, 0.0], np.float32))
            nose.append(float(frame[_box_around(portrait, 4)].mean()) / 128.0)
        assert 0.85 < min(nose) and max(nose) < 1.15
        gained.append(nose[0] - nose[1])
    # Turned to the viewer's left, the face gains more the more light comes from there.
    assert gained[0] > gained[1] + 0.03


def _box_around(portrait: Portrait, index: int, reach: int = 20) -> tuple[slice, slice]:
    x, y = portrait.landmarks[index, :2].astype(int)
    return slice(y - reach, y + reach), slice(x - reach, x + reach)


def test_hair_over_the_forehead_gets_no_lines(portrait: Portrait) -> None:
    fringe = portrait.image.copy()
    brow = int(portrait.landmarks[[105, 334], 1].min()) - 12
    fringe[:brow] = (20, 14, 10)
    bare, hidden = (
        cv2.absdiff(frame, np.full_like(frame, 128)).max(axis=2)[: brow - 10]
        for frame in (drawn(portrait, portrait.image), drawn(portrait, fringe))
    )
    assert bare.max() >= 3
    assert hidden.max() <= 1


def drawn(portrait: Portrait, image: Image) -> Image:
    frame = np.full((512, 512, 3), 128, np.uint8)
    shading(portrait, image).draw(frame, controls(browInner=1.0), STILL, AHEAD)
    return frame


def test_black_and_white_stays_so(portrait: Portrait) -> None:
    grey = cv2.cvtColor(cv2.cvtColor(portrait.image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    frame = np.asarray(grey, np.uint8).copy()
    shading(portrait, np.asarray(grey, np.uint8)).draw(frame, controls(smileLeft=1.0, browDownLeft=1.0), STILL, AHEAD)
    assert (frame != grey).any()
    assert np.ptp(frame.astype(int), axis=2).max() == 0


def test_every_crease_is_driven_by_known_controls(portrait: Portrait) -> None:
    creases = face_creases(lm.FacePlane.of(portrait.landmarks).to_plane(portrait.landmarks))
    for crease in creases:
        assert set(crease.drivers) <= set(CONTROLS)
        low, high = crease.bounds()
        assert (high > low).all()


def test_a_wall_of_the_skins_colour_keeps_its_light(portrait: Portrait) -> None:
    skin = np.full_like(portrait.image, portrait.image[tuple(portrait.landmarks[lm.CHEEK["Left"], 1::-1].astype(int))])
    cover = np.zeros((512, 512), np.float32)
    cover[:, :256] = 1.0
    frame = np.full((512, 512, 3), 128, np.uint8)
    shading(portrait, skin, cover).draw(frame, controls(puff=1.0, smileLeft=1.0, smileRight=1.0), STILL, AHEAD)
    assert np.ptp(frame[:, :240]) > 5
    assert np.ptp(frame[:, 270:]) == 0
