"""Placing points: what clicks and keys do, without a window, and once in a real one."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from avatar.placing.drawing import PANEL_PX, draw_editor, draw_face_diagram, image_pyramid
from avatar.placing.editor import REACH, Editor, Step
from avatar.placing.landmarks_file import PlacedFace, read_landmarks, write_landmarks
from avatar.placing.points import NAMES
from tests.drawn_animal import BACKGROUND, HEIGHT, WIDTH, drawn_fox
from tests.x_display import x_display

ROOT = Path(__file__).parent.parent
SIZE, SCREEN = (WIDTH, HEIGHT), (900, 800)


@pytest.fixture
def editor() -> Editor:
    return Editor(SIZE, SCREEN, drawn_fox()[1])


def on_screen(editor: Editor, name: str) -> tuple[float, float]:
    x, y = editor.view.to_screen(editor.placed[name])
    return float(x), float(y)


def test_a_point_is_dragged_and_put_back(editor: Editor) -> None:
    before = editor.placed["nose_tip"].copy()
    x, y = on_screen(editor, "nose_tip")
    editor.press(x + REACH / 2, y)
    editor.drag(x + 20, y - 10)
    editor.drag(x + 30, y - 20)
    editor.release()
    editor.drag(0, 0)  # the button is up: nothing is held
    assert editor.selected == "nose_tip" and editor.is_changed
    np.testing.assert_allclose(editor.placed["nose_tip"], before + np.array([30, -20]) / editor.view.scale)
    editor.undo()
    np.testing.assert_array_equal(editor.placed["nose_tip"], before)
    editor.undo()  # nothing is left to undo


def test_a_click_elsewhere_brings_the_selected_point(editor: Editor) -> None:
    editor.selected = "chin"
    editor.press(100.0, 780.0)
    editor.release()
    np.testing.assert_allclose(on_screen(editor, "chin"), (100.0, 780.0))


def test_selecting_is_no_change_and_tab_goes_around(editor: Editor) -> None:
    x, y = on_screen(editor, "chin")
    editor.press(x, y)
    editor.release()
    assert editor.selected == "chin" and not editor.is_changed and editor.leave()
    for _ in NAMES:
        editor.select_next()
    assert editor.selected == "chin"
    editor.select_next(forwards=False)
    assert editor.selected == NAMES[NAMES.index("chin") - 1]


def test_arrow_keys_are_one_undo_and_an_iris_takes_its_rim_along(editor: Editor) -> None:
    editor.selected = "left_iris"
    centre, rim = editor.placed["left_iris"].copy(), editor.placed["left_iris_edge"].copy()
    for _ in range(3):
        editor.nudge(1.0, 0.0)
    np.testing.assert_array_equal(editor.placed["left_iris"] - centre, (3.0, 0.0))
    np.testing.assert_array_equal(editor.placed["left_iris_edge"] - rim, (3.0, 0.0))
    editor.undo()
    np.testing.assert_array_equal(editor.placed["left_iris"], centre)


def test_the_wheel_zooms_at_the_pointer_and_the_right_button_pans(editor: Editor) -> None:
    under = editor.view.to_picture(300.0, 200.0)
    editor.zoom(3, 300.0, 200.0)
    np.testing.assert_allclose(editor.view.to_picture(300.0, 200.0), under)
    editor.hold_picture(10.0, 10.0)
    editor.drag(60.0, 30.0)
    editor.release()
    np.testing.assert_allclose(editor.view.to_picture(350.0, 220.0), under)
    editor.zoom(1000, 0.0, 0.0)
    assert editor.view.scale < 100.0
    editor.fit()
    np.testing.assert_allclose(editor.view.to_picture(450.0, 400.0), (WIDTH / 2, HEIGHT / 2))


def test_without_a_face_three_clicks_place_one() -> None:
    editor = Editor(SIZE, SCREEN, None)
    assert editor.step is Step.RIGHT_EYE and editor.mesh is None
    editor.nudge(1.0, 0.0)
    editor.select_next()
    for place in ((215, 278), (385, 278)):
        editor.press(*editor.view.to_screen(np.array(place, float)))
    assert editor.step is Step.MOUTH
    editor.undo()
    assert editor.step is Step.LEFT_EYE
    for place in ((385, 278), (300, 424)):
        editor.press(*editor.view.to_screen(np.array(place, float)))
    assert editor.step is Step.POINTS and editor.is_changed and editor.mesh is not None
    eye = (editor.placed["right_eye_outer"] + editor.placed["right_eye_inner"]) / 2.0
    assert np.linalg.norm(eye - (215, 278)) < 5.0
    editor.start_over()
    for place in ((100, 100), (101, 100), (100, 200)):
        editor.press(*editor.view.to_screen(np.array(place, float)))
    assert editor.step is Step.RIGHT_EYE and "too near" in editor.message


def test_leaving_asks_before_points_are_lost(editor: Editor) -> None:
    editor.nudge(1.0, 0.0)
    assert not editor.leave() and editor.step is Step.LEAVE
    editor.press(10.0, 10.0)
    editor.stay()
    assert editor.step is Step.POINTS
    assert not editor.leave() and editor.leave()
    editor.stay()
    editor.mark_saved("saved")
    assert editor.leave()


def test_the_window_shows_points_mesh_and_where_a_point_sits(editor: Editor) -> None:
    pictures = image_pyramid(drawn_fox()[0])
    size = (SCREEN[0] + PANEL_PX, SCREEN[1])
    shown = draw_editor(editor, pictures, size)
    assert shown.shape == (SCREEN[1], size[0], 3)
    assert [picture.shape[:2] for picture in pictures] == [(640, 600), (320, 300), (160, 150)]
    for scale in (1.0, 0.2):  # the background at the same place of the picture, whichever size it is drawn from
        editor.view.scale *= scale
        x, y = map(round, editor.view.to_screen(np.array([30.0, 600.0])))
        assert np.abs(draw_editor(editor, pictures, size)[y, x].astype(int) - BACKGROUND).max() < 12
        x, y = map(round, editor.view.to_screen(np.array([-20.0, 600.0])))
        assert x < 0 or draw_editor(editor, pictures, size)[y, x].max() < 40
    editor.fit()
    editor.is_mesh_shown = False
    plain = draw_editor(editor, pictures, size)
    assert (plain != shown).any(axis=2).sum() > 3000
    x, y = map(round, on_screen(editor, editor.selected))
    assert plain[y, x, 0] > 200 and plain[y, x, 2] < 100
    editor.select_next()
    other = draw_editor(editor, pictures, size)
    assert (other[:, SCREEN[0] :] != plain[:, SCREEN[0] :]).any()
    editor.view.scale = 5000.0  # never reached, yet nothing breaks
    draw_editor(editor, pictures, (PANEL_PX + 100, 120))
    inset, places = draw_face_diagram(300, None)
    assert inset.shape == (300, 300, 3) and ((places > 0) & (places < 300)).all()


@pytest.mark.xvfb
def test_the_real_window_moves_a_point_and_saves(tmp_path: Path) -> None:
    image, placed = drawn_fox()
    picture, target = tmp_path / "fox.png", tmp_path / "fox.landmarks.json"
    Pillow.fromarray(image).save(picture)
    write_landmarks(target, PlacedFace(placed), SIZE)
    first = target.read_bytes()
    with x_display() as display:
        environment = {"DISPLAY": display.name, "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
        program = subprocess.Popen(
            [sys.executable, "-m", "agent", "landmarks", str(picture)],
            env=environment,
            stderr=subprocess.PIPE,
            cwd=ROOT,
        )
        try:
            deadline = time.monotonic() + 20.0
            while not display.screenshot().any():
                assert time.monotonic() < deadline and program.poll() is None
                time.sleep(0.05)
            # The first point is selected; a click away from all others brings it there.
            display.click(240, 348)
            display.key("s")
            while target.read_bytes() == first:
                assert time.monotonic() < deadline and program.poll() is None
                time.sleep(0.05)
            display.key("escape")
            assert program.wait(10.0) == 0
            assert program.stderr is not None and b"--landmarks" in program.stderr.read()
        finally:
            program.kill()
            program.wait()
            assert program.stderr is not None
            program.stderr.close()
    moved = read_landmarks(target, SIZE)[0].points
    assert np.linalg.norm(moved["right_eye_outer"] - placed["right_eye_outer"]) > 3.0
    assert all(np.allclose(moved[name], placed[name], atol=0.06) for name in NAMES[1:])
