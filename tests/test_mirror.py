"""The mirror's feed keeps an even delay between two devices that don't run alike."""

from __future__ import annotations

import numpy as np
import pytest

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
