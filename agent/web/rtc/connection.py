"""One WebRTC connection, answered: its microphone is heard, voice and face are sent.

offer ─ checked ─ answered ─ connected: the conversation's time goes on ─ lost or closed: it stands still
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpSender, RTCRtpTransceiver, RTCSessionDescription
from aiortc.mediastreams import MediaStreamTrack

from agent.web.rtc.controls import ControlsChange
from agent.web.rtc.controls_channel import ControlsChannel
from agent.web.rtc.encoder import VIDEO_CLOCK_HZ
from agent.web.rtc.face_track import FaceTrack, PeerFace
from agent.web.rtc.microphone import OPUS_RATE_HZ, hear_at_once, listen
from agent.web.rtc.offer import CODECS, Offer, read_offer
from agent.web.rtc.peer_sound import PeerSound
from agent.web.rtc.reports import StreamReports
from agent.web.rtc.voice_track import VoiceTrack
from speech.errors import BackendError, InputError

CONNECT_S = 20.0
"""A peer that was answered and is not connected by then never comes."""

SILENT_S = 6.0
"""A peer that has sent nothing for so long, neither sound nor a report of what it received, has gone. A browser reports
every second; ICE itself would notice after half a minute."""


class Connection:
    """A peer's connection; `Visit` has one at a time.

    While it is there, `sound` plays and the conversation's time goes on; without one it stands still.

    Args:
        sound: of the visitor, whichever connection it goes over.
        face: likewise.
        on_lost: called on the event loop, once, when the peer has gone or never came, not where `close` was called.
            `close` is still to be called.
        on_controls: called on the event loop with what came over the data channel "controls".
        servers: STUN and TURN.
    """

    def __init__(
        self,
        sound: PeerSound,
        face: PeerFace,
        *,
        on_lost: Callable[[], None],
        on_controls: Callable[[ControlsChange], None] = lambda change: None,
        servers: RTCConfiguration,
    ) -> None:
        self._sound, self._face, self._on_lost = sound, face, on_lost
        self._controls = ControlsChannel(on_controls, self._lose)
        self._peer = RTCPeerConnection(servers)
        self._track = FaceTrack()
        self._hearing: asyncio.Task[None] | None = None
        self._heard_from_s = 0.0
        self._watch: asyncio.TimerHandle | None = None
        self._is_over = False

    async def answer(self, sdp: str) -> str:
        """Takes a peer's SDP offer, and gives the answer; media begins to flow as soon as the peer has it.

        Raises:
            InputError: the offer can't be answered; the connection is closed.
            BackendError: this machine has no socket for it; likewise.
        """
        offer = read_offer(sdp)
        try:
            return await self._answer(offer)
        except BaseException as error:
            await self.close()
            if isinstance(error, OSError):
                raise BackendError("no connection can be opened now: the server has too many, or no network") from error
            if isinstance(error, Exception):  # aiortc says what is wrong by whatever happens to fail
                raise InputError(
                    f"expected an SDP offer that can be answered, got one that can't: {error!r}"
                ) from error
            raise

    async def close(self) -> None:
        """Hangs up."""
        self._end()
        if self._hearing is not None:
            self._hearing.cancel()
            await asyncio.gather(self._hearing, return_exceptions=True)
        await self._peer.close()

    @property
    def heard_from_s(self) -> float:
        """The event loop's time of the last sign of the peer."""
        return self._heard_from_s

    # ---- signalling

    async def _answer(self, offer: Offer) -> str:
        peer = self._peer
        peer.on("connectionstatechange", self._state_changed)
        peer.on("track", self._track_came)
        peer.on("datachannel", self._controls.open)
        if offer.has_audio:
            track = VoiceTrack(self._sound)
            voice = self._add(track, "sendrecv")
            hear_at_once(voice.receiver)
            self._report(voice.sender, OPUS_RATE_HZ, lambda: track.level)
        if offer.has_video:
            face = self._add(self._track, "sendonly")
            self._report(face.sender, VIDEO_CLOCK_HZ)
        await peer.setRemoteDescription(RTCSessionDescription(offer.sdp, "offer"))
        await peer.setLocalDescription(await peer.createAnswer())
        self._watch = asyncio.get_running_loop().call_later(CONNECT_S, self._lose)
        return peer.localDescription.sdp

    def _add(self, track: MediaStreamTrack, direction: str) -> RTCRtpTransceiver:
        """Before the offer is set: its lines then find our tracks, and our choice of codecs."""
        transceiver = self._peer.addTransceiver(track, direction)
        chosen = {CODECS[track.kind].lower(), "rtx"}
        codecs = RTCRtpSender.getCapabilities(track.kind).codecs
        transceiver.setCodecPreferences([codec for codec in codecs if codec.name.lower() in chosen])
        return transceiver

    def _report(self, sender: RTCRtpSender, clock_hz: int, level: Callable[[], int | None] = lambda: None) -> None:
        StreamReports(
            sender,
            clock_hz=clock_hz,
            media_time=self._sound.media_time,
            on_news=self._heard_from,
            on_picture_lost=self._track.want_key_frame,
            on_bitrate=self._track.set_bitrate,
            level=level,
        )

    # ---- life

    def _state_changed(self) -> None:
        match self._peer.connectionState:
            case "connected" if not self._is_over:
                self._heard_from(None)
                self._watch_on()
                self._face.track = self._track
                self._sound.attach(self)
            case "failed" | "closed":
                self._lose()

    def _track_came(self, track: MediaStreamTrack) -> None:
        if track.kind == "audio" and self._hearing is None:
            self._hearing = asyncio.create_task(
                listen(track, self._sound, lambda: self._heard_from(None)), name="peer's microphone"
            )

    def _heard_from(self, round_trip_s: float | None) -> None:
        self._heard_from_s = asyncio.get_running_loop().time()
        if round_trip_s is not None:
            self._sound.set_network_delay(round_trip_s / 2)

    def _watch_on(self) -> None:
        """Looks again when the peer will have been silent for too long, if it says nothing until then."""
        if self._watch is not None:
            self._watch.cancel()
        self._watch = asyncio.get_running_loop().call_at(self._heard_from_s + SILENT_S, self._look)

    def _look(self) -> None:
        if asyncio.get_running_loop().time() - self._heard_from_s < SILENT_S:
            self._watch_on()
        else:
            self._lose()

    def _lose(self) -> None:
        if not self._is_over:
            self._end()
            self._on_lost()

    def _end(self) -> None:
        self._is_over = True
        if self._watch is not None:
            self._watch.cancel()
        self._controls.close()
        self._sound.detach(self)
        if self._face.track is self._track:
            self._face.track = None
