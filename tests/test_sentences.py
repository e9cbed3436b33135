from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.text.sentences import HARD_MAX_WORDS, MAX_SENTENCE_CHARACTERS, Sentence, SentenceSplitter
from speech.text.markup import strip_markup


def split(text: str, *cuts: int) -> list[str]:
    splitter = SentenceSplitter()
    sentences: list[Sentence] = []
    places = [0, *sorted(cut % (len(text) + 1) for cut in cuts), len(text)]
    for start, end in pairwise(places):
        sentences += splitter.push(text[start:end])
    sentences += splitter.flush()
    assert [sentence.index for sentence in sentences] == list(range(len(sentences)))
    return [sentence.text for sentence in sentences]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("Hello. How are you?", ["Hello.", "How are you?"]),
        ("Dr. Smith met Mrs. Jones. They spoke.", ["Dr. Smith met Mrs. Jones.", "They spoke."]),
        ("It costs 3.5 euros. Cheap!", ["It costs 3.5 euros.", "Cheap!"]),
        ("Fruit, e.g. apples. Or, i.e. pears.", ["Fruit, e.g. apples.", "Or, i.e. pears."]),
        ("See https://a.org/b.html?c=1. Then go on.", ["See https://a.org/b.html?c=1.", "Then go on."]),
        ("Wait... what? No!! Really?!", ["Wait... what?", "No!!", "Really?!"]),
        ("Well... Fine.", ["Well...", "Fine."]),
        ('"Is it?" she said. "Yes." He left.', ['"Is it?" she said.', '"Yes."', "He left."]),
        ("The U.S. forces won. J. R. Smith lost.", ["The U.S. forces won.", "J. R. Smith lost."]),
        ("It is 5 p.m. now. Go.", ["It is 5 p.m. now.", "Go."]),
        ("No. 5 is alive. I said no. Then left.", ["No. 5 is alive.", "I said no.", "Then left."]),
        ("One\n\nTwo", ["One", "Two"]),
        ("Buy:\n- milk\n- tea\n", ["Buy:", "milk", "tea"]),
        ("1. First thing\n2. Second thing", ["First thing", "Second thing"]),
        ("# Title\nText is **bold** and `code`.", ["Title Text is bold and code."]),
        ("---\n\n***\n\nText.", ["Text."]),
        ("你好。再见！好", ["你好。", "再见！", "好"]),
        ("We met at St. Mary hospital. It is old.", ["We met at St. Mary hospital.", "It is old."]),
        ("I live at 12 Elm Dr. She left.", ["I live at 12 Elm Dr.", "She left."]),
        ("Mt. Everest, Gen. Lee, Ft. Knox, Col. Sanders.", ["Mt. Everest, Gen. Lee, Ft. Knox, Col. Sanders."]),
        ("J. R. R. Tolkien wrote. Plan B. We go.", ["J. R. R. Tolkien wrote.", "Plan B.", "We go."]),
        ("At 10 a.m. Monday. At 6 p.m. Doors open.", ["At 10 a.m. Monday.", "At 6 p.m.", "Doors open."]),
        (
            "Acme Inc. makes it. He left Acme Inc. She stayed.",
            ["Acme Inc. makes it.", "He left Acme Inc.", "She stayed."],
        ),
        ("The U.S. Army. In the U.S. It rains.", ["The U.S. Army.", "In the U.S.", "It rains."]),
        ("How many? 12. That is right.", ["How many?", "12.", "That is right."]),
        ('He said "Stop." and left. "Go." Then', ['He said "Stop." and left.', '"Go."', "Then"]),
        ("Yahoo! Finance is here. Wow! Great.", ["Yahoo! Finance is here.", "Wow!", "Great."]),
        ("See www.example.com. It uses .NET. Fine.", ["See www.example.com.", "It uses .NET.", "Fine."]),
        ("Wait . . . what? (No.) [Yes.] Go.", ["Wait . . . what?", "(No.)", "[Yes.]", "Go."]),
        ("if x<y then stop. if y>z go.", ["if x<y then stop.", "if y>z go."]),
        ("**Bold one. Bold two.** Plain.", ["Bold one.", "Bold two.", "Plain."]),
        ("*She smiles. She nods.* 50% off*.", ["She smiles.", "She nods.", "50% off*."]),
        ("Run:\n```python\nx = a*b. y\n# __z__\n```\nDone.", ["Run:", "x = a*b. y", "# __z__", "Done."]),
        ("| a | b |\n|---|---|\n| 1 | 2 |\nEnd.", ["a, b", "1, 2", "End."]),
        ("Tom &amp; Jerry. <b>Bye</b>.", ["Tom & Jerry.", "Bye."]),
        ("A\x00B\x1b[31m c\ud83d.", ["AB[31m c."]),
        ("", []),
        (" \n ", []),
        ("...", []),
        ("No end", ["No end"]),
    ],
)
def test_sentences(text: str, sentences: list[str]) -> None:
    assert split(text) == sentences
    assert split(text, *range(len(text))) == sentences


def test_a_long_first_sentence_is_begun_at_a_clause() -> None:
    text = "When you want to use your own photo, take a clear portrait that looks into the camera and save it."
    assert split(text) == [
        "When you want to use your own photo,",
        "take a clear portrait that looks into the camera and save it.",
    ]
    assert split("First. " + text) == ["First.", text]


def test_the_first_clause_is_released_before_the_sentence_ends() -> None:
    splitter = SentenceSplitter()
    released = splitter.push("When you want to use your own photo, take a clear portrait that looks ")
    assert [sentence.text for sentence in released] == ["When you want to use your own photo,"]


def test_a_sentence_is_released_when_the_next_one_begins() -> None:
    splitter = SentenceSplitter()
    assert splitter.push("Good morning.") == []
    assert [sentence.text for sentence in splitter.push(" H")] == ["Good morning."]


def test_very_long_sentences_are_cut() -> None:
    clauses = "Start. " + ", ".join(["one two three four five"] * 20) + "."
    assert all(len(part.split()) <= HARD_MAX_WORDS for part in split(clauses))
    assert " ".join(split(clauses)) == clauses
    assert max(len(part.split()) for part in split("word " * 200)) == HARD_MAX_WORDS
    assert max(map(len, split("x" * 5000))) == MAX_SENTENCE_CHARACTERS


TEXT = st.text(st.sampled_from("ab AB. .,;!?…\"')(*-#\n 12。éDr")) | st.text()


@given(TEXT, st.lists(st.integers(min_value=0, max_value=1000)))
def test_any_chunking_gives_the_same_sentences(text: str, cuts: list[int]) -> None:
    assert split(text, *cuts) == split(text)


@given(st.lists(st.sampled_from(["we", "Dr.", "3.5", "yes.", "No!", "well,", "e.g.", "Tea;", "(so)", "U.S."])))
def test_no_word_is_lost(words: list[str]) -> None:
    assert " ".join(split(" ".join(words))).split() == words


@pytest.mark.parametrize(
    ("marked", "plain"),
    [
        ("**Bold** and *soft* and ***both***", "Bold and soft and both"),
        ("a [link](https://x.org) and ![image](i.png) end", "a link and end"),
        ("snake_case stays, __this__ goes", "snake_case stays, this goes"),
        ("`code` and ~~gone~~", "code and gone"),
        ("> quoted\n> text", "quoted text"),
        ("<b>tag</b> and <https://a.org>", "tag and a.org"),
        ("2 < 3 and 5 > 4", "2 < 3 and 5 > 4"),
        ("if x<y then stop, else if y>z go", "if x<y then stop, else if y>z go"),
        ("<info@example.com> <T> <3 -> <b class='x'>y</b>", "info@example.com <T> <3 -> y"),
        ("C# 5 * 3 a*b*c 2**3 #1 snake_case", "C# 5 * 3 a*b*c 2**3 #1 snake_case"),
        ("AT&T &amp; &foo; &#39; &amp;lt;", "AT&T & &foo; ' <"),
        ("&lt;b&gt; is `<i>`", "‹b› is ‹i›"),
        ("`a*b*c` and ``x`y`` and `open", "a*b*c and x`y and `open"),
        ("a[i][j] and [x][y] and [1]", "a[i][j] and x and [1]"),
        ("- [x] done", "done"),
        ("### Title ###", "Title"),
        ("$x^2$ for $5 and $6", "x^2 for $5 and $6"),
        (r"\*not bold\*", "*not bold*"),
    ],
)
def test_marks_are_not_spoken(marked: str, plain: str) -> None:
    assert strip_markup(marked)[0] == plain


@given(st.text())
def test_stripping_any_text_gives_one_line(text: str) -> None:
    plain = strip_markup(text)[0]
    assert plain == " ".join(plain.split())
