"""Faces in bad light, behind cloth, cut off by the edge: said, refused, or moved as can be; and what is remembered."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow

from avatar.decoder import Image
from avatar.mesh.decoder import MeshDecoder
from avatar.motion import MotionLayout, neutral
from avatar.picture.light import light_warnings
from avatar.portrait.covered import mouth_is_covered
from avatar.portrait.portrait import Portrait, load_portrait
from speech.errors import InputError

PORTRAITS = Path(__file__).parent.parent / "avatar" / "assets" / "portraits"
NAMES = ("ada", "jonas", "mira")
# From the middle of the nose along the cheeks to the jaw and the chin.
MASK = (5, 346, 454, 361, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149, 150, 136, 172, 132, 234, 117)


@pytest.fixture(scope="module")
def people(portrait_cache: Path) -> dict[str, Portrait]:
    return {name: load_portrait(PORTRAITS / f"{name}.png", cache_dir=portrait_cache) for name in NAMES}


def saved(image: Image, path: Path) -> Path:
    Pillow.fromarray(image).save(path)
    return path


def masked(portrait: Portrait, colour: tuple[int, int, int]) -> Image:
    """A portrait behind a mask with folds, light and shadow."""
    cover = np.zeros(portrait.image.shape[:2], np.uint8)
    cv2.fillPoly(cover, [np.rint(portrait.landmarks[list(MASK), :2]).astype(np.int32)], (255,))
    soft = cv2.GaussianBlur(cover, (0, 0), 1.5)[..., None] / 255.0
    y, x = np.mgrid[:512, :512]
    shade = 1.0 - 0.3 * (np.abs(x - portrait.landmarks[4, 0]) / 130.0) ** 2 - 0.08 * ((y % 24) < 3)
    cloth = np.array(colour) * np.clip(shade, 0.3, 1.0)[..., None]
    return np.asarray(portrait.image * (1.0 - soft) + cloth * soft, np.uint8)


def spoken(portrait: Portrait) -> tuple[Image, Image]:
    """At rest, and with the jaw down."""
    decoder = MeshDecoder(portrait)
    open_wide = neutral(1)[0]
    open_wide[MotionLayout.INDEX["jawOpen"]] = 0.7
    return decoder.decode(neutral(1)[0]), decoder.decode(open_wide)


@pytest.mark.parametrize("colour", [(150, 190, 210), (35, 35, 40), (235, 235, 232)])
@pytest.mark.parametrize("name", NAMES)
def test_masks_are_told_by_their_colour(people: dict[str, Portrait], name: str, colour: tuple[int, int, int]) -> None:
    portrait = people[name]
    assert mouth_is_covered(masked(portrait, colour), portrait.landmarks)
    assert not mouth_is_covered(portrait.image, portrait.landmarks)


def test_a_dark_beard_is_no_mask(people: dict[str, Portrait]) -> None:
    portrait = people["jonas"]
    beard = [0, 164, 206, 187, 132, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 361, 411, 426]
    grown = portrait.image.copy()
    cv2.fillPoly(grown, [np.rint(portrait.landmarks[beard, :2]).astype(np.int32)], (30, 24, 22))
    assert not mouth_is_covered(grown, portrait.landmarks)


def test_the_cloth_over_a_mouth_moves_and_does_not_open(
    people: dict[str, Portrait], portrait_cache: Path, tmp_path: Path
) -> None:
    path = saved(masked(people["jonas"], (150, 190, 210)), tmp_path / "masked.png")
    portrait = load_portrait(path, cache_dir=portrait_cache)
    assert portrait.mouth_is_covered
    assert any("the mouth seems to be covered" in notice for notice in portrait.notices)
    assert load_portrait(path, cache_dir=portrait_cache).mouth_is_covered  # remembered
    rest, open_wide = spoken(portrait)
    x, y = np.rint(portrait.landmarks[14, :2]).astype(int)
    around = np.s_[y - 15 : y + 40, x - 30 : x + 30]
    assert open_wide[around].min() > 80  # no hole, no teeth
    assert np.abs(open_wide.astype(int) - rest)[around].mean() > 1.0
    hole = spoken(replace(portrait, mouth_is_covered=False))[1]
    assert hole[around].min() < 40


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (lambda light: 0.2 * light, "very dark"),
        (lambda light: 3.0 * light + 100.0, "blown out"),
        (lambda light: 0.12 * light + 100.0, "hardly any contrast"),
        (lambda light: 0.7 * light, ""),
        (lambda light: 1.15 * light, ""),
        (lambda light: 0.6 * light + 60.0, ""),
    ],
)
@pytest.mark.parametrize("name", NAMES)
def test_bad_light_is_said(
    people: dict[str, Portrait], name: str, changed: Callable[[Image], Image], said: str
) -> None:
    image = np.clip(changed(people[name].image.astype(np.float32)), 0.0, 255.0).astype(np.uint8)
    found = " / ".join(light_warnings(image, people[name].landmarks))
    assert said in found if said else found == ""


@pytest.fixture(scope="module")
def bright_mouth(people: dict[str, Portrait]) -> float:
    return _inside_mouth(people["mira"])


@pytest.mark.parametrize("light", [0.25, 0.06])
def test_teeth_do_not_shine_in_the_dark(people: dict[str, Portrait], bright_mouth: float, light: float) -> None:
    portrait = people["mira"]
    dark_mouth = _inside_mouth(replace(portrait, image=(portrait.image * light).astype(np.uint8)))
    assert bright_mouth > 130.0
    assert dark_mouth < 1.3 * light * bright_mouth + 3.0


def _inside_mouth(portrait: Portrait) -> float:
    """The lightest grey levels between the open lips."""
    x, y = np.rint(portrait.landmarks[13, :2]).astype(int)
    return float(np.percentile(spoken(portrait)[1][y : y + 30, x - 25 : x + 25].mean(axis=2), 98))


def test_faces_that_the_edge_cuts_off_are_said_or_refused(
    people: dict[str, Portrait], portrait_cache: Path, tmp_path: Path
) -> None:
    portrait = people["mira"]
    points = portrait.landmarks
    half = portrait.image[:, : int(points[4, 0] + 0.5 * (points[263, 0] - points[4, 0]))]
    said = load_portrait(saved(half, tmp_path / "half.png"), cache_dir=portrait_cache).notices
    assert any("cuts off part of the face" in notice for notice in said)
    no_mouth = portrait.image[: int(points[2, 1])]
    with pytest.raises(InputError, match=r"expected a .*; use another picture"):
        load_portrait(saved(no_mouth, tmp_path / "cut.png"), cache_dir=portrait_cache)


@pytest.fixture
def entry(people: dict[str, Portrait], tmp_path: Path) -> Path:
    """What is remembered of a portrait, in a cache of its own."""
    load_portrait(PORTRAITS / "mira.png", cache_dir=tmp_path)
    (found,) = tmp_path.glob("portrait-*.npz")
    return found


def test_what_is_remembered_is_the_users_own(entry: Path) -> None:
    assert entry.stat().st_mode & 0o077 == 0
    assert not [path for path in entry.parent.iterdir() if path != entry]


def _with(entry: Path, **changes: object) -> bytes:
    with np.load(entry) as data:
        arrays = {name: data[name] for name in data.files}
    file = io.BytesIO()
    np.savez(file, **{**arrays, **changes})  # type: ignore[arg-type]
    return file.getvalue()


def test_a_memory_that_was_tampered_with_is_made_again(
    people: dict[str, Portrait], entry: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    monkeypatch.setattr("avatar.portrait.portrait._found", lambda path, *_: made.append(path) or people["mira"])
    whole = entry.read_bytes()
    mira = people["mira"]
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("image.npy", b"\0" * 50_000_000)
    lost = mira.landmarks.copy()
    lost[0] = np.nan
    tampered = {
        "shape": _with(entry, landmarks=mira.landmarks[:100]),
        "size": _with(entry, image=mira.image[:100]),
        "kind": _with(entry, image=mira.image.astype(np.float32)),
        "number": _with(entry, landmarks=lost),
        "side": _with(entry, placement=np.array([0.0, 0.0, -5.0])),
        "turns": _with(entry, turns=np.array(9)),
        "pickle": _with(entry, notices=np.array([object()], dtype=object)),
        "text": _with(entry, notices=np.frombuffer(b"[1, 2", np.uint8)),
        "bomb": bomb.getvalue(),
        "long": whole + b"\0" * 2_000_000,
        "bit": whole[:50_000] + bytes([whole[50_000] ^ 1]) + whole[50_001:],
    }
    for name, content in tampered.items():
        entry.write_bytes(content)
        made.clear()
        assert load_portrait(PORTRAITS / "mira.png", cache_dir=entry.parent).landmarks.shape == (478, 3), name
        assert made, name
        assert entry.stat().st_size == len(whole), name
    made.clear()
    load_portrait(PORTRAITS / "mira.png", cache_dir=entry.parent)
    assert not made
    entry.unlink()
    os.mkfifo(entry)
    load_portrait(PORTRAITS / "mira.png", cache_dir=entry.parent)
    assert made, "a pipe is neither waited for nor replaced"
