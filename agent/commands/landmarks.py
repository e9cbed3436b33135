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
    from avatar.placing.landmarks_file import PlacedFace
    from avatar.placing.points import PlacedPoints


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

    from avatar.picture.files import decode_picture, read_picture
    from avatar.placing.landmarks_file import PlacedFace, read_landmarks, write_landmarks

    decoded = decode_picture(picture, read_picture(picture))
    for notice in decoded.notices:
        say(f"{picture}: {notice}", quiet)
    # Very large pictures are shown smaller.
    size, scale = decoded.size, decoded.image.shape[1] / decoded.size[0]
    in_file = read_landmarks(target, size)[0] if target.exists() and not detect else None
    face, image = _detect(decoded.image) if in_file is None else (None, _rotated(decoded.image, in_file.turns))
    turns = 0 if face is None else face.turns
    placed = None if face is None else face.points
    if in_file is not None:
        turns, placed = in_file.turns, {name: point * scale for name, point in in_file.points.items()}
    elif turns:
        say(f"{picture}: turned by {90 * min(turns, 4 - turns)}° to be upright", quiet)
    if detect:
        if placed is None:
            raise InputError(f"{picture}: expected a face, found none; place its points by hand, without --detect")
        write_landmarks(target, PlacedFace({name: point / scale for name, point in placed.items()}, turns), size)
        say(f"{target}: {len(placed)} points", quiet)
        return

    from avatar.placing.window import PlacingWindow

    def save(points: PlacedPoints) -> tuple[bool, str]:
        from avatar.placing.landmarks_file import check_placed

        in_file = {name: point / scale for name, point in points.items()}
        try:
            check_placed(in_file, size[::-1] if turns % 2 else size, target)
            write_landmarks(target, PlacedFace(in_file, turns), size)
        except InputError as error:
            return False, str(error).removeprefix(f"{target}: ")
        return True, f"saved as {target.name}"

    window = PlacingWindow(f"Visavis: {picture.name}", image, placed, save)
    window.run()
    if target.exists():
        say(f"{target}: use it with --portrait {picture} --landmarks {target}", quiet)


def _rotated(image: Image, turns: int) -> Image:
    """A picture turned clockwise by so many quarters of a turn."""
    import numpy as np

    return np.ascontiguousarray(np.rot90(image, -turns))


def _detect(image: Image) -> tuple[PlacedFace | None, Image]:
    """The points of the largest face that is found, or None, and the picture held as that face is upright."""
    from avatar.placing.landmarks_file import PlacedFace
    from avatar.placing.points import points_from_mesh
    from avatar.portrait.detection import FaceFinder
    from avatar.portrait.upright import upright

    with FaceFinder() as finder:
        held = upright(image, finder)
    return (None, image) if held is None else (PlacedFace(points_from_mesh(held.faces[0]), held.turns), held.image)


def register(app: typer.Typer) -> None:
    """Adds this command."""
    app.command()(landmarks)
