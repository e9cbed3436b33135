"""What surrounds the face: ears, neck and shoulders, clothes, backdrop."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from portraits.brush import Canvas, Floats, bump, curve, mirrored, mix, ramp, rgb
from portraits.light import SKIN_BLEED, Surface, darken, lit
from portraits.shape import Face, Line

EAR: Line = (
    (0.98, -0.06),
    (1.05, -0.20),
    (1.15, -0.235),
    (1.225, -0.15),
    (1.225, 0.03),
    (1.17, 0.22),
    (1.135, 0.38),
    (1.06, 0.48),
    (0.98, 0.42),
)


@dataclass(frozen=True, slots=True)
class Garment:
    """A piece of clothing.

    Attributes:
        outline: closed line of the viewer's right half and its mirror image, from the neckline's middle.
        color: of the cloth.
        folds: lines of folds on the viewer's right half; the left has them slightly moved.
        rib_width: width of knitted ribs along the neckline, 0 for none.
        knit: strength of the knitted texture.
        sheen: how much the cloth shines.
    """

    outline: Line
    color: str
    folds: tuple[Line, ...] = ()
    rib_width: float = 0.0
    knit: float = 0.0
    sheen: float = 0.02


def paint_backdrop(canvas: Canvas, colors: tuple[str, str, str], rng: np.random.Generator) -> Floats:
    """A softly lit wall, out of focus: colours of the bright spot, the middle and the corners."""
    bright, middle, corner = (rgb(code) for code in colors)
    far = np.hypot(canvas.x + 1.0, (canvas.y + 0.7) * 0.9)
    image = np.broadcast_to(middle, (*far.shape, 3)).astype(np.float32)
    image = mix(image, bright, 0.9 * np.exp(-((far / 1.9) ** 2)))
    image = mix(image, corner, ramp(np.hypot(canvas.x, canvas.y - 0.3), 1.6, 4.2))
    for _ in range(16):  # lights far behind, as discs
        cx, cy, radius = rng.uniform(-3, 3), rng.uniform(-2.7, 2.4), rng.uniform(0.12, 0.42)
        disc = ramp(np.hypot(canvas.x - cx, canvas.y - cy), radius + 0.09, radius - 0.09)
        image = mix(image, np.clip(bright * 1.15, 0, 1), rng.uniform(0.03, 0.12) * disc)
    return image * (1 + 0.02 * canvas.noise(0.5, rng))[..., None]


def shoulders(neck: float) -> Line:
    """Outline of neck and shoulders, viewer's right half, for a neck `neck` wide to each side."""
    return (
        (neck * 0.98, 0.7),
        (neck, 1.5),
        (neck * 1.03, 1.95),
        (neck + 0.16, 2.18),
        (1.15, 2.38),
        (1.8, 2.56),
        (2.5, 2.80),
        (3.0, 3.2),
        (3.3, 4.0),
    )


def paint_body(canvas: Canvas, image: Floats, face: Face, neck: float, rng: np.random.Generator) -> Floats:
    """Neck and shoulders, with the head's shadow on them."""
    mask, height = body_form(canvas, neck)
    x, y = canvas.x, canvas.y
    for side in (1, -1):
        muscle = mirrored(((neck * 0.9, 1.55), (0.36, 2.15), (0.12, 2.62)), side)
        height = height + 0.045 * canvas.stroke(muscle, (0.08, 0.13, 0.07), 0.05)
        bone = mirrored(((0.14, 2.70), (0.5, 2.62), (1.0, 2.60), (1.7, 2.55)), side)
        height = height + 0.05 * canvas.stroke(bone, (0.12, 0.09, 0.09, 0.03), 0.035)
        hollow = mirrored(((0.45, 2.45), (0.9, 2.44), (1.4, 2.42)), side)
        height = height - 0.05 * canvas.stroke(hollow, (0.05, 0.2, 0.05), 0.06)
    height = height - 0.07 * bump(x, y - 2.70, 0.09, 0.10)
    height = height + 0.03 * bump(x, y - 2.15, 0.10, 0.14)
    skin = rgb(face.skin) * np.array([0.97, 0.93, 0.92], np.float32)
    albedo = np.broadcast_to(skin, (*x.shape, 3)) * (1 + 0.02 * canvas.noise(0.05, rng))[..., None]
    head = canvas.fill(face.closed_outline())
    below = np.roll(head, (int(0.30 * canvas.unit), int(0.10 * canvas.unit)), axis=(0, 1))
    dimmed = np.clip(1.25 * canvas.blur(below, 0.09), 0, 1) * ramp(y, 2.6, 2.0)
    painted = lit(canvas, height, albedo.astype(np.float32), mask, Surface(SKIN_BLEED, 0.05, 0.03, 0.25), None, dimmed)
    contact = canvas.blur(np.roll(head, int(0.06 * canvas.unit), axis=0), 0.10)
    painted = darken(painted, np.array([0.55, 0.42, 0.40], np.float32), 0.75 * np.clip(contact * 1.3, 0, 1))
    return mix(image, painted, mask)


def body_form(canvas: Canvas, neck: float, grow: float = 0.0) -> tuple[Floats, Floats]:
    """Mask and height map of neck and shoulders, made wider by `grow`."""
    half = curve(shoulders(neck + grow))
    mask = canvas.fill(np.vstack([half, mirrored(half[::-1], -1)]), 0.006)
    inflated = np.sqrt(np.clip(2 * canvas.blur(mask, 0.26) - 1, 0, 1))
    column = np.sqrt(np.clip(1 - (canvas.x / (neck * 1.06)) ** 2, 0.02, 1))
    in_neck = ramp(canvas.y, 2.35, 1.9)
    height = -1.1 + (1 - in_neck) * (0.65 * inflated + 0.15 * (canvas.y - 2.3)) + in_neck * 0.55 * column
    return mask, np.asarray(height, np.float32)


def paint_garment(canvas: Canvas, image: Floats, garment: Garment, neck: float, rng: np.random.Generator) -> Floats:
    """Cloth over the shoulders that belong to a neck `neck` wide, with folds and ribs."""
    x, y = canvas.x, canvas.y
    half = curve(garment.outline)
    outline = np.vstack([half, mirrored(half[::-1], -1)])
    mask = canvas.fill(outline, 0.007)
    inflated = np.sqrt(np.clip(2 * canvas.blur(mask, 0.30) - 1, 0, 1))
    height = 0.6 * inflated + 0.12 * canvas.blur(mask, 0.04)
    for line in garment.folds:
        for side in (1, -1):
            moved = [(px + rng.normal(0, 0.05), py + rng.normal(0, 0.05)) for px, py in line]
            height = height + 0.035 * canvas.stroke(mirrored(moved, side), (0.02, 0.16, 0.02), 0.06)
    texture = 0.02 * canvas.noise(0.03, rng)
    if garment.knit:
        rows = np.sin(2 * np.pi * (y + 0.02 * canvas.noise(0.3, rng)) / 0.045)
        columns = np.sin(2 * np.pi * (x + 0.10 * (y - 2.5) * np.sign(x)) / 0.05 + 0.8 * rows)
        texture = texture + garment.knit * 0.06 * columns * (0.7 + 0.3 * rows)
    if garment.rib_width:
        edge = curve(garment.outline[:4])
        path = np.vstack([mirrored(edge[:0:-1], -1), edge])
        band = canvas.stroke(path[::8], (garment.rib_width * 2,), 0.006) * mask
        height = height + 0.05 * canvas.blur(band, 0.02)
        angle = np.arctan2(x, np.maximum(y - 1.2, 0.05))
        ribs = np.sin(angle * 95)
        texture = texture * (1 - band) + 0.10 * ribs * band
        below = canvas.blur(np.roll(band, int(0.05 * canvas.unit), axis=0), 0.03) * (1 - band)
        texture = texture - 0.22 * below
    albedo = np.clip(rgb(garment.color) * (1 + texture)[..., None], 0, 1).astype(np.float32)
    chin_shadow = 0.75 * bump(x - 0.15, y - 2.15, 0.75, 0.45)
    cloth = lit(canvas, height, albedo, mask, Surface((0.01, 0.01, 0.01), garment.sheen, 0, 0.12), None, chin_shadow)
    beside = canvas.blur(np.roll(mask, -int(0.02 * canvas.unit), axis=0), 0.05)
    image = darken(
        image, np.array([0.50, 0.42, 0.42], np.float32), 0.65 * np.clip(beside * 1.2, 0, 1) * body_form(canvas, neck)[0]
    )
    return mix(image, cloth, mask)


def paint_stud(canvas: Canvas, image: Floats, color: str, side: float) -> Floats:
    """A small ball of metal in the lobe of an ear."""
    x, y = (canvas.x * side - 1.105) / 0.055, (canvas.y - 0.47) / 0.055
    mask = ramp(np.hypot(x, y), 1.08, 0.92)
    height = 0.055 * np.sqrt(np.clip(1 - x * x - y * y, 0.01, 1))
    albedo = np.broadcast_to(rgb(color), (*x.shape, 3)).astype(np.float32)
    image = darken(image, np.array([0.5, 0.4, 0.4], np.float32), 0.7 * bump(x - 0.3, y - 0.5, 1.3, 1.3))
    return mix(
        image, lit(canvas, np.asarray(height, np.float32), albedo, mask, Surface((0, 0, 0), 0.35, 0.9, 0.6)), mask
    )


def paint_ear(canvas: Canvas, image: Floats, face: Face, side: float, rng: np.random.Generator) -> Floats:
    """One ear, partly behind the face; `side` 1 is the viewer's right."""
    mask = canvas.fill(curve(mirrored(EAR, side), closed=True), 0.008)
    height = 0.16 * np.sqrt(np.clip(2 * canvas.blur(mask, 0.07) - 0.7, 0, 1))
    helix = mirrored(
        ((1.02, -0.09), (1.09, -0.19), (1.165, -0.19), (1.20, -0.09), (1.195, 0.05), (1.15, 0.20), (1.12, 0.32)), side
    )
    height = height + 0.06 * canvas.stroke(helix, (0.03, 0.05, 0.05, 0.02), 0.014)
    inner = mirrored(((1.06, -0.04), (1.115, -0.06), (1.13, 0.03), (1.10, 0.14), (1.07, 0.22)), side)
    height = height - 0.12 * canvas.stroke(inner, (0.03, 0.075, 0.05), 0.022)
    x = canvas.x * side
    height = height - 0.10 * bump(x - 1.04, canvas.y - 0.12, 0.05, 0.09)
    skin = rgb(face.skin) * np.array([1.0, 0.88, 0.85], np.float32)
    albedo = np.broadcast_to(skin, (*x.shape, 3)) * (1 + 0.02 * canvas.noise(0.05, rng))[..., None]
    dimmed = np.full_like(x, 0.15 if side < 0 else 0.45)
    painted = lit(canvas, height, albedo.astype(np.float32), mask, Surface(SKIN_BLEED, 0.05, 0.03, 0.3), None, dimmed)
    hole = canvas.blur(canvas.stroke(inner, (0.02, 0.06, 0.03)), 0.02)
    painted = darken(painted, np.array([0.52, 0.36, 0.33], np.float32), 0.8 * hole)
    painted = darken(painted, np.array([0.6, 0.45, 0.42], np.float32), 0.7 * ramp(x, 1.12, 1.0))
    return mix(image, painted, mask)
