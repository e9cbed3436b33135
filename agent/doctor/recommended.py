"""Are the packages, programs, models and servers of the recommended ring there?

None of the heavy packages is imported, unless the check is asked to go deep: their versions and files are looked at.
"""

from __future__ import annotations

import http.client
import json
import shlex
import shutil
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from agent.config.config import Config
from agent.doctor.packages import PROJECT, Package, Part, Ring, check_package, module_folder, pip, requirements
from agent.llm.address import address_of, is_this_computer, key_from
from agent.models.catalogue import PLACES, Model
from agent.models.fetched import (
    fetched_models,
    megabytes,
    models_folder,
    recommended_models,
    state_of,
)
from agent.text.foreign_text import shortened
from speech.errors import VisavisError

SERVER_TIMEOUT_S = 1.0
"""For a server that has to be there to answer the first question within a second or two."""

PACKAGES: Mapping[str, Package] = {
    "faster-whisper": Package("ears: Whisper, the quicker of two", "faster_whisper", imported="deep"),
    "openai-whisper": Package("ears: Whisper, OpenAI's own", "whisper", ("assets/mel_filters.npz",), "deep"),
    "transformers": Package("mind: local language models", "transformers", imported="deep"),
    "gguf": Package("mind: reads the packaged language model", "gguf", imported="deep"),
    "accelerate": Package("mind: loads language models", "accelerate", imported="deep"),
    "openai": Package("mind: language models of a server", "openai", imported="deep"),
    "coqui-tts": Package("voice: Coqui", "TTS", (".models.json",), "deep"),
    "torchaudio": Package("needed by Coqui", "torchaudio", imported="deep"),
    "torchcodec": Package("needed by Coqui, which only looks whether it is there", "torchcodec", imported="never"),
    "six": Package("needed by Coqui", "six", imported="never"),
}

_INSTALLED_ALWAYS = ("faster-whisper", "transformers")
"""What `make install` brings, for the packaged weights."""


def check_recommended(config: Config, *, deep: bool = False) -> list[Part]:
    """Everything of the recommended ring: needed ("recommended") is what this configuration would use of it."""
    try:
        models = recommended_models(config)
    except VisavisError as error:
        return [Part("models", "recommended", "broken", "", str(error), "visavis fetch --list")]
    from agent.backends.tables import BY_NAME

    all_extras = dict.fromkeys(backend.extra for backend in BY_NAME.values() if backend.extra)
    extras = {BY_NAME[model.backend].extra for model in models}
    if config.mind.base_url:
        extras.add("openai")
    parts = [
        part
        for extra in all_extras
        for part in _check_extra(extra, "recommended" if extra in extras else "optional", deep=deep)
    ]
    if "coqui" in extras:
        parts.append(_check_espeak_program())
    parts += [*_check_models(models, config), *_check_paths(config)]
    if config.mind.base_url and config.mind.backend in ("auto", "openai"):
        parts.append(_check_server(config))
    return parts


def _check_extra(extra: str, ring: Ring, *, deep: bool) -> list[Part]:
    parts = []
    for requirement in requirements(extra):
        part = check_package(requirement, deep=deep, ring=ring, packages=PACKAGES, install=install_extra(extra))
        if part.name == "torchaudio" and part.status == "ok" and (libraries := _cuda_only_libraries()):
            detail = f"{part.detail}; built for CUDA, it does not load beside this PyTorch for CPUs; works without it"
            fix = f"rm {' '.join(str(path) for path in libraries)}"
            part = Part(part.name, ring, "broken", part.version, detail, fix)
        parts.append(part)
    return parts


def install_extra(extra: str) -> str:
    """The command that installs an optional set of packages, as this installation was made."""
    if Path(sys.prefix) == PROJECT / ".venv" and (PROJECT / "Makefile").is_file():
        target, mark = ("install", ".ready") if extra in _INSTALLED_ALWAYS else ("recommended", ".recommended-ready")
        made = PROJECT / ".venv" / mark  # with it, make believes that all is there
        again = f"rm {shlex.quote(str(made))} && " if made.exists() else ""
        return f"{again}make -C {shlex.quote(str(PROJECT))} {target}"
    if (PROJECT / "pyproject.toml").is_file():
        return pip("install", "--editable", f"{PROJECT}[{extra}]")
    return pip("install", f"visavis[{extra}]")


def _cuda_only_libraries() -> list[Path]:
    """Torchaudio's compiled parts, where they want a CUDA that this PyTorch doesn't have: importing it then fails."""
    torch, torchaudio = module_folder("torch"), module_folder("torchaudio")
    if torch is None or torchaudio is None:
        return []
    libraries = sorted((torchaudio / "lib").glob("*.so"))
    has_cuda = any((torch / "lib").glob("libtorch_cuda*"))
    return [] if has_cuda or not any(b"libcudart" in library.read_bytes() for library in libraries) else libraries


def _check_espeak_program() -> Part:
    found = shutil.which("espeak-ng") or shutil.which("espeak")
    fix = "" if found else "apt-get install espeak-ng"
    detail = "voice: reads text for Coqui's voices"
    return Part("espeak-ng program", "recommended", "ok" if found else "missing", "", detail, fix)


def _check_models(models: list[Model], config: Config) -> list[Part]:
    """The models that this configuration would use, and what else was fetched."""
    folder = models_folder(config)
    wanted = {model.title for model in models}
    models = [*models, *(model for model in fetched_models(folder) if model.title not in wanted)]
    states = [state_of(folder, model.backend, model.name) for model in models]
    to_fetch = [model.title for model, state in zip(models, states, strict=True) if state.status != "complete"]
    elsewhere = "" if folder == models_folder(Config()) else f" --models {folder}"
    fix = f"visavis fetch {' '.join(to_fetch)}{elsewhere}"
    parts = []
    for model, state in zip(models, states, strict=True):
        ring: Ring = "recommended" if model.title in wanted else "optional"
        job = f"{PLACES[model.backend]}: "
        if state.status == "complete":
            parts.append(Part(model.title, ring, "ok", "", f"{job}fetched, {megabytes(state.size)}", ""))
        elif state.status == "broken":
            parts.append(Part(model.title, ring, "broken", "", f"{job}{state.detail}", fix))
        else:
            about = f", about {megabytes(model.size)}" if model.size else ""
            detail = f"fetched in part, {state.detail}{about}" if state.detail else f"not fetched{about}"
            parts.append(Part(model.title, ring, "missing", "", job + detail, fix))
    return parts


def _check_paths(config: Config) -> list[Part]:
    """Models that the configuration names by their paths."""
    parts = []
    for place, section in (("ears", config.ears), ("mind", config.mind), ("voice", config.voice)):
        path = Path(section.model)
        if not path.is_absolute():
            continue
        key = f"{place}.model"
        if path.exists():
            parts.append(Part(key, "recommended", "ok", "", f"{place}: {path}", ""))
        else:
            fix = f"change {key} ({config.source.of(key)}): a model that is there, or one that visavis fetch knows"
            parts.append(Part(key, "recommended", "missing", "", f"{place}: nothing at {path}", fix))
    return parts


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """The key goes to nobody but whom it is meant for."""

    def redirect_request(self, *args: object) -> None:
        """Makes an error of it."""


def _check_server(config: Config) -> Part:
    """Asks an OpenAI-compatible server which models it has."""
    mind = config.mind
    fix = f"start the server, or change mind.base_url ({config.source.of('mind.base_url')})"
    try:
        address, key = address_of(mind.base_url), key_from(mind.api_key_env)
    except VisavisError as error:
        return Part("language model server", "recommended", "broken", "", f"mind: {error}", fix)
    url = f"{address.geturl().rstrip('/')}/models"
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    proxies = urllib.request.ProxyHandler({} if is_this_computer(address.hostname or "") else None)
    opener = urllib.request.build_opener(proxies, _NoRedirects)
    try:
        with opener.open(urllib.request.Request(url, headers=headers), timeout=SERVER_TIMEOUT_S) as answer:
            names = [shortened(str(entry["id"]), 60) for entry in json.loads(answer.read(1_000_000))["data"]]
    except urllib.error.HTTPError as error:
        error.close()
        if error.code in (401, 403):
            fix = f"export {mind.api_key_env}=…, the key of that server"
        detail = f"mind: {url}: the server says {error.code} {shortened(str(error.reason), 60)}"
        return Part("language model server", "recommended", "broken", "", detail, fix)
    except OSError as error:
        reason = getattr(error, "reason", error)
        said = reason.strerror if isinstance(reason, OSError) and reason.strerror else str(reason)
        return Part("language model server", "recommended", "missing", "", f"mind: {url}: {said}", fix)
    except (ValueError, KeyError, TypeError, RecursionError, http.client.HTTPException):
        detail = f"mind: {url}: expected an OpenAI-compatible server's list of models, got something else"
        return Part("language model server", "recommended", "broken", "", detail, fix)
    known = ", ".join(names[:4]) + (", …" if len(names) > 4 else "")
    if mind.model and mind.model not in names:
        detail = f"mind: it has no model '{mind.model}' (it has {known or 'none'})"
        fix = f"change mind.model ({config.source.of('mind.model')}), or add that model to the server"
        return Part("language model server", "recommended", "broken", "", detail, fix)
    return Part("language model server", "recommended", "ok", "", f"mind: {mind.base_url}, models: {known}", "")
