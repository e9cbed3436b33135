"""A recogniser in a process of its own: what all of them share. Its module is a worker (`speech.worker.main`).

The sound is sent in pieces of int16 at 16 kHz; every piece is answered by one item with the words so far in "text", and
after the end of the sound comes one item more with the final words, and "is_doubtful" and "confidence" where the
recogniser can tell. An item without "text" says that nothing has changed. One with "decoded_s" answers no piece: it
comes whenever words were decoded, and says how many seconds of the sound they hold for.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from types import TracebackType
from typing import Any, Self

import numpy as np

from speech.audio import SPEECH_RATE_HZ, AudioChunk, Resampler, Samples
from speech.errors import BackendError, DeviceError, VisavisError
from speech.events import Transcript
from speech.worker.call import WorkerCall
from speech.worker.kept import KeptWorker

_MOST_AHEAD_S = 1.0
"""Sound sent that the worker has not heard yet: bounds the queue, and how long a cancelled utterance keeps it busy."""


class ProcessASR:
    """A recogniser whose work is done by a worker process; the process is started again when it has died.

    Args:
        name: what the configuration calls it.
        what: what people call it.
        module: the worker's module.
        setup: how the worker is to listen.
        piece_s: seconds of sound that the worker hears at a time: always the same pieces, however the sound comes, so
            that the words don't depend on it.

    Raises:
        VisavisError: (on entering) the worker could not load.
    """

    def __init__(self, *, name: str, what: str, module: str, setup: Mapping[str, Any], piece_s: float = 0.05) -> None:
        self.name = name
        self._piece_samples = round(piece_s * SPEECH_RATE_HZ)
        self._what = what
        self._kept = KeptWorker(module, setup, what=what)

    async def __aenter__(self) -> Self:
        with _named():
            await self._kept.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._kept.stop()

    async def transcribe(self, chunks: AsyncIterator[AudioChunk]) -> AsyncGenerator[Transcript, None]:
        """Understands one utterance while it is being spoken; see `speech.asr.base.ASR.transcribe`."""
        with _named():
            worker = await self._kept.running()
        call = worker.open()
        utterance = _Utterance(call, self._piece_samples)
        feeding = asyncio.create_task(utterance.feed(chunks), name=f"feed {self.name}")
        try:
            words = ""
            async with contextlib.aclosing(call.items()) as items:
                async for item in items:
                    text = str(item.fields.get("text", words))
                    if item.fields.get("is_final"):
                        is_doubtful = bool(item.fields.get("is_doubtful", False))
                        confidence = item.fields.get("confidence")
                        yield Transcript(text, True, utterance.start_s, utterance.end_s, is_doubtful, confidence)
                        return
                    decoded_s = item.fields.get("decoded_s")
                    if decoded_s is not None:
                        is_doubtful = bool(item.fields.get("is_doubtful", False))
                        yield Transcript(text, False, utterance.start_s, utterance.start_s + decoded_s, is_doubtful)
                    else:
                        utterance.ahead.release()
                        if text != words:
                            yield Transcript(text, False, utterance.start_s, utterance.end_s)
                    words = text
            raise BackendError(f"{self._what}: expected final words, it ended without")
        except VisavisError as error:
            raise type(error)(f"speech recognition: {error}") from None
        finally:
            feeding.cancel()
            call.close()
            await asyncio.gather(feeding, return_exceptions=True)  # a second cancellation is not its, but ours


@contextlib.contextmanager
def _named() -> Iterator[None]:
    """Says in what goes wrong whose work it was."""
    try:
        yield
    except VisavisError as error:
        raise type(error)(f"speech recognition: {error}") from None


class _Utterance:
    """The sound on its way to the worker, and how far it has been heard."""

    def __init__(self, call: WorkerCall, piece_samples: int) -> None:
        self._call, self._size = call, piece_samples
        self.ahead = asyncio.Semaphore(round(_MOST_AHEAD_S * SPEECH_RATE_HZ / piece_samples))
        self.start_s = 0.0
        self.end_s = 0.0

    async def feed(self, chunks: AsyncIterator[AudioChunk]) -> None:
        """Sends an utterance in pieces of equal length; a failing source is passed on as the utterance's error."""
        pending: Samples = np.zeros(0, np.float32)
        resampler: Resampler | None = None
        try:
            async for chunk in chunks:
                if resampler is None:
                    resampler = Resampler(chunk.sample_rate_hz, SPEECH_RATE_HZ)
                    self.start_s = chunk.start_sample / chunk.sample_rate_hz
                self.end_s = chunk.end_sample / chunk.sample_rate_hz
                pending = np.concatenate((pending, resampler.push(chunk.samples)))
                while len(pending) >= self._size:
                    await self.ahead.acquire()
                    self._call.send(_pcm(pending[: self._size]))
                    pending = pending[self._size :]
            if resampler is not None:
                pending = np.concatenate((pending, resampler.push(np.zeros(0, np.float32), last=True)))
                if len(pending):
                    self._call.send(_pcm(pending))
            self._call.end()
        except Exception as error:
            self._call.fail(DeviceError(f"the sound stopped coming: {error}"))


def _pcm(samples: Samples) -> bytes:
    """float32 in [-1, 1] → int16, clipped."""
    return (np.clip(samples, -1.0, 1.0) * 32767.0).astype("<i2").tobytes()
