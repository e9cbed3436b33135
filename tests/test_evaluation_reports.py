"""Reports: tables as text, JSON and back, earlier figures beside, means over seeds, the model card."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agent.command_line import app
from avatar.evaluation.reports.comparison import compared
from avatar.evaluation.reports.markdown import BEGIN, END, markdown, measures, with_measures
from avatar.evaluation.reports.saved import as_text, read_json, write_json
from avatar.evaluation.reports.seeds import mean_over_seeds
from avatar.evaluation.reports.tables import laid_out
from avatar.evaluation.results import Band, Change, Evaluation, Section, at_least, at_most, row, together
from speech.errors import InputError
from tests.conftest import ROOT

ASSETS = ROOT / "avatar" / "assets"
GOALS = (at_least(0.5), at_most(0.1), Band(0.7, 1.3), None)


def evaluation(values: tuple[float, ...], **settings: str) -> Evaluation:
    """Four measures of a sampler, each held to another kind of goal, beside a baseline that never changes."""
    lines = [
        row(name, [value, 0.25], bands=[goal, None])
        for name, value, goal in zip(("r", "misses", "spread", "length"), values, GOALS, strict=True)
    ]
    return Evaluation("it", {"seed": "0", **settings}, [Section("mouth", ("sampler", "envelope"), tuple(lines), "So.")])


def seeded(*values: tuple[float, ...], **settings: str) -> Evaluation:
    return mean_over_seeds([evaluation(each, **settings) for each in values])


BEFORE = seeded((0.60, 0.05, 1.0, 5.0), (0.62, 0.05, 1.1, 5.2), (0.64, 0.05, 1.2, 5.4), weights="old")


def texts(found: Evaluation) -> list[list[str]]:
    table = laid_out(found.sections[0])
    return [list(table.header), *([cell.text for cell in line] for line in table.rows)]


def test_a_table_tells_what_a_figure_is_held_to() -> None:
    assert texts(evaluation((0.4, 0.05, 1.0, 3.0))) == [
        ["", "sampler", "envelope", "goal"],
        ["r", "0.40 miss", "0.25", "≥ 0.5"],
        ["misses", "0.05 pass", "0.25", "≤ 0.1"],
        ["spread", "1.00 pass", "0.25", "0.7–1.3"],
        ["length", "3.00", "0.25", ""],
    ]
    share = row("share", [0.7, 0.2, None], "%", 0, [Band(0.6, 0.9), Band(0.3, 0.5), Band(0.0, 1.0)])
    table = laid_out(Section("gaze", ("a", "b", "c"), (share,)))
    assert [cell.text for cell in table.rows[0]] == ["share", "70 % (60–90 %: pass)", "20 % (30–50 %: miss)", "–"]
    assert [cell.kind for cell in table.rows[0]] == ["", "ok", "outside", ""]


def test_all_goals_stand_in_one_table() -> None:
    goals = evaluation((0.4, 0.05, 1.0, 3.0)).goals
    assert goals is not None and goals.rows[0].name == "mouth: r, sampler"
    assert "2 of 3 reached" in goals.note and len(goals.rows) == 3
    assert Evaluation("it", {}, []).goals is None


def test_figures_are_means_over_seeds_and_tell_their_noise() -> None:
    cell = BEFORE.sections[0].rows[0].cells[0]
    assert BEFORE.seeds == 3 and cell.value == pytest.approx(0.62) and cell.spread == pytest.approx(0.02)
    assert BEFORE.sections[0].rows[1].cells[0].spread == pytest.approx(0.0)
    lacking = mean_over_seeds([evaluation((0.5, 0.0, 1.0, 1.0)), Evaluation("it", {}, [])])
    assert lacking.sections[0].rows[0].cells[0].value == 0.5 and lacking.sections[0].rows[0].cells[0].spread is None


def test_a_report_comes_back_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    found = compared(seeded((0.4, 0.2, 1.0, 5.2), (0.41, 0.2, 1.0, 5.2)), BEFORE, "old.json")
    write_json(found, path)
    assert "Infinity" not in path.read_text("utf-8")
    read = read_json(path)
    assert read.sections == found.sections and read.seeds == 2 and read.settings == found.settings
    assert as_text(read) == as_text(found) and markdown(read) == markdown(found)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"title": "a", "settings": {}, "seeds": 1, "sections": [1]}'])
def test_what_is_no_report_is_refused_in_one_line(content: str, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text(content)
    with pytest.raises(InputError, match="expected an evaluation"):
        read_json(path)


def changes(now: Evaluation, before: Evaluation = BEFORE) -> list[Change | None]:
    return [line.cells[0].change for line in compared(now, before, "before.json").sections[0].rows]


def test_what_got_worse_beyond_noise_is_marked() -> None:
    within = seeded((0.61, 0.05, 1.1, 5.2), (0.63, 0.05, 1.15, 5.1))
    assert changes(within) == [None] * 4
    worse = seeded((0.50, 0.06, 1.7, 9.0), (0.51, 0.06, 1.7, 9.1))
    assert changes(worse) == [Change.WORSE, Change.WORSE, Change.WORSE, Change.UP]
    assert changes(BEFORE, worse) == [Change.BETTER, Change.BETTER, Change.BETTER, Change.DOWN]
    # A goal with two ends has no good side: inside it figures only move.
    assert changes(seeded((0.62, 0.05, 0.75, 5.2), (0.62, 0.05, 0.75, 5.2)))[2] is Change.DOWN
    single = evaluation((0.3, 0.5, 1.7, 9.0))
    assert changes(single, evaluation((0.62, 0.05, 1.1, 5.2))) == [None] * 4  # nobody knows the noise
    assert changes(single)[0] is Change.WORSE  # that of the other one will do


def test_both_columns_are_shown_where_something_changed() -> None:
    now = seeded((0.50, 0.05, 1.1, 5.2), (0.51, 0.05, 1.1, 5.2), weights="new")
    shown = compared(now, BEFORE, "before.json")
    header, first, *_ = texts(shown)
    assert header == ["", "sampler, before", "sampler", "envelope", "goal"]
    assert first == ["r", "0.62", "0.51 worse pass", "0.25", "≥ 0.5"]
    assert shown.settings["before"] == "before.json (weights old)"
    other = compared(replace(now, settings={"seed": "1"}), BEFORE, "before.json")
    assert other.settings["before"] == "before.json (weights old); NOT ALIKE: seed 0, now 1"


def test_two_evaluations_make_one_report_without_mixing_their_tables() -> None:
    one, other = evaluation((0.6, 0.0, 1.0, 1.0)), evaluation((0.4, 0.0, 1.0, 1.0), recordings="a")
    both = together(one, other, "recordings")
    assert [section.title for section in both.sections] == ["mouth", "mouth: recordings"]
    assert both.settings == {"seed": "0", "recordings": "a"}


def test_a_card_takes_the_tables_and_keeps_the_rest(tmp_path: Path) -> None:
    found = evaluation((0.4, 0.05, 1.0, 3.0), voices="a|b <c>")
    found = replace(found, sections=[replace(found.sections[0], title="Phonemes"), *found.sections])
    card, report = tmp_path / "CARD.md", tmp_path / "report.json"
    card.write_text(f"# Card\n\n{BEGIN}\nold\n{END}\n\n## Limits\n", encoding="utf-8")
    write_json(found, report)
    done = CliRunner().invoke(app, ["evaluate", "card", str(report), "-o", str(card), "-q"])
    assert done.exit_code == 0, done.output
    text = card.read_text("utf-8")
    assert text.startswith("# Card\n") and text.endswith(f"{END}\n\n## Limits\n") and "old" not in text
    assert text.count("| r | 0.40 miss | 0.25 | ≥ 0.5 |\n") == 1  # what is not for a card stays away
    assert r"a\|b &lt;c>" in text and with_measures(text, [found]) == text
    printed = CliRunner().invoke(app, ["evaluate", "card", str(report)])
    assert printed.stdout == measures([found]) and printed.stdout in text
    card.write_text("# Card\n", encoding="utf-8")
    refused = CliRunner().invoke(app, ["evaluate", "card", str(report), "-o", str(card)])
    assert isinstance(refused.exception, InputError) and "CARD.md: expected a model card" in str(refused.exception)


def test_the_model_card_has_the_figures_of_the_shipped_weights() -> None:
    card = (ASSETS / "MODEL_CARD.md").read_text("utf-8")
    found = [read_json(ASSETS / name) for name in ("measures.json", "measures-emotions.json")]
    assert with_measures(card, found) == card, "run: visavis evaluate card, with both reports, -o the card"
    checksum = hashlib.sha256((ASSETS / "motion.safetensors").read_bytes()).hexdigest()[:8]
    for one in found:
        assert one.settings["weights"] == f"as shipped, {checksum}", "evaluate the weights, then write the card"
