"""Devices and brokers that are broken, or that want to do harm: the conversation goes on, and one event says it."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from agent.config.device_sections import MqttSection
from agent.conversation.events import StateChanged
from agent.mqtt import bridge as mqtt
from agent.mqtt import connection as mqtt_connection
from agent.mqtt import notices as mqtt_notices
from agent.mqtt.bridge import MqttBridge
from agent.mqtt.messages import MAX_TEXT_CHARACTERS, Command, parse
from agent.mqtt.notices import NOTICES, Notices
from agent.mqtt.presence import Presence, StateOrigin
from avatar.motion import ConversationState
from speech.errors import InputError
from tests.broker import Mosquitto
from tests.test_mqtt import KeptConversation, outside, played, running, until

MEGABYTE = 1_000_000
CONNACK = b"\x20\x02\x00\x00"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path) as mosquitto:
        yield mosquitto


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits between two attempts."""
    monkeypatch.setattr(mqtt_connection.Backoff, "next_s", lambda self, failure: 0.05)


def publish(topic: str, payload: bytes, flags: int = 0) -> bytes:
    """A PUBLISH packet; of QoS 1 and 2 the first two bytes of the payload are its identifier."""
    body = len(topic.encode()).to_bytes(2, "big") + topic.encode() + payload
    length, rest = b"", len(body)
    while True:
        length += bytes([rest & 0x7F | (0x80 if rest > 0x7F else 0)])
        rest >>= 7
        if not rest:
            return bytes([0x30 | flags]) + length + body


# ---- what devices send


@pytest.mark.parametrize("command", Command)
@pytest.mark.parametrize(
    "payload",
    [
        b"[" * 100_000,
        b'{"a":' * 100,
        b'{"gaze": "\\ud83d"}',
        b'{"yaw_deg": 1e308, "pitch_deg": -Infinity}',
        b'{"distance": 1' + b"0" * 400 + b"}",
        b'{"composure": NaN}',
        b"x" * 200_000,
        b"\x00" * 10 * MEGABYTE,
        "\u202e\u2028\ufeff".encode() * 300,
        b"\xed\xa0\xbd",
    ],
)
def test_what_cannot_be_read_is_one_short_line(command: Command, payload: bytes) -> None:
    if command in (Command.STOP, Command.HOLD, Command.RESUME):
        return  # anything is one
    try:
        parse(command, payload)
    except InputError as error:
        assert str(error).isprintable() and len(str(error)) < 250
    else:
        assert command in (Command.SAY, Command.ASK) and len(payload.decode()) <= MAX_TEXT_CHARACTERS


@pytest.mark.mosquitto
def test_a_message_of_many_megabytes_is_refused_and_not_kept(broker: Mosquitto, tmp_path: Path) -> None:
    (tmp_path / "huge").write_bytes(b"[" * 20 * MEGABYTE)

    async def scene() -> None:
        conversation, problems, events = KeptConversation(), list[str](), list[dict[str, Any]]()
        async with aiomqtt.Client("127.0.0.1", broker.port) as other, running(broker.port, conversation, problems):
            await other.subscribe("visavis/event", qos=1)
            await other.subscribe("visavis/state", qos=1)

            async def listen() -> None:
                async for message in other.messages:
                    if message.topic.matches("visavis/event"):
                        events.append(json.loads(bytes(message.payload)))

            listening = asyncio.create_task(listen())
            tracemalloc.start()
            for name in ("say", "gaze"):
                send = ["mosquitto_pub", "-p", str(broker.port), "-q", "1", "-t", f"visavis/{name}", "-f"]
                await (await asyncio.create_subprocess_exec(*send, str(tmp_path / "huge"))).communicate()
            await other.publish("visavis/say", "still here", qos=1)
            await until(lambda: conversation.calls == [("say", "still here")])
            await until(lambda: len(events) == 2)
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            listening.cancel()
        assert [event["message"].partition(", got ")[2] for event in events] == [
            "more than 8000 bytes",
            "more than 500 bytes",
        ]
        assert peak < 2 * MEGABYTE

    played(scene())


@pytest.mark.mosquitto
def test_many_refusals_are_a_few_events_and_a_number(broker: Mosquitto, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mqtt_notices, "NOTICE_WINDOW_S", 3.0)

    async def scene() -> None:
        conversation, problems = KeptConversation(room=0), list[str]()
        async with outside(broker) as other, running(broker.port, conversation, problems):
            await until(lambda: other.of("state"))
            for _ in range(40):
                await other.send("say", "again")
                await other.send("gaze", "99 99")
            await until(lambda: len(other.of("event")) == 2 * NOTICES + 2, within_s=20.0)
            told = [(event["kind"], event["message"]) for event in other.json_of("event")]
            assert ("busy", "35 more like those before") in told
            assert ("bad_message", "35 more like those before") in told
            assert len(problems) == NOTICES + 1

    played(scene())


def test_notices_end_with_their_bridge() -> None:
    async def scene() -> None:
        told: list[str] = []
        notices = Notices(lambda kind, message, show: told.append(message))
        for number in range(5000):
            notices.add("busy", str(number), True)
        assert told == [str(number) for number in range(NOTICES)]
        notices.close()

    asyncio.run(scene())


@pytest.mark.mosquitto
def test_what_was_said_yesterday_is_not_said_at_any_connection(broker: Mosquitto, impatient: None) -> None:
    async def scene() -> None:
        conversation, problems = KeptConversation(), list[str]()
        async with outside(broker) as other:
            await other.send("say", "yesterday", retain=True)
            async with running(broker.port, conversation, problems) as bridge:
                await until(lambda: len(other.of("event")) == 1)
                await kick(bridge, broker)
                await until(lambda: len(other.of("event")) == 2)
                assert {event["kind"] for event in other.json_of("event")} == {"retained"}
                await other.send("say", "today")
                await until(lambda: conversation.calls)
                assert conversation.calls == [("say", "today")]

    played(scene())


async def kick(bridge: MqttBridge, broker: Mosquitto) -> None:
    """Ends the bridge's connection, as another client of its name does."""
    async with aiomqtt.Client("127.0.0.1", broker.port, identifier=bridge._broker._identifier):
        pass


@pytest.mark.mosquitto
def test_a_message_that_was_not_acknowledged_is_not_said_twice(broker: Mosquitto, impatient: None) -> None:
    cut: list[asyncio.StreamWriter] = []
    deaf = False

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, loses: bool) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65_536):
                if not (loses and deaf):
                    writer.write(data)
                    await writer.drain()
        writer.close()

    async def between(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream, to_broker = await asyncio.open_connection("127.0.0.1", broker.port)
        cut[:] = [writer, to_broker]
        await asyncio.gather(forward(reader, to_broker, loses=True), forward(upstream, writer, loses=False))

    async def scene() -> None:
        nonlocal deaf
        conversation = KeptConversation()
        async with await asyncio.start_server(between, "127.0.0.1", 0) as server, outside(broker) as other:
            async with running(server.sockets[0].getsockname()[1], conversation, []):
                await until(lambda: other.of("state") == ["idle"])
                deaf = True
                await other.send("say", "once")
                await until(lambda: conversation.calls == [("say", "once")])
                for writer in cut:  # the acknowledgement is lost
                    writer.transport.abort()
                deaf = False
                await until(lambda: other.of("state")[-2:] == ["offline", "idle"])
                await other.send("say", "twice")
                await until(lambda: conversation.calls[-1] == ("say", "twice"))
                assert conversation.calls == [("say", "once"), ("say", "twice")]

    played(scene())


@pytest.mark.mosquitto
def test_a_device_that_repeats_a_message_of_qos_2_is_obeyed_once(broker: Mosquitto) -> None:
    connect = b"\x10\x12\x00\x04MQTT\x04\x00\x00\x3c\x00\x06device"  # keeps its session

    async def device(*packets: bytes) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", broker.port)
        for packet in (connect, *packets):
            writer.write(packet)
            await reader.readexactly(4)
        writer.close()

    async def scene() -> None:
        conversation = KeptConversation()
        async with outside(broker) as other, running(broker.port, conversation, []):
            await until(lambda: other.of("state"))
            await device(publish("visavis/say", b"\x00\x01once", flags=0x04))
            await device(publish("visavis/say", b"\x00\x01once", flags=0x0C), b"\x62\x02\x00\x01")
            await other.send("say", "twice")
            await until(lambda: ("say", "twice") in conversation.calls)
            assert conversation.calls == [("say", "once"), ("say", "twice")]

    played(scene())


# ---- two programs


@pytest.mark.mosquitto
def test_two_programs_with_one_base_topic_both_say_so(broker: Mosquitto) -> None:
    async def scene() -> None:
        first, second = list[str](), list[str]()
        conversation = KeptConversation()
        async with outside(broker) as other, running(broker.port, conversation, first) as bridge:
            await other.send("say", "hello")
            while not conversation.calls:  # it may not listen yet
                await asyncio.sleep(0.1)
                await other.send("say", "hello")
            async with running(broker.port, KeptConversation(), second):
                await until(lambda: first and second)
                for state in ("listening", "thinking", "speaking"):
                    bridge.on_event(StateChanged(ConversationState(state)))
                await until(lambda: other.of("state").count("speaking") == 1)
                await asyncio.sleep(0.3)
                expected = "mqtt: another program publishes to visavis/state, and obeys the same commands"
                assert len(first) == len(second) == 1
                assert first[0].startswith(expected) and second[0].startswith(expected)
                assert [event["kind"] for event in other.json_of("event")] == ["conflict", "conflict"]
                assert len(other.of("state")) <= 8, "they do not go on answering each other"

    played(scene())


def test_our_own_states_are_told_from_others() -> None:
    presence = Presence()
    assert presence.classify(b"idle", retained=True) is StateOrigin.OURS
    for state in (b"listening", b"thinking", b"speaking", b"idle"):
        presence.expect_echo(state)
    assert presence.classify(b"listening", retained=False) is StateOrigin.OURS
    assert presence.classify(b"offline", retained=False) is StateOrigin.DEATH
    assert presence.classify(b"speaking", retained=False) is StateOrigin.OURS  # the broker left one out
    assert presence.classify(b"thinking", retained=False) is StateOrigin.ANOTHER
    assert presence.classify(b"idle", retained=False) is StateOrigin.OURS
    assert presence.classify(b"idle", retained=False) is StateOrigin.ANOTHER


@pytest.mark.mosquitto
def test_a_connection_that_always_breaks_is_told_once(
    broker: Mosquitto, impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mqtt, "STABLE_S", 1.0)

    async def scene() -> None:
        problems = list[str]()
        where = f"the broker at 127.0.0.1:{broker.port}"
        expected = [
            f"mqtt: the connection to {where} broke; trying on",
            f"mqtt: connected to {where}",
            f"mqtt: the connection to {where} breaks again and again; trying on, ever more slowly",
        ]
        async with outside(broker) as other, running(broker.port, KeptConversation(), problems) as bridge:
            for number in range(5):
                await until(lambda number=number: other.of("state").count("idle") > number)  # type: ignore[misc]
                await kick(bridge, broker)
            assert problems == expected
            await until(lambda: len(problems) == 4)
            assert problems[3] == f"mqtt: connected to {where}"

    played(scene())


# ---- brokers


@asynccontextmanager
async def mad_broker(*answers: bytes, then_closes: bool = False) -> AsyncIterator[tuple[int, Callable[[], int]]]:
    """Sends `answers`, one for every packet or part of one that comes. Yields its port, and how often it was called."""
    calls = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal calls
        calls += 1
        with suppress(ConnectionError):
            for answer in answers:
                await reader.read(65_536)
                writer.write(answer)
                await writer.drain()
            while not then_closes and await reader.read(65_536):
                pass
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1], lambda: calls


@pytest.mark.parametrize(
    "answers",
    [
        [b"\xff" * 1000],
        [b"HTTP/1.1 400 Bad Request\r\n\r\n"],
        [b"\x20\x02\x00"],
        [b"\x20\x00"],
        [b"\x20\x02\x00\x55"],
        [CONNACK + b"\xff" * 1000],
        [CONNACK + b"\x30\x00"],
        [CONNACK + b"\x30\x01\x00"],
        [CONNACK + b"\x30\x03\xff\xffx"],
        [CONNACK + b"\x30\xff\xff\xff\xff\xff"],
        [CONNACK + b"\x36\x05\x00\x01x\x00\x01"],
        [CONNACK + publish("\x00", b"")],
        [CONNACK + publish("visavis/#", b"x")],
        [CONNACK + b"\x30\x04\x00\x02\xff\xfe"],
        [CONNACK, b"\x90\x03\xff\xff\x01"],
        [CONNACK, b"\x90\x02\x00\x01"],
        [CONNACK + CONNACK + b"\xe0\x00"],
        [CONNACK + publish("visavis/say", b"\x00\x01of quality 2", flags=0x04)],
        [],
    ],
    ids=range(19),
)
def test_a_broker_that_talks_nonsense_is_left_and_tried_again(
    answers: list[bytes], impatient: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(mqtt_connection, "ANSWER_S", 0.3)

    async def scene() -> None:
        problems = list[str]()
        async with mad_broker(*answers, then_closes=not answers) as (port, calls):
            async with running(port, KeptConversation(), problems):
                await until(lambda: calls() >= 3, within_s=15.0)
            assert 1 <= len(problems) <= 3
            assert all(line.isprintable() and len(line) < 300 for line in problems)

    played(scene())
    gc.collect()  # which would find errors that nobody asked for
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_topics_that_nobody_asked_for_and_a_flood_of_them_change_nothing() -> None:
    flood = [publish(f"visavis/{name}", b"x") for name in ("launch", "say/again", "motion", "")] * 500
    elsewhere = [publish(topic, b"x") for topic in ("elsewhere", "visavis", "\x1b[2J")]

    async def scene() -> None:
        conversation, problems = KeptConversation(), list[str]()
        stop = publish("visavis/stop", b"")
        answers = [
            CONNACK,
            b"\x40\x02\x00\x01",
            b"\x90\x0c\x00\x02" + b"\x01" * 10,
            *[b"".join([*elsewhere, *flood, stop])] * 3,
        ]
        async with mad_broker(*answers) as (port, calls):
            async with running(port, conversation, problems) as bridge:
                for state in ("listening", "thinking", "speaking"):
                    bridge.on_event(StateChanged(ConversationState(state)))
                    await asyncio.sleep(0.05)
                await until(lambda: ("stop", "") in conversation.calls)
            assert calls() == 1
        assert {name for name, _ in conversation.calls} == {"stop"}
        assert 1 <= len(problems) <= 2 * NOTICES + 2
        assert all(line.isprintable() for line in problems)

    played(scene())


# ---- settings


@pytest.mark.parametrize(
    "host",
    ["mqtt://127.0.0.1", "127.0.0.1:1883", "[::1]", " 127.0.0.1", "a\x00b", "u:hunter2@host", "\udcff"],
)
def test_a_host_that_is_more_than_a_host_is_refused(host: str) -> None:
    with pytest.raises(InputError, match=r"without 'mqtt://', brackets or a port \(that is mqtt\.port\)") as caught:
        MqttBridge(MqttSection.model_construct(**MqttSection().model_dump() | {"host": host}), lambda problem: None)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("topic", ["a\nb", "a\x00", "a/\x1b[2J", "home/\x7f", "\ud83d"])
def test_a_base_topic_that_a_broker_would_hang_up_for_is_refused(topic: str) -> None:
    settings = MqttSection.model_construct(**MqttSection(host="127.0.0.1").model_dump() | {"base_topic": topic})
    with pytest.raises(InputError, match=r"mqtt\.base_topic: expected levels of a topic") as caught:
        MqttBridge(settings, lambda problem: None)
    assert str(caught.value).isprintable()


def test_a_user_and_a_password_that_cannot_be_sent_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"mqtt\.username: expected no control characters"):
        MqttBridge(MqttSection(host="127.0.0.1", username="mi\nra"), lambda problem: None)
    monkeypatch.setitem(os.environ, "VISAVIS_MQTT_PASSWORD", "secret\udcff")
    with pytest.raises(InputError, match="VISAVIS_MQTT_PASSWORD to be UTF-8") as caught:
        MqttBridge(MqttSection(host="127.0.0.1", username="mira"), lambda problem: None)
    assert "secret" not in str(caught.value)
