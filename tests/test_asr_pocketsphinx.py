import asyncio
import csv
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import aclosing
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest

from agent.knowledge.file import load_knowledge
from speech.asr.base import transcribe_recording
from speech.asr.pocketsphinx import PocketSphinxASR
from speech.asr.pocketsphinx_worker import Listener, Setup, plain_words
from speech.audio import SPEECH_RATE_HZ, AudioChunk, Samples, chunked, resample
from speech.errors import BackendError, DeviceError
from speech.events import Transcript
from speech.files.sound_file import read_audio
from speech.turns.detector import SilenceTurnDetector
from speech.turns.vad import SileroVAD
from speech.worker.messages import Kind

DATA = Path(__file__).parent.parent / "agent" / "data"
PHRASES = ["Hello, what is your name?", "Can I use my own photo?", "Tell me more.", "What is a zyxomat?"]
KNOWN_QUESTIONS = ("1_name.wav", "3_more.wav", "4_laugh.wav", "5_able.wav")
T = TypeVar("T")


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def ears(loop: asyncio.Runner) -> Iterator[PocketSphinxASR]:
    """One recogniser for all tests here: loading it takes seconds."""
    asr = PocketSphinxASR(phrases=PHRASES)
    loop.run(asr.__aenter__())
    yield asr
    loop.run(asr.__aexit__(None, None, None))


def spoken_questions() -> list[tuple[str, str]]:
    with (DATA / "questions" / "questions.tsv").open(encoding="utf-8") as file:
        return [(row["file"], row["text"]) for row in csv.DictReader(file, delimiter="\t")]


def question(name: str) -> Samples:
    return read_audio(DATA / "questions" / name, SPEECH_RATE_HZ)


async def replay(samples: Samples, chunk_samples: int = 1600, rate: int = SPEECH_RATE_HZ) -> AsyncIterator[AudioChunk]:
    for chunk in chunked(samples, rate, chunk_samples):
        yield chunk


async def hear(asr: PocketSphinxASR, chunks: AsyncIterator[AudioChunk]) -> list[Transcript]:
    return [transcript async for transcript in asr.transcribe(chunks)]


def run(loop: asyncio.Runner, work: Coroutine[Any, Any, T]) -> T:
    return loop.run(asyncio.wait_for(work, 60))


def plain(text: str) -> str:
    return " ".join(word.strip(".,?!").lower() for word in text.split())


def test_understands_the_demonstration_questions_that_are_among_its_phrases() -> None:
    expected = {name: plain(text) for name, text in spoken_questions() if name in KNOWN_QUESTIONS}

    async def all_of_them() -> dict[str, str]:
        phrases = load_knowledge(DATA / "knowledge.md").phrases()
        async with PocketSphinxASR(phrases=phrases) as asr:
            return {name: (await hear(asr, replay(question(name))))[-1].text for name in expected}

    assert asyncio.run(all_of_them()) == expected


def test_interim_transcripts_come_with_the_sound_then_one_final(loop: asyncio.Runner, ears: PocketSphinxASR) -> None:
    *interim, final = run(loop, hear(ears, replay(question("1_name.wav"))))
    assert final.is_final and final.text == "hello what is your name"
    assert interim and not any(one.is_final for one in interim)
    assert all(one.text != other.text for one, other in pairwise(interim))
    assert any("what is" in one.text for one in interim)
    assert final.start_s == 0.0
    assert final.end_s == pytest.approx(len(question("1_name.wav")) / SPEECH_RATE_HZ)


@pytest.fixture(scope="module")
def photo(loop: asyncio.Runner, ears: PocketSphinxASR) -> list[Transcript]:
    """What is heard of one question."""
    return run(loop, hear(ears, replay(question("2_private.wav"))))


@pytest.mark.parametrize("chunk_samples", [160, 592, 10**6])
def test_any_chunking_gives_the_same_words(
    loop: asyncio.Runner, ears: PocketSphinxASR, photo: list[Transcript], chunk_samples: int
) -> None:
    found = run(loop, hear(ears, replay(question("2_private.wav"), chunk_samples)))
    assert [transcript.text for transcript in found] == [transcript.text for transcript in photo]


def test_what_was_said_before_changes_nothing(
    loop: asyncio.Runner, ears: PocketSphinxASR, photo: list[Transcript]
) -> None:
    run(loop, hear(ears, replay(question("1_name.wav") * 0.1)))
    assert run(loop, hear(ears, replay(question("2_private.wav"))))[-1] == photo[-1]


def test_three_who_speak_at_once_are_each_understood_as_if_alone(
    loop: asyncio.Runner, ears: PocketSphinxASR, photo: list[Transcript]
) -> None:
    async def together() -> list[list[Transcript]]:
        names = ("2_private.wav", "1_name.wav", "3_more.wav")
        return await asyncio.gather(*(hear(ears, replay(question(name))) for name in names))

    private, name, more = run(loop, together())
    assert [one.text for one in private] == [one.text for one in photo] and private[-1] == photo[-1]
    assert [name[-1].text, more[-1].text] == ["hello what is your name", "tell me more"]


def test_other_rates_are_understood(loop: asyncio.Runner, ears: PocketSphinxASR) -> None:
    samples = resample(question("1_name.wav"), SPEECH_RATE_HZ, 48_000)
    assert run(loop, hear(ears, replay(samples, 960, 48_000)))[-1].text == "hello what is your name"


@pytest.mark.parametrize("length", [0, 100, 8000])
def test_silence_and_nothing_give_one_empty_final(loop: asyncio.Runner, ears: PocketSphinxASR, length: int) -> None:
    transcripts = run(loop, hear(ears, replay(np.zeros(length, np.float32))))
    assert [(one.text, one.is_final) for one in transcripts] == [("", True)]


def test_a_cancelled_utterance_leaves_it_ready(loop: asyncio.Runner, ears: PocketSphinxASR) -> None:
    async def cancel_then_ask() -> str:
        endless: asyncio.Queue[AudioChunk] = asyncio.Queue()
        for chunk in chunked(question("1_name.wav"), SPEECH_RATE_HZ, 1600):
            endless.put_nowait(chunk)

        async def from_queue() -> AsyncIterator[AudioChunk]:
            while True:
                yield await endless.get()

        first_interim = asyncio.Event()

        async def listen() -> None:
            async with aclosing(ears.transcribe(from_queue())) as transcripts:
                async for _ in transcripts:
                    first_interim.set()

        listening = asyncio.create_task(listen())
        await first_interim.wait()
        listening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await listening
        return (await hear(ears, replay(question("3_more.wav"))))[-1].text

    assert run(loop, cancel_then_ask()) == "tell me more"


def test_a_source_that_fails_is_an_error_of_its_utterance(loop: asyncio.Runner, ears: PocketSphinxASR) -> None:
    async def failing() -> AsyncIterator[AudioChunk]:
        yield AudioChunk(np.zeros(1600, np.float32), SPEECH_RATE_HZ, 0)
        raise OSError("microphone unplugged")

    with pytest.raises(DeviceError, match="microphone unplugged"):
        run(loop, hear(ears, failing()))
    assert run(loop, hear(ears, replay(question("3_more.wav"))))[-1].text == "tell me more"


def worker_pids() -> list[int]:
    listed = subprocess.run(
        ["ps", "-ww", "--ppid", str(os.getpid()), "-o", "pid=,args="], capture_output=True, text=True, check=True
    )
    return [int(line.split()[0]) for line in listed.stdout.splitlines() if "pocketsphinx_worker" in line]


def test_a_crash_is_one_error_and_the_next_utterance_is_heard() -> None:
    async def crash_then_ask() -> str:
        async with PocketSphinxASR() as asr:
            (pid,) = set(worker_pids()) - before

            async def deadly() -> AsyncIterator[AudioChunk]:
                yield AudioChunk(np.zeros(1600, np.float32), SPEECH_RATE_HZ, 0)
                os.kill(pid, signal.SIGKILL)
                await asyncio.Event().wait()

            with pytest.raises(BackendError, match="ended unexpectedly"):
                await hear(asr, deadly())
            return (await hear(asr, replay(question("3_more.wav"))))[-1].text

    before = set(worker_pids())
    assert asyncio.run(crash_then_ask()) == "tell me more"
    assert set(worker_pids()) == before


def test_recordings_are_understood_turn_by_turn(loop: asyncio.Runner, ears: PocketSphinxASR) -> None:
    gap = np.random.default_rng(0).normal(0.0, 0.01, 2 * SPEECH_RATE_HZ).astype(np.float32)
    sound = np.concatenate((gap, question("1_name.wav"), gap, question("3_more.wav"), gap))
    done: list[float] = []

    async def transcribe() -> list[Transcript]:
        turns = SilenceTurnDetector(SileroVAD())
        return [one async for one in transcribe_recording(sound, ears, turns, progress=done.append)]

    first, second = run(loop, transcribe())
    assert (first.text, second.text) == ("hello what is your name", "tell me more")
    assert 1.5 < first.start_s < 2.5 and first.end_s < second.start_s < second.end_s < len(sound) / SPEECH_RATE_HZ
    assert done == sorted(done) and done[-1] == 1.0


def test_a_recording_without_speech_has_no_words(loop: asyncio.Runner, ears: PocketSphinxASR) -> None:
    noise = np.random.default_rng(0).normal(0.0, 0.05, 3 * SPEECH_RATE_HZ).astype(np.float32)

    async def transcribe() -> list[Transcript]:
        return [one async for one in transcribe_recording(noise, ears, SilenceTurnDetector(SileroVAD()))]

    assert run(loop, transcribe()) == []


def test_new_words_get_a_pronunciation() -> None:
    listener = Listener(Setup(["the zyxomat of esmeralda", "what is visavis"], 0.5))
    assert listener.pronunciation("zyxomat").startswith("Z ")
    assert listener.pronunciation("visavis") == "V IY Z AH V IY"
    assert listener.pronunciation("hello") is not None
    assert listener.pronunciation("qqqqzz") is None


@pytest.mark.parametrize("weight", [-0.1, 1.0])
def test_refuses_a_weight_that_is_no_share(weight: float) -> None:
    with pytest.raises(ValueError, match="phrase_weight"):
        PocketSphinxASR(phrase_weight=weight)


@pytest.mark.parametrize(
    ("heard", "plain"),
    [("<sil> the(2) Cat [NOISE] sat ++BREATH++", "the cat sat"), ("", ""), ("<s> </s>", ""), ("it's two", "it's two")],
)
def test_fillers_and_alternatives_are_taken_out(heard: str, plain: str) -> None:
    assert plain_words(heard) == plain


def test_every_kind_of_message_has_a_letter_of_its_own() -> None:
    assert all(len(kind.value) == 1 for kind in Kind)


@pytest.mark.testdata
def test_real_questions_are_heard(loop: asyncio.Runner, ears: PocketSphinxASR, test_data: Path) -> None:
    expected = {"q_time_google.wav": "what time is it", "q_weather_azure.wav": "what's the weather like"}
    for name, words in expected.items():
        samples = read_audio(test_data / "questions" / name, SPEECH_RATE_HZ)
        assert run(loop, hear(ears, replay(samples)))[-1].text == words
