"""What the page must know before a conversation begins."""

from __future__ import annotations

import os

from fastapi import APIRouter
from pydantic import BaseModel

from agent.config.web_sections import WebSection
from agent.personas import DEFAULT, PERSONAS, name_of
from agent.web.api.dependencies import TheHall

router = APIRouter(prefix="/api", tags=["choices"])


class IceServer(BaseModel):
    """A STUN or TURN server, as RTCPeerConnection takes it.

    Attributes:
        urls: its address.
        username: at a TURN server.
        credential: likewise.
    """

    urls: str
    username: str | None = None
    credential: str | None = None


class About(BaseModel):
    """The avatar of this server, and what visitors may do.

    Attributes:
        name: what it is called.
        names: what it is called with the portrait of each person.
        portrait: id of the person who is seen, as in the list of portraits; "" for a picture of the owner's.
        language: BCP 47 tag that it speaks.
        composure: 0 to 1, while nobody asks for another.
        uploads: whether visitors may bring a portrait.
        upload_mb: at most so large.
        kiosk: whether every page fills its screen and has no settings.
        idle_reset_s: a kiosk forgets a conversation in which nothing happened for so long.
        ice_servers: STUN and TURN for the browser's connection.
    """

    name: str
    names: dict[str, str]
    portrait: str
    language: str
    composure: float
    uploads: bool
    upload_mb: int
    kiosk: bool
    idle_reset_s: float
    ice_servers: list[IceServer]


@router.get("/about", response_model_exclude_none=True)
async def about(hall: TheHall) -> About:
    """Says who is here."""
    config = hall.config
    portrait = config.portrait.path or DEFAULT
    return About(
        name=name_of(config),
        names={key: config.mind.name or one.name for key, one in PERSONAS.items()},
        portrait=portrait if portrait in PERSONAS else "",  # the owner's file is nobody's business
        language=config.voice.language,
        composure=config.face.composure,
        uploads=config.web.uploads,
        upload_mb=config.web.upload_mb,
        kiosk=config.web.kiosk,
        idle_reset_s=config.web.idle_reset_s,
        ice_servers=_ice_servers(config.web),
    )


def _ice_servers(web: WebSection) -> list[IceServer]:
    stun = [IceServer(urls=web.stun_server)] if web.stun_server else []
    if not web.turn_server:
        return stun
    credential = os.environ.get(web.turn_credential_env, "")
    return [*stun, IceServer(urls=web.turn_server, username=web.turn_username, credential=credential)]
