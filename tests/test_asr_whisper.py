"""Both Whispers with the weights of tiny.en: real libraries, real worker processes, right words."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import signal
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest

from speech.asr.faster_whisper import FasterWhisperASR
from speech.asr.whisper import WhisperASR
from speech.audio import SPEECH_RATE_HZ, AudioChunk, Samples, chunked, resample
from speech.errors import BackendError, InputError
from speech.events import Transcript
from speech.files.sound_file import read_audio

pytestmark = pytest.mark.packaged("faster-whisper/tiny.en")

QUESTIONS = Path(__file__).parent.parent / "agent" / "data" / "questions"
RECORDED = {
    "1_name.wav": "hello what is your name",
    "2_private.wav": "will anybody else get to hear what i tell you",
    "4_laugh.wav": "make me laugh",
    "5_able.wav": "hello what can you do",
    "7_goodbye.wav": "thank you and goodbye",
    "8_story.wav": "tell me a story about a lighthouse",
}
REAL = {
    "q_brooklyn.wav": "how old is the brooklyn bridge",
    "q_weather_azure.wav": "whats the weather like",
    "q_lamp_wyoming.wav": "turn on the living room lamp",
}
T = TypeVar("T")


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


def entered(loop: asyncio.Runner, asr: WhisperASR) -> Iterator[WhisperASR]:
    """One recogniser for all tests of its kind: loading it takes seconds."""
    loop.run(asr.__aenter__())
    yield asr
    loop.run(asr.__aexit__(None, None, None))


@pytest.fixture(scope="module")
def quick(loop: asyncio.Runner, tiny_en: Path) -> Iterator[WhisperASR]:
    """faster-whisper, for what doesn't depend on the library: it takes half of openai-whisper's time."""
    yield from entered(loop, FasterWhisperASR(model=tiny_en))


@pytest.fixture(scope="module")
def openai(loop: asyncio.Runner, tiny_en_checkpoint: Path) -> Iterator[WhisperASR]:
    yield from entered(loop, WhisperASR(model=tiny_en_checkpoint))


@pytest.fixture(params=["openai", "quick"])
def ears(request: pytest.FixtureRequest) -> WhisperASR:
    asr: WhisperASR = request.getfixturevalue(request.param)
    return asr


def recorded(name: str) -> Samples:
    return read_audio(QUESTIONS / name, SPEECH_RATE_HZ)


def quiet(seconds: float) -> Samples:
    return np.zeros(round(seconds * SPEECH_RATE_HZ), np.float32)


async def replay(samples: Samples, chunk_samples: int = 1600, rate: int = SPEECH_RATE_HZ) -> AsyncIterator[AudioChunk]:
    for chunk in chunked(samples, rate, chunk_samples):
        yield chunk


async def live(samples: Samples) -> AsyncIterator[AudioChunk]:
    """At the pace at which it was spoken."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    for chunk in chunked(samples, SPEECH_RATE_HZ, 512):
        await asyncio.sleep(began + chunk.end_sample / SPEECH_RATE_HZ - loop.time())
        yield chunk


async def hear(asr: WhisperASR, chunks: AsyncIterator[AudioChunk]) -> list[Transcript]:
    return [transcript async for transcript in asr.transcribe(chunks)]


def run(loop: asyncio.Runner, work: Coroutine[Any, Any, T]) -> T:
    return loop.run(asyncio.wait_for(work, 60))


def final(loop: asyncio.Runner, asr: WhisperASR, samples: Samples) -> str:
    transcripts = run(loop, hear(asr, replay(samples)))
    assert [one.is_final for one in transcripts[-2:]] in ([True], [False, True])
    return transcripts[-1].text


def plain(text: str) -> str:
    return " ".join("".join(letter for letter in text.lower() if letter.isalnum() or letter == " ").split())


@pytest.mark.testdata
@pytest.mark.parametrize("name", REAL)
def test_real_people_are_heard(loop: asyncio.Runner, quick: WhisperASR, test_data: Path, name: str) -> None:
    assert plain(final(loop, quick, read_audio(test_data / "questions" / name, SPEECH_RATE_HZ))) == REAL[name]


def test_interim_transcripts_come_before_the_end(loop: asyncio.Runner, ears: WhisperASR) -> None:
    async def listen() -> list[Transcript]:
        came = asyncio.Event()

        async def chunks() -> AsyncIterator[AudioChunk]:
            position = 0
            for name in ("1_name.wav", "", "8_story.wav"):
                sound = recorded(name) if name else quiet(60.0)
                async for chunk in live(sound):
                    if not name and came.is_set():  # however long this machine took
                        break
                    yield AudioChunk(chunk.samples, SPEECH_RATE_HZ, position)
                    position += len(chunk.samples)

        heard = []
        async for transcript in ears.transcribe(chunks()):
            heard.append(transcript)
            came.set()
        return heard

    *interim, last = run(loop, listen())
    assert not any(one.is_final for one in interim)
    first = next(one.text for one in interim if one.text)  # what was decoded at first may be no word yet
    assert "hello what is your name tell me a story about a lighthouse".startswith(plain(first))
    assert last.is_final and plain(last.text) == "hello what is your name tell me a story about a lighthouse"


@pytest.mark.parametrize(("rate", "chunk_samples"), [(16_000, 160), (16_000, 10**6), (48_000, 960)])
def test_any_chunking_gives_the_same_words(
    loop: asyncio.Runner, quick: WhisperASR, rate: int, chunk_samples: int
) -> None:
    sound = resample(recorded("8_story.wav"), SPEECH_RATE_HZ, rate)
    assert run(loop, hear(quick, replay(sound, chunk_samples, rate)))[-1].text == "Tell me a story about a lighthouse."


def test_longer_than_whispers_window(loop: asyncio.Runner, quick: WhisperASR) -> None:
    sound, said = [], []
    while sum(map(len, sound)) < 33 * SPEECH_RATE_HZ:
        for name, text in RECORDED.items():
            sound += [recorded(name), quiet(1.3)]
            said.append(text)
    assert plain(final(loop, quick, np.concatenate(sound))) == " ".join(said)


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
        first_interim = asyncio.Event()

        async def listen() -> None:
            question = np.concatenate((recorded("1_name.wav"), quiet(1.5)))
            endless = live(np.tile(question, 50))
            async with aclosing(ears.transcribe(endless)) as transcripts:
                async for _ in transcripts:
                    first_interim.set()

        listening = asyncio.create_task(listen())
        await first_interim.wait()
        listening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await listening
        return (await hear(ears, replay(recorded("3_more.wav"))))[-1].text

    assert run(loop, cancel_then_ask()) == "Tell me more."


def test_a_crash_is_one_error_and_the_next_utterance_is_heard(loop: asyncio.Runner, quick: WhisperASR) -> None:
    """With one library: what keeps the process does not know which one is in it."""

    async def crash_then_ask() -> tuple[int, int, str]:
        async def deadly() -> AsyncIterator[AudioChunk]:
            yield AudioChunk(quiet(0.1), SPEECH_RATE_HZ, 0)
            os.kill(pid, signal.SIGKILL)
            await asyncio.Event().wait()

        pid = (await quick._kept.running())._process.pid
        with pytest.raises(BackendError, match="ended unexpectedly"):
            await hear(quick, deadly())
        text = (await hear(quick, replay(recorded("3_more.wav"))))[-1].text
        return pid, (await quick._kept.running())._process.pid, text

    dead, alive, text = run(loop, crash_then_ask())
    assert text == "Tell me more."
    assert dead != alive and not Path(f"/proc/{dead}").exists()


def test_damaged_weights_are_one_line(loop: asyncio.Runner, tiny_en: Path, tmp_path: Path) -> None:
    path = tmp_path / "model"
    path.mkdir()
    for file in tiny_en.iterdir():
        (path / file.name).symlink_to(file)
    (path / "model.bin").unlink()
    (path / "model.bin").write_bytes((tiny_en / "model.bin").read_bytes()[:100_000])

    async def enter() -> None:
        async with FasterWhisperASR(model=path):
            pass

    with pytest.raises(InputError) as caught:
        run(loop, enter())
    message = str(caught.value)
    assert message.startswith(f"speech recognition: could not load: {path}: expected a Whisper ")
    assert "could not read it" in message and "\n" not in message and len(message) < 400


@pytest.mark.parametrize("kind", [WhisperASR, FasterWhisperASR])
def test_a_missing_package_names_its_extra(
    kind: type[WhisperASR], tiny_en: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    extra = kind.package.backend
    with pytest.raises(InputError, match=rf"pip install 'visavis\[{extra}\]'"):
        kind(model=tiny_en)
