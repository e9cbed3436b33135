"""Eyes and brows."""

from __future__ import annotations

import numpy as np

from portraits.brush import Canvas, Floats, along, bump, curve, mirrored, mix, ramp, rgb, ribbon, shade_of
from portraits.light import darken
from portraits.shape import Face, Polygon

EYE_X = 0.49
"""Middle of an eye's opening."""
PUPIL = (0.492, -0.022)
"""Looking at the viewer; a little high, so that the upper lid covers the top of the iris."""


def paint_eye(canvas: Canvas, image: Floats, face: Face, side: float, rng: np.random.Generator) -> Floats:
    """Lids, eyeball, iris and lashes of one eye over `image`; `side` 1 is the viewer's right."""
    x, y = canvas.x * side, canvas.y  # the eye is described on the viewer's right
    upper, lower = curve(face.upper_lid), curve(face.lower_lid)
    opening = canvas.fill(mirrored(np.vstack([upper, lower[::-1]]), side), 0.004)
    lid_edge, floor = along(face.upper_lid, x), along(face.lower_lid, x)

    # Lid, its crease and the shadow of the socket, on the skin.
    crease_tint = np.array([0.58, 0.44, 0.42], np.float32)
    image = darken(
        image, crease_tint, 0.45 * canvas.stroke(mirrored(face.crease, side), (0.01, 0.05, 0.05, 0.0), 0.022)
    )
    image = darken(
        image, crease_tint, 0.75 * canvas.stroke(mirrored(face.crease, side), (0.003, 0.014, 0.014, 0.0), 0.006)
    )
    lid_glow = canvas.stroke(
        mirrored(
            [((a + c) / 2, (b + d) / 2) for (a, b), (c, d) in zip(face.upper_lid, face.crease, strict=True)], side
        ),
        (0.0, 0.03, 0.02, 0.0),
        0.012,
    )
    image = mix(image, np.clip(rgb(face.skin) * 1.12, 0, 1), 0.30 * lid_glow)
    bag = [(px, py + 0.075 + 0.03 * face.age) for px, py in face.lower_lid[1:-1]]
    image = darken(
        image,
        np.array([0.78, 0.66, 0.66], np.float32),
        (0.25 + 0.45 * face.age) * canvas.stroke(mirrored(bag, side), (0.0, 0.03, 0.02, 0.0), 0.014),
    )

    # The ball.
    ball = np.broadcast_to(rgb(face.eye_white), (*x.shape, 3)).astype(np.float32)
    round_off = np.clip(((x - EYE_X) / 0.30) ** 2 + (y / 0.24) ** 2, 0, 1)
    ball = ball * (1 - 0.42 * round_off)[..., None]
    pink = 0.40 * ramp(x, 0.36, 0.27) + 0.15 * ramp(x, 0.64, 0.74)
    ball = mix(ball, np.array([0.83, 0.60, 0.56], np.float32), pink)
    ball = mix(
        ball,
        _iris(canvas, face, side, x, y, rng),
        ramp(np.hypot(x - PUPIL[0], y - PUPIL[1]), face.iris_radius + 0.006, face.iris_radius - 0.006),
    )
    under_lid = np.exp(-np.clip(y - lid_edge, 0, 1) / 0.032)
    ball = ball * (1 - 0.62 * under_lid)[..., None] * np.array([1, 0.985, 0.98], np.float32)
    ball = ball * (1 - 0.20 * np.exp(-np.clip(floor - y, 0, 1) / 0.012))[..., None]
    caruncle = canvas.fill(
        curve(mirrored(((0.262, 0.030), (0.285, 0.008), (0.312, 0.022), (0.300, 0.045)), side), True), 0.008
    )
    ball = mix(ball, rgb(face.skin) * np.array([0.92, 0.66, 0.62], np.float32), 0.85 * caruncle)
    # Catch-lights are where the lamp is, not mirrored: on both eyes up and to the left.
    for dx, dy, radius, strength in ((-0.040, -0.040, 0.021, 1.0), (0.040, 0.046, 0.011, 0.45)):
        spot = bump(canvas.x - side * PUPIL[0] - dx, y - PUPIL[1] - dy, radius, radius * 1.1)
        ball = mix(ball, np.ones(3, np.float32), strength * ramp(spot, 0.25, 0.65))
    image = mix(image, ball, opening)

    # Wet rim of the lower lid, then lashes.
    rim = [(px, py + 0.007) for px, py in face.lower_lid]
    image = mix(
        image,
        np.clip(rgb(face.skin) * np.array([1.04, 0.88, 0.84], np.float32), 0, 1),
        0.75 * canvas.stroke(mirrored(rim, side), (0.0, 0.013, 0.014, 0.006), 0.004),
    )
    below = [(px, py + 0.017) for px, py in face.lower_lid]
    lash_color = shade_of(rgb(face.hair), 0.25) * 0.6 + np.array([0.03, 0.02, 0.02], np.float32)
    image = mix(
        image, lash_color, 0.38 * face.makeup * canvas.stroke(mirrored(below, side), (0.0, 0.004, 0.010, 0.004), 0.006)
    )
    line = [(px, py - 0.006) for px, py in face.upper_lid]
    image = mix(
        image, lash_color, 0.5 * face.makeup * canvas.stroke(mirrored(line, side), (0.005, 0.035, 0.045, 0.012), 0.012)
    )
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
    color = mix(
        color, np.clip(rgb(face.iris) * np.array([1.30, 1.12, 0.80], np.float32), 0, 1), 0.65 * ramp(radius, 0.72, 0.45)
    )
    # Light entering from above gathers on the far side of the iris.
    color = (
        color
        * (
            0.80
            + 0.75
            * ramp(dy / face.iris_radius - 0.35 * side * dx / face.iris_radius * -1, -0.2, 0.8)
            * ramp(radius, 1.0, 0.8)
        )[..., None]
    )
    return mix(
        np.clip(color, 0, 1).astype(np.float32), np.array([0.03, 0.025, 0.03], np.float32), ramp(radius, 0.47, 0.40)
    )


def paint_brow(canvas: Canvas, image: Floats, face: Face, side: float, rng: np.random.Generator) -> Floats:
    """One brow, hair by hair, over `image`; `side` 1 is the viewer's right."""
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
