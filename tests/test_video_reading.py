"""Videos as files are: of oblong pixels, turned, joined, cut, damaged, with clocks that leap and pictures missing."""

from __future__ import annotations

import itertools
import math
import struct
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt
import pytest

from avatar.evaluation.people.tracked_face import track_face
from avatar.geometry.points import KEPT
from avatar.motion import Floats
from avatar.placing.mean_face import mean_face
from avatar.tracking import motion as tracking_motion
from avatar.tracking.frame_converter import LARGEST_SIDE
from avatar.tracking.motion import MotionReader
from avatar.tracking.timeline import LONGEST_PAUSE_S, SoundIntervals, Timeline
from avatar.tracking.track import track_video
from avatar.tracking.video import TimedFrame, has_sound, read_frames
from speech.errors import InputError

Image = npt.NDArray[np.uint8]
WIDTH, HEIGHT = 96, 64
RATE = 25
SOUND_HZ = 16_000
QUARTERS = np.array([[[250, 0, 0], [0, 250, 0]], [[0, 0, 250], [250, 250, 250]]], np.uint8)


def corners(width: int = WIDTH, height: int = HEIGHT) -> Image:
    """Red, green over blue, white."""
    return np.asarray(QUARTERS.repeat(height // 2, axis=0).repeat(width // 2, axis=1), np.uint8)


def grey(value: float, width: int = WIDTH, height: int = HEIGHT) -> Image:
    return np.full((height, width, 3), value, np.uint8)


def write(
    path: Path,
    images: Sequence[Image],
    *,
    times: Sequence[float] | None = None,
    sound_s: float = 0.0,
    offset_s: float = 0.0,
    codec: str = "libx264",
    prepare: Callable[[av.VideoStream], None] = lambda stream: None,
    key_every: int = 5,
    movflags: str = "",
) -> Path:
    """Writes a video, and as much sound; all of it so much later."""
    with av.open(str(path), "w", options={"movflags": movflags} if movflags else {}) as container:
        stream = container.add_stream(codec, rate=RATE)
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.gop_size = key_every
        stream.options = {"crf": "10", "preset": "ultrafast", "threads": "1"} if codec == "libx264" else {}
        stream.codec_context.time_base = Fraction(1, 1000) if codec == "libx264" else Fraction(1, RATE)
        prepare(stream)
        sound = container.add_stream("aac", rate=SOUND_HZ, layout="mono") if sound_s else None
        packets = []
        for number, image in enumerate(images):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.time_base = Fraction(1, 1000)
            frame.pts = round(((times[number] if times else number / RATE) + offset_s) * 1000)
            packets += stream.encode(frame)
        packets += stream.encode(None)
        if sound is not None:
            for start in range(0, int(sound_s * SOUND_HZ), 1024):
                tone = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
                tone.sample_rate, tone.pts = SOUND_HZ, start + round(offset_s * SOUND_HZ)
                tone.time_base = Fraction(1, SOUND_HZ)
                packets += sound.encode(tone)
            packets += sound.encode(None)
        for packet in sorted(packets, key=lambda packet: packet.dts * packet.time_base):
            container.mux(packet)
    return path


def read(path: Path) -> tuple[list[TimedFrame], list[str]]:
    notices: list[str] = []
    return list(read_frames(path, notices.append)), notices


def is_like(image: Image, expected: Image) -> bool:
    """Compared away from the edges, which coding smears."""
    if image.shape != expected.shape:
        return False
    height, width = image.shape[:2]
    at = np.ix_([height // 4, 3 * height // 4], [width // 4, 3 * width // 4])
    return bool(np.abs(image[at].astype(int) - expected[at].astype(int)).max() < 30)


# What a picture shows


@pytest.mark.parametrize(
    ("ratio", "size"), [(Fraction(2), (192, 64)), (Fraction(2, 3), (96, 96)), (Fraction(9), (96, 64))]
)
def test_oblong_pixels_are_made_square(tmp_path: Path, ratio: Fraction, size: tuple[int, int]) -> None:
    def oblong(stream: av.VideoStream) -> None:
        stream.codec_context.sample_aspect_ratio = ratio

    found, _ = read(write(tmp_path / "a.mp4", [corners()] * 3, prepare=oblong))
    assert is_like(found[0].image, corners(*size))


DIHEDRAL = [
    (a, b, c, d)
    for a, b, c, d in itertools.product((-1, 0, 1), repeat=4)
    if abs(a * d - b * c) == 1 and abs(a) + abs(b) == 1 == abs(c) + abs(d)
]


@pytest.mark.parametrize("matrix", DIHEDRAL)
def test_a_picture_is_turned_and_mirrored_as_its_file_says(tmp_path: Path, matrix: tuple[int, int, int, int]) -> None:
    a, b, c, d = matrix

    def turn(stream: av.VideoStream) -> None:
        stream.set_display_matrix([a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30])

    found, _ = read(write(tmp_path / "a.mp4", [corners()] * 3, prepare=turn))
    # A point right of and below the middle is shown at (x, y) = (a + c, b + d), by ISO 14496-12.
    shown = np.zeros_like(QUARTERS)
    for right, down in itertools.product((-1, 1), repeat=2):
        x, y = a * right + c * down, b * right + d * down
        shown[(y + 1) // 2, (x + 1) // 2] = QUARTERS[(down + 1) // 2, (right + 1) // 2]
    size = (WIDTH, HEIGHT) if a else (HEIGHT, WIDTH)
    assert is_like(found[0].image, shown.repeat(size[1] // 2, axis=0).repeat(size[0] // 2, axis=1))


def test_a_picture_turned_by_any_angle_is_whole(tmp_path: Path) -> None:
    cos, sin = round(65536 * math.cos(0.5)), round(65536 * math.sin(0.5))

    def turn(stream: av.VideoStream) -> None:
        stream.set_display_matrix([cos, sin, 0, -sin, cos, 0, 0, 0, 1 << 30])

    image = read(write(tmp_path / "a.mp4", [grey(200)] * 3, prepare=turn))[0][0].image
    width, height = (WIDTH * cos + HEIGHT * sin) / 65536, (WIDTH * sin + HEIGHT * cos) / 65536
    assert abs(image.shape[1] - width) < 2 and abs(image.shape[0] - height) < 2
    assert (image[:, :, 0] > 150).sum() == pytest.approx(WIDTH * HEIGHT, rel=0.05)


def test_what_a_codec_crops_is_not_shown(tmp_path: Path) -> None:
    image = grey(40)
    image[:, :10] = image[:, -6:] = 250

    def crop(stream: av.VideoStream) -> None:
        stream.options = stream.options | {"x264-params": "crop-rect=10,0,6,0"}

    found, _ = read(write(tmp_path / "a.mp4", [image] * 3, prepare=crop))
    assert found[0].image.shape == (HEIGHT, WIDTH - 16, 3) and found[0].image.mean() < 60


def test_of_interlaced_pictures_one_field_is_seen(tmp_path: Path) -> None:
    image = grey(0)
    image[::2, :48] = image[1::2, 48:] = 220  # what moved between the fields

    def interlaced(stream: av.VideoStream) -> None:
        stream.options = stream.options | {"x264-params": "tff=1"}
        stream.pix_fmt = "yuv444p"

    found, _ = read(write(tmp_path / "a.mp4", [image] * 3, prepare=interlaced))
    assert found[0].image.shape == image.shape
    assert found[0].image[:, 4:44].min() > 180 and found[0].image[:, 52:92].max() < 40


def test_hdr_is_brought_to_the_range_of_a_usual_picture(tmp_path: Path) -> None:
    # White at 203 nits, and a tenth of its light, as SMPTE ST 2084 codes them.
    light = np.array([203.0, 20.3]) / 10_000.0
    power = light ** (2610 / 16384)
    coded = ((0.8359375 + 18.8515625 * power) / (1.0 + 18.6875 * power)) ** (2523 / 32)
    image = grey(255.0 * coded[0])
    image[:, 48:] = 255.0 * coded[1]

    def hdr(stream: av.VideoStream) -> None:
        stream.codec_context.color_trc = 16
        stream.codec_context.color_primaries = 9

    found, _ = read(write(tmp_path / "a.mp4", [image] * 3, prepare=hdr))
    white, dark = found[0].image[:, 10:40].mean(), found[0].image[:, 60:90].mean()
    assert white > 235 and dark == pytest.approx(255.0 * 0.1 ** (1 / 2.2), abs=6)


def test_a_picture_larger_than_needed_is_made_smaller(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", [grey(90, 4608, 64)], codec="mpeg4")
    assert read(path)[0][0].image.shape == (round(64 * LARGEST_SIDE / 4608), LARGEST_SIDE, 3)


def test_pictures_too_small_or_too_large_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="at least 16 pixels a side, got 8 x 8"):
        read(write(tmp_path / "small.avi", [grey(90, 8, 8)] * 3, codec="mpeg4"))
    # A VP8 key frame that claims the largest size there is, in an IVF file.
    picture = b"\x10\x02\x00\x9d\x01\x2a" + struct.pack("<HH", 16383, 16383) + bytes(200)
    header = b"DKIF" + struct.pack("<HH4sHHIIII", 0, 32, b"VP80", 16383, 16383, RATE, 1, 1, 0)
    path = tmp_path / "large.ivf"
    path.write_bytes(header + struct.pack("<IQ", len(picture), 0) + picture)
    with pytest.raises(InputError, match="at most 67 megapixels, got 16383 x 16383"):
        read(path)


def test_a_stream_that_changes_its_resolution_goes_on_in_the_first(tmp_path: Path) -> None:
    small = write(tmp_path / "small.ts", [corners()] * 25, sound_s=1.0)
    large = write(tmp_path / "large.ts", [corners(192, 128)] * 25, sound_s=1.0)
    other = write(tmp_path / "other.ts", [corners(64, 64)] * 25, sound_s=1.0)
    joined = tmp_path / "joined.ts"
    joined.write_bytes(b"".join(path.read_bytes() for path in (small, large, other)))
    found, _ = read(joined)
    assert [picture.image.shape for picture in found] == [(64, 96, 3)] * 50 + [(64, 64, 3)] * 25
    assert is_like(found[35].image, corners())


def test_the_cover_of_a_song_is_no_video(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mkv", [grey(90)], sound_s=1.0)
    with av.open(str(path)) as song, av.open(str(tmp_path / "b.mp4"), "w") as container:
        cover = container.add_stream("png", rate=RATE)
        cover.width, cover.height, cover.pix_fmt = WIDTH, HEIGHT, "rgb24"
        cover.disposition = av.stream.Disposition.attached_pic
        sound = container.add_stream_from_template(song.streams.audio[0])
        container.mux(cover.encode(av.VideoFrame.from_ndarray(grey(90), format="rgb24")))
        for packet in song.demux(song.streams.audio[0]):
            if packet.dts is not None:
                packet.stream = sound
                container.mux(packet)
    with pytest.raises(InputError, match="found no moving picture"):
        read(tmp_path / "b.mp4")


# When it is seen


def test_the_second_of_two_joined_recordings_follows_the_first(tmp_path: Path) -> None:
    parts = [write(tmp_path / f"{i}.ts", [grey(60 + 60 * i)] * 25, sound_s=1.0) for i in range(2)]
    joined = tmp_path / "joined.ts"
    joined.write_bytes(b"".join(path.read_bytes() for path in parts))
    found, notices = read(joined)
    assert has_sound(joined)
    assert len(found) == 50 and [round(p.image.mean() / 60) for p in found] == [1] * 25 + [2] * 25
    np.testing.assert_allclose(np.diff([p.time_s for p in found]), 0.04, atol=0.011)
    assert notices == ["its clock leaps once (joined recordings?): what follows is put right behind"]


def test_a_clock_that_leaps_two_hours_makes_no_hours(tmp_path: Path) -> None:
    first = write(tmp_path / "0.ts", [grey(60)] * 25, sound_s=1.0)
    second = write(tmp_path / "1.ts", [grey(120)] * 25, sound_s=1.0, offset_s=7200.0)
    joined = tmp_path / "joined.ts"
    joined.write_bytes(first.read_bytes() + second.read_bytes())
    found, notices = read(joined)
    assert len(found) == 50 and found[-1].time_s < 2.2 and "clock leaps once" in notices[0]


def test_a_pause_in_the_pictures_stays(tmp_path: Path) -> None:
    times = [*(i / RATE for i in range(75)), *(7.0 + i / RATE for i in range(25))]
    for name, sound_s in (("sound.mkv", 8.0), ("silent.mkv", 0.0), ("ended.mkv", 0.5)):
        found, notices = read(write(tmp_path / name, [grey(90)] * 100, times=times, sound_s=sound_s))
        assert found[75].time_s == pytest.approx(7.02, abs=0.07), name
        assert [p.follows for p in found].index(False) == 75 and sum(p.follows for p in found) == 99
        assert notices == ["4.0 s without new pictures: nothing is known of the face there"]


class TestTimeline:
    def placed(self, stamps: Sequence[float | None], sound: SoundIntervals | None = None) -> list[float | None]:
        timeline = Timeline(0.04, sound)
        return [timeline.place(stamp) for stamp in stamps]

    def test_without_time_stamps_pictures_come_at_the_stated_rate(self) -> None:
        assert self.placed([None, None, None]) == pytest.approx([0.0, 0.04, 0.08])

    def test_a_file_may_stand_still_but_not_for_hours(self) -> None:
        assert self.placed([0.0, 200.0, 200.04]) == pytest.approx([0.0, 200.0, 200.04])
        assert self.placed([0.0, LONGEST_PAUSE_S + 1.0, LONGEST_PAUSE_S + 1.04]) == pytest.approx([0.0, 0.04, 0.08])

    def test_sound_tells_a_long_pause_from_a_clock_that_leapt(self) -> None:
        runs_on, leaps = SoundIntervals(), SoundIntervals()
        for start in np.arange(0.0, 1000.0, 0.4):
            runs_on.add(start, start + 0.4)
        for start in np.arange(0.0, 1.0, 0.02):
            leaps.add(start, start + 0.02)
            leaps.add(900.0 + start, 900.0 + start + 0.02)
        assert self.placed([0.9, 900.1], runs_on) == pytest.approx([0.9, 900.1])
        assert self.placed([0.9, 900.1], leaps) == pytest.approx([0.9, 0.94])

    def test_what_is_out_of_order_by_little_is_left_out(self) -> None:
        assert self.placed([1.0, 1.04, 1.02, 1.041, 1.08]) == [1.0, 1.04, None, None, 1.08]

    @pytest.mark.parametrize("wild", [1e18, -1e18, 4e9])
    def test_wild_stamps_do_not_move_the_rest(self, wild: float) -> None:
        placed = self.placed([0.0, wild, 0.08, 0.12])
        assert placed[0] == 0.0 and all(now is not None and now < 0.2 for now in placed)


# What is damaged


def damaged(path: Path, at: float, size: int = 600) -> Path:
    data = bytearray(path.read_bytes())
    start = int(len(data) * at)
    data[start : start + size] = np.random.default_rng(0).integers(0, 256, size, np.uint8).tobytes()
    path.write_bytes(data)
    return path


def noise(count: int) -> list[Image]:
    random = np.random.default_rng(1)
    return [random.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8) for _ in range(count)]


def broken_packets(path: Path, whole: Path, numbers: Sequence[int]) -> Path:
    """The same video with some packets of MPEG-4 that no decoder takes."""
    with av.open(str(whole)) as source, av.open(str(path), "w") as container:
        stream = container.add_stream_from_template(source.streams.video[0])
        for number, packet in enumerate(source.demux(source.streams.video[0])):
            if packet.dts is None:
                continue
            if number in numbers:
                made = av.Packet(b"\x00\x00\x01\xb6" + b"\xff" * 8)
                made.pts, made.dts, made.time_base = packet.pts, packet.dts, packet.time_base
                packet = made
            packet.stream = stream
            container.mux(packet)
    return path


def test_packets_that_do_not_decode_cost_their_own_pictures(tmp_path: Path) -> None:
    whole = write(tmp_path / "whole.mkv", [grey(5 * i) for i in range(50)], codec="mjpeg", prepare=jpeg)
    path = broken_packets(tmp_path / "broken.mkv", whole, range(20, 24))
    found, notices = read(path)
    assert len(found) == 46 and [p.follows for p in found].index(False) == 20
    assert found[20].time_s == pytest.approx(24.5 / RATE, abs=0.01)
    assert notices == ["damaged: about 0.2 s of its pictures could not be decoded, and are left out"]


def jpeg(stream: av.VideoStream) -> None:
    stream.pix_fmt = "yuvj420p"


@pytest.mark.parametrize("name", ["a.mp4", "a.ts", "a.mkv", "a.avi", "a.mpg"])
def test_damage_anywhere_leaves_the_rest(tmp_path: Path, name: str) -> None:
    codec = "mpeg1video" if name == "a.mpg" else "libx264"
    path = damaged(write(tmp_path / name, noise(50), codec=codec, sound_s=0.0 if name == "a.mpg" else 2.0), 0.5)
    found, _ = read(path)
    assert 30 <= len(found) <= 50 and found[-1].time_s > 1.8


def test_a_file_that_was_cut_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", noise(100), codec="mpeg4", movflags="faststart")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    found, notices = read(path)
    assert 30 < len(found) < 60 and any("before the time that it states" in notice for notice in notices)


def test_a_fragment_that_was_cut_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    """All of the fragment's pictures stand before all of its sound, of which nothing is left."""
    path = write(tmp_path / "a.mp4", noise(75), sound_s=3.0, movflags="frag_keyframe+empty_moov", key_every=100)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    found, _ = read(path)
    assert 30 < len(found) < 60


def test_a_recording_that_was_never_finished_is_said_to_be_so(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", noise(10))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InputError, match=r"table of contents \(moov\) is missing: it was cut off"):
        read(path)


def test_a_file_of_which_nothing_decodes_is_refused(tmp_path: Path) -> None:
    whole = write(tmp_path / "whole.mkv", [grey(90)] * 10, codec="mjpeg", prepare=jpeg)
    with pytest.raises(InputError, match=r"none of its pictures can be decoded|could not decode it"):
        read(broken_packets(tmp_path / "broken.mkv", whole, range(10)))


# What the tracker makes of it


class SeesTheMeanFace:
    """A face in every picture that is not black, at a place that its brightness gives."""

    most_faces = 1

    def __enter__(self) -> SeesTheMeanFace:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __call__(self, image: Image) -> Floats | None:
        if image.mean() < 20:
            return None
        points = mean_face() * 100.0 + [300.0 + 0.1 * float(image.mean()), 300.0, 0.0]
        return np.asarray(points, np.float32)


@pytest.fixture
def sees(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("avatar.tracking.track.FaceTracker", SeesTheMeanFace)
    monkeypatch.setattr("avatar.tracking.faces.FaceTracker", SeesTheMeanFace)


@pytest.mark.usefixtures("sees")
def test_nothing_is_trusted_where_there_are_no_pictures(tmp_path: Path) -> None:
    times = [*(i / RATE for i in range(30)), *(4.0 + i / RATE for i in range(30))]
    path = write(tmp_path / "pause.mp4", [grey(90)] * 60, times=times)
    found = track_video(path)
    assert found.shots == ((0, 30), (100, 130)) and len(found.values) == 130
    assert (found.confidence[30:100] == 0.0).all() and found.confidence[2:28].min() > 0.5
    assert "2.8 s without new pictures: nothing is known of the face there" in found.notices
    with pytest.raises(InputError, match=r"2\.8 s are without pictures"):
        track_face(path)


@pytest.mark.usefixtures("sees")
def test_where_pictures_are_lost_there_is_no_confidence_and_the_shot_goes_on(tmp_path: Path) -> None:
    whole = write(tmp_path / "whole.mkv", [grey(90)] * 80, codec="mjpeg", prepare=jpeg)
    found = track_video(broken_packets(tmp_path / "broken.mkv", whole, range(40, 46)))
    assert found.shots == ((0, 80),)
    assert (found.confidence[40:46] == 0.0).all() and np.delete(found.confidence, range(40, 46)).min() > 0.5
    assert np.abs(found.values[40:46] - found.values[39]).max() < 1e-3
    assert track_face(tmp_path / "whole.mkv").gap.shape == (80,)


@pytest.mark.usefixtures("sees")
def test_all_of_joined_recordings_is_tracked(tmp_path: Path) -> None:
    parts = [write(tmp_path / f"{i}.ts", [grey(90 + i)] * 30, sound_s=1.2) for i in range(2)]
    joined = tmp_path / "joined.ts"
    joined.write_bytes(b"".join(path.read_bytes() for path in parts))
    found = track_video(joined)
    assert abs(len(found.values) - 60) <= 2 and found.confidence[2:].min() > 0.5
    assert "clock leaps once" in found.notices[0]


def test_a_very_long_shot_is_cut_in_pieces_of_known_size(monkeypatch: pytest.MonkeyPatch) -> None:
    faces = np.repeat((mean_face()[list(KEPT)] * 100.0 + 300.0).astype(np.float32)[None], 350, axis=0)
    faces[:, :, 0] += np.linspace(0.0, 20.0, 350, dtype=np.float32)[:, None]
    reader = MotionReader()
    for face in faces:
        reader.add(face)
    whole = reader.motion()
    monkeypatch.setattr(tracking_motion, "_LONGEST_SHOT", 100)
    reader = MotionReader()
    for face in faces:
        reader.add(face)
        assert len(reader._rows) < 200
    found = reader.motion()
    assert whole.shots == ((0, 350),) and found.shots == ((0, 100), (100, 200), (200, 350))
    assert len(found.values) == 350 and found.confidence.min() > 0.5


def test_a_tracker_forgets_its_window_when_the_pictures_change_their_size(monkeypatch: pytest.MonkeyPatch) -> None:
    from avatar.tracking.faces import FaceTracker

    class NoMesh:
        def process(self, image: Image) -> object:
            assert image.size
            return type("Found", (), {"multi_face_landmarks": None})

    tracker = FaceTracker()
    tracker._mesh, tracker._since_search = NoMesh(), 0
    tracker(cv2.resize(corners(), (640, 480)))
    tracker._window = np.array([500, 300, 600, 400])
    assert tracker(corners()) is None
