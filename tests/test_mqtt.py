"""The bridge against a real broker: every topic both ways, and the days on which the broker or the bridge dies."""

from __future__ import annotations

import asyncio
import gc
import json
import math
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiomqtt
import numpy as np
import pytest

from agent.backends.planning import planned_outputs
from agent.config.config import load_config
from agent.config.device_sections import MqttSection
from agent.conversation.events import Problem, StateChanged, TurnFinished
from agent.conversation.turn import SpokenSentence, Turn, TurnRecord
from agent.mqtt import connection as mqtt_connection
from agent.mqtt.bridge import MqttBridge
from agent.mqtt.messages import Command
from agent.mqtt.notices import NOTICE_WINDOW_S, NOTICES
from agent.mqtt.queues import MAX_INTERIM, MAX_WAITING
from agent.text.sentences import Sentence
from avatar.motion import Controls, ConversationState, Emotion, Floats, MotionLayout, neutral
from avatar.outputs.mqtt_motion import MqttMotionOutput
from speech.audio import Samples
from speech.errors import InputError
from speech.events import Transcript
from tests.broker import Mosquitto, free_port

pytestmark = pytest.mark.mosquitto

ROOT = Path(__file__).parent.parent
SILENCE: Samples = np.zeros(960, np.float32)
WAIT_S = 8.0


class KeptConversation:
    """Keeps what is asked of it; takes `room` texts."""

    def __init__(self, room: int = 1000) -> None:
        self.calls: list[tuple[str, str]] = []
        self.controls = Controls(head_distance=1.2)
        self.asked: list[Controls] = []
        self._room = room

    def say(self, text: str) -> bool:
        self.calls.append(("say", text))
        return len(self.calls) <= self._room

    def ask(self, text: str) -> bool:
        self.calls.append(("ask", text))
        return len(self.calls) <= self._room

    def interrupt(self) -> None:
        self.calls.append(("stop", ""))

    def hold(self) -> bool:
        self.calls.append(("hold", ""))
        return True

    def resume(self) -> bool:
        self.calls.append(("resume", ""))
        return False

    def set_controls(self, controls: Controls) -> None:
        self.controls = controls
        self.asked.append(controls)


class Outside:
    """Another client of the broker, which hears everything."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self._client = client
        self.heard: list[tuple[str, str, bool]] = []

    async def listen(self) -> None:
        async for message in self._client.messages:
            self.heard.append(
                (message.topic.value, bytes(message.payload).decode(errors="replace"), bool(message.retain))
            )

    async def send(self, name: str, payload: str | bytes = "", retain: bool = False) -> None:
        await self._client.publish(f"visavis/{name}", payload, qos=1, retain=retain)

    def of(self, name: str) -> list[str]:
        return [payload for topic, payload, _ in self.heard if topic == f"visavis/{name}"]

    def json_of(self, name: str) -> list[dict[str, Any]]:
        return [json.loads(payload) for payload in self.of(name)]


async def until(is_so: Callable[[], object], within_s: float = WAIT_S) -> None:
    deadline = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.01)


@asynccontextmanager
async def outside(broker: Mosquitto, **options: Any) -> AsyncIterator[Outside]:
    async with aiomqtt.Client("127.0.0.1", broker.port, **options) as client:
        await client.subscribe("visavis/#", qos=1)
        other = Outside(client)
        listening = asyncio.create_task(other.listen(), name="outside")
        try:
            yield other
        finally:
            listening.cancel()
            await asyncio.wait({listening})


@asynccontextmanager
async def running(
    port: int, conversation: KeptConversation, problems: list[str], **settings: Any
) -> AsyncIterator[MqttBridge]:
    """A bridge at work; it must end within the second that it promises."""
    section = MqttSection(host="127.0.0.1", port=port, **settings)
    bridge = MqttBridge(section, lambda problem: problems.append(problem.message))
    task = asyncio.create_task(bridge.run(conversation), name="mqtt")
    try:
        yield bridge
    finally:
        assert not task.done(), task.exception()
        began = time.monotonic()
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled()
        assert time.monotonic() - began < 1.2


def played(scene: Coroutine[Any, Any, None], within_s: float = 30.0) -> None:
    asyncio.run(asyncio.wait_for(scene, within_s))


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path) as mosquitto:
        yield mosquitto


def test_every_command_arrives(broker: Mosquitto) -> None:
    async def scene() -> None:
        conversation, problems = KeptConversation(), list[str]()
        async with outside(broker) as other, running(broker.port, conversation, problems):
            await until(lambda: other.of("state") == ["idle"])
            await other.send("say", "Grüß dich.")
            await other.send("ask", "When are you open?")
            await other.send("stop", "now")
            await other.send("emotion", '{"emotion":"happy","intensity":0.6}')
            await other.send("gaze", "10 -5")
            await other.send("distance", "0.9")
            await other.send("composure", "0.8")
            asked = Controls((math.radians(10), math.radians(-5)), 0.9, Emotion.HAPPY, 0.6, composure=0.8)
            await until(lambda: conversation.controls == asked)
            assert conversation.calls == [("say", "Grüß dich."), ("ask", "When are you open?"), ("stop", "")]
            await other.send("gaze")
            await other.send("emotion")
            await other.send("composure")
            await other.send("distance")
            await until(lambda: conversation.controls == Controls())
            assert other.of("event") == [] and problems == [] and other.of("state") == ["idle"]

    played(scene())


def test_a_bad_command_is_answered_and_changes_nothing(broker: Mosquitto) -> None:
    async def scene() -> None:
        conversation, problems = KeptConversation(room=0), list[str]()
        async with outside(broker) as other, running(broker.port, conversation, problems) as bridge:
            await until(lambda: other.of("state") == ["idle"])
            before = conversation.controls
            await other.send("gaze", "99 0")
            await other.send("say", b"\xff")
            await until(lambda: len(other.of("event")) == 2)
            assert conversation.calls == [] and conversation.controls is before
            first, second = other.json_of("event")
            said = "visavis/gaze: expected degrees from -30 to 30, got '99.0'"
            assert first == {"kind": "bad_message", "message": said}
            assert second["kind"] == "bad_message" and "not UTF-8" in second["message"]
            assert problems == [f"mqtt: {said}", f"mqtt: {second['message']}"]
            await other.send("say", "no room for this")
            await until(lambda: len(other.of("event")) == 3)
            assert other.json_of("event")[2]["kind"] == "busy" and len(problems) == 2
            bridge.on_event(Problem("the voice broke"))
            await until(lambda: len(other.of("event")) == 4)
            assert other.json_of("event")[3] == {"kind": "problem", "message": "the voice broke"}

    played(scene())


def test_problems_of_the_bridge_are_not_published_twice(broker: Mosquitto) -> None:
    async def scene() -> None:
        bridges: list[MqttBridge] = []
        section = MqttSection(host="127.0.0.1", port=broker.port)
        bridges.append(MqttBridge(section, lambda problem: bridges[0].on_event(problem)))
        async with outside(broker) as other:
            task = asyncio.create_task(bridges[0].run(KeptConversation()))
            await until(lambda: other.of("state") == ["idle"])
            await other.send("emotion", "bored")
            await until(lambda: other.of("event"))
            bridges[0].on_event(StateChanged(ConversationState.THINKING))
            await until(lambda: other.of("state") == ["idle", "thinking"])
            assert len(other.of("event")) == 1
            task.cancel()
            await asyncio.wait({task})

    played(scene())


def test_the_conversation_is_told(broker: Mosquitto) -> None:
    async def scene() -> None:
        async with outside(broker) as other:
            async with running(broker.port, KeptConversation(), []) as bridge:
                for state in ("listening", "thinking", "speaking", "speaking"):
                    bridge.on_event(StateChanged(ConversationState(state)))
                bridge.on_event(Transcript("when are", False, 1.0, 1.5))
                bridge.on_event(Transcript("when are you open", True, 1.0, 2.12345))
                bridge.on_event(Sentence(0, "From nine."))
                bridge.on_event(Sentence(1, "To six."))
                spoken = [SpokenSentence("From nine.", 0, 24_000), SpokenSentence("To six.", 24_000, 48_000)]
                record = TurnRecord(Turn(0, 0), sentences=spoken, heard="From nine", interrupted=True)
                bridge.on_event(TurnFinished(record))
                bridge.on_event(Sentence(0, "Goodbye."))
                await until(lambda: len(other.of("reply")) == 4)
                # The state was published when the connection stood: what came before it is one message.
                assert other.of("state") == ["speaking"]
                bridge.on_event(StateChanged(ConversationState.IDLE))
                bridge.on_event(Sentence(1, "The last words still go out."))
            await until(lambda: other.of("state") == ["speaking", "idle", "offline"])
        assert other.json_of("transcript") == [
            {"text": "when are", "is_final": False, "start_s": 1.0, "end_s": 1.5},
            {"text": "when are you open", "is_final": True, "start_s": 1.0, "end_s": 2.123},
        ]
        assert other.json_of("reply") == [
            {"turn": 0, "index": 0, "text": "From nine."},
            {"turn": 0, "index": 1, "text": "To six."},
            {"turn": 0, "text": "From nine. To six.", "heard": "From nine", "interrupted": True},
            {"turn": 1, "index": 0, "text": "Goodbye."},
            {"turn": 1, "index": 1, "text": "The last words still go out."},
        ]
        async with outside(broker) as late:
            await until(lambda: late.heard)
            assert late.heard == [("visavis/state", "offline", True)]

    played(scene())


def test_retained_commands_are_not_repeated(broker: Mosquitto) -> None:
    async def scene() -> None:
        conversation, problems = KeptConversation(), list[str]()
        async with outside(broker) as other:
            for name in ("say", "ask", "stop", "hold", "resume"):
                await other.send(name, "old", retain=True)
            await other.send("emotion", "sad 0.5", retain=True)
            async with running(broker.port, conversation, problems):
                await until(lambda: len(other.of("event")) == 5)
                assert {event["kind"] for event in other.json_of("event")} == {"retained"}
                # Settings, on the other hand, hold again.
                await until(lambda: conversation.controls.emotion is Emotion.SAD)
                await other.send("say", "new", retain=True)  # to those who listen already it comes as any other
                await until(lambda: conversation.calls)
                assert conversation.calls == [("say", "new")] and problems == []

    played(scene())


@pytest.mark.real_time
@pytest.mark.measured
def test_motion_goes_out_25_times_a_second(broker: Mosquitto) -> None:
    rows = np.random.default_rng(0).uniform(0, 1, (50, MotionLayout.SIZE)).astype(np.float32)

    async def scene() -> None:
        async with outside(broker) as other, running(broker.port, KeptConversation(), []) as bridge:
            await until(lambda: other.of("state") == ["idle"])
            output = MqttMotionOutput(bridge.publish_motion)
            renderer = threading.Thread(target=_render, args=(output.write, rows), name="picture")
            renderer.start()
            await until(lambda: len(other.of("motion")) == len(rows))
            renderer.join()
        for frame, (told, row) in enumerate(zip(other.json_of("motion"), rows, strict=True)):
            assert told["frame"] == frame and told["pts_s"] == frame / 25
            assert told["blendshapes"] == {
                name: round(float(row[MotionLayout.INDEX[name]]), 3) for name in MotionLayout.NAMES[8:]
            }
            for key, name in (("pitch", "headPitch"), ("yaw", "headYaw"), ("roll", "headRoll")):
                assert told["head"][key] == pytest.approx(math.degrees(row[MotionLayout.INDEX[name]]), abs=6e-4)
            for key, name in (("x", "headX"), ("y", "headY"), ("distance", "headDistance")):
                assert told["head"][key] == pytest.approx(row[MotionLayout.INDEX[name]], abs=6e-4)
            for key, name in (("yaw_deg", "gazeYaw"), ("pitch_deg", "gazePitch")):
                assert told["gaze"][key] == pytest.approx(math.degrees(row[MotionLayout.INDEX[name]]), abs=6e-4)

    played(scene())


def _render(write: Callable[[None, Samples, Floats], None], rows: Floats) -> None:
    start = time.monotonic()
    for frame, row in enumerate(rows):
        time.sleep(max(0.0, start + frame / 25 - time.monotonic()))
        write(None, SILENCE, row)


def test_a_motion_is_published_once_however_late_its_call_is_seen(broker: Mosquitto) -> None:
    async def scene() -> None:
        async with outside(broker) as other, running(broker.port, KeptConversation(), []) as bridge:
            await until(lambda: other.of("state") == ["idle"])
            output = MqttMotionOutput(bridge.publish_motion)
            for count in (1, 2):
                output.write(None, SILENCE, neutral(1)[0])
                await until(lambda count=count: len(other.of("motion")) == count)
                # As the rendering thread's call does that came after its motion was taken.
                bridge._outgoing._motion_came.set()
        assert [told["frame"] for told in other.json_of("motion")] == [0, 1]

    played(scene())


def test_of_motion_that_comes_too_fast_the_newest_goes_out(broker: Mosquitto) -> None:
    async def scene() -> None:
        async with outside(broker) as other, running(broker.port, KeptConversation(), []) as bridge:
            await until(lambda: other.of("state") == ["idle"])
            output = MqttMotionOutput(bridge.publish_motion)
            for _ in range(1000):  # on the loop's own thread: nothing can be sent meanwhile
                output.write(None, SILENCE, neutral(1)[0])
            await until(lambda: other.of("motion"))
            bridge.on_event(StateChanged(ConversationState.LISTENING))
            await until(lambda: other.of("state")[-1] == "listening")
            assert [motion["frame"] for motion in other.json_of("motion")] == [999]

    played(scene())


def test_motion_can_be_turned_off(broker: Mosquitto) -> None:
    settings = ["mqtt.host=127.0.0.1", "mqtt.motion=false"]
    for wanted in (1, 2):
        config = load_config(None, settings[:wanted], {})
        planned = planned_outputs(config, is_live=True, publish_motion=lambda payload: None)
        assert len(planned) == 2 - wanted


def test_motion_before_and_after_a_connection_is_no_error() -> None:
    bridge = MqttBridge(MqttSection(host="127.0.0.1", port=free_port()), lambda problem: None)
    output = MqttMotionOutput(bridge.publish_motion)
    output.write(None, SILENCE, neutral(1)[0])

    async def scene() -> None:
        task = asyncio.create_task(bridge.run(KeptConversation()))
        await asyncio.sleep(0.1)
        output.write(None, SILENCE, neutral(1)[0])
        task.cancel()
        await asyncio.wait({task})

    played(scene())
    output.write(None, SILENCE, neutral(1)[0])
    output.__exit__(None, None, None)


def test_a_killed_process_is_reported_offline(broker: Mosquitto) -> None:
    code = f"""
import asyncio
from agent.config.device_sections import MqttSection
from agent.mqtt.bridge import MqttBridge
asyncio.run(MqttBridge(MqttSection(host="127.0.0.1", port={broker.port}), print).run(None))
"""

    async def scene() -> None:
        async with outside(broker) as other:
            child = await asyncio.create_subprocess_exec(sys.executable, "-c", code, cwd=ROOT)
            try:
                await until(lambda: other.of("state") == ["idle"], within_s=20.0)
            finally:
                child.kill()
                await child.wait()
            await until(lambda: other.of("state") == ["idle", "offline"])

    played(scene())


def test_a_broker_that_is_killed_is_found_again(broker: Mosquitto) -> None:
    async def scene() -> None:
        conversation, problems = KeptConversation(), list[str]()
        async with running(broker.port, conversation, problems) as bridge:
            async with outside(broker) as other:
                await until(lambda: other.of("state") == ["idle"])
            broker.kill()
            await until(lambda: problems)
            bridge.on_event(StateChanged(ConversationState.THINKING))
            bridge.on_event(Sentence(0, "said while the broker was away"))
            bridge.on_event(StateChanged(ConversationState.SPEAKING))
            await asyncio.sleep(1.0)  # some attempts in vain
            broker.start()
            async with outside(broker) as other:
                await until(lambda: other.of("state") == ["speaking"])
                await until(lambda: len(problems) == 2)
                await other.send("say", "hello")
                await until(lambda: conversation.calls == [("say", "hello")])
                bridge.on_event(StateChanged(ConversationState.IDLE))
                await until(lambda: other.of("state") == ["speaking", "idle"])
            assert problems[0] == f"mqtt: the connection to the broker at 127.0.0.1:{broker.port} broke; trying on"
            assert problems[1] == f"mqtt: connected to the broker at 127.0.0.1:{broker.port}"

    played(scene())


def test_what_waits_for_the_broker_comes_late_and_is_bounded(
    broker: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The next attempt comes late enough for the listener to be there before.
    monkeypatch.setattr(mqtt_connection.Backoff, "next_s", lambda self, failure: 2.0)

    async def scene() -> None:
        broker.kill()
        problems = list[str]()
        async with running(broker.port, KeptConversation(), problems) as bridge:
            await until(lambda: problems)
            for number in range(MAX_WAITING + 40):
                bridge.on_event(Sentence(number, "late"))
                bridge.on_event(Transcript(str(number), False, 0.0, 1.0))
            broker.start()
            async with outside(broker) as other:
                await until(lambda: len(other.of("reply")) == MAX_WAITING)
                await until(lambda: len(other.of("transcript")) == MAX_INTERIM)
        (event,) = other.json_of("event")
        assert event == {"kind": "dropped", "message": "40 messages were too many to keep for the broker"}
        assert [reply["index"] for reply in other.json_of("reply")] == list(range(40, MAX_WAITING + 40))
        interim = [int(transcript["text"]) for transcript in other.json_of("transcript")]
        assert interim == list(range(MAX_WAITING + 40 - MAX_INTERIM, MAX_WAITING + 40))

    played(scene())


def test_a_broker_that_is_absent_at_the_start_is_waited_for(tmp_path: Path) -> None:
    async def scene() -> None:
        problems = list[str]()
        port = free_port()
        async with running(port, KeptConversation(), problems):
            await until(lambda: problems)
            await asyncio.sleep(1.2)
            assert len(problems) == 1 and f"expected a broker at 127.0.0.1:{port}" in problems[0]
            with Mosquitto(tmp_path, port=port) as broker:
                async with outside(broker) as other:
                    await until(lambda: other.of("state") == ["idle"])
                    await until(lambda: len(problems) == 2)

    played(scene())


def test_a_frozen_broker_is_given_up_and_nothing_stays_open(broker: Mosquitto, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mqtt_connection, "ANSWER_S", 0.3)

    async def scene() -> None:
        problems = list[str]()
        broker.freeze()
        async with running(broker.port, KeptConversation(), problems):
            await until(lambda: problems)
            assert "timed out" in problems[0] and "mqtt.tls" in problems[0]
            await asyncio.sleep(1.5)  # attempts that the broker will see all at once
            broker.thaw()
            async with outside(broker) as other:
                await until(lambda: other.of("state") and other.of("state")[-1] == "idle")
                await other.send("say", "once")
                await asyncio.sleep(0.3)
                assert other.of("state")[-1] == "idle" and len(problems) == 2

    played(scene())


def test_cancelling_ends_in_time_while_the_broker_is_frozen(broker: Mosquitto) -> None:
    async def scene() -> None:
        async with outside(broker) as other, running(broker.port, KeptConversation(), []) as bridge:
            await until(lambda: other.of("state") == ["idle"])
            broker.freeze()
            bridge.on_event(Sentence(0, "unheard"))
            await asyncio.sleep(0.1)
        broker.thaw()

    async def connecting() -> None:
        broker.freeze()
        async with running(broker.port, KeptConversation(), []):
            await asyncio.sleep(0.1)
        broker.thaw()

    played(scene())
    played(connecting())


def test_a_false_report_of_death_is_put_right(broker: Mosquitto) -> None:
    async def scene() -> None:
        async with outside(broker) as other, running(broker.port, KeptConversation(), []) as bridge:
            await until(lambda: other.of("state") == ["idle"])
            bridge.on_event(StateChanged(ConversationState.LISTENING))
            await until(lambda: other.of("state") == ["idle", "listening"])
            await other.send("state", "offline", retain=True)  # the will of a connection that is long gone
            await until(lambda: other.of("state")[2:] == ["offline", "listening"])

    played(scene())


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Mosquitto]:
    subprocess.run(["mosquitto_passwd", "-c", "-b", tmp_path / "passwords", "mira", "right-secret"], check=True)
    with Mosquitto(tmp_path, f"password_file {tmp_path}/passwords") as broker:
        yield broker


def test_a_password_comes_from_the_environment(guarded: Mosquitto, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISAVIS_MQTT_PASSWORD", "right-secret")

    async def scene() -> None:
        problems = list[str]()
        async with (
            outside(guarded, username="mira", password="right-secret") as other,
            running(guarded.port, KeptConversation(), problems, username="mira"),
        ):
            await until(lambda: other.of("state") == ["idle"])
            assert problems == []

    played(scene())


def test_a_wrong_password_is_said_once(
    guarded: Mosquitto, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VISAVIS_MQTT_PASSWORD", "wrong-secret")
    monkeypatch.setattr(mqtt_connection.Backoff, "next_s", lambda self, failure: 0.1)

    async def scene() -> None:
        problems = list[str]()
        async with running(guarded.port, KeptConversation(), problems, username="mira"):
            await until(lambda: problems)
            await asyncio.sleep(0.5)
        assert len(problems) == 1
        assert "to let user 'mira' in" in problems[0] and "VISAVIS_MQTT_PASSWORD" in problems[0]
        problems.clear()
        async with running(guarded.port, KeptConversation(), problems):
            await until(lambda: problems)
        assert "a client without a user name" in problems[0]

    played(scene())
    said = capfd.readouterr()
    assert said.out == said.err == ""


class OddBroker:
    """Answers as the standard has it, but to subscriptions with `codes`, or not at all; keeps what is published."""

    def __init__(self, codes: bytes) -> None:
        self._codes = codes
        self.published: list[tuple[str, str]] = []
        self.subscribed = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while header := await reader.read(1):
            length, more = 0, 0x80
            for shift in range(0, 28, 7):  # the length comes in groups of seven bits, the lowest first
                if more:
                    group = (await reader.readexactly(1))[0]
                    length, more = length | (group & 0x7F) << shift, group & 0x80
            body = await reader.readexactly(length)
            match header[0] >> 4:
                case 1:  # CONNECT → CONNACK
                    writer.write(b"\x20\x02\x00\x00")
                case 3:  # PUBLISH → PUBACK; the packet's identifier comes after the topic
                    end = 2 + int.from_bytes(body[:2], "big")
                    self.published.append((body[2:end].decode(), body[end + 2 :].decode()))
                    writer.write(b"\x40\x02" + body[end : end + 2])
                case 8:  # SUBSCRIBE → SUBACK
                    self.subscribed.set()
                    if self._codes:
                        writer.write(bytes([0x90, 2 + len(self._codes)]) + body[:2] + self._codes)
        writer.close()


def test_a_broker_that_forbids_commands_is_named() -> None:
    """Mosquitto only stays silent; others say so."""

    async def scene() -> None:
        problems = list[str]()
        server = await asyncio.start_server(OddBroker(b"\x80" * len(Command) + b"\x01").serve, "127.0.0.1", 0)
        async with server, running(server.sockets[0].getsockname()[1], KeptConversation(), problems):
            await until(lambda: problems)
        forbidden = ", ".join(f"visavis/{name}" for name in Command)
        assert problems == [f"mqtt: expected to be let read {forbidden}; the broker's access list forbids it"]

    played(scene())


def test_a_broker_that_leaves_out_codes_is_lived_with() -> None:
    async def scene() -> None:
        problems, odd = list[str](), OddBroker(b"\x80")
        server = await asyncio.start_server(odd.serve, "127.0.0.1", 0)
        async with server, running(server.sockets[0].getsockname()[1], KeptConversation(), problems):
            await until(lambda: problems)
        assert problems == [
            f"mqtt: expected to be let read visavis/{next(iter(Command))}; the broker's access list forbids it"
        ]

    played(scene())


def test_a_bridge_that_is_cancelled_before_it_is_ready_goes_offline() -> None:
    async def scene() -> None:
        odd = OddBroker(b"")
        server = await asyncio.start_server(odd.serve, "127.0.0.1", 0)
        async with server:
            async with running(server.sockets[0].getsockname()[1], KeptConversation(), []):
                await odd.subscribed.wait()
            assert odd.published == [("visavis/state", "idle"), ("visavis/state", "offline")]

    played(scene())


def test_cancelling_works_at_any_moment(broker: Mosquitto) -> None:
    async def scene() -> None:
        for n in range(30):
            async with running(broker.port, KeptConversation(), []) as bridge:
                output = MqttMotionOutput(bridge.publish_motion)
                end = time.monotonic() + 0.003 * n
                while time.monotonic() < end:
                    output.write(None, SILENCE, neutral(1)[0])
                    bridge.on_event(Sentence(n, "again"))
                    await asyncio.sleep(0)
        async with outside(broker) as other:
            await until(lambda: other.heard == [("visavis/state", "offline", True)])

    played(scene())


@pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning")  # paho leaves it to the collector
def test_tls_against_a_plain_port_is_said_once(broker: Mosquitto, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mqtt_connection.Backoff, "next_s", lambda self, failure: 0.1)

    async def scene() -> None:
        problems = list[str]()
        async with running(broker.port, KeptConversation(), problems, tls=True):
            await until(lambda: problems)
            await asyncio.sleep(0.5)
        assert len(problems) == 1 and "expected a TLS connection" in problems[0]

    played(scene())
    gc.collect()


@pytest.mark.real_time
@pytest.mark.measured
def test_a_flood_neither_stalls_nor_grows(tmp_path: Path) -> None:
    room, flood = 8, 5_000

    async def scene(broker: Mosquitto) -> None:
        conversation, problems = KeptConversation(room), list[str]()
        async with running(broker.port, conversation, problems):
            async with outside(broker) as other:
                await until(lambda: other.of("state") == ["idle"])
            stalls: list[float] = []
            ticking = asyncio.create_task(_tick(stalls))
            lines = b"".join(b"message %d\n" % number for number in range(flood))
            command = ["mosquitto_pub", "-p", str(broker.port), "-q", "1", "-t", "visavis/say", "-l"]
            flooding = await asyncio.create_subprocess_exec(*command, stdin=subprocess.PIPE)
            tracemalloc.start()
            began = time.monotonic()
            await flooding.communicate(lines)
            async with asyncio.timeout(60.0), aiomqtt.Client("127.0.0.1", broker.port) as client:
                while ("stop", "") not in conversation.calls:  # it is dropped too, where the flood is still being read
                    await client.publish("visavis/stop", qos=1)
                    await asyncio.sleep(0.5)
            assert len(conversation.calls) > 1000
            conversation.calls.clear()
            grown, _ = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            ticking.cancel()
            await asyncio.wait({ticking})
            assert max(stalls) < 0.1
            assert grown < 1_000_000
            # A busy machine takes several windows of time for them, each with its notices and a number.
            windows = 1 + int((time.monotonic() - began) // NOTICE_WINDOW_S)
            assert 0 < len(problems) < (NOTICES + 1) * windows and "more commands came" in problems[0]

    with Mosquitto(tmp_path, "max_queued_messages 0") as broker:
        played(scene(broker), within_s=90.0)


async def _tick(stalls: list[float]) -> None:
    """Notes how much this thread computed between two turns of the loop; other programs don't count."""
    while True:
        before = time.thread_time()
        await asyncio.sleep(0.005)
        stalls.append(time.thread_time() - before)


# ---- settings


def test_a_missing_package_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install 'visavis\[mqtt\]'"):
        MqttBridge(MqttSection(host="127.0.0.1"), lambda problem: None)


@pytest.mark.parametrize("topic", ["a/+", "#", "/a", "a/", "a//b", "$SYS"])
def test_a_base_topic_that_cannot_be_is_refused(topic: str) -> None:
    with pytest.raises(InputError, match="expected levels of a topic"):
        MqttBridge(MqttSection(host="127.0.0.1", base_topic=topic), lambda problem: None)


def test_a_password_that_is_not_there_is_an_error() -> None:
    with pytest.raises(InputError, match="environment variable VISAVIS_MQTT_PASSWORD, it is not set"):
        MqttBridge(MqttSection(host="127.0.0.1", username="mira"), lambda problem: None)
    MqttBridge(MqttSection(host="127.0.0.1", username="mira", password_env=""), lambda problem: None)


def test_a_host_that_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match="expected a host's name"):
        MqttBridge(MqttSection(host="a..b"), lambda problem: None)
