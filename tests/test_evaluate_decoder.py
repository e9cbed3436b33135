"""`visavis evaluate decoder`: its measures, and the command."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from agent.command_line import app
from avatar.evaluation.decoder.advice import with_advice
from avatar.evaluation.decoder.evaluation import side_by_side, vector
from avatar.evaluation.decoder.landmarks import IrisTemplate, Ruler
from avatar.evaluation.decoder.pixels import background_flicker, fold_share
from avatar.evaluation.decoder.sheet import contact_sheet
from avatar.evaluation.decoder.travel import travel_rows
from avatar.evaluation.results import Section, at_least, at_most, row
from avatar.geometry import landmarks as lm
from avatar.mesh.decoder import MeshDecoder
from avatar.motion import Floats
from avatar.portrait.portrait import Portrait, load_portrait
from avatar.secondary_motion import NO_LAG
from speech.errors import InputError
from tests.conftest import ROOT

DRAWN = ROOT / "avatar" / "assets" / "portraits" / "mira.png"


@pytest.fixture(scope="module")
def portrait(portrait_cache: Path) -> Portrait:
    return load_portrait(DRAWN, cache_dir=portrait_cache)


@pytest.fixture(scope="module")
def decoder(portrait: Portrait) -> MeshDecoder:
    return MeshDecoder(portrait)


def turned(points: Floats, pitch: float, yaw: float, roll: float) -> Floats:
    """Landmarks of the same rigid face, turned by degrees and seen from about a metre away."""
    p, y, r = np.radians([pitch, yaw, roll])
    nod = np.array([[1, 0, 0], [0, np.cos(p), np.sin(p)], [0, -np.sin(p), np.cos(p)]])
    swing = np.array([[np.cos(y), 0, -np.sin(y)], [0, 1, 0], [np.sin(y), 0, np.cos(y)]])
    tilt = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    middle = points.mean(axis=0)
    focal = 11.0 * np.linalg.norm(points[33] - points[263])
    solid = points - middle
    solid[:, :2] *= 1.0 + solid[:, 2:] / focal
    moved = solid @ (tilt @ swing @ nod).T
    moved[:, :2] *= focal / (focal + moved[:, 2:])
    return (moved + middle).astype(np.float32)


@pytest.mark.parametrize("angles", [(8.0, 0.0, 0.0), (0.0, -14.0, 0.0), (0.0, 0.0, 12.0), (-6.0, 10.0, -9.0)])
def test_a_rigid_face_has_its_angles_and_no_expression(portrait: Portrait, angles: tuple[float, float, float]) -> None:
    ruler = Ruler(portrait.image, portrait.landmarks)
    rest, found = ruler(portrait.landmarks), ruler(turned(portrait.landmarks, *angles))
    np.testing.assert_allclose(found.angles, angles, atol=0.6)
    for name, value in rest.values.items():
        assert found.values[name] == pytest.approx(value, abs=0.008), name


def test_expression_is_measured_beside_a_pose(portrait: Portrait) -> None:
    ruler = Ruler(portrait.image, portrait.landmarks)
    opened = portrait.landmarks.copy()
    unit = lm.FacePlane.of(opened).eye_distance_px
    opened[14, 1] += 0.2 * unit
    for angles in ((0.0, 0.0, 0.0), (5.0, 10.0, 8.0)):
        gap = ruler(turned(opened, *angles)).values["lip gap"] - ruler(portrait.landmarks).values["lip gap"]
        assert gap == pytest.approx(0.2, abs=0.02)


def test_an_iris_is_found_where_it_went(portrait: Portrait, decoder: MeshDecoder) -> None:
    for right, down in ((3.0, 0.0), (-4.0, 0.0), (0.0, 2.0)):
        shifted = cv2.warpAffine(portrait.image, np.array([[1.0, 0, right], [0, 1.0, down]]), (512, 512))
        # The lids stay where they are, so that only the iris has gone.
        found = IrisTemplate(portrait.image, portrait.landmarks.astype(float), "Left").moved(
            np.asarray(shifted, np.uint8), portrait.landmarks.astype(float)
        )
        np.testing.assert_allclose(found, (right, down), atol=0.8)


def test_folds_are_seen(decoder: MeshDecoder, monkeypatch: pytest.MonkeyPatch) -> None:
    assert fold_share(decoder, vector(jawOpen=1.0, headYaw=0.26)) == 0.0
    back = decoder.backward_map(vector())
    back[20:30, 20:30, 0] -= 3.0 * decoder.cell * np.arange(10)
    monkeypatch.setattr(decoder, "backward_map", lambda values: back)
    assert fold_share(decoder, vector()) > 0.001


def test_a_trembling_background_is_seen(
    decoder: MeshDecoder, portrait: Portrait, monkeypatch: pytest.MonkeyPatch
) -> None:
    motion = [vector(), vector(headYaw=0.2), vector(jawOpen=0.5)]
    assert background_flicker(decoder, portrait, motion) == 0.0
    draw = MeshDecoder.decode

    def trembling(values: Floats, breath: float = 0.0) -> np.ndarray:
        frame = draw(decoder, values, breath)
        frame[3, 3] += np.uint8(4 * values[1] / 0.2)
        return frame

    monkeypatch.setattr(decoder, "decode", trembling)
    assert background_flicker(decoder, portrait, motion) >= 3.0


def test_travel_is_what_the_pixels_do(portrait: Portrait) -> None:
    unit = lm.FacePlane.of(portrait.landmarks).eye_distance_px

    def draw(driven: Mapping[str, float]) -> np.ndarray:
        up = 0.05 * unit if "browInnerUp" in driven else 0.0
        return np.asarray(cv2.warpAffine(portrait.image, np.array([[1.0, 0, 0], [0, 1.0, -up]]), (512, 512)), np.uint8)

    found = {line.name: line.cells[0] for line in travel_rows(portrait.landmarks, draw)}
    rise = found.pop("brows up: inner ends rise")
    assert rise.value == pytest.approx(0.05, abs=0.006) and not rise.is_outside
    assert all(abs(cell.value or 0.0) < 0.005 for cell in found.values())
    assert found["brows down: inner ends sink"].is_outside


def test_what_lies_outside_is_told_what_to_do() -> None:
    inside, outside = (
        row("gaze yaw, error", [1.0], bands=[at_most(2.0)]),
        row("brows up, r", [0.5], bands=[at_least(0.9)]),
    )
    told = with_advice(Section("Expression", ("a",), (inside, outside, outside), "Note."))
    assert told.note.startswith("Note. Outside, brows up, r and 1 more: ") and "spectacles" in told.note
    assert "eyes are small" not in told.note
    fine = Section("Expression", ("a",), (inside,), "Note.")
    assert with_advice(fine) == fine


def test_tables_of_several_portraits_stand_side_by_side() -> None:
    one, two = ([Section("Head", (name,), (row("yaw", [value]),))] for name, value in (("a", 1.0), ("b", 2.0)))
    (joined,) = side_by_side([one, two])
    assert joined.columns == ("a", "b")
    assert [cell.value for cell in joined.rows[0].cells] == [1.0, 2.0]


def test_a_sheet_shows_every_pose_once(decoder: MeshDecoder, portrait: Portrait) -> None:
    calls = []

    class Counting:
        def decode(self, values: Floats, breath: float = 0.0, lag: Floats = NO_LAG) -> np.ndarray:
            calls.append(values)
            return portrait.image

    sheet = contact_sheet(Counting(), portrait.landmarks, "somebody")
    assert sheet.shape[1] == 1600 and sheet.shape[0] > 2000 and sheet.dtype == np.uint8
    assert len(calls) > 70


def test_the_command(tmp_path: Path) -> None:
    report, sheets = tmp_path / "decoder.html", tmp_path / "sheets"
    done = CliRunner().invoke(
        app, ["evaluate", "decoder", "mira", "--quick", "--json", "-q", "-o", str(report), "--sheets", str(sheets)]
    )
    assert done.exit_code == 0, done.output
    found = {s["title"]: {r["measure"]: r for r in s["rows"]} for s in json.loads(done.stdout)["sections"]}
    expression = found["Expression found again"]
    assert expression["jaw: lip gap, r"]["values"]["mira"] > 0.95
    assert 20.0 < expression["jaw: lip gap, at 1"]["values"]["mira"] < 50.0
    assert found["Travel at 1"]["brows up: inner ends rise"]["values"]["mira"] > 0.04
    head = found["Head and gaze found again"]
    for angle in ("pitch", "yaw", "roll"):
        assert head[f"{angle}, error"]["values"]["mira"] < 3.0
    mouth = {name: row["values"]["mira"] for name, row in found["Mouth"].items()}
    assert 0.75 < mouth["teeth over skin's highlights"] < 1.15
    for darker in ("tongue over teeth", "cheeks' inside over tongue", "throat over cheeks' inside"):
        assert 0.0 < mouth[darker] < 1.0, darker
    assert mouth["dark share"] < 0.45 and mouth["hue of the tongue, off"] < 12.0
    assert found["Picture"]["folds"]["values"]["mira"] == 0.0
    assert found["Picture"]["background flicker"]["values"]["mira"] == 0.0
    assert (sheets / "mira.png").stat().st_size > 100_000
    page = report.read_text(encoding="utf-8")
    assert "data:image/jpeg;base64," in page and "Expression found again" in page


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["no-such.jpg"], "expected a picture, found nothing"),
        (["mira", "-o", "report.txt"], "expected a name that ends in .html"),
        (["mira", "--sheets", str(DRAWN)], "expected a folder"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(arguments: list[str], says: str) -> None:
    done = CliRunner().invoke(app, ["evaluate", "decoder", *arguments, "-q"])
    assert isinstance(done.exception, InputError)
    assert says in str(done.exception) and "\n" not in str(done.exception)


def test_motion_is_meant_where_no_command_is_named() -> None:
    for arguments in ([], ["motion"]):
        done = CliRunner().invoke(app, ["evaluate", *arguments, "--sound-offset", "1"])
        assert isinstance(done.exception, InputError) and "expected recordings" in str(done.exception)
    shown = CliRunner().invoke(app, ["evaluate", "--help"]).output
    assert "decoder" in shown and "motion" in shown
