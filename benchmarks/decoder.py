"""How fast the mesh decoder draws: set-up time, then frames a second on one thread; and whether its memory stays level.

Run: python -m benchmarks.decoder [portrait] [--frames 500] [--size 512] [--endurance 100000]
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import cv2
import numpy as np

from avatar.decoder import FRAME_SIZE
from avatar.mesh.decoder import MeshDecoder
from avatar.motion import FRAME_RATE_HZ, Floats, MotionLayout, neutral
from avatar.portrait.portrait import load_portrait
from benchmarks.memory import memory_mb
from benchmarks.report import print_machine

ROOT = Path(__file__).resolve().parent.parent
WARM_UP_FRAMES = 20


def lively_motion(frames: int, seed: int = 0) -> Floats:
    """Motion that exercises everything: a talking, blinking, looking, nodding head; float32 [frames, 60]."""
    rng = np.random.default_rng(seed)
    time_s = np.arange(frames) / FRAME_RATE_HZ
    values = neutral(frames)
    for column in range(MotionLayout.SIZE):
        phase, rate_hz = rng.uniform(0, 2 * np.pi), rng.uniform(0.3, 3.0)
        wave = np.sin(2 * np.pi * rate_hz * time_s + phase)
        name = MotionLayout.NAMES[column]
        if name == "headDistance":
            values[:, column] = 1.0 + 0.05 * wave
        elif name.startswith(("head", "gaze")):
            values[:, column] = 0.15 * wave
        else:
            values[:, column] = np.clip(0.6 * wave, 0.0, 1.0)
    return values


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    default = sorted((ROOT / "avatar" / "assets" / "portraits").glob("*.png"))
    parser.add_argument("portrait", type=Path, nargs="?", default=default[0] if default else None)
    parser.add_argument("--frames", type=int, default=500)
    parser.add_argument("--size", type=int, default=FRAME_SIZE, help="pixels a side")
    parser.add_argument("--endurance", type=int, default=0, metavar="FRAMES", help="watch the memory over so many")
    arguments = parser.parse_args()
    if arguments.portrait is None:
        parser.error("expected a portrait")
    cv2.setNumThreads(1)
    print_machine("numpy", "opencv-contrib-python-headless", seed=0, threads=1, size=arguments.size)
    load_portrait(arguments.portrait, size=arguments.size)  # so that the next call finds the analysis
    start = time.perf_counter()
    portrait = load_portrait(arguments.portrait, size=arguments.size)
    loaded = time.perf_counter()
    decoder = MeshDecoder(portrait)
    ready = time.perf_counter()
    print(f"{portrait.name}: opened in {loaded - start:.3f} s (analysis cached), set up in {ready - loaded:.3f} s")
    motion = lively_motion(arguments.frames + WARM_UP_FRAMES)
    for values in motion[:WARM_UP_FRAMES]:
        decoder.decode(values)
    wall, processor = [], []
    for values in motion[WARM_UP_FRAMES:]:
        wall_start, processor_start = time.perf_counter(), time.thread_time()
        decoder.decode(values)
        wall.append(time.perf_counter() - wall_start)
        processor.append(time.thread_time() - processor_start)
    for name, seconds in (("wall clock", wall), ("processor", processor)):
        best, middle, late = np.percentile(np.array(seconds) * 1000.0, [2, 50, 95])
        print(f"{name}: p2 {best:.2f} ms, p50 {middle:.2f} ms ({1000.0 / middle:.0f} frames/s), p95 {late:.2f} ms")

    if arguments.endurance:
        _check_memory(decoder, motion, arguments.endurance)


def _check_memory(decoder: MeshDecoder, motion: Floats, frames: int) -> None:
    """Draws on and on, and prints the memory ten times on the way."""
    began = time.perf_counter()
    for frame in range(frames + 1):
        if frame % max(frames // 10, 1) == 0:
            rate = frame / max(time.perf_counter() - began, 1e-9)
            print(f"frame {frame:>8}: {memory_mb(os.getpid()):7.1f} MB, {rate:.0f} frames/s", flush=True)
        decoder.decode(motion[frame % len(motion)], 0.5 + 0.5 * float(np.sin(frame / 40.0)))


if __name__ == "__main__":
    main()
