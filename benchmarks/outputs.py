"""What the outputs cost the renderer, frame for frame: framing, sending to a camera, handing over to the window.

Frames are drawn and shown at 25 a second, as in a conversation. The camera is the tests' FUSE file behind
pyvirtualcam's own v4l2loopback backend, so its times hold a second process, which the kernel's camera has not; the
window is on an X server without a screen. What this machine can't do is left out and said. Processor time is the
rendering thread's.

Run as `python -m benchmarks.outputs [PORTRAIT]` in the project's folder; 15 seconds.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from avatar.clock import SAMPLES_PER_FRAME
from avatar.decoder import VideoFrame
from avatar.mesh.decoder import MeshDecoder
from avatar.motion import FRAME_RATE_HZ, neutral
from avatar.outputs.base import Output
from avatar.outputs.framing import SIZES, Framing
from avatar.outputs.virtual_camera import VirtualCameraOutput
from avatar.outputs.window import WindowOutput
from avatar.portrait.portrait import load_portrait
from benchmarks.decoder import ROOT, lively_motion
from benchmarks.report import print_machine, print_percentiles
from speech.errors import VisavisError
from tests.fuse_camera import FuseCamera, fuse_camera
from tests.x_display import x_display

WARM_UP_FRAMES = 25


def main() -> None:
    """Reads the command line, measures, and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    portrait = ROOT / "avatar" / "assets" / "portraits" / "mira.png"
    parser.add_argument("portrait", type=Path, nargs="?", default=portrait)
    parser.add_argument("--frames", type=int, default=250)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    print_machine("pyvirtualcam", "pygame-ce", "opencv-contrib-python-headless", "numpy", threads=1)
    with contextlib.ExitStack() as stack:
        measure(stack, MeshDecoder(load_portrait(arguments.portrait)), arguments.frames)


def measure(stack: contextlib.ExitStack, decoder: MeshDecoder, frames: int) -> None:
    """Shows the frames and prints what each output took."""
    rest = decoder.decode(neutral(1)[0])
    framings = {size: Framing(size, portrait=rest) for size in SIZES}
    wide = framings["1280x720"]
    start = time.perf_counter()
    Framing("1280x720", portrait=rest)
    print(f"setting up the framing: {(time.perf_counter() - start) * 1000:.0f} ms")
    outputs: dict[str, Output] = {}
    camera = open_camera(stack, wide)
    if camera is not None:
        sender = VirtualCameraOutput(device=camera.device, framing=wide)
        outputs["camera: framing and sending"] = stack.enter_context(sender)
    window = open_window(stack)
    if window is not None:
        outputs["window: hand-over"] = window

    taken: dict[str, list[float]] = {}
    delivered: list[float] = []

    @contextlib.contextmanager
    def timed(name: str) -> Iterator[None]:
        wall_s, processor_s = time.perf_counter(), time.thread_time()
        yield
        taken.setdefault(name, []).append((time.perf_counter() - wall_s) * 1000.0)
        taken.setdefault(f"{name}, processor", []).append((time.thread_time() - processor_s) * 1000.0)

    silence = np.zeros(SAMPLES_PER_FRAME, np.float32)
    window_cpu_s = 0.0
    begin_s = time.monotonic()
    for index, values in enumerate(lively_motion(frames + WARM_UP_FRAMES)):
        if index == WARM_UP_FRAMES and window is not None:
            window_cpu_s = _cpu_s(window)
        time.sleep(max(begin_s + index / FRAME_RATE_HZ - time.monotonic(), 0.0))
        frame = VideoFrame(decoder.decode(values), index * SAMPLES_PER_FRAME)
        for size, framing in framings.items():
            with timed(f"framing {size}"):
                framing.compose(frame.image)
        for name, output in outputs.items():
            start_s = time.monotonic()
            with timed(name):
                output.write(frame, silence, values)
            if output is not window and camera is not None:
                delivered.append((camera.receive().at_s - start_s) * 1000.0)
    if delivered:
        taken["camera: until it has the picture"] = delivered
    for name, values_ms in taken.items():
        print_percentiles(name, values_ms[WARM_UP_FRAMES:], "ms")
    if window is not None:
        used_ms = (_cpu_s(window) - window_cpu_s) * 1000.0 / frames
        print(f"window: its own process, processor time a frame: {used_ms:.2f} ms")


def open_camera(stack: contextlib.ExitStack, framing: Framing) -> FuseCamera | None:
    """A camera that takes the framing's size, or None where FUSE is not usable."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    try:
        return stack.enter_context(fuse_camera(folder / "camera", framing.width, framing.height))
    except (RuntimeError, OSError) as error:
        print(f"camera left out: {error}")
        return None


def open_window(stack: contextlib.ExitStack) -> WindowOutput | None:
    """A window on an X server of its own, or None where there is none."""
    try:
        os.environ["DISPLAY"] = stack.enter_context(x_display()).name
        return stack.enter_context(WindowOutput(title="Visavis"))
    except (OSError, RuntimeError, VisavisError) as error:
        print(f"window left out: {error}")
        return None


def _cpu_s(window: WindowOutput) -> float:
    """Processor time that the window's process has used (Linux numbers the clocks of processes like this)."""
    return time.clock_gettime((~window.process_id << 3) | 2)


if __name__ == "__main__":
    main()
