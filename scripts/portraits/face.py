"""The painted face: skin, nostrils and lips; the eyes are in eyes.py."""

from __future__ import annotations

import numpy as np

from portraits.brush import Canvas, Floats, along, bump, curve, mirrored, mix, pair, ramp, rgb, ribbon
from portraits.eyes import paint_brow, paint_eye
from portraits.light import SKIN_BLEED, Surface, darken, lit
from portraits.shape import Face, face_height, lip_mask


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
    oil = 0.55 + 0.9 * bump(canvas.x, canvas.y - 0.5, 0.22, 0.35) + 0.5 * bump(canvas.x, canvas.y + 0.8, 0.6, 0.35)
    oil += 0.5 * pair(canvas.x, canvas.y - 0.35, 0.62, 0.25, 0.2) + 2.2 * lips * ramp(canvas.y, 1.10, 1.20)
    oil = oil * (1 - 0.55 * face.beard * beard_area(canvas, face)) * (1 + 0.12 * canvas.noise(0.03, rng))
    skin = lit(canvas, height, albedo, mask, Surface(SKIN_BLEED, face.gloss, face.gloss * 0.9, 0.22), oil, dimmed)
    image = mix(image, skin, mask)
    image = _paint_nostrils(canvas, image, face)
    for side in (1.0, -1.0):
        image = paint_eye(canvas, image, face, side, rng)
        image = paint_brow(canvas, image, face, side, rng)
    return _paint_lip_line(canvas, image, face)


def beard_area(canvas: Canvas, face: Face) -> Floats:
    """Where a beard grows, in [0, 1]."""
    ax = np.abs(canvas.x)
    upper_edge = along(((0.0, 0.86), (0.28, 0.92), (0.5, 1.05), (0.8, 0.82), (1.0, 0.20), (1.2, -0.1)), ax)
    return ramp(canvas.y - upper_edge, -0.06, 0.12) * (1 - lip_mask(canvas, face, 0.03))


def skin_color(canvas: Canvas, face: Face, rng: np.random.Generator) -> Floats:
    """Unlit colour of the skin [H, W, 3]: redder cheeks, nose and chin, yellower forehead, spots and freckles."""
    x, y = canvas.x, canvas.y
    skin = rgb(face.skin)
    albedo = np.broadcast_to(skin, (*x.shape, 3)).astype(np.float32)
    rosy = face.blush * (
        pair(x, y - 0.50, 0.64, 0.27, 0.20) + 0.55 * bump(x, y - 0.64, 0.26, 0.16) + 0.25 * bump(x, y - 1.66, 0.3, 0.15)
    )
    albedo = mix(albedo, rgb(face.blush_color), np.clip(rosy, 0, 1))
    albedo = mix(
        albedo,
        albedo * np.array([0.86, 0.78, 0.78], np.float32),
        0.55 * pair(x, y - 0.10, 0.46, 0.30, 0.10) + 0.25 * pair(x, y - 0.02, 0.25, 0.10, 0.12),
    )
    albedo = albedo * (1 + 0.018 * canvas.noise(0.16, rng) + 0.02 * canvas.noise(0.035, rng))[..., None]
    if face.beard:
        stubble = beard_area(canvas, face) * (0.85 + 0.5 * canvas.noise(0.014, rng)) * face.beard
        albedo = mix(albedo, 0.6 * rgb(face.hair) + 0.3 * skin, np.clip(0.42 * stubble, 0, 1))
    for _ in range(face.freckles):
        cx, cy = rng.normal(0, 0.42), rng.normal(0.42, 0.2)
        radius = rng.uniform(0.006, 0.014)
        columns = np.flatnonzero(np.abs(canvas.x[0] - cx) < 0.06)
        rows = np.flatnonzero(np.abs(canvas.y[:, 0] - cy) < 0.06)
        if len(columns) and len(rows):
            spot = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
            dot = rng.uniform(0.15, 0.4) * bump(x[spot] - cx, y[spot] - cy, radius * 1.2, radius)
            albedo[spot] = mix(albedo[spot], skin * np.array([0.74, 0.58, 0.5], np.float32), dot)
    return np.asarray(albedo, np.float32)


def _paint_nostrils(canvas: Canvas, image: Floats, face: Face) -> Floats:
    dark = rgb(face.skin) * np.array([0.34, 0.20, 0.18], np.float32)
    w = face.nose_width
    for side in (1, -1):
        hole = mirrored(
            (
                (0.045 * w, 0.755),
                (0.075 * w, 0.735),
                (0.125 * w, 0.728),
                (0.165 * w, 0.745),
                (0.155 * w, 0.765),
                (0.10 * w, 0.768),
            ),
            side,
        )
        image = darken(image, np.array([0.62, 0.45, 0.42], np.float32), 0.55 * canvas.fill(curve(hole, True), 0.03))
        image = mix(image, dark, 0.85 * canvas.fill(curve(hole, closed=True), 0.010))
        wing = mirrored(
            ((0.215 * w, 0.575), (0.262 * w, 0.62), (0.278 * w, 0.69), (0.245 * w, 0.75), (0.19 * w, 0.77)), side
        )
        image = darken(
            image, np.array([0.62, 0.46, 0.43], np.float32), 0.55 * canvas.stroke(wing, (0.0, 0.02, 0.03, 0.0), 0.010)
        )
    return image


def _paint_lip_line(canvas: Canvas, image: Floats, face: Face) -> Floats:
    line = np.vstack([mirrored(curve(face.lip_line)[:0:-1], -1), curve(face.lip_line)])
    tint = rgb(face.lips) * np.array([0.38, 0.26, 0.28], np.float32)
    soft = canvas.fill(ribbon(line, (0.0, 0.035, 0.045, 0.035, 0.0)), 0.016)
    image = darken(image, np.array([0.60, 0.42, 0.44], np.float32), 0.8 * soft)
    image = mix(image, tint, 0.92 * canvas.fill(ribbon(line, (0.003, 0.016, 0.021, 0.016, 0.003)), 0.004))
    corner_x, corner_y = face.lip_line[-1]
    for side in (1, -1):
        spot = bump(canvas.x - side * (corner_x + 0.005), canvas.y - corner_y, 0.026, 0.026)
        image = darken(image, np.array([0.62, 0.46, 0.45], np.float32), 0.42 * spot)
    return image
