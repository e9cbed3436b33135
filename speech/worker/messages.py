"""The messages between the program and a worker process: what `process` and `main` beside this both speak.

A message is a header (kind, number of the call, length of the fields, length of the payload; little endian), the fields
as a JSON object, and the payload as bytes.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from enum import Enum
from typing import Any

HEADER = struct.Struct("<cIII")
"""Kind, call, length of the fields, length of the payload, in bytes."""

WINDOW_BYTES = 1 << 20
"""Of a call's items that their reader has not taken yet. A worker that has sent so much of a call (10 s of sound) goes
on with others until the reader has caught up; so nobody who is behind holds others up, or fills the memory."""


class Kind(Enum):
    """What a message is."""

    SETUP = b"S"
    """To the worker, first: how it is to work. Answered with READY, or with ERROR, after which it ends."""
    READY = b"R"
    """From the worker: everything is loaded."""
    OPEN = b"O"
    """To the worker: a new call, its arguments in the fields."""
    DATA = b"D"
    """To the worker: more for an open call."""
    END = b"E"
    """To the worker: that was all for this call."""
    TAKEN = b"T"
    """To the worker: so many more bytes of the call's items, "bytes" in the fields, were taken by their reader."""
    CANCEL = b"X"
    """To the worker: throw the call away. Not answered."""
    PING = b"?"
    """To the worker: are you there? Answered with PONG at once, whatever it is computing."""
    PONG = b"="
    """From the worker: it is."""
    ITEM = b"I"
    """From the worker: a piece of the result."""
    DONE = b"F"
    """From the worker: the call is finished."""
    ERROR = b"!"
    """From the worker: why the call failed, in the field "message", and the class of the error in "error"; in "where"
    the places in the code, if nobody has expected it."""


def pack_message(kind: Kind, call: int = 0, fields: Mapping[str, Any] | None = None, payload: bytes = b"") -> bytes:
    """Packs a message."""
    text = json.dumps(fields).encode() if fields else b""
    return HEADER.pack(kind.value, call, len(text), len(payload)) + text + payload


def unpack_fields(text: bytes) -> dict[str, Any]:
    """The fields of a message; an empty text has none."""
    fields: dict[str, Any] = json.loads(text) if text else {}
    return fields
