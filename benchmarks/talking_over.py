"""Whole conversations over loudspeakers in simulated time: what people say into the avatar's words, with its echo.

    python -m benchmarks.talking_over                                # every item once: about a quarter of an hour
    python -m benchmarks.talking_over --only backchannel noise --every 2 --results rows.jsonl
    python -m benchmarks.talking_over --report rows.jsonl            # the table of what was measured before

The avatar says sentences in its own voice; a room (`tests.room.EchoPath`) brings them back to its microphone 80 to
300 ms late and as loud as the users of benchmarks/users.py, who talk into them. All that decides is what the program
has: echo canceller, onset and turn detector, the embedded recogniser on what the canceller leaves, and the session with
its turns, on a clock that jumps (benchmarks/simulated_card.py): a busy machine changes nothing. Only the mind, which
says "Yes.", and the time that the recogniser takes are made up. Several items share a room, which is learnt with the
first. Two halves of the voices are told apart: choose a number by the first, and believe the second.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import scipy.signal

from agent.backends.making import make_voice
from agent.config.config import Config, load_config
from agent.conversation.events import Event, TurnFinished, VoiceCut, VoiceDucked, VoiceHeld, VoiceResumed
from agent.conversation.listening.expected import Expected
from agent.conversation.live_audio import LiveAudio
from agent.conversation.reply import ForMind
from agent.engine import DRAWING_S, MOST_DRAWING_S
from agent.models.packaged import packaged_path
from agent.models.packaged_catalogue import find_packaged
from agent.parts import knowledge_of
from agent.personas import name_of
from agent.turn_detection import turn_detector
from avatar.clock import PacedClock
from benchmarks.conversation_report import wilson
from benchmarks.conversation_scene import AVATAR_VOICE, SENTENCES, Played
from benchmarks.conversation_trials import course
from benchmarks.live import AUDIBLE
from benchmarks.report import print_machine, print_percentiles
from benchmarks.simulated_card import EchoingCard, SimulatedCard
from benchmarks.users import LEVEL, UserItem, active_level, backchannels, interruptions, noises
from speech.asr.faster_whisper_worker import Decoder
from speech.asr.understood import Understood, joined
from speech.asr.whisper_options import Setup
from speech.asr.whisper_streaming import Stretch, Stretches
from speech.audio import OUTPUT_RATE_HZ, SPEECH_RATE_HZ, AudioChunk, Resampler, Samples, resample
from speech.echo.canceller import ReferenceCanceller
from speech.events import Transcript
from speech.tts.base import SpeechChunk
from speech.turns.onset import OnsetDetector
from speech.turns.vad import SileroVAD
from tests.fakes import ScriptedMind, ToneVoice
from tests.room import EchoPath, recorded_response, synthetic_response
from tests.test_session import Scene
from tests.virtual_time import run

IN_A_ROOM = 8
MONOLOGUE_S = 9.0
AFTER_S = {"question": 1.5, "command": 1.5}
GOES_ON_S = 3.0
"""So long after a backchannel the avatar must talk again, and after the others (above) be silent."""
DECODING_S = 0.15
"""What the recogniser takes for a few words, with the way to its process and back."""
ANSWER = "Yes, of course."


class PreparedVoice(ToneVoice):
    """Says what it was made to say before, as the avatar's voice said it."""

    def __init__(self, said: dict[str, list[SpeechChunk]]) -> None:
        super().__init__()
        self.said = said

    async def synthesize(self, text: str) -> AsyncGenerator[SpeechChunk, None]:
        """See `TTS.synthesize`."""
        for chunk in self.said[text.strip()]:
            await asyncio.sleep(0.005)
            yield chunk

    def sound(self, text: str) -> Samples:
        """All of it, float32 at SPEECH_RATE_HZ."""
        whole = np.concatenate([chunk.audio.samples for chunk in self.said[text]])
        return resample(whole, self.sample_rate_hz, SPEECH_RATE_HZ)


async def prepared_voice(texts: Sequence[str]) -> PreparedVoice:
    """The avatar's voice with all that it will say."""
    async with make_voice(load_config(None, ["voice.backend=hibari", f"voice.voice={AVATAR_VOICE}"], {})) as voice:
        said: dict[str, list[SpeechChunk]] = {}
        for text in texts:
            async with aclosing(voice.synthesize(text)) as chunks:
                said[text] = [chunk async for chunk in chunks]
        assert voice.sample_rate_hz == PreparedVoice.sample_rate_hz
    return PreparedVoice(said)


@dataclass
class DecodedEars:
    """The embedded recogniser in this process, as its worker uses it; words come DECODING_S after the pause is found.

    Attributes:
        decoder: as above.
        heard: what it has decoded, for whoever looks: text, seconds, confidence, doubt.
    """

    decoder: Decoder
    heard: list[dict[str, Any]] = field(default_factory=list)
    name = "decoded ears"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None: ...

    async def transcribe(self, chunks: AsyncIterator[AudioChunk]) -> AsyncGenerator[Transcript, None]:
        """See `ASR.transcribe`; between pauses there are no words."""
        stretches, resampler = Stretches(SileroVAD()), Resampler(OUTPUT_RATE_HZ, SPEECH_RATE_HZ)
        sound, began_s, told = np.zeros(0, np.float32), 0.0, (0, 0)
        known: dict[Stretch, Understood] = {}

        def words(*, is_final: bool) -> Transcript:
            parts = [*stretches.closed]
            if stretches.start is not None and stretches.end is not None:
                parts.append((stretches.start, stretches.end))
            for part in parts:
                if part not in known:
                    known[part] = self.decoder(sound[slice(*part)], lambda: None)
                    seconds = (part[1] - part[0]) / SPEECH_RATE_HZ
                    self.heard.append({"s": round(seconds, 2), **_row_of(known[part])})
            heard, end = joined(known[part] for part in parts), parts[-1][1] if parts else 0
            end_s = began_s + end / SPEECH_RATE_HZ
            confidence = heard.confidence if is_final else None
            return Transcript(heard.text, is_final, began_s, end_s, heard.is_doubtful, confidence)

        async for chunk in chunks:
            if not len(sound):
                began_s = chunk.start_sample / chunk.sample_rate_hz
            samples = resampler.push(chunk.samples)
            sound = np.concatenate((sound, samples))
            stretches.push(samples)
            if stretches.start is not None and stretches.end is not None and told != (stretches.start, stretches.end):
                told = stretches.start, stretches.end
                transcript = words(is_final=False)
                await asyncio.sleep(DECODING_S)
                yield transcript
        stretches.finish()
        if stretches.start is not None and stretches.end is not None and told != (stretches.start, stretches.end):
            await asyncio.sleep(DECODING_S)
        yield words(is_final=True)


def _row_of(heard: Understood) -> dict[str, Any]:
    confidence = None if heard.confidence is None else round(heard.confidence, 3)
    return {"text": heard.text, "doubtful": heard.is_doubtful, "confidence": confidence}


@dataclass
class Trials:
    """What all conversations share.

    Attributes:
        config: the program's own.
        voice: the avatar's, with what it can say.
        decoder: hears.
        responses: of rooms, recorded ones.
    """

    config: Config
    voice: PreparedVoice
    decoder: Decoder
    responses: list[Path]

    def room(self, seed: int) -> tuple[EchoPath, dict[str, Any]]:
        """A room of its own for each seed, in which the echo is as loud as the users; and what it is like."""
        random = np.random.default_rng([7, seed])
        told: dict[str, Any] = {"delay_s": round(float(random.uniform(0.08, 0.3)), 3), "room": "synthetic"}
        if self.responses and random.random() < 0.3:
            chosen = self.responses[int(random.integers(len(self.responses)))]
            response, told["room"] = recorded_response(chosen), chosen.stem
        else:
            response = synthetic_response(float(random.uniform(0.2, 0.5)), seed)
        path, text = EchoPath(response), min(self.voice.said)
        path.delay_s = told["delay_s"]
        dry = resample(self.voice.sound(text), SPEECH_RATE_HZ, OUTPUT_RATE_HZ)
        path.gain = LEVEL / active_level(scipy.signal.fftconvolve(dry, response))
        return path, told

    def talk(self, seed: int, items: Sequence[UserItem]) -> list[dict[str, Any]]:
        """A conversation in a room of its own; a row for each item."""
        random = np.random.default_rng([8, seed])
        path, room = self.room(seed)
        card, ears, events = EchoingCard(path), DecodedEars(self.decoder), list[tuple[float, Event]]()
        expected = Expected(knowledge_of(self.config), name_of(self.config))
        replies: defaultdict[str, str] = defaultdict(lambda: ANSWER)
        scene = Scene(
            ears=ears,  # type: ignore[arg-type]
            mind=ScriptedMind(replies, delay_s=0.001),
            voice=self.voice,
            real_time=True,
            is_expected=expected,
            manners=ForMind(language="en"),
            turns=turn_detector(self.config, live=True),
            watch=lambda event: events.append((asyncio.get_running_loop().time(), event)),
        )
        scene.use_clock(PacedClock(card, ahead_s=DRAWING_S, most_ahead_s=MOST_DRAWING_S))
        scene.onsets = OnsetDetector(SileroVAD(), sure_s=self.config.ears.barge_in_s)
        audio = LiveAudio(card, full_duplex=True, canceller=ReferenceCanceller())
        rows: list[dict[str, Any]] = []

        async def user() -> None:
            loop = asyncio.get_running_loop()
            await asyncio.sleep(0.5)
            for number, item in enumerate(items):
                said, length_s = list[str](), 0.0
                for text in random.permutation(sorted(set(self.voice.said) - {ANSWER})):
                    said.append(str(text))
                    length_s += len(self.voice.sound(str(text))) / SPEECH_RATE_HZ
                    if length_s > MONOLOGUE_S + item.duration_s:
                        break
                asked = card.sample_at(loop.time())
                scene.session.say(" ".join(said))
                await asyncio.sleep(float(random.uniform(3.0 if not number else 1.0, 5.0 if not number else 2.5)))
                while active_level(np.concatenate(card.played[-25:])) < AUDIBLE:  # noqa: ASYNC110 - between sentences
                    await asyncio.sleep(0.05)
                first, heard_before = len(events), len(ears.heard)
                onset = card.say(loop.time() + 0.005, item.samples)
                after_s = AFTER_S.get(item.kind, GOES_ON_S)
                await asyncio.sleep(item.duration_s + after_s)
                until = onset + round((item.duration_s + after_s) * OUTPUT_RATE_HZ)
                happened, heard = events[first:], ears.heard[heard_before:]
                rows.append(
                    {
                        "kind": item.kind, "item": item.name, "text": item.text, "seed": seed, **room,
                        "is_new": not number, "half": half_of(item), "heard": heard,
                        **self._course(card, said, asked, onset, until),
                        "ended": any(isinstance(e, VoiceCut) for _, e in happened)
                        or any(isinstance(e, TurnFinished) and e.record.interrupted for _, e in happened),
                        "ducks": sum(isinstance(e, VoiceDucked) for _, e in happened),
                        "held": any(isinstance(e, VoiceHeld) for _, e in happened),
                        "resumed": any(isinstance(e, VoiceResumed) and e.was_held for _, e in happened),
                    }
                )  # fmt: skip
                scene.session.interrupt()
                await asyncio.sleep(1.2)
                scene.session.interrupt()
                await asyncio.sleep(0.3)
            audio.leave()

        async def both() -> None:
            talking = asyncio.create_task(user())
            await scene.converse(audio)
            await talking

        run(both())
        return rows

    def _course(self, card: SimulatedCard, said: Sequence[str], asked: int, onset: int, until: int) -> dict[str, Any]:
        recorded = resample(card.all_played[asked:until], OUTPUT_RATE_HZ, SPEECH_RATE_HZ)
        played = Played(recorded, 0.0, [self.voice.sound(text) for text in said])
        return course(played, (onset - asked) / OUTPUT_RATE_HZ, (until - asked) / OUTPUT_RATE_HZ)


def half_of(item: UserItem) -> str:
    """Which half an item belongs to: all that one voice says, or one kind of noise makes, is in one of them."""
    speaker = item.name.rpartition(" / ")[2]
    if speaker in ("en_US-joe-medium", "slt", "pico:en-GB+m", "pico:de-DE+m"):
        return "first"
    if " / " in item.name:
        return "second"
    return "first" if sum(map(ord, item.name)) % 2 else "second"  # recordings, hums and noises


def main() -> None:
    """Measures what was asked for, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=("question", "command", "backchannel", "noise"))
    parser.add_argument("--half", choices=("first", "second"), help="only these voices")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only every so many of the items")
    parser.add_argument("--seed", type=int, default=0, help="other rooms, and another order")
    parser.add_argument("--results", type=Path, default=Path("talking_over.jsonl"), help="file to which rows are added")
    parser.add_argument("--report", type=Path, help="only print the table of this file")
    options = parser.parse_args()
    if options.report is None:
        print_machine("faster-whisper", "silero-vad", "pywebrtc-audio", threads=1, seed=options.seed)
        measure(options)
    rows = [json.loads(line) for line in (options.report or options.results).read_text("utf-8").splitlines()]
    for half in ("first", "second"):
        report(half, [row for row in rows if row["half"] == half])
    report("both", rows)


def measure(options: argparse.Namespace) -> None:
    """One conversation after the other; each row is written at once."""
    items = [
        item
        for item in (*interruptions(), *backchannels(), *noises())
        if (not options.only or item.kind in options.only) and options.half in (None, half_of(item))
    ]
    items = items[:: options.every]
    items = [items[index] for index in np.random.default_rng([9, options.seed]).permutation(len(items))]
    sentences = [line.strip() for line in SENTENCES.read_text("utf-8").splitlines() if line.strip()][:16]
    config = load_config(None, [], {})
    model = find_packaged("faster-whisper", config.ears.model or "tiny.en")
    assert model is not None
    decoder = Decoder(Setup(str(packaged_path(model)), phrases=knowledge_of(config).phrases(name_of(config))))
    folder = os.environ.get("VISAVIS_TEST_DATA")
    responses = sorted((Path(folder) / "noise").glob("sb_rir*.wav")) if folder else []
    trials = Trials(config, asyncio.run(prepared_voice([*sentences, ANSWER])), decoder, responses)
    for number, first in enumerate(range(0, len(items), IN_A_ROOM)):
        rows = trials.talk(1000 * options.seed + number, items[first : first + IN_A_ROOM])
        with options.results.open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)


def report(title: str, rows: Sequence[dict[str, Any]]) -> None:
    """Prints what became of each kind, and each item of which that was wrong."""
    print(f"\n{title}: {len(rows)}")
    for kind in ("question", "command", "backchannel", "noise"):
        of_kind = [row for row in rows if row["kind"] == kind]
        if not of_kind:
            continue
        must_end = kind in AFTER_S
        # Who asks for a pause has not ended the turn, but silenced it.
        stopped = [row["ended"] or (row["held"] and not row["resumed"]) for row in of_kind]
        wrong = [row for row, is_over in zip(of_kind, stopped, strict=True) if is_over != must_end]
        low, high = wilson(len(wrong), len(of_kind))
        name = "missed" if must_end else "ended its turn"
        print(f"{kind}: {name} {len(wrong)} of {len(of_kind)} ({low:.0%} to {high:.0%})")
        for key, goal in (("ducked_s", "100 p95"), ("silent_s", "300 p95")):
            values = [1000.0 * row[key] for row in of_kind if row[key] is not None]
            print_percentiles(f"  first sample to {key[:-2]} ({len(values)} of {len(of_kind)})", values, "ms", goal)
        if not must_end:
            print(f"  held {sum(row['held'] for row in of_kind)} of {len(of_kind)}")
        for row in wrong:
            print(f"    {row['item']}: heard {[(one['text'], one['confidence']) for one in row['heard']]}")


if __name__ == "__main__":
    main()
