"""Which settings there are, and in words what each takes; the nearest right name for a wrong one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from agent.config.descriptor import SECTION_OF
from agent.config.file import KeyPath, quote
from agent.config.section import Section
from agent.config.sections import KEYS, Sections

LEAST_LIKENESS = 0.6
"""Of two names, by difflib, from which one may be meant for the other (difflib's own default)."""

GROUPS = frozenset(SECTION_OF.values()) - frozenset(Sections.model_fields)
"""What only holds sections of installed packages: [outputs]."""

_BOUNDS = ("ge", "le", "max_length")


@dataclass(frozen=True)
class Schema:
    """The sections of ours, and those of installed packages.

    Attributes:
        added: "voice.loud" → the model of its settings.
    """

    added: Mapping[str, type[Section]]

    @cached_property
    def keys(self) -> Mapping[str, type[Section]]:
        """Every "section.key" there is → the section's model."""
        more = {f"{name}.{key}": model for name, model in self.added.items() for key in model.model_fields}
        return {**KEYS, **more}

    @cached_property
    def sections(self) -> tuple[str, ...]:
        """Every section there is."""
        return (*Sections.model_fields, *self.added)

    def field(self, key: str) -> FieldInfo:
        """What is known of "section.key"."""
        return self.keys[key].model_fields[key.rpartition(".")[2]]

    def unknown(self, location: KeyPath, *, is_section: bool = False) -> str:
        """Says that there is no such key or section, and which is the nearest that there is."""
        written = ".".join(location)
        section = written.rpartition(".")[0]
        near = difflib.get_close_matches(written, self.sections, 1) if is_section or not section else []
        if near:
            return f"unknown section {quote(written)}; {self.hint(near[0])}"
        return f"unknown key {quote(written)}; {self.hint(self.nearest(written), section or written)}"

    def nearest(self, written: str) -> str | None:
        """The "section.key" of any section that is most like what was written, the key's own name first."""
        section, _, name = written.rpartition(".")

        def likeness(key: str) -> tuple[float, float]:
            known_section, _, known_name = key.rpartition(".")
            return _ratio(name, known_name), _ratio(section, known_section)

        best = max(self.keys, key=likeness)
        return best if likeness(best)[0] >= LEAST_LIKENESS else None

    def hint(self, nearest: str | None, section: str = "") -> str:
        """What may be meant instead, or what there is in a section."""
        if nearest:
            return f"did you mean '{nearest}'?"
        keys = ", ".join(key.rpartition(".")[2] for key in self.keys if key.rpartition(".")[0] == section)
        return f"[{section}] has {keys}" if keys else f"the sections are {', '.join(self.sections)}"


def takes_text(field: FieldInfo) -> bool:
    """Whether a setting is text, so that "7" is no number there."""
    return _unwrap(field)[0] not in (int, float, bool)


def expected(field: FieldInfo) -> str:
    """In words, what a setting takes."""
    kind, limits, may_be_free = _unwrap(field)
    bound = {name: getattr(limit, name) for limit in limits for name in _BOUNDS if hasattr(limit, name)}
    if get_origin(kind) is Literal:
        return _one_of(get_args(kind))
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _one_of(member.value for member in kind)
    if kind is bool:
        return "true or false"
    if kind in (int, float):
        number = "a whole number" if kind is int else "a number"
        low, high = (f"{bound[name]:.12g}" if name in bound else "" for name in ("ge", "le"))
        limits_in_words = f" from {low}" * bool(low) + (f" to {high}" if low else f" up to {high}") * bool(high)
        return number + limits_in_words + (', or "" for free' if may_be_free else "")
    if kind is Path:
        return "a path in quotes"
    if kind is str:
        return (
            f"text in quotes, at most {bound['max_length']} characters" if "max_length" in bound else "text in quotes"
        )
    return f"what its package takes ({getattr(kind, '__name__', kind)})"


def got(value: object) -> str:
    """In words, what was given instead."""
    if isinstance(value, str):
        return quote(value)
    if isinstance(value, dict):
        return "a section"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, bool):
        return str(value).lower()
    try:
        return quote(str(value))[1:-1]
    except ValueError:  # a whole number in hexadecimal, whose decimal digits are too many for Python to write
        return "a number of thousands of digits"


def _ratio(a: str, b: str) -> float:
    return difflib.SequenceMatcher(None, a, b).ratio()


def _unwrap(field: FieldInfo) -> tuple[Any, list[Any], bool]:
    """The type of a setting without "or None", its limits, and whether it has limits and may be left free."""
    kind = field.annotation
    if get_origin(kind) not in (Union, UnionType):
        return kind, field.metadata, False
    inner = next(part for part in get_args(kind) if part is not type(None))
    if get_origin(inner) is not Annotated:
        return inner, field.metadata, False
    inner_field = FieldInfo.from_annotation(inner)
    return inner_field.annotation, inner_field.metadata, True


def _one_of(values: Iterable[object]) -> str:
    return "one of " + ", ".join(f"'{value}'" for value in values)
