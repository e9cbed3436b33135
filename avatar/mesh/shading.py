"""Wrinkles: what skin that folds, bulges and stretches does to the light on it, laid over the moved face.

Bending a photo moves its shadows but makes no new ones, and a smile without its folds looks painted on. Each crease is
a curve placed by the person's own landmarks, dark along its bottom and a little lighter on the side that bulges; each
bulge is lit from above. They come with the controls that fold the skin there, and stay on skin: hair, hats and
spectacles keep their colours.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from avatar.decoder import Image
from avatar.geometry import landmarks as lm
from avatar.geometry.warp import Grid, pixel_slices, visible_cells
from avatar.mesh.controls import INDEX
from avatar.mesh.creases import Bulge, Crease, Dimpling, Drivers, face_creases
from avatar.motion import Doubles, Floats
from avatar.picture.blending import colourfulness

# A byte of the shade map: this is "as it is", so that a byte reaches from black to 28 % lighter in steps of half a
# percent, which skin's own grain hides.
_NEUTRAL = 200
# Shadows on skin are red: blood under it scatters light back. How much more is taken from red, green and blue.
_REDNESS = (-0.18, 0.05, 0.12)
# Less than this is not seen.
_LEAST = 0.02
# Shade is drawn on so many steps a cell of the frame's grid, which is as fine as creases are, and then enlarged.
_STEPS = 2
# Smooth skin (children, illustrations) folds less than skin with pores: its share, and the grey levels of fine grain
# on the cheeks between which it grows to 1.
_SMOOTH_SHARE, _GRAIN_FROM, _GRAIN_TO = 0.4, 0.8, 3.0
# The light on a turned face is found where skin is so sure, with this ridge, and taken for at least this share of the
# usual; a turn changes it by at most this share. Angles below this, radians, change nothing that is seen.
_SURE_SKIN, _LIGHT_RIDGE, _DARKEST, _MOST_TURNED, _LEAST_TURN = 0.6, 0.02, 0.4, 0.12, 0.01
# How softly it ends at the face's outline, and how smooth its shape is, eye distances.
_OUTLINE_SOFT, _SHAPE_BLUR = 0.12, 0.05
# Colours this far from the face's own (CIE Lab, which OpenCV scales to bytes) are not skin.
_SKIN_WITHIN = 22.0
_SKIN_AT = (50, 280, 101, 330, 205, 425, 151, 9, 199, 4)


@dataclass(frozen=True, slots=True)
class _Part:
    """One crease or bulge, ready to be added: what drives it, and where it is in the map."""

    drivers: Drivers
    at: tuple[slice, slice]
    shade: Floats


class Shading:
    """Darkens and lightens the skin of one portrait.

    Args:
        image: uint8 [S, S, 3], the portrait.
        landmarks: float32 [478, 3], pixels.
        plane: of the face.
        box: the part of the portrait that expressions move.
        grid: over the frame, of the backward map.
        depth: of the head, float32 [rows, columns], pixels, and
        depth_grid: where it is known.
        cover: float32 [S, S], how much of each pixel is the person's.
    """

    def __init__(
        self,
        image: Image,
        landmarks: Floats,
        plane: lm.FacePlane,
        box: Grid,
        grid: Grid,
        depth: Floats,
        depth_grid: Grid,
        cover: Floats,
    ) -> None:
        self._grid = grid
        self._step = grid.cell // _STEPS
        self._map_grid = Grid(box.left, box.top, box.width // self._step, box.height // self._step, self._step)
        self._nodes = self._map_grid.index(grid.nodes())
        self._map = np.zeros((self._map_grid.rows, self._map_grid.columns), np.float32)
        nodes = self._map_grid.nodes()
        at = plane.to_plane(nodes)
        # A wall may have the skin's colour too, and must not flicker beside a cheek.
        bare = _skin(image, landmarks, plane) * cover
        skin = cv2.remap(bare, nodes, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
        strength = np.float32(_strength(image, landmarks, plane))
        self._parts = list(_parts(face_creases(plane.to_plane(landmarks)), at, strength * skin))
        unit_px = plane.eye_distance_px / self._step
        shape = cv2.GaussianBlur(depth_grid.sample(depth, nodes) / self._step, (0, 0), _SHAPE_BLUR * unit_px)
        self._turns = _turned_light(image, landmarks, nodes, np.asarray(shape, np.float32), skin, unit_px)
        self._turned_at = cv2.boundingRect((np.abs(self._turns).max(axis=0) > 0.01).astype(np.uint8))
        self._drive = np.zeros((len(self._parts), len(INDEX)), np.float32)
        for row, part in zip(self._drive, self._parts, strict=True):
            for name, share in part.drivers.items():
                row[INDEX[name]] = share
        levels = np.arange(256, dtype=np.float64) / _NEUTRAL
        at_skin = _skin_places(image, landmarks)
        colourful = colourfulness(np.median(image[at_skin].astype(np.float64), axis=0))
        table = [np.clip(_NEUTRAL * levels ** (1.0 + colourful * red), 0, 255) for red in _REDNESS]
        self._table = np.rint(np.stack(table, axis=-1)).astype(np.uint8)[:, None, :]

    def draw(self, frame: Image, controls: Floats, back: Floats, angles: Floats) -> None:
        """Shades a frame in place.

        Args:
            frame: uint8 [S, S, 3], the person drawn.
            controls: float32 [len(CONTROLS)].
            back: float32 [rows, columns, 2] on the grid, pixels from the frame to the portrait.
            angles: by which the head is turned, pitch, yaw, roll, radians, float32 [3].
        """
        box = self._filled(controls, angles)
        if box is None:
            return
        source = self._nodes + back * np.float32(1.0 / self._step)
        cells = visible_cells(source, box)
        if cells is None:
            return
        rows, columns = (part.stop - part.start for part in cells)
        there = cv2.resize(source[cells], (columns * _STEPS, rows * _STEPS))
        levels = cv2.convertScaleAbs(self._map, alpha=_NEUTRAL, beta=_NEUTRAL)
        shade = cv2.remap(
            levels, there, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=(_NEUTRAL,)
        )
        cell = self._grid.cell
        shade = cv2.resize(shade, (columns * cell, rows * cell))
        region = frame[pixel_slices(cells, cell)]
        light = cv2.LUT(cv2.cvtColor(shade, cv2.COLOR_GRAY2RGB), self._table)
        cv2.multiply(region, light, dst=region, scale=1.0 / _NEUTRAL)

    def _filled(self, controls: Floats, angles: Floats) -> tuple[int, int, int, int] | None:
        """Adds up what is there now; the rectangle of the map that it fills, or None if it is nothing."""
        self._map.fill(0.0)
        x0, y0, x1, y1 = self._map_grid.columns, self._map_grid.rows, 0, 0
        if np.abs(angles).max() > _LEAST_TURN:
            x0, y0, width, height = self._turned_at
            x1, y1 = x0 + width, y0 + height
            turned = np.tensordot(angles, self._turns[:, y0:y1, x0:x1], axes=1)
            np.clip(turned, -_MOST_TURNED, _MOST_TURNED, out=self._map[y0:y1, x0:x1])
        amounts = np.clip(self._drive @ controls, 0.0, 1.0).tolist()
        for part, amount in zip(self._parts, amounts, strict=True):
            if amount < _LEAST:
                continue
            rows, columns = part.at
            self._map[part.at] += np.float32(amount) * part.shade
            x0, y0, x1, y1 = min(x0, columns.start), min(y0, rows.start), max(x1, columns.stop), max(y1, rows.stop)
        return (x0, y0, x1 - x0, y1 - y0) if x1 > x0 else None


def _parts(creases: list[Crease | Bulge | Dimpling], at: Doubles, strength: Floats) -> Iterator[_Part]:
    """Draws each crease once, in the smallest window that holds it."""
    for crease in creases:
        low, high = crease.bounds()
        inside = ((at >= low) & (at <= high)).all(axis=-1)
        rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
        if not len(rows):
            continue
        window = (slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1))
        shade = crease.shade(at[window]).astype(np.float32) * strength[window]
        yield _Part(crease.drivers, window, shade)


def _turned_light(image: Image, landmarks: Floats, nodes: Floats, depth: Floats, skin: Floats, unit: float) -> Floats:
    """What a turn adds to the light on a face, a radian of pitch, yaw and roll each: float32 [3, rows, columns].

    The light is what explains the skin's brightness by its normals, ambient and from one side (the first two orders of
    spherical harmonics; Ramamoorthi & Hanrahan 2001, "An efficient representation for irradiance environment maps").
    It stays in the room while the normals turn with the head.

    Args:
        image: uint8 [S, S, 3].
        landmarks: float32 [478, 3], pixels.
        nodes: float32 [rows, columns, 2], pixels of the portrait.
        depth: float32 [rows, columns], steps between nodes, away from the viewer.
        skin: float32 [rows, columns], how much each place is bare skin.
        unit: eye distance, steps between nodes.
    """
    down, right = np.gradient(depth.astype(np.float64))
    normal = np.stack([right, down, -np.ones_like(right)])
    normal /= np.linalg.norm(normal, axis=0)
    outline = (landmarks[list(lm.FACE_OVAL), :2] - nodes[0, 0]) / (nodes[0, 1, 0] - nodes[0, 0, 0])
    face = np.zeros(depth.shape, np.float32)
    cv2.fillPoly(face, [np.rint(outline).astype(np.int32)], (1.0,))
    soft = 2.0 * cv2.GaussianBlur(face, (0, 0), _OUTLINE_SOFT * unit) - 1.0
    grey = cv2.GaussianBlur(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), (0, 0), 2.0)
    light = cv2.remap(grey, nodes, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).astype(np.float64)
    sure = (face > 0.0) & (skin > _SURE_SKIN)
    if int(sure.sum()) < 100:
        return np.zeros((3, *depth.shape), np.float32)
    light /= max(float(np.median(light[sure])), 1.0)
    middle = normal[:, sure].mean(axis=1)
    from_middle = normal[:, sure] - middle[:, None]
    source = np.linalg.solve(
        from_middle @ from_middle.T / sure.sum() + _LIGHT_RIDGE * np.eye(3),
        from_middle @ (light[sure] - light[sure].mean()) / sure.sum(),
    )
    lit = light[sure].mean() + np.tensordot(source, normal - middle[:, None, None], axes=1)
    x, y, z = normal
    zero = np.zeros_like(x)
    turns = np.stack([np.stack([zero, z, -y]), np.stack([-z, zero, x]), np.stack([-y, x, zero])])
    changed = np.einsum("tirc,i->trc", turns, source) / np.maximum(lit, _DARKEST)
    return np.asarray(changed * np.clip(soft, 0.0, 1.0), np.float32)


def _skin(image: Image, landmarks: Floats, plane: lm.FacePlane) -> Floats:
    """How much each pixel is bare skin: near one of the face's own colours, float32 [S, S] in [0, 1]."""
    blur = 0.02 * plane.eye_distance_px
    lab = cv2.cvtColor(cv2.GaussianBlur(image, (0, 0), blur), cv2.COLOR_RGB2LAB).astype(np.float32)
    lab[:, :, 0] *= 0.45  # light and shade on the same skin
    colours = lab[_skin_places(image, landmarks)]
    middle = np.median(colours, axis=0)
    own = colours[np.linalg.norm(colours - middle, axis=1) < 2.0 * _SKIN_WITHIN]
    distance = np.min([np.linalg.norm(lab - colour, axis=2) for colour in own], axis=0)
    skin = np.exp(-((distance / _SKIN_WITHIN) ** 4)).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(skin, (0, 0), 1.5 * blur), np.float32)


def _skin_places(image: Image, landmarks: Floats) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Rows and columns of places that are bare skin on most faces."""
    at = np.clip(np.rint(landmarks[list(_SKIN_AT), :2]).astype(int), 0, image.shape[0] - 1)
    return at[:, 1], at[:, 0]


def _strength(image: Image, landmarks: Floats, plane: lm.FacePlane) -> float:
    """Less on skin without grain."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    fine = np.abs(grey - cv2.GaussianBlur(grey, (0, 0), 0.012 * plane.eye_distance_px))
    reach = max(int(0.08 * plane.eye_distance_px), 3)
    found = []
    for index in (50, 280, 101, 330):
        x, y = np.clip(landmarks[index, :2].astype(int), reach, image.shape[0] - reach - 1)
        found.append(float(fine[y - reach : y + reach, x - reach : x + reach].mean()))
    share = (float(np.median(found)) - _GRAIN_FROM) / (_GRAIN_TO - _GRAIN_FROM)
    return _SMOOTH_SHARE + (1.0 - _SMOOTH_SHARE) * float(np.clip(share, 0.0, 1.0))
