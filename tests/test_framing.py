"""The camera's picture: the face in its middle, a background that suits it, no seam between them."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import cv2
import numpy as np
import pytest

from avatar.decoder import FRAME_SIZE, Image
from avatar.outputs.framing import Framing
from avatar.picture.files import decode_picture
from speech.errors import InputError

PORTRAITS = sorted((Path(__file__).parent.parent / "avatar" / "assets" / "portraits").glob("*.png"))
LEFT, RIGHT, FEATHER = 280, 1000, 24


def plain(value: int) -> Image:
    return np.full((FRAME_SIZE, FRAME_SIZE, 3), value, np.uint8)


def portrait(path: Path) -> Image:
    picture = decode_picture(path, path.read_bytes()).image
    return np.asarray(cv2.resize(picture, (FRAME_SIZE, FRAME_SIZE), interpolation=cv2.INTER_AREA), np.uint8)


def test_the_small_picture_is_the_face_itself() -> None:
    framing = Framing("512x512", background="blur", portrait=plain(9))
    face = plain(120)
    assert (framing.width, framing.height) == (512, 512)
    assert framing.compose(face) is face


def test_the_wide_picture_holds_the_whole_face() -> None:
    face = portrait(PORTRAITS[0])
    framing = Framing("1280x720", background="#102030", portrait=face)
    picture = framing.compose(face)
    assert picture.shape == (720, 1280, 3)
    back = cv2.resize(picture[:, LEFT:RIGHT], (FRAME_SIZE, FRAME_SIZE), interpolation=cv2.INTER_AREA)
    inner = np.s_[:, FEATHER:-FEATHER]
    assert np.abs(back[inner].astype(int) - face[inner]).mean() < 3.0
    assert (picture[:, :LEFT] == (0x10, 0x20, 0x30)).all()
    assert (picture[:, RIGHT:] == (0x10, 0x20, 0x30)).all()


def test_the_face_fades_into_the_background_evenly() -> None:
    picture = Framing("1280x720", background="#000000", portrait=plain(0)).compose(plain(255))
    for row in (picture[300, LEFT - 1 : LEFT + FEATHER + 1, 0], picture[300, RIGHT - FEATHER - 1 : RIGHT + 1, 0][::-1]):
        steps = np.diff(row.astype(int))
        assert row[0] == 0 and row[-1] == 255
        assert steps.min() >= 0 and steps.max() < 20


def test_a_picture_does_not_depend_on_the_one_before() -> None:
    face = portrait(PORTRAITS[0])
    framing = Framing("1280x720", portrait=face)
    first = framing.compose(face).copy()
    framing.compose(plain(255))
    assert np.array_equal(framing.compose(face), first)


@pytest.mark.parametrize("path", PORTRAITS, ids=lambda path: path.stem)
def test_a_blurred_background_shows_no_seam(path: Path) -> None:
    face = portrait(path)
    picture = Framing("1280x720", background="blur", portrait=face).compose(face).astype(int)
    across = np.abs(np.diff(picture, axis=1)).mean(axis=(0, 2))
    for seam in (LEFT, RIGHT):
        near = across[seam - FEATHER : seam + FEATHER]
        assert near.max() < 1.5, "levels from one column to the next; over the portrait stretched it is 2.3 to 3.9"
    # Blurred, and darker towards the sides than the edges that it goes on from.
    assert across[: LEFT - FEATHER].max() < 0.5
    assert picture[:, :40].mean() < 0.9 * picture[:, LEFT + FEATHER : LEFT + 2 * FEATHER].mean()


def test_a_picture_fills_the_background_and_keeps_its_proportions(tmp_path: Path) -> None:
    tall = np.zeros((900, 640, 3), np.uint8)
    cv2.circle(tall, (70, 450), 40, (0, 0, 255), -1)
    cv2.imwrite(str(tmp_path / "room.png"), tall)
    framing = Framing("1280x720", background=str(tmp_path / "room.png"), portrait=plain(0))
    red = framing.compose(plain(0))[..., 0] > 128
    rows, columns = np.flatnonzero(red.any(axis=1)), np.flatnonzero(red.any(axis=0))
    assert abs(np.ptp(rows) - np.ptp(columns)) <= 2
    assert np.ptp(columns) == pytest.approx(160, abs=4)
    assert columns.mean() == pytest.approx(140, abs=2) and rows.mean() == pytest.approx(360, abs=2)


def test_frames_cost_no_memory() -> None:
    framing, face = Framing("1280x720", portrait=plain(90)), plain(120)
    picture = framing.compose(face)
    tracemalloc.start()
    try:
        for _ in range(20):
            assert framing.compose(face) is picture
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("size", "background", "message"),
    [
        ("640x480", "blur", "512x512 or 1280x720, got '640x480'"),
        ("1280x720", "#12345", "a colour such as \"#203040\", got '#12345'"),
        ("1280x720", "#12345g", "got '#12345g'"),
        ("1280x720", "no such.png", "no such.png: expected a picture, found nothing"),
        ("1280x720", str(Path(__file__)), "expected a picture"),
    ],
)
def test_bad_settings_are_told_in_one_line(size: str, background: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        Framing(size, background=background, portrait=plain(0))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
