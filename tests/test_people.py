"""How people move beside how ours move, on faces whose movement is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from avatar.decoder import Image
from avatar.evaluation.people.movement import (
    FaceCurves,
    face_curves,
    flashes,
    head_speed,
    jumps,
    lip_speed,
    openings,
    range_95,
    relative_opening,
)
from avatar.evaluation.people.side_by_side import moments
from avatar.evaluation.people.tracked_face import TrackedFace, track_drawn
from avatar.evaluation.people_section import Pair, likeness, people_sections
from avatar.evaluation.results import Section
from avatar.geometry.points import KEPT, kept_rows
from avatar.motion import Doubles, Floats, neutral
from avatar.picture.sheets import cut
from avatar.placing.mean_face import mean_face
from avatar.secondary_motion import NO_LAG
from speech.errors import InputError

FRAMES = 200
TIMES = np.arange(FRAMES) / 25.0
PX = 100.0  # an eye distance


def still(frames: int = FRAMES) -> Doubles:
    """One face in so many pictures, [T, len(KEPT), 3]."""
    points = mean_face()[list(KEPT)].astype(np.float64)
    unit = np.linalg.norm(points[kept_rows((263,))[0], :2] - points[kept_rows((33,))[0], :2])
    return np.repeat((points * PX / unit + [300.0, 300.0, 0.0])[None], frames, axis=0)


def moved(landmarks: Doubles, indices: tuple[int, ...], x: Doubles | float = 0.0, y: Doubles | float = 0.0) -> Doubles:
    """Landmarks with some of them moved in the picture, by eye distances."""
    out = landmarks.copy()
    for row in kept_rows(indices):
        out[:, row, 0] += PX * np.asarray(x)
        out[:, row, 1] += PX * np.asarray(y)
    return out


def tracked(landmarks: Doubles) -> TrackedFace:
    return TrackedFace(landmarks.astype(np.float32))


def turned(landmarks: Doubles, yaw: Doubles) -> Doubles:
    """The face turned to its own left by radians, seen from far away."""
    middle = landmarks.mean(axis=(0, 1))
    solid = landmarks - middle
    cos, sin = np.cos(yaw)[:, None], np.sin(yaw)[:, None]
    x, z = solid[..., 0] * cos - solid[..., 2] * sin, solid[..., 0] * sin + solid[..., 2] * cos
    return np.stack([x, solid[..., 1], z], axis=-1) + middle


def curves_of(gap: Floats, width: Floats | float = 0.5) -> FaceCurves:
    """Curves of a face that does nothing but open and widen its mouth."""
    flat = np.zeros(len(gap), np.float32)
    wide = np.asarray(width + flat, np.float32)
    head = np.zeros((len(gap), 3), np.float32)
    return FaceCurves(gap.astype(np.float32), wide, flat, flat, flat, head, neutral(len(gap)))


def syllables(frames: int = FRAMES, seed: int = 0) -> Floats:
    noise = np.random.default_rng(seed).standard_normal(frames + 8)
    curve = np.convolve(noise, np.hanning(9), mode="valid")
    return np.asarray(0.05 + 0.02 * curve / curve.std(), np.float32).clip(0.0)


def test_a_mouth_that_opens_and_widens_is_measured_as_it_does() -> None:
    opening, widening = 0.1 + 0.1 * np.sin(2.0 * TIMES), 0.03 * np.sin(5.0 * TIMES)
    face = moved(still(), (14,), y=opening)
    face = moved(face, (308,), x=widening)
    at_rest, found = face_curves(tracked(still())), face_curves(tracked(face))
    assert found.gap - at_rest.gap == pytest.approx(opening, abs=0.002)
    assert found.width - at_rest.width == pytest.approx(widening, abs=0.002)
    assert range_95(found.gap) == pytest.approx(0.2, abs=0.005)
    assert max(range_95(found.lean), range_95(found.brow), np.abs(found.head).max()) < 0.002


def test_what_is_lopsided_is_seen_and_which_side() -> None:
    wave = np.sin(2.0 * TIMES)
    face = moved(still(), (308, 291), y=-0.02 * wave)  # its left corner upwards
    face = moved(face, (152, 148, 377, 176, 400), x=0.03 * wave)  # its chin to its left
    face = moved(face, (105, 334), y=-0.1 * wave)
    found = face_curves(tracked(face))
    assert found.lean - found.lean.mean() == pytest.approx(0.02 * (wave - wave.mean()), abs=0.003)
    assert found.jaw - found.jaw.mean() == pytest.approx(0.03 * (wave - wave.mean()), abs=0.003)
    assert range_95(found.brow) == pytest.approx(0.1 * 2.0 / 20 * 2, abs=0.004)  # 2 of 20 points, up and down


def test_a_head_that_turns_has_its_speed_and_no_expression() -> None:
    yaw = np.radians(8.0) * np.sin(np.pi * TIMES)
    found = face_curves(tracked(turned(still(), yaw)))
    assert range_95(found.head[:, 1]) == pytest.approx(16.0, abs=0.4)
    assert found.head[60, 1] == pytest.approx(np.degrees(yaw[60]), abs=0.5)
    speed = np.median(np.abs(np.diff(np.degrees(yaw)))) * 25.0
    assert head_speed(found.head) == pytest.approx(speed, rel=0.05)
    assert max(range_95(found.lean), range_95(found.brow), range_95(found.jaw)) < 0.01


def test_openings_jumps_and_flashes_are_counted() -> None:
    curve = np.full(100, 0.05, np.float32)
    curve[[10, 30]] = 0.01  # closed for one frame between open ones
    curve[50:53] = 0.0  # three frames: a contact
    curve[70] = 0.19  # open, and back at once
    assert flashes(curve) == 2
    assert jumps(curve) == 2
    assert openings(np.array([0.0, 0.02, 0.0, 0.02, 0.0], np.float32)) == 0
    assert openings(np.array([0.0, 0.1, 0.09, 0.1, 0.02, 0.1], np.float32)) == 2
    assert openings((0.1 - 0.1 * np.cos(2.0 * np.pi * TIMES)).astype(np.float32)) == 8
    assert lip_speed(np.arange(50, dtype=np.float32) * 0.04) == pytest.approx(1.0, abs=1e-5)


def test_likeness_tells_the_lag_and_the_spread() -> None:
    real = syllables()
    ours = np.concatenate([real[:2], real[:-2]])  # two frames late
    found = likeness(curves_of(real, 0.5), curves_of(1.5 * ours, 0.75 + 0.5 * ours))
    assert found.lag == 2 and found.opening == pytest.approx(1.0, abs=1e-3)
    assert found.width is None  # the real width does not move
    assert found.spread == pytest.approx(1.5 * 0.5 / (0.75 + 0.5 * np.median(ours)), abs=0.02)
    widths = likeness(curves_of(real, 0.5 + real), curves_of(ours, 0.5 - ours)).width
    assert widths == pytest.approx(-1.0, abs=1e-3)
    still_mouth = likeness(curves_of(real), curves_of(np.zeros(FRAMES, np.float32)))
    assert still_mouth.lag is None and still_mouth.opening is None and still_mouth.spread == 0.0
    assert relative_opening(curves_of(real, 0.5)) == pytest.approx(2.0 * real)


def rows_of(section: Section) -> dict[str, tuple[float | None, ...]]:
    return {line.name: tuple(cell.value for cell in line.cells) for line in section.rows}


def test_sentences_and_continuous_speech_are_told_apart_and_held_to_the_people() -> None:
    def pair(name: str, frames: int, seed: int, gain: float) -> Pair:
        real = syllables(frames, seed)
        return Pair(name, "sampler", curves_of(real, 0.5 + real), curves_of(gain * real, 0.5 + real), gain * real)

    short = [pair(f"s{seed}", 75, seed, 1.0) for seed in range(3)]
    long = [pair(f"l{seed}", 300, seed, 3.0) for seed in range(3)]
    same, close, faster, far = people_sections(short + long)
    assert "up to 4 s" in same.title and "continuous speech" in faster.title
    for name, (real, ours) in rows_of(same).items():
        assert real == ours, name
    speed = rows_of(faster)["lip speed, 95 % (eye distances/s)"]
    assert speed[1] == pytest.approx(3.0 * speed[0])
    line = next(line for line in faster.rows if line.name.startswith("lip speed"))
    assert line.cells[1].is_outside and not line.cells[0].is_outside
    assert rows_of(close)["mean"][:4] == pytest.approx((1.0, 0.0, 1.0, 1.0), abs=1e-4)
    assert rows_of(far)["l0"][3] == pytest.approx(3.0, abs=1e-3)
    assert rows_of(far)["l0"][5] == pytest.approx(3.0 * rows_of(far)["l0"][4])
    assert [cell.is_outside for cell in far.rows[0].cells] == [False, False, False, True, False, False, False]
    assert rows_of(same)["blinks/min"] == (None, None)  # too short for a rate
    assert rows_of(faster)["blinks/min"] == (0.0, 0.0)


def test_two_clips_are_no_range_to_be_held_to() -> None:
    real = syllables(300)
    pairs = [Pair(name, "motion", curves_of(real), curves_of(9.0 * real), real) for name in "ab"]
    assert all(cell.band is None for line in people_sections(pairs)[0].rows for cell in line.cells)


def test_the_sheet_shows_the_widest_the_closed_and_moments_between() -> None:
    gap = syllables()
    chosen = moments(gap)
    assert chosen[0] == int(np.argmax(gap)) and len(chosen) == 7
    assert gap[chosen[-1]] <= np.quantile(gap, 0.1)
    assert np.diff(gap[chosen]).max() < 0.02  # from the widest to the closed
    assert min(np.diff(sorted(chosen))) >= 6
    assert moments(np.arange(10, dtype=np.float32)) == [9, 3]  # no room for more


def test_a_piece_beyond_the_picture_is_white() -> None:
    picture = np.zeros((20, 30, 3), np.uint8)
    piece = cut(picture, (20, -10, 40, 10), 20)
    assert piece.shape == (20, 20, 3)
    assert (piece[:10] == 255).all() and (piece[10:, :10] == 0).all() and (piece[:, 10:] == 255).all()


class Blank:
    """A decoder that draws nobody."""

    def decode(self, values: Floats, breath: float = 0.0, lag: Floats = NO_LAG) -> Image:
        return np.full((64, 64, 3), 200, np.uint8)


class SeesEverySecond:
    """A tracker that finds the face in every second picture, one pixel farther to the right each time."""

    def __init__(self) -> None:
        self._seen = 0

    def __enter__(self) -> SeesEverySecond:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __call__(self, image: Image) -> Floats | None:
        self._seen += 1
        face = np.zeros((478, 3), np.float32)
        face[:, 0] = self._seen - 1
        return face if self._seen % 2 else None


def test_pictures_without_a_face_are_bridged_or_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("avatar.tracking.faces.FaceTracker", SeesEverySecond)
    with pytest.raises(InputError, match="it, drawn: expected a face in most pictures, found one in 5 of 10"):
        track_drawn(Blank(), neutral(10), "it")
    monkeypatch.setattr("avatar.evaluation.people.tracked_face._LEAST_SHARE", 0.4)
    found = track_drawn(Blank(), neutral(9), "it")
    assert found.landmarks[:, 0, 0] == pytest.approx(np.arange(9))


def test_curves_are_cut_alike() -> None:
    face = replace(curves_of(syllables()), head=np.ones((FRAMES, 3), np.float32))
    cut_face = face.first(10)
    assert cut_face.gap.shape == (10,) and cut_face.head.shape == (10, 3) and cut_face.lids.shape == (10, 60)
