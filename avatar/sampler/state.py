"""What one conversation's stream of motion has between two blocks; the model and the options are not in it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from avatar.feelings.expression import Feeling
from avatar.motion import FRAME_RATE_HZ, LOOK_AHEAD_FRAMES, Controls, ConversationState, Floats
from avatar.sampler.audio_buffer import AudioBuffer
from avatar.sampler.features import FrameExtractor
from avatar.sampler.front_end import AUDIO_PAST_FRAMES, Tails
from avatar.sampler.intention.state import IntentionState
from avatar.sampler.speech_encoder import SPEECH_PAST_FRAMES, window_frames
from avatar.sampler.speech_mels import SILENCE
from avatar.sampler.user_loudness import UserLoudness

REWIND_FRAMES = 20 * FRAME_RATE_HZ
"""How far back an interruption can reach: 20 s, longer than a voice speaks ahead. Each conversation keeps so much."""


@dataclass(frozen=True, slots=True)
class SampledFrame:
    """What is remembered of a frame that was sampled.

    Attributes:
        motion: float32 [52], the sampled dimensions in MotionLayout's units, without what is felt.
        units: float32 [104], what the network sees of it: position and innovation, normalised.
        intention: of the person, after the frame.
        feeling: likewise.
    """

    motion: Floats
    units: Floats
    intention: IntentionState
    feeling: Feeling


@dataclass(slots=True)
class SamplerState:
    """The streaming state of one conversation's sampler; `frame` is also the position in the base noise.

    Attributes:
        frame: index of the next frame to sample.
        mode: what the person does, from the next frame on.
        controls: gaze, head distance, emotion and composure, from the next frame on.
        speech: the sound that will be played.
        speech_ended: nothing more comes for now: missing sound counts as silence.
        user: the user's voice.
        nod: cycles of a nod that begins with the next frame; 0 for none.
        features: of the speech, float32 [4, 64] by frame, once all of a frame's sound is there.
        mels: likewise what the speech encoder hears, float32 [4, 80].
        tails: the front end's state where the next frame's look-ahead begins; None: it hears a whole window next.
        frames: those sampled from `earliest` on and before it what the network looks back on, by index.
        earliest: frame that a rewind can reach; REWIND_FRAMES back from the latest that was ever next.
    """

    frame: int = 0
    mode: ConversationState = ConversationState.IDLE
    controls: Controls = field(default_factory=Controls)
    speech: AudioBuffer = field(default_factory=AudioBuffer)
    speech_ended: bool = False
    user: UserLoudness = field(default_factory=UserLoudness)
    nod: int = 0
    features: dict[int, Floats] = field(default_factory=dict)
    mels: dict[int, Floats] = field(default_factory=dict)
    tails: Tails | None = None
    frames: dict[int, SampledFrame] = field(default_factory=dict)
    earliest: int = 0

    def ready_frames(self, block_frames: int) -> int:
        """Frames of the next block, `block_frames` or the rest before the speech's end; 0 if sound is missing."""
        if self.speech.rate is None:
            return 0
        size = self.speech.extractor().samples
        if self.speech_ended:
            return min(block_frames, -(-self.speech.end // size) - self.frame)
        whole = self.speech.end // size - LOOK_AHEAD_FRAMES - self.frame
        return block_frames if whole >= block_frames else 0

    def knows_speech_to(self, frame: int) -> bool:
        """Whether all the sound before `frame` is there; what is missing might still come, and not as silence."""
        return self.speech.rate is not None and frame * self.speech.extractor().samples <= self.speech.end

    def feature(self, frame: int) -> Floats:
        """Features of the speech in one frame: float32 [4, 64]."""
        return self._of_frame(self.features, self.speech.extractor(), frame)

    def window(self, count: int) -> Floats | None:
        """What the speech encoder hears of the next `count` frames: float32 [WINDOW_FRAMES, 4, 80]; None: silence."""
        extract = self.speech.mel_extractor()
        mels = [self._of_frame(self.mels, extract, frame) for frame in window_frames(self.frame, count)]
        return None if all(mel is SILENCE for mel in mels) else np.stack(mels)

    def _of_frame(self, cache: dict[int, Floats], extract: FrameExtractor, frame: int) -> Floats:
        known = cache.get(frame)
        if known is None:
            start = frame * extract.samples
            known = extract(self.speech.read(start - extract.before, start + extract.samples))
            if self.knows_speech_to(frame + 1):
                cache[frame] = known
        return known

    def rewind(self, frame: int) -> None:
        """Forgets motion and sound from `frame` (from `earliest` to `self.frame`) on."""
        for later in range(frame, self.frame):
            self.frames.pop(later, None)
        if self.speech.rate is not None:
            self.speech.cut(frame * self.speech.extractor().samples)
        self.features = {index: value for index, value in self.features.items() if index < frame}
        self.mels = {index: value for index, value in self.mels.items() if index < frame}
        self.speech_ended = False
        self.tails = None
        self.frame = frame

    def advance(self, count: int, tails: Tails) -> None:
        """Goes on to the frame after a block of `count`, and lets go of what no rewind can reach."""
        self.frame += count
        self.nod = 0
        self.tails = tails if self.knows_speech_to(self.frame + LOOK_AHEAD_FRAMES) else None
        self.earliest = max(self.earliest, self.frame - REWIND_FRAMES)
        self.user.forget(self.earliest)
        # The network looks back on less motion than sound.
        oldest = self.earliest - max(AUDIO_PAST_FRAMES, SPEECH_PAST_FRAMES)
        if oldest > 0 and self.speech.rate is not None:
            for old in range(oldest - count, oldest):
                self.frames.pop(old, None)
                self.features.pop(old, None)
                self.mels.pop(old, None)
            extract = self.speech.extractor()
            before = max(extract.before, self.speech.mel_extractor().before)
            self.speech.forget(oldest * extract.samples - before)
