"""hibari with its real weights: words, phonemes and their times, sameness, rate, long and odd texts, cancelling."""

import asyncio
from collections.abc import Iterator
from contextlib import aclosing, nullcontext
from pathlib import Path

import numpy as np
import pytest

from speech.errors import InputError
from speech.text.spoken_text import SENTENCE_PAUSE_S
from speech.tts.base import TTS
from speech.tts.hibari import SAMPLE_RATE_HZ, HibariTTS
from speech.tts.synthesis.loudness import SPEECH_LEVEL_DBFS, speech_level_dbfs
from tests.carriers import weights_of
from tests.kept_voice import KeptVoice, is_missing, kept

pytestmark = pytest.mark.skipif(is_missing("hibari", "heart"), reason="needs the package hibari-tts")


def network() -> Path:
    return weights_of("hibari", "heart")


@pytest.fixture(scope="module")
def voice() -> Iterator[KeptVoice]:
    with kept(HibariTTS(model=network())) as one:
        yield one


@pytest.mark.parametrize(
    "text",
    [
        "It costs $5, but 3 kg are 20 % off.",
        "I can tell you about the coffee machine, the opening hours on weekdays and at the weekend, and the station.",
    ],
)
def test_times_are_in_order_and_cover_the_sound(voice: KeptVoice, text: str) -> None:
    spoken = voice.say(text)
    spoken.check_times()
    assert " ".join(spoken.texts) == text
    pause = len(spoken.samples) - spoken.words[-1].end_sample
    assert pause / SAMPLE_RATE_HZ == pytest.approx(SENTENCE_PAUSE_S, abs=0.1)


def test_sound_is_where_the_words_are(voice: KeptVoice) -> None:
    spoken = voice.say("Stop, please. Don't!")
    level = speech_level_dbfs(spoken.samples, SAMPLE_RATE_HZ)
    assert level == pytest.approx(SPEECH_LEVEL_DBFS, abs=2.0)
    for word in spoken.words:
        assert speech_level_dbfs(spoken.samples[word.start_sample : word.end_sample], SAMPLE_RATE_HZ) > level - 6
    between = spoken.samples[spoken.words[0].end_sample : spoken.words[1].start_sample]
    assert len(between) > 0.04 * SAMPLE_RATE_HZ
    assert np.sqrt(np.mean(np.square(between))) < 10 ** ((level - 15) / 20)


def test_a_sentence_always_sounds_the_same(voice: KeptVoice) -> None:
    one = voice.say("Good morning, how are you?").samples
    voice.say("Something else.")
    assert np.array_equal(one, voice.say("Good morning, how are you?").samples)


def test_sentences_spoken_at_once_sound_as_if_alone(voice: KeptVoice) -> None:
    voice.check_several_at_once(
        "This goes on and on, one clause after the other, as somebody tells a long story, "
        "of a fox, a dog and a forest, in which it rained every day, until the summer came.",
        "Good morning, how are you?",
        "Yes, of course.",
    )


def test_a_listener_who_sleeps_keeps_nobody_from_speaking(voice: KeptVoice) -> None:
    async def scene(tts: TTS) -> list[str]:
        async with aclosing(tts.synthesize("and on we went, all day long, " * 40)) as asleep:
            await anext(asleep)  # a minute of sound, of which no more is taken
            return [word.text for _ in range(3) async for chunk in tts.synthesize("Yes, sir.") for word in chunk.words]

    assert voice.run(scene) == ["Yes,", "sir."] * 3


def test_rate_and_volume(voice: KeptVoice) -> None:
    text = "The children were playing in the garden."
    usual = voice.say(text).samples
    with kept(HibariTTS(model=network(), rate_wpm=110, volume=0.5)) as other:
        slow = other.say(text).samples
    pause = SENTENCE_PAUSE_S * SAMPLE_RATE_HZ
    assert (len(slow) - pause) / (len(usual) - pause) == pytest.approx(165 / 110, rel=0.1)
    softer = speech_level_dbfs(slow, SAMPLE_RATE_HZ) - speech_level_dbfs(usual, SAMPLE_RATE_HZ)
    assert softer == pytest.approx(-6.0, abs=1.0)


def test_a_sentence_without_a_stop_loses_nothing(voice: KeptVoice) -> None:
    text = "we walked on and on through the old town until it was dark and the lights went on " * 61
    assert len(text) > 5_000
    spoken = voice.say(text)
    assert spoken.texts == text.split()
    assert len(spoken.samples) / SAMPLE_RATE_HZ > len(text) / 20  # letters a second


def test_clauses_join_in_silence() -> None:
    from speech.tts.synthesis.hibari_model import HibariModel

    text = "We walked through the old town until it was dark, and the lights went on, so that everybody could see us."
    pieces = list(HibariModel({"model": str(network())}).speak(text.split(), nullcontext))
    assert len(pieces) == 2
    samples = np.concatenate([piece.samples for piece in pieces])
    join, around = len(pieces[0].samples), round(0.01 * SAMPLE_RATE_HZ)
    assert np.abs(samples[join - around : join + around]).max() < 0.01 * np.abs(samples).max()
    spans = [span for piece in pieces for span in piece.words or ()]
    assert len(spans) == len(text.split())
    # No word's sound was left out at the join.
    assert min(np.abs(samples[first:last]).max() for first, last in spans) > 0.1 * np.abs(samples).max()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("... !? —", []),
        ("😀 *Hello* `there` 😀", ["Hello", "there"]),
        ("日本 is Japan, привет!", ["日本 is", "Japan,", "привет!"]),
        ("§ ☃ fine.", ["§", "fine."]),
        ("Grrr Hmm Zzyzx qwrtpsdfg.", ["Grrr", "Hmm", "Zzyzx", "qwrtpsdfg."]),
    ],
)
def test_odd_texts(voice: KeptVoice, text: str, words: list[str]) -> None:
    assert voice.say(text).texts == words


def test_a_text_without_english_is_one_clear_line(voice: KeptVoice) -> None:
    with pytest.raises(InputError, match=r"^voice engine hibari: expected English, got '日本'; choose"):
        voice.say("日本")


def test_cancelling_frees_the_voice(voice: KeptVoice) -> None:
    assert voice.begin("This goes on, and on, and on, as if it would never end, " * 60).audio.start_sample == 0
    assert voice.say("Yes.").texts == ["Yes."]


def test_bad_settings(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"expected the network of a hibari voice \(\.onnx\), found none"):
        HibariTTS(model=tmp_path / "none.onnx")
    with pytest.raises(InputError, match="voice: expected one of the model's, got 'emma'; the nearest are heart"):
        HibariTTS(model=network(), voice="emma")
    with pytest.raises(ValueError, match="rate_wpm: expected 80 to 300"):
        HibariTTS(model=network(), rate_wpm=20)


def test_a_damaged_network_is_one_clear_line(tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.onnx"
    damaged.write_bytes(network().read_bytes()[:100_000])

    async def enter() -> None:
        async with HibariTTS(model=damaged):
            pass

    with pytest.raises(InputError) as caught:
        asyncio.run(enter())
    assert "could not load" in str(caught.value) and "\n" not in str(caught.value)
