"""Weights in packages: found by metadata, checked, joined and converted once, whatever happens to them."""

from __future__ import annotations

import errno
import importlib.metadata
import json
import multiprocessing
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent.models import checksums, conversion_cache
from agent.models.conversion_cache import converted
from agent.models.packaged import any_installed, install_command, is_installed, packaged_path
from agent.models.packaged_catalogue import PACKAGED, PackagedModel, find_packaged, packaged_of
from speech.errors import InputError
from tests.carriers import carried_model, hide_carriers, make_carrier

ROOT = Path(__file__).parent.parent
WHOLE = {"model.bin": b"weights" * 100, "config.json": b"{}"}
PARTS = {"model.bin.part1": b"first ", "model.bin.part2": b"second", "config.json": b"{}"}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of the test's own, and a process that has checked nothing yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(checksums, "_known", set())
    return tmp_path / "cache" / "visavis"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of installed packages."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    return folder


@pytest.fixture
def whole(site: Path) -> PackagedModel:
    """Weights that a backend can be given as they lie there."""
    make_carrier(site, "some-carrier", "1.0", WHOLE)
    return carried_model("hibari", "some", "some-carrier", WHOLE)


@pytest.fixture
def parts(site: Path) -> PackagedModel:
    """Weights that have to be joined."""
    make_carrier(site, "parts-carrier", "1.0", PARTS)
    return carried_model("faster-whisper", "some", "parts-carrier", PARTS)


def refusal(model: PackagedModel) -> str:
    with pytest.raises(InputError) as error:
        packaged_path(model)
    assert "\n" not in str(error.value)
    assert str(error.value).endswith(f"run: {install_command(model)}")
    return str(error.value)


# ---- The table ----


def test_the_table() -> None:
    assert len({model.title for model in PACKAGED}) == len(PACKAGED)
    for model in PACKAGED:
        assert model.what and model.licence and model.place and model.installed_by in ("install", "recommended", "")
        assert {file.distribution for file in model.files} == set(model.carriers)
        assert all(re.fullmatch("[0-9a-f]{64}", file.sha256) and file.size > 0 for file in model.files)
        assert find_packaged(model.backend, model.name) is model
    assert [model.name for model in packaged_of("faster-whisper")] == ["tiny.en", "base"]
    assert [model.name for model in packaged_of("faster-whisper", "de")] == ["base"]
    assert [model.name for model in packaged_of("faster-whisper", "")] == ["base"], "tiny.en can't find a language out"


def test_carriers_are_not_imported() -> None:
    code = (
        "import json, sys; from agent.models.packaged import *; from agent.models.packaged_catalogue import PACKAGED;"
        "found = [model for model in PACKAGED if is_installed(model)];"
        "[checked_files(model) for model in found];"
        "modules = {file.path.split('/')[0] for model in PACKAGED for file in model.files} | {'torch', 'numpy'};"
        "print(json.dumps([len(found), sorted(modules & set(sys.modules))]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    found, imported = json.loads(done.stdout)
    assert found > 0 and imported == []


# ---- Found and checked ----


def test_whole_weights_are_used_where_they_lie(whole: PackagedModel, site: Path) -> None:
    assert is_installed(whole) and packaged_path(whole) == site / "some_carrier" / "data"


def test_what_is_not_installed(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = carried_model("hibari", "some", "no-carrier", WHOLE)
    assert not is_installed(model) and not any_installed(model)
    assert "expected the package no-carrier 1.0, it is not installed" in refusal(model)
    hide_carriers(monkeypatch)
    assert not any(any_installed(model) for model in PACKAGED)


def test_another_version(whole: PackagedModel, site: Path) -> None:
    shutil.rmtree(site / "some_carrier-1.0.dist-info")
    make_carrier(site, "some-carrier", "1.1", WHOLE)
    assert "expected the package some-carrier 1.0, found 1.1" in refusal(whole)


def test_one_of_two_carriers_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    base = find_packaged("faster-whisper", "base")
    assert base is not None
    (first, second) = base.carriers
    monkeypatch.setattr(
        importlib.metadata, "version", lambda name: _absent(name) if name == second else base.carriers[name]
    )
    assert any_installed(base) and not is_installed(base)
    assert f"expected the package {second} {base.carriers[second]}, it is not installed" in refusal(base)
    assert first in install_command(base) and second in install_command(base)


def _absent(name: str) -> str:
    raise importlib.metadata.PackageNotFoundError(name)


@pytest.mark.parametrize(
    ("damage", "trouble"),
    [
        (lambda file: file.write_bytes(b"Weights" * 100), "expected other content (its SHA-256 differs)"),
        (lambda file: file.write_bytes(b"weights"), "expected 700 bytes, got 7"),
        (lambda file: file.unlink(), "expected a file, could not read it: No such file or directory"),
        (lambda file: (file.unlink(), file.mkdir()), "expected "),
    ],
    ids=["altered", "truncated", "gone", "a folder"],
)
def test_damage_is_noticed_even_after_the_check(
    whole: PackagedModel, site: Path, damage: Callable[[Path], object], trouble: str
) -> None:
    packaged_path(whole)
    file = site / "some_carrier" / "data" / "model.bin"
    damage(file)
    assert f"hibari/some: {file}: {trouble}" in refusal(whole)
    if file.is_dir():
        file.rmdir()
    make_carrier(site, "some-carrier", "1.0", WHOLE)  # as the command does
    assert packaged_path(whole)


def test_it_is_checked_once(whole: PackagedModel, monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    checked = []
    real = checksums.sha256_of
    monkeypatch.setattr(checksums, "sha256_of", lambda path: checked.append(path.name) or real(path))
    packaged_path(whole)
    packaged_path(whole)
    monkeypatch.setattr(checksums, "_known", set())  # the next process
    packaged_path(whole)
    assert checked == ["model.bin", "config.json"]
    assert len(list((cache / "checked").iterdir())) == 2
    for mark in (cache / "checked").iterdir():
        mark.write_bytes(b"\xff")
    monkeypatch.setattr(checksums, "_known", set())
    packaged_path(whole)
    assert len(checked) == 4, "a damaged mark is none"


def test_symlinked_packages(whole: PackagedModel, site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path != str(site)])
    (tmp_path / "link").symlink_to(site)
    monkeypatch.syspath_prepend(tmp_path / "link")
    assert packaged_path(whole) == tmp_path / "link" / "some_carrier" / "data"


def test_without_a_cache_folder_whole_weights_work(whole: PackagedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/proc/nowhere")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert packaged_path(whole).is_dir()


# ---- Joined and converted ----


def test_parts_are_joined_once(parts: PackagedModel, cache: Path) -> None:
    folder = packaged_path(parts)
    assert (folder / "model.bin").read_bytes() == b"first second" and (folder / "config.json").read_bytes() == b"{}"
    assert folder.is_relative_to(cache)
    made = (folder / "model.bin").stat()
    assert packaged_path(parts) == folder and (folder / "model.bin").stat() == made


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "model.bin").write_bytes(b"First second"),
        lambda folder: os.truncate(folder / "model.bin", 3),
        lambda folder: (folder / "config.json").unlink(),
        lambda folder: os.truncate(folder / "visavis-model.json", 10),
        lambda folder: shutil.rmtree(folder),
    ],
    ids=["altered", "truncated", "gone", "its list", "removed"],
)
def test_what_was_joined_is_made_again_where_it_is_damaged(
    parts: PackagedModel, damage: Callable[[Path], object]
) -> None:
    folder = packaged_path(parts)
    damage(folder)
    assert packaged_path(parts) == folder and (folder / "model.bin").read_bytes() == b"first second"
    assert (folder / "config.json").read_bytes() == b"{}"


def _fill(folder: Path) -> None:
    (folder / "made.bin").write_bytes(b"made")


def test_old_versions_are_cleared_and_others_are_not(cache: Path) -> None:
    other = converted("whisper/tiny", "1", 4, _fill)
    first = converted("whisper/tiny.en", "1", 4, _fill)
    second = converted("whisper/tiny.en", "2", 4, _fill)
    assert second != first and not first.exists() and other.is_dir()
    assert sorted(path.name for path in (cache / "models").iterdir() if path.is_dir()) == sorted(
        [other.name, second.name]
    )


def test_what_a_maker_raises_goes_through_and_nothing_is_kept(cache: Path) -> None:
    def fail(folder: Path) -> None:
        _fill(folder)
        raise InputError("not these weights")

    with pytest.raises(InputError, match="not these weights"):
        converted("whisper/tiny.en", "1", 4, fail)
    assert [path for path in (cache / "models").iterdir() if path.is_dir()] == []
    assert converted("whisper/tiny.en", "1", 4, _fill).is_dir()


def test_too_little_room(parts: PackagedModel, monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    real = shutil.disk_usage
    monkeypatch.setattr(shutil, "disk_usage", lambda path: real(path)._replace(free=20_000_000))
    with pytest.raises(InputError) as error:
        packaged_path(parts)
    assert str(error.value) == (
        f"faster-whisper/some: expected 50 MB free in {cache / 'models'}, got 20; make room there, or name another "
        "folder in XDG_CACHE_HOME"
    )


def test_a_disk_that_fills_up(cache: Path) -> None:
    """In a process of its own, whose files may not become larger than a megabyte."""
    code = (
        "import resource, sys; from pathlib import Path; from agent.models.conversion_cache import converted;"
        "sys.dont_write_bytecode = True;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000));"
        "converted('some/model', '1', 2_000_000, lambda folder: (folder / 'x').write_bytes(bytes(2_000_000)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 1_000_000
    assert done.stderr.splitlines()[-1] == (
        f"speech.errors.InputError: some/model: expected to write to {cache / 'models'}, could not: File too large; "
        "make room there, or name another folder in XDG_CACHE_HOME"
    )
    assert [path.name for path in (cache / "models").iterdir()] == [".some--model.lock"]


@pytest.mark.parametrize("where", ["/proc/nowhere", "a file"])
def test_nowhere_to_write(parts: PackagedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    (tmp_path / "a file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / where))
    with pytest.raises(InputError) as error:
        packaged_path(parts)
    assert str(error.value).startswith(f"faster-whisper/some: expected to write to {tmp_path / where}/visavis/models")
    assert str(error.value).endswith("; change that, or name another folder in XDG_CACHE_HOME")


def test_no_locks_on_this_disk(parts: PackagedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(handle: int, how: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(conversion_cache.fcntl, "flock", flock)
    assert (packaged_path(parts) / "model.bin").read_bytes() == b"first second"


# ---- Several processes ----


def _convert(journal: Path, seconds: float, results: Any) -> None:
    def make(folder: Path) -> None:
        (folder / "half.bin").write_bytes(b"half")
        with journal.open("a") as file:
            file.write(f"{os.getpid()}\n")
        time.sleep(seconds)
        (folder / "made.bin").write_bytes(b"made")

    results.put(str(converted("some/model", "1", 4, make)))


def _started(journal: Path, seconds: float, results: Any) -> Any:
    process = multiprocessing.get_context("spawn").Process(target=_convert, args=(journal, seconds, results))
    process.start()
    return process


def test_two_processes_convert_once(tmp_path: Path) -> None:
    journal, results = tmp_path / "journal", multiprocessing.get_context("spawn").Queue()
    both = [_started(journal, 0.5, results) for _ in range(2)]
    made = {results.get(timeout=60) for _ in both}
    for process in both:
        process.join(60)
    assert len(made) == 1 and (Path(made.pop()) / "made.bin").read_bytes() == b"made"
    assert len(journal.read_text().splitlines()) == 1


def test_one_that_was_killed_in_the_middle(tmp_path: Path, cache: Path) -> None:
    journal, results = tmp_path / "journal", multiprocessing.get_context("spawn").Queue()
    process = _started(journal, 600, results)
    deadline = time.monotonic() + 60
    while not journal.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.join(60)
    assert any("partial" in path.name for path in (cache / "models").iterdir())
    made = converted("some/model", "1", 4, _fill)
    assert (made / "made.bin").read_bytes() == b"made" and not (made / "half.bin").exists()
    assert sorted(path.name for path in (cache / "models").iterdir()) == sorted([".some--model.lock", made.name])
