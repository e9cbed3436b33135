import json
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch
import typer
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

from agent.commands.towers import add_to
from avatar.evaluation.towers import train as two_tower_train
from avatar.evaluation.towers.file import load_towers
from avatar.evaluation.towers.measures import shift_table
from avatar.evaluation.towers.measuring import score_motion
from avatar.evaluation.towers.model import TowerConfig, TowerKind, TwoTower
from avatar.evaluation.towers.train import state_of, train_towers
from avatar.evaluation.towers.windows import BatchShape, split, stream
from avatar.motion import MotionLayout
from avatar.sampler.conditions import ConditionLayout
from avatar.sampler.features import recording_features
from avatar.training.dataset import ARRAY_TYPES, VERSION, load
from avatar.training.scenes import MOUTH_NAMES
from speech.errors import InputError

pytestmark = pytest.mark.usefixtures("one_torch_thread")

SMALL = {
    TowerKind.SYNC: TowerConfig(frames=8, stride=1, layers=1, width=32, heads=2, embedding=16),
    TowerKind.CAPP: TowerConfig(frames=24, stride=3, layers=1, width=32, heads=2, embedding=16),
}
SAMPLED = list(MotionLayout.SAMPLED)
INDEX = MotionLayout.INDEX
SCENES, FRAMES = 12, 150


def make_clip(seed):
    """A sound, and a mouth and a head that follow its loudness: float32 [N] at 16 kHz, [FRAMES, 60]."""
    random = np.random.default_rng(seed)
    loud = np.convolve(random.random(FRAMES + 1) ** 3, np.ones(2) / 2.0, mode="valid")
    sound = 0.5 * np.repeat(loud, 640) * random.standard_normal(640 * FRAMES)
    motion = np.zeros((FRAMES, 60), np.float32)
    motion[:, INDEX["jawOpen"]] = loud + 0.01 * random.standard_normal(FRAMES)
    motion[:, INDEX["headPitch"]] = 0.1 * np.cumsum(loud - loud.mean())
    return sound.astype(np.float32), motion


@pytest.fixture(scope="module", autouse=True)
def _learns_fast():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(two_tower_train, "LEARNING_RATE", 5e-3)
        patch.setattr(two_tower_train, "CHECK_EVERY", 10)
        patch.setattr(two_tower_train, "BATCH_SHAPES", dict.fromkeys(TowerKind, BatchShape(16, 6, 2, 24)))
        yield


@pytest.fixture(scope="module")
def clips():
    return [make_clip(seed) for seed in range(SCENES)]


def write_data(folder, clips, *, partner=0):
    """Prepared data of the clips; with a `partner` other than 0, every sound gets another clip's motion."""
    motion = np.concatenate([clips[(i + partner) % len(clips)][1] for i in range(len(clips))])
    arrays = {
        "features": np.concatenate([recording_features(sound, 16_000) for sound, _ in clips]),
        "motion": motion[:, SAMPLED],
        "conditions": np.zeros((len(motion), ConditionLayout.SIZE)),
        "articulation": np.zeros((len(motion), len(MOUTH_NAMES))),
        "visemes": np.zeros(len(motion)),
        "sound": np.zeros((len(motion), 640)),
    }
    for name, kind in ARRAY_TYPES.items():
        np.save(folder / f"{name}.npy", arrays[name].astype(kind))
    scenes = [
        {
            "start": i * FRAMES,
            "frames": FRAMES,
            "validation": i % 4 == 3,
            "speech": [],
        }
        for i in range(len(clips))
    ]
    (folder / "scenes.json").write_text(json.dumps({"version": VERSION, "scenes": scenes}), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory, clips):
    return write_data(tmp_path_factory.mktemp("data"), clips)


@pytest.fixture(scope="module")
def sync(tmp_path_factory, data_dir):
    path = tmp_path_factory.mktemp("weights") / "sync.safetensors"
    train_towers(TowerKind.SYNC, data_dir, path, steps=80, config=SMALL[TowerKind.SYNC])
    return path


def test_towers_learn_what_belongs_together(sync):
    table = load_towers(sync, TowerKind.SYNC).held_out
    assert table.peaked and table.clips == 3
    assert table.at_zero > 0.3 and table.fall > 0.1
    assert all(np.diff(table.mean[:5]) > 0.0) and all(np.diff(table.mean[4:]) < 0.0)
    assert sync.with_suffix(".png").read_bytes().startswith(b"\x89PNG")


def test_heads_are_paired_as_well(data_dir, tmp_path):
    path = tmp_path / "capp.safetensors"
    trained = train_towers(TowerKind.CAPP, data_dir, path, steps=80, config=SMALL[TowerKind.CAPP])
    assert trained.held_out.peaked and trained.held_out.fall > 0.1


@pytest.mark.parametrize("late", [-5, 0, 5])
def test_the_offset_of_an_unseen_clip_is_found(sync, late):
    sound, motion = make_clip(100)
    found = score_motion(sync, sound, np.roll(motion, late, axis=0))
    assert found.refusal == "" and found.offset_frames == late
    assert found.confidence > 0.2
    assert (found.score > 0.3) == (late == 0)
    assert found.table.at_zero == found.score and found.held_out.peaked and "held out" in found.data


def test_identity_rest_pose_and_microphone_change_nothing(sync):
    sound, motion = make_clip(101)
    shifted = motion + np.random.default_rng(0).random(60).astype(np.float32)
    one, two = score_motion(sync, sound, motion), score_motion(sync, 0.5 * sound, shifted)
    assert two.score == pytest.approx(one.score, abs=0.02)


def test_towers_that_cannot_tell_give_no_figure(clips, tmp_path):
    path = tmp_path / "shuffled.safetensors"
    config = SMALL[TowerKind.SYNC]
    trained = train_towers(TowerKind.SYNC, write_data(tmp_path, clips, partner=1), path, steps=60, config=config)
    assert not trained.held_out.peaked
    assert abs(trained.held_out.fall) < 0.1
    found = score_motion(path, *make_clip(100))
    assert found.score is found.offset_frames is found.confidence is found.table is None
    assert "can't tell" in found.refusal


def test_what_is_too_short_or_silent_gets_no_figure(sync):
    sound, motion = make_clip(100)
    assert "0.32 s" in score_motion(sync, sound[:640], motion).refusal
    assert "speech" in score_motion(sync, np.zeros_like(sound), motion).refusal
    short = score_motion(sync, sound[: 640 * 30], motion)  # long enough for the table, not for the search
    assert short.score is not None and short.offset_frames is None and "1.52 s" in short.refusal
    with pytest.raises(ValueError, match=r"\[T, 60\]"):
        score_motion(sync, sound, motion[:, :52])


def test_an_interrupted_training_resumes_exactly(data_dir, tmp_path):
    whole, halves = tmp_path / "whole.safetensors", tmp_path / "halves.safetensors"
    options = {"steps": 24, "seed": 1, "config": SMALL[TowerKind.SYNC]}

    def interrupt(done, line):
        if line.startswith("step 13 "):
            signal.raise_signal(signal.SIGINT)

    train_towers(TowerKind.SYNC, data_dir, whole, **options)
    with pytest.raises(KeyboardInterrupt):
        train_towers(TowerKind.SYNC, data_dir, halves, progress=interrupt, **options)
    assert state_of(halves).exists() and not halves.exists()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    train_towers(TowerKind.SYNC, data_dir, halves, resume=True, **options)
    one, two = load_file(whole), load_file(halves)
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert load_towers(whole).data == load_towers(halves).data
    with pytest.raises(InputError, match="without --resume"):
        train_towers(TowerKind.SYNC, data_dir, halves, resume=True, **{**options, "seed": 2})
    state_of(halves).write_bytes(b"no state")
    with pytest.raises(InputError, match="to resume"):
        train_towers(TowerKind.SYNC, data_dir, halves, resume=True, **options)


def test_files_are_checked(sync, tmp_path):
    with pytest.raises(InputError, match="kind 'capp', got 'sync'"):
        score_motion(sync, *make_clip(0), kind=TowerKind.CAPP)
    with pytest.raises(InputError, match="found nothing"):
        load_towers(tmp_path / "none.safetensors")
    other = tmp_path / "other.safetensors"
    save_file({"x": torch.zeros(1)}, other, {"format": "another"})
    with pytest.raises(InputError, match="format"):
        load_towers(other)
    other.write_bytes(b"not a tensor")
    with pytest.raises(InputError, match="safetensors"):
        load_towers(other)


def test_no_video_is_on_both_sides(data_dir, clips, tmp_path):
    data, config = load(data_dir), SMALL[TowerKind.SYNC]
    assert split(TowerKind.SYNC, config, data).sources == (8, 1, 3)
    named = [{**scene, "video": f"{i // 2}.mp4", "validation": i >= 8} for i, scene in enumerate(data.scenes)]
    parts = split(TowerKind.SYNC, config, replace(data, scenes=named))
    assert parts.sources == (3, 1, 2)
    assert [len(part) for part in (parts.learning, parts.stopping, parts.held_out)] == [6, 2, 4]
    # What rules made serves nothing where there are real people.
    mixed = [*named[:4], *data.scenes[4:8], *named[8:]]
    assert split(TowerKind.SYNC, config, replace(data, scenes=mixed)).sources == (1, 1, 2)
    with pytest.raises(InputError, match="got both"):
        split(TowerKind.SYNC, config, replace(data, scenes=[{**scene, "video": "a.mp4"} for scene in data.scenes]))
    with pytest.raises(InputError, match="more videos"):
        split(TowerKind.SYNC, config, replace(data, scenes=[{**scene, "validation": False} for scene in data.scenes]))


def test_errors_of_a_table_shrink_with_more_clips(clips):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = TwoTower(TowerKind.SYNC, SMALL[TowerKind.SYNC]).eval()
    unseen = [stream(model.kind, model.config, recording_features(s, 16_000), m[:, SAMPLED]) for s, m in clips[:8]]
    few, many = shift_table(model, unseen), shift_table(model, unseen * 4)
    assert (few.clips, many.clips) == (8, 32) and many.windows == 4 * few.windows
    assert np.array(many.error) == pytest.approx(0.5 * np.array(few.error), rel=0.15)
    # Chance may put the peak of random weights at 0, and surely so: such a peak is too low to be believed.
    assert not many.peaked and not replace(many, fall=0.01, fall_error=0.001).peaked


def test_the_command_prints_the_table(data_dir, tmp_path):
    app = typer.Typer()
    add_to(app)
    target = tmp_path / "judge.safetensors"
    done = CliRunner().invoke(app, ["sync", "--data", str(data_dir), "-o", str(target), "--steps", "2", "--quiet"])
    assert done.exit_code == 0, done.output
    rows = done.stdout.splitlines()[1:]
    assert [int(row.split()[0]) for row in rows] == list(range(-4, 5))
    assert [float(row.split()[1]) for row in rows] == pytest.approx(load_towers(target).held_out.mean, abs=1e-3)
