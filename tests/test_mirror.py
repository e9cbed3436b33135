"""The mirror's feed keeps an even delay between two devices that don't run alike."""

from __future__ import annotations

import numpy as np
import pytest

from agent.howl_guard import HowlGuard
from agent.mirror import DELAY_SAMPLES, MirrorFeed
from speech.audio import OUTPUT_RATE_HZ, Samples
from speech.sound_track import SoundTrack

PIECE = OUTPUT_RATE_HZ // 50


class Devices:
    """A speaker that plays what the track holds, and a microphone whose clock runs `faster` (a ratio) than it."""

    def __init__(self, faster: float = 1.0) -> None:
        self.track = SoundTrack()
        self.feed = MirrorFeed(self.track, lambda: round(self.now_s * OUTPUT_RATE_HZ))
        self.now_s = 0.0
        self._faster = faster
        self.delays: list[int] = []

    def record(self, seconds: float, level: float = 0.1, *, quiet_every: int = 10**9) -> None:
        """Speaks into the microphone for so long; every so many pieces is a quiet one."""
        for number in range(round(seconds * 50)):
            self.wait(0.02 / self._faster)
            loud = 0.0 if number % quiet_every == quiet_every - 1 else level
            self.feed.push(np.full(PIECE, loud, np.float32))
            self.delays.append(self.track.end - round(self.now_s * OUTPUT_RATE_HZ))

    def wait(self, seconds: float) -> None:
        """Time passes, and the speaker takes what it plays 40 ms ahead."""
        self.now_s += seconds
        end = round((self.now_s + 0.04) * OUTPUT_RATE_HZ)
        self.track.take(end - 1, 1)

    def played(self) -> Samples:
        return self.track.read(0, self.track.end)


def test_an_even_microphone_is_never_corrected_after_the_start() -> None:
    devices = Devices()
    devices.record(60.0)
    assert devices.feed.corrections == 1
    assert {delay - DELAY_SAMPLES for delay in devices.delays} == {0}
    assert np.all(devices.played()[2 * DELAY_SAMPLES :] == np.float32(0.1)), "no gap is heard"


@pytest.mark.parametrize("faster", [1.001, 0.999], ids=["fast", "slow"])
def test_a_microphone_that_drifts_is_kept_in_step(faster: float) -> None:
    devices = Devices(faster)
    devices.record(120.0, quiet_every=25)
    off_ms = 1000 * (np.array(devices.delays) - DELAY_SAMPLES) / OUTPUT_RATE_HZ
    assert np.abs(off_ms).max() < 60
    assert 2 <= devices.feed.corrections <= 10
    played = devices.played()[2 * DELAY_SAMPLES :]
    if faster > 1:  # only quiet pieces are left out
        assert np.count_nonzero(played == np.float32(0.1)) > 0.9 * len(played)


def test_after_a_gap_the_voice_is_heard_again_at_the_usual_delay() -> None:
    devices = Devices()
    devices.record(1.0)
    devices.wait(3.0)
    before = len(devices.delays)
    devices.record(1.0)
    assert all(delay == DELAY_SAMPLES for delay in devices.delays[before:])


@pytest.mark.parametrize("loop_gain", [1.0, 1.5, 3.0])
def test_a_speaker_that_the_microphone_hears_does_not_howl(loop_gain: float) -> None:
    told: list[str] = []
    guard, delay, levels = HowlGuard(told.append), 10, list[float]()
    random = np.random.default_rng(0)
    played = [np.zeros(PIECE, np.float32)] * delay
    for number in range(30 * 50):
        user = 0.1 * random.standard_normal(PIECE) if number < 50 else np.zeros(PIECE)
        heard = np.clip(user + loop_gain * played[-delay], -1.0, 1.0).astype(np.float32)
        played.append(guard.push(heard))
        levels.append(float(np.sqrt(np.mean(np.square(played[-1])))))
    assert max(levels[-50:]) < 0.01
    assert told == ["mirror: the microphone hears the speakers, it became softer; use headphones"]


def test_a_voice_with_its_pauses_is_not_taken_for_a_howl() -> None:
    told: list[str] = []
    guard, random = HowlGuard(told.append), np.random.default_rng(0)
    for number in range(30 * 50):
        loudness = 0.3 * (0.5 + 0.5 * np.sin(2 * np.pi * number / 50))
        voice = (loudness * random.standard_normal(PIECE)).astype(np.float32)
        np.testing.assert_array_equal(guard.push(voice), voice)
    assert not told
