"""Sound files: every common format, damaged, joined, misnamed, wrongly scaled; and what is no sound."""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from speech.audio import Samples
from speech.errors import InputError
from speech.files.sound_file import read_audio
from speech.files.wav_writer import write_wav
from tests.sound_files import CODECS, RATE, damage, encode, level_db, speechlike


def read(path: Path, rate: int = 16_000) -> tuple[Samples, list[str]]:
    """What is read, checked for what is always true of it, and what was told."""
    told: list[str] = []
    sound = read_audio(path, rate, report=told.append)
    assert sound.dtype == np.float32 and len(sound) > 0 and np.abs(sound).max() <= 1.0
    assert all("\n" not in line and line.startswith(f"{path.name}: ") for line in told)
    return sound, told


@pytest.fixture(scope="module")
def encoded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Six seconds in each format."""
    folder = tmp_path_factory.mktemp("encoded")
    made = {}
    for container in CODECS:
        rate = 48_000 if CODECS[container][0] == "libopus" else RATE
        made[container] = encode(folder / f"a.{container}", speechlike(6.0, rate), container, rate)
    return made


@pytest.mark.parametrize("container", CODECS)
def test_common_formats_are_read(encoded: dict[str, Path], container: str) -> None:
    sound, told = read(encoded[container])
    assert told == []
    assert abs(len(sound) / 16_000 - 6.0) < 0.1
    assert level_db(sound) == pytest.approx(level_db(speechlike(6.0, 16_000)), abs=1.0)


@pytest.mark.parametrize("container", CODECS)
@pytest.mark.parametrize("seed", range(2))
def test_damaged_files_keep_what_decodes(encoded: dict[str, Path], tmp_path: Path, container: str, seed: int) -> None:
    path = tmp_path / encoded[container].name
    path.write_bytes(encoded[container].read_bytes())
    damage(path, seed)
    sound, told = read(path)
    assert any("and is silent" in line or "damaged, or cut off" in line for line in told)
    assert 4.0 < len(sound) / 16_000 < 6.2
    audible = np.abs(sound).reshape(-1)[: len(sound) // 1600 * 1600].reshape(-1, 1600).max(axis=1) > 1e-3
    # Ogg pages and Matroska clusters are lost as a whole; of the others hardly anything is.
    assert audible.mean() > (0.3 if container in ("opus", "matroska") else 0.85)


@pytest.mark.parametrize("container", [one for one in CODECS if one != "mp4"])
@pytest.mark.parametrize("share", [0.35, 0.8])
def test_cut_files_are_read_to_where_they_end(
    encoded: dict[str, Path], tmp_path: Path, container: str, share: float
) -> None:
    path = tmp_path / "a"
    data = encoded[container].read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    sound, told = read(path)
    assert len(sound) / 16_000 == pytest.approx(6.0 * share, abs=1.1 if container in ("opus", "matroska") else 0.3)
    if container == "flac":
        assert any("of 6.0 s: it is damaged, or cut off" in line for line in told)


def test_an_m4a_without_its_table_of_contents_is_told(encoded: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "a.m4a"
    path.write_bytes(encoded["mp4"].read_bytes()[:30_000])
    with pytest.raises(InputError, match=r"table of contents \(moov\) is missing"):
        read_audio(path, 16_000)


def test_a_cut_m4a_with_its_table_in_front_is_read(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.m4a", speechlike(6.0), "mp4", movflags="+faststart")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    sound, told = read(path)
    assert 2.5 < len(sound) / 16_000 < 3.5
    assert "it is damaged, or cut off" in told[0]


def test_a_lost_stretch_is_silence_of_its_length(tmp_path: Path) -> None:
    """What comes after it must not move: pictures and transcripts are timed by it."""
    click = speechlike(4.0)
    click[3 * RATE : 3 * RATE + 200] = 0.99
    path = encode(tmp_path / "a.m4a", click, "mp4")
    clean, _ = read(path)
    data = bytearray(path.read_bytes())
    at = data.index(b"mdat") + 4
    data[at + 8_000 : at + 12_000] = b"\xff" * 4_000
    path.write_bytes(data)
    sound, told = read(path)
    assert len(told) == 1 and "is missing or could not be decoded, and is silent" in told[0]
    assert abs(int(np.abs(sound[44_800:]).argmax()) - int(np.abs(clean[44_800:]).argmax())) < 160


def joined(folder: Path, container: str, second_rate: int) -> Path:
    first = encode(folder / "first", speechlike(2.0), container)
    stereo = np.stack([speechlike(2.0, second_rate)] * 2)
    second = encode(folder / "second", stereo, container, second_rate, "stereo")
    path = folder / f"joined.{container}"
    path.write_bytes(first.read_bytes() + second.read_bytes())
    return path


@pytest.mark.parametrize("container", ["mp3", "adts", "mpegts"])
def test_joined_files_of_two_formats_are_read_whole(tmp_path: Path, container: str) -> None:
    sound, _ = read(joined(tmp_path, container, 22_050))
    assert len(sound) / 16_000 == pytest.approx(4.0, abs=0.25)
    assert level_db(sound[40_000:56_000]) == pytest.approx(level_db(sound[8_000:24_000]), abs=1.0)


@pytest.mark.parametrize("codec", ["VORBIS", "OPUS"])
def test_chained_ogg_is_read_whole(tmp_path: Path, codec: str) -> None:
    links = b""
    for rate, channels in ((48_000, 1), (24_000, 2), (16_000, 1)):
        soundfile.write(
            tmp_path / "link.ogg",
            np.stack([speechlike(1.0, rate)] * channels, axis=1),
            rate,
            format="OGG",
            subtype=codec,
        )
        links += (tmp_path / "link.ogg").read_bytes()
    (tmp_path / "a.ogg").write_bytes(links)
    sound, told = read(tmp_path / "a.ogg")
    assert told == []
    assert len(sound) / 16_000 == pytest.approx(3.0, abs=0.05)


def with_times(path: Path, starts: Sequence[float]) -> Path:
    """Half a second of sound at each of these times, seconds."""
    with av.open(str(path), "w", format="matroska") as out:
        stream = out.add_stream("pcm_s16le", rate=16_000, layout="mono")
        for number, start in enumerate(starts):
            samples = (speechlike(0.5, 16_000, number) * 32_000).astype(np.int16)
            frame = av.AudioFrame.from_ndarray(samples[np.newaxis], format="s16", layout="mono")
            frame.sample_rate = 16_000
            for packet in stream.encode(frame):
                packet.pts = packet.dts = round(start / packet.time_base)
                out.mux(packet)
    return path


@pytest.mark.parametrize(
    ("starts", "length_s", "told"),
    [
        ([0.0, 0.5, 1.0], 1.5, ""),
        ([5.0, 5.5, 6.0], 1.5, ""),  # begins late: the sound's own beginning counts
        ([0.0, 0.52, 1.0], 1.5, ""),  # a recorder's jitter
        ([0.0, 0.5, 3.0], 3.5, "2.0 s of 3.5 s is missing"),
        ([0.0, 0.5, 7200.0, 7200.5], 2.0, "leap ahead by 7199 s"),
    ],
)
def test_time_stamps_are_followed_within_reason(
    tmp_path: Path, starts: list[float], length_s: float, told: str
) -> None:
    sound, lines = read(with_times(tmp_path / "a.mka", starts))
    assert len(sound) / 16_000 == pytest.approx(length_s, abs=0.01)
    assert told in " ".join(lines) and bool(told) == bool(lines)


def test_many_leaps_do_not_make_gigabytes(tmp_path: Path) -> None:
    sound, _ = read(with_times(tmp_path / "a.mka", [500.0 * number for number in range(40)]), 8_000)
    assert len(sound) / 8_000 < 3_700


@pytest.mark.parametrize(
    ("scale", "told"),
    [
        (1.0, ""),
        (3.0, ""),  # peak 1.5: a hot master
        (32_768.0, "taken as 16-bit numbers"),
        (2.0**23, "taken as 24-bit numbers"),
        (2.0**31, "taken as 32-bit numbers"),
        (7.0, "turned down to fit"),
        (20.0, "turned down to fit"),
    ],
)
def test_float_samples_of_other_scales(tmp_path: Path, scale: float, told: str) -> None:
    soundfile.write(tmp_path / "a.wav", speechlike(1.0, 16_000) * scale, 16_000, subtype="FLOAT")
    sound, lines = read(tmp_path / "a.wav")
    assert told in " ".join(lines) and bool(told) == bool(lines)
    expected = speechlike(1.0, 16_000)
    expected *= np.abs(sound).max() / np.abs(expected).max()
    np.testing.assert_allclose(sound, expected, atol=0.003)
    assert np.abs(sound).max() > 0.4


def test_a_few_wild_samples_do_not_silence_the_rest(tmp_path: Path) -> None:
    wild = speechlike(1.0, 16_000)
    wild[[10, 5_000]] = np.nan, np.inf
    wild[[7_000, 9_000, 9_001]] = 1e30, 5e4, -900.0
    soundfile.write(tmp_path / "a.wav", wild, 16_000, subtype="DOUBLE")
    sound, told = read(tmp_path / "a.wav")
    assert any("3 of its values are no numbers" in line for line in told)
    assert any("2 samples go beyond full scale" in line for line in told)
    np.testing.assert_allclose(
        sound[:4_000], np.delete(wild, 10)[:0].tolist() + np.nan_to_num(wild[:4_000]).tolist(), atol=1e-4
    )


def test_a_constant_offset_is_taken_away(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", speechlike(2.0, 16_000) + 0.3, 16_000)
    assert abs(read(tmp_path / "a.wav")[0].mean()) < 1e-3


@pytest.mark.parametrize("count", [1, 2, 3, 10])
@pytest.mark.parametrize("rate", [8_000, 16_000, 48_000, 192_000])
def test_a_few_samples_are_a_sound(tmp_path: Path, count: int, rate: int) -> None:
    write_wav(tmp_path / "a.wav", np.full(count, 0.5, np.float32), rate)
    sound, _ = read(tmp_path / "a.wav")
    assert len(sound) <= 2 * count + 1


HEADERS = {
    "RIFX": {"format": "WAV", "subtype": "PCM_16", "endian": "BIG"},
    "float RIFX": {"format": "WAV", "subtype": "FLOAT", "endian": "BIG"},
    "8 bits": {"format": "WAV", "subtype": "PCM_U8"},
    "24 bits": {"format": "WAV", "subtype": "PCM_24"},
    "64-bit float": {"format": "WAV", "subtype": "DOUBLE"},
    "mu-law": {"format": "WAV", "subtype": "ULAW"},
    "ADPCM": {"format": "WAV", "subtype": "MS_ADPCM"},
    "RF64": {"format": "RF64", "subtype": "PCM_16"},
    "W64": {"format": "W64", "subtype": "PCM_16"},
    "AIFF": {"format": "AIFF", "subtype": "PCM_16"},
    "AU": {"format": "AU", "subtype": "PCM_16"},
    "CAF": {"format": "CAF", "subtype": "PCM_16"},
    "24-bit FLAC": {"format": "FLAC", "subtype": "PCM_24"},
}


@pytest.mark.parametrize("kind", HEADERS)
@pytest.mark.parametrize("tagged", [False, True])
def test_containers_of_plain_samples(tmp_path: Path, kind: str, tagged: bool) -> None:
    """Under a wrong name, and with an ID3 tag before them, as some programs write."""
    path = tmp_path / "a.mp3"
    expected = speechlike(1.0, 16_000)
    soundfile.write(path, expected, 16_000, **HEADERS[kind])
    if tagged:
        path.write_bytes(b"ID3\x03\x00\x00\x00\x00\x01\x10" + bytes(144) + path.read_bytes())
    if tagged and kind in ("RF64", "W64"):
        return
    sound, told = read(path)
    assert told == []
    assert abs(len(sound) - 16_000) < 600
    assert level_db(sound) == pytest.approx(level_db(expected), abs=0.3)


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0xFFFFFFF0, 0x7FFFFFFF])
def test_a_wav_whose_writer_did_not_know_its_length(tmp_path: Path, size: int) -> None:
    path = tmp_path / "a.wav"
    write_wav(path, speechlike(1.0, 16_000), 16_000)
    data = bytearray(path.read_bytes())
    at = data.index(b"data")
    data[4:8] = data[at + 4 : at + 8] = struct.pack("<I", size)
    path.write_bytes(data)
    sound, told = read(path)
    assert (len(sound), told) == (16_000, [])


@pytest.mark.parametrize("rate", [0, 1, 10, 2**31 - 1, 2**31])
def test_rates_that_no_sound_has_are_refused_at_once(tmp_path: Path, rate: int) -> None:
    path = tmp_path / "a.wav"
    write_wav(path, speechlike(1.0, 16_000), 16_000)
    data = bytearray(path.read_bytes())
    data[24:28] = struct.pack("<I", rate)
    path.write_bytes(data)
    began = time.monotonic()
    with pytest.raises(InputError):
        read_audio(path, 48_000)
    assert time.monotonic() - began < 5.0


@pytest.mark.parametrize("channels", [7, 33, 255])
def test_many_channels_are_mixed(tmp_path: Path, channels: int) -> None:
    voice = speechlike(0.3, 16_000)
    sound = np.zeros((len(voice), channels), np.float32)
    sound[:, channels // 2] = voice
    soundfile.write(tmp_path / "a.wav", sound, 16_000, subtype="PCM_16")
    assert level_db(read(tmp_path / "a.wav")[0]) == pytest.approx(level_db(voice), abs=0.1)


def test_more_than_three_hours_are_refused_before_they_are_decoded(tmp_path: Path) -> None:
    path = tmp_path / "bomb.flac"
    soundfile.write(path, np.zeros(1_600, np.int16), 16_000)
    data = bytearray(path.read_bytes())
    total = 10 * 3600 * 16_000  # the 36 bits of STREAMINFO that tell the number of samples
    data[21] = (data[21] & 0xF0) | (total >> 32)
    data[22:26] = struct.pack(">I", total & 0xFFFFFFFF)
    path.write_bytes(data + bytes(3_000_000))
    with pytest.raises(InputError, match=r"at most 3 hours of sound, got 10\.0; cut it into parts"):
        read_audio(path, 16_000)


def test_more_than_three_hours_are_refused_while_they_are_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("speech.files.sound_file.LONGEST_H", 1 / 3600)
    write_wav(tmp_path / "a.wav", speechlike(1.2, 16_000), 16_000)
    with pytest.raises(InputError, match="cut it into parts"):
        read_audio(tmp_path / "a.wav", 16_000)


def test_playlists_open_nothing(tmp_path: Path) -> None:
    secret = tmp_path / "secret.wav"
    write_wav(secret, speechlike(1.0, 16_000), 16_000)
    lists = {
        "a.m3u8": f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:{secret}\n#EXT-X-ENDLIST\n",
        "a.wav": "ffconcat version 1.0\nfile secret.wav\n",
        "a.txt": f"# concat\nfile '{secret}'\n",
        "a.mpd": f"<?xml version='1.0'?><MPD><BaseURL>file:{secret}</BaseURL></MPD>",
        "a.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n",
        "b.m3u8": f"\ufeff#EXTM3U\n#EXTINF:1,\n{secret}\n",
    }
    for name, text in lists.items():
        (tmp_path / name).write_text(text)
        with pytest.raises(InputError):
            read_audio(tmp_path / name, 16_000)


def test_what_is_no_sound_is_told_in_one_line(tmp_path: Path) -> None:
    empty, text, silent, folder, pipe, loop, tagged, cover = (
        tmp_path / name
        for name in ("empty.wav", "text.wav", "silent.wav", "folder", "pipe.wav", "loop.wav", "tag.mp3", "cover.png")
    )
    empty.touch()
    text.write_text("I am not a sound")
    soundfile.write(silent, np.zeros(0, np.float32), 16_000)
    folder.mkdir()
    os.mkfifo(pipe)
    loop.symlink_to(loop)
    tagged.write_bytes(b"ID3\x03\x00\x00\x7f\x7f\x7f\x7f" + bytes(100))
    cover.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(200))
    for path, expected in [
        (empty, "empty file"),
        (text, "could not decode"),
        (silent, "holds no samples"),
        (folder, "a folder"),
        (pipe, "a pipe"),
        (loop, "could not open"),
        (Path("/dev/zero"), "a device"),
        (tagged, "expected"),
        (cover, "expected"),
        (tmp_path / "missing.wav", "found nothing"),
    ]:
        with pytest.raises(InputError, match=expected) as failure:
            read_audio(path, 16_000)
        assert "\n" not in str(failure.value) and path.name in str(failure.value)


def test_a_colon_in_a_name_is_no_address(tmp_path: Path) -> None:
    write_wav(tmp_path / "10:30.wav", speechlike(0.2, 16_000), 16_000)
    assert len(read(tmp_path / "10:30.wav")[0]) == 3_200


@pytest.mark.testdata
def test_real_damaged_recordings(test_data: Path) -> None:
    for name, length_s in (("dmg_long.mp3", 9.77), ("trunc_long.aac", 4.95)):
        sound, told = read(test_data / "failing" / name)
        assert len(sound) / 16_000 == pytest.approx(length_s, abs=0.05)
        assert len(told) == 1 and "is missing or could not be decoded, and is silent" in told[0]
