"""A simulated room between the speaker's null sink and the microphone's: what is played comes back as an echo.

    with room(server, delay_s=0.15) as around:  # `server` of `tests.pulse`
        around.change(gain=2.0)

A process of its own records `speaker.monitor` and plays into `micsink`, where a test's users speak too. It runs before
everything else (`speech.worker.priority`), so that a busy machine does not change the room.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from speech.audio import OUTPUT_RATE_HZ, Samples
from speech.files.sound_file import read_audio
from speech.worker.priority import prefer_sound
from tests.pulse import Pulse

BLOCK = OUTPUT_RATE_HZ // 100
LONGEST_DELAY_S = 2.0
_FLOOR = 1e-4
"""RMS of the microphone's own noise: -80 dBFS. One that gives nothing but zeros is muted."""
_PLAYER_S = 0.05
"""What waits to be played: a busy machine may hold the room up for so long."""
_SETTLING_BLOCKS = 500
_FOLLOWED_S = 30.0
"""How much waits jitters by 10 ms: it is averaged over five seconds, and a difference is made good within thirty."""
_FASTEST = 50e-6
"""But no faster than two devices' clocks differ."""
_HELD_UP_S, _HELD_UP_BLOCKS = 0.05, 100
"""So much more waits for so long: the machine stood still. A real device loses that sound, and is no later after it."""
_EXACT = 6
"""A null sink's clock goes by pieces of whole microseconds; beside multiples of so many samples it is fast."""
LATER = 2 + _EXACT
"""Samples by which the echo is later than asked for: a cubic through four samples looks one ahead, and what is read may
be ahead of what was played by as much as a block is longer."""
_FLOAT32LE = 5
_RING = 1 << 17


def synthetic_response(rt60_s: float, seed: int, direct_to_reverberant_db: float = 3.0) -> Samples:
    """An artificial room: a direct path, eight early reflections and noise that decays by 60 dB within `rt60_s`.

    Returns:
        float32 [N] at OUTPUT_RATE_HZ, of unit energy: what passes it stays about as loud as it was. Like a laptop's
        speaker it has little below 150 Hz.
    """
    random = np.random.default_rng(seed)
    size = round(rt60_s * OUTPUT_RATE_HZ)
    times_s = np.arange(size) / OUTPUT_RATE_HZ
    tail = random.standard_normal(size) * 10.0 ** (-3.0 * times_s / rt60_s)
    tail[: round(0.002 * OUTPUT_RATE_HZ)] = 0.0
    early = (random.uniform(0.003, 0.04, 8) * OUTPUT_RATE_HZ).astype(int)
    tail[early[early < size]] += random.choice((-1.0, 1.0), 8)[early < size] * random.uniform(2.0, 6.0, 8)[early < size]
    tail *= 10.0 ** (-direct_to_reverberant_db / 20.0) / np.sqrt(np.sum(np.square(tail)))
    tail[0] = 1.0
    spectrum = np.fft.rfft(tail, 2 * size)
    frequency = np.fft.rfftfreq(2 * size, 1.0 / OUTPUT_RATE_HZ)
    high_pass = 1.0 / (1.0 - 1j * 150.0 / np.maximum(frequency, 1e-3)) ** 2
    return _of_unit_energy(np.fft.irfft(spectrum * high_pass)[:size])


def recorded_response(path: Path) -> Samples:
    """A measured room from a sound file, of unit energy, without the silence before its direct path."""
    response = read_audio(path, OUTPUT_RATE_HZ)
    return _of_unit_energy(response[int(np.argmax(np.abs(response) > 0.3 * np.abs(response).max())) :])


def _of_unit_energy(response: npt.NDArray[np.floating[Any]]) -> Samples:
    even: Samples = (response / np.sqrt(np.sum(np.square(response, dtype=np.float64)))).astype(np.float32)
    return even


class EchoPath:
    """From what a speaker plays to what a microphone hears of it, `BLOCK` samples at a time.

    The response is applied by partitioned block convolution (overlap-save), the delay by a ring that is read at
    fractional places, so that the delay can drift as two devices' clocks do.

    Attributes:
        delay_s: beside the response's own; it may jump.
        drift_ppm: by how much faster the speaker's clock is: so much the delay grows, within 0 and LONGEST_DELAY_S.
        gain: of the echo.
        is_clipped: whether the speaker is driven too hard (soft clipping above about -12 dBFS).
    """

    def __init__(self, response: Samples) -> None:
        self.delay_s, self.drift_ppm, self.gain, self.is_clipped = 0.0, 0.0, 1.0, False
        self.response = response
        self._before = np.zeros(BLOCK, np.float32)
        self._ring = np.zeros(_RING, np.float32)
        self._written = 0
        self._read = 0.0

    @property
    def response(self) -> Samples:
        """float32 [N]; another one stands for a laptop that was moved."""
        return self._response

    @response.setter
    def response(self, response: Samples) -> None:
        self._response = response
        parts = -(-len(response) // BLOCK)
        padded = np.zeros((parts, BLOCK), np.float32)
        padded.ravel()[: len(response)] = response
        self._filters = np.fft.rfft(padded, 2 * BLOCK, axis=1).astype(np.complex64)
        # The spectra of the last blocks, newest first from `_newest` on, twice over, so that they lie in one piece.
        self._spectra = np.zeros((2 * parts, BLOCK + 1), np.complex64)
        self._newest = 0

    def push(self, played: Samples, count: int = BLOCK, pace: float | None = None) -> Samples:
        """The echo while `played`, float32 [BLOCK], is played: float32 [count], for a microphone of another clock.

        Args:
            played: as above.
            count: samples of the microphone's, at most `_EXACT` away from what `pace` would give in all.
            pace: samples that are played with each of the microphone's; None for BLOCK / count. It changes slowly,
                where `count` jumps: clocks of devices differ evenly.
        """
        loud = np.tanh(4.0 * played) / 4.0 if self.is_clipped else played
        parts = len(self._filters)
        self._newest = (self._newest - 1) % parts
        self._spectra[self._newest] = self._spectra[self._newest + parts] = np.fft.rfft(np.r_[self._before, loud])
        self._before = loud
        spectra = self._spectra[self._newest : self._newest + parts]
        echo = np.fft.irfft(np.einsum("pf,pf->f", spectra, self._filters))[BLOCK:] * self.gain
        places = (self._written + np.arange(BLOCK)) % _RING
        self._ring[places] = echo
        self._written += BLOCK
        return self._delayed(count, BLOCK / count if pace is None else pace)

    def _delayed(self, count: int, pace: float) -> Samples:
        step_s, at = self.drift_ppm * 1e-6 / OUTPUT_RATE_HZ, np.arange(count) * pace
        delays = np.clip(self.delay_s + step_s * at, 0.0, LONGEST_DELAY_S) * OUTPUT_RATE_HZ
        self.delay_s = float(np.clip(self.delay_s + step_s * BLOCK, 0.0, LONGEST_DELAY_S))
        at += self._read - LATER - delays
        self._read += count * pace
        whole = np.floor(at).astype(np.int64)
        x = (at - whole).astype(np.float32)
        before, first, second, after = (self._ring[(whole + offset) % _RING] for offset in (-1, 0, 1, 2))
        slope = 0.5 * (second - before)
        curve = before - 2.5 * first + 2.0 * second - 0.5 * after
        bend = 0.5 * (after - before) + 1.5 * (first - second)
        echo: Samples = (((bend * x + curve) * x + slope) * x + first).astype(np.float32)
        return echo


class Room:
    """A running room; `room` makes it.

    Attributes:
        loop_s: how long sound takes from the one sink to the other without the delay line, as it was measured.
    """

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process, self.loop_s = process, 0.0

    def change(self, **settings: Any) -> None:
        """Changes the room from now on.

        Args:
            settings: delay_s: in all, from sink to sink; drift_ppm, gain, is_clipped: see `EchoPath`;
                rt60_s and seed, or response (a path): another room; background (a path of float32 at OUTPUT_RATE_HZ;
                "" for silence) and background_gain: what else is to be heard there, again and again.
        """
        if "delay_s" in settings:
            settings["delay_s"] = max(0.0, settings["delay_s"] - self.loop_s)
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(settings, default=str) + "\n")
        self._process.stdin.flush()


@contextlib.contextmanager
def room(server: Pulse, **settings: Any) -> Iterator[Room]:
    """Has a room around these devices while the context lasts; `settings` as for `Room.change`.

    Raises:
        RuntimeError: no echo comes back.
    """
    server.prefer()
    command = [sys.executable, "-m", "tests.room"]
    environ = {**server.environ, "PYTHONPATH": str(Path(__file__).parent.parent), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdin is not None
    try:
        assert process.stdout.readline() == "ready\n"
        running = Room(process)
        running.change(delay_s=0.0, gain=1.0)
        running.loop_s = _loop_s(server)
        running.change(**settings)
        yield running
    finally:
        process.stdin.close()
        try:
            process.wait(5.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def _loop_s(server: Pulse) -> float:
    """How long a burst of noise takes from the speaker's sink to the microphone's."""
    from benchmarks.emitted import TimedRecording, delay_s  # it measures; importing it costs a second

    burst = (0.1 * np.random.default_rng(0).standard_normal(OUTPUT_RATE_HZ // 4)).astype(np.float32)
    quiet = np.zeros(OUTPUT_RATE_HZ, np.float32)
    for _ in range(3):
        with (
            TimedRecording(server.environ, "speaker.monitor") as speaker,
            TimedRecording(server.environ, "micsink.monitor") as microphone,
        ):
            server.speak(np.r_[quiet, burst, quiet[::2]], "speaker").wait()
            played_s, likeness = delay_s(speaker.samples(), burst)
            heard_s, echo_likeness = delay_s(microphone.samples(), burst)
            if likeness > 0.9 and echo_likeness > 0.3:
                return heard_s + microphone.start_s() - played_s - speaker.start_s()
    raise RuntimeError("the room gives no echo")


class _Stream:
    """One of PulseAudio's streams through its simple interface: float32 mono at OUTPUT_RATE_HZ.

    Args:
        device: a sink, or a sink's monitor.
        records: whether it records the device, else plays into it.
        latency_s: what it asks for.

    Raises:
        OSError: the sound system does not answer, or has no such device.
    """

    def __init__(self, device: str, *, records: bool, latency_s: float) -> None:
        self._library = ctypes.CDLL("libpulse-simple.so.0")
        self._library.pa_simple_new.restype = ctypes.c_void_p
        self._library.pa_simple_get_latency.restype = ctypes.c_uint64
        latency, default, error = round(latency_s * OUTPUT_RATE_HZ) * 4, 0xFFFFFFFF, ctypes.c_int()
        attributes = (ctypes.c_uint32 * 5)(default, latency, default, default, latency)  # tlength 1, fragsize 4
        self._stream = self._library.pa_simple_new(
            None, b"room", 2 if records else 1, device.encode(), b"room",
            ctypes.byref(_SampleSpec(_FLOAT32LE, OUTPUT_RATE_HZ, 1)), None, attributes, ctypes.byref(error),
        )  # fmt: skip
        if not self._stream:
            raise OSError(f"{device}: PulseAudio's error {error.value}")

    def read(self) -> Samples:
        """The next float32 [BLOCK]."""
        block = np.zeros(BLOCK, np.float32)
        self._do(self._library.pa_simple_read, block)
        return block

    def write(self, samples: Samples) -> None:
        """Plays them, after what was written before."""
        self._do(self._library.pa_simple_write, samples)

    @property
    def latency_s(self) -> float:
        """How long after now what is written next is heard."""
        return float(self._library.pa_simple_get_latency(ctypes.c_void_p(self._stream), None)) / 1e6

    def _do(self, function: Any, samples: Samples) -> None:
        error = ctypes.c_int()
        size = ctypes.c_size_t(samples.nbytes)
        if function(ctypes.c_void_p(self._stream), samples.ctypes.data_as(ctypes.c_void_p), size, ctypes.byref(error)):
            raise OSError(f"PulseAudio's error {error.value}")


class _SampleSpec(ctypes.Structure):
    _fields_ = (("format", ctypes.c_int), ("rate", ctypes.c_uint32), ("channels", ctypes.c_uint8))


def _run() -> None:
    """The room's own process: takes settings as JSON lines, ends with its standard input."""
    prefer_sound()
    gc.disable()
    commands: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()

    def read_commands() -> None:
        for line in sys.stdin:
            commands.put(json.loads(line))
        os._exit(0)

    threading.Thread(target=read_commands, name="settings", daemon=True).start()
    path = EchoPath(synthetic_response(0.3, 0))
    background, gain, place = np.zeros(BLOCK, np.float32), 1.0, 0
    recorder = _Stream("speaker.monitor", records=True, latency_s=0.01)
    player = _Stream("micsink", records=False, latency_s=_PLAYER_S)
    player.write(np.zeros(round(_PLAYER_S * OUTPUT_RATE_HZ), np.float32))  # it begins when so much is there
    random = np.random.default_rng(0)
    blocks, kept_s, mean_s, owed = 0, 0.0, 0.0, 0.0
    late_blocks = lost_blocks = 0
    print("ready", flush=True)
    while True:
        block = recorder.read()
        while not commands.empty():
            settings = commands.get()
            if "rt60_s" in settings:
                path.response = synthetic_response(settings.pop("rt60_s"), settings.pop("seed", 0))
            if "response" in settings:
                path.response = recorded_response(Path(settings.pop("response")))
            if "background" in settings:
                name = settings.pop("background")
                background, place = np.fromfile(name, "<f4") if name else np.zeros(BLOCK, np.float32), 0
            gain = settings.pop("background_gain", gain)
            for setting, value in settings.items():
                setattr(path, setting, value)
        # The two sinks' clocks may differ. What waits to be played stays the same: now and then a block is a little
        # longer or shorter.
        waits_s = player.latency_s + recorder.latency_s
        blocks += 1
        if blocks <= _SETTLING_BLOCKS:
            kept_s = mean_s = mean_s + (waits_s - mean_s) / blocks
        else:
            mean_s += (waits_s - mean_s) / _SETTLING_BLOCKS
            late_blocks = late_blocks + 1 if waits_s > kept_s + _HELD_UP_S else 0
            if late_blocks == _HELD_UP_BLOCKS:
                lost_blocks, mean_s = round((waits_s - kept_s) * OUTPUT_RATE_HZ / BLOCK), kept_s
        faster = float(np.clip((kept_s - mean_s) / _FOLLOWED_S, -_FASTEST, _FASTEST))
        owed += faster * BLOCK
        count = BLOCK + round(owed / _EXACT) * _EXACT
        owed -= count - BLOCK
        echo = path.push(block, count, 1.0 / (1.0 + faster))
        echo += gain * np.take(background, range(place, place + count), mode="wrap")
        place = (place + count) % len(background)
        echo += _FLOOR * random.standard_normal(count, np.float32)
        if lost_blocks:
            lost_blocks -= 1
        else:
            player.write(np.clip(echo, -1.0, 1.0).astype(np.float32))


if __name__ == "__main__":
    _run()
