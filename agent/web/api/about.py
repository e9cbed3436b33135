"""What the page must know before a conversation begins."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel

from agent.personas import DEFAULT, name_of
from agent.web.api.dependencies import TheHall

router = APIRouter(prefix="/api", tags=["choices"])


class About(BaseModel):
    """The avatar of this server, and what visitors may do.

    Attributes:
        name: what it is called.
        portrait: id of the person who is seen, as in the list of portraits; "" for a picture of the owner's.
        language: BCP 47 tag that it speaks.
        composure: 0 to 1, while nobody asks for another.
        uploads: whether visitors may bring a portrait.
        upload_mb: at most so large.
        kiosk: whether every page fills its screen and has no settings.
        idle_reset_s: a kiosk forgets a conversation in which nothing happened for so long.
    """

    name: str
    portrait: str
    language: str
    composure: float
    uploads: bool
    upload_mb: int
    kiosk: bool
    idle_reset_s: float


@router.get("/about")
async def about(hall: TheHall) -> About:
    """Says who is here."""
    config = hall.config
    return About(
        name=name_of(config),
        portrait=config.portrait.path or DEFAULT,
        language=config.voice.language,
        composure=config.face.composure,
        uploads=config.web.uploads,
        upload_mb=config.web.upload_mb,
        kiosk=config.web.kiosk,
        idle_reset_s=config.web.idle_reset_s,
    )
