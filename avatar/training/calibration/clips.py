"""Videos of people with transcripts become pairs: what is said and when, and what the mouth did."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from avatar.motion import FRAME_RATE_HZ, Floats
from avatar.progress import Progress
from avatar.tracking.motion import TRUSTED
from avatar.training.articulation import curve_times, relative_loudness
from avatar.training.calibration.mouth import DrawnMouth, MouthCurves
from avatar.training.recordings import LONGEST_S, Aligner, TranscribedFile, find_recordings
from avatar.training.videos import VIDEO_SUFFIXES, is_believable, shifted, sound_lag, tracked_once, video_sound
from avatar.training.voices.utterance import Phone
from speech.audio import SPEECH_RATE_HZ
from speech.errors import InputError, VisavisError

_LEAST_TRUSTED = 0.8  # of the frames
_SAMPLES_PER_FRAME = SPEECH_RATE_HZ // FRAME_RATE_HZ


@dataclass(frozen=True, slots=True)
class Clip:
    """One clip of one person.

    Attributes:
        name: of the file.
        person: the name of its folder; a clip beside the folders is a person of its own.
        phones: what is said, ARPABET, in order and without gaps.
        loudness: float32 [N], `relative_loudness` at `curve_times` of T frames.
        real: the tracked mouth, T frames.
        sound_offset: frames by which the sound was late, taken away already.
    """

    name: str
    person: str
    phones: tuple[Phone, ...]
    loudness: Floats
    real: MouthCurves
    sound_offset: int

    @property
    def frames(self) -> int:
        """How long it is."""
        return len(self.real.aperture)


def read_clips(
    folder: Path,
    cache_dir: Path,
    mouth: DrawnMouth,
    *,
    sound_offset: Callable[[str], int | None],
    progress: Progress,
    report: Callable[[str], None],
) -> list[Clip]:
    """Reads, tracks and aligns every video of a folder that has a transcript; what can't be used is reported.

    Args:
        folder: videos in any folders below, with transcripts as `find_recordings` finds them.
        cache_dir: where tracked motion is kept.
        mouth: makes curves of what was tracked.
        sound_offset: person → frames by which the sound is late; None: as measured, where that can be believed.
        progress: called with the share done and the video.
        report: called with what is left out.

    Raises:
        InputError: no videos with transcripts there, or none that can be used.
    """
    files = find_recordings(folder, VIDEO_SUFFIXES)
    aligner = Aligner()
    clips: list[Clip] = []
    for number, file in enumerate(files):
        note = f"video {number + 1} of {len(files)}: {file.path.name}"

        def part(share: float, before: int = number, note: str = note) -> None:
            progress((before + share) / len(files), note)

        part(0.0)
        try:
            person = file.path.stem if file.path.parent == folder else file.path.parent.name
            clips.append(_read_clip(file, person, cache_dir, aligner, mouth, sound_offset(person), part, report))
        except VisavisError as error:
            report(f"left out: {error}")
    if not clips:
        raise InputError(f"{folder}: expected videos of people who say what their transcripts say, found none")
    return clips


def _read_clip(
    file: TranscribedFile,
    person: str,
    cache_dir: Path,
    aligner: Aligner,
    mouth: DrawnMouth,
    sound_offset: int | None,
    progress: Callable[[float], None],
    report: Callable[[str], None],
) -> Clip:
    sound = video_sound(file.path, report)
    if len(sound) > LONGEST_S * SPEECH_RATE_HZ:
        length_s = len(sound) / SPEECH_RATE_HZ
        raise InputError(f"{file.path}: expected at most {LONGEST_S:.0f} s of video, got {length_s:.0f}; cut it up")
    tracked = tracked_once(file.path, cache_dir, progress)
    lag = sound_lag(sound, tracked.gap)
    measured = lag.frames if is_believable(lag, len(tracked.gap)) else 0
    offset = measured if sound_offset is None else sound_offset
    sound = shifted(sound, offset)
    try:
        phones = aligner.align(sound, file.text)
    except InputError as error:
        raise InputError(f"{file.path}: {error}") from None
    frames = min(len(tracked.values), len(sound) // _SAMPLES_PER_FRAME)
    trusted = float((tracked.confidence[:frames] > TRUSTED).mean())
    if trusted < _LEAST_TRUSTED:
        raise InputError(f"{file.path}: expected a well seen face, {1.0 - trusted:.0%} of the frames are doubtful")
    loudness = relative_loudness(sound, SPEECH_RATE_HZ, curve_times(frames))
    return Clip(file.path.name, person, phones, loudness, mouth(tracked.values[:frames]), offset)
