"""Commands that train the models behind the sync and CAPP scores: train sync, train capp."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from agent.commands import options
from agent.commands.options import check_target, progress_of, say

Data = Annotated[Path, typer.Option(metavar="FOLDER", help="What `visavis train prepare --videos` made.")]
Output = Annotated[Path, typer.Option("--output", "-o", metavar="FILE.safetensors", help="The weights.")]
Steps = Annotated[int, typer.Option(min=1, help="Steps at most; training stops when unseen videos gain no more.")]
Minutes = Annotated[float | None, typer.Option(min=0.01, help="Stop after so long; --resume goes on.")]
TrainingSeed = Annotated[int, typer.Option("--seed", help="Seed of the weights and of the order of the data.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on from the state beside the output.")]


def sync(
    data: Data,
    output: Output = Path("sync.safetensors"),
    steps: Steps = 3000,
    minutes: Minutes = None,
    seed: TrainingSeed = 0,
    resume: Resume = False,
    quiet: options.Quiet = False,
) -> None:
    """Trains a judge of lip sync on your own videos: it learns which mouth goes with which sound.

    Needs half an hour of talking people at least, and ten minutes on a CPU. The last videos in order are held out: keep
    the videos of one person in one folder. The state is saved every five minutes and on Ctrl-C. In the end the judge's
    shift table on the held-out videos is printed: one that can tell is highest at shift 0 and falls off. One that
    can't gives no scores.

    Examples:
    `visavis train prepare --minutes 0 --videos clips --sound-offset auto -o data/clips`

    `visavis train sync --data data/clips -o sync.safetensors`
    """
    _train("sync", data, output, steps, minutes, seed, resume, quiet)


def capp(
    data: Data,
    output: Output = Path("capp.safetensors"),
    steps: Steps = 3000,
    minutes: Minutes = None,
    seed: TrainingSeed = 0,
    resume: Resume = False,
    quiet: options.Quiet = False,
) -> None:
    """Trains a judge of head motion on your own videos: contrastive audio-pose pretraining, the CAPP of VASA-1.

    As `visavis train sync`, with three seconds of the head's pose instead of half a second of the mouth. Heads follow
    speech loosely: it needs more material, hours rather than minutes.

    Example:
    `visavis train capp --data data/clips -o capp.safetensors`
    """
    _train("capp", data, output, steps, minutes, seed, resume, quiet)


def _train(
    kind: Literal["sync", "capp"],
    data: Path,
    output: Path,
    steps: int,
    minutes: float | None,
    seed: int,
    resume: bool,
    quiet: bool,
) -> None:
    check_target(output, ".safetensors")
    from avatar.evaluation.towers.model import TowerKind
    from avatar.evaluation.towers.train import state_of, train_towers

    with progress_of(f"training {kind}", quiet) as advance:
        try:
            trained = train_towers(
                TowerKind(kind),
                data,
                output,
                steps=steps,
                minutes=minutes,
                seed=seed,
                resume=resume,
                progress=advance,
            )
        except KeyboardInterrupt:
            say(f"{state_of(output)}: saved; the same command with --resume goes on", quiet)
            raise
    table = trained.held_out
    print("shift   mean cosine   standard error")
    for shift, mean, error in zip(table.shifts, table.mean, table.error, strict=True):
        print(f"{shift:+5d}   {mean:11.3f}   {error:14.3f}")
    say(f"{output}: {trained.data}; table of {table.windows} windows of {table.clips} held-out clips", quiet)
    verdict = (
        f"it tells matching from shifted motion; use it with visavis evaluate --towers {output}"
        if table.peaked
        else "it can't tell matching from shifted motion yet, so it gives no scores: train longer or on more videos"
    )
    say(f"{output}: {verdict}", quiet)


def add_to(train: typer.Typer) -> None:
    """Adds these commands to the group `visavis train`."""
    train.command()(sync)
    train.command()(capp)
