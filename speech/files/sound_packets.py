"""A sound file packet by packet: what decodes is kept, and what doesn't is known by its length."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from speech.audio import Samples
from speech.errors import InputError

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.packet import Packet

LONGEST_HOLE_S = 600.0
"""Time stamps that leap further are taken for a clock that was set, not for sound that is missing."""

_NEAREST_HOLE_S = 0.1
"""Least leap of the time stamps that counts where nothing else is wrong: containers round, and clocks jitter."""

_NEAREST_HOLE_AFTER_DAMAGE_S = 0.003

_BACKWARDS_S = -1.0
"""Time stamps that go back further have begun anew; by less, they are only imprecise."""

_DRIFT_SHARE = 0.01
"""How much of a small difference is forgiven at each block: a recorder's clock is never quite its sound card's."""

_LOUDEST_DECODED = 4.0
"""What a lossy decoder makes louder than this (12 dB above full scale) is made of damaged data."""

_ANY_SCALE = ("pcm_", "wavpack", "dsd_")
"""Codecs that keep numbers as they were given."""

_MOST_FAILURES = 32
"""Failures to read on, without a packet between them, after which the rest is given up."""

_RATES_HZ = (1_000, 768_000)
_MOST_CHANNELS = 255


@dataclass(frozen=True, slots=True)
class Block:
    """Sound that was decoded.

    Attributes:
        sound: float32 [C, N], full scale at 1.
        rate_hz: samples a second.
        names: what each of the C channels is: "FL", "FC" …
    """

    sound: Samples
    rate_hz: int
    names: tuple[str, ...]

    @property
    def length_s(self) -> float:
        """Duration in seconds."""
        return self.sound.shape[1] / self.rate_hz


@dataclass(frozen=True, slots=True)
class Gap:
    """Sound that should be here.

    Attributes:
        length_s: how much.
    """

    length_s: float


class _Clock:
    """Where the sound has come to by its time stamps.

    Attributes:
        is_damaged: something since the last block could not be decoded, so that even a small leap is a hole.
    """

    def __init__(self) -> None:
        self._now_s: float | None = None
        self.is_damaged = False

    def gap_before(self, start_s: float | None, length_s: float) -> float | None:
        """How much is missing before a block; goes on to its end. None where time stamps don't tell."""
        now_s, self._now_s = self._now_s, None
        nearest_s = _NEAREST_HOLE_AFTER_DAMAGE_S if self.is_damaged else _NEAREST_HOLE_S
        self.is_damaged = False
        if start_s is None:
            return None
        if now_s is None:
            self._now_s = start_s + length_s
            return None
        ahead_s = start_s - now_s
        hole_s = ahead_s if ahead_s > nearest_s else 0.0
        if hole_s > 0.0 or ahead_s < _BACKWARDS_S:  # backwards: another clock; the sound goes on
            now_s = start_s
        else:
            now_s += _DRIFT_SHARE * ahead_s
        self._now_s = now_s + length_s
        return hole_s


class SoundPackets:
    """The sound of an open container.

    Args:
        container: as `speech.files.media.open_media` gives it.
        path: the file, for messages.

    Attributes:
        leaps: how far the time stamps leapt ahead where that was too far to be filled, seconds each.
        failure: what FFmpeg said of the first thing that it could not decode; "" if there was none.
        declared_s: how long the file says that its sound is; None where it does not say.

    Raises:
        InputError: no sound in it, or one that FFmpeg has no decoder for.
    """

    def __init__(self, container: InputContainer, path: Path) -> None:
        if not container.streams.audio:
            raise InputError(f"{path}: expected a file with sound, found no audio track in it")
        self._container, self._path = container, path
        best = container.streams.best("audio")
        tracks = container.streams.audio
        self._stream = next((track for track in tracks if best is not None and track.index == best.index), tracks[0])
        if self._stream.codec_context is None:
            raise InputError(f"{path}: expected sound, it is in a format that FFmpeg can't decode")
        self._is_lossy = not self._stream.codec_context.name.startswith(_ANY_SCALE)
        self.leaps: list[float] = []
        self.failure = ""
        self.declared_s: float | None = None
        if self._stream.duration is not None and self._stream.time_base is not None:
            self.declared_s = float(self._stream.duration * self._stream.time_base)

    def __iter__(self) -> Iterator[Block | Gap]:
        """Decodes everything, in order.

        Raises:
            InputError: a sample rate or a number of channels that no sound has.
        """
        clock = _Clock()
        pending = 0.0  # of packets that could not be decoded
        for packet in self._packets():
            frames = self._decode(packet)
            if frames is None:
                if packet.duration and packet.time_base is not None:
                    pending += float(packet.duration * packet.time_base)
                clock.is_damaged = True
                continue
            for frame in frames:
                if frame.samples == 0:
                    continue
                block = _block(frame, self._path)
                if self._is_lossy and float(np.abs(block.sound).max()) > _LOUDEST_DECODED:
                    pending += block.length_s
                    clock.is_damaged = True
                    continue
                hole = clock.gap_before(frame.time, block.length_s)
                hole = pending if hole is None else hole
                if hole > LONGEST_HOLE_S:
                    self.leaps.append(hole)
                elif hole > 0.0:
                    yield Gap(hole)
                yield block
                pending = 0.0
        if 0.0 < pending <= LONGEST_HOLE_S:
            yield Gap(pending)

    def _packets(self) -> Iterator[Packet[AudioStream]]:
        """All packets, the empty one at the end among them; what can't be read is passed over."""
        import av

        failures = 0
        while failures < _MOST_FAILURES:
            try:
                for packet in self._container.demux(self._stream):
                    failures = 0
                    yield packet
                break
            except (av.FFmpegError, ValueError) as error:
                failures += 1
                self._note(error)

    def _decode(self, packet: Packet[AudioStream]) -> Sequence[AudioFrame] | None:
        """The frames of a packet; None where it can't be decoded."""
        import av

        try:
            return self._stream.codec_context.decode(packet)
        except av.EOFError:
            return []
        except (av.FFmpegError, ValueError) as error:
            self._note(error)
            return None

    def _note(self, error: Exception) -> None:
        self.failure = self.failure or str(getattr(error, "strerror", None) or error)


def _block(frame: AudioFrame, path: Path) -> Block:
    rate_hz, channels = frame.sample_rate, frame.layout.nb_channels
    if not _RATES_HZ[0] <= rate_hz <= _RATES_HZ[1]:
        raise InputError(f"{path}: expected {_RATES_HZ[0]} to {_RATES_HZ[1]} samples a second, got {rate_hz}")
    if not 1 <= channels <= _MOST_CHANNELS:
        raise InputError(f"{path}: expected 1 to {_MOST_CHANNELS} channels, got {channels}")
    values = frame.to_ndarray()
    if not frame.format.is_planar:
        values = values.reshape(-1, channels).T
    names = tuple(str(channel.name) for channel in frame.layout.channels)
    return Block(_full_scale(values), rate_hz, names)


def _full_scale(values: npt.NDArray[Any]) -> Samples:
    """Integers of any width to float32 in [-1, 1)."""
    if values.dtype == np.uint8:
        return (values.astype(np.float32) - 128.0) / np.float32(128.0)
    if np.issubdtype(values.dtype, np.integer):
        return values.astype(np.float32) * np.float32(2.0 ** (1 - 8 * values.dtype.itemsize))
    with np.errstate(over="ignore"):  # to infinity, as what is infinite already
        return values.astype(np.float32)
