"""The clocks and the renderer: pairing of sound and picture, late frames, user's sound."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from avatar.clock import SAMPLES_PER_FRAME, OfflineClock, PacedClock
from avatar.decoder import FRAME_SIZE, Image
from avatar.motion import Floats, MotionLayout, neutral
from avatar.provenance import AiLabel
from avatar.renderer import MOST_LATE_IN_A_ROW, FrameShown, Renderer
from avatar.sampler.recorded_motion import RecordedMotion
from avatar.secondary_motion import NO_LAG
from speech.sound_track import SoundTrack
from tests.fakes import KeptOutput, LoudnessSampler
from tests.virtual_time import run


class JawDecoder:
    """Paints the whole picture as bright as the jaw is open."""

    def __init__(self) -> None:
        self.decoded = 0

    def decode(self, values: Floats, breath: float = 0.0, lag: Floats = NO_LAG) -> Image:
        self.decoded += 1
        return np.full((FRAME_SIZE, FRAME_SIZE, 3), 255 * values[MotionLayout.INDEX["jawOpen"]], np.uint8)


def noise(frames: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.9, 0.9, frames * SAMPLES_PER_FRAME).astype(np.float32)


def test_every_frame_goes_out_with_its_own_sound_and_picture() -> None:
    voice, output, decoder = SoundTrack(), KeptOutput(), JawDecoder()
    sound = noise(20)
    voice.append(sound)
    renderer = Renderer(
        clock=OfflineClock([voice]),
        voice=voice,
        user=SoundTrack(),
        sampler=LoudnessSampler(),
        decoder=decoder,
        outputs=[output],
        label=None,
    )
    renderer.end_at(len(sound))
    run(renderer.run())
    np.testing.assert_array_equal(output.all_sound, sound)
    for index, (picture, samples) in enumerate(zip(output.pictures, output.sound, strict=True)):
        assert picture is not None and picture.pts_samples == index * SAMPLES_PER_FRAME
        assert picture.image[0, 0, 0] == int(255 * np.abs(samples).max())


def test_a_paced_clock_keeps_time_and_leaves_late_pictures_out() -> None:
    voice, output = SoundTrack(), KeptOutput()
    voice.append(noise(50))
    shown: list[FrameShown] = []
    clock = PacedClock()
    renderer: Renderer

    def on_frame(frame: FrameShown) -> None:
        shown.append(frame)
        if frame.frame == 10:  # the machine stalls
            loop._jumping.now_s += 0.19  # type: ignore[attr-defined]

    async def scene() -> None:
        nonlocal renderer, loop
        loop = asyncio.get_running_loop()
        renderer = Renderer(
            clock=clock,
            voice=voice,
            user=SoundTrack(),
            sampler=LoudnessSampler(),
            decoder=JawDecoder(),
            outputs=[output],
            label=None,
        )
        renderer.end_at(50 * SAMPLES_PER_FRAME)
        await renderer.run(on_frame)

    loop: asyncio.AbstractEventLoop
    run(scene())
    assert len(output.sound) == 50, "sound is never left out"
    late = [frame.frame for frame in shown if frame.late]
    assert late == [11, 12, 13] and renderer.frames_late == 3
    assert [picture is None for picture in output.pictures] == [frame.late for frame in shown]
    assert shown[-1].at_s == pytest.approx(49 / 25), "after the stall the clock is where it would have been"


class SlowDecoder(JawDecoder):
    """Takes so many seconds of virtual time for a picture."""

    def __init__(self, takes_s: float) -> None:
        super().__init__()
        self._takes_s = takes_s

    def decode(self, values: Floats, breath: float = 0.0, lag: Floats = NO_LAG) -> Image:
        self.loop._jumping.now_s += self._takes_s  # type: ignore[attr-defined]
        return super().decode(values, breath, lag)

    loop: asyncio.AbstractEventLoop


@pytest.mark.parametrize(("takes_s", "in_step"), [(0.01, 1.0), (0.055, 0.4), (0.15, 0.0)])
def test_a_decoder_that_is_too_slow_costs_pictures_and_nothing_else(takes_s: float, in_step: float) -> None:
    voice, output, decoder = SoundTrack(), KeptOutput(), SlowDecoder(takes_s)
    voice.append(noise(200))
    shown: list[FrameShown] = []
    clock = PacedClock(ahead_s=0.022, most_ahead_s=0.06)

    async def scene() -> float:
        loop = decoder.loop = asyncio.get_running_loop()
        renderer = Renderer(
            clock=clock,
            voice=voice,
            user=SoundTrack(),
            sampler=LoudnessSampler(),
            decoder=decoder,
            outputs=[output],
            label=None,
        )
        renderer.end_at(200 * SAMPLES_PER_FRAME)
        await renderer.run(shown.append)
        return loop.time()

    assert run(scene()) < 200 / 25 + 0.2, "the time of the sound goes on"
    np.testing.assert_array_equal(output.all_sound, noise(200))
    late_s = np.array([frame.at_s - frame.frame / 25 for frame in shown if not frame.late])
    # One in 13 is shown however late it is, so that the face is not frozen; all others are in step with their sound.
    assert len(late_s) >= max(len(shown) // 14, in_step * len(shown))
    assert np.count_nonzero(np.abs(late_s) > 0.0401) <= len(shown) // 13 + 1
    longest = max(len(run_) for run_ in "".join("x" if frame.late else " " for frame in shown).split(" "))
    assert longest <= MOST_LATE_IN_A_ROW


def test_the_users_sound_is_mixed_in_only_when_asked_for() -> None:
    for mix in (False, True):
        voice, user, output = SoundTrack(), SoundTrack(), KeptOutput()
        user.append(noise(5))
        renderer = Renderer(
            clock=OfflineClock([voice]),
            voice=voice,
            user=user,
            sampler=LoudnessSampler(),
            decoder=None,
            outputs=[output],
            label=None,
            mix_user=mix,
        )
        renderer.end_at(5 * SAMPLES_PER_FRAME)
        run(renderer.run())
        np.testing.assert_array_equal(output.all_sound, noise(5) if mix else np.zeros(5 * SAMPLES_PER_FRAME))
        assert not any(motion[MotionLayout.INDEX["jawOpen"]] for motion in output.motion), (
            "the user's mouth is not ours"
        )


def test_waiting_for_a_sample_ends_when_it_was_played() -> None:
    async def scene() -> list[tuple[int, int]]:
        voice, reached = SoundTrack(), []
        clock = OfflineClock([voice])
        renderer = Renderer(
            clock=clock,
            voice=voice,
            user=SoundTrack(),
            sampler=LoudnessSampler(),
            decoder=None,
            outputs=[],
            label=None,
        )

        async def wait(sample: int) -> None:
            await clock.reached(sample)
            reached.append((sample, clock.position))

        async with asyncio.TaskGroup() as tasks:
            for sample in (9_000, 0, 1_920, 1_921):
                tasks.create_task(wait(sample))
            renderer.end_at(10 * SAMPLES_PER_FRAME)
            tasks.create_task(renderer.run())
        return reached

    for sample, position in run(scene()):
        assert sample <= position < sample + 2 * SAMPLES_PER_FRAME


def test_recorded_motion_plays_back_exactly_and_then_holds() -> None:
    values = neutral(7)
    values[:, 3] = np.arange(7)
    voice, output = SoundTrack(), KeptOutput()
    renderer = Renderer(
        clock=OfflineClock([voice]),
        voice=voice,
        user=SoundTrack(),
        sampler=RecordedMotion(values),
        decoder=None,
        outputs=[output],
        label=None,
    )
    renderer.end_at(9 * SAMPLES_PER_FRAME)
    run(renderer.run())
    np.testing.assert_array_equal(np.stack(output.motion), np.concatenate([values, values[-1:], values[-1:]]))


@pytest.mark.parametrize("corner", ["top-left", "top-right", "bottom-left", "bottom-right"])
def test_the_label_is_readable_in_its_corner_and_nowhere_else(corner: str) -> None:
    image = np.full((FRAME_SIZE, FRAME_SIZE, 3), 128, np.uint8)
    AiLabel(corner).draw(image)  # type: ignore[arg-type]
    rows, columns = np.nonzero((image != 128).any(axis=2))
    assert (rows.max() < 60) == corner.startswith("top") and (columns.max() < 60) == corner.endswith("left")
    assert (rows.min() > FRAME_SIZE - 60) == corner.startswith("bottom")
    assert image.max() > 230 and image.min() < 90, "white letters on a dark plate"


def test_the_label_fits_every_picture_and_is_seen_before_nothing() -> None:
    label = AiLabel("top-left")
    wide, nothing = np.full((1024, 1600, 3), 128, np.uint8), np.zeros((256, 256, 4), np.uint8)
    for image, scale in ((wide, 2.0), (nothing, 0.5)):
        before = image.copy()
        label.draw(image)
        rows, columns = np.nonzero((image != before).any(axis=2))
        assert rows.max() - rows.min() == pytest.approx(26 * scale, abs=3)
        assert columns.max() - columns.min() == pytest.approx(40 * scale, abs=3)
    assert nothing[:, :, 3].max() == 255
