"""Speech in, motion out, block by block: the streaming flow-matching sampler of one conversation."""

from __future__ import annotations

import time

import numpy as np

from avatar.motion import FRAME_RATE_HZ, Controls, ConversationState, Motion, MotionLayout
from avatar.sampler.batcher import BlockBatcher
from avatar.sampler.block import gather, keep
from avatar.sampler.options import SamplerOptions
from avatar.sampler.state import REWIND_FRAMES, SamplerState
from speech.audio import AudioChunk


class FlowMotionSampler:
    """Samples motion from the sound that will be played, as soon as enough of it is there.

    What is random in a frame depends on the seed, the frame and all the sound so far, and all that a block depends on
    is exact: pushing the same sound in any chunks gives the same bytes (with the same number of torch threads on the
    same machine). Rewinds and other samplers change nothing but, at most, the last bits (see `sample_blocks`).

    Args:
        batcher: shared by all samplers of the process.
        options: of this one.

    Attributes:
        state: all that changes while it runs.
    """

    def __init__(self, batcher: BlockBatcher, options: SamplerOptions | None = None) -> None:
        self._batcher = batcher
        self._options = options or SamplerOptions()
        batcher.model.check(self._options)
        self.state = SamplerState()

    @property
    def frame(self) -> int:
        """Index of the next frame that `frames` will return."""
        return self.state.frame

    def push(self, chunk: AudioChunk) -> None:
        """Appends sound that will be played, speech and silence alike.

        Args:
            chunk: any length; start_sample continues the track, the rate never changes.

        Raises:
            ValueError: a gap, an overlap, or another rate.
        """
        self.state.speech.push(chunk, "speech track")
        self.state.speech_ended = False

    def end_of_speech(self) -> None:
        """Nothing more comes for now: what is missing of the look-ahead counts as silence."""
        self.state.speech_ended = True

    def listen(self, chunk: AudioChunk) -> None:
        """Appends the user's own voice (same clock as the speech track), which drives the listener's motion.

        Raises:
            ValueError: as `push`.
        """
        self.state.user.push(chunk)

    def set_state(self, state: ConversationState) -> None:
        """From the next sampled frame on."""
        self.state.mode = state

    def set_controls(self, controls: Controls) -> None:
        """From the next sampled frame on."""
        self.state.controls = controls

    def nod(self, cycles: int) -> None:
        """With the next sampled frame, if it listens then; of 1 to 3 cycles."""
        self.state.nod = cycles

    def interrupt(self, frame: int) -> None:
        """Rewinds: motion and sound from `frame` on are thrown away; what follows continues from the last kept frame.

        Args:
            frame: absolute, at most `self.frame`; the next chunk pushed starts at this frame's first sample, if sound
                had come that far.

        Raises:
            ValueError: a frame that was not made yet, or is too long ago.
        """
        if frame > self.frame or frame < 0:
            raise ValueError(f"interrupt: expected a frame from 0 to {self.frame}, got {frame}")
        if frame < self.state.earliest:
            raise ValueError(
                f"interrupt: expected frame {self.state.earliest} or later ({REWIND_FRAMES} frames back), got {frame}"
            )
        self.state.rewind(frame)

    def frames(self, ready: int = 0) -> Motion:
        """Samples all that can be sampled now.

        Args:
            ready: frames sampled before that are still to be shown; the fewer, the sooner this sampler has its turn.

        Returns:
            Motion of `values` float32 [T, 60], T possibly 0, from the frame after the last one returned.
        """
        model, start = self._batcher.model, self.frame
        pieces = [np.zeros((0, MotionLayout.SIZE), np.float32)]
        while (count := self.state.ready_frames(self._options.block_frames)) > 0:
            block = gather(model, self._options, self.state, count)
            due_s = time.monotonic() + (ready + self.frame - start) / FRAME_RATE_HZ
            pieces.append(keep(model, self.state, block, self._batcher.sample(block, due_s)))
        return Motion(np.concatenate(pieces), start)
