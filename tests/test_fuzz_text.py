"""Any text, however odd and however it comes in pieces, is cut, read and shown without a fault, in linear time."""

from __future__ import annotations

import re
import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.text.emotion_tags import EmotionTag, EmotionTags
from agent.text.sentences import HARD_MAX_WORDS, MAX_SENTENCE_CHARACTERS, SentenceSplitter
from speech.text.latin import to_latin
from speech.text.markup import strip_markup
from speech.text.spoken_text import plain_text, spoken_words
from tests.fuzzing import examples

WORDS = (
    *("we", "Dr.", "St.", "Mary", "3.5", "yes.", "No!", "no.", "No.", "5", "e.g.", "U.S.", "J.", "He", "Inc.", "a.m."),
    *("*", "**", "_", "`", "```", "~~~", "|", "|---|", "#", "1.", "12.", "-", ">", "[a]", "(b)", "[x](http://a.b)"),
    *("<b>", "</b>", "x<y", "y>z", "<3", "<!--", "-->", "&amp;", "&lt;", "&amp;lt;", "&#39;", "&", "\\", "$x^2$", "$5"),
    *("10:30", "5-10", "9am-5pm", "Aug. 5-7", "192.168.0.1", "1,00,000", "4111 1111", "911", "AC/DC", "½", "m²", "²"),
    *("\n", "\n\n", "\t", "   ", "…", "...", "。", "！", '"', "“", "”", "'", "’", "😀", "\u200b", "\u202e", "\x00"),
    *("\x1b[", "\ud83d", "a\u0301\u0301\u0301", "мир", "你好", "مرحبا", "٣", "[happy]", "[happy 0.", "*smiles*"),
    *("IV", "VIII", "C++"),
)
TEXTS = st.lists(st.tuples(st.sampled_from(WORDS), st.sampled_from((" ", "", " "))), max_size=40).map(
    lambda parts: "".join(word + blank for word, blank in parts)
) | st.text(st.characters(), max_size=200)
CUTS = st.lists(st.integers(0, 400), max_size=8)
A_KNOWN_ENTITY = re.compile(r"&(?:amp|lt|gt|quot|nbsp|copy|#\d{1,5});")


def pieces(text: str, cuts: list[int]) -> list[str]:
    places = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    return [text[start:end] for start, end in pairwise(places)]


def split(deltas: list[str]) -> list[str]:
    splitter = SentenceSplitter()
    found = [sentence for delta in deltas for sentence in splitter.push(delta)] + splitter.flush()
    assert [sentence.index for sentence in found] == list(range(len(found)))
    return [sentence.text for sentence in found]


@examples(150)
@given(TEXTS, CUTS)
def test_any_chunking_gives_the_same_sentences(text: str, cuts: list[int]) -> None:
    whole = split([text])
    assert split(pieces(text, cuts)) == whole
    assert split(list(text)) == whole
    for sentence in whole:
        assert sentence == " ".join(sentence.split())
        assert len(sentence.split()) <= HARD_MAX_WORDS
        sentence.encode()  # no half of a surrogate pair


@examples(150)
@given(TEXTS, CUTS)
def test_any_chunking_gives_the_same_emotions_and_text(text: str, cuts: list[int]) -> None:
    def parts(deltas: list[str]) -> tuple[str, list[EmotionTag]]:
        tags = EmotionTags()
        found = [part for delta in deltas for part in tags.push(delta)] + tags.flush()
        return (
            "".join(part for part in found if isinstance(part, str)),
            [part for part in found if isinstance(part, EmotionTag)],
        )

    assert parts(pieces(text, cuts)) == parts([text])


@examples(200)
@given(TEXTS)
def test_any_text_can_be_read(text: str) -> None:
    plain = plain_text(text)
    words = spoken_words(text)
    for word in words:
        assert word.text.strip()
        assert any(letter.isalnum() for letter in word.spoken)
        assert not re.search(r"[0-9\ud800-\udfff\x00-\x1f]", word.spoken)
        assert to_latin(word.spoken).isascii()
    if any(letter.isascii() and letter.isalnum() for letter in plain):
        assert words
        assert plain.replace(" ", "").endswith("".join(word.text for word in words).replace(" ", ""))
    if not set(text) & set("\\`*_~<[$"):  # between marks, or escaped, it is meant as it is
        assert A_KNOWN_ENTITY.search(plain) is None
        assert A_KNOWN_ENTITY.search(strip_markup(text)[0]) is None


UNITS = (
    *("7", "<", "<a ", "$", "1,", "a.", "A.", "1.", "1-", "1:", "1/", "1 ", "(", "[", "[a", "![", "*", "*a", " *a"),
    *("_a", "-", "--", "- ", " ", "\n", "\n- ", "x", "X", "word ", "!", ",", "'", '"', "`", "`a``b", "&", "&amp;"),
    *("&amp", "@", "a@", "a/", "/", "\\", "e\u0301\u0301", "😀", "|a", "|", "<!--", "<b ", "$5-", "THE BIG CAT "),
    *("你好", "aB", "1e", "a1", "5'", "I ", "V. ", "~", "#1", "$x^", "$\\frac{", "\\(", "St. ", "Dr. A ", "No. "),
    *("5 km ", "10:30 ", "[happy", "*smiles", "(555) ", "+1 ", "0", "&#38", ".", "…", "。", ". ", "^", "²", "½"),
    *("IV ", "www.", "http://", "a_b", "=", "%"),
)


@pytest.mark.parametrize(
    ("unit", "characters"),
    [*((unit, 6_000) for unit in UNITS), *((unit, 50_000) for unit in ("7", "<", "[", " *a", "\n", "word ", "V. "))],
)
def test_floods_take_linear_time(unit: str, characters: int) -> None:
    """A limit against hanging only: where a rule grows quadratically, 50,000 characters take minutes, not a second."""
    text = unit * (characters // len(unit))
    began = time.process_time()
    tags = EmotionTags()
    cleaned = "".join(part for part in (*tags.push(text), *tags.flush()) if isinstance(part, str))
    for sentence in split([cleaned]):
        assert len(sentence) <= MAX_SENTENCE_CHARACTERS + 1
        spoken_words(sentence)
    spoken_words(text[:6_000])
    assert time.process_time() - began < 30.0
