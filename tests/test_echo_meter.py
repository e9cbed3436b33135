"""The echo meter: levels, what was taken out and double talk as they were put in, however the sound is cut."""

from __future__ import annotations

import numpy as np
import pytest

from speech.audio import OUTPUT_RATE_HZ, Samples
from speech.echo.meter import MOST_ERLE_DB, QUIETEST_DB, EchoMeter, EchoReport


def noise(seconds: float, level_db: float, seed: int) -> Samples:
    made = np.random.default_rng(seed).standard_normal(round(seconds * OUTPUT_RATE_HZ))
    return (made * 10 ** (level_db / 20)).astype(np.float32)


def scene(*, user_from_s: float = 99.0, user_until_s: float = 99.0, erle_db: float = 24.0) -> tuple[Samples, ...]:
    """Four seconds of the avatar's voice, heard at -30 dB over a room at -60 dB; heard, played, clean."""
    played = noise(4.0, -15.0, 1)
    echo = np.roll(played, 4800) * np.float32(10 ** (-15 / 20))
    echo[:4800] = 0.0
    room, user = noise(4.0, -60.0, 2), noise(4.0, -25.0, 3)
    times = np.arange(len(user)) / OUTPUT_RATE_HZ
    user[(times < user_from_s) | (times >= user_until_s)] = 0.0
    return echo + room + user, played, echo * np.float32(10 ** (-erle_db / 20)) + room + user


def reports(sound: tuple[Samples, ...], step: int = 10**9) -> list[EchoReport]:
    meter = EchoMeter()
    return [
        report
        for start in range(0, len(sound[0]), step)
        for report in meter.push(*(part[start : start + step] for part in sound))
    ]


def test_an_echo_is_measured_as_it_is() -> None:
    found = reports(scene())
    assert len(found) == 4
    for report in found[1:]:
        assert report.level_db == pytest.approx(-30.0, abs=0.3)
        assert report.erle_db == pytest.approx(23.0, abs=1.0), "the room stays"
    assert sum(report.double_talk_s for report in found) == 0.0


def test_double_talk_is_counted_and_spoils_no_level() -> None:
    found = reports(scene(user_from_s=1.2, user_until_s=2.0))
    assert sum(report.double_talk_s for report in found) == pytest.approx(0.8, abs=0.05)
    assert found[-1].level_db == pytest.approx(-30.0, abs=0.3)
    assert reports(scene(user_from_s=0.0, user_until_s=4.0)) == [], "no moment of nothing but echo"


@pytest.mark.parametrize("step", [100, 960, 1111])
def test_any_chunking_gives_the_same(step: int) -> None:
    sound = scene(user_from_s=1.2, user_until_s=2.0)
    assert reports(sound, step) == reports(sound)


def test_nothing_is_measured_while_nothing_is_played_and_silence_has_a_level() -> None:
    heard, played, clean = scene()
    assert reports((heard, np.zeros_like(played), clean)) == []
    silence = np.zeros_like(heard)
    (report, *_) = reports((silence, played, silence))
    assert report == EchoReport(QUIETEST_DB, 0.0, 0.0)
    assert reports((heard, played, silence))[-1].erle_db == MOST_ERLE_DB
