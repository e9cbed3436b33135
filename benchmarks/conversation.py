"""A conversation over loudspeakers: recorded users against the whole program, in a room with an echo.

    python -m benchmarks.conversation                               # every part, an hour
    python -m benchmarks.conversation --minutes 10 --only echo
    python -m benchmarks.conversation --soak 60 --plot soak.png     # everything mixed, in one run
    python -m benchmarks.conversation --report results.jsonl        # the table of what was measured before

The program talks over PulseAudio's null sinks; a simulated room (`tests.room`) brings what it plays back to its
microphone, as loud as the users and 80 to 300 ms late, with rooms that change. All times are taken from recordings of
the two sinks. Every trial is one line of a file, written at once: a run that dies keeps what it measured, and another
run with the same file adds to it.

- echo: monologues in which nobody else speaks; whatever stops, ducks or answers them is a false interruption
- interruptions: questions and commands into the avatar's words
- backchannels: "mhm", "yeah", coughs, laughs, claps into them
- turns: questions while it is silent, and hesitations in which it must not begin to speak
- drift: the echo again, while the delay drifts by 200 ppm, jumps, and the loudness steps
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.conversation_report import print_table
from benchmarks.conversation_scene import NothingSaid, Scene, scene
from benchmarks.conversation_trials import Trials
from benchmarks.report import print_machine

PARTS = ("echo", "interruptions", "backchannels", "turns", "drift")
SHARES = {"echo": 0.17, "interruptions": 0.3, "backchannels": 0.25, "turns": 0.2, "drift": 0.08}
"""Of the time, where all parts are measured."""


def main() -> None:
    """Measures what was asked for, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--soak", type=float, metavar="MINUTES", help="all parts mixed in one conversation")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=PARTS)
    parser.add_argument(
        "--results", type=Path, default=Path("conversation.jsonl"), help="file to which trials are added"
    )
    parser.add_argument(
        "--no-echo", action="store_true", help="a microphone that does not hear the speaker, to compare"
    )
    parser.add_argument("--first", action="store_true", help="put the program before what else the machine does")
    parser.add_argument("--report", type=Path, help="only print the table of this file")
    parser.add_argument("--plot", type=Path, help="PNG of delays, offsets and memory over the time")
    parser.add_argument("overrides", nargs="*", help="settings as section.key=value")
    options = parser.parse_args()
    if options.report is None:
        print_machine("torch", "sounddevice", "pywebrtc-audio", threads=1, seed=options.seed, only=options.only)
        if options.soak is not None:
            _measure(options, "soak", options.soak, _soak)
        else:
            for part in [options.only] if options.only else PARTS:
                minutes = options.minutes * (1.0 if options.only else SHARES[part])
                _measure(options, part, minutes, lambda trials, part=part: itertools.repeat(getattr(trials, part)))
    rows = [json.loads(line) for line in (options.report or options.results).read_text("utf-8").splitlines()]
    print_table(rows)
    if options.plot is not None:
        from benchmarks.conversation_report import plot

        plot(rows, options.plot)


def _soak(trials: Trials) -> Iterator[Callable[[], dict[str, Any]]]:
    """A bit of everything, over and over."""
    return itertools.cycle([
        trials.turns, trials.backchannels, trials.interruptions,
        trials.turns, trials.backchannels, trials.interruptions, trials.echo,
    ])  # fmt: skip


def _measure(
    options: argparse.Namespace,
    part: str,
    minutes: float,
    plan: Callable[[Trials], Iterator[Callable[[], dict[str, Any]]]],
) -> None:
    """One run of the program: does trials until the time is over, and writes each down."""
    with tempfile.TemporaryDirectory() as name, options.results.open("a", encoding="utf-8") as file:

        def keep(**row: Any) -> None:
            file.write(json.dumps(row) + "\n")
            file.flush()

        with scene(Path(name), options.overrides, has_echo=not options.no_echo, comes_first=options.first) as stage:
            trials = Trials(stage, np.random.default_rng([options.seed, PARTS.index(part) if part in PARTS else 9]))
            began_s = time.monotonic()
            for trial in plan(trials):
                if time.monotonic() - began_s > minutes * 60:
                    break
                try:
                    row = trial()
                except NothingSaid:
                    row = {"part": trial.__name__, "mute": True}
                keep(run=part, at_s=round(time.monotonic() - began_s, 1), load=round(os.getloadavg()[0], 1), **row)
        keep(run=part, part="frames", load=round(os.getloadavg()[0], 1), **frames_row(stage))


def frames_row(stage: Scene) -> dict[str, Any]:
    """What the whole run gave: late frames, offsets of each minute, memory."""
    measured = stage.measured
    minutes: dict[int, list[float]] = {}
    for at_s, offset_s in measured.offsets:
        minutes.setdefault(int(at_s // 60), []).append(1000 * offset_s)
    return {
        **{key: measured.end.get(key) for key in ("frames", "late", "underflows", "chunks_lost")},
        "offsets": sum(map(len, minutes.values())),
        "outside_20": sum(abs(offset) > 20 for offsets in minutes.values() for offset in offsets),
        "offsets_ms": {minute: [round(float(value), 2) for value in np.percentile(offsets, (5, 50, 95))]
                       for minute, offsets in minutes.items()},
        "memory_mb": [[round(at_s), round(mb)] for at_s, mb in measured.memory[::6]],
        "problems": measured.problems,
    }  # fmt: skip


if __name__ == "__main__":
    main()
