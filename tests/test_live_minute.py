"""A third of a minute of the live benchmark: it measures what it says, and nothing is grossly wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.live import OVERRIDES, converse
from benchmarks.live_report import plot

pytestmark = [pytest.mark.pulse, pytest.mark.fuse, pytest.mark.real_time, pytest.mark.measured]

MINUTES = 0.3


def test_a_conversation_keeps_sound_and_picture_together(tmp_path: Path) -> None:
    measured = converse(MINUTES, [*OVERRIDES, "voice.backend=espeak"])
    assert not measured.problems
    assert len(measured.answers_s) >= 2 and max(measured.answers_s) < 3.0
    assert len(measured.interruptions_s) >= 1 and max(measured.interruptions_s) < 1.0
    offsets = np.array([offset for _, offset in measured.offsets])
    assert len(offsets) > 200
    # However busy the machine is, pictures that do come are near their sound, and don't drift from it.
    assert abs(np.median(offsets)) < 0.04 and np.mean(np.abs(offsets) < 0.1) > 0.95
    assert measured.end["frames"] > 25 * 60 * MINUTES and measured.end["late"] < 0.2 * measured.end["frames"]
    plot(measured, tmp_path / "plot.png")
    with Image.open(tmp_path / "plot.png") as picture:
        assert picture.width > 600
