"""The far end of a WebRTC connection, in this process: what a browser would do, with everything it receives kept."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import av
import numpy as np
from aiortc import RTCConfiguration, RTCDataChannel, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamTrack
from aiortc.rtp import RtcpSrPacket

from agent.config.web_sections import WebSection
from agent.web.rtc.connection import Connection
from agent.web.rtc.controls import ControlsChange
from agent.web.rtc.face_track import PeerFace
from agent.web.rtc.ice_servers import rtc_configuration
from agent.web.rtc.peer_sound import PeerSound
from speech.audio import Samples


class Tone(MediaStreamTrack):
    """A microphone that hears a tone of 440 Hz."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._next = 0
        self._began_s = 0.0

    async def recv(self) -> av.AudioFrame:
        now_s = asyncio.get_running_loop().time()
        self._began_s = self._began_s or now_s
        await asyncio.sleep(self._began_s + self._next * 0.02 - now_s)
        at = np.arange(self._next * 960, self._next * 960 + 960)
        tone = (8000 * np.sin(2 * np.pi * 440 / 48_000 * at)).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(tone[None], format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 48_000, self._next * 960, Fraction(1, 48_000)
        self._next += 1
        return frame


@dataclass
class Stream:
    """What came of one of the two streams.

    Attributes:
        packets: (RTP timestamp, payload) as they came.
        reports: (NTP seconds, RTP timestamp) of the sender reports.
    """

    packets: list[tuple[int, bytes]] = field(default_factory=list)
    reports: list[tuple[float, int]] = field(default_factory=list)


class Visitor:
    """A peer that calls.

    Args:
        microphone: that it sends.
        media: what it wants to receive.
    """

    def __init__(self, microphone: MediaStreamTrack | None = None, media: tuple[str, ...] = ("audio", "video")) -> None:
        self.peer = RTCPeerConnection(RTCConfiguration([]))
        self.streams = {kind: Stream() for kind in media}
        for kind in media:
            sends = kind == "audio" and microphone is not None
            transceiver = self.peer.addTransceiver(microphone if sends else kind, "sendrecv" if sends else "recvonly")
            self._keep(transceiver.receiver, self.streams[kind])

    def _keep(self, receiver: Any, stream: Stream) -> None:
        handle_packet, handle_report = receiver._handle_rtp_packet, receiver._handle_rtcp_packet

        async def packet_came(packet: Any, arrival_time_ms: int) -> None:
            stream.packets.append((packet.timestamp, packet.payload))
            await handle_packet(packet, arrival_time_ms)

        async def report_came(report: Any) -> None:
            if isinstance(report, RtcpSrPacket):
                info = report.sender_info
                stream.reports.append((info.ntp_timestamp / (1 << 32), info.rtp_timestamp))
            await handle_report(report)

        receiver._handle_rtp_packet, receiver._handle_rtcp_packet = packet_came, report_came

    def channel(self, label: str = "controls") -> RTCDataChannel:
        """Opens a data channel with the connection."""
        return self.peer.createDataChannel(label)

    async def offer(self) -> str:
        """What it calls with."""
        await self.peer.setLocalDescription(await self.peer.createOffer())
        return self.peer.localDescription.sdp

    async def connect(self, connection: Connection) -> None:
        """Calls, and waits until media can flow."""
        await self.take(await connection.answer(await self.offer()))
        await until(lambda: self.peer.connectionState == "connected")

    async def take(self, answer: str) -> None:
        """Takes the answer."""
        await self.peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))

    async def vanish(self) -> None:
        """Loses its network without a word."""
        for transceiver in self.peer.getTransceivers():
            ice: Any = transceiver.receiver.transport.transport
            await ice._connection.close()


@dataclass
class Host:
    """Our end: the sound and face of one visitor, and what was told.

    Attributes:
        lost: how many connections were.
        changes: controls that came.
    """

    sound: PeerSound = field(default_factory=PeerSound)
    face: PeerFace = field(init=False)
    lost: int = 0
    changes: list[ControlsChange] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.face = PeerFace(self.sound)

    def connection(self) -> Connection:
        """A connection that waits for an offer."""
        return Connection(
            self.sound,
            self.face,
            on_lost=self._count,
            on_controls=self.changes.append,
            servers=rtc_configuration(WebSection()),
        )

    def _count(self) -> None:
        self.lost += 1


async def until(holds: Callable[[], bool], within_s: float = 10.0) -> None:
    """Waits until something has happened that nobody tells."""
    async with asyncio.timeout(within_s):
        while not holds():  # noqa: ASYNC110 - what it looks at has no event
            await asyncio.sleep(0.01)


def meet(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Runs a meeting; no task and no open file may be left of it."""

    async def watched() -> None:
        open_before = _open_files()
        async with asyncio.timeout(30):
            await main()
        this = {asyncio.current_task()}
        await until(lambda: asyncio.all_tasks() == this, 5)
        assert _open_files() <= open_before

    asyncio.run(watched())


def _open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def decoded(packets: list[tuple[int, bytes]]) -> Samples:
    """What Opus packets sound like: float32 at 48 kHz, mono."""
    decoder = av.CodecContext.create("libopus", "r")
    decoder.sample_rate, decoder.layout = 48_000, "mono"  # type: ignore[union-attr]
    pieces = [frame.to_ndarray() for _, payload in packets for frame in decoder.decode(av.Packet(payload))]  # type: ignore[union-attr]
    sound = np.concatenate(pieces, axis=1).reshape(-1).astype(np.float32)
    return sound / (32768.0 if pieces[0].dtype == np.int16 else 1.0)
