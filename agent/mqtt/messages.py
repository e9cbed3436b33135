"""What travels over MQTT: commands are parsed strictly, what goes out is encoded. docs/mqtt.md is the reference."""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NoReturn

from agent.conversation.events import Say, TypedText
from agent.conversation.turn import TurnRecord
from agent.text.foreign_text import shortened
from agent.text.sentences import Sentence
from avatar.control_timeline import MAX_GAZE_DEG
from avatar.motion import FARTHEST_HEAD, NEAREST_HEAD, Emotion
from speech.errors import InputError
from speech.events import Transcript

MAX_TEXT_CHARACTERS = 2000
"""Two to three minutes of speech: nobody listens longer to one command."""

MAX_TEXT_BYTES = 4 * MAX_TEXT_CHARACTERS  # no character of UTF-8 is longer than four bytes
MAX_SETTING_BYTES = 500
"""An emotion or a gaze takes sixty bytes; the rest is room for blanks."""

DEFAULT_INTENSITY = 0.6
"""Of an emotion that comes without one: clearly seen, not overdone."""

OFFLINE = "offline"
"""What the state topic says while no conversation runs."""


class Command(StrEnum):
    """The commands, by the last level of their topics."""

    SAY = "say"
    ASK = "ask"
    STOP = "stop"
    HOLD = "hold"
    RESUME = "resume"
    EMOTION = "emotion"
    GAZE = "gaze"
    DISTANCE = "distance"
    COMPOSURE = "composure"


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop speaking."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Fall silent, and keep what was not heard."""


@dataclass(frozen=True, slots=True)
class Resume:
    """Go on where it was held."""


@dataclass(frozen=True, slots=True)
class ShowEmotion:
    """Show this emotion at this intensity in [0, 1]; None leaves the choice to the face."""

    emotion: Emotion | None
    intensity: float


@dataclass(frozen=True, slots=True)
class Look:
    """Look there: (yaw, pitch) in radians, signs as in `MotionLayout`; None leaves the choice to the face."""

    gaze: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class SetDistance:
    """Hold the head at this distance, a ratio (1: as in the portrait); None leaves the choice to the face."""

    ratio: float | None


@dataclass(frozen=True, slots=True)
class SetComposure:
    """Be as calm as this, from 0 (lively) to 1 (still); None is as configured."""

    composure: float | None


Instruction = Say | TypedText | Stop | Hold | Resume | ShowEmotion | Look | SetDistance | SetComposure


def parse(command: Command, payload: bytes) -> Instruction:
    """Reads one command.

    Raises:
        InputError: anything but what docs/mqtt.md describes.
    """
    match command:
        case Command.SAY:
            return Say(_text(payload))
        case Command.ASK:
            return TypedText(_text(payload))
        case Command.STOP:
            return Stop()
        case Command.HOLD:
            return Hold()
        case Command.RESUME:
            return Resume()
        case Command.EMOTION:
            return _emotion(payload)
        case Command.GAZE:
            return _gaze(payload)
        case Command.DISTANCE:
            return SetDistance(_single(payload, "distance", "1.2", NEAREST_HEAD, FARTHEST_HEAD))
        case Command.COMPOSURE:
            return SetComposure(_single(payload, "composure", "0.8", 0.0, 1.0))


def transcript(event: Transcript) -> bytes:
    """The payload of topic `transcript`: text and times in seconds of the input stream, JSON."""
    times = {"start_s": round(event.start_s, 3), "end_s": round(event.end_s, 3)}
    return _json({"text": event.text, "is_final": event.is_final} | times)


def sentence(turn: int, event: Sentence) -> bytes:
    """The payload of topic `reply` for one sentence, JSON."""
    return _json({"turn": turn, "index": event.index, "text": event.text})


def finished(record: TurnRecord) -> bytes:
    """The payload of topic `reply` when a turn is over: the reply and what of it was heard, JSON."""
    texts = {"text": record.reply, "heard": record.heard}
    return _json({"turn": record.turn.id} | texts | {"interrupted": record.interrupted})


def notice(kind: str, message: str) -> bytes:
    """The payload of topic `event`: its kind and a sentence for the user, JSON."""
    return _json({"kind": kind, "message": message})


def _json(fields: Mapping[str, Any]) -> bytes:
    # A language model's tokens can make half a surrogate pair, which has no UTF-8.
    return json.dumps(fields, ensure_ascii=False).encode("utf-8", "replace")


def _text(payload: bytes) -> str:
    expected = f"expected 1 to {MAX_TEXT_CHARACTERS} characters of text"
    text = _decode(payload, MAX_TEXT_BYTES, expected).strip()
    if not text:
        raise InputError(f"{expected}, got nothing")
    if len(text) > MAX_TEXT_CHARACTERS:
        raise InputError(f"{expected}, got {len(text)}")
    for character in text:
        if unicodedata.category(character) == "Cc" and character not in "\t\n\r":
            raise InputError(f"{expected}, got the control character U+{ord(character):04X}")
    return text


def _emotion(payload: bytes) -> ShowEmotion:
    expected = 'expected an emotion such as {"emotion": "happy", "intensity": 0.6} or "happy 0.6"'
    text = _decode(payload, MAX_SETTING_BYTES, expected).strip()
    if not text:
        return ShowEmotion(None, 0.0)
    intensity: object = DEFAULT_INTENSITY
    if text.startswith("{"):
        fields = _object(text, {"emotion"}, {"intensity"}, expected)
        name, intensity = fields["emotion"], fields.get("intensity", DEFAULT_INTENSITY)
    else:
        name, *numbers = text.split()
        if len(numbers) > 1:
            _reject(expected, text)
        if numbers:
            intensity = _parse_number(numbers[0], expected, text)
    if not isinstance(name, str) or name not in set(Emotion):
        _reject(f"expected one of {', '.join(Emotion)}", name)
    return ShowEmotion(Emotion(name), _check_range(intensity, 0.0, 1.0, "an intensity"))


def _gaze(payload: bytes) -> Look:
    expected = 'expected a gaze such as {"yaw_deg": 10, "pitch_deg": -5} or "10 -5"'
    text = _decode(payload, MAX_SETTING_BYTES, expected).strip()
    if not text:
        return Look(None)
    angles: list[object]
    if text.startswith("{"):
        fields = _object(text, {"yaw_deg", "pitch_deg"}, set(), expected)
        angles = [fields["yaw_deg"], fields["pitch_deg"]]
    else:
        angles = [_parse_number(word, expected, text) for word in text.split()]
        if len(angles) != 2:
            _reject(expected, text)
    yaw, pitch = (_check_range(angle, -MAX_GAZE_DEG, MAX_GAZE_DEG, "degrees") for angle in angles)
    return Look((math.radians(yaw), math.radians(pitch)))


def _single(payload: bytes, name: str, example: str, low: float, high: float) -> float | None:
    """One number, as it is or in a JSON object by its name; None for an empty payload."""
    expected = f'expected a {name} such as {{"{name}": {example}}} or "{example}"'
    text = _decode(payload, MAX_SETTING_BYTES, expected).strip()
    if not text:
        return None
    value = _object(text, {name}, set(), expected)[name] if text[0] == "{" else _parse_number(text, expected, text)
    return _check_range(value, low, high, f"a {name}")


def _decode(payload: bytes, max_bytes: int, expected: str) -> str:
    if len(payload) > max_bytes:
        raise InputError(f"{expected}, got more than {max_bytes} bytes")
    try:
        return payload.decode("utf-8")
    except UnicodeDecodeError:
        raise InputError(f"{expected}, got bytes that are not UTF-8") from None


def _object(text: str, required: set[str], optional: set[str], expected: str) -> dict[str, object]:
    """A JSON object with just these keys, each once."""

    def no_key_twice(pairs: list[tuple[str, object]]) -> dict[str, object]:
        fields = dict(pairs)
        if len(fields) != len(pairs):
            _reject(expected, text)
        return fields

    try:
        fields = json.loads(text, object_pairs_hook=no_key_twice)
    except (ValueError, RecursionError):
        _reject(expected, text)
    if not isinstance(fields, dict) or not required <= set(fields) <= required | optional:
        _reject(expected, text)
    return fields


def _parse_number(word: str, expected: str, text: str) -> float:
    # float() would also read "1_0", "nan" and the digits of every script.
    if re.fullmatch(r"[+-]?[0-9]{1,20}(\.[0-9]{0,20})?", word) is None:
        _reject(expected, text)
    return float(word)


def _check_range(value: object, low: float, high: float, what: str) -> float:
    # True is an int to Python; NaN, which Python's JSON knows, fails the comparison.
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        _reject(f"expected {what} from {low:g} to {high:g}", value)
    return float(value)


def _reject(expected: str, got: object) -> NoReturn:
    raise InputError(f"{expected}, got '{shortened(got if isinstance(got, str) else repr(got), 60)}'")
