"""What `visavis evaluate` does once it knows what to evaluate."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from agent.commands.evaluation import material
from agent.config.config import Config

if TYPE_CHECKING:
    from avatar.evaluation.results import Evaluation
    from avatar.evaluation.speech.recordings import EvaluatedRecording
    from avatar.progress import Progress

BASELINE_STEPS = 50
"""Network evaluations a block of the sampling that the configured one is compared with."""


class MotionEvaluation:
    """An evaluation of the configured sampler, or of given motion.

    Args:
        settings: of the program.
        quick: one seed, and no comparison with more steps.
        seeds: of the sampler, where their number is told.
        towers: weights of trained towers to ask as well.
        pictures: whether sheets are wanted.
        quiet: says nothing.
    """

    def __init__(
        self, settings: Config, quick: bool, seeds: int | None, towers: list[Path], pictures: bool, quiet: bool
    ) -> None:
        from agent.faces import BLOCK_FRAMES
        from avatar.evaluation.lips import LipGeometry
        from avatar.evaluation.plan import Plan
        from avatar.mesh.decoder import MeshDecoder

        self._settings, self._quiet = settings, quiet
        first, count = settings.face.seed, seeds or (1 if quick else material.SEEDS)
        self._seeds = list(range(first, first + count))
        self._baseline = None if quick or settings.face.steps == BASELINE_STEPS else BASELINE_STEPS
        portrait = material.portrait_of(settings)
        self._plan = Plan(
            LipGeometry(portrait),
            None,
            None,
            BLOCK_FRAMES,
            towers,
            draw=lambda: MeshDecoder(portrait),
            sheets=pictures,
        )

    def evaluation(self, minutes: float | None, recordings: list[EvaluatedRecording], advance: Progress) -> Evaluation:
        """Evaluates the sampler in so many minutes of each state, if any, and the recordings, if there are any."""
        from avatar.evaluation.plan import each_seed
        from avatar.evaluation.recordings_evaluation import evaluate_recordings, prepare_recordings
        from avatar.evaluation.reports.seeds import mean_over_seeds
        from avatar.evaluation.results import together
        from avatar.evaluation.sampler_evaluation import evaluate_sampler

        plan = replace(self._plan, progress=advance)
        sampled = minutes is not None or recordings[0].motion is None
        if not sampled:
            prepared = prepare_recordings(recordings, self._faces, plan.part(0.0, 0.3).progress)
            return self._told(evaluate_recordings(plan.part(0.3, 1.0), prepared), sampled=False)
        make = material.samplers(self._settings)
        plan = replace(plan, baseline_steps=self._baseline)
        edges = [0.0, 0.2, 1.0] if minutes is None else [0.0, 0.1, 0.45] if recordings else [0.0, 0.0, 0.0]
        found: list[Evaluation] = []
        if recordings:
            prepared = prepare_recordings(recordings, self._faces, plan.part(*edges[:2]).progress)
            # Beside the sampler's own evaluation, that is where more steps are compared.
            own = plan.part(*edges[1:]) if minutes is None else replace(plan.part(*edges[1:]), baseline_steps=None)
            each = each_seed(own, make, self._seeds, lambda one: evaluate_recordings(one, prepared))
            found.append(mean_over_seeds(each))
        if minutes is not None:
            spoken = edges[-1] + 0.1 * (1.0 - edges[-1])
            speaking = plan.part(edges[-1], spoken)
            said = material.held_out(
                self._settings, 60.0 * minutes, self._quiet, lambda done: speaking.progress(done, "held-out speech")
            )
            each = each_seed(plan.part(spoken, 1.0), make, self._seeds, lambda one: evaluate_sampler(one, said))
            found.insert(0, mean_over_seeds(each))
        whole = found[0] if len(found) == 1 else together(found[0], found[1], "recordings")
        return self._told(whole, sampled=True)

    @property
    def _faces(self) -> Path:
        return material.cache_of(self._settings, "evaluation")

    def _told(self, found: Evaluation, *, sampled: bool) -> Evaluation:
        """The evaluation with the settings that it was made with."""
        from agent.personas import portrait_path

        face = self._settings.face
        described = {"portrait": portrait_path(self._settings.portrait.path).name, **found.settings}
        if sampled:
            described["weights"] = material.weights_told(self._settings)
            described |= {"steps": str(face.steps), "seed": str(face.seed), "composure": f"{face.composure:g}"}
        return replace(found, settings=described)
