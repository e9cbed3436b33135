"""Are the packages there, in the right version, with their files, and do they load?

Only what loads in a fraction of a second is imported; of the heavy packages the version is read and the model files
are looked for, unless the check is asked to go deep.
"""

from __future__ import annotations

import ctypes
import importlib
import importlib.metadata
import importlib.util
import re
import shlex
import sys
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Ring = Literal["embedded", "packaged", "recommended", "optional"]
Status = Literal["ok", "missing", "broken"]

PROJECT = Path(__file__).parent.parent.parent
"""The clone, or the folder that the wheel was unpacked into."""

HEADLESS = "opencv-contrib-python-headless"
OPENCVS = ("opencv-python", "opencv-contrib-python", "opencv-python-headless", HEADLESS)
"""Four distributions of one module, cv2: installed side by side they overwrite each other's files."""

NO_DEPENDENCIES = frozenset({"mediapipe", "silero-vad"})
"""Installed without what they list: a second OpenCV, jax, torchaudio, none of which is used here."""

NEEDED_BY_MEDIAPIPE = ("protobuf>=4.25.3,<5", "absl-py", "attrs>=19.1.0", "flatbuffers>=2.0")
"""What mediapipe 0.10.21 lists and imports, and pip doesn't look after when it is installed without its list."""


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that is there, or isn't.

    Attributes:
        name: of the package, program or file.
        ring: "embedded" for what must be there, "packaged" for weights in packages that the embedded ring does better
            with, "recommended" for what the recommended ring needs as it is configured, "optional" for the rest.
        status: "ok"; "missing": not there; "broken": there, but of no use.
        version: as it states itself, or "".
        detail: what it is for, and what is wrong with it.
        fix: the command that adds or mends it; "" if there is nothing to do.
    """

    name: str
    ring: Ring
    status: Status
    version: str
    detail: str
    fix: str


@dataclass(frozen=True, slots=True)
class Package:
    """What there is to know about a package beyond its line in pyproject.toml.

    Attributes:
        job: what it does here.
        module: the name that it is imported by.
        files: files in the module's folder without which it is of no use (models, mostly).
        imported: when a check imports it; "never" for a package of which only a file is used.
    """

    job: str
    module: str
    files: tuple[str, ...] = ()
    imported: Literal["always", "deep", "never"] = "always"


PACKAGES: Mapping[str, Package] = {
    "torch": Package("face: runs the motion sampler", "torch", imported="deep"),
    "numpy": Package("all numbers", "numpy"),
    "platformdirs": Package("where a user's files belong", "platformdirs"),
    "onnxruntime": Package("ears: runs the voice detector", "onnxruntime"),
    "mediapipe": Package(
        "portrait: finds the face",
        "mediapipe",
        (
            "modules/face_detection/face_detection_short_range.tflite",
            "modules/face_detection/face_detection_full_range_sparse.tflite",
            "modules/face_landmark/face_landmark_with_attention.tflite",
            "modules/selfie_segmentation/selfie_segmentation.tflite",
        ),
        "deep",
    ),
    "silero-vad": Package("ears: voice detector", "silero_vad", ("data/silero_vad_16k_op15.onnx",), "never"),
    "pywebrtc-audio": Package("ears: echo canceller", "pywebrtc_audio"),
    "pocketsphinx": Package(
        "ears: recogniser",
        "pocketsphinx",
        ("model/en-us/en-us/mdef", "model/en-us/cmudict-en-us.dict", "model/en-us/en-us.lm.bin"),
        "deep",
    ),
    "espeakng-loader": Package("voice: eSpeak NG", "espeakng_loader", ("espeak-ng-data/phontab",)),
    HEADLESS: Package("pictures", "cv2"),
    "av": Package("video and sound files", "av"),
    "soxr": Package("resampling", "soxr"),
    "soundfile": Package("sound files", "soundfile"),
    "pillow": Package("picture files", "PIL"),
    "pydantic": Package("configuration", "pydantic"),
    "typer": Package("command line", "typer"),
    "rich": Package("tables and progress", "rich"),
    "markdown-it-py": Package("mind: reads the knowledge file", "markdown_it"),
    "num2words": Package("voice: numbers in words", "num2words", imported="deep"),
    "safetensors": Package("weight files", "safetensors"),
    "matplotlib": Package("waterfall plot", "matplotlib", imported="deep"),
    "protobuf": Package("needed by mediapipe", "google.protobuf"),
    "absl-py": Package("needed by mediapipe", "absl"),
    "attrs": Package("needed by mediapipe", "attr"),
    "flatbuffers": Package("needed by mediapipe", "flatbuffers"),
}


def requirements(extra: str = "") -> list[str]:
    """What pyproject.toml asks for ("numpy>=1.26.4,<2"), from the clone's file or the installed wheel's metadata.

    Args:
        extra: of which optional set; "" for what is always needed.
    """
    pyproject = PROJECT / "pyproject.toml"
    if pyproject.is_file():
        project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
        listed: list[str] = project["optional-dependencies"][extra] if extra else project["dependencies"]
        return listed
    lines = [line.partition(";") for line in importlib.metadata.requires("visavis") or []]
    mark = re.compile(f"""extra == ["']{re.escape(extra)}["']""") if extra else re.compile("^(?!.*extra ==)")
    return [line.strip() for line, _, marker in lines if mark.search(marker)]


def check_packages(*, deep: bool = False) -> list[Part]:
    """One part for every package that the embedded ring needs."""
    return [check_package(line, deep=deep) for line in (*requirements(), *NEEDED_BY_MEDIAPIPE)]


def check_package(
    requirement: str,
    *,
    deep: bool = False,
    ring: Ring = "embedded",
    packages: Mapping[str, Package] = PACKAGES,
    install: str = "",
) -> Part:
    """Checks one package.

    Args:
        requirement: as in pyproject.toml, such as "numpy>=1.26.4,<2".
        deep: import heavy packages too, which takes seconds.
        ring: what needs it.
        packages: what there is to know about it.
        install: the command that installs it; "" for pip with this requirement.
    """
    found = re.match(r"[\w.-]+", requirement)
    name = found.group() if found else requirement
    package = packages.get(name, Package("", name.replace("-", "_")))
    version = installed_version(name)

    add = install or _install(requirement)

    def part(status: Status, trouble: str, fix: str) -> Part:
        return Part(name, ring, status, version or "", "; ".join(filter(None, (package.job, trouble))), fix)

    if name == HEADLESS and (others := [other for other in OPENCVS if other != name and installed_version(other)]):
        uninstall = pip("uninstall", "-y", *others, *([name] if version else []))
        return part("broken", f"{' and '.join(others)} installed too or instead", f"{uninstall} && {add}")
    if version is None:
        return part("missing", "", add)
    if not _satisfies(version, requirement):
        return part("broken", f"expected {requirement}, found {version}", add)
    again = pip("install", "--force-reinstall", "--no-deps", f"{name}=={version}")
    folder = module_folder(package.module)
    if folder is None:
        return part("broken", f"the module {package.module} is not there", again)
    absent = [file for file in package.files if not (folder / file).is_file()]
    if absent:
        return part("broken", f"its file {absent[0]} is not there", again)
    if package.imported == "always" or (deep and package.imported == "deep"):
        try:
            module = importlib.import_module(package.module)
            if name in PROBES:
                PROBES[name](module)
        # Whatever keeps a package from loading is what the user is to read.
        except Exception as error:
            return part("broken", f"does not load: {' '.join(str(error).split()) or type(error).__name__}", again)
    return part("ok", "", "")


def installed_version(name: str) -> str | None:
    """The version of an installed distribution, or None."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def pip(*arguments: str) -> str:
    """The command line that runs this Python's own pip."""
    return shlex.join([sys.executable, "-m", "pip", *arguments])


def _install(requirement: str) -> str:
    alone = ["--no-deps"] if re.split(r"[<>=!~; ]", requirement)[0] in NO_DEPENDENCIES else []
    return pip("install", *alone, requirement)


def _satisfies(version: str, requirement: str) -> bool:
    try:
        from packaging.requirements import Requirement
    except ImportError:  # it comes along with matplotlib, whose own absence is reported
        return True
    return Requirement(requirement).specifier.contains(version, prereleases=True)


def module_folder(module: str) -> Path | None:
    """The folder of an installed module, without importing it; None if there is none."""
    try:
        spec = importlib.util.find_spec(module)
    except (ModuleNotFoundError, ValueError):
        return None
    return Path(spec.origin).parent if spec and spec.origin else None


def _probe_espeak(loader: object) -> None:
    """Loads the shared library; raises if it can't be."""
    library = ctypes.CDLL(loader.get_library_path())  # type: ignore[attr-defined]
    library.espeak_Info.restype = ctypes.c_char_p
    if not library.espeak_Info(None):
        raise OSError("the library states no version")


def _probe_av(av: object) -> None:
    """Looks up the two encoders of our MP4 files; raises if one is not compiled in."""
    for encoder in ("libx264", "aac"):
        av.Codec(encoder, "w")  # type: ignore[attr-defined]


PROBES: Mapping[str, Callable[[object], None]] = {"espeakng-loader": _probe_espeak, "av": _probe_av}
"""What is tried beyond importing."""
