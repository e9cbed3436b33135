"""How decided should contacts of the lips be: what each choice closes in time, closes wrongly, and makes jump.

    python -m benchmarks.contact_gates [--weights FILE] [--minutes 3] [--sharpness 1 1.5] [--lips 0 0.3] [--teeth 0]

The sampler speaks held-out sentences with every choice of `avatar.sampler.denoiser`'s GATE_SHARPNESS and GATE_BIAS;
beside them stands the rule that it learned from. Voices and texts are those that training validates with, none of what
the evaluation says. One thread, ten seconds a row.
"""

from __future__ import annotations

import argparse
from itertools import product
from pathlib import Path

import numpy as np
import torch

from agent.config.config import load_config
from agent.models.training_voices import training_voices
from agent.personas import portrait_path
from avatar.evaluation.driving import drive
from avatar.evaluation.lips import LipGeometry
from avatar.evaluation.people.movement import jumps
from avatar.evaluation.phonemes import PhonemeEvent, events, phoneme_measures
from avatar.evaluation.speech.speech_track import SAMPLES_PER_FRAME, SpeechTrack, SpokenPart, joined, rule_motion
from avatar.motion import FRAME_RATE_HZ, ConversationState, Floats
from avatar.portrait.portrait import load_portrait
from avatar.sampler import denoiser
from avatar.sampler.batcher import BlockBatcher
from avatar.sampler.model import load_motion_model
from avatar.sampler.motion_sampler import FlowMotionSampler
from avatar.training.voices.cast import Cast
from avatar.training.voices.speaking import speeches
from benchmarks.report import print_machine

_COLUMNS = ("p b m meet", "look closed", "f v", "closed away", "aperture SD", "jumps/s")
_EYES = (33, 263)


def figures(
    values: Floats, rule: Floats, found: list[PhonemeEvent], lips: LipGeometry, eyes_px: float
) -> list[float | None]:
    """One row of the table."""
    at = phoneme_measures(values, rule, found, lips)
    gap = np.clip(lips(values).gap_px, 0.0, None) / eyes_px
    a_second = jumps(np.asarray(gap, np.float32)) * FRAME_RATE_HZ / len(gap)
    return [at.lips_meet, at.lips_look_closed, at.at_teeth_parted, at.closed_elsewhere, float(gap.std()), a_second]


def validation_speech(seconds: float, seed: int) -> SpeechTrack:
    """What validation scenes say, clean, with half a second of silence after each utterance."""
    cast = Cast(training_voices(print), print)
    random = np.random.default_rng(seed)
    pieces: list[SpeechTrack] = []
    while sum(piece.frames for piece in pieces) < seconds * FRAME_RATE_HZ:
        for spoken in speeches(random, cast, validation=True):
            frames = -(-len(spoken.samples) // SAMPLES_PER_FRAME)
            part = SpokenPart(0, frames, spoken.phones, spoken.text, spoken.voice)
            sound = np.pad(spoken.samples, (0, (frames + FRAME_RATE_HZ // 2) * SAMPLES_PER_FRAME - len(spoken.samples)))
            pieces.append(SpeechTrack(sound, (part,)))
    return joined(pieces)


def show(name: str, row: list[float | None]) -> None:
    """Prints a row."""
    print(f"{name:<24}" + "".join("           -" if x is None else f"{x:>12.3f}" for x in row), flush=True)


def speak(model_batcher: BlockBatcher, track: SpeechTrack) -> Floats:
    """The motion of the track, from a fresh sampler."""
    return drive(FlowMotionSampler(model_batcher), track.sound, ConversationState.SPEAKING)


def main() -> None:
    """Reads the command line, measures, prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path, help="those that ship if not said")
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--seed", type=int, default=1, help="of what is said")
    parser.add_argument("--sharpness", type=float, nargs="+", default=[1.0, 1.5, 2.0])
    parser.add_argument("--lips", type=float, nargs="+", default=[0.0, 0.3, 0.6], help="biases of p b m")
    parser.add_argument("--teeth", type=float, nargs="+", default=[0.0, 0.5], help="biases of f v")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print_machine("torch", "numpy", threads=1, seed=options.seed, minutes=options.minutes)
    config = load_config(None, [], {})
    portrait = load_portrait(portrait_path(config.portrait.path), cache_dir=config.portrait.cache_dir)
    lips = LipGeometry(portrait)
    eyes_px = float(np.linalg.norm(np.diff(portrait.landmarks[list(_EYES), :2], axis=0)))
    track = validation_speech(60.0 * options.minutes, options.seed)
    rule = rule_motion(track)
    found = events(track.parts, track.frames)
    print(f"{'':<24}" + "".join(f"{name:>12}" for name in _COLUMNS))
    show("the rule", figures(rule, rule, found, lips, eyes_px))
    batcher = BlockBatcher(load_motion_model(options.weights))
    for sharpness, *bias in product(options.sharpness, options.lips, options.teeth):
        denoiser.GATE_SHARPNESS, denoiser.GATE_BIAS = sharpness, (bias[0], bias[1])
        name = f"{sharpness:g}, ({bias[0]:g}, {bias[1]:g})"
        show(name, figures(speak(batcher, track), rule, found, lips, eyes_px))


if __name__ == "__main__":
    main()
