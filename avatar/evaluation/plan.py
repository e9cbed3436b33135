"""How to evaluate, and the same evaluation with several seeds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from avatar.decoder import FaceDecoder
from avatar.evaluation.driving import MakeSampler, drive
from avatar.evaluation.lips import LipGeometry
from avatar.evaluation.results import Evaluation, Section
from avatar.evaluation.speech.speech_track import SpeechTrack
from avatar.evaluation.speech_sections import Clip
from avatar.motion import ConversationState, Floats
from avatar.progress import Progress, ShareDone

SAMPLER, GIVEN = "sampler", "motion"
"""Columns: what the configured sampler makes, and a motion that was given."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How to evaluate.

    Attributes:
        lips: of the portrait that motion is drawn on.
        make: makes fresh samplers; None where only given motion is looked at.
        baseline_steps: network evaluations a block of the second sampling; None for no second one.
        block_frames: frames of the sampler's blocks.
        towers: weights of trained towers to ask as well.
        draw: makes the decoder of the portrait; motion is then compared, as drawn, with the people in videos.
        sheets: whether to draw sheets of both, side by side.
        progress: called with the share done and a line about it.
    """

    lips: LipGeometry
    make: MakeSampler | None
    baseline_steps: int | None
    block_frames: int
    towers: Sequence[Path] = ()
    draw: Callable[[], FaceDecoder] | None = None
    sheets: bool = False
    progress: Progress = lambda done, note: None

    @contextmanager
    def stage(self, note: str, start: float, stop: float) -> Iterator[ShareDone]:
        """Reports the share done within one stage."""
        self.progress(start, note)
        yield lambda done: self.progress(start + (stop - start) * done, note)

    def sampled(
        self, track: SpeechTrack, note: str, start: float, stop: float, state: ConversationState
    ) -> dict[str, Floats]:
        """What the sampler makes of a recording, by column: as configured, and with more evaluations."""
        assert self.make is not None
        columns: dict[str, int | None] = {SAMPLER: None}
        if self.baseline_steps is not None:
            columns[f"{self.baseline_steps} steps"] = self.baseline_steps
        made = {}
        # A few evaluations take a tenth of the time of the many.
        edges = [start, stop] if len(columns) == 1 else [start, start + 0.15 * (stop - start), stop]
        for (column, steps), low, high in zip(columns.items(), edges, edges[1:], strict=False):
            with self.stage(f"{note}, {column}", low, high) as advance:
                made[column] = drive(self.make(steps), track.sound, state, progress=advance)
        return made

    def tower_sections(self, clips: Sequence[Clip]) -> list[Section]:
        """What trained towers say, a table each."""
        if not self.towers:
            return []
        from avatar.evaluation.tower_section import tower_section  # PyTorch comes with it

        return [tower_section(path, clips) for path in self.towers]

    def part(self, start: float, stop: float) -> Plan:
        """The same, as a part of a longer work: its progress is that between two shares of the whole."""
        return replace(self, progress=lambda done, note: self.progress(start + (stop - start) * done, note))


def each_seed(
    plan: Plan, make: Callable[[int], MakeSampler], seeds: Sequence[int], evaluate: Callable[[Plan], Evaluation]
) -> list[Evaluation]:
    """Evaluates with every seed of the sampler; the comparison with more evaluations and the sheets come once.

    Args:
        plan: as for the first seed, but for its samplers.
        make: seed → what makes its samplers.
        seeds: of the sampler, at least one.
        evaluate: the evaluation.
    """
    found = []
    for number, seed in enumerate(seeds):
        own = replace(plan.part(number / len(seeds), (number + 1) / len(seeds)), make=make(seed))
        found.append(evaluate(own if number == 0 else replace(own, baseline_steps=None, sheets=False)))
    return found
