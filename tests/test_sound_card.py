"""The sound card over PortAudio and a real sound server: devices, sound out and in, times, and what is unplugged."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from speech.audio import OUTPUT_RATE_HZ, Samples, rms
from speech.devices.listing import find_device, sound_devices
from speech.devices.sound_card import SoundCard
from speech.errors import InputError
from speech.sound_track import SoundTrack
from tests.pulse import Pulse, pulse

pytestmark = pytest.mark.pulse


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pulse]:
    """A sound server, and PortAudio brought up with it."""
    with pulse(tmp_path_factory.mktemp("pulse")) as running, pytest.MonkeyPatch.context() as patch:
        for name in ("HOME", "XDG_RUNTIME_DIR", "PULSE_RUNTIME_PATH", "PULSE_SERVER"):
            patch.setenv(name, running.environ[name])
        import sounddevice

        sounddevice._terminate()
        sounddevice._initialize()
        yield running


def tone(seconds: float) -> Samples:
    """A chirp: its correlation has one sharp peak."""
    times = np.arange(round(seconds * OUTPUT_RATE_HZ)) / OUTPUT_RATE_HZ
    return (0.3 * np.sin(2 * np.pi * (300.0 * times + 400.0 * times**2))).astype(np.float32)


def place_of(piece: Samples, recording: Samples) -> int:
    """The sample of the recording at which the piece begins."""
    size = 1 << (len(recording) + len(piece)).bit_length()
    likeness = np.fft.irfft(np.fft.rfft(recording, size) * np.conj(np.fft.rfft(piece, size)), size)
    return int(np.argmax(likeness[: len(recording) - len(piece)]))


def heard_now(card: SoundCard) -> int:
    """The output sample that is heard now."""
    return round((time.monotonic() - card.heard_at(0)) * OUTPUT_RATE_HZ)


async def until(is_so: Callable[[], object], within_s: float = 10.0) -> None:
    async with asyncio.timeout(within_s):
        while not is_so():  # noqa: ASYNC110 - what is waited for happens in another process
            await asyncio.sleep(0.02)


def test_devices_are_found_by_name_part_and_number(server: Pulse) -> None:
    names = {device.name: device for device in sound_devices()}
    assert {"VisavisSpeaker", "VisavisMic"} <= set(names)
    speaker = find_device("speaker", "VisavisSpeaker")
    assert find_device("speaker", "visavissp") == find_device("speaker", str(speaker.number)) == speaker
    assert find_device("microphone", "").is_default_input
    with pytest.raises(InputError, match=r"microphone: expected one of .*'VisavisMic'.*, got 'Studio'; `visavis dev"):
        find_device("microphone", "Studio")


def test_what_the_track_holds_is_heard_sample_for_sample(server: Pulse) -> None:
    async def scene() -> tuple[Samples, Samples]:
        track, problems = SoundTrack(), list[str]()
        card = SoundCard(speaker="VisavisSpeaker", microphone=None, on_problem=problems.append)
        with server.recording() as recording:
            async with card.playing(track):
                await asyncio.sleep(0.3)
                start = track.append(tone(1.0))
                await until(lambda: heard_now(card) > start + 1.4 * OUTPUT_RATE_HZ)
        assert not problems
        return recording.samples(), tone(1.0)

    recorded, played = asyncio.run(scene())
    at = place_of(played[:20_000], recorded)
    np.testing.assert_allclose(recorded[at : at + len(played)], played, atol=1e-3)


def test_a_cut_is_heard_at_once_and_fades(server: Pulse) -> None:
    async def scene() -> tuple[Samples, int]:
        track = SoundTrack()
        card = SoundCard(speaker="VisavisSpeaker", microphone=None, on_problem=print)
        with server.recording() as recording:
            async with card.playing(track):
                start = track.append(np.full(5 * OUTPUT_RATE_HZ, 0.3, np.float32))
                await until(lambda: heard_now(card) > start + OUTPUT_RATE_HZ)
                heard = heard_now(card) - start
                track.cut()
                await asyncio.sleep(0.5)
        return recording.samples(), heard

    recorded, heard = asyncio.run(scene())
    length = int(np.count_nonzero(recorded > 1e-4))
    # What the device held already (some 50 ms) is still heard, and 10 ms of fading.
    assert 0 <= (length - heard) / OUTPUT_RATE_HZ < 0.15
    loud = recorded[recorded > 1e-4]
    assert loud[-1] < 0.05 and loud[-600] > 0.25


@pytest.mark.real_time
def test_the_microphone_is_heard_without_gaps(server: Pulse) -> None:
    async def scene() -> Samples:
        pieces: list[Samples] = []
        expected = 0
        card = SoundCard(speaker=None, microphone="VisavisMic", on_problem=print)
        async with card.playing(SoundTrack()), asyncio.timeout(10):
            speaking = server.speak(np.concatenate([np.zeros(4800, np.float32), tone(1.0)]))
            async for chunk in card.chunks():
                assert chunk.start_sample == expected and chunk.sample_rate_hz == OUTPUT_RATE_HZ
                expected = chunk.end_sample
                pieces.append(chunk.samples)
                if len(pieces) > 20 and rms(np.concatenate(pieces[-20:])) < 1e-3 and rms(np.concatenate(pieces)) > 0.01:
                    break
            speaking.wait()
        assert card.chunks_lost == 0
        return np.concatenate(pieces)

    heard = asyncio.run(scene())
    at = place_of(tone(1.0)[:20_000], heard)
    np.testing.assert_allclose(heard[at : at + 40_000], tone(1.0)[:40_000], atol=1e-2)


def test_a_program_that_does_not_listen_loses_the_oldest_sound(server: Pulse) -> None:
    async def scene() -> tuple[int, int]:
        card = SoundCard(speaker=None, microphone="VisavisMic", on_problem=print)
        async with card.playing(SoundTrack()), asyncio.timeout(20):
            await until(lambda: card.chunks_lost >= 10)
            first = await anext(card.chunks())
        return first.start_sample, card.chunks_lost

    start, lost = asyncio.run(scene())
    assert start >= 10 * OUTPUT_RATE_HZ // 50 and lost < 100


def test_what_is_unplugged_is_told_and_found_again(server: Pulse) -> None:
    durations: list[float] = []

    async def listen(card: SoundCard, durations: list[float]) -> None:
        async for chunk in card.chunks():
            durations.append(chunk.duration_s)

    async def scene() -> tuple[list[str], list[float], Samples]:
        track, problems, steps = SoundTrack(), list[str](), list[float]()
        card = SoundCard(speaker="VisavisSpeaker", microphone="VisavisMic", on_problem=problems.append)
        async with card.playing(track):
            listening = asyncio.create_task(listen(card, durations))
            await until(lambda: heard_now(card) > OUTPUT_RATE_HZ // 2)
            server.kill()
            before = heard_now(card)
            for _ in range(20):  # the face goes on
                await asyncio.sleep(0.1)
                steps.append((heard_now(card) - before) / OUTPUT_RATE_HZ)
                before = heard_now(card)
            await until(lambda: len(problems) >= 2)
            server.start()
            await until(lambda: sum("there again" in problem for problem in problems) == 2, within_s=20)
            with server.recording() as recording:
                start = track.append(tone(0.5))
                await until(lambda: heard_now(card) > start + OUTPUT_RATE_HZ)
            listening.cancel()
        assert max(durations) > 5.0, "whoever was speaking has ended"
        return problems, steps, recording.samples()

    problems, steps, recorded = asyncio.run(scene())
    assert sorted(problem.split(":")[0] for problem in problems) == ["microphone"] * 2 + ["speaker"] * 2
    assert all("\n" not in problem for problem in problems)
    assert max(steps) < 0.35 and sum(steps) == pytest.approx(2.0, abs=0.5), "the time goes on evenly"
    at = place_of(tone(0.5)[:20_000], recorded)
    np.testing.assert_allclose(recorded[at : at + 20_000], tone(0.5)[:20_000], atol=1e-2)


def test_a_sound_process_that_dies_while_it_speaks_is_started_again(server: Pulse) -> None:
    async def scene() -> tuple[list[str], Samples]:
        track, problems = SoundTrack(), list[str]()
        card = SoundCard(speaker="VisavisSpeaker", microphone=None, on_problem=problems.append)
        async with card.playing(track):
            track.append(np.full(60 * OUTPUT_RATE_HZ, 0.3, np.float32))
            await until(lambda: heard_now(card) > OUTPUT_RATE_HZ // 2)
            assert card._worker is not None
            os.kill(card._worker._process.pid, signal.SIGKILL)
            await until(lambda: any("there again" in problem for problem in problems), within_s=30)
            with server.recording() as recording:
                recording.wait(0.5)
        return problems, recording.samples()

    problems, recorded = asyncio.run(scene())
    assert problems == ["speaker: it is gone; plug it in again or wait, the rest goes on", "speaker: it is there again"]
    assert np.count_nonzero(recorded > 0.29) > 0.4 * OUTPUT_RATE_HZ, "it goes on with what was to be said now"


def test_without_a_sound_server_the_time_goes_on_and_one_line_says_why(tmp_path: Path) -> None:
    code = (
        "import asyncio, time\n"
        "from speech.devices.sound_card import SoundCard\n"
        "from speech.sound_track import SoundTrack\n"
        "async def main():\n"
        "    problems = []\n"
        "    card = SoundCard(speaker='', microphone='', on_problem=problems.append)\n"
        "    async with card.playing(SoundTrack()):\n"
        "        first = card.heard_at(48000)\n"
        "        await asyncio.sleep(0.1)\n"
        "        assert card.heard_at(96000) - first == 1.0\n"
        "    print(problems)\n"
        "asyncio.run(main())\n"
    )
    import subprocess

    root = Path(__file__).parent.parent
    environ = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "PYTHONPATH": str(root)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environ, check=False)
    assert done.returncode == 0, done.stderr
    assert "speaker: expected one to be connected" in done.stdout and "microphone: expected one" in done.stdout
