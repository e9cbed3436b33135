"""Folders of real videos and recordings as sources of training scenes: what is unusable is reported and left out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np

from avatar.progress import Progress
from avatar.tracking.faces import FaceTracker
from avatar.training.recordings import Aligner, TranscribedFile, align_transcript, find_recordings
from avatar.training.scene_store import SceneStore
from avatar.training.scenes import scene_from_utterances
from avatar.training.videos import (
    find_videos,
    is_believable,
    shifted,
    sound_lag,
    tracked_once,
    video_scenes,
    video_sound,
)
from avatar.training.voices.utterance import Utterance
from speech.errors import VisavisError
from speech.turns.vad import SileroVAD

Report = Callable[[str], None]

# Roughly what one file takes; only the progress bar looks at it.
_VIDEO_S, _RECORDING_S = 8.0, 0.4
_IN_STEP = 2  # frames that the measurement may be off
_UTTERANCES = 3  # at most in one scene
_SEEDS_FROM = 500_000_000  # apart from those of synthetic scenes


class SceneSource(Protocol):
    """Something that scenes come from; making one checks that it can."""

    seconds: float
    """About how long it takes, for a progress bar."""

    def add_to(self, store: SceneStore, advance: Progress) -> None:
        """Adds all its scenes."""
        ...


def held_back(sizes: list[int], share: float) -> int:
    """How many of the last items make up a share of the whole (one at least, if there are two): for validation.

    The last ones and not every twentieth: folders are sorted by person, and who is seen in training says little.
    """
    wanted, kept, count = share * sum(sizes), 0, 0
    for size in reversed(sizes):
        if kept >= wanted or count == len(sizes) - 1:
            break
        kept += size
        count += 1
    return count


class VideoScenes:
    """A folder of talking videos.

    Args:
        folder: looked through with all its folders.
        cache_dir: where tracked motion is kept.
        sound_offset: frames by which the sound is late; None: as measured, where that can be believed.
        validation_share: of the frames is kept back: whole videos, the last in order.
        report: called with what is left out and what is noticed.

    Raises:
        InputError: no videos there, or a package that is needed is missing.
    """

    def __init__(
        self, folder: Path, cache_dir: Path, sound_offset: int | None, validation_share: float, report: Report
    ) -> None:
        self._folder, self._cache_dir, self._offset = folder, cache_dir, sound_offset
        self._share, self._report = validation_share, report
        self._paths = find_videos(folder)
        FaceTracker()
        self._vad = SileroVAD()
        self.seconds = _VIDEO_S * len(self._paths)

    def add_to(self, store: SceneStore, advance: Progress) -> None:
        """Tracks every video that an earlier run has not tracked, then adds the scenes of all."""
        usable: list[Path] = []
        for number, path in enumerate(self._paths):
            note = f"video {number + 1} of {len(self._paths)}: {path.name}"

            def part(share: float, before: int = number, note: str = note) -> None:
                advance(0.9 * (before + share) / len(self._paths), note)

            part(0.0)
            try:
                video_sound(path)
                tracked_once(path, self._cache_dir, part)
            except VisavisError as error:
                self._report(f"left out: {error}")
            else:
                usable.append(path)
        sizes = [len(tracked_once(path, self._cache_dir).values) for path in usable]
        training = len(usable) - held_back(sizes, self._share)
        for number, path in enumerate(usable):
            self._add(store, path, validation=number >= training)
            advance(0.9 + 0.1 * (number + 1) / len(usable), f"video {number + 1} of {len(usable)} added")

    def _add(self, store: SceneStore, path: Path, *, validation: bool) -> None:
        tracked, sound = tracked_once(path, self._cache_dir), video_sound(path, self._report)
        for notice in tracked.notices:
            self._report(f"{path.name}: {notice}")
        lag = sound_lag(sound, tracked.gap)
        believed = is_believable(lag, len(tracked.gap))
        offset = self._offset if self._offset is not None else lag.frames if believed else 0
        if believed and abs(lag.frames - offset) > _IN_STEP:
            self._report(
                f"{path.name}: the sound seems {lag.frames} frames late (correlation {lag.correlation:.2f}); "
                "--sound-offset takes it away"
            )
        name = str(path.relative_to(self._folder))
        before = store.frames
        for scene in video_scenes(tracked, shifted(sound, offset), self._vad):
            store.add(scene, validation=validation, video=name, sound_offset=offset)
        if store.frames == before:
            self._report(f"left out: {path}: expected two seconds of a well seen face, found none")


class RecordingScenes:
    """A folder of recorded speech with transcripts.

    Args:
        folder: looked through with all its folders.
        seed: of what the made motion leaves to chance.
        validation_share: of the recordings is kept back, the last in order.
        report: called with what is left out.

    Raises:
        InputError: no recordings with transcripts there, or a package that is needed is missing.
    """

    def __init__(self, folder: Path, seed: int, validation_share: float, report: Report) -> None:
        self._recordings = find_recordings(folder)
        self._aligner = Aligner()
        self._seed, self._share, self._report = seed, validation_share, report
        self.seconds = _RECORDING_S * len(self._recordings)

    def add_to(self, store: SceneStore, advance: Progress) -> None:
        """Aligns every recording; one to three of the same folder make a scene."""
        random = np.random.default_rng(self._seed)
        total = len(self._recordings)
        training = self._first_kept_back()
        waiting: list[Utterance] = []
        wanted = scenes = 0
        for number, recording in enumerate(self._recordings):
            utterance = self._aligned(recording, self._report)
            if utterance is not None:
                waiting.append(utterance)
            wanted = wanted or int(random.integers(1, _UTTERANCES + 1))
            following = self._recordings[number + 1] if number + 1 < total else None
            apart = following is None or following.path.parent != recording.path.parent or number + 1 == training
            if waiting and (len(waiting) >= wanted or apart):
                validation = number >= training
                seed = self._seed * 1_000_003 + _SEEDS_FROM + scenes
                store.add(scene_from_utterances(seed, waiting), validation=validation)
                waiting, wanted, scenes = [], 0, scenes + 1
            advance((number + 1) / total, f"recording {number + 1} of {total} aligned")

    def _first_kept_back(self) -> int:
        """Index from which recordings are for validation: what follows has enough that can be aligned."""
        usable, first = 0, len(self._recordings)
        while first > 1 and usable < self._share * len(self._recordings):
            first -= 1
            usable += self._aligned(self._recordings[first], lambda line: None) is not None
        return first

    def _aligned(self, recording: TranscribedFile, report: Report) -> Utterance | None:
        try:
            return align_transcript(recording, self._aligner, report)
        except VisavisError as error:
            report(f"left out: {error}")
            return None
