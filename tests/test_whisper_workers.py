"""What both Whisper workers do while they load, without a process of their own: bad weights, languages, devices."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from speech.asr import faster_whisper_worker, whisper_worker
from speech.asr.whisper_options import Setup
from speech.audio import SPEECH_RATE_HZ
from speech.errors import InputError
from speech.files.sound_file import read_audio

pytestmark = [pytest.mark.packaged("faster-whisper/tiny.en"), pytest.mark.usefixtures("one_torch_thread")]

QUESTIONS = Path(__file__).parent.parent / "agent" / "data" / "questions"
WORKERS = pytest.mark.parametrize("worker", [whisper_worker, faster_whisper_worker], ids=["whisper", "faster-whisper"])


@pytest.fixture(autouse=True)
def _as_important_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """A priority that is lowered can't be raised again."""
    for module in (whisper_worker, faster_whisper_worker):
        monkeypatch.setattr(module, "leave_room_for_the_face", lambda: 1)


@pytest.fixture
def models(tiny_en: Path, tiny_en_checkpoint: Path) -> dict[ModuleType, Path]:
    return {whisper_worker: tiny_en_checkpoint, faster_whisper_worker: tiny_en}


def load_error(worker: ModuleType, model: Path, **options: Any) -> str:
    with pytest.raises(InputError) as caught:
        worker.Decoder(Setup(str(model), **options))
    message = str(caught.value)
    assert "\n" not in message and len(message) < 400
    return message


def _text(path: Path, whole: Path) -> None:
    path.write_text("not weights")


def _half(path: Path, whole: Path) -> None:
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])


def _another_network(path: Path, whole: Path) -> None:
    import torch

    torch.save({"weight": torch.zeros(2)}, path)


def _another_size(path: Path, whole: Path) -> None:
    import torch

    checkpoint = torch.load(whole, weights_only=True, mmap=True)
    torch.save({"dims": checkpoint["dims"] | {"n_text_layer": 3}, "model_state_dict": {}}, path)


def _without_alignment(path: Path, whole: Path) -> None:
    """Weights under the name of another of OpenAI's models."""
    path.symlink_to(whole)


@pytest.mark.parametrize(
    ("spoil", "name"),
    [
        (lambda path, whole: None, "nothing.pt"),
        (lambda path, whole: path.mkdir(), "folder.pt"),
        (_text, "text.pt"),
        (_half, "half.pt"),
        (_another_network, "network.pt"),
        (_another_size, "size.pt"),
        (_without_alignment, "base.en.pt"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_file_that_is_no_checkpoint_is_one_line(
    tmp_path: Path, tiny_en_checkpoint: Path, spoil: Callable[[Path, Path], None], name: str
) -> None:
    spoil(tmp_path / name, tiny_en_checkpoint)
    message = load_error(whisper_worker, tmp_path / name)
    assert message.startswith(f"{tmp_path / name}: expected a Whisper checkpoint")


@pytest.mark.parametrize("content", ["nothing", "a file", "no tokenizer.json", "no model.bin", "broken tokenizer"])
def test_a_folder_that_is_no_ctranslate2_model_is_one_line(tmp_path: Path, tiny_en: Path, content: str) -> None:
    path = tmp_path / "model"
    if content == "a file":
        path.write_text("not weights")
    elif content != "nothing":
        path.mkdir()
        for file in tiny_en.iterdir():
            if content != f"no {file.name}":
                (path / file.name).symlink_to(file)
    if content == "broken tokenizer":
        (path / "tokenizer.json").unlink()
        (path / "tokenizer.json").write_text("{}")
    message = load_error(faster_whisper_worker, path)
    assert message.startswith(f"{path}: expected")
    assert not content.startswith("no ") or f"without {content[3:]}" in message


@WORKERS
def test_a_language_that_the_model_does_not_know_is_one_line(
    models: dict[ModuleType, Path], worker: ModuleType
) -> None:
    assert "expected 'en' for " in load_error(worker, models[worker], language="de")
    assert "got 'klingon'" in load_error(worker, models[worker], language="klingon")


@WORKERS
def test_a_device_that_is_not_there_is_one_line(models: dict[ModuleType, Path], worker: ModuleType) -> None:
    assert "set ears.device to 'auto' or 'cpu'" in load_error(worker, models[worker], device="mps")


@WORKERS
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # whisper's tokenizer
def test_a_wide_search_with_names_to_expect_hears_the_words(models: dict[ModuleType, Path], worker: ModuleType) -> None:
    decode = worker.Decoder(Setup(str(models[worker]), phrases=["what is visavis"], accurate=True))
    understood = decode(read_audio(QUESTIONS / "7_goodbye.wav", SPEECH_RATE_HZ), lambda: None)
    assert understood.text == "Thank you and goodbye." and not understood.is_doubtful
