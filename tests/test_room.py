"""The simulated room, and what is read out of recordings of a conversation in it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import users
from benchmarks.conversation_report import wilson
from benchmarks.conversation_scene import Played
from benchmarks.conversation_trials import course
from benchmarks.emitted import TimedRecording, delay_s
from speech.audio import OUTPUT_RATE_HZ, SPEECH_RATE_HZ, Samples
from tests.pulse import pulse
from tests.room import BLOCK, LATER, EchoPath, room, synthetic_response

DIRECT = np.r_[np.float32(1.0), np.zeros(9, np.float32)]


def noise(seconds: float, rate_hz: int = OUTPUT_RATE_HZ) -> Samples:
    size = round(seconds * rate_hz) // BLOCK * BLOCK
    return (0.1 * np.random.default_rng(1).standard_normal(size)).astype(np.float32)


def through(path: EchoPath, sound: Samples, count: int = BLOCK) -> Samples:
    return np.concatenate([path.push(block, count) for block in sound.reshape(-1, BLOCK)])


def test_the_echo_is_the_sound_convolved_with_the_room() -> None:
    sound, response = noise(0.4), synthetic_response(0.2, 3)
    assert np.sum(np.square(response)) == pytest.approx(1.0, abs=1e-3)
    path = EchoPath(response)
    path.delay_s, path.gain = 0.05, 2.0
    echo = through(path, sound)
    expected = 2.0 * np.convolve(sound, response)[: len(sound)]
    late = LATER + round(0.05 * OUTPUT_RATE_HZ)
    np.testing.assert_allclose(echo[late:], expected[:-late], atol=2e-5)


def test_a_clock_that_drifts_moves_the_echo() -> None:
    sound, path = noise(2.0), EchoPath(DIRECT)
    path.delay_s, path.drift_ppm = 0.1, 200.0
    echo = through(path, sound)
    lags = [delay_s(echo[at : at + 24_000], sound[at + 2400 : at + 2400 + 12_000])[0] for at in (4_800, 62_400)]
    assert lags[1] - lags[0] == pytest.approx(200e-6 * 57_600 / OUTPUT_RATE_HZ, abs=8e-5)
    assert path.delay_s == pytest.approx(0.1 + 2.0 * 200e-6, abs=1e-6)


def test_a_microphone_with_another_clock_gets_more_samples_of_the_same_sound() -> None:
    sound = np.sin(np.arange(4800) * 2 * np.pi * 440 / OUTPUT_RATE_HZ).astype(np.float32)
    echo = through(EchoPath(DIRECT), sound, BLOCK + 2)
    assert len(echo) == 10 * (BLOCK + 2)
    times = (np.arange(len(echo)) * BLOCK / (BLOCK + 2) - LATER) / OUTPUT_RATE_HZ
    np.testing.assert_allclose(echo[600:], np.sin(times * 2 * np.pi * 440)[600:], atol=2e-3)


def test_where_blocks_differ_in_length_the_sound_goes_on_evenly() -> None:
    """Else every longer block would be a jump of the room's delay, which no device makes."""
    sound = np.sin(np.arange(48_000) * 2 * np.pi * 440 / OUTPUT_RATE_HZ).astype(np.float32)
    path, pace = EchoPath(DIRECT), 1.0 / (1.0 + 1.0 / BLOCK)
    counts = [BLOCK + (6 if i % 6 == 5 else 0) for i in range(100)]
    blocks = sound.reshape(-1, BLOCK)
    echo = np.concatenate([path.push(block, count, pace) for block, count in zip(blocks, counts, strict=True)])
    times = (np.arange(len(echo)) * pace - LATER) / OUTPUT_RATE_HZ
    np.testing.assert_allclose(echo[600:], np.sin(times * 2 * np.pi * 440)[600:], atol=2e-3)


def _spoken(seed: int) -> Samples:
    """Something like a sentence: noise in syllables, with a gap between two words."""
    times = np.arange(2 * SPEECH_RATE_HZ) / SPEECH_RATE_HZ
    loudness = np.abs(np.sin(times * 2 * np.pi * 2.5)) * ((times < 0.9) | (times > 1.0))
    sound: Samples = (0.1 * loudness * np.random.default_rng(seed).standard_normal(len(times))).astype(np.float32)
    return sound


def test_ducking_holding_and_going_on_are_read_out_of_a_recording() -> None:
    first, second = _spoken(1), _spoken(2)
    lead, rate = 8_000, SPEECH_RATE_HZ
    onset, ducked, held, again = (round(at * rate) for at in (1.2, 1.3, 1.7, 2.3))  # of the recording
    began = np.r_[np.zeros(lead, np.float32), first]
    began[ducked:] *= 0.25
    recorded = np.zeros(6 * rate, np.float32)
    recorded[:held] = began[:held]
    rest = np.r_[first[held - lead :], second]
    recorded[again : again + len(rest)] = rest
    played = Played(recorded, 100.0, [first, second])
    assert [place.start for place in played.places] == [lead, lead + again - held, again + len(first) - (held - lead)]
    found = course(played, 100.0 + onset / rate, 106.0)
    assert found["ducked_s"] == pytest.approx(0.1, abs=0.03)
    assert found["silent_s"] == pytest.approx(0.5, abs=0.03)
    assert found["paused_s"] == pytest.approx(0.6, abs=0.03) and found["went_on"]
    undisturbed = Played(np.r_[np.zeros(lead, np.float32), first, second], 0.0, [first, second])
    found = course(undisturbed, onset / rate, 4.0)
    assert found == {"ducked_s": None, "silent_s": None, "paused_s": 0.0, "went_on": True}
    cut = course(Played(began[:held], 0.0, [first, second]), onset / rate, 2.5)
    assert not cut["went_on"] or cut["silent_s"] is None, "nothing of it comes back"


def test_rates_come_with_their_interval() -> None:
    assert wilson(0, 0) == (0.0, 1.0)
    low, high = wilson(1, 50)
    assert low == pytest.approx(0.0035, abs=5e-4) and high == pytest.approx(0.105, abs=5e-3)


def test_what_users_do_without_words_is_audible_and_always_the_same() -> None:
    for make in (users.hum, users.cough, users.laugh, users.throat, users.clap):
        sound = make(2)
        assert 0.1 < len(sound) / OUTPUT_RATE_HZ < 2.5 and np.abs(sound).max() <= 1.0
        assert users.active_level(sound) == pytest.approx(users.LEVEL, rel=0.3)
        np.testing.assert_array_equal(sound, make(2))


@pytest.mark.pulse
def test_what_is_played_comes_back_into_the_microphone_as_late_as_it_should(tmp_path: Path) -> None:
    burst = noise(0.25)
    with pulse(tmp_path) as server, room(server, delay_s=0.2, rt60_s=0.2) as around:
        assert 0.01 < around.loop_s < 0.15
        with (
            TimedRecording(server.environ, "speaker.monitor") as speaker,
            TimedRecording(server.environ, "micsink.monitor") as microphone,
        ):
            quiet = np.zeros(OUTPUT_RATE_HZ // 2, np.float32)
            server.speak(np.r_[quiet, burst, quiet], "speaker").wait()
            played_s, heard_s = (
                recording.time_s(delay_s(recording.samples(), burst)[0] * OUTPUT_RATE_HZ)
                for recording in (speaker, microphone)
            )
    assert heard_s - played_s == pytest.approx(0.2, abs=0.05)
