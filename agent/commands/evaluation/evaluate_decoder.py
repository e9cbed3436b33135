"""The command `evaluate decoder`: commanded motion against what MediaPipe finds in the drawn pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agent.commands import options
from agent.commands.evaluation.reports import Before, Outputs, Reports
from agent.commands.options import configured, progress_of
from speech.errors import InputError

# Pictures of a ramp.
_STEPS, _QUICK_STEPS = 9, 5


def evaluate_decoder(
    portraits: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PORTRAIT]...", help="Pictures or shipped names; the configured one if none is named."),
    ] = None,
    output: Outputs = None,
    before: Before = None,
    sheets: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write each portrait's contact sheet there, as NAME.png.")
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help=f"{_QUICK_STEPS} pictures a ramp instead of {_STEPS}.")
    ] = False,
    landmarks: options.Landmarks = None,
    as_json: options.AsJson = False,
    config: options.ConfigPath = None,
    overrides: options.Overrides = None,
    quiet: options.Quiet = False,
) -> None:
    """Measures how a portrait is drawn: expression, head and gaze found again by MediaPipe, folds, flicker and seams.

    Examples:
    `visavis evaluate decoder`

    `visavis evaluate decoder me.jpg mira --sheets sheets -o decoder.html`

    `visavis evaluate decoder me.jpg --quick --json`
    """
    reports = Reports(output, before, sheets)
    if landmarks is not None and len(portraits or ()) > 1:
        raise InputError(f"--landmarks: expected one portrait, got {len(portraits or ())}")
    settings = configured(config, overrides, landmarks=landmarks)
    names = portraits or [settings.portrait.path]
    # The configured landmarks are the configured portrait's.
    placed = landmarks if portraits else settings.portrait.landmarks

    from agent.personas import portrait_path
    from avatar.evaluation.decoder.advice import with_advice
    from avatar.evaluation.decoder.evaluation import DecoderEvaluation, side_by_side
    from avatar.evaluation.decoder.sheet import contact_sheet
    from avatar.evaluation.results import Evaluation
    from avatar.mesh.decoder import MeshDecoder
    from avatar.portrait.detection import FaceFinder
    from avatar.portrait.portrait import load_portrait

    tables, drawn = [], {}
    with progress_of("evaluating", quiet) as advance, FaceFinder() as finder:
        cache_dir = settings.portrait.cache_dir
        loaded = [load_portrait(portrait_path(name), landmarks=placed, cache_dir=cache_dir) for name in names]
        for number, portrait in enumerate(loaded):

            def part(share: float, number: int = number, name: str = portrait.name) -> None:
                advance((number + share) / len(loaded), name)

            part(0.0)
            decoder = MeshDecoder(portrait)
            evaluation = DecoderEvaluation(portrait, decoder, finder, _QUICK_STEPS if quick else _STEPS)
            tables.append(evaluation.sections(part))
            if reports.has_pictures:
                drawn[portrait.name] = contact_sheet(decoder, portrait.landmarks, portrait.name)
        found = Evaluation(
            "Decoder",
            {"portraits": ", ".join(portrait.path.name for portrait in loaded)},
            [with_advice(section) for section in side_by_side(tables)],
        )
    reports.deliver(found, drawn, as_json=as_json, quiet=quiet)


def register(group: typer.Typer) -> None:
    """Adds this command to a group."""
    group.command("decoder")(evaluate_decoder)
