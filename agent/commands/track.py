"""The command that reads motion off a video: track."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from agent.commands import options
from agent.commands.options import check_target, progress, say
from speech.errors import InputError


def track(
    video: Annotated[Path, typer.Argument(metavar="VIDEO", help="A person's face: MP4, WebM, MOV, MPEG …")],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE.csv", help="The motion: 60 numbers a frame, 25 a second.")
    ],
    confidence: Annotated[
        Path | None,
        typer.Option("--confidence", metavar="FILE.csv", help="Also write how far each frame can be trusted, 0 to 1."),
    ] = None,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Reads the motion of a face off a video: head, gaze, lids and the face's coefficients.

    All of it is relative to the person's own neutral face and usual pose. `visavis render --motion-in` plays it.

    Examples:
    `visavis track talk.mp4 -o curves.csv`

    `visavis track talk.mp4 -o curves.csv --confidence trust.csv --json`

    `visavis render --portrait mira --motion-in curves.csv --audio talk.mp4 -o mira-talks.mp4`
    """
    check_target(output, ".csv")
    check_target(confidence, ".csv")
    if confidence is not None and confidence.absolute() == output.absolute():
        raise InputError(f"--confidence: expected another file than {output}, which gets the motion")
    from avatar.motion import FRAME_RATE_HZ
    from avatar.tracking.files import write_confidence, write_curves
    from avatar.tracking.motion import TRUSTED
    from avatar.tracking.track import track_video

    with progress(quiet) as bar:
        task = bar.add_task("tracking", total=1.0, note="")
        found = track_video(video, progress=lambda share: bar.update(task, completed=share))
    for notice in found.notices:
        say(f"{video.name}: {notice}", quiet)
    write_curves(output, found.values)
    if confidence is not None:
        write_confidence(confidence, found.confidence)
    frames = len(found.values)
    trusted = float((found.confidence > TRUSTED).mean())
    if as_json:
        summary = {
            "file": str(output),
            "frames": frames,
            "duration_s": round(frames / FRAME_RATE_HZ, 3),
            "confidence": round(float(found.confidence.mean()), 3),
            "trusted": round(trusted, 3),
            "shots": [[first, stop] for first, stop in found.shots],
            "notices": list(found.notices),
        }
        print(json.dumps(summary, indent=2, ensure_ascii=False))
    else:
        say(f"{output}: {frames} frames, {frames / FRAME_RATE_HZ:.2f} s, {trusted:.0%} of them trusted", quiet)


def register(app: typer.Typer) -> None:
    """Adds this command."""
    app.command()(track)
