"""No drift, no jump, and a way back from anywhere; and the statistics that say so."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import pytest

from avatar.motion import FRAME_RATE_HZ, LOOK_AHEAD_FRAMES, ConversationState, Floats, Motion, MotionLayout, neutral
from avatar.sampler.batcher import BlockBatcher
from avatar.sampler.dynamics import HIGHEST, LOWEST
from avatar.sampler.model import SAMPLED, load_motion_model
from avatar.sampler.motion_sampler import FlowMotionSampler
from avatar.sampler.recorded_motion import RecordedMotion
from avatar.sampler.state import SampledFrame
from benchmarks.drift import main, run
from benchmarks.drift_statistics import MEASURES, MINUTE, Drift
from benchmarks.kiosk_day import Shown, kiosk_day, sentences
from speech.audio import OUTPUT_RATE_HZ, AudioChunk

pytestmark = pytest.mark.usefixtures("one_torch_thread")

INDEX = MotionLayout.INDEX
FRAME = OUTPUT_RATE_HZ // FRAME_RATE_HZ


# ---- the shipped sampler


def test_a_minute_of_a_kiosks_day_holds_still_on_average(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One with all states in it, three answers and an interruption."""
    out = tmp_path / "drift.json"
    main(["--hours", "0.01667", "--seed", "54", "--out", str(out), "--quiet"])
    told, report = capsys.readouterr().out, json.loads(out.read_text())
    assert "1 minutes" in told and "times real time" in told
    assert report["minutes_done"] == 1 and set(report["states"]) == {str(state) for state in ConversationState}
    assert all(state["minutes"] > 0.02 for state in report["states"].values())
    for hour in report["hours"]:
        means = hour["means"]
        for name in ("headPitch", "headYaw", "headRoll", "gazeYaw", "gazePitch"):
            assert abs(means[name]) < 5.0, name
        assert abs(means["headX"]) < 0.1 and abs(means["headY"]) < 0.1
        assert means["headDistance"] == pytest.approx(1.0, abs=0.05)
        assert means["jawInSilence"] < 0.02 and means["mouthInSilence"] < 0.05
        assert means["lids"] < 0.25 and means["browsUp"] < 0.25 and means["browsDown"] < 0.25
        assert 0.3 < hour["spreads"]["headYaw"] < 12.0
    # 2.5° in a frame is 62 °/s, about as fast as anybody turns the head while talking.
    assert 0.0 < report["largest_steps_after_a_rewind"]["head °"] <= report["largest_steps"]["head °"] < 2.5
    assert report["largest_steps"]["place"] < 0.05
    assert [file.name for file in tmp_path.iterdir()] == ["drift.json"]


@pytest.fixture(scope="module")
def shipped() -> BlockBatcher:
    return BlockBatcher(load_motion_model())


@pytest.mark.parametrize("limit", [LOWEST, HIGHEST], ids=["lowest", "highest"])
def test_a_face_that_is_pushed_to_its_limits_comes_back_to_rest(shipped: BlockBatcher, limit: Floats) -> None:
    sampler = FlowMotionSampler(shipped)

    def live(seconds: float) -> Floats:
        count = round(seconds * FRAME_RATE_HZ)
        start = sampler.state.speech.end
        sampler.push(AudioChunk(np.zeros(count * FRAME, np.float32), OUTPUT_RATE_HZ, start))
        return sampler.frames().values

    live(2.0)
    # Everything that the sampler looks back on says that the face has been there, at rest, for long.
    pushed = limit[SAMPLED]
    units = shipped.model.units(pushed[None], np.zeros((1, len(pushed)), np.float32))[0]
    for frame, sampled in sampler.state.frames.items():
        sampler.state.frames[frame] = SampledFrame(pushed, units, sampled.intention, sampled.feeling)
    values = live(8.0)
    head = values[:, MotionLayout.ROTATION]
    assert np.abs(head[0]).min() > 0.5, "it begins where it was pushed to"
    assert np.degrees(np.abs(np.diff(head, axis=0))).max() < 6.0, "and goes back without a jump"
    settled = values[4 * FRAME_RATE_HZ :]
    assert np.degrees(np.abs(settled[:, MotionLayout.ROTATION])).max() < 12.0
    assert np.abs(settled[:, [INDEX["headX"], INDEX["headY"]]]).max() < 0.2
    assert np.abs(settled[:, INDEX["headDistance"]] - 1.0).max() < 0.15
    assert np.abs(np.degrees(settled[:, MotionLayout.GAZE])).max() < 30.0
    assert settled[:, [INDEX["jawOpen"], INDEX["browInnerUp"], INDEX["mouthSmileLeft"]]].max() < 0.4


# ---- the day


class PatientSampler(RecordedMotion):
    """A neutral face that waits for its sound and the look-ahead, as the real sampler does."""

    def __init__(self) -> None:
        super().__init__(neutral(1))
        self._known = 0

    def push(self, chunk: AudioChunk) -> None:
        self._known = chunk.end_sample // FRAME

    def frames(self, ready: int = 0) -> Motion:
        return super().frames() if self._known >= self.frame + 1 + LOOK_AHEAD_FRAMES else Motion(neutral(0), self.frame)


def test_a_day_is_the_same_every_time_and_has_everything() -> None:
    spoken = sentences()
    day = list(islice(kiosk_day(PatientSampler(), spoken, seed=0), 10 * MINUTE))
    again = islice(kiosk_day(PatientSampler(), spoken, seed=0), 2 * MINUTE)
    other = islice(kiosk_day(PatientSampler(), spoken, seed=1), 2 * MINUTE)
    assert [frame.state for frame in again] == [frame.state for frame in day[: 2 * MINUTE]]
    assert [frame.state for frame in other] != [frame.state for frame in day[: 2 * MINUTE]]
    counts = {state: sum(frame.state is state for frame in day) for state in ConversationState}
    assert min(counts.values()) > 0.02 * len(day)
    audible = {state: sum(frame.is_audible for frame in day if frame.state is state) for state in ConversationState}
    assert audible[ConversationState.SPEAKING] > 0.6 * counts[ConversationState.SPEAKING]
    # A cut leaves 10 ms of sound, and an answer's last part of a frame plays in the next state.
    starts = sum(a.state is not b.state for a, b in pairwise(day))
    assert sum(audible.values()) - audible[ConversationState.SPEAKING] < starts
    cut = [
        b.is_rewound
        for a, b in pairwise(day)
        if a.state is ConversationState.SPEAKING and b.state is ConversationState.LISTENING
    ]
    begun = [
        b.is_rewound
        for a, b in pairwise(day)
        if a.state is ConversationState.THINKING and b.state is ConversationState.SPEAKING
    ]
    assert cut and begun and all(cut) and all(begun), "motion is made anew for an answer and for an interruption"


# ---- the statistics


def _day(minutes: int, values: Floats | None = None) -> Iterator[Shown]:
    """Noise around the neutral face, or `values`."""
    if values is None:
        values = neutral(minutes * MINUTE)
        values[:, :8] += np.random.default_rng(0).normal(0.0, 0.02, (len(values), 8)).astype(np.float32)
    for row in values:
        yield Shown(ConversationState.IDLE, row, is_audible=False, is_rewound=False)


def _drift(frames: Iterator[Shown], hour: int = 2) -> Drift:
    drift = Drift(hour=hour)
    for minute in iter(lambda: list(islice(frames, MINUTE)), []):
        drift.add(minute)
    return drift


def test_a_drift_is_found_and_noise_is_not() -> None:
    still = _drift(_day(8)).report()
    assert all(abs(found["trend_t"] or 0.0) < 4.0 for found in still["drift"].values())
    assert [len(hour["means"]) for hour in still["hours"]] == [len(MEASURES)] * 4
    values = np.stack([frame.values for frame in _day(8)])
    values[:, INDEX["headYaw"]] += np.linspace(0.0, 0.02, len(values), dtype=np.float32)  # one spread in all
    found = _drift(_day(8, values)).report()["drift"]
    assert found["headYaw"]["trend"] == pytest.approx(1.0, abs=0.15) and found["headYaw"]["trend_t"] > 10.0
    assert found["headYaw"]["hours_apart"] == pytest.approx(0.75, abs=0.15)
    assert found["headPitch"] == still["drift"]["headPitch"]


def test_moments_of_hours_are_those_of_all_their_frames() -> None:
    values = np.stack([frame.values for frame in _day(3)])
    first, last = _drift(_day(3, values)).hours()
    yaw = np.degrees(values[:, INDEX["headYaw"]].astype(np.float64))
    assert first["headYaw"].mean == pytest.approx(yaw[: 2 * MINUTE].mean(), rel=1e-4)
    assert first["headYaw"].spread == pytest.approx(yaw[: 2 * MINUTE].std(), rel=1e-4)
    assert last["headYaw"].mean == pytest.approx(yaw[2 * MINUTE :].mean(), rel=1e-4)


def test_a_jump_is_found_between_minutes_too() -> None:
    values = neutral(2 * MINUTE)
    values[MINUTE:, INDEX["headRoll"]] = 0.1
    report = _drift(_day(2, values), hour=1).report()
    assert [hour["largest_steps"]["head °"] for hour in report["hours"]] == pytest.approx([0.0, np.degrees(0.1)])
    assert report["largest_steps_after_a_rewind"]["head °"] == 0.0


def test_states_blinks_and_silence_are_told_apart() -> None:
    values = neutral(MINUTE)
    values[100:104, [INDEX["eyeBlinkLeft"], INDEX["eyeBlinkRight"]]] = 1.0
    values[1000:, INDEX["jawOpen"]] = 0.5
    frames = [
        Shown(ConversationState.IDLE if i < 1000 else ConversationState.SPEAKING, row, i >= 1000, i == 1000)
        for i, row in enumerate(values)
    ]
    report = _drift(iter(frames)).report()
    idle, speaking = report["states"]["idle"], report["states"]["speaking"]
    assert idle["minutes"] == pytest.approx(1000 / MINUTE) and speaking["minutes"] == pytest.approx(500 / MINUTE)
    assert idle["blinks/min"] == pytest.approx(1.5) and speaking["blinks/min"] == 0.0
    assert report["hours"][0]["means"]["jawInSilence"] == 0.0
    assert report["largest_steps_after_a_rewind"]["face"] == pytest.approx(0.5)


def test_ctrl_c_keeps_what_there_is(tmp_path: Path) -> None:
    def interrupted() -> Iterator[Shown]:
        yield from islice(_day(2), MINUTE + 10)
        raise KeyboardInterrupt

    drift, out = Drift(), tmp_path / "drift.json"
    assert run(drift, interrupted(), 3 * MINUTE, out=out, quiet=True) is False
    report = json.loads(out.read_text())
    assert report["minutes_done"] == 1 and report["drift"]["headYaw"]["trend"] is None
    assert [file.name for file in tmp_path.iterdir()] == ["drift.json"]
