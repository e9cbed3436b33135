"""What a second conversation costs the first, in one worker: first sound, final words and first text, alone and beside.

voice: hibari's first sound of a sentence while another conversation's long one is being made again and again; ears:
Whisper's final words, from the end of the sound on, while somebody else speaks; mind: the packaged language model's
first text while another long reply is being made. Parts whose packages are not installed are left out.

Run as `python -m benchmarks.workers` in the project's folder; takes two minutes.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

from agent.llm.base import Conversation
from agent.llm.transformers import TransformersLLM
from agent.models.packaged import packaged_path
from agent.models.packaged_catalogue import find_packaged
from benchmarks.report import print_machine, print_percentiles
from benchmarks.voice import SENTENCES
from speech.asr.base import ASR
from speech.asr.faster_whisper import FasterWhisperASR
from speech.audio import SPEECH_RATE_HZ, AudioChunk, Samples, chunked
from speech.errors import VisavisError
from speech.files.sound_file import read_audio
from speech.tts.base import TTS
from speech.tts.hibari import HibariTTS

LONG_SENTENCE = "And so we went on, from one town to the next, and in each of them somebody told us a story, " * 8
SPOKEN = ("2_private.wav", "1_name.wav", "7_goodbye.wav")
QUESTIONS = ("Do you like the winter?", "I am a bit tired today.", "What should I cook tonight?")
CHUNK_S = 0.04
_SEED = 0


def weights(backend: str, name: str) -> Path:
    """The file or folder of a packaged model."""
    model = find_packaged(backend, name)
    assert model is not None
    return packaged_path(model)


@asynccontextmanager
async def beside(work: Callable[[], Awaitable[object]] | None) -> AsyncIterator[None]:
    """Does something again and again while the context lasts; None does nothing."""

    async def again_and_again() -> None:
        while work is not None:
            await work()

    task = asyncio.create_task(again_and_again(), name="beside")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def first_ms(pieces: AsyncIterator[object]) -> float:
    """Milliseconds to the first piece; the rest is taken, too."""
    began = time.perf_counter()
    took = 0.0
    async for _ in pieces:
        took = took or 1000.0 * (time.perf_counter() - began)
    return took


async def measure(
    what: str, rounds: int, take: Callable[[int], Awaitable[float]], other: Callable[[], Awaitable[object]]
) -> None:
    """Prints it alone and beside `other`, in alternating rounds after one that doesn't count."""
    alone, with_other = list[float](), list[float]()
    for number in range(-1, rounds):
        for taken, work in ((alone, None), (with_other, other)):
            async with beside(work):
                await asyncio.sleep(0.1)
                took = await take(number)
            if number >= 0:
                taken.append(took)
    print_percentiles(f"{what}, alone", alone, "ms")
    print_percentiles(f"{what}, beside another", with_other, "ms")


async def measure_voice(rounds: int) -> None:
    """First sound of a sentence."""
    async with HibariTTS(model=weights("hibari", "heart")) as voice:
        tts: TTS = voice

        async def long_one() -> None:
            async for _ in tts.synthesize(LONG_SENTENCE):
                pass

        await measure(
            "hibari: first sound",
            rounds * len(SENTENCES),
            lambda number: first_ms(tts.synthesize(SENTENCES[number % len(SENTENCES)])),
            long_one,
        )


async def measure_ears(rounds: int) -> None:
    """Final words after the end of the sound, which ends with a pause, as a turn does."""
    recorded = [read_audio(Path("agent/data/questions") / name, SPEECH_RATE_HZ) for name in SPOKEN]
    chance = random.Random(_SEED)

    async def final_ms(asr: ASR, sound: Samples) -> float:
        ended_s = 0.0

        async def spoken() -> AsyncIterator[AudioChunk]:
            nonlocal ended_s
            for chunk in chunked(sound, SPEECH_RATE_HZ, round(CHUNK_S * SPEECH_RATE_HZ)):
                yield chunk
                await asyncio.sleep(CHUNK_S)
            ended_s = time.perf_counter()

        async with aclosing(asr.transcribe(spoken())) as transcripts:
            async for _ in transcripts:
                pass
        return 1000.0 * (time.perf_counter() - ended_s)

    async with FasterWhisperASR(model=weights("faster-whisper", "tiny.en")) as asr:

        async def another() -> None:
            await asyncio.sleep(chance.random())
            await final_ms(asr, recorded[1])

        await measure("Whisper: final words", rounds, lambda number: final_ms(asr, recorded[number % 3]), another)


async def measure_mind(rounds: int) -> None:
    """First text of a reply, each in a conversation of its own."""
    packaged = find_packaged("transformers", "SmolLM2-135M-Instruct")
    assert packaged is not None
    path = packaged_path(packaged)
    async with TransformersLLM(model=path, packaged=packaged, name="Mira", device="cpu") as mind:
        assert mind._kept._doing_beside is not None
        await mind._kept._doing_beside

        async def reply_ms(question: str) -> float:
            with mind.conversation() as talk:
                return await first_ms(reply(talk, question))

        async def reply(talk: Conversation, question: str) -> AsyncIterator[str]:
            async with aclosing(talk.stream([], question)) as deltas:
                async for delta in deltas:
                    yield delta

        await measure(
            f"{packaged.name}: first text",
            rounds,
            lambda number: reply_ms(QUESTIONS[number % len(QUESTIONS)]),
            lambda: reply_ms("Tell me a story about a snail."),
        )


def main() -> None:
    """Reads the command line, measures, and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10, help="times each is measured (default %(default)s)")
    parser.add_argument("--only", choices=("voice", "ears", "mind"), help="one part")
    arguments = parser.parse_args()
    print_machine("onnxruntime", "ctranslate2", "transformers", rounds=arguments.rounds, seed=_SEED)
    for name, part in (("voice", measure_voice), ("ears", measure_ears), ("mind", measure_mind)):
        if arguments.only in (None, name):
            try:
                asyncio.run(part(arguments.rounds))
            except VisavisError as error:
                print(f"left out: {error}")


if __name__ == "__main__":
    main()
