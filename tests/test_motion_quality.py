"""The shipped weights, held to the figures of their model card (with room for other processors' arithmetic)."""

import warnings

import numpy as np
import pytest

from avatar.checkpoint import load_checkpoint
from avatar.motion import ConversationState, MotionLayout
from avatar.motion_sampler import FlowMotionSampler
from avatar.training.articulation import VISEMES, visemes_of
from avatar.training.speech_data import speak_espeak
from speech.audio import AudioChunk, read_audio

INDEX = MotionLayout.INDEX
RATE = 16_000
TEXT = (
    "Maybe Pamela or Bob may remember the number. Five very brave firefighters have saved my family. A map is above it."
)


pytestmark = pytest.mark.usefixtures("one_torch_thread")


@pytest.fixture(scope="module")
def shipped():
    return load_checkpoint()


def _sample(shipped, sound, state=ConversationState.SPEAKING, seed=0):
    sampler = FlowMotionSampler(shipped, seed=seed)
    sampler.set_state(state)
    sampler.push(AudioChunk(sound, RATE, 0))
    sampler.end_of_speech()
    return sampler.frames().values


def _aperture(values):
    return values[:, INDEX["jawOpen"]] - values[:, INDEX["mouthClose"]]


@pytest.fixture(scope="module")
def spoken(shipped):
    """A voice variant that training leaves out."""
    utterance = speak_espeak(TEXT, "en-us+f5")
    return utterance, _sample(shipped, utterance.samples)


def _contacts(utterance, kind):
    for phone in utterance.phones:
        if VISEMES[visemes_of(phone.symbol)[0]].contact == kind:
            yield max(0, int(phone.start_s * 25.0) - 1), int(phone.end_s * 25.0) + 2


def test_lips_meet(spoken):
    utterance, values = spoken
    closest = [_aperture(values[a:b]).min() for a, b in _contacts(utterance, "lips")]
    assert len(closest) > 12
    assert np.mean(np.array(closest) < 0.03) >= 0.8


def test_lip_meets_teeth(spoken):
    utterance, values = spoken
    rolls = [values[a:b, INDEX["mouthRollLower"]].max() for a, b in _contacts(utterance, "teeth")]
    assert len(rolls) > 8
    assert np.mean(np.array(rolls) > 0.35) >= 0.6


def test_the_head_lives_without_block_edges(shipped, spoken):
    utterance, _ = spoken
    sound = np.tile(utterance.samples, 3)
    values = _sample(shipped, sound, seed=1)
    speed = np.diff(values[:, MotionLayout.ROTATION], axis=0) * 25.0 * 180.0 / np.pi
    rms = np.sqrt(np.square(speed).sum(axis=1).mean())
    assert 4.0 <= rms <= 18.0
    edge = np.arange(len(speed)) % 5 == 4
    ratio = np.sqrt(np.square(speed[edge]).mean() / np.square(speed[~edge]).mean())
    assert 0.85 <= ratio <= 1.15


def test_a_still_state_is_calmer_than_speech(shipped):
    silence = np.zeros(30 * RATE, np.float32)
    speed = {}
    for state in (ConversationState.IDLE, ConversationState.LISTENING):
        values = _sample(shipped, silence, state)
        assert _aperture(values).std() < 0.004
        moves = np.diff(values[:, MotionLayout.ROTATION], axis=0) * 25.0 * 180.0 / np.pi
        speed[state] = np.sqrt(np.square(moves).sum(axis=1).mean())
    assert 0.8 <= speed[ConversationState.IDLE] <= 4.5
    assert 1.5 <= speed[ConversationState.LISTENING] <= 8.0


def _tracked_gap(path):
    """Inner-lip gap over the distance of the eyes in every picture of a clip, tracked by MediaPipe."""
    import av

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of mediapipe's own dependencies
        import mediapipe

        gaps = []
        with mediapipe.solutions.face_mesh.FaceMesh(refine_landmarks=True) as mesh, av.open(str(path)) as clip:
            for frame in clip.decode(video=0):
                image = frame.to_ndarray(format="rgb24")
                found = mesh.process(image).multi_face_landmarks[0].landmark
                points = np.array([(p.x * image.shape[1], p.y * image.shape[0]) for p in found])
                gaps.append(np.linalg.norm(points[13] - points[14]) / np.linalg.norm(points[33] - points[263]))
    return np.array(gaps)


@pytest.mark.testdata
def test_real_speech_moves_the_mouth_as_its_speaker_did(shipped, test_data):
    ours, envelope = [], []
    for path in sorted((test_data / "video").glob("grid_*.mpg")):
        sound, gap = read_audio(path, RATE), _tracked_gap(path)
        loud = [
            np.log(np.sqrt(np.mean(np.square(part))) + 1e-3) for part in np.split(sound, range(640, len(sound), 640))
        ]
        aperture = _aperture(_sample(shipped, sound))
        frames = min(len(gap), len(aperture), len(loud))
        ours.append(np.corrcoef(aperture[:frames], gap[:frames])[0, 1])
        envelope.append(np.corrcoef(np.array(loud)[:frames], gap[:frames])[0, 1])
    assert len(ours) == 6
    assert np.mean(ours) >= 0.5
    assert np.mean(ours) > np.mean(envelope) + 0.05
