"""What a line of the log is: an event with fields, or a message; as text, or as one JSON object a line.

    2026-11-29 22:15:03.120 INFO    agent.log.session_log: turn number=3 outcome="answered" question_chars=42 …
    {"time": "2026-11-29T22:15:03.120+01:00", "level": "INFO", "logger": "agent.log.session_log", "event": "turn",
     "number": 3, "outcome": "answered", "question_chars": 42}

A message of somebody else's, such as a library's warning, is the event "message" with the field "message".
"""

from __future__ import annotations

import json
import logging
from datetime import datetime

from agent.log.redaction import Redaction
from speech.errors import one_line


class Foreign(str):
    """Text that may repeat what was said: of an error, or from another program. It is redacted in the log."""


Value = str | float | bool | list[str] | dict[str, float] | dict[str, str] | None
"""What a field may be; one that is None is left out."""


def log_event(logger: logging.Logger, event: str, *, level: int = logging.INFO, **fields: Value) -> None:
    """Logs an event.

    Args:
        logger: whose event it is: `logging.getLogger(__name__)`.
        event: its name, a word or two joined by "_".
        level: how much it matters.
        fields: facts about it: numbers, names, settings. Whatever may repeat words of the conversation is `Foreign`.
    """
    given = {name: value for name, value in fields.items() if value is not None}
    logger.log(level, event, extra={"fields": given})


class _Line(logging.Formatter):
    """Takes a record apart.

    Args:
        redaction: of what may repeat what was said.
    """

    def __init__(self, redaction: Redaction) -> None:
        super().__init__()
        self._redaction = redaction

    def _fields(self, record: logging.LogRecord) -> tuple[str, dict[str, Value]]:
        """The event and its fields, redacted."""
        given: dict[str, Value] | None = getattr(record, "fields", None)
        if given is None:
            return "message", {"message": self._redaction.apply(record.getMessage())}
        return record.getMessage(), {name: self._told(value) for name, value in given.items()}

    def _told(self, value: Value) -> Value:
        if isinstance(value, Foreign):
            return self._redaction.apply(value)
        return self._redaction.hide_secrets(value) if isinstance(value, str) else value


class TextLine(_Line):
    """A line of text; further lines of a message, such as a traceback's, are indented."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        event, fields = self._fields(record)
        told = str(fields["message"]) if event == "message" else " ".join([event, *map(_pair, fields.items())])
        at = datetime.fromtimestamp(record.created)
        line = f"{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03d} {record.levelname:<7} {record.name}: {told}"
        return "\n    ".join(map(one_line, line.splitlines()))


class JsonLine(_Line):
    """One JSON object (RFC 8259) on one line: time (ISO 8601), level, logger, event, and the event's fields."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        event, fields = self._fields(record)
        at = datetime.fromtimestamp(record.created).astimezone().isoformat(timespec="milliseconds")
        line = {"time": at, "level": record.levelname, "logger": record.name, "event": event, **fields}
        return json.dumps(line, ensure_ascii=False, default=str)


def _pair(field: tuple[str, Value]) -> str:
    name, value = field
    if isinstance(value, float):
        return f"{name}={value:.6g}"
    return f"{name}={json.dumps(value, ensure_ascii=False)}"
