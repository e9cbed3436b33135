"""Coqui's VITS voices, through the real library with tiny random models: no package has real weights."""

import asyncio
import itertools
import json
import pickle
import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from speech.audio import Samples
from speech.errors import BackendError, InputError
from speech.text.spoken_text import CLAUSE_PAUSE_S, SENTENCE_PAUSE_S, spoken_words
from speech.tts.base import SpeechChunk
from speech.tts.coqui import CoquiTTS
from speech.tts.coqui_folder import torch_names
from speech.tts.synthesis.loudness import SPEECH_LEVEL_DBFS, speech_level_dbfs
from tests.tiny_voices import SPEAKERS, VITS_RATE_HZ, tiny_vits

SENTENCE = "Dr. Smith paid $25 at 10:30 am for one of the twenty-five books, didn't he?"


@pytest.fixture(scope="module")
def folder(voices_folder: Path) -> Path:
    return voices_folder


@dataclass
class Speaking:
    """A voice that stays entered for several tests."""

    runner: asyncio.Runner
    tts: CoquiTTS

    def say(self, text: str) -> list[SpeechChunk]:
        return self.runner.run(collect(self.tts, text))


async def collect(tts: CoquiTTS, text: str) -> list[SpeechChunk]:
    return [chunk async for chunk in tts.synthesize(text)]


def sound(chunks: list[SpeechChunk]) -> Samples:
    return np.concatenate([chunk.audio.samples for chunk in chunks])


def entered(**options: Any) -> Iterator[Speaking]:
    with asyncio.Runner() as runner:
        tts = CoquiTTS(**options)
        runner.run(tts.__aenter__())
        try:
            yield Speaking(runner, tts)
        finally:
            runner.run(tts.__aexit__())


@pytest.fixture(scope="module")
def letters(folder: Path) -> Iterator[Speaking]:
    yield from entered(model=tiny_vits(folder))


@pytest.fixture(scope="module")
def phonemes(folder: Path) -> Iterator[Speaking]:
    yield from entered(model=tiny_vits(folder, phonemes=True))


@pytest.fixture
def copied(folder: Path, tmp_path: Path) -> Callable[..., Path]:
    """Makes a copy of the model with several speakers, its configuration changed."""

    def copy(**changes: Any) -> Path:
        target = tmp_path / "voice"
        shutil.copytree(tiny_vits(folder, speakers=True), target)
        config = json.loads((target / "config.json").read_text())
        (target / "config.json").write_text(json.dumps(config | changes))
        return target

    return copy


def check_times(chunks: list[SpeechChunk], text: str, pause_s: float) -> None:
    position = 0
    for chunk in chunks:
        assert chunk.audio.start_sample == position
        assert chunk.audio.sample_rate_hz == VITS_RATE_HZ
        position = chunk.audio.end_sample
        for word in chunk.words:
            assert chunk.audio.start_sample <= word.start_sample < chunk.audio.end_sample
        assert chunk.phonemes == ()
    lengths = {len(chunk.audio.samples) for chunk in chunks}
    assert max(lengths) == round(0.1 * VITS_RATE_HZ) and min(lengths) > 0  # shorter where a clause ends
    words = [word for chunk in chunks for word in chunk.words]
    assert [word.text for word in words] == [word.text for word in spoken_words(text)]
    assert all(word.start_sample < word.end_sample for word in words)
    assert all(before.end_sample <= after.start_sample for before, after in itertools.pairwise(words))
    assert words[0].start_sample < 0.1 * VITS_RATE_HZ
    after_s = (position - words[-1].end_sample) / VITS_RATE_HZ
    assert pause_s - 0.01 < after_s < pause_s + 0.15  # between the last letter and the pause: the punctuation


def test_times_are_in_order_and_inside_the_sound(letters: Speaking) -> None:
    check_times(letters.say(SENTENCE), SENTENCE, SENTENCE_PAUSE_S)
    check_times(letters.say("for one thing,"), "for one thing,", CLAUSE_PAUSE_S)


@pytest.mark.espeak_program
def test_times_are_in_order_with_phonemes_too(phonemes: Speaking) -> None:
    check_times(phonemes.say(SENTENCE), SENTENCE, SENTENCE_PAUSE_S)
    text = "In the end, all of it was for the best."
    check_times(phonemes.say(text), text, SENTENCE_PAUSE_S)


def test_sound_is_where_the_words_are(letters: Speaking) -> None:
    chunks = letters.say("Stop, please.")
    samples = sound(chunks)
    for word in (word for chunk in chunks for word in chunk.words):
        assert speech_level_dbfs(samples[word.start_sample : word.end_sample], VITS_RATE_HZ) > SPEECH_LEVEL_DBFS - 6
    assert not samples[-round(0.25 * VITS_RATE_HZ) :].any()


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("It costs $25.", "It costs twenty-five dollars."),
        ("Ask **Dr.** Smith at 10:30!", "Ask Doctor Smith at ten thirty!"),
        ("Fine 😀 by me.", "Fine by me."),
    ],
)
def test_numbers_abbreviations_and_markdown_are_spoken_as_words(letters: Speaking, written: str, read: str) -> None:
    assert np.array_equal(sound(letters.say(written)), sound(letters.say(read)))


def test_all_sentences_are_equally_loud(letters: Speaking) -> None:
    for text in ("Yes.", "What a day this was!", SENTENCE):
        samples = sound(letters.say(text))
        assert speech_level_dbfs(samples, VITS_RATE_HZ) == pytest.approx(SPEECH_LEVEL_DBFS, abs=1.0)
        assert np.abs(samples).max() <= 1.0


def test_nothing_to_say_gives_no_chunks(letters: Speaking) -> None:
    assert letters.say("😀 👍🏽") == []
    assert letters.say("***") == []


def test_what_the_voice_cannot_read_is_one_error(letters: Speaking) -> None:
    with pytest.raises(InputError, match=r"^voice engine coqui: expected text in the language of the voice .*你好"):
        letters.say("你好。")
    assert letters.say("Still here.")


def test_two_at_once_come_right(letters: Speaking) -> None:
    texts = ("The first of the two sentences.", "And this is the second one.", "Then a third.")
    alone = [sound(letters.say(text)) for text in texts]

    async def both() -> list[list[SpeechChunk]]:
        return await asyncio.gather(*(collect(letters.tts, text) for text in texts))

    assert letters.tts.parallel == 2
    together = letters.runner.run(both())
    for text, expected, chunks in zip(texts, alone, together, strict=True):
        assert np.array_equal(sound(chunks), expected)
        assert [word.text for chunk in chunks for word in chunk.words] == text.split()


def test_closing_and_cancelling_leave_it_ready(letters: Speaking) -> None:
    expected = sound(letters.say("Still here."))

    async def run() -> Samples:
        async with aclosing(letters.tts.synthesize(SENTENCE)) as chunks:
            await anext(chunks)
        tasks = [asyncio.create_task(collect(letters.tts, SENTENCE * 3)) for _ in range(4)]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        assert all(
            isinstance(end, asyncio.CancelledError) for end in await asyncio.gather(*tasks, return_exceptions=True)
        )
        return sound(await collect(letters.tts, "Still here."))

    assert np.array_equal(letters.runner.run(run()), expected)


def test_a_crash_is_one_error_and_the_next_sentence_is_spoken(letters: Speaking) -> None:
    expected = sound(letters.say("Still here."))

    async def run() -> Samples:
        task = asyncio.create_task(collect(letters.tts, SENTENCE * 20))
        await asyncio.sleep(0.05)
        assert letters.tts._kept._worker is not None
        letters.tts._kept._worker._process.kill()
        with pytest.raises(
            BackendError, match=r"^voice engine coqui: Coqui ended unexpectedly \(status -9.*started again"
        ):
            await task
        return sound(await collect(letters.tts, "Still here."))

    assert np.array_equal(letters.runner.run(run()), expected)


def test_speakers_differ_and_rate_and_volume_hold(folder: Path) -> None:
    model = tiny_vits(folder, speakers=True)

    async def spoken(**options: Any) -> list[SpeechChunk]:
        async with CoquiTTS(model=model, **options) as tts:
            assert tts.sample_rate_hz == VITS_RATE_HZ
            return await collect(tts, SENTENCE)

    async def all_of_them() -> list[list[SpeechChunk]]:
        return await asyncio.gather(
            spoken(voice=SPEAKERS[2], rate_wpm=110),
            spoken(voice=SPEAKERS[2], rate_wpm=220),
            spoken(preferred="p225", rate_wpm=220, volume=0.5),
        )

    slow, fast, other = (sound(chunks) for chunks in asyncio.run(all_of_them()))
    pause = round(SENTENCE_PAUSE_S * VITS_RATE_HZ)
    assert (len(slow) - pause) / (len(fast) - pause) == pytest.approx(2.0, rel=0.1)
    assert (len(other) - pause) / (len(fast) - pause) == pytest.approx(1.0, rel=0.1)
    size = min(len(other), len(fast))
    assert np.corrcoef(other[:size], fast[:size])[0, 1] < 0.99  # another speaker; of one with itself: 1
    assert speech_level_dbfs(other, VITS_RATE_HZ) == pytest.approx(SPEECH_LEVEL_DBFS - 6.0, abs=1.0)


def test_voices_are_the_speakers(folder: Path, copied: Callable[..., Path]) -> None:
    assert CoquiTTS(model=tiny_vits(folder)).voices() == []
    tts = CoquiTTS(model=copied(datasets=[{"language": "de"}]), preferred="jonas")
    assert [voice.id for voice in tts.voices()] == list(SPEAKERS)
    assert {(voice.engine, voice.language) for voice in tts.voices()} == {("coqui", "de")}
    assert tts._kept._setup["speaker"] == "jonas"
    assert CoquiTTS(model=tiny_vits(folder, speakers=True), preferred="p225")._kept._setup["speaker"] == SPEAKERS[0]


@pytest.mark.parametrize(
    ("changes", "options", "message"),
    [
        ({}, {"voice": "mirra"}, "voice: expected one of the model's, got 'mirra'; the nearest are mira"),
        (
            {"model": "tacotron2"},
            {},
            "config.json: expected a model of the type vits, got tacotron2; choose a VITS voice",
        ),
        ({"model": "xtts"}, {}, 'config.json: expected a model of the type vits, got xtts; set voice.backend = "xtts"'),
        ({"audio": {}}, {}, "config.json: expected audio.sample_rate, got None"),
    ],
)
def test_bad_settings_are_one_line(
    copied: Callable[..., Path], changes: dict[str, Any], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError) as raised:
        CoquiTTS(model=copied(**changes), **options)
    assert message in str(raised.value) and "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"rate_wpm": 20}, "rate_wpm: expected 80 to 300"), ({"volume": 3.0}, "volume: expected 0 to 2")],
)
def test_numbers_out_of_range_are_a_broken_contract(folder: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CoquiTTS(model=tiny_vits(folder), **options)


def _no_config(model: Path) -> None:
    (model / "config.json").unlink()


def _damaged_config(model: Path) -> None:
    (model / "config.json").write_text('{"model": ')


def _no_weights(model: Path) -> None:
    (model / "model_file.pth").unlink()


def _several_weights(model: Path) -> None:
    (model / "model_file.pth").rename(model / "best.pth")
    (model / "last.pth").touch()


def _truncated_weights(model: Path) -> None:
    weights = model / "model_file.pth"
    weights.write_bytes(weights.read_bytes()[:100_000])


def _pointer_weights(model: Path) -> None:
    (model / "model_file.pth").write_text("version https://git-lfs.github.com/spec/v1\n")


def _no_speakers(model: Path) -> None:
    (model / "speaker_ids.json").unlink()


def _damaged_speakers(model: Path) -> None:
    (model / "speaker_ids.json").write_text("ada, jonas")


def _not_there(model: Path) -> None:
    shutil.rmtree(model)


def _a_file(model: Path) -> None:
    shutil.rmtree(model)
    model.touch()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_not_there, "expected a folder with config.json and a .pth file, found nothing"),
        (_a_file, "expected a folder with config.json and a .pth file, found a file"),
        (_no_config, "expected a voice with its config.json, found no such file"),
        (_damaged_config, "config.json: expected a Coqui configuration (JSON), could not read it"),
        (_no_weights, "expected one file with weights (model_file.pth or model.pth), found none"),
        (_several_weights, "found several: best.pth, last.pth"),
        (
            _truncated_weights,
            "model_file.pth: expected PyTorch weights, got a damaged file of 100000 bytes; get it again",
        ),
        (_pointer_weights, "model_file.pth: expected PyTorch weights, got a damaged file of 43 bytes"),
        (_no_speakers, "expected the file speaker_ids.json that config.json names, found none"),
        (_damaged_speakers, "speaker_ids.json: expected the speakers' names (JSON)"),
    ],
)
def test_damaged_folders_are_one_line(copied: Callable[..., Path], spoil: Callable[[Path], None], message: str) -> None:
    model = copied()
    spoil(model)
    with pytest.raises(InputError) as raised:
        CoquiTTS(model=model)
    assert message in str(raised.value) and "\n" not in str(raised.value)


def test_a_voice_for_a_model_without_speakers_is_an_error(folder: Path) -> None:
    with pytest.raises(InputError, match="voice: expected none, because the model has only one"):
        CoquiTTS(model=tiny_vits(folder), voice="ada")


def test_what_shows_only_on_loading_is_one_line(folder: Path, copied: Callable[..., Path]) -> None:
    misfit = copied()
    config = json.loads((misfit / "config.json").read_text())
    config["model_args"]["hidden_channels"] = 48
    (misfit / "config.json").write_text(json.dumps(config))

    async def enter(tts: CoquiTTS) -> str:
        with pytest.raises(InputError) as raised:
            await tts.__aenter__()
        return str(raised.value)

    async def both() -> list[str]:
        return await asyncio.gather(
            enter(CoquiTTS(model=misfit)), enter(CoquiTTS(model=tiny_vits(folder), device="mps"))
        )

    weights, device = asyncio.run(both())
    assert "model_file.pth: expected weights that fit the config.json beside it" in weights
    assert "device: expected one that PyTorch has here, got 'mps'; use auto or cpu" in device
    assert "\n" not in weights and "\n" not in device


def test_a_missing_package_names_its_extra(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_vits(folder)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"coqui-tts, it is not installed; run: pip install 'visavis\[coqui\]'"):
        CoquiTTS(model=model)


def test_a_missing_phonemizer_names_its_package(
    copied: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    model = copied(use_phonemes=True, phonemizer="espeak")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match=r"expected the program espeak-ng.*apt-get install espeak-ng"):
        CoquiTTS(model=model)


def test_names_saved_by_torch_are_read_but_nothing_is_run(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "ran",))

    path = tmp_path / "speakers.pth"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("speakers/data.pkl", pickle.dumps({"ada": Evil()}))
    with pytest.raises(InputError, match=r"expected names and tensors saved by PyTorch, could not read it: it holds a"):
        torch_names(path)
    assert not (tmp_path / "ran").exists()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("speakers/data.pkl", pickle.dumps({"ada": 0, "jonas": 1}))
    assert list(torch_names(path)) == ["ada", "jonas"]
