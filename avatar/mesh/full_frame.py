"""The photo's own frame, upright, with the animated head put back where it was cut out."""

from __future__ import annotations

import cv2
import numpy as np

from avatar.decoder import SIZES, FaceDecoder, Image
from avatar.geometry.head import FixedSides
from avatar.geometry.warp import smoothstep
from avatar.motion import Floats
from avatar.picture.files import decode_picture, read_picture
from avatar.portrait.portrait import Portrait
from avatar.secondary_motion import NO_LAG

LONGEST_PX = 1920
"""The longer side of the frame is at most this."""

# The square's border fades into the photo over this share of its side.
_FEATHER = 0.04
# The photo goes on beyond a side of the square when there is more of it than this share of the square.
_GOES_ON = 0.01


class FullFrame:
    """A photo and the place of the face in it.

    Args:
        portrait: of the photo, at any size.

    Attributes:
        width: of the frame, pixels, even.
        height: of the frame, pixels, even.
        size: what the square should be decoded at, one of `avatar.decoder.SIZES`.
        fixed: the sides at which it must not move.

    Raises:
        InputError: the photo can't be read again.
    """

    def __init__(self, portrait: Portrait) -> None:
        photo = decode_picture(portrait.path, read_picture(portrait.path)).image
        photo = np.ascontiguousarray(np.rot90(photo, -portrait.turns))
        scale = min(1.0, LONGEST_PX / max(photo.shape[:2]))
        self.width, self.height = (2 * max(1, round(side * scale / 2)) for side in (photo.shape[1], photo.shape[0]))
        method = cv2.INTER_AREA if scale < 1.0 else cv2.INTER_CUBIC
        self._photo = np.asarray(cv2.resize(photo, (self.width, self.height), interpolation=method), np.uint8)
        to_x, to_y = self.width / photo.shape[1], self.height / photo.shape[0]
        left, top, side = portrait.placement
        box = np.array([left * to_x, top * to_y, (left + side) * to_x, (top + side) * to_y])
        self.size = min(SIZES, key=lambda size: abs(size - side * to_x))
        x0, y0, x1, y1 = (round(float(edge)) for edge in box)
        reach = _GOES_ON * side * to_x
        self.fixed = FixedSides(x0 > reach, y0 > reach, x1 < self.width - reach, y1 < self.height - reach)
        self._square = (x1 - x0, y1 - y0)
        # The part of the frame that the square covers, and the part of the square that lies in the frame.
        self._rows, self._columns = slice(max(y0, 0), min(y1, self.height)), slice(max(x0, 0), min(x1, self.width))
        self._inside = (
            slice(self._rows.start - y0, self._rows.stop - y0),
            slice(self._columns.start - x0, self._columns.stop - x0),
        )
        self._weight = self._feathered()[self._inside]
        self._behind = self._photo[self._rows, self._columns].astype(np.float32) * (1.0 - self._weight)

    def compose(self, square: Image) -> Image:
        """The whole frame around a decoded square: uint8 [S, S, 3] to a new uint8 [height, width, 3]."""
        method = cv2.INTER_AREA if square.shape[0] > self._square[0] else cv2.INTER_CUBIC
        placed = (
            square if square.shape[1::-1] == self._square else cv2.resize(square, self._square, interpolation=method)
        )
        frame = self._photo.copy()
        blended = placed[self._inside] * self._weight + self._behind
        frame[self._rows, self._columns] = np.rint(blended).astype(np.uint8)
        return frame

    def _feathered(self) -> Floats:
        """1 in the square, falling to 0 at the sides at which the photo goes on: float32 [h, w, 1]."""
        width, height = self._square
        feather = _FEATHER * width
        x, y = np.arange(width) + 0.5, np.arange(height) + 0.5
        fixed = self.fixed
        across, down = np.ones(width), np.ones(height)
        for is_fixed, from_side in ((fixed.left, x), (fixed.right, width - x)):
            across = np.minimum(across, smoothstep(from_side, 0.0, feather) if is_fixed else 1.0)
        for is_fixed, from_side in ((fixed.top, y), (fixed.bottom, height - y)):
            down = np.minimum(down, smoothstep(from_side, 0.0, feather) if is_fixed else 1.0)
        return (down[:, None] * across[None, :]).astype(np.float32)[:, :, None]


class FullFrameDecoder:
    """Draws the whole photo with one motion vector.

    Args:
        decoder: of the square, which keeps `frame.fixed` sides still.
        frame: of the same photo.
    """

    def __init__(self, decoder: FaceDecoder, frame: FullFrame) -> None:
        self._decoder = decoder
        self._frame = frame

    def decode(self, values: Floats, breath: float = 0.0, lag: Floats = NO_LAG) -> Image:
        """Draws one frame, uint8 [height, width, 3] RGB; arguments as `avatar.decoder.FaceDecoder` has them."""
        return self._frame.compose(self._decoder.decode(values, breath, lag))
