"""Echo cancelling: the avatar's own voice goes, the user stays."""

from __future__ import annotations

import numpy as np
import pytest

from speech.audio import OUTPUT_RATE_HZ, Samples, rms
from speech.devices.muted import MutedNotice
from speech.devices.sound_memory import SPEAKER_BLOCK, SoundMemory
from speech.echo.alignment import Alignment, between
from speech.echo.canceller import ReferenceCanceller
from speech.echo.drift import DriftTracker
from speech.echo.kalman import BIN_HZ, BLOCK, PARTITIONS, KalmanEchoFilter
from speech.echo.likeness import Likeness

SECOND = OUTPUT_RATE_HZ


def syllables(seconds: float, seed: int, rate_hz: float = 4.0) -> Samples:
    """Noise that comes and goes a few times a second, as loud as a voice and, like one, below 8 kHz."""
    count = round(seconds * SECOND)
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(count))
    spectrum[len(spectrum) // 3 :] = 0.0
    noise = np.fft.irfft(spectrum, count) * np.sqrt(3.0)
    loudness = np.maximum(0.0, np.sin(2.0 * np.pi * rate_hz * np.arange(count) / SECOND))
    return (0.05 * noise * loudness).astype(np.float32)


def in_the_room(played: Samples, *, delay_s: float, seed: int = 1, fades_s: float = 0.02) -> Samples:
    """What reaches the microphone of it, reverberation included, which is 8.7 dB softer every `fades_s`."""
    length = round(5.0 * fades_s * SECOND)
    response = np.random.default_rng(seed).standard_normal(length) * np.exp(-np.arange(length) / (fades_s * SECOND))
    response *= 0.5 / np.sqrt(np.sum(response**2))
    size = 1 << (len(played) + length).bit_length()
    wet = np.fft.irfft(np.fft.rfft(played, size) * np.fft.rfft(response, size))[: len(played)]
    delay = round(delay_s * SECOND)
    return np.concatenate((np.zeros(delay), wet))[: len(played)].astype(np.float32)


def straight_too(played: Samples, *, delay_s: float, seed: int = 1, fades_s: float = 0.02) -> Samples:
    """The same with a straight way through the air before it, as any room near a speaker has."""
    delay = np.zeros(round(delay_s * SECOND), np.float32)
    straight = 0.5 * np.concatenate((delay, played))[: len(played)]
    return (straight + 0.7 * in_the_room(played, delay_s=delay_s, seed=seed, fades_s=fades_s)).astype(np.float32)


def without_echo(
    heard: Samples, played: Samples, chunks: int = BLOCK, reset_at: int | None = None
) -> tuple[Samples, Samples]:
    canceller, clean = ReferenceCanceller(), []
    for start in range(0, len(heard), chunks):
        if start == reset_at:
            canceller.reset()
        clean.append(canceller.push(heard[start : start + chunks], played[start : start + chunks]))
    return np.concatenate([one.words for one in clean]), np.concatenate([one.voice for one in clean])


def softer_db(before: Samples, after: Samples) -> float:
    return float(20.0 * np.log10(rms(before) / rms(after)))


@pytest.mark.parametrize("delay_s", [0.08, 0.3])
def test_the_echo_is_found_wherever_it_lies(delay_s: float) -> None:
    played = syllables(5.0, 0)
    heard = in_the_room(played, delay_s=delay_s)
    words, voice = without_echo(heard, played)
    last = slice(4 * SECOND, None)
    assert softer_db(heard[last], words[last]) > 18.0
    assert rms(voice[last]) < 0.001


def test_a_speaker_that_is_late_leaves_the_reverberation_its_time() -> None:
    played = syllables(8.0, 0)
    heard = straight_too(played, delay_s=0.6, fades_s=0.08)
    words, voice = without_echo(heard, played)
    last = slice(6 * SECOND, None)
    assert softer_db(heard[last], words[last]) > 18.0
    assert rms(voice[last]) < 0.001


def test_a_user_who_speaks_at_the_same_time_stays_whole() -> None:
    played, user = syllables(7.0, 0), syllables(7.0, 2, rate_hz=2.7)
    user[: 4 * SECOND] = 0.0
    echo = in_the_room(played, delay_s=0.15)
    words, voice = without_echo(echo + user, played)
    last = slice(4 * SECOND, None)
    assert softer_db(user[last], words[last] - user[last]) > 12.0
    assert rms(voice[last]) > 0.1 * rms(user[last])


@pytest.mark.parametrize("ppm", [200.0, -150.0])
def test_clocks_that_differ_are_found_out(ppm: float) -> None:
    played = syllables(9.0, 0)
    at = np.arange(len(played)) * (1.0 - 1e-6 * ppm)
    heard = np.interp(at, np.arange(len(played)), in_the_room(played, delay_s=0.15)).astype(np.float32)
    tracker, room, left = DriftTracker(BIN_HZ), KalmanEchoFilter(), np.empty_like(heard)
    for start in range(0, len(heard), BLOCK):
        block = slice(start, start + BLOCK)
        left[block], _ = room.push(heard[block], tracker.read(played[block]))
        tracker.observe(room.path, BLOCK)
    assert tracker.ppm == pytest.approx(ppm, abs=20.0)
    assert softer_db(heard[8 * SECOND :], left[8 * SECOND :]) > 15.0


def test_where_nothing_is_played_the_sound_passes_untouched() -> None:
    user, played = syllables(2.0, 2), np.zeros(2 * SECOND, np.float32)
    played[:BLOCK] = 0.1
    words, voice = without_echo(user, played)
    quiet = slice((PARTITIONS + 5) * BLOCK, None)
    np.testing.assert_array_equal(words[quiet], user[quiet])
    np.testing.assert_array_equal(voice[quiet], user[quiet])


def test_any_chunking_gives_the_same_sound() -> None:
    played = syllables(1.0, 0)
    heard = in_the_room(played, delay_s=0.05) + syllables(1.0, 2)
    whole = without_echo(heard, played, len(heard))
    for one, other in zip(without_echo(heard, played, 333), whole, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_room_that_has_changed_is_learnt_anew_and_never_made_louder() -> None:
    played = syllables(13.0, 0)
    heard = in_the_room(played, delay_s=0.15)
    moved = 6 * SECOND
    heard[moved:] = in_the_room(played, delay_s=0.07, seed=4)[moved:]
    room, left = KalmanEchoFilter(), np.empty_like(heard)
    for start in range(0, len(heard), BLOCK):
        block = slice(start, start + BLOCK)
        left[block], _ = room.push(heard[block], played[block])
        assert rms(left[block]) <= 1.2 * rms(heard[block])
    assert room.resets == 1
    assert softer_db(heard[11 * SECOND :], left[11 * SECOND :]) > 15.0


def test_a_room_that_has_changed_in_the_silence_is_not_taken_for_a_voice() -> None:
    played = syllables(6.5, 0)
    moved = 5 * SECOND
    played[moved - SECOND : moved] = 0.0
    heard = straight_too(played, delay_s=0.25)
    heard[moved - SECOND // 2 :] = straight_too(played, delay_s=0.08, seed=4)[moved - SECOND // 2 :]
    _, voice = without_echo(heard, played)
    windows = voice[moved:].reshape(-1, BLOCK)
    assert np.count_nonzero(np.square(windows).mean(axis=1) > 1e-6) * BLOCK < 0.1 * SECOND


def test_an_echo_that_comes_a_little_sooner_is_found_again() -> None:
    """It begins in the partition before, then."""
    played = syllables(6.0, 0)
    moved = 3 * SECOND
    heard = straight_too(played, delay_s=0.08)
    heard[moved:] = straight_too(played, delay_s=0.078)[moved:]
    room, left = KalmanEchoFilter(), np.empty_like(heard)
    for start in range(0, len(heard), BLOCK):
        block = slice(start, start + BLOCK)
        left[block], _ = room.push(heard[block], played[block])
    for last in (slice(moved - SECOND, moved), slice(moved + 2 * SECOND, None)):
        assert softer_db(heard[last], left[last]) > 15.0


def test_devices_that_were_opened_again_are_learnt_anew() -> None:
    played = syllables(6.0, 0)
    again = 2 * SECOND
    heard = straight_too(played, delay_s=0.12)
    heard[again:] = 3.0 * straight_too(played, delay_s=0.06, seed=4)[again:]
    words, voice = without_echo(heard, played, reset_at=again)
    assert softer_db(heard[again + 2 * SECOND :], words[again + 2 * SECOND :]) > 15.0
    assert rms(voice[again:]) < 0.001


def test_what_rings_on_while_a_device_is_opened_again_is_no_voice() -> None:
    played = syllables(2.5, 0)
    again = 2 * SECOND + BLOCK
    played[again:] = 0.0
    _, voice = without_echo(straight_too(played, delay_s=0.3), played, reset_at=again)
    assert rms(voice[again:]) < 0.001


def test_likeness_tells_an_echo_from_another_voice() -> None:
    played, user = syllables(1.0, 0), syllables(1.0, 2)
    echo = straight_too(played, delay_s=0.2)
    found: list[float] = []
    for heard in (echo, user, np.zeros_like(user)):
        likeness = Likeness()
        until = 850 * SECOND // 1000  # in the middle of a syllable
        likeness.push(heard[:until], played[:until])
        found.append(likeness.value())
    assert found[0] > 0.4 and found[1] < 0.2 and found[2] < 0.01


def test_where_an_echo_may_be_left_that_is_said_and_no_longer_than_a_room_holds_it() -> None:
    played = syllables(6.0, 0)
    played[3 * SECOND :] = 0.0
    heard, canceller = in_the_room(played, delay_s=0.08), ReferenceCanceller()
    said = [
        canceller.push(heard[start : start + BLOCK], played[start : start + BLOCK]).may_be_echo
        for start in range(0, len(heard), BLOCK)
    ]
    assert np.mean(said[50:150]) > 0.9
    assert not any(said[225:]), "a second and a half after the last sound"


def test_a_report_says_what_was_there() -> None:
    played = syllables(4.0, 0)
    heard = in_the_room(played, delay_s=0.08)
    canceller = ReferenceCanceller()
    assert canceller.push(heard[:BLOCK], np.zeros(BLOCK, np.float32)).report is None
    report = canceller.push(heard, played).report
    assert report is not None
    assert not report.is_double_talk
    with pytest.raises(ValueError, match="as much played as heard"):
        canceller.push(heard, played[:-1])


def test_the_distance_is_held_while_reports_wander_and_follows_a_jump() -> None:
    alignment, jitter = Alignment(), np.random.default_rng(3).normal(0.0, 100.0, 2000)
    found = [alignment.update(5000.0 + one) for one in jitter]
    assert np.ptp(found[100:]) == 0.0
    assert abs(found[-1] - 5000.0) < 50.0
    moved = [alignment.update(9000.0 + one) for one in jitter[:100]]
    late, held = moved[:9], moved[9:]
    assert set(late) == {found[-1]}, "a report or two may be late"
    assert np.ptp(held) == 0.0 and abs(held[0] - 9000.0) < 100.0


def test_between_samples_lies_the_sound() -> None:
    def tone(at: Samples) -> Samples:
        return np.sin(2.0 * np.pi * 1000.0 * at / SECOND).astype(np.float32)

    at = np.arange(503, dtype=np.float32)
    np.testing.assert_allclose(between(tone(at), 0.4), tone(at[1:-2] + 0.4), atol=1e-3)
    np.testing.assert_array_equal(between(tone(at), 0.0), tone(at)[1:-2])


def test_what_was_played_can_be_asked_for_and_is_not_played_twice() -> None:
    memory = SoundMemory.create()
    try:
        sound = np.arange(1, 4 * SPEAKER_BLOCK + 1, dtype=np.float32)
        memory.write(SPEAKER_BLOCK, sound)
        for _ in range(5):
            memory.take(SPEAKER_BLOCK)
        np.testing.assert_array_equal(memory.played(SPEAKER_BLOCK, len(sound)), sound)
        np.testing.assert_array_equal(memory.played(-10, 10), np.zeros(10))
        taken = np.concatenate([memory.take(SPEAKER_BLOCK)[1] for _ in range(21 * SECOND // SPEAKER_BLOCK)])
        assert not taken.any()
    finally:
        memory.close()


def test_what_a_speaker_played_before_it_was_opened_again_can_still_be_asked_for() -> None:
    memory = SoundMemory.create()
    try:
        sound = np.arange(1, 4 * SPEAKER_BLOCK + 1, dtype=np.float32)
        memory.write(SPEAKER_BLOCK, sound)
        for _ in range(3):
            memory.take(SPEAKER_BLOCK)
        assert memory.played(0, 4 * SPEAKER_BLOCK)[3 * SPEAKER_BLOCK :].all(), "it is about to be"
        assert not memory.played(0, 4 * SPEAKER_BLOCK, or_will_be=False)[3 * SPEAKER_BLOCK :].any()
        memory.go_on_at(10 * SPEAKER_BLOCK)
        after = memory.played(0, 20 * SPEAKER_BLOCK)
        np.testing.assert_array_equal(after[SPEAKER_BLOCK : 3 * SPEAKER_BLOCK], sound[: 2 * SPEAKER_BLOCK])
        assert not after[3 * SPEAKER_BLOCK :].any(), "what was not played never is"
        memory.go_on_at(10 * SECOND)
        assert not memory.played(0, 10 * SECOND).any()
    finally:
        memory.close()


def test_a_muted_microphone_is_told_once() -> None:
    told: list[str] = []
    notice, silence = MutedNotice(told.append), np.zeros(SECOND, np.float32)
    for _ in range(30):
        notice.notice(silence)
    assert told == ["microphone: it gives only silence; is it muted?"]
    notice.notice(silence + 0.01)
    assert told[1:] == ["microphone: it is heard again"]
