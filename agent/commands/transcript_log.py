"""The transcript log: turns and problems printed on the terminal, turns kept as JSON lines, and their facts logged."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from agent.commands.options import make_folder, say
from agent.config.config import Config
from agent.console.transcripts import TurnsFile, write_turns
from agent.log.log import LOG
from agent.personas import persona_of
from agent.text.foreign_text import shortened
from speech.errors import InputError
from speech.files.draft import check_writable

if TYPE_CHECKING:
    from agent.conversation.events import Event
    from agent.conversation.turn import TurnRecord

_UNANSWERED = {"asleep": "it was not called", "aside": "not meant for it", "empty": "nothing to answer"}
"""Why what was heard is not answered, as people read it."""


class TranscriptLog:
    """Takes a session's events: prints every turn with its waterfall, and keeps the records.

    Args:
        config: the whole configuration.
        quiet: print nothing.
        is_endless: a conversation that may go on for days: its turns are kept in files only.
        show_state: called with the state whenever that changes.
        show_interim: called with the words so far while the user speaks, and with "" when they are final.

    Attributes:
        records: the turns so far, of one that is not endless.
    """

    def __init__(
        self,
        config: Config,
        *,
        quiet: bool,
        is_endless: bool = False,
        show_state: Callable[[str], None] = lambda state: None,
        show_interim: Callable[[str], None] = lambda words: None,
    ) -> None:
        from agent.log.session_log import SessionLog

        self._config, self._quiet, self._is_endless = config, quiet, is_endless
        self._log = SessionLog(LOG.redaction)
        self._name = config.mind.name or persona_of(config).name
        self.show_state, self.show_interim = show_state, show_interim
        self.records: list[TurnRecord] = []
        self._unanswered = ""  # why the turn that ends next is not answered: it is none, and is not kept
        self._log_file: TurnsFile | None = None
        if folder := config.session.keep_transcripts:
            self._log_file = TurnsFile(folder / f"{datetime.now():%Y-%m-%d_%H%M%S}-{os.getpid()}.jsonl")
        self._video_log: TurnsFile | None = None
        self._unwritable: set[TurnsFile] = set()

    def on_event(self, event: Event) -> None:
        """Prints and keeps one event; called on the event loop."""
        from agent.console.waterfall import waterfall_lines
        from agent.conversation.events import (
            AnswerPaused,
            AttentionChanged,
            Problem,
            RequestDropped,
            StateChanged,
            TurnFinished,
            UtteranceDropped,
        )
        from speech.events import Transcript

        self._log.on_event(event)
        match event:
            case AnswerPaused(is_paused):
                if is_paused:
                    self.show_state("paused")
            case StateChanged(state):
                self.show_state(state)
            case Transcript(text, is_final):
                self.show_interim("" if is_final else text)
            case Problem(message):
                say(f"! {message}", self._quiet)
            case AttentionChanged(is_awake, call):
                say(f"  {self._name} {'listens' if is_awake else f'waits for: {call}'}", self._quiet)
            case RequestDropped(request, why):
                say(f"! not said: {shortened(request.text, 60)}: {why}", self._quiet)
            case UtteranceDropped(why):
                self._unanswered = why
            case TurnFinished(record) if self._unanswered:
                say(f"\n  ({_UNANSWERED[self._unanswered]}: {shortened(record.question, 60)})", self._quiet)
                self._unanswered = ""
            case TurnFinished(record):
                if not self._is_endless:
                    self.records.append(record)
                self._keep(record)
                if record.question or not record.sentences:
                    say(f"\n  You: {record.question or '(nothing understood)'}", self._quiet)
                cut = " … (interrupted)" if record.interrupted else ""
                filler = f"({record.filler}) " if record.filler else ""
                say(f"  {self._name}: {filler}{record.heard}{cut}", self._quiet)
                for line in waterfall_lines(record):
                    say(line, self._quiet)
            case _:
                pass

    def check(self, beside: Path | None) -> None:
        """Refuses transcripts that can't be written, before anything is said.

        Raises:
            InputError: as `speech.files.draft.check_writable`, or their folder can't be made.
        """
        if beside is not None:
            check_writable(beside.with_suffix(".jsonl"))
        if kept := self._config.session.keep_transcripts:
            make_folder(kept, private=True)

    def keep_beside(self, recording: Path) -> None:
        """From now on turns are kept beside a recording too, as they come.

        Args:
            recording: where it is written as long as it is unfinished.
        """
        self._video_log = TurnsFile(recording.with_suffix(".jsonl"))

    def write(self, beside: Path | None) -> None:
        """Ends the transcripts: what was not written yet is, and the one beside a video gets the video's name.

        Args:
            beside: the finished video; None where there is none, then what is beside an unfinished one stays there.

        Raises:
            InputError: a file could not be written; the other one was.
        """
        failure: InputError | None = None
        for work in (self._close_log_file, lambda: self._close_video_log(beside)):
            try:
                work()
            except InputError as error:
                failure = failure or error
        if failure is not None:
            raise failure

    def _keep(self, record: TurnRecord) -> None:
        for file in (self._log_file, self._video_log):
            if file is None:
                continue
            try:
                file.add(record)
            except InputError as error:
                if file not in self._unwritable:
                    self._unwritable.add(file)
                    say(f"! {error}; it is tried again with every answer", self._quiet)

    def _close_log_file(self) -> None:
        if self._log_file is not None:
            self._log_file.complete()

    def _close_video_log(self, video: Path | None) -> None:
        if video is None:
            if self._video_log is not None and not self._video_log.is_empty:
                self._video_log.complete()
                say(f"{self._video_log.path}: what was said", self._quiet)
        elif self._video_log is not None and not self._video_log.is_empty:
            self._video_log.rename(video.with_suffix(".jsonl"))
        else:
            write_turns(video.with_suffix(".jsonl"), self.records)
