"""Every command that the README shows is run, in the order in which it stands there."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from agent.commands.conversation import QUESTIONS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
LINES = [line for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL) for line in block.splitlines()]
VISAVIS = [line for line in LINES if line.startswith("visavis ")]

# Training takes most of an hour; its commands are run on a little data, for a few steps.
SHORTER = {"--minutes 100": "--minutes 0.4", "--steps 4000": "--steps 10"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the files which the README's reader has."""
    folder = tmp_path_factory.mktemp("reader")
    question = sorted(QUESTIONS.glob("*.wav"))[0].read_bytes()
    (folder / "question.wav").write_bytes(question)
    (folder / "speech.wav").write_bytes(question)
    Image.open(ROOT / "avatar" / "assets" / "portraits" / "mira.png").save(folder / "me.jpg")
    example = re.search(r"```markdown\n(.*?)```", README, re.DOTALL)
    assert example is not None
    (folder / "shop.md").write_text(example[1], encoding="utf-8")
    return folder


@pytest.mark.parametrize("line", VISAVIS)
def test_a_command_works_as_shown(line: str, folder: Path) -> None:
    for long, short in SHORTER.items():
        line = line.replace(long, short)
    command = [sys.executable, "-m", "agent", *shlex.split(line)[1:]]
    before = set(folder.rglob("*"))
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, f"{line}\n{done.stderr}"
    target = re.search(r"(?:-o|--motion-out) (\S+)", line)
    if target:
        path = folder / target[1]
        assert path.exists() and (path not in before or path.stat().st_size > 0)
    else:
        assert done.stdout.strip()


def test_the_other_commands_are_make_targets_or_pip() -> None:
    others = [line for line in LINES if line and not line.startswith(("visavis ", "#"))]
    assert others == ["make demo", "make test", "pip install ."]
    for target in ("demo", "test"):
        subprocess.run(["make", "--dry-run", target], cwd=ROOT, capture_output=True, check=True)


def test_links_and_pictures_exist() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        if not target.startswith("https://"):
            assert (ROOT / target).exists(), target
