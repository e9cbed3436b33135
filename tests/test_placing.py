"""Landmarks placed by hand: the file and what it refuses, the mesh made of it, and an animal that talks."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow

from avatar.geometry import landmarks as lm
from avatar.mesh.decoder import MeshDecoder
from avatar.motion import MotionLayout, neutral
from avatar.picture.files import picture_size
from avatar.placing.landmarks_file import PlacedFace, parse_landmarks, read_landmarks, write_landmarks
from avatar.placing.mean_face import (
    mean_face,
    mesh_from_points,
    mesh_from_three_points,
    mesh_triangles,
    mirror_partners,
    pose_error,
)
from avatar.placing.points import NAMES, POINTS, PlacedPoints, points_from_mesh
from avatar.portrait.matte import matte_by_colour
from avatar.portrait.portrait import Portrait, load_portrait
from speech.errors import InputError
from tests.drawn_animal import FUR, HEIGHT, WIDTH, drawn_fox

SIZE = (WIDTH, HEIGHT)
PATH = Path("fox.landmarks.json")


def a_file(changes: dict[str, object] | None = None, **fields: object) -> bytes:
    """The fox's file, with some points or fields changed; a point that is None is left out."""
    _, placed = drawn_fox()
    points: dict[str, object] = {name: list(point) for name, point in placed.items()}
    points |= changes or {}
    content = {"version": 1, "picture": {"width": WIDTH, "height": HEIGHT}, "points": points, **fields}
    content["points"] = {name: point for name, point in points.items() if point is not None}
    return json.dumps(content | fields).encode()


def refusal(content: bytes) -> str:
    with pytest.raises(InputError) as caught:
        parse_landmarks(content, SIZE, PATH)
    message = str(caught.value)
    assert message.startswith(f"{PATH}: ") and "\n" not in message
    return message


def motion(**values: float) -> np.ndarray:
    frame = neutral(1)[0]
    for name, value in values.items():
        frame[MotionLayout.INDEX[name]] = value
    return frame


def test_a_file_is_written_and_read_back(tmp_path: Path) -> None:
    path = tmp_path / "fox.landmarks.json"
    _, placed = drawn_fox()
    write_landmarks(path, PlacedFace(placed), SIZE)
    again, content = read_landmarks(path, SIZE)
    assert content == path.read_bytes() and len(content.splitlines()) == len(NAMES) + 6
    for name in NAMES:
        np.testing.assert_allclose(again.points[name], placed[name], atol=0.051)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]
    with pytest.raises(InputError, match="does not exist; create it first"):
        write_landmarks(tmp_path / "nowhere" / "fox.json", PlacedFace(placed), SIZE)
    with pytest.raises(InputError, match="found nothing"):
        read_landmarks(tmp_path / "missing.json", SIZE)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"chin": None}, "all 39 points, chin missing"),
        ({"chinn": [1, 2]}, "did you mean chin?"),
        ({"elbow": [1, 2]}, "got elbow; docs/landmarks.md lists them"),
        ({"chin": [300]}, "chin: expected [x, y] in pixels, got [300]"),
        ({"chin": [300, True]}, "chin: expected [x, y]"),
        ({"chin": [300, float("nan")]}, "chin: expected [x, y]"),
        ({"chin": [300, 10**400]}, "chin: expected [x, y]"),
        ({"nose_tip": [700, 300]}, "nose_tip: expected a place in the picture of 600x640 pixels, got (700, 300)"),
        ({"right_eye_outer": [431, 277], "left_eye_outer": [169, 277]}, "right and left are the person's own: swap"),
        ({"right_eye_top": [215, 330]}, "expected right_eye_top above right_eye_bottom, got (215, 330) and (215, 325)"),
        ({"lip_top_inner": [300, 440]}, "expected lip_top_inner above lip_bottom_inner"),
        ({"right_mouth_corner": [380, 422]}, "expected right_mouth_corner on the viewer's left of left_mouth_corner"),
        ({"right_iris": [60, 278]}, "expected right_iris between the corners"),
        ({"left_iris_edge": [385, 278]}, "left_iris_edge: expected a place on the iris' rim"),
        ({"left_eye_outer": [170, 277]}, "expected two eyes apart"),
    ],
)
def test_points_that_cannot_be_are_refused_in_one_line(changes: dict[str, object], said: str) -> None:
    assert said in refusal(a_file(changes))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "as JSON"),
        (b"\xff\xfe", "as JSON"),
        (b"[" * 100_000, "as JSON"),
        (b"[]", "the keys version, picture and points"),
        (b" " * 300_000, "a few kilobytes"),
        (a_file(version=2), "expected version 1, got 2"),
        (a_file(version=True), "expected version 1"),
        (a_file(points=[]), "a place for each of 39 names"),
        (a_file(author="me"), "got author too"),
        (a_file(picture=None), 'picture: expected {"width": 600, "height": 640}'),
        (a_file(picture={"width": 640, "height": 600}), "a picture of 600x640 pixels, got some of 640x600"),
    ],
)
def test_other_files_are_refused_in_one_line(content: bytes, said: str) -> None:
    assert said in refusal(content)


@settings(max_examples=50, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(NAMES) | st.text(max_size=9),
        st.none() | st.booleans() | st.lists(st.integers() | st.floats() | st.text(max_size=3), max_size=3),
        min_size=1,
        max_size=4,
    )
    | st.dictionaries(st.sampled_from(NAMES), st.tuples(*[st.floats(-900, 900)] * 2), max_size=12)
)
def test_whatever_stands_in_a_file_is_a_face_or_one_line(changes: dict[str, object]) -> None:
    try:
        placed = parse_landmarks(a_file(changes), SIZE, PATH).points
    except InputError as error:
        assert "\n" not in str(error) and len(str(error)) < 400
    else:
        mesh = mesh_from_points(placed)
        assert mesh.shape == (478, 3) and np.isfinite(mesh).all()


@given(st.binary(max_size=60))
def test_bytes_are_refused_in_one_line(content: bytes) -> None:
    refusal(content)


def test_a_picture_on_its_side_has_its_upright_size() -> None:
    import io

    file = io.BytesIO()
    exif = Pillow.Exif()
    exif[0x0112] = 6
    Pillow.new("RGB", (40, 20)).save(file, "JPEG", exif=exif)
    assert picture_size(PATH, file.getvalue()) == (20, 40)
    with pytest.raises(InputError, match="expected a picture"):
        picture_size(PATH, b"no picture")


def turned_face(yaw_deg: float, scale: float) -> np.ndarray:
    """The mean face as seen from aside: float32 [478, 3], pixels."""
    yaw = np.radians(yaw_deg)
    turn = np.array([[np.cos(yaw), 0.0, np.sin(yaw)], [0.0, 1.0, 0.0], [-np.sin(yaw), 0.0, np.cos(yaw)]])
    return ((mean_face() @ turn.T) * scale + (300.0, 280.0, 0.0)).astype(np.float32)


@pytest.mark.parametrize("yaw_deg", [-30.0, 0.0, 20.0])
def test_a_face_is_found_again_from_its_points_with_its_depth(yaw_deg: float) -> None:
    face = turned_face(yaw_deg, 150.0)
    again = mesh_from_points(points_from_mesh(face))
    eyes = float(np.linalg.norm(face[33] - face[263]))
    assert np.linalg.norm(again[:, :2] - face[:, :2], axis=1).mean() < 0.01 * eyes
    depth = (again[:, 2] - again[:, 2].mean()) - (face[:, 2] - face[:, 2].mean())
    assert np.abs(depth).mean() < 0.02 * eyes
    assert pose_error(face) < 0.03 < pose_error(face * np.array([1.0, 1.7, 1.0], np.float32))


def test_every_placed_point_stays_where_it_was_placed() -> None:
    _, placed = drawn_fox()
    mesh = mesh_from_points(placed)
    for name, point in points_from_mesh(mesh).items():
        tolerance = 30.0 if name.endswith("iris_edge") else 1.5  # a rim is placed anywhere on it
        assert np.linalg.norm(point - placed[name]) < tolerance, name
    radius = np.linalg.norm(mesh[list(lm.IRIS["Right"][1:]), :2] - mesh[468, :2], axis=1)
    np.testing.assert_allclose(radius, 30.0, atol=0.1)
    # A round eye is round: half a width along its lid, it is nearly as open as in its middle.
    opening = mesh[list(lm.EYE_LOWER["Right"]), 1] - mesh[list(lm.EYE_UPPER["Right"]), 1]
    assert opening.max() > 95.0 and opening[2] > 0.6 * opening.max()
    lips = mesh[list(lm.LIP_LOWER_INNER), 1] - mesh[list(lm.LIP_UPPER_INNER), 1]
    assert lips.min() > -0.01


def test_the_mean_face_is_symmetric_and_joined_up() -> None:
    partners = mirror_partners()
    assert (partners[partners] == np.arange(478)).all() and partners[33] == 263 and partners[469] == 476
    assert (partners == np.arange(478)).sum() < 40
    triangles = mesh_triangles()
    assert len(set(triangles.ravel())) > 460 and len(triangles) > 800  # closed lips share places


def test_three_clicks_make_a_face() -> None:
    right, left, mouth = np.array([200.0, 200.0]), np.array([300.0, 220.0]), np.array([230.0, 330.0])
    face = mesh_from_three_points(right, left, mouth)
    for indices, place in (([33, 133], right), ([362, 263], left), ([13, 14], mouth)):
        assert np.linalg.norm(face[indices, :2].mean(axis=0) - place) < 2.0
    upside_down = mesh_from_three_points(right, left, np.array([250.0, 100.0]))
    assert upside_down[152, 1] > upside_down[10, 1]


@pytest.fixture(scope="module")
def fox(tmp_path_factory: pytest.TempPathFactory) -> Portrait:
    folder = tmp_path_factory.mktemp("fox")
    image, placed = drawn_fox()
    Pillow.fromarray(image).save(folder / "fox.png")
    write_landmarks(folder / "fox.landmarks.json", PlacedFace(placed), SIZE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "avatar.portrait.detection.FaceFinder.meshes", lambda self, image: pytest.fail("it looked for a face")
        )
        return load_portrait(folder / "fox.png", landmarks=folder / "fox.landmarks.json", cache_dir=folder / "cache")


def test_the_matte_is_the_animal(fox: Portrait) -> None:
    def around(x: float, y: float) -> float:
        left, top, side = fox.placement
        column, row = ((np.array([x, y]) - (left, top)) * fox.size / side).astype(int)
        return float(fox.matte[row - 3 : row + 4, column - 3 : column + 4].mean())

    for x, y in ((300, 300), (150, 330), (300, 600), (440, 130)):  # face, cheek, body, ear
        assert around(x, y) > 0.7, (x, y)
    for x, y in ((60, 300), (560, 300), (300, 70)):
        assert around(x, y) < 0.1, (x, y)


def test_hair_like_the_background_is_kept_where_the_segmentation_sees_it() -> None:
    ada = load_portrait(Path(__file__).parent.parent / "avatar" / "assets" / "portraits" / "ada.png")
    for seen, least, most in ((ada.matte, 0.97, 1.0), (np.zeros_like(ada.matte), 0.5, 0.9)):
        found, right = matte_by_colour(ada.image, ada.landmarks, seen) > 0.5, ada.matte > 0.5
        assert least < (found & right).sum() / (found | right).sum() < most


def test_the_animal_talks_blinks_and_turns(fox: Portrait) -> None:
    decoder = MeshDecoder(fox)
    rest = decoder.decode(motion()).astype(int)
    assert np.abs(rest - fox.image).mean() < 2.0
    points = fox.landmarks[:, :2].astype(int)
    mouth = np.s_[points[13, 1] + 12 : points[13, 1] + 22, points[13, 0] - 8 : points[13, 0] + 8]
    opened = decoder.decode(motion(jawOpen=1.0)).astype(int)
    assert opened[mouth].mean() < 0.5 * rest[mouth].mean()
    x, y = points[468]
    eye = np.s_[y - 20 : y + 10, x - 8 : x + 8]
    shut = decoder.decode(motion(eyeBlinkLeft=1.0, eyeBlinkRight=1.0)).astype(int)
    assert np.abs(np.median(shut[eye], axis=(0, 1)) - FUR).max() < 30.0  # fur where the eye was
    turned = decoder.decode(motion(headYaw=np.radians(12.0))).astype(int)
    assert np.abs(turned - rest).mean() > 2.0
    assert np.abs(turned[:, :20] - rest[:, :20]).mean() < 0.5  # the background stays


def test_other_landmarks_are_another_portrait(fox: Portrait, tmp_path: Path) -> None:
    _, placed = drawn_fox()
    moved: PlacedPoints = {name: point + np.array([4.0, 0.0]) for name, point in placed.items()}
    write_landmarks(tmp_path / "moved.json", PlacedFace(moved), SIZE)
    other = load_portrait(fox.path, landmarks=tmp_path / "moved.json", cache_dir=fox.path.parent / "cache")
    moved_px = (other.landmarks - fox.landmarks) * other.placement[2] / other.size
    np.testing.assert_allclose(moved_px, np.broadcast_to([4.0, 0.0, 0.0], (478, 3)), atol=0.1)
    again = load_portrait(
        fox.path, landmarks=fox.path.with_suffix(".landmarks.json"), cache_dir=fox.path.parent / "cache"
    )
    np.testing.assert_array_equal(again.landmarks, fox.landmarks)


def test_the_documentation_lists_every_point_in_its_order() -> None:
    page = (Path(__file__).parent.parent / "docs" / "landmarks.md").read_text(encoding="utf-8")
    for number, point in enumerate(POINTS, start=1):
        assert f"| {number} | `{point.name}` | {point.where} |\n" in page


def test_an_eye_that_is_all_iris_turns_its_pupil_within(fox: Portrait) -> None:
    landmarks = fox.landmarks.copy()
    for iris in lm.IRIS.values():  # as large as the eye: no white is left
        landmarks[list(iris[1:]), :2] += 0.45 * (landmarks[list(iris[1:]), :2] - landmarks[iris[0], :2])
    decoder = MeshDecoder(replace(fox, landmarks=landmarks))
    rest, turned = (decoder.decode(motion(gazeYaw=yaw)).astype(int) for yaw in (0.0, np.radians(20.0)))
    x, y = fox.landmarks[468, :2].astype(int)
    pupil = np.s_[y - 12 : y + 16, x - 40 : x + 40]

    def middle(frame: np.ndarray) -> float:
        return float(np.nonzero(frame[pupil].sum(axis=2) < 150)[1].mean())

    assert middle(turned) - middle(rest) > 5.0
    edge = np.s_[y - 12 : y + 16, x - 36 : x - 32]
    assert np.abs(turned[edge] - rest[edge]).mean() < 4.0
