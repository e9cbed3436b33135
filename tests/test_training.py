import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
import torch

from avatar.motion import Controls, ConversationState, Emotion, MotionLayout
from avatar.sampler.checkpoint import load_checkpoint
from avatar.sampler.conditions import ConditionLayout
from avatar.sampler.denoiser import DenoiserConfig
from avatar.sampler.intention.process import step
from avatar.sampler.intention.state import IntentionState
from avatar.sampler.intention.talker import HABITS
from avatar.training.augment import augment, g711, starved
from avatar.training.behaviour import Scene, behave
from avatar.training.dataset import load, prepare
from avatar.training.scene_store import ARRAY_TYPES
from avatar.training.train import average, train
from avatar.training.views import make_views
from avatar.training.voices.change import sung
from avatar.training.voices.espeak import speak_espeak
from speech.errors import InputError

RATE = 16_000
SMALL = DenoiserConfig(width=32, hop_width=16, layers=1, heads=2, feed_forward=48)
INDEX = MotionLayout.INDEX


pytestmark = pytest.mark.usefixtures("one_torch_thread")


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch):
    """Half a minute of data is seen often enough in a third of what a step sees of hours."""
    monkeypatch.setattr("avatar.training.train.HEARING_BATCH", 9)
    monkeypatch.setattr("avatar.training.train.FLOW_BATCH", 32)


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    shares = []
    prepare(folder, minutes=0.5, seed=3, progress=lambda share, line: shares.append(share))
    assert shares[-1] == 1.0 and shares == sorted(shares)
    return folder


@pytest.fixture(scope="module")
def heard_dir(data_dir):
    """Views as a worker process makes them; `data_dir` from then on has them too."""
    shares = []
    make_views(data_dir, progress=lambda share, line: shares.append(share))
    assert shares == [1.0]
    return data_dir


def test_prepared_data_fit_together(data_dir):
    data = load(data_dir)
    frames = len(data.arrays["motion"])
    assert frames >= 0.5 * 60 * 25
    assert all(len(array) == frames for array in data.arrays.values())
    assert sum(scene["frames"] for scene in data.scenes) == frames
    assert np.isfinite(data.arrays["motion"]).all()
    assert {scene["validation"] for scene in data.scenes} == {True, False}


def test_a_run_that_was_killed_goes_on_to_the_same_bytes(data_dir, tmp_path):
    code = (
        "import os, sys; from pathlib import Path; from avatar.training.dataset import prepare; "
        "kill = lambda share, line: os.kill(os.getpid(), 9) if '1 scenes' in line else None; "
        "prepare(Path(sys.argv[1]), minutes=0.5, seed=3, progress=kill)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, check=False)
    assert done.returncode == -9
    made = tmp_path / "made" / "000000.npz"
    written = made.stat().st_mtime_ns
    assert not (tmp_path / "scenes.json").exists()
    times: list[int] = []
    prepare(tmp_path, minutes=0.5, seed=3, progress=lambda share, line: times.append(made.stat().st_mtime_ns))
    assert not made.exists()
    names = [*(f"{name}.npy" for name in ARRAY_TYPES), "scenes.json"]
    for name in names:
        assert (tmp_path / name).read_bytes() == (data_dir / name).read_bytes(), name
    assert set(times) == {written}


def test_what_was_begun_with_another_seed_is_made_anew(tmp_path):
    folder = tmp_path / "made"
    folder.mkdir()
    (folder / "000000.npz").write_bytes(b"of another run")
    (folder / "plan.json").write_text("{}")
    lines = []
    prepare(tmp_path, minutes=0.05, seed=4, report=lines.append)
    assert len(load(tmp_path).scenes) == 1
    assert [line for line in lines if "made anew" in line]


def test_a_short_training_learns_and_resumes_exactly(heard_dir, tmp_path, monkeypatch):
    monkeypatch.setattr("avatar.training.train.VALIDATE_EVERY_STEPS", 5)
    monkeypatch.setattr("avatar.training.train.VALIDATION_BATCHES", 1)
    whole, half = tmp_path / "whole.safetensors", tmp_path / "half.safetensors"
    losses: list[str] = []
    options = {"steps": 28, "seed": 1, "config": SMALL}
    train(heard_dir, whole, progress=lambda share, line: losses.append(line), **options)
    first = train(heard_dir, half, stop_at=8, **options)
    hearing = train(heard_dir, half, stop_at=15, resume=True, **options)
    last = train(heard_dir, half, resume=True, **options)
    assert hearing < 0.97 * first
    assert np.isfinite(last) and "step 28 of 28" in losses[-1]
    one, two = load_checkpoint(whole), load_checkpoint(half)
    for name, value in one.denoiser.state_dict().items():
        assert torch.equal(value, two.denoiser.state_dict()[name]), name
    assert one.note == two.note


def test_the_curves_are_drawn_and_a_stage_that_learns_nothing_ends_early(heard_dir, tmp_path, monkeypatch):
    monkeypatch.setattr("avatar.training.train.VALIDATE_EVERY_STEPS", 2)
    monkeypatch.setattr("avatar.training.train.PATIENCE", 2)
    monkeypatch.setattr("avatar.training.train.LEARNING_RATE", 0.0)
    lines: list[str] = []
    train(
        heard_dir, tmp_path / "w.safetensors", steps=400, config=SMALL, progress=lambda share, line: lines.append(line)
    )
    assert "validation" in lines[-1]
    assert int(lines[-1].split()[1]) < 100
    assert (tmp_path / "w.png").read_bytes().startswith(b"\x89PNG")


def test_the_front_end_can_be_kept(heard_dir, tmp_path):
    first, second = tmp_path / "1.safetensors", tmp_path / "2.safetensors"
    train(heard_dir, first, steps=4, hearing_share=1.0, seed=1, config=SMALL)
    train(heard_dir, second, steps=4, hearing_share=0.0, seed=2, start=first)
    one, two = (load_checkpoint(path).denoiser.state_dict() for path in (first, second))
    same = {name for name in one if torch.equal(one[name], two[name])}
    assert {name for name in one if name.startswith(("audio.", "articulation."))} <= same
    assert "motion_out.weight" not in same


def test_a_further_run_starts_from_a_checkpoint(heard_dir, tmp_path):
    first, second = tmp_path / "1.safetensors", tmp_path / "2.safetensors"
    train(heard_dir, first, steps=12, seed=1, config=SMALL)
    train(heard_dir, second, steps=1, seed=2, start=first)
    one, two = load_checkpoint(first), load_checkpoint(second)
    assert two.denoiser.config == SMALL and np.array_equal(one.flow_std, two.flow_std)
    assert two.note.startswith(one.note)
    patch = "audio.patch.weight"
    assert torch.allclose(one.denoiser.state_dict()[patch], two.denoiser.state_dict()[patch], atol=0.01)
    average([first, second], tmp_path / "mean.safetensors")
    mean = load_checkpoint(tmp_path / "mean.safetensors").denoiser.state_dict()[patch]
    assert torch.allclose(mean, (one.denoiser.state_dict()[patch] + two.denoiser.state_dict()[patch]) / 2.0, atol=1e-3)
    train(
        heard_dir,
        tmp_path / "other.safetensors",
        steps=1,
        seed=2,
        config=DenoiserConfig(width=16, hop_width=8, layers=1, heads=1),
    )
    with pytest.raises(InputError, match="another run"):
        average([first, tmp_path / "other.safetensors"], tmp_path / "mean.safetensors")


def test_the_flow_learns(heard_dir, tmp_path):
    losses: list[float] = []
    train(
        heard_dir,
        tmp_path / "w.safetensors",
        steps=60,
        seed=1,
        config=SMALL,
        progress=lambda share, line: losses.append(float(line.split()[-1])),
    )
    # Steps 21 to 40 are nearly all hearing; the mean over the last 50 falls as the flow trains.
    assert losses[-1] < losses[0]


def test_training_refuses_what_is_not_there(heard_dir, tmp_path):
    with pytest.raises(InputError, match="train prepare"):
        train(tmp_path, tmp_path / "w.safetensors", steps=1)
    with pytest.raises(InputError, match="resume"):
        train(heard_dir, tmp_path / "w.safetensors", steps=1, resume=True)
    with pytest.raises(InputError, match="steps"):
        train(heard_dir, tmp_path / "w.safetensors", steps=0)
    with pytest.raises(InputError, match="hearing share"):
        train(heard_dir, tmp_path / "w.safetensors", steps=1, hearing_share=0.0)
    with pytest.raises(InputError, match="minutes"):
        prepare(tmp_path, minutes=0.0)


def _intend(mode, seconds, seed=0, loudness=0.0, composure=0.5):
    state, rows = IntentionState(), []
    for frame in range(int(seconds * 25)):
        state, row = step(
            state, seed=seed, frame=frame, mode=mode, loudness=loudness, controls=Controls(), composure=composure
        )
        rows.append(row)
    return np.stack(rows)


@pytest.mark.parametrize(
    ("mode", "blinks", "at_partner"),
    [
        (ConversationState.IDLE, (10, 22), (0.4, 0.95)),
        (ConversationState.LISTENING, (12, 26), (0.6, 0.95)),
        (ConversationState.SPEAKING, (12, 33), (0.3, 0.68)),
        (ConversationState.THINKING, (8, 26), (0.05, 0.4)),
    ],
)
def test_intentions_have_the_published_statistics(mode, blinks, at_partner):
    rows = _intend(mode, 600)
    closed = rows[:, 0] > 0.5
    rate = ((closed[1:]) & (~closed[:-1])).sum() / 10.0
    assert blinks[0] <= rate <= blinks[1]
    looking = np.hypot(rows[:, 1], rows[:, 2]) < np.radians(5.0)
    assert at_partner[0] <= looking.mean() <= at_partner[1]
    assert set(HABITS) == set(ConversationState)


def test_intentions_repeat_and_composure_calms():
    one, two = (_intend(ConversationState.SPEAKING, 60, seed=5) for _ in "12")
    assert np.array_equal(one, two)
    lively, still = (_intend(ConversationState.SPEAKING, 300, composure=c)[:, 3:6].std() for c in (0.0, 1.0))
    assert lively > 1.5 * still


def _behave(mode, *, frames=500, user=None, controls=None, composure=0.5):
    return behave(
        Scene(
            states=[mode] * frames,
            mouth=np.zeros((frames, 60), np.float32),
            prominence=np.zeros(frames, np.float32),
            loudness=np.zeros(frames, np.float32),
            user=user,
            controls=[controls or Controls()] * frames,
            composure=composure,
            seed=4,
        )
    )


def test_behaviour_begins_at_the_portrait_and_is_smooth():
    values, conditions = _behave(ConversationState.SPEAKING)
    assert np.abs(values[0, MotionLayout.ROTATION]).max() < 0.01
    assert conditions.shape == (500, ConditionLayout.SIZE)
    acceleration = np.abs(np.diff(values[:, MotionLayout.ROTATION], 2, axis=0))
    assert acceleration.max() < 0.02


def test_listeners_nod_at_the_users_pause():
    user = np.zeros(500, np.float32)
    user[100:200] = 0.8
    (nodding, _), (calm, _) = (_behave(ConversationState.LISTENING, user=u) for u in (user, np.zeros(500, np.float32)))
    difference = nodding[:, 0] - calm[:, 0]
    assert difference[205:260].min() < -0.03
    assert np.abs(difference[:90]).max() < 1e-6


def test_emotions_make_livelier_or_calmer_and_have_no_shape_of_their_own():
    moved = {}
    for emotion in (Emotion.SAD, Emotion.NEUTRAL, Emotion.ANGRY):
        values, _ = _behave(ConversationState.SPEAKING, controls=Controls(emotion=emotion, intensity=1.0))
        moved[emotion] = np.abs(np.diff(values[100:, MotionLayout.ROTATION], axis=0)).mean()
        assert values[:, [INDEX["mouthFrownLeft"], INDEX["noseSneerLeft"]]].max() == 0.0
    assert moved[Emotion.SAD] < 0.85 * moved[Emotion.NEUTRAL] and moved[Emotion.NEUTRAL] < moved[Emotion.ANGRY]


def test_commands_are_followed():
    far, _ = _behave(ConversationState.IDLE, controls=Controls(head_distance=1.2, gaze=(0.3, 0.0)))
    assert far[-50:, INDEX["headDistance"]].mean() == pytest.approx(1.2, abs=0.04)
    looks = far[-250:, INDEX["gazeYaw"]] + far[-250:, INDEX["headYaw"]]
    assert np.median(looks) == pytest.approx(0.3, abs=0.12)


def test_augmentation_keeps_time_and_range():
    times = np.arange(16_000) / 16_000
    sound = (0.3 * np.sin(2.0 * np.pi * 300.0 * times) * (times > 0.5)).astype(np.float32)
    for seed in range(30):
        out = augment(sound, np.random.default_rng(seed))
        assert out.shape == sound.shape and out.dtype == np.float32 and np.abs(out).max() <= 1.0
        assert np.square(out[9000:]).mean() > 1.5 * np.square(out[:7000]).mean()


def _utterance():
    return speak_espeak("Maybe Pamela may remember.", "en-us+f3", pitch_range=0)


def test_songs_keep_their_phones_in_place():
    spoken = _utterance()
    song = sung(spoken, np.random.default_rng(1))
    assert len(song.samples) / len(spoken.samples) == pytest.approx(1.0, abs=0.3)
    for before, after in pairwise(song.phones):
        assert after.start_s == pytest.approx(before.end_s, abs=1e-6)
    # Where it was loud it is loud still: the vowels moved with their sound.
    for old, new in zip(spoken.phones, song.phones, strict=True):
        if old.end_s - old.start_s > 0.08:
            was, now = (
                np.sqrt(np.square(u.samples[int(p.start_s * RATE) : int(p.end_s * RATE)]).mean())
                for u, p in ((spoken, old), (song, new))
            )
            assert now == pytest.approx(was, rel=0.25, abs=0.003)


def test_codecs_keep_time_and_lose_detail():
    sound = _utterance().samples
    for codec in (g711, lambda samples: starved(samples, np.random.default_rng(2))):
        out = codec(sound)
        assert out.shape == sound.shape and out.dtype == np.float32
        assert 0.8 < np.corrcoef(out, sound)[0, 1] < 0.9999
    spectrum = np.abs(np.fft.rfft(g711(sound)))
    above = int(4500 / (RATE / 2) * len(spectrum))
    assert np.square(spectrum[above:]).sum() < 0.01 * np.square(np.abs(np.fft.rfft(sound))[above:]).sum() + 1e-3
