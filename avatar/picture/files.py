"""Picture files, whatever they are, as upright sRGB pixels."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from avatar.decoder import Image
from avatar.picture.colours import to_srgb, to_uint8
from avatar.picture.heic import Heic
from avatar.picture.heif_boxes import is_heif
from avatar.picture.kinds import describe_content
from speech.errors import InputError
from speech.files.input_file import read_input_file

if TYPE_CHECKING:
    from PIL.Image import Image as _Pillow
    from PIL.ImageFile import ImageFile as _File

# Larger pictures are scaled down before anything looks at them; a face worth animating survives it.
_MAX_SIDE_PX = 2400
# Above this many pixels a file is taken for a decompression bomb (the largest cameras make 150 million).
_MAX_PIXELS = 170_000_000
_MAX_BYTES = 300_000_000
# What is read. Not among them: formats that Pillow opens with other programs (EPS), or only in name.
_FORMATS = (
    *("PNG", "JPEG", "WEBP", "BMP", "DIB", "TIFF", "GIF", "AVIF", "JPEG2000"),
    *("ICO", "ICNS", "PPM", "PSD", "QOI", "PCX", "SGI", "TGA", "DDS"),
)
# Where a second picture is as good as the first (and no thumbnail, depth map or layer).
_SEVERAL = ("GIF", "WEBP", "PNG", "AVIF", "TIFF")
_ORIENTATION = 0x0112
_QUARTER_TURNED = (5, 6, 7, 8)
# Tags of TIFF and of raw files that look like it, and a value: the picture is a colour filter's raw values.
_NEW_SUBFILE, _WIDTH, _HEIGHT, _BITS, _PHOTOMETRIC, _SUB_FILES, _DNG = 254, 256, 257, 258, 262, 330, 50706
_COLOUR_FILTER = 32803
# How light without an upper end is compressed in TIFF.
_COMPRESSION, _LOG_LUV = 259, (34676, 34677)
# Pixels that are not square by less than the first are taken for square; by more than the second for a mistake.
_SQUARE, _MOST_STRETCH = 0.02, 2.5
# The lightest of 8 bits that 14 bits in a container of 16 reach.
_DARKEST = 63


@dataclass(frozen=True, slots=True)
class Picture:
    """What a picture file holds.

    Attributes:
        image: uint8 [H, W, 3] RGB: upright, sRGB, alpha flattened on grey, the longer side at most 2400 px.
        size: width and height before it was scaled down, pixels.
        notices: what its owner should know, one sentence each.
    """

    image: Image
    size: tuple[int, int]
    notices: tuple[str, ...] = ()


def read_picture(path: Path) -> bytes:
    """The bytes of a picture file.

    Raises:
        InputError: nothing there, no regular file, empty, or larger than 300 MB.
    """
    return read_input_file(path, "a picture", most_bytes=_MAX_BYTES)


def decode_picture(path: Path, content: bytes) -> Picture:
    """The picture in a file's bytes; of several in it the first.

    Args:
        path: only named in errors.
        content: the file's bytes.

    Raises:
        InputError: not a picture, damaged, or far too large.
    """
    from PIL import Image as Pillow

    notices: tuple[str, ...] = ()
    with _decoding_errors(path):
        if is_heif(content):
            heic = Heic(content)
            _check_pixels(path, heic.size)
            size = heic.display_size
            picture = to_srgb(_downscaled(Pillow.fromarray(heic.decode())), heic.profile)
        elif (tiff := _deep_tiff(path, content)) is not None:
            size = tiff.size
            picture = to_srgb(_downscaled(tiff), None)
        else:
            with _opened(path, content) as file:
                size, turned, notices = _display_size(file), _orientation(file), _notices(file)
                profile, gamma = file.info.get("icc_profile"), file.info.get("gamma")
                if file.format == "JPEG" and max(file.size) >= 4 * _MAX_SIDE_PX:
                    file.draft("", (2 * _MAX_SIDE_PX, 2 * _MAX_SIDE_PX))  # decoded smaller: sooner, in less memory
                file.load()
                pixels = _upright(_downscaled(_significant(file, content)), turned)
                picture = to_srgb(pixels, profile, None if "srgb" in file.info else gamma)
        return Picture(np.asarray(_scaled(picture, size), np.uint8), size, notices)


def picture_size(path: Path, content: bytes) -> tuple[int, int]:
    """Width and height of a picture as it is seen, `Picture.size`, without its pixels.

    Args:
        path: only named in errors.
        content: the file's bytes.

    Raises:
        InputError: the bytes are no picture.
    """
    with _decoding_errors(path):
        if is_heif(content):
            return Heic(content).display_size
        if (size := _deep_tiff_size(content)) is not None:
            return size
        with _opened(path, content) as file:
            return _display_size(file)


@contextlib.contextmanager
def _decoding_errors(path: Path) -> Iterator[None]:
    """Turns whatever a damaged picture makes its reader raise into one line."""
    try:
        # Pillow warns about large pictures and odd metadata on its own account; the limits here are ours.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except InputError:
        raise
    except MemoryError:
        raise InputError(f"{path}: expected a picture that fits in memory, got a larger one; scale it down") from None
    except Exception as error:  # the readers of damaged files raise anything from struct.error to KeyError
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise InputError(f"{path}: expected a whole picture, could not decode it: {reason}; save it again") from None


@contextlib.contextmanager
def _opened(path: Path, content: bytes) -> Iterator[_File]:
    """A picture whose header was read, and found good.

    Raises:
        InputError: no picture, too many pixels, or a kind that is not read.
    """
    from PIL import Image as Pillow
    from PIL import UnidentifiedImageError

    try:
        file = Pillow.open(io.BytesIO(content), formats=_FORMATS)
    except UnidentifiedImageError:
        kind, what_to_do = describe_content(content)
        raise InputError(
            f"{path}: expected a picture (PNG, JPEG, HEIC, WebP, TIFF, GIF, BMP), got {kind}; {what_to_do}"
        ) from None
    except Pillow.DecompressionBombError:  # more than the limit in any case
        raise _too_large(path, "more") from None
    with file:
        _check_pixels(path, file.size)
        tags = getattr(file, "tag_v2", {})
        reduced = tags.get(_NEW_SUBFILE) == 1 and _SUB_FILES in tags
        if _DNG in tags or tags.get(_PHOTOMETRIC) == _COLOUR_FILTER or reduced:
            raise InputError(f"{path}: expected a picture, got a camera's raw file; develop it to a JPEG or PNG first")
        yield file


def _check_pixels(path: Path, size: tuple[int, int]) -> None:
    width, height = size
    if width * height > _MAX_PIXELS:
        raise _too_large(path, f"{width}x{height}")


def _too_large(path: Path, got: str) -> InputError:
    most = _MAX_PIXELS // 1_000_000
    return InputError(f"{path}: expected a picture of at most {most} million pixels, got {got}; scale it down")


def _notices(file: _File) -> tuple[str, ...]:
    if file.format in _SEVERAL and getattr(file, "is_animated", False):
        return ("the file holds several pictures: the first is used",)
    return ()


def _orientation(file: _File) -> int:
    """How the picture is to be turned, 1 to 8 as EXIF counts; 1 where that can't be made out."""
    if file.format == "TIFF":  # these Pillow turns itself, their size at once, their pixels when they are loaded
        return 1
    try:
        orientation = file.getexif().get(_ORIENTATION, 1)
    except Exception:  # broken metadata; the pixels may be good
        return 1
    return orientation if orientation in range(1, 9) else 1


def _upright(picture: _Pillow, orientation: int) -> _Pillow:
    from PIL.Image import Transpose

    methods = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    return picture if orientation == 1 else picture.transpose(methods[orientation])


def _display_size(file: _File) -> tuple[int, int]:
    """Width and height as the picture is seen: turned, and with square pixels."""
    width, height = file.size
    per_x, per_y = _density(file)
    if getattr(file, "tag_v2", {}).get(_ORIENTATION) in _QUARTER_TURNED:
        per_x, per_y = per_y, per_x  # of a TIFF, whose size is turned already
    stretch = per_y / per_x
    if abs(stretch - 1.0) > _SQUARE and 1.0 / _MOST_STRETCH < stretch < _MOST_STRETCH:
        # The direction that is too short is drawn out.
        width, height = round(width * max(stretch, 1.0)), round(height * max(1.0 / stretch, 1.0))
    return (height, width) if _orientation(file) in _QUARTER_TURNED else (width, height)


def _density(file: _File) -> tuple[float, float]:
    """Pixels in the same length across and down."""
    for name in ("aspect", "dpi", "resolution"):
        if name == "dpi" and file.info.get("jfif_unit") == 0:
            name = "jfif_density"
        try:
            across, down = (float(value) for value in file.info[name])
        except (KeyError, TypeError, ValueError, ZeroDivisionError):
            continue
        if across > 0.0 and down > 0.0:  # and no number that is none
            return across, down
    return 1.0, 1.0


def _significant(file: _File, content: bytes) -> _Pillow:
    """The pixels; where 16 bits a channel are as dark as if only some of them were used, by what is used."""
    from PIL import Image as Pillow
    from PIL import ImageChops

    if file.mode == "CMYK" and file.format == "JPEG" and "adobe" not in file.info:
        return ImageChops.invert(file)  # only Adobe's are stored inverted, and Pillow takes all for Adobe's
    if file.mode not in ("RGB", "RGBA") or not _has_16_bits(file, content):
        return file
    if max(int(np.asarray(file.getchannel(band)).max()) for band in "RGB") > _DARKEST:
        return file
    values = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    if values is None or values.dtype != np.uint16 or values.shape[:2] != file.size[::-1] or values.ndim != 3:
        return file
    picture = Pillow.fromarray(to_uint8(values[:, :, 2::-1]))
    if file.mode == "RGBA":
        picture.putalpha(file.getchannel("A"))
    return picture


def _has_16_bits(file: _File, content: bytes) -> bool:
    if file.format == "PNG":
        return content[24] == 16
    return file.format == "TIFF" and 16 in tuple(getattr(file, "tag_v2", {}).get(_BITS, ()))


def _deep_tiff_size(content: bytes) -> tuple[int, int] | None:
    """Width and height as seen of a TIFF of several channels of 32 bits, which Pillow does not read; else None."""
    from PIL import TiffImagePlugin

    if content[:4] not in (b"II*\0", b"MM\0*"):
        return None
    try:
        file = io.BytesIO(content)
        tags = TiffImagePlugin.ImageFileDirectory_v2(file.read(8))
        file.seek(tags.next)
        tags.load(file)
        bits = tuple(tags.get(_BITS, ()))
        width, height = int(tags[_WIDTH]), int(tags[_HEIGHT])
    except Exception:  # damaged: said when it is opened
        return None
    is_deep = tags.get(_COMPRESSION) in _LOG_LUV or (len(bits) in (3, 4) and min(bits) >= 32)
    if not is_deep or min(width, height) <= 0:
        return None
    return (height, width) if tags.get(_ORIENTATION) in _QUARTER_TURNED else (width, height)


def _deep_tiff(path: Path, content: bytes) -> _Pillow | None:
    """The pixels of such a TIFF."""
    from PIL import Image as Pillow

    size = _deep_tiff_size(content)
    if size is None:
        return None
    _check_pixels(path, size)
    values = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)  # turned as the file says
    if values is None or values.shape[:2] != size[::-1] or values.ndim != 3:
        raise InputError(f"{path}: expected a whole picture, could not decode it; save it with 8 or 16 bits")
    return Pillow.fromarray(to_uint8(values[:, :, 2::-1]))


def _downscaled(picture: _Pillow) -> _Pillow:
    """Very large pictures made smaller by a whole number, so that all that follows is done on fewer pixels."""
    factor = max(picture.size) // (2 * _MAX_SIDE_PX)
    return picture.reduce(factor) if factor >= 2 and picture.mode in ("L", "LA", "RGB", "RGBA", "CMYK") else picture


def _scaled(picture: _Pillow, size: tuple[int, int]) -> _Pillow:
    """A picture as large as it is to be looked at: square pixels, the longer side at most 2400 of them."""
    from PIL.Image import Resampling

    if abs(picture.width / picture.height / (size[0] / size[1]) - 1.0) > _SQUARE / 2.0:
        scale = min(1.0, _MAX_SIDE_PX / max(size))
        target = max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
        return picture.resize(target, Resampling.LANCZOS)
    picture.thumbnail((_MAX_SIDE_PX, _MAX_SIDE_PX), Resampling.LANCZOS)
    return picture
