"""What our own side costs a Coqui voice: a sentence through it against the library called directly, in milliseconds.

Run as `python -m benchmarks.voice_wrapper` in the project's folder; with the tiny random voices of the tests it takes
about two minutes. Both sides make the same length of sound, with as many threads and as low a priority, by turns.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.report import print_machine, print_percentiles
from speech.text.spoken_text import pause_after_s
from speech.tts.coqui import CoquiTTS
from speech.tts.coqui_folder import open_coqui_folder
from speech.tts.coqui_worker import torch_threads
from speech.tts.neural import NeuralTTS
from speech.tts.xtts import XttsTTS
from speech.worker.priority import let_frames_first
from tests.tiny_voices import tiny_vits, tiny_xtts

SENTENCES = (
    "Hello!",
    "My name is Vera, and I am pleased to meet you.",
    "You speak, I listen, and I answer with my own voice and with a face made from one single portrait.",
    "The sound that is really played is the only clock, so lips and voice can't drift apart.",
)

SEED = 0

Library = Callable[[str, float], Iterator[int]]
"""Takes a sentence, and how much longer than by itself it is to be; yields the samples in each piece, as it comes."""


@dataclass
class Times:
    """What one side took.

    Attributes:
        first_ms: to the first sound, of each sentence.
        whole_ms: to the last.
        seconds: of sound in all.
    """

    first_ms: list[float] = field(default_factory=list)
    whole_ms: list[float] = field(default_factory=list)
    seconds: float = 0.0

    def add(self, began: float, first: float, seconds: float) -> None:
        """Takes a sentence that has just ended; its times are those of `time.perf_counter`."""
        self.first_ms.append(1_000 * (first - began))
        self.whole_ms.append(1_000 * (time.perf_counter() - began))
        self.seconds += seconds


async def run_visavis(voice: NeuralTTS, sentence: str, times: Times) -> None:
    """Speaks a sentence with our voice; the pause after it, which the library doesn't make, isn't counted."""
    began, first, seconds = time.perf_counter(), 0.0, -pause_after_s(sentence)
    async for chunk in voice.synthesize(sentence):
        first = first or time.perf_counter()
        seconds += chunk.audio.duration_s
    times.add(began, first, seconds)


def run_library(library: Library, sentence: str, longer: float, rate_hz: int, times: Times) -> None:
    """Speaks a sentence with the library."""
    began, first, samples = time.perf_counter(), 0.0, 0
    for piece in library(sentence, longer):
        first = first or time.perf_counter()
        samples += piece
    times.add(began, first, samples / rate_hz)


async def measure(voice: NeuralTTS, library: Library, rounds: int) -> tuple[Times, Times]:
    """Both sides by turns, so that whatever else the machine does meets both alike."""
    async with voice:
        longer, warm = 1.0, Times()
        for sentence in SENTENCES:
            await run_visavis(voice, sentence, warm)
        for _ in range(2):
            theirs = Times()
            for sentence in SENTENCES:
                run_library(library, sentence, longer, voice.sample_rate_hz, theirs)
            longer *= warm.seconds / theirs.seconds
        ours, theirs = Times(), Times()
        for sentence in SENTENCES * rounds:
            await run_visavis(voice, sentence, ours)
            run_library(library, sentence, longer, voice.sample_rate_hz, theirs)
    return ours, theirs


def vits_library(folder: Path) -> Library:
    """coqui-tts's own way to speak with a VITS voice."""
    from TTS.api import TTS
    from TTS.utils.synthesizer import PAD_SILENCE_SAMPLES

    parts = open_coqui_folder(folder, kind="vits")
    library: Any = TTS(model_path=str(parts.checkpoint), config_path=str(parts.config), progress_bar=False)
    own = library.synthesizer.tts_model.length_scale

    def speak(sentence: str, longer: float) -> Iterator[int]:
        library.synthesizer.tts_model.length_scale = own * longer
        yield len(library.tts(sentence, split_sentences=False)) - PAD_SILENCE_SAMPLES

    return speak


def xtts_library(folder: Path) -> Library:
    """coqui-tts's own way to stream with XTTS."""
    import torch
    from TTS.config import load_config
    from TTS.tts.models import setup_model

    config: Any = load_config(folder / "config.json")
    model: Any = setup_model(config)
    model.load_checkpoint(config, checkpoint_dir=folder, eval=True)
    latents = next(iter(model.speaker_manager.speakers.values())).values()

    def speak(sentence: str, longer: float) -> Iterator[int]:
        torch.manual_seed(SEED)  # else each sentence would be of another length
        for piece in model.inference_stream(sentence, "en", *latents, speed=1 / longer):
            yield len(piece.cpu().numpy())

    return speak


def main() -> None:
    """Reads the command line, measures, and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10, help="times each sentence is spoken (default %(default)s)")
    parser.add_argument("--vits", type=Path, help="folder of a VITS voice (default: a tiny random one)")
    parser.add_argument("--xtts", type=Path, help="folder of an XTTS voice (default: a tiny random one)")
    arguments = parser.parse_args()
    import torch

    let_frames_first()  # as the worker does
    threads = torch_threads()
    torch.set_num_threads(threads)
    print_machine("coqui-tts", "torch", "transformers", threads=threads, rounds=arguments.rounds, device="cpu")
    with tempfile.TemporaryDirectory(prefix="visavis-voices-") as made:
        vits, xtts = arguments.vits or tiny_vits(Path(made)), arguments.xtts or tiny_xtts(Path(made))
        voices: list[tuple[NeuralTTS, Library]] = [
            (CoquiTTS(model=vits, device="cpu"), vits_library(vits)),
            (XttsTTS(model=xtts, device="cpu", rate_wpm=300), xtts_library(xtts)),
        ]
        for voice, library in voices:
            ours, theirs = asyncio.run(measure(voice, library, arguments.rounds))
            print(f"{voice.name}: {ours.seconds:.1f} s of sound through us, {theirs.seconds:.1f} s directly")
            print_percentiles(f"{voice.name}, first sound, through us", ours.first_ms, "ms", "+5 % or +20 ms")
            print_percentiles(f"{voice.name}, first sound, directly", theirs.first_ms, "ms")
            print_percentiles(f"{voice.name}, whole sentence, through us", ours.whole_ms, "ms", "+5 % or +20 ms")
            print_percentiles(f"{voice.name}, whole sentence, directly", theirs.whole_ms, "ms")


if __name__ == "__main__":
    main()
