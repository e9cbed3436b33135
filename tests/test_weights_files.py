"""Weights, training states and data of somebody else's making: one line, whatever is in them, and no memory."""

from __future__ import annotations

import json
import os
import pickle
import resource
import struct
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from avatar import weights_file
from avatar.evaluation.towers import train as tower_training
from avatar.evaluation.towers.file import TrainedTowers, load_towers, save_towers
from avatar.evaluation.towers.measures import ShiftTable
from avatar.evaluation.towers.model import TowerConfig, TowerKind, TwoTower
from avatar.sampler.checkpoint import load_checkpoint, save_checkpoint, untrained
from avatar.sampler.denoiser import DenoiserConfig
from avatar.training import dataset
from avatar.training import train as sampler_training
from avatar.training.scene_store import ARRAY_TYPES
from speech.errors import InputError

pytestmark = pytest.mark.usefixtures("one_torch_thread")

SMALL = DenoiserConfig(width=16, hop_width=8, layers=1, heads=2, feed_forward=16, history=2, block=2)
Tensors = dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "small.safetensors"
    save_checkpoint(path, untrained(config=SMALL))
    return path


@pytest.fixture(scope="module")
def towers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "towers.safetensors"
    config = TowerConfig(frames=4, stride=1, layers=1, width=8, heads=2, embedding=4)
    table = ShiftTable((-1, 0, 1), (0.0, 0.5, 0.0), (0.1, 0.1, 0.1), 0.5, 0.1, 10, 2)
    save_towers(path, TrainedTowers(TwoTower(TowerKind.SYNC, config), "made up", table))
    return path


def changed(source: Path, path: Path, change: Callable[[dict[str, str], Tensors], None]) -> Path:
    with safe_open(source, framework="pt") as file:
        metadata = dict(file.metadata())
        tensors = {name: file.get_tensor(name) for name in file.keys()}
    change(metadata, tensors)
    save_file(tensors, path, metadata)
    return path


def sized(**sizes: Any) -> Callable[[dict[str, str], Tensors], None]:
    def change(metadata: dict[str, str], tensors: Tensors) -> None:
        metadata["config"] = json.dumps(json.loads(metadata["config"]) | sizes)

    return change


def with_config(text: str) -> Callable[[dict[str, str], Tensors], None]:
    def change(metadata: dict[str, str], tensors: Tensors) -> None:
        metadata["config"] = text

    return change


def with_tensor(name: str, value: torch.Tensor) -> Callable[[dict[str, str], Tensors], None]:
    def change(metadata: dict[str, str], tensors: Tensors) -> None:
        tensors[name] = value

    return change


WRONG = [
    (sized(width=4096), r"'articulation\.\S+' expected \(\d+, 4096\), got \(\d+, 16\)|expected"),
    (sized(width=10**9), "expected width from 1 to 4096, got 1000000000"),
    (sized(layers=10**6), "expected layers from 1 to 64, got 1000000"),
    (sized(layers=True), "expected layers from 1 to 64, got True"),
    (sized(block=-1), "expected block from 1 to 4096, got -1"),
    (sized(width=1e400), "expected width from 1 to 4096, got inf"),
    (sized(heads=3), "expected a width of so many equal heads, got 16 and 3"),
    (lambda metadata, tensors: metadata.update(version="1"), "version '2', got '1'; train again with this version"),
    (sized(sigma=1), "expected the sizes block, feed_forward"),
    (with_config("[1]"), "expected the sizes block, feed_forward"),
    (with_config("[" * 100_000), "nested too deep"),
    (with_config("{"), "they don't fit"),
    (with_tensor("no_audio", torch.zeros(17)), r"'no_audio' expected \(16,\), got \(17,\)"),
    (with_tensor("extra", torch.zeros(1)), r"'extra' expected nothing, got \(1,\)"),
    (with_tensor("no_audio", torch.full((16,), torch.nan)), "'no_audio' holds NaN or infinity"),
    (with_tensor("no_audio", torch.full((16,), torch.inf)), "'no_audio' holds NaN or infinity"),
    (with_tensor("no_audio", torch.zeros(16, dtype=torch.int64)), r"'no_audio' is of torch\.int64"),
    (with_tensor("normalisation.flow_std", torch.zeros(52)), "expected spreads above 0"),
    (with_tensor("normalisation.flow_std", torch.ones(51)), r"expected \(52,\), got \(51,\)"),
]


@pytest.mark.parametrize(("change", "message"), WRONG)
def test_weights_that_do_not_fit_are_refused_in_one_line(
    weights: Path, tmp_path: Path, change: Callable[[dict[str, str], Tensors], None], message: str
) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InputError, match=message) as error:
        load_checkpoint(changed(weights, tmp_path / "a.safetensors", change))
    assert "\n" not in str(error.value)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kB


def header(fields: object, data: bytes = b"", length: int | None = None) -> bytes:
    text = fields if isinstance(fields, bytes) else json.dumps(fields).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


ONE = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}


@pytest.mark.parametrize(
    "data",
    [
        b"PK\x03\x04",
        header({}, length=2**60),
        header({}, length=2**64 - 1),
        header({}, length=0),
        header(b"[" * 50_000),
        header({"a": ONE | {"shape": [2**40]}}, bytes(4)),
        header({"a": ONE | {"data_offsets": [0, 2**50]}}, bytes(4)),
        header({"a": ONE | {"data_offsets": [4, 0]}}, bytes(4)),
        header({"a": ONE | {"dtype": "X9"}}, bytes(4)),
        header(b'{"a":%s,"a":%s}' % (json.dumps(ONE).encode(), json.dumps(ONE).encode()), bytes(4)),
        header({"a": ONE, "b": ONE}, bytes(4)),
        header({"a": ONE, "__metadata__": {"format": 1}}, bytes(4)),
        header({"a": ONE, "__metadata__": {"format": "x" * 1_000_000}}, bytes(4)),
        header({"a": ONE}, bytes(3)),
        header({"\n": ONE}, struct.pack("<f", np.nan)),
    ],
    ids=lambda data: repr(data[:30]),
)
def test_files_that_are_no_safetensors_are_refused_in_one_line(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(data)
    for load in (load_checkpoint, load_towers):
        with pytest.raises(InputError) as error:
            load(path)
        assert len(str(error.value)) < 600 and str(error.value).isprintable()


@pytest.mark.parametrize("load", [load_checkpoint, load_towers])
def test_only_a_file_of_sensible_size_is_opened(
    tmp_path: Path, load: Callable[[Path], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    large = tmp_path / "large"
    large.touch()
    os.truncate(large, weights_file.LARGEST_BYTES + 1)
    for path, found in (
        (tmp_path / "pipe", "found a pipe"),
        (Path("/dev/zero"), "found a device"),
        (tmp_path / "loop", "could not open it"),
        (tmp_path, "found a folder"),
        (large, "of at most 1000 MB, got more"),
    ):
        with pytest.raises(InputError, match=found):
            load(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (sized(frames=4096), "expected"),
        (sized(stride=8), "expected frames of at least one stride, got 4 and 8"),
        (with_tensor("unit", torch.zeros(3)), "'unit' expected"),
        (lambda metadata, tensors: metadata.update(held_out="[]"), "they don't fit"),
        (lambda metadata, tensors: metadata.update(kind="third"), "they don't fit"),
        (lambda metadata, tensors: metadata.pop("data"), "they don't fit: 'data'"),
    ],
)
def test_towers_that_do_not_fit_are_refused(
    towers: Path, tmp_path: Path, change: Callable[[dict[str, str], Tensors], None], message: str
) -> None:
    assert load_towers(towers).data == "made up"
    with pytest.raises(InputError, match=message):
        load_towers(changed(towers, tmp_path / "a.safetensors", change))


def test_what_was_saved_comes_back(weights: Path) -> None:
    loaded = load_checkpoint(weights)
    assert asdict(loaded.denoiser.config) == asdict(SMALL) and not loaded.denoiser.training


class Evil:
    """Makes a folder when it is unpickled."""

    where = ""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (self.where,)


def training_state(content: bytes | object, path: Path) -> Path:
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(content, path)
    return path


@pytest.mark.parametrize(
    "content",
    [b"\x80\x02.", Evil, {"objective": Evil()}, [], {"objective": {}}, torch.zeros(3), b"PK\x03\x04"],
)
def test_a_training_state_is_data_and_never_code(
    tmp_path: Path, content: bytes | object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Evil, "where", str(tmp_path / "evil"))
    path = training_state(pickle.dumps(Evil(), 2) if content is Evil else content, tmp_path / "state.pt")
    for kind in (sampler_training._Run, tower_training._Run):
        run = kind.__new__(kind)
        run._objective = run._optimizer = torch.nn.Linear(1, 1)
        run._device, run._data = torch.device("cpu"), "made up"
        with pytest.raises(InputError, match="expected the state of a training run to resume") as error:
            run.restore(path)
        assert "\n" not in str(error.value) and not (tmp_path / "evil").exists()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    shapes = {"features": (3, 4, 64), "motion": (3, 52), "conditions": (3, dataset.ConditionLayout.SIZE)}
    shapes |= {"articulation": (3, len(dataset.MOUTH_NAMES)), "visemes": (3,), "sound": (3, 640)}
    for name, kind in ARRAY_TYPES.items():
        np.save(tmp_path / f"{name}.npy", np.zeros(shapes[name], kind))
    scenes = [{"start": 0, "frames": 3, "validation": False, "speech": []}]
    (tmp_path / "scenes.json").write_text(json.dumps({"version": dataset.VERSION, "scenes": scenes}))
    return tmp_path


def huge_header(path: Path) -> None:
    np.lib.format.write_array_header_1_0(
        file := path.open("wb"), {"descr": "<f4", "fortran_order": False, "shape": (2**40, 52)}
    )
    file.close()


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("scenes.json", lambda path: path.write_text("[]")),
        ("scenes.json", lambda path: path.write_text("[" * 100_000)),
        ("scenes.json", lambda path: path.write_text(path.read_text().replace('"frames": 3', '"frames": "x"'))),
        ("scenes.json", lambda path: path.write_text(path.read_text().replace('"start": 0', '"start": 2'))),
        ("motion.npy", huge_header),
        ("motion.npy", lambda path: np.save(path, np.zeros((3, 51), np.float32))),
        ("motion.npy", lambda path: np.save(path, np.zeros((3, 52)))),
        ("motion.npy", lambda path: np.save(path, np.array([Evil()] * 3), allow_pickle=True)),
        ("motion.npy", lambda path: path.write_bytes(b"")),
        ("motion.npy", lambda path: path.write_bytes(path.read_bytes()[:-8])),
        ("motion.npy", lambda path: path.unlink()),
    ],
)
def test_training_data_that_do_not_fit_are_refused(data: Path, name: str, damage: Callable[[Path], object]) -> None:
    assert len(dataset.load(data).arrays["motion"]) == 3
    damage(data / name)
    with pytest.raises(InputError, match=r"expected data of|expected an array of|prepare it again") as error:
        dataset.load(data)
    assert "\n" not in str(error.value)
