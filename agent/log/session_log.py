"""A conversation in the log: what happened and how long it took, never what was said, unless that was asked for."""

from __future__ import annotations

import logging

from agent.conversation.events import Event, Problem, RequestDropped, StateChanged, TurnFinished
from agent.conversation.turn import TurnRecord
from agent.log.lines import Foreign, log_event
from agent.log.redaction import Redaction
from agent.text.sentences import Sentence
from speech.audio import OUTPUT_RATE_HZ
from speech.events import Transcript

_LOG = logging.getLogger(__name__)


class SessionLog:
    """Takes a session's events.

    Args:
        redaction: is given what was said, so that nothing in the log repeats it.
    """

    def __init__(self, redaction: Redaction) -> None:
        self._redaction = redaction

    def on_event(self, event: Event) -> None:
        """Logs one event; called on the event loop."""
        match event:
            case StateChanged(state):
                log_event(_LOG, "state", level=logging.DEBUG, state=str(state))
            case Transcript(text, is_final):
                if is_final:
                    self._redaction.note(text)
            case Sentence():
                self._redaction.note(event.text)
            case Problem(message):
                log_event(_LOG, "problem", level=logging.WARNING, message=Foreign(message))
            case TurnFinished(record):
                self._redaction.note(record.question)
                self._tell_turn(record)
            case RequestDropped(request, why):
                self._redaction.note(request.text)
                log_event(_LOG, "request_dropped", level=logging.WARNING, kind=type(request).__name__, why=why)

    def _tell_turn(self, record: TurnRecord) -> None:
        sentences = record.heard_sentences
        keeps = self._redaction.keeps_words
        log_event(
            _LOG,
            "turn",
            number=record.turn.id,
            outcome=_outcome(record),
            question_chars=len(record.question),
            question_s=_length_s(record.question_start_sample, record.question_end_sample),
            reply_chars=len(record.reply),
            heard_chars=len(record.heard),
            sentences=len(sentences),
            reply_s=_length_s(sentences[0].start_sample, sentences[-1].end_sample) if sentences else None,
            after_s={stage: round(after_s, 3) for stage, after_s in record.since_speech_end().items()},
            floor=record.floor.as_json() or None,
            question=record.question if keeps else None,
            reply=record.reply if keeps else None,
        )


def _outcome(record: TurnRecord) -> str:
    """What became of a turn: who was interrupted by the user's voice, by a key or by a command, is "interrupted"."""
    if record.problem is not None:
        return "failed"
    if record.is_unanswered:
        return "unanswered"
    return "interrupted" if record.interrupted else "answered"


def _length_s(start_sample: int | None, end_sample: int | None) -> float | None:
    return (
        None if start_sample is None or end_sample is None else round((end_sample - start_sample) / OUTPUT_RATE_HZ, 2)
    )
