"""What one stream of motion is sampled with; never changes while it runs."""

from __future__ import annotations

from dataclasses import dataclass, field

from avatar.sampler.guidance import Guidance


@dataclass(frozen=True, slots=True)
class SamplerOptions:
    """Options of one stream, checked once.

    Attributes:
        seed: chooses among the motions that fit the sound, and gives the person's habits; up to 64 bits.
        steps: network evaluations a block (Euler).
        block_frames: frames sampled at once, from 1 to the model's longest block (5); 1 or 2 to mirror a live voice.
        composure: 0 lively … 1 still, where the controls don't say.
        nods: share of the user's pauses that a listener nods at, 0 to 1.
        guidance: of the conditions; see `Guidance`.
    """

    seed: int = 0
    steps: int = 3
    block_frames: int = 5
    composure: float = 0.5
    nods: float = 0.6
    guidance: Guidance = field(default_factory=Guidance)

    def __post_init__(self) -> None:
        """Refuses what can't be sampled with.

        Raises:
            ValueError: out of range.
        """
        if self.block_frames < 1:
            raise ValueError(f"block_frames: expected at least 1, got {self.block_frames}")
        if self.steps < 1:
            raise ValueError(f"steps: expected at least 1, got {self.steps}")
        if not 0.0 <= self.composure <= 1.0:
            raise ValueError(f"composure: expected 0 (lively) to 1 (still), got {self.composure}")
        if not 0.0 <= self.nods <= 1.0:
            raise ValueError(f"nods: expected 0 (never) to 1 (at every pause), got {self.nods}")
