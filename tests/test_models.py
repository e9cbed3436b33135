"""The catalogue, and which models count as being here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path, PureWindowsPath

import platformdirs
import pytest
from platformdirs.macos import MacOS
from platformdirs.windows import Windows, get_win_folder_from_env_vars

from agent.config.config import Config, load_config
from agent.models import fetched as models
from agent.models.catalogue import BACKENDS, CATALOGUE, PLACES, Backend, find_model
from agent.models.fetched import (
    default_model,
    fetched_models,
    installed_path,
    megabytes,
    models_folder,
    named_model,
    recommended_models,
    state_of,
)
from agent.models.manifest import MANIFEST, read_manifest
from agent.models.weights import resolve_model
from speech.errors import InputError
from tests.carriers import hide_carriers
from tests.fake_models import CONTENT, fake_model


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty models' folder, and a machine without a GPU and without packaged weights."""
    hide_carriers(monkeypatch)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(models.shutil, "which", lambda name: None)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "data" / "visavis" / "models"


def config(*overrides: str) -> Config:
    return load_config(None, overrides, {})


# ---- The catalogue ----


def test_every_entry_is_told_apart_and_says_what_it_is() -> None:
    assert len({model.title for model in CATALOGUE}) == len(CATALOGUE)
    for model in CATALOGUE:
        assert model.what and model.licence and str(model.source)
        assert model.size == 0 or 5e7 < model.size < 2e10
        assert named_model(model.backend, model.name) == model
    assert {model.backend for model in CATALOGUE} == set(BACKENDS) == set(PLACES)


def test_licences_that_restrict_use_have_a_question() -> None:
    asked = {model.licence for model in CATALOGUE if model.question}
    assert asked == {"CPML", "Qwen-Research"}
    assert all("non-commercial" in model.question for model in CATALOGUE if model.question)
    others = {model.licence for model in CATALOGUE if not model.question and model.backend != "piper"}
    assert others == {"MIT", "Apache-2.0", "BSD-3-Clause"}


@pytest.mark.parametrize(
    ("backend", "settings", "expected"),
    [
        ("whisper", (), "base.en"),
        ("faster-whisper", ("ears.language=en-GB",), "base.en"),
        ("whisper", ("ears.language=de",), "small"),
        ("faster-whisper", ("ears.language=",), "small"),
        ("whisper", ("ears.device=cuda",), "turbo"),
        ("transformers", (), "Qwen/Qwen2.5-1.5B-Instruct"),
        ("coqui", (), "tts_models/en/vctk/vits"),
        ("coqui", ("voice.language=de",), "tts_models/de/thorsten/vits"),
        ("piper", (), "en_US-joe-medium"),
        ("piper", ("voice.language=en-gb",), "en_GB-alba-medium"),
        ("piper", ("voice.language=pt",), "pt_BR-faber-medium"),
        ("coqui", ("voice.language=ja",), "tts_models/en/vctk/vits"),
        ("xtts", ("voice.language=ja",), "tts_models/multilingual/multi-dataset/xtts_v2"),
    ],
)
def test_defaults(backend: Backend, settings: tuple[str, ...], expected: str) -> None:
    name = default_model(backend, config(*settings))
    assert name == expected
    model = find_model(backend, name)
    assert (
        model is not None and (model.why or backend in ("xtts", "piper")) and not (model.question and backend != "xtts")
    )


def test_piper_has_one_default_for_each_of_many_languages() -> None:
    voices = [model for model in CATALOGUE if model.backend == "piper"]
    languages = {language for model in voices for language in model.languages}
    assert (
        len(languages) >= 10 and {"de", "fr", "es", "it", "pt", "nl", "pl", "ru", "uk", "zh", "tr", "sv"} <= languages
    )
    for language in languages:
        assert len([model for model in voices if model.speaks(language) and model.why]) == 1
    assert find_model("piper", "de_DE-thorsten-medium").source.folder == "de/de_DE/thorsten/medium"  # type: ignore[union-attr]


def test_a_gpu_changes_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models.shutil, "which", lambda name: "/usr/bin/nvidia-smi")
    assert default_model("whisper", config()) == "turbo"
    assert default_model("whisper", config("ears.device=cpu")) == "base.en"


def test_names() -> None:
    assert (
        named_model("whisper", "large").name == "large-v3" and named_model("whisper", "large-v3-turbo").name == "turbo"
    )
    assert named_model("transformers", "someone/chat").source.name == "someone/chat"
    assert named_model("piper", "de_DE-karlsson-low").source.folder == "de/de_DE/karlsson/low"
    for backend, name in (
        ("piper", "thorsten"),
        ("transformers", "chat"),
        ("faster-whisper", "a/b/c"),
        ("coqui", "../x"),
        ("whisper", ""),
    ):
        with pytest.raises(InputError):
            named_model(backend, name)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="expected one with models"):
        installed_path(config(), "espeak")


def test_sizes_for_people() -> None:
    assert [megabytes(size) for size in (0, 4_250_000, 145_000_000, 3_100_000_000)] == [
        "0.1 MB",
        "4.2 MB",
        "145 MB",
        "3.10 GB",
    ]


# ---- Where ----


def test_the_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, folder: Path) -> None:
    assert models_folder(config()) == folder
    assert models_folder(config("ring.models=./here")) == tmp_path / "here"
    home = tmp_path / "home"
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_DATA_HOME")
    assert models_folder(config()) == home / ".local" / "share" / "visavis" / "models"
    monkeypatch.setattr(platformdirs, "PlatformDirs", MacOS)
    assert models_folder(config()) == home / "Library" / "Application Support" / "visavis" / "models"
    monkeypatch.setattr(platformdirs, "PlatformDirs", Windows)
    monkeypatch.setattr("platformdirs.windows._RESOLVE_WIN_FOLDER", get_win_folder_from_env_vars)
    monkeypatch.setenv("LOCALAPPDATA", r"C:\Users\Me\AppData\Local")
    assert PureWindowsPath(models_folder(config())) == PureWindowsPath(r"C:\Users\Me\AppData\Local\visavis\models")


# ---- Whether ----


def test_only_a_whole_model_is_installed(folder: Path) -> None:
    assert installed_path(config(), "coqui") is None
    place = fake_model(folder, "coqui", "tts_models/en/vctk/vits")
    assert installed_path(config(), "coqui") == resolve_model(config(), "coqui") == place
    assert installed_path(config(), "coqui", "tts_models/en/vctk/vits") == place
    (place / "model.bin").write_bytes(CONTENT[:-1])
    assert installed_path(config(), "coqui") is None
    with pytest.raises(InputError) as error:
        resolve_model(config(), "coqui")
    assert str(error.value) == (
        f"coqui/tts_models/en/vctk/vits: expected it whole in {place}, but model.bin: expected 7 bytes, got 6; "
        "run: visavis fetch coqui/tts_models/en/vctk/vits"
    )


def test_whisper_is_given_its_file(folder: Path) -> None:
    place = fake_model(folder, "whisper", "turbo")
    assert installed_path(config(), "whisper", "large-v3-turbo") == place / "model.bin"


def test_without_a_name_another_fetched_one_will_do_if_it_knows_the_language(folder: Path) -> None:
    place = fake_model(folder, "faster-whisper", "small.en")
    assert installed_path(config(), "faster-whisper") == place
    assert installed_path(config("ears.language=de"), "faster-whisper") is None
    default = fake_model(folder, "faster-whisper", "base.en")
    assert installed_path(config(), "faster-whisper") == default


@pytest.mark.parametrize(
    ("text", "trouble"),
    [
        ("{", "could not read it"),
        ("[]", "could not read it"),
        ('{"files": {}, "model": "", "source": "", "revision": "", "licence": "", "entry": ""}', "found none"),
        ('{"files": {"../x": {"size": 1, "sha256": ""}}, "model": "", "source": "", "revision": "", "licence": "", '
         '"entry": ""}', "expected names of files in this folder, got '../x'"),
        ('{"files": {}, "more": 1}', "could not read it"),
    ],
)  # fmt: skip
def test_a_damaged_manifest(folder: Path, text: str, trouble: str) -> None:
    place = fake_model(folder, "transformers", "someone/chat")
    (place / MANIFEST).write_text(text)
    with pytest.raises(InputError, match=trouble):
        read_manifest(place)
    assert state_of(folder, "transformers", "someone/chat").status == "broken"
    assert installed_path(config(), "transformers", "someone/chat") is None


def test_what_is_missing_names_the_command(folder: Path) -> None:
    with pytest.raises(InputError) as error:
        resolve_model(config(), "transformers", "someone/chat")
    assert str(error.value) == (
        f"transformers: expected the model someone/chat in {folder}/transformers/someone--chat, it is not there; "
        "run: visavis fetch transformers/someone/chat"
    )
    with pytest.raises(InputError, match="run: visavis fetch whisper/small"):
        resolve_model(config("ears.language=fr"), "whisper")


def test_paths(tmp_path: Path) -> None:
    (tmp_path / "mine.pt").touch()
    settings = config("ears.model=./mine.pt", "voice.model=./voice")
    assert installed_path(settings, "whisper", settings.ears.model) == tmp_path / "mine.pt"
    assert installed_path(settings, "faster-whisper", settings.ears.model) is None  # it takes a folder
    with pytest.raises(InputError, match=r"voice\.model \(--set .*\): expected a folder at .*voice, found nothing"):
        resolve_model(settings, "coqui", settings.voice.model)
    with pytest.raises(InputError, match=r"ears\.model .*: expected a folder at .*mine\.pt, found something else"):
        resolve_model(settings, "faster-whisper", settings.ears.model)


def test_what_was_fetched_beside_the_catalogue(folder: Path) -> None:
    fake_model(folder, "transformers", "someone/chat")
    fake_model(folder, "whisper", "tiny")
    (folder / "coqui" / "half").mkdir(parents=True)
    assert [model.title for model in fetched_models(folder)] == ["whisper/tiny", "transformers/someone/chat"]


# ---- The recommended ring ----


def recommended(*overrides: str) -> list[str]:
    return [model.title for model in recommended_models(config(*overrides))]


def test_what_the_recommended_ring_wants(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = {"faster_whisper", "whisper"}
    monkeypatch.setattr(models, "find_spec", lambda name: name if name in there else None)
    mind, voice = "transformers/Qwen/Qwen2.5-1.5B-Instruct", "coqui/tts_models/en/vctk/vits"
    assert recommended() == ["faster-whisper/base.en", mind, voice]
    there.remove("faster_whisper")
    assert recommended()[0] == "whisper/base.en"
    there.clear()
    assert recommended("ears.backend=whisper", "ears.model=small")[0] == "whisper/small"
    assert recommended("mind.base_url=http://127.0.0.1:11434/v1") == ["faster-whisper/base.en", voice]
    assert recommended("ears.backend=pocketsphinx", "voice.backend=espeak") == [mind]
    assert recommended("ears.model=/somewhere/base.pt", "voice.backend=espeak") == [mind]
    assert recommended("voice.model=tts_models/multilingual/multi-dataset/xtts_v2")[2].startswith("xtts/")
    fake_model(folder, "whisper", "small.en")
    assert recommended()[0] == "whisper/small.en"  # it is here, and good enough


def test_nothing_heavy_is_imported() -> None:
    code = (
        "import json, sys; from agent.config.config import Config; from agent.models import fetched as models;"
        "models.installed_path(Config(), 'whisper'); models.recommended_models(Config());"
        "heavy = {'torch', 'transformers', 'whisper', 'TTS', 'faster_whisper', 'huggingface_hub', 'urllib.request'};"
        "print(json.dumps(sorted(heavy & set(sys.modules))))"
    )
    root = Path(models.__file__).parent.parent.parent
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert json.loads(done.stdout) == []
