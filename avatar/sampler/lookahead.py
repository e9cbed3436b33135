"""The motion that is about to be shown: sampled a little ahead, and sampled again when the sound changes."""

from __future__ import annotations

from collections import deque
from typing import Protocol

import numpy as np

from avatar.clock import SAMPLES_PER_FRAME
from avatar.control_timeline import ControlTimeline
from avatar.motion import LOOK_AHEAD_FRAMES, Controls, ConversationState, Floats, Motion
from speech.audio import OUTPUT_RATE_HZ, AudioChunk
from speech.sound_track import SoundTrack

# When fewer frames than this are ready, the next block is sampled. Fewer could keep a picture waiting; more would be
# thrown away whenever an answer begins.
READY_FRAMES = 4


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
        """Nothing more will come for now: missing look-ahead counts as silence."""
        ...

    def frames(self, ready: int = 0) -> Motion:
        """Samples every frame whose sound is known; `ready` frames that were sampled before are still to be shown."""
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
        """Sets gaze, distance, emotion and composure, from the next sampled frame on."""
        ...

    def nod(self, cycles: int) -> None:
        """Has a listener nod from the next sampled frame on, 1 to 3 cycles."""
        ...


WARM_UP_FRAMES = 10 + LOOK_AHEAD_FRAMES

HUMS_KEPT = 8
"""Places where the lips stay closed that are remembered: many more than fit into what is sampled ahead or again."""


def warm_up(sampler: MotionSampler) -> None:
    """Samples once: PyTorch's first call of a network takes a quarter of a second: not while somebody watches."""
    sampler.push(AudioChunk(np.zeros(WARM_UP_FRAMES * SAMPLES_PER_FRAME, np.float32), OUTPUT_RATE_HZ, 0))
    sampler.frames()


class MotionLookahead:
    """Feeds the sampler from the sound tracks and keeps the frames that it has made and nobody has shown yet.

    `sample` and `sample_ahead` belong to one thread, everything else to another; while `sample` runs, the other waits.

    Args:
        sampler: a fresh sampler, or recorded motion.
        voice: what the avatar says.
        user: what the user says; the face listens to it.
        ready_frames: when fewer are ready, the next block is sampled; 1 where the sound comes only just in time.
        user_is_known: what the user says is all written beforehand, as in a recording; the face then knows of it up to
            the frame that is sampled instead of the one that is shown.
    """

    def __init__(
        self,
        sampler: MotionSampler,
        voice: SoundTrack,
        user: SoundTrack,
        *,
        ready_frames: int = READY_FRAMES,
        user_is_known: bool = False,
    ) -> None:
        self._sampler, self._voice, self._user = sampler, voice, user
        self._ready_frames, self._user_is_known = ready_frames, user_is_known
        self._ready: deque[Floats] = deque()  # the first one belongs to frame self._next
        self._next = 0
        self._pushed_frames = 0
        self._listened = 0
        self._changed: int | None = None
        self._nod: tuple[int, int | None] = (0, None)  # cycles, and from which frame on; None: not sampled yet
        self._hums: deque[tuple[int, int]] = deque(maxlen=HUMS_KEPT)

    def nod(self, cycles: int) -> None:
        """Has a listener nod with the next motion that is sampled."""
        self._nod = cycles, None

    def hum(self, start: int, end: int) -> None:
        """Says that the voice between these samples is hummed: the lips stay closed."""
        self._hums.append((start, end))

    def is_ready(self) -> bool:
        """Whether the next frame is there, made for the sound as it is now; if not, `sample` must make it."""
        changed = self._voice.take_changed()
        if changed is not None and changed < self._pushed_frames * SAMPLES_PER_FRAME:
            self._changed = changed if self._changed is None else min(changed, self._changed)
        return self._changed is None and len(self._ready) > 0

    def take(self) -> Floats:
        """The next frame's motion, float32 [60], which must be ready."""
        self._next += 1
        return self._ready.popleft()

    def sample(self, timeline: ControlTimeline) -> None:
        """Makes the next frame ready, again if the sound has changed since it was made."""
        if self._changed is not None:
            self._rewind(self._changed)
            self._changed = None
        self._sample_until(1, timeline)

    def sample_ahead(self, timeline: ControlTimeline) -> None:
        """Makes the frames after it ready, so that taking them need not wait."""
        self._sample_until(self._ready_frames, timeline)

    def _sample_until(self, frames: int, timeline: ControlTimeline) -> None:
        while len(self._ready) < frames:
            first = self._sampler.frame
            self._push_user_voice()
            asked, change = timeline.at(first), timeline.next_change(first)
            self._sampler.set_state(asked.state)
            self._sampler.set_controls(asked.controls)
            cycles, nods_from = self._nod
            if cycles and nods_from is None:
                self._sampler.nod(cycles)
                self._nod = cycles, first
            while not len(motion := self._sampler.frames(len(self._ready)).values):
                self._push_voice_frame()
            if change is not None and change < first + len(motion):
                # What comes next belongs to the frame for which it was asked, wherever blocks begin.
                motion = motion[: change - first]
                self._go_back(change)
            self._ready.extend(motion)

    def _push_voice_frame(self) -> None:
        start = self._pushed_frames * SAMPLES_PER_FRAME
        self._pushed_frames += 1  # before reading: what is written meanwhile is then known to have changed
        sound = self._voice.read_at_full_level(start, SAMPLES_PER_FRAME)
        for hum_start, hum_end in tuple(self._hums):
            sound[max(0, hum_start - start) : max(0, hum_end - start)] = 0.0
        self._sampler.push(AudioChunk(sound, OUTPUT_RATE_HZ, start))

    def _push_user_voice(self) -> None:
        end = (self._sampler.frame if self._user_is_known else self._next) * SAMPLES_PER_FRAME
        if end > self._listened:
            heard = self._user.read(self._listened, end - self._listened)
            self._sampler.listen(AudioChunk(heard, OUTPUT_RATE_HZ, self._listened))
            self._listened = end

    def _rewind(self, changed: int) -> None:
        """Sound was written or cut from sample `changed` on, which the sampler has heard otherwise."""
        # Frames just before the change had it in their look-ahead; frames already shown stay.
        frame = max(self._next, changed // SAMPLES_PER_FRAME - LOOK_AHEAD_FRAMES)
        while self._next + len(self._ready) > frame:
            self._ready.pop()
        self._go_back(min(frame, self._sampler.frame))

    def _go_back(self, frame: int) -> None:
        cycles, nods_from = self._nod
        if nods_from is not None and frame <= nods_from:
            self._nod = cycles, None  # nobody has seen it begin
        self._sampler.interrupt(frame)
        self._pushed_frames = frame
