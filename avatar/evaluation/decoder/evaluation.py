"""How well a decoder draws: commanded motion against what is found again in its pictures.

Every figure is taken from drawn pictures by fixed landmark measures (`avatar.evaluation.decoder.landmarks`) or from
their pixels; only folds look at the decoder's own field.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from avatar.decoder import Image
from avatar.evaluation.decoder.landmarks import Measured, Ruler
from avatar.evaluation.decoder.lids import CLOSED_LIDS_NOTE, closed_lid_rows
from avatar.evaluation.decoder.mouth import MOUTH_NOTE, OpenMouth, look_into, mouth_rows
from avatar.evaluation.decoder.pixels import background_flicker, fold_share, seam_ratio
from avatar.evaluation.decoder.surroundings import padded_percent, residue
from avatar.evaluation.decoder.travel import travel_rows
from avatar.evaluation.results import Band, Cell, Row, Section
from avatar.mesh.decoder import MeshDecoder
from avatar.motion import Doubles, Floats, MotionLayout, neutral
from avatar.portrait.detection import FaceFinder
from avatar.portrait.head_looks import settled_landmarks
from avatar.portrait.portrait import Portrait
from avatar.progress import ShareDone
from speech.errors import InputError

_INDEX = MotionLayout.INDEX
_MM = 90.0
"""Millimetres between the outer corners of the eyes."""

# What is measured, the coefficient that is driven from 0 to 1, and what it is held to show.
_RAMPS: tuple[tuple[str, str, str], ...] = (
    ("jaw: lip gap", "jawOpen", "lip gap"),
    ("lids, left: gap", "eyeBlinkLeft", "lid gap Left"),
    ("lids, right: gap", "eyeBlinkRight", "lid gap Right"),
    ("smile: mouth width", "mouthSmile", "mouth width"),
    ("smile: corners' height", "mouthSmile", "mouth corners"),
    ("frown: corners' height", "mouthFrown", "mouth corners"),
    ("pucker: mouth width", "mouthPucker", "mouth width"),
    ("brows down: inner height", "browDown", "brow inner"),
    ("brows up: inner height", "browInnerUp", "brow inner"),
    ("brows up: outer height", "browOuterUp", "brow outer"),
)
# What a turned head must leave alone.
_KEPT = ("lip gap", "mouth width", "mouth corners", "lid gap", "brow inner", "brow outer")
_CORRELATION = Band(0.95, 1.0)
_ANGLES = (("pitch", 0, 10.0), ("yaw", 1, 15.0), ("roll", 2, 15.0))
_GAZES = (("gaze yaw", "gazeYaw", 20.0), ("gaze pitch", "gazePitch", 15.0))
_ANGLE_BAND, _GAZE_BAND, _KEPT_BAND, _SHAPE_BAND = Band(0.0, 2.0), Band(0.0, 4.0), Band(0.0, 0.05), Band(0.0, 0.02)
_NONE = Band(0.0, 0.0)
_SEAM_BAND = Band(0.0, 1.15)
_RESIDUE_BAND = Band(0.75, 1.25)


def vector(**values: float) -> Floats:
    """A motion vector, float32 [60]; a name without a side means both."""
    out: Floats = neutral(1)[0]
    for name, value in values.items():
        for column in (name, name + "Left", name + "Right"):
            if column in _INDEX:
                out[_INDEX[column]] = value
    return out


class DecoderEvaluation:
    """Measures the decoder of one portrait.

    Args:
        portrait: whose.
        decoder: of this portrait.
        finder: entered already.
        steps: pictures of a ramp.

    Raises:
        InputError: no face is found in the picture at rest.
    """

    def __init__(self, portrait: Portrait, decoder: MeshDecoder, finder: FaceFinder, steps: int) -> None:
        self._portrait = portrait
        self._decoder = decoder
        self._finder = finder
        self._shares = np.linspace(0.0, 1.0, steps)
        picture = decoder.decode(vector())
        rest = self._found(picture)
        if rest is None:
            raise InputError(f"{portrait.path}: expected a face that can be found again at rest, MediaPipe finds none")
        self._ruler = Ruler(picture, rest)
        self._rest = self._ruler(rest)

    def sections(self, progress: ShareDone) -> list[Section]:
        """All tables; `progress` is called with the share that is done."""
        rows: list[Row] = []
        ends: dict[str, list[float]] = {}
        for number, (name, coefficient, measure) in enumerate(_RAMPS):
            found, shown = self._ramp(name, coefficient, measure)
            rows += found
            ends.setdefault(measure.removesuffix(" Left").removesuffix(" Right"), []).extend(shown)
            progress(0.05 + 0.5 * (number + 1) / len(_RAMPS))
        ranges = {measure: max(shown) - min(shown) for measure, shown in ends.items() if shown}
        column = (self._portrait.name,)
        expression = Section(
            "Expression found again",
            column,
            tuple(rows),
            "r: correlation of the command with the measure, the median of four looks at each picture (as it is, "
            "mirrored, from nearer and farther); at 1: what the command moves in full, 90 mm between the eyes' outer "
            "corners.",
        )
        head = Section("Head and gaze found again", column, tuple(self._angles(ranges)), _HEAD_NOTE)
        progress(0.9)
        travel = travel_rows(self._portrait.landmarks, lambda driven: self._decoder.decode(vector(**driven)))
        pixels = Section("Picture", column, tuple(self._pixels()), _PIXEL_NOTE)
        closed = self._decoder.decode(vector(eyeBlink=1.0))
        lids = Section(
            "Closed eyes", column, tuple(closed_lid_rows(closed, self._portrait.landmarks)), CLOSED_LIDS_NOTE
        )
        opened = self._mouth(jawOpen=0.6, mouthLowerDown=0.2, mouthUpperUp=0.3)
        bared = self._mouth(jawOpen=0.12, mouthStretch=0.4, mouthLowerDown=0.4, mouthUpperUp=0.5)
        mouth = Section("Mouth", column, tuple(mouth_rows(opened, bared)), MOUTH_NOTE)
        progress(1.0)
        return [expression, Section("Travel at 1", column, tuple(travel), _TRAVEL_NOTE), head, mouth, lids, pixels]

    def _found(self, image: Image) -> Floats | None:
        return settled_landmarks(self._finder, image)

    def _measured(self, values: Floats) -> Measured | None:
        found = self._found(self._decoder.decode(values))
        return None if found is None else self._ruler(found)

    def _mouth(self, **values: float) -> OpenMouth | None:
        picture = self._decoder.decode(vector(**values))
        found = self._found(picture)
        return None if found is None else look_into(picture, found)

    def _ramp(self, name: str, coefficient: str, measure: str) -> tuple[list[Row], list[float]]:
        """The rows of one ramp, and the measure at its ends."""
        commanded, shown = [], []
        for share in self._shares:
            found = self._measured(vector(**{coefficient: share}))
            if found is not None:
                commanded.append(float(share))
                shown.append(_read(found, measure))
        if len(shown) < 3:
            return [_row(f"{name}, r", None, band=_CORRELATION), _row(f"{name}, at 1", None)], []
        slope = float(np.polyfit(commanded, shown, 1)[0])
        spread = float(np.std(shown))
        r = abs(float(np.corrcoef(commanded, shown)[0, 1])) if spread > 1e-6 else 0.0
        rows = [
            _row(f"{name}, r", r, band=_CORRELATION, digits=3),
            _row(f"{name}, at 1", slope * _MM, unit="mm", digits=1),
        ]
        return rows, [shown[0], shown[-1]]

    def _angles(self, ranges: Mapping[str, float]) -> list[Row]:
        rows: list[Row] = []
        turned: dict[str, list[Measured]] = {}
        for name, axis, most in _ANGLES:
            asked = np.array([-most, -most / 2, most / 2, most])
            seen = []
            for angle in asked:
                values = vector()
                values[MotionLayout.ROTATION.start + axis] = np.radians(angle)
                found = self._measured(values)
                seen.append(np.nan if found is None else found.angles[axis])
                if found is not None:
                    turned.setdefault(name, []).append(found)
            rows += _error_rows(name, asked, np.array(seen), _ANGLE_BAND)
        for axis, (name, column, most) in enumerate(_GAZES):
            asked = np.array([-most, -most / 2, most / 2, most])
            seen = []
            for angle in asked:
                picture = self._decoder.decode(vector(**{column: float(np.radians(angle))}))
                points = self._found(picture)
                seen.append(np.nan if points is None else self._ruler.gaze(picture, points)[axis])
            rows += _error_rows(name, asked, np.array(seen), _GAZE_BAND)
        tilted = turned.pop("roll", [])
        return rows + self._kept([found for angle in turned.values() for found in angle], tilted, ranges)

    def _kept(self, turned: list[Measured], tilted: list[Measured], ranges: Mapping[str, float]) -> list[Row]:
        """What turning the head does to expression and shape, and what the tracker makes of a mere tilt."""
        rows = []
        for measure in _KEPT:
            for verb, poses, band in (("turning", turned, _KEPT_BAND), ("tilting", tilted, None)):
                changes = [abs(_read(found, measure) - _read(self._rest, measure)) for found in poses]
                worst = max(changes) / ranges[measure] if changes and ranges.get(measure, 0.0) > 1e-3 else None
                rows.append(_row(f"{verb} changes {measure}", worst, band=band))
        shapes = [_shape_difference(found.shape, self._rest.shape) for found in turned]
        rows.append(_row("turning changes shape", float(np.mean(shapes)) if shapes else None, "%", _SHAPE_BAND, 1))
        return rows

    def _pixels(self) -> list[Row]:
        extremes = [vector(), *extreme_vectors()]
        lively = extremes[: 3 * len(self._shares)]
        return [
            _row("folds", max(fold_share(self._decoder, values) for values in extremes), "%", _NONE),
            _row(
                "background flicker",
                background_flicker(self._decoder, self._portrait, lively),
                "levels",
                _NONE,
                0,
            ),
            _row(
                "seams around mouth and eyes",
                seam_ratio(self._decoder, self._portrait, extreme_faces()),
                "",
                _SEAM_BAND,
            ),
            _row("beyond the picture's edges", padded_percent(self._portrait), "%", _NONE, 1),
            _row("residue beside the moved head", residue(self._decoder, self._portrait), "", _RESIDUE_BAND),
        ]


_HEAD_NOTE = (
    "Errors are the largest over the range. Angles by PnP over bony landmarks, gaze from where the iris is in the "
    "picture (an eyeball of 12 mm). Turning the head must leave expression alone: changes are shares of a measure's "
    "full range. A tilt only rotates the picture: what it changes is the tracker's own doing."
)
_TRAVEL_NOTE = "Eye distances (90 mm) by which features go in the picture at 1, by optical flow."
_PIXEL_NOTE = (
    "Folds: cells of the field that are turned over, at extremes. Flicker: the largest change of a pixel that the "
    "person never reaches. Seams: gradient on the borders of what is drawn over, over that of the skin there. Residue: "
    "gradient where the head's outline was before it moved aside, over that of the background around: smears make it "
    "less than 1, hair left behind more."
)


def side_by_side(tables: Sequence[Sequence[Section]]) -> list[Section]:
    """Several portraits' tables as one: the same rows, a column each."""
    joined = []
    for sections in zip(*tables, strict=True):
        rows = [
            replace(lines[0], cells=tuple(line.cells[0] for line in lines))
            for lines in zip(*(section.rows for section in sections), strict=True)
        ]
        columns = tuple(section.columns[0] for section in sections)
        joined.append(replace(sections[0], columns=columns, rows=tuple(rows)))
    return joined


def extreme_faces() -> list[Floats]:
    """Faces at their limits with the head at rest, float32 [60] each."""
    return [
        vector(jawOpen=1.0),
        vector(mouthSmile=1.0, jawOpen=0.5, cheekSquint=1.0),
        vector(eyeBlink=1.0, browDown=1.0, mouthFunnel=1.0),
        vector(browInnerUp=1.0, browOuterUp=1.0, eyeWide=1.0, mouthStretch=1.0, mouthLowerDown=1.0),
        vector(cheekPuff=1.0, mouthPucker=1.0, noseSneer=1.0),
        vector(mouthFrown=1.0, mouthShrugLower=1.0, mouthRollUpper=1.0, mouthPress=1.0),
    ]


def extreme_vectors(count: int = 24, seed: int = 0) -> list[Floats]:
    """Faces at their limits with the head at its own, and random ones; float32 [60] each."""
    turns = [
        (0.17, 0.26, 0.26),
        (-0.17, -0.26, 0.26),
        (0.17, -0.26, -0.26),
        (-0.17, 0.26, -0.26),
        (0.0, 0.26, 0.0),
        (0.17, 0.0, 0.0),
    ]
    found = []
    for face, turn in zip(extreme_faces(), turns, strict=True):
        values = face.copy()
        values[MotionLayout.ROTATION] = turn
        found.append(values)
    random = np.random.default_rng(seed)
    for _ in range(count):
        values = neutral(1)[0]
        values[MotionLayout.FACE] = random.uniform(0.0, 1.0, 52) * (random.uniform(0.0, 1.0, 52) < 0.4)
        values[MotionLayout.ROTATION] = random.uniform(-1.0, 1.0, 3) * [0.17, 0.26, 0.26]
        values[3:5] = random.uniform(-0.2, 0.2, 2)
        values[5] = random.uniform(0.85, 1.25)
        found.append(values.astype(np.float32))
    return found


def _read(found: Measured, measure: str) -> float:
    """A measure; of both sides where it has sides and none is named."""
    if measure in found.values:
        return found.values[measure]
    return (found.values[measure + " Left"] + found.values[measure + " Right"]) / 2.0


def _row(name: str, value: float | None, unit: str = "", band: Band | None = None, digits: int = 2) -> Row:
    return Row(name, (Cell(value, band),), unit, digits)


def _error_rows(name: str, asked: Doubles, seen: Doubles, band: Band) -> list[Row]:
    known = np.isfinite(seen)
    if not known.any():
        return [_row(f"{name}, error", None, "°", band, 1), _row(f"{name}, slope", None)]
    error = float(np.abs(seen - asked)[known].max())
    slope = float((seen[known] @ asked[known]) / (asked[known] @ asked[known]))
    return [_row(f"{name}, error", error, "°", band, 1), _row(f"{name}, slope", slope)]


def _shape_difference(shape: Doubles, rest: Doubles) -> float:
    """Mean distance of landmarks after laying one shape over the other (Procrustes), eye distances."""
    a, b = shape - shape.mean(axis=0), rest - rest.mean(axis=0)
    u, s, vt = np.linalg.svd(b.T @ a)
    laid = a @ (u @ vt).T * (s.sum() / (a**2).sum())
    return float(np.linalg.norm(laid - b, axis=1).mean())
