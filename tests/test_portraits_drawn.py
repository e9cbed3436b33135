"""The drawn portraits: what the script draws is what is committed, and the face tracker is at home in them."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

ROOT = Path(__file__).parent.parent
COMMITTED = sorted((ROOT / "avatar" / "assets" / "portraits").glob("*.png"))
NAMES = [path.stem for path in COMMITTED]
# Drawn small and quickly, then compared with the committed picture made as small: edges differ by part of a pixel.
DRAFT_SIZE = 256
MEAN_DIFFERENCE = 3.0
CHANGED_PIXELS = 0.01


@pytest.fixture(scope="module")
def drafts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("portraits")
    script = ROOT / "scripts" / "draw_portraits.py"
    subprocess.run([sys.executable, str(script), "--out", str(folder), "--size", str(DRAFT_SIZE)], check=True)
    return folder


@pytest.fixture(scope="module")
def landmarks() -> dict[str, npt.NDArray[np.float64]]:
    import mediapipe as mp

    found = {}
    with mp.solutions.face_mesh.FaceMesh(static_image_mode=True, refine_landmarks=True, max_num_faces=3) as tracker:
        for path in COMMITTED:
            faces = tracker.process(np.asarray(Image.open(path))).multi_face_landmarks
            assert faces is not None and len(faces) == 1, f"{path.name}: one face expected"
            found[path.stem] = np.array([[p.x, p.y, p.z] for p in faces[0].landmark])
    return found


def test_at_least_two_people() -> None:
    assert len(COMMITTED) >= 2


@pytest.mark.parametrize("path", COMMITTED, ids=NAMES)
def test_file_is_a_small_square_rgb_png(path: Path) -> None:
    with Image.open(path) as image:
        assert image.format == "PNG"
        assert image.mode == "RGB"
        assert image.size == (768, 768)
    assert path.stat().st_size < 1_000_000


@pytest.mark.parametrize("path", COMMITTED, ids=NAMES)
def test_script_draws_the_committed_picture(path: Path, drafts: Path) -> None:
    draft = np.asarray(Image.open(drafts / path.name), np.float64)
    committed = Image.open(path).resize((DRAFT_SIZE, DRAFT_SIZE), Image.Resampling.BOX)
    difference = np.abs(draft - np.asarray(committed, np.float64))
    assert difference.mean() < MEAN_DIFFERENCE
    assert (difference.max(axis=-1) > 60).mean() < CHANGED_PIXELS


@pytest.mark.parametrize("name", NAMES)
def test_face_looks_straight_at_the_viewer(name: str, landmarks: dict[str, npt.NDArray[np.float64]]) -> None:
    points = landmarks[name]
    left, right, top, chin = points[234], points[454], points[10], points[152]
    assert abs((right - left)[2] / (right - left)[0]) < 0.09, "turned to a side"
    assert abs((right - left)[1] / (right - left)[0]) < 0.03, "tilted"
    assert abs((chin - top)[0] / (chin - top)[1]) < 0.03, "tilted"
    assert 0.33 < right[0] - left[0] < 0.42, "the face's part of the width"


@pytest.mark.parametrize("name", NAMES)
def test_mouth_closed_and_eyes_open(name: str, landmarks: dict[str, npt.NDArray[np.float64]]) -> None:
    points = landmarks[name][:, :2]
    eye_distance = np.linalg.norm(points[468] - points[473])
    assert np.linalg.norm(points[13] - points[14]) / eye_distance < 0.02
    for upper, lower in ((159, 145), (386, 374)):
        assert 0.14 < np.linalg.norm(points[upper] - points[lower]) / eye_distance < 0.26
