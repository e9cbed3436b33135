"""The same Whisper in both libraries: how long it takes to load, to hear its first sentence, and every second of sound.

Each library listens in a process of its own, as in the program (`speech.asr.whisper_worker`,
`speech.asr.faster_whisper_worker`), with one thread and with two. They take turns, so that whatever else the machine
does falls on all alike. What is heard: the demo's recorded questions.

Run as `python -m benchmarks.whisper_engines [--model tiny.en] [--rounds 3]` in the project's folder; about two minutes.
"""

from __future__ import annotations

import argparse
import importlib
import json
import subprocess
import sys
import time
from collections import defaultdict
from itertools import product
from pathlib import Path
from typing import Any

from agent.config.config import load_config
from agent.models.weights import ears_model
from benchmarks.report import print_machine, print_percentiles
from speech.asr.whisper_options import Setup
from speech.audio import SPEECH_RATE_HZ
from speech.files.sound_file import read_audio

_RECORDINGS = Path(__file__).parent.parent / "agent" / "data" / "questions"
_WORKERS = {"whisper": "speech.asr.whisper_worker", "faster-whisper": "speech.asr.faster_whisper_worker"}


def listen(engine: str, model: str, threads: int) -> dict[str, Any]:
    """Loads and hears every recording twice, in this process; seconds, and seconds of the processor."""
    sounds = [read_audio(path, SPEECH_RATE_HZ) for path in sorted(_RECORDINGS.glob("*.wav"))]
    began = time.perf_counter()
    worker: Any = importlib.import_module(_WORKERS[engine])
    worker.leave_room_for_the_face = lambda: threads
    decode = worker.Decoder(Setup(model))
    loaded = time.perf_counter() - began
    taken = []
    for sound in sounds * 2:
        began, began_processor = time.perf_counter(), time.process_time()
        decode(sound, lambda: None)
        taken.append((time.perf_counter() - began, time.process_time() - began_processor, len(sound) / SPEECH_RATE_HZ))
    return {"load": loaded, "taken": taken}


def main() -> None:
    """Reads the command line and measures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="tiny.en", help="packaged or fetched (default %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="processes of each kind (default %(default)s)")
    parser.add_argument("--one", nargs=3, metavar=("ENGINE", "PATH", "THREADS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        engine, path, threads = options.one
        print(json.dumps(listen(engine, path, int(threads))))
        return
    print_machine(
        "openai-whisper", "faster-whisper", "torch", "ctranslate2", model=options.model, rounds=options.rounds
    )
    models = {
        engine: ears_model(load_config(None, [f"ears.backend={engine}", f"ears.model={options.model}"], {}), engine)
        for engine in _WORKERS
    }
    found: dict[tuple[str, int], list[dict[str, Any]]] = defaultdict(list)
    for _, engine, threads in product(range(options.rounds), _WORKERS, (1, 2)):
        command = [sys.executable, "-m", "benchmarks.whisper_engines", "--one", engine, str(models[engine])]
        done = subprocess.run([*command, str(threads)], capture_output=True, text=True, check=True)
        found[engine, threads].append(json.loads(done.stdout))
    for (engine, threads), runs in found.items():
        what = f"{engine}, {threads} {'thread' if threads == 1 else 'threads'}"
        taken = [one for run in runs for one in run["taken"]]
        print_percentiles(f"{what}: loaded", [run["load"] for run in runs], "s")
        print_percentiles(f"{what}: first sentence", [run["taken"][0][0] for run in runs], "s")
        print_percentiles(f"{what}: a sentence", [seconds for seconds, _, _ in taken], "s")
        print_percentiles(f"{what}: its processor time", [processor for _, processor, _ in taken], "s")
        print_percentiles(f"{what}: that, of real time", [processor / length for _, processor, length in taken], "")


if __name__ == "__main__":
    main()
