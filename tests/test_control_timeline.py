"""Controls over time: the table, its mistakes, and that every frame gets what was asked for it."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from avatar.clock import SAMPLES_PER_FRAME
from avatar.control_timeline import COLUMNS, DEFAULT_INTENSITY, ControlTimeline, Cue, read_control_timeline
from avatar.motion import FARTHEST_HEAD, NEAREST_HEAD, Controls, ConversationState, Emotion, Floats, MotionLayout
from avatar.recording import render_recording
from avatar.sampler.lookahead import MotionLookahead, MotionSampler
from speech.audio import AudioChunk, Samples
from speech.errors import InputError
from speech.sound_track import SoundTrack
from tests.fakes import KeptOutput, LoudnessSampler
from tests.virtual_time import run

pytestmark = pytest.mark.usefixtures("one_torch_thread")

IDLE, LISTENING, THINKING, SPEAKING = ConversationState
HAPPY, SAD = Emotion.HAPPY, Emotion.SAD


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("timeline") / "controls.csv"


Read = Callable[..., ControlTimeline]


@pytest.fixture
def read(path: Path) -> Read:
    def reading(text: str | bytes, controls: Controls | None = None) -> ControlTimeline:
        path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
        return read_control_timeline(path, state=SPEAKING, controls=controls or Controls())

    return reading


# ---- the table


def test_a_row_holds_until_another_says_something_else(read: Read) -> None:
    timeline = read(
        "time_s,state,emotion,intensity,gaze_yaw_deg,gaze_pitch_deg,head_distance,composure\n"
        "1,listening,happy,0.5,10,-5,1.2,0.9\n"
        "2,,,1,,,,\n"
        "3,idle,sad,,free,,free,free\n"
        "4,,free,free,,free,,\n",
        Controls(head_distance=0.8),
    )
    gaze, down = (math.radians(10), math.radians(-5)), (0.0, math.radians(-5))
    assert timeline.cues == (
        Cue(0, SPEAKING, Controls(head_distance=0.8)),
        Cue(25, LISTENING, Controls(gaze, 1.2, HAPPY, 0.5, composure=0.9)),
        Cue(50, LISTENING, Controls(gaze, 1.2, HAPPY, 1.0, composure=0.9)),
        Cue(75, IDLE, Controls(down, None, SAD, 1.0)),
        Cue(100, IDLE, Controls()),
    )
    assert [timeline.at(frame).frame for frame in (0, 24, 25, 74, 75, 10**9)] == [0, 0, 25, 50, 75, 100]
    assert [timeline.next_change(frame) for frame in (0, 24, 25, 99, 100)] == [25, 25, 50, 100, None]


def test_what_was_asked_before_the_first_row_stays(read: Read) -> None:
    asked = Controls((0.1, 0.2), 1.1, HAPPY, 0.3, composure=0.4)
    later = read("time_s,emotion\n1,sad\n", asked).at(25).controls
    assert later.gaze == pytest.approx((0.1, 0.2))
    assert (later.head_distance, later.emotion, later.intensity, later.composure) == (1.1, SAD, 0.3, 0.4)


def test_an_emotion_without_an_intensity_can_be_seen(read: Read) -> None:
    assert read("time_s,emotion\n0,sad\n").at(0).controls == Controls(emotion=SAD, intensity=DEFAULT_INTENSITY)


@pytest.mark.parametrize(
    ("time_s", "frame"),
    [("0", 0), ("0.04", 1), ("0.28", 7), ("0.2801", 8), (".5", 13), ("+1e1", 250), ("86400", 2160000)],
)
def test_a_row_begins_with_the_first_frame_that_starts_then_or_later(read: Read, time_s: str, frame: int) -> None:
    assert read(f"time_s,emotion\n{time_s},sad\n").cues[-1].frame == frame


def test_of_rows_within_one_frame_the_last_one_counts(read: Read) -> None:
    cues = read("time_s,emotion,composure\n0.01,sad,\n0.02,happy,\n0.03,,1\n").cues
    assert cues[1:] == (Cue(1, SPEAKING, Controls(emotion=HAPPY, intensity=DEFAULT_INTENSITY, composure=1.0)),)


@pytest.mark.parametrize(
    "text",
    [
        "time_s,emotion,head_distance\n0.5,happy,1.5\n",
        "\ufeffTime_s;Emotion;Head_distance\r\n0,5;Happy;1,5\r\n;;\r\n",
        'head_distance\ttime_s\temotion\n"1,5"\t0.5\t HAPPY \n\n',
        "emotion,time_s,head_distance\rhappy,0.5,1.5\r",
    ],
)
def test_every_spreadsheets_csv_is_read(read: Read, text: str) -> None:
    asked = Controls(None, 1.5, HAPPY, DEFAULT_INTENSITY)
    assert read(text).cues[1:] == (Cue(13, SPEAKING, asked),)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a CSV table of controls, got an empty file"),
        ("\n", "line 1: expected a header such as 'time_s,emotion,intensity'"),
        ("time_s,emotoin\n", "line 1: unknown column 'emotoin'; did you mean 'emotion'?"),
        ("time_s,x\n", "line 1: unknown column 'x'; there are time_s, state, emotion, intensity, gaze_yaw_deg, "),
        ("time_s,state,state\n", "line 1: expected every column once, got 'state' 2 times"),
        ("emotion\nsad\n", "line 1: expected 'time_s' and at least one of state, emotion, "),
        ("time_s\n0\n", "line 1: expected 'time_s' and at least one of"),
        ("time_s,emotion\n", "line 1: expected at least one row after the header, got none"),
        ("time_s,emotion\n,\n\n", "line 3: expected at least one row"),
        ("time_s,emotion\n0,sad\n1\n", "line 3: expected 2 cells as in the header, got 1"),
        ("time_s,emotion\n1,sad\n0.5,sad\n", "line 3: time_s: expected a time after the row before (1), got 0.5"),
        ("time_s,emotion\n1,sad\n\n1,sad\n", "line 4: time_s: expected a time after the row before (1), got 1"),
        ("time_s,emotion\n-1,sad\n", "line 2: time_s: expected a number from 0 to 86400, got '-1'"),
        ("time_s,emotion\n,sad\n", "line 2: time_s: expected a number from 0 to 86400, got ''"),
        ("time_s,emotion\nfree,sad\n", "line 2: time_s: expected a number from 0 to 86400, got 'free'"),
        ("time_s,emotion\n1e99,sad\n", "line 2: time_s: expected a number from 0 to 86400, got '1e99'"),
        (
            "time_s,emotion\n0,joyful\n",
            "line 2: emotion: expected one of neutral, happy, sad, angry, surprised, afraid, disgusted, contemptuous "
            "or free, got 'joyful'",
        ),
        ("time_s,state\n0,free\n", "line 2: state: expected one of idle, listening, thinking, speaking, got 'free'"),
        ("time_s,gaze_yaw_deg\n0,31\n", "line 2: gaze_yaw_deg: expected a number from -30 to 30 or free, got '31'"),
        ("time_s,intensity\n0,nan\n", "line 2: intensity: expected a number from 0 to 1 or free, got 'nan'"),
        ("time_s,composure\n0,1_0\n", "line 2: composure: expected a number from 0 to 1 or free, got '1_0'"),
        ("time_s,head_distance\n0,١\n", "line 2: head_distance: expected a number from 0.7 to 1.5 or free"),
        ('time_s,head_distance\n0,"1,2"\n', "line 2: head_distance: expected a number"),
        ('time_s,emotion\n0,"sad\n', "line 2: expected a row of a CSV table"),
        ("time_s,emotion\n0," + "x" * 150_000, "line 2: expected a row of a CSV table: field larger"),
        ("time_s,emotion\n0,\x1b[2J\n", "got '\\x1b[2J'"),
        (b"time_s,emotion\n0,\xff\n", "line 2: expected UTF-8, got byte 0xff"),
        (b"0" * 10_000_001, "expected a CSV table of controls of at most 10 MB, got more"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_mistakes_are_told_with_line_and_column(read: Read, text: str | bytes, message: str) -> None:
    with pytest.raises(InputError) as caught:
        read(text)
    assert message in str(caught.value) and str(caught.value).isprintable()


def test_a_file_that_can_not_be_read_is_named(tmp_path: Path) -> None:
    for missing, found in (
        (tmp_path, "found a folder"),
        (tmp_path / "none.csv", "found nothing"),
        (tmp_path / "a\0b\n.csv", "could not open it: embedded null byte"),
        (Path("/dev/zero"), "found a device"),
    ):
        with pytest.raises(InputError, match=f"expected a CSV table of controls, {found}") as caught:
            read_control_timeline(missing, state=SPEAKING, controls=Controls())
        assert str(caught.value).isprintable()


_CELLS = st.one_of(
    st.sampled_from(["", "free", "happy", "Sad", "speaking", "0", "1", "0,5", "-30", "2.5", "1e-3", "nan", "inf", "-"]),
    st.floats().map(repr),
    st.text(max_size=6),
)


@st.composite
def _tables(draw: st.DrawFn) -> str:
    columns = draw(st.lists(st.sampled_from(COLUMNS), min_size=1, max_size=4, unique=draw(st.booleans())))
    out = io.StringIO()
    writer = csv.writer(out, delimiter=draw(st.sampled_from(",;\t")))
    writer.writerow(["time_s", *columns])
    for number in range(draw(st.integers(0, 4))):
        writer.writerow([number / 2, *(draw(_CELLS) for _ in columns)])
    return out.getvalue()


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=_tables() | st.text(max_size=100) | st.binary(max_size=60))
def test_any_text_is_read_or_refused_in_one_line(read: Read, text: str | bytes) -> None:
    try:
        timeline = read(text)
    except InputError as error:
        assert (
            str(error).isprintable() and len(str(error)) < 400 and ("expected" in str(error) or "unknown" in str(error))
        )
        return
    for cue in timeline.cues:
        asked = cue.controls
        assert cue.state in ConversationState and (asked.emotion is None or asked.emotion in Emotion)
        assert 0.0 <= asked.intensity <= 1.0 and NEAREST_HEAD <= (asked.head_distance or 1.0) <= FARTHEST_HEAD
        assert 0.0 <= (asked.composure or 0.0) <= 1.0
        assert all(abs(angle) <= math.radians(30) + 1e-9 for angle in asked.gaze or ())


# ---- every frame gets what was asked for it


FRAMES = 60


def _sound(frames: int = FRAMES) -> Samples:
    return np.random.default_rng(0).uniform(-0.5, 0.5, frames * SAMPLES_PER_FRAME).astype(np.float32)


def _rendered(sampler: MotionSampler, timeline: ControlTimeline, user: Samples | None = None) -> KeptOutput:
    output = KeptOutput()
    run(
        render_recording(
            _sound(),
            np.zeros(0, np.float32) if user is None else user,
            FRAMES,
            sampler=sampler,
            decoder=None,
            outputs=[output],
            label=None,
            timeline=timeline,
            mix_user=user is not None,
            on_frame=lambda shown: None,
        )
    )
    return output


@pytest.mark.parametrize("block", [1, 3, 5])
def test_blocks_are_cut_where_something_else_is_asked(block: int) -> None:
    changes = [0, 7, 8, 23, 40, 59]
    emotions = [HAPPY, SAD] * 3
    cues = [Cue(frame, SPEAKING, Controls(emotion=emotion)) for frame, emotion in zip(changes, emotions, strict=True)]
    sampler = LoudnessSampler(block)
    output = _rendered(sampler, ControlTimeline(cues))
    assert sampler.emotions == list(zip(changes, emotions, strict=True))
    jaw = np.stack(output.motion)[:, MotionLayout.INDEX["jawOpen"]]
    np.testing.assert_array_equal(jaw, [np.abs(piece).max() for piece in output.sound])
    np.testing.assert_array_equal(output.all_sound, _sound())


def _directed(ready_frames: int, block_frames: int, timeline: ControlTimeline) -> Floats:
    from avatar.sampler.batcher import BlockBatcher
    from avatar.sampler.checkpoint import untrained
    from avatar.sampler.denoiser import DenoiserConfig
    from avatar.sampler.model import MotionModel
    from avatar.sampler.motion_sampler import FlowMotionSampler
    from avatar.sampler.options import SamplerOptions

    small = DenoiserConfig(width=32, layers=2, heads=2, feed_forward=48)
    sampler = FlowMotionSampler(
        BlockBatcher(MotionModel(untrained(0, small))), SamplerOptions(seed=4, block_frames=block_frames)
    )
    voice, user = SoundTrack(), SoundTrack()
    voice.append(_sound())
    user.append(_sound()[::-1].copy())
    ahead = MotionLookahead(sampler, voice, user, ready_frames=ready_frames, user_is_known=True)
    out = []
    for _ in range(FRAMES):
        if not ahead.is_ready():
            ahead.sample(timeline)
        out.append(ahead.take())
        ahead.sample_ahead(timeline)
    return np.stack(out)


def test_the_real_sampler_obeys_to_the_frame_however_far_ahead_it_works() -> None:
    plain = ControlTimeline.constant(SPEAKING, Controls())
    changed = ControlTimeline([Cue(0, SPEAKING, Controls()), Cue(33, LISTENING, Controls(head_distance=1.5))])
    before, after = _directed(4, 5, plain), _directed(4, 5, changed)
    np.testing.assert_array_equal(before[:33], after[:33])
    distance = MotionLayout.INDEX["headDistance"]
    assert (after[33:, distance] - before[33:, distance] > 1e-4).all()
    for ready_frames in (0, 1, 20):
        assert _directed(ready_frames, 5, changed).tobytes() == after.tobytes()


class HearingSampler(LoudnessSampler):
    """Notes how much of the user's voice it knew when each block was sampled."""

    def __init__(self) -> None:
        super().__init__()
        self.user: list[Samples] = []
        self.known: dict[int, int] = {}

    def listen(self, chunk: AudioChunk) -> None:
        assert chunk.start_sample == sum(map(len, self.user)), "the user's sound must come without gaps"
        self.user.append(chunk.samples)

    def set_controls(self, controls: Controls) -> None:
        self.known[self.frame] = sum(map(len, self.user)) // SAMPLES_PER_FRAME


def test_the_other_person_is_heard_up_to_the_frame_that_is_made() -> None:
    sampler, user = HearingSampler(), _sound(40)
    listening = [Cue(0, SPEAKING, Controls()), Cue(12, LISTENING, Controls())]
    output = _rendered(sampler, ControlTimeline(listening), user)
    assert sampler.known and all(frame == known for frame, known in sampler.known.items())
    heard = np.concatenate(sampler.user)
    np.testing.assert_array_equal(heard[: len(user)], user)
    assert not heard[len(user) :].any() and sampler.states == [SPEAKING, LISTENING]
    mixed = _sound()
    mixed[: len(user)] += user
    np.testing.assert_array_equal(output.all_sound, mixed)


def test_the_documents_example_is_read(read: Read) -> None:
    document = (Path(__file__).parent.parent / "docs" / "controls.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```csv\n(.*?)```", document, re.DOTALL)
    timeline = read(example)
    assert set(example.split("\n")[0].split(",")) == set(COLUMNS)
    assert [cue.frame for cue in timeline.cues] == [0, 105, 125, 238, 300]
    assert timeline.cues[-1].controls == Controls()
