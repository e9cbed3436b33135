"""Speech recognition with PocketSphinx, in a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import sys
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from types import TracebackType
from typing import Self

import numpy as np

from speech.audio import SPEECH_RATE_HZ, AudioChunk, Resampler, Samples
from speech.errors import InputError
from speech.events import Transcript
from speech.pocketsphinx_worker import HEADER, Kind, Setup, pack_message

_PIECE_SAMPLES = 800
"""Samples that the worker hears at a time (50 ms at 16 kHz): always the same pieces, however the sound comes, so that
the words don't depend on it."""

_MAX_PIECES_AHEAD = 20
"""Pieces sent that the worker has not heard yet (1 s): bounds the queue, and with it how long a cancelled utterance
still keeps the worker busy."""

_STOP_S = 1.0
"""How long a worker may take to end once its input has ended."""

DEFAULT_PHRASE_WEIGHT = 0.5
"""Share of the phrases against general English."""


class PocketSphinxASR:
    """PocketSphinx with the wheel's English model: no download, a third of real time on one core.

    Args:
        phrases: what people are likely to ask; heard much better than anything else, which is still heard.
        phrase_weight: how much the phrases count against general English, [0, 1).
        accurate: make PocketSphinx's two further passes after the end of an utterance: fewer errors, but later. For
            recordings, not for conversation.

    Raises:
        InputError: the pocketsphinx package is not installed, or its model can't be loaded (on entering).
    """

    name = "pocketsphinx"

    def __init__(
        self,
        *,
        phrases: Sequence[str] = (),
        phrase_weight: float = DEFAULT_PHRASE_WEIGHT,
        accurate: bool = False,
    ) -> None:
        if importlib.util.find_spec("pocketsphinx") is None:
            raise InputError(
                "speech recognition: expected the package pocketsphinx, it is not installed; "
                "run: pip install 'pocketsphinx>=5.1.1,<6'"
            )
        if not 0.0 <= phrase_weight < 1.0:
            raise InputError(f"phrase_weight: expected a share in [0, 1), got {phrase_weight}")
        self._setup = Setup(list(phrases), phrase_weight, accurate)
        self._worker: _Worker | None = None
        self._starting = asyncio.Lock()
        self._utterance = 0

    async def __aenter__(self) -> Self:
        await self._running_worker()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            await worker.stop()

    async def transcribe(self, chunks: AsyncIterator[AudioChunk]) -> AsyncGenerator[Transcript, None]:
        """Understands one utterance while it is being spoken; see `speech.asr.ASR.transcribe`.

        One utterance at a time: a second one makes the worker drop the first, which then ends with what it had.
        """
        worker = await self._running_worker()
        self._utterance += 1
        utterance = worker.open(self._utterance)
        feeding = asyncio.create_task(_feed(chunks, worker, utterance))
        try:
            words = ""
            while True:
                kind, text = await utterance.replies.get()
                if kind is Kind.ERROR:
                    raise InputError(f"speech recognition: {text}")
                if kind is Kind.FINAL:
                    yield Transcript(text, True, utterance.start_s, utterance.end_s)
                    return
                utterance.ahead.release()
                if text != words:
                    words = text
                    yield Transcript(text, False, utterance.start_s, utterance.end_s)
        finally:
            feeding.cancel()
            worker.close(utterance)
            with contextlib.suppress(asyncio.CancelledError):
                await feeding

    async def _running_worker(self) -> _Worker:
        async with self._starting:
            if self._worker is None or self._worker.has_ended:
                self._worker = await _Worker.start(self._setup)
            return self._worker


class _Utterance:
    """The replies to one utterance, and how far it has been heard."""

    def __init__(self, number: int) -> None:
        self.number = number
        # Bounded by `ahead`: every audio message is answered once; the rest are a final and an error.
        self.replies: asyncio.Queue[tuple[Kind, str]] = asyncio.Queue()
        self.ahead = asyncio.Semaphore(_MAX_PIECES_AHEAD)
        self.start_s = 0.0
        self.end_s = 0.0


class _Worker:
    """A running worker process and the task that sorts its replies."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None and process.stdout is not None and process.stderr is not None
        self._process = process
        self._stdin = process.stdin
        self._stdout = process.stdout
        self._stderr = process.stderr
        self._current: _Utterance | None = None
        self._last_words: deque[str] = deque(maxlen=1)
        self._tasks: list[asyncio.Task[None]] = []
        self.has_ended = False

    @classmethod
    async def start(cls, setup: Setup) -> _Worker:
        """Starts a process and waits until it has loaded its models."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",  # whatever lies in the current folder is not ours to import
            "-m",
            "speech.pocketsphinx_worker",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            start_new_session=True,  # Ctrl-C in the terminal is the parent's to handle
        )
        worker = cls(process)
        loading = _Utterance(0)
        worker._current = loading
        worker._tasks = [asyncio.create_task(worker._sort_replies()), asyncio.create_task(worker._keep_last_words())]
        try:
            worker.send(Kind.SETUP, 0, setup.to_json())
            kind, text = await loading.replies.get()
        except BaseException:
            await worker.stop()
            raise
        if kind is not Kind.READY:
            await worker.stop()
            raise InputError(f"speech recognition: {text}")
        worker._current = None
        return worker

    def send(self, kind: Kind, utterance: int, payload: bytes = b"") -> None:
        """Queues a message; the utterance's semaphore bounds the queue. A dead worker is reported by its reader."""
        with contextlib.suppress(ConnectionError):
            self._stdin.write(pack_message(kind, utterance, payload))

    def open(self, number: int) -> _Utterance:
        """Begins an utterance; one that is still open ends with nothing more."""
        if self._current is not None:
            self._current.replies.put_nowait((Kind.FINAL, ""))
        self._current = _Utterance(number)
        self.send(Kind.START, number)
        return self._current

    def close(self, utterance: _Utterance) -> None:
        """No more of this utterance is wanted."""
        if self._current is utterance:
            self._current = None
            self.send(Kind.CANCEL, utterance.number)

    async def stop(self) -> None:
        """Ends the process: politely, then not."""
        self.has_ended = True
        self._stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), _STOP_S)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _sort_replies(self) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                kind, number, length = HEADER.unpack(await self._stdout.readexactly(HEADER.size))
                text = (await self._stdout.readexactly(length)).decode()
                if self._current is not None and number == self._current.number:
                    self._current.replies.put_nowait((Kind(kind), text))
        self.has_ended = True
        if self._current is not None:
            code = await self._process.wait()
            reason = f": {self._last_words[0]}" if self._last_words else ""
            message = f"PocketSphinx ended unexpectedly (status {code}{reason}); it is started again for the next words"
            self._current.replies.put_nowait((Kind.ERROR, message))

    async def _keep_last_words(self) -> None:
        async for line in self._stderr:
            if text := line.decode(errors="replace").strip():
                self._last_words.append(text)


async def _feed(chunks: AsyncIterator[AudioChunk], worker: _Worker, utterance: _Utterance) -> None:
    """Sends an utterance in pieces of equal length; a failing source is passed on as the utterance's error."""
    pending: Samples = np.zeros(0, np.float32)
    resampler: Resampler | None = None
    try:
        async for chunk in chunks:
            if resampler is None:
                resampler = Resampler(chunk.sample_rate_hz, SPEECH_RATE_HZ)
                utterance.start_s = chunk.start_sample / chunk.sample_rate_hz
            utterance.end_s = chunk.end_sample / chunk.sample_rate_hz
            pending = np.concatenate((pending, resampler.push(chunk.samples)))
            while len(pending) >= _PIECE_SAMPLES:
                await utterance.ahead.acquire()
                worker.send(Kind.AUDIO, utterance.number, _pcm(pending[:_PIECE_SAMPLES]))
                pending = pending[_PIECE_SAMPLES:]
        if resampler is not None:
            pending = np.concatenate((pending, resampler.push(np.zeros(0, np.float32), last=True)))
            if len(pending):
                worker.send(Kind.AUDIO, utterance.number, _pcm(pending))
        worker.send(Kind.END, utterance.number)
    except Exception as error:
        utterance.replies.put_nowait((Kind.ERROR, f"the sound stopped coming: {error}"))


def _pcm(samples: Samples) -> bytes:
    """float32 in [-1, 1] → int16, clipped."""
    return (np.clip(samples, -1.0, 1.0) * 32767.0).astype("<i2").tobytes()
