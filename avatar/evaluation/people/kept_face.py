"""Faces of videos that were tracked once: kept in the cache, by what is in the video and not by where it is."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

import numpy as np

from avatar.evaluation.people.tracked_face import TrackedFace, track_face
from avatar.geometry.points import KEPT
from avatar.progress import ShareDone
from speech.errors import InputError
from speech.files.draft import Draft

# Raise this when tracking changes: what was kept of earlier runs then no longer counts.
_TRACKER_VERSION = 1


def track_face_once(path: Path, cache_dir: Path, progress: ShareDone = lambda done: None) -> TrackedFace:
    """`track_face`, or what an earlier run found in the same video.

    Args:
        path: of the video.
        cache_dir: where it is kept, for this user alone.
        progress: called with the share done.

    Raises:
        InputError: as `track_face`; or the cache can't be written.
    """
    digest = hashlib.sha256(f"{_TRACKER_VERSION} {KEPT}".encode())
    try:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise InputError(f"{path}: expected a video, could not read it: {error.strerror}") from None
    entry = cache_dir / f"face-{digest.hexdigest()[:32]}.npz"
    try:
        with np.load(entry, allow_pickle=False) as kept:
            return TrackedFace(kept["landmarks"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        pass
    found = track_face(path, progress)
    content = io.BytesIO()  # on a full disk, NumPy's own writing ends in a second error that nobody can catch
    np.savez(content, landmarks=found.landmarks)
    try:
        cache_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{cache_dir}: could not make the folder: {error.strerror}") from None
    with Draft(entry, private=True) as draft:
        draft.path.write_bytes(content.getbuffer())
    return found
