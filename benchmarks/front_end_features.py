"""What a motion sampler could hear through: mel bands, or a frozen Whisper encoder over a short window.

A front end gives of every video frame what is known of it and of the frames of its look-ahead at the moment at which
its block of five frames is made, and nothing later: so whatever is learned from it can be used while a voice streams.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from avatar.motion import Floats
from avatar.sampler.features import recording_features, silence_features
from avatar.sampler.speech_encoder import SpeechEncoder
from avatar.sampler.speech_mels import recording_mels, silence_mels
from speech.audio import Samples

BLOCK_FRAMES = 5
SAMPLES_PER_FRAME = 640
_POSITIONS_PER_FRAME = 2  # Whisper's encoder has one every 20 ms
_HOP = 160
_BATCH = 16


class FrontEnd(Protocol):
    """One way to hear.

    Attributes:
        name: in the table.
        ahead: frames of look-ahead.
        past: frames before a block that a probe without memory gets beside it.
    """

    name: str
    ahead: int
    past: int

    def views(self, sound: Samples) -> Floats:
        """float32 [N] at 16 kHz to float32 [T, 1 + ahead, D]: of every frame, itself and its look-ahead."""
        ...

    def hear_block(self, sound: Samples) -> object:
        """What one block costs of a stream whose last sound this is: only its time is looked at."""
        ...


class MelFrontEnd:
    """The sampler's own features: 64 mel bands every 10 ms."""

    def __init__(self, past: int, ahead: int) -> None:
        self.name = f"mel, {past / 25.0:.2f} s past, {ahead * 40} ms ahead"
        self.past, self.ahead = past, ahead
        self._silence = silence_features().reshape(1, -1)

    def views(self, sound: Samples) -> Floats:
        """See `FrontEnd`."""
        known = recording_features(sound, 16_000)
        frames = known.reshape(len(known), -1)
        padded = np.concatenate([frames, np.repeat(self._silence, self.ahead, axis=0)])
        return np.stack([padded[k : k + len(frames)] for k in range(self.ahead + 1)], axis=1).astype(np.float32)

    def hear_block(self, sound: Samples) -> object:
        """See `FrontEnd`."""
        return recording_features(sound[-BLOCK_FRAMES * SAMPLES_PER_FRAME :], 16_000)


class WhisperFrontEnd:
    """Whisper's encoder over a window that ends with the block's look-ahead.

    Args:
        encoder: mel [B, 80, n] to [B, n / 2, D].
        what: names it.
        window: frames, look-ahead included.
        past: see `FrontEnd`.
        ahead: see `FrontEnd`.
    """

    def __init__(self, encoder: Encoder, what: str, window: int, past: int, ahead: int) -> None:
        from faster_whisper.feature_extractor import FeatureExtractor

        self.name = f"{what}, window {window / 25.0:.2f} s, {ahead * 40} ms ahead"
        self.past, self.ahead = past, ahead
        self._encode, self._window, self._mel = encoder, window, FeatureExtractor()

    def _mels(self, heard: Samples) -> Floats:
        """float32 [80, 4 a frame] of a window of sound."""
        found = self._mel(heard, padding=_HOP)[:, : len(heard) // _HOP]
        return np.asarray(found, np.float32)

    def views(self, sound: Samples) -> Floats:
        """See `FrontEnd`."""
        frames = -(-len(sound) // SAMPLES_PER_FRAME)
        starts = list(range(0, frames, BLOCK_FRAMES))
        before = self._window * SAMPLES_PER_FRAME
        padded = np.pad(sound, (before, (BLOCK_FRAMES + self.ahead + 1) * SAMPLES_PER_FRAME))
        out: list[Floats] = []
        for first in range(0, len(starts), _BATCH):
            windows = []
            for start in starts[first : first + _BATCH]:
                end = before + (start + BLOCK_FRAMES + self.ahead) * SAMPLES_PER_FRAME
                windows.append(self._mels(padded[end - before : end]))
            encoded = self._encode(np.stack(windows))
            last = BLOCK_FRAMES + self.ahead
            kept = encoded[:, -last * _POSITIONS_PER_FRAME :].reshape(len(windows), last, -1)
            for block in kept:
                out += [block[i : i + 1 + self.ahead] for i in range(BLOCK_FRAMES)]
        return np.stack(out[:frames]).astype(np.float32)

    def hear_block(self, sound: Samples) -> object:
        """See `FrontEnd`."""
        return self._encode(self._mels(sound[-self._window * SAMPLES_PER_FRAME :])[None])


class CutFrontEnd:
    """The first layers alone, in single precision: what is near to the sound still. The sampler hears so.

    Args:
        encoder: of so many layers.
        what: names it.
        window: frames, look-ahead included.
        past: see `FrontEnd`.
        ahead: see `FrontEnd`.
    """

    def __init__(self, encoder: SpeechEncoder, what: str, window: int, past: int, ahead: int) -> None:
        self.name = f"{what}, window {window / 25.0:.2f} s, {ahead * 40} ms ahead"
        self.past, self.ahead = past, ahead
        self._encoder, self._window = encoder, window

    def views(self, sound: Samples) -> Floats:
        """See `FrontEnd`."""
        known = recording_mels(sound, 16_000)
        last, starts = BLOCK_FRAMES + self.ahead, range(0, len(known), BLOCK_FRAMES)
        silence = np.broadcast_to(silence_mels(), (self._window + last, *known.shape[1:]))
        padded = np.concatenate([silence, known, silence])
        ends = [self._window + last + start + last for start in starts]
        windows = np.stack([padded[end - self._window : end] for end in ends])
        out: list[Floats] = []
        for some in np.split(windows, range(_BATCH, len(windows), _BATCH)):
            for block in self._encode(some, last):
                out += [block[i : i + 1 + self.ahead] for i in range(BLOCK_FRAMES)]
        return np.stack(out[: len(known)])

    def hear_block(self, sound: Samples) -> object:
        """See `FrontEnd`."""
        # The powers of all frames, where only five are new.
        piece = recording_mels(sound[-self._window * SAMPLES_PER_FRAME :], 16_000)
        return self._encode(piece[None], BLOCK_FRAMES + self.ahead)

    def _encode(self, mels: Floats, last: int) -> Floats:
        with torch.inference_mode():
            return np.asarray(self._encoder(torch.from_numpy(mels), last).numpy(), np.float32)


class Encoder(Protocol):
    """Whisper's whole encoder."""

    def __call__(self, mels: Floats) -> Floats:
        """float32 [B, 80, n] to float32 [B, n / 2, D]."""
        ...


class CTranslate2Encoder:
    """All layers, in int8, on one thread.

    Args:
        folder: of the model.
    """

    def __init__(self, folder: Path) -> None:
        import ctranslate2

        self._whisper: Any = ctranslate2.models.Whisper(str(folder), device="cpu", compute_type="int8", intra_threads=1)

    def __call__(self, mels: Floats) -> Floats:
        """See `Encoder`."""
        import ctranslate2

        found = self._whisper.encode(ctranslate2.StorageView.from_array(np.ascontiguousarray(mels)))
        return np.asarray(found, np.float32)
