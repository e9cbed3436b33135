"""The mesh decoder: what every number does to the picture, and what must stay as it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from avatar.decoder import Image
from avatar.evaluation.decoder.evaluation import vector
from avatar.evaluation.decoder.pixels import fold_share
from avatar.geometry.head import HeadGains, HeadMotion
from avatar.geometry.landmarks import BROW, BROW_LOWER, LIP_LOWER_INNER, LIP_UPPER_INNER, MOUTH_CORNERS, FacePlane
from avatar.geometry.opening import Slit, slit_between
from avatar.geometry.warp import FieldInverter, Grid
from avatar.mesh.blendshapes import FaceFields
from avatar.mesh.controls import CONTROLS, INDEX, ControlMap
from avatar.mesh.decoder import MeshDecoder
from avatar.motion import Floats, MotionLayout
from avatar.picture.filling import pull_push
from avatar.portrait.detection import FaceFinder
from avatar.portrait.portrait import Portrait, load_portrait

DRAWN = Path(__file__).resolve().parent.parent / "avatar" / "assets" / "portraits" / "mira.png"


def change(a: Image, b: Image) -> npt.NDArray[np.int64]:
    return np.asarray(np.abs(a.astype(np.int64) - b.astype(np.int64)).max(axis=2), np.int64)


@pytest.fixture(scope="module")
def portrait(portrait_cache: Path) -> Portrait:
    return load_portrait(DRAWN, cache_dir=portrait_cache)


@pytest.fixture(scope="module")
def decoder(portrait: Portrait) -> MeshDecoder:
    return MeshDecoder(portrait)


@pytest.fixture(scope="module")
def rest(decoder: MeshDecoder) -> Image:
    return decoder.decode(vector())


Track = Callable[[Image], Floats]


@pytest.fixture(scope="module")
def track() -> Track:
    """Landmarks found again in a drawn frame, float32 [478, 3]."""
    finder = FaceFinder()

    def found(image: Image) -> Floats:
        with finder:
            faces = finder.meshes(image)
        assert faces, "no face in a drawn frame"
        return faces[0]

    return found


def test_at_rest_the_frame_is_the_portrait(portrait: Portrait, rest: Image) -> None:
    assert rest.shape == (512, 512, 3) and rest.dtype == np.uint8
    difference = change(rest, portrait.image)
    assert difference.mean() < 1.0
    assert difference[portrait.matte < 0.02].max() <= 12


def test_a_frame_depends_on_its_vector_alone(decoder: MeshDecoder, rest: Image) -> None:
    kept = rest.copy()
    decoder.decode(vector(jawOpen=0.8, headYaw=0.2, eyeBlink=1.0))
    np.testing.assert_array_equal(decoder.decode(vector()), kept)
    np.testing.assert_array_equal(rest, kept)  # the caller's picture isn't drawn into again


@pytest.mark.parametrize("name", [n for n in MotionLayout.NAMES if not n.startswith("eyeLook")])
def test_every_number_moves_something(decoder: MeshDecoder, rest: Image, name: str) -> None:
    out = vector()
    opened = vector()
    if name in ("tongueOut", "mouthClose"):  # seen only while the jaw is open
        out[MotionLayout.INDEX["jawOpen"]] = opened[MotionLayout.INDEX["jawOpen"]] = 0.3
    out[MotionLayout.INDEX[name]] = 0.9 if name == "headDistance" else 0.25 if "gaze" in name or "head" in name else 1.0
    difference = change(decoder.decode(out), decoder.decode(opened))
    assert (difference > 12).sum() >= 30


def test_the_face_moves_and_the_background_does_not(decoder: MeshDecoder, portrait: Portrait, rest: Image) -> None:
    lively = decoder.decode(vector(jawOpen=0.7, mouthSmile=0.5, eyeBlink=0.6, browInnerUp=1.0, gazeYaw=0.2))
    difference = change(lively, rest)
    low, high = portrait.landmarks[:, :2].min(axis=0), portrait.landmarks[:, :2].max(axis=0)
    assert difference[: int(low[1]) - 70].max() == 0
    assert difference[:, : int(low[0]) - 60].max() == 0
    assert difference[:, int(high[0]) + 60 :].max() == 0
    turned = decoder.decode(vector(headYaw=0.2, headRoll=0.15))
    far = np.zeros((512, 512), bool)
    far[:60, :40] = far[:60, -40:] = True
    assert change(turned, rest)[far & (portrait.matte < 0.02)].max() == 0


@pytest.mark.parametrize("name", ["eyeBlink", "mouthSmile", "browOuterUp", "cheekSquint", "mouthLowerDown"])
def test_left_is_left_and_right_is_right(decoder: MeshDecoder, portrait: Portrait, rest: Image, name: str) -> None:
    middle = int(portrait.landmarks[[1, 4, 13], 0].mean())
    for side in ("Left", "Right"):
        out = vector()
        out[MotionLayout.INDEX[name + side]] = 1.0
        difference = change(decoder.decode(out), rest).astype(np.float64)
        own, other = difference[:, middle:].sum(), difference[:, :middle].sum()
        if side == "Right":
            own, other = other, own
        assert own > 3.0 * other


def test_the_face_is_commanded_and_tracked_alike(decoder: MeshDecoder, portrait: Portrait, track: Track) -> None:
    """Fixed landmark measures of drawn frames, over the eye distance, follow what was asked."""

    def measure(first: int, second: int, **values: float) -> float:
        points = track(decoder.decode(vector(**values)))
        unit = np.linalg.norm(points[33] - points[263])
        return float(np.linalg.norm(points[first, :2] - points[second, :2]) / unit)

    steps = (0.0, 0.25, 0.5, 0.75, 1.0)
    for name, first, second, sign in (
        ("jawOpen", 13, 14, 1),
        ("mouthSmile", 61, 291, 1),
        ("mouthPucker", 61, 291, -1),
        ("eyeBlink", 159, 145, -1),
        ("eyeBlink", 386, 374, -1),
    ):
        tracked = [measure(first, second, **{name: step}) for step in steps]
        assert sign * np.corrcoef(steps, tracked)[0, 1] > 0.9, (name, tracked)
    unit_px = np.linalg.norm(portrait.landmarks[33] - portrait.landmarks[263])
    assert measure(13, 14, jawOpen=0.5, mouthClose=0.5) * unit_px <= 1.5
    assert measure(13, 14, jawOpen=0.5) * unit_px > 12.0


def test_the_head_turns_the_right_way(decoder: MeshDecoder, track: Track) -> None:
    def nose(**values: float) -> npt.NDArray[np.float64]:
        points = track(decoder.decode(vector(**values))).astype(np.float64)
        unit = np.linalg.norm(points[33] - points[263])
        face = (points[234, :2] + points[454, :2]) / 2.0
        return np.asarray((points[4, :2] - face) / unit)

    start = nose()
    assert nose(headYaw=0.2)[0] > start[0] + 0.05  # its own left is the viewer's right
    assert nose(headYaw=-0.2)[0] < start[0] - 0.05
    assert nose(headPitch=0.15)[1] < start[1] - 0.03  # up
    assert nose(headPitch=-0.15)[1] > start[1] + 0.03
    points = track(decoder.decode(vector(headRoll=0.2)))
    eyes = points[263] - points[33]
    assert np.arctan2(eyes[1], eyes[0]) == pytest.approx(0.2, abs=0.06)


def test_the_gaze_goes_the_right_way(decoder: MeshDecoder, track: Track) -> None:
    def iris(**values: float) -> npt.NDArray[np.float32]:
        points = track(decoder.decode(vector(**values)))
        return np.asarray(points[[468, 473], :2].mean(axis=0) - points[[33, 263], :2].mean(axis=0))

    start = iris()
    assert iris(gazeYaw=0.3)[0] > start[0] + 2.0
    assert iris(gazeYaw=-0.3)[0] < start[0] - 2.0
    assert iris(gazePitch=0.25)[1] < start[1] - 0.8


def test_commands_beyond_all_measure_stay_drawable(decoder: MeshDecoder) -> None:
    wild = np.full(MotionLayout.SIZE, 40.0, np.float32)
    assert decoder.decode(wild).shape == (512, 512, 3)
    assert decoder.decode(-wild).shape == (512, 512, 3)


def test_the_head_never_folds(portrait: Portrait) -> None:
    grid = Grid(0, 0, 64, 64, 8)
    head = HeadMotion(grid, portrait.landmarks, FacePlane.of(portrait.landmarks), HeadGains())
    for pitch, yaw, roll in ((1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1), (0, 1, 0), (1, 0, 0)):
        field = head(np.array([pitch, yaw, roll, 0.2, 0.2, 0.9], np.float32)) / grid.cell
        dx, dy = np.gradient(field, axis=1), np.gradient(field, axis=0)
        folded = (1 + dx[..., 0]) * (1 + dy[..., 1]) - dx[..., 1] * dy[..., 0]
        assert folded.min() > 0.0


@pytest.mark.parametrize("steep", [False, True])
def test_an_inverted_field_leads_back(steep: bool) -> None:
    grid = Grid(0, 0, 40, 40, 4)
    nodes = grid.nodes()
    bump = np.exp(-(((nodes - 80.0) / 30.0) ** 2).sum(axis=-1))
    stretch = 20.0 if not steep else 45.0  # pixels; the steep one stretches by more than its own length
    forward = np.zeros_like(nodes)
    forward[..., 1] = stretch * bump * (nodes[..., 1] > 0)
    if steep:  # only stretched, never compressed beyond what is one-to-one
        forward[..., 1] = 45.0 / (1.0 + np.exp(-(nodes[..., 1] - 80.0) / 8.0))
    back = FieldInverter(grid, 12, steep=steep)(forward)
    there = grid.sample(forward, nodes + back)
    inner = (slice(16, -4), slice(4, -4)) if steep else (slice(4, -4), slice(4, -4))
    assert np.abs(there + back)[inner].max() < 0.5


def test_lips_stay_together_while_the_jaw_opens() -> None:
    controls = ControlMap()(vector(jawOpen=0.6, mouthClose=0.6, mouthUpperUp=0.5, mouthFunnel=0.5))
    assert controls.shape == (len(CONTROLS),)
    assert controls[INDEX["gap"]] == 0.0
    assert controls[INDEX["upperLeft"]] == 0.0 and controls[INDEX["funnelGap"]] == 0.0
    assert controls[INDEX["jaw"]] == pytest.approx(0.6)


def test_a_frown_takes_back_the_smile_that_a_photo_has(portrait: Portrait) -> None:
    points = portrait.landmarks
    plane = FacePlane.of(points)
    straight = slit_between(plane, points, LIP_UPPER_INNER, LIP_LOWER_INNER, MOUTH_CORNERS)
    bow = 0.08 * straight.across(straight.a) ** 2
    smiling = Slit(straight.a, straight.upper + bow, straight.lower + bow)
    controls = ("unsmileLeft", "unsmileRight")
    for slit, smiles in ((straight, False), (smiling, True)):
        fields = FaceFields(plane, points, slit)
        edges = plane.to_pixels(np.stack([slit.a, slit.upper], axis=-1)).astype(np.float32)[None]
        upper, lower = (fields.basis(edges, controls, sheet).sum(axis=0)[0] for sheet in ("upper", "lower"))
        np.testing.assert_allclose(upper, lower, atol=0.02)  # lips that meet go on meeting
        if smiles:
            after = plane.to_plane(edges[0] + upper)[:, 1]
            assert np.ptp(slit.upper) > 0.06 and np.ptp(after) < 0.035
        else:
            assert np.abs(upper).max() < 0.5
    frowns = ControlMap()
    assert frowns(vector(mouthFrown=0.5))[INDEX["unsmileLeft"]] == pytest.approx(0.96875)
    assert frowns(vector(mouthSmile=0.5))[INDEX["unsmileLeft"]] == 0.0


def test_brows_that_go_down_or_up_leave_lids_alone_and_never_fold(portrait: Portrait) -> None:
    points = portrait.landmarks
    plane = FacePlane.of(points)
    fields = FaceFields(plane, points, slit_between(plane, points, LIP_UPPER_INNER, LIP_LOWER_INNER, MOUTH_CORNERS))
    nodes = Grid(0, 0, 64, 40, 8).nodes()
    moved = {name: fields.basis(nodes, (name,), "face")[0] for name in ("browInner", "browDownLeft", "browDownRight")}
    up, down = moved["browInner"], moved["browDownLeft"] + moved["browDownRight"]
    for field in (up, down):
        dx, dy = np.gradient(field / 8, axis=1), np.gradient(field / 8, axis=0)
        assert ((1 + dx[..., 0]) * (1 + dy[..., 1]) - dx[..., 1] * dy[..., 0]).min() > 0.1
    at = points[[*BROW["Left"][:2], *BROW_LOWER["Left"][:2], 386, 159], :2][None]
    risen = -fields.basis(at, ("browInner",), "face")[0, 0, :, 1] / plane.eye_distance_px
    assert risen[:4].min() > 0.06 and risen[4:].max() < 0.02


@pytest.mark.parametrize("aside", [0.0, 1.0])
def test_a_funnelled_lip_that_is_drawn_down_never_folds(decoder: MeshDecoder, aside: float) -> None:
    values = vector(jawOpen=0.6 - 0.3 * aside, mouthFunnel=1.0, mouthLowerDown=1.0, mouthRight=aside, jawLeft=aside)
    assert fold_share(decoder, values) == 0.0


def test_a_blink_closes_whatever_the_lid_did_before() -> None:
    controls = ControlMap()
    for other in ({}, {"eyeSquint": 1.0}, {"eyeWide": 1.0}, {"gazePitch": -0.5}, {"gazePitch": 0.5}):
        assert controls(vector(eyeBlink=1.0, **other))[INDEX["lidUpperLeft"]] == pytest.approx(1.0)


def test_a_hole_is_filled_from_its_surroundings() -> None:
    values = np.zeros((64, 64, 3), np.float32)
    values[:, :32] = 100.0
    values[:, 32:] = 200.0
    known = np.ones((64, 64), np.float32)
    known[20:44, 20:44] = 0.0
    hidden = values.copy()
    hidden[known == 0] = -1e4
    filled = pull_push(hidden, known)
    np.testing.assert_allclose(filled[known > 0], values[known > 0])
    assert 90.0 <= filled.min() and filled.max() <= 215.0
    assert filled[32, 22, 0] < 150.0 < filled[32, 41, 0]
