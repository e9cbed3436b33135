"""Lips and jaw that are never quite straight."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from avatar.motion import FRAME_RATE_HZ, MotionLayout
from avatar.sampler.intention.state import IntentionState
from avatar.sampler.intention.sway import swing, with_sway
from avatar.sampler.intention.talker import talker

INDEX = MotionLayout.INDEX


def _swung(seed: int, frames: int, heard: int = 0) -> list[IntentionState]:
    state, states = IntentionState(heard=heard), []
    for frame in range(frames):
        state = replace(state)
        swing(state, talker(seed), seed, frame)
        states.append(state)
    return states


def _face(frames: int, jaw: float, close: float = 0.0) -> np.ndarray:
    values = np.zeros((frames, MotionLayout.SIZE), np.float32)
    values[:, INDEX["jawOpen"]], values[:, INDEX["mouthClose"]] = jaw, close
    return values


def test_it_goes_as_far_as_the_person_does_and_takes_seconds():
    person = talker(3)
    sways = np.array([state.sway for state in _swung(3, 4000)])[200:]
    assert sways.std(axis=0) == pytest.approx((person.corner_sway, person.jaw_sway), rel=0.25)
    assert abs(np.diff(sways, axis=0)).max() < 0.02
    crossings = (np.diff(np.sign(sways), axis=0) != 0).sum(axis=0) / (len(sways) / FRAME_RATE_HZ)
    assert (0.05 < crossings).all() and (crossings < 1.5).all()


def test_sound_and_seed_change_it():
    one, again, other, said = (
        np.array([state.sway for state in _swung(seed, 50, heard)]) for seed, heard in ((1, 0), (1, 0), (2, 0), (1, 9))
    )
    assert np.array_equal(one, again)
    assert not np.allclose(one, other) and not np.allclose(one, said)


def test_an_open_mouth_shows_it_and_a_closed_one_does_not():
    states = _swung(3, 500)
    straight, met = _face(500, 0.0), _face(500, 0.4, 0.4)
    assert np.array_equal(with_sway(straight, states), straight)
    assert np.array_equal(with_sway(met, states), met)
    opened = with_sway(_face(500, 0.4), states)
    sway = np.array([state.sway for state in states], np.float32)
    for column, names in enumerate((("mouthStretchLeft", "mouthStretchRight"), ("jawLeft", "jawRight"))):
        left, right = (opened[:, INDEX[name]] for name in names)
        assert np.allclose(left - right, sway[:, column], atol=1e-6)
        assert min(left.min(), right.min()) >= 0.0 and np.minimum(left, right).max() == 0.0
