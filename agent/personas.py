"""The people who come with the program: each has a portrait, a name and the voice that fits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from agent.config.config import Config

PORTRAITS = Path(__file__).parent.parent / "avatar" / "assets" / "portraits"


@dataclass(frozen=True, slots=True)
class Persona:
    """Somebody to talk to.

    Attributes:
        name: what the person is called.
        gender: of the voice that fits.
        voices: engine → its voice for this person, where the configuration names none.
    """

    name: str
    gender: Literal["female", "male"]
    voices: Mapping[str, str]


# Of Coqui's models, the speakers of VCTK and of XTTS v2; a model that lacks them takes its own first one.
_FEMALE = {
    "espeak": "en-us+f5",
    "flite": "slt",
    "hibari": "heart",
    "piper": "",
    "coqui": "p225",
    "xtts": "Claribel Dervla",
}
_MALE = {
    "espeak": "en-us+edward",
    "flite": "rms",
    "hibari": "heart",
    "piper": "",
    "coqui": "p226",
    "xtts": "Damien Black",
}

DEFAULT = "mira"
PERSONAS: Mapping[str, Persona] = {
    "mira": Persona("Mira", "female", _FEMALE),
    "jonas": Persona("Jonas", "male", _MALE),
    "ada": Persona("Ada", "female", _FEMALE),
}


def persona_of(config: Config) -> Persona:
    """Whose face the configuration names; with somebody's own picture, the default person's name and voice."""
    return PERSONAS.get(config.portrait.path, PERSONAS[DEFAULT])


def portrait_path(name: str) -> Path:
    """What `portrait.path` and --portrait mean: "" is the default person, a person's name that one, else a file."""
    name = name or DEFAULT
    return PORTRAITS / f"{name}.png" if name in PERSONAS else Path(name)


def name_of(config: Config) -> str:
    """What the avatar calls itself, and is called by."""
    return config.mind.name or persona_of(config).name
