"""The motion vector and its CSV."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from avatar.motion import CSV_HEADER, MotionLayout, neutral, read_motion_csv, with_eye_look, write_motion_csv
from speech.errors import InputError


def test_the_layout_is_arkits_fifty_two_and_eight_of_the_head() -> None:
    names = MotionLayout.NAMES
    assert len(set(names)) == 60 and names[:3] == ("headPitch", "headYaw", "headRoll")
    assert names[8] == "eyeBlinkLeft" and names[15] == "eyeBlinkRight" and names[22] == "jawForward"
    assert names[-1] == "tongueOut" and len(MotionLayout.EYE_LOOK) == 8


@pytest.mark.parametrize(
    ("yaw", "pitch", "looking"),
    [
        (0.3, 0.0, {"eyeLookOutLeft", "eyeLookInRight"}),
        (-0.3, 0.0, {"eyeLookInLeft", "eyeLookOutRight"}),
        (0.0, 0.3, {"eyeLookUpLeft", "eyeLookUpRight"}),
        (0.0, -0.3, {"eyeLookDownLeft", "eyeLookDownRight"}),
    ],
)
def test_gaze_fills_the_eyes_looks(yaw: float, pitch: float, looking: set[str]) -> None:
    values = neutral(1)
    values[0, 6:8] = yaw, pitch
    filled = with_eye_look(values)[0]
    assert {MotionLayout.NAMES[i] for i in MotionLayout.EYE_LOOK if filled[i] > 0} == looking


@settings(deadline=None, max_examples=25)
@given(hnp.arrays(np.float32, (3, 60), elements=st.floats(-10, 10, width=32)))
def test_a_csv_brings_every_bit_back(tmp_path_factory: pytest.TempPathFactory, values: np.ndarray) -> None:
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    write_motion_csv(path, values)
    np.testing.assert_array_equal(read_motion_csv(path), values)


def test_the_csv_has_names_frames_and_times(tmp_path: Path) -> None:
    write_motion_csv(tmp_path / "a.csv", neutral(26))
    lines = (tmp_path / "a.csv").read_text().splitlines()
    assert lines[0] == ",".join(CSV_HEADER) and len(lines) == 27
    assert lines[26].startswith("25,1.00,")


HEADER = ",".join(CSV_HEADER)
ROW = ",".join(["0"] * 62)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "line 1: expected the header"),
        ("a,b,c\n1,2,3", "line 1: expected the header"),
        (HEADER, "at least one row"),
        (f"{HEADER}\n{ROW}\n1,2,3", "line 3: expected 62 values, got 3"),
        (f"{HEADER}\n{ROW.replace('0', 'x', 3)}", "line 2: expected a number for headPitch, got 'x'"),
        (f"{HEADER}\n{ROW}\n" + ",".join(["0"] * 61 + ["nan"]), "line 3: expected a finite number for tongueOut"),
        ("\ud800", "could not read"),
    ],
)
def test_a_wrong_csv_names_its_line(tmp_path: Path, text: str, expected: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(InputError, match=expected):
        read_motion_csv(path)


@settings(deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_refused_or_read(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError):
        read_motion_csv(path)
