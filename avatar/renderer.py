"""From the clock's tick to the outputs: sound → motion → picture, one frame at a time."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from avatar.clock import LOOK_AHEAD_FRAMES, SAMPLES_PER_FRAME, AudioClock
from avatar.decoder import FaceDecoder, VideoFrame
from avatar.motion import Controls, ConversationState, Floats, Motion, MotionLayout
from avatar.outputs.base import Output
from avatar.provenance import AiLabel
from speech.audio import OUTPUT_RATE_HZ, AudioChunk
from speech.sound_track import SoundTrack


class MotionSampler(Protocol):
    """Samples motion from the sound that will be played; the face engine's streaming contract."""

    @property
    def frame(self) -> int:
        """Index of the next frame that `frames` will return."""
        ...

    def push(self, chunk: AudioChunk) -> None:
        """Takes the next piece of the sound to be played, speech and silence alike, without gaps."""
        ...

    def end_of_speech(self) -> None:
        """Says that nothing more will come for now: missing look-ahead counts as silence."""
        ...

    def frames(self) -> Motion:
        """Samples every frame whose sound is known."""
        ...

    def interrupt(self, frame: int) -> None:
        """Throws away motion and sound from `frame` on, and goes on from the frames kept, without a jump."""
        ...

    def listen(self, chunk: AudioChunk) -> None:
        """Takes the user's own voice."""
        ...

    def set_state(self, state: ConversationState) -> None:
        """Sets what the person does, from the next sampled frame on."""
        ...

    def set_controls(self, controls: Controls) -> None:
        """Sets gaze, distance and emotion, from the next sampled frame on."""
        ...


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

# Played sound is kept this long, for the sampler to hear again after a rewind.
KEEP_SAMPLES = OUTPUT_RATE_HZ


class Renderer:
    """Owns the face: asks the clock for frames and gives each, with its sound and motion, to every output.

    All heavy work runs on one thread, so the sampler and the decoder need no locks.

    Args:
        clock: says when the next frame is due.
        voice: what the avatar says; this is what the outputs play.
        user: what the user says; the face listens to it, and with `mix_user` the outputs play it too.
        sampler: sound to motion.
        decoder: motion to picture; None where only the motion is wanted.
        outputs: where the frames go.
        label: the visible mark, or None.
        on_frame: called on the event loop after every frame.
    """

    def __init__(
        self,
        *,
        clock: AudioClock,
        voice: SoundTrack,
        user: SoundTrack,
        sampler: MotionSampler,
        decoder: FaceDecoder | None,
        outputs: Sequence[Output],
        label: AiLabel | None,
        mix_user: bool = False,
        on_frame: Callable[[FrameShown], None] = lambda shown: None,
    ) -> None:
        self._clock, self._voice, self._user = clock, voice, user
        self._sampler, self._decoder, self._outputs, self._label = sampler, decoder, outputs, label
        self._mix_user = mix_user
        self._on_frame = on_frame
        self._motion: deque[Floats] = deque()  # sampled, not yet shown; the first belongs to the next frame
        self._next_frame = 0
        self._pushed_frames = 0
        self._listened = 0
        self._state = ConversationState.IDLE
        self._controls = Controls()
        self.frames_late = 0

    def set_state(self, state: ConversationState) -> None:
        """Sets what the person does; the face follows with the next motion it samples (within 200 ms)."""
        self._state = state

    def set_controls(self, controls: Controls) -> None:
        """Sets gaze, head distance and emotion; the face follows with the next motion it samples."""
        self._controls = controls

    async def run(self, until_sample: Callable[[], int | None]) -> None:
        """Renders frame after frame.

        Args:
            until_sample: asked before every frame; when it names a sample and all before it is played, `run` ends.
        """
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1, thread_name_prefix="face") as thread:
            while (end := until_sample()) is None or self._clock.position < end:
                frame = await self._clock.next_frame()
                late = self._clock.is_late()
                shown = await loop.run_in_executor(thread, self._show, frame, late)
                self.frames_late += late
                self._clock.played()
                self._on_frame(FrameShown(frame, loop.time(), *shown, late))
                # In the time left until the next frame, so that sampling a block never delays a picture.
                await loop.run_in_executor(thread, self._sample_until, frame + 2)

    def _show(self, frame: int, late: bool) -> tuple[int | None, Floats]:
        self._rewind_if_changed()
        self._sample_until(frame + 1)
        values = self._motion.popleft()
        self._next_frame = frame + 1
        start = frame * SAMPLES_PER_FRAME
        sound = self._voice.read(start, SAMPLES_PER_FRAME)
        picture: VideoFrame | None = None
        if self._decoder is not None and not late:
            image = self._decoder.decode(values)
            if self._label is not None:
                self._label.draw(image)
            picture = VideoFrame(image, start)
        mixed = sound + self._user.read(start, SAMPLES_PER_FRAME) if self._mix_user else sound
        for output in self._outputs:
            output.write(picture, mixed, values)
        for track in (self._voice, self._user):
            track.forget(start - KEEP_SAMPLES)
        audible = np.flatnonzero(np.abs(sound) > AUDIBLE)
        return (start + int(audible[0]) if len(audible) else None), values[_MOUTH]

    def _sample_until(self, frame: int) -> None:
        """Samples motion until everything before `frame` is there."""
        while self._next_frame + len(self._motion) < frame:
            self._push_user_voice()
            self._sampler.set_state(self._state)
            self._sampler.set_controls(self._controls)
            while not len(motion := self._sampler.frames().values):
                self._push_voice_frame()
            self._motion.extend(motion)

    def _push_voice_frame(self) -> None:
        start = self._pushed_frames * SAMPLES_PER_FRAME
        self._sampler.push(AudioChunk(self._voice.read(start, SAMPLES_PER_FRAME), OUTPUT_RATE_HZ, start))
        self._pushed_frames += 1

    def _push_user_voice(self) -> None:
        end = self._next_frame * SAMPLES_PER_FRAME
        if end > self._listened:
            heard = self._user.read(self._listened, end - self._listened)
            self._sampler.listen(AudioChunk(heard, OUTPUT_RATE_HZ, self._listened))
            self._listened = end

    def _rewind_if_changed(self) -> None:
        """Sound was written or cut where the sampler has already heard silence: sample that part again."""
        changed = self._voice.take_changed()
        if changed is None or changed >= self._pushed_frames * SAMPLES_PER_FRAME:
            return
        # Frames just before the change had it in their look-ahead; frames already shown stay.
        frame = max(self._next_frame, changed // SAMPLES_PER_FRAME - LOOK_AHEAD_FRAMES)
        while self._next_frame + len(self._motion) > frame:
            self._motion.pop()
        frame = min(frame, self._sampler.frame)
        self._sampler.interrupt(frame)
        self._pushed_frames = frame
