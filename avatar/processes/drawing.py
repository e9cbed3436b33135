"""As many drawing processes as there are cores, and the sessions that draw in them.

Python runs one thread at a time: two threads that draw make no more pictures a second than one does, each of them
takes longer, and everything else in the process waits for both. Two processes make twice as many.
"""

from __future__ import annotations

import asyncio
import mmap
import pickle
import tempfile
from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from avatar.decoder import FaceDecoder, Image
from avatar.motion import Floats, neutral
from avatar.secondary_motion import NO_LAG
from speech.errors import BackendError, InputError, error_named
from speech.files.locked_temporary import LockedTemporary
from speech.files.scratch import scratch_folder
from speech.worker.call import WorkerCall
from speech.worker.kept import KeptWorker
from speech.worker.messages import Kind

_SHARED_MEMORY = Path("/dev/shm")


@dataclass(frozen=True, slots=True)
class StoredFace:
    """A decoder in a file, from which the drawing processes take it.

    Attributes:
        path: of the pickled decoder.
        shape: of its pictures.
    """

    path: Path
    shape: tuple[int, ...]


@contextmanager
def stored_face(decoder: FaceDecoder) -> Iterator[StoredFace]:
    """A decoder in a file that is there for as long as it is needed.

    Raises:
        InputError: there is no room for it.
    """
    with scratch_folder() as folder:
        path = folder / "face"
        path.write_bytes(pickle.dumps(decoder, protocol=pickle.HIGHEST_PROTOCOL))
        yield StoredFace(path, decoder.decode(neutral(1)[0]).shape)


class DrawingPool:
    """Drawing processes, entered with `async with`; each new session draws in the one with the fewest.

    Args:
        processes: how many; as many as there are cores.
    """

    def __init__(self, processes: int) -> None:
        workers = [
            KeptWorker("avatar.processes.drawing_worker", {}, what=f"drawing process {i}") for i in range(processes)
        ]
        self._sessions = dict.fromkeys(workers, 0)
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            async with asyncio.TaskGroup() as starting:
                for worker in self._sessions:
                    stack.push_async_callback(worker.stop)
                    starting.create_task(worker.start(), name="start drawing")
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    @asynccontextmanager
    async def decoder(self, face: StoredFace) -> AsyncGenerator[DistantDecoder, None]:
        """A session's own decoder of a face.

        Raises:
            InputError: there is no memory for its pictures.
        """
        worker = min(self._sessions, key=self._sessions.__getitem__)
        self._sessions[worker] += 1
        try:
            with _buffer(int(np.prod(face.shape))) as (path, memory):
                decoder = DistantDecoder(worker, face, path, memory)
                try:
                    yield decoder
                finally:
                    decoder.close()
        finally:
            self._sessions[worker] -= 1


class DistantDecoder:
    """Draws one session's pictures in another process, one at a time.

    Args:
        worker: the process.
        face: that it draws.
        buffer: file that the pictures come in.
        memory: of that file.
    """

    def __init__(self, worker: KeptWorker, face: StoredFace, buffer: Path, memory: mmap.mmap) -> None:
        self._worker, self._face, self._buffer, self._memory = worker, face, buffer, memory
        self._call: WorkerCall | None = None

    async def decode_elsewhere(self, values: Floats, breath: float = 0.0, lag: Floats = NO_LAG) -> Image:
        """Draws one frame, as `FaceDecoder.decode` does; a process that has died is waited for, once.

        Raises:
            BackendError: it died again.
        """
        asked = np.concatenate([values, [breath], lag]).astype(np.float32).tobytes()
        try:
            await self._draw(asked)
        except BackendError:
            await self._draw(asked)
        return np.frombuffer(self._memory, np.uint8).reshape(self._face.shape).copy()

    async def _draw(self, asked: bytes) -> None:
        if self._call is None:
            worker = await self._worker.running()
            self._call = worker.open({"face": str(self._face.path), "buffer": str(self._buffer)})
        try:
            self._call.send(asked)
            kind, item = await self._call.reply()
            if kind is not Kind.ITEM:
                raise error_named(item.fields.get("error"), str(item.fields.get("message")))
        except BaseException:  # cancelled as well: what it still answers must not be taken for the next picture
            self.close()
            raise

    def close(self) -> None:
        """The process forgets the session."""
        if self._call is not None:
            self._call.close()
            self._call = None


@contextmanager
def _buffer(size: int) -> Iterator[tuple[Path, mmap.mmap]]:
    """A file of so many bytes, in memory where the system has such, and its memory."""
    folder = _SHARED_MEMORY if _SHARED_MEMORY.is_dir() else Path(tempfile.gettempdir())
    with ExitStack() as stack:
        try:
            temporary = LockedTemporary.file(folder, "", 0o600)
            stack.callback(temporary.remove)
            file = stack.enter_context(temporary.path.open("r+b"))
            file.write(bytes(size))  # room that is missing is missed now, and not in the middle of a picture
            file.flush()
            memory = stack.enter_context(mmap.mmap(file.fileno(), size))
        except OSError as error:
            raise InputError(f"pictures: expected room for {size} bytes in {folder}: {error.strerror}") from None
        yield temporary.path, memory
