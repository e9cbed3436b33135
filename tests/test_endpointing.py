"""How long a silence must be: what reads and sounds finished, the user's own pauses, the detector with them."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speech.audio import SPEECH_RATE_HZ, AudioChunk, Samples
from speech.events import SpeechPaused, SpeechResumed, SpeechStarted, SpeechStopped, Transcript, VoiceEvent
from speech.files.sound_file import read_audio
from speech.turns.base import JUDGED_AT_S
from speech.turns.detector import SilenceTurnDetector
from speech.turns.endpointing import AdaptiveWait
from speech.turns.filled_pause import filled_pause
from speech.turns.prosody import completeness
from speech.turns.reading import Reading, language_of, read
from speech.turns.smart_turn import log_mel
from speech.turns.vad import VAD_WINDOW
from speech.turns.word_lists import WORD_LISTS
from tests.fakes import LoudnessVAD

WINDOW_S = VAD_WINDOW / SPEECH_RATE_HZ
SHORT, MIDDLE, LONG = 0.42, 1.0, 2.5

OPEN, UNCLEAR, FINISHED = Reading.OPEN, Reading.UNCLEAR, Reading.FINISHED
READINGS = [
    ("en", FINISHED, "What time is it?"),
    ("en", FINISHED, "Where are you from?"),
    ("en", FINISHED, "What's the weather like?"),
    ("en", FINISHED, "Turn the light on."),
    ("en", FINISHED, "I need milk, bread and eggs."),
    ("en", FINISHED, "If I come on Sunday, are you open?"),
    ("en", FINISHED, "When are you open?"),
    ("en", FINISHED, "Yes, please."),
    ("en", FINISHED, "The meeting starts at ten."),
    ("en", FINISHED, "Thank you and goodbye."),
    ("en", FINISHED, "No, thank you."),
    ("en", UNCLEAR, "Hello?"),
    ("en", OPEN, "I would like a..."),
    ("en", OPEN, "I would like a"),
    ("en", OPEN, "I would like a small."),
    ("en", OPEN, "We could come on Monday, but."),
    ("en", OPEN, "Can you"),
    ("en", OPEN, "Could you please?"),
    ("en", FINISHED, "Could you tell me the way, please?"),
    ("en", OPEN, "So the thing is that."),
    ("en", FINISHED, "What kind of bird is that?"),
    ("en", OPEN, "So, um"),
    ("en", OPEN, "Please send it to the... M."),
    ("en", OPEN, "I need some milk, some bread, some eggs."),
    ("en", OPEN, "We could come on Monday, but... Okay."),
    ("en", OPEN, "I see. And if it rains tomorrow."),
    ("en", OPEN, "When the train is late."),
    ("en", FINISHED, "I don't think so."),
    ("en", FINISHED, "I will be there. Yes."),
    ("en", UNCLEAR, "Is it open today? The old bridge."),
    ("en", OPEN, "If I come on Sunday."),
    ("en", OPEN, "My number is four two seven"),
    ("en", OPEN, "It's 555"),
    ("en", OPEN, "I spell it S M I"),
    ("en", OPEN, "The address is 27."),
    ("en", FINISHED, "I was born in 1984."),
    ("en", OPEN, "She said she would"),
    ("en", FINISHED, "Yes, I think she would."),
    ("en", UNCLEAR, "Put apples, pears."),
    ("en", UNCLEAR, "the old bridge"),
    ("en", UNCLEAR, "What time?"),
    ("en", UNCLEAR, ""),
    ("de", OPEN, "Ich möchte einen"),
    ("de", OPEN, "Kannst du bitte?"),
    ("de", OPEN, "Wenn es morgen regnet."),
    ("de", FINISHED, "Wie geht es dir?"),
    ("de", FINISHED, "Mach das Licht an."),
    ("de", FINISHED, "Zwei Kaffee, vielen Dank."),
    ("fr", OPEN, "Je voudrais un"),
    ("fr", OPEN, "Je cherche l'"),
    ("fr", FINISHED, "Comment allez-vous aujourd'hui?"),
    ("es", OPEN, "Quiero una mesa para"),
    ("es", FINISHED, "¿Dónde está la estación?"),
    ("it", OPEN, "Vorrei un caffè e"),
    ("it", FINISHED, "Dove sono i bagni?"),
    ("pl", FINISHED, "Która jest godzina?"),
    ("pl", UNCLEAR, "Która jest"),
]


@pytest.mark.parametrize(("language", "reading", "text"), READINGS)
def test_what_reads_finished_and_what_must_go_on(language: str, reading: Reading, text: str) -> None:
    assert read(text, language) is reading
    if language in WORD_LISTS and len(text.split()) > 3:
        assert read(text) is reading, "the language is found, too"


@given(text=st.text(max_size=60), language=st.sampled_from(["", "xx", *WORD_LISTS]))
@settings(max_examples=60, deadline=None)
def test_any_text_can_be_read(text: str, language: str) -> None:
    assert read(text, language) in Reading
    assert language_of(text.lower().split()) in ("", *WORD_LISTS)


def vowel(*levels: float, silence_s: float = JUDGED_AT_S) -> Samples:
    """A voice that has these levels one after the other, 0.1 s each, then silence."""
    envelope = np.repeat(np.asarray(levels, np.float32), SPEECH_RATE_HZ // 10)
    tone = np.sin(np.arange(len(envelope)) * 0.05).astype(np.float32)
    return np.concatenate([envelope * tone, np.zeros(round(silence_s * SPEECH_RATE_HZ), np.float32)])


def test_a_voice_that_sinks_sounds_finished_and_one_that_breaks_off_does_not() -> None:
    sinking = completeness(vowel(*[0.3] * 10, 0.2, 0.1, 0.06, 0.03))
    sustained = completeness(vowel(*[0.3] * 14))
    assert sustained < 0.3 and sinking > 0.6
    assert completeness(vowel(*[0.03] * 10, 0.02, 0.01, 0.006, 0.003)) == pytest.approx(sinking, abs=0.01)
    assert completeness(vowel(0.3)) == completeness(np.zeros(0, np.float32)) == 0.5, "too short to tell"


def test_the_network_gets_the_end_of_the_sound_and_silence_in_front_of_it() -> None:
    tone = (0.1 * np.sin(np.arange(3 * SPEECH_RATE_HZ) * (2 * np.pi * 1000 / SPEECH_RATE_HZ))).astype(np.float32)
    mel = log_mel(tone)
    assert mel.shape == (80, 800) and mel.dtype == np.float32
    assert np.all(mel[:, 500:].max(axis=0) > mel[:, :490].max() + 1.0)
    assert int(mel[:, 600].argmax()) == 26, "1 kHz is mel 15, and filters are 45.2 / 81 mels apart"
    longer = np.concatenate([np.ones(9 * SPEECH_RATE_HZ, np.float32), np.zeros(5 * SPEECH_RATE_HZ, np.float32), tone])
    assert np.array_equal(log_mel(longer), log_mel(longer[-8 * SPEECH_RATE_HZ :]))


def words(text: str, end_s: float = 99.0, *, is_doubtful: bool = False) -> Transcript:
    return Transcript(text, False, 0.0, end_s, is_doubtful)


def waiting() -> AdaptiveWait:
    return AdaptiveWait(1.0, lambda: "en", lambda sound: 1.0)


def test_the_wait_goes_by_words_and_sound_and_what_is_not_known_is_no_end() -> None:
    wait_s = waiting().wait_s
    finished, cut_off = words("What time is it?"), words("I would like a")
    assert wait_s(5.0, finished, 0.9) == SHORT
    assert wait_s(5.0, cut_off, 0.9) == wait_s(5.0, cut_off, None) == LONG
    assert SHORT < wait_s(5.0, words("the bridge"), 0.9) == MIDDLE < wait_s(5.0, finished, 0.1) < LONG
    assert wait_s(5.0, None, None) > wait_s(5.0, finished, None) > MIDDLE
    assert MIDDLE < wait_s(5.0, finished, 0.0) < LONG, "a filled pause"
    assert wait_s(5.0, words("What time is it?", 4.5), 0.9) == MIDDLE, "they are of an earlier moment"
    assert wait_s(5.0, words("What time is it?", is_doubtful=True), 0.9) == MIDDLE
    assert wait_s(5.0, words("Can I", is_doubtful=True), 0.9) == LONG, "whatever they were, more must come"
    assert wait_s(5.0, finished, 0.01) > wait_s(5.0, finished, 0.3), "hardly finished"
    assert MIDDLE < wait_s(5.0, words(""), 0.9) < LONG, "nothing was understood: there is nothing to answer"
    assert wait_s(5.0, words("", 4.5), 0.9) == MIDDLE, "or not yet"


@pytest.mark.parametrize(("filled", "share"), [(0.3, 1.0), (0.5, 0.1), (0.9, 0.0)])
def test_what_may_be_a_filled_pause_sounds_less_finished_where_the_voice_has_not_sunk(
    filled: float, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    sinking, sustained = vowel(*[0.3] * 10, 0.2, 0.1, 0.06, 0.03), vowel(*[0.3] * 14)
    monkeypatch.setattr("speech.turns.prosody.filled_pause", lambda sound: 0.0)
    sunk, kept_up = completeness(sinking), completeness(sustained)
    monkeypatch.setattr("speech.turns.prosody.filled_pause", lambda sound: filled)
    assert completeness(sustained) == pytest.approx(share * kept_up)
    assert completeness(sinking) == (sunk if share else 0.0)


def test_a_users_own_pauses_are_learned_within_bounds() -> None:
    slow, quick = waiting(), waiting()
    for _ in range(30):
        slow.go_on(3.0)
        quick.go_on(0.3)
        quick.go_on(0.1)  # no pause
    slow.begin()
    quick.begin()
    assert slow.wait_s(0.0, None, 0.9) == pytest.approx(1.6 * MIDDLE)
    assert quick.wait_s(0.0, None, 0.9) == pytest.approx(0.8 * MIDDLE)
    for _ in range(200):
        slow.go_on(0.4)
    slow.begin()
    assert slow.wait_s(0.0, None, 0.9) < MIDDLE


def test_the_next_sentence_teaches_nothing_about_pauses() -> None:
    """Somebody asks again a second after a question: that one is answered as soon as the first."""
    endpointing, finished = waiting(), words("What time is it?")
    for _ in range(30):
        assert endpointing.wait_s(5.0, finished, 0.9) == SHORT
        endpointing.go_on(1.2)
    assert endpointing.wait_s(5.0, words("the bridge"), 0.9) == MIDDLE, "it is a new turn, too"
    endpointing.go_on(1.2)
    assert endpointing.wait_s(5.0, finished, 0.9) > SHORT, "that was a pause"


def test_who_has_paused_in_a_turn_waits_longer_until_the_next_turn() -> None:
    endpointing = waiting()
    finished = words("What time is it?")
    endpointing.go_on(0.5)
    usual_s = endpointing.wait_s(5.0, finished, 0.9) / SHORT
    assert endpointing.wait_s(5.0, None, 0.9) > 1.2 * usual_s * MIDDLE, "not after what is finished"
    endpointing.begin()
    assert endpointing.wait_s(5.0, None, 0.9) == pytest.approx(usual_s * MIDDLE)


# ---- filled pauses

AFTER = np.zeros(round(JUDGED_AT_S * SPEECH_RATE_HZ), np.float32)


def spoken(text: str, voice: tuple[str, ...], folder: Path) -> Samples:
    """What a synthesiser says, with the silence after it that is judged."""
    path = folder / "said.wav"
    said = {"flite": ("-t", text, "-o", str(path)), "espeak-ng": ("-w", str(path), text)}[voice[0]]
    subprocess.run([*voice, *said], check=True, capture_output=True)
    samples = read_audio(path, SPEECH_RATE_HZ)
    loud = np.flatnonzero(np.abs(samples) > 0.02 * np.abs(samples).max())
    return np.concatenate([AFTER, samples[loud[0] : loud[-1] + 1], AFTER])


UMS = ("um", "uhm")
VOICES = [
    voice
    for voice in (*(("flite", "-voice", name) for name in ("rms", "slt")), ("espeak-ng", "-v", "de"))
    if shutil.which(voice[0])
]
SENTENCES = ("What time is it?", "It costs six.")


@pytest.mark.skipif(not VOICES, reason="neither flite nor espeak-ng is installed")
def test_fillers_of_many_voices_are_told_from_the_ends_of_sentences_by_their_sound(tmp_path: Path) -> None:
    opening = spoken("I would like a", VOICES[0], tmp_path)[: -len(AFTER) // 2]
    fillers = [np.concatenate([opening, spoken(um, voice, tmp_path)[len(AFTER) :]]) for voice in VOICES for um in UMS]
    ends = [spoken(text, voice, tmp_path) for voice in VOICES for text in SENTENCES]
    assert np.mean([completeness(sound) == 0.0 for sound in fillers]) > 0.5
    assert np.mean([completeness(sound) == 0.0 for sound in ends]) < 0.15
    for sound in ends:
        assert filled_pause(0.1 * sound) == pytest.approx(filled_pause(sound), abs=0.02)


def test_too_little_sound_and_silence_are_no_filled_pause() -> None:
    assert filled_pause(np.zeros(0, np.float32)) == filled_pause(AFTER) == 0.0
    assert 0.0 <= filled_pause(np.zeros(SPEECH_RATE_HZ, np.float32)) < 0.5


# ---- the detector


def heard(*parts_s: float) -> Samples:
    """Silence and voice in turn, 16 kHz, beginning with silence."""
    return np.concatenate([vowel(*[0.3 * (i % 2)] * round(s * 10), silence_s=0.0) for i, s in enumerate(parts_s)])


def listen(
    samples: Samples,
    said: Transcript | None,
    *,
    known_at_s: float = 0.0,
    sizes: Iterable[int] = (320,),
    sound: float = 1.0,
) -> list[VoiceEvent]:
    detector = SilenceTurnDetector(
        LoudnessVAD(), endpointing=AdaptiveWait(0.6, lambda: "en", lambda _: sound), pause_s=0.1
    )
    events: list[VoiceEvent] = []
    start, steps = 0, list(sizes)
    while start < len(samples):
        chunk = AudioChunk(samples[start : start + steps[0]], SPEECH_RATE_HZ, start)
        steps.append(steps.pop(0))
        start = chunk.end_sample
        events += detector.push(chunk, words=said if start >= known_at_s * SPEECH_RATE_HZ else None)
    return events


def waited_s(events: list[VoiceEvent]) -> float:
    (stopped,) = (event for event in events if isinstance(event, SpeechStopped))
    return stopped.decided_at_s - stopped.at_s


def test_the_turn_ends_soon_after_a_question_and_late_after_an_open_clause() -> None:
    sound = heard(0.5, 1.5, 3.0)
    question, clause = words("What time is it?"), words("I would like a")
    assert waited_s(listen(sound, question)) == pytest.approx(0.25, abs=WINDOW_S)
    assert waited_s(listen(sound, question, sound=0.2)) == pytest.approx(0.75, abs=WINDOW_S)
    assert waited_s(listen(sound, clause)) == pytest.approx(1.5, abs=WINDOW_S)
    assert waited_s(listen(sound, None)) == pytest.approx(0.6, abs=WINDOW_S)


def test_time_keeps_running_while_the_words_come() -> None:
    sound = heard(0.5, 1.5, 3.0)
    assert waited_s(listen(sound, words("What time is it?"), known_at_s=2.4)) == pytest.approx(0.4, abs=2 * WINDOW_S)
    assert waited_s(listen(sound, words("What time is it?"), known_at_s=9.0)) == pytest.approx(0.6, abs=WINDOW_S)


def test_a_hesitation_is_a_pause_and_one_after_a_sentence_an_end() -> None:
    sound = heard(0.5, 1.0, 0.8, 1.0, 3.0)
    kinds = [type(event) for event in listen(sound, words("I would like a"))]
    assert kinds == [SpeechStarted, SpeechPaused, SpeechResumed, SpeechPaused, SpeechStopped]
    kinds = [type(event) for event in listen(sound, words("What time is it?"))]
    assert kinds == [SpeechStarted, SpeechPaused, SpeechStopped] * 2


@settings(max_examples=5, deadline=None)
@given(sizes=st.lists(st.integers(50, 5000), min_size=1, max_size=5))
def test_any_chunking_gives_the_same_events(sizes: list[int]) -> None:
    sound = heard(0.5, 1.0, 0.7, 0.6, 0.3, 0.5, 2.0)
    for said in (words("What time is it?"), words("I would like a"), None):
        assert listen(sound, said, sizes=sizes) == listen(sound, said, sizes=[len(sound)])
