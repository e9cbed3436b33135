"""Recordings written while they are made are whole, or not there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from speech.errors import InputError
from speech.files.wav_writer import WavWriter
from tests.full_disk import disk_of


def test_what_is_written_is_read(tmp_path: Path) -> None:
    sound = np.sin(np.arange(5000) / 20).astype(np.float32) * 1.1
    with WavWriter(tmp_path / "a.wav", 16_000) as recording:
        for start in range(0, 5000, 777):
            recording.write(sound[start : start + 777])
        assert recording.samples_written == 5000
        assert not (tmp_path / "a.wav").exists()
    read, rate = soundfile.read(tmp_path / "a.wav", dtype="float32")
    assert rate == 16_000
    assert np.abs(read - np.clip(sound, -1, 1)).max() < 1e-4


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), WavWriter(tmp_path / "a.wav", 16_000) as recording:
        recording.write(np.zeros(100, np.float32))
        _ = 1 / 0
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.wav: expected a place to write to"), disk_of(50_000):
        with WavWriter(tmp_path / "a.wav", 16_000) as recording:
            for _ in range(100):
                recording.write(np.zeros(16_000, np.float32))
    assert list(tmp_path.iterdir()) == []
