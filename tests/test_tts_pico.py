"""SVOX Pico: exact word times, the same sound each time, other people's markup, letters, rate, lowering, cancelling."""

import asyncio
import itertools
import time
from contextlib import aclosing, nullcontext
from pathlib import Path

import numpy as np
import pytest

from speech.audio import Samples
from speech.errors import InputError
from speech.text.spoken_text import SENTENCE_PAUSE_S, spoken_words
from speech.tts.base import SpeechChunk, WordTime
from speech.tts.espeak import EspeakTTS
from speech.tts.pico import PicoTTS, find_voice, pico_voices
from speech.tts.synthesis.loudness import SPEECH_LEVEL_DBFS, speech_level_dbfs
from speech.tts.synthesis.pico_engine import SAMPLE_RATE_HZ, PicoEngine
from speech.tts.synthesis.pico_marks import evenly_marked, heard_runs, marked, word_spans
from tests.carriers import weights_of
from tests.kept_voice import kept

SENTENCE = "Guten Tag, am 3. Oktober kostet der Eintritt 3,50 €."


@pytest.fixture(scope="module")
def folder() -> Path:
    return weights_of("pico", "svox")


@pytest.fixture(scope="module")
def engine(folder: Path) -> PicoEngine:
    (library,) = folder.parent.glob("_nanotts*.so")
    return PicoEngine(library, [folder / "de-DE_ta.bin", folder / "de-DE_gl0_sg.bin"])


async def spoken(tts: PicoTTS | EspeakTTS, *texts: str) -> list[list[SpeechChunk]]:
    async with tts:
        return [[chunk async for chunk in tts.synthesize(text)] for text in texts]


def sound(chunks: list[SpeechChunk]) -> Samples:
    return np.concatenate([chunk.audio.samples for chunk in chunks])


def words_in(chunks: list[SpeechChunk]) -> list[WordTime]:
    return [word for chunk in chunks for word in chunk.words]


def speech_s(chunks: list[SpeechChunk]) -> float:
    words = words_in(chunks)
    return (words[-1].end_sample - words[0].start_sample) / chunks[0].audio.sample_rate_hz


def test_times_loudness_and_the_same_sound_each_time(folder: Path) -> None:
    first, again = asyncio.run(spoken(PicoTTS(folder=folder), SENTENCE, SENTENCE))
    position = 0
    for chunk in first:
        assert chunk.audio.start_sample == position
        position = chunk.audio.end_sample
        assert all(chunk.audio.start_sample <= word.start_sample < position for word in chunk.words)
    words = words_in(first)
    assert [word.text for word in words] == [word.text for word in spoken_words(SENTENCE, "de")]
    assert all(before.end_sample <= after.start_sample for before, after in itertools.pairwise(words))
    assert position - words[-1].end_sample == pytest.approx(
        SENTENCE_PAUSE_S * SAMPLE_RATE_HZ, abs=0.02 * SAMPLE_RATE_HZ
    )
    assert abs(speech_level_dbfs(sound(first), SAMPLE_RATE_HZ) - SPEECH_LEVEL_DBFS) < 2
    assert np.array_equal(sound(first), sound(again)) and words == words_in(again)
    pause = sound(first)[words[1].end_sample : words[2].start_sample]
    assert len(pause) > 0.1 * SAMPLE_RATE_HZ and np.abs(pause).max() < 0.01, "the comma is between its words"


def test_each_word_is_where_it_changes_when_it_alone_is_said_softly(engine: PicoEngine) -> None:
    words = "heute ist ein schöner Tag zum Spazieren in der Stadt".split()
    even, uneven = (engine.speak(mark(words), nullcontext) for mark in (evenly_marked, marked))
    assert len(heard_runs(even, uneven)) == len(words)
    for number, (start, end) in enumerate(word_spans(words, even, uneven)):
        levels = [99] * len(words)
        levels[number] = 50
        changed = np.flatnonzero(np.abs(engine.speak(marked(words, levels), nullcontext) - even) > 0.004)
        assert abs(start - changed[0]) < 0.03 * SAMPLE_RATE_HZ and abs(end - changed[-1]) < 0.03 * SAMPLE_RATE_HZ


def test_words_that_are_run_together_share_what_is_heard_of_them() -> None:
    frame, levels = 64, (1.0, 0.707, 0.505)
    lengths = [20, 20, 0, 40, 20]  # frames; the third word is swallowed by the second
    even = np.full(sum(lengths) * frame, 0.1, np.float32)
    uneven = np.concatenate([np.full(n * frame, 0.1 * levels[i % 3], np.float32) for i, n in enumerate(lengths)])
    spans = word_spans(["ab", "c", "d", "efgh", "ij"], even, uneven)
    assert spans == [(0, 1280), (1280, 1920), (1920, 2560), (2560, 5120), (5120, 6400)]
    assert word_spans(["eins", "zwei"], np.zeros(640, np.float32), np.zeros(640, np.float32)) == [(0, 0), (0, 0)]


def test_what_people_write_is_never_markup(folder: Path) -> None:
    assert marked(['a<volume level="1">', "b&amp;"]).count("<") == 2
    written = "Eins <speed level='500'> zwei &lt;break time=\"9s\"/&gt; drei."
    (chunks,) = asyncio.run(spoken(PicoTTS(folder=folder), written))
    assert {"Eins", "zwei", "drei."} <= {word.text for word in words_in(chunks)}
    first, last = words_in(chunks)[0], words_in(chunks)[-1]
    assert last.end_sample - last.start_sample > 0.2 * SAMPLE_RATE_HZ and first.end_sample > 0.2 * SAMPLE_RATE_HZ
    assert speech_s(chunks) < 9


def test_letters_that_it_lacks(folder: Path) -> None:
    tts = PicoTTS(folder=folder)
    (chunks,) = asyncio.run(spoken(tts, "Grüße aus 北京 und Łódź!"))
    assert [word.text for word in words_in(chunks)] == ["Grüße", "aus 北京", "und", "Łódź!"]
    (none,) = asyncio.run(spoken(tts, "… 😀"))
    assert none == []
    with pytest.raises(
        InputError, match="voice engine pico: expected German, got '你好'; choose the voice engine espeak"
    ):
        asyncio.run(spoken(tts, "你好"))


def test_a_rate_means_what_it_means_to_espeak_and_a_man_is_as_quick(folder: Path) -> None:
    text = "Der alte Leuchtturm steht auf einem Felsen über dem Hafen."
    (espeak,) = asyncio.run(spoken(EspeakTTS(voice="de", rate_wpm=165), text))
    (normal,) = asyncio.run(spoken(PicoTTS(folder=folder), text))
    (slow,) = asyncio.run(spoken(PicoTTS(folder=folder, rate_wpm=90), text))
    (man,) = asyncio.run(spoken(PicoTTS(folder=folder, voice="de+m"), text))
    assert speech_s(normal) == pytest.approx(speech_s(espeak), rel=0.2)
    assert speech_s(slow) == pytest.approx(speech_s(normal) * 165 / 90, rel=0.1)
    assert speech_s(man) == pytest.approx(speech_s(normal), rel=0.1)
    assert _pitch_hz(man) < 0.8 * _pitch_hz(normal)


def _pitch_hz(chunks: list[SpeechChunk]) -> float:
    """Median over loud stretches, by autocorrelation between 70 and 350 Hz."""
    rate, found = chunks[0].audio.sample_rate_hz, []
    size = rate // 20
    samples = sound(chunks)
    for start in range(0, len(samples) - size, size):
        piece = samples[start : start + size]
        if np.abs(piece).max() > 0.1:
            correlation = np.correlate(piece, piece, "full")[size - 1 :]
            lags = slice(rate // 350, rate // 70)
            found.append(rate / (lags.start + int(np.argmax(correlation[lags]))))
    return float(np.median(found))


def test_long_text_begins_early_and_ends_when_nobody_listens(folder: Path) -> None:
    text = "und noch ein Wort " * 24

    async def listen() -> tuple[int, float, list[WordTime]]:
        async with PicoTTS(folder=folder) as tts:
            async with aclosing(tts.synthesize(text)) as chunks:
                first = len((await anext(chunks)).words)
            began = time.monotonic()
            (again,) = [[chunk async for chunk in tts.synthesize("Ja.")]]
            took_s = time.monotonic() - began
            return first, took_s, words_in(again) + words_in([chunk async for chunk in tts.synthesize(text)])

    first, took_s, words = asyncio.run(listen())
    assert first < 10 and took_s < 3
    assert [word.text for word in words] == ["Ja.", *text.split()]
    assert all(before.end_sample <= after.start_sample for before, after in itertools.pairwise(words[1:]))


def test_names_and_bad_settings(folder: Path, tmp_path: Path) -> None:
    assert [find_voice(name) for name in ("de", "de_DE", "EN-gb+m", "en", "nl", "de+f3")] == [
        "de-DE", "de-DE", "en-GB+m", "en-GB", None, None
    ]  # fmt: skip
    assert {voice.language for voice in pico_voices()} == {"de-de", "fr-fr", "es-es", "it-it", "en-gb", "en-us"}
    with pytest.raises(InputError, match="voice: expected one of Pico's, got 'nl'; the nearest are"):
        PicoTTS(folder=folder, voice="nl")
    with pytest.raises(ValueError, match="rate_wpm: expected 80 to 300"):
        PicoTTS(folder=folder, rate_wpm=20)
    with pytest.raises(InputError, match="expected the extension module of py-nanotts"):
        PicoTTS(folder=tmp_path / "lang")


def test_files_that_are_not_picos_are_one_line(engine: PicoEngine, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "de-DE_ta.bin").write_bytes(b"not a voice" * 1000)
    (library,) = folder.parent.glob("_nanotts*.so")
    with pytest.raises(InputError, match=r"SVOX Pico \(de-DE_ta.bin and .*\): expected pico_loadResource to succeed"):
        PicoEngine(library, [tmp_path / "de-DE_ta.bin", folder / "de-DE_gl0_sg.bin"])
    with pytest.raises(InputError, match="expected SVOX Pico's functions"):
        PicoEngine(folder / "de-DE_ta.bin", [])


def test_sentences_spoken_at_once_sound_as_if_alone(folder: Path) -> None:
    with kept(PicoTTS(folder=folder, voice="de")) as voice:
        voice.check_several_at_once(
            "Das geht immer weiter, ein Satz nach dem anderen, wie eine lange Geschichte, von einem Fuchs und einem "
            "Hund, in einem Wald, in dem es jeden Tag geregnet hat, bis der Sommer kam.",
            "Guten Morgen.",
            "Ja, gerne.",
        )
