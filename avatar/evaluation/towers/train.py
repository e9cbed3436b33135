"""Trains two towers on prepared data: seeded, resumable, on a CPU or a GPU, kept where they generalise best."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from avatar.evaluation.towers.curve import Check, draw_curve
from avatar.evaluation.towers.file import TrainedTowers, save_towers
from avatar.evaluation.towers.measures import shift_table
from avatar.evaluation.towers.model import TowerConfig, TowerKind, TwoTower
from avatar.evaluation.towers.windows import BATCH_SHAPES, Windows, split
from avatar.motion import FRAME_RATE_HZ
from avatar.progress import Progress
from avatar.sampler.features import HOPS_PER_FRAME, MEL_BANDS
from avatar.training.dataset import MotionData, load
from avatar.weights_file import DAMAGED, brief
from speech.errors import InputError
from speech.files.draft import Draft
from speech.files.input_file import check_input_file
from speech.worker import signals

LEARNING_RATE = 1e-3
WARM_UP_STEPS = 50
WEIGHT_DECAY = 0.05
CLIP_NORM = 1.0
SAVE_EVERY_S = 300.0
CHECK_EVERY = 50  # steps
CHECK_BATCHES = 4
PATIENCE = 20  # checks without a better loss end the training

# What is done to a training batch: sounds differ in colour, trackers in what they see and in their noise.
COLOUR = 0.15  # spread of a constant added to each band, in the features' unit of 17 dB
MOTION_NOISE = 0.02  # of each channel's spread
CHANNEL_LOSS = {TowerKind.SYNC: 0.15, TowerKind.CAPP: 0.0}
"""Share of motion channels that are missing: no tracker fills all of the mouth's, every one knows the pose."""


def train_towers(
    kind: TowerKind,
    data_dir: Path,
    out_path: Path,
    *,
    steps: int = 3000,
    minutes: float | None = None,
    seed: int = 0,
    resume: bool = False,
    progress: Progress | None = None,
    config: TowerConfig | None = None,
) -> TrainedTowers:
    """Trains on a folder of `visavis train prepare`.

    A tenth of the training videos, left out of training, decides when to stop and which weights are kept. The videos
    flagged as validation serve only the shift table that is kept with the weights.

    Args:
        kind: of towers.
        data_dir: the folder.
        out_path: the weights, safetensors; the validation curve goes beside it as `.png`, the state to resume from as
            `<name>.state`. The state is written every five minutes, at the end, and when interrupted.
        steps: of the whole training; the learning rate falls to zero over them.
        minutes: stop (resumably) after this long.
        seed: of weights and batches: on one device the same seed gives the same weights.
        resume: continue from the state.
        progress: called after every few steps.
        config: sizes of the network.

    Raises:
        InputError: no data or too little, or nothing to resume.
        KeyboardInterrupt: Ctrl-C was pressed; the step was ended and the state saved.
    """
    if steps < 1:
        raise InputError(f"steps: expected at least 1, got {steps}")
    data = load(data_dir)
    run = _Run(kind, config, data, seed, steps)
    state_path = state_of(out_path)
    if resume:
        run.restore(state_path)
    started = saved = time.monotonic()
    interrupt = threading.Event()
    # In the middle of a step it could not be resumed exactly: the step is ended, and the state saved.
    with signals.leaving(interrupt.set):
        while run.step < steps and not run.settled and not interrupt.is_set():
            run.advance()
            now = time.monotonic()
            if now - saved > SAVE_EVERY_S:
                run.save(state_path)
                saved = now
            if progress:
                progress(run.step / steps, run.line)
            if minutes is not None and now - started > minutes * 60.0:
                break
        run.save(state_path)
    if interrupt.is_set():
        raise KeyboardInterrupt
    trained = run.result()
    save_towers(out_path, trained)
    draw_curve(out_path.with_suffix(".png"), kind, run.checks)
    return trained


def state_of(out_path: Path) -> Path:
    """Where the state to resume from lies."""
    return out_path.with_name(out_path.name + ".state")


class _Run:
    """A training run: what a resumed one needs is the step, the weights, the best ones, the optimizer, the curve."""

    def __init__(self, kind: TowerKind, config: TowerConfig | None, data: MotionData, seed: int, steps: int) -> None:
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._seed, self._steps, self.step = seed, steps, 0
        with self._random():
            self._model = TwoTower(kind, config)
        frames, shape = self._model.config.frames, BATCH_SHAPES[kind]
        parts = split(kind, self._model.config, data)
        self._learning = Windows(parts.learning, frames, shape, self._device)
        stopping = Windows(parts.stopping, frames, shape, self._device)
        self._checking = [stopping.batch(np.random.default_rng([seed, i])) for i in range(CHECK_BATCHES)]
        self._held_out = parts.held_out
        self._model.to(self._device).unit.copy_(self._learning.unit)
        self._best = self._weights()
        self._optimizer = torch.optim.AdamW(self._model.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
        minutes = sum(len(clip.audio) for clip in parts.learning) / FRAME_RATE_HZ / 60
        learning, deciding, unseen = parts.sources
        self._data = (
            f"{kind}: {minutes:.1f} minutes of {learning} {parts.what}; {deciding} more to decide when to stop, "
            f"{unseen} held out; seed {seed}, {steps} steps"
        )
        self._losses: list[float] = []
        self.checks: list[Check] = []

    @property
    def settled(self) -> bool:
        """Whether the loss on unseen scenes has not got better for so long that it won't."""
        losses = [check.unseen for check in self.checks]
        return bool(losses) and len(losses) - 1 - int(np.argmin(losses)) >= PATIENCE

    @property
    def line(self) -> str:
        """Where the run is, for the progress bar."""
        unseen = f", on unseen scenes {min(check.unseen for check in self.checks):.3f}" if self.checks else ""
        training = np.mean(self._losses) if self._losses else self.checks[-1].training
        return f"step {self.step} of {self._steps}, loss {training:.3f}{unseen}"

    def advance(self) -> None:
        """One optimizer step, and a check now and then."""
        done = self.step / self._steps
        for group in self._optimizer.param_groups:
            group["lr"] = LEARNING_RATE * min(1.0, (self.step + 1) / WARM_UP_STEPS) * (1.0 - done)
        audio, motion = self._learning.batch(np.random.default_rng([self._seed, 1, self.step]))
        self._model.train()
        with self._random():
            loss = self._model.loss(*self._augmented(audio, motion))
        self._optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(self._model.parameters(), CLIP_NORM)
        self._optimizer.step()
        self._losses.append(float(loss.detach()))
        self.step += 1
        if self.step % CHECK_EVERY == 0 or self.step == self._steps:
            self._check()

    def _augmented(self, audio: Tensor, motion: Tensor) -> tuple[Tensor, Tensor]:
        colour = COLOUR * torch.randn(len(audio), 1, MEL_BANDS, device=self._device)
        seen = (
            torch.rand(len(motion), 1, motion.shape[2], device=self._device) > CHANNEL_LOSS[self._model.kind]
        ).float()
        noise = MOTION_NOISE * self._model.unit * torch.randn_like(motion)
        return audio + colour.repeat(1, 1, HOPS_PER_FRAME), (motion + noise) * seen

    def _check(self) -> None:
        """Adds a point to the curve, and keeps the weights if they are the best so far."""
        self._model.eval()
        with torch.inference_mode():
            unseen = float(np.mean([float(self._model.loss(*batch)) for batch in self._checking]))
        if not self.checks or unseen < min(check.unseen for check in self.checks):
            self._best = self._weights()
        self.checks.append(Check(self.step, float(np.mean(self._losses)), unseen))
        self._losses = []

    def _weights(self) -> dict[str, Tensor]:
        return {name: value.detach().clone() for name, value in self._model.state_dict().items()}

    @contextmanager
    def _random(self) -> Iterator[None]:
        """Torch's random numbers of this step, whatever came before it."""
        with torch.random.fork_rng(devices=[self._device] if self._device.type == "cuda" else []):
            torch.manual_seed(self._seed * 1_000_003 + self.step)
            yield

    def result(self) -> TrainedTowers:
        """The best weights, with the shift table of the held-out scenes."""
        if self.checks:
            self._model.load_state_dict(self._best)
        self._model.eval()
        best = min(self.checks, key=lambda check: check.unseen).step if self.checks else self.step
        data = f"{self._data}, best at step {best}"
        return TrainedTowers(self._model, data, shift_table(self._model, self._held_out))

    def save(self, path: Path) -> None:
        """Writes the state to resume from."""
        state = {
            "run": self._data,
            "step": self.step,
            "model": self._model.state_dict(),
            "best": self._best,
            "optimizer": self._optimizer.state_dict(),
            "checks": [astuple(check) for check in self.checks],
            "losses": self._losses,
        }
        content = io.BytesIO()
        torch.save(state, content)
        with Draft(path) as draft:
            draft.path.write_bytes(content.getbuffer())

    def restore(self, path: Path) -> None:
        """Continues from `save`.

        Raises:
            InputError: no such state, or of a run with other data or options.
        """
        check_input_file(path, "the state of a training run to resume")
        try:
            state: dict[str, Any] = torch.load(path, map_location=self._device, weights_only=True)
            run = state["run"]
            if run == self._data:
                self._model.load_state_dict(state["model"])
                self._optimizer.load_state_dict(state["optimizer"])
                self._best, self._losses = state["best"], state["losses"]
                self.checks = [Check(*check) for check in state["checks"]]
                self.step = int(state["step"])
        except DAMAGED as error:
            raise InputError(f"{path}: expected the state of a training run to resume, {brief(error)}") from None
        if run != self._data:
            raise InputError(f"{path}: expected a run of '{self._data}', got '{run}'; train without --resume")
