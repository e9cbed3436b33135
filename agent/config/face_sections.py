"""The settings of the portrait, its motion and its picture."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, ValidationInfo

from agent.config.section import LONGEST_TEXT, FilePath, Section, located
from avatar.control_timeline import DEFAULT_INTENSITY, MAX_GAZE_DEG
from avatar.motion import FARTHEST_HEAD, NEAREST_HEAD, Controls, Emotion


def _located_portrait(value: object, info: ValidationInfo) -> object:
    """Like `located`, but a bare word such as "mira" is the name of a shipped portrait and stays as it is."""
    if isinstance(value, str) and not all(letter.isalnum() or letter in "-_" for letter in value):
        return str(located(value, info) or "")
    return value


def _located_backdrop(value: object, info: ValidationInfo) -> object:
    """Like `located`, but "photo", "transparent" and a colour such as "#20405f" stay as they are."""
    if isinstance(value, str) and value.strip() and value not in ("photo", "transparent") and value[0] != "#":
        return str(located(value, info))
    return value


def _free_if_empty(value: object) -> object:
    return None if value == "" else value


FreeDegrees = Annotated[
    Annotated[float, Field(ge=-MAX_GAZE_DEG, le=MAX_GAZE_DEG)] | None, BeforeValidator(_free_if_empty)
]
"""Degrees, or None where the setting is "" (the face decides)."""


class PortraitSection(Section):
    """Whose face.

    Attributes:
        path: "" for the first shipped portrait, the name of a shipped one, or an absolute path.
        landmarks: file of points placed by hand on that picture; None where the face is found without.
        cache_dir: folder of analysed portraits; None for the user's usual cache folder.
    """

    path: Annotated[str, BeforeValidator(_located_portrait)] = ""
    landmarks: FilePath = None
    cache_dir: FilePath = None


class FaceSection(Section):
    """How the motion of the face is sampled.

    Attributes:
        seed: the same seed, portrait and sound give the same motion; anything else moves anew.
        steps: network evaluations a block.
        composure: 0 lively, 1 calm, where nothing else is asked at run time (`Controls.composure`).
        nods: share of your pauses that the listener nods at, 0 to 1.
        guidance_audio: classifier-free guidance towards the speech, 0 to 4; see `avatar.sampler.guidance`.
        breathing: how far shoulders and chest rise with each breath, 1 as of a person at rest.
        weights: safetensors file of the sampler; None for the shipped one.
    """

    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 0
    steps: Annotated[int, Field(ge=1, le=50)] = 3
    composure: Annotated[float, Field(ge=0.0, le=1.0)] = 0.5
    nods: Annotated[float, Field(ge=0.0, le=1.0)] = 0.6
    guidance_audio: Annotated[float, Field(ge=0.0, le=4.0)] = 0.0
    breathing: Annotated[float, Field(ge=0.0, le=2.0)] = 1.0
    weights: FilePath = None


class ControlsSection(Section):
    """What is asked of the face from the start; `controls()` gives it in the sampler's own units.

    Composure from the start is `FaceSection.composure`.

    Attributes:
        emotion: which emotion.
        intensity: of the emotion, 0 to 1; neutral has none.
        gaze_yaw_deg: degrees, positive looks to its own left; None is free.
        gaze_pitch_deg: degrees, positive looks up; None is free.
        head_distance: ratio, 1 as in the portrait, larger is farther.
    """

    # A strict enum takes only its own members, and TOML has none.
    emotion: Annotated[Emotion, Field(strict=False)] = Emotion.NEUTRAL
    intensity: Annotated[float, Field(ge=0.0, le=1.0)] = DEFAULT_INTENSITY
    gaze_yaw_deg: FreeDegrees = None
    gaze_pitch_deg: FreeDegrees = None
    head_distance: Annotated[float, Field(ge=NEAREST_HEAD, le=FARTHEST_HEAD)] = 1.0

    def controls(self) -> Controls:
        """The same as `avatar.motion.Controls`: radians; of a gaze with one angle free, that angle is straight."""
        yaw, pitch = self.gaze_yaw_deg, self.gaze_pitch_deg
        gaze = None if yaw is None and pitch is None else (math.radians(yaw or 0.0), math.radians(pitch or 0.0))
        return Controls(gaze, self.head_distance, self.emotion, self.intensity)


class OutputSection(Section):
    """What the picture is, and how it is written into a video file.

    Attributes:
        label: whether every frame says "AI".
        label_corner: where it says so.
        size: width and height of the square picture, pixels.
        background: behind the person: "photo", "transparent", a colour "#rrggbb", or a picture's path.
        full_frame: show the whole photo with the moving head in it.
        video_crf: x264's constant rate factor: lower is better and larger.
        video_preset: x264's preset: slower is smaller.
        subtitles: whether an .srt file is written beside the video.
    """

    label: bool = True
    label_corner: Literal["top-left", "top-right", "bottom-left", "bottom-right"] = "bottom-right"
    size: Annotated[int, Field(ge=256, le=1024, multiple_of=128)] = 512
    background: Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT), BeforeValidator(_located_backdrop)] = (
        "photo"
    )
    full_frame: bool = False
    # 0 would be lossless, which is a profile that browsers don't play.
    video_crf: Annotated[int, Field(ge=1, le=51)] = 20
    video_preset: Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow"] = "superfast"
    subtitles: bool = False
