"""The avatar's voice as a peer receives it: Opus, paced by the peer's sound device."""

from __future__ import annotations

import math
from fractions import Fraction

import av
import numpy as np
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from av.audio.codeccontext import AudioCodecContext
from av.stream import Stream

from agent.web.rtc.peer_sound import PIECE_SAMPLES, PeerSound
from speech.audio import OUTPUT_RATE_HZ, Samples, rms

BITRATE = 40_000
"""Bits a second, for speech of full bandwidth in mono."""

EXPECTED_LOSS_PERCENT = 5
"""So much of the bitrate goes into copies of the packet before, for networks that lose some."""

SILENCE_DB = -127
_TIME_BASE = Fraction(1, OUTPUT_RATE_HZ)


class VoiceTrack(MediaStreamTrack):
    """The avatar's voice, encoded: one packet every 20 ms, in silence too, where it takes 24 bytes.

    With Opus' discontinuous transmission Chromium was seen to lose the place of the sound against the picture in
    pauses, on a busy machine at least.

    Attributes:
        level: of the packet that was taken last, in dB: 0 is full scale, -127 silence.
    """

    kind = "audio"

    def __init__(self, sound: PeerSound) -> None:
        super().__init__()
        self._sound = sound
        self._next: int | None = None
        self._encoder = _encoder()
        self.level = SILENCE_DB

    async def recv(self) -> av.Packet[Stream]:
        """The next packet, when its sound is due."""
        if self._next is None:
            self._next = self._sound.next_piece()
        samples = await self._sound.piece(self._next)
        if self.readyState != "live":
            raise MediaStreamError
        self._next += 1
        self.level = max(SILENCE_DB, round(20 * math.log10(rms(samples) + 1e-9)))
        return self._encode((self._next - 1) * PIECE_SAMPLES, samples)

    def _encode(self, start: int, samples: Samples) -> av.Packet[Stream]:
        """Takes 0.15 ms; the packet's time allows for the encoder's own delay."""
        frame = av.AudioFrame.from_ndarray(
            np.rint(np.clip(samples, -1.0, 1.0) * 32767.0).astype(np.int16)[None], format="s16", layout="mono"
        )
        frame.sample_rate, frame.pts, frame.time_base = OUTPUT_RATE_HZ, start, _TIME_BASE
        (packet,) = self._encoder.encode(frame)
        return packet


def _encoder() -> AudioCodecContext:
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
