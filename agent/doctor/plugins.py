"""What installed packages add: can it be used, is what it needs there, and what does its own check find?"""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from typing import Any

from agent.backends import tables
from agent.backends.descriptor import Checked, Finding
from agent.backends.making import made
from agent.config.config import Config
from agent.config.plugins import Plugin
from agent.doctor.packages import Part, pip
from speech.errors import VisavisError


def check_plugins(config: Config) -> list[Part]:
    """One part for each, "optional" as the ring needs none of them."""
    return [_check(config, plugin) for plugin in config.plugins.all]


def _check(config: Config, plugin: Plugin) -> Part:
    package, _, version = plugin.package.rpartition(" ")
    descriptor, problem = plugin.descriptor, tables.problem_of(plugin)
    about = descriptor.about if descriptor else f"of the package {package}"
    if problem or not isinstance(descriptor, Checked):
        found = Finding("broken", problem, pip("uninstall", package))
    else:
        try:
            found = made(config, descriptor, lambda: _find(config, descriptor))
        except VisavisError as error:
            found = Finding("broken", str(error))
    detail = "; ".join(filter(None, (f"{plugin.kind}: {about}", found.detail)))
    return Part(plugin.name, "optional", found.status, version, detail, found.fix)


def _find(config: Config, descriptor: Checked[Any]) -> Finding:
    settings = config.settings_of(descriptor)
    if descriptor.module and find_spec(descriptor.module) is None:
        return Finding("missing", f"the module {descriptor.module} is not there")
    if descriptor.programs and not any(map(shutil.which, descriptor.programs)):
        return Finding("missing", f"no program {' or '.join(descriptor.programs)}")
    for path in descriptor.files(settings):
        if not path.exists():
            return Finding("missing", f"no file {path}")
    checked = descriptor.check(config, settings) if descriptor.check else None
    return checked or Finding("ok", "")
