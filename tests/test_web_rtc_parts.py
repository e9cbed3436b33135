"""The parts of a visitor's connection, each by itself, on virtual time."""

from __future__ import annotations

import asyncio
import math
import time
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest
from aiortc.mediastreams import MediaStreamError
from aiortc.rtp import RtcpReceiverInfo, RtcpRrPacket, RtcpSenderInfo, RtcpSrPacket

from agent.conversation.live_audio import LiveAudio
from agent.web.rtc.controls import ControlsChange
from agent.web.rtc.controls_channel import AT_MOST_EVERY_S, ControlsChannel
from agent.web.rtc.microphone import MOST_AHEAD_S, MOST_PACKETS_A_SECOND, UnbufferedPackets, listen
from agent.web.rtc.peer_sound import MOST_QUEUED, PICTURE_S, PIECE_SAMPLES, PLAYOUT_S, PeerSound
from agent.web.rtc.reports import StreamReports
from agent.web.rtc.voice_track import VoiceTrack
from avatar.clock import PacedClock
from speech.audio import OUTPUT_RATE_HZ
from speech.sound_track import SoundTrack
from tests.fakes import ScriptedMind
from tests.rtc_visitor import Tone, decoded
from tests.test_session import Scene
from tests.virtual_time import run

# ---- time


def test_time_stands_still_without_a_peer_and_goes_on_with_the_next_one() -> None:
    async def main() -> None:
        sound, loop = PeerSound(), asyncio.get_running_loop()
        assert sound.heard_at(0) == math.inf
        await asyncio.sleep(3)
        sound.attach("first")
        assert sound.sent_at(0) == loop.time()
        assert sound.heard_at(0) == loop.time() + PLAYOUT_S - PICTURE_S
        await asyncio.sleep(1)
        sound.attach("second")
        sound.detach("first")  # which has no say any more
        assert not sound.is_paused
        await asyncio.sleep(1)
        sound.detach("second")
        place = sound.next_piece() * PIECE_SAMPLES
        assert place == 2 * OUTPUT_RATE_HZ
        await asyncio.sleep(10)
        sound.attach("third")
        assert sound.sent_at(place) == pytest.approx(loop.time())
        assert sound.openings == 3

    run(main())


def test_the_face_stands_still_too_and_nothing_polls() -> None:
    async def main() -> None:
        sound, loop = PeerSound(), asyncio.get_running_loop()
        clock = PacedClock(sound, ahead_s=0.022, most_ahead_s=0.06)
        frames: list[float] = []

        async def draw() -> None:
            while True:
                await clock.next_frame()
                frames.append(loop.time())
                clock.played(loop.time())

        drawing = asyncio.create_task(draw())
        await asyncio.sleep(0.001)
        timers = len(loop._scheduled)  # type: ignore[attr-defined]
        assert (len(frames), timers) == (0, 0)
        sound.attach("peer")
        await asyncio.sleep(1.0)
        sound.detach("peer")
        before = len(frames)
        assert before == pytest.approx(25, abs=2)
        await asyncio.sleep(5.0)
        assert len(frames) <= before + 1
        sound.attach("peer")
        await asyncio.sleep(1.0)
        assert len(frames) == pytest.approx(50, abs=3)
        assert not clock.is_late()
        drawing.cancel()

    run(main())


def test_an_answer_waits_for_a_peer_and_is_cut_where_it_was_heard() -> None:
    """A conversation whose peer goes in mid-sentence."""

    async def main() -> Scene:
        sound = PeerSound()
        scene = Scene(mind=ScriptedMind({"hello": " ".join(f"word{n}" for n in range(20)) + "."}))
        scene.use_clock(PacedClock(sound, ahead_s=0.022, most_ahead_s=0.06))
        audio = LiveAudio(sound, full_duplex=True)
        conversation = asyncio.create_task(scene.converse(audio))
        await asyncio.sleep(0.1)
        scene.session.ask("hello")
        await asyncio.sleep(5.0)
        assert scene.session.frames == 0
        sound.attach("peer")
        await asyncio.sleep(2.5)
        sound.detach("peer")
        scene.session.interrupt()
        await asyncio.sleep(30.0)
        sound.attach("peer")
        await asyncio.sleep(0.5)
        audio.leave()
        await conversation
        return scene

    scene = run(main())
    (record,) = scene.records
    assert record.interrupted
    assert 8 <= len(record.heard.split()) <= 12  # words of 0.2 s, after a lead of 0.4 s
    assert len(scene.output.all_sound) / OUTPUT_RATE_HZ < 4.0


def test_where_sound_is_heard_follows_the_round_trip() -> None:
    async def main() -> None:
        sound = PeerSound()
        sound.attach("peer")
        for _ in range(40):
            sound.set_network_delay(0.05)
        assert sound.heard_at(0) - sound.sent_at(0) == pytest.approx(PLAYOUT_S - PICTURE_S + 0.05, abs=1e-4)
        sound.set_network_delay(1e9)
        assert sound.heard_at(0) - sound.sent_at(0) < PLAYOUT_S + 0.3

    run(main())


# ---- the voice


def test_the_voice_is_the_same_at_the_other_end_in_its_place() -> None:
    rng = np.random.default_rng(0)
    click, length = 22_345, 2 * OUTPUT_RATE_HZ
    at = np.arange(length) / OUTPUT_RATE_HZ
    sound = (0.3 * np.sin(2 * np.pi * 1000 * at) + 0.002 * rng.normal(size=length)).astype(np.float32)
    sound[:click] = 0.0
    sound[length * 3 // 4 :] = 0.0

    levels: list[int] = []

    async def main() -> list[tuple[int, bytes]]:
        peer, track = PeerSound(), SoundTrack()
        track.append(sound)
        peer.attach("peer")
        async with peer.playing(track):
            voice = VoiceTrack(peer)
            packets: list[tuple[int, bytes]] = []
            for _ in range(length // PIECE_SAMPLES):
                packet = await voice.recv()
                assert packet.pts is not None
                packets.append((packet.pts, bytes(packet)))
                levels.append(voice.level)
            voice.stop()
            with pytest.raises(MediaStreamError):
                await voice.recv()
        return packets

    packets = run(main())
    assert {after[0] - before[0] for before, after in pairwise(packets)} == {960}
    heard = decoded(packets)
    first = int(np.argmax(np.abs(heard) > 0.1)) + packets[0][0]
    assert first / 48_000 == pytest.approx(click / OUTPUT_RATE_HZ, abs=0.001)
    middle = slice(OUTPUT_RATE_HZ // 2, OUTPUT_RATE_HZ)
    told = heard[middle.start - packets[0][0] : middle.stop - packets[0][0]]
    assert np.corrcoef(told, sound[middle])[0, 1] > 0.9
    assert levels[0] == levels[-1] == -127
    assert levels[50] == pytest.approx(-13.5, abs=1)  # a sine of 0.3
    assert sum(len(payload) for _, payload in packets[-10:]) < 300  # silence costs little


# ---- the microphone


def _packet(number: int, data: bytes = b"x") -> Any:
    return SimpleNamespace(sequence_number=number % 65536, timestamp=960 * number % (1 << 32), _data=data)


def test_packets_are_passed_on_at_once_and_never_go_back() -> None:
    async def main() -> list[int]:
        packets, passed = UnbufferedPackets(), []
        for number in [65534, 65535, 65536, 65538, 65537, 65538, 65539, 65544]:
            lost, frame = packets.add(_packet(number))
            assert not lost
            if frame is not None:
                passed.append(number - 65534)
        assert packets.add(_packet(65545, b""))[1] is None
        return passed

    assert run(main()) == [0, 1, 2, 4, 5, 10]


def test_a_flood_of_packets_is_thrown_away() -> None:
    async def main() -> int:
        packets = UnbufferedPackets()
        return sum(packets.add(_packet(number))[1] is not None for number in range(5000))

    assert run(main()) == MOST_PACKETS_A_SECOND


class _LossyTone(Tone):
    """Every tenth packet is lost; once, the timestamps leap."""

    async def recv(self) -> Any:
        if self._next > 100:
            raise MediaStreamError
        frame = await super().recv()
        if self._next % 10 == 0:
            frame = await super().recv()
        frame.pts += 48_000 * 3600 if self._next > 60 else 0
        return frame


def test_where_packets_were_lost_there_is_silence_of_their_length() -> None:
    async def main() -> tuple[float, int]:
        sound, news = PeerSound(), []
        await listen(_LossyTone(), sound, lambda: news.append(1))
        assert len(news) == 91
        assert sound._heard.qsize() == MOST_QUEUED
        return sound.chunks_lost, len(news)

    lost, came = run(main())
    assert lost == came + 10 - MOST_QUEUED  # ten holes, the leap among them: shortened to a second


class _Flood(Tone):
    """A hundred times as much sound as time goes by, with timestamps that claim holes beside."""

    async def recv(self) -> Any:
        if self._next >= 5000:
            raise MediaStreamError
        if self._next % 100 == 0:
            await asyncio.sleep(0.02)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 960), np.int16), format="s16", layout="mono")
        frame.sample_rate, frame.pts = 48_000, self._next * 960 + 96_000 * (self._next % 2)
        self._next += 1
        return frame


def test_no_more_is_heard_than_time_goes_by() -> None:
    """Else one visitor's packets would take the time in which others are heard."""

    async def main() -> float:
        sound, heard_s = PeerSound(), 0.0

        def count(samples: Any) -> None:
            nonlocal heard_s
            heard_s += len(samples) / OUTPUT_RATE_HZ

        sound.hear = count  # type: ignore[method-assign]
        await listen(_Flood(), sound, lambda: None)
        return heard_s

    assert MOST_AHEAD_S < run(main()) <= MOST_AHEAD_S + 1.0


# ---- controls


def test_of_controls_that_come_too_quickly_the_newest_of_each_wins() -> None:
    async def main() -> None:
        told: list[ControlsChange] = []
        floods: list[int] = []
        channel = ControlsChannel(told.append, lambda: floods.append(1))
        channel.receive('{"emotion": "happy", "intensity": 0.9}')
        channel.receive('{"distance": 1.2}')
        for degrees in range(20):
            channel.receive(f'{{"yaw_deg": {degrees}, "pitch_deg": 0}}')
        for nonsense in ("", "[]", "{", '{"yaw_deg": 1}', '{"distance": 1e999}', "x" * 501, b"\xff\xfe"):
            channel.receive(nonsense)
        assert len(told) == 1
        await asyncio.sleep(3 * AT_MOST_EVERY_S)
        assert [one.model_dump(exclude_unset=True) for one in told[1:]] == [
            {"distance": 1.2, "yaw_deg": 19, "pitch_deg": 0}
        ]
        assert (channel.refused, floods) == (7, [])
        for _ in range(300):
            channel.receive("{}")
        assert floods
        channel.close()

    run(main())


# ---- reports


class _Sender:
    """As much of aiortc's sender as reports need."""

    _ssrc = 7
    _RTCRtpSender__rtp_timestamp = 0

    def __init__(self) -> None:
        self.sent: list[Any] = []

    async def _next_encoded_frame(self, codec: Any) -> Any:
        return SimpleNamespace(payloads=[b"12345"], timestamp=480, audio_level=None)

    async def _send_rtcp(self, packets: list[Any]) -> None:
        self.sent += packets

    async def _handle_rtcp_packet(self, packet: Any) -> None:
        pass


def test_reports_pair_now_with_what_is_sent_now_and_their_echo_tells_the_round_trip() -> None:
    async def main() -> None:
        sender, trips = _Sender(), []
        patched: Any = sender
        StreamReports(patched, clock_hz=48_000, media_time=lambda: 2.0, on_news=trips.append)
        report = RtcpSrPacket(7, RtcpSenderInfo(1, 2, 3, 4))
        await patched._send_rtcp([report])
        assert sender.sent == []  # nothing was sent that it could be about
        await patched._next_encoded_frame(None)
        sender._RTCRtpSender__rtp_timestamp = 1_000_480  # aiortc's random origin is 1,000,000
        for _ in range(10):
            await patched._next_encoded_frame(None)
        first, second = sender.sent  # early, of its own accord
        assert first.sender_info.rtp_timestamp == second.sender_info.rtp_timestamp == 1_096_000
        assert (first.sender_info.packet_count, first.sender_info.octet_count) == (2, 10)
        ntp = second.sender_info.ntp_timestamp
        assert ntp / (1 << 32) == pytest.approx(time.time() + 2_208_988_800, abs=5.0)
        middle = (ntp >> 16) & 0xFFFFFFFF
        for ssrc, lsr, held in [(7, middle, 0), (7, middle, 655_360), (8, middle, 0), (7, 0, 0)]:
            await patched._handle_rtcp_packet(RtcpRrPacket(1, [RtcpReceiverInfo(ssrc, 0, 0, 0, 0, lsr, held)]))
        assert trips[0] is not None
        assert 0 <= trips[0] < 1.0
        assert trips[1:] == [0.0, None, None]

    run(main())


def test_a_voice_that_has_to_catch_up_starves_nobody() -> None:
    async def main() -> None:
        sound, turns = PeerSound(), 0
        sound.attach(sound)
        await asyncio.sleep(2.0)  # the machine was busy with something else

        async def others() -> None:
            nonlocal turns
            while True:
                await asyncio.sleep(0)
                turns += 1

        working = asyncio.create_task(others())
        for piece in range(100):
            await sound.piece(piece)
        assert turns >= 99
        working.cancel()

    run(main())
