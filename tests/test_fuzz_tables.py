"""Made-up tables, texts, settings, weights and manifests: each is read, or refused in one line."""

from __future__ import annotations

import csv
import io
import json
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.config.config import Config, load_config
from agent.models.manifest import MANIFEST, is_name, read_manifest
from avatar.control_timeline import COLUMNS, read_control_timeline
from avatar.evaluation.speech.recordings import read_transcript
from avatar.motion import CSV_HEADER, Controls, ConversationState, MotionLayout, read_motion_csv
from avatar.sampler.checkpoint import load_checkpoint, save_checkpoint, untrained
from avatar.sampler.denoiser import DenoiserConfig
from speech.errors import InputError
from tests.fuzzing import examples

pytestmark = pytest.mark.usefixtures("one_torch_thread")

PACKAGED = (Path(__file__).parent.parent / "config.toml").read_bytes()


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz") / "a"


def is_one_line(error: InputError) -> bool:
    return str(error).isprintable() and 10 < len(str(error)) < 1500


NASTY = st.sampled_from(
    [
        "",
        "nan",
        "inf",
        "-inf",
        "1e30",
        "1e400",
        "-1",
        "0,5",
        "0.5",
        "1_0",
        "٣",
        "0x1",
        "\0",
        '"',
        "a;b",
        "\ufeff",
        " 1 ",
    ]
)


@st.composite
def motion_tables(draw: st.DrawFn) -> tuple[bytes, bool]:
    """A motion CSV in some spreadsheet's way, and whether it is whole."""
    columns = draw(st.permutations(CSV_HEADER)) if draw(st.booleans()) else list(CSV_HEADER)
    whole = draw(st.booleans())
    if not whole:
        columns = draw(st.lists(st.sampled_from([*CSV_HEADER, "jawopen", "x", ""]), max_size=70)) or columns
    delimiter, decimal = draw(st.sampled_from([(",", "."), (";", ","), ("\t", ","), (";", ".")]))
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator=draw(st.sampled_from(["\n", "\r\n", "\r"])))
    writer.writerow(columns)
    for row in range(draw(st.integers(1, 3))):
        cells = [{"frame": str(row), "time_s": f"{row / 25:.2f}"}.get(name, "0.25") for name in columns]
        if not whole and draw(st.booleans()):
            cells[draw(st.integers(0, len(cells) - 1))] = draw(NASTY)
        writer.writerow([cell.replace(".", decimal) for cell in cells])
    return out.getvalue().encode(draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))), whole


@examples(120)
@given(motion_tables())
def test_motion_tables(path: Path, table: tuple[bytes, bool]) -> None:
    path.write_bytes(table[0])
    try:
        values = read_motion_csv(path)
    except InputError as error:
        assert not table[1] and is_one_line(error)
        return
    assert values.ndim == 2 and values.shape[1] == MotionLayout.SIZE and len(values) > 0
    assert np.isfinite(values).all() and np.abs(values).max() <= 20.0
    assert not table[1] or (values == 0.25).all()


@st.composite
def damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    """Bytes that are changed, cut, doubled and inserted in a whole file."""
    data = bytearray(whole)
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, max(len(data) - 1, 0)))
        kind = draw(st.sampled_from(["change", "cut", "insert", "double", "remove"]))
        if kind == "change" and data:
            data[at] = draw(st.integers(0, 255))
        elif kind == "cut":
            del data[at:]
        elif kind == "insert":
            data[at:at] = draw(st.binary(max_size=8))
        elif kind == "double":
            data[at:at] = data[at : at + draw(st.integers(1, 200))]
        else:
            del data[at : at + draw(st.integers(1, 200))]
    return bytes(data)


MOTION = (",".join(CSV_HEADER) + "\n" + ",".join(["0", "0.00", *["0.5"] * 60]) + "\n").encode()
CONTROLS = b"time_s,state,emotion,intensity\n0,idle,happy,0.5\n1.5,speaking,free,\n"


@examples(80)
@given(damaged(MOTION) | damaged(MOTION.decode().encode("utf-16")) | st.binary(max_size=300))
def test_damaged_motion_tables(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    try:
        assert np.isfinite(read_motion_csv(path)).all()
    except InputError as error:
        assert is_one_line(error)


@examples(120)
@given(damaged(CONTROLS) | damaged(CONTROLS.decode().encode("utf-16")) | st.binary(max_size=300))
def test_damaged_control_tables(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    try:
        timeline = read_control_timeline(path, state=ConversationState.IDLE, controls=Controls())
    except InputError as error:
        assert is_one_line(error)
        return
    assert timeline.cues[0].frame == 0 and len(COLUMNS) == 8


@examples(80)
@given(st.binary(max_size=100) | st.text(max_size=50).map(lambda text: text.encode("utf-16", "surrogatepass")))
def test_transcripts(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    try:
        assert read_transcript(path).split()
    except InputError as error:
        assert is_one_line(error)


SETTINGS = st.text(max_size=30) | st.sampled_from(
    ["face.seed=", "voice.volume=1e400", "face.weights=\0", "mqtt.port=[[["]
)


@examples(40)
@given(
    damaged(PACKAGED),
    st.lists(SETTINGS | st.integers(1, 3000).map(lambda depth: "face.seed=" + "[" * depth), max_size=2),
    st.dictionaries(st.sampled_from(["VISAVIS_FACE__SEED", "VISAVIS_X", "VISAVIS_CACHE_DIR"]), st.text(max_size=20)),
)
def test_settings(path: Path, data: bytes, overrides: list[str], environment: dict[str, str]) -> None:
    path.write_bytes(data)
    try:
        assert isinstance(load_config(path, overrides, environment), Config)
    except InputError as error:
        assert is_one_line(error)


@pytest.fixture(scope="module")
def weights(path: Path) -> bytes:
    small = DenoiserConfig(width=16, hop_width=8, layers=1, heads=2, feed_forward=16, history=2, block=2)
    save_checkpoint(path.with_name("small"), untrained(config=small))
    return path.with_name("small").read_bytes()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@examples(25)
@given(st.data())
def test_weights(path: Path, weights: bytes, data: st.DataObject) -> None:
    length = struct.unpack("<Q", weights[:8])[0]
    header = json.loads(weights[8 : 8 + length])
    name = data.draw(st.sampled_from(sorted(header)))
    where = data.draw(st.sampled_from(["config", "header", "entry", "bytes"]))
    sizes = json.loads(header["__metadata__"]["config"])
    if where == "config":
        sizes[data.draw(st.sampled_from([*sizes, "x"]))] = data.draw(JSON)
        header["__metadata__"]["config"] = json.dumps(sizes)
    elif where == "entry":
        header[name] = data.draw(JSON)
    elif where == "header":
        header[data.draw(st.text(max_size=8))] = data.draw(JSON)
    text = json.dumps(header).encode()
    content = struct.pack("<Q", len(text)) + text + weights[8 + length :]
    path.write_bytes(data.draw(damaged(content)) if where == "bytes" else content)
    try:
        loaded = load_checkpoint(path)
    except InputError as error:
        assert is_one_line(error)
        return
    assert all(bool(value.isfinite().all()) for value in loaded.denoiser.state_dict().values())


GOOD = {
    "model": "whisper/tiny", "source": "", "revision": "", "licence": "", "entry": "a.pt",
    "files": {"a.pt": {"size": 3, "sha256": "00"}},
}  # fmt: skip


@examples(100)
@given(damaged(json.dumps(GOOD).encode()) | JSON.map(lambda value: json.dumps(value).encode()) | st.data())
def test_manifests(path: Path, content: bytes | st.DataObject) -> None:
    if not isinstance(content, bytes):
        key = content.draw(st.sampled_from(sorted(GOOD)))
        content = json.dumps(GOOD | {key: content.draw(JSON)}).encode()
    (path.parent / MANIFEST).write_bytes(content)
    try:
        manifest = read_manifest(path.parent)
    except InputError as error:
        assert "\n" not in str(error)
        return
    assert manifest is not None and all(is_name(name) and file.size >= 0 for name, file in manifest.files.items())
