"""Damaged and made-up pictures: pixels or one line, whatever stands in the file, and never anything else."""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow

from avatar.picture.colours import to_uint8
from avatar.picture.files import decode_picture, picture_size
from speech.errors import InputError
from tests.fuzzing import examples
from tests.tiny_heic import heic
from tests.tiny_profiles import cmyk_profile
from tests.tiny_tiff import tiff

PATH = Path("me.png")
KINDS = ("PNG", "JPEG", "WEBP", "TIFF", "GIF", "BMP", "ICO", "AVIF", "JPEG2000", "CMYK", "HEIC", "FLOATS", "APNG")


@cache
def whole(kind: str) -> bytes:
    """A small picture of a kind, with metadata."""
    noise = np.random.default_rng(1).integers(0, 255, (48, 64, 3), np.uint8)
    picture = Pillow.fromarray(noise)
    exif = Pillow.Exif()
    exif[0x0112] = 6
    file = io.BytesIO()
    match kind:
        case "HEIC":
            return heic(noise[:32, :32].repeat(2, axis=0).repeat(2, axis=1), 64, turns=1)
        case "FLOATS":
            return tiff(noise.astype(np.float32), orientation=3)
        case "CMYK":
            picture.convert("CMYK").save(file, "JPEG", icc_profile=cmyk_profile())
        case "APNG":
            picture.save(file, "PNG", save_all=True, append_images=[picture.rotate(90)], dpi=(100, 150))
        case "GIF" | "BMP" | "ICO" | "JPEG2000":
            picture.save(file, kind)
        case _:
            picture.save(file, kind, exif=exif)
    return file.getvalue()


def read(content: bytes) -> None:
    try:
        picture = decode_picture(PATH, content)
    except InputError as error:
        message = str(error)
        assert message.startswith(f"{PATH}: expected ") and "\n" not in message and len(message) < 500
    else:
        height, width, channels = picture.image.shape
        assert picture.image.dtype == np.uint8 and channels == 3 and 0 < min(height, width)
        assert max(height, width) <= 2400
        assert picture_size(PATH, content) == picture.size
    try:
        size = picture_size(PATH, content)
    except InputError as error:
        assert "\n" not in str(error)
    else:
        assert min(size) > 0


@examples(150)
@given(
    st.sampled_from(KINDS),
    st.lists(st.tuples(st.floats(0.0, 1.0), st.integers(0, 255)), min_size=1, max_size=12),
    st.booleans(),
)
def test_damaged_pictures_are_read_or_refused_in_one_line(
    kind: str, damage: list[tuple[float, int]], only_at_the_beginning: bool
) -> None:
    content = bytearray(whole(kind))
    reach = min(len(content), 200) if only_at_the_beginning else len(content)
    for where, value in damage:
        content[min(int(where * reach), reach - 1)] = value
    read(bytes(content))


@examples(60)
@given(st.sampled_from(KINDS), st.floats(0.0, 1.0), st.binary(max_size=40))
def test_cut_pictures_are_read_or_refused_in_one_line(kind: str, share: float, after: bytes) -> None:
    content = whole(kind)
    read(content[: int(share * len(content))] + after)


@examples(60)
@given(st.sampled_from(KINDS), st.integers(0, 24), st.binary(max_size=300))
def test_what_only_begins_like_a_picture_is_refused_in_one_line(kind: str, length: int, rest: bytes) -> None:
    read(whole(kind)[:length] + rest)


@examples(60)
@given(
    st.lists(st.floats(allow_nan=True, allow_infinity=True, width=32), min_size=1, max_size=30),
    st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=30),
)
def test_any_numbers_become_bytes(floats: list[float], integers: list[int]) -> None:
    for values in (np.array(floats, np.float32), np.array(integers, np.uint32)):
        made = to_uint8(values)
        assert made.dtype == np.uint8 and made.shape == values.shape
