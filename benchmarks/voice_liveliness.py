"""Measures whether a lively voice is heard as one, and what it does to the face.

Run: python -m benchmarks.voice_liveliness [RECORDING …] [--texts 4] [--seeds 3] [--json]. One thread. eSpeak NG says
held-out sentences flatly, plainly and with a wide range of pitch; the natural voices that training has (`make
training`), if they are there, say them plainly and with a wandering melody. How lively is each heard, and is the
livelier of two heard as such? What do head, brows and smile do then? Recordings are listed by how lively they sound,
beside how far their pitch is from its mean.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, islice
from pathlib import Path

import numpy as np
import torch

from agent.models.training_voices import training_voices
from avatar.evaluation.behaviour import head_speed_rms
from avatar.evaluation.curves import rank_correlation
from avatar.evaluation.driving import drive
from avatar.feelings.manner import SILENT, hear
from avatar.feelings.voice_pitch import voice_pitch
from avatar.motion import FRAME_RATE_HZ, ConversationState, Floats, MotionLayout
from avatar.sampler.batcher import BlockBatcher
from avatar.sampler.model import load_motion_model
from avatar.sampler.motion_sampler import FlowMotionSampler
from avatar.sampler.options import SamplerOptions
from avatar.training.texts.corpus import english
from avatar.training.voices.cast import Cast
from avatar.training.voices.change import lively
from avatar.training.voices.espeak import speak_espeak
from benchmarks.report import print_machine
from speech.audio import SPEECH_RATE_HZ, Samples
from speech.files.sound_file import read_audio

VOICES = ("hibari heart", "piper en_US-joe-medium", "kokoro af_heart", "kokoro am_michael", "kokoro bf_emma")
MOODS = ("flat", "plain", "lively")
PITCH_RANGES = {"flat": 0, "plain": 50, "lively": 99}
"""Of eSpeak NG."""
SEMITONES = 2.5
"""By which a lively melody wanders."""
SETTLED_S = 2.0
_FRAME = SPEECH_RATE_HZ // FRAME_RATE_HZ


@dataclass(frozen=True, slots=True)
class Heard:
    """Of one sound: how lively, -1 to 1, frame by frame; its pitch's mean distance from its median, semitones."""

    lively: Floats
    spread: float

    @property
    def mean(self) -> float:
        """After it has settled; of a short sound the end."""
        return float(self.lively[min(round(SETTLED_S * FRAME_RATE_HZ), len(self.lively) - 1) :].mean())


def listen(sound: Samples) -> Heard:
    """Hears a sound as the face does: float32 [N] at 16 kHz."""
    find = voice_pitch(SPEECH_RATE_HZ)
    padded = np.concatenate([np.zeros(find.samples, np.float32), sound])
    manner, out, pitches = SILENT, [], []
    for end in range(_FRAME, len(sound) + 1, _FRAME):
        tone = find(padded[end : end + find.samples])
        pitches.append(tone.hz)
        manner = hear(manner, tone)
        out.append(manner.lively)
    voiced = 12.0 * np.log2([pitch for pitch in pitches if pitch] or [1.0])
    return Heard(np.array(out, np.float32), float(np.abs(voiced - np.median(voiced)).mean()))


def speeches(texts: Sequence[str]) -> dict[str, dict[str, Samples]]:
    """Voice → mood → the texts, one after the other."""
    pause = np.zeros(SPEECH_RATE_HZ * 3 // 10, np.float32)

    def joined(pieces: Sequence[Samples]) -> Samples:
        return np.concatenate([part for piece in pieces for part in (piece, pause)])

    out = {
        f"espeak {voice}": {
            mood: joined([speak_espeak(text, voice, pitch_range=size).samples for text in texts])
            for mood, size in PITCH_RANGES.items()
        }
        for voice in ("en-us+f3", "en-us+m3")
    }
    for voice in Cast(training_voices(print), print).voices:
        if voice.name in VOICES:
            said = [voice.speak(text, pace=1.0, random=np.random.default_rng(0)) for text in texts]
            moved = [lively(one, SEMITONES, np.random.default_rng(i)) for i, one in enumerate(said)]
            out[voice.name] = {
                "plain": joined([one.samples for one in said]),
                "lively": joined([one.samples for one in moved]),
            }
    return out


def face(batcher: BlockBatcher, sound: Samples, seeds: int) -> dict[str, float]:
    """What the face does with a sound, the mean over seeds; degrees a second, and units of the coefficients."""
    found = []
    for seed in range(seeds):
        motion = drive(FlowMotionSampler(batcher, SamplerOptions(seed=seed)), sound, ConversationState.SPEAKING)
        motion = motion[round(SETTLED_S * FRAME_RATE_HZ) :]
        brow, smile = (motion[:, MotionLayout.INDEX[name]] for name in ("browOuterUpLeft", "mouthSmileLeft"))
        found.append((head_speed_rms(motion), float(np.ptp(np.percentile(brow, [5, 95]))), float(smile.mean())))
    return dict(zip(("head speed", "brow range", "smile"), np.mean(found, axis=0).tolist(), strict=True))


def ranked(heard: Mapping[str, Mapping[str, Heard]]) -> float:
    """The share of pairs of moods of one voice that are heard the right way round."""
    right = [
        moods[livelier].mean > moods[flatter].mean
        for moods in heard.values()
        for flatter, livelier in combinations([mood for mood in MOODS if mood in moods], 2)
    ]
    return float(np.mean(right))


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recordings", nargs="*", type=Path, help="of speech, to be ranked")
    parser.add_argument("--texts", type=int, default=4, help="that every voice says")
    parser.add_argument("--seeds", type=int, default=3, help="of the faces; 0 leaves them out")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    torch.set_num_threads(1)
    spoken = speeches(list(islice(english(2000, validation=True), options.texts)))
    heard = {voice: {mood: listen(sound) for mood, sound in moods.items()} for voice, moods in spoken.items()}
    batcher = BlockBatcher(load_motion_model())
    faces = {
        voice: {mood: face(batcher, sound, options.seeds) for mood, sound in moods.items() if options.seeds}
        for voice, moods in spoken.items()
    }
    files = {path.name: listen(read_audio(path, SPEECH_RATE_HZ)) for path in options.recordings}
    sound = next(iter(spoken.values()))["plain"]
    start = time.process_time()
    listen(sound)
    cost_us = 1e6 * (time.process_time() - start) / (len(sound) // _FRAME)
    if options.json:
        means = {voice: {mood: one.mean for mood, one in moods.items()} for voice, moods in heard.items()}
        print(json.dumps({"heard": means, "faces": faces, "ranked right": ranked(heard), "us a frame": cost_us}))
        return
    print_machine("torch", "numpy", "hibari-tts", threads=1, texts=options.texts, seeds=options.seeds)
    for voice, moods in heard.items():
        for mood, one in moods.items():
            does = "  ".join(f"{name} {value:.3f}" for name, value in faces[voice].get(mood, {}).items())
            print(f"{voice:<22} {mood:<7} heard {one.mean:+.2f}  pitch {one.spread:.1f} st  {does}", flush=True)
    print(f"pairs of one voice heard the right way round: {100.0 * ranked(heard):.0f} %")
    every = [one for moods in heard.values() for one in moods.values()]
    print(f"rank correlation with the pitch's spread: {_agreement(every)}")
    for name, one in sorted(files.items(), key=lambda item: item[1].mean):
        print(f"{name:<30} heard {one.mean:+.2f}  pitch {one.spread:.1f} st")
    if len(files) > 2:
        print(f"rank correlation with the pitch's spread: {_agreement(list(files.values()))}")
    print(f"listening: {cost_us:.0f} us a frame")


def _agreement(heard: Sequence[Heard]) -> str:
    found = rank_correlation(np.array([one.mean for one in heard]), np.array([one.spread for one in heard]))
    return "-" if found is None else f"{found:.2f}"


if __name__ == "__main__":
    main()
