"""What to do about a figure of the decoder that lies outside its band."""

from __future__ import annotations

from dataclasses import replace

from avatar.evaluation.results import Row, Section

_ADVICE: tuple[tuple[tuple[str, ...], str], ...] = (
    (
        ("jaw", "smile", "pucker", "frown"),
        "a beard, a grin or an open mouth in the photo hides how the lips move: one with closed lips at rest does best",
    ),
    (
        ("lids",),
        "hair, spectacles or half-closed eyes hide the lids: look into the camera without them, or correct the eyes' "
        "points with `visavis landmarks`",
    ),
    (
        ("brows",),
        "hair, a hat or the rims of spectacles hide or hold the brows: a photo that shows them does best, or correct "
        "their points with `visavis landmarks`",
    ),
    (
        ("pitch", "yaw", "roll", "turning"),
        "the head is turned in the photo, or too little of its outline is seen: one from straight ahead does best, and "
        "more composure turns it less",
    ),
    (("gaze",), "the eyes are small, narrow or dark: a larger or lighter photo with open eyes does best"),
    (
        ("folds", "seams"),
        "please look at the contact sheet (`--sheets`): what is seen there counts, and a larger photo in even light "
        "helps",
    ),
    (
        ("background",),
        'the person\'s outline was not found cleanly: choose a plain `output.background` such as "#dddddd"',
    ),
)


def with_advice(section: Section) -> Section:
    """The section with a note on each kind of figure that lies outside."""
    missed = [row for row in section.rows if any(cell.is_outside for cell in row.cells)]
    told = []
    for names, text in _ADVICE:
        of_this = [row for row in missed if row.name.startswith(names)]
        if of_this:
            told.append(f"{_named(of_this)}: {text}.")
    return replace(section, note=" ".join([section.note, *told]).strip()) if told else section


def _named(rows: list[Row]) -> str:
    first = rows[0].name
    return f"Outside, {first}" if len(rows) == 1 else f"Outside, {first} and {len(rows) - 1} more"
