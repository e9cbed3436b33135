"""What CONTRIBUTING.md shows works: its commands, its links, and the output that it adds."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from agent.commands.demo import QUESTIONS
from tests.test_readme import VISAVIS

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
LINES = [line for block in re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL) for line in block.splitlines()]


def test_its_commands_are_make_targets_or_the_readme_s_or_choose_tests() -> None:
    for line in LINES:
        program, *arguments = shlex.split(line)
        if program == "make":
            subprocess.run(["make", "--dry-run", *arguments], cwd=ROOT, capture_output=True, check=True)
        elif program == "visavis":
            assert line in VISAVIS, "the README's are run"
        else:
            assert (program, arguments[:2]) == (".venv/bin/python", ["-m", "pytest"])


@pytest.mark.parametrize("line", [line for line in LINES if "pytest" in line])
def test_its_choices_of_tests_find_some(line: str) -> None:
    command = [sys.executable, *shlex.split(line)[1:], "--collect-only", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "::" in done.stdout, done.stdout + done.stderr


def test_its_markers_are_those_that_there_are() -> None:
    table = TEXT[TEXT.index("| marker |") :].split("\n\n")[0]
    named = {
        word.partition("(")[0]
        for cell in re.findall(r"^\| (.*?) \|", table, re.M)
        for word in re.findall(r"`(.*?)`", cell)
    }
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["pytest"]["ini_options"]["markers"]
    assert named == {re.split("[(:]", marker)[0] for marker in listed}


def test_its_files_exist() -> None:
    named = re.findall(r"\]\(([^)#]+)\)", TEXT) + re.findall(r"`((?:tests|avatar|benchmarks)/[\w./]+\.\w+)`", TEXT)
    for name in named:
        assert (ROOT / name).exists(), name


def test_the_output_that_it_adds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    (points,) = (tomllib.loads(block) for block in re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL))
    (tmp_path / "mouth_log.py").write_text(code, "utf-8")
    about = tmp_path / "mouth_log-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: mouth-log\nVersion: 1.0\n", "utf-8")
    groups = points["project"]["entry-points"]
    lines = [
        f"[{group}]\n" + "".join(f"{name} = {at}\n" for name, at in names.items()) for group, names in groups.items()
    ]
    (about / "entry_points.txt").write_text("".join(lines), "utf-8")
    (switches,) = re.findall(r"`(--set outputs.*?)`", TEXT)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{ROOT}")
    run = [sys.executable, "-m", "agent", "render", "--audio", str(QUESTIONS / "1_name.wav"), "-o", "a.mp4", "-q"]
    subprocess.run([*run, *shlex.split(switches)], cwd=tmp_path, check=True, timeout=100)
    times = [float(line) for line in (tmp_path / "mouth.txt").read_text().splitlines()]
    assert len(times) > 5 and times == sorted(times) and times[-1] < 10.0
