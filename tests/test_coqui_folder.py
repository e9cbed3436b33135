"""A voice's folder of somebody else's making: looked at without running anything in it, and refused in one line."""

from __future__ import annotations

import json
import os
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest

from speech.errors import InputError
from speech.tts.coqui_folder import open_coqui_folder, torch_names


class Evil:
    """Makes a folder when it is unpickled."""

    where = ""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (self.where,)


def saved(path: Path, content: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("speakers/data.pkl", content)
    return path


def test_names_are_read(tmp_path: Path) -> None:
    path = saved(tmp_path / "speakers.pth", pickle.dumps(OrderedDict(a=1, b=2)))
    assert list(torch_names(path)) == ["a", "b"]


@pytest.mark.parametrize(
    "content",
    [
        Evil,
        b"",
        b"\x80\x02.",
        b"cos\nsystem\n(S'exit 1'\ntR.",
        b"cbuiltins\neval\n.",
        b"ctorch\nload\n(S'x'\ntR}b.",
        b"\x80\x04\x8d" + (2**62).to_bytes(8, "little"),
        b"\x80\x04\x96" + (2**40).to_bytes(8, "little"),
        b"(" * 1_000_000,
        bytes(60_000_000),
        pickle.dumps([1]),
        b"j\xff\xff\xff\xff.",
        b"0.",
    ],
    ids=lambda content: repr(content)[:24],
)
def test_names_that_are_none_are_refused(tmp_path: Path, content: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Evil, "where", str(tmp_path / "evil"))
    path = saved(tmp_path / "speakers.pth", pickle.dumps(Evil()) if content is Evil else content)
    with pytest.raises(InputError, match=r"expected names and tensors saved by PyTorch|expected a dictionary") as error:
        torch_names(path)
    assert "\n" not in str(error.value) and not (tmp_path / "evil").exists()


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.pth").write_bytes(b"PK\x03\x04")
    with pytest.raises(InputError, match="expected names and tensors saved by PyTorch"):
        torch_names(tmp_path / "a.pth")


@pytest.mark.parametrize(
    "config",
    [
        "",
        "[" * 100_000,
        "[]",
        "{}",
        '{"model": "vits", "model_args": [1]}',
        '{"model": "vits", "audio": "loud"}',
        '{"model": 1e400}',
        json.dumps({"model": "x" * 100_000}),
    ],
    ids=lambda config: config[:24],
)
def test_configurations_that_are_none_are_refused(tmp_path: Path, config: str) -> None:
    (tmp_path / "config.json").write_text(config)
    (tmp_path / "model.pth").write_bytes(b"\x80\x02.")
    with pytest.raises(InputError) as error:
        open_coqui_folder(tmp_path, kind="vits")
    assert "\n" not in str(error.value) and len(str(error.value)) < 500


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({"use_speaker_embedding": True, "speaker_file": "names.json"}, [1]),
        ({"use_speaker_embedding": True, "speaker_file": 5}, {}),
        ({"use_d_vector_file": True, "d_vector_file": ["names.json"]}, {"a": 1}),
        ({"use_d_vector_file": True, "d_vector_file": ["names.json"]}, {"a": {"id": 1}}),
        ({"use_d_vector_file": True, "d_vector_file": 7}, {}),
        ({"use_speaker_embedding": True, "speakers": 7}, {}),
        ({"use_speaker_embedding": True, "speaker_file": "none.json"}, {}),
    ],
)
def test_speakers_that_are_none_are_refused(tmp_path: Path, settings: dict[str, Any], names: Any) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model": "vits", "model_args": settings}))
    (tmp_path / "names.json").write_text(json.dumps(names))
    with zipfile.ZipFile(tmp_path / "model.pth", "w") as archive:
        archive.writestr("model/data.pkl", b"")
    if "speakers" in settings:
        (tmp_path / "config.json").write_text(json.dumps({"model": "vits", **settings}))
    voice = open_coqui_folder(tmp_path, kind="vits")
    with pytest.raises(InputError) as error:
        voice.speakers()
    assert "\n" not in str(error.value)


def test_a_configuration_that_is_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "config.json")
    with pytest.raises(InputError, match=r"config\.json"):
        open_coqui_folder(tmp_path, kind="vits")
