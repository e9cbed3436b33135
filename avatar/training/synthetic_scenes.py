"""Scenes around synthetic speech, made by several processes: a run that was stopped goes on where it was."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from avatar.motion import FRAME_RATE_HZ
from avatar.progress import Progress
from avatar.training.scene_store import SceneStore, read_scene, scene_frames
from avatar.training.voices.cast import Cast
from avatar.training.voices.voice_files import VoiceFiles
from speech.worker.pieces import keep_pieces, make_pieces
from speech.worker.signals import run

VALIDATION_EVERY = 20
"""Scenes: one of so many is for validation, the second one first."""

_SECONDS_A_MINUTE = 20.0
"""About how long it takes to make a minute of motion; only the progress bar looks at it."""

_SOURCES = Path(__file__).parent


class SyntheticScenes:
    """So many minutes of scenes; see `avatar.training.real_scenes.SceneSource`.

    Args:
        minutes: at least; the last scene may go beyond.
        seed: the same seed, voices and code give the same scenes.
        files: of the natural voices.
        folder: where they wait until all are there; then it is removed.
        processes: that make them.
        report: called with what is missing and what goes on.
    """

    def __init__(
        self,
        minutes: float,
        seed: int,
        files: VoiceFiles,
        folder: Path,
        *,
        processes: int,
        report: Callable[[str], None],
    ) -> None:
        self._wanted = math.ceil(minutes * 60 * FRAME_RATE_HZ)
        self._seed, self._files, self._folder, self._report = seed, files, folder, report
        self._processes = processes
        self._cast = Cast(files, report)
        self.seconds = minutes * _SECONDS_A_MINUTE

    @property
    def voices(self) -> list[str]:
        """The names of all that may be heard."""
        return sorted(voice.name for voice in self._cast.voices)

    def add_to(self, store: SceneStore, advance: Progress) -> None:
        """Makes what an earlier run has not made, then adds all."""
        keep_pieces(self._folder, self._plan(), self._report)
        run(self._make(advance))
        before = store.frames
        for number, path in self._paths():
            if store.frames - before >= self._wanted:
                break
            store.add(read_scene(path), validation=_is_validation(number))

    def clear(self) -> None:
        """Removes what was kept for the next run: it is in the store."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _paths(self) -> Iterator[tuple[int, Path]]:
        number = 0
        while True:
            yield number, self._folder / f"{number:06d}.npz"
            number += 1

    def _plan(self) -> str:
        """All that scenes depend on."""
        return json.dumps({"seed": self._seed, "voices": self.voices, "files": _sizes(self._files), "code": _code()})

    async def _make(self, advance: Progress) -> None:
        """Makes the scenes that are missing from the first ones on, until those without a gap are enough."""
        frames: dict[int, int] = {}  # of the scenes that are there
        ready = made = 0  # scenes without a gap before them, and their frames

        def note(number: int, count: int) -> None:
            nonlocal ready, made
            frames[number] = count
            while ready in frames:
                made += frames[ready]
                ready += 1
            minutes = self._wanted / FRAME_RATE_HZ / 60
            told = f"{made / FRAME_RATE_HZ / 60:.1f} of {minutes:.4g} minutes made, {len(frames)} scenes"
            advance(min(1.0, made / self._wanted), told)

        def missing() -> Iterator[dict[str, Any]]:
            for number, path in self._paths():
                if made >= self._wanted:
                    return
                if path.exists():
                    note(number, scene_frames(path))
                    continue
                seed = self._seed * 1_000_003 + number
                yield {"number": number, "seed": seed, "path": str(path), "validation": _is_validation(number)}

        await make_pieces(
            "avatar.training.scene_worker",
            {"voices": self._files.fields()},
            missing(),
            lambda call, item: note(call["number"], int(item.fields["frames"])),
            processes=self._processes,
            what="scene process",
        )


def _is_validation(number: int) -> bool:
    return number % VALIDATION_EVERY == 1


def _sizes(files: VoiceFiles) -> list[int]:
    return [Path(path).stat().st_size for path in files.paths()]


def _code() -> str:
    """A checksum of what makes scenes: code that was changed makes others."""
    digest = hashlib.sha256()
    for path in sorted(_SOURCES.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
