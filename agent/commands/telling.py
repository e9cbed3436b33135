"""A conversation as the terminal tells it, and as it is kept: turns, problems, JSON lines."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from agent.commands.options import make_folder, say
from agent.config import Config
from agent.personas import persona_of
from speech.draft import Draft, check_writable
from speech.errors import InputError

if TYPE_CHECKING:
    from agent.events import Event
    from agent.turn import TurnRecord


class Teller:
    """Takes a session's events: prints every turn with its waterfall, and keeps the records.

    Args:
        config: the whole configuration.
        quiet: print nothing.
        show_state: told what the person does whenever that changes.
        show_guess: told the words so far while the user speaks, and "" when they are final.

    Attributes:
        records: the turns so far.
    """

    def __init__(
        self,
        config: Config,
        *,
        quiet: bool,
        show_state: Callable[[str], None] = lambda state: None,
        show_guess: Callable[[str], None] = lambda words: None,
    ) -> None:
        self._config, self._quiet = config, quiet
        self._name = config.mind.name or persona_of(config).name
        self.show_state, self.show_guess = show_state, show_guess
        self.records: list[TurnRecord] = []

    def tell(self, event: Event) -> None:
        """Takes one event, on the event loop."""
        from agent.events import Problem, StateChanged, TurnFinished
        from agent.waterfall import waterfall_lines
        from speech.events import Transcript

        match event:
            case StateChanged(state):
                self.show_state(state)
            case Transcript(text, is_final):
                self.show_guess("" if is_final else text)
            case Problem(message):
                say(f"! {message}", self._quiet)
            case TurnFinished(record):
                self.records.append(record)
                if record.question or not record.sentences:
                    say(f"\n  You: {record.question or '(nothing understood)'}", self._quiet)
                cut = " … (interrupted)" if record.interrupted else ""
                say(f"  {self._name}: {record.heard}{cut}", self._quiet)
                for line in waterfall_lines(record):
                    say(line, self._quiet)
            case _:
                pass

    def check(self, beside: Path | None) -> None:
        """Refuses transcripts that can't be written, before anything is said.

        Raises:
            InputError: as `speech.draft.check_writable`, or their folder can't be made.
        """
        if beside is not None:
            check_writable(beside.with_suffix(".jsonl"))
        if kept := self._config.session.keep_transcripts:
            make_folder(kept, private=True)

    def write(self, beside: Path | None) -> None:
        """Writes the turns as JSON lines beside a video, and where the configuration keeps them; for the user alone.

        Raises:
            InputError: a file could not be written; the other one was.
        """
        lines = "".join(json.dumps(record.as_json(), ensure_ascii=False) + "\n" for record in self.records)
        targets = [] if beside is None else [beside.with_suffix(".jsonl")]
        if kept := self._config.session.keep_transcripts:
            targets.append(kept / f"{datetime.now():%Y-%m-%d_%H%M%S}-{os.getpid()}.jsonl")
        failure: InputError | None = None
        for target in targets:
            try:
                with Draft(target, private=True) as draft:
                    draft.path.write_text(lines, encoding="utf-8")
            except InputError as error:
                failure = failure or error
        if failure is not None:
            raise failure
