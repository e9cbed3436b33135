"""The interface of a face decoder: built for one portrait, it draws a picture for every motion vector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from avatar.motion import Floats
from avatar.secondary_motion import NO_LAG

Image = npt.NDArray[np.uint8]
"""uint8 [H, W, 3], RGB."""

FRAME_SIZE = 512
"""Width and height of a decoded frame where nothing else is asked for, pixels."""

SIZES = tuple(range(256, 1025, 128))
"""Widths of square frames that can be asked for, pixels."""


@dataclass(frozen=True, slots=True)
class VideoFrame:
    """One picture and its place on the audio clock.

    Attributes:
        image: uint8 [H, W, 3] RGB.
        pts_samples: the output sample that plays when the picture is first shown.
    """

    image: Image
    pts_samples: int


class FaceDecoder(Protocol):
    """Turns one motion vector into one picture of the portrait it was built for."""

    def decode(self, values: Floats, breath: float = 0.0, lag: Floats = NO_LAG) -> Image:
        """Draws one frame. Stateless: the same arguments, the same bytes.

        Args:
            values: float32 [60].
            breath: how far the chest has risen, 0 (as in the portrait) to 1.
            lag: how far behind the head what hangs from it is (`avatar.secondary_motion`), float32 [2].

        Returns:
            uint8 [H, W, 3] RGB, or [H, W, 4] where there is alpha.
        """
        ...


@runtime_checkable
class DistantFaceDecoder(Protocol):
    """A decoder that draws in another process, one picture after the other."""

    async def decode_elsewhere(self, values: Floats, breath: float = 0.0, lag: Floats = NO_LAG) -> Image:
        """As `FaceDecoder.decode`; the caller's threads are free meanwhile."""
        ...
