"""Measures the motion sampler: a block of a lone stream, what its hearing costs, a batch of streams, a reply's start.

Run: python benchmarks/sampler.py [--seconds 60] [--rounds 100] [--json]. One thread; the sound is eSpeak NG's, pushed
in chunks as a voice gives them. Batches of all sizes take turns, so that a loaded machine slows each of them alike; the
processor's own time is printed beside the clock's, because only the latter has what other programs took.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable

import numpy as np
import torch

from avatar.motion import FRAME_RATE_HZ, LOOK_AHEAD_FRAMES, ConversationState
from avatar.sampler.batcher import BlockBatcher
from avatar.sampler.block import gather, keep, sample_blocks
from avatar.sampler.model import MotionModel, load_motion_model
from avatar.sampler.motion_sampler import FlowMotionSampler
from avatar.sampler.options import SamplerOptions
from avatar.sampler.speech_encoder import WINDOW_FRAMES
from avatar.sampler.speech_mels import recording_mels, speech_mels
from avatar.training.voices.espeak import speak_espeak
from benchmarks.report import print_machine, print_percentiles
from speech.audio import OUTPUT_RATE_HZ, SPEECH_RATE_HZ, AudioChunk, Samples, resample

TEXT = "The museum opens at nine every morning, except on public holidays, and maybe you would like to come with me. "
FRAME = OUTPUT_RATE_HZ // FRAME_RATE_HZ
BATCHES = (1, 2, 4, 8)
WARM_UP = 5

Times = dict[str, list[float]]
"""Milliseconds, by what took them."""


def lone_stream(batcher: BlockBatcher, speech: Samples, block: int) -> list[float]:
    """Milliseconds for each block of a stream that is pushed a block's sound at a time."""
    sampler = FlowMotionSampler(batcher, SamplerOptions(block_frames=block))
    sampler.set_state(ConversationState.SPEAKING)
    times = []
    for start in range(0, len(speech), block * FRAME):
        sampler.push(AudioChunk(speech[start : start + block * FRAME], OUTPUT_RATE_HZ, start))
        before = time.perf_counter()
        if len(sampler.frames().values):
            times.append((time.perf_counter() - before) * 1000.0)
    return times[WARM_UP:]


def hearing(model: MotionModel, speech: Samples, rounds: int) -> Times:
    """Milliseconds for what of a block of five is the speech encoder's, and of a block of an idle face."""
    extract = speech_mels(OUTPUT_RATE_HZ)
    sound = speech[: extract.before + extract.samples] + np.float32(1e-3)
    window = torch.from_numpy(recording_mels(speech[: WINDOW_FRAMES * FRAME], OUTPUT_RATE_HZ))[None]
    options = SamplerOptions()
    idle = FlowMotionSampler(BlockBatcher(model), options)
    idle.push(AudioChunk(np.zeros((rounds + WARM_UP + 1) * 5 * FRAME, np.float32), OUTPUT_RATE_HZ, 0))

    def block_of_silence() -> None:
        block = gather(model, options, idle.state, 5)
        keep(model, idle.state, block, sample_blocks(model, [block])[0])

    @torch.inference_mode()
    def encode() -> None:
        model.encoder(window, 5 + LOOK_AHEAD_FRAMES)

    parts: dict[str, Callable[[], object]] = {
        "of it, speech encoder": encode,
        "of it, mels of five frames": lambda: [extract(sound) for _ in range(5)],
        "block of five of an idle face": block_of_silence,
    }
    times: Times = {name: [] for name in parts}
    for _ in range(WARM_UP + rounds):
        for name, part in parts.items():
            before = time.perf_counter()
            part()
            times[name].append((time.perf_counter() - before) * 1000.0)
    return {name: values[WARM_UP:] for name, values in times.items()}


def batches(model: MotionModel, speech: Samples, rounds: int, clock: Callable[[], float]) -> Times:
    """Milliseconds for a block of each of several streams in one batch, everything included."""
    groups = {count: [_Stream(model, speech, seed) for seed in range(count)] for count in BATCHES}
    times: Times = {f"{count} in a batch": [] for count in BATCHES}
    for _ in range(WARM_UP + rounds):
        for count, streams in groups.items():
            before = clock()
            blocks = [gather(model, stream.options, stream.state, stream.options.block_frames) for stream in streams]
            for stream, block, sampled in zip(streams, blocks, sample_blocks(model, blocks), strict=True):
                keep(model, stream.state, block, sampled)
            times[f"{count} in a batch"].append((clock() - before) * 1000.0)
    return {name: values[WARM_UP:] for name, values in times.items()}


class _Stream:
    """A stream with all of its sound, each beginning elsewhere in it."""

    def __init__(self, model: MotionModel, speech: Samples, seed: int) -> None:
        self.options = SamplerOptions(seed=seed)
        sampler = FlowMotionSampler(BlockBatcher(model), self.options)
        sampler.set_state(ConversationState.SPEAKING)
        sampler.push(AudioChunk(np.roll(speech, seed * OUTPUT_RATE_HZ), OUTPUT_RATE_HZ, 0))
        self.state = sampler.state


def first_frames(batcher: BlockBatcher, speech: Samples) -> list[float]:
    """Milliseconds from a reply's first chunk of 0.4 s to its first frames."""
    times = []
    for seed in range(20):
        sampler = FlowMotionSampler(batcher, SamplerOptions(seed=seed))
        sampler.push(AudioChunk(np.zeros(25 * FRAME, np.float32), OUTPUT_RATE_HZ, 0))
        sampler.end_of_speech()
        sampler.frames()
        sampler.set_state(ConversationState.SPEAKING)
        before = time.perf_counter()
        sampler.push(AudioChunk(speech[: 10 * FRAME], OUTPUT_RATE_HZ, 25 * FRAME))
        sampler.frames()
        times.append((time.perf_counter() - before) * 1000.0)
    return times


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--seconds", type=float, default=60.0, help="of speech")
    parser.add_argument("--rounds", type=int, default=100, help="of batches")
    options = parser.parse_args()
    if not 10.0 <= options.seconds <= 3600.0:
        parser.error(f"--seconds: expected 10 to 3600, got {options.seconds}")
    most = int(options.seconds * FRAME_RATE_HZ) // 5 - WARM_UP - 1
    if not 1 <= options.rounds <= most:
        parser.error(f"--rounds: expected 1 to {most} in so many seconds of speech, got {options.rounds}")
    torch.set_num_threads(1)
    before = time.perf_counter()
    model = load_motion_model()
    load_s, batcher = time.perf_counter() - before, BlockBatcher(model)
    speech = resample(speak_espeak(TEXT * 3, "en-us+f3").samples, SPEECH_RATE_HZ, OUTPUT_RATE_HZ)
    speech = np.resize(speech, int(options.seconds * OUTPUT_RATE_HZ) // FRAME * FRAME)

    times: Times = {f"lone stream, block of {block}": lone_stream(batcher, speech, block) for block in (5, 1)}
    times |= hearing(model, speech, options.rounds)
    wall = batches(model, speech, options.rounds, time.perf_counter)
    processor = batches(model, speech, options.rounds, time.process_time)
    times |= wall | {f"{name}, processor time": values for name, values in processor.items()}
    times["first frames of a reply"] = first_frames(batcher, speech)
    ratios = {
        f"{name} / 1 in a batch{of}": float(np.median(np.divide(values, found["1 in a batch"])))
        for found, of in ((wall, ""), (processor, ", processor time"))
        for name, values in found.items()
    }
    if options.json:
        percentiles = {name: np.percentile(values, [50, 95]).round(2).tolist() for name, values in times.items()}
        print(json.dumps({"load_s": load_s, "p50_p95_ms": percentiles, "median_ratio": ratios}))
        return
    print_machine("torch", "numpy", threads=1, seconds=options.seconds, rounds=options.rounds)
    print(f"weights loaded in {load_s:.2f} s")
    for name, values in times.items():
        print_percentiles(name, values, "ms")
    for name, ratio in ratios.items():
        print(f"{name}: {ratio:.2f} (median of rounds)")


if __name__ == "__main__":
    main()
