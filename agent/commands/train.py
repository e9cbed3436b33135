"""Commands that make training data and train: the group `train`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agent.commands import options, towers
from agent.commands.options import progress_of, say
from speech.errors import InputError

train = typer.Typer(no_args_is_help=True, help="Make training data; train the motion sampler and the judges of motion.")

DATA_FOLDER = Path("data/motion")


@train.command()
def prepare(
    folder: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where the data goes.")
    ] = DATA_FOLDER,
    minutes: Annotated[
        float, typer.Option(min=0.0, help="How much synthetic motion to make; 0 with --videos or --speech alone.")
    ] = 100.0,
    videos: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Real talking videos, in any folders below: their motion and sound."),
    ] = None,
    speech: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Real English speech with transcripts (same name .txt, LJSpeech's metadata.csv, *.trans.txt): its "
            "sound, with motion made for it.",
        ),
    ] = None,
    sound_offset: Annotated[
        str,
        typer.Option(
            metavar="FRAMES|auto",
            help="By how many frames of 40 ms the videos' sound is late; auto: as measured, for each video.",
        ),
    ] = "0",
    processes: Annotated[
        int | None, typer.Option(min=1, help="How many make it at once; as many as there are cores if not said.")
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed makes the same data.")] = 2,
    quiet: options.Quiet = False,
) -> None:
    """Makes training data: synthetic speech with the motion that belongs to it, and real material if you have some.

    The voices are natural ones as far as they are installed (`make training` brings most of them), eSpeak NG's and
    Flite's for a tenth. A run that was stopped goes on where it was, to the same result. What can't be used is reported
    and left out.

    Examples:
    `visavis train prepare --minutes 300 -o data/motion`

    `visavis train prepare --minutes 60 --videos ~/talks --speech ~/LJSpeech-1.1 -o data/mixed`

    `visavis train prepare --minutes 0 --videos ~/talks --sound-offset auto -o data/real`
    """
    offset = options.frames_or_auto(sound_offset)
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: expected a folder for the data, this is a file")
    from agent.models.training_voices import training_voices
    from avatar.motion import FRAME_RATE_HZ
    from avatar.training.dataset import prepare as prepare_data
    from speech.worker.cores import usable_cores

    def report(line: str) -> None:
        say(line, quiet)

    with progress_of("preparing", quiet) as advance:
        frames = prepare_data(
            folder,
            minutes=minutes,
            seed=seed,
            voices=training_voices(report) if minutes else None,
            processes=processes or usable_cores(),
            videos=videos,
            speech=speech,
            sound_offset=offset,
            progress=advance,
            report=report,
        )
    made = frames / FRAME_RATE_HZ / 60
    say(f"{folder}: {made:.1f} minutes of motion; next: visavis train motion --data {folder}", quiet)


@train.command()
def motion(
    data: Annotated[Path, typer.Option(metavar="FOLDER", help="What `visavis train prepare` made.")] = DATA_FOLDER,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The weights.")] = Path(
        "data/motion.safetensors"
    ),
    steps: Annotated[
        int, typer.Option(min=1, help="Steps of the whole training; not quite an hour on two cores.")
    ] = 14_000,
    hearing_share: Annotated[
        float,
        typer.Option(min=0.0, max=1.0, help="Share of the steps for the audio front end; 0 keeps that of --start."),
    ] = 0.55,
    minutes: Annotated[float | None, typer.Option(min=0.01, help="Stop after so long; --resume goes on.")] = None,
    start: Annotated[Path | None, typer.Option(metavar="FILE", help="Begin from these weights, not at random.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the weights and of the order of the data.")] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the checkpoint beside the output.")] = False,
    quiet: options.Quiet = False,
) -> None:
    """Trains the motion sampler, on a GPU where there is one.

    First, once for these data, the speech encoder hears all the sound (on all cores; 1 GB on the disk for five hours).
    The state is saved every five minutes, with the curves of the losses as a PNG beside the weights; a stage ends early
    when scenes that training never sees gain no more.

    Example:
    `visavis train motion --data data/motion -o data/motion.safetensors`

    Then point `face.weights` in config.toml at the result.
    """
    from avatar.training.train import train as train_motion
    from avatar.training.views import make_views
    from speech.worker.cores import usable_cores

    with progress_of("hearing", quiet) as advance:
        make_views(data, processes=usable_cores(), progress=advance)
    with progress_of("training", quiet) as advance:
        train_motion(
            data,
            output,
            steps=steps,
            hearing_share=hearing_share,
            minutes=minutes,
            seed=seed,
            resume=resume,
            start=start,
            progress=advance,
            report=lambda line: say(line, quiet),
        )
    say(f"{output}: trained; use it with face.weights in config.toml", quiet)


def register(app: typer.Typer) -> None:
    """Adds this group."""
    towers.add_to(train)
    app.add_typer(train, name="train")
