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
from avatar.portrait.head_pnp import HeadPnp

# What is asked for while measuring, degrees; the gains that a single photo bears.
_PITCH, _YAW = 10.0, 15.0
_PITCH_GAINS, _YAW_GAINS = (1.0, 2.0), (0.8, 1.5)
_ROUNDS, _STEPS = 2, 4
_CELLS = 64


def measure_head_gains(image: Image, landmarks: Floats, finder: FaceFinder) -> HeadGains:
    """Turns the picture up, down, left and right and looks how far it seems to have turned; some 0.4 s.

    Args:
        image: uint8 [S, S, 3], the portrait.
        landmarks: float32 [478, 3], pixels.
        finder: entered already.

    Returns:
        Gains; where no face is found again, the usual ones.
    """
    size = image.shape[0]
    grid = Grid(0, 0, _CELLS, _CELLS, size // _CELLS)
    plane = lm.FacePlane.of(landmarks)
    invert = FieldInverter(grid, _STEPS)
    pixels = np.stack(np.meshgrid(np.arange(size), np.arange(size)), axis=-1).astype(np.float32)
    gains = HeadGains()
    # The picture at rest, found as the turned ones are.
    rest = finder.meshes(image)
    if not rest:
        return gains
    pnp = HeadPnp(rest[0])
    head = HeadMotion(grid, landmarks, plane, gains)
    for _ in range(_ROUNDS):
        motion = head.with_gains(gains)

        def seen(column: str, degrees: float, motion: HeadMotion = motion) -> float:
            """How much of an angle comes back."""
            values = neutral(1)[0]
            values[MotionLayout.INDEX[column]] = np.radians(degrees)
            back = cv2.resize(invert(motion(values[MotionLayout.HEAD])), (size, size), interpolation=cv2.INTER_CUBIC)
            turned = cv2.remap(image, pixels + back, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            found = finder.meshes(np.asarray(turned, np.uint8))
            if not found:
                return 1.0
            angle = pnp.angles(found[0])[0 if column == "headPitch" else 1]
            return float(np.clip(np.degrees(angle) / degrees, 0.5, 2.0))

        gains = HeadGains(
            up=float(np.clip(gains.up / seen("headPitch", _PITCH), *_PITCH_GAINS)),
            down=float(np.clip(gains.down / seen("headPitch", -_PITCH), *_PITCH_GAINS)),
            left=float(np.clip(gains.left / seen("headYaw", _YAW), *_YAW_GAINS)),
            right=float(np.clip(gains.right / seen("headYaw", -_YAW), *_YAW_GAINS)),
        )
    return gains
