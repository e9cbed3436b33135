"""Channels to one: the voice stays as loud as it was, wherever it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from speech.audio import Samples
from speech.files.downmix import Downmix
from speech.files.sound_file import read_audio
from tests.sound_files import encode, level_db, speechlike

RATE = 16_000
VOICE = speechlike(2.0, RATE)
SURROUND = ("FL", "FR", "FC", "LFE", "BL", "BR")


def mixed(channels: list[Samples], names: tuple[str, ...]) -> Samples:
    sound = np.stack(channels)
    downmix = Downmix(names, RATE)
    pieces = [downmix.push(sound[:, start : start + 700]) for start in range(0, sound.shape[1], 700)]
    return np.concatenate([*pieces, downmix.flush()])


def noise(level: float, seed: int = 1) -> Samples:
    return np.random.default_rng(seed).normal(0.0, level, len(VOICE)).astype(np.float32)


SILENCE = np.zeros(len(VOICE), np.float32)


@pytest.mark.parametrize(
    ("channels", "names"),
    [
        ([VOICE], ("FC",)),
        ([VOICE, VOICE], ("FL", "FR")),
        ([VOICE, SILENCE], ("FL", "FR")),
        ([SILENCE, VOICE], ("FL", "FR")),
        ([VOICE, -VOICE], ("FL", "FR")),
        ([VOICE, -0.5 * VOICE], ("FL", "FR")),
        ([VOICE, noise(0.001)], ("FL", "FR")),
        ([SILENCE, SILENCE, VOICE, SILENCE, SILENCE, SILENCE], SURROUND),
        ([VOICE, VOICE, SILENCE, SILENCE, SILENCE, SILENCE], SURROUND),
        ([VOICE, -VOICE, SILENCE, 5 * noise(0.1), SILENCE, SILENCE], SURROUND),
        ([noise(0.05), noise(0.05, 2), VOICE, noise(0.2, 3), noise(0.05, 4), noise(0.05, 5)], SURROUND),
        ([SILENCE, SILENCE, SILENCE, VOICE], ("NONE",) * 4),
    ],
)
def test_the_voice_comes_through_as_loud_as_it_was(channels: list[Samples], names: tuple[str, ...]) -> None:
    out = mixed(channels, names)
    assert len(out) == len(VOICE)
    assert level_db(out) == pytest.approx(level_db(VOICE), abs=0.6)
    assert abs(np.corrcoef(out, VOICE)[0, 1]) > 0.98


def test_two_people_in_one_channel_each_are_both_heard() -> None:
    half = len(VOICE) // 2
    first, second = VOICE.copy(), VOICE.copy()
    first[half:] = 0.0
    second[:half] = 0.0
    out = mixed([first, second], ("FL", "FR"))
    assert level_db(out[:half]) == pytest.approx(level_db(out[half:]), abs=0.5)
    assert level_db(out) > level_db(VOICE) - 3.5


def test_channels_that_cancel_without_being_opposite_do_not() -> None:
    """A tone a quarter of a turn and a bit more apart, as by a delay: most of the sum is gone, the channel is not."""
    time = np.arange(RATE) / RATE
    left = np.sin(2 * np.pi * 200 * time).astype(np.float32)
    right = np.sin(2 * np.pi * 200 * time + 1.85).astype(np.float32)
    out = mixed([left, right, left, right], ("NONE",) * 4)
    assert level_db(out) == pytest.approx(level_db(left), abs=0.1)


def test_silence_before_the_first_sound_decides_nothing() -> None:
    silence = np.zeros(90 * RATE, np.float32)
    out = mixed([np.concatenate([silence, VOICE]), np.concatenate([silence, -VOICE])], ("FL", "FR"))
    assert level_db(out[90 * RATE :]) == pytest.approx(level_db(VOICE), abs=0.1)


def test_memory_is_bounded_while_it_decides() -> None:
    downmix = Downmix(("FL",) * 255, 192_000)
    block = np.full((255, 4096), 0.1, np.float32)
    out = sum(len(downmix.push(block)) for _ in range(40))
    assert out > 0


@pytest.mark.parametrize("layout", ["stereo", "5.1"])
def test_files_with_channels(tmp_path: Path, layout: str) -> None:
    voice = speechlike(2.0)
    silence = np.zeros_like(voice)
    channels = [voice, -voice] if layout == "stereo" else [silence, silence, voice, silence, silence, silence]
    path = encode(tmp_path / "a.m4a", np.stack(channels), "mp4", layout=layout)
    assert level_db(read_audio(path, RATE)) == pytest.approx(level_db(voice), abs=0.7)
