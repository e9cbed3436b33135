"""The command that measures motion: the sampler on held-out speech, or recordings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from agent.commands import options
from agent.commands.evaluation import evaluate_decoder, evaluate_emotions
from agent.commands.evaluation.evaluation_tables import print_report
from agent.commands.options import check_target, configured, progress, say
from agent.config.config import Config
from speech.errors import InputError

if TYPE_CHECKING:
    from avatar.evaluation.driving import MakeSampler
    from avatar.evaluation.results import Evaluation
    from avatar.evaluation.speech.recordings import EvaluatedRecording, RecordingFiles
    from avatar.portrait.portrait import Portrait
    from avatar.progress import Progress

BASELINE_STEPS = 50
"""Network evaluations a block of the sampling that the configured one is compared with."""

MINUTES, QUICK_MINUTES = 2.0, 0.5


def evaluate(
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="[FOLDER]", help="Recordings: files that belong together have the same name."),
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
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE.html", help="Write a report with plots.")
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option(min=0.2, max=60.0, help=f"Motion in each state, {MINUTES:g} by default; drift needs 3."),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help=f"Half a minute of each state; no sampling in {BASELINE_STEPS} steps.")
    ] = False,
    weights: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Weights of the sampler instead of the configured ones.")
    ] = None,
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
    seed gives the same figures.

    Examples:
    `visavis evaluate -o report.html`

    `visavis evaluate --audio speech.wav --motion curves.csv --transcript "My name is Mira."`

    `visavis evaluate --video talk.mp4 --transcript talk.txt`

    `visavis evaluate recordings/ --sound-offset interview=5 --json`
    """
    check_target(output, ".html", ".htm")
    one = {"--audio": audio, "--motion": motion, "--video": video, "--transcript": transcript}
    given = [name for name, value in one.items() if value is not None]
    if folder is not None and given:
        raise InputError(f"evaluate: expected a folder or single files, got {folder} and {', '.join(given)}")
    if folder is None and given and audio is None and video is None:
        raise InputError(f"evaluate: expected --audio FILE or --video FILE to go with {', '.join(given)}, got neither")
    if folder is None and not given and sound_offset:
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
    with progress(quiet) as bar:
        task = bar.add_task("loading", total=1.0, note="")
        _check_towers(towers or [])

        def advance(done: float, note: str) -> None:
            bar.update(task, description="evaluating", completed=done, note=note)

        if folder is None and not given:
            length = minutes or (QUICK_MINUTES if quick else MINUTES)
            found = _evaluate_sampler(settings, length, quick, towers or [], advance)
        else:
            from avatar.evaluation.speech.recordings import read_recording

            sources = _sources(folder, audio, motion, video, transcript)
            late = _sound_offsets(sound_offset or [], [source.name for source in sources])
            recordings = [
                read_recording(source, frames, lambda line: say(line, quiet))
                for source, frames in zip(sources, late, strict=True)
            ]
            found = _evaluate_recordings(settings, recordings, quick, towers or [], advance, sheets=output is not None)
        if output is not None:
            from avatar.evaluation.html_report import write_html

            bar.update(task, description="writing", note=output.name)
            write_html(found, output)
    print_report(found, as_json=as_json)
    if output is not None:
        say(f"{output}: tables and plots", quiet)


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


def _make_sampler(settings: Config) -> MakeSampler:
    """Samplers as the program would have them; each comes fresh, with the configured seed."""
    from agent.faces import load_sampler
    from avatar.sampler.lookahead import MotionSampler

    def make(steps: int | None) -> MotionSampler:
        if steps is None:
            return load_sampler(settings)
        face = settings.face.model_copy(update={"steps": steps})
        return load_sampler(settings.model_copy(update={"face": face}))

    return make


def _evaluate_sampler(
    settings: Config, minutes: float, quick: bool, towers: list[Path], advance: Progress
) -> Evaluation:
    from agent.faces import BLOCK_FRAMES
    from avatar.evaluation.evaluate import Plan, evaluate_sampler
    from avatar.evaluation.lips import LipGeometry

    baseline = None if quick or settings.face.steps == BASELINE_STEPS else BASELINE_STEPS
    lips = LipGeometry(_portrait(settings))
    plan = Plan(lips, _make_sampler(settings), baseline, BLOCK_FRAMES, towers, progress=advance)
    return _with_settings(settings, evaluate_sampler(plan, minutes=minutes, seed=settings.face.seed), sampled=True)


def _evaluate_recordings(
    settings: Config,
    recordings: list[EvaluatedRecording],
    quick: bool,
    towers: list[Path],
    advance: Progress,
    *,
    sheets: bool,
) -> Evaluation:
    from agent.faces import BLOCK_FRAMES
    from avatar.evaluation.evaluate import Plan, evaluate_recordings

    sampled = recordings[0].motion is None
    baseline = None if quick or settings.face.steps == BASELINE_STEPS else BASELINE_STEPS
    from avatar.evaluation.lips import LipGeometry
    from avatar.mesh.decoder import MeshDecoder

    make = _make_sampler(settings) if sampled else None
    portrait = _portrait(settings)
    plan = Plan(
        LipGeometry(portrait),
        make,
        baseline if sampled else None,
        BLOCK_FRAMES,
        towers,
        draw=lambda: MeshDecoder(portrait),
        sheets=sheets,
        progress=advance,
    )
    return _with_settings(settings, evaluate_recordings(plan, recordings), sampled=sampled)


def _portrait(settings: Config) -> Portrait:
    from agent.personas import portrait_path
    from avatar.portrait.portrait import load_portrait

    wanted = settings.portrait
    return load_portrait(portrait_path(wanted.path), landmarks=wanted.landmarks, cache_dir=wanted.cache_dir)


def _with_settings(settings: Config, found: Evaluation, *, sampled: bool) -> Evaluation:
    """The evaluation with the settings that it was made with."""
    from dataclasses import replace

    from agent.personas import portrait_path

    face = settings.face
    described = {"portrait": portrait_path(settings.portrait.path).name, **found.settings}
    if sampled:
        described["weights"] = str(face.weights or "as shipped")
        described |= {"steps": str(face.steps), "seed": str(face.seed), "composure": f"{face.composure:g}"}
    return replace(found, settings=described)


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
    app.add_typer(group, name="evaluate")
