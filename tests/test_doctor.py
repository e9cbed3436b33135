"""The doctor: whatever is taken away or damaged is named, with the command that brings it back."""

import importlib
import importlib.metadata
import importlib.util
import io
import json
import os
import shlex
import socket
import struct
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from rich.console import Console

from agent.backends import outputs
from agent.config.config import Config, load_config
from agent.doctor import devices as doctor_devices
from agent.doctor import doctor
from agent.doctor import files as doctor_files
from agent.doctor import packaged as doctor_packaged
from agent.doctor import packages as doctor_packages
from agent.doctor import recommended as doctor_recommended
from agent.doctor.doctor import diagnose, print_diagnosis, show
from agent.doctor.packages import HEADLESS, PACKAGES, Part, check_package, requirements
from agent.models import fetched as models
from agent.models import packaged_catalogue
from agent.models.manifest import MANIFEST
from agent.models.packaged import install_command
from agent.models.packaged_catalogue import PACKAGED
from tests.carriers import carried_model, hide_carriers, make_carrier
from tests.fake_models import fake_model
from tests.model_server import model_server

PIP = [sys.executable, "-m", "pip"]


def config(*overrides: str) -> Config:
    return load_config(None, overrides, {})


LIST_DEVICES = doctor_devices._LIST_DEVICES


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder without a config.toml, and cache and data folders of the test's own, and no sound devices."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setattr(doctor_devices, "_LIST_DEVICES", "print('[]')")
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
    assert lines.index("To complete the embedded ring:") < lines.index(f"  {check_package(requirement('torch')).fix}")


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
        "import sys; from agent.config.config import Config; from agent.doctor.doctor import diagnose; "
        "diagnose(Config()); "
        "print(sorted({'torch', 'mediapipe', 'pocketsphinx', 'matplotlib', 'silero_vad', 'transformers', 'whisper',"
        "'TTS', 'faster_whisper', 'sounddevice', 'pygame'} & set(sys.modules)))"
    )
    root = Path(doctor.__file__).parent.parent.parent
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
    monkeypatch.setattr(doctor_packages, "module_folder", lambda module: tmp_path)
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


def test_weights_that_are_a_pipe_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    part = doctor_files.check_weights(config(f"face.weights={tmp_path / 'pipe'}"))
    assert part.status == "broken" and "found a folder, a pipe or a device" in part.detail


def test_shipped_files_that_are_gone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from agent import parts, personas

    for name in ("avatar/assets/motion.safetensors", "agent/data/knowledge.md", "avatar/assets/portraits"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    monkeypatch.setattr(doctor_files, "PROJECT", tmp_path)
    monkeypatch.setattr(doctor_files, "SHIPPED_WEIGHTS", tmp_path / "avatar/assets/motion.safetensors")
    monkeypatch.setattr(parts, "DEFAULT_KNOWLEDGE", tmp_path / "agent/data/knowledge.md")
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
    for name in ("agent.parts", "agent.backends.choice", "agent.backends.tables"):
        monkeypatch.setitem(sys.modules, name, None)
    diagnosis = diagnose(Config())
    broken = {part.name for part in diagnosis.parts if part.status == "broken"}
    assert "knowledge" in broken and "cache folder" not in broken
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
    from speech.tts import flite as tts_flite

    monkeypatch.setattr(tts_flite, "flite_voices", lambda: ())
    hide_carriers(monkeypatch)
    chosen = {
        choice.what: (choice.chosen, choice.why) for choice in diagnose(config("ears.backend=pocketsphinx")).choices
    }
    assert chosen["ring"] == ("embedded", "nothing of the recommended ring is ready")
    assert chosen["ears"] == ("pocketsphinx", "named by ears.backend (--set 'ears.backend=pocketsphinx')")
    assert chosen["voice"][0] == "espeak" and "no better voice" in chosen["voice"][1]
    ring = diagnose(config("ring.choice=embedded")).choices[0]
    assert (ring.chosen, ring.why) == ("embedded", "named by ring.choice (--set 'ring.choice=embedded')")


def test_settings_that_no_backend_can_follow_are_told_beside_the_rest() -> None:
    diagnosis = diagnose(config("ears.backend=siri", "voice.language=xx"))
    ring, ears, mind, voice = diagnosis.choices
    assert (ring.chosen, ears.chosen, mind.chosen, voice.chosen) == ("embedded", "none", "knowledge", "none")
    assert "ears.backend: expected one of" in ears.why and "voice.language" in voice.why
    assert "The embedded ring is complete." in shown(diagnosis)


# ---- The recommended ring: bare, fetched, broken ----

RECOMMENDED = ("faster-whisper/base.en", "transformers/Qwen/Qwen2.5-1.5B-Instruct", "coqui/tts_models/en/vctk/vits")


@pytest.fixture
def everything_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The packages and the program of the recommended ring, whatever is installed here."""
    real = doctor_recommended.check_package

    def check(requirement: str, **options: Any) -> Part:
        found = real(requirement, **options)
        return Part(found.name, found.ring, "ok", "1.0", found.detail, "")

    monkeypatch.setattr(doctor_recommended, "check_package", check)
    monkeypatch.setattr(models, "find_spec", importlib.util.find_spec)
    program(tmp_path, "espeak-ng", "")
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")


def fetched(folder: Path) -> None:
    for title in RECOMMENDED:
        backend, _, name = title.partition("/")
        fake_model(folder, backend, name)


def shown(diagnosis: doctor.Diagnosis, width: int = 100) -> list[str]:
    out = io.StringIO()
    show(diagnosis, Console(file=out, width=width))
    return [line.rstrip() for line in out.getvalue().splitlines()]


def of_models(diagnosis: doctor.Diagnosis) -> dict[str, Part]:
    return {part.name: part for part in diagnosis.parts if part.name in RECOMMENDED}


def test_bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    absent = dict.fromkeys(doctor_recommended.PACKAGES)
    without(monkeypatch, **{name.replace("-", "_"): None for name in absent})
    hide_carriers(monkeypatch)
    monkeypatch.setattr(doctor_recommended.shutil, "which", lambda name: None)
    diagnosis = diagnose(config())
    assert diagnosis.exit_status == 0
    parts = by_name(list(diagnosis.parts))
    for name in ("faster-whisper", "transformers", "coqui-tts", "torchaudio", "espeak-ng program", *RECOMMENDED):
        assert (parts[name].ring, parts[name].status) == ("recommended", "missing"), parts[name]
        assert parts[name].fix
    for name in ("openai-whisper", "openai"):
        assert (parts[name].ring, parts[name].status) == ("optional", "missing")
    assert parts["coqui/tts_models/en/vctk/vits"].detail == "voice: not fetched, about 148 MB"
    lines = shown(diagnosis)
    assert lines.count("The recommended ring is not complete.") == 1 and "The embedded ring is complete." in lines
    start = lines.index("To complete the recommended ring:")
    assert "  apt-get install espeak-ng" in lines[start:]
    assert lines.count("The packaged weights are not complete.") == 1
    for model in PACKAGED:
        part = parts[model.title]
        assert (part.ring, part.status) == ("packaged" if model.installed_by == "install" else "optional", "missing")
    usual = install_command(*(model for model in PACKAGED if model.installed_by == "install"))
    assert lines[lines.index("To complete the packaged weights:") + 1] == f"  {usual}"
    assert f"  visavis fetch {' '.join(RECOMMENDED)}" in lines[start:]
    assert diagnosis.choices[0].chosen == "embedded"


@pytest.fixture
def carriers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two carriers, of a Whisper and a voice, instead of the real ones; where they are."""
    site = tmp_path / "site"
    make_carrier(site, "ears-carrier", "1.0", {"model.bin": b"ears"})
    make_carrier(site, "voice-carrier", "1.0", {"voice.onnx": b"voice"})
    monkeypatch.syspath_prepend(site)
    models = (
        carried_model("faster-whisper", "tiny.en", "ears-carrier", {"model.bin": b"ears"}),
        carried_model("piper", "joe", "voice-carrier", {"voice.onnx": b"voice"}, "voice.onnx"),
    )
    for module in (packaged_catalogue, doctor_packaged):
        monkeypatch.setattr(module, "PACKAGED", models)
    return site


@pytest.mark.usefixtures("carriers")
def test_packaged() -> None:
    diagnosis = diagnose(config("voice.backend=espeak"))
    ears, voice = (part for part in diagnosis.parts if part.ring == "packaged")
    assert ears == Part("faster-whisper/tiny.en", "packaged", "ok", "1.0", "ears: for tests; MIT, 0.1 MB; checked", "")
    assert (voice.name, voice.status) == ("piper/joe", "ok")
    assert "The packaged weights are complete." in shown(diagnosis)
    ring, heard, *_ = diagnosis.choices
    assert ring.chosen == "embedded" and (heard.chosen, heard.why) == ("faster-whisper", "tiny.en, packaged")


def test_broken_packaged(carriers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = carriers / "ears_carrier" / "data" / "model.bin"
    file.write_bytes(b"Ears")
    (carriers / "voice_carrier-1.0.dist-info").rename(carriers / "gone")
    diagnosis = diagnose(config("voice.backend=espeak"))
    assert diagnosis.exit_status == 0, "it works without"
    ears, voice = (part for part in diagnosis.parts if part.ring == "packaged")
    assert (ears.status, voice.status) == ("broken", "missing")
    assert ears.detail == f"ears: for tests; MIT, 0.1 MB; {file}: expected other content (its SHA-256 differs)"
    assert voice.detail == "voice: for tests; MIT, 0.1 MB; not installed (voice-carrier)"
    again = [*PIP, "install", "--force-reinstall", "--no-deps"]
    assert ears.fix == voice.fix and shlex.split(ears.fix) == [*again, "ears-carrier==1.0", "voice-carrier==1.0"]
    (notice,) = diagnosis.choices[1].notices
    assert diagnosis.choices[1].chosen == "pocketsphinx" and notice.endswith(" ears-carrier==1.0")
    lines = shown(diagnosis, 400)
    assert "The packaged weights are not complete." in lines
    start = lines.index("To complete the packaged weights:")
    assert lines[start + 1] == f"  {ears.fix}"
    assert any(notice in line for line in lines)


def test_packaged_weights_without_the_package_that_uses_them(carriers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor_packaged, "find_spec", lambda name: None if name == "faster_whisper" else name)
    ears, voice = doctor_packaged.check_packaged(config())
    assert ears.status == "missing" and "checked; the package faster-whisper that uses it is not" in ears.detail
    assert ears.fix == doctor_recommended.install_extra("faster-whisper") and voice.status == "ok"


@pytest.mark.usefixtures("everything_installed")
def test_fetched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from agent.backends import choice

    monkeypatch.setattr(choice, "find_spec", lambda name: object())
    fetched(tmp_path / "data" / "visavis" / "models")
    diagnosis = diagnose(config())
    for part in of_models(diagnosis).values():
        assert (part.ring, part.status, part.fix) == ("recommended", "ok", ""), part
        assert "fetched, " in part.detail
    lines = shown(diagnosis)
    assert "The recommended ring is complete." in lines and "To complete the recommended ring:" not in lines
    ring, ears, mind, voice = diagnosis.choices
    assert (ears.chosen, mind.chosen, voice.chosen) == ("faster-whisper", "transformers", "coqui")
    assert (ring.chosen, ring.why) == ("recommended", "everything of it that is needed is here")
    ring = diagnose(config("mind.backend=knowledge", "voice.backend=espeak")).choices[0]
    assert ring.chosen == "recommended and embedded"
    assert ring.why == "ears of the recommended ring, mind and voice of the embedded one"


@pytest.mark.usefixtures("everything_installed")
def test_broken(tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    fetched(folder)
    (folder / "faster-whisper" / "base.en" / "model.bin").write_bytes(b"cut o")
    (folder / "coqui" / "tts_models--en--vctk--vits" / MANIFEST).write_text("{")
    mind = folder / "transformers" / "Qwen--Qwen2.5-1.5B-Instruct"
    (mind / MANIFEST).unlink()
    (mind / "model.bin").rename(mind / "model.bin.partial")
    fake_model(folder, "whisper", "small")
    (folder / "whisper" / "small" / "model.bin").unlink()

    diagnosis = diagnose(config(f"ring.models={folder}"))
    assert diagnosis.exit_status == 0
    ears, thought, voice = (of_models(diagnosis)[name] for name in RECOMMENDED)
    assert ears.status == "broken" and ears.detail == "ears: model.bin: expected 7 bytes, got 5"
    assert voice.status == "broken" and "expected what `visavis fetch` wrote" in voice.detail
    assert thought.status == "missing"
    assert thought.detail == "mind: fetched in part, 0.1 MB of it are here, about 3.10 GB"
    other = by_name(list(diagnosis.parts))["whisper/small"]
    assert (other.ring, other.status, other.detail) == ("optional", "broken", "ears: its file model.bin is gone")
    command = f"visavis fetch {' '.join(RECOMMENDED)} whisper/small --models {folder}"
    assert {part.fix for part in (ears, thought, voice, other)} == {command}
    assert f"  {command}" in shown(diagnosis, 80)


def test_models_by_path_and_names_that_are_none(tmp_path: Path) -> None:
    parts = by_name(doctor_recommended.check_recommended(config("ears.model=./none.pt", f"voice.model={tmp_path}")))
    assert parts["ears.model"].status == "missing" and parts["ears.model"].fix.startswith("change ears.model (--set ")
    assert parts["voice.model"].status == "ok"
    parts = by_name(doctor_recommended.check_recommended(config("mind.model=chat", "mind.backend=transformers")))
    assert parts["models"].status == "broken" and "OWNER/NAME on Hugging Face, got 'chat'" in parts["models"].detail


def test_torchaudio_for_cuda_beside_pytorch_for_cpus(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("torch", "torchaudio"):
        (tmp_path / name / "lib").mkdir(parents=True)
    monkeypatch.setattr(doctor_recommended, "module_folder", lambda module: tmp_path / module)
    assert doctor_recommended._cuda_only_libraries() == []
    library = tmp_path / "torchaudio" / "lib" / "libtorchaudio.so"
    library.write_bytes(b"\x7fELF libcudart.so.13")
    assert doctor_recommended._cuda_only_libraries() == [library]
    without(monkeypatch, torchaudio="2.11.0")
    monkeypatch.setattr(doctor_packages, "module_folder", lambda module: tmp_path)
    (part,) = [part for part in doctor_recommended.check_recommended(config()) if part.name == "torchaudio"]
    assert (part.status, part.fix) == ("broken", f"rm {library}") and "built for CUDA" in part.detail
    (tmp_path / "torch" / "lib" / "libtorch_cuda.so").touch()
    assert doctor_recommended._cuda_only_libraries() == []


def test_how_extras_are_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    install = doctor_recommended.install_extra
    monkeypatch.setattr(doctor_recommended, "PROJECT", tmp_path)
    assert shlex.split(install("coqui")) == [*PIP, "install", "visavis[coqui]"]
    (tmp_path / "pyproject.toml").touch()
    assert shlex.split(install("coqui")) == [*PIP, "install", "--editable", f"{tmp_path}[coqui]"]
    (tmp_path / "Makefile").touch()
    monkeypatch.setattr(sys, "prefix", str(tmp_path / ".venv"))
    assert install("coqui") == f"make -C {tmp_path} recommended"
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / ".recommended-ready").touch()
    assert install("coqui") == f"rm {tmp_path}/.venv/.recommended-ready && make -C {tmp_path} recommended"
    assert install("faster-whisper") == f"make -C {tmp_path} install"


def test_the_extras_of_an_installed_wheel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    lines = ["numpy<2,>=1.26.4", 'six>=1.17; extra == "coqui"', "visavis[coqui]; extra == 'recommended'"]
    monkeypatch.setattr(doctor_packages, "PROJECT", tmp_path)
    monkeypatch.setattr(importlib.metadata, "requires", lambda name: lines)
    assert (requirements(), requirements("coqui")) == (["numpy<2,>=1.26.4"], ["six>=1.17"])


# ---- Servers and devices ----


def server_part(*overrides: str) -> Part:
    return by_name(doctor_recommended.check_recommended(config(*overrides)))["language model server"]


def test_a_language_model_server(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with model_server() as server:
        url = f"mind.base_url={server.url}/v1"
        server.files["/v1/models"] = json.dumps({"data": [{"id": "tiny"}, {"id": "large"}]}).encode()
        part = server_part(url)
        assert (part.ring, part.status) == ("recommended", "ok") and part.detail.endswith("models: tiny, large")
        part = server_part(url, "mind.model=huge")
        assert part.status == "broken" and "it has no model 'huge' (it has tiny, large)" in part.detail
        server.statuses = [401]
        part = server_part(url)
        assert part.status == "broken" and part.fix == "export OPENAI_API_KEY=…, the key of that server"
        server.files["/v1/models"] = b"<html>"
        assert "expected an OpenAI-compatible server's list" in server_part(url).detail
    part = server_part(url)
    assert part.status == "missing" and "Connection refused" in part.detail and "change mind.base_url" in part.fix


def test_a_broker() -> None:
    def broker(port: int) -> Part:
        there = config("mqtt.host=127.0.0.1", f"mqtt.port={port}")
        return by_name(doctor_devices.check_devices(there))["MQTT broker"]

    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        assert broker(port).status == "ok"
    part = broker(port)
    assert part.status == "missing" and "change mqtt.host (--set 'mqtt.host=127.0.0.1')" in part.fix


@pytest.mark.parametrize(
    "wrong", ["mqtt.host=a..b", "mqtt.host=mqtt://127.0.0.1", "mqtt.base_topic=#", "mqtt.username=me"]
)
def test_a_broker_that_cannot_be_asked(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VISAVIS_MQTT_PASSWORD", raising=False)
    part = by_name(doctor_devices.check_devices(config("mqtt.host=127.0.0.1", wrong)))["MQTT broker"]
    assert part.status == "broken" and part.detail.startswith("mqtt") and "expected" in part.detail


def test_a_virtual_camera(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(outputs, "VIRTUAL_CAMERAS", tmp_path)
    part = by_name(doctor_devices.check_devices(config()))["virtual camera"]
    assert part.status == "missing" and "modprobe v4l2loopback" in part.fix
    (tmp_path / "video10").mkdir()
    (tmp_path / "video10" / "name").write_text("Visavis\n")
    part = by_name(doctor_devices.check_devices(config()))["virtual camera"]
    assert (part.status, part.detail) == ("ok", "/dev/video10 (Visavis)")


def sound(monkeypatch: pytest.MonkeyPatch, answer: str, *overrides: str) -> dict[str, Part]:
    monkeypatch.setattr(doctor_devices, "_LIST_DEVICES", answer)
    return by_name(doctor_devices._check_sound(config(*overrides)))


def test_sound_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    def device(name: str, inputs: int, outputs: int, default: bool) -> dict[str, object]:
        flags = {"is_default_input": default and inputs > 0, "is_default_output": default and outputs > 0}
        return {"name": name, "inputs": inputs, "outputs": outputs, **flags}

    listed = [device("Desk mic", 1, 0, False), device("Headset", 1, 2, True), device("Screen", 0, 2, False)]
    answer = f"import json; print(json.dumps({listed!r}))"
    parts = sound(monkeypatch, answer)
    assert (parts["microphone"].detail, parts["speaker"].detail) == ("Headset and 1 more", "Headset and 1 more")
    parts = sound(monkeypatch, answer, "devices.microphone=desk", "devices.speaker=Boom")
    assert parts["microphone"].detail == "Desk mic and 1 more"
    assert (parts["speaker"].status, parts["speaker"].detail) == ("missing", "none called 'Boom'")
    assert sound(monkeypatch, LIST_DEVICES)["PortAudio"].status in ("ok", "missing")  # whatever is here
    parts = sound(monkeypatch, "print('[]')")
    assert [part.status for part in parts.values()] == ["ok", "missing", "missing"]
    part = sound(monkeypatch, "print('\"no library\"')")["PortAudio"]
    assert (part.status, part.fix) == ("missing", "apt-get install libportaudio2")
    assert sound(monkeypatch, "raise SystemExit(1)")["PortAudio"].status == "broken"
    monkeypatch.setattr(doctor_devices, "PROBE_S", 0.2)
    assert "no answer within 0.2 s" in sound(monkeypatch, "import time; time.sleep(9)")["PortAudio"].detail
