"""Pictures that visitors bring: few, for an hour, in a folder of their own that goes when the server does."""

from __future__ import annotations

import asyncio
import errno
import secrets
import shutil
import tempfile
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from agent.web.visits.thumbnails import thumbnail
from avatar.picture.files import picture_size, read_picture
from avatar.portrait.portrait import load_portrait
from speech.errors import BackendError, InputError
from speech.files.locked_temporary import LockedTemporary

KEPT_S = 3600.0
"""After it was last chosen a picture is kept so long."""

MOST_PICTURES = 50
MOST_BYTES = 500_000_000
"""Of all pictures and what was found in them; those that were chosen longest ago go first."""

MOST_PIXELS = 64_000_000
"""No telephone's camera needs more for a face; a picture is refused before it is decoded."""

MOST_WAITING = 4
"""Pictures that may wait to be looked at, one after the other: each takes a second of a core."""

# The first bytes of PNG, JPEG, WebP, and of HEIC and AVIF behind the length of their first box.
_KINDS = ((0, b"\x89PNG\r\n\x1a\n"), (0, b"\xff\xd8\xff"), (8, b"WEBP"), (4, b"ftyp"))


class NoRoomError(BackendError):
    """The disk is full."""


class BusyError(BackendError):
    """Too many pictures wait already."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A picture in which a face was found.

    Attributes:
        id: secret; who knows it may use and delete it.
        path: of the file.
        thumbnail: JPEG of head and shoulders; see `agent.web.visits.thumbnails`.
        notices: what its owner should know of it, a sentence each.
        size_bytes: of everything in its folder.
    """

    id: str
    path: Path
    thumbnail: bytes
    notices: tuple[str, ...]
    size_bytes: int

    @property
    def folder(self) -> Path:
        """Holds the picture, and what was found in it."""
        return self.path.parent


class Uploads:
    """The pictures of one server.

    Args:
        size: of the faces that will be made of them, pixels a side.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._folder: LockedTemporary | None = None
        self._kept: OrderedDict[str, Upload] = OrderedDict()
        self._ends: dict[str, asyncio.TimerHandle] = {}
        self._looking, self._waiting = asyncio.Lock(), 0

    async def add(self, file: IO[bytes]) -> Upload:
        """Looks at a picture and keeps it.

        Args:
            file: read from its beginning.

        Raises:
            InputError: no picture of the kinds that are taken, too large, or no usable face in it.
            BusyError: too many wait to be looked at.
            NoRoomError: the disk is full.
        """
        if self._waiting >= MOST_WAITING:
            raise BusyError("too many pictures are being looked at; try again in a few seconds")
        self._waiting += 1
        try:
            async with self._looking:
                upload = await asyncio.to_thread(self._look_at, file)
        finally:
            self._waiting -= 1
        self._kept[upload.id] = upload
        self._keep(upload.id)
        self._make_room()
        return upload

    def find(self, upload_id: str) -> Upload | None:
        """The picture with this id, which is kept an hour longer."""
        if upload_id in self._kept:
            self._keep(upload_id)
        return self._kept.get(upload_id)

    def remove(self, upload_id: str) -> bool:
        """Deletes a picture; False where there is none. A conversation that shows it goes on."""
        upload = self._kept.pop(upload_id, None)
        if upload is None:
            return False
        self._ends.pop(upload_id).cancel()
        shutil.rmtree(upload.folder, ignore_errors=True)
        return True

    def close(self) -> None:
        """Deletes all."""
        for upload_id in list(self._kept):
            self.remove(upload_id)
        if self._folder is not None:
            self._folder.remove()
            self._folder = None

    def _keep(self, upload_id: str) -> None:
        self._kept.move_to_end(upload_id)
        if upload_id in self._ends:
            self._ends[upload_id].cancel()
        self._ends[upload_id] = asyncio.get_running_loop().call_later(KEPT_S, self.remove, upload_id)

    def _look_at(self, file: IO[bytes]) -> Upload:
        folder = None
        try:
            if self._folder is None:
                self._folder = LockedTemporary.folder(Path(tempfile.gettempdir()))
            folder = Path(tempfile.mkdtemp(dir=self._folder.path))
            return self._found(file, folder / "picture")
        except BaseException as error:
            if folder is not None:
                shutil.rmtree(folder, ignore_errors=True)
            if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise NoRoomError("there is no room for a picture on the server's disk") from error
            raise

    def _found(self, file: IO[bytes], path: Path) -> Upload:
        file.seek(0)
        with path.open("wb") as copy:
            shutil.copyfileobj(file, copy)
        try:
            content = read_picture(path)
            if not any(content[start : start + len(mark)] == mark for start, mark in _KINDS):
                raise InputError(f"{path}: expected a PNG, JPEG, WebP, HEIC or AVIF picture, got something else")
            width, height = picture_size(path, content)
            if width * height > MOST_PIXELS:
                most = MOST_PIXELS // 1_000_000
                raise InputError(f"{path}: expected at most {most} million pixels, got {width}x{height}; scale it down")
            portrait = load_portrait(path, size=self._size, cache_dir=path.parent)
        except InputError as error:
            raise InputError(_for_visitors(str(error), path)) from None
        notices = tuple(_for_visitors(notice, path) for notice in portrait.notices)
        size_bytes = sum(kept.stat().st_size for kept in path.parent.iterdir())
        return Upload(secrets.token_urlsafe(16), path, thumbnail(portrait.image), notices, size_bytes)

    def _make_room(self) -> None:
        while len(self._kept) > 1 and (
            len(self._kept) > MOST_PICTURES or sum(one.size_bytes for one in self._kept.values()) > MOST_BYTES
        ):
            self.remove(next(iter(self._kept)))


def _for_visitors(text: str, path: Path) -> str:
    """What the portrait's loader says, without what only the server's owner sees and can do."""
    return text.replace(f"{path}: ", "").partition(", or place its landmarks by hand")[0]
