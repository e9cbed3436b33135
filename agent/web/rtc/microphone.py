"""The visitor's microphone, as it comes over the network: heard at once, whatever was lost on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import av
import numpy as np
from aiortc import RTCRtpReceiver
from aiortc.jitterbuffer import JitterFrame
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack

from agent.web.rtc.peer_sound import PeerSound
from speech.audio import OUTPUT_RATE_HZ

OPUS_RATE_HZ = 48_000
MOST_PACKETS_A_SECOND = 400
"""Opus packets are 2.5 ms long at least; what a peer sends beyond that is thrown away."""
MOST_LOST_S = 1.0
"""A hole in the sound that is longer is shortened: a peer's timestamps are only what it says."""
MOST_AHEAD_S = 3.0
"""Sound that a network held up comes at once. What is beyond that, and more than time has gone by, is thrown away: to
hear it would take the time in which others are heard."""


class UnbufferedPackets:
    """Stands where aiortc has its jitter buffer, and passes each packet on as it comes.

    aiortc's own waits for four more packets, which is 80 ms before a barge-in is noticed, and after a single lost one
    it stays 300 ms late for good. A listener that need not sound well can do without: what comes in the wrong order is
    lost.
    """

    def __init__(self) -> None:
        self._newest: int | None = None
        self._second = 0
        self._packets = 0

    def add(self, packet: Any) -> tuple[bool, JitterFrame | None]:
        """Takes an RTP packet; returns that no picture is lost, and what is to be decoded now, if anything."""
        if not packet._data or self._is_too_much() or self._is_old(packet.sequence_number):
            return False, None
        self._newest = packet.sequence_number
        return False, JitterFrame(packet._data, packet.timestamp)

    def _is_old(self, sequence_number: int) -> bool:
        return self._newest is not None and not 0 < (sequence_number - self._newest) % 65536 < 32768

    def _is_too_much(self) -> bool:
        second = int(asyncio.get_running_loop().time())
        if second != self._second:
            self._second, self._packets = second, 0
        self._packets += 1
        return self._packets > MOST_PACKETS_A_SECOND


def hear_at_once(receiver: RTCRtpReceiver) -> None:
    """Takes the delay out of a receiver of sound, before anything has come."""
    patched: Any = receiver
    patched._RTCRtpReceiver__jitter_buffer = UnbufferedPackets()


async def listen(track: MediaStreamTrack, sound: PeerSound, on_sound: Callable[[], None]) -> None:
    """Gives a track's sound to the visitor's device until the track ends; silence stands where packets were lost.

    Args:
        track: of the peer.
        sound: takes it.
        on_sound: called whenever any came.
    """
    resampler = av.AudioResampler(format="flt", layout="mono", rate=OUTPUT_RATE_HZ)
    expected: int | None = None
    clock = asyncio.get_running_loop().time
    ahead_s, taken_at_s = 0.0, clock()
    while True:
        try:
            frame = await track.recv()
        except MediaStreamError:
            return
        on_sound()
        assert isinstance(frame, av.AudioFrame)
        assert frame.pts is not None
        lost_s = 0.0 if expected is None else (frame.pts - expected) / OPUS_RATE_HZ
        lost_s = min(max(lost_s, 0.0), MOST_LOST_S)
        expected = frame.pts + frame.samples
        now_s = clock()
        ahead_s, taken_at_s = max(0.0, ahead_s - (now_s - taken_at_s)), now_s
        if ahead_s + lost_s + frame.samples / OPUS_RATE_HZ > MOST_AHEAD_S:
            continue
        ahead_s += lost_s + frame.samples / OPUS_RATE_HZ
        if lost_s > 0.0:
            sound.hear(np.zeros(round(lost_s * OUTPUT_RATE_HZ), np.float32))
        frame.pts = None  # the resampler need not know of holes
        for piece in resampler.resample(frame):
            sound.hear(piece.to_ndarray()[0])
