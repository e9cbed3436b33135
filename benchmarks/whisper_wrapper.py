"""What our streaming adds to Whisper: the same recordings through the library by itself and through the ears.

The library: `transcribe` on the whole recording, in this process. The ears: from the last sample to the final words,
once with the sound as fast as it is taken (nothing can have been decoded before its end) and once as it is spoken, with
the silence that ends a turn after it (usually all is decoded by then). The goal is for the former, on the median
recording: at most 5 % or 20 ms more than the library.

Run as `python -m benchmarks.whisper_wrapper [--engine faster-whisper] [--model PATH]` in the project's folder; without
a model it takes the packaged tiny.en. About four minutes.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import numpy as np

from agent.config import load_config
from agent.weights import ears_model
from benchmarks.report import print_machine, print_percentiles
from speech.asr_faster_whisper import FasterWhisperASR
from speech.asr_whisper import WhisperASR
from speech.audio import SPEECH_RATE_HZ, AudioChunk, Samples, chunked
from speech.sound_file import read_audio

_RECORDINGS = Path(__file__).parent.parent / "agent" / "data" / "questions"
_CHUNK_SAMPLES = 512
_END_OF_TURN_S = 0.5


def library(engine: str, model: Path, threads: int) -> Callable[[Samples], str]:
    """The library by itself, with the options that the ears give it."""
    options: dict[str, Any] = {"language": "en", "temperature": 0.0, "condition_on_previous_text": False}
    if engine == "whisper":
        import torch
        import whisper

        torch.set_num_threads(threads)
        loaded = whisper.load_model(str(model), device="cpu")
        return lambda sound: str(loaded.transcribe(sound, fp16=False, **options)["text"]).strip()
    from faster_whisper import WhisperModel

    quick = WhisperModel(str(model), device="cpu", compute_type="int8", cpu_threads=threads)
    return lambda sound: "".join(one.text for one in quick.transcribe(sound, beam_size=1, **options)[0]).strip()


async def through_ears(ears: WhisperASR, sound: Samples, *, live: bool) -> tuple[float, str]:
    """Milliseconds from the last sample to the final words, and the words."""
    loop = asyncio.get_running_loop()
    ended = 0.0

    async def chunks() -> AsyncIterator[AudioChunk]:
        nonlocal ended
        began = loop.time()
        for chunk in chunked(sound, SPEECH_RATE_HZ, _CHUNK_SAMPLES):
            if live:
                await asyncio.sleep(began + chunk.end_sample / SPEECH_RATE_HZ - loop.time())
            yield chunk
        ended = loop.time()

    text = ""
    async for transcript in ears.transcribe(chunks()):
        text = transcript.text
    return 1_000.0 * (loop.time() - ended), text


async def measure(ears: WhisperASR, direct: Callable[[Samples], str], rounds: int, warm_up: int) -> None:
    """Measures in turns, so that whatever else the machine does falls on all alike; prints the percentiles."""
    recordings = [read_audio(path, SPEECH_RATE_HZ) for path in sorted(_RECORDINGS.glob("*.wav"))]
    silence = np.zeros(round(_END_OF_TURN_S * SPEECH_RATE_HZ), np.float32)
    by_itself, wrapped, spoken, added = [], [], [], []
    different = 0
    async with ears:
        for number in range(warm_up + rounds):
            for sound in recordings:
                began = time.perf_counter()
                expected = direct(sound)
                library_ms = 1_000.0 * (time.perf_counter() - began)
                ears_ms, text = await through_ears(ears, sound, live=False)
                live_ms, _ = await through_ears(ears, np.concatenate((sound, silence)), live=True)
                if number >= warm_up:
                    different += text != expected
                    by_itself.append(library_ms)
                    wrapped.append(ears_ms)
                    spoken.append(live_ms)
                    added.append(ears_ms - library_ms)
    print_percentiles("the library by itself, whole recording", by_itself, "ms")
    print_percentiles("the ears, as fast as it is taken", wrapped, "ms")
    print_percentiles("  of which the wrapper's", added, "ms", f"{max(20.0, 0.05 * float(np.median(by_itself))):.0f}")
    print_percentiles(f"the ears, as spoken, {_END_OF_TURN_S:g} s of silence last", spoken, "ms")
    print(f"words differ in {different} of {len(added)}")


def main() -> None:
    """Reads the command line and measures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", choices=("whisper", "faster-whisper"), default="whisper")
    parser.add_argument(
        "--model", type=Path, help="checkpoint, or CTranslate2's folder (default: the packaged tiny.en)"
    )
    parser.add_argument("--rounds", type=int, default=5, help="times each recording is heard (default %(default)s)")
    parser.add_argument("--warm-up", type=int, default=1, help="rounds that don't count (default %(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="of the library (default %(default)s)")
    options = parser.parse_args()
    settings = load_config(None, [f"ears.backend={options.engine}", "ears.model=tiny.en"], {})
    model = options.model or ears_model(settings, options.engine)
    print_machine(
        "openai-whisper", "faster-whisper", "torch", "ctranslate2",
        engine=options.engine, model=model, threads=options.threads, rounds=options.rounds,
    )  # fmt: skip
    ears = (WhisperASR if options.engine == "whisper" else FasterWhisperASR)(model=model)
    direct = library(options.engine, model, options.threads)
    asyncio.run(measure(ears, direct, options.rounds, options.warm_up))


if __name__ == "__main__":
    main()
