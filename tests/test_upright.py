"""Photos that lie on their side or stand on their head: held as the face makes sense, and said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from agent.commands.landmarks import landmarks
from avatar.mesh.full_frame import FullFrame
from avatar.picture.files import decode_picture
from avatar.placing.landmarks_file import read_landmarks
from avatar.portrait.detection import FaceFinder
from avatar.portrait.portrait import Portrait, load_portrait
from avatar.portrait.upright import contradicts_detector, upright
from speech.errors import InputError

PORTRAITS = Path(__file__).parent.parent / "avatar" / "assets" / "portraits"
TURNED = {1: "by 90°", 2: "by 180°", 3: "by 90°"}


@pytest.fixture(scope="module")
def mira(portrait_cache: Path) -> Portrait:
    return load_portrait(PORTRAITS / "mira.png", cache_dir=portrait_cache)


def turned(name: str, turns: int, folder: Path) -> Path:
    """A portrait turned clockwise by so many quarters of a turn."""
    path = folder / f"{name}-{turns}.png"
    with Pillow.open(PORTRAITS / f"{name}.png") as file:
        Pillow.fromarray(np.rot90(np.asarray(file.convert("RGB")), -turns)).save(path)
    return path


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_turned_photo_becomes_the_same_portrait(
    mira: Portrait, portrait_cache: Path, tmp_path: Path, turns: int
) -> None:
    path = turned("mira", turns, tmp_path)
    for _ in range(2):  # found out, and remembered
        portrait = load_portrait(path, cache_dir=portrait_cache)
        assert portrait.turns == 4 - turns
        assert portrait.notices == (f"{path.name} was turned {TURNED[4 - turns]} to be upright",)
        np.testing.assert_allclose(portrait.landmarks, mira.landmarks, atol=2.0)
    whole = FullFrame(portrait)
    as_it_was = FullFrame(mira)
    assert (whole.width, whole.height) == (as_it_was.width, as_it_was.height)
    still = whole.compose(portrait.image)
    assert np.abs(still.astype(int) - as_it_was.compose(mira.image)).mean() < 3.0


@pytest.mark.testdata
@pytest.mark.parametrize(("name", "turns"), [("s_photo_obama.jpg", 2), ("s_photo_goatee.png", 1), ("s_3d_boy.jpg", 2)])
def test_turned_photos_of_people_are_held_upright(test_data: Path, name: str, turns: int) -> None:
    path = test_data / "portraits" / name
    image = decode_picture(path, path.read_bytes()).image
    with FaceFinder() as finder:
        held = upright(np.ascontiguousarray(np.rot90(image, -turns)), finder)
        assert held is not None and held.turns == 4 - turns and abs(held.tilt) < 15.0
        straight = upright(image, finder)
        assert straight is not None and straight.turns == 0 and not contradicts_detector(straight, finder)


def test_a_photo_the_right_way_up_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    searched = []
    find = FaceFinder.find_with_detections
    monkeypatch.setattr(
        FaceFinder, "find_with_detections", lambda self, image: searched.append(image.shape) or find(self, image)
    )
    path = PORTRAITS / "jonas.png"
    with FaceFinder() as finder:
        found = upright(decode_picture(path, path.read_bytes()).image, finder)
    assert found is not None and found.turns == 0 and len(searched) == 1


def test_a_mesh_that_contradicts_the_detector_is_told(mira: Portrait) -> None:
    with FaceFinder() as finder:
        held = upright(mira.image, finder)
        assert held is not None and held.landmarks is not None and not contradicts_detector(held, finder)
        on_the_forehead = held.landmarks - np.array([0.0, 90.0, 0.0], np.float32)
        assert contradicts_detector(replace(held, landmarks=on_the_forehead), finder)


@pytest.mark.parametrize("degrees", [30, 50])
def test_a_tilted_head_stays_tilted(portrait_cache: Path, tmp_path: Path, degrees: int) -> None:
    path = tmp_path / "aslant.png"
    with Pillow.open(PORTRAITS / "jonas.png") as file:
        file.convert("RGB").rotate(-degrees, Pillow.Resampling.BICUBIC, fillcolor=(120, 120, 120)).save(path)
    portrait = load_portrait(path, cache_dir=portrait_cache)
    across = portrait.landmarks[263] - portrait.landmarks[33]
    assert abs(np.degrees(np.arctan2(across[1], across[0])) - degrees) < 4.0
    assert portrait.turns == 0
    said = [notice for notice in portrait.notices if "the head is tilted by" in notice]
    assert len(said) == (degrees > 35) == len(portrait.notices)


def test_points_of_a_turned_photo_are_those_of_the_upright_one(
    portrait_cache: Path, tmp_path: Path, mira: Portrait
) -> None:
    path, target = turned("mira", 1, tmp_path), tmp_path / "points.json"
    with Pillow.open(path) as file:
        size = file.size
    landmarks(path, output=target, detect=True, quiet=True)
    face, _ = read_landmarks(target, size)
    assert face.turns == 3 and b'"turned": 270' in target.read_bytes()
    portrait = load_portrait(path, landmarks=target, cache_dir=portrait_cache)
    assert portrait.turns == 3 and portrait.notices == ()
    eyes = float(np.linalg.norm(mira.landmarks[33] - mira.landmarks[263]))
    # A face that is placed by hand is cut out a little wider.
    found, placed = mira.landmarks[:, :2], portrait.landmarks[:, :2]
    scale = mira.placement[2] / portrait.placement[2]
    shift = (np.array(mira.placement[:2]) - portrait.placement[:2]) * 512.0 / portrait.placement[2]
    assert np.linalg.norm(found * scale + shift - placed, axis=1).mean() < 0.05 * eyes
    target.write_text(target.read_text().replace('"turned": 270', '"turned": 45'))
    with pytest.raises(InputError, match="turned: expected 0, 90, 180 or 270"):
        load_portrait(path, landmarks=target, cache_dir=portrait_cache)
