"""The command `demo`: the shipped people answer recorded questions, in real time."""

from __future__ import annotations

import csv
import time
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path
from typing import Annotated

import typer

from agent.commands import options
from agent.commands.conversation import Conversation, load_questions
from agent.commands.options import check_target, configured, make_folder, say
from speech.errors import InputError
from speech.worker import signals

QUESTIONS = Path(__file__).parent.parent / "data" / "questions"
"""The recorded questions, and questions.tsv: of whom each is asked, its words, and the voice that asks."""


@dataclass(frozen=True, slots=True)
class Question:
    """A row of questions.tsv.

    Attributes:
        file: the recording.
        portrait: the name of the person who is asked.
        text: what is said.
        voice: backend and voice that say it.
    """

    file: Path
    portrait: str
    text: str
    voice: str


IMPROVISES = "ada"
"""Who makes up answers with a language model, where its weights are here; the others look theirs up."""

_STORYTELLER = ("mind.backend=transformers", "mind.seed=1", 'mind.persona="You have a big imagination."')


def demo(
    folder: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where the files go.")] = Path("out"),
    questions: Annotated[
        int | None, typer.Option("--questions", "-n", metavar="N", min=1, help="Of each person; all if not said.")
    ] = None,
    config: options.ConfigPath = None,
    overrides: options.Overrides = None,
    quiet: options.Quiet = False,
) -> None:
    """Holds a short conversation, in real time, with the shipped faces and recorded questions.

    Mira and Jonas answer from the knowledge file, also where the question has other words; Ada makes something up with
    the packaged language model. Leaves the videos, their transcripts and subtitles, and a plot of where the time of
    each answer went.

    Examples:
    `visavis demo -o out`

    `visavis demo --questions 1`
    """
    from agent.console.waterfall import plot_waterfall
    from agent.models.weights import resolve_weights
    from agent.personas import PERSONAS

    make_folder(folder)
    made: list[tuple[str, Path]] = []
    records = []
    began = time.perf_counter()
    for name, asked in groupby(recorded_questions(), key=lambda question: question.portrait):
        settings = configured(config, overrides, portrait=name)
        if name == IMPROVISES and settings.mind.backend == "auto":
            settings = configured(config, [*(overrides or ()), *_STORYTELLER], portrait=name)
            try:
                resolve_weights(settings, "transformers", settings.mind.model)
            except InputError as error:
                say(f"\n{PERSONAS[name].name} is left out: {error}", quiet)
                continue
        video = folder / f"demo-{name}.mp4"
        check_target(video, ".mp4")
        say(f"\n{PERSONAS[name].name} listens …", quiet)
        conversation = Conversation(settings, video, quiet=quiet)
        recordings = load_questions([question.file for question in islice(asked, questions)], [], quiet=quiet)
        signals.run(conversation.run(recordings, real_time=True, end_of_turn_s=None))
        conversation.write_beside(subtitles=True)
        records += conversation.records
        made += [("the conversation", video), ("its subtitles", video.with_suffix(".srt"))]
        made += [("its transcript and times", video.with_suffix(".jsonl"))]
    plot = folder / "demo-waterfall.png"
    plot_waterfall(plot, records, "From the question's last sample to the first moving mouth")
    made.append(("where each answer's time went", plot))
    say(f"\nDone in {time.perf_counter() - began:.0f} s. Look at:", quiet)
    for what, path in made:
        say(f"  {path}  {what}", quiet)


def recorded_questions() -> list[Question]:
    """The rows of questions.tsv, in the order in which they are asked."""
    with (QUESTIONS / "questions.tsv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    return [Question(QUESTIONS / row["file"], row["portrait"], row["text"], row["voice"]) for row in rows]


def register(app: typer.Typer) -> None:
    """Adds this command."""
    app.command()(demo)
