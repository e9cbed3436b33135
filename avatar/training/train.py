"""Trains the motion sampler: seeded, resumable, on one core, or on a GPU where there is one."""

from __future__ import annotations

import copy
import io
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from avatar.motion import FRAME_RATE_HZ
from avatar.progress import Progress
from avatar.sampler.checkpoint import NORMALISATION, MotionCheckpoint, load_checkpoint, save_checkpoint
from avatar.sampler.denoiser import Denoiser, DenoiserConfig
from avatar.training.batches import Batches, Normalisation, normalisation
from avatar.training.curves import plot_curves
from avatar.training.dataset import MotionData, load
from avatar.training.feature_changes import begin_views
from avatar.training.objective import Objective
from avatar.training.views import load_views
from avatar.weights_file import DAMAGED, brief
from speech.errors import InputError
from speech.files.draft import Draft, check_writable
from speech.files.input_file import check_input_file

HEARING_SHARE = 0.55
"""The first part of the steps trains the audio front end alone; then it is frozen, and the flow learns from it."""
HEARING_BATCH = 26
FLOW_BATCH = 96
HEAR_EVERY_STEPS = 800  # the data get a new augmentation
LEARNING_RATE = 2e-3
WARM_UP_STEPS = 100
WEIGHT_DECAY = 0.01
CLIP_NORM = 1.0
AVERAGING = 0.998  # the weights that are kept are this exponential average
SAVE_EVERY_S = 300.0
VALIDATE_EVERY_STEPS = 250
VALIDATION_BATCHES = 6
PATIENCE = 8
"""A stage ends early when so many validations in a row were no better than the best one before."""


def train(
    data_dir: Path,
    out_path: Path,
    *,
    steps: int = 14_000,
    hearing_share: float = HEARING_SHARE,
    minutes: float | None = None,
    stop_at: int | None = None,
    seed: int = 0,
    resume: bool = False,
    start: Path | None = None,
    progress: Progress | None = None,
    report: Callable[[str], None] | None = None,
    config: DenoiserConfig | None = None,
) -> float:
    """Trains on what `avatar.training.dataset.prepare` and `avatar.training.views.make_views` made.

    Args:
        data_dir: of both.
        out_path: the checkpoint, safetensors; beside it lie the resumable state as `<name>.state` and the curves of
            the losses as `<stem>.png`.
        steps: of the whole training; the learning rate falls to zero over them.
        hearing_share: of the steps for the audio front end; 0 keeps the one of `start`.
        minutes: stop (resumably) after this long.
        stop_at: stop (resumably) after this many steps altogether.
        seed: of weights and batches.
        resume: continue from the state beside `out_path`.
        start: begin from this checkpoint instead of random weights (a further run, perhaps on more data).
        progress: called now and then.
        report: called with a line after each validation.
        config: sizes of a new network.

    Returns:
        The mean loss of the last steps (at most 50).

    Raises:
        InputError: no data, nothing to resume, or no place to write to.
    """
    if steps < 1:
        raise InputError(f"steps: expected at least 1, got {steps}")
    if not 0.0 <= hearing_share <= 1.0 or (hearing_share == 0.0 and start is None):
        raise InputError(f"hearing share: expected 0 (with a start) to 1, got {hearing_share}")
    state_path = out_path.with_name(out_path.name + ".state")
    out_path.parent.mkdir(parents=True, exist_ok=True)
    for path in (out_path, state_path):
        check_writable(path)
    begin = load_checkpoint(start) if start else None
    data = load(data_dir)
    views = torch.from_numpy(load_views(data_dir))
    run = _Run(data, views, seed, steps, hearing_share, config or DenoiserConfig(), begin)
    if resume:
        run.restore(state_path)
    started = saved = time.monotonic()
    first = run.step
    recent: list[float] = []
    while run.step < (steps if stop_at is None else min(steps, stop_at)) and not run.done:
        loss = run.advance()
        recent = [*recent[-49:], loss]
        now = time.monotonic()
        if now - saved > SAVE_EVERY_S:
            run.save(state_path, out_path)
            saved = now
        mean = sum(recent) / len(recent)
        told = f"step {run.step} of {steps}, {run.stage}, loss {mean:.4f}{run.validated}"
        if progress and (run.step % 20 == 0 or run.step == steps or run.done):
            progress(run.step / steps, told)
        if report and run.step % VALIDATE_EVERY_STEPS == 0:
            left_s = (now - started) / (run.step - first) * (steps - run.step)
            report(f"{told}; {left_s / 60.0:.0f} minutes more at this pace")
        if minutes is not None and now - started > minutes * 60.0:
            break
    run.save(state_path, out_path)
    return sum(recent) / max(1, len(recent))


def average(paths: Sequence[Path], out_path: Path) -> None:
    """Writes the mean of several checkpoints' weights: of runs that continue one another it is often better than each.

    Args:
        paths: at least one, all descending from one run (see `train`'s `start`), so of one size and in one unit.
        out_path: the checkpoint to write.

    Raises:
        InputError: they don't fit together.
    """
    parts = [load_checkpoint(path) for path in paths]
    for part, path in zip(parts, paths, strict=True):
        if part.denoiser.config != parts[0].denoiser.config or not np.array_equal(part.flow_std, parts[0].flow_std):
            raise InputError(f"{path}: expected a checkpoint that continues {paths[0]}, got one of another run")
    states = [part.denoiser.state_dict() for part in parts]
    parts[0].denoiser.load_state_dict({name: torch.stack([s[name] for s in states]).mean(0) for name in states[0]})
    note = "mean of: " + " | ".join(part.note for part in parts)
    save_checkpoint(out_path, replace(parts[0], note=note))


class _Run:
    """A training run: what a resumed one needs is the step, the weights, their average and the optimizer."""

    def __init__(
        self,
        data: MotionData,
        views: Tensor,
        seed: int,
        steps: int,
        hearing_share: float,
        config: DenoiserConfig,
        start: MotionCheckpoint | None,
    ) -> None:
        self._norms = normalisation(data)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self._denoiser = Denoiser(config if start is None else start.denoiser.config)
            if start is None:
                begin_views(self._denoiser.audio.views, views)
            else:
                # The weights only mean something in the units they were trained in.
                self._denoiser.load_state_dict(start.denoiser.state_dict())
                self._norms = Normalisation(*(torch.from_numpy(getattr(start, name)) for name in NORMALISATION))
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed + 1)
            self._objective = Objective(self._denoiser, self._norms.to(self._device)).to(self._device)
        self._average = {name: value.clone() for name, value in self._denoiser.state_dict().items()}
        self._optimizer = torch.optim.AdamW(
            self._objective.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY, betas=(0.9, 0.98)
        )
        self._batches = Batches(data, views, self._norms)
        self._best_hearing: dict[str, Tensor] | None = None  # of all averages, the one that was validated best
        self._hearing_steps = int(hearing_share * steps)
        self._curve: list[tuple[int, str, float, float]] = []  # step, stage, training loss, validation loss
        self._recent: list[float] = []
        self.done = False
        self._heard_at = -1
        self._seed, self._steps = seed, steps
        before = f"{start.note}; then " if start else ""
        minutes = len(data.arrays["motion"]) / FRAME_RATE_HZ / 60
        self._note = f"{before}{len(data.scenes)} scenes, {minutes:.0f} minutes, seed {seed}"
        self.step = 0

    @property
    def stage(self) -> str:
        """What is trained now."""
        return "hearing" if self.step < self._hearing_steps else "motion"

    @property
    def validated(self) -> str:
        """The last validation, for the progress line."""
        return f", validation {self._curve[-1][3]:.4f}" if self._curve else ""

    def advance(self) -> float:
        """One optimizer step; returns its loss."""
        self._set_learning_rate()
        stage = self.stage
        if stage == "motion":
            self._hear()
        generator = torch.Generator().manual_seed(self._seed * 1_000_003 + self.step)
        loss = self._loss(self._objective, stage, generator, validation=False)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._objective.parameters(), CLIP_NORM)
        self._optimizer.step()
        self.step += 1
        decay = min(AVERAGING, self.step / (self.step + 10.0))
        for name, value in self._denoiser.state_dict().items():
            self._average[name].lerp_(value, 1.0 - decay)
        value = float(loss.detach())
        self._recent.append(value)
        if self.step % VALIDATE_EVERY_STEPS == 0 and self._batches.has_validation:
            self._validate(stage)
        return value

    def _loss(self, objective: Objective, stage: str, generator: torch.Generator, *, validation: bool) -> Tensor:
        with self._half_precision():
            if stage == "hearing":
                crops = self._batches.crops(HEARING_BATCH, generator, validation=validation)
                return objective.hearing(crops.to(self._device))
            config = self._denoiser.config
            blocks = self._batches.blocks(FLOW_BATCH, config.history, config.block, generator, validation=validation)
            return objective.flow(blocks.to(self._device), generator)

    @torch.no_grad()
    def _validate(self, stage: str) -> None:
        """Notes the loss of the averaged weights on the scenes that training never sees, always the same batches."""
        judged = copy.deepcopy(self._objective)
        judged.denoiser.load_state_dict(self._average)
        losses = [
            float(self._loss(judged, stage, torch.Generator().manual_seed(batch), validation=True))
            for batch in range(VALIDATION_BATCHES)
        ]
        mean = sum(losses) / len(losses)
        self._curve.append((self.step, stage, sum(self._recent) / max(1, len(self._recent)), mean))
        self._recent = []
        before = [value for _, of, _, value in self._curve if of == stage]
        if stage == "hearing" and mean == min(before):
            self._best_hearing = {name: value.clone() for name, value in self._average.items()}
        if len(before) > PATIENCE and min(before[-PATIENCE:]) >= min(before[:-PATIENCE]):
            if stage == "hearing":
                self._hearing_steps = self.step
            else:
                self.done = True

    def _half_precision(self) -> AbstractContextManager[None]:
        """bfloat16 where the processor has it: 1.6 times as fast on a CPU, and the flow does not need more."""
        return torch.autocast(self._device.type, torch.bfloat16)

    def _set_learning_rate(self) -> None:
        """Warms up and falls to zero, once for each of the two stages."""
        hearing = self.step < self._hearing_steps
        done = self.step if hearing else self.step - self._hearing_steps
        length = self._hearing_steps if hearing else self._steps - self._hearing_steps
        factor = min(1.0, (done + 1) / WARM_UP_STEPS) * min(1.0, (1.0 - done / length) / 0.6)
        for group in self._optimizer.param_groups:
            group["lr"] = LEARNING_RATE * factor

    def _hear(self) -> None:
        """Freezes the best front end when the flow begins, and lets it hear the data now and then."""
        if self.step == self._hearing_steps:
            if self._best_hearing is not None:
                self._average, self._best_hearing = self._best_hearing, None
            self._denoiser.load_state_dict(self._average)
        for module in (self._denoiser.audio, self._denoiser.articulation):
            module.requires_grad_(False)
        turn = (self.step - self._hearing_steps) // HEAR_EVERY_STEPS
        if turn != self._heard_at:
            generator = torch.Generator().manual_seed(self._seed * 7_919 + turn)
            with self._half_precision():
                self._batches.hear(self._denoiser, generator)
            self._heard_at = turn

    def save(self, state_path: Path, out_path: Path) -> None:
        """Writes the checkpoint of the averaged weights, and the state to resume from."""
        averaged = Denoiser(self._denoiser.config)
        averaged.load_state_dict(self._average)
        note = f"{self._note}, step {self.step} of {self._steps}"
        norms = {name: getattr(self._norms, name).numpy() for name in NORMALISATION}
        save_checkpoint(out_path, MotionCheckpoint(averaged, **norms, note=note))
        state = {
            "step": self.step,
            "objective": self._objective.state_dict(),
            "average": self._average,
            "best_hearing": self._best_hearing,
            "optimizer": self._optimizer.state_dict(),
            "hearing_steps": self._hearing_steps,
            "curve": self._curve,
            "recent": self._recent,
            "done": self.done,
        }
        content = io.BytesIO()
        torch.save(state, content)
        with Draft(state_path) as draft:
            draft.path.write_bytes(content.getbuffer())
        if self._curve:
            plot_curves(self._curve, out_path.with_suffix(".png"))

    def restore(self, state_path: Path) -> None:
        """Continues from `save`.

        Raises:
            InputError: no such state, or of another network.
        """
        check_input_file(state_path, "the state of a training run to resume")
        try:
            state: dict[str, Any] = torch.load(state_path, weights_only=True)
            self._objective.load_state_dict(state["objective"])
            self._optimizer.load_state_dict(state["optimizer"])
            average: dict[str, Tensor] = state["average"]
            self._average, self._best_hearing = average, state["best_hearing"]
            self._curve, self._recent = [tuple(point) for point in state["curve"]], state["recent"]
            self._hearing_steps, self.done = int(state["hearing_steps"]), bool(state["done"])
            self.step = int(state["step"])
        except DAMAGED as error:
            raise InputError(f"{state_path}: expected the state of a training run to resume, {brief(error)}") from None
