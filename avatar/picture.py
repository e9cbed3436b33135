"""Picture files, whatever they are, as upright sRGB pixels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from avatar.decoder import Image
from speech.errors import InputError

if TYPE_CHECKING:
    from PIL.Image import Image as _Pillow

# Larger pictures are scaled down before anything looks at them; a face worth animating survives it.
_MAX_SIDE_PX = 2400
# Above this many pixels a file is taken for a decompression bomb (the largest cameras make 150 million).
_MAX_PIXELS = 200_000_000
# Behind transparent pictures: a light neutral grey, so that dark hair stands out.
_BACKDROP = (200, 200, 200)


def decode_picture(path: Path, content: bytes) -> Image:
    """Picture bytes to uint8 [H, W, 3] RGB: upright, sRGB, alpha flattened on grey, the longer side at most 2400 px.

    Args:
        path: only named in errors.
        content: the file's bytes.

    Raises:
        InputError: not a picture, damaged, or far too large.
    """
    import io
    import warnings

    from PIL import Image as Pillow
    from PIL import ImageOps, UnidentifiedImageError

    try:
        # Pillow warns about large pictures on its own account; the limit here is ours.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Pillow.open(io.BytesIO(content)) as file:
                width, height = file.size
                if width * height > _MAX_PIXELS:
                    raise InputError(
                        f"{path}: expected a picture of at most {_MAX_PIXELS // 1_000_000} million pixels, "
                        f"got {width}x{height}; scale it down"
                    )
                file.load()
                picture = ImageOps.exif_transpose(file)
                profile = picture.info.get("icc_profile")
                picture = _eight_bit_rgb(picture)
    except UnidentifiedImageError:
        raise InputError(f"{path}: expected a picture (PNG, JPEG, WebP, BMP, TIFF), got something else") from None
    except (OSError, SyntaxError, ValueError, EOFError, Pillow.DecompressionBombError) as error:
        raise InputError(f"{path}: expected a whole picture, could not decode it: {error}; save it again") from None
    picture = _to_srgb(picture, profile)
    picture.thumbnail((_MAX_SIDE_PX, _MAX_SIDE_PX), Pillow.Resampling.LANCZOS)
    return np.asarray(picture, np.uint8)


def _eight_bit_rgb(picture: _Pillow) -> _Pillow:
    from PIL import Image as Pillow

    if picture.mode.startswith("I") or picture.mode == "F":  # 16 and 32 bits of grey: stretch to what is there
        values = np.asarray(picture, np.float32)
        top = 65535.0 if picture.mode.startswith("I") else max(float(values.max()), 1e-6)
        picture = Pillow.fromarray(np.clip(values * (255.0 / top), 0, 255).astype(np.uint8))
    if picture.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in picture.info:
        rgba = picture.convert("RGBA")
        backdrop = Pillow.new("RGBA", rgba.size, (*_BACKDROP, 255))
        return Pillow.alpha_composite(backdrop, rgba).convert("RGB")
    return picture.convert("RGB")


def _to_srgb(picture: _Pillow, profile: object) -> _Pillow:
    """Through the embedded colour profile where it is an RGB one; a broken profile is ignored."""
    import io

    from PIL import ImageCms

    if not isinstance(profile, bytes):
        return picture
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if source.profile.xcolor_space.strip() != "RGB":
            return picture
        converted = ImageCms.profileToProfile(picture, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        return picture
    return picture if converted is None else converted
