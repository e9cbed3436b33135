"""`visavis landmarks` and `--landmarks` as a user meets them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from agent.commands.evaluation.evaluate_decoder import evaluate_decoder
from agent.commands.landmarks import landmarks
from agent.commands.options import configured
from agent.commands.render import render
from avatar.motion import neutral, write_motion_csv
from avatar.placing.landmarks_file import PlacedFace, read_landmarks, write_landmarks
from avatar.placing.mean_face import mesh_from_points
from avatar.placing.points import PlacedPoints, points_from_mesh
from avatar.portrait.portrait import load_portrait
from speech.errors import DeviceError, InputError
from tests.drawn_animal import HEIGHT, WIDTH, drawn_fox

MIRA = Path(__file__).parent.parent / "avatar" / "assets" / "portraits" / "mira.png"


@pytest.fixture
def fox(tmp_path: Path) -> Path:
    """The animal's picture; its landmarks lie beside it."""
    image, placed = drawn_fox()
    Pillow.fromarray(image).save(tmp_path / "fox.png")
    write_landmarks(tmp_path / "fox.landmarks.json", PlacedFace(placed), (WIDTH, HEIGHT))
    return tmp_path / "fox.png"


def test_the_points_of_a_face_that_is_found_are_written_and_make_its_mesh_again(tmp_path: Path) -> None:
    picture, target = tmp_path / "small.png", tmp_path / "points.json"
    with Pillow.open(MIRA) as image:
        size = (image.width // 2, image.height // 2)
        image.resize(size).save(picture)
    landmarks(picture, output=target, detect=True, quiet=True)
    placed = read_landmarks(target, size)[0].points
    portrait = load_portrait(MIRA)
    left, top, side = portrait.placement
    found = portrait.landmarks[:, :2] * side / portrait.size + (left, top)
    eyes = float(np.linalg.norm(found[33] - found[263]))
    made = mesh_from_points({name: 2.0 * point for name, point in placed.items()})
    assert np.linalg.norm(made[:, :2] - found, axis=1).mean() < 0.03 * eyes


def test_a_face_that_is_not_found_is_to_be_placed_by_hand(tmp_path: Path) -> None:
    plain = tmp_path / "plain.png"
    Pillow.linear_gradient("L").save(plain)
    with pytest.raises(InputError, match=r"plain\.png: expected a face, found none; place its points by hand"):
        landmarks(plain, detect=True)
    with pytest.raises(InputError, match=r"place its landmarks by hand: visavis landmarks plain\.png"):
        load_portrait(plain, cache_dir=tmp_path)
    assert not list(tmp_path.glob("*.json"))


def test_without_a_display_it_says_so(fox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(DeviceError, match=r"expected a display, got .*--detect"):
        landmarks(fox)


def test_saving_in_the_window_tells_what_is_wrong_with_the_points(fox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = []

    class Window:
        def __init__(self, title: str, picture: object, placed: PlacedPoints, save: object) -> None:
            self.placed, self.save = placed, save

        def run(self) -> None:
            said.append(self.save(self.placed | {"chin": np.array([300.0, 100.0])}))  # type: ignore[operator]
            said.append(self.save(self.placed | {"chin": np.array([300.0, 500.0])}))  # type: ignore[operator]

    monkeypatch.setattr("avatar.placing.window.PlacingWindow", Window)
    landmarks(fox, quiet=True)
    assert said[0][0] is False and said[0][1].startswith("expected lip_bottom above chin, got (300, 445)")
    assert said[1] == (True, "saved as fox.landmarks.json")
    assert json.loads(fox.with_suffix(".landmarks.json").read_text())["points"]["chin"] == [300.0, 500.0]


def test_an_animal_is_rendered_with_its_landmarks(fox: Path, tmp_path: Path) -> None:
    motion, video = tmp_path / "still.csv", tmp_path / "fox.mp4"
    write_motion_csv(motion, neutral(3))
    placed = fox.with_suffix(".landmarks.json")
    cache = [f"portrait.cache_dir={tmp_path}"]
    render(portrait=str(fox), landmarks=placed, motion_in=motion, output=video, overrides=cache, quiet=True)
    assert video.stat().st_size > 2000
    with pytest.raises((InputError, ExceptionGroup)) as caught:
        render(portrait="mira", landmarks=placed, motion_in=motion, output=video, overrides=cache, quiet=True)
    assert "600x640" in str(getattr(caught.value, "exceptions", [caught.value])[0])


def test_another_portrait_does_without_the_configured_landmarks(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('[portrait]\npath = "cat.png"\nlandmarks = "cat.landmarks.json"\n')
    assert configured(file, None).portrait.landmarks == tmp_path / "cat.landmarks.json"
    assert configured(file, None, portrait="mira").portrait.landmarks is None
    both = configured(file, None, portrait="dog.png", landmarks=Path("dog.json"))
    assert both.portrait.landmarks == Path("dog.json").absolute()
    with pytest.raises(InputError, match="expected one portrait, got 2"):
        evaluate_decoder(["mira", "ada"], landmarks=file)


def test_the_points_of_a_mesh_are_its_own() -> None:
    _, placed = drawn_fox()
    again = points_from_mesh(mesh_from_points(points_from_mesh(mesh_from_points(placed))))
    for name, point in points_from_mesh(mesh_from_points(placed)).items():
        assert np.linalg.norm(again[name] - point) < 1.5, name
