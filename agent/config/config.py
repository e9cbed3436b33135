"""Reading the configuration: command line over environment over file over defaults; any mistake stops with one line.

The file is ./config.toml, or what --config or VISAVIS_CONFIG names, or the one that comes with the program. It may
hold only some of the keys. VISAVIS_VOICE__RATE_WPM=150 and --set voice.rate_wpm=150 override it.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from agent.config.descriptor import SECTION_OF
from agent.config.file import KeyPath, quote, read_toml
from agent.config.plugins import Plugins, find_plugins
from agent.config.schema import GROUPS, Schema, expected, got, takes_text
from agent.config.section import Section
from agent.config.sections import Config, Sections, SettingsSource
from speech.errors import InputError, one_line

__all__ = ["DEFAULT_FILE", "RESERVED_VARIABLES", "Config", "SettingsSource", "load_config"]

_PACKAGED = Path(__file__).parent.parent / "data" / "config.toml"
_IN_THE_CLONE = Path(__file__).parent.parent.parent / "config.toml"

DEFAULT_FILE = _PACKAGED if _PACKAGED.is_file() else _IN_THE_CLONE
"""Every key at its default, explained: the clone's own file, which is put into the package when that is built."""

PREFIX = "VISAVIS_"
RESERVED_VARIABLES = frozenset(
    {
        "VISAVIS_CONFIG",
        "VISAVIS_DEBUG",
        "VISAVIS_TEST_DATA",
        "VISAVIS_MQTT_PASSWORD",
        "VISAVIS_WEB_TOKEN",
        "VISAVIS_TURN_CREDENTIAL",
    }
)
"""Environment variables with our prefix that are no settings."""

SHORT_VARIABLES: Mapping[str, str] = {"VISAVIS_CACHE_DIR": "portrait.cache_dir"}
"""Second, shorter names of environment variables, which the long ones override."""


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
    fields = Sections.model_fields
    plugins = find_plugins(
        {kind: fields[name].annotation.model_fields for kind, name in SECTION_OF.items() if name in fields}  # type: ignore[union-attr]
    )
    schema = Schema(plugins.sections)
    file, found = _find_file(path, environ)
    layers = [
        _file_layer(file),
        _environment_layer(environ, schema),
        *(_override_layer(override, schema) for override in overrides),
    ]
    config = Config()
    sections: dict[str, Section] = {name: getattr(config, name) for name in Sections.model_fields}
    sections |= {name: model() for name, model in schema.added.items()}
    origins: dict[str, str] = {}
    for layer in layers:
        for name, given in _validate(layer, schema, plugins).items():
            changes = {key: getattr(given, key) for key in given.model_fields_set}
            sections[name] = sections[name].model_copy(update=changes)
            origins |= {f"{name}.{key}": layer.place((*name.split("."), key)) for key in changes}
    own = {name: sections.pop(name) for name in schema.added}
    return config.model_copy(
        update={
            **sections,
            "source": SettingsSource(f"{file} ({found})", origins),
            "plugins": replace(plugins, settings=own),
        }
    )


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


def _environment_layer(environ: Mapping[str, str], schema: Schema) -> _Layer:
    variables = {
        **{f"{PREFIX}{key.upper().replace('-', '_').replace('.', '__')}": key for key in schema.keys},
        **SHORT_VARIABLES,
    }
    values: dict[str, Any] = {}
    places: dict[KeyPath, str] = {(): "environment"}
    for variable, text in sorted(environ.items()):
        if not variable.startswith(PREFIX) or variable in RESERVED_VARIABLES:
            continue
        shown = f"environment variable {quote(variable)[1:-1]}"
        if variable not in variables:
            nearest = schema.nearest(variable.removeprefix(PREFIX).lower().replace("__", "."))
            name = next((name for name, key in variables.items() if key == nearest), None)
            raise InputError(f"{shown}: unknown setting; {schema.hint(name)}")
        location = tuple(variables[variable].split("."))
        _put(values, location, _parse_value(text, schema.field(variables[variable])))
        places[location] = shown
    return _Layer(values, Path.cwd(), places)


def _override_layer(override: str, schema: Schema) -> _Layer:
    shown = f"--set {quote(override)}"
    name, equals, text = override.partition("=")
    name = name.strip()
    if not equals or name in schema.sections:
        raise InputError(f"{shown}: expected section.key=value such as voice.rate_wpm=150")
    location = tuple(name.split("."))
    if name not in schema.keys:
        raise InputError(f"{shown}: {schema.unknown(location)}")
    values: dict[str, Any] = {}
    _put(values, location, _parse_value(text, schema.field(name)))
    return _Layer(values, Path.cwd(), {(): shown})


def _put(values: dict[str, Any], location: KeyPath, value: object) -> None:
    *sections, key = location
    for section in sections:
        values = values.setdefault(section, {})
    values[key] = value


def _parse_value(text: str, field: FieldInfo) -> object:
    """A TOML value; a bare word is text, and so is anything where only text is taken ("mind.name=7")."""
    try:
        parsed: dict[str, object] = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return text
    if set(parsed) != {"value"} or (not isinstance(parsed["value"], str) and takes_text(field)):
        return text
    return parsed["value"]


def _validate(layer: _Layer, schema: Schema, plugins: Plugins) -> dict[str, Section]:
    """The sections that a layer has.

    Raises:
        InputError: about the uppermost mistake, which is the one to mend first.
    """
    ours, added, errors = _parted(layer.values, schema, plugins)
    given: dict[str, Section] = {}
    try:
        sections = Sections.model_validate(ours, context=layer.folder)
        given |= {name: getattr(sections, name) for name in sections.model_fields_set}
    except ValidationError as failure:
        errors |= {_location(error)[:2]: error for error in failure.errors(include_url=False)}
    for name, values in added.items():
        try:
            given[name] = schema.added[name].model_validate(values, context=layer.folder)
        except ValidationError as failure:
            path = tuple(name.split("."))
            errors |= {(path + _location(error))[:3]: error for error in failure.errors(include_url=False)}
    if not errors:
        return given
    order = list(layer.places.values())
    location = min(errors, key=lambda location: order.index(layer.place(location)))
    place, error, written = layer.place(location), errors[location], ".".join(location)
    if error["type"] == "extra_forbidden":
        is_section = isinstance(error["input"], dict)
        raise InputError(f"{place}: {schema.unknown(location, is_section=is_section)}")
    if written in schema.sections:
        raise InputError(f"{place}: {written}: expected a section of keys, [{written}], got {got(error['input'])}")
    raise InputError(f"{place}: {written}: expected {expected(schema.field(written))}, got {got(error['input'])}")


def _parted(
    values: Mapping[str, object], schema: Schema, plugins: Plugins
) -> tuple[dict[str, object], dict[str, object], dict[KeyPath, Any]]:
    """What is in the sections of ours, in those of installed packages, and in no section although it should be.

    What stands in the section of a package that can't be used is left out: that it can't is told elsewhere.
    """
    unusable = {f"{SECTION_OF[plugin.kind]}.{plugin.name}" for plugin in plugins.all if plugin.descriptor is None}
    ours: dict[str, object] = {}
    added: dict[str, object] = {}
    unknown: dict[KeyPath, Any] = {}
    for name, section in values.items():
        if not isinstance(section, dict):
            ours[name] = section
            continue
        rest = {key: value for key, value in section.items() if f"{name}.{key}" not in schema.added}
        added |= {f"{name}.{key}": value for key, value in section.items() if key not in rest}
        rest = {key: value for key, value in rest.items() if f"{name}.{key}" not in unusable}
        if name in GROUPS:
            unknown |= {(name, key): {"type": "extra_forbidden", "input": value} for key, value in rest.items()}
        else:
            ours[name] = rest
    return ours, added, unknown


def _location(error: Mapping[str, Any]) -> KeyPath:
    return tuple(str(part) for part in error["loc"])
