"""The command `evaluate speeches`: sentences in natural voices, drawn frame by frame with their phonemes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agent.commands import options
from agent.commands.evaluation import material
from agent.commands.evaluation.reports import Before, Outputs, Reports
from agent.commands.options import configured, progress_of
from agent.config.config import Config
from speech.errors import InputError

if TYPE_CHECKING:
    from avatar.evaluation.speech.speech_track import SpeechTrack
    from avatar.progress import ShareDone


def evaluate_speeches(
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="[FOLDER]", help="Recordings with transcripts beside them, instead of made speech."),
    ] = None,
    count: Annotated[int, typer.Option(min=1, max=40, help="Of voices, a sentence each.")] = 10,
    output: Outputs = None,
    before: Before = None,
    sheets: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write each speech's film strip there, as NAME.png.")
    ] = None,
    weights: material.Weights = None,
    portrait: options.PortraitName = None,
    landmarks: options.Landmarks = None,
    seed: options.Seed = None,
    as_json: options.AsJson = False,
    config: options.ConfigPath = None,
    overrides: options.Overrides = None,
    quiet: options.Quiet = False,
) -> None:
    """Draws a sentence in each of ten natural voices as a film strip with its phonemes beneath, to be looked at.

    Voices that training never heard come first, then others of those that are installed.

    Examples:
    `visavis evaluate speeches --sheets sheets`

    `visavis evaluate speeches recordings/ --portrait me.jpg -o speeches.html`
    """
    reports = Reports(output, before, sheets)
    settings = configured(
        config, overrides, portrait=portrait, landmarks=landmarks, seed=seed, more={"face.weights": weights}
    )

    from avatar.evaluation.results import Evaluation
    from avatar.evaluation.speeches.evaluation import evaluate_speeches as evaluated
    from avatar.mesh.decoder import MeshDecoder

    with progress_of("evaluating", quiet) as advance:
        tracks = _tracks(folder, count, settings, quiet, lambda done: advance(0.3 * done, "speaking"))
        drawn = material.portrait_of(settings)
        make = material.samplers(settings)(settings.face.seed)
        section, strips = evaluated(
            drawn, MeshDecoder(drawn), make, tracks, lambda done, note: advance(0.3 + 0.7 * done, note)
        )
        found = Evaluation(
            "Speeches",
            {"portrait": drawn.path.name, "weights": material.weights_told(settings), "seed": str(settings.face.seed)},
            [section],
        )
    reports.deliver(found, strips, as_json=as_json, quiet=quiet)


def _tracks(folder: Path | None, count: int, settings: Config, quiet: bool, progress: ShareDone) -> list[SpeechTrack]:
    """What is said: recordings with their phonemes, or sentences that are made."""
    if folder is None:
        from avatar.evaluation.speeches.choice import natural_speeches
        from avatar.training.voices.cast import Cast

        return natural_speeches(Cast(material.voices(quiet)), count, settings.face.seed, progress)

    from dataclasses import replace

    from avatar.evaluation.speech.alignment import align
    from avatar.evaluation.speech.recordings import find_recording_files, read_recording
    from avatar.evaluation.speech.speech_track import SpokenPart

    found = []
    files = find_recording_files(folder)
    for number, source in enumerate(files):
        progress(number / len(files))
        if source.transcript is None:
            raise InputError(f"{source.audio}: expected its words in {source.name}.txt, found none")
        track = read_recording(source).track
        phones = align(track.sound, source.transcript, source.name)
        found.append(replace(track, parts=(SpokenPart(0, track.frames, phones, source.transcript, source.name),)))
    return found


def register(group: typer.Typer) -> None:
    """Adds this command to a group."""
    group.command("speeches")(evaluate_speeches)
