"""How fast the voices are: first audio (ms) and share of real time, p50 and p95 over ordinary sentences.

Run as `python benchmarks/voice.py` in the project's folder; takes a few seconds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time

import numpy as np

from speech.tts import TTS
from speech.tts_espeak import FEMALE_VOICE, MALE_VOICE, EspeakTTS
from speech.tts_flite import FliteTTS

SENTENCES = (
    "Hello!",
    "My name is Vera, and I am pleased to meet you.",
    "You speak, I listen, and I answer with my own voice and with a face made from one single portrait.",
    "It costs $25.50 a month, and the first 30 days are free.",
    "The sound that is really played is the only clock, so lips and voice can't drift apart.",
    "Ask me about my name, about your own photo, or about Dr. Smith's meeting at 10:30 am.",
)


async def measure(voice: TTS, rounds: int) -> dict[str, float]:
    """Speaks all sentences `rounds` times; returns the percentiles."""
    first_ms, share = [], []
    async with voice:
        for sentence in SENTENCES * rounds:
            began = time.perf_counter()
            heard_s = 0.0
            async for chunk in voice.synthesize(sentence):
                if heard_s == 0.0:
                    first_ms.append(1_000 * (time.perf_counter() - began))
                heard_s += chunk.audio.duration_s
            share.append((time.perf_counter() - began) / heard_s)
    return {
        "first_audio_ms_p50": float(np.percentile(first_ms, 50)),
        "first_audio_ms_p95": float(np.percentile(first_ms, 95)),
        "share_of_real_time_p50": float(np.percentile(share, 50)),
        "share_of_real_time_p95": float(np.percentile(share, 95)),
    }


def main() -> None:
    """Reads the command line, measures, and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="times each sentence is spoken (default %(default)s)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()
    voices: dict[str, TTS] = {f"espeak {voice}": EspeakTTS(voice=voice) for voice in (FEMALE_VOICE, MALE_VOICE, "de")}
    if FliteTTS.available():
        voices |= {f"flite {voice}": FliteTTS(voice=voice) for voice in ("slt", "rms", "awb")}
    results = {name: asyncio.run(measure(voice, arguments.rounds)) for name, voice in voices.items()}
    if arguments.json:
        print(json.dumps(results, indent=2))
        return
    print(f"{'voice':22}{'first audio ms p50':>20}{'p95':>8}{'share of real time p50':>26}{'p95':>9}")
    for name, row in results.items():
        first = f"{row['first_audio_ms_p50']:20.1f}{row['first_audio_ms_p95']:8.1f}"
        print(f"{name:22}{first}{row['share_of_real_time_p50']:26.4f}{row['share_of_real_time_p95']:9.4f}")


if __name__ == "__main__":
    main()
