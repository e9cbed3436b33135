"""The window on a real X server: pictures appear, keys come back, and nothing that it does holds up the renderer."""

from __future__ import annotations

import os
import queue
import signal
import sys
import time
from collections.abc import Callable, Iterator

import cv2
import numpy as np
import pytest

from avatar.clock import SAMPLES_PER_FRAME
from avatar.decoder import FRAME_SIZE, Image, VideoFrame
from avatar.motion import neutral
from avatar.outputs.window import WindowOutput
from speech.errors import DeviceError, InputError
from tests.x_display import XDisplay, x_display

WIDTH, HEIGHT, TITLE = 1024, 768, "Visavis test"
WINDOW = np.s_[(HEIGHT - 512) // 2 : (HEIGHT + 512) // 2, (WIDTH - 512) // 2 : (WIDTH + 512) // 2]
SILENCE, REST = np.zeros(SAMPLES_PER_FRAME, np.float32), neutral(1)[0]
PATIENCE_S = 10.0


class Failed(Exception):
    """What went wrong elsewhere."""


def face(seed: int = 0) -> Image:
    """Soft random colours: no part of it looks like another."""
    coarse = np.random.default_rng(seed).integers(30, 230, (8, 8, 3), np.uint8)
    return np.asarray(cv2.resize(coarse, (FRAME_SIZE, FRAME_SIZE), interpolation=cv2.INTER_CUBIC), np.uint8)


def write(output: WindowOutput, image: Image | None) -> None:
    output.write(None if image is None else VideoFrame(image, 0), SILENCE, REST)


def wait_for(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.02)


def shows(display: XDisplay, image: Image) -> bool:
    return np.array_equal(display.screenshot()[WINDOW], image)


def fills_screen(display: XDisplay, image: Image) -> bool:
    """The face as large as the screen is high, in its middle, black at its sides."""
    screen, left = display.screenshot(), (WIDTH - HEIGHT) // 2
    expected = cv2.resize(image, (HEIGHT, HEIGHT), interpolation=cv2.INTER_CUBIC)
    sides = screen[:, :left].any() or screen[:, -left:].any()
    return not sides and np.abs(screen[:, left:-left].astype(int) - expected).max() <= 2


@pytest.fixture(scope="module")
def one_display() -> Iterator[XDisplay]:
    with x_display(WIDTH, HEIGHT) as display:
        yield display


@pytest.fixture
def display(one_display: XDisplay, monkeypatch: pytest.MonkeyPatch) -> XDisplay:
    monkeypatch.setenv("DISPLAY", one_display.name)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.delenv("SDL_VIDEODRIVER", raising=False)
    return one_display


@pytest.mark.xvfb
def test_the_latest_picture_is_in_the_window(display: XDisplay) -> None:
    with WindowOutput(title=TITLE) as output:
        for image in (face(1), None, face(2), None):
            write(output, image)
        wait_for(lambda: shows(display, face(2)))
    wait_for(lambda: not display.screenshot().any())


@pytest.mark.xvfb
def test_keys_come_back(display: XDisplay) -> None:
    keys: queue.Queue[tuple[str, bool]] = queue.Queue()
    with (
        pytest.raises(Failed),
        WindowOutput(title=TITLE, on_key=lambda name, pressed: keys.put((name, pressed))),
    ):
        for name in ("space", "q"):
            display.key(name)
            assert [keys.get(timeout=PATIENCE_S) for _ in range(2)] == [(name, True), (name, False)]
        raise Failed


@pytest.mark.xvfb
def test_full_screen_and_back(display: XDisplay) -> None:
    closed: queue.Queue[bool] = queue.Queue()
    with WindowOutput(title=TITLE, fullscreen=True, on_close=lambda: closed.put(True)) as output:
        write(output, face())
        wait_for(lambda: fills_screen(display, face()))
        display.key("escape")
        wait_for(lambda: shows(display, face()))
        display.key("f")
        wait_for(lambda: fills_screen(display, face()))
        display.double_click(WIDTH // 2, HEIGHT // 2)
        wait_for(lambda: shows(display, face()))
        assert closed.empty()
        display.key("escape")
        assert closed.get(timeout=PATIENCE_S)


@pytest.mark.xvfb
def test_a_closed_window_is_told_and_goes_quiet(display: XDisplay) -> None:
    closed: queue.Queue[bool] = queue.Queue()
    with WindowOutput(title=TITLE, on_close=lambda: closed.put(True)) as output:
        write(output, face())
        wait_for(lambda: shows(display, face()))
        display.close_window(TITLE)
        assert closed.get(timeout=PATIENCE_S)
        wait_for(lambda: output._has_ended)
        write(output, face(1))
    output.__exit__(None, None, None)
    assert closed.empty()


@pytest.mark.xvfb
def test_a_stalled_window_misses_pictures_and_holds_nothing_up(display: XDisplay) -> None:
    with WindowOutput(title=TITLE) as output:
        write(output, face())
        wait_for(lambda: shows(display, face()))
        os.kill(output.process_id, signal.SIGSTOP)
        images = [face(seed) for seed in range(1, 40)]
        start_s = time.monotonic()
        for image in images:
            write(output, image)
        assert time.monotonic() - start_s < 1.0
        assert shows(display, face())
        os.kill(output.process_id, signal.SIGCONT)
        wait_for(lambda: shows(display, images[-1]))
        os.kill(output.process_id, signal.SIGSTOP)
        start_s = time.monotonic()
    assert time.monotonic() - start_s < 3.0


@pytest.mark.xvfb
def test_a_window_that_dies_is_told_once(display: XDisplay) -> None:
    closed: queue.Queue[bool] = queue.Queue()
    with pytest.raises(Failed), WindowOutput(title=TITLE, on_close=lambda: closed.put(True)) as output:
        os.kill(output.process_id, signal.SIGKILL)
        wait_for(lambda: output._has_ended)
        with pytest.raises(DeviceError, match="window: it has ended unexpectedly") as caught:
            write(output, face())
        assert "\n" not in str(caught.value)
        write(output, face())
        raise Failed
    assert closed.empty()


@pytest.mark.xvfb
def test_a_screen_that_dies_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with x_display() as display:
        monkeypatch.setenv("DISPLAY", display.name)
        with WindowOutput(title=TITLE) as output:
            display.server.kill()
            wait_for(lambda: output._has_ended)
            with pytest.raises(DeviceError, match="window: it has ended unexpectedly"):
                write(output, face())


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is always a display")
@pytest.mark.parametrize(("display_name", "found"), [("", "none;"), (":65000", "none at :65000;")])
def test_no_display_is_told_in_one_line(display_name: str, found: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER"):
        monkeypatch.delenv(name, raising=False)
    if display_name:
        monkeypatch.setenv("DISPLAY", display_name)
    with pytest.raises(DeviceError) as caught:
        WindowOutput(title=TITLE).__enter__()
    assert str(caught.value) == f"window: expected a display, got {found} set DISPLAY, or leave the window off"


def test_a_missing_package_is_told_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pygame", None)
    with pytest.raises(InputError, match="pip install 'visavis\\[window\\]'"):
        WindowOutput(title=TITLE).__enter__()
