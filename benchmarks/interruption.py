"""What happens when a user talks into the avatar: when the voice ducks, when it is silent, what lets it go on.

    python -m benchmarks.interruption                            # onsets alone
    python -m benchmarks.interruption --conversations            # and whole conversations, in simulated time
    python -m benchmarks.interruption --conversations --recognise
    python -m benchmarks.interruption --plot docs/interruption.png --faces faces.png

Onsets: each item of benchmarks/users.py through the onset detector, 20 ms at a time, room noise at -62 dBFS; from the
first audible sample of the item, in stream time. Conversations: hearing, turns, tracks and clock at a simulated sound
card (benchmarks/simulated_card.py), on a clock that jumps. The avatar's voice is a tone; the words are the item's own,
or what the configured recogniser makes of it, and come 0.2 s after its end. Ducked and silent are samples that are
really played. The plot (benchmarks/interruption_plot.py) is the whole engine in real time at the same card.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

import numpy as np

from agent.config.config import load_config
from agent.conversation.events import AnswerPaused, VoiceCut, VoiceHeld, VoiceResumed
from agent.conversation.live_audio import LiveAudio
from agent.conversation.reply import ForMind
from agent.engine import DRAWING_S, MOST_DRAWING_S
from agent.parts import SharedParts
from avatar.clock import PacedClock
from benchmarks.interruption_plot import AT_S, SAID, plotted
from benchmarks.report import print_machine, print_percentiles
from benchmarks.simulated_card import ROOM_DBFS, SimulatedCard
from benchmarks.users import UserItem, backchannels, interruptions, noises
from speech.audio import OUTPUT_RATE_HZ, AudioChunk, Samples
from speech.devices.sound_memory import MICROPHONE_BLOCK
from speech.turns.detector import SilenceTurnDetector
from speech.turns.onset import OnsetDetector, VoiceOnset
from speech.turns.vad import SileroVAD
from tests.fakes import ScriptedEars, ScriptedMind, ToneVoice
from tests.test_session import Scene
from tests.virtual_time import run

# ---- onsets alone


def onsets(sure_s: float) -> None:
    """Prints how soon each kind of item ducks and silences the avatar, and how many do."""
    random, vad = np.random.default_rng(1), SileroVAD()
    for kind, items in (("words", interruptions()), ("backchannels", backchannels()), ("noises", noises())):
        ducked: list[float] = []
        sure: list[float] = []
        for item in items:
            lead = OUTPUT_RATE_HZ + int(random.integers(1536))
            sound = np.concatenate([np.zeros(lead), item.samples, np.zeros(OUTPUT_RATE_HZ)])
            sound += 10.0 ** (ROOM_DBFS / 20.0) * random.standard_normal(len(sound))
            duck_s, sure_at_s = _onset_of(OnsetDetector(vad, sure_s=sure_s), sound.astype(np.float32), lead)
            ducked += [] if duck_s is None else [1000.0 * duck_s]
            sure += [] if sure_at_s is None else [1000.0 * sure_at_s]
        print(f"{kind}: {len(items)}, ducked {len(ducked)}, sure {len(sure)}")
        print_percentiles(f"  {kind}: onset to ducking", ducked, "ms")
        print_percentiles(f"  {kind}: onset to sure", sure, "ms")


def _onset_of(detector: OnsetDetector, sound: Samples, lead: int) -> tuple[float | None, float | None]:
    duck_s = sure_s = None
    for start in range(0, len(sound), MICROPHONE_BLOCK):
        chunk = AudioChunk(sound[start : start + MICROPHONE_BLOCK], OUTPUT_RATE_HZ, start)
        now_s = (chunk.end_sample - lead) / OUTPUT_RATE_HZ
        if any(isinstance(event, VoiceOnset) for event in detector.push(chunk)):
            duck_s = now_s if duck_s is None else duck_s
        if detector.is_sure:
            sure_s = now_s if sure_s is None else sure_s
    return duck_s, sure_s


# ---- conversations in simulated time


async def understood(items: Sequence[UserItem]) -> list[str]:
    """What the configured recogniser makes of each."""

    async def sound(item: UserItem) -> AsyncGenerator[AudioChunk, None]:
        padded = np.pad(item.samples, OUTPUT_RATE_HZ // 2)
        for start in range(0, len(padded), MICROPHONE_BLOCK):
            yield AudioChunk(padded[start : start + MICROPHONE_BLOCK], OUTPUT_RATE_HZ, start)

    config, texts = load_config(None, [], {}), list[str]()
    async with SharedParts(lambda notice: None, None).ears(config) as ears:
        for item in items:
            heard = [transcript async for transcript in ears.part.transcribe(sound(item))]
            texts.append(heard[-1].text if heard and not heard[-1].is_doubtful else "")
    return texts


def simulate(item: UserItem, words: str, measured: dict[str, list[float]], sure_s: float) -> None:
    """One conversation in simulated time: a tone speaks, the item talks into it, and these words are understood."""
    card = SimulatedCard()
    scene = Scene(
        ears=ScriptedEars([words], delay_s=0.2),
        mind=ScriptedMind({SAID: SAID, words: "Yes."}, delay_s=0.001),
        voice=ToneVoice(delay_s=0.001),
        real_time=True,
        manners=ForMind(language=""),
        turns=SilenceTurnDetector(SileroVAD(), end_of_turn_s=0.5, pause_s=0.22),
    )
    scene.use_clock(PacedClock(card, ahead_s=DRAWING_S, most_ahead_s=MOST_DRAWING_S))
    scene.onsets, onset = OnsetDetector(SileroVAD(), sure_s=sure_s), 0
    audio = LiveAudio(card, full_duplex=True)

    async def talk() -> None:
        nonlocal onset
        loop = asyncio.get_running_loop()
        loop.call_later(0.5, lambda: scene.session.say(SAID))
        loop.call_later(AT_S + item.duration_s + 2.5, audio.leave)
        onset = card.say(loop.time() + AT_S + np.random.default_rng(len(item.name)).uniform(0.0, 0.04), item.samples)
        await scene.converse(audio)

    run(talk())
    level = np.abs(card.all_played[onset : onset + OUTPUT_RATE_HZ]).reshape(-1, 240).max(axis=1)
    for name, limit in (("ducked", 0.15), ("silent", 1e-3)):
        if len(at := np.flatnonzero(level < limit)):
            measured.setdefault(f"{item.kind}: {name}", []).append(5.0 * at[0])
    resumed = [event for event in scene.events if isinstance(event, VoiceResumed) and event.was_held]
    held = [event for event in scene.events if isinstance(event, VoiceHeld)]
    if resumed and held:
        measured.setdefault(f"{item.kind}: pause", []).append(1000.0 * (resumed[0].at_s - held[0].at_s))
    ended_s = card.heard_at(onset) + item.duration_s + 2.0
    was_cut = any(isinstance(event, VoiceCut) and event.at_s < ended_s for event in scene.events)
    is_silent = was_cut or any(isinstance(event, AnswerPaused) for event in scene.events)
    measured.setdefault(f"{item.kind}: stopped", []).append(float(is_silent))
    if is_silent != (item.kind in ("question", "command")):
        print(
            f"  {item.kind} {item.name}: {'stopped' if is_silent else 'not stopped'}, understood {words!r}", flush=True
        )


def simulated(sure_s: float, *, every: int, recognised: bool) -> None:
    """Every so many of the items; their words are known, or what the recogniser makes of them."""
    items = [*interruptions(), *backchannels(), *noises()][::every]
    measured: dict[str, list[float]] = {}
    texts = asyncio.run(understood(items)) if recognised else [item.text for item in items]
    for item, words in zip(items, texts, strict=True):
        simulate(item, words, measured, sure_s)
    for name, values in sorted(measured.items()):
        if name.endswith("stopped"):
            print(f"{name}: {sum(values):.0f} of {len(values)}")
        else:
            goal = {"ducked": "100 p95", "silent": "300 p95"}.get(name.split()[-1], "")
            print_percentiles(f"user's first sample to: {name}" if goal else name, values, "ms", goal)


def main() -> None:
    """Runs what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--conversations", action="store_true", help="every item in a conversation")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only every so many of the items")
    parser.add_argument("--recognise", action="store_true", help="their words as they are really understood")
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--faces", type=Path, help="a contact sheet beside the plot")
    wanted = parser.parse_args()
    config = load_config(None, [], {})
    print_machine("onnxruntime", "silero-vad", "torch", sure_s=config.ears.barge_in_s, threads=1)
    if wanted.plot:
        plotted(wanted.plot, wanted.faces)
    elif wanted.conversations:
        simulated(config.ears.barge_in_s, every=wanted.every, recognised=wanted.recognise)
    else:
        onsets(config.ears.barge_in_s)


if __name__ == "__main__":
    main()
