"""Files with sound in them, in any format that FFmpeg knows, whole or damaged: read to mono at the asked rate."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from speech.audio import Resampler, Samples
from speech.errors import InputError
from speech.files.downmix import Downmix
from speech.files.sound_level import remove_dc_offset, scale_to_full_range, silence_invalid_samples
from speech.files.sound_packets import Block, Gap
from speech.files.sound_parts import read_sound_blocks

LONGEST_H = 3
"""Hours of sound that are read: at 48 kHz they take 2 GB of memory."""

_MOST_SILENCE_S = 3600.0
"""Silence that is put in for what is missing, in all."""

_SILENCE_FRAMES = 1 << 16


def read_audio(path: Path, sample_rate_hz: int, *, report: Callable[[str], None] = lambda line: None) -> Samples:
    """Reads a file with a sound track, mixed down to mono at the asked rate.

    What is damaged or missing becomes silence of its length. The centre channel carries the speech where there is one;
    other channels are mixed so that nothing cancels, as loud as the loudest of them.

    Args:
        path: WAV, FLAC, MP3, OGG, M4A, WebM, MP4 …
        sample_rate_hz: rate of the result.
        report: called with one line for each thing that the owner of the file should know.

    Returns:
        float32 [N] in [-1, 1], N > 0.

    Raises:
        InputError: no file, or none with sound that can be decoded; more than three hours of it.
    """
    notices: list[str] = []
    recording = _SoundAssembler(path, sample_rate_hz)
    for part in read_sound_blocks(path, LONGEST_H, notices.append):
        recording.append(part)
    samples = recording.finish()
    total_s = len(samples) / sample_rate_hz
    if recording.silence_s > 0.0:
        lost = f"{recording.silence_s:.1f} s" if recording.silence_s >= 0.05 else "less than 0.1 s"
        notices.append(f"{lost} of {total_s:.1f} s is missing or could not be decoded, and is silent")
    if recording.wild:
        notices.append(f"{recording.wild} of its values are no numbers, or absurdly large, and are silent")
    if scaled := scale_to_full_range(samples, is_damaged=recording.silence_s > 0.0):
        notices.append(scaled)
    remove_dc_offset(samples, sample_rate_hz)
    for notice in notices:
        report(f"{path.name}: {notice}")
    return samples


class _SoundAssembler:
    """The sound of one file as it comes together, at one rate and in one channel.

    Attributes:
        silence_s: put in for what is missing.
        wild: values that were no sound.
    """

    def __init__(self, path: Path, rate_hz: int) -> None:
        self._path, self._rate_hz = path, rate_hz
        self._bytes = bytearray()  # grows in place: pieces in a list would be there twice when they are joined
        self._format: tuple[int, tuple[str, ...]] | None = None
        self._first = np.zeros(0, np.float32)
        self.silence_s = 0.0
        self.wild = 0

    def append(self, part: Block | Gap) -> None:
        """Takes what comes next.

        Raises:
            InputError: it is too much.
        """
        if isinstance(part, Gap):
            self._append_silence(part.length_s)
            return
        if (part.rate_hz, part.names) != self._format:
            self._flush()
            self._format = part.rate_hz, part.names
            self._downmix = Downmix(part.names, part.rate_hz)
            self._resampler = Resampler(part.rate_hz, self._rate_hz)
        sound, wild = silence_invalid_samples(part.sound)
        self.wild += wild
        if not len(self._first):
            self._first = np.ascontiguousarray(sound[0, :1])
        self._keep(self._resampler.push(self._downmix.push(sound)))

    def finish(self) -> Samples:
        """The whole of it: float32 [N], N > 0 where any sound has come."""
        self._flush()
        if not self._bytes:
            self._keep(self._first)  # so short that not one sample of the asked rate lies in it
        return np.frombuffer(self._bytes, np.float32)

    def _append_silence(self, length_s: float) -> None:
        if self._format is None or self.silence_s + length_s > _MOST_SILENCE_S:
            return
        self.silence_s += length_s
        rate_hz, names = self._format
        left = round(length_s * rate_hz)
        while left > 0:
            frames = min(left, _SILENCE_FRAMES)
            self._keep(self._resampler.push(self._downmix.push(np.zeros((len(names), frames), np.float32))))
            left -= frames

    def _flush(self) -> None:
        if self._format is not None:
            self._keep(self._resampler.push(self._downmix.flush(), last=True))

    def _keep(self, samples: Samples) -> None:
        self._bytes += samples.astype(np.float32, copy=False).tobytes()
        if len(self._bytes) > 4 * LONGEST_H * 3600 * self._rate_hz:
            raise InputError(f"{self._path}: expected at most {LONGEST_H} hours of sound, got more; cut it into parts")
