"""What a section of the configuration is made of: its base class, and the kinds of values that settings take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo

LONGEST_TEXT = 2000
"""Characters: more than any name or persona needs, and no accident fills a screen with it."""


def located(value: object, info: ValidationInfo) -> object:
    """A path as it was written → absolute, seen from the folder that the context names; "" → None."""
    if not isinstance(value, str):
        return value
    if not value.strip():
        return None
    base = info.context if isinstance(info.context, Path) else Path.cwd()
    try:
        path = Path(value).expanduser()
    except RuntimeError:
        raise ValueError("no such user's home") from None
    if "\0" in value:
        raise ValueError("no file name holds a NUL")
    return base / path


def located_model(value: object, info: ValidationInfo) -> object:
    """Like `located`, but only what begins as a path does is one: "Qwen/Qwen2.5-1.5B-Instruct" is a model's name."""
    if isinstance(value, str) and (value.startswith(("/", "./", "../", "~")) or Path(value).is_absolute()):
        return str(located(value, info))
    return value


FilePath = Annotated[Path | None, BeforeValidator(located)]
"""An absolute path, or None where the setting is "" (what the program ships, or its usual place)."""


BackendName = Annotated[str, Field(max_length=60)]
"""The name of a backend; `agent.backends` knows which there are."""

ModelName = Annotated[str, Field(max_length=LONGEST_TEXT), BeforeValidator(located_model)]
"""A model's name stays as it is; what begins as a path does ("./", "~", "/") becomes an absolute one."""

Device = Literal["auto", "cpu", "cuda", "mps"]


class Section(BaseModel):
    """What all sections share: frozen, strict about types, no key that isn't listed."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class NoSettings(Section):
    """Of a backend that has none of its own."""
