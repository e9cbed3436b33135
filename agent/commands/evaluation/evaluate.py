"""The command that measures motion: the sampler on held-out speech, or recordings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from agent.commands import options
from agent.commands.evaluation import card, evaluate_decoder, evaluate_emotions, evaluate_speeches, material
from agent.commands.evaluation.motion_evaluation import BASELINE_STEPS, MotionEvaluation
from agent.commands.evaluation.reports import Before, Outputs, Reports
from agent.commands.options import configured, progress_of, say
from speech.errors import InputError

if TYPE_CHECKING:
    from avatar.evaluation.speech.recordings import EvaluatedRecording, RecordingFiles

MINUTES, QUICK_MINUTES = 2.0, 0.5


def evaluate(
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="[FOLDER]", help="Recordings: files that belong together have the same name."),
    ] = None,
    clips: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Evaluate the sampler, and beside it these recordings, in one report."),
    ] = None,
    audio: Annotated[
        Path | None, typer.Option("--audio", "-a", metavar="FILE", help="One recording of speech, or a video with it.")
    ] = None,
    motion: Annotated[
        Path | None, typer.Option(metavar="FILE.csv", help="Its motion, as `visavis render --motion-out` writes it.")
    ] = None,
    video: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A video of somebody saying it; its sound serves without -a.")
    ] = None,
    transcript: Annotated[
        str | None, typer.Option(metavar="TEXT|FILE", help="What is said, in English: phonemes are then measured too.")
    ] = None,
    sound_offset: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[NAME=]FRAMES",
            help="The sound is so many frames (40 ms) late against the picture: everywhere, or in one recording.",
        ),
    ] = None,
    output: Outputs = None,
    before: Before = None,
    sheets: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write each video's sheet there: the real face over ours.")
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option(min=0.2, max=60.0, help=f"Motion in each state, {MINUTES:g} by default; drift needs 3."),
    ] = None,
    seeds: material.Seeds = None,
    quick: Annotated[
        bool,
        typer.Option("--quick", help=f"Half a minute of each state, one seed; no sampling in {BASELINE_STEPS} steps."),
    ] = False,
    weights: material.Weights = None,
    steps: Annotated[int | None, typer.Option(min=1, max=50, help="Network evaluations a block.")] = None,
    towers: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Ask these trained towers too (`visavis train sync` and `train capp`)."),
    ] = None,
    portrait: options.PortraitName = None,
    landmarks: options.Landmarks = None,
    seed: options.Seed = None,
    as_json: options.AsJson = False,
    config: options.ConfigPath = None,
    overrides: options.Overrides = None,
    quiet: options.Quiet = False,
) -> None:
    """Measures motion: lips at each phoneme, timing, blinks, gaze and head, beside baselines and published bands.

    Without files it evaluates the configured sampler, on held-out synthetic speech and in every state. With a
    recording it evaluates the motion given for it, or what the sampler makes of it. A video also says how people move:
    its talker and ours, drawn, are tracked alike, single sentences (up to 4 s) and continuous speech apart. The same
    seed gives the same figures. Before and after a training, `--before` puts both side by side.

    Examples:
    `visavis evaluate -o report.html`

    `visavis evaluate --clips recordings/ --sound-offset interview=5 -o before.json`

    `visavis evaluate --clips recordings/ --sound-offset interview=5 --weights new.safetensors --before before.json`

    `visavis evaluate --audio speech.wav --motion curves.csv --transcript "My name is Mira."`

    `visavis evaluate --video talk.mp4 --transcript talk.txt`

    `visavis evaluate recordings/ --sound-offset interview=5 --json`
    """
    reports = Reports(output, before, sheets)
    one = {"--audio": audio, "--motion": motion, "--video": video, "--transcript": transcript}
    given = [name for name, value in one.items() if value is not None]
    if folder is not None and given:
        raise InputError(f"evaluate: expected a folder or single files, got {folder} and {', '.join(given)}")
    if folder is None and given and audio is None and video is None:
        raise InputError(f"evaluate: expected --audio FILE or --video FILE to go with {', '.join(given)}, got neither")
    if clips is not None and (folder is not None or given):
        raise InputError("evaluate: --clips goes with the sampler's own evaluation; give these recordings or those")
    if folder is None and not given and clips is None and sound_offset:
        raise InputError("evaluate: expected recordings to go with --sound-offset, got none")
    if (folder is not None or given) and minutes is not None:
        raise InputError("evaluate: --minutes is for the sampler's own evaluation; leave it out with recordings")
    settings = configured(
        config,
        overrides,
        portrait=portrait,
        landmarks=landmarks,
        seed=seed,
        more={"face.steps": steps, "face.weights": weights},
    )
    with progress_of("evaluating", quiet) as advance:
        _check_towers(towers or [])
        recordings: list[EvaluatedRecording] = []
        if folder is not None or given or clips is not None:
            from avatar.evaluation.speech.recordings import read_recording

            sources = _sources(folder or clips, audio, motion, video, transcript)
            late = _sound_offsets(sound_offset or [], [source.name for source in sources])
            recordings = [
                read_recording(source, frames, lambda line: say(line, quiet))
                for source, frames in zip(sources, late, strict=True)
            ]
            if clips is not None and recordings[0].motion is not None:
                raise InputError(f"{clips}: expected recordings without motion beside the sampler's own evaluation")
        length = None if folder is not None or given else minutes or (QUICK_MINUTES if quick else MINUTES)
        work = MotionEvaluation(settings, quick, seeds, towers or [], reports.has_pictures, quiet)
        found = work.evaluation(length, recordings, advance)
    reports.deliver(found, as_json=as_json, quiet=quiet)


def _check_towers(towers: list[Path]) -> None:
    """Refuses weights that can't be read before any work is done."""
    if towers:
        from avatar.evaluation.towers.file import load_towers

        for path in towers:
            load_towers(path)


def _sources(
    folder: Path | None, audio: Path | None, motion: Path | None, video: Path | None, transcript: str | None
) -> list[RecordingFiles]:
    from avatar.evaluation.speech.recordings import RecordingFiles, find_recording_files, read_transcript

    if folder is not None:
        return find_recording_files(folder)
    sound = audio or video
    assert sound is not None
    text = transcript
    if transcript is not None and (transcript.lower().endswith(".txt") or _is_file(transcript)):
        text = read_transcript(Path(transcript))
    return [RecordingFiles(sound.stem, sound, motion, video, text)]


def _sound_offsets(given: list[str], names: list[str]) -> list[int]:
    """By how many frames the sound of each recording is late; what is said of one by its name counts more."""
    everywhere, single = 0, {}
    for text in given:
        name, _, frames = text.rpartition("=")
        try:
            number = int(frames)
        except ValueError:
            raise InputError(f"--sound-offset: expected FRAMES or NAME=FRAMES, a whole number, got '{text}'") from None
        if not name:
            everywhere = number
        elif name in names:
            single[name] = number
        else:
            raise InputError(f"--sound-offset: expected the name of a recording ({', '.join(names)}), got '{name}'")
    return [single.get(name, everywhere) for name in names]


def _is_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except (OSError, ValueError):  # a text may be too long for a name
        return False


class _MotionByDefault(TyperGroup):
    """A group whose command may be left out: then motion is evaluated."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Puts the command in where the first word is none; `ctx` is click's, which typer may bring along itself."""
        if not args or (args[0] not in self.commands and args[0] not in ctx.help_option_names):
            args = ["motion", *args]
        return super().parse_args(ctx, args)


def register(app: typer.Typer) -> None:
    """Adds this group."""
    group = typer.Typer(
        cls=_MotionByDefault,
        help="Measures motion, which is meant where no command is named, the decoder that draws it, or its emotions.",
        epilog="`visavis evaluate -o report.html` is short for `visavis evaluate motion -o report.html`.",
        rich_markup_mode="markdown",
    )
    group.command("motion")(evaluate)
    evaluate_decoder.register(group)
    evaluate_emotions.register(group)
    evaluate_speeches.register(group)
    card.register(group)
    app.add_typer(group, name="evaluate")
