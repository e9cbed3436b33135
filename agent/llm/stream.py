"""The stream of chat completions that an OpenAI-compatible server sends, read within limits whatever it sends."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

MOST_EVENT_BYTES = 256 * 1024
"""Of one event, or one line: a token takes some 300, a whole reply at once less than this."""

NO_CHAT = "expected a stream of chat completions, got something else"

_HIGH_SURROGATES = range(0xD800, 0xDC00)
_SURROGATE = re.compile("[\ud800-\udfff]")
# Nobody can say them, and a terminal would obey them; U+FFFD stands where bytes were no UTF-8.
_UNSPEAKABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffd]")


class ServerFault(Exception):
    """What a server did wrong, in words for the user; whoever knows its address adds it."""


class ChatStream:
    """Takes the bytes of a response as they come and finds the text that is to be said.

    A response in one piece, from a server that knows no streams, is read as well. Reasoning in a field of its own,
    tool calls and all but the first choice are left out. Memory and time are bounded by `MOST_EVENT_BYTES` and linear.

    Attributes:
        pieces: events so far that carried any text, reasoning included: the model is at work.
        is_chat: anything of a chat has come.
        finish: why the model ended, as the server has it ("stop", "length", …); "" until it says so.
        is_done: the server has said that nothing more comes.
        wants_tools: the model asked for a tool.
    """

    def __init__(self) -> None:
        self.pieces = 0
        self.is_chat = self.is_done = self.wants_tools = False
        self.finish = ""
        self._line: list[bytes] = []
        self._data: list[bytes] = []
        self._body: list[bytes] = []
        self._held = 0
        self._half = ""

    def push(self, received: bytes) -> Iterator[str]:
        """Takes the next bytes; yields the pieces of the reply that they complete, those before a fault too.

        Raises:
            ServerFault: this is no chat, an event is too long, or the server reports an error.
        """
        first, *others = received.split(b"\n")
        self._append(first)
        for beginning in others:
            line, self._line = b"".join(self._line).removesuffix(b"\r"), []
            yield from self._end_line(line)
            self._append(beginning)

    def close(self) -> Iterator[str]:
        """The response is over; yields what was held back.

        Raises:
            ServerFault: as of `push`, or nothing of a chat has come.
        """
        if not self.is_done:
            yield from self.push(b"\n\n")
        if not self.is_chat and (body := b"\n".join(self._body)).lstrip().startswith(b"{"):
            yield from self._read(body)
        if not self.is_chat:
            raise ServerFault(f"{NO_CHAT}; does mind.base_url end in /v1?")

    def _append(self, part: bytes) -> None:
        self._held += len(part)
        if self._held > MOST_EVENT_BYTES and not self.is_done:
            raise ServerFault(f"{NO_CHAT} (more than {MOST_EVENT_BYTES // 1024} kB in one piece)")
        if part and not self.is_done:
            self._line.append(part)

    def _end_line(self, line: bytes) -> list[str]:
        if not line:
            event, self._data = b"\n".join(self._data), []
            self._held = sum(map(len, self._body))
            return self._read(event) if event else []
        field, _, value = line.partition(b":")
        if field == b"data":
            self._data.append(value.strip())
        elif self.is_chat or field in (b"", b"event", b"id", b"retry"):
            self._held -= len(line)
        else:
            self._body.append(line)  # of a response that is no stream
        return []

    def _read(self, event: bytes) -> list[str]:
        if self.is_done:
            return []
        if event == b"[DONE]":
            self.is_done = True
            return []
        try:
            chunk = json.loads(event.decode("utf-8", "replace"))
        except (ValueError, RecursionError) as error:
            raise ServerFault(f"{NO_CHAT} ({type(error).__name__})") from None
        if isinstance(chunk, dict) and chunk.get("error"):
            raise ServerFault(f"the server reports an error{reason_in(chunk)}")
        choices = chunk.get("choices") if isinstance(chunk, dict) else None
        if not isinstance(choices, list):
            raise ServerFault(NO_CHAT)
        contents = [text for choice in choices if (text := self._choice(choice))]
        self.is_chat = True
        return contents

    def _choice(self, choice: object) -> str:
        """What of it is to be said; the last chunk often only counts tokens."""
        if not isinstance(choice, dict):
            raise ServerFault(NO_CHAT)
        if choice.get("index", 0) != 0:
            return ""
        if isinstance(finish := choice.get("finish_reason"), str):
            self.finish = finish
        delta = choice.get("delta") or choice.get("message") or {}
        if not isinstance(delta, dict):
            raise ServerFault(NO_CHAT)
        self.wants_tools = self.wants_tools or bool(delta.get("tool_calls") or delta.get("function_call"))
        # A refusal is meant for the person too.
        text = _text(delta.get("content")) + _text(delta.get("refusal"))
        self.pieces += any((text, delta.get("reasoning_content"), delta.get("reasoning")))
        return self._speakable(text)

    def _speakable(self, text: str) -> str:
        """Joins a pair of surrogates that came in two pieces, and takes out what can't be said or written."""
        text = self._half + text
        self._half = text[-1] if text and ord(text[-1]) in _HIGH_SURROGATES else ""
        text = text.removesuffix(self._half)
        if _SURROGATE.search(text):
            text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "ignore")
        return _UNSPEAKABLE.sub("", text)


def reason_in(body: object) -> str:
    """What a server says of an error, in brackets and quoted, since it may repeat what was said; "" for none."""
    error = body.get("error", body) if isinstance(body, dict) else body
    message = error.get("message") if isinstance(error, dict) else error
    return f" ('{message}')" if isinstance(message, str) and message else ""


def _text(content: Any) -> str:
    """The text of a delta, which may also come in parts of several kinds."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if isinstance(content, list) and all(isinstance(part, dict) for part in content):
        texts = (part.get("text") for part in content if part.get("type") in ("text", "output_text"))
        return "".join(text for text in texts if isinstance(text, str))
    raise ServerFault(NO_CHAT)
