"""The training data on disk: made scene by scene, kept as arrays over all scenes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from avatar.progress import Progress
from avatar.sampler.conditions import ConditionLayout
from avatar.sampler.dynamics import MOTION_SIZE
from avatar.sampler.features import HOPS_PER_FRAME, MEL_BANDS
from avatar.training.real_scenes import RecordingScenes, SceneSource, VideoScenes
from avatar.training.scene_store import ARRAY_TYPES, SceneStore
from avatar.training.scenes import MOUTH_NAMES
from avatar.training.synthetic_scenes import SyntheticScenes
from avatar.training.voices.voice_files import VoiceFiles
from speech.errors import InputError
from speech.files.input_file import check_input_file, read_input_file

VERSION = 3
_LARGEST_SCENES = 1_000_000_000  # bytes
VALIDATION_SHARE = 0.05


def prepare(
    out_dir: Path,
    *,
    minutes: float,
    seed: int = 0,
    voices: VoiceFiles | None = None,
    processes: int = 1,
    videos: Path | None = None,
    speech: Path | None = None,
    sound_offset: int | None = 0,
    progress: Progress | None = None,
    report: Callable[[str], None] | None = None,
) -> int:
    """Makes training data.

    What was made is kept under `<out_dir>/made` until all is done, and tracked videos under `<out_dir>/videos`: a run
    that was stopped, in whatever way, goes on where it was, to the same result.

    Args:
        out_dir: gets `<array>.npy`, [T, …] over all scenes, and `scenes.json`; created if needed.
        minutes: of synthetic motion, at least; 0 is allowed where there is something real.
        seed: the same seed, voices and files give the same data.
        voices: the natural voices that are installed; without them robots speak.
        processes: that make synthetic motion.
        videos: a folder of talking videos: their motion and sound.
        speech: a folder of recordings with transcripts: their sound, with motion made for it.
        sound_offset: frames by which the videos' sound is late; None measures it for every video.
        progress: called after every scene.
        report: called with what was left out and what was noticed, one line each.

    Returns:
        Frames in all scenes together.

    Raises:
        InputError: minutes is negative, or zero with nothing else to make data of; a folder without anything usable.
    """
    if minutes < 0.0 or (minutes == 0.0 and videos is None and speech is None):
        raise InputError(f"minutes: expected more than 0 (or 0 with --videos or --speech), got {minutes:g}")
    tell = report or (lambda line: None)
    # Everything that can be missing is looked for before any work is done.
    sources: list[SceneSource] = []
    synthetic = None
    if minutes > 0.0:
        synthetic = SyntheticScenes(
            minutes, seed, voices or VoiceFiles(), out_dir / "made", processes=processes, report=tell
        )
        sources.append(synthetic)
    if videos is not None:
        sources.append(VideoScenes(videos, out_dir / "videos", sound_offset, VALIDATION_SHARE, tell))
    if speech is not None:
        sources.append(RecordingScenes(speech, seed, VALIDATION_SHARE, tell))
    out_dir.mkdir(parents=True, exist_ok=True)
    parts = [source.seconds for source in sources]

    def advance(part: int, share: float, note: str) -> None:
        if progress:
            progress(min(1.0, (sum(parts[:part]) + share * parts[part]) / sum(parts)), note)

    with SceneStore(out_dir) as store:
        for number, source in enumerate(sources):
            source.add_to(store, partial(advance, number))
        if not store.scenes:
            raise InputError(f"{videos or speech}: expected something to make data of, nothing was usable")
        store.finish({"version": VERSION, "seed": seed, "voices": synthetic.voices if synthetic else []})
    if synthetic:
        synthetic.clear()
    return store.frames


@dataclass(frozen=True)
class MotionData:
    """Prepared data in memory.

    Attributes:
        arrays: by the names of ARRAY_TYPES, all but the sound, and all of the same first dimension.
        scenes: as `prepare` wrote them: start, frames, validation, speech.
    """

    arrays: dict[str, npt.NDArray[Any]]
    scenes: list[dict[str, Any]]


def load(data_dir: Path) -> MotionData:
    """Reads what `prepare` wrote.

    Raises:
        InputError: missing or of another version.
    """
    try:
        description = json.loads(
            read_input_file(data_dir / "scenes.json", "scenes of 'visavis train prepare'", most_bytes=_LARGEST_SCENES)
        )
        kinds = {name: kind for name, kind in ARRAY_TYPES.items() if name != "sound"}
        arrays = {name: _array(data_dir / f"{name}.npy", kind) for name, kind in kinds.items()}
        frames = {len(array) for array in arrays.values()}
        fits = (
            description.get("version") == VERSION
            and arrays["features"].shape[1:] == (HOPS_PER_FRAME, MEL_BANDS)
            and arrays["conditions"].shape[1:] == (ConditionLayout.SIZE,)
            and arrays["motion"].shape[1:] == (MOTION_SIZE,)
            and arrays["articulation"].shape[1:] == (len(MOUTH_NAMES),)
            and arrays["visemes"].ndim == 1
            and frames == {sum(int(scene["frames"]) for scene in description["scenes"])}
            and all(
                0 <= scene["start"] <= scene["start"] + scene["frames"] <= max(frames)
                for scene in description["scenes"]
            )
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(
            f"{data_dir}: expected data of 'visavis train prepare', could not read it: {error}; prepare it again"
        ) from None
    if not fits:
        raise InputError(f"{data_dir}: expected data of this version, got another; prepare it again")
    return MotionData(arrays, description["scenes"])


def _array(path: Path, kind: type[np.generic]) -> npt.NDArray[Any]:
    """One array, in memory. A header that tells of more than the file has, is refused before anything is allocated."""
    check_input_file(path, f"an array of {kind.__name__}")
    array = np.load(path, mmap_mode="r", allow_pickle=False)
    if array.dtype != kind:
        raise ValueError(f"{path.name}: expected {kind.__name__}, got {array.dtype}")
    return np.array(array)
