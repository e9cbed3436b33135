"""Measures the motion sampler: time of a block, of the first moving-mouth frame, and its share of real time.

Run: python benchmarks/sampler.py [--json]. One thread; sound is eSpeak NG's, pushed in chunks as a voice gives them.
"""

from __future__ import annotations

import argparse
import json
import platform
import time

import numpy as np
import torch

from avatar.motion import ConversationState
from avatar.sampler.batcher import BlockBatcher
from avatar.sampler.model import load_motion_model
from avatar.sampler.motion_sampler import FlowMotionSampler
from avatar.sampler.options import SamplerOptions
from avatar.training.speech_data import speak_espeak
from speech.audio import OUTPUT_RATE_HZ, SPEECH_RATE_HZ, AudioChunk, resample

TEXT = "The museum opens at nine every morning, except on public holidays, and maybe you would like to come with me. "
FRAME = OUTPUT_RATE_HZ // 25


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--seconds", type=float, default=60.0, help="of speech")
    options = parser.parse_args()
    torch.set_num_threads(1)
    started = time.perf_counter()
    batcher = BlockBatcher(load_motion_model())
    load_s = time.perf_counter() - started
    speech = resample(speak_espeak(TEXT * 3, "en-us+f3").samples, SPEECH_RATE_HZ, OUTPUT_RATE_HZ)
    speech = np.resize(speech, int(options.seconds * OUTPUT_RATE_HZ) // FRAME * FRAME)

    result: dict[str, object] = {
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "machine": platform.processor() or platform.machine(),
        "load_s": round(load_s, 3),
    }
    for block in (5, 1):
        sampler = FlowMotionSampler(batcher, SamplerOptions(block_frames=block))
        sampler.set_state(ConversationState.SPEAKING)
        times = []
        for start in range(0, len(speech), block * FRAME):
            sampler.push(AudioChunk(speech[start : start + block * FRAME], OUTPUT_RATE_HZ, start))
            before = time.perf_counter()
            made = len(sampler.frames().values)
            if made:
                times.append(time.perf_counter() - before)
        warm = np.array(times[3:]) * 1000.0
        result[f"block of {block}"] = {
            "p50_ms": round(float(np.percentile(warm, 50)), 2),
            "p95_ms": round(float(np.percentile(warm, 95)), 2),
            "share_of_real_time": round(float(warm.mean()) / (block * 40.0), 3),
        }

    # A voice that speaks ahead: the first chunk of a reply holds 0.4 s; how long until its first frames are there?
    first = []
    for seed in range(20):
        sampler = FlowMotionSampler(batcher, SamplerOptions(seed=seed))
        sampler.push(AudioChunk(np.zeros(25 * FRAME, np.float32), OUTPUT_RATE_HZ, 0))
        sampler.end_of_speech()
        sampler.frames()
        sampler.set_state(ConversationState.SPEAKING)
        before = time.perf_counter()
        sampler.push(AudioChunk(speech[: 10 * FRAME], OUTPUT_RATE_HZ, 25 * FRAME))
        sampler.frames()
        first.append((time.perf_counter() - before) * 1000.0)
    result["first frames of a reply"] = {
        "p50_ms": round(float(np.percentile(first, 50)), 2),
        "p95_ms": round(float(np.percentile(first, 95)), 2),
    }
    if options.json:
        print(json.dumps(result))
    else:
        for name, value in result.items():
            print(f"{name}: {value}")


if __name__ == "__main__":
    main()
