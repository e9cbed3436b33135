"""What the speech encoder hears in the prepared sound: it is frozen, so one pass over the data is enough.

As at run time it hears block by block, and what it knows of a frame depends on where in its block that lies. One grid
of blocks lies over all the data, like the sound itself; scenes begin anywhere on it, so that training meets every sound
in any place of a block.
"""

from __future__ import annotations

import hashlib
import json
import math
import shutil
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from avatar.motion import LOOK_AHEAD_FRAMES
from avatar.progress import Progress
from avatar.sampler.denoiser import DenoiserConfig
from avatar.sampler.speech_encoder import SHIPPED, VIEW_SIZE, WINDOW_FRAMES, load_speech_encoder, window_frames
from avatar.sampler.speech_mels import recording_mels
from speech.audio import SPEECH_RATE_HZ
from speech.errors import InputError
from speech.files.draft import Draft
from speech.files.input_file import check_input_file
from speech.worker.pieces import keep_pieces, make_pieces
from speech.worker.signals import run

BLOCK_FRAMES = DenoiserConfig().block
BLOCK_VIEWS = BLOCK_FRAMES + LOOK_AHEAD_FRAMES
"""The frames of a block and its look-ahead."""

_PIECE_BLOCKS = 500  # a few seconds of work
_BATCH = 20
_FULL_SCALE = 32767.0
_SAMPLER = Path(__file__).parent.parent / "sampler"
_SOURCES = (_SAMPLER / "speech_encoder.py", _SAMPLER / "speech_mels.py", Path(__file__))


def block_views(sound: npt.NDArray[np.int16], blocks: range) -> npt.NDArray[np.float16]:
    """Hears some blocks of the grid.

    Args:
        sound: int16 [T, samples of a frame], of all the data.
        blocks: which; block k has the frames from k * BLOCK_FRAMES on.

    Returns:
        float16 [blocks, BLOCK_VIEWS, VIEW_SIZE].
    """
    windows = [window_frames(block * BLOCK_FRAMES, BLOCK_FRAMES) for block in blocks]
    # One frame more in front: the first windows of a frame's spectra reach into the one before.
    heard = range(windows[0].start - 1, windows[-1].stop)
    samples = np.zeros((len(heard), sound.shape[1]), np.float32)
    inside = slice(max(0, heard.start), max(0, min(len(sound), heard.stop)))
    samples[inside.start - heard.start : inside.stop - heard.start] = sound[inside] / _FULL_SCALE
    mels = torch.from_numpy(recording_mels(samples.reshape(-1), SPEECH_RATE_HZ)[1:])
    encoder = load_speech_encoder()
    found = []
    with torch.inference_mode():
        for some in torch.arange(0, len(blocks) * BLOCK_FRAMES, BLOCK_FRAMES).split(_BATCH):
            found.append(encoder(mels[some[:, None] + torch.arange(WINDOW_FRAMES)], BLOCK_VIEWS).half())
    return np.asarray(torch.cat(found).numpy())


def make_views(data_dir: Path, *, processes: int = 1, progress: Progress | None = None) -> None:
    """Hears all the prepared sound, unless that was done before: writes `views.npy`.

    A run that was stopped, in whatever way, goes on where it was.

    Args:
        data_dir: of `avatar.training.dataset.prepare`.
        processes: that hear.
        progress: called after every piece.

    Raises:
        InputError: no prepared data, or no place to write to.
    """
    sound = _sound(data_dir)
    key = _key(data_dir)
    if _written_key(data_dir) == key:
        if progress:
            progress(1.0, "heard before")
        return
    blocks = math.ceil(len(sound) / BLOCK_FRAMES)
    folder = data_dir / "views"
    keep_pieces(folder, key, lambda line: None)
    pieces = [range(first, min(first + _PIECE_BLOCKS, blocks)) for first in range(0, blocks, _PIECE_BLOCKS)]
    paths = [folder / f"{number:06d}.npy" for number in range(len(pieces))]
    done = 0

    def note(count: int) -> None:
        nonlocal done
        done += count
        if progress:
            progress(done / blocks, f"{done * BLOCK_FRAMES} of {len(sound)} frames heard")

    def missing() -> Iterator[dict[str, Any]]:
        for piece, path in zip(pieces, paths, strict=True):
            if path.exists():
                note(len(piece))
            else:
                yield {"first": piece.start, "stop": piece.stop, "path": str(path)}

    run(
        make_pieces(
            "avatar.training.view_worker",
            {"sound": str(_sound_path(data_dir))},
            missing(),
            lambda call, item: note(call["stop"] - call["first"]),
            processes=processes,
            what="hearing process",
        )
    )
    with Draft(data_dir / "views.npy") as draft, draft.path.open("wb") as file:
        shape = (blocks, BLOCK_VIEWS, VIEW_SIZE)
        told = {"descr": np.dtype(np.float16).str, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, told)
        for path in paths:
            file.write(np.load(path).tobytes())
    with Draft(data_dir / "views.json") as draft:
        draft.path.write_text(key, "utf-8")
    shutil.rmtree(folder, ignore_errors=True)


def load_views(data_dir: Path) -> npt.NDArray[np.float16]:
    """What `make_views` wrote: float16 [blocks, BLOCK_VIEWS, VIEW_SIZE], mapped, not read.

    Raises:
        InputError: nothing was written there, for other sound or another encoder, or it is damaged.
    """
    path = data_dir / "views.npy"
    sound = _sound(data_dir)
    if _written_key(data_dir) != _key(data_dir):
        raise InputError(f"{data_dir}: expected what the speech encoder hears in this sound; `make_views` makes it")
    try:
        views = np.load(path, mmap_mode="c", allow_pickle=False)  # copy on write: PyTorch takes nothing read only
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: expected views of the sound, could not read them: {error}; remove it") from None
    if views.shape != (math.ceil(len(sound) / BLOCK_FRAMES), BLOCK_VIEWS, VIEW_SIZE) or views.dtype != np.float16:
        raise InputError(f"{path}: expected views of the sound, got {views.dtype} {views.shape}; remove it")
    return views


def write_block_views(sound_path: Path, blocks: range, path: Path) -> None:
    """One piece in a file of its own, whole or not at all.

    Raises:
        InputError: it can't be written there.
    """
    found = block_views(np.load(sound_path, mmap_mode="r"), blocks)
    with Draft(path) as draft, draft.path.open("wb") as file:
        np.save(file, found)


def _sound_path(data_dir: Path) -> Path:
    return data_dir / "sound.npy"


def _sound(data_dir: Path) -> npt.NDArray[np.int16]:
    path = _sound_path(data_dir)
    check_input_file(path, "sound of 'visavis train prepare'")
    try:
        sound = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: expected sound of 'visavis train prepare', could not read it: {error}") from None
    if sound.dtype != np.int16 or sound.ndim != 2 or not len(sound):
        raise InputError(f"{path}: expected sound of 'visavis train prepare', got {sound.dtype} {sound.shape}")
    return sound


def _key(data_dir: Path) -> str:
    """Checksums of all that views depend on."""
    asset = resources.files("avatar") / "assets" / SHIPPED
    code = b"".join(path.read_bytes() for path in _SOURCES)
    with _sound_path(data_dir).open("rb") as file:
        sound = hashlib.file_digest(file, "sha256").hexdigest()
    parts = {"encoder": hashlib.sha256(asset.read_bytes()).hexdigest(), "code": hashlib.sha256(code).hexdigest()}
    return json.dumps({**parts, "sound": sound})


def _written_key(data_dir: Path) -> str | None:
    """The key of what is there."""
    try:
        return (data_dir / "views.json").read_text("utf-8") if (data_dir / "views.npy").is_file() else None
    except (OSError, ValueError):
        return None
