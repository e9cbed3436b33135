"""Files that appear whole or not at all, and what is left when a process is killed while it makes them."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from speech.errors import InputError
from speech.files import locked_temporary
from speech.files.draft import Draft, check_writable
from speech.files.scratch import scratch_folder

if sys.platform == "win32":
    pytest.skip("Windows renames nothing that is open and locks nothing", allow_module_level=True)

IS_ROOT, NOBODY = os.geteuid() == 0, 65534


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    """A folder in which a killed process left a draft and a scratch folder with a file in it."""
    code = """
import sys, os, signal, tempfile
from pathlib import Path
from speech.files.draft import Draft
from speech.files.scratch import scratch_folder
folder = tempfile.tempdir = sys.argv[1]
with Draft(Path(folder) / "a.mp4") as draft, scratch_folder() as scratch:
    draft.path.write_bytes(b"half")
    (scratch / "model").write_bytes(b"half")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(names(tmp_path)) == 2
    return tmp_path


def test_a_draft_appears_whole_under_its_name(tmp_path: Path) -> None:
    target = tmp_path / "a.mp4"
    target.write_text("old")
    with Draft(target) as draft:
        assert draft.path.suffix == ".mp4" and draft.path.parent == tmp_path
        draft.path.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new" and names(tmp_path) == ["a.mp4"]


def test_what_a_killed_process_left_is_cleared_by_the_next(killed: Path) -> None:
    Draft(killed / "b.mp4").discard()
    assert names(killed) == []


def test_what_a_killed_process_left_is_cleared_by_the_next_scratch_folder(
    killed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(killed))
    with scratch_folder() as scratch:
        assert names(killed) == [scratch.name]
    assert names(killed) == []


def test_what_a_living_process_makes_is_never_cleared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    old = (0.0, 0.0)
    with Draft(tmp_path / "a.csv") as first, scratch_folder() as scratch:
        first.path.write_text("first")
        os.utime(first.path, old)
        os.utime(scratch, old)
        with Draft(tmp_path / "a.csv") as second, scratch_folder():
            second.path.write_text("second")
        assert scratch.is_dir()
    assert (tmp_path / "a.csv").read_text() == "first" and names(tmp_path) == ["a.csv"]


def test_drafts_of_another_machine_or_a_disk_without_locks_stay(
    tmp_path: Path, killed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = names(killed)

    def no_locks(handle: int, how: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    with monkeypatch.context() as patched:
        patched.setattr(locked_temporary.fcntl, "flock", no_locks)
        with Draft(killed / "b.csv") as draft:
            draft.path.write_text("whole")
    assert names(killed) == sorted([*before, "b.csv"])
    monkeypatch.setattr(locked_temporary, "_PREFIX", ".visavis-elsewhere-")
    Draft(killed / "c.csv").discard()
    assert names(killed) == sorted([*before, "b.csv"])


def test_a_draft_that_another_process_takes_for_abandoned_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, taken = locked_temporary._lock, []

    def late(handle: int) -> bool | None:
        if not taken:
            taken.extend(tmp_path.glob(".visavis-*"))
            taken[0].unlink()
        return lock(handle)

    monkeypatch.setattr(locked_temporary, "_lock", late)
    with Draft(tmp_path / "a.csv") as draft:
        assert draft.path != taken[0]
        draft.path.write_text("whole")
    assert (tmp_path / "a.csv").read_text() == "whole" and names(tmp_path) == ["a.csv"]


def test_of_many_writers_at_once_one_stays_whole(tmp_path: Path) -> None:
    target = tmp_path / "a.csv"
    failed: list[BaseException] = []

    def write(number: int) -> None:
        try:
            for _ in range(20):
                with Draft(target) as draft, draft.path.open("w") as file:
                    for _ in range(50):
                        file.write(f"{number}\n")
                        file.flush()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = target.read_text().splitlines()
    assert failed == [] and len(lines) == 50 and len(set(lines)) == 1 and names(tmp_path) == ["a.csv"]


@pytest.mark.parametrize("stem", ["n" * 251, "ü" * 125, "…" * 83], ids=["ascii", "umlauts", "dots"])
def test_names_as_long_as_a_disk_allows(stem: str, tmp_path: Path) -> None:
    target = tmp_path / f"{stem}.mp4"
    assert len(os.fsencode(target.name)) > 250
    with Draft(target) as draft:
        draft.path.write_text("whole")
    assert target.read_text() == "whole"
    with Draft(tmp_path / ("a." + stem)) as draft:  # what looks like a suffix, and is too long for one
        draft.path.write_text("whole")
    with pytest.raises(InputError, match="File name too long"):
        Draft(tmp_path / f"{stem}-longer.mp4")


@pytest.mark.parametrize("error", [ValueError("x"), KeyboardInterrupt(), InputError("x")], ids=repr)
def test_an_error_in_the_block_is_what_is_raised_and_nothing_stays(error: BaseException, tmp_path: Path) -> None:
    with pytest.raises(type(error)) as raised, Draft(tmp_path / "a.csv") as draft:
        draft.path.unlink()  # the clean-up finds nothing, and must not hide the error for that
        raise error
    assert raised.value is error and names(tmp_path) == []


def test_a_full_disk_is_one_line_about_the_target(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.csv: .*No space left on device"), Draft(tmp_path / "a.csv"):
        with open("/dev/full", "wb", buffering=0) as full:
            full.write(b"x")
    assert names(tmp_path) == []


def test_a_target_that_became_a_folder_is_one_line_and_leaves_no_draft(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.csv: expected a place to write to"), Draft(tmp_path / "a.csv"):
        (tmp_path / "a.csv").mkdir()
    assert names(tmp_path) == ["a.csv"]


@pytest.fixture
def pipe(tmp_path: Path) -> Iterator[Path]:
    os.mkfifo(tmp_path / "pipe")
    yield tmp_path / "pipe"


def test_what_can_never_be_written_is_refused_at_once(tmp_path: Path, pipe: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "nowhere").symlink_to("missing/a.csv")
    for target, why in (
        (tmp_path, "this is a folder"),
        (pipe, "a device or a pipe"),
        (Path("/dev/null"), "a device or a pipe"),
        (tmp_path / "missing" / "a.csv", "does not exist"),
        (tmp_path / "nowhere", "does not exist"),
        (tmp_path / "loop", "Too many levels|does not exist"),
        (tmp_path / "a\0b.csv", "null"),
        (Path("/proc/a.csv"), "not writable|could not"),
    ):
        with pytest.raises(InputError, match=why):
            Draft(target)


@contextmanager
def as_a_user() -> Iterator[Path]:
    """Root may write everything: for a while it is a user without rights, with a folder of its own."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        if not IS_ROOT:
            yield Path(name)
            return
        os.chown(name, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, 0)
        try:
            yield Path(name)
        finally:
            os.setresuid(0, 0, 0)


def test_a_write_protected_file_or_folder_is_refused() -> None:
    with as_a_user() as folder:
        (folder / "a.csv").write_text("kept")
        (folder / "a.csv").chmod(0o400)
        with pytest.raises(InputError, match="write-protected"):
            check_writable(folder / "a.csv")
        folder.chmod(0o500)
        with pytest.raises(InputError, match="not writable"):
            check_writable(folder / "b.csv")
        folder.chmod(0o700)


def test_permissions(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        for name, private, expected in (("a", False, 0o644), ("b", True, 0o600), ("kept", False, 0o640)):
            target = tmp_path / name
            if name == "kept":
                target.touch()
                target.chmod(0o640)
            with Draft(target, private=private):
                pass
            assert stat.S_IMODE(target.stat().st_mode) == expected
        (tmp_path / "a").chmod(0o666)
        with Draft(tmp_path / "a", private=True):
            pass
        assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o600
        with scratch_folder() as scratch:
            assert stat.S_IMODE(scratch.stat().st_mode) == 0o700
    finally:
        os.umask(before)


def test_a_link_stays_and_what_it_leads_to_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "a.csv").symlink_to("disk/real.csv")
    for text in ("new", "newer"):  # at first it leads to nothing
        with Draft(tmp_path / "a.csv") as draft:
            draft.path.write_text(text)
        assert (tmp_path / "disk" / "real.csv").read_text() == text and (tmp_path / "a.csv").is_symlink()


def test_a_relative_target_stays_where_it_was_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with Draft(Path("a.csv")):
        monkeypatch.chdir("/")
    assert names(tmp_path) == ["a.csv"]


def test_an_end_that_cannot_wait_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with Draft(tmp_path / "kept.csv"):
        pass
    draft = Draft(tmp_path / "a.csv")
    with scratch_folder() as scratch:
        (scratch / "model").write_text("half")
        locked_temporary.remove_all()
        assert names(tmp_path) == ["kept.csv"]
    draft.discard()


def test_no_temporary_folder_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for place in ("/proc", str(tmp_path / "missing")):
        monkeypatch.setattr("tempfile.tempdir", place)
        with pytest.raises(InputError, match=r"temporary files: .*TMPDIR"), scratch_folder():
            pass
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(InputError, match=r"temporary files: .*No space left.*TMPDIR"), scratch_folder():
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with pytest.raises(OSError, match="flite"), scratch_folder():
        raise FileNotFoundError(errno.ENOENT, "No such file", "flite")
    assert names(tmp_path) == []
