"""Arbitrary MQTT payloads and arbitrary answers of a language model's server: read, or refused in one line."""

from __future__ import annotations

import itertools
import json
import math
import unicodedata
from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from agent.conversation.events import Say, TypedText
from agent.llm.address import address_of
from agent.llm.faults import seconds_in
from agent.llm.stream import ChatStream, ServerFault, reason_in
from agent.mqtt import messages
from agent.mqtt.messages import Command, Look, SetComposure, SetDistance, ShowEmotion, parse
from agent.mqtt.presence import Presence
from agent.text.foreign_text import shortened
from avatar.motion import Emotion
from speech.errors import InputError
from tests.fuzzing import examples


def json_values(words: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    """What JSON can say, and Python's JSON besides: NaN, Infinity, numbers of any size, half surrogate pairs."""
    leaves = st.none() | st.booleans() | st.integers() | st.floats() | words
    return st.recursive(
        leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3), max_leaves=8
    )


# ---- MQTT

_NAMES = "happy sad emotion intensity yaw_deg pitch_deg distance composure".split()
_WORDS = st.sampled_from([*_NAMES, "0.5", "-30", "31", "NaN", "1e308", "", "\ud83d", "\0"])
_JSON = json_values(_WORDS).map(json.dumps)
_TWICE = st.lists(st.tuples(_WORDS, _JSON), max_size=3).map(
    lambda pairs: "{" + ",".join(f"{json.dumps(key)}:{value}" for key, value in pairs) + "}"
)
_PAYLOADS = (
    st.binary(max_size=600)
    | st.text(max_size=300).map(str.encode)
    | (_JSON | _TWICE | st.lists(_WORDS, max_size=4).map(" ".join)).map(lambda text: text.encode("utf-8", "replace"))
    | st.builds(lambda part, times: part * times, st.binary(min_size=1, max_size=3), st.integers(1, 20_000))
)


@examples(300)
@given(st.sampled_from(Command), _PAYLOADS)
def test_any_command_is_read_or_refused_in_one_line(command: Command, payload: bytes) -> None:
    try:
        read = parse(command, payload)
    except InputError as error:
        assert str(error).isprintable() and len(str(error)) < 250 and "expected" in str(error)
        return
    match read:
        case Say(text) | TypedText(text):
            assert 0 < len(text) <= messages.MAX_TEXT_CHARACTERS and text.strip() == text
        case ShowEmotion(emotion, intensity):
            assert emotion is None or emotion in Emotion
            assert 0.0 <= intensity <= 1.0
        case Look((yaw, pitch)):
            assert max(abs(yaw), abs(pitch)) <= math.radians(30)
        case SetDistance(float(ratio)):
            assert 0.5 <= ratio <= 2.0
        case SetComposure(float(composure)):
            assert 0.0 <= composure <= 1.0


@given(st.lists(st.tuples(st.booleans(), st.sampled_from([b"idle", b"speaking", b"offline", b"\xff"]), st.booleans())))
def test_any_states_are_somebodys(events: list[tuple[bool, bytes, bool]]) -> None:
    presence = Presence()
    for is_ours, state, retained in events:
        if is_ours:
            presence.expect_echo(state)
        presence.classify(state, retained)


@given(st.text(max_size=500), st.integers(2, 100))
def test_any_text_of_a_stranger_becomes_one_line(text: str, most: int) -> None:
    line = shortened(text, most)
    assert line.isprintable() and len(line) <= most


# ---- a language model's server

_KEYS = "choices delta message content refusal tool_calls index finish_reason error type text stop length".split()
_FIELDS = st.sampled_from([*_KEYS, "a\ud83d"])
_DELTAS = st.fixed_dictionaries({"content": st.text(max_size=20) | json_values(_FIELDS)})
_CHUNKS = (
    json_values(_FIELDS)
    | st.fixed_dictionaries({"choices": st.lists(st.fixed_dictionaries({"delta": _DELTAS | json_values(_FIELDS)}))})
    | st.fixed_dictionaries({"choices": st.lists(json_values(_FIELDS), max_size=2)})
)
_LINES = (
    _CHUNKS.map(lambda chunk: b"data: " + json.dumps(chunk).encode() + b"\n\n")
    | _CHUNKS.map(lambda chunk: json.dumps(chunk).encode())
    | st.sampled_from([b"data: [DONE]\n\n", b": ping\n\n", b"\r\n", b"data:\n", b"\n", b"data: [[[[", b"id: 1\n"])
    | st.binary(max_size=40)
)


def _read(pieces: Sequence[bytes]) -> tuple[str, str]:
    """What is said of a response, and why it is refused."""
    stream, said = ChatStream(), ""
    try:
        for text in itertools.chain(itertools.chain.from_iterable(map(stream.push, pieces)), stream.close()):
            said += text
        return said, ""
    except ServerFault as fault:
        return said, str(fault)


@examples(300)
@given(st.lists(_LINES, max_size=6), st.integers(1, 50))
def test_any_answer_is_read_or_refused_however_it_is_cut(lines: list[bytes], size: int) -> None:
    received = b"".join(lines)
    said, fault = _read([received[at : at + size] for at in range(0, len(received), size)])
    said.encode("utf-8")
    assert not any(unicodedata.category(one) == "Cc" and one not in "\t\n\r" for one in said)
    assert _read([bytes([byte]) for byte in received]) == (said, fault)


@given(_CHUNKS)
def test_any_report_of_an_error_has_a_reason_or_none(body: Any) -> None:
    reason = reason_in(body)
    assert reason == "" or (reason.startswith(" (") and reason.endswith(")"))


_DATES = ["1e9", "9" * 400, "Wed, 21 Oct 2015 07:28:00 GMT", "Mon, 32 Foo 1 1:1:1", "1 Jan 0001 00:00:00 +9999"]


@given(st.text(max_size=40) | st.text("0123456789 :+-.GMTJan,", max_size=40) | st.sampled_from(_DATES))
def test_any_pause_is_a_number_of_seconds_or_none(value: str) -> None:
    pause_s = seconds_in(value)
    assert pause_s is None or (math.isfinite(pause_s) and pause_s >= 0.0)


@examples(200)
@given(
    st.text(max_size=60)
    | st.builds("{}://{}{}{}".format, st.sampled_from(["http", "https", "HTTP", "file"]), *[st.text(max_size=15)] * 3)
)
def test_any_address_is_one_or_is_refused_in_one_line(url: str) -> None:
    try:
        parts = address_of(url)
    except InputError as error:
        assert str(error).isprintable() and len(str(error)) < 500
        return
    assert parts.scheme in ("http", "https") and parts.hostname
    assert parts.username is parts.password is None and not parts.query and not parts.fragment
