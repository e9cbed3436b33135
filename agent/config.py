"""Reading the configuration: command line over environment over file over defaults; any mistake stops with one line.

The file is ./config.toml, or what --config or VISAVIS_CONFIG names, or the packaged agent/data/config.toml. It may
hold only some of the keys. VISAVIS_VOICE__RATE_WPM=150 and --set voice.rate_wpm=150 go over it.
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
from pydantic_core import ErrorDetails

from agent.config_lines import KeyPath, key_lines
from agent.config_sections import KEYS, Config, Sections, Source
from speech.errors import InputError

__all__ = ["DEFAULT_FILE", "Config", "Source", "load_config"]

DEFAULT_FILE = Path(__file__).parent / "data" / "config.toml"
"""The packaged configuration: every key at its default, explained."""

ENVIRONMENT_PREFIX = "VISAVIS_"
RESERVED_VARIABLES = frozenset({"VISAVIS_CONFIG", "VISAVIS_TEST_DATA", "VISAVIS_CACHE_DIR"})
"""Environment variables with our prefix that are no settings."""

LARGEST_FILE_BYTES = 65_536
"""Ten times the packaged file. What is larger is some other file, given by mistake."""

LONGEST_QUOTE = 40
"""Characters of a wrong value that an error repeats."""


@dataclass(frozen=True, slots=True)
class _Layer:
    """Settings from one place.

    Attributes:
        values: as parsed from TOML, section → key → value.
        folder: what relative paths are relative to.
        places: where an error says that a key is; () for the place as a whole.
    """

    values: Mapping[str, object]
    folder: Path
    places: Mapping[KeyPath, str]

    def place(self, location: KeyPath) -> str:
        """The nearest known place of a key: its own, or its section's, or the layer's."""
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
    return config.model_copy(update={"source": Source(f"{file} ({found})", settings)})


def _find_file(path: Path | None, environ: Mapping[str, str]) -> tuple[Path, str]:
    if path is not None:
        return path, "--config"
    if named := environ.get("VISAVIS_CONFIG"):
        return Path(named), "VISAVIS_CONFIG"
    here = Path("config.toml")
    if os.path.lexists(here):
        return here, "in this folder"
    return DEFAULT_FILE, "packaged default"


def _file_layer(path: Path) -> _Layer:
    shown = _one_line(str(path))
    text = _read(path, shown)
    try:
        values = tomllib.loads(text)
    except RecursionError:
        raise InputError(f"{shown}: expected TOML, got brackets nested too deep") from None
    except ValueError as error:  # TOMLDecodeError, and Python's own limit on the digits of a whole number
        raise InputError(f"{shown}{_syntax_error(str(error), text)}") from None
    # Lines are looked up only when something is wrong or asked for; a file without keys has none.
    places = {location: f"{shown}, line {line}" for location, line in key_lines(text).items()}
    return _Layer(values, path.absolute().parent, {(): shown, **places})


def _read(path: Path, shown: str) -> str:
    try:
        if path.is_dir():
            raise InputError(f"{shown}: expected a configuration file, got a folder; name the file in it")
        if not path.exists():
            raise InputError(f"{shown}: expected a configuration file, found none there; check the path")
        if not path.is_file():
            raise InputError(f"{shown}: expected a configuration file, got a device or a pipe")
        with path.open("rb") as file:
            data = file.read(LARGEST_FILE_BYTES + 1)
    except OSError as error:
        raise InputError(f"{shown}: expected a readable configuration file: {error.strerror}") from None
    if len(data) > LARGEST_FILE_BYTES:
        raise InputError(f"{shown}: expected a configuration file of at most {LARGEST_FILE_BYTES} bytes, got more")
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")  # "sig": some editors begin with a byte-order mark
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise InputError(f"{shown}, line {line}: expected UTF-8 text, got byte 0x{data[error.start]:02x}") from None


def _syntax_error(message: str, text: str) -> str:
    """What tomllib says, "… (at line 3, column 5)" → ", line 3, column 5: expected TOML such as …, got: …"."""
    what, _, where = message.partition(" (at ")
    if what.startswith(("Cannot overwrite", "Cannot declare")):
        return f", {where.rstrip(')')}: expected every key and every section once, got one again"
    where = where.rstrip(")")
    if where == "end of document":
        last = text.rstrip("\n").rpartition("\n")[2]
        where = f"line {text.rstrip(chr(10)).count(chr(10)) + 1}, column {len(last) + 1}"
    return f', {where or "somewhere"}: expected TOML such as key = "text" or key = 1.5: {_one_line(what).lower()}'


def _environment_layer(environ: Mapping[str, str]) -> _Layer:
    variables = {f"{ENVIRONMENT_PREFIX}{key.upper().replace('.', '__')}": key for key in KEYS}
    values: dict[str, dict[str, object]] = {}
    places: dict[KeyPath, str] = {(): "environment"}
    for variable, text in sorted(environ.items()):
        if not variable.startswith(ENVIRONMENT_PREFIX) or variable in RESERVED_VARIABLES:
            continue
        shown = f"environment variable {_one_line(variable)}"
        if variable not in variables:
            written = variable.removeprefix(ENVIRONMENT_PREFIX).lower().replace("__", ".")
            nearest = _nearest(written)
            # Names only: "did you mean" must be something that can be typed as it is.
            hint = f"did you mean '{ENVIRONMENT_PREFIX}{nearest.upper().replace('.', '__')}'?" if nearest else _SETTINGS
            raise InputError(f"{shown}: unknown setting; {hint}")
        section, key = variables[variable].split(".")
        values.setdefault(section, {})[key] = _parse_value(text, _field(section, key))
        places[section, key] = shown
    return _Layer(values, Path.cwd(), places)


def _override_layer(override: str) -> _Layer:
    shown = f"--set {_quote(override)}"
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
    if set(parsed) != {"value"} or (_expected(field).startswith(_TEXTS) and not isinstance(parsed["value"], str)):
        return text
    return parsed["value"]


def _validate(layer: _Layer) -> Sections:
    try:
        return Sections.model_validate(layer.values, context=layer.folder)
    except ValidationError as failure:
        # The uppermost mistake in the file is the one to fix first.
        error = min(failure.errors(include_url=False), key=lambda e: _place_order(layer, e))
    location = tuple(str(part) for part in error["loc"])[:2]
    place = layer.place(location)
    if error["type"] == "extra_forbidden":
        raise InputError(f"{place}: {_unknown(location)}")
    got = _got(error["input"])
    if len(location) == 1:
        raise InputError(f"{place}: {location[0]}: expected a section of keys, [{location[0]}], got {got}")
    raise InputError(f"{place}: {'.'.join(location)}: expected {_expected(_field(*location))}, got {got}")


def _place_order(layer: _Layer, error: ErrorDetails) -> int:
    location = tuple(str(part) for part in error["loc"])[:2]
    return list(layer.places.values()).index(layer.place(location))


def _field(section: str, key: str) -> FieldInfo:
    return KEYS[f"{section}.{key}"].model_fields[key]


_SETTINGS = "see the packaged config.toml for the settings there are"


def _unknown(location: KeyPath) -> str:
    """Says that there is no such key or section, and which is the nearest that there is."""
    written = _one_line(".".join(location))
    if len(location) == 1:
        sections = difflib.get_close_matches(written, Sections.model_fields, 1)
        if sections:
            return f"unknown section '{written}'; did you mean '{sections[0]}'?"
    nearest = _nearest(written)
    return f"unknown key '{written}'; " + (f"did you mean '{nearest}'?" if nearest else _SETTINGS)


def _nearest(written: str) -> str | None:
    """The nearest "section.key": the same key of another section first, then by difflib, in any section."""
    name = written.rpartition(".")[2]
    same = [key for key in KEYS if key.endswith(f".{name}")]
    whole = difflib.get_close_matches(written, same, 1, 0.0) or difflib.get_close_matches(written, KEYS, 1)
    if whole:
        return whole[0]
    short = difflib.get_close_matches(name, [key.partition(".")[2] for key in KEYS], 1)
    return next((key for key in KEYS if short and key.endswith(f".{short[0]}")), None)


_TEXTS = ("text", "a path", "one of")


def _expected(field: FieldInfo) -> str:
    """In words, what a setting takes; from its annotation and its range."""
    kind: Any = field.annotation
    bounds = list(field.metadata)
    free = ""
    if get_origin(kind) in (Union, UnionType):
        kind = next(part for part in get_args(kind) if part is not type(None))
        if get_origin(kind) is Annotated:
            field = FieldInfo.from_annotation(kind)
            kind, bounds, free = field.annotation, field.metadata, ', or "" for free'
    if get_origin(kind) is Literal:
        return _one_of(get_args(kind))
    if issubclass(kind, Enum):
        return _one_of(member.value for member in kind)
    if kind is bool:
        return "true or false"
    if kind is Path:
        return "a path in quotes"
    if kind is str:
        limits = [f"{word} {getattr(part, name)}" for part in bounds for name, word in _LENGTHS if hasattr(part, name)]
        return f"text in quotes{', ' if limits else ''}{' and '.join(limits)}{' characters' if limits else ''}"
    least, most = (next(getattr(part, name) for part in bounds if hasattr(part, name)) for name in ("ge", "le"))
    if kind is int:
        return f"a whole number from {least} to {most}"
    return f"a number from {least:g} to {most:g}{free}"


_LENGTHS = (("min_length", "at least"), ("max_length", "at most"))


def _one_of(values: Iterable[object]) -> str:
    return "one of " + ", ".join(f"'{value}'" for value in values)


def _got(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "a section"
    if isinstance(value, list):
        return "a list"
    return f"'{_quote(value)}'" if isinstance(value, str) else _quote(str(value))


def _quote(text: str) -> str:
    shown = _one_line(text)
    return shown if len(shown) <= LONGEST_QUOTE else f"{shown[:LONGEST_QUOTE]}…"


def _one_line(text: str) -> str:
    """The same with line ends, control characters and undecodable bytes written as escapes."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)
