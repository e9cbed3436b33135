"""A visitor's WebRTC connection: two peers in one process. `test_web_rtc_parts` tries the parts by themselves."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import numpy as np
import pytest

from agent.web.rtc import connection as connection_module
from agent.web.rtc import controls_channel
from agent.web.rtc.connection import Connection
from agent.web.rtc.peer_sound import PIECE_SAMPLES
from avatar.decoder import VideoFrame
from avatar.motion import neutral
from speech.audio import OUTPUT_RATE_HZ
from speech.errors import BackendError, InputError
from speech.sound_track import SoundTrack
from tests.rtc_visitor import Host, Tone, Visitor, decoded, meet, until


@asynccontextmanager
async def connected(host: Host, visitor: Visitor) -> AsyncGenerator[Connection, None]:
    """A connection that is up."""
    connection = host.connection()
    try:
        await visitor.connect(connection)
        await until(lambda: not host.sound.is_paused)
        yield connection
    finally:
        await connection.close()
        await visitor.peer.close()


def show(host: Host, start: int, brightness: int = 100) -> None:
    image = np.full((64, 64, 3), brightness, np.uint8)
    host.face.write(VideoFrame(image, start), np.zeros(960, np.float32), neutral(1)[0])


def test_sound_and_picture_are_reported_on_one_clock() -> None:
    """However late a picture is sent: a receiver finds its place in the sound by the reports alone."""
    click = OUTPUT_RATE_HZ // 2

    async def main() -> None:
        host, visitor, track = Host(), Visitor(), SoundTrack()
        sound = np.zeros(OUTPUT_RATE_HZ, np.float32)
        sound[click : click + 100] = 0.8
        track.append(sound)
        async with host.sound.playing(track), connected(host, visitor):
            for frame in range(18):
                late_s = 0.1 * (frame % 3)
                await asyncio.sleep(host.sound.sent_at(frame * 960) + late_s - asyncio.get_running_loop().time())
                await asyncio.to_thread(show, host, frame * 960)
            heard, seen = visitor.streams["audio"], visitor.streams["video"]
            await until(lambda: len(heard.reports) > 1 and len(seen.reports) > 1)
            await until(lambda: bool((np.abs(decoded(heard.packets)) > 0.3).any()))
        place = int(np.argmax(np.abs(decoded(heard.packets)) > 0.3))
        places = sorted({timestamp for timestamp, _ in seen.packets})

        def ntp_s(reports: list[tuple[float, int]], timestamp: int, clock_hz: int) -> float:
            at_s, reported = reports[-1]
            return at_s + ((timestamp - reported + (1 << 31)) % (1 << 32) - (1 << 31)) / clock_hz

        click_s = ntp_s(heard.reports, heard.packets[0][0] + place, 48_000)
        flash_s = ntp_s(seen.reports, places[0] + click * 90_000 // OUTPUT_RATE_HZ, 90_000)
        assert click_s == pytest.approx(flash_s, abs=0.002)
        assert click_s == pytest.approx(time.time() + 2_208_988_800, abs=5.0)

    meet(main)


def test_the_microphone_is_heard_and_the_controls_are_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(controls_channel, "MOST_MESSAGES_A_SECOND", 20)  # however slow the machine is

    async def main() -> None:
        host, visitor = Host(), Visitor(Tone())
        channel = visitor.channel()
        async with connected(host, visitor):
            heard: list[np.ndarray] = []
            async for chunk in host.sound.chunks():
                heard.append(chunk.samples)
                if chunk.end_sample > OUTPUT_RATE_HZ // 3:
                    break
            spectrum = np.abs(np.fft.rfft(np.concatenate(heard)[-4800:]))
            assert np.argmax(spectrum) * OUTPUT_RATE_HZ / 4800 == pytest.approx(440, abs=6)
            await until(lambda: channel.readyState == "open")
            channel.send(json.dumps({"yaw_deg": 10, "pitch_deg": -5}))
            channel.send("nonsense")
            await until(lambda: bool(host.changes))
            assert (host.changes[0].yaw_deg, host.changes[0].pitch_deg) == (10, -5)
            for _ in range(400):
                channel.send("{}")
            await until(lambda: host.lost == 1)  # a flood

    meet(main)


def test_a_peer_that_lost_a_picture_gets_a_key_frame() -> None:
    async def main() -> None:
        host, visitor = Host(), Visitor(media=("video",))
        async with connected(host, visitor):
            seen = visitor.streams["video"]
            frames = iter(range(1000))

            async def next_picture() -> int:
                before = len(seen.packets)
                await asyncio.to_thread(show, host, next(frames) * 960, 50)
                await until(lambda: len(seen.packets) > before)
                return seen.packets[before][1][4] & 1  # VP8's first bit after the descriptor: 0 is a key frame

            assert [await next_picture() for _ in range(3)] == [0, 1, 1]
            ssrc = int(visitor.peer.remoteDescription.sdp.split("a=ssrc:")[1].split()[0])
            await visitor.peer.getReceivers()[0]._send_rtcp_pli(ssrc)
            async with asyncio.timeout(5):
                while await next_picture():
                    pass

    meet(main)


def test_a_peer_that_vanishes_is_noticed_and_time_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_module, "SILENT_S", 1.0)

    async def main() -> None:
        host, visitor = Host(), Visitor(Tone())
        async with connected(host, visitor):
            await asyncio.sleep(1.1)
            assert host.lost == 0
            await visitor.vanish()
            await until(lambda: host.lost == 1)
            assert host.sound.is_paused
            assert host.face.track is None
            place = host.sound.next_piece()
            await asyncio.sleep(0.1)
            assert host.sound.next_piece() == place
            # It comes back: time goes on where it stood still.
            again = Visitor()
            async with connected(host, again):
                assert place <= host.sound.next_piece() <= place + 25
        assert host.lost == 1

    meet(main)


def test_a_peer_that_hangs_up_is_noticed_at_once() -> None:
    async def main() -> None:
        host, visitor = Host(), Visitor()
        async with connected(host, visitor):
            await visitor.peer.close()
            await until(lambda: host.lost == 1, 5.0)

    meet(main)


def test_a_peer_that_never_comes_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_module, "CONNECT_S", 0.2)

    async def main() -> None:
        host, visitor = Host(), Visitor()
        connection = host.connection()
        await connection.answer(await visitor.offer())
        assert host.sound.is_paused
        await until(lambda: host.lost == 1, 5.0)
        await connection.close()
        await visitor.peer.close()
        assert host.lost == 1

    meet(main)


def test_a_second_connection_takes_over_without_a_pause() -> None:
    async def main() -> None:
        host, track = Host(), SoundTrack()
        async with host.sound.playing(track), connected(host, Visitor()) as first:
            began_s, before = host.sound.sent_at(0), host.face.track
            async with connected(host, Visitor()):
                await until(lambda: host.face.track not in (None, before))
                await first.close()
                assert not host.sound.is_paused
                assert host.sound.sent_at(0) == began_s
                assert host.face.track is not None
        assert host.sound.is_paused
        assert host.lost == 0

    meet(main)


@pytest.mark.parametrize("media", [("audio",), ("video",)])
def test_who_wants_only_one_gets_that(media: tuple[str, ...]) -> None:
    async def main() -> None:
        host, visitor = Host(), Visitor(media=media)
        async with connected(host, visitor):
            await until(lambda: host.face.track is not None)
            await asyncio.to_thread(show, host, 0)
            await until(lambda: bool(visitor.streams[media[0]].packets))

    meet(main)


def test_what_is_no_offer_is_refused_in_one_line_and_leaves_nothing() -> None:
    async def main() -> None:
        visitor = Visitor()
        good = await visitor.offer()
        await visitor.peer.close()
        video = good[good.index("m=video") :]
        bad = {
            "an SDP offer": [
                "",
                "nonsense",
                "\x00\x1b[31m" * 20,
                "v=0\r\nm=audio",
                good.replace("m=audio ", "m=audio x"),
            ],
            "at most 64000": [good + "a=x\r\n" * 20_000],
            "neither": ["v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"],
            "at most one line": [good + video, good + video * 20],
            "ICE credentials": [good.replace("a=ice-pwd", "a=x-pwd"), good.replace("a=fingerprint", "a=x")],
            "opus": [good.replace("opus/48000/2", "opaque/48000/2")],
            "VP8": [good.replace("VP8", "VP7")],
            "rtcp-mux": [good.replace("a=rtcp-mux", "a=x")],
            "candidates": [good + "a=candidate:1 1 udp 1 10.0.0.1 9 typ host\r\n" * 200],
        }
        for words, offers in bad.items():
            for offer in offers:
                host = Host()
                with pytest.raises(InputError) as error:
                    await host.connection().answer(offer)
                assert words in str(error.value), offer[:80]
                assert str(error.value).isprintable()
                assert len(str(error.value)) < 300
                assert host.lost == 0

    meet(main)


def test_what_was_sent_while_nobody_was_there_is_not_sent_later() -> None:
    """A voice that has nobody to hear it stays where it is."""

    async def main() -> None:
        host, visitor, track = Host(), Visitor(media=("audio",)), SoundTrack()
        async with host.sound.playing(track):
            track.append(np.full(PIECE_SAMPLES * 10, 0.5, np.float32))
            await asyncio.sleep(0.1)
            assert track.taken == 0
            async with connected(host, visitor):
                await until(lambda: track.taken >= PIECE_SAMPLES * 12)
                heard = decoded(visitor.streams["audio"].packets)
        assert np.abs(heard).max() > 0.3

    meet(main)


def test_where_there_is_no_socket_it_is_not_the_offers_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    async def no_sockets(*_: object) -> None:
        raise OSError(24, "Too many open files", "/proc/self")

    async def main() -> str:
        visitor = Visitor()
        offer = await visitor.offer()
        monkeypatch.setattr(connection_module.RTCPeerConnection, "setLocalDescription", no_sockets)
        with pytest.raises(BackendError) as told:
            await Host().connection().answer(offer)
        await visitor.peer.close()
        return str(told.value)

    assert asyncio.run(main()).startswith("no connection can be opened now")
