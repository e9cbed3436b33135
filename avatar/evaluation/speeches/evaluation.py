"""Speeches to be looked at: sampled, drawn as film strips, and what is wrong with each in a table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from avatar.decoder import FaceDecoder, Image
from avatar.evaluation.driving import MakeSampler, drive
from avatar.evaluation.lips import LipGeometry
from avatar.evaluation.phonemes import events, phoneme_measures
from avatar.evaluation.results import Section, row
from avatar.evaluation.speech.speech_track import SpeechTrack, rule_motion
from avatar.evaluation.speeches.sheet import speech_sheet
from avatar.motion import ConversationState, Floats
from avatar.portrait.portrait import Portrait
from avatar.progress import Progress

_COLUMNS = ("p b m closed", "f v at teeth", "closed elsewhere", "vowels, rank r", "gap at 90 %, px")


def evaluate_speeches(
    portrait: Portrait, decoder: FaceDecoder, make: MakeSampler, tracks: Sequence[SpeechTrack], progress: Progress
) -> tuple[Section, dict[str, Image]]:
    """Samples and draws.

    Args:
        portrait: whose face.
        decoder: of it.
        make: makes fresh samplers.
        tracks: of one part each, whose phonemes are known.
        progress: called with the share done and a line about it.

    Returns:
        The table, and the sheets by what they are called.
    """
    lips, rows, sheets = LipGeometry(portrait), [], {}
    for number, track in enumerate(tracks):
        part = track.parts[0]
        name = f"{number + 1:02d} {part.voice}"
        progress(number / len(tracks), name)
        values = drive(make(None), track.sound, ConversationState.SPEAKING)
        rows.append(row(name, _figures(track, values, lips)))
        sheets[name.replace(" ", "-")] = speech_sheet(decoder, portrait.landmarks, values, track, lips)
    progress(1.0, "")
    note = "Shares of the phonemes, and of the frames of speech. One sentence says little: look at the sheets."
    return Section("Speeches", _COLUMNS, tuple(rows), note), sheets


def _figures(track: SpeechTrack, values: Floats, lips: LipGeometry) -> list[float | None]:
    found = phoneme_measures(values, rule_motion(track), events(track.parts, track.frames), lips)
    widest = float(np.percentile(lips(values).gap_px, 90.0))
    return [found.lips_meet, found.at_teeth_parted, found.closed_elsewhere, found.token_rank, widest]
