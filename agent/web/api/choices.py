"""What a visitor may choose: voices, languages, lessons."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel

from agent.text.languages import LANGUAGES
from agent.web.api.dependencies import TheHall

router = APIRouter(prefix="/api", tags=["choices"])


class VoiceChoice(BaseModel):
    """A voice.

    Attributes:
        id: for `voice` of the wishes.
        name: for people to read.
        language: BCP 47 tag, lower case.
        gender: null where nobody knows.
    """

    id: str
    name: str
    language: str
    gender: Literal["female", "male"] | None


class LanguageChoice(BaseModel):
    """A language.

    Attributes:
        id: for `language` of the wishes, BCP 47.
        name: what those who speak it call it.
    """

    id: str
    name: str


class LessonChoice(BaseModel):
    """A lesson.

    Attributes:
        id: for `lesson` of the wishes.
        title: what it is called.
        goal: what it is for.
    """

    id: str
    title: str
    goal: str


@router.get("/voices")
async def list_voices(hall: TheHall) -> list[VoiceChoice]:
    """Lists the voices that can be chosen, the best first."""
    voices = (await hall.choices.offer()).voices
    return [VoiceChoice.model_validate(voice, from_attributes=True) for voice in voices]


@router.get("/languages")
async def list_languages(hall: TheHall) -> list[LanguageChoice]:
    """Lists the languages that can be heard, answered and spoken here, the server's own first."""
    languages = (await hall.choices.offer()).languages
    return [LanguageChoice(id=code, name=LANGUAGES.get(code, code)) for code in languages]


@router.get("/lessons")
async def list_lessons(hall: TheHall) -> list[LessonChoice]:
    """Lists the lessons that come with the program."""
    lessons = (await hall.choices.offer()).lessons
    return [LessonChoice(id=key, title=lesson.title, goal=lesson.goal) for key, lesson in lessons.items()]
