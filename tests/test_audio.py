"""Sound in memory and on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speech.audio import Resampler, chunked, resample, write_wav
from speech.errors import InputError
from speech.sound_file import read_audio


def tone(seconds: float, rate: int, hz: float = 440.0) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


@pytest.mark.parametrize(("from_hz", "to_hz"), [(22_050, 48_000), (16_000, 48_000), (48_000, 16_000), (48_000, 48_000)])
@pytest.mark.parametrize("chunk", [160, 441, 1777])
def test_streaming_resampling_does_not_depend_on_the_chunks(from_hz: int, to_hz: int, chunk: int) -> None:
    sound = np.random.default_rng(1).uniform(-1, 1, from_hz).astype(np.float32)

    def streamed(size: int) -> np.ndarray:
        resampler = Resampler(from_hz, to_hz)
        pieces = [resampler.push(piece.samples) for piece in chunked(sound, from_hz, size)]
        return np.concatenate([*pieces, resampler.push(np.zeros(0, np.float32), last=True)])

    whole = streamed(len(sound))
    np.testing.assert_array_equal(streamed(chunk), whole)
    assert abs(len(whole) - to_hz) <= 1


def test_resampling_keeps_the_tone() -> None:
    converted = resample(tone(0.5, 44_100), 44_100, 16_000)
    np.testing.assert_allclose(converted[500:-500], tone(0.5, 16_000)[500 : len(converted) - 500], atol=2e-3)


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.mp3"])
def test_common_formats_are_read_and_mixed_down(tmp_path: Path, name: str) -> None:
    import soundfile

    path = tmp_path / name
    stereo = np.stack([tone(1.0, 44_100), tone(1.0, 44_100)], axis=1)
    soundfile.write(path, stereo, 44_100)
    sound = read_audio(path, 16_000)
    assert sound.dtype == np.float32 and abs(len(sound) - 16_000) < 1_500  # MP3 pads whole frames
    assert np.abs(sound).max() == pytest.approx(0.5, abs=0.05)


def test_eight_kilohertz_and_clipped_sound_are_read(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", np.clip(3 * tone(1.0, 8_000), -2, 2), 8_000)
    assert np.abs(read_audio(tmp_path / "a.wav", 48_000)).max() <= 1.2


def test_what_is_no_sound_is_told_in_one_line(tmp_path: Path) -> None:
    import soundfile

    empty, text, silent, folder = (tmp_path / name for name in ("empty.wav", "text.wav", "silent.wav", "folder"))
    empty.touch()
    text.write_text("I am not a sound")
    soundfile.write(silent, np.zeros(0, np.float32), 16_000)
    folder.mkdir()
    for path, expected in [
        (empty, "empty file"),
        (text, "could not decode"),
        (silent, "holds no samples"),
        (folder, "a folder"),
        (tmp_path / "missing.wav", "found nothing"),
    ]:
        with pytest.raises(InputError, match=expected) as failure:
            read_audio(path, 16_000)
        assert "\n" not in str(failure.value) and path.name in str(failure.value)


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=400), st.integers(0, 44))
def test_damaged_files_never_crash(tmp_path_factory: pytest.TempPathFactory, junk: bytes, keep: int) -> None:
    path = tmp_path_factory.mktemp("junk") / "a.wav"
    write_wav(path, tone(0.05, 16_000), 16_000)
    path.write_bytes(path.read_bytes()[:keep] + junk)
    try:
        assert len(read_audio(path, 16_000)) > 0
    except InputError as error:
        assert "\n" not in str(error)
