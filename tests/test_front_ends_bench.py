"""The bench of front ends: what a probe is given of the future, and who is left out."""

from __future__ import annotations

import numpy as np
import pytest

from avatar.motion import Floats
from avatar.sampler.speech_encoder import load_speech_encoder
from benchmarks.front_end_features import BLOCK_FRAMES, SAMPLES_PER_FRAME, CutFrontEnd, MelFrontEnd, WhisperFrontEnd
from benchmarks.front_end_probes import COMPONENTS, Clip, Normal, stacked
from benchmarks.front_ends import best_r, folds, probe_ridge

RANDOM = np.random.default_rng(5)


def loudest_of_window(mels: Floats) -> Floats:
    """An encoder that tells of every position how loud the whole window is up to there, and its own loudness."""
    pairs = mels.mean(axis=1).reshape(len(mels), -1, 2).mean(axis=2)
    return np.stack([pairs, np.maximum.accumulate(pairs, axis=1)], axis=-1)


@pytest.mark.parametrize("ahead", [0, 2])
def test_a_front_end_hears_no_more_than_its_look_ahead(ahead: int) -> None:
    pytest.importorskip("faster_whisper")
    sound = (0.1 * RANDOM.standard_normal(30 * SAMPLES_PER_FRAME)).astype(np.float32)
    changed = sound.copy()
    late = 20 + ahead + 1  # a frame further for the windows of the spectrum, which reach over its edge
    changed[late * SAMPLES_PER_FRAME :] *= 0.5
    cut = CutFrontEnd(load_speech_encoder(), "it", 10, 4, ahead)
    for front in (MelFrontEnd(21, ahead), WhisperFrontEnd(loudest_of_window, "it", 10, 4, ahead), cut):
        before, after = front.views(sound), front.views(changed)
        assert before.shape[:2] == (30, 1 + ahead)
        assert np.allclose(before[:20], after[:20], atol=1e-5), front.name
        assert not np.allclose(before[late + 1 :], after[late + 1 :], atol=1e-3), front.name


def test_a_frame_is_heard_where_it_is() -> None:
    pytest.importorskip("faster_whisper")
    sound = np.zeros(20 * SAMPLES_PER_FRAME, np.float32)
    sound[12 * SAMPLES_PER_FRAME : 13 * SAMPLES_PER_FRAME] = RANDOM.standard_normal(SAMPLES_PER_FRAME)
    views = WhisperFrontEnd(loudest_of_window, "it", 15, 4, 2).views(sound)
    own = views[10:15, 0].reshape(BLOCK_FRAMES, 2, 2)[..., 0].mean(axis=1)  # one block: one normalisation
    assert int(np.argmax(own)) == 2


def clips(count: int, map_to_mouth: Floats, frames: int) -> list[Clip]:
    made = []
    for number in range(count):
        views = RANDOM.standard_normal((frames, 2, COMPONENTS)).astype(np.float32)
        made.append(Clip(f"p{number}", views, (views.reshape(frames, -1) @ map_to_mouth).astype(np.float32)))
    return made


def test_the_ridge_finds_a_mouth_that_can_be_read_off() -> None:
    way = RANDOM.standard_normal((2 * COMPONENTS, 2)).astype(np.float32)
    known = clips(3, way, 600)
    weights = Normal.of(known, 0).solve()[0]
    told = (stacked(known[0], 0) @ weights).astype(np.float32)
    r, lag, width = best_r(told, known[0].mouth)
    assert r > 0.98 and lag == 0 and width > 0.98


def test_nobody_is_judged_by_what_was_learned_from_them() -> None:
    people = clips(4, RANDOM.standard_normal((2 * COMPONENTS, 2)).astype(np.float32), 200)
    for most in (2, 4):
        groups = folds(people, most)
        assert len(groups) == most and sorted(c.person for g in groups for c in g) == ["p0", "p1", "p2", "p3"]
    # Everybody's mouth follows a way of their own: what the others teach is of no use.
    alone = [clips(1, RANDOM.standard_normal((2 * COMPONENTS, 2)).astype(np.float32), 200)[0] for _ in range(4)]
    strangers = [Clip(f"q{i}", clip.views, clip.mouth) for i, clip in enumerate(alone)]
    scores = probe_ridge(strangers[:1], strangers, 0)["real"]
    assert max(abs(r) for r, _, _ in scores.values()) < 0.5
