"""A sound system without a sound card: PulseAudio with null sinks, which PortAudio sees as named devices.

"speaker" is what the avatar plays into and "mic" what it hears. A test speaks into `micsink` and records from
`speaker.monitor`, with PulseAudio's own programs.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from speech.audio import OUTPUT_RATE_HZ, Samples

_READY_S = 10.0

_ONE_WAY = """
pcm.{name} {{ type pulse device {device} hint {{ show on description "{name}" }} }}
"""
_BOTH_WAYS = """
pcm.{name} {{
  type asym
  playback.pcm {{ type pulse device {device} }}
  capture.pcm {{ type pulse device {other} }}
  hint {{ show on description "{name}" }}
}}
"""
_MODULES = (
    "module-null-sink sink_name=speaker rate=48000 channels=1 norewinds=1",
    "module-null-sink sink_name=micsink rate=48000 channels=1 norewinds=1",
    "module-remap-source master=micsink.monitor source_name=mic",
)
DEVICES = {
    "VisavisSpeaker": ("speaker",),
    "VisavisMic": ("mic",),
    "Headset": ("speaker", "mic"),
    "Cable": ("speaker",),
}
"""PortAudio's name of each device → PulseAudio's, where it plays and where it hears."""


@dataclass
class Pulse:
    """A running PulseAudio.

    Attributes:
        environ: what a program needs in its environment to use it.
        folder: where its files lie.
    """

    environ: dict[str, str]
    folder: Path

    def start(self) -> None:
        """Starts the server; returns when it answers."""
        options = ["-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--disable-shm=yes"]
        options += ["--load=module-native-protocol-unix", *(f"--load={module}" for module in _MODULES)]
        log = (self.folder / "pulseaudio.log").open("ab")
        self._server = subprocess.Popen(["pulseaudio", *options], env=self.environ, stdout=log, stderr=log)
        log.close()
        deadline = time.monotonic() + _READY_S
        while not self._answers():
            if self._server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self.folder / "pulseaudio.log").read_text())
            time.sleep(0.05)
        for kind, name in (("sink", "speaker"), ("source", "mic")):
            command = ["pactl", f"set-default-{kind}", name]
            subprocess.run(command, env=self.environ, check=True, timeout=_READY_S)

    def _answers(self) -> bool:
        try:
            done = subprocess.run(["pactl", "info"], env=self.environ, capture_output=True, timeout=_READY_S)
        except subprocess.TimeoutExpired:
            return False
        return done.returncode == 0

    def kill(self) -> None:
        """Ends the server as a crash would: every device is gone."""
        self._server.send_signal(signal.SIGKILL)
        self._server.wait()

    def prefer(self) -> None:
        """Puts the whole server before everything else, where the system lets us; its sinks already are."""
        if hasattr(os, "sched_setscheduler"):
            with contextlib.suppress(OSError):
                os.sched_setscheduler(self._server.pid, os.SCHED_RR, os.sched_param(5))

    def speak(self, samples: Samples, sink: str = "micsink") -> Speaking:
        """Says float32 samples at OUTPUT_RATE_HZ into the microphone, or another sink, from now on."""
        format_ = ["--raw", "--format=float32le", f"--rate={OUTPUT_RATE_HZ}", "--channels=1"]
        command = ["pacat", "--playback", f"--device={sink}", "--latency-msec=150", *format_]
        with tempfile.TemporaryFile() as file:  # a pipe would hold up the test where nobody takes the sound
            file.write(samples.astype("<f4").tobytes())
            file.seek(0)
            player = subprocess.Popen(command, env=self.environ, stdin=file)
        return Speaking(player, len(samples) / OUTPUT_RATE_HZ + _READY_S)

    @contextlib.contextmanager
    def recording(self) -> Iterator[SinkRecording]:
        """Records what the speaker plays while the context lasts."""
        path = self.folder / f"recording-{time.monotonic_ns()}.raw"
        format_ = ["--raw", "--format=float32le", f"--rate={OUTPUT_RATE_HZ}", "--channels=1"]
        command = ["parec", "--device=speaker.monitor", "--latency-msec=10", *format_]
        with path.open("wb") as file:
            recorder = subprocess.Popen(command, env=self.environ, stdout=file)
            recording = SinkRecording(path)
            try:
                recording.wait(0.02)
                yield recording
            finally:
                recorder.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    recorder.wait(_READY_S)
                recorder.kill()
                recorder.wait()


@dataclass
class Speaking:
    """Something that is being said."""

    player: subprocess.Popen[bytes]
    within_s: float

    def wait(self) -> None:
        """Waits until all was said."""
        try:
            assert self.player.wait(self.within_s) == 0
        finally:
            self.player.kill()
            self.player.wait()


@dataclass
class SinkRecording:
    """What is being recorded."""

    path: Path

    def samples(self) -> Samples:
        """What was recorded so far, float32 at OUTPUT_RATE_HZ."""
        data = self.path.read_bytes()
        return np.frombuffer(data[: len(data) // 4 * 4], "<f4")

    def wait(self, seconds: float) -> None:
        """Waits until so much was recorded."""
        deadline = time.monotonic() + _READY_S + seconds
        while len(self.samples()) < seconds * OUTPUT_RATE_HZ:
            if time.monotonic() > deadline:
                raise RuntimeError("nothing is recorded from the speaker")
            time.sleep(0.02)


@contextlib.contextmanager
def pulse(folder: Path) -> Iterator[Pulse]:
    """Runs a PulseAudio of its own while the context lasts; its files lie in `folder`."""
    runtime = folder / "run"
    runtime.mkdir(mode=0o700)
    entries = [
        (_ONE_WAY if len(devices) == 1 else _BOTH_WAYS).format(name=name, device=devices[0], other=devices[-1])
        for name, devices in DEVICES.items()
    ]
    (folder / ".asoundrc").write_text("".join(entries))
    environ = {
        **os.environ,
        "HOME": str(folder),
        "XDG_RUNTIME_DIR": str(runtime),
        "PULSE_RUNTIME_PATH": str(runtime),
        "PULSE_SERVER": f"unix:{runtime}/native",
    }
    server = Pulse(environ, folder)
    server.start()
    try:
        yield server
    finally:
        with contextlib.suppress(ProcessLookupError):
            server.kill()
