"""XTTS, through the real library with a tiny random model: no package has real weights."""

import asyncio
import itertools
import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from speech.audio import Samples
from speech.errors import InputError
from speech.files.wav_writer import write_wav
from speech.text.spoken_text import SENTENCE_PAUSE_S, spoken_words
from speech.tts.base import SpeechChunk
from speech.tts.espeak import EspeakTTS
from speech.tts.synthesis.loudness import SPEECH_LEVEL_DBFS, speech_level_dbfs
from speech.tts.xtts import XttsTTS
from tests.tiny_voices import XTTS_RATE_HZ, XTTS_SPEAKERS, tiny_xtts

SENTENCE = "Dr. Smith paid $25 for one of the books, didn't he?"
RATE_WPM = 300
"""The quickest there is: the less sound, the less a test takes."""


@pytest.fixture(scope="module")
def model(voices_folder: Path) -> Path:
    return tiny_xtts(voices_folder)


@dataclass
class Speaking:
    runner: asyncio.Runner
    tts: XttsTTS
    said: dict[str, list[SpeechChunk]] = field(default_factory=dict)

    def say(self, text: str) -> list[SpeechChunk]:
        """What it says with nothing else to do; a text that was said before is not said again: it takes seconds."""
        if text not in self.said:
            self.said[text] = self.runner.run(collect(self.tts, text))
        return self.said[text]


async def collect(tts: XttsTTS | EspeakTTS, text: str) -> list[SpeechChunk]:
    return [chunk async for chunk in tts.synthesize(text)]


def sound(chunks: list[SpeechChunk]) -> Samples:
    return np.concatenate([chunk.audio.samples for chunk in chunks])


@pytest.fixture(scope="module")
def speaking(model: Path) -> Iterator[Speaking]:
    with asyncio.Runner() as runner:
        tts = XttsTTS(model=model, rate_wpm=RATE_WPM)
        runner.run(tts.__aenter__())
        try:
            yield Speaking(runner, tts)
        finally:
            runner.run(tts.__aexit__())


def test_times_are_in_order_and_inside_the_sound(speaking: Speaking) -> None:
    chunks = speaking.say(SENTENCE)
    position = 0
    for chunk in chunks:
        assert chunk.audio.start_sample == position
        assert chunk.audio.sample_rate_hz == speaking.tts.sample_rate_hz == XTTS_RATE_HZ
        position = chunk.audio.end_sample
        for word in chunk.words:
            assert chunk.audio.start_sample <= word.start_sample < chunk.audio.end_sample
    words = [word for chunk in chunks for word in chunk.words]
    assert [word.text for word in words] == [word.text for word in spoken_words(SENTENCE)]
    assert all(word.start_sample < word.end_sample <= position for word in words)
    assert all(before.end_sample <= after.start_sample for before, after in itertools.pairwise(words))
    assert words[0].start_sample < 0.05 * XTTS_RATE_HZ
    assert (position - words[-1].end_sample) / XTTS_RATE_HZ == pytest.approx(SENTENCE_PAUSE_S, abs=0.02)


def test_sound_comes_while_the_rest_is_being_made(speaking: Speaking) -> None:
    async def run() -> tuple[float, float]:
        began = time.perf_counter()
        first = 0.0
        async with aclosing(speaking.tts.synthesize(SENTENCE)) as chunks:
            async for _ in chunks:
                first = first or time.perf_counter() - began
        return first, time.perf_counter() - began

    first, whole = speaking.runner.run(run())
    assert first < whole / 2


def test_closing_leaves_it_ready(speaking: Speaking) -> None:
    async def run() -> Samples:
        async with aclosing(speaking.tts.synthesize(SENTENCE)) as chunks:
            await anext(chunks)
        return sound(await collect(speaking.tts, SENTENCE))

    assert np.array_equal(speaking.runner.run(run()), sound(speaking.say(SENTENCE)))


def test_sentences_spoken_at_once_sound_as_if_alone(speaking: Speaking) -> None:
    texts = (SENTENCE, "Yes.", "Good morning to you all.")

    async def together() -> list[list[SpeechChunk]]:
        return await asyncio.gather(*(collect(speaking.tts, text) for text in texts))

    for text, beside in zip(texts, speaking.runner.run(together()), strict=True):
        assert np.array_equal(sound(beside), sound(speaking.say(text))), text


def test_numbers_are_spoken_and_all_is_equally_loud(speaking: Speaking) -> None:
    written, read = (speaking.say(text) for text in ("It costs $25.", "It costs twenty-five dollars."))
    assert np.array_equal(sound(written), sound(read))
    assert [word.text for chunk in written for word in chunk.words] == ["It", "costs", "$25."]
    assert speech_level_dbfs(sound(written), XTTS_RATE_HZ) == pytest.approx(SPEECH_LEVEL_DBFS, abs=1.5)
    assert speaking.say("😀") == []


def test_a_recording_gives_another_voice(speaking: Speaking, model: Path, tmp_path: Path) -> None:
    async def run() -> Samples:
        async with EspeakTTS() as espeak:
            recording = sound(await collect(espeak, "This is what I sound like, on an ordinary day in spring."))
        write_wav(tmp_path / "sample.wav", recording, 22_050)
        async with XttsTTS(model=model, sample=tmp_path / "sample.wav", rate_wpm=RATE_WPM, volume=0.5) as tts:
            return sound(await collect(tts, "Yes."))

    cloned, own = asyncio.run(run()), sound(speaking.say("Yes."))
    assert speech_level_dbfs(cloned, XTTS_RATE_HZ) == pytest.approx(SPEECH_LEVEL_DBFS - 6.0, abs=1.5)
    size = min(len(cloned), len(own))
    assert abs(np.corrcoef(cloned[:size], own[:size])[0, 1]) < 0.99  # of one voice with itself: 1


def test_voices_are_the_models(model: Path) -> None:
    tts = XttsTTS(model=model, preferred=XTTS_SPEAKERS[1])
    assert [(voice.id, voice.engine, voice.language) for voice in tts.voices()] == [
        (name, "xtts", "en") for name in XTTS_SPEAKERS
    ]
    assert tts._kept._setup["speaker"] == XTTS_SPEAKERS[1]
    assert XttsTTS(model=model, preferred="Claribel Dervla")._kept._setup["speaker"] == XTTS_SPEAKERS[0]
    assert tts.parallel == 1


@pytest.mark.parametrize(("wanted", "taken"), [("en", "en"), ("en-GB", "en"), ("zh", "zh-cn"), ("pt-br", "pt")])
def test_languages_have_the_models_names(model: Path, wanted: str, taken: str) -> None:
    assert XttsTTS(model=model, language=wanted)._kept._setup["language"] == taken


@pytest.fixture
def copied(model: Path, tmp_path: Path) -> Path:
    target = tmp_path / "voice"
    shutil.copytree(model, target, copy_function=lambda source, copy: Path(copy).symlink_to(source))
    return target


def _no_vocabulary(model: Path) -> None:
    (model / "vocab.json").unlink()


def _no_voices(model: Path) -> None:
    (model / "speakers_xtts.pth").unlink()


def _damaged_voices(model: Path) -> None:
    (model / "speakers_xtts.pth").unlink()
    (model / "speakers_xtts.pth").write_text("Ada Byron")


def _truncated_weights(model: Path) -> None:
    weights = (model / "model.pth").read_bytes()[:1_000]
    (model / "model.pth").unlink()
    (model / "model.pth").write_bytes(weights)


def _vits(model: Path) -> None:
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").unlink()
    (model / "config.json").write_text(json.dumps(config | {"model": "vits"}))


def _as_it_is(model: Path) -> None:
    pass


@pytest.mark.parametrize(
    ("spoil", "options", "message"),
    [
        (_no_vocabulary, {}, "expected XTTS's vocab.json, found no such file"),
        (_no_voices, {}, "expected voices in speakers_xtts.pth, found none; put the file there, or set voice.sample"),
        (_damaged_voices, {}, "speakers_xtts.pth: expected names and tensors saved by PyTorch"),
        (_truncated_weights, {}, "model.pth: expected PyTorch weights, got a damaged file of 1000 bytes"),
        (_vits, {}, 'expected a model of the type xtts, got vits; set voice.backend = "coqui"'),
        (_as_it_is, {"voice": "Ada"}, "voice: expected one of the model's, got 'Ada'; the nearest are Ada Byron"),
        (_as_it_is, {"language": "eo"}, "voice.language: expected one of the model's (en, es, fr"),
        (_as_it_is, {"sample": Path("nowhere.wav")}, "nowhere.wav: expected a sound file, found nothing"),
    ],
)
def test_bad_input_is_one_line(
    copied: Path, spoil: Callable[[Path], None], options: dict[str, Any], message: str
) -> None:
    spoil(copied)
    with pytest.raises(InputError) as raised:
        XttsTTS(model=copied, **options)
    assert message in str(raised.value) and "\n" not in str(raised.value)


def test_numbers_out_of_range_are_a_broken_contract(copied: Path) -> None:
    with pytest.raises(ValueError, match="rate_wpm: expected 80 to 300"):
        XttsTTS(model=copied, rate_wpm=900)


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros(48_000, np.float32), "expected a recording of a voice, it is silent"),
        (np.ones(4_800, np.float32), "expected at least 1 s of the voice (better 6 s or more), got 0.20 s"),
    ],
)
def test_a_useless_recording_is_one_line(model: Path, tmp_path: Path, samples: Samples, message: str) -> None:
    write_wav(tmp_path / "sample.wav", samples, 24_000)
    with pytest.raises(InputError) as raised:
        XttsTTS(model=model, sample=tmp_path / "sample.wav")
    assert message in str(raised.value) and "\n" not in str(raised.value)
