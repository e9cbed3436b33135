"""The inside of the mouth: where its parts are, how light and of what colour they are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from avatar.decoder import Image
from avatar.evaluation.decoder.evaluation import vector
from avatar.geometry.landmarks import LIP_LOWER_INNER, LIP_UPPER_INNER, MOUTH_CORNERS, FacePlane
from avatar.geometry.opening import slit_between
from avatar.mesh.blendshapes import FaceFields
from avatar.mesh.controls import INDEX, ControlMap, control_rows
from avatar.mesh.decoder import MeshDecoder
from avatar.motion import Doubles, Floats
from avatar.oral.canvas import canvas
from avatar.oral.interior import UPPER_EDGE, Interior, OralPose
from avatar.oral.palette import Palette, palette, skin_colour
from avatar.oral.teeth import paint_teeth
from avatar.picture.blending import GREY
from avatar.picture.sharpness import edge_blur_px
from avatar.portrait.portrait import Portrait, load_portrait

DRAWN = Path(__file__).resolve().parent.parent / "avatar" / "assets" / "portraits" / "mira.png"
UNIT = 100.0
"""Pixels an eye distance in the mouths drawn here; the closed lips' middle lies at (60, 20)."""
WIDE = OralPose(
    lower_lip=-0.30,
    lip_on_jaw=-0.30,
    jaw=0.6,
    aside=0.0,
    rounding=0.0,
    spread=0.0,
    tongue_out=0.0,
    yaw=0.0,
    pitch=0.0,
)


@pytest.fixture(scope="module")
def portrait(portrait_cache: Path) -> Portrait:
    return load_portrait(DRAWN, cache_dir=portrait_cache)


def interior_of(colours: Palette) -> Interior:
    to_plane = np.array([[1.0, 0.0, -60.0], [0.0, -1.0, 20.0]]) / UNIT
    return Interior(colours, 0.54, 2.0 * UNIT, 0.0, to_plane, UNIT)


@pytest.fixture(scope="module")
def interior(portrait: Portrait) -> Interior:
    return interior_of(palette(portrait.image, portrait.landmarks))


def seen(interior: Interior, pose: OralPose) -> Image:
    """What is drawn behind lips that are open down to the pose's lower lip."""
    position = np.dstack(np.meshgrid(np.arange(120), np.arange(80))).astype(np.float32)
    opening = np.zeros((80, 120), np.uint8)
    low = round(20 - UNIT * pose.lower_lip)
    cv2.ellipse(opening, (60, (20 + low) // 2), (27, (low - 20) // 2), 0, 0, 360, (255,), -1)
    return interior.draw(position, opening, pose)


def level(picture: Image, a: float, b: float) -> float:
    """Grey level around a place in eye distances from the closed lips' middle."""
    x, y = round(60 + UNIT * a), round(20 - UNIT * b)
    return float(picture[y - 1 : y + 2, x - 1 : x + 2].mean())


def test_the_deeper_the_darker(interior: Interior) -> None:
    picture = seen(interior, WIDE)
    teeth = level(picture, 0.04, -UPPER_EDGE + 0.008)
    tongue, cheek, throat = level(picture, 0.03, -0.22), level(picture, 0.19, -0.12), level(picture, 0.03, -0.06)
    assert teeth > 1.1 * tongue > 1.3 * cheek > 1.4 * throat > 0.0


def test_the_tongue_fills_the_opening_and_goes_back_into_the_dark(interior: Interior) -> None:
    picture = seen(interior, WIDE)
    front, back, under_teeth = (level(picture, 0.05, b) for b in (-0.24, -0.14, -UPPER_EDGE - 0.03))
    assert 0.95 * front > back > 1.1 * under_teeth
    assert back > 0.6 * front


def test_the_tongue_has_the_hue_of_the_red_of_a_lip_that_is_half_skin(portrait: Portrait) -> None:
    def hue_of_flesh(image: Image) -> float:
        flesh = palette(image, portrait.landmarks).flesh[None, None] / 255.0
        return float((cv2.cvtColor(flesh.astype(np.float32), cv2.COLOR_RGB2HSV)[0, 0, 0] + 180.0) % 360.0)

    lip = portrait.landmarks[[14, 17, 78, 308], :2]
    (left, top), (right, bottom) = lip.min(axis=0).astype(int) - 4, lip.max(axis=0).astype(int) + 12
    half_skin = portrait.image.copy()
    half_skin[top:bottom, left:right][::5] = skin_colour(portrait.image, portrait.landmarks)
    half_skin[top:bottom, left:right][1::5] = skin_colour(portrait.image, portrait.landmarks)
    assert hue_of_flesh(half_skin) == pytest.approx(hue_of_flesh(portrait.image), abs=3.0)


def test_lips_that_part_in_a_blurred_picture_end_softly(portrait: Portrait) -> None:
    def steepest(image: Image) -> float:
        frame = MeshDecoder(replace(portrait, image=image)).decode(vector(jawOpen=0.5))
        grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY).astype(np.float64)
        x, y = portrait.landmarks[14, :2].astype(int)
        return float(np.abs(np.diff(grey[y : y + 60, x - 6 : x + 7], axis=0)).max())

    blurred = np.asarray(cv2.GaussianBlur(portrait.image, (0, 0), 2.0), np.uint8)
    assert steepest(blurred) < 0.6 * steepest(portrait.image)


def test_the_corners_are_dark_and_the_teeth_go_on_towards_them(portrait: Portrait) -> None:
    colours = palette(portrait.image, portrait.landmarks)
    interior = interior_of(colours)
    picture = seen(interior, WIDE)
    beside, corner = level(picture, 0.17, -0.16), level(picture, 0.235, -0.15)
    assert corner < 0.6 * beside
    a, b = canvas()
    canine = paint_teeth(colours, 1.0, upper=True)[(np.abs(a - 0.2) < 0.002) & (np.abs(b - 0.0085) < 0.001)]
    assert canine[:, 3].mean() > 128.0


def test_teeth_are_no_greyer_than_skin_on_light_faces(portrait: Portrait) -> None:
    pale = np.asarray(255.0 - 0.25 * (255.0 - portrait.image.astype(np.float64)), np.uint8)
    colours = palette(pale, portrait.landmarks)
    assert float(colours.enamel @ GREY) > 0.90 * colours.highlight
    assert colours.enamel[0] > colours.enamel[2]


def test_a_grey_picture_has_a_grey_mouth(portrait: Portrait) -> None:
    grey = cv2.cvtColor(cv2.cvtColor(portrait.image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    picture = seen(interior_of(palette(np.asarray(grey, np.uint8), portrait.landmarks)), WIDE)
    assert int(np.ptp(picture, axis=2).max()) <= 1
    assert picture.max() > 100


def test_teeth_follow_the_light_within_reason(portrait: Portrait) -> None:
    for light in (0.1, 0.5, 1.0):
        colours = palette((portrait.image * light).astype(np.uint8), portrait.landmarks)
        assert 0.75 < float(colours.enamel @ [0.299, 0.587, 0.114]) / colours.highlight < 1.15


def test_the_tongue_rises_to_the_upper_teeth(interior: Interior) -> None:
    pose = replace(WIDE, lower_lip=-0.16, lip_on_jaw=-0.16, jaw=0.3)
    at_rest, half_way, reached = (
        [level(seen(interior, replace(pose, tongue_out=out)), 0.0, b) for b in (-UPPER_EDGE - 0.025, -0.085)]
        for out in (0.0, 0.05, 0.16)
    )
    assert half_way[1] > 1.3 * at_rest[1] and half_way[0] < 1.3 * at_rest[0]
    assert reached[0] > 1.3 * at_rest[0]


def test_lower_teeth_show_where_the_lip_is_drawn_down(interior: Interior) -> None:
    kept = seen(interior, WIDE)
    down = seen(interior, replace(WIDE, lower_lip=-0.36))
    assert level(down, 0.02, -0.335) > 1.3 * level(kept, 0.02, -0.275)


def test_lips_part_from_the_middle(portrait: Portrait) -> None:
    points = portrait.landmarks
    plane = FacePlane.of(points)
    slit = slit_between(plane, points, LIP_UPPER_INNER, LIP_LOWER_INNER, MOUTH_CORNERS)
    fields = FaceFields(plane, points, slit)
    names = ("gap", "gapMiddle")
    at = np.array([0.0, 0.78]) * (slit.a[-1] - slit.a[0]) / 2.0 + slit.centre
    edges = [
        fields.basis(plane.to_pixels(np.stack([at, b], axis=-1)).astype(np.float32)[None], names, sheet)[:, 0]
        for sheet, b in (("upper", slit.upper_at(at)), ("lower", slit.lower_at(at)))
    ]
    up = plane.axes[:, 1] / np.linalg.norm(plane.axes[:, 1])

    def opened(jaw: float) -> Doubles:
        controls = ControlMap()(vector(jawOpen=jaw))[control_rows(names)]
        return np.asarray(controls @ ((edges[0] - edges[1]) @ up), np.float64)

    little, wide = opened(0.08), opened(0.6)
    assert little[0] > 2.0 and little[1] < 0.1 * little[0]
    assert wide[1] > 0.3 * wide[0]


def test_lips_open_as_a_bowl(portrait: Portrait) -> None:
    points = portrait.landmarks
    plane = FacePlane.of(points)
    slit = slit_between(plane, points, LIP_UPPER_INNER, LIP_LOWER_INNER, MOUTH_CORNERS)
    half = (slit.a[-1] - slit.a[0]) / 2.0
    at = slit.centre + half * np.array([0.0, 0.45, 0.9])
    edge = plane.to_pixels(np.stack([at, slit.lower_at(at)], axis=-1)).astype(np.float32)[None]
    moved = FaceFields(plane, points, slit).basis(edge, ("gap",), "lower")[0, 0]
    down, aside = moved @ -plane.axes[:, 1], moved @ plane.axes[:, 0]
    assert down[2] > 0.31 * down[0]
    assert aside[1] > 0.0 > aside[2]  # the lip is drawn out flat, the corners come in


def test_rounded_lips_gather_at_the_corners_and_never_fold(portrait: Portrait) -> None:
    points = portrait.landmarks
    plane = FacePlane.of(points)
    slit = slit_between(plane, points, LIP_UPPER_INNER, LIP_LOWER_INNER, MOUTH_CORNERS)
    half = (slit.a[-1] - slit.a[0]) / 2.0
    for wider in (1.0, 1.4):
        wide = replace(slit, a=slit.centre + wider * (slit.a - slit.centre))
        t = np.linspace(0.0, 1.6, 81)
        at = wide.centre + wider * half * t
        edge = plane.to_pixels(np.stack([at, wide.upper_at(at)], axis=-1)).astype(np.float32)[None]
        names = ("pucker", "funnel")
        pucker, funnel = FaceFields(plane, points, wide).basis(edge, names, "upper")[:, 0] @ plane.axes[:, 0]
        unit = plane.eye_distance_px**2 * wider * half
        came_in = -pucker / unit
        assert came_in[50] > 0.35  # the corner, by this share of the mouth's half width, however wide
        assert came_in[20] / t[20] < 0.85 * came_in[50]
        together = t + (0.5 * pucker + funnel) / unit
        assert np.diff(together).min() > 0.2 * np.diff(t)[0]


def test_rounded_lips_take_back_a_smile_and_open_ones_are_not_pushed_up() -> None:
    controls = ControlMap()
    assert controls(vector(mouthPucker=0.8))[INDEX["unsmileLeft"]] == pytest.approx(0.8)
    assert controls(vector(mouthShrugLower=0.5))[INDEX["shrugPush"]] == pytest.approx(0.5)
    assert controls(vector(mouthShrugLower=0.5, jawOpen=0.3))[INDEX["shrugPush"]] == 0.0
    raised = [controls(vector(mouthUpperUp=0.5, jawOpen=jaw))[INDEX["upperLeft"]] for jaw in (0.0, 1.0)]
    assert raised[1] < 0.7 * raised[0]
    rounded = controls(vector(mouthLowerDown=0.5, mouthFunnel=1.0))[INDEX["lowerLeft"]]
    assert rounded == pytest.approx(0.5 * 0.55 * 0.5), "rounded, and turned down by the funnel already"


def test_nothing_shines_through_at_the_corners_of_a_mouth_that_was_open(
    portrait: Portrait, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_mouth = MeshDecoder(portrait).decode(vector(jawOpen=0.25, mouthSmile=0.5))
    cv2.imwrite(str(tmp_path / "open.png"), open_mouth[:, :, ::-1])
    decoder = MeshDecoder(load_portrait(tmp_path / "open.png", cache_dir=tmp_path))

    def magenta(self: Interior, position: Floats, opening: Image, pose: OralPose) -> Image:
        return np.full((*opening.shape, 3), (255, 0, 255), np.uint8)

    monkeypatch.setattr(Interior, "draw", magenta)
    drawn = decoder.decode(vector()).astype(np.int64)
    assert (drawn[..., [0, 2]].min(axis=2) - drawn[..., 1]).max() < 60


@pytest.mark.parametrize("blur", [1.0, 2.0])
def test_the_blur_of_edges_is_measured(blur: float) -> None:
    grey = np.zeros((120, 120), np.float32)
    grey[:, 60:] = 200.0
    picture = np.repeat(cv2.GaussianBlur(grey, (0, 0), blur)[..., None], 3, axis=2).astype(np.uint8)
    outline = np.array([[10, 10], [110, 10], [110, 110], [10, 110]], np.float32)
    assert edge_blur_px(picture, outline) == pytest.approx(blur, abs=0.25)
