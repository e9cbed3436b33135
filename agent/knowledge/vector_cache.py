"""Vectors of texts, made once: kept in the user's cache folder by what they were made of.

Those of the texts that come with the program come with it, too (data/vectors, by scripts/make_vectors.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from importlib import resources

import numpy as np

from agent.knowledge.meaning import Vectors
from speech.errors import InputError
from speech.files.draft import Draft
from speech.user_folders import cache_folder

_BATCH = 16
"""Texts read together: quick, and the reader can be stopped within a tenth of a second."""

_VERSION = 1
_DIGEST_BYTES = 32
_KEPT = 12
"""Files of vectors, each at most 9 MB: of the knowledge files used last, and of their versions."""


def vectors_of(
    texts: Sequence[str],
    encode: Callable[[Sequence[str]], Vectors],
    *,
    size: int,
    model: str,
    is_stopped: Callable[[], bool] = lambda: False,
) -> Vectors | None:
    """The vectors of texts, from the cache or made now; they are kept with half the precision.

    Args:
        texts: any number of them.
        encode: makes vectors of texts.
        size: of a vector.
        model: what `encode` is, such as a checksum of its weights.
        is_stopped: asked between batches.

    Returns:
        float32 [N, size]; None if it was stopped. Without a cache folder, they are made anew each time.
    """
    name = file_name(texts, model)
    place = cache_folder() / "meaning" / name
    for one in (resources.files("agent").joinpath("data/vectors", name), place):
        try:
            kept = one.read_bytes()
        except OSError:
            continue
        if len(kept) == _DIGEST_BYTES + 2 * size * len(texts):
            data = kept[_DIGEST_BYTES:]
            if hashlib.sha256(data).digest() == kept[:_DIGEST_BYTES]:
                return np.frombuffer(data, np.float16).reshape(-1, size).astype(np.float32)
    made = np.zeros((len(texts), size), np.float16)
    by_length = sorted(range(len(texts)), key=lambda number: len(texts[number]))
    for start in range(0, len(texts), _BATCH):
        if is_stopped():
            return None
        batch = by_length[start : start + _BATCH]
        made[batch] = encode([texts[number] for number in batch])
    try:
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with Draft(place, private=True) as draft:
            draft.path.write_bytes(hashlib.sha256(made.tobytes()).digest() + made.tobytes())
        files = sorted(place.parent.glob("*.vectors"), key=lambda file: file.stat().st_mtime)
        for file in files[:-_KEPT]:
            file.unlink(missing_ok=True)
    except (OSError, InputError):
        pass
    return made.astype(np.float32)


def file_name(texts: Sequence[str], model: str) -> str:
    """What the file with the vectors of texts is called."""
    key = hashlib.sha256("\0".join((str(_VERSION), model, *texts)).encode("utf-8", "surrogatepass")).hexdigest()
    return f"{key[:32]}.vectors"
