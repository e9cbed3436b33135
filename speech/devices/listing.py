"""Microphones and speakers: which there are, and which one a name or a number means."""

from __future__ import annotations

import ctypes
import ctypes.util
import functools
import sys
from dataclasses import dataclass
from typing import Any, Literal

from speech.errors import DeviceError, InputError

Kind = Literal["microphone", "speaker"]

_SHOWN = 6
"""Names that an error lists."""


@dataclass(frozen=True, slots=True)
class SoundDevice:
    """A device that PortAudio knows.

    Attributes:
        number: PortAudio's index; it may change when devices come and go.
        name: as the system calls it.
        system: the sound system it is reached through, such as "ALSA" or "Core Audio".
        inputs: channels that can be recorded; 0 for a mere speaker.
        outputs: channels that can be played; 0 for a mere microphone.
        rate_hz: the rate it prefers.
        is_default_input: whether "" means this microphone.
        is_default_output: whether "" means this speaker.
    """

    number: int
    name: str
    system: str
    inputs: int
    outputs: int
    rate_hz: int
    is_default_input: bool
    is_default_output: bool


def sounddevice() -> Any:
    """The module sounddevice, which brings PortAudio up when it is first imported.

    Raises:
        InputError: the package or the PortAudio library is not installed.
    """
    try:
        import sounddevice
    except ImportError:
        raise InputError(
            "sound: expected the package sounddevice, it is not installed; run: pip install 'visavis[devices]'"
        ) from None
    except OSError as error:
        raise InputError(
            f"sound: expected the PortAudio library, could not load it ({error}); run: apt-get install libportaudio2"
        ) from None
    _silence_alsa()
    return sounddevice


@functools.cache
def _silence_alsa() -> None:
    """Has Linux's sound library keep its own complaints ("underrun occurred") out of the terminal: we count them."""
    name = ctypes.util.find_library("asound") if sys.platform == "linux" else None
    if name is None:
        return
    # It is called like printf, whose further arguments a callback from Python can't have: it takes none of them.
    handler = ctypes.CFUNCTYPE(None)(lambda: None)
    _kept.append(handler)
    ctypes.CDLL(name).snd_lib_error_set_handler(handler)


_kept: list[object] = []
"""What C code still calls must not be collected."""


def sound_devices() -> list[SoundDevice]:
    """All devices, as PortAudio saw them when it was brought up.

    Raises:
        InputError: PortAudio is not there.
    """
    module = sounddevice()
    systems = module.query_hostapis()
    default_input, default_output = module.default.device
    return [
        SoundDevice(
            number=number,
            name=device["name"],
            system=systems[device["hostapi"]]["name"],
            inputs=device["max_input_channels"],
            outputs=device["max_output_channels"],
            rate_hz=round(device["default_samplerate"]),
            is_default_input=number == default_input,
            is_default_output=number == default_output,
        )
        for number, device in enumerate(module.query_devices())
    ]


def find_device(kind: Kind, wanted: str) -> SoundDevice:
    """The device that is meant.

    Args:
        kind: what it is to be used as.
        wanted: a whole name, a part of one, or a number; "" for the system's default.

    Raises:
        DeviceError: none is connected.
        InputError: there is none of this name; names those that there are.
    """
    fitting = [device for device in sound_devices() if (device.inputs if kind == "microphone" else device.outputs)]
    if not fitting:
        raise DeviceError(f"{kind}: expected one to be connected, found none; `visavis devices` shows what there is")
    if not wanted:
        default = [d for d in fitting if (d.is_default_input if kind == "microphone" else d.is_default_output)]
        return (default or fitting)[0]
    if wanted.isdigit() and (numbered := [device for device in fitting if device.number == int(wanted)]):
        return numbered[0]
    lowered = wanted.lower()
    for matches in (
        [device for device in fitting if device.name.lower() == lowered],
        [device for device in fitting if device.name.lower().startswith(lowered)],
        [device for device in fitting if lowered in device.name.lower()],
    ):
        if matches:
            return matches[0]
    names = ", ".join(f"{device.number} '{device.name}'" for device in fitting[:_SHOWN])
    raise InputError(f"{kind}: expected one of {names}, got '{wanted}'; `visavis devices` lists them all")
