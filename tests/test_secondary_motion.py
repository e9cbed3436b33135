"""What hangs from a head: when it follows, what follows, and that nothing else does."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import cv2
import numpy as np
import pytest

from avatar.clock import SAMPLES_PER_FRAME, OfflineClock
from avatar.decoder import Image
from avatar.geometry import landmarks as lm
from avatar.mesh.decoder import MeshDecoder
from avatar.motion import Floats, MotionLayout, neutral
from avatar.portrait.portrait import Portrait, load_portrait
from avatar.renderer import FrameShown, Renderer
from avatar.sampler.recorded_motion import RecordedMotion
from avatar.secondary_motion import NO_LAG, DampedFollow
from speech.sound_track import SoundTrack
from tests.fakes import KeptOutput
from tests.virtual_time import run

DRAWN = Path(__file__).resolve().parent.parent / "avatar" / "assets" / "portraits"
ROLL = MotionLayout.INDEX["headRoll"]


def tilting(frames: int) -> Floats:
    """A head at rest that tilts within a quarter of a second, and stays so."""
    values = neutral(frames)
    values[:, ROLL] = 0.1 * np.clip((np.arange(frames) - 5) / 6.0, 0.0, 1.0)
    return values


def test_it_comes_late_swings_over_and_comes_to_rest() -> None:
    hanging = DampedFollow()
    lags = np.array([hanging.follow(values) for values in tilting(100)])
    assert (lags[:6] == 0.0).all()
    across = lags[:, 0]
    assert -0.05 < across.min() < -0.025, "behind a head that tilts to the right"
    assert 8 <= across.argmin() <= 12
    assert 0.1 < across.max() / -across.min() < 0.5
    assert np.abs(across[75:]).max() < 0.002
    assert np.abs(np.diff(across)).max() < 0.02


def test_a_head_that_jumps_tears_nothing() -> None:
    hanging, values = DampedFollow(), neutral(50)
    values[::2, ROLL] = 0.4
    assert max(np.abs(hanging.follow(row)).max() for row in values) < 0.0501


class KeptLags:
    """A decoder that only remembers how late the hair was."""

    def __init__(self) -> None:
        self.lags: list[Floats] = []

    def decode(self, values: Floats, breath: float = 0.0, lag: Floats = NO_LAG) -> Image:
        self.lags.append(lag)
        return np.zeros((8, 8, 3), np.uint8)


def test_motion_that_is_thrown_away_leaves_no_trace() -> None:
    motion = tilting(40)
    expected = DampedFollow()
    voice, output, decoder = SoundTrack(), KeptOutput(), KeptLags()
    voice.append(np.zeros(40 * SAMPLES_PER_FRAME, np.float32))

    def on_frame(shown: FrameShown) -> None:
        if shown.frame == 8:  # in the middle of the tilt all that was sampled ahead is sampled again
            voice.cut((shown.frame + 1) * SAMPLES_PER_FRAME)
            voice.append(np.full(31 * SAMPLES_PER_FRAME, 0.1, np.float32))

    renderer = Renderer(
        clock=OfflineClock([voice]),
        voice=voice,
        user=SoundTrack(),
        sampler=RecordedMotion(motion),
        decoder=decoder,
        outputs=[output],
        label=None,
    )
    renderer.end_at(40 * SAMPLES_PER_FRAME)
    run(renderer.run(on_frame))
    np.testing.assert_array_equal(output.motion, motion)
    np.testing.assert_array_equal(decoder.lags, [expected.follow(values) for values in motion])


@pytest.fixture(scope="module")
def portrait(portrait_cache: Path) -> Portrait:
    """One with long hair."""
    return load_portrait(DRAWN / "mira.png", cache_dir=portrait_cache)


@pytest.fixture(scope="module")
def decoder(portrait: Portrait) -> MeshDecoder:
    return MeshDecoder(portrait)


@pytest.mark.parametrize("lag_x", [-0.05, 0.05])
def test_long_hair_swings_and_face_shoulders_and_background_stay(
    decoder: MeshDecoder, portrait: Portrait, lag_x: float
) -> None:
    still = neutral(1)[0]
    rest, swung = decoder.decode(still), decoder.decode(still, 0.0, np.array([lag_x, 0.0], np.float32))
    changed = np.abs(swung.astype(int) - rest.astype(int)).max(axis=2)
    unit = lm.FacePlane.of(portrait.landmarks).eye_distance_px
    x, chin = portrait.landmarks[lm.CHIN, :2]
    beside = np.abs(np.arange(512)[None, :] - x) / unit
    below = (np.arange(512)[:, None] - chin) / unit
    hair = (beside > 0.6) & (beside < 1.0) & (below > -0.3) & (below < 0.2)
    assert changed[hair].mean() > 8.0
    nobody = cv2.dilate((portrait.matte > 0.02).astype(np.uint8), np.ones((25, 25), np.uint8)) == 0
    assert changed[nobody].max() == 0
    face = np.zeros((512, 512), np.uint8)
    cv2.fillConvexPoly(face, cv2.convexHull(portrait.landmarks[:, :2].astype(np.int32)), 1)
    assert changed[face > 0].max() <= 3
    shoulders = (beside > 1.5) & (below > 0.35) & (portrait.matte > 0.9)
    assert shoulders.sum() > 500 and changed[shoulders].max() <= 3
    np.testing.assert_array_equal(decoder.decode(still, 0.0, NO_LAG), rest)


def test_no_pose_folds_the_hair_over_what_stays_beside_it(decoder: MeshDecoder) -> None:
    for roll, yaw, lag in product((-0.3, 0.0, 0.3), (-0.3, 0.3), (-0.05, 0.05)):
        values = neutral(1)[0]
        values[MotionLayout.ROTATION] = 0.1, yaw, roll
        back = decoder._posed(values, 1.0, np.array([lag, 0.02], np.float32)).back / decoder.cell
        along_y, along_x = np.gradient(back, axis=(0, 1))
        grows = (1.0 + along_x[..., 0]) * (1.0 + along_y[..., 1]) - along_x[..., 1] * along_y[..., 0]
        assert grows.min() > 0.2


def test_short_hair_and_collars_never_swing(portrait_cache: Path) -> None:
    for name in ("jonas", "ada"):
        decoder = MeshDecoder(load_portrait(DRAWN / f"{name}.png", cache_dir=portrait_cache))
        values = tilting(20)[-1]
        swung = decoder.decode(values, 0.0, np.array([0.06, 0.02], np.float32))
        np.testing.assert_array_equal(swung, decoder.decode(values))
