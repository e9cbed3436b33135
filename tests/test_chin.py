"""A dropping jaw: what goes with it, what it slides over, and the grain of the skin it stretches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from avatar.decoder import Image
from avatar.evaluation.decoder.evaluation import vector
from avatar.geometry import landmarks as lm
from avatar.mesh.decoder import MeshDecoder
from avatar.mesh.grain import Grain
from avatar.portrait.portrait import Portrait, load_portrait

DRAWN = Path(__file__).resolve().parent.parent / "avatar" / "assets" / "portraits" / "jonas.png"


@pytest.fixture(scope="module")
def portrait(portrait_cache: Path) -> Portrait:
    """A shipped portrait with marks below the chin and film grain all over."""
    drawn = load_portrait(DRAWN, cache_dir=portrait_cache)
    grain = np.random.default_rng(0).normal(0.0, 7.0, (512, 512, 1))
    image = np.clip(drawn.image + grain, 0, 255).astype(np.uint8)
    x, y = chin(drawn)
    image[y + 60 : y + 64, x - 60 : x + 60] = (255, 0, 0)
    return replace(drawn, image=image)


@pytest.fixture(scope="module")
def decoder(portrait: Portrait) -> MeshDecoder:
    return MeshDecoder(portrait)


def chin(portrait: Portrait) -> tuple[int, int]:
    x, y = portrait.landmarks[lm.CHIN, :2].astype(int)
    return int(x), int(y)


def row_of_mark(frame: Image, x: int) -> float:
    column = frame[:, x - 4 : x + 4].astype(float).mean(axis=1)
    red = np.clip(column[:, 0] - column[:, 1] - 120.0, 0.0, None)
    return float((red * np.arange(len(red))).sum() / red.sum())


def test_the_collar_stays_while_the_chin_drops(decoder: MeshDecoder, portrait: Portrait) -> None:
    x, _ = chin(portrait)
    rest = row_of_mark(decoder.decode(vector()), x)
    for jaw in (0.1, 0.2, 0.4):
        moved = row_of_mark(decoder.decode(vector(jawOpen=jaw)), x) - rest
        drop = 0.26 * jaw * lm.FacePlane.of(portrait.landmarks).eye_distance_px
        assert 0.0 <= moved < 0.2 * drop


def test_nothing_jumps_when_chin_and_neck_part(decoder: MeshDecoder) -> None:
    frames = [decoder.decode(vector(jawOpen=jaw)).astype(int) for jaw in np.linspace(0.0, 0.05, 11)]
    steps = [np.abs(b - a).mean() for a, b in pairwise(frames)]
    assert max(steps) < 2.2 * np.median(steps)


def test_the_neck_follows_the_head(decoder: MeshDecoder, portrait: Portrait) -> None:
    x, _ = chin(portrait)
    closed, opened = (row_of_mark(decoder.decode(vector(headY=0.1, jawOpen=jaw)), x) for jaw in (0.0, 0.3))
    assert abs(opened - closed) < 3.0
    assert row_of_mark(decoder.decode(vector()), x) - closed > 2.0  # less than the chin: shoulders stay at the edge


def test_stretched_skin_keeps_its_grain(
    decoder: MeshDecoder, portrait: Portrait, monkeypatch: pytest.MonkeyPatch
) -> None:
    corner = portrait.landmarks[lm.MOUTH_CORNERS[1], :2].astype(int)
    beside = np.s_[corner[1] + 28 : corner[1] + 56, corner[0] - 10 : corner[0] + 15]

    def fine(frame: Image) -> float:
        grey = frame[beside].astype(np.float32).mean(axis=2)
        return float(np.abs(grey - cv2.blur(grey, (1, 5)))[4:-4].mean())

    def drawn(grain: Callable[..., None] | None) -> float:
        if grain is not None:
            monkeypatch.setattr(Grain, "draw", grain)
        return fine(decoder.decode(vector(jawOpen=0.9)))

    rest, kept = fine(decoder.decode(vector())), drawn(None)
    lost = drawn(lambda *_: None)
    assert lost < 0.93 * rest
    assert kept > rest


def test_a_tongue_put_out_lies_over_the_lower_lip(decoder: MeshDecoder, portrait: Portrait) -> None:
    x, lip = portrait.landmarks[17, :2].astype(int)
    opened, licking = (decoder.decode(vector(jawOpen=0.3, tongueOut=out)) for out in (0.0, 1.0))
    below = np.s_[lip - 6 : lip + 14, x - 8 : x + 8]
    changed = np.abs(licking[below].astype(int) - opened[below].astype(int)).max(axis=2)
    assert np.median(changed) > 20
    nose = portrait.landmarks[2, :2].astype(int)
    above = np.s_[nose[1] - 10 : nose[1] + 6, nose[0] - 10 : nose[0] + 10]
    np.testing.assert_array_equal(licking[above], opened[above])
