"""The shipped weights, held to the figures of their model card (with room for other processors' arithmetic)."""

import numpy as np
import pytest

from avatar.evaluation.behaviour import boundary_ratio, head_speed_rms
from avatar.evaluation.curves import aperture, correlation
from avatar.evaluation.driving import drive, silence
from avatar.evaluation.lips import LipGeometry
from avatar.evaluation.people.tracked_face import track_face
from avatar.evaluation.phonemes import events, phoneme_measures
from avatar.evaluation.speech.speech_track import SpeechTrack, SpokenPart, log_envelope, rule_motion
from avatar.motion import ConversationState, MotionLayout
from avatar.portrait.portrait import load_portrait
from avatar.sampler.batcher import BlockBatcher
from avatar.sampler.model import load_motion_model
from avatar.sampler.motion_sampler import FlowMotionSampler
from avatar.sampler.options import SamplerOptions
from avatar.training.voices.espeak import speak_espeak
from speech.files.sound_file import read_audio
from tests.conftest import ROOT

RATE = 16_000
TEXT = (
    "Maybe Pamela or Bob may remember the number. Five very brave firefighters have saved my family. A map is above it."
)


pytestmark = pytest.mark.usefixtures("one_torch_thread")


@pytest.fixture(scope="module")
def shipped():
    return BlockBatcher(load_motion_model())


def _sample(shipped, sound, state=ConversationState.SPEAKING, seed=0):
    return drive(FlowMotionSampler(shipped, SamplerOptions(seed=seed)), sound, state)


@pytest.fixture(scope="module")
def spoken(shipped):
    """A voice variant that training leaves out."""
    utterance = speak_espeak(TEXT, "en-us+f5")
    frames = -(-len(utterance.samples) * 25 // RATE)
    track = SpeechTrack(utterance.samples, (SpokenPart(0, frames, utterance.phones),))
    return track, _sample(shipped, track.sound)


def test_the_mouth_does_what_phonemes_need(spoken):
    track, values = spoken
    lips = LipGeometry(load_portrait(ROOT / "avatar" / "assets" / "portraits" / "mira.png"))
    found = phoneme_measures(values, rule_motion(track), events(track.parts, track.frames), lips)
    assert found.contacts > 12 and found.teeth > 8
    assert found.lips_meet >= 0.8
    assert found.rolled >= 0.4 and found.at_teeth_parted >= 0.8
    assert found.vowels_closed <= 0.2
    assert found.token_rank >= 0.6


def test_the_head_lives_without_block_edges(shipped, spoken):
    track, _ = spoken
    values = _sample(shipped, np.tile(track.sound, 3), seed=1)
    assert 4.0 <= head_speed_rms(values) <= 18.0
    assert 0.85 <= boundary_ratio(values[:, MotionLayout.ROTATION], 5) <= 1.15


def test_a_still_state_is_calmer_than_speech(shipped):
    speed = {}
    for state in (ConversationState.IDLE, ConversationState.LISTENING):
        values = _sample(shipped, silence(30.0), state)
        assert aperture(values).std() < 0.004
        speed[state] = head_speed_rms(values)
    assert 0.8 <= speed[ConversationState.IDLE] <= 4.5
    assert 1.5 <= speed[ConversationState.LISTENING] <= 8.0


def test_two_speeches_are_told_with_two_movements(shipped, spoken):
    track, values = spoken
    cuts = [len(track.sound) * part // 3 for part in (1, 2)]
    others = [_sample(shipped, np.roll(track.sound, -cut)) for cut in cuts]
    for name in ("headPitch", "headYaw", "headRoll", "gazeYaw", "eyeBlinkLeft"):
        column = MotionLayout.INDEX[name]
        sizes = [abs(correlation(values[25:, column], other[25:, column])) for other in others]
        assert np.mean(sizes) < 0.6, (name, sizes)  # two slow curves may be alike once by chance


@pytest.mark.testdata
def test_real_speech_moves_the_mouth_as_its_speaker_did(shipped, test_data):
    ours, envelope = [], []
    for path in sorted((test_data / "video").glob("grid_*.mpg")):
        track, gap = SpeechTrack(read_audio(path, RATE)), track_face(path).gap
        frames = min(len(gap), track.frames)
        opening = aperture(_sample(shipped, track.sound))
        ours.append(correlation(opening[:frames], gap[:frames]))
        envelope.append(correlation(log_envelope(track)[:frames], gap[:frames]))
    assert len(ours) == 6
    assert np.mean(ours) >= 0.5
    assert np.mean(ours) > np.mean(envelope) + 0.05
