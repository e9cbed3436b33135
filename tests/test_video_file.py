"""The MP4: streams that browsers play, sound and picture aligned to the sample, nothing half-made left behind."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from avatar.clock import SAMPLES_PER_FRAME
from avatar.decoder import FRAME_SIZE, VideoFrame
from avatar.motion import neutral
from avatar.outputs.video_file import VideoFileOutput
from speech.audio import OUTPUT_RATE_HZ
from speech.errors import InputError
from speech.files.sound_file import read_audio

FRAMES, FLASH = 50, 30
CLICK = FLASH * SAMPLES_PER_FRAME + 700


def write(output: VideoFileOutput, frames: int = FRAMES) -> None:
    for index in range(frames):
        image = np.full((FRAME_SIZE, FRAME_SIZE, 3), 250 if index == FLASH else 20, np.uint8)
        sound = np.zeros(SAMPLES_PER_FRAME, np.float32)
        if index == FLASH:
            sound[700] = 0.9
        output.write(VideoFrame(image, index * SAMPLES_PER_FRAME), sound, neutral(1)[0])


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "clip.mp4"
    with VideoFileOutput(path) as output:
        write(output)
        assert not path.exists(), "the name is given when all is done"
    assert [file.name for file in tmp_path.iterdir()] == ["clip.mp4"]
    return path


def test_it_is_what_browsers_play(video: Path) -> None:
    with av.open(str(video)) as container:
        picture, sound = container.streams.video[0], container.streams.audio[0]
        assert (picture.codec_context.name, picture.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert (picture.width, picture.height, float(picture.average_rate)) == (512, 512, 25.0)
        assert (sound.codec_context.name, sound.rate) == ("aac", OUTPUT_RATE_HZ)
        assert picture.frames == FRAMES
    content = video.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat"), "playing can begin before all is loaded"


def test_sound_and_picture_are_aligned_to_the_sample(video: Path) -> None:
    with av.open(str(video)) as container:
        times = [(float(f.time), f.to_ndarray(format="rgb24").mean()) for f in container.decode(video=0)]
    flash_s = max(times, key=lambda pair: pair[1])[0]
    assert times[0][0] == 0.0 and flash_s == pytest.approx(FLASH / 25)
    sound = read_audio(video, OUTPUT_RATE_HZ)
    # AAC smears a click over its window but leaves its peak in place; the encoder's priming must not shift it.
    assert abs(int(np.abs(sound).argmax()) - CLICK) <= 1


def test_colours_come_back(tmp_path: Path) -> None:
    image = np.zeros((FRAME_SIZE, FRAME_SIZE, 3), np.uint8)
    colours = np.array([[220, 30, 30], [30, 200, 60], [40, 60, 210], [231, 190, 160]], np.uint8)
    for index, colour in enumerate(colours):
        image[:, 128 * index : 128 * (index + 1)] = colour
    with VideoFileOutput(tmp_path / "a.mp4") as output:
        for index in range(3):
            output.write(VideoFrame(image, index), np.zeros(SAMPLES_PER_FRAME, np.float32), neutral(1)[0])
    with av.open(str(tmp_path / "a.mp4")) as container:
        stream = container.streams.video[0].codec_context
        assert (stream.colorspace, stream.color_range, stream.color_primaries, stream.color_trc) == (5, 1, 1, 1)
        decoded = next(container.decode(video=0)).reformat(format="rgb24", src_colorspace="ITU601").to_ndarray()
    np.testing.assert_allclose(decoded[256, 64::128].astype(int), colours, atol=6)


def test_a_missing_picture_repeats_the_last_one(tmp_path: Path) -> None:
    bright = VideoFrame(np.full((FRAME_SIZE, FRAME_SIZE, 3), 250, np.uint8), 0)
    with VideoFileOutput(tmp_path / "a.mp4") as output:
        for picture in (bright, None, None):
            output.write(picture, np.zeros(SAMPLES_PER_FRAME, np.float32), neutral(1)[0])
    with av.open(str(tmp_path / "a.mp4")) as container:
        levels = [frame.to_ndarray(format="rgb24").mean() for frame in container.decode(video=0)]
    assert len(levels) == 3 and min(levels) > 240


def test_an_abandoned_video_leaves_nothing_and_spares_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_text("an older video")
    with pytest.raises(ZeroDivisionError), VideoFileOutput(path) as output:
        write(output, 20)
        raise ZeroDivisionError
    assert path.read_text() == "an older video"
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist; create it first"):
        VideoFileOutput(tmp_path / "missing" / "clip.mp4").__enter__()


def test_an_encoder_that_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = VideoFileOutput(tmp_path / "clip.mp4")

    def full(*args: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(output, "_encode", full)
    with pytest.raises(InputError, match="No space left"), output:
        write(output)
    output.__exit__(None, None, None)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("suffix", "decoder", "sound_within"), [(".webm", "libvpx-vp9", 40), (".mov", "prores", 0)])
def test_alpha_survives_where_it_can(tmp_path: Path, suffix: str, decoder: str, sound_within: int) -> None:
    path = tmp_path / f"clip{suffix}"
    image = np.zeros((256, 384, 4), np.uint8)
    image[64:192, 96:288] = (200, 90, 40, 255)
    image[:32] = (10, 10, 200, 128)
    with VideoFileOutput(path) as output:
        for index in range(10):
            sound = np.zeros(SAMPLES_PER_FRAME, np.float32)
            sound[700] = 0.9 if index == 5 else 0.0
            output.write(VideoFrame(image, index * SAMPLES_PER_FRAME), sound, neutral(1)[0])
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        # FFmpeg's own VP9 decoder leaves alpha out.
        context = av.CodecContext.create(decoder, "r") if suffix == ".webm" else stream.codec_context
        frames = [frame for packet in container.demux(stream) for frame in context.decode(packet)]
        assert len(frames) == 10 and (frames[0].width, frames[0].height) == (384, 256)
        shown = frames[-1].to_ndarray(format="rgba").astype(int)
    assert shown[40:60, :80, 3].max() < 12
    assert np.abs(shown[100:150, 120:260] - (200, 90, 40, 255)).mean() < 8
    assert np.abs(shown[8:24, 20:360, 3] - 128).max() < 12
    peak = int(np.abs(read_audio(path, OUTPUT_RATE_HZ)).argmax())
    assert abs(peak - (5 * SAMPLES_PER_FRAME + 700)) <= sound_within
