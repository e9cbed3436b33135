"""Output to a virtual camera, which meeting programs show like any other."""

from __future__ import annotations

import os
import sys
from typing import Any, Self

from avatar.decoder import VideoFrame
from avatar.motion import FRAME_RATE_HZ, Floats
from avatar.outputs.framing import Framing
from avatar.picture.backdrop import CHROMA_KEY, flatten
from speech.audio import Samples
from speech.errors import DeviceError, InputError

MODPROBE = "sudo modprobe v4l2loopback exclusive_caps=1 card_label=Visavis"
"""What makes a virtual camera on Linux; docs/camera.md explains it."""


class VirtualCameraOutput:
    """Sends every frame on as it comes: the renderer's clock is the camera's, so that picture and sound stay together.

    A late frame sends nothing, and viewers keep the last one. Sending copies the picture into the driver and returns.

    Args:
        device: which camera: "/dev/video10", "OBS Virtual Camera"; "" for the first that is free.
        framing: makes the camera's picture of the face.
        backend: pyvirtualcam's name of the kind of camera; None tries all that the system has.

    Attributes:
        device: the camera's real name, once it is open.
    """

    def __init__(self, *, device: str = "", framing: Framing, backend: str | None = None) -> None:
        self.device, self._framing, self._backend = device, framing, backend
        self._path: str | None = None
        self._is_open = False

    def __enter__(self) -> Self:
        """Opens the camera.

        Raises:
            DeviceError: there is no such camera, or it is busy.
            InputError: pyvirtualcam is not installed.
        """
        pyvirtualcam, framing, backend = _pyvirtualcam(), self._framing, self._backend
        if backend is not None and backend not in pyvirtualcam.camera.BACKENDS:
            known = ", ".join(pyvirtualcam.camera.BACKENDS)
            raise ValueError(f"virtual camera: expected a backend of pyvirtualcam ({known}), got {backend!r}")
        try:
            self._camera = pyvirtualcam.Camera(
                framing.width, framing.height, FRAME_RATE_HZ, device=self.device or None, backend=backend
            )
        except RuntimeError as error:
            raise DeviceError(f"virtual camera: {_advice(self.device, _one_line(error))}") from None
        self._is_open = True
        self.device = str(self._camera.device)
        # A camera that is a file can be seen to go; pyvirtualcam itself only prints that it could not write.
        self._path = self.device if os.path.exists(self.device) else None
        return self

    def write(self, frame: VideoFrame | None, sound: Samples, motion: Floats) -> None:
        """Sends one picture.

        Raises:
            DeviceError: the camera has gone; said once, later frames go nowhere.
        """
        if frame is None or not self._is_open:
            return
        try:
            if self._path is not None:
                os.stat(self._path)
            self._camera.send(self._framing.compose(flatten(frame.image, CHROMA_KEY)))
        except (OSError, RuntimeError) as error:
            self._close()
            reason = (error.strerror if isinstance(error, OSError) else None) or _one_line(error)
            raise DeviceError(
                f"virtual camera: {self.device} has gone ({reason}); nothing is shown there until the next start"
            ) from None

    def __exit__(self, *_: object) -> None:
        """Closes the camera."""
        self._close()

    def _close(self) -> None:
        if self._is_open:
            self._is_open = False
            self._camera.close()


def _pyvirtualcam() -> Any:
    try:
        import pyvirtualcam
        import pyvirtualcam.camera
    except ImportError:
        raise InputError(
            "virtual camera: expected the package pyvirtualcam, it is not installed; pip install 'visavis[camera]'"
        ) from None
    return pyvirtualcam


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")


def _advice(device: str, reason: str) -> str:
    """What was expected, what the system says, and what to do about it there."""
    if sys.platform == "darwin":
        return f"expected a camera, got: {reason}; install OBS 30 or newer and start its virtual camera once"
    if sys.platform == "win32":
        return f"expected a camera, got: {reason}; install OBS or Unity Capture, and stop what else shows its camera"
    name = device or "the camera"
    if "permission" in reason or "Permission" in reason:
        return f"{name} may not be written; sudo usermod -a -G video $USER, then log out and in again"
    if "in use" in reason or "busy" in reason:
        return f"{name} is busy; close the program that writes to it, or name another one in camera.device"
    if device and os.path.exists(device):
        return f"expected a v4l2loopback device, got {device}: {reason}; make one with: {MODPROBE}"
    found = f"there is no {device}" if device else "found none at /dev/video0 to /dev/video99"
    return f"expected a v4l2loopback device, {found}; make one with: {MODPROBE}"
