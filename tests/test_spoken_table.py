"""The table of what is spoken for what is written: the whole way, through the splitter and the reader."""

from pathlib import Path

import pytest

from agent.text.sentences import SentenceSplitter
from speech.text.spoken_text import spoken_words

TABLE = Path(__file__).parent / "data" / "spoken.tsv"
LANGUAGES = Path(__file__).parent / "data" / "spoken_languages.tsv"
ROWS = [line.split("\t") for line in TABLE.read_text("utf-8").splitlines() if not line.startswith("## ")]
FOREIGN_ROWS = [line.split("\t") for line in LANGUAGES.read_text("utf-8").splitlines() if not line.startswith("## ")]


@pytest.mark.parametrize(("written", "spoken"), ROWS, ids=[row[0] for row in ROWS])
def test_what_is_spoken(written: str, spoken: str) -> None:
    """Sentences are divided by " | "."""
    assert read(written, "en") == spoken


@pytest.mark.parametrize(
    ("language", "written", "spoken"), FOREIGN_ROWS, ids=[" ".join(row[:2]) for row in FOREIGN_ROWS]
)
def test_what_is_spoken_in_other_languages(language: str, written: str, spoken: str) -> None:
    assert read(written, language) == spoken


def read(written: str, language: str) -> str:
    splitter = SentenceSplitter()
    sentences = [*splitter.push(written), *splitter.flush()]
    return " | ".join(" ".join(word.spoken for word in spoken_words(each.text, language)) for each in sentences)


def test_the_table_is_large_and_no_row_stands_twice() -> None:
    assert len(ROWS) > 150
    assert len({row[0] for row in ROWS}) == len(ROWS)
    assert len(FOREIGN_ROWS) > 100
    assert len({(row[0], row[1]) for row in FOREIGN_ROWS}) == len(FOREIGN_ROWS)
