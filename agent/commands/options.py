"""What several commands share: options, messages, progress, and where files may go."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated, cast

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from agent.config.config import Config, load_config
from agent.console.streams import StandardError
from agent.log.log import LOG
from agent.log.settings import note_settings
from avatar.outputs.base import TRANSPARENT_SUFFIXES
from speech.errors import InputError
from speech.files.draft import check_writable

ConfigPath = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="Read this file instead of ./config.toml.")
]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="SECTION.KEY=VALUE", help="Override one setting; may be given several times."),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors and results.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
PortraitName = Annotated[
    str | None,
    typer.Option("--portrait", "-p", metavar="FILE|NAME", help="A picture of a face, or a shipped portrait's name."),
]
Landmarks = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Points placed by hand on the portrait; `visavis landmarks` makes such a file."),
]
LessonName = Annotated[
    str | None, typer.Option("--lesson", metavar="FILE|NAME", help="Teach this lesson: 'english', or a Markdown file.")
]
VoiceName = Annotated[str | None, typer.Option("--voice", "-v", help="The voice; `visavis voices` lists them.")]
RateWpm = Annotated[int | None, typer.Option("--rate", metavar="WPM", help="Words a minute, 80 to 300.")]
Volume = Annotated[float | None, typer.Option("--volume", help="Loudness as a ratio, 0 to 2.")]
Seed = Annotated[int | None, typer.Option("--seed", help="The same seed moves a face the same way to the same sound.")]

EmotionName = Annotated[
    str | None, typer.Option("--emotion", metavar="NAME", help="neutral, happy, sad, angry, surprised, afraid …")
]
Intensity = Annotated[
    float | None, typer.Option("--intensity", metavar="X", help="How strongly it shows, 0 to 1; 0.7 if not said.")
]
Gaze = Annotated[
    str | None,
    typer.Option("--gaze", metavar="YAW,PITCH", help="Where it looks: degrees to its own left, and up; -30 to 30."),
]
HeadDistance = Annotated[
    float | None,
    typer.Option("--distance", metavar="RATIO", help="Of the head: 1 as in the portrait, 0.7 near, 1.5 far."),
]
Composure = Annotated[float | None, typer.Option("--composure", metavar="X", help="How calm it is: 0 lively, 1 calm.")]

Size = Annotated[
    int | None, typer.Option("--size", metavar="PX", help="Of the square picture: 256, 384, 512 … 1024 pixels.")
]
Background = Annotated[
    str | None, typer.Option(metavar="WHAT", help="Behind the person: photo, transparent, #rrggbb, or a picture.")
]
FullFrame = Annotated[
    bool | None, typer.Option("--full-frame/--square", help="The whole photo, with the moving head in it.")
]

# Results go to standard output, everything else to standard error, so that results can be piped.
messages = Console(file=cast(IO[str], StandardError()), highlight=False)


def configured(
    path: Path | None,
    overrides: list[str] | None,
    *,
    portrait: str | None = None,
    landmarks: Path | None = None,
    voice: str | None = None,
    rate_wpm: int | None = None,
    volume: float | None = None,
    seed: int | None = None,
    more: Mapping[str, object] | None = None,
) -> Config:
    """The configuration with a command's own options on top; `more` are options of one command, None: not given."""
    options: dict[str, object] = {
        "portrait.path": portrait,
        # The configured landmarks are the configured picture's: another one that is named here does without.
        "portrait.landmarks": "" if landmarks is None and portrait is not None else landmarks,
        "voice.voice": voice,
        "voice.rate_wpm": rate_wpm,
        "voice.volume": volume,
        "face.seed": seed,
        **(more or {}),
    }
    given = [f"{key}={_toml(value)}" for key, value in options.items() if value is not None]
    config = load_config(path, [*(overrides or ()), *given], os.environ)
    note_settings(LOG.redaction, config)
    return config


def check_lesson(config: Config) -> None:
    """Refuses a lesson that can't be taught, before anything is loaded.

    Raises:
        InputError: it is not there, or no lesson; says in which line.
    """
    from agent.tutor.lesson_file import existing_lesson, load_lesson

    if config.tutor.lesson:
        load_lesson(existing_lesson(config.tutor.lesson))


def _toml(value: object) -> object:
    return str(value).lower() if isinstance(value, bool) else value


def face_settings(
    emotion: str | None,
    intensity: float | None,
    gaze: str | None,
    distance: float | None,
    composure: float | None,
) -> dict[str, object]:
    """What is asked of the face, as settings for `configured`.

    Raises:
        InputError: a gaze that is not two angles; their range is the configuration's to check.
    """
    yaw, pitch = None, None
    if gaze is not None:
        yaw, comma, pitch = gaze.partition(",")
        if not comma or not yaw.strip() or not pitch.strip():
            raise InputError(f"--gaze: expected two angles in degrees such as 10,-5, got '{gaze}'")
    return {
        "controls.emotion": emotion,
        "controls.intensity": intensity,
        "controls.gaze_yaw_deg": yaw,
        "controls.gaze_pitch_deg": pitch,
        "controls.head_distance": distance,
        "face.composure": composure,
    }


def check_target(path: Path | None, *suffixes: str) -> None:
    """Refuses a target that can't become a file, before any work is done.

    Raises:
        InputError: it has another suffix; or as `speech.files.draft.check_writable`.
    """
    if path is None:
        return
    if suffixes and path.suffix.lower() not in suffixes:
        raise InputError(f"{path}: expected a name that ends in {' or '.join(suffixes)}, got '{path.suffix}'")
    check_writable(path)


def make_folder(folder: Path, *, private: bool = False) -> None:
    """Makes a folder to write to, before any work is done for it; one that is there already will do.

    Raises:
        InputError: it can't be made, or not be written to.
    """
    try:
        folder.mkdir(mode=0o700 if private else 0o777, parents=True, exist_ok=True)
    except FileExistsError:
        raise InputError(f"{folder}: expected a folder to write to, this is a file") from None
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{folder}: expected a folder to write to, could not make it: {reason}") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(f"{folder}: expected a folder to write to, this one is not writable")


def check_video(path: Path | None, config: Config) -> None:
    """Refuses a video that can't show what the configuration asks for.

    Raises:
        InputError: transparency in a kind of file that has none.
    """
    if path is not None and config.output.background == "transparent" and path.suffix not in TRANSPARENT_SUFFIXES:
        raise InputError(
            f"{path}: expected a name that ends in {' or '.join(TRANSPARENT_SUFFIXES)}, since only these keep a "
            f"transparent background, got '{path.suffix}'"
        )


def say(text: str, quiet: bool = False) -> None:
    """Prints one message to standard error."""
    if not quiet:
        messages.print(escape(text), soft_wrap=True)


@contextmanager
def progress(quiet: bool) -> Iterator[Progress]:
    """A progress bar on standard error that vanishes when done; nothing at all when quiet or not a terminal."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=messages, transient=True, disable=quiet or not sys.stderr.isatty()) as bar:
        yield bar


@contextmanager
def progress_of(task: str, quiet: bool) -> Iterator[Callable[[float, str], None]]:
    """A progress bar for one task, as the function that moves it: called with the share done and one line about it."""
    with progress(quiet) as bar:
        number = bar.add_task(task, total=1.0, note="")
        yield lambda done, note: bar.update(number, completed=done, note=note)


def frames_or_auto(text: str) -> int | None:
    """What --sound-offset says: frames, or None for auto.

    Raises:
        InputError: neither.
    """
    if text == "auto":
        return None
    try:
        return int(text)
    except ValueError:
        raise InputError(f"--sound-offset: expected a whole number of frames, or auto, got '{text}'") from None
