"""Scenes around synthetic speech, made in several processes and kept one by one, so that a run that is stopped goes on.

A scene depends on its seed, the voices and the code, and on nothing that was made before it: whatever is there when a
run ends, by itself or by SIGKILL, is as good as what the next one would make.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
import shutil
from collections.abc import Callable, Iterator
from contextlib import aclosing
from pathlib import Path

from avatar.motion import FRAME_RATE_HZ
from avatar.progress import Progress
from avatar.training.scene_store import SceneStore, read_scene, scene_frames
from avatar.training.voices.cast import Cast
from avatar.training.voices.voice_files import VoiceFiles
from speech.errors import InputError, VisavisError, first_of_ours
from speech.files.draft import Draft
from speech.worker.process import Worker
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
        self._prepare_folder()
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

    def _prepare_folder(self) -> None:
        """Empties the folder where what is in it was made of something else."""
        plan = json.dumps({"seed": self._seed, "voices": self.voices, "files": _sizes(self._files), "code": _code()})
        file = self._folder / "plan.json"
        try:
            is_same = file.read_text("utf-8") == plan
        except (OSError, ValueError):
            is_same = False
        if not is_same and self._folder.exists():
            self._report(f"{self._folder}: begun with other voices, another seed or other code; made anew")
            shutil.rmtree(self._folder)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"{self._folder}: could not make the folder: {error.strerror}") from None
        with Draft(file) as draft:
            draft.path.write_text(plan, "utf-8")

    async def _make(self, advance: Progress) -> None:
        """Makes the scenes that are missing from the first ones on, until those without a gap are enough."""
        paths = self._paths()
        frames: dict[int, int] = {}  # of the scenes that are there
        ready = made = 0  # scenes without a gap before them, and their frames

        def enough() -> bool:
            return made >= self._wanted

        def note(number: int, count: int) -> None:
            nonlocal ready, made
            frames[number] = count
            while ready in frames:
                made += frames[ready]
                ready += 1
            minutes = self._wanted / FRAME_RATE_HZ / 60
            told = f"{made / FRAME_RATE_HZ / 60:.1f} of {minutes:.4g} minutes made, {len(frames)} scenes"
            advance(min(1.0, made / self._wanted), told)

        async def work(name: str) -> None:
            setup = {"voices": self._files.fields()}
            worker = await Worker.start("avatar.training.scene_worker", setup, what=name)
            try:
                while not enough():
                    number, path = next(paths)
                    if path.exists():
                        note(number, scene_frames(path))
                        continue
                    call = {"seed": self._seed * 1_000_003 + number, "path": str(path)}
                    async with aclosing(worker.request({**call, "validation": _is_validation(number)})) as told:
                        async for item in told:
                            note(number, int(item.fields["frames"]))
            finally:
                await worker.stop()

        try:
            async with asyncio.TaskGroup() as group:
                for number in range(self._processes):
                    group.create_task(work(f"scene process {number}"), name=f"make scenes {number}")
        except* VisavisError as errors:
            raise first_of_ours(errors) or errors from None


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
