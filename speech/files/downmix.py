"""Many channels to one, so that the voice comes through as loud as it was recorded."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from speech.audio import Samples

_DECIDES_AFTER_S = 60.0
_DECIDES_AFTER_VALUES = 1 << 24
"""So much sound is looked at before its channels are weighed: a minute, and at most 64 MB of it."""

_SILENT = 1e-5
_CENTRE_POWER = 0.0625
"""A centre channel at most 12 dB below the loudest one carries the speech: films and broadcasts put it there."""

_OPPOSITE = -0.3
"""Channels whose correlation is below this are the same sound with its sign turned."""

_CANCELLED = 0.5
"""A mix with less than this share of its loudest channel's power has lost something to cancelling."""


class Downmix:
    """Mixes the channels of one stream; their weights are decided by its beginning and then kept.

    The mix is as loud as its loudest channel: two equal channels are averaged, a voice in one of them is taken as it
    is, two people in one channel each are both heard.

    Args:
        names: what each channel is: "FL", "FC", "LFE" …; anything where that is unknown.
        rate_hz: samples a second.
    """

    def __init__(self, names: Sequence[str], rate_hz: int) -> None:
        self._names = names
        self._needed = min(int(_DECIDES_AFTER_S * rate_hz), _DECIDES_AFTER_VALUES // len(names))
        self._held: list[Samples] = []
        self._held_frames = 0
        self._weights: Samples | None = np.ones(1, np.float32) if len(names) == 1 else None

    def push(self, sound: Samples) -> Samples:
        """Takes float32 [C, N]. Returns what can be mixed so far: float32 [M]; the rest comes later."""
        if self._weights is not None:
            return self._weights @ sound
        if not self._held and float(np.abs(sound).max(initial=0.0)) < _SILENT:
            return np.zeros(sound.shape[1], np.float32)  # silence tells nothing of the channels
        self._held.append(sound)
        self._held_frames += sound.shape[1]
        return self.flush() if self._held_frames >= self._needed else np.zeros(0, np.float32)

    def flush(self) -> Samples:
        """Returns the rest at the end of the stream: float32 [M]."""
        if not self._held:
            return np.zeros(0, np.float32)
        sound = np.concatenate(self._held, axis=1)
        self._held = []
        self._weights = channel_weights(sound, self._names)
        mixed: Samples = self._weights @ sound
        return mixed


def channel_weights(sound: Samples, names: Sequence[str]) -> Samples:
    """How much of each channel goes into the mix.

    Args:
        sound: float32 [C, N].
        names: what each of the C channels is.

    Returns:
        float32 [C].
    """
    centred = sound - sound.mean(axis=1, keepdims=True)
    power = _power(centred)
    audible = [channel for channel, name in enumerate(names) if name != "LFE"] or list(range(len(names)))
    loudest = max(audible, key=lambda channel: float(power[channel]))
    alone = np.zeros(len(names), np.float32)
    alone[loudest] = 1.0
    if "FC" in names and len(names) > 1:
        centre = list(names).index("FC")
        if power[centre] > 0.0 and power[centre] >= _CENTRE_POWER * power[loudest]:
            alone[loudest], alone[centre] = 0.0, 1.0
            return alone
    weights = np.zeros(len(names), np.float32)
    for channel in audible:
        scale = np.sqrt(power[channel] * power[loudest])
        shared = float(np.mean(centred[channel] * centred[loudest], dtype=np.float64)) / scale if scale > 0 else 0.0
        weights[channel] = -1.0 if shared < _OPPOSITE else 1.0
    mixed = float(_power((weights @ centred)[np.newaxis])[0])
    if mixed <= _CANCELLED * power[loudest]:
        return alone
    weights *= np.sqrt(power[loudest] / mixed)
    return weights


def _power(sound: Samples) -> npt.NDArray[np.float64]:
    power: npt.NDArray[np.float64] = np.mean(np.square(sound), axis=1, dtype=np.float64)
    return power
