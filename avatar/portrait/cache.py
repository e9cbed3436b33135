"""The cache of analysed portraits: NPZ files, read only where they are whole and of the right shapes."""

from __future__ import annotations

import contextlib
import io
import json
import zipfile
from dataclasses import astuple
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from avatar.geometry.head import HeadGains
from speech.errors import InputError
from speech.files.draft import Draft
from speech.files.input_file import check_input_file

if TYPE_CHECKING:
    from avatar.portrait.portrait import Portrait

# Beside the picture and its two masks: landmarks, a few numbers and sentences, and the archive's own.
_REST_BYTES = 64_000
_MOST_NOTICES = 20


def read_entry(entry: Path, size: int) -> dict[str, Any] | None:
    """What `write_entry` kept, as arguments of `Portrait` (all but its path); None if there is none.

    A damaged entry is none either: it is then made again. Nothing in it is run or unpacked.

    Args:
        entry: the file.
        size: pixels a side of the picture that should be in it.
    """
    try:
        # Archives in archives, devices, and arrays larger than their file end here.
        most = size * size * 5 + _REST_BYTES
        check_input_file(entry, "an analysed portrait", most_bytes=most)
        with zipfile.ZipFile(entry) as archive:
            members = archive.infolist()
            if any(member.compress_type != zipfile.ZIP_STORED or member.file_size > most for member in members):
                return None
        with entry.open("rb") as file, np.load(file, allow_pickle=False) as data:
            arrays = {name: data[name] for name in data.files}
    except InputError:
        return None
    except Exception:  # whatever a damaged archive makes its readers raise
        return None
    return _checked(arrays, size)


def write_entry(entry: Path, portrait: Portrait) -> None:
    """Keeps an analysis, readable by this user alone; a full or read-only disk only costs the next start its speed."""
    content = io.BytesIO()  # on a full disk, NumPy's own writing ends in a second error that nobody can catch
    np.savez(
        content,
        image=portrait.image,
        landmarks=portrait.landmarks,
        matte=np.rint(portrait.matte * 255.0).astype(np.uint8),
        placement=np.array(portrait.placement),
        head_gains=np.array(astuple(portrait.head_gains)),
        turns=np.array(portrait.turns),
        mouth_is_covered=np.array(portrait.mouth_is_covered),
        notices=np.frombuffer(json.dumps(portrait.notices).encode(), np.uint8),
        **({} if portrait.in_front is None else {"in_front": np.rint(portrait.in_front * 255.0).astype(np.uint8)}),
    )
    with contextlib.suppress(OSError, InputError):
        entry.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with Draft(entry, private=True) as draft:
            draft.path.write_bytes(content.getbuffer())


def _checked(arrays: dict[str, np.ndarray[Any, Any]], size: int) -> dict[str, Any] | None:
    """As `Portrait` takes it, or None where something is missing, of another shape, or no number."""
    shapes = {
        "image": ((size, size, 3), np.uint8),
        "landmarks": ((478, 3), np.float32),
        "matte": ((size, size), np.uint8),
        "placement": ((3,), np.float64),
        "head_gains": ((4,), np.float64),
        "turns": ((), np.int64),
        "mouth_is_covered": ((), np.bool_),
    }
    if "in_front" in arrays:
        shapes["in_front"] = ((size, size), np.uint8)
    for name, (shape, kind) in shapes.items():
        if name not in arrays or arrays[name].shape != shape or arrays[name].dtype != kind:
            return None
        if kind in (np.float32, np.float64) and not np.isfinite(arrays[name]).all():
            return None
    try:
        notices = json.loads(arrays["notices"].tobytes())
    except (KeyError, ValueError, RecursionError):
        return None
    if not isinstance(notices, list) or len(notices) > _MOST_NOTICES or not all(isinstance(n, str) for n in notices):
        return None
    left, top, side = (float(value) for value in arrays["placement"])
    if side <= 0.0 or int(arrays["turns"]) not in range(4):
        return None
    return {
        "image": arrays["image"],
        "landmarks": arrays["landmarks"],
        "matte": arrays["matte"].astype(np.float32) / np.float32(255.0),
        "placement": (left, top, side),
        "head_gains": HeadGains(*arrays["head_gains"].tolist()),
        "turns": int(arrays["turns"]),
        "mouth_is_covered": bool(arrays["mouth_is_covered"]),
        "notices": tuple(notices),
        "in_front": arrays["in_front"].astype(np.float32) / np.float32(255.0) if "in_front" in arrays else None,
    }
