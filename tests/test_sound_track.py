"""The sound track: writing ahead, cutting back, waiting for what is on its way."""

from __future__ import annotations

import asyncio

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from speech.sound_track import FADE_SAMPLES, SoundTrack
from tests.virtual_time import run


def ones(count: int) -> np.ndarray:
    return np.ones(count, np.float32)


def test_sound_follows_sound_but_never_the_past() -> None:
    track = SoundTrack()
    assert track.append(ones(100)) == 0
    track.take(0, 50)
    assert track.append(ones(100)) == 100
    track.take(50, 450)
    assert track.append(ones(100)) == 500
    np.testing.assert_array_equal(track.read(150, 400), np.r_[ones(50), np.zeros(300), ones(50)])


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 30)), max_size=8), st.integers(0, 60), st.integers(0, 99))
def test_reading_in_any_pieces_gives_what_was_written(pieces: list[tuple[int, int]], start: int, count: int) -> None:
    track, expected = SoundTrack(), np.zeros(1000, np.float32)
    for number, (length, gap) in enumerate(pieces, start=1):
        samples = np.full(length, number, np.float32)
        track.take(0, track.end + gap)
        at = track.append(samples)
        expected[at : at + length] = samples
    np.testing.assert_array_equal(track.read(start, count), expected[start : start + count])


def test_a_cut_fades_out_and_takes_back_the_rest() -> None:
    track = SoundTrack()
    track.append(ones(3000))
    track.append(ones(3000))
    track.cut(4000)
    assert track.end == 4000
    kept = track.read(0, 6000)
    assert not kept[4000:].any() and kept[: 4000 - FADE_SAMPLES].all()
    assert np.all(np.diff(kept[4000 - FADE_SAMPLES : 4000]) < 0) and kept[3999] == 0


def test_changes_are_told_once_from_the_first_on() -> None:
    track = SoundTrack()
    assert track.take_changed() is None
    track.take(0, 100)
    track.append(ones(1000))
    track.append(ones(1000))
    assert track.take_changed() == 100
    assert track.take_changed() is None
    track.cut(1505)
    assert track.take_changed() == 1505


def test_what_was_taken_stays_as_it_is_and_the_rest_fades_out() -> None:
    track = SoundTrack()
    track.append(ones(3000))
    played = track.take(0, 1000)
    assert track.cut() == track.end == 1000 + FADE_SAMPLES
    np.testing.assert_array_equal(track.read(0, 1000), played)
    fading = track.read(1000, FADE_SAMPLES)
    assert fading[0] == 1 and np.all(np.diff(fading) < 0) and not track.read(track.end, 1000).any()
    track.take(1000, 2000)
    assert track.cut() == track.end == 1000 + FADE_SAMPLES, "there was nothing left to cut"
    assert track.append(ones(10)) == 3000


def test_what_was_played_is_forgotten() -> None:
    track = SoundTrack()
    for _ in range(1000):
        track.append(ones(100))
        track.forget(track.end - 250)
    assert len(track._pieces) <= 3


def test_waiting_ends_when_the_sound_is_there_or_none_will_come() -> None:
    async def scene() -> list[float]:
        track, loop, settled = SoundTrack(), asyncio.get_running_loop(), []
        await track.settled(1000)  # closed: nothing to wait for
        track.open()

        async def wait(until: int) -> None:
            await track.settled(until)
            settled.append(loop.time())

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(wait(100))
            tasks.create_task(wait(200))
            await asyncio.sleep(1)
            track.append(ones(150))
            await asyncio.sleep(1)
            track.close()
        return settled

    assert run(scene()) == [1.0, 2.0]
