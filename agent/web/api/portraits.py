"""Whose face: the people who come with the program, and pictures that visitors bring."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, File, Form, HTTPException, Path, Response, UploadFile
from fastapi.responses import FileResponse
from pydantic import BaseModel

from agent.personas import PERSONAS, portrait_path
from agent.web.api.dependencies import TheHall
from agent.web.api.faults import faults

router = APIRouter(prefix="/api/portraits", tags=["portraits"])


class Person(BaseModel):
    """Somebody to talk to.

    Attributes:
        id: for `portrait` of the wishes.
        name: what the person is called.
        image: address of the picture.
    """

    id: str
    name: str
    image: str


class Uploaded(BaseModel):
    """A picture that was brought.

    Attributes:
        id: secret, for `portrait` of the wishes.
        notices: what its owner should know of it, a sentence each.
    """

    id: str
    notices: list[str]


@router.get("")
async def list_people() -> list[Person]:
    """The people who come with the program."""
    return [Person(id=key, name=one.name, image=f"/api/portraits/{key}/image") for key, one in PERSONAS.items()]


@router.get("/{portrait_id}/image", response_class=FileResponse, responses=faults(404))
async def image(portrait_id: Annotated[str, Path(max_length=100)]) -> FileResponse:
    """A person's picture."""
    if portrait_id not in PERSONAS:
        raise HTTPException(404, "no such portrait")
    return FileResponse(portrait_path(portrait_id))


@router.post("", status_code=201, responses=faults())
async def bring(
    picture: Annotated[UploadFile, File(description="PNG, JPEG, HEIC, WebP … of one person.")],
    consent: Annotated[bool, Form(description="True: the person in it agrees to be animated here.")],
    hall: TheHall,
) -> Uploaded:
    """Takes a picture, if the person in it agrees, for an hour."""
    raise HTTPException(503, "not yet")


@router.delete("/{portrait_id}", status_code=204, responses=faults(404))
async def forget(portrait_id: Annotated[str, Path(max_length=100)], hall: TheHall) -> Response:
    """Deletes a picture that was brought."""
    raise HTTPException(404, "no such portrait")
