"""The tracker: commanded motion that is drawn and tracked comes back, and what can't be tracked is said."""

from __future__ import annotations

import csv
import struct
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt
import pytest

from agent.__main__ import main
from avatar.geometry.points import KEPT
from avatar.geometry.pose import estimate_poses
from avatar.mesh.decoder import MeshDecoder
from avatar.motion import Floats, MotionLayout, neutral, read_motion_csv
from avatar.portrait.portrait import Portrait, load_portrait
from avatar.tracking.expression import bounded_least_squares
from avatar.tracking.faces import FaceTracker
from avatar.tracking.motion import MotionReader
from avatar.tracking.smoothing import interpolate_gaps, runs, savitzky_golay
from avatar.tracking.track import TrackedMotion, track_video
from avatar.tracking.video import read_frames
from speech.errors import InputError

ASSETS = Path(__file__).resolve().parent.parent / "avatar" / "assets" / "portraits"
INDEX = MotionLayout.INDEX

# What is commanded in the drawn video: name → amplitude; one after the other, each over PART frames.
PARTS = {
    "headYaw": 0.22, "headPitch": 0.14, "headRoll": 0.15, "headX": 0.12, "jawOpen": 0.5, "mouthSmile": 0.7,
    "mouthPucker": 0.7, "browOuterUp": 0.8, "eyeBlink": 1.0, "gazeYaw": 0.3,
}  # fmt: skip
PART = 20
AWAY = 8  # frames without a face at the end, before the last of them all


def write_video(
    path: Path, images: list[npt.NDArray[np.uint8]], times: list[Fraction] | None = None, rate: int = 25
) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate)
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": "12", "preset": "ultrafast", "threads": "1"}
        stream.codec_context.time_base = Fraction(1, 1000)
        for number, image in enumerate(images):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.time_base = Fraction(1, 1000)
            frame.pts = int((times[number] if times else Fraction(number, rate)) * 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def flat(size: tuple[int, int], value: int) -> npt.NDArray[np.uint8]:
    return np.full((*size, 3), value, np.uint8)


def commanded() -> Floats:
    values = neutral(PART * (len(PARTS) + 1))
    wave = np.sin(2.0 * np.pi * np.arange(PART) / PART)
    for number, (name, size) in enumerate(PARTS.items(), start=1):
        at = slice(number * PART, (number + 1) * PART)
        for column in (name, name + "Left", name + "Right"):
            if column in INDEX:
                signed = INDEX[column] < MotionLayout.FACE.start
                values[at, INDEX[column]] = size * (wave if signed else np.sin(np.pi * np.arange(PART) / PART))
    return values


@pytest.fixture(scope="module")
def portrait(portrait_cache: Path) -> Portrait:
    return load_portrait(ASSETS / "mira.png", cache_dir=portrait_cache)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory, portrait: Portrait) -> Path:
    """A drawn person who does what is commanded, then is away, then is back for one frame."""
    decoder = MeshDecoder(portrait)
    images = [decoder.decode(row) for row in commanded()]
    images += [flat(images[0].shape[:2], 90)] * AWAY + [images[-1]]
    path = tmp_path_factory.mktemp("video") / "drawn.mp4"
    write_video(path, images)
    return path


@pytest.fixture(scope="module")
def tracked(drawn: Path) -> TrackedMotion:
    shares: list[float] = []
    found = track_video(drawn, progress=shares.append)
    assert shares == sorted(shares) and shares[-1] == 1.0
    return found


@pytest.mark.parametrize("name", PARTS)
def test_what_is_commanded_and_drawn_comes_back(tracked: TrackedMotion, name: str) -> None:
    number = list(PARTS).index(name) + 1
    at = slice(number * PART, (number + 1) * PART)
    for column in (INDEX[full] for full in (name, name + "Left", name + "Right") if full in INDEX):
        asked, found = commanded()[at, column], tracked.values[at, column]
        assert np.corrcoef(asked, found)[0, 1] > (0.9 if name == "eyeBlink" else 0.95)
        assert 0.6 < np.polyfit(asked, found, 1)[0] < 1.4


def test_one_movement_is_not_taken_for_another(tracked: TrackedMotion) -> None:
    def part(name: str) -> Floats:
        number = list(PARTS).index(name) + 1
        return tracked.values[number * PART : (number + 1) * PART]

    def reach(name: str, column: str) -> float:
        return float(np.ptp(part(name)[:, INDEX[column]]))

    assert reach("headRoll", "headYaw") < 0.06 and reach("headX", "headYaw") < 0.05
    assert reach("mouthSmile", "headPitch") < 0.05 and reach("gazeYaw", "headYaw") < 0.05
    for name in ("headYaw", "headRoll", "headX", "gazeYaw", "browOuterUp"):
        assert np.abs(part(name)[:, INDEX["jawOpen"]] - part(name)[:, INDEX["mouthClose"]]).max() < 0.12
    assert part("mouthPucker")[:, INDEX["mouthSmileLeft"]].max() < 0.15
    assert np.abs(tracked.values[:PART, MotionLayout.ROTATION]).max() < 0.03


def test_the_opening_of_the_mouth_is_the_distance_of_the_lips(tracked: TrackedMotion) -> None:
    opening = tracked.values[:, INDEX["jawOpen"]] - tracked.values[:, INDEX["mouthClose"]]
    known = tracked.confidence > 0
    assert np.corrcoef(opening[known], tracked.gap[known])[0, 1] > 0.95


def test_without_a_face_there_is_no_confidence_and_a_straight_line(tracked: TrackedMotion) -> None:
    frames = len(commanded())
    assert len(tracked.values) == len(tracked.confidence) == frames + AWAY + 1
    assert tracked.confidence[: frames - 1].min() > 0.5
    assert (tracked.confidence[frames : frames + AWAY] == 0.0).all()
    away = tracked.values[frames : frames + AWAY]
    np.testing.assert_allclose(np.diff(away, 2, axis=0), 0.0, atol=1e-5)
    assert np.isfinite(tracked.values).all()


def test_the_command_writes_curves_that_render_reads(
    drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tracked: TrackedMotion
) -> None:
    monkeypatch.setattr("avatar.tracking.track.track_video", lambda path, progress: tracked)
    output, trust = tmp_path / "curves.csv", tmp_path / "trust.csv"
    arguments = ["visavis", "track", str(drawn), "-o", str(output), "--confidence", str(trust), "-q"]
    monkeypatch.setattr("sys.argv", arguments)
    with pytest.raises(SystemExit) as status:
        main()
    assert not status.value.code
    values = read_motion_csv(output)
    np.testing.assert_array_equal(values[:, list(MotionLayout.SAMPLED)], tracked.values[:, list(MotionLayout.SAMPLED)])
    assert values[:, INDEX["eyeLookOutLeft"]].max() > 0.2
    rows = list(csv.DictReader(trust.read_text().splitlines()))
    assert [float(row["confidence"]) for row in rows] == pytest.approx(tracked.confidence.tolist(), abs=1e-3)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["curves.csv", "trust.csv"]


def test_what_cannot_be_tracked_is_said(tmp_path: Path) -> None:
    empty, short, text = tmp_path / "empty.mp4", tmp_path / "short.mp4", tmp_path / "text.mp4"
    write_video(empty, [flat((96, 128), 90)] * 30)
    write_video(short, [flat((96, 128), 90)] * 10)
    text.write_text("no video")
    for path, told in (
        (empty, "found no face"),
        (short, "at least 1 s, got 0.4"),
        (text, "expected a video"),
        (tmp_path / "none.mp4", "found nothing"),
    ):
        with pytest.raises(InputError, match=told) as error:
            track_video(path)
        assert "\n" not in str(error.value)


def test_pictures_come_at_the_times_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "uneven.mp4"
    times = [Fraction(ms, 1000) for ms in (0, 40, 120, 160, 165, 500)]
    write_video(path, [flat((32, 48), 40 * i) for i in range(6)], times)
    found = list(read_frames(path))
    # The picture that follows another after 5 ms is left out; the middle of what stands long is near its beginning.
    assert [round(float(p.image.mean()) / 40.0) for p in found] == [0, 1, 2, 3, 5]
    assert [p.time_s for p in found[:3]] == pytest.approx([0.02, 0.08, 0.14], abs=2e-3)
    assert found[3].time_s == pytest.approx(0.26, abs=2e-3)
    assert [p.share for p in found] == sorted(p.share for p in found) and found[-1].share == 1.0


def test_a_video_that_says_it_lies_on_its_side_is_put_upright(tmp_path: Path) -> None:
    path = tmp_path / "side.mp4"
    image = flat((32, 64), 20)
    image[:, :16] = 220  # the left end is light
    write_video(path, [image] * 3)
    data = bytearray(path.read_bytes())
    # The track header's matrix: turned by a quarter, clockwise (ISO 14496-12, 8.3.2).
    at = data.index(b"tkhd") + 4 + 4 + 20 + 8 + 8
    data[at : at + 36] = struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, 32 << 16, 0, 1 << 30)
    path.write_bytes(data)
    turned = next(read_frames(path)).image
    assert turned.shape == (64, 32, 3)
    assert turned[:10].mean() > 180 and turned[-30:].mean() < 60  # its left end is on top


def test_the_largest_face_is_followed_and_a_small_one_found(portrait: Portrait) -> None:
    small = cv2.resize(portrait.image, (360, 360), interpolation=cv2.INTER_AREA)
    both = flat((512, 880), 128)
    both[:, :512], both[100:460, 516:876] = portrait.image, small
    with FaceTracker() as tracker:
        face = tracker(both)
    assert face is not None and tracker.most_faces == 2
    assert np.linalg.norm(face[:, :2] - portrait.landmarks[:, :2], axis=1).mean() < 6.0
    wide = flat((720, 1280), 128)
    tiny = cv2.resize(portrait.image, (150, 150), interpolation=cv2.INTER_AREA)
    wide[500:650, 1000:1150] = tiny
    with FaceTracker() as tracker:
        face = tracker(wide)
    assert face is not None
    expected = portrait.landmarks[:, :2] * (150.0 / 512.0) + [1000, 500]
    assert np.linalg.norm(face[:, :2] - expected, axis=1).mean() < 3.0


def turned(points: Floats, pitch: float, yaw: float, roll: float) -> npt.NDArray[np.float64]:
    nod = cv2.Rodrigues(np.array([-pitch, 0.0, 0.0]))[0]
    swing = cv2.Rodrigues(np.array([0.0, -yaw, 0.0]))[0]
    tilt = cv2.Rodrigues(np.array([0.0, 0.0, roll]))[0]
    return np.asarray(points @ (tilt @ swing @ nod).T)


def test_angles_of_a_solid_head_are_exact(portrait: Portrait) -> None:
    random = np.random.default_rng(0)
    solid = portrait.landmarks - portrait.landmarks.mean(axis=0)
    asked = random.uniform(-0.25, 0.25, (40, 3))
    asked[:30] = 0.0  # the usual pose
    sizes = np.where(np.arange(40) < 30, 1.0, random.uniform(0.8, 1.25, 40))
    seen = np.stack([turned(solid, *angles) * size for angles, size in zip(asked, sizes, strict=True)])
    found = estimate_poses((seen[:, list(KEPT)] + 300.0).astype(np.float32), np.ones(40, bool))
    np.testing.assert_allclose(found.head[:, :3], asked, atol=2e-3)
    np.testing.assert_allclose(found.head[:, 5], 1.0 / sizes, rtol=2e-3)
    # Turned back, all are the same face.
    assert np.ptp(found.frontal, axis=0).max() < 2e-3 and found.residual.max() < 2e-3


def test_shots_have_their_own_usual_pose(portrait: Portrait) -> None:
    solid = portrait.landmarks - portrait.landmarks.mean(axis=0)
    first, second = turned(solid, 0.0, 0.2, 0.0) + 200.0, turned(solid, 0.0, -0.2, 0.0) * 1.5 + 500.0
    seen = np.stack([first] * 30 + [second] * 30 + [first] * 5)[:, list(KEPT)].astype(np.float32)
    reader = MotionReader()
    for face in seen:
        reader.add(face)
    found = reader.motion()
    assert found.shots == ((0, 30), (30, 60))
    assert np.abs(found.values[:60, :5]).max() < 0.01
    assert (found.confidence[60:] == 0.0).all() and found.confidence[5:25].min() > 0.9


def test_bounded_least_squares_cannot_be_improved() -> None:
    random = np.random.default_rng(1)
    matrix, targets, ridge = random.normal(size=(30, 6)), random.normal(size=(20, 30)) * 3.0, np.full(6, 0.1)
    x = bounded_least_squares(matrix, targets, ridge)
    slope = (x @ matrix.T - targets) @ matrix + ridge * x
    assert (x >= 0.0).all() and (x <= 1.0).all() and (x == 0.0).any() and (x == 1.0).any()
    inside = (x > 1e-9) & (x < 1.0 - 1e-9)
    assert inside.any() and np.abs(slope[inside]).max() < 1e-4
    assert slope[x == 0.0].min() > -1e-4 and slope[x == 1.0].max() < 1e-4


def test_curves_are_steadied_and_bridged() -> None:
    frames = np.arange(40.0)
    parabola = 0.1 * frames**2 - 3.0 * frames
    np.testing.assert_allclose(savitzky_golay(parabola, 4)[4:-4], parabola[4:-4], atol=1e-9)
    noise = np.random.default_rng(2).normal(size=4000)
    assert savitzky_golay(noise, 4).std() < 0.6 * noise.std()
    good = np.ones(40, bool)
    good[10:15] = good[38:] = False
    line = np.where(good, frames, -99.0)
    np.testing.assert_allclose(interpolate_gaps(line, good)[:38], frames[:38])
    assert interpolate_gaps(line, good)[39] == 37.0
    assert runs(good) == [(0, 10), (15, 38)]


SPEAKER_S = 10.0


@pytest.mark.testdata
def test_real_speakers(test_data: Path, tmp_path: Path) -> None:
    for path in sorted((test_data / "video").glob("*.m*"))[::2]:  # five people of three sources
        found = track_video(beginning(path, tmp_path / f"{path.stem}.mkv"))
        opening = found.values[:, INDEX["jawOpen"]] - found.values[:, INDEX["mouthClose"]]
        assert np.corrcoef(opening, found.gap)[0, 1] > 0.9, path.name
        assert found.confidence.mean() > 0.95
        assert found.values[:, MotionLayout.ROTATION].std() < 0.15


def beginning(path: Path, copy: Path) -> Path:
    """The first seconds of a video, its pictures as they are: enough to see whether a mouth is followed."""
    with av.open(path) as source, av.open(copy, "w") as target:
        given = source.streams.video[0]
        kept = target.add_stream_from_template(given)
        for packet in source.demux(given):
            if packet.dts is None or packet.dts * given.time_base > SPEAKER_S:
                break
            packet.stream = kept
            target.mux(packet)
    return copy
