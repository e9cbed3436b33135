"""The virtual camera: every picture arrives, in its colours; what goes wrong is said in one line."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from avatar.clock import SAMPLES_PER_FRAME
from avatar.decoder import FRAME_SIZE, Image, VideoFrame
from avatar.motion import neutral
from avatar.outputs.framing import Framing
from avatar.outputs.virtual_camera import VirtualCameraOutput
from speech.errors import DeviceError, InputError
from tests.fuse_camera import fuse_camera
from tests.memory_camera import BACKEND, MemoryCamera, memory_camera

SILENCE, REST = np.zeros(SAMPLES_PER_FRAME, np.float32), neutral(1)[0]
QUARTERS = ((200, 40, 40), (40, 180, 60), (50, 60, 210), (230, 220, 190))


class Failed(Exception):
    """What went wrong elsewhere."""


def face(shift: int = 0) -> Image:
    """Four coloured quarters, so that mirrored, swapped and shifted pictures are not the same."""
    image = np.zeros((FRAME_SIZE, FRAME_SIZE, 3), np.uint8)
    half = FRAME_SIZE // 2
    for index, colour in enumerate(QUARTERS):
        y, x = divmod(index, 2)
        image[y * half : (y + 1) * half, x * half : (x + 1) * half] = colour
    return np.asarray(image + np.uint8(shift), np.uint8)


def write(output: VirtualCameraOutput, image: Image | None) -> None:
    output.write(None if image is None else VideoFrame(image, 0), SILENCE, REST)


def framing(size: str = "512x512") -> Framing:
    return Framing(size, background="#305070", portrait=face())


@pytest.fixture
def memory() -> Iterator[MemoryCamera]:
    with memory_camera() as camera:
        yield camera


@pytest.mark.fuse
@pytest.mark.parametrize("size", ["512x512", "1280x720"])
def test_pictures_arrive_whole_at_once_and_in_their_colours(size: str, tmp_path: Path) -> None:
    frame = framing(size)
    with fuse_camera(tmp_path / "camera", frame.width, frame.height) as camera:
        with VirtualCameraOutput(device=camera.device, framing=frame) as output:
            assert output.device == camera.device
            for shift in range(5):
                before_s = time.monotonic()
                write(output, face(shift))
                after_s = time.monotonic()
                arrived = camera.receive()
                assert before_s <= arrived.at_s <= after_s, "it is there when write returns"
                difference = arrived.rgb().astype(int) - frame.compose(face(shift))
                assert np.abs(difference).mean() < 2.0
                assert abs(difference.mean()) < 1.0, "no cast, no lost contrast"


@pytest.mark.fuse
def test_a_late_picture_leaves_the_last_one(tmp_path: Path) -> None:
    with fuse_camera(tmp_path / "camera", 512, 512) as camera:
        with pytest.raises(Failed), VirtualCameraOutput(device=camera.device, framing=framing()) as output:
            for image in (face(), None, None, face(20)):
                write(output, image)
            arrived = [camera.receive().i420 for _ in range(2)]
            assert arrived[1].mean() > arrived[0].mean() + 5
            raise Failed
        assert camera.frames.empty()


@pytest.mark.fuse
def test_an_unplugged_camera_is_told_once(tmp_path: Path) -> None:
    with fuse_camera(tmp_path / "camera", 512, 512) as camera:
        with pytest.raises(Failed), VirtualCameraOutput(device=camera.device, framing=framing()) as output:
            write(output, face())
            camera.receive()
            camera.unplug()
            with pytest.raises(DeviceError, match="video0 has gone"):
                write(output, face())
            write(output, face())
            raise Failed


@pytest.mark.fuse
def test_a_camera_can_be_opened_again_and_not_twice(tmp_path: Path) -> None:
    with fuse_camera(tmp_path / "camera", 512, 512) as camera:
        with VirtualCameraOutput(device=camera.device, framing=framing()) as first:
            with pytest.raises(DeviceError, match="is busy; close the program"):
                VirtualCameraOutput(device=camera.device, framing=framing()).__enter__()
        first.__exit__(None, None, None)
        with VirtualCameraOutput(device=camera.device, framing=framing()) as second:
            write(second, face())
            assert camera.receive().rgb().shape == (512, 512, 3)


@pytest.mark.fuse
def test_a_camera_that_shows_another_size_is_busy(tmp_path: Path) -> None:
    with (
        fuse_camera(tmp_path / "camera", 512, 512) as camera,
        pytest.raises(DeviceError, match="is busy; close the program"),
    ):
        VirtualCameraOutput(device=camera.device, framing=framing("1280x720")).__enter__()


@pytest.mark.fuse
def test_the_mount_goes_even_after_a_failure(tmp_path: Path) -> None:
    folder = tmp_path / "camera"
    with pytest.raises(ZeroDivisionError), fuse_camera(folder, 512, 512) as camera:
        assert Path(camera.device).exists()
        raise ZeroDivisionError
    assert not folder.is_mount() and list(folder.iterdir()) == []


def test_every_picture_goes_out_at_its_size(memory: MemoryCamera) -> None:
    with VirtualCameraOutput(framing=framing("1280x720"), backend=BACKEND) as output:
        assert output.device == "Memory Camera"
        for image in (face(), None, face(9)):
            write(output, image)
        assert [frame.shape for frame in memory.frames] == [(720, 1280, 3)] * 2
        assert np.array_equal(memory.frames[1], framing("1280x720").compose(face(9)))
    output.__exit__(Failed, Failed(), None)
    write(output, face())
    assert (memory.opened, len(memory.frames)) == (0, 2)


def test_a_camera_that_fails_is_told_once(memory: MemoryCamera) -> None:
    with VirtualCameraOutput(device="Desk", framing=framing(), backend=BACKEND) as output:
        memory.unplugged = True
        with pytest.raises(DeviceError, match="Desk has gone \\(the camera has been taken away\\)"):
            write(output, face())
        memory.unplugged = False
        write(output, face())
        assert (memory.opened, memory.frames) == (0, [])


@pytest.mark.parametrize(
    ("platform", "advice"),
    [
        ("linux", "busy; close the program that writes to it, or name another one in camera.device"),
        ("darwin", "install OBS 30 or newer and start its virtual camera once"),
        ("win32", "install OBS or Unity Capture"),
    ],
)
def test_every_system_has_its_advice(
    platform: str, advice: str, memory: MemoryCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory.busy = True
    monkeypatch.setattr(sys, "platform", platform)
    with pytest.raises(DeviceError) as caught:
        VirtualCameraOutput(framing=framing(), backend=BACKEND).__enter__()
    assert advice in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(sys.platform != "linux", reason="v4l2loopback is Linux's")
def test_a_missing_camera_is_told_in_one_line(tmp_path: Path) -> None:
    missing, wrong = tmp_path / "video9", tmp_path / "video8"
    wrong.touch()
    for path, message in ((missing, f"there is no {missing}"), (wrong, f"got {wrong}: ")):
        with pytest.raises(DeviceError, match="sudo modprobe v4l2loopback exclusive_caps=1") as caught:
            VirtualCameraOutput(device=str(path), framing=framing()).__enter__()
        assert message in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_missing_package_is_told_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyvirtualcam", None)
    with pytest.raises(InputError, match="pip install 'visavis\\[camera\\]'"):
        VirtualCameraOutput(framing=framing()).__enter__()


def test_a_misspelt_backend_is_told(memory: MemoryCamera) -> None:
    with pytest.raises(ValueError, match=f"{BACKEND}.*got 'obbs'"):
        VirtualCameraOutput(framing=framing(), backend="obbs").__enter__()
