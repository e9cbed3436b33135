"""Recordings to evaluate: a sound, and beside it a motion, a video, a transcript, as far as there are any."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from avatar.evaluation.speech.speech_track import SAMPLES_PER_FRAME, SpeechTrack
from avatar.motion import FRAME_RATE_HZ, Floats, read_motion_csv
from avatar.table import read_text
from speech.audio import SPEECH_RATE_HZ, Samples
from speech.errors import InputError
from speech.files.sound_file import read_audio

SOUND_SUFFIXES = (".wav", ".flac", ".mp3", ".ogg", ".m4a")
VIDEO_SUFFIXES = (".mp4", ".mpg", ".mpeg", ".mov", ".mkv", ".avi", ".webm")

_LEAST_S = 1.0
_TOLERATED_FRAMES = 5  # by which a motion or a video may be shorter or longer than the sound
_SILENT = 1e-4


@dataclass(frozen=True, slots=True)
class RecordingFiles:
    """Where one recording's parts are.

    Attributes:
        name: for tables.
        audio: a sound, or a video with sound.
        motion: a motion CSV, 25 rows a second from the sound's beginning.
        video: of who says it.
        transcript: what is said.
    """

    name: str
    audio: Path
    motion: Path | None = None
    video: Path | None = None
    transcript: str | None = None


@dataclass(frozen=True, slots=True)
class EvaluatedRecording:
    """One recording, read and checked: `motion` is float32 [T, 60]; see `RecordingFiles`."""

    name: str
    track: SpeechTrack
    motion: Floats | None
    video: Path | None
    transcript: str | None
    sound_offset: int


def find_recording_files(folder: Path) -> list[RecordingFiles]:
    """Files that belong together by their names: a.wav or a video a.mp4, and any of a.csv, a.txt; sorted by name.

    Raises:
        InputError: no recordings there, or a motion beside only some of them.
    """
    if not folder.is_dir():
        raise InputError(
            f"{folder}: expected a folder of recordings, found {'a file' if folder.exists() else 'nothing'}"
        )
    by_stem: dict[str, dict[str, Path]] = {}
    for path in sorted(folder.iterdir()):
        suffix = path.suffix.lower()
        kind = "audio" if suffix in SOUND_SUFFIXES else "video" if suffix in VIDEO_SUFFIXES else suffix
        if path.is_file() and kind in ("audio", "video", ".csv", ".txt"):
            if kind in by_stem.setdefault(path.stem, {}):
                raise InputError(
                    f"{path}: expected one {kind} of this name, '{by_stem[path.stem][kind].name}' is another"
                )
            by_stem[path.stem][kind] = path
    found = [
        RecordingFiles(
            stem,
            kinds.get("audio") or kinds["video"],
            kinds.get(".csv"),
            kinds.get("video"),
            read_transcript(kinds[".txt"]) if ".txt" in kinds else None,
        )
        for stem, kinds in by_stem.items()
        if "audio" in kinds or "video" in kinds
    ]
    if not found:
        names = ", ".join(SOUND_SUFFIXES + VIDEO_SUFFIXES)
        raise InputError(f"{folder}: expected recordings ({names}), found none")
    without = [source.name for source in found if source.motion is None]
    if 0 < len(without) < len(found):
        raise InputError(
            f"{folder}: expected a motion CSV beside every recording or beside none, '{without[0]}' has none"
        )
    return found


def read_transcript(given: Path) -> str:
    """The text of a file, on one line.

    Raises:
        InputError: it can't be read, or is empty.
    """
    text = " ".join(read_text(given, "a transcript").replace("\0", " ").split())
    if not text:
        raise InputError(f"{given}: expected a transcript, got a file without words")
    return text


def read_recording(
    source: RecordingFiles, sound_offset: int = 0, report: Callable[[str], None] = lambda line: None
) -> EvaluatedRecording:
    """Reads and checks one recording.

    Args:
        source: where it is.
        sound_offset: frames by which the sound (and its motion) is late against the picture; negative: early.
        report: called with what the owner of the sound should know.

    Raises:
        InputError: something can't be read, is too short, silent, or of another length.
    """
    sound = read_audio(source.audio, SPEECH_RATE_HZ, report=report)
    if len(sound) < _LEAST_S * SPEECH_RATE_HZ:
        raise InputError(f"{source.audio}: expected at least {_LEAST_S:g} s of sound, got {len(sound) / 16000:.2f} s")
    if float(np.abs(sound).max()) < _SILENT:
        raise InputError(f"{source.audio}: expected speech, the whole recording is silent")
    motion = None
    if source.motion is not None:
        motion = read_motion_csv(source.motion)
        check_lengths(str(source.motion), "motion", len(motion), len(sound))
    track = SpeechTrack(_shifted_sound(sound, sound_offset))
    if track.frames < _LEAST_S * FRAME_RATE_HZ:
        raise InputError(f"{source.audio}: expected more sound than it is late, {sound_offset} frames leave too little")
    if motion is not None:
        motion = _fitted(_shifted_motion(motion, sound_offset), track.frames)
    return EvaluatedRecording(source.name, track, motion, source.video, source.transcript, sound_offset)


def check_lengths(name: str, what: str, frames: int, samples: int) -> None:
    """Refuses a motion or video that is not about as long as its sound.

    Raises:
        InputError: more than a fifth of a second longer or shorter.
    """
    expected = -(-samples // SAMPLES_PER_FRAME)
    if abs(frames - expected) > _TOLERATED_FRAMES:
        raise InputError(
            f"{name}: expected a {what} as long as the sound, {expected} frames ({samples / SPEECH_RATE_HZ:.2f} s), "
            f"got {frames} ({frames / FRAME_RATE_HZ:.2f} s)"
        )


def _shifted_sound(sound: Samples, late: int) -> Samples:
    if late < 0:
        return np.pad(sound, (-late * SAMPLES_PER_FRAME, 0))
    return sound[late * SAMPLES_PER_FRAME :]


def _shifted_motion(motion: Floats, late: int) -> Floats:
    return motion[late:] if late >= 0 else np.concatenate([np.repeat(motion[:1], -late, axis=0), motion])


def _fitted(motion: Floats, frames: int) -> Floats:
    """Cut, or held at its last row, to so many frames."""
    if len(motion) >= frames:
        return motion[:frames]
    return np.concatenate([motion, np.repeat(motion[-1:], frames - len(motion), axis=0)])
