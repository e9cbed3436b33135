"""Decodes the frames of a video stream in display order, also from a damaged file."""

from __future__ import annotations

from collections.abc import Iterator

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from avatar.tracking.timeline import SoundIntervals

# Reading goes on behind damage, unless so many reads in a row give nothing.
_FAILED_READS = 50


def sound_stream(container: InputContainer) -> AudioStream | None:
    """The sound track that a reader of sound takes; None without any."""
    best = container.streams.best("audio")
    tracks = container.streams.audio
    return next((track for track in tracks if best is not None and track.index == best.index), next(iter(tracks), None))


class StreamDecoder:
    """Decodes a video packet by packet: a damaged one costs its own pictures, and no others.

    The sound's packets are looked at on the way, not decoded: they tell a pause of the pictures from a leap of the
    file's clock.

    Attributes:
        sound: when there is sound, as far as was read; None without a sound track.
        lost: packets that could not be decoded, and pictures that the decoder calls corrupt.
        cut: whether reading stopped before the end, because nothing could be read any more.
        share: of the file that has been read, in [0, 1]; 0 where that is not known.
    """

    def __init__(self, container: InputContainer, stream: VideoStream) -> None:
        self._container, self._stream = container, stream
        self._sound = sound_stream(container)
        self.sound = SoundIntervals() if self._sound is not None else None
        self.lost = 0
        self.cut = False
        self.share = 0.0

    def frames(self) -> Iterator[VideoFrame]:
        """Yields all frames that decode, in the order of the file."""
        for packet in self._packets():
            try:
                frames = self._stream.decode(packet)
            except (av.FFmpegError, ValueError):
                self.lost += 1
                continue
            for frame in frames:
                if frame.is_corrupt:
                    self.lost += 1
                else:
                    yield frame

    def _packets(self) -> Iterator[Packet[Stream]]:
        """The pictures' packets and an empty one at the end."""
        streams = [self._stream] if self._sound is None else [self._stream, self._sound]
        failed = 0
        while failed < _FAILED_READS:
            failed += 1
            try:
                for packet in self._container.demux(streams):
                    if packet.size == 0 and packet.pts is None:
                        continue  # PyAV's own mark of the end, which does not come after damage
                    failed = 0
                    self._note_position(packet)
                    if packet.stream is self._sound:
                        self._note_sound(packet)
                    else:
                        yield packet
                # The end of one stream's data, in a file that was cut, is told as if it were the end of all.
                self.cut = False
            except av.FFmpegError:
                self.cut = True
        end: Packet[Stream] = Packet()  # an empty one: it makes the decoder give out what it holds back
        if self._stream.time_base is not None:
            end.time_base = self._stream.time_base
        yield end

    def _note_position(self, packet: Packet[Stream]) -> None:
        size = self._container.size
        if size > 0 and packet.pos is not None:
            self.share = max(self.share, min(packet.pos / size, 1.0))

    def _note_sound(self, packet: Packet[Stream]) -> None:
        if self.sound is None or packet.pts is None or packet.time_base is None:
            return
        start = float(packet.pts * packet.time_base)
        self.sound.add(start, start + float((packet.duration or 0) * packet.time_base))
