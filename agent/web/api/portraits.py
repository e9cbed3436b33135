"""Whose face: the people who come with the program, and pictures that visitors bring."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, File, Form, HTTPException, Path, Response, UploadFile
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from agent.personas import PERSONAS
from agent.web.api.dependencies import TheHall
from agent.web.api.faults import faults
from agent.web.visits.thumbnails import person_thumbnail

router = APIRouter(prefix="/api/portraits", tags=["portraits"])

PortraitId = Annotated[str, Path(max_length=100)]


class Person(BaseModel):
    """Somebody to talk to.

    Attributes:
        id: for `portrait` of the wishes.
        name: what the person is called.
        image: address of a small picture.
    """

    id: str
    name: str
    image: str


class Brought(BaseModel):
    """A picture that a visitor brought.

    Attributes:
        id: secret, for `portrait` of the wishes.
        image: address of a small picture of what will be seen.
        notices: what its owner should know of it, a sentence each.
    """

    id: str
    image: str
    notices: list[str]


def _image(portrait_id: str) -> str:
    return f"/api/portraits/{portrait_id}/image"


@router.get("")
async def list_people() -> list[Person]:
    """Lists the people who come with the program."""
    return [Person(id=key, name=person.name, image=_image(key)) for key, person in PERSONAS.items()]


@router.get(
    "/{portrait_id}/image",
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}}, **faults(404)},
)
async def image(portrait_id: PortraitId, hall: TheHall) -> Response:
    """Shows a small picture, a JPEG."""
    if portrait_id in PERSONAS:
        picture = await run_in_threadpool(person_thumbnail, portrait_id)
    elif (upload := hall.choices.uploads.find(portrait_id)) is not None:
        picture = upload.thumbnail
    else:
        raise HTTPException(404, "no such portrait")
    return Response(picture, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=3600"})


@router.post(
    "", status_code=201, responses=faults(503), form_limits={"max_files": 1, "max_fields": 2, "max_part_size": 100}
)
async def bring(
    picture: Annotated[UploadFile, File(description="PNG, JPEG, WebP, HEIC or AVIF of one person, from the front.")],
    consent: Annotated[bool, Form(description="True: the person in it agrees to be animated here.")],
    hall: TheHall,
) -> Brought:
    """Takes a picture, if the person in it agrees. It is deleted an hour after it was last chosen."""
    if not hall.config.web.uploads:
        raise HTTPException(403, "this server takes no pictures")
    if not consent:
        raise HTTPException(422, "consent: expected that the person in the picture agrees to be animated")
    upload = await hall.choices.uploads.add(picture.file)
    return Brought(id=upload.id, image=_image(upload.id), notices=list(upload.notices))


@router.delete("/{portrait_id}", status_code=204, responses=faults(404))
async def forget(portrait_id: PortraitId, hall: TheHall) -> None:
    """Deletes a picture that was brought; a conversation that shows it goes on."""
    if not hall.choices.uploads.remove(portrait_id):
        raise HTTPException(404, "no such picture that was brought")
