"""An observer: when each stage of a turn happened, measured where the sound is heard and the frames leave."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import numpy as np

from agent.conversation.turn import TurnRecord
from avatar.clock import SAMPLES_PER_FRAME
from avatar.motion import LOOK_AHEAD_FRAMES, Floats
from avatar.renderer import FrameShown

MOUTH_MOVED = 0.06
"""A mouth has moved when its coefficients differ this much (Euclidean) from what they were before the reply."""


class LatencyObserver:
    """Marks the current turn's record; nothing depends on it but those who read that.

    Args:
        on_first_audio: called when the first audible sample of a reply has gone out.
    """

    def __init__(self, on_first_audio: Callable[[], None]) -> None:
        self._on_first_audio = on_first_audio
        self._record: TurnRecord | None = None
        self._reply_start: int | None = None
        self._mouth_before: Floats | None = None

    def turn_began(self, record: TurnRecord, waited_s: float) -> None:
        """The end of the user's turn is decided now; their last sample was `waited_s` ago."""
        self._record, self._reply_start = record, None
        now = asyncio.get_running_loop().time()
        record.mark("speech_end", now - waited_s)
        record.mark("turn_end", now)

    def reply_begins(self, start_sample: int | None) -> None:
        """The reply's first sound was written at this place of the output; None while it is held back."""
        self._reply_start = start_sample

    def frame_shown(self, shown: FrameShown) -> None:
        """Takes the renderer's report of every frame."""
        record = self._record
        if record is None or ("first_audio" in record.at_s and "first_moving_mouth" in record.at_s):
            return
        sampled_with_reply = (shown.frame + 1 + LOOK_AHEAD_FRAMES) * SAMPLES_PER_FRAME
        if self._reply_start is None or self._mouth_before is None or sampled_with_reply <= self._reply_start:
            self._mouth_before = shown.mouth
            return
        audible = shown.first_audible_sample  # that of a filler before the reply does not count
        if audible is not None and audible >= self._reply_start and "first_audio" not in record.at_s:
            record.mark("first_audio", shown.at_s)
            self._on_first_audio()
        if float(np.linalg.norm(shown.mouth - self._mouth_before)) > MOUTH_MOVED:
            record.mark("first_moving_mouth", shown.at_s)
