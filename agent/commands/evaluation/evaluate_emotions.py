"""The command `evaluate emotions`: whether feelings can be told apart while somebody speaks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agent.commands import options
from agent.commands.evaluation import material
from agent.commands.evaluation.reports import Before, Outputs, Reports
from agent.commands.options import configured, progress_of, say
from agent.config.config import Config
from speech.errors import InputError

if TYPE_CHECKING:
    from avatar.evaluation.speech.speech_track import SpeechTrack
    from avatar.portrait.portrait import Portrait

# Speech, and faces of each portrait with each emotion at each intensity.
_SPEECH_S, _QUICK_SPEECH_S = 30.0, 8.0
_FACES, _QUICK_FACES = 12, 4


def evaluate_emotions(
    portraits: Annotated[
        Path | None,
        typer.Option("--portraits", metavar="FOLDER", help="Pictures of faces; the shipped ones if none is named."),
    ] = None,
    audio: Annotated[
        Path | None,
        typer.Option("--audio", "-a", metavar="FILE", help="What they say; held-out synthetic speech without it."),
    ] = None,
    output: Outputs = None,
    before: Before = None,
    sheets: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write each portrait's contact sheet there, as NAME.png.")
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help=f"{_QUICK_FACES} faces of each kind instead of {_FACES}.")
    ] = False,
    seeds: material.Seeds = None,
    weights: material.Weights = None,
    seed: options.Seed = None,
    as_json: options.AsJson = False,
    config: options.ConfigPath = None,
    overrides: options.Overrides = None,
    quiet: options.Quiet = False,
) -> None:
    """Measures whether the eight emotions can be told apart while speaking, at full, half and 0.3 of their intensity.

    Every portrait is drawn speaking with every emotion and found again by MediaPipe. A small classifier that has seen
    one half of the portraits names the emotions of the other half.

    Examples:
    `visavis evaluate emotions --sheets sheets`

    `visavis evaluate emotions --portraits photos/ --audio speech.wav -o emotions.html`
    """
    reports = Reports(output, before, sheets)
    if portraits is not None and not portraits.is_dir():
        raise InputError(f"--portraits: expected a folder with pictures, found none at {portraits}")
    settings = configured(config, overrides, seed=seed, more={"face.weights": weights})

    from agent.faces import load_motion, new_sampler
    from avatar.evaluation.emotions.evaluation import INTENSITIES, EmotionPlan, JudgedFaces
    from avatar.evaluation.emotions.evaluation import evaluate_emotions as evaluated
    from avatar.evaluation.emotions.sheet import emotion_sheet
    from avatar.evaluation.reports.seeds import mean_over_seeds
    from avatar.evaluation.results import Evaluation
    from avatar.mesh.decoder import MeshDecoder
    from avatar.sampler.lookahead import MotionSampler

    with progress_of("evaluating", quiet) as advance:
        track = _track(audio, _QUICK_SPEECH_S if quick else _SPEECH_S, settings, quiet)
        loaded = _portraits(portraits, settings, lambda line: say(line, quiet))
        motion = load_motion(settings)

        def sampler(seed: int) -> MotionSampler:
            face = settings.face.model_copy(update={"seed": seed})
            return new_sampler(settings.model_copy(update={"face": face}), motion)

        faces = _QUICK_FACES if quick else _FACES

        def judge(number: int, count: int) -> JudgedFaces:
            def part(done: float, note: str) -> None:
                advance((number + done) / count, note)

            first = settings.face.seed + number * (len(INTENSITIES) + 1)  # every motion has a seed of its own
            return evaluated(EmotionPlan(loaded, MeshDecoder, sampler, track, first, faces, INTENSITIES, part))

        every = [judge(number, seeds or 1) for number in range(seeds or 1)]
        judged = every[0]
        drawn = {
            one.portrait: emotion_sheet(one, told, INTENSITIES)
            for one, told in zip(judged.drawn, judged.told, strict=True)
        }
        told = {
            "portraits": ", ".join(portrait.path.name for portrait in loaded),
            "speech": audio.name if audio else "held-out synthetic speech",
            "weights": material.weights_told(settings),
            "seed": str(settings.face.seed),
        }
        found = mean_over_seeds([Evaluation("Emotions", told, one.sections) for one in every])
    reports.deliver(found, drawn, as_json=as_json, quiet=quiet)


def _track(audio: Path | None, seconds: float, settings: Config, quiet: bool) -> SpeechTrack:
    from avatar.evaluation.speech.speech_track import SpeechTrack
    from speech.audio import SPEECH_RATE_HZ
    from speech.files.sound_file import read_audio

    if audio is not None:
        return SpeechTrack(read_audio(audio, SPEECH_RATE_HZ))
    return material.held_out(settings, seconds, quiet).track


def _portraits(folder: Path | None, settings: Config, tell: Callable[[str], None]) -> list[Portrait]:
    """The portraits to draw; pictures that are none are told of and left out."""
    from agent.personas import PERSONAS, portrait_path
    from avatar.evaluation.emotions.evaluation import FEWEST_PORTRAITS
    from avatar.portrait.portrait import load_portrait

    cache_dir = settings.portrait.cache_dir
    if folder is None:
        return [load_portrait(portrait_path(name), cache_dir=cache_dir) for name in PERSONAS]
    found = []
    for path in sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")):
        try:
            found.append(load_portrait(path, cache_dir=cache_dir))
        except InputError as error:
            tell(f"{error}; left out")
    if len(found) < FEWEST_PORTRAITS:
        raise InputError(f"--portraits: expected at least {FEWEST_PORTRAITS} portraits in {folder}, got {len(found)}")
    return found


def register(group: typer.Typer) -> None:
    """Adds this command to a group."""
    group.command("emotions")(evaluate_emotions)
