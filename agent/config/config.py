"""Reading the configuration: command line over environment over file over defaults; any mistake stops with one line.

The file is ./config.toml, or what --config or VISAVIS_CONFIG names, or the packaged agent/data/config.toml. It may
hold only some of the keys. VISAVIS_VOICE__RATE_WPM=150 and --set voice.rate_wpm=150 override it.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from agent.config.file import KeyPath, quote, read_toml
from agent.config.sections import KEYS, Config, Sections, SettingsSource
from speech.errors import InputError, one_line

__all__ = ["DEFAULT_FILE", "RESERVED_VARIABLES", "Config", "SettingsSource", "load_config"]

DEFAULT_FILE = Path(__file__).parent.parent / "data" / "config.toml"
"""The packaged configuration: every key at its default, explained."""

PREFIX = "VISAVIS_"
RESERVED_VARIABLES = frozenset({"VISAVIS_CONFIG", "VISAVIS_DEBUG", "VISAVIS_TEST_DATA", "VISAVIS_MQTT_PASSWORD"})
"""Environment variables with our prefix that are no settings."""

VARIABLES: Mapping[str, str] = {
    **{f"{PREFIX}{key.upper().replace('.', '__')}": key for key in KEYS},
    "VISAVIS_CACHE_DIR": "portrait.cache_dir",
}
"""Environment variable → "section.key"; the cache folder has a short name too, which the long one overrides."""

LEAST_LIKENESS = 0.6
"""Of two names, by difflib, from which one may be meant for the other (difflib's own default)."""


@dataclass(frozen=True, slots=True)
class _Layer:
    """Settings from one place.

    Attributes:
        values: as parsed from TOML, section → key → value.
        folder: what relative paths are relative to.
        places: where an error says that a section or key is, from top to bottom; () for the whole.
    """

    values: Mapping[str, object]
    folder: Path
    places: Mapping[KeyPath, str]

    def place(self, location: KeyPath) -> str:
        """The place of a key, or else of its section, or else of the whole."""
        return next(self.places[location[:n]] for n in range(len(location), -1, -1) if location[:n] in self.places)


def load_config(path: Path | None, overrides: Sequence[str], environ: Mapping[str, str]) -> Config:
    """Reads, checks and combines everything that is configured.

    Args:
        path: the file that --config names, or None to look for one.
        overrides: "section.key=value" of every --set, a later one over an earlier one.
        environ: the environment, such as os.environ.

    Raises:
        InputError: an unreadable file, an unknown key (names the nearest right one), a wrong value: names the place.
    """
    file, found = _find_file(path, environ)
    layers = [_file_layer(file), _environment_layer(environ), *map(_override_layer, overrides)]
    config = Config()
    settings: dict[str, str] = {}
    for layer in layers:
        given = _validate(layer)
        for name in given.model_fields_set:
            section = getattr(given, name)
            changes = {key: getattr(section, key) for key in section.model_fields_set}
            settings |= {f"{name}.{key}": layer.place((name, key)) for key in changes}
            config = config.model_copy(update={name: getattr(config, name).model_copy(update=changes)})
    return config.model_copy(update={"source": SettingsSource(f"{file} ({found})", settings)})


def _find_file(path: Path | None, environ: Mapping[str, str]) -> tuple[Path, str]:
    """The file to read, and in words why this one."""
    if path is not None:
        return path, "named with --config"
    if named := environ.get("VISAVIS_CONFIG"):
        return Path(named), "named by VISAVIS_CONFIG"
    here = Path("config.toml")
    if os.path.lexists(here):
        return here, "found in the current folder"
    return DEFAULT_FILE, "the packaged default"


def _file_layer(path: Path) -> _Layer:
    values, lines = read_toml(path)
    shown = one_line(str(path))
    places = {location: f"{shown}, line {line}" for location, line in lines.items()}
    return _Layer(values, path.absolute().parent, {(): shown, **places})


def _environment_layer(environ: Mapping[str, str]) -> _Layer:
    values: dict[str, dict[str, object]] = {}
    places: dict[KeyPath, str] = {(): "environment"}
    for variable, text in sorted(environ.items()):
        if not variable.startswith(PREFIX) or variable in RESERVED_VARIABLES:
            continue
        shown = f"environment variable {quote(variable)[1:-1]}"
        if variable not in VARIABLES:
            nearest = _nearest(variable.removeprefix(PREFIX).lower().replace("__", "."))
            name = next((name for name, key in VARIABLES.items() if key == nearest), None)
            raise InputError(f"{shown}: unknown setting; {_hint(name)}")
        section, key = VARIABLES[variable].split(".")
        values.setdefault(section, {})[key] = _parse_value(text, _field(section, key))
        places[section, key] = shown
    return _Layer(values, Path.cwd(), places)


def _override_layer(override: str) -> _Layer:
    shown = f"--set {quote(override)}"
    name, equals, text = override.partition("=")
    name = name.strip()
    if not equals or name in Sections.model_fields:
        raise InputError(f"{shown}: expected section.key=value such as voice.rate_wpm=150")
    if name not in KEYS:
        raise InputError(f"{shown}: {_unknown(tuple(name.split('.')))}")
    section, key = name.split(".")
    return _Layer({section: {key: _parse_value(text, _field(section, key))}}, Path.cwd(), {(): shown})


def _parse_value(text: str, field: FieldInfo) -> object:
    """A TOML value; a bare word is text, and so is anything where only text is taken ("mind.name=7")."""
    try:
        parsed: dict[str, object] = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return text
    if set(parsed) != {"value"} or (not isinstance(parsed["value"], str) and _takes_text(field)):
        return text
    return parsed["value"]


def _validate(layer: _Layer) -> Sections:
    try:
        return Sections.model_validate(layer.values, context=layer.folder)
    except ValidationError as failure:
        errors = {tuple(str(part) for part in error["loc"])[:2]: error for error in failure.errors(include_url=False)}
    # The uppermost mistake is the one to fix first.
    order = list(layer.places.values())
    location = min(errors, key=lambda location: order.index(layer.place(location)))
    place, error = layer.place(location), errors[location]
    if error["type"] == "extra_forbidden":
        raise InputError(f"{place}: {_unknown(location)}")
    got = _got(error["input"])
    if len(location) == 1:
        raise InputError(f"{place}: {location[0]}: expected a section of keys, [{location[0]}], got {got}")
    raise InputError(f"{place}: {'.'.join(location)}: expected {_expected(_field(*location))}, got {got}")


def _field(section: str, key: str) -> FieldInfo:
    return KEYS[f"{section}.{key}"].model_fields[key]


def _hint(nearest: str | None, section: str = "") -> str:
    if nearest:
        return f"did you mean '{nearest}'?"
    model = Sections.model_fields[section].annotation if section in Sections.model_fields else None
    keys = ", ".join(key.partition(".")[2] for key, owner in KEYS.items() if owner is model)
    return f"[{section}] has {keys}" if keys else f"the sections are {', '.join(Sections.model_fields)}"


def _unknown(location: KeyPath) -> str:
    """Says that there is no such key or section, and which is the nearest that there is."""
    written = ".".join(location)
    sections = difflib.get_close_matches(written, Sections.model_fields, 1) if len(location) == 1 else []
    if sections:
        return f"unknown section {quote(written)}; {_hint(sections[0])}"
    return f"unknown key {quote(written)}; {_hint(_nearest(written), location[0])}"


def _nearest(written: str) -> str | None:
    """The "section.key" of any section that is most like what was written, the key's own name first."""
    section, _, name = written.rpartition(".")

    def likeness(key: str) -> tuple[float, float]:
        known_section, _, known_name = key.partition(".")
        return _ratio(name, known_name), _ratio(section, known_section)

    best = max(KEYS, key=likeness)
    return best if likeness(best)[0] >= LEAST_LIKENESS else None


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


def _takes_text(field: FieldInfo) -> bool:
    return _unwrap(field)[0] not in (int, float, bool)


def _expected(field: FieldInfo) -> str:
    """In words, what a setting takes."""
    kind, limits, may_be_free = _unwrap(field)
    bound = {name: getattr(limit, name) for limit in limits for name in _BOUNDS if hasattr(limit, name)}
    if get_origin(kind) is Literal:
        return _one_of(get_args(kind))
    if issubclass(kind, Enum):
        return _one_of(member.value for member in kind)
    if kind is bool:
        return "true or false"
    if kind is int:
        return f"a whole number from {bound['ge']} to {bound['le']}"
    if kind is float:
        return f"a number from {bound['ge']:g} to {bound['le']:g}" + (', or "" for free' if may_be_free else "")
    if kind is Path:
        return "a path in quotes"
    return f"text in quotes, at most {bound['max_length']} characters" if bound else "text in quotes"


_BOUNDS = ("ge", "le", "max_length")


def _one_of(values: Iterable[object]) -> str:
    return "one of " + ", ".join(f"'{value}'" for value in values)


def _got(value: object) -> str:
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
