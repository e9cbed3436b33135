"""The motion vector and its CSV."""

from __future__ import annotations

import tracemalloc
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
@given(hnp.arrays(np.float32, (3, 60), elements=st.floats(-1, 1, width=32)))
def test_a_csv_brings_every_bit_back(tmp_path_factory: pytest.TempPathFactory, values: np.ndarray) -> None:
    values[:, MotionLayout.INDEX["headDistance"]] += np.float32(2.0)
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    write_motion_csv(path, values)
    np.testing.assert_array_equal(read_motion_csv(path), values)


def test_the_csv_has_names_frames_and_times(tmp_path: Path) -> None:
    write_motion_csv(tmp_path / "a.csv", neutral(26))
    lines = (tmp_path / "a.csv").read_text().splitlines()
    assert lines[0] == ",".join(CSV_HEADER) and len(lines) == 27
    assert lines[26].startswith("25,1.00,")


NAMES = MotionLayout.NAMES


def table(rows: int = 2, **changed: str) -> dict[str, list[str]]:
    """The cells of a motion CSV by column; `changed` in the last row."""
    cells = {"frame": [str(i) for i in range(rows)], "time_s": [f"{i / 25:.2f}" for i in range(rows)]}
    cells |= {name: [f"{0.5 + number / 256}"] * rows for number, name in enumerate(NAMES)}
    for name, cell in changed.items():
        cells[name][-1] = cell
    return cells


def text_of(cells: dict[str, list[str]], delimiter: str = ",", end: str = "\n") -> str:
    lines = [list(cells), *zip(*cells.values(), strict=True)]
    return "".join(delimiter.join(line) + end for line in lines)


def read(tmp_path: Path, text: str | bytes) -> np.ndarray:
    path = tmp_path / "a.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    return read_motion_csv(path)


EXPECTED = np.tile(np.array([0.5 + number / 256 for number in range(60)], np.float32), (2, 1))
GERMAN = text_of(table(), ";", "\r\n").replace(".", ",")
BY_NAME = {"frame": "frame", **{name: name for name in reversed(NAMES)}}


@pytest.mark.parametrize(
    "text",
    [
        text_of({name: table()[name] for name in BY_NAME}),
        text_of({name: cells for name, cells in table().items() if name in NAMES}),
        text_of({name.upper(): cells for name, cells in table().items()}, end="\r\n"),
        text_of({name: [f'" {cell}"' for cell in cells] for name, cells in table().items()}),
        text_of(table(), end="\r"),
        text_of(table()).encode("utf-8-sig"),
        text_of(table()).encode("utf-16"),
        GERMAN,
        GERMAN.replace(";", "\t").encode("utf-16"),
        text_of(table()) + "\n" + "," * 61 + "\n\n",
    ],
    ids="reversed no-time upper-case quoted old-mac bom utf-16 german german-utf-16 empty-rows".split(),
)
def test_a_csv_of_any_spreadsheet_is_read(tmp_path: Path, text: str | bytes) -> None:
    np.testing.assert_array_equal(read(tmp_path, text), EXPECTED)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "expected a motion CSV, got an empty file"),
        ("\n\n", "line 1: expected the header"),
        ("a,b,c\n1,2,3", "line 1: expected the header"),
        (text_of(table(0)), "at least one row"),
        (text_of(table()) + "1,2,3", "line 4: expected 62 values, got 3"),
        (text_of(table(headPitch="x")), "line 3: expected a number for headPitch, got 'x'"),
        (text_of(table(headPitch="0\0")), r"line 3: expected a number for headPitch, got '0\\x00'"),
        (text_of(table(tongueOut="nan")), "line 3: expected tongueOut from -1 to 2, got 'nan'; coefficients go from"),
        (text_of(table(jawOpen="-inf")), "line 3: expected jawOpen from -1 to 2, got '-inf'"),
        (text_of(table(jawOpen="85")), "line 3: expected jawOpen from -1 to 2, got '85'; coefficients go from 0 to 1"),
        (text_of(table(headYaw="12.5")), "line 3: expected headYaw from -1.57 to 1.57, got '12.5'; angles are in rad"),
        (text_of(table(headX="1e30")), "line 3: expected headX from -20 to 20, got '1e30'"),
        (text_of(table(headDistance="0")), "line 3: expected headDistance from 0.1 to 10, got '0'"),
        (text_of(table(time_s="0.033")), None),
        (
            text_of(table(time_s="0.10")),
            "line 3: time_s: expected 25 rows a second, so 0.04 s after the first, got 0.1",
        ),
        (text_of(table(time_s="nan")), "line 3: time_s: expected 25 rows a second"),
        (text_of(table()).replace("jawOpen", "jawOpne"), "line 1: unknown column 'jawOpne'; did you mean 'jawOpen'"),
        (text_of(table()).replace("jawOpen", "jawLeft"), "line 1: expected every column once, got 'jawLeft' 2 times"),
        (text_of({name: table()[name] for name in NAMES[1:]}), "line 1: expected the 60 columns of the motion, 'headP"),
        (text_of(table()).replace("0.5", '"0.5', 1), "line 3: expected a row of a CSV table"),
        (text_of(table()) + "0" * 300_000, "line 4: expected lines of at most 200,000 characters"),
        (text_of(table()).encode("utf-16-le"), "line 1: expected the header"),
        (text_of(table()).encode("utf-16")[:-1], "expected UTF-16"),
        (text_of(table()).encode() + b"\xff", "line 4: expected UTF-8, got byte 0xff"),
        ("\ud800", "line 1: expected UTF-8, got byte 0xed"),
    ],
)
def test_a_wrong_csv_names_its_line(tmp_path: Path, text: str | bytes, expected: str | None) -> None:
    if expected is None:
        read(tmp_path, text)
        return
    with pytest.raises(InputError, match=expected) as error:
        read(tmp_path, text)
    assert str(error.value).isprintable()


def test_a_long_csv_needs_no_more_memory_than_its_values(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    row = ",".join(["0.123456789"] * 60) + "\n"
    path.write_text(",".join(NAMES) + "\n" + row * 4000)
    tracemalloc.start()
    values = read_motion_csv(path)
    assert values.shape == (4000, 60) and tracemalloc.get_traced_memory()[1] < 4 * values.nbytes
    tracemalloc.stop()


@settings(deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_refused_or_read(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError):
        read_motion_csv(path)
