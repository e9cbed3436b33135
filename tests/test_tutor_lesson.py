"""Lesson files: what is read, and what is refused with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.tutor.lesson import Kind, Lesson, lesson_path, shipped_lessons
from agent.tutor.lesson_file import LONGEST, MOST_OF_A_KIND, MOST_QUESTIONS, load_lesson
from agent.tutor.wording import Wording
from speech.errors import InputError

WHOLE = """# Two things

A goal in *two*
lines.

- Questions: 3
- Order: random
- Pass: 50%

<!-- nobody's business -->

## What is ___ the gap?

Think of "go".

- Answer: "went" / "has gone"
- Answer: **big** and heavy
- Wrong: goed: It is irregular.
- Wrong: gone
- Hint: One.
- Hint: Two.
- Why: Because it is.

## Name three colours.
1. Answer: three of: red; dark blue / navy; green; pink
## Is it?
* Answer: no
## How many?
- answer: 1969
"""


def read(tmp_path: Path, text: str) -> Lesson:
    path = tmp_path / "lesson.md"
    path.write_text(text, "utf-8")
    return load_lesson(path)


def test_a_whole_lesson(tmp_path: Path) -> None:
    lesson = read(tmp_path, WHOLE)
    assert (lesson.title, lesson.goal, lesson.at_once) == ("Two things", "A goal in two lines.", 3)
    assert lesson.is_shuffled and lesson.pass_share == 0.5
    assert lesson.phrases()[:7] == ["went", "has gone", "big", "big and heavy", "goed", "gone", "red"]
    assert {"navy", "pink", "no", "one thousand nine hundred and sixty nine"} <= set(lesson.phrases()), (
        "mistakes count as much"
    )
    gap, colours, yes_no, number = lesson.questions
    assert gap.text == 'What is ___ the gap? Think of "go".'
    assert [(one.kind, one.text) for one in gap.answers] == [
        (Kind.WORDS, "went"),
        (Kind.WORDS, "has gone"),
        (Kind.MEANING, "big and heavy"),
    ]
    assert gap.answers[2].keys == ("big",)
    assert [(one.text, one.remark) for one in gap.mistakes] == [("goed", "It is irregular."), ("gone", "")]
    assert gap.hints == ("One.", "Two.") and gap.why == "Because it is."
    assert (colours.answers[0].kind, colours.answers[0].needed) == (Kind.ITEMS, 3)
    assert colours.answers[0].as_told == "red, dark blue, green and pink"
    assert (yes_no.answers[0].kind, number.answers[0].kind) == (Kind.YES_OR_NO, Kind.NUMBER)


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("", 1, ""),
        ("Hello", 1, "title first"),
        ("# T\n", 1, "expected questions"),
        ("# T\n\n## Q\n", 3, "expected an answer"),
        ("# T\n## Q\n- Answer: a\n## R\n## S\n- Answer: b", 4, "expected an answer"),
        ("# T\n## Q\n- Hnit: a\n", 3, "did you mean Hint?"),
        ("# T\n- Odrer: random\n", 2, "did you mean Order?"),
        ("# T\n- Order: backwards\n## Q\n- Answer: a", 2, "expected Order: random"),
        ("# T\n- Questions: many\n## Q\n- Answer: a", 2, "expected a number of questions"),
        ("# T\n- Pass: 101%\n## Q\n- Answer: a", 2, "expected a percentage"),
        ("# T\n# U\n", 2, "expected one title"),
        ("# T\n## Q\n- Answer: a\n\nmore\n", 5, "expected a list item"),
        ("# T\n## Q\n- Answer:\n", 3, "expected words"),
        ("# T\n## Q\n- Answer: three of: red; blue\n", 3, "a number from 1 to 2"),
        ("# T\n## Q\n- Answer: all of: red\n", 3, "2 to 30 items"),
        ("# T\n## Q\n- Answer: a\n## q\n- Answer: b\n", 4, "stands in line 2"),
        ("# T\n### Q\n", 2, "got ###"),
        ("# T\n\n```\ncode\n```\n", 3, "got code"),
        ("# T\n\n| a | b |\n|---|---|\n| c | d |\n", 3, "got a table"),
        ("# T\n\n<!-- no end\n", 3, "comment without an end"),
        (f"# T\n## {'q' * (LONGEST + 1)}\n", 2, f"at most {LONGEST} characters"),
        ("# T\n## Q\n" + "- Answer: a\n" * (MOST_OF_A_KIND + 1), 2 + MOST_OF_A_KIND + 1, "at most"),
        (
            "# T\n" + "".join(f"## Q {n}\n- Answer: a\n" for n in range(MOST_QUESTIONS + 1)),
            2 + 2 * MOST_QUESTIONS,
            "split",
        ),
    ],
)
def test_mistakes_are_told_with_their_line(tmp_path: Path, text: str, line: int, said: str) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path, text)
    message = str(caught.value)
    assert "\n" not in message and said in message
    if text:
        assert f"lesson.md, line {line}: " in message


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "lesson.md"
    path.write_bytes(b"# T\n## Q\xff\n")
    with pytest.raises(InputError, match="line 2: expected UTF-8 text, got the byte 0xFF"):
        load_lesson(path)
    with pytest.raises(InputError, match="found nothing"):
        load_lesson(tmp_path / "none.md")


def test_a_question_is_known_again_after_it_was_edited_around(tmp_path: Path) -> None:
    one = read(tmp_path, "# T\n## What is it?\n- Answer: a\n").questions[0]
    other = read(tmp_path, "# T\n## Another\n- Answer: c\n## What is *it* ?\n- Answer: b\n- Hint: h\n").questions[1]
    assert one.key == other.key
    gap = read(tmp_path, "# T\n## What is it ___?\n- Answer: a\n").questions[0]
    assert gap.key != one.key


@pytest.mark.parametrize("name", shipped_lessons())
def test_shipped_lessons_are_good_ones(name: str) -> None:
    lesson = load_lesson(lesson_path(name))
    assert 12 <= len(lesson.questions) <= 20 and lesson.goal
    for question in lesson.questions:
        assert question.hints and question.why, question.text
        assert all(mistake.remark for mistake in question.mistakes)
        for hint in question.hints:  # a hint that tells the answer is none
            for answer in question.answers:
                assert f" {answer.text.lower()} " not in f" {hint.lower()} ", (question.text, hint)


def test_every_phrase_can_be_said() -> None:
    from agent.tutor.state import Act
    from agent.tutor.wording import phrases

    values = dict.fromkeys(
        ("learner", "goal", "question", "answer", "hint", "why", "remark", "found", "more"), "x ___ y"
    )
    values |= dict.fromkeys(("letter", "reply", "of", "left", "right", "done", "words"), "x")
    wording = Wording("Mira", seed=3)
    used: dict[str, int] = {}
    for name, ways in phrases().items():
        said = set()
        for _ in ways:
            text, used = wording.say([Act(name, values)], used)
            assert "{" not in text and "_" not in text
            said.add(text)
        assert len(said) == len(ways), "each is said once before any comes again"


def test_the_example_in_the_documentation_is_a_lesson(tmp_path: Path) -> None:
    text = (Path(__file__).parent.parent / "docs" / "lessons.md").read_text("utf-8")
    lesson = read(tmp_path, text.partition("```markdown\n")[2].partition("```")[0])
    assert [question.answers[0].kind for question in lesson.questions] == [Kind.WORDS, Kind.MEANING, Kind.ITEMS]
