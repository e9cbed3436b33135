"""The sound track: writing ahead, cutting back, waiting for what is on its way."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech.audio import OUTPUT_RATE_HZ, Samples
from speech.devices.sound_memory import MICROPHONE_BLOCK, SPEAKER_BLOCK, SoundMemory
from speech.devices.speaker_latency import STEPS_S, AdaptiveLatency
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


def played(memory: SoundMemory, until: int) -> Samples:
    """What a speaker plays from where it is, 10 ms at a time."""
    blocks = []
    while memory.free_from <= until:
        blocks.append(memory.take(SPEAKER_BLOCK)[1])
    return np.concatenate(blocks)


@pytest.fixture
def memory() -> Iterator[SoundMemory]:
    made = SoundMemory.create()
    yield made
    made.close()


def test_a_player_at_its_own_pace_plays_what_was_written_and_cut(memory: SoundMemory) -> None:
    track = SoundTrack()
    assert track.append(ones(1000)) == 0
    track.attach_player(memory)  # what is written already is played from where that is still possible
    assert track.taken == SPEAKER_BLOCK
    first = played(memory, 4800)
    np.testing.assert_array_equal(first[:1000], np.r_[np.zeros(SPEAKER_BLOCK), ones(1000 - SPEAKER_BLOCK)])
    assert not first[1000:].any()
    start = track.append(ones(48_000))
    assert start == memory.free_from == 4800 + SPEAKER_BLOCK, "nothing is written where the player may be reading"
    assert played(memory, 10_080)[-SPEAKER_BLOCK:].all()
    end = track.cut()
    assert end == memory.free_from + FADE_SAMPLES
    rest = played(memory, 60_000)
    np.testing.assert_array_equal(rest, track.read(10_080, len(rest)))
    assert rest[: end - 10_080 - FADE_SAMPLES].all() and not rest[end - 10_080 :].any()


def test_a_cut_fades_though_the_player_goes_on_in_the_middle_of_it(
    memory: SoundMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    track, asked = SoundTrack(), 0
    track.attach_player(memory)
    track.append(ones(48_000))
    heard = [played(memory, 4800)]
    real = SoundMemory.free_from.fget
    assert real is not None

    def free_from(self: SoundMemory) -> int:
        nonlocal asked
        asked += 1
        if asked == 3:  # the first says where the fade goes, of the cut and of its gain
            heard.append(memory.take(SPEAKER_BLOCK)[1])
        return int(real(self))

    monkeypatch.setattr(SoundMemory, "free_from", property(free_from))
    track.cut()
    monkeypatch.undo()
    assert asked >= 3
    sound = np.concatenate([*heard, played(memory, 24_000)])
    last = int(np.flatnonzero(sound)[-1])
    assert sound[last] < 0.05 and np.abs(np.diff(sound[1000 : last + 1])).max() < 0.01


def test_sound_that_a_player_has_no_room_for_follows_later(memory: SoundMemory) -> None:
    track = SoundTrack()
    track.attach_player(memory)
    sound = np.random.default_rng(1).uniform(0.1, 0.9, 50 * OUTPUT_RATE_HZ).astype(np.float32)
    start = track.append(sound)
    heard = [played(memory, second * OUTPUT_RATE_HZ) for second in range(1, 52) if track.forget(0) is None]
    np.testing.assert_array_equal(np.concatenate(heard)[start : start + len(sound)], sound)


def test_a_player_that_was_away_goes_on_where_the_time_is(memory: SoundMemory) -> None:
    track = SoundTrack()
    track.attach_player(memory)
    start = track.append(np.arange(96_000, dtype=np.float32))
    played(memory, 4800)
    memory.go_on_at(48_000)
    track.attach_player(memory)
    after = played(memory, 100_000)
    np.testing.assert_array_equal(after[SPEAKER_BLOCK : 96_000 + start - 48_000], np.arange(48_480 - start, 96_000))
    assert not after[96_000 + start - 48_000 :].any()


def test_what_is_heard_reaches_another_view_of_the_memory(memory: SoundMemory) -> None:
    other = SoundMemory.attach(memory.handle)
    sound = np.random.default_rng(2).uniform(-1, 1, 4 * OUTPUT_RATE_HZ).astype(np.float32)
    for start in range(0, len(sound), MICROPHONE_BLOCK):
        other.record(sound[start : start + MICROPHONE_BLOCK])
    oldest = memory.oldest_recorded
    assert memory.recorded == len(sound) and oldest == len(sound) - 2 * OUTPUT_RATE_HZ
    np.testing.assert_array_equal(memory.heard(oldest, len(sound) - oldest), sound[oldest:])


def test_a_speaker_that_runs_dry_holds_more_until_it_has_long_been_calm() -> None:
    latency = AdaptiveLatency()
    seconds = []
    for now_s, underflows in ((0, 0), (10, 0), (11, 1), (12, 1), (13, 3), (400, 3), (401, 4), (402, 5), (403, 6)):
        latency.update(float(now_s), underflows)
        seconds.append(latency.seconds)
    assert seconds == [STEPS_S[step] for step in (0, 0, 1, 1, 2, 1, 2, 3, 3)]
    for minute in range(30):
        latency.update(403.0 + 60 * minute, 6)
    assert latency.seconds == STEPS_S[0]


def test_a_speaker_that_runs_dry_while_the_rest_is_loading_tells_nothing() -> None:
    latency = AdaptiveLatency()
    for now_s, underflows, step in ((0, 0, 0), (3, 4, 0), (9, 7, 0), (11, 7, 0), (12, 8, 1)):
        latency.update(float(now_s), underflows)
        assert latency.seconds == STEPS_S[step]


def test_waiting_ends_when_the_sound_is_there_or_none_will_come() -> None:
    async def scene() -> list[float]:
        track, loop, wait_until_known = SoundTrack(), asyncio.get_running_loop(), []
        await track.wait_until_known(1000)  # closed: nothing to wait for
        track.open()

        async def wait(until: int) -> None:
            await track.wait_until_known(until)
            wait_until_known.append(loop.time())

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(wait(100))
            tasks.create_task(wait(200))
            await asyncio.sleep(1)
            track.append(ones(150))
            await asyncio.sleep(1)
            track.close()
        return wait_until_known

    assert run(scene()) == [1.0, 2.0]
