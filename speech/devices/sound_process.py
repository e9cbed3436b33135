"""The sound process: PortAudio's streams, and nothing else, so that the speaker never waits for Python's lock.

Its callbacks have about 10 ms. In the program itself they would wait for whatever holds the lock there, and on a busy
machine for whatever else the holder waits for. A worker of `speech.worker.process`; calls: {"open": kind, "name",
"latency_s"}, answered by the device's whole name; {"close": kind}; and {"listen": true}, which never ends and has an
item whenever the microphone has given something.
"""

from __future__ import annotations

import contextlib
import threading
import time
from typing import Any

from speech.audio import OUTPUT_RATE_HZ, Samples
from speech.devices.listing import Kind, find_device, sounddevice
from speech.devices.sound_memory import MICROPHONE_BLOCK, SPEAKER_BLOCK, SoundMemory
from speech.echo.alignment import Alignment
from speech.errors import DeviceError
from speech.worker.main import Call, Work, serve
from speech.worker.priority import prefer_sound

_FOLLOW = 0.1
"""How much of each report of the device's time is believed: reports come a hundred times a second and jitter."""
_JUMP_S = 0.08
"""A difference beyond this is no jitter: the device has stopped for a while."""


class SoundProcess:
    """The devices that are open.

    Args:
        memory: where the sound comes from and goes to.
    """

    def __init__(self, memory: SoundMemory) -> None:
        self._memory = memory
        self._streams: dict[Kind, Any] = {}
        self._latency_s = 0.0
        self._was_audible = False
        self._alignment = Alignment()
        self._news = threading.Event()

    def work(self, call: Call) -> None:
        """Does one call."""
        if "open" in call.fields:
            call.emit({"device": self._open(call.fields["open"], call.fields["name"], call.fields["latency_s"])})
        elif "close" in call.fields:
            self._close(call.fields["close"])
        else:
            self._tell_news(call)

    def _tell_news(self, call: Call) -> None:
        while True:
            self._news.wait()
            self._news.clear()
            call.emit()

    def _open(self, kind: Kind, name: str, latency_s: float) -> str:
        """Opens a device, and tells its whole name.

        Raises:
            DeviceError: it can't be had.
            InputError: there is none of this name.
        """
        module = sounddevice()
        stream: Any = None
        try:
            device = find_device(kind, name)
            options: dict[str, Any] = {"samplerate": OUTPUT_RATE_HZ, "device": device.number, "dtype": "float32"}
            if "WASAPI" in device.system:  # it converts rates only when asked to
                options["extra_settings"] = module.WasapiSettings(auto_convert=True)
            options["latency"] = latency_s
            if kind == "speaker":
                self._latency_s = latency_s
                channels = 1 if device.outputs == 1 else 2
                stream = module.OutputStream(channels=channels, blocksize=SPEAKER_BLOCK, callback=self._play, **options)
                self._memory.speaker_called_s = time.monotonic()
            else:
                self._alignment = Alignment()  # it has recorded nothing while it was closed, and the speaker went on
                stream = module.InputStream(channels=1, blocksize=MICROPHONE_BLOCK, callback=self._hear, **options)
                self._memory.microphone_called_s = time.monotonic()
            stream.start()
        except module.PortAudioError as error:
            if stream is not None:
                stream.close(ignore_errors=True)
            reason = str(error).split("[")[0].strip()
            raise DeviceError(
                f"{kind}: expected '{name or 'the default'}' to open at {OUTPUT_RATE_HZ} Hz: {reason}; "
                f"is it in use? `visavis devices` lists others"
            ) from None
        self._streams[kind] = stream
        return device.name

    def _close(self, kind: Kind) -> None:
        stream = self._streams.pop(kind, None)
        if stream is not None:
            with contextlib.suppress(Exception):  # PortAudio on a device that is gone; there is nothing left to lose
                stream.abort()
                stream.close()

    # ---- on the devices' own threads

    def _play(self, out: Samples, count: int, times: Any, status: Any) -> None:
        memory = self._memory
        now = memory.speaker_called_s = time.monotonic()
        start, samples = memory.take(count)
        out[:] = samples[:, None]
        is_audible = bool(samples.any())
        if status.output_underflow:
            memory.ran_dry(is_audible or self._was_audible)
        self._was_audible = is_audible
        waits_s = times.outputBufferDacTime - times.currentTime
        if not 0.0 <= waits_s < 2.0:  # some systems report nothing
            waits_s = self._latency_s
        start_s, known_s = now + waits_s - start / OUTPUT_RATE_HZ, memory.start_s
        if known_s is not None and abs(start_s - known_s) < _JUMP_S:
            start_s = known_s + _FOLLOW * (start_s - known_s)
        memory.start_s = start_s

    def _hear(self, sound: Samples, count: int, times: Any, status: Any) -> None:
        memory = self._memory
        now = memory.microphone_called_s = time.monotonic()
        waited_s = times.currentTime - times.inputBufferAdcTime
        if not 0.0 < waited_s < 2.0:  # some systems report nothing
            waited_s = count / OUTPUT_RATE_HZ
        if (start_s := memory.start_s) is not None:
            playing = (now - waited_s - start_s) * OUTPUT_RATE_HZ
            memory.distance = self._alignment.update(playing - memory.recorded)
        memory.record(sound[:, 0])
        self._news.set()


def load(setup: dict[str, Any]) -> Work:
    """Attaches to the memory that the program made."""
    prefer_sound()
    return SoundProcess(SoundMemory.attach(setup["memory"])).work


if __name__ == "__main__":
    serve(load)
