"""Sizes, what is behind the person, and the whole photo."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow

from avatar.decoder import FRAME_SIZE, Image
from avatar.evaluation.decoder.evaluation import vector
from avatar.mesh.decoder import MeshDecoder
from avatar.mesh.full_frame import FullFrame, FullFrameDecoder
from avatar.picture.backdrop import backdrop, flatten
from avatar.portrait.portrait import Portrait, load_portrait
from speech.errors import InputError

DRAWN = Path(__file__).resolve().parent.parent / "avatar" / "assets" / "portraits" / "mira.png"


@pytest.fixture(scope="module")
def portrait(portrait_cache: Path) -> Portrait:
    return load_portrait(DRAWN, cache_dir=portrait_cache)


@pytest.fixture(scope="module")
def see_through(portrait: Portrait) -> MeshDecoder:
    return MeshDecoder(portrait, background="transparent")


@pytest.mark.parametrize("size", [256, 1024])
def test_every_size_draws_the_same_person(portrait_cache: Path, portrait: Portrait, size: int) -> None:
    other = load_portrait(DRAWN, size=size, cache_dir=portrait_cache)
    assert other.size == size and other.image.shape == (size, size, 3)
    np.testing.assert_allclose(other.landmarks / other.scale, portrait.landmarks, atol=1e-3)
    lively = vector(jawOpen=0.5, headYaw=0.2, eyeBlinkLeft=0.7, browInnerUp=0.6)
    usual, drawn = (
        cv2.resize(MeshDecoder(one).decode(lively), (256, 256), interpolation=cv2.INTER_AREA)
        for one in (portrait, other)
    )
    assert np.abs(usual.astype(int) - drawn.astype(int)).mean() < 3.0


def test_other_sizes_are_refused(portrait_cache: Path) -> None:
    with pytest.raises(ValueError, match="expected one of 256, 384"):
        load_portrait(DRAWN, size=300, cache_dir=portrait_cache)


def test_before_nothing_there_is_alpha(see_through: MeshDecoder, portrait: Portrait) -> None:
    frame = see_through.decode(vector())
    assert frame.shape == (FRAME_SIZE, FRAME_SIZE, 4)
    nose, corner = portrait.landmarks[4, :2].astype(int), frame[4, 4]
    assert frame[nose[1], nose[0], 3] == 255 and corner[3] == 0
    np.testing.assert_array_equal(see_through.decode(vector()), frame)
    person = frame[:, :, 3] == 255
    difference = np.abs(frame[:, :, :3].astype(int) - portrait.image.astype(int))
    assert difference[person].mean() < 1.5


def test_alpha_goes_with_the_head(see_through: MeshDecoder) -> None:
    def middle(frame: Image) -> float:
        above = frame[:200, :, 3].astype(float)
        return float((above * np.arange(FRAME_SIZE)).sum() / above.sum())

    still, moved = (middle(see_through.decode(vector(headX=x))) for x in (0.0, 0.2))
    assert moved - still > 8.0


def test_the_edge_has_no_colour_of_the_old_background(see_through: MeshDecoder, portrait: Portrait) -> None:
    """Seen before the opposite of the old background, nothing of that is left around the person."""
    painted = portrait.image.copy()
    outside = portrait.matte < 0.5
    painted[outside] = (0, 255, 0)
    green = MeshDecoder(replace(portrait, image=painted), background="transparent").decode(vector())
    shown = flatten(green, (255, 0, 255)).astype(int)
    spill = (shown[:, :, 1] - np.maximum(shown[:, :, 0], shown[:, :, 2]) > 60).sum()
    assert spill < 0.002 * shown.shape[0] ** 2


def test_a_colour_or_a_picture_stands_behind(portrait: Portrait, tmp_path: Path) -> None:
    blue = MeshDecoder(portrait, background="#102080").decode(vector(headYaw=0.2))
    assert tuple(blue[3, 3]) == (16, 32, 128)
    Pillow.fromarray(np.dstack([np.full((60, 90), v, np.uint8) for v in (200, 30, 10)])).save(tmp_path / "room.png")
    room = MeshDecoder(portrait, background=str(tmp_path / "room.png")).decode(vector())
    assert tuple(room[3, 3]) == (200, 30, 10)


@pytest.mark.parametrize(("wanted", "says"), [("#12", "a colour such as"), ("no/such.png", "found nothing")])
def test_backgrounds_that_are_none_are_told(wanted: str, says: str) -> None:
    with pytest.raises(InputError, match=says) as error:
        backdrop(wanted, 64, 64, key="output.background")
    assert "\n" not in str(error.value)


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory, portrait_cache: Path) -> tuple[Portrait, Image]:
    """The drawn person in the middle of a wider picture."""
    drawn = np.asarray(Pillow.open(DRAWN).convert("RGB").resize((360, 360)))
    wide = np.zeros((540, 721, 3), np.uint8)
    wide[:, :, 2] = np.linspace(60, 200, 721).astype(np.uint8)
    wide[120:480, 180:540] = drawn
    path = tmp_path_factory.mktemp("photo") / "wide.png"
    Pillow.fromarray(wide).save(path)
    return load_portrait(path, cache_dir=portrait_cache), wide


def test_the_whole_photo_moves_only_around_the_head(photo: tuple[Portrait, Image], portrait_cache: Path) -> None:
    portrait, wide = photo
    whole = FullFrame(portrait)
    assert (whole.width, whole.height) == (720, 540)
    decoder = FullFrameDecoder(
        MeshDecoder(load_portrait(portrait.path, size=whole.size, cache_dir=portrait_cache), fixed=whole.fixed), whole
    )
    rest, lively = decoder.decode(vector()), decoder.decode(vector(jawOpen=0.6, headYaw=0.25, headRoll=0.2, headX=0.2))
    assert rest.shape == (540, 720, 3)
    plain = cv2.resize(wide, (720, 540), interpolation=cv2.INTER_CUBIC).astype(int)
    assert np.abs(rest.astype(int) - plain).mean() < 1.5
    changed = np.abs(lively.astype(int) - rest.astype(int)).max(axis=2)
    assert changed.max() > 60
    left, top, side = portrait.placement
    inside = np.zeros((540, 720), bool)
    inside[max(int(top) - 1, 0) : int(top + side) + 2, max(int(left) - 1, 0) : int(left + side) + 2] = True
    assert changed[~inside].max() == 0
    border = cv2.erode(inside.astype(np.uint8), np.ones((7, 7), np.uint8)) == 0
    assert changed[inside & border].max() <= 6


def test_a_whole_photo_has_its_own_background(tmp_path: Path) -> None:
    from agent.config.config import load_config
    from agent.faces import load_face

    config = load_config(None, ["output.full_frame=true", "output.background=#000000"], {})
    with pytest.raises(InputError, match="has its own background"):
        load_face(config)
