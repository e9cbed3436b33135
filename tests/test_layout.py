"""Rules about the repository itself: which package may import which, what a wheel holds, what is never written down."""

from __future__ import annotations

import ast
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# Imports go one way: agent → avatar → speech.
MAY_IMPORT = {"speech": {"speech"}, "avatar": {"avatar", "speech"}, "agent": {"agent", "avatar", "speech"}}


def _imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names.add((node.module or "").split(".")[0])
    return names


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_imports_go_one_way(package: str) -> None:
    for path in (ROOT / package).rglob("*.py"):
        forbidden = (_imported(path) & (set(MAY_IMPORT) | {"tests", "benchmarks", "scripts"})) - MAY_IMPORT[package]
        assert not forbidden, f"{path.relative_to(ROOT)} imports {forbidden}"


def _modules() -> dict[str, Path]:
    paths = [path for package in MAY_IMPORT for path in (ROOT / package).rglob("*.py")]
    return {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in paths}


def test_imports_between_folders_go_one_way() -> None:
    """Every folder, and every module beside the folders, is a node: no way leads back to where it came from."""
    modules = _modules()
    folders = {name for name, path in modules.items() if path.name == "__init__.py"}

    def place(name: str) -> str:
        parent = name if name in folders else name.rpartition(".")[0]
        return parent if "." in parent else name

    imported: dict[str, set[str]] = {}
    for name, path in modules.items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                found = {
                    whole if (whole := f"{node.module}.{alias.name}") in modules else node.module
                    for alias in node.names
                }
                imported.setdefault(place(name), set()).update(place(one) for one in found & set(modules))
    for places in imported.items():
        places[1].discard(places[0])
    while ends := [name for name in imported if not imported[name] & set(imported)]:  # who imports only what is done
        for name in ends:
            del imported[name]
    assert not imported, f"these import each other in a circle, or are imported from one: {imported}"


def test_no_folder_is_crowded() -> None:
    folders = [path.parent for path in _modules().values()]
    assert {folder: folders.count(folder) for folder in folders if folders.count(folder) > 20} == {}


def test_no_file_is_long() -> None:
    """But tests, which are read one by one."""
    lines = {
        path: len(path.read_text(encoding="utf-8").splitlines())
        for path in _tracked()
        if path.suffix == ".py" and not path.is_relative_to(ROOT / "tests")
    }
    assert {str(path.relative_to(ROOT)): count for path, count in lines.items() if count > 350} == {}


def test_the_command_line_starts_without_the_heavy_packages() -> None:
    heavy = ["torch", "mediapipe", "av", "pocketsphinx", "onnxruntime", "matplotlib", "cv2"]
    code = f"import sys, agent.command_line; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which a wheel built from this tree was unpacked."""
    folder = tmp_path_factory.mktemp("wheel")
    options = ["-q", "--no-deps", "--no-build-isolation", "-w", str(folder)]
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", *options, str(ROOT)], check=True, capture_output=True, cwd=folder
    )
    (wheel,) = folder.glob("visavis-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


@pytest.mark.parametrize(
    "name",
    [
        "avatar/assets/motion.safetensors",
        "avatar/assets/speech_encoder.safetensors",
        "avatar/assets/portraits/mira.png",
        "agent/data/knowledge.md",
        "agent/data/lessons/english.md",
        "agent/data/questions/questions.tsv",
        "agent/py.typed",
        "speech/py.typed",
        "avatar/py.typed",
    ],
)
def test_a_wheel_holds_what_the_program_needs(installed: Path, name: str) -> None:
    assert (installed / name).stat().st_size == (ROOT / name).stat().st_size


def test_a_wheel_holds_the_one_configuration(installed: Path) -> None:
    assert (installed / "agent" / "data" / "config.toml").read_bytes() == (ROOT / "config.toml").read_bytes()
    assert not (ROOT / "agent" / "data" / "config.toml").exists()


def test_a_wheel_works_outside_the_clone(installed: Path, tmp_path: Path) -> None:
    code = "import sys; sys.path.insert(0, sys.argv.pop(1)); from agent.__main__ import main; main()"
    command = [sys.executable, "-c", code, str(installed), "ask", "--text", "hello", "-o", "a.mp4", "-q"]
    command += ["--set", "output.size=256"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "a.mp4").stat().st_size > 10_000


def _tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listed.stdout.split("\0") if name]


def test_shipped_weights_are_small() -> None:
    weights = [path for path in _tracked() if path.suffix in {".safetensors", ".pt", ".onnx", ".npz"}]
    assert sum(path.stat().st_size for path in weights) <= 20 * 2**20
