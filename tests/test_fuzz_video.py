"""Made-up damage to small videos: what decodes comes in order of time, the rest is refused in one line."""

from __future__ import annotations

import itertools
from fractions import Fraction

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avatar.tracking.timeline import SoundIntervals, Timeline
from avatar.tracking.video import SMALLEST_SIDE, read_frames
from speech.errors import InputError
from tests.fuzzing import examples

FORMATS = {"a.mp4": "libx264", "a.mov": "mpeg4", "a.mkv": "mjpeg", "a.avi": "mpeg4", "a.ts": "mpeg2video"}
FRAMES, RATE = 12, 25


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("videos")
    random = np.random.default_rng(0)
    for name, codec in FORMATS.items():
        with av.open(str(folder / name), "w") as container:
            stream = container.add_stream(codec, rate=RATE)
            stream.width, stream.height = 48, 32
            stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
            stream.gop_size = 4
            if codec == "libx264":
                stream.options = {"preset": "ultrafast", "threads": "1"}
            sound = container.add_stream("mp2", rate=16_000, layout="mono")
            for number in range(FRAMES):
                image = random.integers(0, 256, (32, 48, 3), np.uint8)
                frame = av.VideoFrame.from_ndarray(image, format="rgb24")
                frame.pts, frame.time_base = number, Fraction(1, RATE)
                container.mux(stream.encode(frame))
            for start in range(0, 16_000 * FRAMES // RATE, 1152):
                tone = av.AudioFrame.from_ndarray(np.zeros((1, 1152), np.int16), format="s16", layout="mono")
                tone.sample_rate, tone.pts, tone.time_base = 16_000, start, Fraction(1, 16_000)
                container.mux(sound.encode(tone))
            container.mux(stream.encode(None))
            container.mux(sound.encode(None))
    return {name: (folder / name).read_bytes() for name in FORMATS}


CHANGES = st.lists(
    st.tuples(st.floats(0.0, 1.0, exclude_max=True), st.binary(min_size=1, max_size=12), st.booleans()), max_size=6
)


@examples(60)
@given(
    st.sampled_from(sorted(FORMATS)),
    CHANGES,
    st.floats(0.1, 1.0),
    st.sampled_from(["", *sorted(FORMATS)]),
)
def test_damaged_videos(
    videos: dict[str, bytes],
    tmp_path_factory: pytest.TempPathFactory,
    name: str,
    changes: list[tuple[float, bytes, bool]],
    kept: float,
    joined: str,
) -> None:
    data = bytearray(videos[name])
    for where, content, is_inserted in changes:
        # The headers, where most can go wrong, are as likely as all the rest.
        at = int(where * 2 * 1000) if where < 0.5 else int((where - 0.5) * 2 * len(data))
        data[at : at if is_inserted else at + len(content)] = content
    data = data[: int(kept * len(data))] + (videos[joined] if joined else b"")
    path = tmp_path_factory.getbasetemp() / f"damaged-{name}"
    path.write_bytes(data)
    notices: list[str] = []
    times, shares = [], []
    try:
        for picture in read_frames(path, notices.append):
            assert picture.image.dtype == np.uint8 and min(picture.image.shape[:2]) >= SMALLEST_SIDE
            times.append(picture.time_s)
            shares.append(picture.share)
    except InputError as error:
        assert str(error).isprintable()
    assert np.isfinite(times).all() and (np.diff(times) > 0.0).all()
    assert shares == sorted(shares) and all(0.0 <= share <= 1.0 for share in shares)
    assert all(notice.isprintable() for notice in notices)


@examples(100)
@given(
    st.lists(st.none() | st.floats(-1e4, 1e4) | st.floats(), max_size=30),
    st.floats(0.001, 10.0),
    st.none() | st.lists(st.tuples(st.floats(-1e4, 1e4), st.floats(0.0, 1e3)), max_size=10),
)
def test_any_time_stamps(stamps: list[float | None], step_s: float, heard: list[tuple[float, float]] | None) -> None:
    sound = SoundIntervals() if heard is not None else None
    for start, length in heard or ():
        assert sound is not None
        sound.add(start, start + length)
    timeline = Timeline(step_s, sound)
    placed = [timeline.place(stamp) for stamp in stamps]
    given_out = [now for now in placed if now is not None]
    assert all(a < b for a, b in itertools.pairwise(given_out))
    if stamps:
        assert placed[0] is not None
