"""What the tracker writes: the motion CSV, and beside it how far each frame can be trusted."""

from __future__ import annotations

import csv
from pathlib import Path

from avatar.motion import FRAME_RATE_HZ, Floats, with_eye_look, write_motion_csv
from speech.files.draft import Draft

CONFIDENCE_HEADER = ("frame", "time_s", "confidence")


def write_curves(path: Path, values: Floats) -> None:
    """Writes float32 [T, 60] as a motion CSV, the eyeLook coefficients filled in; whole or not at all."""
    with Draft(path) as draft:
        write_motion_csv(draft.path, with_eye_look(values))


def write_confidence(path: Path, confidence: Floats) -> None:
    """Writes float32 [T] as CSV: a header line, then frame, time and confidence; whole or not at all."""
    with Draft(path) as draft, draft.path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(CONFIDENCE_HEADER)
        for frame, value in enumerate(confidence):
            writer.writerow([frame, f"{frame / FRAME_RATE_HZ:.2f}", f"{value:.3f}"])
