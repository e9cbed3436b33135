"""Commands about the installation and the models: doctor, train."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agent.commands import options
from agent.commands.options import configured, progress, say

train = typer.Typer(no_args_is_help=True, help="Make training data and train the motion sampler.")

DATA_FOLDER = Path("data/motion")


def doctor(
    as_json: options.AsJson = False,
    config: options.ConfigPath = None,
    overrides: options.Overrides = None,
) -> None:
    """Tells what is installed, which parts were chosen and why, what is missing and the command that adds it.

    Exit status 0 when everything that is needed is there, else 1.

    Example:
    `visavis doctor`
    """
    from agent.doctor import diagnose, print_diagnosis

    diagnosis = diagnose(configured(config, overrides))
    print_diagnosis(diagnosis, as_json=as_json)
    raise typer.Exit(diagnosis.exit_status)


@train.command()
def prepare(
    folder: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where the data goes.")
    ] = DATA_FOLDER,
    minutes: Annotated[float, typer.Option(min=0.1, help="How much motion to make.")] = 100.0,
    seed: Annotated[int, typer.Option(help="The same seed makes the same data.")] = 2,
    quiet: options.Quiet = False,
) -> None:
    """Makes training data: synthetic speech with the motion that belongs to it.

    Example:
    `visavis train prepare --minutes 100 -o data/motion`
    """
    from avatar.training.dataset import prepare as prepare_data

    with progress(quiet) as bar:
        task = bar.add_task("making speech and motion", total=1.0, note="")

        def advance(done: float, note: str) -> None:
            bar.update(task, completed=done, note=note)

        prepare_data(folder, minutes=minutes, seed=seed, progress=advance)
    say(f"{folder}: {minutes:g} minutes of motion; next: visavis train motion --data {folder}", quiet)


@train.command()
def motion(
    data: Annotated[Path, typer.Option(metavar="FOLDER", help="What `visavis train prepare` made.")] = DATA_FOLDER,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The weights.")] = Path(
        "data/motion.safetensors"
    ),
    steps: Annotated[
        int, typer.Option(min=1, help="Steps of the whole training; most of an hour on two cores.")
    ] = 4000,
    minutes: Annotated[float | None, typer.Option(min=0.01, help="Stop after so long; --resume goes on.")] = None,
    start: Annotated[Path | None, typer.Option(metavar="FILE", help="Begin from these weights, not at random.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the weights and of the order of the data.")] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the checkpoint beside the output.")] = False,
    quiet: options.Quiet = False,
) -> None:
    """Trains the motion sampler.

    Example:
    `visavis train motion --data data/motion -o data/motion.safetensors`

    Then point `face.weights` in config.toml at the result.
    """
    from avatar.training.train import train as train_motion

    with progress(quiet) as bar:
        task = bar.add_task("training", total=1.0, note="")

        def advance(done: float, note: str) -> None:
            bar.update(task, completed=done, note=note)

        train_motion(
            data, output, steps=steps, minutes=minutes, seed=seed, resume=resume, start=start, progress=advance
        )
    say(f"{output}: trained; use it with face.weights in config.toml", quiet)


def register(app: typer.Typer) -> None:
    """Adds these commands."""
    app.command()(doctor)
    app.add_typer(train, name="train")
