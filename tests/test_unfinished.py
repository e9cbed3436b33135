"""Live recordings: they can be played wherever they end, and become ordinary files when they end well."""

from __future__ import annotations

import errno
import re
import threading
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avatar.clock import SAMPLES_PER_FRAME
from avatar.decoder import VideoFrame
from avatar.motion import neutral
from avatar.outputs import unfinished
from avatar.outputs.unfinished import WholeBoxes
from avatar.outputs.video_file import QUEUE_FRAMES, VideoFileOutput
from speech.audio import OUTPUT_RATE_HZ
from speech.errors import InputError
from speech.files.sound_file import read_audio

FLASH = 60
CLICK = FLASH * SAMPLES_PER_FRAME + 700


def record(path: Path, frames: int = 100) -> VideoFileOutput:
    """Four seconds with a flash and a click, still going on."""
    output = VideoFileOutput(path, live=True, preset="ultrafast").__enter__()
    for index in range(frames):
        image = np.full((64, 64, 3), 250 if index == FLASH else 20, np.uint8)
        sound = np.zeros(SAMPLES_PER_FRAME, np.float32)
        sound[700] = 0.9 if index == FLASH else 0.0
        while output._queue.qsize() >= QUEUE_FRAMES:  # else pictures are left out
            threading.Event().wait(0.001)
        output.write(VideoFrame(image, index * SAMPLES_PER_FRAME), sound, neutral(1)[0])
    return output


def finish(output: VideoFileOutput) -> None:
    output.__exit__(None, None, None)


def abandon(output: VideoFileOutput) -> None:
    output.__exit__(ZeroDivisionError, ZeroDivisionError(), None)


def frames_of(path: Path) -> list[tuple[float, float]]:
    """Time and brightness of the pictures that can be played."""
    found = []
    try:
        with av.open(str(path)) as container:
            for frame in container.decode(video=0):
                found.append((float(frame.time or 0.0), float(frame.to_ndarray(format="gray").mean())))
    except (
        av.FFmpegError,
        IndexError,
    ):  # no stream yet; or where a file was cut off, its last packet may be half a one
        pass
    return found


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What is on the disk, of every kind, when a recording of four seconds is killed."""
    folder = tmp_path_factory.mktemp("killed")
    kept = {}
    for suffix in (".mp4", ".webm", ".mov"):
        output = record(folder / f"talk{suffix}")
        while not output._queue.empty():
            threading.Event().wait(0.01)
        (path,) = folder.glob(f"*.unfinished{suffix}")
        size = -1
        while path.stat().st_size > size:  # what was taken out of the queue is still on its way to the disk
            size = path.stat().st_size
            threading.Event().wait(0.3)
        kept[suffix] = folder / f"killed{suffix}"
        kept[suffix].write_bytes(path.read_bytes())
        abandon(output)
    return kept


@pytest.mark.parametrize("suffix", [".mp4", ".webm", ".mov"])
def test_what_a_killed_program_leaves_can_be_played(killed: dict[str, Path], suffix: str) -> None:
    path = killed[suffix]
    frames = frames_of(path)
    assert len(frames) >= 70, "at most its last second or so is lost"
    assert max(frames, key=lambda frame: frame[1])[0] == pytest.approx(FLASH / 25, abs=0.001)
    assert abs(int(np.abs(read_audio(path, OUTPUT_RATE_HZ)).argmax()) - CLICK) <= 40


@given(cuts=st.lists(st.floats(0.0, 1.0), max_size=3))
def test_it_can_be_played_at_every_moment(killed: dict[str, Path], cuts: list[float]) -> None:
    content, path = killed[".mp4"].read_bytes(), killed[".mp4"].with_name("so-far.mp4")
    path.write_bytes(b"")
    boxes, written = WholeBoxes(path), 0
    for end in sorted(round(cut * len(content)) for cut in cuts):
        assert boxes.write(content[written:end]) == end - written
        written = end
        # All fragments before this place are there, and nothing of the next one.
        whole = [at.start() - 4 for at in re.finditer(b"moof", content) if at.start() - 4 <= end][1:]
        frames = frames_of(path)
        assert len(frames) >= 25 * len(whole)
        assert [time for time, _ in frames] == pytest.approx([index / 25 for index in range(len(frames))])
    boxes.close()


@given(where=st.floats(0.0, 1.0))
def test_a_webm_can_be_played_wherever_it_ends(killed: dict[str, Path], where: float) -> None:
    content, path = killed[".webm"].read_bytes(), killed[".webm"].with_name("cut.webm")
    path.write_bytes(content[: round(where * len(content))])
    frames = frames_of(path)
    assert [time for time, _ in frames] == pytest.approx([index / 25 for index in range(len(frames))], abs=0.001)
    assert where < 0.6 or len(frames) > 25


def test_a_disk_that_is_full_within_a_box_keeps_those_before_it(
    killed: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    content, path = killed[".mp4"].read_bytes(), killed[".mp4"].with_name("full.mp4")
    path.write_bytes(b"")
    (_, second, *_) = [at.start() - 4 for at in re.finditer(b"moof", content)]
    boxes = WholeBoxes(path)
    boxes.write(content[:second])
    real = boxes._file

    class Full:
        """Takes 100 bytes more and no others."""

        def __init__(self) -> None:
            self.room = 100

        def __getattr__(self, name: str) -> object:
            return getattr(real, name)

        def write(self, data: memoryview) -> int:
            if not self.room:
                raise OSError(errno.ENOSPC, "No space left on device")
            self.room = 0
            return real.write(data[:100])

    monkeypatch.setattr(boxes, "_file", Full())
    with pytest.raises(OSError, match="No space"):
        boxes.write(content[second:])
    real.close()
    assert path.read_bytes() == content[:second] and len(frames_of(path)) >= 24


@pytest.mark.parametrize("suffix", [".mp4", ".webm", ".mov"])
def test_in_the_end_it_is_an_ordinary_file(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"talk{suffix}"
    path.write_text("an older one")
    output = record(path)
    assert path.read_text() == "an older one" and (tmp_path / f"talk.unfinished{suffix}").exists()
    finish(output)
    assert list(tmp_path.iterdir()) == [path]
    frames = frames_of(path)
    assert len(frames) == 100 and frames[0][0] == 0.0
    assert max(frames, key=lambda frame: frame[1])[0] == pytest.approx(FLASH / 25)
    assert abs(int(np.abs(read_audio(path, OUTPUT_RATE_HZ)).argmax()) - CLICK) <= 40
    if suffix != ".webm":
        content = path.read_bytes()
        assert b"moof" not in content and content.index(b"moov") < content.index(b"mdat")


def test_a_recording_that_was_left_behind_is_not_touched_by_the_next(tmp_path: Path) -> None:
    left = tmp_path / "talk.unfinished.mp4"
    left.write_bytes(b"an hour")
    output = record(tmp_path / "talk.mp4", 30)
    assert (tmp_path / "talk.unfinished-2.mp4").exists()
    finish(output)
    assert left.read_bytes() == b"an hour" and sorted(path.name for path in tmp_path.iterdir()) == [
        "talk.mp4",
        left.name,
    ]


def test_a_full_disk_costs_what_comes_after_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = record(tmp_path / "talk.mp4")
    while not output._queue.empty():
        threading.Event().wait(0.01)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(output, "_encode", full)
    with pytest.raises(InputError, match=r"No space left on device; .*recorded until then is in talk\.unfinished\.mp4"):
        for _ in range(1000):
            output.write(None, np.zeros(SAMPLES_PER_FRAME, np.float32), neutral(1)[0])
            threading.Event().wait(0.001)
    abandon(output)
    abandon(output)
    assert [path.name for path in tmp_path.iterdir()] == ["talk.unfinished.mp4"]
    assert len(frames_of(tmp_path / "talk.unfinished.mp4")) >= 70


def test_a_disk_too_full_to_finish_keeps_the_recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(unfinished, "copy_packets", full)
    output = record(tmp_path / "talk.mp4", 40)
    with pytest.raises(InputError, match=r"talk.mp4: could not be finished .*No space.* is in talk\.unfinished\.mp4"):
        finish(output)
    abandon(output)
    assert [path.name for path in tmp_path.iterdir()] == ["talk.unfinished.mp4"]
    assert len(frames_of(tmp_path / "talk.unfinished.mp4")) == 40


def test_a_recording_without_a_picture_leaves_nothing(tmp_path: Path) -> None:
    abandon(VideoFileOutput(tmp_path / "talk.mp4", live=True).__enter__())
    assert not list(tmp_path.iterdir())


def test_an_encoder_that_is_behind_costs_pictures_and_never_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on = threading.Event()
    encode = VideoFileOutput._encode

    def slow(self: VideoFileOutput, *item: object) -> None:
        assert goes_on.wait(20)
        encode(self, *item)  # type: ignore[arg-type]

    monkeypatch.setattr(VideoFileOutput, "_encode", slow)
    output = VideoFileOutput(tmp_path / "talk.mp4", live=True).__enter__()
    sound = np.random.default_rng(0).uniform(-0.1, 0.1, 200 * SAMPLES_PER_FRAME).astype(np.float32)
    for index in range(200):
        image = np.full((64, 64, 3), index, np.uint8)
        piece = sound[index * SAMPLES_PER_FRAME : (index + 1) * SAMPLES_PER_FRAME]
        output.write(VideoFrame(image, index * SAMPLES_PER_FRAME), piece, neutral(1)[0])
    goes_on.set()
    finish(output)
    assert len(frames_of(tmp_path / "talk.mp4")) == 200
    assert len(read_audio(tmp_path / "talk.mp4", OUTPUT_RATE_HZ)) >= len(sound)
