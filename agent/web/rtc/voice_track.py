"""The avatar's voice as a peer receives it: Opus, paced by the peer's sound device."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from av.audio.codeccontext import AudioCodecContext
from av.stream import Stream

from agent.web.rtc.peer_sound import PIECE_SAMPLES, PeerSound
from speech.audio import OUTPUT_RATE_HZ, Samples

BITRATE = 40_000
"""Bits a second: speech of 12 kHz bandwidth, in mono, that nobody tells from the original."""

EXPECTED_LOSS_PERCENT = 5
"""So much of the bitrate goes into copies of the packet before, for networks that lose some."""

SILENT_PIECES = 10
"""After 200 ms of silence, packets become rare, as with Opus' own discontinuous transmission."""

SILENCE_EVERY = 20
"""Then one in 400 ms is sent."""

_TIME_BASE = Fraction(1, OUTPUT_RATE_HZ)


class VoiceTrack(MediaStreamTrack):
    """The avatar's voice, encoded: one packet for each 20 ms in which there is something to hear."""

    kind = "audio"

    def __init__(self, sound: PeerSound) -> None:
        super().__init__()
        self._sound = sound
        self._next: int | None = None
        self._silent = 0
        self._encoder = _encoder()

    async def recv(self) -> av.Packet[Stream]:
        """The next packet, when its sound is due."""
        if self._next is None:
            self._next = self._sound.next_piece()
        while self.readyState == "live":
            samples = await self._sound.piece(self._next)
            packet = self._encode(self._next * PIECE_SAMPLES, samples)
            self._next += 1
            self._silent = 0 if samples.any() else self._silent + 1
            if self._silent <= SILENT_PIECES or self._silent % SILENCE_EVERY == 0:
                return packet
        raise MediaStreamError

    def _encode(self, start: int, samples: Samples) -> av.Packet[Stream]:
        """Takes 0.15 ms; the packet's time allows for the encoder's own delay."""
        frame = av.AudioFrame.from_ndarray(
            np.rint(np.clip(samples, -1.0, 1.0) * 32767.0).astype(np.int16)[None], format="s16", layout="mono"
        )
        frame.sample_rate, frame.pts, frame.time_base = OUTPUT_RATE_HZ, start, _TIME_BASE
        (packet,) = self._encoder.encode(frame)
        return packet


def _encoder() -> AudioCodecContext:
    """Opus takes our own sample rate as it is: a receiver's decoder makes 48 kHz of it, without images."""
    encoder = av.CodecContext.create("libopus", "w")
    assert isinstance(encoder, AudioCodecContext)
    encoder.format, encoder.layout = av.AudioFormat("s16"), av.AudioLayout("mono")
    encoder.sample_rate, encoder.time_base, encoder.bit_rate = OUTPUT_RATE_HZ, _TIME_BASE, BITRATE
    encoder.options = {
        "application": "voip",
        "frame_duration": "20",
        "compression_level": "5",
        "fec": "1",
        "packet_loss": str(EXPECTED_LOSS_PERCENT),
    }
    return encoder
