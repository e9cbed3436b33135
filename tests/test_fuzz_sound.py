"""Sound files with anything in them: read within bounds, or refused in one line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from speech.audio import Samples
from speech.errors import InputError
from speech.files.downmix import Downmix
from speech.files.sound_file import read_audio
from speech.files.sound_level import remove_dc_offset, scale_to_full_range, silence_invalid_samples
from tests.fuzzing import examples
from tests.sound_files import CODECS, encode, speechlike

FORMATS = ("wav", "float.wav", "rifx.wav", "aiff", "flac", "ogg", "mp3", "adts", "mp4", "mpegts", "matroska")

MARKS = (b"", b"RIFF", b"RIFX", b"OggS", b"ID3\x04", b"fLaC", b"\xff\xf1")


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a third of a second in each format."""
    folder = tmp_path_factory.mktemp("seeds")
    for name in FORMATS:
        path = folder / name
        if name in CODECS:
            rate = 48_000 if name == "matroska" else 16_000
            encode(path, speechlike(0.3, rate), name, rate)
        else:
            soundfile.write(
                path,
                speechlike(0.3, 16_000),
                16_000,
                format={"ogg": "OGG", "flac": "FLAC", "aiff": "AIFF"}.get(name, "WAV"),
                subtype={"float.wav": "FLOAT", "ogg": "VORBIS"}.get(name, "PCM_16"),
                endian="BIG" if name in ("rifx.wav", "aiff") else "FILE",
            )
    return folder


def check(path: Path) -> None:
    """Reads a file: within bounds, or an error of one line."""
    told: list[str] = []
    try:
        sound = read_audio(path, 16_000, report=told.append)
    except InputError as error:
        assert "\n" not in str(error) and path.name in str(error)
    else:
        assert sound.dtype == np.float32 and sound.ndim == 1 and len(sound) > 0
        assert np.abs(sound).max() <= 1.0  # False for NaN
    assert all("\n" not in line for line in told)


@examples(150)
@given(
    name=st.sampled_from(FORMATS),
    edits=st.lists(st.tuples(st.floats(0.0, 1.0), st.binary(min_size=1, max_size=12)), max_size=6),
    in_header=st.booleans(),
    keep=st.floats(0.0, 1.0),
    prefix=st.binary(max_size=20),
    repeat=st.integers(1, 2),
)
def test_mutated_files(
    seeds: Path,
    tmp_path_factory: pytest.TempPathFactory,
    name: str,
    edits: list[tuple[float, bytes]],
    in_header: bool,
    keep: float,
    prefix: bytes,
    repeat: int,
) -> None:
    data = bytearray((seeds / name).read_bytes() * repeat)
    reach = min(len(data), 120) if in_header else len(data)
    for at, junk in edits:
        start = int(at * (reach - 1))
        data[start : start + len(junk)] = junk
    data = data[: max(1, int(len(data) * max(keep, 1.0 - keep)))]
    path = tmp_path_factory.getbasetemp() / "mutated"
    path.write_bytes((prefix if len(prefix) > 16 else b"") + bytes(data))
    check(path)


@examples(60)
@given(
    st.binary(min_size=1, max_size=400),
    st.sampled_from(MARKS),
)
def test_junk(tmp_path_factory: pytest.TempPathFactory, junk: bytes, mark: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "junk"
    path.write_bytes(mark + junk)
    check(path)


FLOATS = st.floats(width=32, allow_nan=True, allow_infinity=True)


@examples(80)
@given(st.lists(FLOATS, min_size=1, max_size=60), st.integers(1, 5), st.sampled_from(["FC", "FL", "LFE", "NONE"]))
def test_any_values_in_any_channels(values: list[float], channels: int, name: str) -> None:
    length = -(-len(values) // channels)
    sound = np.resize(np.array(values, np.float32), (channels, length))
    clean, wild = silence_invalid_samples(sound)
    assert np.isfinite(clean).all() and 0 <= wild <= sound.size
    downmix = Downmix((name,) * channels, 16_000)
    mono: Samples = np.concatenate([downmix.push(clean), downmix.flush()])
    assert mono.shape == (length,)
    scale_to_full_range(mono)
    remove_dc_offset(mono, 16_000)
    assert np.abs(mono).max() <= 1.0
