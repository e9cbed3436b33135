"""WAV files: written whole, or while their sound is still being made, so that a long one needs no memory."""

from __future__ import annotations

import io
import wave
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import soundfile

from speech.audio import Samples
from speech.errors import InputError
from speech.files.draft import Draft


class WavWriter:
    """Writes 16-bit mono WAV piece by piece; as a context manager, so that the file appears whole or not at all.

    Args:
        path: what the file will be called.
        sample_rate_hz: of the sound.

    Attributes:
        samples_written: how many so far.

    Raises:
        InputError: it can't be written there; also on writing and at the end of the block.
    """

    def __init__(self, path: Path, sample_rate_hz: int) -> None:
        self._path = path
        self._draft = Draft(path)
        self.samples_written = 0
        self._file = wave.open(str(self._draft.path), "wb")
        self._file.setnchannels(1)
        self._file.setsampwidth(2)
        self._file.setframerate(sample_rate_hz)

    def write(self, samples: Samples) -> None:
        """Adds float32 [N]; what is outside [-1, 1] is clipped."""
        try:
            self._file.writeframes(np.rint(np.clip(samples, -1.0, 1.0) * 32767).astype("<i2").tobytes())
        except OSError as error:
            raise self._unwritable(error) from None
        self.samples_written += len(samples)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            self._file.close()
        except OSError as failure:
            self._draft.discard()
            if error is None:
                raise self._unwritable(failure) from None
        if error is None:
            self._draft.keep()
        else:
            self._draft.discard()

    def _unwritable(self, error: OSError) -> InputError:
        return InputError(f"{self._path}: expected a place to write to, could not: {error.strerror or error}")


def write_wav(path: Path, samples: Samples, sample_rate_hz: int) -> None:
    """Writes 16-bit mono WAV, whole or not at all; samples outside [-1, 1] are clipped.

    Raises:
        InputError: it can't be written there.
    """
    content = io.BytesIO()
    soundfile.write(content, np.clip(samples, -1.0, 1.0), sample_rate_hz, subtype="PCM_16", format="WAV")
    with Draft(path) as draft:
        draft.path.write_bytes(content.getbuffer())
