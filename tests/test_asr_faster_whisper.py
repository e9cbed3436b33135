"""Whisper tiny.en through faster-whisper: the window, the prompt, the pace of speech; with its real weights."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing
from pathlib import Path

import numpy as np
import pytest

from agent.text.words import tokens
from benchmarks.users import clap, cough, laugh
from speech.asr import faster_whisper_worker
from speech.asr.faster_whisper import FasterWhisperASR
from speech.asr.faster_whisper_worker import Decoder
from speech.asr.understood import Understood
from speech.asr.whisper_options import Setup
from speech.asr.whisper_streaming import Stopped
from speech.asr.whisper_window import AFTER_THE_SOUND_S, WHOLE_WINDOW_S, Decoded
from speech.audio import OUTPUT_RATE_HZ, SPEECH_RATE_HZ, AudioChunk, Samples, chunked, resample
from speech.events import Transcript
from speech.files.sound_file import read_audio

pytestmark = pytest.mark.packaged("faster-whisper/tiny.en")

QUESTIONS = Path(__file__).parent.parent / "agent" / "data" / "questions"
PRIVATE = "Will anybody else get to hear what I tell you?"


def recorded(name: str) -> Samples:
    return read_audio(QUESTIONS / name, SPEECH_RATE_HZ)


def go_on() -> None:
    """Nothing stops this decoding."""


@pytest.fixture
def windows(whisper: Decoder, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What the windows had after the sound, one after the other."""
    asked: list[float] = []
    real = whisper.decode

    def decode(sound: Samples, check: Callable[[], None], after_s: float, *, is_interim: bool = False) -> Decoded:
        asked.append(after_s)
        return real(sound, check, after_s, is_interim=is_interim)

    monkeypatch.setattr(whisper, "decode", decode)
    return asked


def test_clear_words_need_no_whole_window(whisper: Decoder, windows: list[float]) -> None:
    assert whisper(recorded("2_private.wav"), go_on).text == PRIVATE
    assert windows == [AFTER_THE_SOUND_S]


def test_a_word_or_two_are_told_from_silence_by_what_was_heard_and_read_as_such(
    whisper: Decoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Told of short words it is surer of them, says none twice, and still hears none in coughs and claps."""
    short = recorded("3_more.wav")
    loud = np.flatnonzero(np.abs(short) > 0.1 * np.abs(short).max())
    voice = short[loud[0] : loud[-1]][: round(0.7 * SPEECH_RATE_HZ)]
    sound = np.pad(voice, (SPEECH_RATE_HZ // 5, SPEECH_RATE_HZ // 10))
    heard = whisper(sound, go_on)
    with monkeypatch.context() as untold:
        untold.setattr(whisper, "_short_prompt", [])
        before = whisper(sound, go_on)
    assert heard.text == "Tell me more." and heard.confidence is not None and before.confidence is not None
    assert heard.confidence > before.confidence + 0.05
    for make, seed in ((cough, 1), (cough, 3), (laugh, 1), (clap, 1), (clap, 3)):
        noise = resample(make(seed), OUTPUT_RATE_HZ, SPEECH_RATE_HZ)[: round(0.6 * SPEECH_RATE_HZ)]
        assert whisper(np.pad(noise, (4800, 2048)), go_on).text == "", f"{make.__name__} {seed}"


def test_what_comes_again_and_again_is_decoded_in_the_whole_window_but_not_in_haste(
    whisper: Decoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float] = []

    def decode(sound: Samples, check: Callable[[], None], after_s: float, *, is_interim: bool = False) -> Decoded:
        asked.append(after_s)
        text = "ten of clubs. " * (5 if after_s < WHOLE_WINDOW_S else 1)
        return Decoded(text.strip(), -0.3, 1.0, 0.0)

    monkeypatch.setattr(whisper, "decode", decode)
    second = np.zeros(SPEECH_RATE_HZ, np.float32)
    assert whisper(second, go_on).text == "ten of clubs." and asked == [AFTER_THE_SOUND_S, WHOLE_WINDOW_S]
    asked.clear()
    assert whisper(second, go_on, is_interim=True).is_doubtful and asked == [AFTER_THE_SOUND_S]


def test_what_is_only_improbable_is_told_at_once(whisper: Decoder, windows: list[float]) -> None:
    backwards = np.ascontiguousarray(recorded("8_story.wav")[::-1])
    assert whisper(backwards, go_on).is_doubtful and windows == [AFTER_THE_SOUND_S]


def test_it_stops_between_its_steps(whisper: Decoder) -> None:
    steps = []

    def stop() -> None:
        steps.append(1)
        if len(steps) == 2:
            raise Stopped

    with pytest.raises(Stopped):
        whisper(recorded("2_private.wav"), stop)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_windows_of_many_lengths_leave_nothing_behind(whisper: Decoder) -> None:
    from ctranslate2 import StorageView

    def hear(frames: int) -> None:
        whisper._whisper.model.encode(StorageView.from_array(np.zeros((1, 80, frames), np.float32)), to_cpu=True)

    def resident_mb() -> float:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6

    hear(600)
    before = resident_mb()
    for frames in range(300, 600, 12):
        hear(frames)
    assert resident_mb() - before < 6.0, "15 MB where the kernels for every length are kept"


def test_a_prompt_brings_names_and_no_words_of_its_own(tiny_en: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faster_whisper_worker, "leave_room_for_the_face", lambda: 1)
    told = Decoder(Setup(str(tiny_en), phrases=["visavis", "what is visavis", "how much is a cappuccino"]))
    assert tokens(told(recorded("2_private.wav"), go_on).text) == tokens(PRIVATE)
    assert told(np.zeros(SPEECH_RATE_HZ, np.float32), go_on) == Understood()
    assert told(np.zeros(5 * SPEECH_RATE_HZ, np.float32), go_on) == Understood()


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def ears(loop: asyncio.Runner, tiny_en: Path) -> Iterator[FasterWhisperASR]:
    asr = FasterWhisperASR(model=tiny_en)
    loop.run(asr.__aenter__())
    yield asr
    loop.run(asr.__aexit__(None, None, None))


async def replay(samples: Samples, chunk_samples: int, pace: float = 0.0) -> AsyncIterator[AudioChunk]:
    """In chunks, at once or at a pace (1: as it was spoken)."""
    for chunk in chunked(samples, SPEECH_RATE_HZ, chunk_samples):
        await asyncio.sleep(pace * chunk.duration_s)
        yield chunk


async def heard(asr: FasterWhisperASR, chunks: AsyncIterator[AudioChunk]) -> list[Transcript]:
    async with asyncio.timeout(60), aclosing(asr.transcribe(chunks)) as transcripts:
        return [one async for one in transcripts]


def test_the_final_words_depend_on_the_sound_alone(loop: asyncio.Runner, ears: FasterWhisperASR) -> None:
    """Also those that are hardly understood, for which the window is another."""
    pause = np.zeros(round(1.2 * SPEECH_RATE_HZ), np.float32)
    sound = np.concatenate((recorded("2_private.wav"), pause, recorded("8_story.wav")[::-1]))
    finals = [
        loop.run(heard(ears, replay(sound, chunk_samples, pace)))[-1]
        for chunk_samples, pace in ((len(sound), 0.0), (640, 1.0))
    ]
    assert finals[0].text.startswith(PRIVATE) and finals[0].is_doubtful
    assert finals[1] == finals[0]


def test_without_the_newest_instructions_it_is_slow_but_right(
    loop: asyncio.Runner, tiny_en: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CT2_FORCE_CPU_ISA", "GENERIC")

    async def hear() -> str:
        async with FasterWhisperASR(model=tiny_en) as asr:
            return (await heard(asr, replay(recorded("3_more.wav"), 1600)))[-1].text

    assert tokens(loop.run(hear())) == ["tell", "me", "more"]


def test_two_who_speak_at_once_are_each_understood_as_if_alone(tiny_en: Path) -> None:
    async def understood(asr: FasterWhisperASR, name: str) -> list[Transcript]:
        async def spoken() -> AsyncIterator[AudioChunk]:
            for chunk in chunked(recorded(name), SPEECH_RATE_HZ, SPEECH_RATE_HZ // 10):
                yield chunk
                await asyncio.sleep(0.02)

        async with aclosing(asr.transcribe(spoken())) as transcripts:
            return [transcript async for transcript in transcripts]

    async def main() -> None:
        names = ("1_name.wav", "2_private.wav", "7_goodbye.wav")
        async with FasterWhisperASR(model=tiny_en) as asr:
            alone = [(await understood(asr, name))[-1] for name in names]
            together = await asyncio.gather(*(understood(asr, name) for name in names))
            cancelled = asyncio.create_task(understood(asr, names[0]), name="cancelled")
            beside = asyncio.create_task(understood(asr, names[1]), name="beside")
            await asyncio.sleep(0.3)
            cancelled.cancel()
            assert (await beside)[-1] == alone[1]
        assert [transcripts[-1] for transcripts in together] == alone
        assert all(transcript.is_final for transcript in alone)
        for transcripts in together:
            assert not any(transcript.is_final for transcript in transcripts[:-1])

    asyncio.run(main())
