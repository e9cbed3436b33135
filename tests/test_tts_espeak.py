"""eSpeak NG: times, streaming, cancelling, turns on the one engine, languages, loudness."""

import asyncio
import itertools
from contextlib import aclosing

import numpy as np
import pytest

from speech.audio import Samples
from speech.errors import InputError
from speech.text.spoken_text import CLAUSE_PAUSE_S, SENTENCE_PAUSE_S, spoken_words
from speech.tts.base import TTS, SpeechChunk
from speech.tts.espeak import FEMALE_VOICE, MALE_VOICE, MOST_WORDS, EspeakTTS
from speech.tts.espeak_timeline import EspeakTimeline
from speech.tts.synthesis.espeak_engine import PIECE_MS, EspeakEvent, EspeakSettings, espeak_engine
from speech.tts.synthesis.loudness import SPEECH_LEVEL_DBFS, limit, speech_level_dbfs

SENTENCE = "Dr. Smith paid $25 at 10:30 am for one of the twenty-five books, didn't he?"


async def speak(tts: TTS, text: str) -> list[SpeechChunk]:
    async with tts:
        return [chunk async for chunk in tts.synthesize(text)]


def spoken(text: str, **options: object) -> list[SpeechChunk]:
    return asyncio.run(speak(EspeakTTS(**options), text))  # type: ignore[arg-type]


def sound(chunks: list[SpeechChunk]) -> Samples:
    return np.concatenate([chunk.audio.samples for chunk in chunks])


def recorded(text: str) -> list[tuple[Samples, list[EspeakEvent]]]:
    """eSpeak's own pieces for a text."""
    pieces: list[tuple[Samples, list[EspeakEvent]]] = []
    engine = espeak_engine()

    def keep(samples: Samples, events: list[EspeakEvent]) -> bool:
        pieces.append((samples, events))
        return True

    engine.worker.submit(engine.speak, text, EspeakSettings("gmw/en-US", 165, 50, 50), keep).result()
    return pieces


@pytest.mark.parametrize("voice", [FEMALE_VOICE, MALE_VOICE, "en-gb"])
def test_times_are_in_order_and_cover_the_sound(voice: str) -> None:
    chunks = spoken(SENTENCE, voice=voice)
    position = 0
    for chunk in chunks:
        assert chunk.audio.start_sample == position
        position = chunk.audio.end_sample
        for time in (*chunk.words, *chunk.phonemes):
            assert chunk.audio.start_sample <= time.start_sample < chunk.audio.end_sample
    words = [word for chunk in chunks for word in chunk.words]
    phonemes = [phoneme for chunk in chunks for phoneme in chunk.phonemes]
    assert [word.text for word in words] == [word.text for word in spoken_words(SENTENCE)]
    for times in (words, phonemes):
        assert all(time.start_sample < time.end_sample for time in times)
        assert all(before.end_sample <= after.start_sample for before, after in itertools.pairwise(times))
    assert phonemes[0].start_sample < 0.05 * 22_050
    assert all(before.end_sample == after.start_sample for before, after in itertools.pairwise(phonemes))
    assert phonemes[-1].symbol == "_" and phonemes[-1].end_sample == position
    assert words[-1].end_sample == phonemes[-1].start_sample


def test_sound_is_where_the_words_are() -> None:
    chunks = spoken("Stop, please.", voice="en-us")
    samples = sound(chunks)
    level = speech_level_dbfs(samples, 22_050)
    for chunk in chunks:
        for word in chunk.words:
            assert speech_level_dbfs(samples[word.start_sample : word.end_sample], 22_050) > level - 6
        for phoneme in chunk.phonemes:
            if phoneme.symbol == "_" and phoneme.end_sample - phoneme.start_sample > 2_000:
                assert (
                    speech_level_dbfs(samples[phoneme.start_sample + 1_000 : phoneme.end_sample], 22_050) < level - 20
                )


@pytest.mark.parametrize("piece_samples", [1, 317, 5_000, 10**6])
def test_any_pieces_give_the_same(piece_samples: int) -> None:
    words = spoken_words("One of the 25 trees, really, is mine.")
    timelines = [EspeakTimeline(words, 22_050, 0.3) for _ in range(2)]
    pieces = recorded(timelines[0].text)
    whole = np.concatenate([samples for samples, _ in pieces])
    events = [event for _, events in pieces for event in events]
    step = max(piece_samples, len(whole) // 2_000)  # single samples would take a minute; 2,000 pieces show as much
    results = []
    for timeline, size in zip(timelines, (len(whole), step), strict=True):
        chunks = []
        for start in range(0, len(whole), size):
            end = start + size if start + size < len(whole) else len(whole) + 10**6
            chunks += timeline.push(whole[start:end], [event for event in events if start <= event.sample < end])
        results.append(chunks + timeline.finish())
    one, many = results
    assert np.array_equal(sound(one), sound(many))
    assert [word for chunk in one for word in chunk.words] == [word for chunk in many for word in chunk.words]
    assert [p for chunk in one for p in chunk.phonemes] == [p for chunk in many for p in chunk.phonemes]


def test_first_sound_comes_before_the_last_word_is_made() -> None:
    chunks = spoken("This sentence has quite a few words, and they arrive one after the other.")
    assert len(chunks) > 5
    assert chunks[0].audio.duration_s < 1.0


def test_closing_stops_the_engine_and_leaves_it_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = espeak_engine()
    pieces = 0
    plain_speak = engine.speak

    def counted(text: str, settings: EspeakSettings, receiver: object) -> None:
        def receive(samples: Samples, events: list[EspeakEvent]) -> bool:
            nonlocal pieces
            pieces += 1
            return receiver(samples, events)  # type: ignore[operator, no-any-return]

        plain_speak(text, settings, receive)

    async def run() -> None:
        text = "word " * 3_000
        async with EspeakTTS() as tts:
            monkeypatch.setattr(engine, "speak", counted)
            async with aclosing(tts.synthesize(text)) as chunks:
                first = await anext(chunks)
            assert first.words
            in_all = 3_000 * 0.2 / (PIECE_MS / 1000)
            assert pieces < in_all / 4
            stopped_at = pieces
            again = [chunk async for chunk in tts.synthesize("Still here.")]
            assert [word.text for chunk in again for word in chunk.words] == ["Still", "here."]
            assert pieces < stopped_at + 100

    asyncio.run(run())


def test_a_cancelled_task_frees_the_engine() -> None:
    async def run() -> list[SpeechChunk]:
        async with EspeakTTS() as tts:
            started = asyncio.Event()

            async def listen() -> None:
                async for _ in tts.synthesize("word " * 2_000):
                    started.set()
                    await asyncio.Event().wait()

            task = asyncio.create_task(listen())
            await started.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            return [chunk async for chunk in tts.synthesize("Free.")]

    assert len(sound(asyncio.run(run()))) > 5_000


def test_a_listener_who_sleeps_keeps_nobody_from_speaking() -> None:
    async def run() -> list[SpeechChunk]:
        async with EspeakTTS() as one, EspeakTTS(voice="de") as other:
            async with aclosing(one.synthesize("word " * 2_000)) as asleep:
                await anext(asleep)
                return [chunk async for chunk in other.synthesize("Ich spreche.")]

    assert [word.text for chunk in asyncio.run(run()) for word in chunk.words] == ["Ich", "spreche."]


def test_a_text_longer_than_any_sentence_is_said_in_parts_that_join() -> None:
    text = "one two three four " * MOST_WORDS
    position, words = 0, []
    for chunk in spoken(text):
        assert chunk.audio.start_sample == position
        position = chunk.audio.end_sample
        words += chunk.words
    assert [word.text for word in words] == text.split()
    assert all(before.end_sample <= after.start_sample for before, after in itertools.pairwise(words))


def test_two_at_once_take_turns() -> None:
    async def run() -> tuple[list[SpeechChunk], list[SpeechChunk]]:
        async with EspeakTTS(voice="en-us") as english, EspeakTTS(voice="de") as german:

            async def listen(tts: EspeakTTS, text: str) -> list[SpeechChunk]:
                return [chunk async for chunk in tts.synthesize(text)]

            return await asyncio.gather(listen(english, "The first one speaks."), listen(german, "Ich spreche danach."))

    english, german = asyncio.run(run())
    assert [word.text for chunk in english for word in chunk.words] == ["The", "first", "one", "speaks."]
    assert [word.text for chunk in german for word in chunk.words] == ["Ich", "spreche", "danach."]
    assert any(phoneme.symbol == "C" for chunk in german for phoneme in chunk.phonemes)  # the ich sound: German rules


@pytest.mark.parametrize(
    ("voice", "text"),
    [
        ("de", "Guten Tag, ich heiße Vera und habe 25 schöne Äpfel."),
        ("fr", "Bonjour, je m'appelle Véra et j'ai vingt-cinq pommes."),
        ("es", "Hola, me llamo Vera y tengo 25 manzanas."),
        ("it", "Buongiorno, mi chiamo Vera e ho 25 mele."),
        ("pt-br", "Olá, eu me chamo Vera e tenho 25 maçãs."),
        ("nl", "Hallo, ik heet Vera en ik heb 25 appels."),
        ("pl", "Dzień dobry, nazywam się Wera i mam 25 jabłek."),
        ("tr", "Merhaba, benim adım Vera ve 25 elmam var."),
        ("ru", "Здравствуйте, меня зовут Вера, у меня 25 яблок."),
        ("el", "Γεια σας, με λένε Βέρα και έχω 25 μήλα."),
        ("hi", "नमस्ते, मेरा नाम वेरा है।"),
        ("cmn", "你好，我叫薇拉。"),
    ],
)
def test_languages_really_speak(voice: str, text: str) -> None:
    chunks = spoken(text, voice=voice)
    phonemes = [phoneme for chunk in chunks for phoneme in chunk.phonemes if phoneme.symbol != "_"]
    words = [word for chunk in chunks for word in chunk.words]
    assert [word.text for word in words] == [word.text for word in spoken_words(text, voice)]
    assert 1.0 < chunks[-1].audio.end_sample / 22_050 < 8.0
    assert len(phonemes) > 8
    assert -26 < speech_level_dbfs(sound(chunks), 22_050) < -14


@pytest.mark.parametrize(
    ("asked", "named"),
    [("en-uz", "en-us"), ("germann", "german"), ("en-us+f33", "f3"), ("??", "en-us"), ("", "en-us")],
)
def test_unknown_voices_are_refused_with_the_nearest(asked: str, named: str) -> None:
    with pytest.raises(InputError, match="expected one of eSpeak NG's") as caught:
        EspeakTTS(voice=asked)
    assert named in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "options", [{"rate_wpm": 20}, {"rate_wpm": 900}, {"pitch": -1}, {"pitch_range": 100}, {"volume": 3.0}]
)
def test_numbers_out_of_range_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(options))}: expected .* to "):
        EspeakTTS(**options)  # type: ignore[arg-type]


def test_voices_can_all_be_chosen() -> None:
    voices = EspeakTTS().voices()
    assert len(voices) > 100
    assert {"en-us", "de", "fr", "es", "it", "pt", "ja", "ar"} <= {voice.language.split("-x-")[0] for voice in voices}
    assert [voice.gender for voice in voices[:2]] == ["female", "male"]
    for voice in voices:
        EspeakTTS(voice=voice.id)


@pytest.mark.parametrize("voice", ["EN-US", "English (America)", "gmw/en-US", "en-us+F3", "en_us+female3"])
def test_voices_have_several_names(voice: str) -> None:
    assert spoken("Yes.", voice=voice)


def test_voices_are_equally_loud_and_never_clip() -> None:
    for voice in (FEMALE_VOICE, MALE_VOICE, "en-us", "de+m3", "fr+klatt2"):
        samples = sound(spoken("The evening sun is warm, and nobody is in a hurry.", voice=voice))
        assert abs(speech_level_dbfs(samples, 22_050) - SPEECH_LEVEL_DBFS) < 3, voice
        assert np.abs(samples).max() < (0.85 if voice in (FEMALE_VOICE, MALE_VOICE) else 1.0), voice  # else limited


def test_rate_pitch_and_volume_do_something() -> None:
    text = "The evening sun is warm."
    normal, fast, quiet = spoken(text), spoken(text, rate_wpm=250), spoken(text, volume=0.5)
    assert len(sound(fast)) < 0.8 * len(sound(normal))
    assert speech_level_dbfs(sound(quiet), 22_050) == pytest.approx(speech_level_dbfs(sound(normal), 22_050) - 6, abs=1)
    assert _pitch_hz(sound(spoken(text, voice="en-us", pitch=90))) > 1.2 * _pitch_hz(sound(spoken(text, voice="en-us")))


def test_no_clicks_and_a_natural_pause() -> None:
    for text, pause_s in (("It ends here.", SENTENCE_PAUSE_S), ("It goes on,", CLAUSE_PAUSE_S)):
        chunks = spoken(text)
        samples = sound(chunks)
        assert abs(samples[0]) < 0.01 and abs(samples[-1]) < 0.001
        end = [word for chunk in chunks for word in chunk.words][-1].end_sample
        assert (len(samples) - end) / 22_050 == pytest.approx(pause_s, abs=0.001)


@pytest.mark.parametrize("nothing", ["", "  ", "😀", "**"])
def test_nothing_to_say_gives_no_sound(nothing: str) -> None:
    assert spoken(nothing) == []


def test_the_limiter_only_bends_peaks() -> None:
    ramp = np.linspace(-3, 3, 601, dtype=np.float32)
    bent = limit(ramp)
    assert np.abs(bent).max() <= 1.0
    assert np.array_equal(bent[np.abs(ramp) < 0.8], ramp[np.abs(ramp) < 0.8])
    assert np.all(np.diff(bent) >= 0)


def _pitch_hz(samples: Samples) -> float:
    """Median pitch by autocorrelation of 40 ms frames."""
    pitches = []
    for start in range(0, len(samples) - 882, 441):
        frame = samples[start : start + 882].astype(np.float64)
        if np.sqrt(np.mean(frame**2)) < 0.05:
            continue
        correlation = np.correlate(frame, frame, "full")[881:]
        lag = int(np.argmax(correlation[55:360])) + 55  # 61 to 400 Hz
        pitches.append(22_050 / lag)
    return float(np.median(pitches))
