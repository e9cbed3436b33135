"""The portrait: what is read, what is refused and how, and what is remembered."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from avatar.evaluation.decoder.surroundings import padded_percent
from avatar.picture.files import decode_picture
from avatar.portrait.portrait import Portrait, load_portrait
from speech.errors import InputError

ROOT = Path(__file__).resolve().parent.parent
DRAWN = ROOT / "avatar" / "assets" / "portraits" / "mira.png"


def refusal(path: Path, cache: Path) -> str:
    with pytest.raises(InputError) as caught:
        load_portrait(path, cache_dir=cache)
    message = str(caught.value)
    assert "\n" not in message
    assert path.name in message
    return message


def encoded(picture: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("portraits")


@pytest.fixture(scope="module")
def portrait(cache: Path) -> Portrait:
    return load_portrait(DRAWN, cache_dir=cache)


def test_files_that_are_no_pictures_are_refused_in_one_line(tmp_path: Path) -> None:
    missing = tmp_path / "missing.png"
    assert "found nothing" in refusal(missing, tmp_path)
    empty = tmp_path / "empty.jpg"
    empty.write_bytes(b"")
    assert "empty" in refusal(empty, tmp_path)
    text = tmp_path / "text.png"
    text.write_text("I am a picture, honestly")
    assert "something else" in refusal(text, tmp_path)


def test_a_damaged_picture_is_refused(tmp_path: Path) -> None:
    whole = encoded(Image.effect_noise((400, 400), 60).convert("RGB"), "JPEG")
    cut = tmp_path / "cut.jpg"
    cut.write_bytes(whole[: len(whole) // 2])
    assert "whole picture" in refusal(cut, tmp_path)


def test_a_small_picture_is_refused_with_its_size(tmp_path: Path) -> None:
    small = tmp_path / "small.png"
    small.write_bytes(encoded(Image.new("RGB", (64, 80)), "PNG"))
    assert "64x80" in refusal(small, tmp_path)


def test_a_bomb_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    header = bytearray(encoded(Image.new("1", (8, 8)), "PNG"))
    header[16:24] = (60_000).to_bytes(4, "big") * 2
    import zlib

    header[29:33] = zlib.crc32(header[12:29]).to_bytes(4, "big")
    bomb = tmp_path / "bomb.png"
    bomb.write_bytes(header)
    with pytest.raises(InputError):
        load_portrait(bomb, cache_dir=tmp_path)


def test_a_picture_without_a_face_is_refused(tmp_path: Path) -> None:
    plain = tmp_path / "plain.png"
    plain.write_bytes(encoded(Image.linear_gradient("L").convert("RGB"), "PNG"))
    assert "face" in refusal(plain, tmp_path)


@pytest.mark.parametrize("mode", ["L", "LA", "P", "1", "CMYK", "I;16", "RGBA"])
def test_every_colour_mode_becomes_rgb(mode: str) -> None:
    if mode == "I;16":
        values = np.full((20, 30), 153 * 257, np.uint16)
        picture = Image.fromarray(values)
    else:
        picture = Image.new("RGB", (30, 20), (153, 153, 153)).convert(mode)  # in the web palette
    kind = "TIFF" if mode == "CMYK" else "PNG"
    image = decode_picture(Path("x"), encoded(picture, kind)).image
    assert image.shape == (20, 30, 3)
    assert image.dtype == np.uint8
    if mode != "1":
        assert np.abs(image.astype(int) - 153).max() <= 2


def test_transparency_is_flattened_on_a_light_backdrop() -> None:
    image = decode_picture(Path("x"), encoded(Image.new("RGBA", (10, 10), (0, 0, 0, 0)), "PNG")).image
    assert (image == 200).all()


def test_exif_orientation_is_honoured() -> None:
    picture = Image.new("RGB", (40, 20))
    picture.paste((255, 0, 0), (0, 0, 20, 20))
    exif = Image.Exif()
    exif[0x0112] = 6  # turned a quarter clockwise to be seen
    image = decode_picture(Path("x"), encoded(picture, "JPEG", exif=exif, quality=95)).image
    assert image.shape == (40, 20, 3)
    assert image[5, 10, 0] > 200 and image[35, 10, 0] < 50


def test_a_huge_picture_is_scaled_down() -> None:
    assert max(decode_picture(Path("x"), encoded(Image.new("L", (5000, 1000)), "PNG")).image.shape) == 2400


def test_a_drawn_portrait_is_cut_to_head_and_shoulders(portrait: Portrait) -> None:
    assert portrait.image.shape == (512, 512, 3) and portrait.image.dtype == np.uint8
    assert portrait.landmarks.shape == (478, 3)
    assert portrait.matte.shape == (512, 512)
    eyes = portrait.landmarks[[33, 263], :2].mean(axis=0)
    assert abs(eyes[0] - 256) < 30
    assert 180 < eyes[1] < 260
    width = np.linalg.norm(portrait.landmarks[234] - portrait.landmarks[454])
    assert 0.3 * 512 < width < 0.5 * 512
    assert portrait.matte[int(eyes[1]), int(eyes[0])] > 0.9
    assert portrait.matte[10, 5] < 0.5
    assert portrait.name == "mira"


@pytest.mark.parametrize("size", [256, 512])
def test_the_first_analysis_is_what_is_remembered(size: int, tmp_path: Path) -> None:
    first, again = (load_portrait(DRAWN, size=size, cache_dir=tmp_path) for _ in range(2))
    for name in ("image", "landmarks", "matte"):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
    assert (first.placement, first.head_gains) == (again.placement, again.head_gains)


def test_a_start_with_a_remembered_portrait_needs_neither_mediapipe_nor_pytorchs_compiler(
    portrait: Portrait, cache: Path
) -> None:
    """Each costs seconds of a start."""
    code = (
        "import sys; from pathlib import Path; from avatar.portrait.portrait import load_portrait;"
        f"p = load_portrait(Path({str(DRAWN)!r}), cache_dir=Path({str(cache)!r}));"
        "from avatar.mesh.decoder import MeshDecoder; MeshDecoder(p);"
        "from avatar.sampler.model import load_motion_model; load_motion_model();"
        "assert not {'mediapipe', 'torch._dynamo', 'sympy'} & set(sys.modules); print(p.image.sum())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert int(done.stdout) == int(portrait.image.sum())
    assert done.stderr == ""


def test_a_damaged_memory_is_made_again(portrait: Portrait, cache: Path) -> None:
    (entry,) = cache.glob("portrait-*.npz")
    whole = entry.read_bytes()
    entry.write_bytes(whole[: len(whole) // 2])
    again = load_portrait(DRAWN, cache_dir=cache)
    np.testing.assert_array_equal(again.image, portrait.image)
    assert entry.stat().st_size == len(whole)
    assert not list(cache.glob("*.tmp"))


def test_a_cache_that_cannot_be_written_is_no_error(portrait: Portrait, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    assert load_portrait(DRAWN, cache_dir=blocked).landmarks.shape == (478, 3)


@pytest.mark.testdata
@pytest.mark.parametrize(
    "name",
    [
        *("animal_cat.png", "empty.jpg", "noface_coffee.png", "noface_landscape_back.jpg"),
        *("small_64.png", "text_named.png", "truncated.jpg"),
    ],
)
def test_bad_portraits_are_refused(test_data: Path, cache: Path, name: str) -> None:
    refusal(test_data / "portraits_bad" / name, cache)


@pytest.mark.testdata
@pytest.mark.parametrize(
    "name", ["gray_L.png", "gray_hopper.jpg", "rgba_transparent.png", "exif6_hopper.jpg", "exif6_obama.jpg"]
)
def test_odd_portraits_are_accepted(test_data: Path, cache: Path, name: str) -> None:
    points = load_portrait(test_data / "portraits_bad" / name, cache_dir=cache).landmarks
    assert points[152, 1] > points[10, 1] + 100  # upright: the chin under the forehead


@pytest.mark.testdata
def test_of_several_faces_the_largest_is_taken_and_said(test_data: Path, cache: Path) -> None:
    notices = load_portrait(test_data / "portraits_bad" / "two_faces.jpg", cache_dir=cache).notices
    assert any("faces" in notice for notice in notices)


@pytest.mark.testdata
def test_every_good_portrait_is_accepted(test_data: Path, cache: Path) -> None:
    paths = sorted((test_data / "portraits").iterdir())
    assert len(paths) >= 10
    for path in paths:
        portrait = load_portrait(path, cache_dir=cache)
        assert portrait.image.shape == (512, 512, 3)
        assert padded_percent(portrait) == pytest.approx(0.0, abs=1e-6), path  # all of them allow that
        assert any("a hand" in notice for notice in portrait.notices) == ("goatee" in path.name), path
        assert (portrait.in_front is not None) == ("goatee" in path.name), path  # who holds a microphone
