"""RTCP of the streams that we send: what keeps sound and picture together, and what the peer says of them.

A receiver plays two streams in step by their sender reports, each of which pairs a time of the sender's clock with a
place in the stream. aiortc pairs a place with the moment at which its packet was sent, and a picture is sent when it is
drawn and encoded, not when its sound is: the two would be apart by just that. Here both streams are paired with one
clock, the conversation's own.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from aiortc import RTCRtpSender
from aiortc.clock import NTP_EPOCH
from aiortc.rtp import (
    RTCP_PSFB_APP,
    RTCP_PSFB_FIR,
    RTCP_PSFB_PLI,
    RtcpPsfbPacket,
    RtcpReceiverInfo,
    RtcpRrPacket,
    RtcpSenderInfo,
    RtcpSrPacket,
    unpack_remb_fci,
)

_UNIX_TO_NTP_S = -NTP_EPOCH.timestamp()

_EARLY = (2, 8)
"""Frames after which a report is sent at once: a receiver needs two before it plays anything in step."""

_REMEMBERED = 8
"""Reports whose echo tells the round trip."""


class StreamReports:
    """Speaks RTCP for one of aiortc's senders.

    Args:
        sender: not started yet.
        clock_hz: of its RTP timestamps.
        media_time: the conversation's time now, in seconds of output.
        on_news: called whenever the peer reports anything, with the newest round trip in seconds if one was measured.
        on_picture_lost: called when the peer needs a picture that can be decoded without those before.
        on_bitrate: called with the bits a second that the peer has room for.
        level: how loud the frame is that was just taken, in dB below full scale, for the peer to show; None without.
    """

    def __init__(
        self,
        sender: RTCRtpSender,
        *,
        clock_hz: int,
        media_time: Callable[[], float],
        on_news: Callable[[float | None], None],
        on_picture_lost: Callable[[], None] = lambda: None,
        on_bitrate: Callable[[int], None] = lambda bitrate: None,
        level: Callable[[], int | None] = lambda: None,
    ) -> None:
        self._sender, self._clock_hz, self._media_time = sender, clock_hz, media_time
        self._on_news, self._on_picture_lost, self._on_bitrate = on_news, on_picture_lost, on_bitrate
        self._level = level
        self._in_hand: int | None = None  # the place of a frame that may not be wholly on its way yet
        self._origin: int | None = None  # what aiortc adds to every place, at random
        self._frames = self._packets = self._bytes = 0
        self._reported: deque[tuple[int, float]] = deque(maxlen=_REMEMBERED)
        # aiortc has no hooks here: these three are what its sender and its router call.
        patched: Any = sender
        self._next_frame, patched._next_encoded_frame = patched._next_encoded_frame, self._take_frame
        self._send, patched._send_rtcp = patched._send_rtcp, self._send_corrected
        self._handle, patched._handle_rtcp_packet = patched._handle_rtcp_packet, self._take_packet

    async def _take_frame(self, codec: Any) -> Any:
        """Encodes the next frame; the one before has been sent when aiortc asks for it."""
        if self._in_hand is not None:
            if self._origin is None:
                told: Any = self._sender
                self._origin = told._RTCRtpSender__rtp_timestamp - self._in_hand
            if self._frames in _EARLY:
                empty = RtcpSenderInfo(0, 0, self._packets, self._bytes)
                await self._send_corrected([RtcpSrPacket(self._sender._ssrc, empty)])
        frame = await self._next_frame(codec)
        if frame is not None:
            self._in_hand, frame.audio_level = frame.timestamp, self._level()
            self._frames += 1
            self._packets += len(frame.payloads)
            self._bytes += sum(map(len, frame.payloads))
        return frame

    async def _send_corrected(self, packets: list[Any]) -> None:
        """Sends what aiortc reports, with the place whose sound is sent now as the one that belongs to now."""
        for packet in packets:
            if isinstance(packet, RtcpSrPacket):
                media_s = self._media_time()
                if self._origin is None or not math.isfinite(media_s):
                    return  # nothing was sent yet, or time stands still: there is nothing to tell
                now_s = time.time()
                ntp = round((now_s + _UNIX_TO_NTP_S) * (1 << 32))
                packet.sender_info.ntp_timestamp = ntp
                packet.sender_info.rtp_timestamp = (self._origin + round(media_s * self._clock_hz)) & 0xFFFFFFFF
                self._reported.append(((ntp >> 16) & 0xFFFFFFFF, now_s))
        await self._send(packets)

    async def _take_packet(self, packet: Any) -> None:
        """Takes what the peer reports."""
        match packet:
            case RtcpRrPacket() | RtcpSrPacket():
                self._on_news(self._round_trip(packet.reports))
            case RtcpPsfbPacket(fmt=kind) if kind in (RTCP_PSFB_PLI, RTCP_PSFB_FIR):
                self._on_picture_lost()
            case RtcpPsfbPacket(fmt=kind, fci=data) if kind == RTCP_PSFB_APP:
                with suppress(ValueError):
                    self._on_bitrate(unpack_remb_fci(data)[0])
        await self._handle(packet)

    def _round_trip(self, reports: list[RtcpReceiverInfo]) -> float | None:
        arrived_s = time.time()
        for report in reports:
            for middle_bits, sent_s in self._reported:
                if report.ssrc == self._sender._ssrc and report.lsr == middle_bits and report.lsr:
                    return max(0.0, arrived_s - sent_s - report.dlsr / 65536)
        return None
