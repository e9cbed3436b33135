"""When a listener nods: after which pauses of a real speaker, how soon, and how often.

Real recordings are said to the program on virtual time, with the shipped motion model and Silero's voice detector; the
words are those that Whisper hears up to each pause. The same conversation is held once as the motion sampler nods by
itself, and once as the words ask for it. Counted are the nods that begin (not the movements of the head, which sways
beside): after which silence, and whether that was a pause or only a gap between two words.

Run as `python -m benchmarks.listening FILE [FILE …] [--plot PICTURE.png]` in the project's folder; a minute for each.
"""

from __future__ import annotations

import argparse
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from agent.config.config import load_config
from agent.conversation.audio_io import Stage
from agent.conversation.floor import Floor
from agent.conversation.hearing import Ears
from agent.conversation.listening.pauses import ListeningPolicy
from agent.conversation.questions import Questions, RecordedQuestion
from agent.conversation.session import Session, SessionPolicy
from agent.faces import load_motion, new_sampler
from agent.models.packaged import packaged_path
from agent.models.packaged_catalogue import find_packaged
from avatar.clock import PacedClock
from avatar.motion import FRAME_RATE_HZ, Floats
from avatar.renderer import Renderer
from avatar.sampler.motion_sampler import FlowMotionSampler
from benchmarks.report import print_machine, print_percentiles
from speech.asr.faster_whisper_worker import Decoder
from speech.asr.whisper_options import Setup
from speech.audio import OUTPUT_RATE_HZ, SPEECH_RATE_HZ, AudioChunk, Resampler, Samples, chunked
from speech.events import SpeechPaused, SpeechResumed, SpeechStopped, Transcript
from speech.files.sound_file import read_audio
from speech.sound_track import SoundTrack
from speech.turns.detector import SilenceTurnDetector
from speech.turns.vad import SileroVAD
from tests.fakes import KeptOutput, ScriptedMind, ToneVoice
from tests.virtual_time import run

PAUSE_S, END_OF_TURN_S = 0.22, 1.5
GAP_S = 0.3
"""A shorter silence is no pause, but a gap between two words or a stop consonant."""

LEAST_NOD = 0.03
"""Radians: an emphasis gets a smaller nod, which comes where nobody pauses."""


@dataclass
class Pauses:
    """Where somebody is silent: from which second of the recording, and to which (infinite at its end)."""

    starts: list[float] = field(default_factory=list)
    ends: list[float] = field(default_factory=list)

    @classmethod
    def of(cls, sound: Samples) -> Pauses:
        """Every silence of a recording, float32 [N] at 16 kHz, as the voice detector has it."""
        turns = SilenceTurnDetector(SileroVAD(), end_of_turn_s=100.0, pause_s=0.064)
        found = cls()
        events = [event for chunk in chunked(sound, SPEECH_RATE_HZ, 640) for event in turns.push(chunk)]
        for event in (*events, *turns.flush()):
            match event:
                case SpeechPaused(at_s):
                    found.starts.append(at_s)
                case SpeechResumed(at_s):
                    found.ends.append(at_s)
                case SpeechStopped(at_s):
                    if len(found.starts) == len(found.ends):
                        found.starts.append(at_s)
        found.ends += [float("inf")] * (len(found.starts) - len(found.ends))
        return found


class KnownEars:
    """Hears what Whisper hears up to each pause, and says it a little after."""

    name = "known ears"

    def __init__(self, words: Sequence[tuple[float, str]]) -> None:
        self._words = list(words)

    async def __aenter__(self) -> KnownEars:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def transcribe(self, chunks: AsyncIterator[AudioChunk]) -> AsyncGenerator[Transcript, None]:
        """See `speech.asr.base.ASR.transcribe`."""
        said = ""
        async for chunk in chunks:
            now_s = chunk.end_sample / chunk.sample_rate_hz
            while self._words and self._words[0][0] + 0.1 <= now_s:  # a pause's first 0.12 s are still heard
                said = self._words.pop(0)[1]
                yield Transcript(said, False, 0.0, now_s)
        yield Transcript(said, True, 0.0, 0.0)


@dataclass
class Heard:
    """A conversation that was held: when a nod began, and the head's pitch by frame, radians."""

    nods_s: list[float]
    pitch: Floats


def listen(sound: Samples, words: Sequence[tuple[float, str]], motion: Any, *, follows_words: bool, seed: int) -> Heard:
    """Says a recording, float32 [N] at 48 kHz, to the program."""
    config = load_config(None, [f"face.seed={seed}"], {})
    sampler = new_sampler(config, motion, nods_by_itself=not follows_words)
    assert isinstance(sampler, FlowMotionSampler)
    voice, output = SoundTrack(), KeptOutput()
    stage = Stage(voice, SoundTrack(), PacedClock(), Floor())
    audio = Questions([RecordedQuestion("speaker", sound)], real_time=True, silence_after_s=2.0)
    face = Renderer(
        clock=stage.clock, voice=voice, user=stage.user, sampler=sampler, decoder=None, outputs=[output], label=None
    )
    nods = config.face.nods if follows_words else 0.0
    mind = ScriptedMind({text: "I see." for _, text in words} | {"": "I see."})

    async def converse() -> None:
        async with audio.open(stage) as heard:
            turns = SilenceTurnDetector(SileroVAD(), end_of_turn_s=END_OF_TURN_S, pause_s=PAUSE_S)
            await Session(
                heard,
                stage=stage,
                ears=Ears(turns, KnownEars(words)),
                mind=mind,
                voice=ToneVoice(),
                face=face,
                policy=SessionPolicy(listening=ListeningPolicy(nods=nods, seed=seed)),
                on_event=lambda event: None,
            ).run()

    run(converse())
    frames = sampler.state.frames
    sizes = {frame: one.intention.nod_size for frame, one in frames.items() if one.intention.nod_age == 0.0}
    begun = [frame / FRAME_RATE_HZ for frame, size in sorted(sizes.items()) if size > LEAST_NOD]
    return Heard(begun, np.array([motion[0] for motion in output.motion], np.float32))


def main() -> None:
    """Reads the command line, measures, and prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    print_machine("torch", "faster-whisper", threads=1, seeds=arguments.seeds)
    import torch

    torch.set_num_threads(1)
    motion = load_motion(load_config(None, [], {}))
    model = find_packaged("faster-whisper", "tiny.en")
    assert model is not None
    decoder = Decoder(Setup(str(packaged_path(model))))
    delays: dict[bool, list[float]] = {False: [], True: []}
    gaps, total_s = {False: 0, True: 0}, 0.0
    for path in arguments.files:
        sound = read_audio(path, SPEECH_RATE_HZ)
        pauses = Pauses.of(sound)
        long = [start for start, end in zip(pauses.starts, pauses.ends, strict=True) if end - start >= PAUSE_S]
        words = [(start, decoder(sound[: round((start + 0.12) * SPEECH_RATE_HZ)], lambda: None).text) for start in long]
        resampler = Resampler(SPEECH_RATE_HZ, OUTPUT_RATE_HZ)
        played = np.concatenate([resampler.push(sound), resampler.push(np.zeros(0, np.float32), last=True)])
        total_s += len(sound) / SPEECH_RATE_HZ * arguments.seeds
        held = {}
        for follows_words in (False, True):
            for seed in range(arguments.seeds):
                held[follows_words] = heard = listen(played, words, motion, follows_words=follows_words, seed=seed)
                for nod_s in heard.nods_s:
                    start, end = max(
                        ((a, b) for a, b in zip(pauses.starts, pauses.ends, strict=True) if a <= nod_s),
                        default=(0.0, 0.0),
                    )
                    delays[follows_words].append(nod_s - start)
                    gaps[follows_words] += end - start < GAP_S
        print(f"{path.name}: {len(long)} pauses: {' | '.join(text[-24:] for _, text in words)}", flush=True)
        if arguments.plot and path == arguments.files[0]:
            draw(arguments.plot, sound, pauses, held)
    for follows_words, title in ((False, "the sampler by itself"), (True, "asked by the words")):
        count = len(delays[follows_words])
        print(f"{title}: {count / total_s * 60.0:.1f} nods a minute, {gaps[follows_words]} of {count} in a gap")
        if count:
            print_percentiles("  end of the voice → nod", delays[follows_words], "s", "0.3 to 0.7 s")


def draw(path: Path, sound: Samples, pauses: Pauses, held: dict[bool, Heard]) -> None:
    """The speaker's level, pauses, and the head's pitch both ways."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    size = SPEECH_RATE_HZ // FRAME_RATE_HZ
    level = np.sqrt(np.mean(np.square(sound[: len(sound) // size * size].reshape(-1, size)), axis=1))
    figure, axes = pyplot.subplots(3, 1, figsize=(14, 7), sharex=True)
    axes[0].plot(np.arange(len(level)) / FRAME_RATE_HZ, level, color="#24303c")
    axes[0].set_ylabel("speaker, RMS")
    for axis, follows_words in zip(axes[1:], (False, True), strict=True):
        heard = held[follows_words]
        axis.plot(np.arange(len(heard.pitch)) / FRAME_RATE_HZ, np.degrees(heard.pitch), color="#1f6fb4")
        for nod_s in heard.nods_s:
            axis.axvline(nod_s, color="#d1662b")
        axis.set_ylabel("pitch, °; " + ("words" if follows_words else "sampler alone"))
    for axis in axes:
        for start, end in zip(pauses.starts, pauses.ends, strict=True):
            if end - start >= PAUSE_S:
                axis.axvspan(start, min(end, len(sound) / SPEECH_RATE_HZ + 1.0), color="#c9d1d9", alpha=0.6)
    axes[2].set_xlabel("seconds; grey: pauses; orange: a nod begins")
    figure.tight_layout()
    figure.savefig(path, dpi=90)


if __name__ == "__main__":
    main()
