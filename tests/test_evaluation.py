"""The measures, on motion whose answer is known."""

from itertools import pairwise

import numpy as np
import pytest

from avatar.evaluation import behaviour, curves
from avatar.evaluation.bands import BANDS, BLINKS, band
from avatar.evaluation.lips import LipGeometry, aperture_at_gap, rendered_lip_gap_px
from avatar.evaluation.listener import nods, pauses
from avatar.evaluation.people.tracked_face import track_face
from avatar.evaluation.phonemes import events, phoneme_measures
from avatar.evaluation.results import Band, Evaluation, Section, row
from avatar.evaluation.spectra import band_share
from avatar.evaluation.speech.alignment import align
from avatar.evaluation.speech.speech_track import (
    SpeechTrack,
    SpokenPart,
    envelope_motion,
    joined,
    rule_motion,
    speech_and_silence,
)
from avatar.evaluation.speech_sections import Clip, Target, agreement
from avatar.mesh.decoder import MeshDecoder
from avatar.motion import ConversationState, MotionLayout, neutral
from avatar.portrait.portrait import load_portrait
from avatar.sampler.intention.eyes import blink_closure
from avatar.training.voices.espeak import speak_espeak
from avatar.training.voices.utterance import Phone
from speech.errors import InputError
from tests.conftest import ROOT

INDEX = MotionLayout.INDEX
RATE = 16_000


@pytest.fixture(scope="module")
def portrait():
    return load_portrait(ROOT / "avatar" / "assets" / "portraits" / "mira.png")


@pytest.fixture(scope="module")
def lips(portrait):
    return LipGeometry(portrait)


@pytest.fixture(scope="module")
def track():
    spoken = speak_espeak("Five brave firefighters may remember Bob's map.", "en-us")
    frames = -(-len(spoken.samples) // 640)
    return SpeechTrack(spoken.samples, (SpokenPart(0, frames, spoken.phones, spoken.text),))


def with_columns(frames, **columns):
    values = neutral(frames)
    for name, curve in columns.items():
        values[:, INDEX[name]] = curve
    return values


def rows_of(section):
    return {line.name: dict(zip(section.columns, (c.value for c in line.cells), strict=True)) for line in section.rows}


# Curves


def test_a_late_mouth_has_a_lag_above_zero():
    theirs = np.convolve(np.random.default_rng(0).random(300), np.ones(5), mode="same").astype(np.float32)
    for late in (-6, 0, 3, 8):
        curve = curves.lag_curve(np.roll(theirs, late), theirs)
        assert curves.best_lag(curve) == late
    assert curves.lag_curve(theirs, theirs)[8] == pytest.approx(1.0, abs=1e-5)


def test_what_does_not_move_has_no_correlation():
    still, moving = np.zeros(50, np.float32), np.arange(50, dtype=np.float32)
    assert curves.correlation(still, moving) is None
    assert curves.lag_curve(still, moving) is None
    assert curves.lag_curve(moving[:10], moving[:10]) is None


def test_ranks_forget_the_scale_and_share_ties():
    a = np.array([3.0, 1.0, 2.0, 5.0])
    assert curves.rank_correlation(a, np.exp(a)) == pytest.approx(1.0)
    assert curves.rank_correlation(a, -a) == pytest.approx(-1.0)
    # Spearman by hand: ranks (1.5, 1.5, 3) and (1, 2, 3).
    assert curves.rank_correlation(np.array([1.0, 1.0, 2.0]), np.array([1.0, 2.0, 3.0])) == pytest.approx(0.8660254)


def test_velocity_is_per_second():
    assert curves.velocity(np.arange(10, dtype=np.float32) * 0.04) == pytest.approx(np.ones(10), abs=1e-5)


# Lips


def test_the_gap_is_what_the_decoder_draws(portrait, lips):
    """The dark of the open mouth in the picture is as high as the geometry says, teeth left out."""
    decoder = MeshDecoder(portrait)
    closed = decoder.decode(neutral(1)[0]).astype(int)
    column = int(portrait.landmarks[13, 0])
    seen = []
    for jaw in (0.1, 0.3, 0.5):
        values = with_columns(1, jawOpen=jaw)
        at = lips(values)
        changed = np.abs(decoder.decode(values[0]).astype(int) - closed).max(axis=2)
        top, bottom = (int(portrait.landmarks[i, 1]) for i in (0, 17))
        seen.append(((changed[top - 10 : bottom + 40, column] > 40).sum(), float(at.visible_px[0])))
        assert float(at.gap_px[0]) == pytest.approx(45.9 * jaw, abs=0.5)
    drawn, told = np.array(seen).T
    # Lips move as well as part: what changes is at least the opening, and grows with it.
    assert (drawn >= told - 2.0).all()
    assert np.corrcoef(drawn, told)[0, 1] > 0.9


def test_closed_lips_have_no_gap_and_mouth_close_closes(lips):
    assert abs(rendered_lip_gap_px(lips, neutral(1))[0]) < 0.2
    assert rendered_lip_gap_px(lips, with_columns(1, jawOpen=0.3, mouthClose=0.3))[0] < 1.0
    assert rendered_lip_gap_px(lips, with_columns(1, jawOpen=0.3))[0] > 10.0
    assert rendered_lip_gap_px(lips, with_columns(1, mouthRollLower=0.2))[0] < 0.0
    assert 0.018 < aperture_at_gap(lips, 1.0) < 0.024


def test_rolling_the_lower_lip_covers_the_teeth_and_opening_the_jaw_frees_them(lips):
    rolled, rest, opened = (
        float(lips(values).over_teeth_px[0])
        for values in (with_columns(1, mouthRollLower=0.6), neutral(1), with_columns(1, jawOpen=0.4))
    )
    assert opened < -5.0 < rest < rolled


def test_a_pucker_is_narrow_and_a_stretch_wide(lips):
    narrow, rest, wide = (
        float(lips(values).width_px[0])
        for values in (
            with_columns(1, mouthPucker=0.8),
            neutral(1),
            with_columns(1, mouthStretchLeft=0.8, mouthStretchRight=0.8),
        )
    )
    assert narrow < rest - 5.0 and wide > rest + 3.0


# Phonemes


def test_the_rule_passes_its_own_contacts_and_an_open_mouth_passes_none(track, lips):
    rule, found = rule_motion(track), events(track.parts, track.frames)
    ours = phoneme_measures(rule, rule, found, lips)
    assert ours.contacts >= 6 and ours.teeth >= 4 and ours.vowels >= 9
    assert ours.lips_meet == ours.lips_low_aperture == ours.at_teeth_parted == ours.rolled == 1.0
    assert ours.token_rank == pytest.approx(1.0)
    assert ours.vowels_closed < 0.2  # 32 ms between r and m, 60 between b and m
    gaping = phoneme_measures(with_columns(track.frames, jawOpen=0.5), rule, found, lips)
    assert gaping.lips_meet == gaping.lips_look_closed == gaping.at_teeth == gaping.near_edge == 0.0
    assert gaping.token_rank is None and gaping.closed_elsewhere == 0.0 and ours.closed_elsewhere < 0.1
    shut = phoneme_measures(neutral(track.frames), rule, found, lips)
    assert shut.lips_meet == shut.vowels_closed == shut.closed_elsewhere == 1.0
    assert shut.at_teeth == 1.0 and shut.at_teeth_parted == 0.0


def test_a_mouth_two_frames_late_misses_short_contacts(track, lips):
    rule, found = rule_motion(track), events(track.parts, track.frames)
    late = np.concatenate([neutral(4), rule[:-4]])
    assert phoneme_measures(late, rule, found, lips).lips_meet < 0.8


def test_the_envelope_is_a_poor_mouth(track, lips):
    rule, found = rule_motion(track), events(track.parts, track.frames)
    envelope = phoneme_measures(envelope_motion(track), rule, found, lips)
    assert envelope.lips_meet < 0.6 and envelope.token_rank < 0.7


def test_parts_keep_their_times_when_joined(track):
    twice = joined([track, track])
    assert twice.frames == 2 * track.frames
    assert [p.first_frame for p in twice.parts] == [0, track.frames]
    found = events(twice.parts, twice.frames)
    half = len(found) // 2
    assert [e.first + track.frames for e in found[:half]] == [e.first for e in found[half:]]
    once, again = np.split(curves.aperture(rule_motion(twice)), 2)
    assert again == pytest.approx(once, abs=0.02)


def test_alignment_finds_what_the_synthesizer_said(track):
    phones = align(track.sound, track.parts[0].text, "it")
    assert phones[0].start_s == 0.0 and phones[-1].end_s == pytest.approx(len(track.sound) / RATE)
    assert all(a.end_s == b.start_s for a, b in pairwise(phones))
    found = [(p.start_s + p.end_s) / 2.0 for p in phones if p.symbol in ("m", "b", "p")]
    said = [(p.start_s + p.end_s) / 2.0 for p in track.parts[0].phones if p.symbol in ("m", "b", "p")]
    assert len(found) == len(said)
    assert np.abs(np.subtract(found, said)).mean() < 0.04


@pytest.mark.parametrize(
    ("text", "says"), [("?!", "with words"), ("the quick " * 60, "does not fit"), ("hello", "does not fit")]
)
def test_a_transcript_of_something_else_is_refused(track, text, says):
    with pytest.raises(InputError, match=says):
        align(track.sound, text, "it")


# Agreement


def test_agreement_is_one_with_itself_and_finds_the_later_one(track, lips):
    rule = rule_motion(track)
    target = Target(curves.aperture(rule), lips(rule).width_px)
    late = np.concatenate([neutral(2), rule[:-2]])
    clip = Clip("it", track, {"same": rule, "late": late, "still": neutral(track.frames)}, target)
    found = rows_of(agreement("it", [clip], ["same", "late", "still"], lips))
    assert found["aperture: r at lag 0"]["same"] == pytest.approx(1.0)
    assert found["width as drawn: r at lag 0"]["same"] == pytest.approx(1.0)
    assert found["aperture: r at lag 0"]["late"] < 0.8
    assert found["aperture: best lag, frames"] == {"same": 0.0, "late": 2.0, "still": None}
    assert found["aperture velocity: best lag, frames"]["late"] == 2.0


# Behaviour


def blinking(frames, starts, depth=1.0, baseline=0.0):
    closure = np.full(frames, baseline)
    for start in starts:
        for frame in range(frames):
            age = frame / 25.0 - start
            if age >= 0.0:
                closure[frame] = max(closure[frame], depth * blink_closure(age, 1.0))
    return with_columns(frames, eyeBlinkLeft=closure, eyeBlinkRight=closure)


def test_blinks_are_counted_and_timed():
    starts = [1.013, 3.5, 4.1, 7.02]
    found = behaviour.blinks(blinking(250, starts, baseline=0.1))
    assert [b.start_s for b in found] == pytest.approx(starts, abs=0.05)
    assert all(0.2 < b.length_s < 0.36 and b.closing < 0.5 and b.peak > behaviour.INCOMPLETE_BLINK for b in found)
    half = behaviour.blinks(blinking(250, starts, depth=0.6))
    assert len(half) == 4 and all(b.peak < behaviour.INCOMPLETE_BLINK for b in half)


def test_two_blinks_in_a_row_are_two():
    found = behaviour.blinks(blinking(100, [1.0, 1.26]))
    assert len(found) == 2 and all(b.length_s < 0.4 for b in found)


def test_lids_that_stay_low_are_no_blink():
    assert behaviour.blinks(with_columns(200, eyeBlinkLeft=0.5, eyeBlinkRight=0.5)) == []


def test_gaze_is_head_and_eyes_together():
    against = with_columns(100, headYaw=np.radians(20), gazeYaw=np.radians(-20))
    assert behaviour.direct_gaze_share(against) == 1.0
    with_it = with_columns(100, headYaw=np.radians(4), gazeYaw=np.radians(4))
    assert behaviour.direct_gaze_share(with_it) == 0.0
    assert behaviour.direct_gaze_share(with_it, (np.radians(8), 0.0)) == 1.0


def test_a_saccade_turns_eye_and_gaze_and_a_head_that_turns_is_none():
    jumps = np.radians(np.repeat([0.0, 8.0, 0.0, -5.0], 25))
    assert behaviour.saccades(with_columns(100, gazeYaw=jumps)) == 3
    turning = np.radians(40.0 * np.sin(np.arange(100) / 8.0))
    assert behaviour.saccades(with_columns(100, headYaw=turning)) == 0
    assert behaviour.saccades(with_columns(100, headYaw=turning, gazeYaw=-turning)) == 0


def test_head_figures_of_a_sine():
    hz, degrees = 1.5, 3.0
    yaw = np.radians(degrees * np.sin(2.0 * np.pi * hz * np.arange(1000) / 25.0))
    values = with_columns(1000, headYaw=yaw)
    assert behaviour.head_speed_rms(values) == pytest.approx(degrees * 2 * np.pi * hz / np.sqrt(2), rel=0.02)
    # Mean |difference| of a sine, a third of it because only one of three angles moves.
    assert behaviour.pose_variation_deg(values) == pytest.approx(
        degrees * 2 * np.pi * hz * (2 / np.pi) / 25 / 3, rel=0.02
    )
    assert behaviour.head_jerk_rms(values) == pytest.approx(degrees * (2 * np.pi * hz) ** 3 / np.sqrt(2), rel=0.05)
    assert band_share(behaviour.head_velocity(values), 1.0, 2.0) > 0.98
    assert band_share(behaviour.head_velocity(neutral(100)), 1.0, 2.0) is None


def test_jumps_between_blocks_show():
    random = np.random.default_rng(1)
    smooth = np.cumsum(random.standard_normal(400))
    assert behaviour.boundary_ratio(smooth, 5) == pytest.approx(1.0, abs=0.2)
    jumping = smooth + np.repeat(np.cumsum(random.standard_normal(80) * 4.0), 5)
    assert behaviour.boundary_ratio(jumping, 5) > 2.0
    assert behaviour.boundary_ratio(smooth, 1) is None


def test_drift_is_the_trend_of_the_minutes():
    minutes = np.arange(4 * 1500) / 1500.0
    assert behaviour.drift_deg(with_columns(len(minutes), headPitch=np.radians(0.5 * minutes))) == pytest.approx(5.0)
    assert behaviour.drift_deg(neutral(3 * 1500 - 1)) is None


def test_a_quiet_mouth_in_silence():
    sound = np.zeros(100 * 640, np.float32)
    sound[: 50 * 640] = 0.3 * np.random.default_rng(2).standard_normal(50 * 640)
    speech, silence = speech_and_silence(sound, 100)
    assert speech[:50].all() and not speech[50:].any() and silence[60:].all() and not silence[:55].any()
    curve = np.random.default_rng(3).random(100).astype(np.float32)
    curve[50:] *= 0.1
    assert behaviour.silent_share(curve, speech, silence) == pytest.approx(0.1, abs=0.04)
    assert behaviour.silent_share(curve, speech, np.zeros(100, bool)) is None


def test_nods_are_counted_after_pauses():
    speaks = np.tile(np.repeat([True, False], (75, 40)), 6)
    asked = pauses(speaks)
    assert asked == [75 + 115 * i for i in range(6)]
    pitch = np.zeros(len(speaks))
    for at in asked[:4]:
        pitch[at + 8 : at + 20] = -3.0 * np.hanning(12)
    found = nods(with_columns(len(speaks), headPitch=np.radians(pitch)), speaks)
    assert found.pauses == 6 and found.answered == pytest.approx(4 / 6) and found.by_chance == 0.0
    assert found.depth_deg == pytest.approx(3.0, abs=0.3)


def test_a_breath_is_no_pause():
    speaks = np.tile(np.repeat([True, False], (20, 4)), 6)
    assert pauses(speaks[:-4]) == []


# Results


def test_figures_are_held_to_their_bands():
    assert set(BANDS) == set(ConversationState)
    idle = band(ConversationState.IDLE, BLINKS)
    assert 10.0 in idle and 22.0 in idle and 22.1 not in idle
    assert band(None, BLINKS) is None
    line = row("share", [0.7, 0.2, None], "%", 0, [Band(0.6, 0.9)] * 3)
    found = Evaluation("it", {}, [Section("gaze", ("a", "b", "c"), (line,))])
    assert found.outside == ["gaze: share, b"]
    entry = found.as_json()["sections"][0]["rows"][0]
    assert entry["values"] == {"a": 0.7, "b": 0.2, "c": None} and entry["outside"] == ["b"]


@pytest.mark.testdata
def test_a_real_mouth_is_tracked_with_the_sound(test_data):
    tracked = track_face(test_data / "video" / "grid_bbaf2n.mpg")
    assert 73 <= len(tracked.gap) == len(tracked.width) <= 76
    assert tracked.gap.max() > 0.08 > 0.02 > tracked.gap.min()
    assert 0.4 < tracked.width.mean() < 0.8


def test_a_phoneme_outside_the_track_is_left_out():
    part = SpokenPart(0, 10, (Phone("m", 0.0, 0.1), Phone("a", 3.0, 3.1)))
    assert [e.kind for e in events((part,), 10)] == ["lips"]
    pause = SpokenPart(0, 10, (Phone("", 0.0, 0.2), Phone("s", 0.2, 0.3)))
    assert [e.kind for e in events((pause,), 10)] == [""]
