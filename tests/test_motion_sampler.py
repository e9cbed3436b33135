import numpy as np
import pytest
import torch

from avatar.motion import Controls, ConversationState, Emotion, MotionLayout
from avatar.sampler import motion_sampler, state
from avatar.sampler.batcher import BlockBatcher
from avatar.sampler.block import gather
from avatar.sampler.checkpoint import load_checkpoint, save_checkpoint, untrained
from avatar.sampler.denoiser import DenoiserConfig
from avatar.sampler.dynamics import HIGHEST, LOWEST
from avatar.sampler.model import MotionModel, load_motion_model
from avatar.sampler.motion_sampler import FlowMotionSampler
from avatar.sampler.options import SamplerOptions
from avatar.training.voices.espeak import speak_espeak
from speech.audio import AudioChunk, chunked
from speech.errors import InputError

RATE = 48_000
FRAME = RATE // 25
SMALL = DenoiserConfig(width=32, layers=2, heads=2, feed_forward=48)
LAST_BITS = 1e-5
"""On some processors matrix products of more rows add in another order."""


pytestmark = pytest.mark.usefixtures("one_torch_thread")


@pytest.fixture(scope="module")
def checkpoint():
    return untrained(0, SMALL)


@pytest.fixture(scope="module")
def batcher(checkpoint):
    return BlockBatcher(MotionModel(checkpoint))


@pytest.fixture(scope="module")
def shipped():
    return BlockBatcher(load_motion_model())


def _sound(frames: float, rate: int = RATE, seed: int = 0) -> np.ndarray:
    """Bursts of noise like syllables, with pauses."""
    random = np.random.default_rng(seed)
    count = round(frames * rate / 25)
    times = np.arange(count) / rate
    envelope = np.clip(np.sin(2.0 * np.pi * 3.0 * times), 0.0, 1.0) * (np.sin(2.0 * np.pi * 0.4 * times) > -0.5)
    return (0.2 * envelope * random.standard_normal(count)).astype(np.float32)


def _all_at_once(batcher, sound, rate=RATE, **options):
    sampler = FlowMotionSampler(batcher, SamplerOptions(**options))
    sampler.push(AudioChunk(sound, rate, 0))
    sampler.end_of_speech()
    return sampler.frames().values


@pytest.mark.parametrize("chunk_ms", [10, 37, 200])
def test_any_chunking_gives_the_same_bytes(batcher, chunk_ms):
    sound = _sound(31.4)
    whole = _all_at_once(batcher, sound, seed=5)
    sampler = FlowMotionSampler(batcher, SamplerOptions(seed=5))
    pieces = []
    for chunk in chunked(sound, RATE, RATE * chunk_ms // 1000):
        sampler.push(chunk)
        pieces.append(sampler.frames().values)
    sampler.end_of_speech()
    pieces.append(sampler.frames().values)
    assert len(whole) == 32
    assert np.concatenate(pieces).tobytes() == whole.tobytes()


def test_the_seed_decides(batcher):
    sound = _sound(20)
    one, again, other = (_all_at_once(batcher, sound, seed=seed) for seed in (1, 1, 2))
    assert one.tobytes() == again.tobytes()
    assert not np.array_equal(one, other)


def _intended(sampler):
    return [sampler.state.frames[frame].intention for frame in range(sampler.frame)]


@pytest.mark.parametrize("block_frames", [1, 3])
def test_decisions_and_noise_depend_neither_on_blocks_nor_on_rewinds(batcher, block_frames):
    sound, user = _sound(35, 16_000), AudioChunk(_sound(35, 16_000, seed=1), 16_000, 0)

    def fresh(frames_of_a_block):
        sampler = FlowMotionSampler(batcher, SamplerOptions(seed=5, steps=1, block_frames=frames_of_a_block))
        sampler.set_state(ConversationState.SPEAKING)
        sampler.listen(user)
        sampler.push(AudioChunk(sound, 16_000, 0))
        sampler.end_of_speech()
        return sampler

    whole = fresh(5)
    whole.frames()
    decided = _intended(whole)
    assert decided[-1].heard != 0
    other = fresh(block_frames)
    other.frames()
    for frame in (28, 13):
        other.interrupt(frame)
        noise = gather(batcher.model, SamplerOptions(seed=5, block_frames=1), other.state, 1).noise
        other.push(AudioChunk(sound[frame * 640 :], 16_000, frame * 640))
        other.end_of_speech()
        again = gather(batcher.model, SamplerOptions(seed=5, block_frames=5), other.state, 5).noise
        assert np.array_equal(noise[:-1], again[: len(noise) - 1]), "but for the frame whose sound was missing"
        other.frames()
        assert _intended(other) == decided


def test_the_sound_decides_as_well(batcher):
    sound = _sound(60, 16_000)
    other = sound.copy()
    other[40 * 640 :] = _sound(20, 16_000, seed=8)
    samplers = []
    for heard in (sound, other):
        sampler = FlowMotionSampler(batcher, SamplerOptions(seed=1, steps=1))
        sampler.set_state(ConversationState.SPEAKING)
        sampler.push(AudioChunk(heard, 16_000, 0))
        samplers.append(sampler)
    one, two = (sampler.frames().values for sampler in samplers)
    assert np.array_equal(one[:35], two[:35]) and not np.array_equal(one[45:, :3], two[45:, :3])
    noise = [gather(batcher.model, SamplerOptions(seed=1), sampler.state, 5).noise for sampler in samplers]
    assert not (noise[0] == noise[1]).any()


def test_a_frame_waits_for_80_ms_more(batcher):
    sampler = FlowMotionSampler(batcher, SamplerOptions(block_frames=1))
    sound = _sound(4)
    sampler.push(AudioChunk(sound[: 3 * FRAME - 1], RATE, 0))
    assert len(sampler.frames().values) == 0
    sampler.push(AudioChunk(sound[3 * FRAME - 1 : 3 * FRAME], RATE, 3 * FRAME - 1))
    assert len(sampler.frames().values) == 1
    sampler.end_of_speech()
    assert len(sampler.frames().values) == 2
    assert sampler.frame == 3


@pytest.mark.parametrize("block_frames", [1, 2, 3, 5])
def test_blocks_of_any_size_cover_everything(batcher, block_frames):
    values = _all_at_once(batcher, _sound(17), block_frames=block_frames)
    assert values.shape == (17, 60) and np.isfinite(values).all()


def test_speech_goes_on_after_its_end(batcher):
    sound = _sound(30)
    sampler = FlowMotionSampler(batcher)
    sampler.push(AudioChunk(sound[: 12 * FRAME], RATE, 0))
    sampler.end_of_speech()
    assert len(sampler.frames().values) == 12
    sampler.push(AudioChunk(sound[12 * FRAME :], RATE, 12 * FRAME))
    sampler.end_of_speech()
    motion = sampler.frames()
    assert motion.start_frame == 12 and len(motion.values) == 18


@pytest.mark.parametrize("frame", [0, 7, 13, 20])
def test_an_interruption_rewinds_exactly(batcher, frame):
    sound, other = _sound(20), _sound(20, seed=9)
    sampler = FlowMotionSampler(batcher, SamplerOptions(seed=3))
    sampler.push(AudioChunk(sound, RATE, 0))
    sampler.end_of_speech()
    first = sampler.frames().values
    sampler.interrupt(frame)
    assert sampler.frame == frame
    sampler.push(AudioChunk(other, RATE, frame * FRAME))
    sampler.end_of_speech()
    rest = sampler.frames()
    assert rest.start_frame == frame and len(rest.values) == 20

    # The same as never having heard more than was kept.
    fresh = FlowMotionSampler(batcher, SamplerOptions(seed=3))
    fresh.push(AudioChunk(sound, RATE, 0))
    fresh.end_of_speech()
    assert np.array_equal(fresh.frames().values[:frame], first[:frame])
    fresh.interrupt(frame)
    fresh.push(AudioChunk(sound[frame * FRAME :], RATE, frame * FRAME))
    fresh.end_of_speech()
    if frame % 5 == 0:  # on a block's edge the same sound brings the same motion back
        np.testing.assert_allclose(fresh.frames().values, first[frame:], atol=LAST_BITS)


def test_an_interruption_does_not_jump(shipped):
    sampler = FlowMotionSampler(shipped, SamplerOptions(seed=1))
    sampler.set_state(ConversationState.SPEAKING)
    sampler.push(AudioChunk(_sound(60), RATE, 0))
    sampler.end_of_speech()
    before = sampler.frames().values
    sampler.interrupt(43)
    sampler.set_state(ConversationState.LISTENING)
    sampler.push(AudioChunk(np.zeros(30 * FRAME, np.float32), RATE, 43 * FRAME))
    sampler.end_of_speech()
    after = sampler.frames().values
    moves = np.abs(np.diff(before[:, MotionLayout.ROTATION], axis=0)).max()
    jump = np.abs(after[0, MotionLayout.ROTATION] - before[42, MotionLayout.ROTATION]).max()
    assert jump < max(moves, 0.02) * 1.5
    assert after[-10:, MotionLayout.INDEX["jawOpen"]].max() < 0.05


def test_an_interruption_reaches_as_far_back_as_it_may(batcher, monkeypatch):
    for module in (state, motion_sampler):
        monkeypatch.setattr(module, "REWIND_FRAMES", 50)
    sound, size = _sound(200, 16_000), 640
    sampler = FlowMotionSampler(batcher, SamplerOptions(seed=3, steps=1))
    pieces = []
    for chunk in chunked(sound, 16_000, 5 * size):
        sampler.push(chunk)
        pieces.append(sampler.frames().values)
    values = np.concatenate(pieces)
    assert len(values) == sampler.frame == 195 and len(sampler.state.frames) < 100
    for frame in (0, 144):
        with pytest.raises(ValueError, match=r"interrupt: expected frame 145 or later \(50 frames back\)"):
            sampler.interrupt(frame)
    sampler.interrupt(145)
    with pytest.raises(ValueError, match="frame 145 or later"):
        sampler.interrupt(144)
    sampler.push(AudioChunk(sound[145 * size :], 16_000, 145 * size))
    again = sampler.frames().values
    np.testing.assert_allclose(again, values[145:], atol=LAST_BITS, err_msg="all that was before is still known")


def test_interruptions_out_of_range_are_refused(batcher):
    sampler = FlowMotionSampler(batcher)
    with pytest.raises(ValueError, match="interrupt"):
        sampler.interrupt(1)


def test_gaps_and_changed_rates_are_refused(batcher):
    sampler = FlowMotionSampler(batcher)
    sampler.push(AudioChunk(_sound(2), RATE, 0))
    with pytest.raises(ValueError, match="expected sample 3840 next, got 0"):
        sampler.push(AudioChunk(_sound(1), RATE, 0))
    with pytest.raises(ValueError, match="48000 Hz"):
        sampler.push(AudioChunk(_sound(1, 16_000), 16_000, 2 * FRAME))
    with pytest.raises(ValueError, match="user's voice"):
        sampler.listen(AudioChunk(_sound(1), RATE, 7))


@pytest.mark.parametrize("options", [{"block_frames": 6}, {"block_frames": 0}, {"steps": 0}, {"composure": 1.5}])
def test_bad_options_are_refused(batcher, options):
    with pytest.raises(ValueError, match=next(iter(options))):
        FlowMotionSampler(batcher, SamplerOptions(**options))


def test_values_stay_in_their_ranges_and_gaze_fills_the_eyes(batcher):
    values = _all_at_once(batcher, _sound(40))
    assert (values >= LOWEST).all() and (values <= HIGHEST).all()
    index = MotionLayout.INDEX
    left = np.clip(values[:, index["gazeYaw"]] / 0.6, 0.0, 1.0)
    assert np.allclose(values[:, index["eyeLookOutLeft"]], left, atol=1e-6)


def test_motion_begins_near_the_portrait(shipped):
    values = _all_at_once(shipped, np.zeros(10 * FRAME, np.float32))
    assert np.abs(values[0, MotionLayout.ROTATION]).max() < 0.03
    assert values[0, MotionLayout.INDEX["jawOpen"]] < 0.05


def test_speech_moves_the_mouth_and_silence_does_not(shipped):
    speech = speak_espeak("Hello, how are you today? I have a big map of the whole park.", "en-us+f3").samples
    sampler = FlowMotionSampler(shipped, SamplerOptions(seed=2))
    sampler.set_state(ConversationState.SPEAKING)
    still = np.zeros(25 * 16_000 // 25, np.float32)
    sampler.push(AudioChunk(np.concatenate([still, speech, still]), 16_000, 0))
    sampler.end_of_speech()
    values = sampler.frames().values
    aperture = values[:, MotionLayout.INDEX["jawOpen"]] - values[:, MotionLayout.INDEX["mouthClose"]]
    talking = aperture[27 : 25 + len(speech) // 640 - 2]
    assert talking.max() > 0.25 and talking.std() > 0.06
    assert aperture[3:20].std() < 0.05 * talking.std()
    assert aperture[-12:].max() < 0.04


def test_commands_are_followed(shipped):
    def last_second(controls):
        sampler = FlowMotionSampler(shipped, SamplerOptions(seed=4))
        sampler.set_state(ConversationState.LISTENING)
        sampler.set_controls(controls)
        sampler.push(AudioChunk(np.zeros(100 * FRAME, np.float32), RATE, 0))
        sampler.end_of_speech()
        return sampler.frames().values[-50:]

    index = MotionLayout.INDEX
    plain = last_second(Controls())
    left, right = (last_second(Controls(gaze=(yaw, 0.0))) for yaw in (0.35, -0.35))
    looks = [np.median(v[:, index["gazeYaw"]] + v[:, index["headYaw"]]) for v in (left, right)]
    assert looks[0] > 0.2 and looks[1] < -0.2
    far = last_second(Controls(head_distance=1.2))
    assert far[:, index["headDistance"]].mean() == pytest.approx(1.2, abs=0.08)
    happy = last_second(Controls(emotion=Emotion.HAPPY, intensity=1.0))
    assert happy[:, index["mouthSmileLeft"]].mean() > plain[:, index["mouthSmileLeft"]].mean() + 0.2


def test_a_minute_of_speech_stays_in_range(shipped):
    """test_drift.py has a kiosk's day, and benchmarks/drift.py hours."""
    sampler = FlowMotionSampler(shipped, SamplerOptions(seed=6, steps=1))
    sampler.set_state(ConversationState.SPEAKING)
    sound = _sound(25 * 15, 16_000)
    heads = []
    for part in range(4):
        sampler.push(AudioChunk(sound, 16_000, part * len(sound)))
        heads.append(sampler.frames().values[:, :6])
    first, last = heads[0], heads[-1]
    assert np.abs(np.concatenate(heads)[:, :3]).max() < 0.5
    assert (last[:, :3].std(axis=0) < 3.0 * first[:, :3].std(axis=0)).all()
    assert np.abs(last[:, :3].mean(axis=0)).max() < 0.1


def test_checkpoints_come_back(tmp_path, checkpoint):
    path = tmp_path / "w.safetensors"
    save_checkpoint(path, checkpoint)
    loaded = load_checkpoint(path)
    assert loaded.denoiser.config == SMALL
    assert np.array_equal(loaded.flow_std, checkpoint.flow_std)
    sound = _sound(6)
    one, other = (_all_at_once(BlockBatcher(MotionModel(each)), sound) for each in (loaded, checkpoint))
    assert np.abs(one - other).max() < 0.01


def test_bad_checkpoints_are_refused(tmp_path, checkpoint):
    with pytest.raises(InputError, match="found nothing"):
        load_checkpoint(tmp_path / "none.safetensors")
    path = tmp_path / "w.safetensors"
    path.write_bytes(b"not weights at all, but long enough to look like a header")
    with pytest.raises(InputError, match="could not read"):
        load_checkpoint(path)
    save_checkpoint(path, checkpoint)
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(InputError):
        load_checkpoint(path)
    from safetensors.torch import save_file

    save_file({"x": torch.zeros(1)}, path, {"format": "something else"})
    with pytest.raises(InputError, match="format"):
        load_checkpoint(path)
