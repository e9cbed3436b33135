"""How long text takes before it is spoken: cutting into sentences and reading, ms per 1,000 characters on one core.

Run as `python benchmarks/text.py` in the project's folder; takes a minute. Prose is put together at random from
sentences as people and language models write them; floods are 50,000 characters of one sign each, where a rule that
grows quadratically shows. Times are the process's own.
"""

from __future__ import annotations

import argparse
import random
import time

from agent.text.emotion_tags import EmotionTags
from agent.text.sentences import SentenceSplitter
from benchmarks.report import print_machine, print_percentiles
from speech.text.spoken_text import spoken_words

CHARACTERS = 50_000
PROSE = (
    "It was late in the year, and the harbour lay quiet under a thin layer of snow.",
    "Nobody spoke for a while; then the captain, an old man of about 70, asked where his daughter was.",
    '"No," he said, and they went on in silence until dusk.',
    "I think you'd like it here: there are three museums, and the bus stops right outside.",
    "That's a good question!",
    "In the end some two hundred people came, which surprised everybody who had seen the first figures.",
    "She took the letter, read it twice, folded it with care and put it back into the drawer without a word.",
    "Mr. Darnay paid five dollars, and nobody at the counter asked him what he wanted with so much rope.",
)
FIGURES = (
    "Mr. Darnay paid $5.50 on Nov. 5th at 10:30 am.",
    "Could you tell me when St. Mary's opens?",
    "We are open 9am-5pm, Mon-Fri, and on Saturdays until **noon**.",
    "In 2026 about 1,200 people came, i.e. some 15% more than the year before.",
    "The U.S. team won 3-1.",
    "Write to me@example.com, or have a look at www.example.com.",
)
FLOODS = (
    *("7", "<", "<a ", "$", "1,", "a.", "1.", "1-", "1:", "1/", "1 ", "(", "[", "[a", "*", "*a", " *a", "_a", "-", " "),
    *("\n", "x", "X", "word ", "!", ",", "'", '"', "`", "&", "&amp;", "a@", "a/", "\\", "e\u0301\u0301", "😀", "|a"),
    *("<!--", "$5-", "THE BIG CAT ", "你好", "aB", "1e", "a1", "I ", "V. ", "~", "#1", "$x^", "St. ", "No. ", "5 km "),
)


def ms_per_thousand(text: str) -> tuple[float, float]:
    """Returns how long cutting and reading take, each in ms per 1,000 characters."""
    began = time.process_time()
    tags, splitter = EmotionTags(), SentenceSplitter()
    sentences = []
    for part in (*tags.push(text), *tags.flush()):
        if isinstance(part, str):
            sentences += splitter.push(part)
    sentences += splitter.flush()
    cut = time.process_time()
    for sentence in sentences:
        spoken_words(sentence.text)
    thousands = len(text) / 1_000
    return 1_000 * (cut - began) / thousands, 1_000 * (time.process_time() - cut) / thousands


def main() -> None:
    """Reads the command line, measures, and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20, help="texts of ordinary prose (default %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the choice of sentences (default %(default)s)")
    arguments = parser.parse_args()
    print_machine("num2words", seed=arguments.seed, characters=CHARACTERS)
    rng = random.Random(arguments.seed)
    for name, sentences, goal in (("prose", PROSE, "1"), ("a figure in every sentence", FIGURES, "")):
        texts = [" ".join(rng.choices(sentences, k=CHARACTERS // 20))[:CHARACTERS] for _ in range(arguments.rounds)]
        ms_per_thousand(texts[0])  # fills the caches
        times = [ms_per_thousand(text) for text in texts]
        print_percentiles(f"{name}, cutting into sentences", [cut for cut, _ in times], "ms/1000")
        print_percentiles(f"{name}, reading", [read for _, read in times], "ms/1000")
        print_percentiles(f"{name}, both", [cut + read for cut, read in times], "ms/1000", goal=goal)
    floods = {flood: sum(ms_per_thousand(flood * (CHARACTERS // len(flood)))) for flood in FLOODS}
    print_percentiles("floods, both", list(floods.values()), "ms/1000", goal="5")
    worst = sorted(floods, key=lambda flood: -floods[flood])[:5]
    print("slowest floods", ", ".join(f"{flood!r} {floods[flood]:.2f}" for flood in worst))


if __name__ == "__main__":
    main()
