"""What is thought of answers: rules one by one, then the labelled answers that calibrated nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.tutor.answer_words import said_answer
from agent.tutor.judge import Judge
from agent.tutor.lesson import LessonQuestion
from agent.tutor.lesson_file import load_lesson
from agent.tutor.verdict import Grade
from agent.tutor.wishes import Named, Wish, asks_something, bare_name, named_in, wish_in
from benchmarks.tutor import confusion, load_encode, read_answers, shares


def question(tmp_path: Path, *items: str, asked: str = "What is it?") -> LessonQuestion:
    path = tmp_path / "lesson.md"
    path.write_text(f"# T\n## {asked}\n" + "".join(f"- {item}\n" for item in items), "utf-8")
    return load_lesson(path).questions[0]


@pytest.mark.parametrize(
    ("expected", "said", "grade"),
    [
        ('"went"', "went", "right"),
        ('"went"', "Um, I think it's went.", "right"),
        ('"went"', "yesterday I went home", "right"),
        ('"went"', "not went", "wrong"),
        ('"went"', "went or gone", "nearly"),
        ('"went"', "goes", "nearly"),
        ('"well"', "well", "right"),  # it is a hesitation, too
        ('"now"', "Now.", "right"),
        ('"I did not like it"', "I didn't like it", "right"),
        ('"I did not like it"', "I didn't liked it", "wrong"),
        ("12", "twelve", "right"),
        ("twelve", "I think it is 12.", "right"),
        ("twelve", "twenty", "wrong"),
        ("twelve", "twelve or thirteen", "nearly"),
        ("1969", "nineteen sixty-nine", "right"),
        ("1969", "1968", "wrong"),
        ("3.5", "three point five", "right"),
        ("yes", "yeah, it is", "right"),
        ("yes", "I don't think so", "wrong"),
        ("no", "It isn't.", "right"),
        ("no", "of course it is", "wrong"),
        ("two of: red; dark blue / navy; green", "green and navy", "right"),
        ("two of: red; dark blue / navy; green", "green", "nearly"),
        ("two of: red; dark blue / navy; green", "black", "wrong"),
        ("two of: red; dark blue / navy; green", "not green, not red", "wrong"),
        ("Paris", "London, no, sorry, Paris", "right"),
        ("Paris", "not London but Paris", "right"),
        ("Paris", "it is not Paris", "wrong"),
        ("Paris", "London", "wrong"),
        ("Shakespeare", "shake spear", "right"),
        ("children under **six**", "children under ten", "wrong"),
        ("it is **lighter** than water", "it is heavier than water", "wrong"),
    ],
)
def test_rules(tmp_path: Path, expected: str, said: str, grade: str) -> None:
    assert Judge().judge(question(tmp_path, f"Answer: {expected}"), said).grade == grade


def test_a_gap_is_filled_by_a_word_or_in_the_whole_sentence(tmp_path: Path) -> None:
    gap = question(
        tmp_path, 'Answer: "for"', "Wrong: since: A moment.", asked="Fill the gap: I have lived here ___ five years."
    )
    judge = Judge()
    for said in ("for", "four", "I have lived here for five years", "not since but for"):
        assert judge.judge(gap, said).is_right, said
    wrong = judge.judge(gap, "I have lived here since five years")
    assert (wrong.grade, wrong.remark) == (Grade.WRONG, "A moment.")
    assert not judge.judge(gap, "for or since").is_right


def test_lists_say_what_was_there_and_how_many_are_missing(tmp_path: Path) -> None:
    verdict = Judge().judge(question(tmp_path, "Answer: all of: red; yellow; blue"), "blue and red")
    assert (verdict.found, verdict.lacking, verdict.missing) == (("red", "blue"), 1, ("yellow",))


def test_a_known_mistake_has_its_own_remark_even_beside_the_right_word(tmp_path: Path) -> None:
    verb = question(tmp_path, 'Answer: "went"', "Wrong: gone: After have.", "Wrong: I go went: Too many.")
    judge = Judge()
    assert judge.judge(verb, "go, went, gone").is_right
    assert judge.judge(verb, "I go went").remark == "Too many."


@pytest.mark.parametrize("said", ["I think…", "um", "It is", "so, um", "the answer is"])
def test_who_is_still_thinking_has_not_answered(said: str) -> None:
    assert said_answer(said).is_unfinished


@pytest.mark.parametrize(
    ("said", "wish"),
    [
        ("Could you repeat that, please?", Wish.REPEAT),
        ("Sorry?", Wish.REPEAT),
        ("I didn't understand the question.", Wish.REPEAT),
        ("Can I have a hint?", Wish.HINT),
        ("help me please", Wish.HINT),
        ("Skip it.", Wish.SKIP),
        ("next question please", Wish.SKIP),
        ("I don't know.", Wish.DONT_KNOW),
        ("um, no idea, sorry", Wish.DONT_KNOW),
        ("Tell me the answer.", Wish.DONT_KNOW),
        ("Stop the lesson, please.", Wish.STOP),
        ("Goodbye!", Wish.STOP),
        ("Forget me!", Wish.FORGET),
        ("Please delete my progress.", Wish.FORGET),
        ("Remember me, please.", Wish.REMEMBER),
        ("Let me think.", Wish.WAIT),
        ("But why?", Wish.WHY),
        ("How am I doing?", Wish.SCORE),
        ("Let's start again.", Wish.AGAIN),
        ("I would stop the car", None),
        ("he forgot me", None),
        ("help yourself", None),
    ],
)
def test_wishes(said: str, wish: Wish | None) -> None:
    assert wish_in(said) is wish


def test_names() -> None:
    for said in ("My name is Anna.", "I'm Anna", "Hello, I am Anna.", "Yes, remember me, my name is anna"):
        assert named_in(said) == Named("Anna"), said
    for said in ("I'm not sure", "I am tired", "I'm looking for it", "Anna"):
        assert named_in(said) is None, said
    names = {"Anna Maria.": "Anna Maria", "It's Anna": "Anna", "My name is Neil Young.": "Neil Young", "I'm sorry": ""}
    assert {said: bare_name(said) for said in names} == names
    assert asks_something("What does that mean?") and not asks_something("the cat")


def test_labelled_answers_by_words_alone() -> None:
    """Measured: 87 % have their grade, 10 % of the wrong ones are praised; see benchmarks/tutor.py."""
    judge = Judge()
    unseen = [answer for answer in read_answers() if answer.half == "judge"]
    same, praised, refused = shares(confusion(unseen, lambda asked, text: judge.judge(asked, text).grade))
    assert len(unseen) > 150 and same > 0.84 and praised < 0.12 and refused < 0.08


@pytest.mark.packaged("embeddings/all-MiniLM-L6-v2")
def test_labelled_answers_by_meaning_too() -> None:
    """Measured: 89 % have their grade, 10 % of the wrong ones are praised, 3 % of the right ones refused."""
    judge = Judge(load_encode())
    unseen = [answer for answer in read_answers() if answer.half == "judge"]
    same, praised, refused = shares(confusion(unseen, lambda asked, text: judge.judge(asked, text).grade))
    assert same > 0.86 and praised < 0.12 and refused < 0.06
