"""An evaluation as Markdown tables, and the part of a model card that is made of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from avatar.evaluation.reports.tables import Table, laid_out
from avatar.evaluation.results import Evaluation, Section
from avatar.table import read_text
from speech.errors import InputError
from speech.files.draft import Draft

BEGIN, END = "<!-- measures: written by `visavis evaluate card` -->", "<!-- measures: end -->"
"""Lines of a model card between which its figures stand."""


_IN_CARD = (
    *("Held-out speech", "Phonemes", "Mouth against the rule's", "Behaviour", "Different speeches, same seed"),
    *("Listener's nods", "Commands", "Movement as people move", "Our mouth against the real one"),
    *("Emotions told apart while speaking", "Taken for, at intensity 1", "Taken for, at intensity 0.5"),
)
"""Tables, by their titles up to a colon."""


def markdown(found: Evaluation) -> str:
    """The settings in a line and all tables; what is reached and what is missed comes first."""
    goals = [] if found.goals is None else [found.goals]
    return f"{_settings(found)}\n\n{''.join(_sections([*goals, *found.sections]))}"


def _settings(found: Evaluation) -> str:
    told = [f"{name}: {value}" for name, value in found.settings.items()]
    if found.seeds > 1:
        told.append(f"figures are means of {found.seeds} seeds")
    return _escaped("; ".join(told)) + "."


def _sections(sections: Sequence[Section]) -> Iterator[str]:
    for section in sections:
        note = f"\n{_escaped(section.note)}\n" if section.note else ""
        yield f"### {_escaped(section.title)}\n\n{_table(laid_out(section))}{note}\n"


def write_markdown(found: Evaluation, path: Path) -> None:
    """Writes the tables; the file appears when it is complete."""
    text = markdown(found)
    with Draft(path) as draft:
        draft.path.write_text(f"# {found.title}\n\n{text}", encoding="utf-8")


def _table(table: Table) -> str:
    rows = [table.header, ["---", *["--:"] * (len(table.header) - 1)]]
    rows += [[cell.text for cell in line] for line in table.rows]
    return "".join(f"| {' | '.join(map(_escaped, line))} |\n" for line in rows)


def _escaped(text: str) -> str:
    return text.replace("|", r"\|").replace("<", "&lt;")


def measures(found: Sequence[Evaluation]) -> str:
    """What a model card has of evaluations."""
    shown = [replace(one, sections=[section for section in one.sections if _is_in_card(section)]) for one in found]
    return "\n".join(f"{_settings(one)}\n\n{''.join(_sections(one.sections))}" for one in shown)


def _is_in_card(section: Section) -> bool:
    title, _, kind = section.title.partition(": ")
    return title in _IN_CARD and kind != "recordings"


def with_measures(card: str, found: Sequence[Evaluation]) -> str:
    """A model card whose figures are those of evaluations.

    Raises:
        InputError: the card has no place for them.
    """
    before, begin, rest = card.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise InputError(f"expected a model card with the lines '{BEGIN}' and '{END}', got one without")
    return f"{before}{BEGIN}\n{measures(found)}{END}{after}"


def write_measures(path: Path, found: Sequence[Evaluation]) -> None:
    """Puts the figures of evaluations into a model card.

    Raises:
        InputError: the card can't be read or written, or has no place for them.
    """
    try:
        text = with_measures(read_text(path, "a model card"), found)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    with Draft(path) as draft:
        draft.path.write_text(text, encoding="utf-8")
