"""What a visitor asks of the face at any moment, as JSON: over HTTP, and over a peer's data channel."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from avatar.control_timeline import DEFAULT_INTENSITY, MAX_GAZE_DEG
from avatar.motion import FARTHEST_HEAD, NEAREST_HEAD, Controls, Emotion

Degrees = Annotated[float | None, Field(ge=-MAX_GAZE_DEG, le=MAX_GAZE_DEG)]


class ControlsChange(BaseModel):
    """Changes what is named and leaves the rest as it was; null gives a control back to the face.

    Attributes:
        emotion: which emotion.
        intensity: of the emotion that comes with it, 0 to 1.
        yaw_deg: of the gaze, positive looks to the face's own left; comes with `pitch_deg`.
        pitch_deg: of the gaze, positive looks up.
        distance: ratio, 1 as in the portrait, larger is farther.
        composure: 0 lively, 1 calm.
    """

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        json_schema_extra={
            "minProperties": 1,
            "dependentRequired": {
                "yaw_deg": ["pitch_deg"],
                "pitch_deg": ["yaw_deg"],
                "intensity": ["emotion"],
            },
            "examples": [{"emotion": "happy", "intensity": 0.6}, {"yaw_deg": 10, "pitch_deg": -5}, {"distance": 1.2}],
        },
    )

    emotion: Annotated[Emotion | None, Field(strict=False)] = None
    intensity: Annotated[float, Field(ge=0.0, le=1.0)] = DEFAULT_INTENSITY
    yaw_deg: Degrees = None
    pitch_deg: Degrees = None
    distance: Annotated[float | None, Field(ge=NEAREST_HEAD, le=FARTHEST_HEAD)] = None
    composure: Annotated[float | None, Field(ge=0.0, le=1.0)] = None

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        named = self.model_fields_set
        if not named:
            raise ValueError("expected at least one control, got none")
        if "intensity" in named and "emotion" not in named:
            raise ValueError("an intensity comes with its emotion")
        if ("yaw_deg" in named) != ("pitch_deg" in named) or (self.yaw_deg is None) != (self.pitch_deg is None):
            raise ValueError("a gaze is two angles: yaw_deg and pitch_deg")
        return self

    def applied_to(self, controls: Controls) -> Controls:
        """What is asked of the face from now on."""
        named = self.model_fields_set
        if "emotion" in named:
            controls = replace(controls, emotion=self.emotion, intensity=self.intensity if self.emotion else 0.0)
        if self.yaw_deg is not None and self.pitch_deg is not None:
            controls = replace(controls, gaze=(math.radians(self.yaw_deg), math.radians(self.pitch_deg)))
        elif "yaw_deg" in named:
            controls = replace(controls, gaze=None)
        if "distance" in named:
            controls = replace(controls, head_distance=self.distance)
        return replace(controls, composure=self.composure) if "composure" in named else controls
