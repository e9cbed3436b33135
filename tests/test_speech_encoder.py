"""The sampler hears through Whisper's own first layers: the same powers, the same views, at any rate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from avatar.motion import LOOK_AHEAD_FRAMES, Floats
from avatar.sampler import state as sampler_state
from avatar.sampler.batcher import BlockBatcher
from avatar.sampler.block import gather, sample_blocks
from avatar.sampler.checkpoint import untrained
from avatar.sampler.denoiser import Denoiser, DenoiserConfig
from avatar.sampler.features import HOPS_PER_FRAME, MEL_BANDS
from avatar.sampler.front_end import AUDIO_PAST_FRAMES
from avatar.sampler.model import MotionModel
from avatar.sampler.motion_sampler import FlowMotionSampler
from avatar.sampler.options import SamplerOptions
from avatar.sampler.speech_encoder import (
    LAYERS,
    SHIPPED,
    SPEECH_PAST_FRAMES,
    VIEW_SIZE,
    VIEWS_PER_FRAME,
    WINDOW_FRAMES,
    frame_views,
    load_speech_encoder,
    read_speech_encoder,
    silence_views,
    window_frames,
)
from avatar.sampler.speech_mels import SILENCE, SPEECH_BANDS, recording_mels, silence_mels, speech_filters, speech_mels
from avatar.sampler.state import SamplerState
from scripts.cut_speech_encoder import METADATA, first_layers
from speech.audio import AudioChunk, resample
from speech.errors import InputError

pytestmark = pytest.mark.usefixtures("one_torch_thread")

TINY_EN = pytest.mark.packaged("faster-whisper/tiny.en")
ASSET = Path(__file__).parent.parent / "avatar" / "assets" / SHIPPED
SMALL = DenoiserConfig(width=32, hop_width=16, view_width=8, layers=1, heads=2, feed_forward=48)
FRAME = 640


def voice_like(frames: int, rate: int = 16_000) -> Floats:
    """A buzz in syllables, with a hiss over it."""
    times = np.arange(frames * rate // 25) / rate
    phase = 2.0 * np.pi * np.cumsum(120.0 + 20.0 * np.sin(2.0 * np.pi * 2.0 * times)) / rate
    buzz = sum(np.sin(k * phase) / k for k in range(1, 20))
    hiss = np.random.default_rng(0).standard_normal(len(times))
    return (0.1 * (buzz + 0.05 * hiss) * (0.55 + 0.45 * np.sin(2.0 * np.pi * 4.0 * times))).astype(np.float32)


@pytest.fixture(scope="module")
def model() -> MotionModel:
    return MotionModel(untrained(0, SMALL))


# ---- what Whisper takes in


def test_the_powers_are_whispers_own() -> None:
    whisper = pytest.importorskip("whisper")
    from whisper.audio import log_mel_spectrogram, mel_filters

    sound = voice_like(30)
    np.testing.assert_allclose(speech_filters().T, mel_filters("cpu", SPEECH_BANDS).numpy(), atol=1e-6)
    ours = recording_mels(sound, 16_000).reshape(-1, SPEECH_BANDS)
    ours = (np.maximum(ours, ours.max() - 8.0) + 4.0) / 4.0
    # Its windows lie around every hop, and would reach over a frame's end; ours are 2.5 ms earlier.
    theirs = log_mel_spectrogram(torch.from_numpy(np.pad(sound, (40, 200)))).T.numpy()[: len(ours)]
    assert whisper is not None and ours.shape == (30 * HOPS_PER_FRAME, SPEECH_BANDS)
    np.testing.assert_allclose(ours[2:], theirs[2:], atol=1e-3)  # it mirrors the sound at its start


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 24_000, 44_100, 48_000])
def test_every_rate_gives_the_same_powers(rate: int) -> None:
    sound = voice_like(25, 48_000)
    reference = recording_mels(resample(sound, 48_000, 16_000), 16_000)
    ours = recording_mels(resample(sound, 48_000, rate), rate)
    assert ours.shape == reference.shape == (25, HOPS_PER_FRAME, SPEECH_BANDS)
    bands = {8_000: 55, 11_025: 63}.get(rate, 78)  # up to where the resampling filters begin
    assert np.abs(ours[2:-2, :, :bands] - reference[2:-2, :, :bands]).max() < 0.05


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 44_100, 48_000])
def test_a_frames_powers_need_its_own_sound_and_15_ms_before(rate: int) -> None:
    extract = speech_mels(rate)
    assert extract.samples == rate // 25 and extract.before == int(0.015 * rate)
    sound = voice_like(3, rate)[-extract.before - extract.samples :]
    first, last = sound.copy(), sound.copy()
    first[rate // 1000], last[-rate // 1000] = 0.9, 0.9  # a millisecond from the edge, where a window begins to hear
    known = extract(sound)
    assert np.abs(extract(first) - known)[0].max() > 1e-4 and np.array_equal(extract(first)[2:], known[2:])
    assert np.abs(extract(last) - known)[-1].max() > 1e-4 and np.array_equal(extract(last)[:1], known[:1])


@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000])
def test_silence_is_always_the_same_array(rate: int) -> None:
    extract = speech_mels(rate)
    nothing = np.zeros(extract.before + extract.samples, np.float32)
    assert extract(nothing) is SILENCE
    nothing[-5] = 1e-12  # far below the floor
    assert extract(nothing).tobytes() == silence_mels().tobytes()


# ---- the layers


@TINY_EN
def test_the_asset_is_what_the_command_cuts(tiny_en_checkpoint: Path) -> None:
    cut = first_layers(tiny_en_checkpoint)
    with safe_open(ASSET, framework="pt") as file:
        assert file.metadata() == METADATA and set(file.keys()) == set(cut)
        for name, tensor in cut.items():
            assert torch.equal(file.get_tensor(name), tensor), name


@TINY_EN
def test_the_views_are_whispers_own(tiny_en_checkpoint: Path) -> None:
    whisper = pytest.importorskip("whisper")
    encoder: Any = whisper.load_model(str(tiny_en_checkpoint), device="cpu").float().encoder
    mels = torch.from_numpy(recording_mels(voice_like(WINDOW_FRAMES), 16_000))[None]
    x = mels.flatten(1, 2)
    x = (torch.maximum(x, x.max() - 8.0) + 4.0) / 4.0
    with torch.inference_mode():
        x = torch.nn.functional.gelu(encoder.conv1(x.transpose(1, 2)))
        x = torch.nn.functional.gelu(encoder.conv2(x)).transpose(1, 2)
        x = x + encoder.positional_embedding[: x.shape[1]]
        for block in encoder.blocks[:LAYERS]:
            x = block(x)
        ours = load_speech_encoder()(mels, 7)
    torch.testing.assert_close(ours, x.reshape(1, WINDOW_FRAMES, VIEW_SIZE)[:, -7:], atol=1e-3, rtol=0.0)


@torch.inference_mode()
def test_only_what_is_wanted_is_computed_and_it_is_the_same() -> None:
    encoder = load_speech_encoder()
    mels = torch.from_numpy(recording_mels(voice_like(2 * WINDOW_FRAMES), 16_000)).unflatten(0, (2, WINDOW_FRAMES))
    whole = encoder(mels, WINDOW_FRAMES)
    assert whole.shape == (2, WINDOW_FRAMES, VIEW_SIZE)
    torch.testing.assert_close(encoder(mels, 3), whole[:, -3:], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(encoder(mels[1:], 3), whole[1:, -3:], rtol=1e-4, atol=1e-4)
    assert not any(weight.requires_grad for weight in encoder.parameters()) and not encoder.training


def test_a_frame_is_heard_with_its_look_ahead() -> None:
    encoded = torch.arange(7.0)[None, :, None].expand(1, 7, VIEW_SIZE)
    views = frame_views(encoded)
    assert views.shape == (1, 5, VIEWS_PER_FRAME, VIEW_SIZE) and VIEWS_PER_FRAME == 3
    assert views[0, :, :, 0].tolist() == [[i, i + 1, i + 2] for i in range(5)]
    assert window_frames(30, 5) == range(12, 37) and window_frames(30, 1)[0] == 30 - SPEECH_PAST_FRAMES


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        (METADATA | {"format": "visavis motion sampler"}, "expected 'visavis speech encoder', got 'visavis motion"),
        (METADATA, "'blocks.0.attn.key.weight' expected"),
    ],
)
def test_another_file_is_refused_in_one_line(tmp_path: Path, metadata: dict[str, str], message: str) -> None:
    save_file({"x": torch.zeros(1)}, tmp_path / "e.safetensors", metadata)
    with pytest.raises(InputError, match=message) as error:
        read_speech_encoder(tmp_path / "e.safetensors")
    assert "\n" not in str(error.value) and "reinstall visavis" in str(error.value)


# ---- in the sampler


@torch.inference_mode()
def test_a_new_network_begins_with_mel_alone() -> None:
    torch.manual_seed(0)
    denoiser = Denoiser(SMALL).eval()
    features = torch.randn(1, (AUDIO_PAST_FRAMES + 5 + LOOK_AHEAD_FRAMES) * HOPS_PER_FRAME, MEL_BANDS)
    one, other = (denoiser.hear(features, views) for views in torch.randn(2, 1, 5, VIEWS_PER_FRAME, VIEW_SIZE))
    assert torch.equal(one.view, other.view) and torch.equal(one.expected, other.expected)
    torch.nn.init.normal_(denoiser.audio.views.out.weight, std=0.1)
    one, other = (denoiser.hear(features, views) for views in torch.randn(2, 1, 5, VIEWS_PER_FRAME, VIEW_SIZE))
    assert not torch.allclose(one.expected, other.expected, atol=1e-3)


@pytest.mark.parametrize("count", [1, 3, 5])
def test_a_block_is_heard_in_a_second_that_ends_with_its_look_ahead(count: int) -> None:
    sound, stream = voice_like(45), SamplerState(frame=35)
    stream.speech.push(AudioChunk(sound, 16_000, 0), "speech")
    window, end = stream.window(count), 35 + count + LOOK_AHEAD_FRAMES
    assert window is not None
    assert window.tobytes() == recording_mels(sound[: end * FRAME], 16_000)[end - 25 : end].tobytes()


def test_silence_costs_nothing_and_is_heard_as_what_it_is(model: MotionModel, monkeypatch: pytest.MonkeyPatch) -> None:
    options = SamplerOptions(seed=2)

    def block_after(sound: Floats) -> Any:
        sampler = FlowMotionSampler(BlockBatcher(model), options)
        sampler.push(AudioChunk(sound, 16_000, 0))
        return gather(model, options, sampler.state, 5)

    idle, spoken = block_after(np.zeros(10 * FRAME, np.float32)), block_after(voice_like(10))
    assert idle.window is None and spoken.window is not None
    silence = torch.from_numpy(np.tile(silence_mels(), (1, WINDOW_FRAMES, 1, 1)))
    torch.testing.assert_close(silence_views(7)[None], load_speech_encoder()(silence, 7))
    together = sample_blocks(model, [spoken, idle])
    monkeypatch.setattr(model, "encoder", None)  # whoever asks it would fail
    (alone,) = sample_blocks(model, [idle])
    np.testing.assert_allclose(together[1].motion, alone.motion, atol=1e-5)


def test_a_rewind_finds_the_whole_window_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampler_state, "REWIND_FRAMES", 50)
    sound = voice_like(200)
    stream = SamplerState()
    for start in range(0, 200, 5):
        stream.speech.push(AudioChunk(sound[start * FRAME : (start + 5) * FRAME], 16_000, start * FRAME), "speech")
        while stream.ready_frames(5):
            stream.window(5)
            stream.advance(5, ())
    assert stream.frame == 195 and stream.earliest == 145
    assert len(stream.mels) < 100, "what is older than any rewind is let go"
    stream.rewind(145)
    assert max(stream.mels) == 144
    stream.speech.push(AudioChunk(sound[145 * FRAME :], 16_000, 145 * FRAME), "speech")
    mels = recording_mels(sound, 16_000)
    for count in (1, 5):
        found = stream.window(count)
        assert found is not None and found.tobytes() == mels[list(window_frames(145, count))].tobytes()
