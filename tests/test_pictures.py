"""Picture files of every kind, mode and profile: the colours that are seen, what is refused and in which words."""

from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import ImageCms, PngImagePlugin

from avatar.decoder import Image
from avatar.picture.files import decode_picture, picture_size, read_picture
from speech.errors import InputError
from tests.tiny_heic import heic
from tests.tiny_profiles import ADOBE_RGB, DISPLAY_P3, INKS, SRGB, cmyk_profile, gray_profile, rgb_profile
from tests.tiny_tiff import tiff

PATH = Path("me.png")


def encoded(picture: Pillow.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def decoded(content: bytes) -> Image:
    picture = decode_picture(PATH, content)
    assert picture.size == picture_size(PATH, content)
    return picture.image


def refusal(content: bytes) -> str:
    with pytest.raises(InputError) as caught:
        decode_picture(PATH, content)
    message = str(caught.value)
    assert message.startswith(f"{PATH}: expected ") and "\n" not in message and len(message) < 400
    return message


def assert_is(image: Image, colour: tuple[float, ...], within: float = 3.0) -> None:
    seen = image.reshape(-1, 3).mean(axis=0)
    assert np.abs(seen - colour).max() <= within, f"{seen} instead of {colour}"


def of_lab(lab: tuple[int, int, int]) -> tuple[float, ...]:
    """sRGB of a colour."""
    light, a, b = lab
    one = np.array([[[light, a, b]]], np.float32)  # of D65, which is near enough for what is told apart here
    return tuple(float(v) for v in 255.0 * cv2.cvtColor(one, cv2.COLOR_LAB2RGB)[0, 0])


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
@pytest.mark.parametrize("ink", INKS)
def test_inks_are_seen_as_the_profile_says(kind: str, ink: str) -> None:
    values = [255 if name == ink else 0 for name in INKS]
    picture = Pillow.new("CMYK", (16, 16), tuple(values))
    content = encoded(picture, kind, icc_profile=cmyk_profile(), **({"quality": 98} if kind == "JPEG" else {}))
    seen = decoded(content)[8, 8].astype(float)
    wanted = np.array(of_lab(INKS[ink]))
    assert np.abs(seen - wanted).max() < 26.0  # D50 and D65, perceptual or not
    plain = decoded(encoded(picture, kind))[8, 8].astype(float)
    if ink != "black":  # without a profile inks are as pure as a screen's
        assert np.abs(plain - wanted).max() > 30.0


def test_inks_of_a_jpeg_that_is_not_adobes_are_not_inverted() -> None:
    content = encoded(Pillow.new("CMYK", (16, 16), (0, 200, 0, 0)), "JPEG", quality=98)
    at = content.find(b"\xff\xee")
    assert content[at + 4 : at + 9] == b"Adobe"
    length = int.from_bytes(content[at + 2 : at + 4], "big")
    without = content[:at] + content[at + 2 + length :]
    assert_is(decoded(content), (255, 55, 255))
    assert_is(decoded(without), (55, 0, 0), within=60.0)  # the same numbers, taken for ink
    assert np.abs(decoded(without).astype(int) - decoded(content)).max() > 150


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_wide_colours_become_srgb(mode: str) -> None:
    orange = Pillow.new("RGB", (8, 8), (200, 120, 80))
    seen = {}
    for name, primaries in {"srgb": SRGB, "p3": DISPLAY_P3, "adobe": ADOBE_RGB}.items():
        content = encoded(
            orange.quantize(4) if mode == "P" else orange.convert(mode), "PNG", icc_profile=rgb_profile(primaries, 2.2)
        )
        seen[name] = decoded(content)[4, 4].astype(int)
    assert np.abs(seen["srgb"] - (200, 120, 80)).max() <= 4
    assert seen["p3"][0] > 205 and seen["adobe"][0] > 215
    assert seen["p3"][2] < 79 and seen["adobe"][1] < 124


def test_linear_light_is_brightened() -> None:
    grey = Pillow.new("RGB", (8, 8), (55, 55, 55))
    assert_is(decoded(encoded(grey, "PNG", icc_profile=rgb_profile(SRGB, 1.0))), (128, 128, 128))
    chunks = PngImagePlugin.PngInfo()
    chunks.add(b"gAMA", struct.pack(">I", 100_000))
    assert_is(decoded(encoded(grey, "PNG", pnginfo=chunks)), (128, 128, 128))
    chunks.add(b"sRGB", b"\0")
    assert_is(decoded(encoded(grey, "PNG", pnginfo=chunks)), (55, 55, 55))


def test_greys_are_seen_as_their_profile_says() -> None:
    grey = Pillow.new("L", (8, 8), 55)
    assert_is(decoded(encoded(grey, "PNG", icc_profile=gray_profile(1.0))), (128, 128, 128))
    assert_is(decoded(encoded(grey, "TIFF", icc_profile=gray_profile(1.0))), (128, 128, 128))
    assert_is(decoded(encoded(grey, "PNG", icc_profile=rgb_profile(SRGB, 2.2))), (55, 55, 55), within=6.0)


def test_lab_is_read() -> None:
    source, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    red = Pillow.new("RGB", (8, 8), (200, 60, 50))
    converted = ImageCms.profileToProfile(red, source, lab, outputMode="LAB")
    assert converted is not None
    assert_is(decoded(encoded(converted, "TIFF")), (200, 60, 50), within=4.0)


@pytest.mark.parametrize("profile", [b"", b"x" * 200, cmyk_profile(), gray_profile(1.0), rgb_profile(SRGB, 2.2)[:150]])
def test_profiles_that_are_broken_or_for_other_colours_are_ignored(profile: bytes) -> None:
    assert_is(decoded(encoded(Pillow.new("RGB", (8, 8), (90, 160, 30)), "PNG", icc_profile=profile)), (90, 160, 30))


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("kind", [".png", ".tiff"])
@pytest.mark.parametrize("channels", [1, 3])
def test_few_bits_in_a_large_container_are_not_black(bits: int, kind: str, channels: int) -> None:
    most = 2**bits - 1
    ramp = np.linspace(0, most, 64).astype(np.uint16)[None].repeat(8, axis=0)
    done, content = cv2.imencode(kind, np.dstack([ramp] * channels) if channels > 1 else ramp)
    assert done
    image = decoded(content.tobytes())
    assert image[0, -1].min() >= 253 and image[0, 0].max() <= 1 and abs(int(image[4, 32, 1]) - 128) <= 4


@pytest.mark.parametrize(("scale", "middle"), [(1.0, 127), (255.0, 127), (65535.0, 127)])
@pytest.mark.parametrize("channels", [1, 3])
def test_floats_are_on_the_scale_that_they_seem_to_be_on(scale: float, middle: int, channels: int) -> None:
    ramp = np.linspace(0.0, scale, 65, dtype=np.float32)[None].repeat(9, axis=0)
    ramp[0, 0] = np.nan
    image = decoded(tiff(np.dstack([ramp] * channels) if channels > 1 else ramp))
    assert abs(int(image[4, 32, 0]) - middle) <= 2 and image[0, 0].max() == 0


def test_floats_of_light_without_an_end_are_seen() -> None:
    light = np.full((80, 80), 0.2, np.float32)
    light[0, 0] = 40.0  # a lamp
    light[5:10] = 1.0
    for content in (tiff(light), cv2.imencode(".tiff", np.dstack([light] * 3))[1].tobytes()):
        image = decoded(content)
        assert image[7, 7, 0] >= 253 and 115 < image[15, 15, 0] < 130
    numbers = np.dstack([np.arange(12, dtype=np.float32).reshape(3, 4)] * 3) / 11.0
    image = decoded(tiff(numbers, orientation=6))
    assert image.shape == (4, 3, 3) and image[0, 2, 0] == 0 and image[3, 0, 0] == 255


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB"])
def test_one_colour_can_be_transparent(mode: str) -> None:
    picture = Pillow.new("RGB", (8, 8), (0, 0, 0)).convert(mode)
    colour = {"P": picture.getpixel((0, 0)), "RGB": (0, 0, 0)}.get(mode, 0)
    assert (decoded(encoded(picture, "PNG", transparency=colour)) == 200).all()


def test_premultiplied_colours_are_divided() -> None:
    values = np.zeros((8, 8, 4), np.uint8)
    values[:] = (100, 50, 25, 128)
    content = encoded(Pillow.fromarray(values), "TIFF")
    straight, premultiplied = (struct.pack("<HHIHH", 338, 3, 1, kind, 0) for kind in (2, 1))
    assert content.count(straight) == 1
    image = decoded(content.replace(straight, premultiplied))
    assert_is(image, tuple(v + 200 * 127 / 255 for v in (100, 50, 25)), within=2.0)


def checked() -> Pillow.Image:
    """A picture whose four quarters differ."""
    picture = Pillow.new("RGB", (64, 32), (20, 20, 20))
    picture.paste((220, 30, 30), (0, 0, 32, 16))
    picture.paste((30, 220, 30), (32, 0, 64, 16))
    picture.paste((30, 30, 220), (0, 16, 32, 32))
    return picture


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_every_format_is_held_as_it_says(kind: str, orientation: int) -> None:
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    options = {"JPEG": {"quality": 95}, "WEBP": {"lossless": True}, "AVIF": {"quality": 95}}.get(kind, {})
    image = decoded(encoded(checked(), kind, exif=exif, **options))
    wanted = np.rot90(np.asarray(checked()), {1: 0, 3: 2, 6: 3, 8: 1}[orientation])
    assert image.shape == wanted.shape
    assert np.abs(image.astype(int) - wanted).mean() < 8.0


def test_broken_metadata_does_not_lose_the_picture() -> None:
    for exif in (b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0" + b"\xff" * 40, b"garbage"):
        assert_is(decoded(encoded(checked(), "JPEG", quality=95, exif=exif))[:14, :28], (220, 30, 30), within=12.0)
    for orientation in (0, 9, 77, 65535):
        data = Pillow.Exif()
        data[0x0112] = orientation
        assert decoded(encoded(checked(), "PNG", exif=data)).shape == (32, 64, 3)


def test_pixels_that_are_not_square_are_drawn_out() -> None:
    assert decoded(encoded(checked(), "PNG", dpi=(100, 150))).shape == (32, 96, 3)
    assert decoded(encoded(checked(), "JPEG", dpi=(200, 100))).shape == (64, 64, 3)
    assert decoded(encoded(checked(), "TIFF", dpi=(72, 72.5))).shape == (32, 64, 3)  # as good as square
    assert decoded(encoded(checked(), "JPEG", dpi=(1, 72))).shape == (32, 64, 3)  # a mistake
    ratio = bytearray(encoded(checked(), "JPEG"))
    ratio[13:18] = struct.pack(">BHH", 0, 12, 16)  # JFIF: no unit, 12 pixels across in the length of 16 down
    assert decoded(bytes(ratio)).shape == (32, 85, 3)
    exif = Pillow.Exif()
    exif[0x0112] = 6
    assert decoded(encoded(checked(), "PNG", dpi=(100, 150), exif=exif)).shape == (96, 32, 3)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_of_several_pictures_the_first_is_taken_and_said(kind: str) -> None:
    content = encoded(checked(), kind, save_all=True, append_images=[Pillow.new("RGB", (64, 32), (0, 0, 0))])
    picture = decode_picture(PATH, content)
    assert_is(picture.image[2:12, 2:28], (220, 30, 30), within=12.0)
    assert picture.notices == ("the file holds several pictures: the first is used",)
    assert decode_picture(PATH, encoded(checked(), kind)).notices == ()


@pytest.mark.parametrize("kind", ["ICO", "JPEG2000", "BMP", "PPM", "TGA", "PCX", "AVIF", "DDS", "MPO"])
def test_other_formats_are_read(kind: str) -> None:
    options = {"MPO": {"save_all": True, "append_images": [checked()]}, "ICO": {"sizes": [(64, 32)]}}.get(kind, {})
    picture = decode_picture(PATH, encoded(checked(), kind, **options))
    assert picture.notices == ()
    assert_is(picture.image[3:12, 4:28], (220, 30, 30), within=12.0)


@pytest.mark.parametrize("grid", [True, False])
@pytest.mark.parametrize(("turns", "mirror"), [(0, None), (1, None), (2, 1), (3, 0)])
def test_heic_is_read_turned_and_mirrored(grid: bool, turns: int, mirror: int | None) -> None:
    across, down = np.meshgrid(np.linspace(0, 255, 192), np.linspace(0, 255, 128))
    coded = np.dstack([across, down, np.full_like(across, 90)]).astype(np.uint8)
    image = decoded(heic(coded, 64, turns=turns, mirror=mirror, grid=grid))
    wanted = np.rot90(coded, turns)
    if mirror is not None:
        wanted = wanted[:, ::-1] if mirror else wanted[::-1]
    assert image.shape == wanted.shape and np.abs(image.astype(int) - wanted).mean() < 1.5


def test_the_profile_of_heic_counts() -> None:
    coded = np.full((64, 64, 3), (200, 120, 80), np.uint8)
    plain = decoded(heic(coded, 64))
    wide = decoded(heic(coded, 64, profile=rgb_profile(DISPLAY_P3, 2.2)))
    assert_is(plain, (200, 120, 80)) and wide[0, 0, 0] > 205


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"<?xml version='1.0'?>\n<!-- drawn -->\n<svg xmlns='http://www.w3.org/2000/svg'>", "an SVG drawing"),
        (b"<!DOCTYPE svg [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;'>]><svg>&b;</svg>", "an SVG drawing"),
        (b"<!DOCTYPE html><html>", "a web page"),
        (b"%PDF-1.7\n", "a PDF document"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "a PostScript drawing"),
        (b"\xff\x0a\xfa\x7f", "a JPEG XL picture"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL picture"),
        (b"#?RADIANCE\n", "a Radiance HDR picture"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", "a camera's raw file"),
        (b"\0\0\0\x18ftypisom\0\0\0\1isommp42", "a video"),
        (b"PK\x03\x04" + b"\0" * 40, "an archive or a document"),
        (b"I am a picture, honestly", "something else"),
    ],
)
def test_what_is_no_picture_is_named_with_what_to_do(content: bytes, said: str) -> None:
    message = refusal(content)
    assert f"got {said}" in message and ";" in message


def test_a_raw_file_is_told_from_its_thumbnail() -> None:
    raw = encoded(checked(), "TIFF", tiffinfo={50706: b"\1\4\0\0"})
    assert "a camera's raw file; develop it" in refusal(raw)


def a_png(width: int, height: int, *chunks: bytes) -> bytes:
    """A PNG of so many pixels, without them."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(chunk(c[:4], c[4:]) for c in chunks) + chunk(b"IEND", b"")


def test_bombs_are_refused_with_the_limit() -> None:
    jpeg = bytearray(encoded(Pillow.new("RGB", (8, 8)), "JPEG"))
    at = jpeg.index(b"\xff\xc0")
    jpeg[at + 5 : at + 9] = b"\xff\xff\xff\xff"
    gif = bytearray(encoded(Pillow.new("P", (8, 8)), "GIF"))
    gif[6:10] = b"\xff\xff\xff\xff"
    wide, vast_floats = tiff(np.zeros((8, 8), np.uint8)), tiff(np.zeros((8, 8, 3), np.float32))
    for tag in (256, 257):
        small, large = struct.pack("<HHII", tag, 4, 1, 8), struct.pack("<HHII", tag, 4, 1, 60_000)
        wide, vast_floats = wide.replace(small, large), vast_floats.replace(small, large)
    coded = heic(np.zeros((64, 64, 3), np.uint8), 64)
    vast = coded.replace(struct.pack(">II", 64, 64), struct.pack(">II", 60_000, 60_000))
    for bomb in (a_png(30_000, 30_000, b"IDAT"), bytes(jpeg), bytes(gif), wide, vast_floats, vast):
        message = refusal(bomb)
        assert "170 million pixels" in message and "scale it down" in message


def test_bombs_in_metadata_are_refused_or_left_alone() -> None:
    much = zlib.compress(b"\0" * 80_000_000, 9)
    assert len(much) < 100_000
    for chunk in (b"zTXtComment\0\0" + much, b"iCCPprofile\0\0" + much):
        assert "expected a whole picture" in refusal(a_png(8, 8, chunk, b"IDAT" + zlib.compress(b"\0" * 8 * 25)))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "GIF", "BMP", "AVIF", "JPEG2000"])
def test_pictures_that_are_cut_short_are_refused(kind: str) -> None:
    noise = Pillow.effect_noise((96, 96), 90).convert("RGB")
    whole = encoded(noise, kind)
    for share in (0.1, 0.6):
        refusal(whole[: int(len(whole) * share)])
    coded = heic(np.asarray(noise)[:64, :64], 64)
    refusal(coded[: int(len(coded) * 0.8)])


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    pipe, loop, large = tmp_path / "pipe.png", tmp_path / "loop.png", tmp_path / "large.png"
    os.mkfifo(pipe)
    loop.symlink_to(loop)
    with large.open("wb") as file:
        file.truncate(300_000_001)
    for path, said in ((pipe, "a pipe"), (loop, "could not open"), (large, "at most 300 MB"), (tmp_path, "a folder")):
        with pytest.raises(InputError, match=said):
            read_picture(path)
    with pytest.raises(InputError, match="a device"):
        read_picture(Path("/dev/zero"))


def test_a_very_large_picture_is_read() -> None:
    jpeg = encoded(Pillow.new("RGB", (12_000, 4_000), (90, 140, 200)), "JPEG")
    picture = decode_picture(PATH, jpeg)
    assert picture.size == (12_000, 4_000) and picture.image.shape == (800, 2400, 3)
    assert_is(picture.image, (90, 140, 200))
