"""The doctor: whatever is taken away or damaged is named, with the command that brings it back."""

import importlib
import io
import json
import os
import shlex
import struct
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from rich.console import Console

from agent import doctor, doctor_files, doctor_packages
from agent.config import Config, load_config
from agent.doctor import diagnose, print_diagnosis, show
from agent.doctor_packages import HEADLESS, PACKAGES, Part, check_package, requirements

PIP = [sys.executable, "-m", "pip"]


def config(*overrides: str) -> Config:
    return load_config(None, overrides, {})


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder without a config.toml, and a cache folder of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def without(monkeypatch: pytest.MonkeyPatch, **versions: str | None) -> None:
    """Pretends that distributions (with _ for -) have another version, or are not installed (None)."""
    real = doctor_packages.installed_version
    pretended = {name.replace("_", "-"): version for name, version in versions.items()}
    monkeypatch.setattr(
        doctor_packages, "installed_version", lambda name: pretended[name] if name in pretended else real(name)
    )


def requirement(name: str) -> str:
    return next(line for line in requirements() if line.startswith(name))


# ---- The whole ----


def test_every_package_of_pyproject_is_there_and_explained() -> None:
    for line in (*requirements(), *doctor_packages.NEEDED_BY_MEDIAPIPE):
        part = check_package(line)
        assert (part.status, part.fix, part.ring) == ("ok", "", "embedded"), part
        assert part.version
        assert part.name in PACKAGES, f"say in PACKAGES what {part.name} is for"


def test_a_missing_package_makes_the_ring_incomplete(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "check_files", lambda config: [])
    assert diagnose(config()).exit_status == 0
    without(monkeypatch, pocketsphinx=None)
    diagnosis = diagnose(config())
    assert (diagnosis.complete, diagnosis.exit_status) == (False, 1)
    (part,) = [part for part in diagnosis.parts if part.status != "ok" and part.ring == "embedded"]
    assert (part.name, part.status, part.detail) == ("pocketsphinx", "missing", "ears: recogniser")
    assert shlex.split(part.fix) == [*PIP, "install", requirement("pocketsphinx")]


def test_json_says_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    diagnosis = diagnose(config("voice.rate_wpm=150"))
    print_diagnosis(diagnosis, as_json=True)
    said = json.loads(capsys.readouterr().out)
    assert said["complete"] is diagnosis.complete
    assert [part["name"] for part in said["parts"]] == [part.name for part in diagnosis.parts]
    assert said["changed"] == {"voice.rate_wpm": "--set 'voice.rate_wpm=150'"}
    assert said["machine"]["cores"] >= 1 and said["machine"]["memory_gb"] > 0.1


def test_every_command_is_printed_whole_on_a_line_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, mediapipe=None, torch="1.0", **{HEADLESS.replace("-", "_"): None})
    diagnosis = diagnose(config())
    out = io.StringIO()
    show(diagnosis, Console(file=out, width=60))
    lines = out.getvalue().splitlines()
    for part in diagnosis.parts:
        assert any(part.name in line and line.startswith(part.status) for line in lines), part
        assert not part.fix or f"  {part.fix}" in lines
    assert "The embedded ring is not complete." in lines
    assert lines.index("To complete it:") < lines.index(f"  {check_package(requirement('torch')).fix}")


def test_square_brackets_in_what_is_shown_are_no_markup(empty_folder: Path) -> None:
    diagnosis = diagnose(config("mind.knowledge=[red]none.md"))
    out = io.StringIO()
    show(diagnosis, Console(file=out, width=400))
    assert "[red]none.md" in out.getvalue()


def test_without_a_console_it_goes_to_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    print_diagnosis(diagnose(config()))
    assert "The embedded ring is" in capsys.readouterr().out


def test_heavy_packages_are_not_imported() -> None:
    code = (
        "import sys; from agent.config import Config; from agent.doctor import diagnose; diagnose(Config());"
        "print(sorted({'torch', 'mediapipe', 'pocketsphinx', 'matplotlib', 'silero_vad'} & set(sys.modules)))"
    )
    root = Path(doctor.__file__).parent.parent
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout.strip() == "[]"


# ---- Packages ----


def test_mediapipe_is_installed_without_what_it_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, mediapipe=None)
    assert shlex.split(check_package("mediapipe==0.10.21").fix) == [*PIP, "install", "--no-deps", "mediapipe==0.10.21"]


def test_a_wrong_version(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, numpy="2.1.0", torch="2.13.0+cpu")
    part = check_package("numpy>=1.26.4,<2")
    assert (part.status, part.version) == ("broken", "2.1.0")
    assert part.detail == "all numbers; expected numpy>=1.26.4,<2, found 2.1.0"
    assert shlex.split(part.fix) == [*PIP, "install", "numpy>=1.26.4,<2"]
    assert check_package("torch>=2.13,<2.14").status == "ok"  # a build's name is part of no range


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("silero-vad", "data/silero_vad_16k_op15.onnx"),
        ("pocketsphinx", "model/en-us/en-us/mdef"),
        ("mediapipe", "modules/face_detection/face_detection_short_range.tflite"),
        ("espeakng-loader", "espeak-ng-data/phontab"),
    ],
)
def test_a_model_file_is_gone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, file: str) -> None:
    monkeypatch.setattr(doctor_packages, "_module_folder", lambda module: tmp_path)
    part = check_package(requirement(name))
    assert part.status == "broken" and part.detail.endswith(f"; its file {file} is not there")
    assert shlex.split(part.fix) == [*PIP, "install", "--force-reinstall", "--no-deps", f"{name}=={part.version}"]


def test_the_module_itself_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    part = check_package("soxr>=1.1,<2")
    assert part.status == "broken" and "the module soxr is not there" in part.detail and "--force-reinstall" in part.fix


def test_a_package_that_does_not_load(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str) -> ModuleType:
        raise ImportError("libGL.so.1: cannot open\nshared object file")

    monkeypatch.setattr(importlib, "import_module", broken)
    part = check_package(requirement(HEADLESS))
    assert part.status == "broken"
    assert part.detail == "pictures; does not load: libGL.so.1: cannot open shared object file"
    assert check_package(requirement("torch")).status == "ok"  # not imported ...
    assert check_package(requirement("torch"), deep=True).status == "broken"  # ... unless asked to
    assert check_package(requirement("silero-vad"), deep=True).status == "ok"  # only its file is used


@pytest.mark.parametrize("version", ["4.11.0.86", None])
def test_exactly_one_opencv(monkeypatch: pytest.MonkeyPatch, version: str | None) -> None:
    without(monkeypatch, opencv_contrib_python="4.11.0.86", **{HEADLESS.replace("-", "_"): version})
    part = check_package(f"{HEADLESS}==4.11.0.86")
    assert part.status == "broken" and "opencv-contrib-python installed too or instead" in part.detail
    uninstall, install = part.fix.split(" && ")
    also = [HEADLESS] if version else []
    assert shlex.split(uninstall) == [*PIP, "uninstall", "-y", "opencv-contrib-python", *also]
    assert shlex.split(install) == [*PIP, "install", f"{HEADLESS}==4.11.0.86"]


def test_espeak_whose_library_does_not_load(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import espeakng_loader

    library = tmp_path / "libespeak-ng.so"
    library.write_text("not a library")
    monkeypatch.setattr(espeakng_loader, "get_library_path", lambda: str(library))
    part = check_package(requirement("espeakng-loader"))
    assert part.status == "broken" and "voice: eSpeak NG; does not load: " in part.detail


def test_pyav_without_an_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    import av

    real = av.Codec

    def codec(name: str, mode: Any) -> Any:
        return real("libx264rgb-left-out" if name == "libx264" else name, mode)

    monkeypatch.setattr(av, "Codec", codec)
    part = check_package(requirement("av"))
    assert part.status == "broken" and part.detail.startswith("video and sound files; does not load: ")


# ---- Files ----


def safetensors(header: object, data: bytes) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


GOOD = {"__metadata__": {"format": "x"}, "w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}


def test_weights_that_are_good(tmp_path: Path) -> None:
    path = tmp_path / "mine.safetensors"
    path.write_bytes(safetensors(GOOD, bytes(8)))
    part = doctor_files.check_weights(config(f"face.weights={path}"))
    assert (part.status, part.detail, part.fix) == ("ok", "face: mine.safetensors, 1 tensors", "")


@pytest.mark.parametrize(
    ("content", "trouble"),
    [
        (b"", "expected a safetensors file, got something else"),
        (b"<html>not found</html>", "expected a safetensors file, got something else"),
        (struct.pack("<Q", 2**63) + b"{}", "expected a safetensors file, got something else"),
        (struct.pack("<Q", 4) + b"\xff\xfe\0\0", "its header can't be read"),
        (safetensors([1], b""), "its header can't be read"),
        (safetensors({"w": {"data_offsets": [0]}}, b""), "its header can't be read"),
        (safetensors(GOOD, bytes(7)), "bytes, got "),
    ],
)
def test_weights_that_are_damaged(tmp_path: Path, content: bytes, trouble: str) -> None:
    path = tmp_path / "mine.safetensors"
    path.write_bytes(content)
    part = doctor_files.check_weights(config(f"face.weights={path}"))
    assert part.status == "broken" and trouble in part.detail
    assert part.fix.startswith("change face.weights (--set ")
    assert part.fix.endswith(': a file that is there, or "" for the shipped one')


def test_shipped_files_that_are_gone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from agent import assemble, personas

    for name in ("avatar/assets/motion.safetensors", "agent/data/knowledge.md", "avatar/assets/portraits"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    monkeypatch.setattr(doctor_files, "PROJECT", tmp_path)
    monkeypatch.setattr(doctor_files, "SHIPPED_WEIGHTS", tmp_path / "avatar/assets/motion.safetensors")
    monkeypatch.setattr(assemble, "DEFAULT_KNOWLEDGE", tmp_path / "agent/data/knowledge.md")
    monkeypatch.setattr(personas, "PORTRAITS", tmp_path / "avatar/assets/portraits")
    checks = (doctor_files.check_weights, doctor_files.check_knowledge, doctor_files.check_portrait)
    reinstall = [*PIP, "install", "--force-reinstall", "--no-deps", "visavis"]
    for check in checks:
        part = check(config())
        assert part.status == "missing" and shlex.split(part.fix) == reinstall, part
    (tmp_path / ".git").mkdir()
    fixes = [check(config()).fix for check in checks]
    assert fixes[0] == f"git -C {tmp_path} checkout -- avatar/assets/motion.safetensors"
    assert fixes[2] == f"git -C {tmp_path} checkout -- avatar/assets/portraits"


def test_a_portrait_that_is_configured() -> None:
    Path("anna.jpg").touch()
    assert doctor_files.check_portrait(config("portrait.path=./anna.jpg")).status == "ok"
    part = doctor_files.check_portrait(config("portrait.path=nobody"))
    assert part.status == "missing"
    assert part.fix.startswith("change portrait.path (--set 'portrait.path=nobody'): a picture's path, or one of ")


def test_a_knowledge_file_that_can_not_be_read() -> None:
    Path("shop.md").write_bytes(b"# Shop\n\xff\n")
    part = doctor_files.check_knowledge(config("mind.knowledge=shop.md"))
    assert part.status == "broken" and "shop.md" in part.detail
    assert part.fix.startswith("change mind.knowledge (--set 'mind.knowledge=shop.md')")
    assert doctor_files.check_knowledge(config("mind.knowledge=none.md")).status == "missing"


def test_the_cache_folder(tmp_path: Path) -> None:
    part = doctor_files.check_cache(config())
    assert (part.status, part.detail) == ("ok", str(tmp_path / "cache" / "visavis"))
    assert list((tmp_path / "cache" / "visavis").iterdir()) == []
    Path("file").touch()
    part = doctor_files.check_cache(config("portrait.cache_dir=file/in-a-file"))
    assert part.status == "broken" and part.fix.endswith(": a folder that you may write to")


def test_a_missing_package_does_not_stop_the_doctor(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("agent.assemble", "agent.backends", "avatar.portrait"):
        monkeypatch.setitem(sys.modules, name, None)
    diagnosis = diagnose(Config())
    broken = {part.name for part in diagnosis.parts if part.status == "broken"}
    assert {"knowledge", "cache folder"} <= broken
    assert diagnosis.choices[1].chosen == "unknown"


def test_python(monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor_files.check_python().status == "ok"
    monkeypatch.setattr(sys, "version_info", (3, 14, 0))
    assert doctor_files.check_python().status == "broken"


# ---- Programs, and what was chosen ----


def program(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def by_name(parts: list[Part]) -> dict[str, Part]:
    return {part.name: part for part in parts}


def test_no_flite_and_no_gpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    parts = by_name(doctor_files.check_programs(config()))
    assert parts["flite"] == Part("flite", "optional", "missing", "", "voice: Flite's voices", "apt-get install flite")
    assert (parts["CUDA device"].ring, parts["CUDA device"].status) == ("optional", "missing")
    asked_for = by_name(doctor_files.check_programs(config("voice.backend=flite")))["flite"]
    assert (asked_for.ring, asked_for.status) == ("embedded", "missing")


def test_flite_and_a_gpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    program(tmp_path, "flite", 'echo "Voices available: kal slt "')
    program(tmp_path, "nvidia-smi", 'echo "NVIDIA X9, 550.1"')
    parts = by_name(doctor_files.check_programs(config()))
    assert (parts["flite"].status, parts["flite"].detail) == ("ok", "voice: kal, slt")
    assert (parts["CUDA device"].version, parts["CUDA device"].detail.split(";")[0]) == ("550.1", "NVIDIA X9")
    program(tmp_path, "flite", "exit 1")
    program(tmp_path, "nvidia-smi", "exit 9")
    parts = by_name(doctor_files.check_programs(config()))
    assert (parts["flite"].status, parts["CUDA device"].status) == ("broken", "missing")


def test_what_was_chosen_and_why(monkeypatch: pytest.MonkeyPatch) -> None:
    from agent import backends

    monkeypatch.setattr(backends, "chosen_voice", lambda config: "espeak")
    chosen = {
        choice.what: (choice.chosen, choice.why) for choice in diagnose(config("ears.backend=pocketsphinx")).choices
    }
    assert chosen["ring"] == ("embedded", "the only ring of this version")
    assert chosen["ears"] == ("pocketsphinx", "named by ears.backend (--set 'ears.backend=pocketsphinx')")
    assert chosen["voice"][0] == "espeak" and "flite is not installed" in chosen["voice"][1]
