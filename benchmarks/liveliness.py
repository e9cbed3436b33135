"""Measures whether the face moves anew with every speech and every seed, and how much it moves.

Run: python -m benchmarks.liveliness [--speeches 10] [--seconds 20] [--seeds 20] [--json]. One thread. Different
sentences, spoken by eSpeak NG, are given to samplers with one seed: how alike are their heads, eyes and lids at one
time? One of them is then given to samplers with different seeds: how differently do they blink, look and move?
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from itertools import combinations, islice

import numpy as np
import torch

from avatar.evaluation.bands import BLINKS, DIRECT_GAZE, HEAD_SPEED, SACCADES, band
from avatar.evaluation.behaviour import blinks, direct_gaze_share, head_speed_rms, head_velocity, saccades
from avatar.evaluation.curves import correlation
from avatar.evaluation.driving import drive
from avatar.motion import FRAME_RATE_HZ, ConversationState, Floats, MotionLayout
from avatar.sampler.batcher import BlockBatcher
from avatar.sampler.model import load_motion_model
from avatar.sampler.motion_sampler import FlowMotionSampler
from avatar.sampler.options import SamplerOptions
from avatar.training.texts.corpus import english
from avatar.training.voices.espeak import speak_espeak
from benchmarks.report import print_machine
from speech.audio import SPEECH_RATE_HZ, Samples

VOICE = "en-us+f3"
LEAD_S = 0.4
"""Of silence before each speech, as in a conversation."""

FIRST_MOMENTS_S = 2.0
"""Left out of the comparison: what was begun before the speech was heard."""

CURVES = ("headYaw", "headPitch", "headRoll", "gazeYaw", "eyeBlinkLeft")


def speech(number: int, seconds: float) -> Samples:
    """Sentences that no other number has, spoken one after the other: float32 at 16 kHz."""
    pieces = [np.zeros(round(LEAD_S * SPEECH_RATE_HZ), np.float32)]
    for text in islice(english(1000 + number, validation=True), 100):
        pieces += [speak_espeak(text, VOICE).samples, np.zeros(SPEECH_RATE_HZ // 4, np.float32)]
        if sum(map(len, pieces)) >= seconds * SPEECH_RATE_HZ:
            break
    return np.resize(np.concatenate(pieces), round(seconds * FRAME_RATE_HZ) * SPEECH_RATE_HZ // FRAME_RATE_HZ)


def alike(motions: Sequence[Floats]) -> dict[str, dict[str, float]]:
    """How alike each two motions are: by curve, the median and the largest size of the correlation."""
    first = round(FIRST_MOMENTS_S * FRAME_RATE_HZ)
    out = {}
    for name in CURVES:
        column = MotionLayout.INDEX[name]
        found = [correlation(a[first:, column], b[first:, column]) for a, b in combinations(motions, 2)]
        sizes = [abs(r) for r in found if r is not None]
        out[name] = {"median": float(np.median(sizes)), "most": max(sizes)}
    lids = [a[first:, MotionLayout.INDEX["eyeBlinkLeft"]] > 0.5 for a in motions]
    together = [float((a & b).sum()) / max(1, min(a.sum(), b.sum())) for a, b in combinations(lids, 2)]
    out["lids shut together"] = {"median": float(np.median(together)), "most": max(together)}
    return out


MEASURES: dict[str, Callable[[Floats], float]] = {
    BLINKS: lambda values: 60.0 * FRAME_RATE_HZ * len(blinks(values)) / len(values),
    DIRECT_GAZE: direct_gaze_share,
    SACCADES: lambda values: FRAME_RATE_HZ * saccades(values) / len(values),
    HEAD_SPEED: head_speed_rms,
    "head speed, median": lambda values: float(np.median(np.sqrt(np.square(head_velocity(values)).sum(axis=1)))),
    **{
        f"{name} range": lambda values, name=name: float(
            np.degrees(np.ptp(np.percentile(values[:, MotionLayout.INDEX[name]], [5, 95])))
        )
        for name in ("headPitch", "headYaw", "headRoll")
    },
    "brow range": lambda values: float(np.ptp(np.percentile(values[:, MotionLayout.INDEX["browInnerUp"]], [5, 95]))),
}
"""Of one motion. Ranges are of the middle 90 %, degrees."""


def spread(motions: Sequence[Floats]) -> dict[str, dict[str, float | int | None]]:
    """Over the motions: the least, the median and the most of each measure, and how many are outside its band."""
    out: dict[str, dict[str, float | int | None]] = {}
    for name, measure in MEASURES.items():
        found = [measure(values) for values in motions]
        limits = band(ConversationState.SPEAKING, name)
        outside = None if limits is None else sum(not limits.low <= value <= limits.high for value in found)
        low, middle, high = np.percentile(found, [0, 50, 100]).tolist()
        out[name] = {"least": low, "median": middle, "most": high, "outside": outside}
    return out


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--speeches", type=int, default=10, help="that one seed is given")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each of them")
    parser.add_argument("--seeds", type=int, default=20, help="that one speech of a minute is given to")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    if options.speeches < 2 or options.seeds < 2 or not 5.0 <= options.seconds <= 600.0:
        parser.error("expected at least 2 speeches of 5 to 600 seconds, and at least 2 seeds")
    torch.set_num_threads(1)
    batcher = BlockBatcher(load_motion_model())

    def said(sound: Samples, seed: int) -> Floats:
        return drive(FlowMotionSampler(batcher, SamplerOptions(seed=seed)), sound, ConversationState.SPEAKING)

    speeches = [speech(number, options.seconds) for number in range(options.speeches)]
    minute = speech(options.speeches, 60.0)
    same_seed = [said(sound, 0) for sound in speeches]
    same_sound = [said(minute, seed) for seed in range(options.seeds)]
    found = {"same seed": alike(same_seed), "same sound": alike(same_sound), "over seeds": spread(same_sound)}
    if options.json:
        print(json.dumps(found))
        return
    print_machine("torch", "numpy", threads=1, **{k: v for k, v in vars(options).items() if k != "json"})
    for title in ("same seed", "same sound"):
        print(f"size of the correlation between two motions, {title}:")
        for name, sizes in found[title].items():
            print(f"  {name:<20} median {sizes['median']:.2f}  most {sizes['most']:.2f}")
    print("over the seeds (speaking):")
    for name, value in found["over seeds"].items():
        outside = "" if value["outside"] is None else f"  outside the band: {value['outside']}"
        print(f"  {name:<20} {value['least']:6.2f} … {value['median']:6.2f} … {value['most']:6.2f}{outside}")


if __name__ == "__main__":
    main()
