"""From the clock's tick to the outputs: sound → motion → picture, one frame at a time."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from avatar.breathing import breath_at
from avatar.clock import SAMPLES_PER_FRAME, AudioClock
from avatar.control_timeline import ControlTimeline
from avatar.decoder import DistantFaceDecoder, FaceDecoder, Image, VideoFrame
from avatar.motion import Controls, ConversationState, Floats, MotionLayout
from avatar.outputs.base import Output
from avatar.picture_rate import PictureRate
from avatar.provenance import AiLabel
from avatar.sampler.lookahead import READY_FRAMES, MotionLookahead, MotionSampler
from avatar.secondary_motion import DampedFollow
from speech.audio import OUTPUT_RATE_HZ, Samples
from speech.errors import VisavisError
from speech.sound_track import SoundTrack


@dataclass(frozen=True, slots=True)
class FrameShown:
    """What went out for one frame time.

    Attributes:
        frame: its index.
        at_s: the event loop's time when the outputs had taken it.
        first_audible_sample: output sample of the first sound in it that can be heard, or None.
        mouth: float32 [27], the jaw and mouth coefficients.
        late: whether the picture was left out because it came too late.
    """

    frame: int
    at_s: float
    first_audible_sample: int | None
    mouth: Floats
    late: bool


# -60 dBFS: the level under which nobody hears speech from a loudspeaker.
AUDIBLE = 1e-3
_MOUTH = slice(MotionLayout.INDEX["jawForward"], MotionLayout.INDEX["mouthUpperUpRight"] + 1)

# So many pictures in a row are left out because they are late; then one is shown however late, or a machine that is
# always too slow would show a frozen face.
MOST_LATE_IN_A_ROW = 12

# Played sound is kept this long, for the sampler to hear again after a rewind.
KEEP_SAMPLES = OUTPUT_RATE_HZ


class Renderer:
    """Owns the face: asks the clock for frames and gives each, with its sound and motion, to every output.

    Heavy work runs on two threads: one samples motion, the other draws pictures and hands them on, so that the next
    block of motion is made while the last one is drawn. A distant decoder draws elsewhere.

    Args:
        clock: says when the next frame is due.
        voice: what the avatar says; this is what the outputs play.
        user: what the user says; the face listens to it, and with `mix_user` the outputs play it too.
        sampler: sound to motion.
        decoder: motion to picture; None where only the motion is wanted.
        outputs: where the frames go, entered; one that fails is left here, the others by who entered them.
        label: the visible mark, or None.
        mix_user: let the outputs play the user too.
        on_output_failed: called on the event loop with the output and its error, and the rest goes on; None ends all.
        ready_frames: see `MotionLookahead`.
        user_is_known: see `MotionLookahead`.
    """

    def __init__(
        self,
        *,
        clock: AudioClock,
        voice: SoundTrack,
        user: SoundTrack,
        sampler: MotionSampler,
        decoder: FaceDecoder | DistantFaceDecoder | None,
        outputs: Sequence[Output],
        label: AiLabel | None,
        mix_user: bool = False,
        on_output_failed: Callable[[Output, VisavisError], None] | None = None,
        ready_frames: int = READY_FRAMES,
        user_is_known: bool = False,
    ) -> None:
        self._clock, self._voice, self._user = clock, voice, user
        self._motion = MotionLookahead(sampler, voice, user, ready_frames=ready_frames, user_is_known=user_is_known)
        self._decoder, self._outputs, self._label = decoder, list(outputs), label
        self._hanging = DampedFollow()
        self._mix_user = mix_user
        self._on_output_failed = on_output_failed
        self._end: int | None = None
        self._state, self._controls = ConversationState.IDLE, Controls()
        self._timeline = ControlTimeline.constant(self._state, self._controls)
        self.frames_late = 0
        self._rate = PictureRate()
        self._late_in_a_row = MOST_LATE_IN_A_ROW  # until there is a picture, one that is late is better

    @property
    def frames(self) -> int:
        """Frames that went out so far, late ones included."""
        return self._clock.position // SAMPLES_PER_FRAME

    @property
    def outputs(self) -> tuple[Output, ...]:
        """The outputs that have not failed."""
        return tuple(self._outputs)

    def set_state(self, state: ConversationState) -> None:
        """Sets what the person does; the face follows with the next motion it samples (within 200 ms)."""
        self._state = state
        self._timeline = ControlTimeline.constant(self._state, self._controls)

    def set_controls(self, controls: Controls) -> None:
        """Sets gaze, head distance, emotion and composure; the face follows with the next motion it samples."""
        self._controls = controls
        self._timeline = ControlTimeline.constant(self._state, self._controls)

    def nod(self, cycles: int = 2) -> None:
        """Has a listener nod, with the next motion that is sampled."""
        self._motion.nod(cycles)

    def hum(self, start: int, end: int) -> None:
        """Says that what the voice track holds between these samples is hummed: the lips stay closed."""
        self._motion.hum(start, end)

    def set_timeline(self, timeline: ControlTimeline) -> None:
        """Sets state and controls for every frame to come; the face follows at the very frame of each change."""
        self._timeline = timeline

    def end_at(self, sample: int) -> None:
        """Lets `run` end when everything before this output sample is played; it goes on for ever without."""
        self._end = sample

    async def run(self, on_frame: Callable[[FrameShown], None] = lambda shown: None) -> None:
        """Renders frame after frame.

        Args:
            on_frame: called on the event loop after every frame.
        """
        loop = asyncio.get_running_loop()
        with _motion_thread() as motion_thread, ThreadPoolExecutor(1, "picture") as picture_thread:
            ahead: asyncio.Future[None] | None = None
            while self._end is None or self._clock.position < self._end:
                frame = await self._clock.next_frame()
                patient = self._late_in_a_row < MOST_LATE_IN_A_ROW
                late = patient and (self._rate.leaves_out(frame) or self._clock.is_late())
                show_by_s = self._clock.show_by() if patient else math.inf
                # Taken before the motion is: what is written from now on belongs to a later frame, for both.
                start = frame * SAMPLES_PER_FRAME
                sound, heard = (track.take(start, SAMPLES_PER_FRAME) for track in (self._voice, self._user))
                if ahead is not None and not self._clock.keeps_time:
                    await ahead  # which frames were made before a change must not depend on how quick the machine is
                if not self._motion.is_ready():
                    if ahead is not None:
                        await ahead
                    await loop.run_in_executor(motion_thread, self._motion.sample, self._timeline)
                values = self._motion.take()
                lag = self._hanging.follow(values)  # of every frame, drawn or not, and of none that was thrown away
                if ahead is None or ahead.done():
                    if ahead is not None:
                        ahead.result()  # tells what went wrong in it
                    ahead = loop.run_in_executor(motion_thread, self._motion.sample_ahead, self._timeline)
                mixed = sound + heard if self._mix_user else sound
                picture = drawn_s = None
                if not late:
                    picture = await self._picture(picture_thread, start, values, lag)
                    drawn_s = loop.time()
                    late = drawn_s > show_by_s
                failed = await loop.run_in_executor(
                    picture_thread, self._write, None if late else picture, mixed, values
                )
                self.frames_late += late
                self._rate.passed(frame, late=late, speaking=self._state is ConversationState.SPEAKING)
                self._late_in_a_row = self._late_in_a_row + 1 if late else 0
                self._clock.played(drawn_s)
                for track in (self._voice, self._user):
                    track.forget(start - KEEP_SAMPLES)
                on_frame(FrameShown(frame, loop.time(), _first_audible(sound, start), values[_MOUTH], late))
                for output, error in failed:
                    await self._drop(output, error)

    async def _picture(self, thread: Executor, start: int, values: Floats, lag: Floats) -> VideoFrame | None:
        """Draws one frame."""
        decoder, breath = self._decoder, breath_at(start / OUTPUT_RATE_HZ)
        if decoder is None:
            return None
        if isinstance(decoder, DistantFaceDecoder):
            return self._labelled(await decoder.decode_elsewhere(values, breath, lag), start)
        draw = asyncio.get_running_loop().run_in_executor
        return await draw(thread, lambda: self._labelled(decoder.decode(values, breath, lag), start))

    def _labelled(self, image: Image, start: int) -> VideoFrame:
        if self._label is not None:
            self._label.draw(image)
        return VideoFrame(image, start)

    def _write(self, picture: VideoFrame | None, sound: Samples, values: Floats) -> list[tuple[Output, VisavisError]]:
        """Hands one frame to the outputs; returns those that failed."""
        failed: list[tuple[Output, VisavisError]] = []
        for output in self._outputs:
            try:
                output.write(picture, sound, values)
            except VisavisError as error:
                failed.append((output, error))
        return failed

    async def _drop(self, output: Output, error: VisavisError) -> None:
        """Goes on without an output that failed, if that is wanted."""
        if self._on_output_failed is None:
            raise error
        self._outputs.remove(output)
        await asyncio.to_thread(output.__exit__, type(error), error, error.__traceback__)
        self._on_output_failed(output, error)


@contextmanager
def _motion_thread() -> Iterator[Executor]:
    """A thread that is not waited for: what it does may itself be waiting for the event loop."""
    thread = ThreadPoolExecutor(1, "motion")
    try:
        yield thread
    finally:
        thread.shutdown(wait=False, cancel_futures=True)


def _first_audible(sound: Samples, start: int) -> int | None:
    """The first output sample that can be heard, in a piece that begins at `start`; None if all is silent."""
    audible = np.flatnonzero(np.abs(sound) > AUDIBLE)
    return start + int(audible[0]) if len(audible) else None
