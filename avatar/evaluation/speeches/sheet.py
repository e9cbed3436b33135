"""A film strip of one speech: every frame's mouth, its phonemes beneath, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from avatar.decoder import FaceDecoder, Image
from avatar.evaluation.lips import LipGeometry, LipPositions
from avatar.evaluation.phonemes import AT_TEETH_PX, CLOSED_GAP_PX, PhonemeEvent, events
from avatar.evaluation.speech.speech_track import SpeechTrack
from avatar.motion import FRAME_RATE_HZ, Floats, MotionLayout, neutral
from avatar.picture.sheets import GAP_PX, SHEET_PX, Box, around, banner, cut, stacked, tiled
from avatar.portrait.detection import eye_distance

_COLUMNS = 16
_CELL_PX = SHEET_PX // _COLUMNS - GAP_PX
_LABEL_PX = 34
_LEAST_OVERLAP_S = 0.008
_BACK = {"lips": "#f6cfca", "teeth": "#fbe6c0", "": "#ffffff"}
_INK, _WRONG, _FAINT = "#24303c", "#b3261e", "#8793a0"


def speech_sheet(
    decoder: FaceDecoder, landmarks: Floats, values: Floats, track: SpeechTrack, lips: LipGeometry
) -> Image:
    """Draws the sheet.

    Args:
        decoder: of one portrait.
        landmarks: float32 [478, 3], of the portrait, pixels.
        values: float32 [T, 60], the motion made for the track.
        track: one part, whose phonemes are known.
        lips: of the portrait.

    Returns:
        uint8 [H, 1600, 3], the head held still. Beneath each frame its phonemes (red: p b m, yellow: f v) and the gap
        between the lips in pixels of the picture; "!" where a contact is missed, red gaps where lips are closed with no
        p b m near.
    """
    part = track.parts[0]
    found, at = events(track.parts, len(values)), lips(values)
    box = _mouth_and_chin(landmarks)
    missed = missed_contacts(found, at, len(values))
    near_lips = np.zeros(len(values), bool)
    for event in found:
        if event.kind == "lips":
            near_lips[max(0, event.first - 2) : event.stop + 2] = True
    still = values.copy()
    still[:, MotionLayout.HEAD] = neutral(1)[:, MotionLayout.HEAD]
    cells = []
    for frame, row in enumerate(still):
        start_s = frame / FRAME_RATE_HZ - part.first_frame / FRAME_RATE_HZ
        said = [
            phone.symbol
            for phone in part.phones
            if phone.symbol
            and min(phone.end_s, start_s + 1.0 / FRAME_RATE_HZ) - max(phone.start_s, start_s) > _LEAST_OVERLAP_S
        ]
        here = [event for event in found if event.first <= frame < event.stop]
        kind = next((event.kind for event in here if event.kind in ("lips", "teeth")), "")
        lacks = any(event in missed for event in here)
        gap = float(at.gap_px[frame])
        needless = bool(said) and gap <= CLOSED_GAP_PX and not near_lips[frame]
        picture = cut(np.ascontiguousarray(decoder.decode(row)[:, :, :3]), box, _CELL_PX)
        label = _label(" ".join(said) + (" !" if lacks else ""), f"{gap:.0f}", kind, lacks, needless)
        cells.append(np.vstack([picture, label]))
    return stacked([banner(f"{part.voice}: {part.text}"), tiled(cells, _COLUMNS)])


def missed_contacts(found: Sequence[PhonemeEvent], at: LipPositions, frames: int) -> list[PhonemeEvent]:
    """The p b m at which lips don't meet, and the f v at which lip and teeth don't, within a frame of them."""
    parted = (at.over_teeth_px >= -AT_TEETH_PX) & (at.gap_px > CLOSED_GAP_PX)
    met = {"lips": at.gap_px <= CLOSED_GAP_PX, "teeth": parted}
    return [event for event in found if event.kind in met and not met[event.kind][event.near(frames)].any()]


def _label(said: str, gap: str, kind: str, lacks: bool, needless: bool) -> Image:
    strip = Pillow.new("RGB", (_CELL_PX, _LABEL_PX), _BACK[kind])
    pen = ImageDraw.Draw(strip)
    pen.text((3, 0), said, _WRONG if lacks else _INK, _font(15))
    pen.text((3, 19), gap, _WRONG if needless else _FAINT, _font(11))
    return np.asarray(strip, np.uint8)


@lru_cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    """A font that has the phonetic alphabet: Matplotlib brings one along."""
    import matplotlib

    return ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"), size)


def _mouth_and_chin(landmarks: Floats) -> Box:
    unit = eye_distance(landmarks)
    return around(landmarks[[1, 152, 61, 291]], 0.14 * unit, 0.0, 0.10 * unit)
