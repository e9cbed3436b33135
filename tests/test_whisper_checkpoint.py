"""One Whisper in two libraries: CTranslate2's file becomes openai-whisper's checkpoint, and both hear the same."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.config.config import load_config
from agent.models.weights import ears_model
from speech.asr.ctranslate2_file import read_variables
from speech.asr.whisper_checkpoint import write_checkpoint
from speech.audio import SPEECH_RATE_HZ
from speech.errors import InputError
from speech.files.sound_file import read_audio
from tests.fake_models import fake_model
from tests.fuzzing import examples

TINY_EN = pytest.mark.packaged("faster-whisper/tiny.en")
DIMS = {
    "n_mels": 80, "n_audio_ctx": 1500, "n_audio_state": 384, "n_audio_head": 6, "n_audio_layer": 4,
    "n_vocab": 51864, "n_text_ctx": 448, "n_text_state": 384, "n_text_head": 6, "n_text_layer": 4,
}  # fmt: skip
"""As OpenAI publishes tiny.en."""

QUESTIONS = {
    "q_weather_azure.wav": "What's the weather like?",
    "q_barista_11.wav": None,
    "q_lamp_wyoming.wav": "Turn on the living room lamp.",
}
"""Recordings of real people, and what tiny.en hears where that is right."""


@pytest.fixture(scope="module")
def both(tiny_en: Path, tiny_en_checkpoint: Path) -> tuple[Any, Any]:
    """openai-whisper's model with its options as our worker loads it, and faster-whisper's in single precision."""
    from faster_whisper import WhisperModel

    from speech.asr.whisper_worker import _load_model

    quick = WhisperModel(str(tiny_en), device="cpu", compute_type="float32", cpu_threads=1)
    return _load_model(tiny_en_checkpoint), quick


@TINY_EN
def test_the_checkpoint_is_as_openai_publishes_its_own(tiny_en_checkpoint: Path, both: tuple[Any, Any]) -> None:
    import torch

    checkpoint = torch.load(tiny_en_checkpoint, weights_only=True, mmap=True)
    assert checkpoint.keys() == {"dims", "model_state_dict"} and checkpoint["dims"] == DIMS
    state = checkpoint["model_state_dict"]
    assert state.keys() == both[0].state_dict().keys()
    assert {value.dtype for value in state.values()} == {torch.float16}
    assert 2 * sum(value.numel() for value in state.values()) < tiny_en_checkpoint.stat().st_size < 76_000_000


@TINY_EN
def test_word_times_are_taken_from_the_models_own_heads(tiny_en: Path, both: tuple[Any, Any]) -> None:
    heads = json.loads((tiny_en / "config.json").read_text())["alignment_heads"]
    assert both[0].alignment_heads.to_dense().nonzero().tolist() == heads


@TINY_EN
@pytest.mark.testdata
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # whisper's tokenizer
@pytest.mark.usefixtures("one_torch_thread")
def test_both_libraries_hear_the_same_in_real_recordings(both: tuple[Any, Any], test_data: Path) -> None:
    import torch
    from ctranslate2 import StorageView
    from whisper.audio import log_mel_spectrogram, pad_or_trim

    own, quick = both
    options: dict[str, Any] = {"language": "en", "temperature": 0.0, "condition_on_previous_text": False}
    for name, text in QUESTIONS.items():
        sound = read_audio(test_data / "questions" / name, SPEECH_RATE_HZ)
        heard = own.transcribe(sound, fp16=False, **options)["text"].strip()
        assert heard == "".join(one.text for one in quick.transcribe(sound, beam_size=1, **options)[0]).strip()
        assert heard == text if text else len(heard.split()) > 10
    mel = log_mel_spectrogram(pad_or_trim(sound))[None]
    with torch.no_grad():
        encoded = own.encoder(mel).numpy()
    other = np.asarray(quick.model.encode(StorageView.from_array(mel.numpy()), to_cpu=True))
    assert np.abs(encoded).max() > 5 and np.abs(encoded - other).max() < 0.005  # one part in 2,000 of half precision


@TINY_EN
def test_without_fetched_weights_whisper_is_given_the_packaged_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_en_checkpoint: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    config = load_config(None, ["ears.backend=whisper", "ears.model=tiny.en"], {})
    given = ears_model(config, "whisper")
    assert given.name == "tiny.en.pt" and given.is_relative_to(tmp_path / "cache")
    assert given.stat().st_size == tiny_en_checkpoint.stat().st_size
    made_at = given.stat().st_mtime_ns
    assert ears_model(config, "whisper") == given and given.stat().st_mtime_ns == made_at, "it is made once"
    fetched = fake_model(tmp_path / "data" / "visavis" / "models", "whisper", "tiny.en")
    assert ears_model(config, "whisper") == fetched / "model.bin", "fetched weights are preferred"


# ---- Files that are none ----

KINDS = {np.dtype("f4"): 0, np.dtype("i1"): 1, np.dtype("i2"): 2, np.dtype("i4"): 3, np.dtype("f2"): 4}


def name(text: str) -> bytes:
    return struct.pack("<H", len(text) + 1) + text.encode() + b"\0"


def variable(title: str, value: np.ndarray, kind: int | None = None, size: int | None = None) -> bytes:
    axes = struct.pack(f"<B{value.ndim}I", value.ndim, *value.shape)
    size = value.nbytes if size is None else size
    return name(title) + axes + struct.pack("<BI", KINDS[value.dtype] if kind is None else kind, size) + value.tobytes()


def model_bin(*variables: bytes, aliases: bytes = struct.pack("<I", 0), version: int = 6, revision: int = 3) -> bytes:
    head = struct.pack("<I", version) + name("WhisperSpec") + struct.pack("<II", revision, len(variables))
    return head + b"".join(variables) + aliases


BIAS = variable("encoder/conv1/bias", np.array([1, 2], np.float16))
SMALL = model_bin(
    BIAS,
    variable("encoder/num_heads", np.array(6, np.int16)),
    aliases=struct.pack("<I", 1) + name("b") + name("encoder/conv1/bias"),
)


def refusal(tmp_path: Path, content: bytes, read: Callable[[Path], object] = read_variables) -> str:
    path = tmp_path / "model.bin"
    path.write_bytes(content)
    with pytest.raises(InputError) as error:
        read(path)
    message = str(error.value)
    assert message.startswith(f"{path}: expected ") and message.isprintable() and len(message) < 300 + len(str(path))
    return message


def test_variables_are_read_without_a_copy(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(SMALL)
    read = read_variables(tmp_path / "model.bin")
    assert (read.description, read.revision, len(read.values)) == ("WhisperSpec", 3, 3)
    assert read.values["encoder/conv1/bias"].tolist() == [1, 2] and int(read.values["encoder/num_heads"]) == 6
    assert read.values["b"] is read.values["encoder/conv1/bias"] and not read.values["b"].flags.writeable


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "an empty file"),
        (b"PK\x03\x04" * 9, "its layout is version 67324752, not 6"),
        (model_bin(version=5), "version 5, not 6"),
        (SMALL[:-1], "ends in the middle"),
        (SMALL + b"more", "4 bytes are left over"),
        (model_bin(BIAS, BIAS), "encoder/conv1/bias is there twice"),
        (model_bin(variable("a", np.zeros(2, np.float16), kind=5)), "the unknown type 5"),
        (model_bin(variable("a", np.zeros(2, np.float16), size=2**31)), "2147483648 bytes for the shape (2,)"),
        (model_bin(variable("a", np.zeros((1,) * 9, np.float16))), "a has 9 axes"),
        (model_bin(variable("a\x1b[2J", np.zeros(2, np.float16))), "not made of letters"),
        (model_bin(variable("a" * 999, np.zeros(2, np.float16))), "a name has 1000 bytes"),
        (model_bin(BIAS, aliases=struct.pack("<I", 2**32 - 1)), "claims 4294967295 variables"),
        (model_bin(BIAS, aliases=struct.pack("<I", 1) + name("b") + name("c")), "b is another name of c"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_file_that_ctranslate2_did_not_write_is_one_line(tmp_path: Path, content: bytes, reason: str) -> None:
    assert reason in refusal(tmp_path, content)


@given(at=st.integers(0, len(SMALL) - 1), byte=st.integers(0, 255), end=st.integers(0, len(SMALL)))
@examples(100)
def test_a_damaged_file_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, at: int, byte: int, end: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.bin"
    path.write_bytes((SMALL[:at] + bytes([byte]) + SMALL[at + 1 :])[: end if at % 2 else None])
    try:
        values = read_variables(path).values
    except InputError as error:
        assert str(error).isprintable()
    else:
        assert sum(value.nbytes for value in values.values()) <= 2 * len(SMALL)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (model_bin(revision=2), "expected WhisperSpec, revision 3, got WhisperSpec, revision 2"),
        (model_bin(), "nothing is known of 'encoder.positional_embedding'"),
        (model_bin(variable("encoder/conv9/bias", np.zeros(2, np.float16))), "nothing is known of"),
        (model_bin(variable("decoder/embeddings/weight", np.zeros((2, 2), np.int8))), "is quantised"),
        (model_bin(variable("decoder/embeddings/weight", np.full(2, 1e9, np.float32))), "numbers that are none"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_another_network_is_one_line_and_no_file(tmp_path: Path, content: bytes, reason: str) -> None:
    target = tmp_path / "made.pt"
    assert reason in refusal(tmp_path, content, lambda path: write_checkpoint(path, target))
    assert not target.exists()
