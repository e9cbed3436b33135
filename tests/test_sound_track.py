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
    assert track.append(ones(100), not_before=0) == 0
    assert track.append(ones(100), not_before=50) == 100
    assert track.append(ones(100), not_before=500) == 500
    np.testing.assert_array_equal(track.read(150, 400), np.r_[ones(50), np.zeros(300), ones(50)])


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 30)), max_size=8), st.integers(0, 60), st.integers(0, 99))
def test_reading_in_any_pieces_gives_what_was_written(pieces: list[tuple[int, int]], start: int, count: int) -> None:
    track, expected = SoundTrack(), np.zeros(1000, np.float32)
    for number, (length, gap) in enumerate(pieces, start=1):
        samples = np.full(length, number, np.float32)
        at = track.append(samples, not_before=track.end + gap)
        expected[at : at + length] = samples
    np.testing.assert_array_equal(track.read(start, count), expected[start : start + count])


def test_a_cut_fades_out_and_takes_back_the_rest() -> None:
    track = SoundTrack()
    track.append(ones(3000), not_before=0)
    track.append(ones(3000), not_before=0)
    track.cut(4000)
    assert track.end == 4000
    kept = track.read(0, 6000)
    assert not kept[4000:].any() and kept[: 4000 - FADE_SAMPLES].all()
    assert np.all(np.diff(kept[4000 - FADE_SAMPLES : 4000]) < 0) and kept[3999] == 0


def test_changes_are_told_once_from_the_first_on() -> None:
    track = SoundTrack()
    assert track.take_changed() is None
    track.append(ones(10), not_before=100)
    track.append(ones(10), not_before=0)
    assert track.take_changed() == 100
    assert track.take_changed() is None
    track.cut(105)
    assert track.take_changed() == 105


def test_what_was_played_is_forgotten() -> None:
    track = SoundTrack()
    for _ in range(1000):
        track.append(ones(100), not_before=0)
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
            track.append(ones(150), not_before=0)
            await asyncio.sleep(1)
            track.close()
        return settled

    assert run(scene()) == [1.0, 2.0]
