"""Pictures and motion made in processes of their own: the same as here, whoever dies; and evenly fewer if need be."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from agent.config.config import load_config
from agent.config.sections import PortraitSection
from agent.engine import Engine, Part, load_engine
from agent.faces import new_sampler
from agent.web.liveness import Liveness
from avatar.clock import SAMPLES_PER_FRAME, PacedClock
from avatar.decoder import DistantFaceDecoder, Image
from avatar.motion import ConversationState, Floats, MotionLayout, neutral
from avatar.picture_rate import PictureRate
from avatar.processes import drawing
from avatar.processes.drawing import DistantDecoder, DrawingPool, StoredFace, stored_face
from avatar.renderer import FrameShown, Renderer
from avatar.sampler.batcher import BlockBatcher
from avatar.secondary_motion import NO_LAG
from speech.audio import OUTPUT_RATE_HZ, AudioChunk
from speech.errors import BackendError, InputError
from speech.sound_track import SoundTrack
from tests.fakes import KeptOutput, LoudnessSampler
from tests.virtual_time import run

FRAMES = 25


LAG = np.array([0.03, -0.02], np.float32)


class Greys:
    """Paints its shade and how far the jaw is open."""

    def __init__(self, shade: int) -> None:
        self.shade = shade

    def decode(self, values: Floats, breath: float = 0.0, lag: Floats = NO_LAG) -> Image:
        if values[MotionLayout.INDEX["jawOpen"]] > 1.0:
            raise ValueError("no jaw opens as far as that")
        picture = np.full((8, 8, 3), self.shade, np.uint8)
        picture[0, 0, 0] = round(100 * (values[MotionLayout.INDEX["jawOpen"]] + breath + lag[0] - lag[1]))
        return picture


def jaw(opened: float) -> Floats:
    values = neutral(1)[0]
    values[MotionLayout.INDEX["jawOpen"]] = opened
    return values


def process_of(decoder: DistantDecoder) -> int:
    worker = decoder._worker._worker
    assert worker is not None
    return worker._process.pid


def test_sessions_draw_side_by_side_and_a_process_that_dies_costs_none_of_them() -> None:
    async def scene(dark: StoredFace, light: StoredFace) -> None:
        async with DrawingPool(2) as pool, AsyncExitStack() as stack:
            one, two, three = [await stack.enter_async_context(pool.decoder(face)) for face in (dark, light, dark)]
            for opened in (0.1, 0.5):
                drawing = (each.decode_elsewhere(jaw(opened), 0.20, LAG) for each in (one, two, three))
                for picture, shade in zip(await asyncio.gather(*drawing), (20, 200, 20), strict=True):
                    np.testing.assert_array_equal(picture, Greys(shade).decode(jaw(opened), 0.25))
            assert process_of(one) != process_of(two), "each has the process with the fewest sessions"
            os.kill(process_of(one), signal.SIGKILL)
            assert (await one.decode_elsewhere(jaw(0.3)))[0, 0].tolist() == [30, 20, 20]
            assert (await two.decode_elsewhere(jaw(0.3)))[0, 0].tolist() == [30, 200, 200]
            with pytest.raises(BackendError, match="no jaw opens"):
                await two.decode_elsewhere(jaw(1.5))
            assert (await two.decode_elsewhere(jaw(0.5)))[0, 0, 0] == 50, "an error costs one picture"

    with stored_face(Greys(20)) as dark, stored_face(Greys(200)) as light:
        asyncio.run(scene(dark, light))
    assert not dark.path.exists() and not light.path.exists()


def test_memory_for_pictures_goes_with_a_killed_server_when_the_next_one_draws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    holds = (
        "import pathlib, sys, time; from avatar.processes import drawing as d\n"
        "d._SHARED_MEMORY = pathlib.Path(sys.argv[1])\n"
        "with d._buffer(1000): print('there', flush=True); time.sleep(60)"
    )
    monkeypatch.setattr(drawing, "_SHARED_MEMORY", tmp_path)
    with subprocess.Popen([sys.executable, "-c", holds, str(tmp_path)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline() == b"there\n"
        with drawing._buffer(1000):
            assert len(list(tmp_path.iterdir())) == 2, "that of a server that lives stays"
        process.kill()
    with drawing._buffer(1000) as (path, memory):
        assert list(tmp_path.iterdir()) == [path] and len(memory) == 1000
        assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == []


def test_an_engine_with_processes_makes_the_same_pictures_and_motion(portrait_cache: Path) -> None:
    asyncio.run(_the_same(portrait_cache))


async def _the_same(portrait_cache: Path) -> None:
    portrait = PortraitSection(path="mira", cache_dir=portrait_cache)
    config = load_config(None, [], {}).model_copy(update={"portrait": portrait})
    sound = np.random.default_rng(0).uniform(-0.3, 0.3, FRAMES * SAMPLES_PER_FRAME).astype(np.float32)

    def moved(batcher: BlockBatcher) -> Floats:
        sampler = new_sampler(config, batcher)
        sampler.push(AudioChunk(sound, OUTPUT_RATE_HZ, 0))
        sampler.end_of_speech()
        sampler.set_state(ConversationState.SPEAKING)
        return sampler.frames().values

    async with load_engine(config, Part.MOTION | Part.FACE, drawing_processes=1) as engine:
        async with engine.parts.motion(config) as distant:
            here = await asyncio.to_thread(moved, BlockBatcher(distant.model))
            there = await asyncio.to_thread(moved, distant)
        np.testing.assert_array_equal(there, here)
        nobody = config.model_copy(update={"portrait": PortraitSection(path="nobody.png", cache_dir=portrait_cache)})
        with pytest.raises(InputError, match=r"nobody\.png"):
            async with engine.face(nobody):
                pass
        async with engine.face() as face, engine.parts.decoder(config) as decoder:
            assert isinstance(decoder, DistantFaceDecoder)
            for values in here[::8]:
                drawn = await decoder.decode_elsewhere(values, 0.5)
                np.testing.assert_array_equal(drawn, face.decoder.decode(values, 0.5))
            await _liveness_notices(engine, decoder)


async def _liveness_notices(engine: Engine, decoder: DistantFaceDecoder) -> None:
    """The watchdog of the web page hungers when pictures are no longer drawn, though the event loop runs."""
    hall: Any = SimpleNamespace(frames=dict)
    liveness = Liveness(engine, hall)
    assert await liveness.prove() == "0 in conversation"
    assert isinstance(decoder, DistantDecoder)
    os.kill(process_of(decoder), signal.SIGSTOP)
    try:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(liveness.prove(), 1.0)
    finally:
        os.kill(process_of(decoder), signal.SIGCONT)


class SlowElsewhere:
    """A distant decoder that takes so long for a picture."""

    def __init__(self, takes_s: float) -> None:
        self.takes_s = takes_s

    async def decode_elsewhere(self, values: Floats, breath: float = 0.0, lag: Floats = NO_LAG) -> Image:
        await asyncio.sleep(self.takes_s)
        return np.zeros((8, 8, 3), np.uint8)


def test_a_machine_that_is_too_slow_shows_evenly_fewer_pictures_and_all_of_them_again_when_it_can() -> None:
    voice, output, decoder = SoundTrack(), KeptOutput(), SlowElsewhere(0.07)
    voice.append(np.zeros(700 * SAMPLES_PER_FRAME, np.float32))
    shown: list[FrameShown] = []

    def on_frame(frame: FrameShown) -> None:
        shown.append(frame)
        if frame.frame == 300:
            decoder.takes_s = 0.01

    async def scene() -> None:
        renderer = Renderer(
            clock=PacedClock(ahead_s=0.022, most_ahead_s=0.06),
            voice=voice,
            user=SoundTrack(),
            sampler=LoudnessSampler(),
            decoder=decoder,
            outputs=[output],
            label=None,
        )
        renderer.end_at(700 * SAMPLES_PER_FRAME)
        await renderer.run(on_frame)
        assert renderer.frames_late == sum(frame.late for frame in shown)

    run(scene())
    pictures = [frame.frame for frame in shown if not frame.late]
    slow = [frame for frame in pictures if 50 <= frame < 140]
    assert set(np.diff(slow)) == {2}, "every second one, evenly"
    assert pictures[-100:] == list(range(600, 700)), "and all of them once there is time"
    assert len(output.sound) == 700


def test_a_face_that_listens_gives_way_before_one_that_speaks() -> None:
    speaking, listening = PictureRate(), PictureRate()
    for frame in range(500):
        for rate in (speaking, listening):
            rate.passed(frame, late=frame % 10 in (0, 4, 7), speaking=rate is speaking)
    assert (speaking.every, listening.every > 1) == (1, True)
    stalled = PictureRate()
    for frame in range(100):
        stalled.passed(frame, late=frame < 8, speaking=False)
    assert stalled.every == 1, "a stall is no reason"
