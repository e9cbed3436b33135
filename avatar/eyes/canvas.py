"""The part of a portrait on which one eye's closed lid is painted, with the measures that its painting goes by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from avatar.decoder import Image
from avatar.geometry import landmarks as lm
from avatar.geometry.opening import Slit
from avatar.motion import Doubles, Floats
from avatar.picture.blending import GREY

SCALE = 2
"""Texels a pixel of the portrait."""


@dataclass(frozen=True)
class LidCanvas:
    """One eye and what is around it, enlarged; all fields are [h, w] and lengths are eye distances.

    Attributes:
        texture: uint8 [2 S, 2 S, 3], the portrait enlarged.
        texels: float32 [h, w, 2], which part of it this is, pixels of the portrait.
        plane: of the face.
        slit: the opening in the photo.
        closing: how far the upper rim comes down in a closed eye, at positions (a) along it.
        outwards: sign of the face plane's first axis away from the nose.
    """

    texture: Image
    texels: Floats
    plane: lm.FacePlane
    slit: Slit
    closing: Callable[[Doubles], Doubles]
    outwards: float

    @cached_property
    def unit(self) -> float:
        """Texels an eye distance."""
        return SCALE * self.plane.eye_distance_px

    @cached_property
    def at(self) -> Doubles:
        """Where the texels lie in the face plane, [h, w, 2]."""
        return self.plane.to_plane(self.texels)

    @cached_property
    def across(self) -> Doubles:
        """Position along the slit: -1 at its inner corner, 1 at its outer one."""
        return self.outwards * self.slit.across(self.at[..., 0])

    @cached_property
    def above(self) -> Doubles:
        """Height above the open eye's upper rim."""
        return np.asarray(self.at[..., 1] - self.slit.upper_at(self.at[..., 0]))

    @cached_property
    def below(self) -> Doubles:
        """Depth below the lower rim."""
        return np.asarray(self.slit.lower_at(self.at[..., 0]) - self.at[..., 1])

    @cached_property
    def down(self) -> Doubles:
        """How far the upper rim comes down."""
        return self.closing(self.at[..., 0])

    @cached_property
    def above_closed(self) -> Doubles:
        """Height above the closed eye's upper rim."""
        return self.above + self.down

    @cached_property
    def colour(self) -> Image:
        """The photo here, uint8 [h, w, 3]."""
        return self.taken((0.0, 0.0))

    @cached_property
    def values(self) -> Floats:
        """The photo here, float32 [h, w, 3]."""
        return self.colour.astype(np.float32)

    @cached_property
    def grey(self) -> Floats:
        """How light the photo is here, float32 [h, w]."""
        return self.values @ GREY

    def taken(self, shift: tuple[float, float]) -> Image:
        """The photo as it is so far away, outwards and up: uint8 [h, w, 3]."""
        there = self.texels + self.plane.axes @ np.array([self.outwards * shift[0], shift[1]])
        at = (there * SCALE + (SCALE - 1) / 2.0).astype(np.float32)
        return np.asarray(
            cv2.remap(self.texture, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8
        )

    def moved_down(self, values: Floats, by: Doubles) -> Floats:
        """Values [h, w, C], each texel's taken from so far above it."""
        rows, columns = np.mgrid[: by.shape[0], : by.shape[1]]
        at = np.stack([columns, rows], axis=-1) + by[..., None] * self.plane.axes[:, 1] * SCALE
        found = cv2.remap(
            values.astype(np.float32),
            at.astype(np.float32),
            None,
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        return np.asarray(found, np.float32)

    def to_texels(self, points: Doubles) -> Doubles:
        """Points of the face plane, [N, 2], as columns and rows."""
        return np.asarray((self.plane.to_pixels(points) - self.texels[0, 0]) * SCALE)
