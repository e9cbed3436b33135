"""Are the weights that travel in packages there, right, and usable? None of their carriers is imported."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec

from agent.backends.tables import BY_NAME
from agent.config.config import Config
from agent.doctor.packages import Part, Ring, Status
from agent.doctor.recommended import install_extra
from agent.models.fetched import megabytes
from agent.models.packaged import any_installed, carrier_version, checked_files, install_command
from agent.models.packaged_catalogue import PACKAGED, PackagedModel
from agent.models.weights import candidates
from speech.errors import VisavisError


def check_packaged(config: Config) -> list[Part]:
    """One part for everything in the table; "optional" is what isn't here and this configuration has no use for."""
    parts = [_check(model, config) for model in PACKAGED]
    # One command brings and mends all that packages carry.
    mended = [
        model
        for model, part in zip(PACKAGED, parts, strict=True)
        if part.ring == "packaged" and part.fix == install_command(model)
    ]
    return [
        replace(part, fix=install_command(*mended)) if model in mended else part
        for model, part in zip(PACKAGED, parts, strict=True)
    ]


def _check(model: PackagedModel, config: Config) -> Part:
    is_here = any_installed(model)
    wanted = is_here or model.installed_by == "install" or _is_wanted(model, config)
    ring: Ring = "packaged" if wanted else "optional"
    versions = [version for version in map(carrier_version, model.carriers) if version]

    def part(status: Status, detail: str, fix: str) -> Part:
        about = f"{model.place}: {model.what}; {model.licence}, {megabytes(model.size)}"
        return Part(model.title, ring, status, ", ".join(dict.fromkeys(versions)), f"{about}; {detail}", fix)

    if not is_here:
        return part("missing", f"not installed ({', '.join(model.carriers)})", install_command(model))
    try:
        checked_files(model)
    except VisavisError as error:
        # The command is in the column of commands.
        trouble = str(error).removeprefix(f"{model.title}: ").removesuffix(f"; run: {install_command(model)}")
        return part("broken", trouble, install_command(model))
    backend = BY_NAME.get(model.backend)
    if backend is not None and backend.extra and find_spec(backend.module) is None:
        detail = f"checked; the package {backend.extra} that uses it is not installed"
        return part("missing", detail, install_extra(backend.extra))
    return part("ok", "checked", "")


def _is_wanted(model: PackagedModel, config: Config) -> bool:
    """Whether it is what this configuration would take first of its backend's packaged weights."""
    section = getattr(config, model.place)
    if model.backend not in BY_NAME:
        return False
    return section.backend in ("auto", model.backend) and candidates(config, model.backend)[:1] == [model]
