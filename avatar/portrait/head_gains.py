"""By how much a portrait must be turned to look turned as asked: measured once, with MediaPipe, when it is analysed."""

from __future__ import annotations

import cv2
import numpy as np

from avatar.decoder import Image
from avatar.geometry import landmarks as lm
from avatar.geometry.head import HeadGains, HeadMotion
from avatar.geometry.warp import FieldInverter, Grid
from avatar.motion import Floats, MotionLayout, neutral
from avatar.portrait.detection import FaceFinder
from avatar.portrait.head_looks import settled_landmarks
from avatar.portrait.head_pnp import HeadPnp

# What is asked for while measuring, degrees; the gains that a single photo bears.
_PITCH, _YAW = 10.0, 15.0
_PITCH_GAINS, _YAW_GAINS = (1.0, 2.0), (0.8, 1.5)
# Each gain is corrected so often; steps and cells a side of the field that turns the picture.
_ROUNDS = 2
_STEPS, _CELLS = 4, 64


def measure_head_gains(image: Image, landmarks: Floats, finder: FaceFinder) -> HeadGains:
    """Turns the picture up, down, left and right and looks how far it seems to have turned; some 0.5 s.

    Args:
        image: uint8 [S, S, 3], the portrait.
        landmarks: float32 [478, 3], pixels.
        finder: entered already.

    Returns:
        Gains; where no face is found again, the usual ones.
    """
    size = image.shape[0]
    grid = Grid(0, 0, _CELLS, _CELLS, size // _CELLS)
    invert = FieldInverter(grid, _STEPS)
    pixels = np.stack(np.meshgrid(np.arange(size), np.arange(size)), axis=-1).astype(np.float32)
    usual = HeadGains()
    # The picture at rest, found as the turned ones are.
    rest = settled_landmarks(finder, image)
    if rest is None:
        return usual
    pnp = HeadPnp(rest)
    solid = HeadMotion(grid, landmarks, lm.FacePlane.of(landmarks), HeadGains(1.0, 1.0, 1.0, 1.0))

    def seen(column: str, degrees: float) -> float | None:
        """The angle that comes back from a turn of the solid, degrees."""
        values = neutral(1)[0]
        values[MotionLayout.INDEX[column]] = np.radians(degrees)
        back = cv2.resize(invert(solid(values[MotionLayout.HEAD])), (size, size), interpolation=cv2.INTER_CUBIC)
        turned = cv2.remap(image, pixels + back, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        found = settled_landmarks(finder, np.asarray(turned, np.uint8))
        return None if found is None else float(np.degrees(pnp.angles(found)[0 if column == "headPitch" else 1]))

    def measured(column: str, asked: float, gain: float, bounds: tuple[float, float]) -> float:
        """The gain with which an angle comes back as it was asked for, degrees."""
        for _ in range(_ROUNDS):
            back = seen(column, asked * gain)
            if back is not None:
                gain = float(np.clip(gain / np.clip(back / asked, 0.5, 2.0), *bounds))
        return gain

    return HeadGains(
        up=measured("headPitch", _PITCH, usual.up, _PITCH_GAINS),
        down=measured("headPitch", -_PITCH, usual.down, _PITCH_GAINS),
        left=measured("headYaw", _YAW, usual.left, _YAW_GAINS),
        right=measured("headYaw", -_YAW, usual.right, _YAW_GAINS),
    )
