"""Held-out speech that was made once: natural voices take minutes for it, so it is kept in the cache."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from avatar.evaluation.speech import held_out, speech_track
from avatar.evaluation.speech.held_out import HeldOutSpeech, held_out_speech
from avatar.evaluation.speech.speech_track import SpeechTrack, SpokenPart
from avatar.progress import ShareDone
from avatar.training.texts import corpus
from avatar.training.voices import cast as cast_module
from avatar.training.voices.cast import Cast
from avatar.training.voices.utterance import Phone
from avatar.training.voices.voice_files import VoiceFiles
from speech.audio import Samples
from speech.files.draft import Draft

_TRACKS = ("track", "user")


def held_out_once(
    files: VoiceFiles, seconds: float, seed: int, cache_dir: Path, progress: ShareDone = lambda done: None
) -> HeldOutSpeech:
    """`held_out_speech` of the voices that are there, or what an earlier call made of the same voices and code.

    Args:
        files: of the natural voices.
        seconds: of each of the two tracks, at least.
        seed: of what is said.
        cache_dir: where it is kept.
        progress: called with the share done.

    Raises:
        InputError: a voice's file is damaged, or the cache can't be written.
    """
    # Where the files are does not change the voices.
    sizes = {name: [Path(path).stat().st_size for path in paths] for name, paths in files.fields().items()}
    cast = Cast(files)
    key = json.dumps([sizes, [voice.name for voice in cast.held_out], seconds, seed, _code()])
    entry = cache_dir / f"held-out-{hashlib.sha256(key.encode()).hexdigest()[:16]}.npz"
    try:
        with np.load(entry, allow_pickle=False) as kept:
            return HeldOutSpeech(*(_track(kept[name], json.loads(str(kept[f"{name} parts"]))) for name in _TRACKS))
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
        pass
    made = held_out_speech(cast, seconds, seed, progress)
    content = io.BytesIO()  # on a full disk, NumPy's own writing ends in a second error that nobody can catch
    arrays = {name: getattr(made, name).sound for name in _TRACKS}
    parts = {f"{name} parts": np.array(json.dumps([asdict(p) for p in getattr(made, name).parts])) for name in _TRACKS}
    np.savez(content, **arrays, **parts)
    cache_dir.mkdir(parents=True, exist_ok=True)
    with Draft(entry) as draft:
        draft.path.write_bytes(content.getbuffer())
    return made


def _track(sound: Samples, parts: list[dict[str, Any]]) -> SpeechTrack:
    read = [SpokenPart(**{**part, "phones": tuple(Phone(**phone) for phone in part["phones"])}) for part in parts]
    return SpeechTrack(sound.astype(np.float32), tuple(read))


def _code() -> str:
    """A checksum of what makes the speech: code that was changed makes other speech."""
    digest = hashlib.sha256()
    modules = [Path(str(module.__file__)) for module in (held_out, speech_track)]
    folders = [Path(str(module.__file__)).parent for module in (corpus, cast_module)]
    for path in [*modules, *(path for folder in folders for path in sorted(folder.glob("*.py")))]:
        digest.update(path.read_bytes())
    return digest.hexdigest()
