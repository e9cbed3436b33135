"""What may be sent to the face over MQTT, what is refused, and what waits."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Iterator

import numpy as np
import pytest
from aiomqtt import Message
from hypothesis import given
from hypothesis import strategies as st

from agent.conversation.events import Say, TypedText
from agent.mqtt import messages
from agent.mqtt.connection import Backoff, Failure
from agent.mqtt.messages import Command, Hold, Look, Resume, SetComposure, SetDistance, ShowEmotion, Stop, parse
from agent.mqtt.queues import MAX_INTERIM, MAX_WAITING, Outbox, OutgoingMessage, inbox_type
from agent.text.sentences import Sentence
from avatar.motion import Emotion, MotionLayout, neutral
from avatar.outputs.mqtt_motion import motion_json
from speech.errors import InputError
from speech.events import Transcript

GAZE = (math.radians(10), math.radians(-5))


@pytest.mark.parametrize(
    ("command", "payload", "expected"),
    [
        ("say", "Grüße aus Köln! ", Say("Grüße aus Köln!")),
        ("say", "two\nlines", Say("two\nlines")),
        ("say", "ä" * 2000, Say("ä" * 2000)),
        ("ask", "What time is it?", TypedText("What time is it?")),
        ("stop", "", Stop()),
        ("stop", "whatever", Stop()),
        ("hold", "", Hold()),
        ("resume", "whatever", Resume()),
        ("emotion", '{"emotion":"happy","intensity":0.6}', ShowEmotion(Emotion.HAPPY, 0.6)),
        ("emotion", ' {"intensity": 1, "emotion": "sad"} ', ShowEmotion(Emotion.SAD, 1.0)),
        ("emotion", '{"emotion":"angry"}', ShowEmotion(Emotion.ANGRY, messages.DEFAULT_INTENSITY)),
        ("emotion", "happy", ShowEmotion(Emotion.HAPPY, messages.DEFAULT_INTENSITY)),
        ("emotion", "afraid 0.25", ShowEmotion(Emotion.AFRAID, 0.25)),
        ("emotion", "", ShowEmotion(None, 0.0)),
        ("gaze", '{"yaw_deg":10,"pitch_deg":-5}', Look(GAZE)),
        ("gaze", "10 -5", Look(GAZE)),
        ("gaze", "  +10.0   -5. ", Look(GAZE)),
        ("gaze", " ", Look(None)),
        ("distance", '{"distance": 1.2}', SetDistance(1.2)),
        ("distance", " 0.9", SetDistance(0.9)),
        ("distance", "", SetDistance(None)),
        ("composure", '{"composure":1}', SetComposure(1.0)),
        ("composure", "0", SetComposure(0.0)),
        ("composure", " ", SetComposure(None)),
    ],
)
def test_what_is_documented_is_read(command: str, payload: str, expected: object) -> None:
    assert parse(Command(command), payload.encode()) == expected


@pytest.mark.parametrize(
    ("command", "payload", "said"),
    [
        ("say", b"", "got nothing"),
        ("say", b" \n", "got nothing"),
        ("say", b"x" * 2001, "got 2001"),
        ("ask", b"x" * 100_000, "got more than 8000 bytes"),
        ("say", b"\xff\xfe", "not UTF-8"),
        ("say", b"a\x00b", r"U\+0000"),
        ("say", b"\x1b[2J", r"U\+001B"),
        ("emotion", b"joyful", "expected one of neutral, happy.*got 'joyful'"),
        ("emotion", b"happy 0.6 0.7", "got 'happy 0.6 0.7'"),
        ("emotion", b"happy 1.5", "from 0 to 1, got '1.5'"),
        ("emotion", b"happy nan", "got 'happy nan'"),
        ("emotion", b'{"emotion":"happy","intensity":NaN}', "from 0 to 1, got 'nan'"),
        ("emotion", b'{"emotion":"happy","intensity":1e999}', "got 'inf'"),
        ("emotion", b'{"emotion":"happy","intensity":true}', "got 'True'"),
        ("emotion", b'{"emotion":"happy","intensity":"0.5"}', "from 0 to 1, got '0.5'"),
        ("emotion", b'{"emotion":["happy"]}', "expected one of"),
        ("emotion", b'{"emotion":"happy","speed":1}', "expected an emotion"),
        ("emotion", b'{"emotion":"happy","emotion":"sad"}', "expected an emotion"),
        ("emotion", b'{"intensity":1}', "expected an emotion"),
        ("emotion", b'{"emotion":', "expected an emotion"),
        ("emotion", b'["happy"]', "expected one of"),
        ("gaze", b"10", "expected a gaze"),
        ("gaze", b"10 -5 3", "expected a gaze"),
        ("gaze", b"31 0", "from -30 to 30, got '31.0'"),
        ("gaze", b"1_0 0", "expected a gaze"),
        ("gaze", "١٠ 0".encode(), "expected a gaze"),
        ("gaze", b"inf 0", "expected a gaze"),
        ("gaze", b'{"yaw_deg":10}', "expected a gaze"),
        ("gaze", b'{"yaw_deg":1' + b"0" * 400 + b',"pitch_deg":0}', "from -30 to 30"),
        ("gaze", b'{"a":' + b"[" * 480, "expected a gaze"),
        ("distance", b"far", 'expected a distance such as {"distance": 1.2} or "1.2", got'),
        ("distance", b"1 2", "expected a distance"),
        ("distance", b"0.4", "from 0.7 to 1.5, got '0.4'"),
        ("distance", b'{"distance": "1"}', "from 0.7 to 1.5, got '1'"),
        ("distance", b'{"composure": 1}', "expected a distance"),
        ("composure", b"1.01", "from 0 to 1, got '1.01'"),
        ("composure", b"{}", "expected a composure"),
        ("composure", b'{"composure": true}', "from 0 to 1, got 'True'"),
        ("gaze", b'{"yaw_deg":0,"pitch_deg":0' + b" " * 500 + b"}", "got more than 500 bytes"),
    ],
)
def test_anything_else_is_refused(command: str, payload: bytes, said: str) -> None:
    with pytest.raises(InputError, match=said):
        parse(Command(command), payload)


@given(st.floats(-30, 30), st.floats(-30, 30))
def test_a_gaze_is_read_exactly(yaw: float, pitch: float) -> None:
    payload = json.dumps({"yaw_deg": yaw, "pitch_deg": pitch}).encode()
    assert parse(Command.GAZE, payload) == Look((math.radians(yaw), math.radians(pitch)))


def test_text_without_utf_8_is_sent_all_the_same() -> None:
    assert json.loads(messages.sentence(3, Sentence(0, "half \ud83d"))) == {"turn": 3, "index": 0, "text": "half ?"}
    sent = json.loads(messages.transcript(Transcript("grüß dich", True, 1.23456, 2.0)))
    assert sent == {"text": "grüß dich", "is_final": True, "start_s": 1.235, "end_s": 2.0}


def test_motion_is_told_in_degrees_by_arkits_names() -> None:
    values = neutral(1)[0]
    values[:8] = [0.1, -0.2, 0.3, 0.04, -0.05, 1.06, 0.07, -0.08]
    values[MotionLayout.FACE] = np.linspace(0, 1, 52)
    sent = json.loads(motion_json(50, values))
    assert sent["frame"] == 50 and sent["pts_s"] == 2.0
    head = {"pitch": 5.73, "yaw": -11.459, "roll": 17.189, "x": 0.04, "y": -0.05, "distance": 1.06}
    assert sent["head"] == head
    assert sent["gaze"] == {"yaw_deg": 4.011, "pitch_deg": -4.584}
    assert tuple(sent["blendshapes"]) == MotionLayout.NAMES[8:]
    assert list(sent["blendshapes"].values()) == [round(i / 51, 3) for i in range(52)]


# ---- queues


def _out(number: int, is_interim: bool = False, topic: str = "t") -> OutgoingMessage:
    return OutgoingMessage(topic, str(number).encode(), is_interim=is_interim)


def _drained(outbox: Outbox) -> Iterator[int]:
    while len(outbox):
        message = asyncio.run(outbox.first())
        outbox.remove(message)
        yield int(message.payload)


def test_the_outbox_gives_up_the_oldest_of_its_kind() -> None:
    outbox = Outbox()
    outbox.put(_out(-1))
    for number in range(100):
        outbox.put(_out(number, is_interim=True))
    outbox.put(_out(1000))
    assert list(_drained(outbox)) == [-1, *range(100 - MAX_INTERIM, 100), 1000]
    assert outbox.dropped == 0
    outbox.put(_out(-2, is_interim=True))
    for number in range(MAX_WAITING + 10):
        outbox.put(_out(number))
    assert outbox.dropped == 10
    assert list(_drained(outbox)) == [-2, *range(10, MAX_WAITING + 10)]


def test_the_outbox_forgets_a_topic() -> None:
    outbox = Outbox()
    for number in range(6):
        outbox.put(_out(number, topic="even" if number % 2 == 0 else "odd"))
    outbox.remove_topic("even")
    assert list(_drained(outbox)) == [1, 3, 5]


def _in(name: str, payload: str = "", retain: bool = False) -> Message:
    return Message(f"visavis/{name}", payload.encode(), 0, retain, 0, None)


def test_a_stop_outruns_what_was_to_be_said() -> None:
    inbox = inbox_type(lambda: None)()
    for message in (
        _in("say"),
        _in("gaze", "1 1"),
        _in("stop", retain=True),
        _in("ask"),
        _in("stop"),
        _in("say", "new"),
    ):
        inbox.put_nowait(message)
    left = [inbox.get_nowait() for _ in range(inbox.qsize())]
    assert [(m.topic.value, m.payload) for m in left] == [
        ("visavis/gaze", b"1 1"),
        ("visavis/stop", b""),
        ("visavis/stop", b""),
        ("visavis/say", b"new"),
    ]
    assert [m.retain for m in left] == [False, True, False, False]


def test_a_flood_leaves_the_newest_commands_and_the_stop() -> None:
    dropped: list[None] = []
    inbox = inbox_type(lambda: dropped.append(None))()
    inbox.put_nowait(_in("stop"))
    for number in range(1000):
        inbox.put_nowait(_in("gaze", str(number)))
    assert inbox.qsize() == MAX_WAITING and len(dropped) == 1001 - MAX_WAITING
    assert inbox.get_nowait().topic.value == "visavis/stop"
    assert inbox.get_nowait().payload == str(1001 - MAX_WAITING).encode()


def test_attempts_come_ever_more_slowly() -> None:
    backoff = Backoff()
    waits = [backoff.next_s(Failure.AWAY) for _ in range(8)]
    for wait, longest in zip(waits, [0.5, 1, 2, 4, 8, 10, 10, 10], strict=True):
        assert 0.75 * longest <= wait <= longest
    backoff.reset()
    assert backoff.next_s(Failure.AWAY) <= 0.5
    assert backoff.next_s(Failure.REFUSED) >= 7.5
