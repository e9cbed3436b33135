"""The command that fits the mouth's rule to people: train calibrate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agent.commands import options
from agent.commands.evaluation.reports import Reports
from agent.commands.options import configured, progress_of, say
from speech.errors import InputError


def calibrate(
    folder: Annotated[
        Path,
        typer.Argument(metavar="FOLDER", help="Videos with transcripts, in a folder for each person."),
    ],
    judges: Annotated[
        list[str] | None,
        typer.Option("--judge", metavar="NAME", help="A person who is only looked at, never fitted to; repeatable."),
    ] = None,
    sound_offsets: Annotated[
        list[str] | None,
        typer.Option(
            "--sound-offset",
            metavar="[PERSON=]FRAMES|auto",
            help="By how many frames of 40 ms the sound is late; as measured for each video, if not said; repeatable.",
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE.html", help="Write a report with the curves.")
    ] = None,
    portrait: options.PortraitName = None,
    as_json: options.AsJson = False,
    config: options.ConfigPath = None,
    overrides: options.Overrides = None,
    quiet: options.Quiet = False,
) -> None:
    """Fits the few numbers of the mouth's rule to people who talk, and shows how it does on people it never saw.

    Every video needs its words beside it: talk.txt beside talk.mp4, in English, half a minute at most. A folder is a
    person; videos beside the folders are a person each. Videos are tracked once. The numbers that are printed are those
    of `Coarticulation` in avatar/training/gestures, with which `visavis train prepare` makes mouths to train on.

    Examples:
    `visavis train calibrate clips`

    `visavis train calibrate clips --judge anna --judge ben -o calibration.html`

    `visavis train calibrate clips --sound-offset 0 --sound-offset anna=5 --json`
    """
    reports = Reports([] if output is None else [output])
    offsets = _by_person(sound_offsets or [])
    settings = configured(config, overrides, portrait=portrait)

    from agent.personas import portrait_path
    from avatar.portrait.portrait import load_portrait
    from avatar.training.calibration.clips import read_clips
    from avatar.training.calibration.fitting import calibrate as fit_numbers
    from avatar.training.calibration.mouth import DrawnMouth
    from avatar.training.calibration.report import report
    from avatar.training.gestures.coarticulation import COARTICULATION
    from speech.user_folders import cache_folder

    cache_dir = settings.portrait.cache_dir or cache_folder()
    with progress_of("reading", quiet) as advance:
        drawn = load_portrait(portrait_path(settings.portrait.path), cache_dir=cache_dir)
        mouth = DrawnMouth(drawn)
        clips = read_clips(
            folder,
            cache_dir / "tracked",
            mouth,
            sound_offset=lambda person: offsets.get(person, offsets.get("")),
            progress=advance,
            report=lambda line: say(line, quiet),
        )
    people = {clip.person for clip in clips}
    for option, names in (("--judge", judges or []), ("--sound-offset", [name for name in offsets if name])):
        for name in names:
            if name not in people:
                raise InputError(f"{option}: expected one of {', '.join(sorted(people))}, got '{name}'")
    if len(people - set(judges or ())) < 2:
        raise InputError(f"{folder}: expected two people at least to fit to, found {len(people - set(judges or ()))}")
    with progress_of("fitting", quiet) as advance:
        found = fit_numbers(clips, frozenset(judges or ()), mouth, COARTICULATION, advance)
    reports.deliver(report(clips, found, mouth), as_json=as_json, quiet=quiet)


def _by_person(given: list[str]) -> dict[str, int | None]:
    """Frames by person ("" is everybody else); None for what is measured."""
    out: dict[str, int | None] = {}
    for text in given:
        person, _, frames = text.rpartition("=")
        out[person] = options.frames_or_auto(frames)
    return out


def add_to(train: typer.Typer) -> None:
    """Adds this command to the group `visavis train`."""
    train.command()(calibrate)
