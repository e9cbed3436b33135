"""What a visitor may choose: voices and languages."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel

from agent.web.api.dependencies import TheHall

router = APIRouter(prefix="/api", tags=["choices"])


class VoiceChoice(BaseModel):
    """A voice.

    Attributes:
        id: for `voice` of the wishes.
        name: for people to read.
        language: BCP 47 tag, lower case.
        gender: "female", "male", or null where nobody knows.
    """

    id: str
    name: str
    language: str
    gender: str | None


@router.get("/voices")
async def list_voices(hall: TheHall) -> list[VoiceChoice]:
    """The voices that can be chosen, the best first."""
    voices = await hall.choices.voices()
    return [VoiceChoice(id=one.id, name=one.name, language=one.language, gender=one.gender) for one in voices]


@router.get("/languages")
async def list_languages(hall: TheHall) -> list[str]:
    """The languages that can be chosen: one that a voice here speaks, as BCP 47 tags."""
    return sorted({voice.language for voice in await hall.choices.voices()})
