"""The face: its shape as a height map, its colouring, and its features (eyes, brows, nostrils, lips)."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from portraits.brush import Canvas, Floats, along, bump, curve, mirrored, mix, pair, ramp, rgb, ribbon, shade_of
from portraits.light import SKIN_BLEED, Surface, darken, lit

Polygon = npt.NDArray[np.float64]
Line = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Face:
    """One person's face, in face units and display colours. Lines are of the viewer's right half.

    Attributes:
        outline: from the top of the head to the chin.
        upper_lid: edge of the upper lid, from the inner to the outer corner of the eye.
        lower_lid: the same of the lower lid.
        crease: fold above the upper lid.
        brow: middle line of the brow, from the inner end.
        brow_width: full widths along it.
        lip_top: upper edge of the upper lip, from the middle to the corner.
        lip_line: where the lips meet.
        lip_bottom: lower edge of the lower lip.
        iris_radius: of the iris.
        nose_width: factor, 1 is a nose of medium width.
        nose_height: factor on how far the nose stands out.
        cheek: factor on the height of the cheekbones.
        age: 0 young … 1 lines of a life: folds, bags, crow's feet.
        beard: 0 shaven … 1 three days of stubble.
        lash: length of the lashes.
        freckles: how many.
        makeup: darkness of the line along the lashes.
        blush: strength of the red of the cheeks.
        gloss: how much the skin shines.
        skin, lips, iris, iris_ring, hair: colours.
    """

    outline: Line
    upper_lid: Line
    lower_lid: Line
    crease: Line
    brow: Line
    brow_width: tuple[float, ...]
    lip_top: Line
    lip_line: Line
    lip_bottom: Line
    skin: str
    lips: str
    iris: str
    iris_ring: str
    hair: str
    blush_color: str
    iris_radius: float = 0.108
    nose_width: float = 1.0
    nose_height: float = 1.0
    cheek: float = 1.0
    age: float = 0.0
    beard: float = 0.0
    lash: float = 0.07
    freckles: int = 0
    makeup: float = 0.6
    blush: float = 0.35
    gloss: float = 0.08
    eye_white: str = "#efe9e4"
    extra_lines: tuple[Line, ...] = field(default=())

    def closed_outline(self) -> Polygon:
        """The whole outline as a dense polygon."""
        half = np.asarray(self.outline)
        return curve(np.vstack([half, mirrored(half[1:-1][::-1], -1)]), closed=True)


EYE_X = 0.49
"""Middle of an eye's opening."""
PUPIL = (0.492, -0.022)
"""Looking at the viewer; a little high, so that the upper lid covers the top of the iris."""


def face_height(canvas: Canvas, face: Face, mask: Floats) -> Floats:
    """Height map of the face: an egg in horizontal slices, and the hills and valleys on it."""
    x, y = canvas.x, canvas.y
    ax = np.abs(x)
    rows = np.maximum(mask.sum(axis=1, keepdims=True) / (2 * canvas.unit), 1e-3)
    middle = along(((-1.9, -0.95), (-1.6, -0.5), (-1.3, -0.24), (-0.9, -0.08), (-0.4, 0.0), (0.2, 0.0), (0.8, 0.02),
                    (1.2, 0.03), (1.55, 0.0), (1.75, -0.1), (1.95, -0.5)), y)
    depth = np.minimum(1.05, 0.95 * rows + 0.05)
    across = np.clip(ax / rows, 0, 0.995)
    z = middle - depth + depth * np.sqrt(1 - across**2.35)
    z = canvas.blur(z * mask, 0.03) / np.maximum(canvas.blur(mask, 0.03), 1e-3)

    z += 0.05 * pair(x, y + 0.92, 0.42, 0.40, 0.30)  # forehead
    z += 0.055 * pair(x, y + 0.36, 0.45, 0.34, 0.11)  # brow ridge
    z -= 0.13 * pair(x, y + 0.04, 0.44, 0.27, 0.19)  # eye sockets
    z -= 0.055 * pair(x, y + 0.0, 0.235, 0.09, 0.14)
    z += 0.10 * pair(x, y - 0.0, 0.50, 0.19, 0.12)  # eyeballs under the lids
    z += 0.075 * face.cheek * pair(x, y - 0.42, 0.70, 0.27, 0.22)  # cheekbones
    z += 0.055 * face.cheek * pair(x, y - 0.60, 0.55, 0.19, 0.17)  # apples of the cheeks
    z -= 0.06 * pair(x, y - 1.00, 0.80, 0.20, 0.26)  # hollow below
    z -= 0.05 * pair(x, y + 0.30, 1.00, 0.16, 0.30)  # temples
    z += 0.07 * bump(x, y - 1.10, 0.42, 0.30)  # teeth behind the lips
    z -= 0.055 * bump(x, y - 1.385, 0.24, 0.065)  # below the lower lip
    z += 0.10 * bump(x, y - 1.62, 0.26, 0.17)  # chin
    z -= 0.035 * pair(x, y - 1.12, 0.45, 0.06, 0.07)  # corners of the mouth
    z -= 0.016 * bump(x, y - 0.91, 0.045, 0.10)  # philtrum and its ridges
    z += 0.008 * pair(x, y - 0.93, 0.085, 0.04, 0.10)
    z += _nose(x, y, face)
    z += _lips(ax, y, face)
    fold = canvas.stroke(mirrored(((0.27, 0.70), (0.38, 0.82), (0.48, 0.96), (0.53, 1.08)), 1), (0.01, 0.05, 0.01), 0.03)
    fold += fold[:, ::-1]
    z -= (0.018 + 0.035 * face.age) * fold
    for line in face.extra_lines:
        for side in (1, -1):
            z -= 0.009 * canvas.stroke(mirrored(line, side), (0.0, 0.022, 0.0), 0.009)
    return np.asarray(z, np.float32)


def _nose(x: Floats, y: Floats, face: Face) -> Floats:
    ridge = along(((-0.45, 0.0), (-0.3, 0.02), (-0.12, 0.07), (0.1, 0.14), (0.35, 0.225), (0.52, 0.285), (0.61, 0.30),
                   (0.69, 0.25), (0.755, 0.12), (0.80, 0.03), (0.88, 0.0)), y)
    width = along(((-0.45, 0.19), (-0.1, 0.125), (0.2, 0.125), (0.45, 0.15), (0.62, 0.165), (0.9, 0.17)), y)
    z = ridge * np.exp(-((np.abs(x) / (width * face.nose_width)) ** 2.4))
    z += 0.055 * bump(x, y - 0.61, 0.115 * face.nose_width, 0.10)  # tip
    z += 0.15 * pair(x, y - 0.675, 0.195 * face.nose_width, 0.075, 0.085)  # wings
    z -= 0.04 * pair(x, y - 0.70, 0.295 * face.nose_width, 0.04, 0.08)
    return np.asarray(z * face.nose_height, np.float32)


def _lips(ax: Floats, y: Floats, face: Face) -> Floats:
    top, line, bottom = (along(edge, ax) for edge in (face.lip_top, face.lip_line, face.lip_bottom))
    corner = face.lip_line[-1][0]
    fade = np.sqrt(np.clip(1 - (ax / corner) ** 2, 0, 1))
    upper = np.clip((y - top) / np.maximum(line - top, 1e-3), 0, 1)
    lower = np.clip((y - line) / np.maximum(bottom - line, 1e-3), 0, 1)
    z = 0.055 * upper**0.8 * np.sqrt(np.clip(1 - upper**6, 0, 1))
    z += 0.085 * np.sin(np.pi * np.clip(lower, 0, 1) ** 0.62) * (lower > 0)
    return np.asarray(z * fade, np.float32)


def lip_mask(canvas: Canvas, face: Face, softness: float = 0.012) -> Floats:
    """Where the lips are coloured."""
    whole = np.vstack([curve(face.lip_top), curve(face.lip_bottom)[::-1],
                       mirrored(curve(face.lip_bottom), -1), mirrored(curve(face.lip_top)[::-1], -1)])
    return canvas.fill(whole, softness)


def paint_face(canvas: Canvas, image: Floats, face: Face, dimmed: Floats, rng: np.random.Generator) -> Floats:
    """Paints skin, lips, eyes and brows over `image` [H, W, 3]; `dimmed` is the hair's shadow on the skin."""
    mask = canvas.fill(face.closed_outline(), 0.010)
    height = face_height(canvas, face, canvas.fill(face.closed_outline()))
    height = height + 0.0007 * canvas.noise(0.02, rng)
    lips = lip_mask(canvas, face)
    albedo = skin_color(canvas, face, rng)
    lip_color = np.broadcast_to(rgb(face.lips), (*lips.shape, 3)).astype(np.float32)
    line = along(face.lip_line, np.abs(canvas.x))
    lip_color = lip_color * (0.86 + 0.14 * ramp(canvas.y - line, -0.01, 0.03))[..., None]
    creases = 0.05 * np.sin(canvas.x * 95 + 9 * canvas.noise(0.1, rng)) * ramp(np.abs(canvas.y - line), 0.0, 0.08)
    albedo = mix(albedo, lip_color * (1 + creases)[..., None], 0.88 * lips)
    ax = np.abs(canvas.x)
    oil = 0.55 + 0.9 * bump(canvas.x, canvas.y - 0.5, 0.22, 0.35) + 0.5 * bump(canvas.x, canvas.y + 0.8, 0.6, 0.35)
    oil += 0.5 * pair(canvas.x, canvas.y - 0.35, 0.62, 0.25, 0.2) + 2.2 * lips * ramp(canvas.y, 1.10, 1.20)
    oil = oil * (1 - 0.55 * face.beard * beard_area(canvas, face)) * (1 + 0.12 * canvas.noise(0.03, rng))
    skin = lit(canvas, height, albedo, mask, Surface(SKIN_BLEED, face.gloss, face.gloss * 0.9, 0.22), oil, dimmed)
    image = mix(image, skin, mask)
    image = _paint_nostrils(canvas, image, face)
    for side in (1.0, -1.0):
        image = _paint_eye(canvas, image, face, side, rng)
        image = _paint_brow(canvas, image, face, side, rng)
    return _paint_lip_line(canvas, image, face)


def beard_area(canvas: Canvas, face: Face) -> Floats:
    """Where a beard grows, in [0, 1]."""
    ax = np.abs(canvas.x)
    upper_edge = along(((0.0, 0.86), (0.28, 0.92), (0.5, 1.05), (0.8, 0.82), (1.0, 0.35), (1.2, 0.1)), ax)
    return ramp(canvas.y - upper_edge, -0.06, 0.12) * (1 - lip_mask(canvas, face, 0.03))


def skin_color(canvas: Canvas, face: Face, rng: np.random.Generator) -> Floats:
    """Unlit colour of the skin [H, W, 3]: redder cheeks, nose and chin, yellower forehead, spots and freckles."""
    x, y, ax = canvas.x, canvas.y, np.abs(canvas.x)
    skin = rgb(face.skin)
    albedo = np.broadcast_to(skin, (*x.shape, 3)).astype(np.float32)
    rosy = face.blush * (pair(x, y - 0.50, 0.64, 0.27, 0.20) + 0.55 * bump(x, y - 0.64, 0.26, 0.16)
                         + 0.25 * bump(x, y - 1.66, 0.3, 0.15))
    albedo = mix(albedo, rgb(face.blush_color), np.clip(rosy, 0, 1))
    albedo = mix(albedo, albedo * np.array([0.86, 0.78, 0.78], np.float32),
                 0.55 * pair(x, y - 0.10, 0.46, 0.30, 0.10) + 0.25 * pair(x, y - 0.02, 0.25, 0.10, 0.12))
    albedo = albedo * (1 + 0.018 * canvas.noise(0.16, rng) + 0.02 * canvas.noise(0.035, rng))[..., None]
    if face.beard:
        stubble = beard_area(canvas, face) * (0.85 + 0.5 * canvas.noise(0.014, rng)) * face.beard
        albedo = mix(albedo, 0.6 * rgb(face.hair) + 0.3 * skin, np.clip(0.42 * stubble, 0, 1))
    for _ in range(face.freckles):
        cx, cy = rng.normal(0, 0.42), rng.normal(0.42, 0.2)
        radius = rng.uniform(0.006, 0.014)
        around = np.hypot(canvas.x[0] - cx, 0) < 0.06
        columns = np.flatnonzero(around)
        rows = np.flatnonzero(np.abs(canvas.y[:, 0] - cy) < 0.06)
        if len(columns) and len(rows):
            spot = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
            dot = rng.uniform(0.15, 0.4) * bump(x[spot] - cx, y[spot] - cy, radius * 1.2, radius)
            albedo[spot] = mix(albedo[spot], skin * np.array([0.74, 0.58, 0.5], np.float32), dot)
    return np.asarray(albedo, np.float32)


def _paint_nostrils(canvas: Canvas, image: Floats, face: Face) -> Floats:
    dark = shade_of(rgb(face.skin), 1.0) * np.array([0.34, 0.20, 0.18], np.float32)
    w = face.nose_width
    for side in (1, -1):
        hole = mirrored(((0.045 * w, 0.755), (0.075 * w, 0.735), (0.125 * w, 0.728), (0.165 * w, 0.745),
                         (0.155 * w, 0.765), (0.10 * w, 0.768)), side)
        image = darken(image, np.array([0.62, 0.45, 0.42], np.float32), 0.55 * canvas.fill(curve(hole, True), 0.03))
        image = mix(image, dark, 0.85 * canvas.fill(curve(hole, closed=True), 0.010))
        wing = mirrored(((0.215 * w, 0.575), (0.262 * w, 0.62), (0.278 * w, 0.69), (0.245 * w, 0.75), (0.19 * w, 0.77)), side)
        image = darken(image, np.array([0.62, 0.46, 0.43], np.float32),
                       0.55 * canvas.stroke(wing, (0.0, 0.02, 0.03, 0.0), 0.010))
    return image


def _paint_lip_line(canvas: Canvas, image: Floats, face: Face) -> Floats:
    line = np.vstack([mirrored(curve(face.lip_line)[:0:-1], -1), curve(face.lip_line)])
    tint = rgb(face.lips) * np.array([0.38, 0.26, 0.28], np.float32)
    soft = canvas.fill(ribbon(line, (0.0, 0.035, 0.045, 0.035, 0.0)), 0.016)
    image = darken(image, np.array([0.60, 0.42, 0.44], np.float32), 0.8 * soft)
    image = mix(image, tint, 0.92 * canvas.fill(ribbon(line, (0.008, 0.017, 0.021, 0.017, 0.008)), 0.004))
    corner_x, corner_y = face.lip_line[-1]
    for side in (1, -1):
        spot = bump(canvas.x - side * (corner_x + 0.005), canvas.y - corner_y, 0.026, 0.026)
        image = darken(image, np.array([0.62, 0.46, 0.45], np.float32), 0.6 * spot)
    return image


def _paint_eye(canvas: Canvas, image: Floats, face: Face, side: float, rng: np.random.Generator) -> Floats:
    x, y = canvas.x * side, canvas.y  # the eye is described on the viewer's right
    upper, lower = curve(face.upper_lid), curve(face.lower_lid)
    opening = canvas.fill(mirrored(np.vstack([upper, lower[::-1]]), side), 0.004)
    lid_edge, floor = along(face.upper_lid, x), along(face.lower_lid, x)

    # Lid, its crease and the shadow of the socket, on the skin.
    crease_tint = np.array([0.58, 0.44, 0.42], np.float32)
    image = darken(image, crease_tint, 0.45 * canvas.stroke(mirrored(face.crease, side), (0.01, 0.05, 0.05, 0.0), 0.022))
    image = darken(image, crease_tint, 0.75 * canvas.stroke(mirrored(face.crease, side), (0.003, 0.014, 0.014, 0.0), 0.006))
    lid_glow = canvas.stroke(mirrored([((a + c) / 2, (b + d) / 2) for (a, b), (c, d) in
                                       zip(face.upper_lid, face.crease, strict=True)], side), (0.0, 0.03, 0.02, 0.0), 0.012)
    image = mix(image, np.clip(rgb(face.skin) * 1.12, 0, 1), 0.30 * lid_glow)
    bag = [(px, py + 0.075 + 0.03 * face.age) for px, py in face.lower_lid[1:-1]]
    image = darken(image, np.array([0.78, 0.66, 0.66], np.float32),
                   (0.25 + 0.45 * face.age) * canvas.stroke(mirrored(bag, side), (0.0, 0.03, 0.02, 0.0), 0.014))

    # The ball.
    ball = np.broadcast_to(rgb(face.eye_white), (*x.shape, 3)).astype(np.float32)
    round_off = np.clip(((x - EYE_X) / 0.30) ** 2 + (y / 0.24) ** 2, 0, 1)
    ball = ball * (1 - 0.42 * round_off)[..., None]
    pink = 0.40 * ramp(x, 0.36, 0.27) + 0.15 * ramp(x, 0.64, 0.74)
    ball = mix(ball, np.array([0.83, 0.60, 0.56], np.float32), pink)
    ball = mix(ball, _iris(canvas, face, side, x, y, rng), ramp(np.hypot(x - PUPIL[0], y - PUPIL[1]),
                                                                face.iris_radius + 0.006, face.iris_radius - 0.006))
    under_lid = np.exp(-np.clip(y - lid_edge, 0, 1) / 0.032)
    ball = ball * (1 - 0.62 * under_lid)[..., None] * np.array([1, 0.985, 0.98], np.float32)
    ball = ball * (1 - 0.20 * np.exp(-np.clip(floor - y, 0, 1) / 0.012))[..., None]
    caruncle = canvas.fill(curve(mirrored(((0.262, 0.030), (0.285, 0.008), (0.312, 0.022), (0.300, 0.045)), side), True), 0.008)
    ball = mix(ball, rgb(face.skin) * np.array([0.92, 0.66, 0.62], np.float32), 0.85 * caruncle)
    # Catch-lights are where the lamp is, not mirrored: on both eyes up and to the left.
    for dx, dy, radius, strength in ((-0.040, -0.040, 0.021, 1.0), (0.040, 0.046, 0.011, 0.45)):
        spot = bump(canvas.x - side * PUPIL[0] - dx, y - PUPIL[1] - dy, radius, radius * 1.1)
        ball = mix(ball, np.ones(3, np.float32), strength * ramp(spot, 0.25, 0.65))
    image = mix(image, ball, opening)

    # Wet rim of the lower lid, then lashes.
    rim = [(px, py + 0.007) for px, py in face.lower_lid]
    image = mix(image, np.clip(rgb(face.skin) * np.array([1.04, 0.88, 0.84], np.float32), 0, 1),
                0.75 * canvas.stroke(mirrored(rim, side), (0.0, 0.013, 0.014, 0.006), 0.004))
    below = [(px, py + 0.017) for px, py in face.lower_lid]
    lash_color = shade_of(rgb(face.hair), 0.25) * 0.6 + np.array([0.03, 0.02, 0.02], np.float32)
    image = mix(image, lash_color, 0.38 * face.makeup * canvas.stroke(mirrored(below, side), (0.0, 0.004, 0.010, 0.004), 0.006))
    line = [(px, py - 0.006) for px, py in face.upper_lid]
    image = mix(image, lash_color, 0.5 * face.makeup * canvas.stroke(mirrored(line, side), (0.005, 0.035, 0.045, 0.012), 0.012))
    thick = 0.55 + 0.45 * face.makeup
    widths = [thick * width for width in (0.006, 0.018, 0.024, 0.026, 0.006)]
    image = mix(image, lash_color, 0.95 * thick**0.3 * canvas.stroke(mirrored(line, side), widths, 0.003))
    lashes: list[Polygon] = []
    strengths: list[float] = []
    for at in np.linspace(0.10, 1.0, 56):
        root = upper[int(at * (len(upper) - 1))] - (0, 0.006)
        lean = -0.35 + 1.35 * at + rng.normal(0, 0.16)
        length = face.lash * (0.45 + 0.65 * at) * rng.uniform(0.6, 1.15)
        tip = root + length * np.array([np.sin(lean), -0.75 * np.cos(lean)])
        middle = (root + tip) / 2 + 0.22 * length * np.array([np.sin(lean) * 0.6, 0.5])
        lashes.append(ribbon(curve(mirrored([root, middle, tip], side), steps=6), (0.008, 0.005, 0.0008)))
        strengths.append(1.0)
    for at in np.linspace(0.3, 0.95, 16):
        root = lower[int(at * (len(lower) - 1))] + (0, 0.012)
        tip = root + face.lash * 0.42 * np.array([0.9 * at - 0.2 + rng.normal(0, 0.1), 0.75])
        lashes.append(ribbon(mirrored([root, tip], side), (0.006, 0.001)))
        strengths.append(0.10 + 0.26 * face.makeup)
    return mix(image, lash_color, (0.55 + 0.4 * face.makeup) * canvas.strands(lashes, strengths))


def _iris(canvas: Canvas, face: Face, side: float, x: Floats, y: Floats, rng: np.random.Generator) -> Floats:
    dx, dy = x - PUPIL[0], y - PUPIL[1]
    radius = np.hypot(dx, dy) / face.iris_radius
    angle = np.arctan2(dy, dx)
    fibres = np.zeros_like(x)
    for count in (9, 17, 29, 41, 67):
        fibres += np.sin(count * angle + rng.uniform(0, 6.28) + 1.5 * np.sin(3 * radius + count)) / 5
    color = np.broadcast_to(rgb(face.iris), (*x.shape, 3)).astype(np.float32)
    color = color * (1 + 0.30 * fibres * ramp(radius, 0.3, 0.6))[..., None]
    color = mix(color, rgb(face.iris_ring), ramp(radius, 0.62, 0.98))
    color = mix(color, np.clip(rgb(face.iris) * np.array([1.30, 1.12, 0.80], np.float32), 0, 1),
                0.65 * ramp(radius, 0.72, 0.45))
    # Light entering from above gathers on the far side of the iris.
    color = color * (0.80 + 0.75 * ramp(dy / face.iris_radius - 0.35 * side * dx / face.iris_radius * -1, -0.2, 0.8)
                     * ramp(radius, 1.0, 0.8))[..., None]
    return mix(np.clip(color, 0, 1).astype(np.float32), np.array([0.03, 0.025, 0.03], np.float32), ramp(radius, 0.47, 0.40))


def _paint_brow(canvas: Canvas, image: Floats, face: Face, side: float, rng: np.random.Generator) -> Floats:
    middle = curve(face.brow)
    widths = np.interp(np.linspace(0, 1, len(middle)), np.linspace(0, 1, len(face.brow_width)), face.brow_width)
    color = rgb(face.hair)
    image = mix(image, color, 0.40 * canvas.fill(mirrored(ribbon(middle[6:], face.brow_width), side), 0.028))
    hairs: list[Polygon] = []
    strengths: list[float] = []
    tangent = np.gradient(middle, axis=0)
    for _ in range(330):
        at = rng.beta(1.0, 1.15)
        i = min(int(at * (len(middle) - 1)), len(middle) - 2)
        along_brow = tangent[i] / np.linalg.norm(tangent[i])
        across = np.array([along_brow[1], -along_brow[0]])  # upwards
        offset = rng.uniform(-0.5, 0.42)
        root = middle[i] + across * offset * widths[i]
        # Inner hairs stand up, outer ones lie along the brow; upper ones point down, lower ones up.
        lean = np.interp(at, (0, 0.15, 0.5, 1), (1.25, 0.75, 0.30, 0.05)) - 0.45 * (offset + 0.1) + rng.normal(0, 0.12)
        length = rng.uniform(0.07, 0.125) * np.interp(at, (0, 0.2, 1), (0.75, 1, 0.75))
        tip = root + length * (np.cos(lean) * along_brow + np.sin(lean) * across)
        bend = (root + tip) / 2 + 0.012 * across
        hairs.append(ribbon(curve(mirrored([root, bend, tip], side), steps=6), (0.004, 0.0075, 0.001)))
        strengths.append(rng.uniform(0.4, 1.0) * float(np.interp(at, (0, 0.12), (0.6, 1))))
    return mix(image, shade_of(color, 0.85), canvas.blur(canvas.strands(hairs, strengths), 0.0025))
