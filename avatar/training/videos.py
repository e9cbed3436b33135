"""Real talking video becomes training scenes: tracked motion, its own sound, and the intention read off the motion."""

from __future__ import annotations

import hashlib
import io
import itertools
import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from avatar.motion import FRAME_RATE_HZ, Controls, ConversationState, Floats, MotionLayout
from avatar.progress import ShareDone
from avatar.sampler.conditions import ConditionLayout, condition_vector
from avatar.sampler.features import loudness, recording_features
from avatar.sampler.intention.state import INTENTION_NAMES
from avatar.tracking.motion import TRUSTED
from avatar.tracking.smoothing import runs
from avatar.tracking.track import TrackedMotion, track_video
from avatar.training.gestures.visemes import UNKNOWN_VISEME
from avatar.training.scenes import MOUTH_NAMES, SAMPLED, SAMPLES_PER_FRAME, MadeScene
from speech.audio import SPEECH_RATE_HZ, Samples
from speech.errors import InputError, VisavisError
from speech.files.draft import Draft
from speech.files.sound_file import read_audio
from speech.turns.vad import VAD, VAD_WINDOW

VIDEO_SUFFIXES = (".mp4", ".m4v", ".mov", ".webm", ".mkv", ".avi", ".mpg", ".mpeg", ".flv", ".wmv", ".ts")

_INDEX = MotionLayout.INDEX

# Raise this when tracking changes: what was kept of earlier runs then no longer counts.
_TRACKER_VERSION = 3

# Scenes: doubtful stretches up to so long are left in, shorter scenes left out, longer ones cut (frames).
_DOUBTFUL, _LEAST, _MOST = 5, 50, 500
# A fixation ends when the eyes have been this far away (radians) for so many frames.
_AWAY_RAD, _AWAY_FRAMES = 0.06, 2
_POSTURE_SPREAD = 10.0  # frames of the Gaussian that leaves the head's posture: about a second in all
_BLINK_FROM = 0.12  # less closure is how the eyes are held
# Speech is so much wider than what the voice detector marks, and pauses up to so long belong to it (frames).
_VOICE, _AROUND, _PAUSE = 0.5, 8, 25

# Lag of sound after the lips: looked for within so many frames, after taking away what is slower than a second.
_FURTHEST = 12
# A measured lag counts from so much video and correlation on.
_LAG_FROM_S, _LAG_CORRELATION = 10.0, 0.2


def find_videos(folder: Path) -> list[Path]:
    """All videos under a folder, sorted.

    Raises:
        InputError: no such folder, or no video in it.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: expected a folder of videos, found {'a file' if folder.exists() else 'nothing'}")
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in VIDEO_SUFFIXES and path.is_file())
    if not found:
        raise InputError(f"{folder}: expected videos ({', '.join(VIDEO_SUFFIXES)}), found none")
    return found


def tracked_once(path: Path, cache_dir: Path, progress: ShareDone | None = None) -> TrackedMotion:
    """Tracks a video, or reads what an earlier run kept of the same file.

    Raises:
        InputError: as `avatar.tracking.track.track_video`; this too is remembered.
    """
    state = path.stat()
    told = f"{_TRACKER_VERSION}|{path.resolve()}|{state.st_size}|{state.st_mtime_ns}"
    entry = cache_dir / f"{path.stem[:40]}-{hashlib.sha256(told.encode()).hexdigest()[:16]}.npz"
    try:
        with np.load(entry, allow_pickle=False) as kept:
            told = json.loads(str(kept["told"]))
            values, confidence, gap = kept["values"], kept["confidence"], kept["gap"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        pass
    else:
        if told["error"]:
            raise InputError(told["error"])
        return TrackedMotion(values, confidence, gap, tuple((a, b) for a, b in told["shots"]), tuple(told["notices"]))
    empty = np.zeros(0, np.float32)
    try:
        found = track_video(path, progress=progress)
    except VisavisError as error:
        _keep(entry, TrackedMotion(empty, empty, empty, (), ()), str(error))
        raise
    _keep(entry, found, "")
    return found


def _keep(entry: Path, found: TrackedMotion, error: str) -> None:
    entry.parent.mkdir(parents=True, exist_ok=True)
    told = json.dumps({"error": error, "shots": found.shots, "notices": found.notices})
    content = io.BytesIO()  # on a full disk, NumPy's own writing ends in a second error that nobody can catch
    np.savez(content, values=found.values, confidence=found.confidence, gap=found.gap, told=np.array(told))
    with Draft(entry, private=True) as draft:
        draft.path.write_bytes(content.getbuffer())


@dataclass(frozen=True, slots=True)
class SoundLag:
    """How much later than the lips the sound comes.

    Attributes:
        frames: positive where the sound is late.
        correlation: of loudness and the lips' opening at that lag.
    """

    frames: int
    correlation: float


def sound_lag(sound: Samples, gap: Floats) -> SoundLag:
    """Measures the lag between sound and lips by their cross-correlation; believe it from half a minute of speech on.

    Args:
        sound: float32 [N] at 16 kHz.
        gap: float32 [T] of `TrackedMotion`.
    """
    frames = min(len(gap), len(sound) // SAMPLES_PER_FRAME)
    level = np.array([loudness(sound[i * SAMPLES_PER_FRAME : (i + 1) * SAMPLES_PER_FRAME]) for i in range(frames)])
    lips = gap[:frames].astype(np.float64)
    if frames <= 4 * _FURTHEST:
        return SoundLag(0, 0.0)
    level, lips = (signal - _slow(signal[:, None], _POSTURE_SPREAD)[:, 0] for signal in (level, lips))
    at = range(-_FURTHEST, _FURTHEST + 1)
    inner = slice(_FURTHEST, frames - _FURTHEST)
    found = [_correlation(lips[inner], level[_FURTHEST + lag : frames - _FURTHEST + lag]) for lag in at]
    best = int(np.argmax(found))
    return SoundLag(at[best], found[best])


def is_believable(lag: SoundLag, frames: int) -> bool:
    """Whether a lag that was measured over so many frames may be taken away."""
    return frames >= _LAG_FROM_S * FRAME_RATE_HZ and lag.correlation >= _LAG_CORRELATION


def _correlation(first: npt.NDArray[np.float64], second: npt.NDArray[np.float64]) -> float:
    spread = float(first.std() * second.std())
    return float(((first - first.mean()) * (second - second.mean())).mean()) / spread if spread > 1e-9 else 0.0


def shifted(sound: Samples, late_frames: int) -> Samples:
    """A sound that was late by so many frames, in step: earlier by that much (later, where negative)."""
    if late_frames >= 0:
        return sound[late_frames * SAMPLES_PER_FRAME :]
    return np.concatenate([np.zeros(-late_frames * SAMPLES_PER_FRAME, np.float32), sound])


def video_sound(path: Path, report: Callable[[str], None] = lambda line: None) -> Samples:
    """The sound of a video: float32 [N] at 16 kHz.

    Args:
        path: the video.
        report: called with what its owner should know of the sound.

    Raises:
        InputError: there is none.
    """
    return read_audio(path, SPEECH_RATE_HZ, report=report)


def video_scenes(tracked: TrackedMotion, sound: Samples, vad: VAD) -> Iterator[MadeScene]:
    """The well-tracked stretches of a video, as training scenes.

    Motion and articulation are what was tracked; the intention is read off it: blinks are the lids, the gaze is the
    direction of head and eyes, held for every fixation, the posture is the slow part of the head. Emotion, composure
    and the user's voice are unknown, and so are the visemes (UNKNOWN_VISEME).

    Args:
        tracked: of `tracked_once`.
        sound: float32 [N] at 16 kHz, in step with it.
        vad: finds where the person speaks; else they listen.
    """
    frames = min(len(tracked.values), len(sound) // SAMPLES_PER_FRAME)
    speaks = _speaking(sound, frames, vad)
    for first, stop in _stretches(tracked, frames):
        values = tracked.values[first:stop]
        heard = sound[first * SAMPLES_PER_FRAME : stop * SAMPLES_PER_FRAME]
        yield MadeScene(
            features=recording_features(heard, SPEECH_RATE_HZ),
            motion=values[:, SAMPLED],
            conditions=_conditions(values, speaks[first:stop]),
            articulation=values[:, MOUTH_NAMES],
            visemes=np.full(stop - first, UNKNOWN_VISEME, np.int64),
            speech=[],
            sound=heard,
        )


def _stretches(tracked: TrackedMotion, frames: int) -> list[tuple[int, int]]:
    trusted = tracked.confidence[:frames] > TRUSTED
    out = []
    for first, stop in tracked.shots:
        inside = np.zeros(frames, bool)
        inside[first:stop] = trusted[first:stop]
        for a, b in runs(~inside):
            if b - a <= _DOUBTFUL and a > first and b < min(stop, frames):
                inside[a:b] = True
        for a, b in runs(inside):
            pieces = -(-(b - a) // _MOST)
            edges = np.linspace(a, b, pieces + 1).astype(int)
            out += [(int(x), int(y)) for x, y in itertools.pairwise(edges) if y - x >= _LEAST]
    return out


def _speaking(sound: Samples, frames: int, vad: VAD) -> npt.NDArray[np.bool_]:
    """Which frames have speech nearby: bool [frames]."""
    vad.reset()
    windows = len(sound) // VAD_WINDOW
    voiced = np.array([vad.probability(sound[i * VAD_WINDOW : (i + 1) * VAD_WINDOW]) > _VOICE for i in range(windows)])
    middles = ((np.arange(frames) + 0.5) * SAMPLES_PER_FRAME / VAD_WINDOW).astype(int)
    speaks = voiced[np.clip(middles, 0, windows - 1)] if windows else np.zeros(frames, bool)
    speaks = np.convolve(speaks, np.ones(2 * _AROUND + 1), mode="same")[:frames] > 0.5
    for first, stop in runs(~speaks):
        if stop - first <= _PAUSE and first > 0 and stop < frames:
            speaks[first:stop] = True
    return np.asarray(speaks, np.bool_)


def _conditions(values: Floats, speaks: npt.NDArray[np.bool_]) -> Floats:
    """Conditions [T, ConditionLayout.SIZE] of tracked motion [T, 60]."""
    intention = np.zeros((len(values), len(INTENTION_NAMES)), np.float32)

    def put(name: str, value: npt.NDArray[np.floating]) -> None:
        intention[:, INTENTION_NAMES.index(name)] = value

    lids = values[:, [_INDEX["eyeBlinkLeft"], _INDEX["eyeBlinkRight"]]].mean(axis=1)
    put("blink", np.where(lids > _BLINK_FROM, lids, 0.0))
    direction = values[:, [_INDEX["headYaw"], _INDEX["headPitch"]]] + values[:, MotionLayout.GAZE]
    looks = held(direction.astype(np.float64))
    put("gazeYaw", looks[:, 0])
    put("gazePitch", looks[:, 1])
    posture = _slow(values[:, MotionLayout.ROTATION].astype(np.float64), _POSTURE_SPREAD)
    for column, name in enumerate(("headPitch", "headYaw", "headRoll")):
        put(name, posture[:, column])
    states = [ConversationState.SPEAKING if speaking else ConversationState.LISTENING for speaking in speaks]
    made = np.stack(
        [
            condition_vector(row, state=state, controls=Controls(), user=None, composure=0.5)
            for row, state in zip(intention, states, strict=True)
        ]
    )
    # Nobody said how lively this person is: the group is left out.
    made[:, ConditionLayout.COMPOSURE] = 0.0
    return made


def held(direction: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """A direction of gaze [T, 2] as a row of fixations, each held at its median (Salvucci & Goldberg 2000)."""
    starts, first = [0], 0
    for frame in range(1, len(direction)):
        middle = np.median(direction[first:frame], axis=0)
        ahead = direction[frame : frame + _AWAY_FRAMES]
        if len(ahead) == _AWAY_FRAMES and (np.linalg.norm(ahead - middle, axis=1) > _AWAY_RAD).all():
            starts.append(frame)
            first = frame
    out = np.empty_like(direction)
    for begin, end in zip(starts, [*starts[1:], len(direction)], strict=True):
        out[begin:end] = np.median(direction[begin:end], axis=0)
    return out


def _slow(values: npt.NDArray[np.float64], spread: float) -> npt.NDArray[np.float64]:
    """Gaussian smoothing of [T, D], edges held."""
    reach = int(3 * spread)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / spread) ** 2)
    padded = np.pad(values, [(reach, reach), (0, 0)], mode="edge")
    smooth = [np.convolve(column, kernel / kernel.sum(), mode="valid") for column in padded.T]
    return np.asarray(np.stack(smooth, axis=1), np.float64)
