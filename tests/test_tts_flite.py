"""Flite: times, intelligibility through a recogniser, killing, choices; and what happens without it."""

import asyncio
import itertools
from contextlib import aclosing

import numpy as np
import pytest

from speech.audio import SPEECH_RATE_HZ, Samples
from speech.errors import InputError
from speech.text.spoken_text import SENTENCE_PAUSE_S, spoken_words
from speech.tts.base import PhonemeTime, SpeechChunk, WordTime
from speech.tts.flite import FliteTTS, flite_voices, share_phones
from speech.tts.synthesis.loudness import SPEECH_LEVEL_DBFS, speech_level_dbfs

SENTENCE = "Dr. Smith paid $25 at 10:30 am, didn't he?"


async def speak(tts: FliteTTS, text: str) -> list[SpeechChunk]:
    async with tts:
        return [chunk async for chunk in tts.synthesize(text)]


def sound(chunks: list[SpeechChunk]) -> Samples:
    return np.concatenate([chunk.audio.samples for chunk in chunks])


def words_in(chunks: list[SpeechChunk]) -> list[WordTime]:
    return [word for chunk in chunks for word in chunk.words]


@pytest.mark.flite
@pytest.mark.parametrize("voice", ["slt", "rms", "awb"])
def test_times_are_in_order_and_cover_the_sound(voice: str) -> None:
    chunks = asyncio.run(speak(FliteTTS(voice=voice), SENTENCE))
    position = 0
    for chunk in chunks:
        assert chunk.audio.start_sample == position
        position = chunk.audio.end_sample
        for time in (*chunk.words, *chunk.phonemes):
            assert chunk.audio.start_sample <= time.start_sample < chunk.audio.end_sample
    words = words_in(chunks)
    phonemes = [phoneme for chunk in chunks for phoneme in chunk.phonemes]
    assert [word.text for word in words] == [word.text for word in spoken_words(SENTENCE)]
    assert all(before.end_sample <= after.start_sample for before, after in itertools.pairwise(words))
    assert all(before.end_sample == after.start_sample for before, after in itertools.pairwise(phonemes))
    assert phonemes[1].start_sample < 0.03 * SPEECH_RATE_HZ
    assert phonemes[-1].end_sample == position
    assert position - words[-1].end_sample == pytest.approx(SENTENCE_PAUSE_S * SPEECH_RATE_HZ, abs=1)
    by_word = {
        word.text: [p.symbol for p in phonemes if word.start_sample <= p.start_sample < word.end_sample]
        for word in words
    }
    assert by_word["Smith"] == ["s", "m", "ih", "th"]
    assert by_word["$25"][0] == "t" and by_word["$25"][-1] == "z"  # twenty-five dollars
    assert by_word["he?"] == ["hh", "iy"]
    assert abs(speech_level_dbfs(sound(chunks), SPEECH_RATE_HZ) - SPEECH_LEVEL_DBFS) < 2
    assert abs(sound(chunks)[-1]) < 0.001


@pytest.mark.flite
@pytest.mark.parametrize("voice", ["rms", "awb"])
def test_a_recogniser_understands_it_at_the_times_it_names(voice: str) -> None:
    from pocketsphinx import Decoder

    text = "the weather is nice in the garden"
    chunks = asyncio.run(speak(FliteTTS(voice=voice), text + "."))
    pcm = (sound(chunks) * 32767).astype(np.int16).tobytes()
    rivals = ["the book is on the table", "please turn off the light", "where is the train station", text]
    listener = Decoder(lm=None, samprate=SPEECH_RATE_HZ, loglevel="FATAL")
    listener.add_jsgf_string("g", f"#JSGF V1.0; grammar g; public <s> = {' | '.join(rivals)};")
    listener.activate_search("g")
    listener.start_utt()
    listener.process_raw(pcm, full_utt=True)
    listener.end_utt()
    assert listener.hyp().hypstr == text
    heard = {segment.word: segment.start_frame / 100 for segment in listener.seg()}
    told = {word.text.rstrip("."): word.start_sample / SPEECH_RATE_HZ for word in words_in(chunks)}
    for word in ("weather", "nice", "garden"):
        assert heard[word] == pytest.approx(told[word], abs=0.08)


@pytest.mark.flite
def test_rate_and_volume_do_something() -> None:
    async def run() -> list[list[SpeechChunk]]:
        text = "The evening sun is warm."
        voices = FliteTTS(), FliteTTS(rate_wpm=250), FliteTTS(volume=0.5)
        return [await speak(voice, text) for voice in voices]

    normal, fast, quiet = map(sound, asyncio.run(run()))
    assert len(fast) < 0.8 * len(normal)
    assert speech_level_dbfs(quiet, SPEECH_RATE_HZ) == pytest.approx(
        speech_level_dbfs(normal, SPEECH_RATE_HZ) - 6, abs=0.2
    )


@pytest.mark.flite
def test_cancelling_kills_the_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[asyncio.subprocess.Process] = []
    both_started = asyncio.Event()
    create = asyncio.create_subprocess_exec

    async def remembered(*arguments: str, **options: object) -> asyncio.subprocess.Process:
        process = await create(*arguments, **options)  # type: ignore[arg-type]
        started.append(process)
        if len(started) == 2:
            both_started.set()
        return process

    async def run() -> list[SpeechChunk]:
        monkeypatch.setattr(asyncio, "create_subprocess_exec", remembered)
        async with FliteTTS() as tts:
            task = asyncio.create_task(anext(tts.synthesize("This is a long sentence. " * 200)))
            await both_started.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert all(process.returncode is not None for process in started)
            async with aclosing(tts.synthesize("Ready again.")) as chunks:
                return [await anext(chunks)]

    assert asyncio.run(run())[0].words[0].text == "Ready"


@pytest.mark.flite
def test_voices_are_listed_and_unknown_ones_refused() -> None:
    voices = FliteTTS().voices()
    assert [voice.id for voice in voices][:1] == ["slt"]
    assert {"slt", "rms", "awb"} <= {voice.id for voice in voices} == set(flite_voices())
    with pytest.raises(InputError, match="got 'stl'; the nearest are slt"):
        FliteTTS(voice="stl")
    with pytest.raises(ValueError, match="rate_wpm: expected 80 to 300"):
        FliteTTS(rate_wpm=1_000)


@pytest.mark.flite
@pytest.mark.parametrize("nothing", ["", "😀"])
def test_nothing_to_say_gives_no_sound(nothing: str) -> None:
    assert asyncio.run(speak(FliteTTS(), nothing)) == []


@pytest.mark.flite
def test_accents_are_read_and_other_scripts_refused() -> None:
    chunks = asyncio.run(speak(FliteTTS(), "The café is open."))
    phonemes = [phoneme.symbol for chunk in chunks for phoneme in chunk.phonemes]
    assert [word.text for word in words_in(chunks)] == ["The", "café", "is", "open."]
    assert phonemes[3:6] == ["k", "ax", "f"]
    with pytest.raises(InputError, match="expected English"):
        asyncio.run(speak(FliteTTS(), "你好。"))


@pytest.mark.flite
def test_letters_that_flite_does_not_know_are_written_in_its_own() -> None:
    chunks = asyncio.run(speak(FliteTTS(), "Ça, Straße, øl, Привет 你好."))
    phonemes = [phoneme.symbol for chunk in chunks for phoneme in chunk.phonemes if phoneme.symbol != "_"]
    assert [word.text for word in words_in(chunks)] == ["Ça,", "Straße,", "øl,", "Привет 你好."]
    assert phonemes[:3] == ["k", "aa", "s"]  # not "California"
    assert {"t", "r"} <= set(phonemes) and "v" in phonemes


def test_without_the_program_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert not FliteTTS.available()
    with pytest.raises(InputError, match="found none; install it"):
        FliteTTS()


def test_phones_are_shared_out_by_their_counts_or_in_proportion() -> None:
    words = spoken_words("a bigger word")
    phonemes = [PhonemeTime("_", 0, 10), *(PhonemeTime("x", 10 * n, 10 * n + 10) for n in range(1, 10))]
    exact = share_phones(words, phonemes, "pau x pau x x x x pau x x x x pau")
    assert [(word.start_sample, word.end_sample) for word in exact] == [(10, 20), (20, 60), (60, 100)]
    estimated = share_phones(words, phonemes, "pau x pau")
    assert [word.text for word in estimated] == ["a", "bigger", "word"]
    assert estimated[0].start_sample == 10 and estimated[-1].end_sample == 100
    assert all(before.end_sample == after.start_sample for before, after in itertools.pairwise(estimated))


@pytest.mark.flite
@pytest.mark.parametrize("text", ["7" * 100, "word and thing " * 15])
def test_what_has_no_end_is_said_in_parts(text: str) -> None:
    chunks = asyncio.run(speak(FliteTTS(rate_wpm=300), text))
    words = words_in(chunks)
    assert "".join(word.text for word in words) == text.replace(" ", "")
    assert all(word.start_sample < word.end_sample for word in words)
    assert all(one.end_sample <= two.start_sample for one, two in itertools.pairwise(words))
