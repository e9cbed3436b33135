"""The command that places a face's landmarks by hand: landmarks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agent.commands import options
from agent.commands.options import check_target, say
from speech.errors import InputError

if TYPE_CHECKING:
    from avatar.decoder import Image
    from avatar.placing.points import Placed


def landmarks(
    picture: Annotated[Path, typer.Argument(metavar="PICTURE", help="The portrait: a photo, a painting, an animal …")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE.json", help="The file; PICTURE.landmarks.json if not said."),
    ] = None,
    detect: Annotated[
        bool, typer.Option("--detect", help="Write the points that are found, open no window; edit them as text.")
    ] = False,
    quiet: options.Quiet = False,
) -> None:
    """Places the points of a face by hand, where none is found: animals, cartoons, statues, difficult photos.

    It begins with the file if there is one, else with the face that is found, else with a mean face between the eyes
    and the mouth that you click. docs/landmarks.md shows the points and lists the keys.

    Examples:
    `visavis landmarks cat.png`

    `visavis landmarks me.jpg --detect -o me.landmarks.json`

    `visavis render --portrait cat.png --landmarks cat.landmarks.json --audio speech.wav -o cat.mp4`
    """
    target = output or picture.with_suffix(".landmarks.json")
    check_target(target, ".json")

    from avatar.picture import decode_picture
    from avatar.placing.landmarks_file import picture_size, read_landmarks, write_landmarks

    try:
        content = picture.read_bytes()
    except OSError as error:
        raise InputError(f"{picture}: expected a picture, could not read it: {error.strerror}") from None
    image = decode_picture(picture, content)
    size = picture_size(content, picture)
    # Very large pictures are shown smaller.
    scale = image.shape[1] / size[0]
    if detect:
        found = _found(image)
        if found is None:
            raise InputError(f"{picture}: expected a face, found none; place its points by hand, without --detect")
        write_landmarks(target, {name: point / scale for name, point in found.items()}, size)
        say(f"{target}: {len(found)} points", quiet)
        return
    placed: Placed | None
    if target.exists():
        placed = {name: point * scale for name, point in read_landmarks(target, size)[0].items()}
    else:
        placed = _found(image)

    from avatar.placing.window import PlacingWindow

    def save(points: Placed) -> tuple[bool, str]:
        from avatar.placing.landmarks_file import check_placed

        in_file = {name: point / scale for name, point in points.items()}
        try:
            check_placed(in_file, size, target)
            write_landmarks(target, in_file, size)
        except InputError as error:
            return False, str(error).removeprefix(f"{target}: ")
        return True, f"saved as {target.name}"

    window = PlacingWindow(f"Visavis: {picture.name}", image, placed, save)
    window.run()
    if target.exists():
        say(f"{target}: use it with --portrait {picture} --landmarks {target}", quiet)


def _found(image: Image) -> Placed | None:
    """The points of the largest face that is found, pixels of the image, or None."""
    from avatar.mesh.detection import FaceFinder
    from avatar.placing.points import points_of

    with FaceFinder() as finder:
        faces = finder.find(image)
    return points_of(faces[0]) if faces else None


def register(app: typer.Typer) -> None:
    """Adds this command."""
    app.command()(landmarks)
