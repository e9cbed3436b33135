"""The table of what is spoken for what is written: the whole way, through the splitter and the reader."""

from pathlib import Path

import pytest

from agent.sentences import SentenceSplitter
from speech.spoken_text import spoken_words

TABLE = Path(__file__).parent / "data" / "spoken.tsv"
ROWS = [line.split("\t") for line in TABLE.read_text("utf-8").splitlines() if not line.startswith("## ")]


@pytest.mark.parametrize(("written", "spoken"), ROWS, ids=[row[0] for row in ROWS])
def test_what_is_spoken(written: str, spoken: str) -> None:
    """Sentences are divided by " | "."""
    splitter = SentenceSplitter()
    sentences = [*splitter.push(written), *splitter.flush()]
    read = [" ".join(word.spoken for word in spoken_words(sentence.text)) for sentence in sentences]
    assert " | ".join(read) == spoken


def test_the_table_is_large_and_no_row_stands_twice() -> None:
    assert len(ROWS) > 150
    assert len({row[0] for row in ROWS}) == len(ROWS)
