"""Two spellings of the same words."""

from __future__ import annotations

import pytest

from agent.text.same_words import same_words


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("what's on today", "What's on, today?"),
        ("hello what is your name", "Hello. What is your name?"),
        ("good bye", "goodbye"),
        ("STRASSE", "Straße"),
        ("naïve", "nai\u0308ve"),
        ("«Où est-ce ?»", "où est ce"),
        ("at 9:30.", "At 9:30"),
    ],
)
def test_case_punctuation_and_spacing_do_not_count(one: str, other: str) -> None:
    assert same_words(one, other) and same_words(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("what is it", "what is that"),
        ("five", "5"),
        ("3.5", "35"),
        ("at 9:30", "at 930"),
        ("50%", "50"),
        ("it costs $5", "it costs 5"),
        ("-5 degrees", "5 degrees"),
        ("कि", "की"),
        ("", "yes"),
    ],
)
def test_words_that_are_said_otherwise_are_others(one: str, other: str) -> None:
    assert not same_words(one, other)
