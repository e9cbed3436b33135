"""Fixtures shared by all tests, and the rules by which tests are left out."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import sys
from collections.abc import Generator, Iterator
from ctypes.util import find_library
from datetime import timedelta
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from agent.models.packaged import install_command, is_installed
from agent.models.packaged_catalogue import PACKAGED
from tests.carriers import weights_of
from tests.commands import Commands, commands

if TYPE_CHECKING:
    from speech.asr.faster_whisper_worker import Decoder

ROOT = Path(__file__).parent.parent

# No made-up input may hold the program up for longer. In CI they are the same every time; `benchmarks/fuzz.py` hunts.
settings.register_profile(
    "ci", deadline=timedelta(seconds=5), derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("hunt", settings.get_profile("ci"), derandomize=False, database=None, print_blob=True)
settings.load_profile("ci")


def pytest_configure() -> None:
    """Has the programs that tests start answer to signals which this process was started without.

    A shell has its background jobs ignore SIGINT, and nohup SIGHUP; children would inherit that, but not a handler.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if sys.platform != "win32" and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda *_: None)


def _absent() -> dict[str, str]:
    """Marker → why its tests can't run here."""
    reasons = {}
    if shutil.which("flite") is None:
        reasons["flite"] = "the flite program is not installed (apt-get install flite)"
    for marker, programs, package in (
        ("pulse", ("pulseaudio", "pactl"), "pulseaudio pulseaudio-utils libasound2-plugins libportaudio2"),
        ("mosquitto", ("mosquitto", "mosquitto_pub"), "mosquitto mosquitto-clients"),
        ("espeak_program", ("espeak-ng",), "espeak-ng"),
        ("xvfb", ("Xvfb",), "xvfb"),
        ("chromium", ("chromium",), "chromium"),
        ("fuse", ("fusermount3",), "fuse3 libfuse2"),
    ):
        missing = [program for program in programs if shutil.which(program) is None]
        if missing:
            reasons[marker] = f"{', '.join(missing)} not installed (apt-get install {package})"
    if "pulse" not in reasons and find_library("portaudio") is None:
        reasons["pulse"] = "PortAudio is not installed (apt-get install libportaudio2)"
    if "fuse" not in reasons and (find_library("fuse") is None or not os.access("/dev/fuse", os.R_OK | os.W_OK)):
        reasons["fuse"] = "FUSE is not usable here (libfuse2 and a writable /dev/fuse)"
    for marker, package in (("chromium", "playwright"), ("ray", "ray")):
        if marker not in reasons and find_spec(package) is None:
            reasons[marker] = f"{package} is not installed"
    folder = os.environ.get("VISAVIS_TEST_DATA")
    if not folder:
        reasons["testdata"] = "VISAVIS_TEST_DATA does not name a folder of real speech and portraits"
    elif not Path(folder).is_dir():
        raise pytest.UsageError(f"VISAVIS_TEST_DATA: expected a folder, found nothing at {folder}")
    return reasons


def _absent_weights(item: pytest.Item) -> set[str]:
    """The packaged weights that a test needs and that are not installed, as its marker names them."""
    wanted = {title for marker in item.iter_markers("packaged") for title in marker.args}
    return wanted - {model.title for model in PACKAGED if is_installed(model)}


# Commands, weights, real recordings and sound cards take their time: `make check` does without what uses them, and
# without what is listed as slow. The list is made by `make slow`.
_SLOW_MARKERS = ("real_time", "packaged", "testdata", "pulse", "fuse", "xvfb", "chromium", "ray")
_SLOW_FIXTURES = ("command", "tiny_en", "whisper", "voices_folder")
_SLOW_S = 0.3
"""Processor time from which on a test is slow; twice that before it is said of one that is not listed."""
_SLOW_LIST = Path(__file__).parent / "slow.txt"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--list-slow", action="store_true", help="write the tests that were slow into tests/slow.txt")


def _is_slow(item: pytest.Item, listed: set[str]) -> bool:
    fixtures = getattr(item, "fixturenames", ())
    by_use = any(map(item.get_closest_marker, _SLOW_MARKERS)) or any(name in fixtures for name in _SLOW_FIXTURES)
    return by_use or (item.nodeid in listed and not item.config.getoption("--list-slow"))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    absent = _absent()
    left_out = [
        item for item in items if any(item.get_closest_marker(marker) for marker in absent) or _absent_weights(item)
    ]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
    listed = set(_SLOW_LIST.read_text(encoding="utf-8").splitlines())
    for item in items:
        if _is_slow(item, listed):
            item.add_marker("slow")
        if item.get_closest_marker("real_time") and not item.get_closest_marker("xdist_group"):
            # Two lanes: a browser takes more than a core, all else waits more.
            item.add_marker(pytest.mark.xdist_group("browsers" if item.get_closest_marker("chromium") else "others"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Notes the processor time of each test, its programs' included: unlike seconds, it does not depend on others."""
    before = os.times()
    yield
    after = os.times()
    item.user_properties.append(("processor_s", sum(after[:4]) - sum(before[:4])))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for marker, reason in _absent().items():
        terminalreporter.write_line(f"left out: tests marked '{marker}': {reason}")
    for model in PACKAGED:
        if not is_installed(model):
            line = f"left out: tests with the weights {model.title}: not installed ({install_command(model)})"
            terminalreporter.write_line(line)
    unlisted = {
        report.nodeid: dict(report.user_properties).get("processor_s", 0.0)
        for report in terminalreporter.getreports("passed")
        if report.when == "call" and "slow" not in report.keywords
    }
    if terminalreporter.config.getoption("--list-slow"):
        slow = sorted(name for name, processor_s in unlisted.items() if processor_s > _SLOW_S)
        _SLOW_LIST.write_text("".join(f"{name}\n" for name in slow), encoding="utf-8")
    else:
        for name, processor_s in unlisted.items():
            if processor_s > 2 * _SLOW_S:
                line = f"slow: {name} took {processor_s:.1f} s of processor time; make it quick, or run make slow"
                terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of real speech and portraits; only for tests marked `testdata`."""
    return Path(os.environ["VISAVIS_TEST_DATA"])


@pytest.fixture(scope="session")
def tiny_en() -> Path:
    """Whisper tiny.en for CTranslate2; only for tests marked `packaged("faster-whisper/tiny.en")`."""
    return weights_of("faster-whisper", "tiny.en")


@pytest.fixture(scope="session")
def tiny_en_checkpoint(tiny_en: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same weights for openai-whisper."""
    from speech.asr.whisper_checkpoint import write_checkpoint

    path = tmp_path_factory.mktemp("whisper") / "tiny.en.pt"
    write_checkpoint(tiny_en / "model.bin", path)
    return path


@pytest.fixture(scope="session")
def voices_folder(pytestconfig: pytest.Config) -> Path:
    """Where `tests.tiny_voices` keeps what it makes: one for all of pytest's processes, and for its next run."""
    assert pytestconfig.cache is not None
    made_by = hashlib.sha256((ROOT / "tests" / "tiny_voices.py").read_bytes() + version("coqui-tts").encode())
    return pytestconfig.cache.mkdir(f"voices-{made_by.hexdigest()[:16]}")


@pytest.fixture(scope="session")
def portrait_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where portraits' analyses are kept for all tests, whichever process runs them: each takes a second."""
    run = tmp_path_factory.getbasetemp()
    return (run.parent if "PYTEST_XDIST_WORKER" in os.environ else run) / "portraits"


@pytest.fixture(scope="session")
def command() -> Iterator[Commands]:
    """Runs the program's commands."""
    with commands() as running:
        yield running


@pytest.fixture(scope="session")
def whisper(tiny_en: Path) -> Decoder:
    """faster-whisper with these weights in this process, told nothing beforehand."""
    from speech.asr import faster_whisper_worker as worker
    from speech.asr.whisper_options import Setup

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(worker, "leave_room_for_the_face", lambda: 1)  # a priority that is lowered can't be raised again
        return worker.Decoder(Setup(str(tiny_en)))


@pytest.fixture(scope="module")
def one_torch_thread() -> Iterator[None]:
    """As in the program: the same bytes only come with the same number of threads."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session", autouse=True)
def _own_state_folder(tmp_path_factory: pytest.TempPathFactory) -> None:
    """No command that a test runs writes its log where the user's own are."""
    os.environ["XDG_STATE_HOME"] = str(tmp_path_factory.mktemp("state"))


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees settings from the shell that runs it."""
    for name in list(os.environ):
        if name.startswith("VISAVIS_") and name not in ("VISAVIS_TEST_DATA", "VISAVIS_CACHE_DIR"):
            monkeypatch.delenv(name)
