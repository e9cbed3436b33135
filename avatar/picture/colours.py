"""Pixels of every mode and profile as 8-bit sRGB."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from PIL.Image import Image as _Pillow

# Behind transparent pictures: a light neutral grey, so that dark hair stands out.
BACKDROP = (200, 200, 200)

_MOST_PROFILE_BYTES = 8_000_000
# Full scale of pictures with more than 8 bits: what the file says is often only the container's.
_FULL_SCALES = (255, 1023, 4095, 16383, 65535, 2**32 - 1)
# Colour spaces of profiles, as ICC has them, and the mode of the pixels that they describe.
_MODES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK", "Lab": "LAB"}
# The gamma of a PNG that is near to sRGB's needs no correction.
_SRGB_GAMMA, _NEAR = 0.45455, 0.06


def to_srgb(picture: _Pillow, profile: object, gamma: object = None) -> _Pillow:
    """Any picture in mode RGB, sRGB; what is transparent is laid on `BACKDROP`.

    Args:
        picture: of any mode.
        profile: its ICC profile, bytes; a broken one, or one of other colours than the picture's, is ignored.
        gamma: of a PNG without a profile, the exponent by which its values were made from light.
    """
    from PIL import Image as Pillow

    if picture.mode.startswith(("I", "F")):
        picture = Pillow.fromarray(to_uint8(np.asarray(picture)))
    if picture.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in picture.info:
        rgba = (picture.convert("LA") if picture.mode == "La" else picture).convert("RGBA")
        colours = to_srgb(rgba.convert("RGB"), profile, gamma)
        colours.putalpha(rgba.getchannel("A"))
        backdrop = Pillow.new("RGBA", rgba.size, (*BACKDROP, 255))
        return Pillow.alpha_composite(backdrop, colours).convert("RGB")
    through = _apply_profile(picture, profile)
    if through is not None:
        return through
    if picture.mode == "LAB":
        return _from_lab(picture)
    picture = picture.convert("RGB")
    if isinstance(gamma, float) and 0.1 < gamma < 3.0 and abs(gamma - _SRGB_GAMMA) > _NEAR:
        return picture.point(_gamma_table(gamma) * 3)
    return picture


def to_uint8(values: npt.NDArray[np.generic]) -> npt.NDArray[np.uint8]:
    """Integers of more than 8 bits, or floats, to uint8 of the same shape: by the scale that they seem to be on.

    Integers are on the smallest scale (8, 10, 12, 14, 16, 32 bits) that holds them all. Floats are on 0 to 1; where
    most lie above it, on the scale of integers; where a few do, they are amounts of light without an upper end.
    """
    floats = np.nan_to_num(values.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    np.clip(floats, 0.0, None, out=floats)
    largest = float(floats.max(initial=0.0))
    if np.issubdtype(values.dtype, np.integer):
        full = next((float(scale) for scale in _FULL_SCALES if largest <= scale), largest)
    elif largest <= 1.0:
        full = 1.0
    elif float(np.quantile(floats, 0.5)) > 1.0:
        full = next((float(scale) for scale in _FULL_SCALES if largest <= scale), largest)
    else:
        light = np.clip(floats / np.float32(np.quantile(floats, 0.999)), 0.0, 1.0)
        return np.asarray(np.rint(255.0 * _linear_to_srgb(light)), np.uint8)
    scaled = floats * np.float32(255.0 / max(full, 1e-6))
    return np.asarray(np.clip(scaled, 0.0, 255.0), np.uint8)


def _apply_profile(picture: _Pillow, profile: object) -> _Pillow | None:
    """Through the embedded profile, or None where there is none for such pixels."""
    from PIL import ImageCms

    if not isinstance(profile, bytes) or not 0 < len(profile) <= _MOST_PROFILE_BYTES:
        return None
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        mode = _MODES.get(source.profile.xcolor_space.strip())
        if mode == "RGB" and picture.mode not in ("CMYK", "LAB"):
            picture = picture.convert("RGB")  # palettes and greys are often said to be sRGB
        elif mode == "L" and picture.mode == "1":
            picture = picture.convert("L")
        if mode != picture.mode:
            return None
        return ImageCms.profileToProfile(picture, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None


def _from_lab(picture: _Pillow) -> _Pillow:
    from PIL import ImageCms

    lab, target = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(picture, lab, target, outputMode="RGB")
    assert converted is not None  # only where it works in place
    return converted


def _gamma_table(gamma: float) -> list[int]:
    """Lookup table, uint8 [256], from a PNG with this gamma to sRGB."""
    light = (np.arange(256) / 255.0) ** (1.0 / gamma)
    return [int(value) for value in np.rint(255.0 * _linear_to_srgb(light))]


def _linear_to_srgb(light: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Linear light, 0 to 1, to sRGB values, 0 to 1."""
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * np.maximum(light, 0.0031308) ** (1.0 / 2.4) - 0.055)
