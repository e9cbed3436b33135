"""A conversation whose sound goes to a peer far away, as over WebRTC: the session knows nothing of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import numpy as np
import pytest

from agent.conversation.live_audio import LiveAudio, NoSound
from avatar.clock import PacedClock
from speech.audio import OUTPUT_RATE_HZ, AudioChunk, Samples
from speech.echo.base import CleanSound
from speech.sound_track import SoundTrack
from speech.turns.detector import SilenceTurnDetector
from tests.fakes import LoudnessVAD, ScriptedEars, ScriptedMind, ToneVoice
from tests.test_live_session import spoken
from tests.test_session import Scene, audible_spans
from tests.virtual_time import run

FRAME = OUTPUT_RATE_HZ // 50
"""20 ms: what a peer takes with each `recv`, and sends with each frame."""


class Peer:
    """The far end: takes a frame every 20 ms of its own time, hears it `buffered_s` later, and sends what it says.

    Args:
        says: what comes from its microphone.
        connects_s: it takes nothing before.
        stalls_s: and nothing for a second from here on.
        buffered_s: of its jitter buffer.
    """

    has_microphone = True
    openings = 1

    def __init__(
        self, says: Samples, *, connects_s: float = 0.0, stalls_s: float = 1e9, buffered_s: float = 0.06
    ) -> None:
        self._says, self._connects_s, self._stalls_s, self._buffered_s = says, connects_s, stalls_s, buffered_s
        self._start_s: float | None = None
        self.received: list[Samples] = []

    def heard_at(self, sample: int) -> float:
        if self._start_s is None:
            self._start_s = asyncio.get_running_loop().time() + self._connects_s
        return self._start_s + self._buffered_s + sample / OUTPUT_RATE_HZ

    async def wait_while_paused(self) -> None:
        pass

    def played_meanwhile(self) -> Samples:
        return np.zeros(FRAME, np.float32)

    @asynccontextmanager
    async def playing(self, track: SoundTrack) -> AsyncGenerator[None, None]:
        async with asyncio.TaskGroup() as network:
            sending = network.create_task(self._take(track))
            yield
            sending.cancel()

    async def _take(self, track: SoundTrack) -> None:
        """As aiortc's sender calls `recv` of a track: at the far end's pace, whatever the session does."""
        loop = asyncio.get_running_loop()
        self.heard_at(0)
        assert self._start_s is not None
        while True:
            taken = len(self.received) * FRAME
            if taken >= self._stalls_s * OUTPUT_RATE_HZ:
                self._start_s, self._stalls_s = self._start_s + 1.0, 1e9
            await asyncio.sleep(self._start_s + taken / OUTPUT_RATE_HZ - loop.time())
            self.received.append(track.take(taken, FRAME))

    async def chunks(self) -> AsyncGenerator[AudioChunk, None]:
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        for start in range(0, len(self._says), FRAME):
            await asyncio.sleep(began_s + (start + FRAME) / OUTPUT_RATE_HZ - loop.time())
            yield AudioChunk(self._says[start : start + FRAME], OUTPUT_RATE_HZ, start)
        await asyncio.Event().wait()

    @property
    def all_received(self) -> Samples:
        return np.concatenate(self.received)


def peer_scene(peer: Peer, ears: ScriptedEars, mind: ScriptedMind) -> Scene:
    detector = SilenceTurnDetector(LoudnessVAD(), end_of_turn_s=0.5, pause_s=0.2)
    scene = Scene(ears=ears, mind=mind, voice=ToneVoice(delay_s=0.001), real_time=True, turns=detector)
    scene.use_clock(PacedClock(peer, ahead_s=0.022, most_ahead_s=0.06))
    return scene


def talk_for(seconds: float, scene: Scene, audio: LiveAudio) -> None:
    async def scene_with_end() -> None:
        asyncio.get_running_loop().call_later(seconds, audio.leave)
        await scene.converse(audio)

    run(scene_with_end())


def test_a_peer_is_heard_and_receives_what_the_outputs_have() -> None:
    peer = Peer(spoken((1.0, 1.6), until_s=8.0), connects_s=0.3)
    scene = peer_scene(peer, ScriptedEars(["hello"]), ScriptedMind({"hello": "Good day to you."}))
    talk_for(6.0, scene, LiveAudio(peer, full_duplex=True))
    (record,) = scene.records
    assert record.heard == "Good day to you."
    shown, received = scene.output.all_sound, peer.all_received
    length = min(len(shown), len(received))
    assert len(audible_spans(received)) == 1
    np.testing.assert_array_equal(shown[:length], received[:length])


def test_a_peer_barges_in() -> None:
    reply = "One two three four five six seven eight nine ten."
    peer = Peer(spoken((1.0, 1.6), (3.4, 4.2), until_s=9.0))
    mind = ScriptedMind({"first": reply, "second": "Good."}, delay_s=0.001)
    scene = peer_scene(peer, ScriptedEars(["first", "second"]), mind)
    talk_for(8.0, scene, LiveAudio(peer, full_duplex=True))
    cut, following = scene.records
    assert cut.interrupted and following.heard == "Good."
    first, second = audible_spans(peer.all_received)
    assert 3.4 < first[1] < 3.8 and second[0] > 4.6
    # What it takes 60 ms ahead is heard still; a word takes 0.2 s.
    words = int((first[1] - first[0]) / 0.2 + 1e-6)
    assert cut.heard == " ".join(reply.split()[:words])


def test_where_a_peer_stalls_the_face_waits_for_it() -> None:
    peer = Peer(spoken(until_s=9.0), stalls_s=2.0)
    scene = peer_scene(peer, ScriptedEars([]), ScriptedMind({}))
    talk_for(5.0, scene, LiveAudio(peer, full_duplex=True))
    # Five seconds of the world, one of them lost.
    assert len(scene.output.all_sound) / OUTPUT_RATE_HZ == pytest.approx(4.0, abs=0.1)


def test_half_duplex_a_peer_that_hears_the_avatar_gives_nothing_of_it() -> None:
    peer = Peer(spoken((1.0, 1.6), (2.3, 3.7), until_s=7.0))
    mind = ScriptedMind({"first": "One two three four five six."}, delay_s=0.001)
    scene = peer_scene(peer, ScriptedEars(["first"]), mind)
    talk_for(6.0, scene, LiveAudio(peer, full_duplex=False, echo_s=0.4))
    (record,) = scene.records
    assert not record.interrupted and record.heard == "One two three four five six."


class NotedCanceller:
    """Leaves the sound as it is, and notes how much of it came before each time that it was to begin anew."""

    def __init__(self) -> None:
        self.heard = 0
        self.resets: list[int] = []

    def push(self, heard: Samples, played: Samples) -> CleanSound:
        self.heard += len(heard)
        return CleanSound(heard, heard)

    def reset(self) -> None:
        self.resets.append(self.heard)


def test_what_was_learnt_of_an_echo_is_forgotten_where_a_device_is_opened_again() -> None:
    peer, canceller = Peer(spoken(until_s=5.0)), NotedCanceller()
    scene = peer_scene(peer, ScriptedEars([]), ScriptedMind({}))
    audio = LiveAudio(peer, full_duplex=True, canceller=canceller)

    async def conversation() -> None:
        loop = asyncio.get_running_loop()
        for at_s, openings in ((2.01, 2), (3.01, 4)):
            loop.call_later(at_s, setattr, peer, "openings", openings)
        loop.call_later(4.5, audio.leave)
        await scene.converse(audio)

    run(conversation())
    assert canceller.resets == [2 * OUTPUT_RATE_HZ, 3 * OUTPUT_RATE_HZ]


def test_without_any_device_the_conversation_lives_on_what_others_ask() -> None:
    scene = Scene(mind=ScriptedMind({}), real_time=True)
    audio = LiveAudio(NoSound(), full_duplex=False)
    assert not audio.hears

    async def conversation() -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(1.0, lambda: scene.session.say("Welcome, dear guests."))
        loop.call_later(4.0, audio.leave)
        await scene.converse(audio)

    run(conversation())
    assert [record.heard for record in scene.records] == ["Welcome, dear guests."]
