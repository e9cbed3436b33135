"""The sound process with devices that do as the test says."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from speech.audio import OUTPUT_RATE_HZ
from speech.devices import sound_process
from speech.devices.sound_memory import MICROPHONE_BLOCK, SoundMemory
from speech.devices.sound_process import SoundProcess


class Devices:
    """A sound system with one microphone; `now_s` is its time and ours."""

    PortAudioError = OSError

    def __init__(self) -> None:
        self.now_s, self.callback = 100.0, lambda *_: None

    def InputStream(self, *, callback: Any, **_: object) -> Any:
        self.callback = callback
        return SimpleNamespace(start=lambda: None, abort=lambda: None, close=lambda: None)

    def hear(self, seconds: float) -> None:
        """The microphone calls for so long."""
        block = np.zeros((MICROPHONE_BLOCK, 1), np.float32)
        for _ in range(round(seconds * OUTPUT_RATE_HZ / MICROPHONE_BLOCK)):
            self.now_s += MICROPHONE_BLOCK / OUTPUT_RATE_HZ
            times = SimpleNamespace(currentTime=self.now_s, inputBufferAdcTime=self.now_s - 0.03)
            self.callback(block, MICROPHONE_BLOCK, times, None)


@pytest.fixture
def devices(monkeypatch: pytest.MonkeyPatch) -> Devices:
    """Instead of PortAudio's."""
    devices = Devices()
    found = SimpleNamespace(number=0, name="Microphone", system="", outputs=0)
    monkeypatch.setattr(sound_process, "sounddevice", lambda: devices)
    monkeypatch.setattr(sound_process, "find_device", lambda kind, name: found)
    monkeypatch.setattr(sound_process, "time", SimpleNamespace(monotonic=lambda: devices.now_s))
    return devices


def test_what_was_played_is_known_from_the_first_sound_of_a_microphone_that_is_there_again(devices: Devices) -> None:
    memory = SoundMemory.create()
    memory.start_s = devices.now_s
    process = SoundProcess(memory)

    def ask(**fields: object) -> None:
        process.work(SimpleNamespace(fields=fields, emit=lambda *_: None))  # type: ignore[arg-type]

    try:
        ask(open="microphone", name="", latency_s=0.03)
        devices.hear(2.0)
        before = memory.distance
        ask(close="microphone")
        devices.now_s += 5.0
        ask(open="microphone", name="", latency_s=0.03)
        devices.hear(0.02)
        assert before is not None and memory.distance == pytest.approx(before + 5.0 * OUTPUT_RATE_HZ, abs=1.0)
    finally:
        memory.close()
