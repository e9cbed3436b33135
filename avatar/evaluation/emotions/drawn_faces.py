"""Speaking faces with every emotion, drawn and found again: what the judge of the emotions looks at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from avatar.decoder import FaceDecoder, Image
from avatar.evaluation.decoder.evaluation import vector
from avatar.evaluation.decoder.landmarks import Ruler
from avatar.evaluation.emotions.face_measures import MEASURES, face_measures
from avatar.evaluation.speech.speech_track import SpeechTrack, speech_and_silence
from avatar.motion import FRAME_RATE_HZ, Emotion, Floats
from avatar.picture.sheets import CELL_PX, cut, face_box
from avatar.portrait.detection import eye_distance
from avatar.portrait.portrait import Portrait
from avatar.progress import ShareDone
from avatar.tracking.faces import FaceTracker
from speech.errors import InputError

SETTLED_FRAMES = 2 * FRAME_RATE_HZ
"""An emotion that is asked for from the start is fully there after this."""

PICTURES = 4
"""Faces of each kind whose pictures are kept to be looked at; all of them would fill the memory."""


@dataclass(frozen=True, slots=True)
class Asked:
    """An emotion and its intensity in (0, 1]; neutral ones have an intensity too, that of those they stand beside."""

    emotion: Emotion
    intensity: float


@dataclass(frozen=True, slots=True)
class DrawnFaces:
    """Faces of one portrait, N of them.

    Attributes:
        portrait: its name.
        asked: of each.
        measures: float32 [N, len(MEASURES)], eye distances, less the mean of the portrait's own neutral speech.
        pictures: of some, by their place among the faces: the face cut out.
        lost: faces drawn that were not found again.
    """

    portrait: str
    asked: tuple[Asked, ...]
    measures: Floats
    pictures: Mapping[int, Image]
    lost: int


def speaking_frames(track: SpeechTrack, count: int) -> npt.NDArray[np.int64]:
    """Frames, evenly spread, in which something is said after the emotion has settled: int64 [count].

    Raises:
        InputError: too little is said.
    """
    loud, _ = speech_and_silence(track.sound, track.frames)
    found = np.flatnonzero(loud[SETTLED_FRAMES:]) + SETTLED_FRAMES
    if len(found) < count:
        least, got, settled = (frames / FRAME_RATE_HZ for frames in (count, len(found), SETTLED_FRAMES))
        raise InputError(f"expected at least {least:.1f} s of speech after the first {settled:g} s, got {got:.1f} s")
    return np.asarray(found[np.linspace(0, len(found) - 1, count).round().astype(np.int64)], np.int64)


def draw_faces(
    portrait: Portrait,
    decoder: FaceDecoder,
    neutral: Floats,
    motions: Mapping[Asked, Floats],
    progress: ShareDone,
) -> DrawnFaces:
    """Draws and tracks one portrait's faces.

    Args:
        portrait: whose.
        decoder: of this portrait.
        neutral: float32 [F, 60], frames of speech without emotion, other ones than in `motions`.
        motions: what is asked → float32 [F, 60], frames of speech.
        progress: called with the share done.

    Raises:
        InputError: the face can't be found again at rest, or in all of its neutral speech.
    """
    total = len(neutral) + sum(map(len, motions.values()))
    box = face_box(portrait.landmarks, eye_distance(portrait.landmarks))
    kept: list[Asked] = []
    measures: list[Floats] = []
    pictures: dict[int, Image] = {}
    done = 0
    with FaceTracker() as tracker:
        rest = decoder.decode(vector())
        found = [tracker(rest) for _ in range(3)][-1]  # the tracker's window settles on the face
        if found is None:
            raise InputError(f"{portrait.path}: expected a face that can be found again, MediaPipe finds none")
        ruler = Ruler(rest, found)

        def seen(frames: Iterable[Floats]) -> Iterable[tuple[Image, Floats | None]]:
            nonlocal done
            for values in frames:
                picture = decoder.decode(values)
                points = tracker(picture)
                done += 1
                progress(done / total)
                yield picture, None if points is None else face_measures(ruler(points).shape)

        own = [measured for _, measured in seen(neutral) if measured is not None]
        if not own:
            raise InputError(f"{portrait.path}: expected a face that can be found again while it speaks, found none")
        for asked, frames in motions.items():
            shown = set(np.linspace(0, len(frames) - 1, min(PICTURES, len(frames))).round().astype(int).tolist())
            for number, (picture, measured) in enumerate(seen(frames)):
                if measured is not None:
                    if number in shown:
                        pictures[len(kept)] = cut(picture, box, CELL_PX)
                    kept.append(asked)
                    measures.append(measured)
    drawn = np.array(measures, np.float32).reshape(len(measures), len(MEASURES))
    lost = total - len(neutral) - len(measures)
    return DrawnFaces(portrait.name, tuple(kept), drawn - np.mean(own, axis=0), pictures, lost)


def halves(count: int) -> tuple[Sequence[int], Sequence[int]]:
    """Every other portrait in one half, the rest in the other."""
    return range(0, count, 2), range(1, count, 2)
