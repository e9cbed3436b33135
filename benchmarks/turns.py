"""When a turn ends: how long users wait who have finished, and how often one is cut in on who hesitates.

Users of `benchmarks.turn_users` against a fixed silence, our own rules, and those with Smart Turn where that is there.
Time is counted in samples: a busy machine changes nothing but how long this takes. The words come from the embedded
recogniser's own decoding, as much later as its processor time says; `heard` counts a hesitation as cut in on if the
avatar could be heard in it before the voice comes back, `ended` if the turn had ended, which the user does not notice
when the same turn goes on. Rates have their 95 % intervals (Wilson); half of the users, "chosen on", were looked at
when the rules were made, "held out" are the others.

Run as `python -m benchmarks.turns [FOLDER OF REAL SPEECH]` in the project's folder; ten minutes on two idle cores,
`--every 4` a quarter of that.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import time
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from agent.models.packaged import any_installed, packaged_path
from agent.models.packaged_catalogue import find_packaged, packaged_of
from agent.turn_detection import both
from benchmarks.conversation_report import wilson
from benchmarks.report import print_machine, print_percentiles
from benchmarks.turn_users import User, recorded_users, voice_users
from speech.asr.faster_whisper_worker import Decoder
from speech.asr.understood import Understood
from speech.asr.whisper_options import Setup
from speech.asr.whisper_streaming import PAUSE_S
from speech.audio import SPEECH_RATE_HZ, Samples, chunked
from speech.events import SpeechPaused, SpeechResumed, SpeechStarted, SpeechStopped, Transcript
from speech.turns.base import PRE_ROLL_S
from speech.turns.detector import SilenceTurnDetector
from speech.turns.endpointing import AdaptiveWait, Endpointing, FixedWait, Judge
from speech.turns.prosody import completeness
from speech.turns.smart_turn import SmartTurn
from speech.turns.vad import SileroVAD

FIXED_S, END_OF_TURN_S, PREPARED_AT_S = 0.44, 0.6, 0.1
CHUNK = SPEECH_RATE_HZ // 50

ON_THE_WAY_S = 0.03
"""A chunk of the microphone's, and the way to the recogniser's process and back."""

ANSWER_S = 0.2
"""From the end of a turn to the first audible sample of an answer that was begun in the pause."""


@dataclass
class Outcome:
    """What one rule did with one user.

    Attributes:
        user: as above.
        wait_s: silence that ended the turn of a user who had finished; None where it ended in a pause before.
        drafts: pauses in which an answer was begun.
        was_ended: the turn ended in the hesitation.
        was_heard: an answer was audible in it.
    """

    user: User
    wait_s: float | None = None
    drafts: int = 0
    was_ended: bool = False
    was_heard: bool = False


@dataclass
class Recogniser:
    """The embedded recogniser on stretches of users' sound; remembers what it has decoded.

    Attributes:
        decoder: as the worker has it.
        known: (user, last sample) → words.
        busy_s: processor time of each decoding.
    """

    decoder: Decoder
    known: dict[tuple[int, int], Understood] = field(default_factory=dict)
    busy_s: list[float] = field(default_factory=list)

    def words(self, user: User, start_s: float, end_s: float) -> Understood:
        """What is understood of a stretch."""
        first, last = round(max(0.0, start_s) * SPEECH_RATE_HZ), round(end_s * SPEECH_RATE_HZ)
        key = id(user), last
        if key not in self.known:
            began = time.process_time()
            self.known[key] = self.decoder(user.samples[first:last], lambda: None)
            self.busy_s.append(time.process_time() - began)
        return self.known[key]


def listen(user: User, endpointing: Endpointing, recogniser: Recogniser, delay_s: float) -> Outcome:
    """One user through a turn detector, the words coming `delay_s` after the last voice of each pause."""
    detector = SilenceTurnDetector(SileroVAD(), endpointing=endpointing, pause_s=PREPARED_AT_S)
    outcome, start_s = Outcome(user), 0.0
    words: Transcript | None = None
    coming: tuple[float, Transcript] | None = None
    audible_s = math.inf
    for chunk in chunked(user.samples, SPEECH_RATE_HZ, CHUNK):
        if coming is not None and coming[0] <= chunk.end_sample / SPEECH_RATE_HZ:
            words, coming = coming[1], None
            outcome.drafts += 1
        for event in detector.push(chunk, words=words):
            match event:
                case SpeechStarted(at_s):
                    start_s, words = at_s - PRE_ROLL_S, None
                    outcome.was_heard |= audible_s < min(at_s, user.goes_on_s or 0.0)
                    audible_s = math.inf
                case SpeechPaused(at_s):
                    heard = recogniser.words(user, start_s, at_s + PAUSE_S)
                    end_s = at_s + PAUSE_S
                    coming = at_s + delay_s, Transcript(heard.text, False, start_s, end_s, heard.is_doubtful)
                case SpeechResumed():
                    coming = None
                case SpeechStopped(at_s, decided_s):
                    coming = None
                    if user.goes_on_s is None:
                        outcome.wait_s = decided_s - at_s
                        outcome.was_ended = outcome.was_ended or decided_s < user.end_s
                    elif decided_s < user.goes_on_s:
                        outcome.was_ended = True
                        audible_s = decided_s + ANSWER_S
    return outcome


def report(title: str, outcomes: Iterable[Outcome]) -> None:
    """Prints what a rule did: waits of those who had finished, cut-ins on those who had not, by kind."""
    outcomes = list(outcomes)
    print(title)
    for group in ("chosen on", "held out"):
        of_group = [one for one in outcomes if is_held_out(one.user) == (group == "held out")]
        waits = [one.wait_s for one in of_group if one.user.kind == "finished" and one.wait_s is not None]
        if not waits:
            continue
        print_percentiles(f"  {group}: wait after a finished sentence", waits, "s", "p50 ≤ 0.30 s")
        early = sum(one.was_ended for one in of_group if one.user.kind == "finished")
        print(f"    mean {np.mean(waits):.2f} s; ended before the sentence did: {early}")
        hesitating = [one for one in of_group if one.user.kind != "finished"]
        for kind in ("silent", *dict.fromkeys(one.user.kind for one in hesitating)):
            chosen = [
                one for one in hesitating if kind == one.user.kind or (kind == "silent" and one.user.kind != "um")
            ]
            print(f"    hesitations, {kind:<10} {_rate(chosen, 'was_ended')}  {_rate(chosen, 'was_heard')}")
    print("  goal heard ≤ 5 %", flush=True)


def _rate(outcomes: Sequence[Outcome], name: str) -> str:
    count = sum(getattr(one, name) for one in outcomes)
    low, high = wilson(count, len(outcomes))
    return (
        f"{name[4:]} {count:3d} of {len(outcomes):3d} = {count / max(1, len(outcomes)):4.0%} ({low:.0%} to {high:.0%})"
    )


def is_held_out(user: User) -> bool:
    """Whether nobody looked at what this user says when the rules were made; all voices of a sentence go together."""
    speaker, _, text = user.name.partition(": ")
    return zlib.crc32((speaker if user.group == "recorded" else text).encode()) % 2 == 1


def remembering(judge: Judge) -> Judge:
    """A judge that is asked once about each sound."""
    known: dict[bytes, float] = {}

    def judge_once(sound: Samples) -> float:
        key = sound.tobytes()
        if key not in known:
            known[key] = judge(sound)
        return known[key]

    return judge_once


async def users_of(folder: Path | None, seed: int) -> list[User]:
    """Everybody: the packaged voices, and the recordings of a folder."""
    rng = np.random.default_rng(seed)
    users, fillers = await voice_users(rng)
    return users + (list(recorded_users(folder, rng, fillers)) if folder is not None else [])


def main() -> None:
    """Reads the command line, measures, and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", help="folder of real speech")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--every", type=int, default=1, help="only every so-manieth user: 3 takes a third of the time")
    parser.add_argument("--misses", action="store_true", help="also list the hesitations that were cut in on")
    arguments = parser.parse_args()
    print_machine("faster-whisper", "silero-vad", "pipecat-ai", threads=1, seed=arguments.seed)
    users = asyncio.run(users_of(arguments.folder, arguments.seed))[:: arguments.every]
    measure(users, list_misses=arguments.misses)


def measure(users: list[User], *, list_misses: bool) -> None:
    """Every rule on every user."""
    ears = find_packaged("faster-whisper", "tiny.en")
    assert ears is not None
    recogniser = Recogniser(Decoder(Setup(str(packaged_path(ears)))))
    silence = np.zeros(2 * SPEECH_RATE_HZ, np.float32)
    for _ in range(5):
        recogniser.words(User("", "", "", silence, 0.0), 0.0, 1.0 + np.random.default_rng().uniform())
    recogniser.busy_s.clear()
    rules: dict[str, Callable[[], Endpointing]] = {f"always {FIXED_S} s": lambda: FixedWait(FIXED_S)}
    own = remembering(completeness)
    rules["our own rules"] = lambda: AdaptiveWait(END_OF_TURN_S, lambda: "en", own)
    model = packaged_of("smart-turn")[0]
    if any_installed(model):
        network = remembering(both(SmartTurn(packaged_path(model))))
        rules["our own rules with Smart Turn"] = lambda: AdaptiveWait(END_OF_TURN_S, lambda: "en", network)
    for user in users[:: max(1, len(users) // 12)]:
        listen(user, FixedWait(FIXED_S), recogniser, 1.0)
    delay_s = PAUSE_S + ON_THE_WAY_S + float(np.median(recogniser.busy_s))
    print_percentiles("processor time of the words of a pause", [1000.0 * one for one in recogniser.busy_s], "ms")
    print(f"words come {delay_s:.2f} s after the last voice")
    for title, rule in rules.items():
        outcomes = [listen(user, rule(), recogniser, delay_s) for user in users]
        report(title, outcomes)
        drafts = [one.drafts for one in outcomes if one.user.kind == "finished" and not one.was_ended]
        print(f"  answers begun per finished turn {np.mean(drafts):.2f}, of which the last one is kept")
        if list_misses:
            for one in outcomes:
                if one.was_heard:
                    heard = [f"{words.text!r}" for (key, _), words in recogniser.known.items() if key == id(one.user)]
                    print(f"    {one.user.kind}: {one.user.name}: {', '.join(heard)}")


if __name__ == "__main__":
    main()
