"""Both Whispers with the tests' tiny model: real libraries, real worker processes, right words."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest

from speech.asr_faster_whisper import FasterWhisperASR
from speech.asr_whisper import WhisperASR
from speech.audio import SPEECH_RATE_HZ, AudioChunk, Samples, chunked, resample
from speech.errors import InputError
from speech.events import Transcript
from speech.sound_file import read_audio
from speech.tts_espeak import EspeakTTS
from tests.tiny_whisper import ctranslate2_folder, openai_checkpoint

QUESTIONS = Path(__file__).parent.parent / "agent" / "data" / "questions"
RECORDED = {
    "1_name.wav": "Hello, what is your name?",
    "2_photo.wav": "Can I use my own photo?",
    "3_more.wav": "Tell me more.",
    "6_internet.wav": "Do you need the internet?",
    "7_goodbye.wav": "Thank you and goodbye.",
}
SPOKEN = ("What time is it?", "Thank you very much.", "How much does it cost?", "Which languages do you speak?")
T = TypeVar("T")
Ears = tuple[type[WhisperASR], Path]


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module", params=["whisper", "faster-whisper"])
def kind(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Ears:
    """A class and the model for it."""
    folder = tmp_path_factory.getbasetemp()
    if request.param == "whisper":
        return WhisperASR, openai_checkpoint(folder)
    return FasterWhisperASR, ctranslate2_folder(folder)


@pytest.fixture(scope="module")
def ears(loop: asyncio.Runner, kind: Ears) -> Iterator[WhisperASR]:
    """One recogniser for all tests of its kind: loading it takes seconds."""
    asr = kind[0](model=kind[1])
    loop.run(asr.__aenter__())
    yield asr
    loop.run(asr.__aexit__(None, None, None))


def recorded(name: str) -> Samples:
    return read_audio(QUESTIONS / name, SPEECH_RATE_HZ)


async def say(sentence: str) -> Samples:
    async with EspeakTTS(voice="en-us") as voice:
        pieces = [chunk.audio.samples async for chunk in voice.synthesize(sentence)]
    return resample(np.concatenate(pieces), voice.sample_rate_hz, SPEECH_RATE_HZ)


def quiet(seconds: float) -> Samples:
    return np.zeros(round(seconds * SPEECH_RATE_HZ), np.float32)


async def replay(samples: Samples, chunk_samples: int = 1600, rate: int = SPEECH_RATE_HZ) -> AsyncIterator[AudioChunk]:
    for chunk in chunked(samples, rate, chunk_samples):
        yield chunk


async def live(samples: Samples, on_end: Callable[[], None]) -> AsyncIterator[AudioChunk]:
    """At the pace at which it was spoken."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    for chunk in chunked(samples, SPEECH_RATE_HZ, 512):
        await asyncio.sleep(began + chunk.end_sample / SPEECH_RATE_HZ - loop.time())
        yield chunk
    on_end()


async def hear(asr: WhisperASR, chunks: AsyncIterator[AudioChunk]) -> list[Transcript]:
    return [transcript async for transcript in asr.transcribe(chunks)]


def run(loop: asyncio.Runner, work: Coroutine[Any, Any, T]) -> T:
    return loop.run(asyncio.wait_for(work, 60))


def final(loop: asyncio.Runner, asr: WhisperASR, samples: Samples) -> str:
    transcripts = run(loop, hear(asr, replay(samples)))
    assert [one.is_final for one in transcripts[-2:]] in ([True], [False, True])
    return transcripts[-1].text


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_questions_are_heard(loop: asyncio.Runner, ears: WhisperASR, name: str) -> None:
    assert final(loop, ears, recorded(name)) == RECORDED[name]


@pytest.mark.parametrize("sentence", SPOKEN)
def test_spoken_sentences_are_heard(loop: asyncio.Runner, ears: WhisperASR, sentence: str) -> None:
    sound = np.concatenate((quiet(0.5), run(loop, say(sentence)) * 0.7, quiet(0.6)))
    assert final(loop, ears, sound) == sentence


def test_guesses_come_while_it_is_spoken_and_the_final_soon_after(loop: asyncio.Runner, ears: WhisperASR) -> None:
    async def listen() -> tuple[list[tuple[float, Transcript]], float]:
        heard: list[tuple[float, Transcript]] = []
        ended: list[float] = []
        clock = asyncio.get_running_loop().time
        sound = np.concatenate((quiet(0.3), recorded("1_name.wav"), quiet(0.5)))
        async for transcript in ears.transcribe(live(sound, lambda: ended.append(clock()))):
            heard.append((clock(), transcript))
        return heard, ended[0]

    heard, ended = run(loop, listen())
    *guesses, (final_at, last) = heard
    assert last.is_final and last.text == "Hello, what is your name?"
    assert [one for at, one in guesses if at < ended - 0.5 and not one.is_final and one.text]
    # In the pause of 0.5 s before the end it was decoded already: what remains is the way here.
    assert final_at - ended < 0.6


@pytest.mark.parametrize(("rate", "chunk_samples"), [(16_000, 160), (16_000, 4096), (16_000, 10**6), (48_000, 960)])
def test_any_chunking_gives_the_same_words(
    loop: asyncio.Runner, ears: WhisperASR, rate: int, chunk_samples: int
) -> None:
    sound = resample(recorded("2_photo.wav"), SPEECH_RATE_HZ, rate)
    assert run(loop, hear(ears, replay(sound, chunk_samples, rate)))[-1].text == "Can I use my own photo?"


def test_longer_than_whispers_window(loop: asyncio.Runner, ears: WhisperASR) -> None:
    sound, said = [], []
    while sum(map(len, sound)) < 33 * SPEECH_RATE_HZ:
        for name in RECORDED:
            sound += [recorded(name), quiet(1.3)]
            said.append(RECORDED[name])
    assert final(loop, ears, np.concatenate(sound)) == " ".join(said)


@pytest.mark.parametrize("sound", ["nothing", "silence", "noise", "hum", "clicks"])
def test_where_nobody_speaks_there_are_no_words(loop: asyncio.Runner, ears: WhisperASR, sound: str) -> None:
    random = np.random.default_rng(0)
    samples = quiet(0.0 if sound == "nothing" else 3.0)
    if sound == "noise":
        samples = random.normal(scale=0.05, size=len(samples)).astype(np.float32)
    elif sound == "hum":
        samples = 0.1 * np.sin(np.arange(len(samples)) * (2 * np.pi * 50 / SPEECH_RATE_HZ)).astype(np.float32)
    elif sound == "clicks":
        samples[random.integers(len(samples), size=12)] = 0.9
    transcripts = run(loop, hear(ears, replay(samples)))
    assert [(one.text, one.is_final) for one in transcripts] == [("", True)]


def test_a_cancelled_utterance_leaves_it_ready(loop: asyncio.Runner, ears: WhisperASR) -> None:
    async def cancel_then_ask() -> str:
        async def endless() -> AsyncIterator[AudioChunk]:
            async for chunk in live(np.tile(recorded("1_name.wav"), 50), lambda: None):
                yield chunk

        first_guess = asyncio.Event()

        async def listen() -> None:
            async with aclosing(ears.transcribe(endless())) as transcripts:
                async for _ in transcripts:
                    first_guess.set()

        listening = asyncio.create_task(listen())
        await first_guess.wait()
        listening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await listening
        return (await hear(ears, replay(recorded("3_more.wav"))))[-1].text

    assert run(loop, cancel_then_ask()) == "Tell me more."


def worker_pids() -> set[int]:
    listed = subprocess.run(
        ["ps", "--ppid", str(os.getpid()), "-o", "pid=,args="], capture_output=True, text=True, check=True
    )
    return {int(line.split()[0]) for line in listed.stdout.splitlines() if "whisper_worker" in line}


def test_a_crash_is_one_error_and_the_next_utterance_is_heard(loop: asyncio.Runner, kind: Ears) -> None:
    before = worker_pids()

    async def crash_then_ask() -> str:
        async with kind[0](model=kind[1], phrases=["what is visavis"], accurate=True) as asr:
            (pid,) = worker_pids() - before

            async def deadly() -> AsyncIterator[AudioChunk]:
                yield AudioChunk(quiet(0.1), SPEECH_RATE_HZ, 0)
                os.kill(pid, signal.SIGKILL)
                await asyncio.Event().wait()

            with pytest.raises(InputError, match="ended unexpectedly"):
                await hear(asr, deadly())
            return (await hear(asr, replay(recorded("3_more.wav"))))[-1].text

    assert run(loop, crash_then_ask()) == "Tell me more."
    assert worker_pids() == before


def load_error(loop: asyncio.Runner, asr: WhisperASR) -> str:
    async def enter() -> None:
        async with asr:
            pass

    with pytest.raises(InputError) as caught:
        run(loop, enter())
    message = str(caught.value)
    assert "\n" not in message and len(message) < 400
    return message


@pytest.mark.parametrize("content", ["nothing", "a folder", "text", "half", "another network"])
def test_a_file_that_is_no_checkpoint_is_one_line(
    loop: asyncio.Runner, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, content: str
) -> None:
    import torch

    path = tmp_path / "model.pt"
    whole = openai_checkpoint(tmp_path_factory.getbasetemp()).read_bytes()
    match content:
        case "a folder":
            path.mkdir()
        case "text":
            path.write_text("not weights")
        case "half":
            path.write_bytes(whole[: len(whole) // 2])
        case "another network":
            torch.save({"weight": torch.zeros(2)}, path)
    message = load_error(loop, WhisperASR(model=path))
    assert message.startswith(f"speech recognition: could not load: {path}: expected a Whisper checkpoint")


@pytest.mark.parametrize(
    "content", ["nothing", "a file", "an empty folder", "no tokenizer", "half", "broken tokenizer"]
)
def test_a_folder_that_is_no_ctranslate2_model_is_one_line(
    loop: asyncio.Runner, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, content: str
) -> None:
    path = tmp_path / "model"
    whole = ctranslate2_folder(tmp_path_factory.getbasetemp())
    if content == "a file":
        path.write_text("not weights")
    elif content != "nothing":
        path.mkdir()
        for file in whole.iterdir() if content != "an empty folder" else ():
            (path / file.name).write_bytes(file.read_bytes())
    match content:
        case "no tokenizer":
            (path / "tokenizer.json").unlink()
        case "half":
            (path / "model.bin").write_bytes((whole / "model.bin").read_bytes()[:100_000])
        case "broken tokenizer":
            (path / "tokenizer.json").write_text("{}")
    message = load_error(loop, FasterWhisperASR(model=path))
    assert f"could not load: {path}: expected" in message
    assert content != "no tokenizer" or "tokenizer.json" in message


def test_an_english_model_refuses_another_language(loop: asyncio.Runner, kind: Ears) -> None:
    assert "expected 'en'" in load_error(loop, kind[0](model=kind[1], language="de"))


def test_an_unknown_language_and_an_absent_device_are_one_line(loop: asyncio.Runner, kind: Ears) -> None:
    assert "got 'klingon'" in load_error(loop, kind[0](model=kind[1], language="klingon"))
    assert "ears.device" in load_error(loop, kind[0](model=kind[1], device="mps"))


def test_a_missing_package_names_its_extra(kind: Ears, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    extra = kind[0].package.backend
    with pytest.raises(InputError, match=rf"pip install 'visavis\[{extra}\]'"):
        kind[0](model=kind[1])
