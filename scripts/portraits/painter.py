"""One picture of one person, layer by layer from the back."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from portraits.body import Garment, paint_backdrop, paint_body, paint_ear, paint_garment, paint_stud
from portraits.brush import Canvas, Floats, mix, rgb
from portraits.face import paint_face
from portraits.hair import Curls, Sheet, hairline_softener, paint_layer, shadow_on_skin
from portraits.shape import Face, Line

SIZE = 768
"""Width and height of a portrait, pixels: half as much again as the decoder's frames, and well under 1 MB."""
SUPERSAMPLING = 2
"""Painted this much larger, then averaged: smooth edges everywhere."""
_GRAIN = 0.006


@dataclass(frozen=True, slots=True)
class Person:
    """A person: face, hair, clothes and what is behind them.

    Attributes:
        name: also the file's name.
        seed: of strands, freckles and noise.
        face: the face.
        neck: half its width, face units.
        ears: whether they show.
        backdrop: colours of the wall: bright spot, middle, corners.
        palette: colours of the hair, dark to bright.
        mass_behind: closed line around the dark mass of hair behind the neck.
        hair_behind: strands on it.
        mass_front: closed line around the mass under the hair over the face's edge.
        hair_front: strands on it.
        garments: from the skin outwards.
        studs: colour of the ear studs, if any.
    """

    name: str
    seed: int
    face: Face
    neck: float
    ears: bool
    backdrop: tuple[str, str, str]
    palette: tuple[str, ...]
    mass_behind: Line | None = None
    hair_behind: tuple[Sheet | Curls, ...] = ()
    mass_front: Line | None = None
    hair_front: tuple[Sheet | Curls, ...] = ()
    garments: tuple[Garment, ...] = ()
    studs: str | None = None


def paint(person: Person, size: int = SIZE, supersampling: int = SUPERSAMPLING) -> npt.NDArray[np.uint8]:
    """Paints a person: uint8 [size, size, 3] RGB; the same every time."""
    canvas = Canvas.of_size(size * supersampling)

    def rng(stream: int) -> np.random.Generator:
        # A stream for every layer: changing one leaves the others as they were.
        return np.random.default_rng([person.seed, stream])

    image = paint_backdrop(canvas, person.backdrop, rng(0))
    if person.hair_behind or person.mass_behind:
        behind = paint_layer(canvas, person.hair_behind, person.mass_behind, rng(1))
        image = behind.over(image, person.palette)
    front = paint_layer(canvas, person.hair_front, person.mass_front, rng(2))
    dimmed = shadow_on_skin(canvas, front)
    image = paint_body(canvas, image, person.face, person.neck, rng(3))
    for garment in person.garments:
        image = paint_garment(canvas, image, garment, person.neck, rng(4))
    if person.ears:
        for side in (1.0, -1.0):
            image = paint_ear(canvas, image, person.face, side, rng(5))
            if person.studs:
                image = paint_stud(canvas, image, person.studs, side)
    image = paint_face(canvas, image, person.face, dimmed, rng(6))
    image = mix(image, image * (0.35 + 0.4 * rgb(person.palette[1])), hairline_softener(canvas, front))
    image = front.over(image, person.palette)
    small = _graded(cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA))
    grain = rng(7).normal(0, _GRAIN, (SIZE, SIZE)).astype(np.float32)
    small = small + cv2.resize(grain, (size, size), interpolation=cv2.INTER_AREA)[..., None]
    return np.asarray(np.clip(np.rint(small * 255), 0, 255), np.uint8)


def _graded(image: Floats) -> Floats:
    """The last touch: bright parts glow a little, and middle tones get some contrast."""
    bright = np.clip(image - 0.55, 0, 1)
    glow = cv2.GaussianBlur(bright, (0, 0), 0.012 * image.shape[0])
    image = image + 0.16 * glow
    return np.asarray(image + 0.35 * image * (1 - image) * (image - 0.42), np.float32)
