"""What a visitor may choose when a conversation begins."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from avatar.motion import Emotion

_LINE = r"^[^\x00-\x1F\x7F]*$"
_LINES = r"^[^\x00-\x08\x0B\x0C\x0E-\x1F\x7F]*$"
"""Without control characters; tabs and line ends are none of them here."""


class Wishes(BaseModel):
    """What a visitor chooses; what is left out is as the server is configured.

    Attributes:
        portrait: the id of a person or of a picture that was brought.
        voice: the id of one of the voices.
        language: one of the languages, for hearing and speaking.
        name: what the avatar calls itself.
        persona: who it is, in a few sentences, for a language model.
        composure: 0 lively, 1 calm.
        emotion: shown from the start.
        lesson: the id of a lesson.
        learner: under which name progress in lessons is remembered.
        remember: whether the learner agreed to that, or refused; else they are asked.
    """

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        json_schema_extra={"examples": [{"portrait": "ada", "composure": 0.7}]},
    )

    portrait: Annotated[str, Field(max_length=100)] = ""
    voice: Annotated[str, Field(max_length=100)] = ""
    language: Annotated[str, Field(max_length=20)] = ""
    name: Annotated[str, Field(max_length=40, pattern=_LINE)] = ""
    persona: Annotated[str, Field(max_length=2000, pattern=_LINES)] = ""
    composure: Annotated[float | None, Field(ge=0.0, le=1.0)] = None
    emotion: Annotated[Emotion | None, Field(strict=False)] = None
    lesson: Annotated[str, Field(max_length=100)] = ""
    learner: Annotated[str, Field(max_length=60, pattern=_LINE)] = ""
    remember: bool | None = None
