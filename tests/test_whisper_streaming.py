"""When Whisper decodes what: the streaming by itself, with a decoder that only says what it was given."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import pytest

from speech.asr.understood import Understood
from speech.asr.whisper_options import Setup, expected_words, is_told, rare_words
from speech.asr.whisper_streaming import Decode, Stopped, Transcription
from speech.asr.whisper_window import Decoded, most_tokens, together, window_frames, without_repeats
from speech.audio import SPEECH_RATE_HZ, Samples
from speech.worker.turns import Turns
from tests.fakes import LoudnessVAD

PIECE = 800


class Listener:
    """A transcription and the thread that decodes for it."""

    def __init__(
        self, decode: Decode, is_cancelled: Callable[[], bool] = lambda: False, turns: Turns | None = None
    ) -> None:
        self.told: list[tuple[str, float]] = []
        self.transcription = Transcription(decode, turns or Turns(), LoudnessVAD(), is_cancelled, self._tell)
        self._pool = ThreadPoolExecutor(1)
        self.final: Future[Understood] = self._pool.submit(self.transcription.run)

    def _tell(self, words: Understood, until: int) -> None:
        self.told.append((words.text, until / SPEECH_RATE_HZ))

    def hear(self, samples: Samples, *, live: bool = False) -> None:
        for start in range(0, len(samples), PIECE):
            pcm = (samples[start : start + PIECE] * 32767.0).astype("<i2").tobytes()
            self.transcription.hear(pcm)
            if live:
                time.sleep(PIECE / SPEECH_RATE_HZ)

    def finish(self) -> str:
        self.transcription.finish()
        return self.final.result(10).text

    def close(self) -> None:
        self.transcription.abandon()
        self._pool.shutdown()


@pytest.fixture
def listening() -> Iterator[Callable[..., Listener]]:
    made: list[Listener] = []

    def make(*arguments: object) -> Listener:
        made.append(Listener(*arguments))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for listener in made:
        listener.close()


def wait_until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10.0
    while not happened():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.005)


def voice(seconds: float) -> Samples:
    return np.full(round(seconds * SPEECH_RATE_HZ), 0.5, np.float32)


def quiet(seconds: float) -> Samples:
    return np.zeros(round(seconds * SPEECH_RATE_HZ), np.float32)


def voiced_s(sound: Samples, check: Callable[[], None], *, is_interim: bool = False) -> Understood:
    """A decoder: the seconds of voice that it was given."""
    return Understood(f"{np.mean(sound > 0.1) * len(sound) / SPEECH_RATE_HZ:.1f}")


def whole_s(sound: Samples, check: Callable[[], None], *, is_interim: bool = False) -> Understood:
    """A decoder: the seconds of sound that it was given."""
    return Understood(f"{len(sound) / SPEECH_RATE_HZ:.1f}")


def test_nothing_is_decoded_where_nobody_speaks(listening: Callable[..., Listener]) -> None:
    def never(sound: Samples, check: Callable[[], None], *, is_interim: bool = False) -> Understood:
        raise AssertionError("decoded silence")

    listener = listening(never)
    listener.hear(quiet(2.0))
    assert listener.finish() == ""


def test_silence_around_the_voice_is_left_out(listening: Callable[..., Listener]) -> None:
    listener = listening(whole_s)
    listener.hear(np.concatenate((quiet(3.0), voice(1.0), quiet(0.9))))
    assert listener.finish() == "1.5"  # 0.3 s before, 0.13 s after, and what windows add


def test_the_words_are_known_once_a_pause_has_begun(listening: Callable[..., Listener]) -> None:
    decoded: list[float] = []

    def count(sound: Samples, check: Callable[[], None], *, is_interim: bool = False) -> Understood:
        decoded.append(len(sound) / SPEECH_RATE_HZ)
        return Understood("words")

    listener = listening(count)
    listener.hear(voice(0.16))
    listener.hear(quiet(0.4))
    wait_until(lambda: bool(listener.told))
    assert decoded == [pytest.approx(0.288)]  # with the sound's end still unknown
    assert listener.told == [("words", pytest.approx(0.288))], "they are told at once, with how far they go"
    assert listener.finish() == "words" and len(decoded) == 1


def test_interim_transcripts_are_of_the_latest_sound_and_never_queue(listening: Callable[..., Listener]) -> None:
    decoded: list[float] = []
    gate = threading.Event()

    def slow(sound: Samples, check: Callable[[], None], *, is_interim: bool = False) -> Understood:
        decoded.append(len(sound) / SPEECH_RATE_HZ)
        gate.wait(5)
        return Understood("interim")

    listener = listening(slow)
    listener.hear(voice(0.6))
    wait_until(lambda: len(decoded) == 1)
    listener.hear(voice(3.0))  # taken in while the first interim transcript is being made
    assert len(decoded) == 1 and decoded[0] <= 0.6
    gate.set()
    wait_until(lambda: len(decoded) == 2)
    assert decoded[1] == pytest.approx(3.6, abs=0.01)
    wait_until(lambda: len(listener.told) == 2)
    assert listener.told == [("interim", pytest.approx(0.6)), ("interim", pytest.approx(3.6))]
    listener.finish()


def test_final_words_go_before_interim_transcripts_of_other_utterances(listening: Callable[..., Listener]) -> None:
    turns, gate, order = Turns(), threading.Event(), list[str]()

    def decoding(name: str) -> Decode:
        def decode(sound: Samples, check: Callable[[], None], *, is_interim: bool = False) -> Understood:
            order.append(f"{name} {'interim' if is_interim else 'final'}")
            while name == "a" and is_interim and not gate.wait(0.005):
                check()  # as between the steps of a long decoding
            return Understood(name)

        return decode

    def never() -> bool:
        return False

    a, b, c = (listening(decoding(name), never, turns) for name in "abc")
    a.hear(voice(0.6))
    wait_until(lambda: order == ["a interim"])
    b.hear(voice(0.6))
    wait_until(lambda: len(turns._waiting) == 1)
    assert order == ["a interim"], "an interim transcript waits for its turn"
    c.hear(voice(0.16))
    c.hear(quiet(0.4))
    wait_until(lambda: len(order) >= 3)
    assert order[1] == "c final", "it stops what is only interim, and goes before what is only interim"
    gate.set()
    assert [one.finish() for one in (a, b, c)] == ["a", "b", "c"]
    assert order.count("c final") == order.count("a final") == order.count("b final") == 1


def test_an_interim_transcript_gives_way_to_the_final_words(listening: Callable[..., Listener]) -> None:
    began: list[float] = []
    stopped: list[float] = []

    def stoppable(sound: Samples, check: Callable[[], None], *, is_interim: bool = False) -> Understood:
        seconds = len(sound) / SPEECH_RATE_HZ
        began.append(seconds)
        while seconds < 1.0:  # the first interim transcript takes for ever
            try:
                check()
            except Stopped:
                stopped.append(seconds)
                raise
            time.sleep(0.01)
        return Understood(f"{seconds:.1f}")

    listener = listening(stoppable)
    listener.hear(voice(0.6))
    wait_until(lambda: bool(began))
    listener.hear(np.concatenate((voice(1.0), quiet(0.3))))
    assert listener.finish() == "1.7" and len(stopped) == 1 and stopped[0] <= 0.6


def test_a_long_silence_and_a_long_stretch_divide_the_utterance(listening: Callable[..., Listener]) -> None:
    listener = listening(voiced_s)
    sound = [voice(1.0), quiet(1.5), voice(16.0), quiet(0.3), voice(2.0), quiet(0.3), voice(3.0)]
    listener.hear(np.concatenate(sound))
    assert listener.finish() == "1.0 16.0 5.0"


@pytest.mark.parametrize("live", [False, True])
def test_the_final_words_do_not_depend_on_when_the_sound_came(listening: Callable[..., Listener], live: bool) -> None:
    listener = listening(whole_s)
    listener.hear(np.concatenate((voice(0.5), quiet(0.3), voice(0.4), quiet(1.2), voice(0.3), quiet(0.1))), live=live)
    assert listener.finish() == "1.3 0.7"


def test_cancelling_ends_a_decoding(listening: Callable[..., Listener]) -> None:
    cancelled = threading.Event()

    def endless(sound: Samples, check: Callable[[], None], *, is_interim: bool = False) -> Understood:
        while True:
            check()
            time.sleep(0.01)

    listener = listening(endless, cancelled.is_set)
    listener.hear(voice(1.0))
    listener.transcription.finish()
    cancelled.set()
    with pytest.raises(Stopped):
        listener.final.result(5)


def test_a_decoder_that_fails_fails_the_utterance(listening: Callable[..., Listener]) -> None:
    def broken(sound: Samples, check: Callable[[], None], *, is_interim: bool = False) -> Understood:
        raise RuntimeError("out of memory")

    listener = listening(broken)
    listener.hear(voice(1.0))
    with pytest.raises(RuntimeError, match="out of memory"):
        listener.finish()


def test_what_was_heard_in_haste_is_heard_again(listening: Callable[..., Listener]) -> None:
    """An utterance that ends in the middle of a word: the interim transcript was of the same sound, but may be a worse
    one."""
    asked: list[bool] = []

    def hasty(sound: Samples, check: Callable[[], None], *, is_interim: bool = False) -> Understood:
        asked.append(is_interim)
        return Understood("interim" if is_interim else "words", is_doubtful=not is_interim)

    listener = listening(hasty)
    listener.hear(voice(0.6))
    wait_until(lambda: bool(asked))
    assert listener.finish() == "words" and asked == [True, False]
    assert listener.final.result().is_doubtful


def test_one_doubtful_stretch_makes_the_utterance_doubtful(listening: Callable[..., Listener]) -> None:
    def doubting(sound: Samples, check: Callable[[], None], *, is_interim: bool = False) -> Understood:
        return Understood("words", is_doubtful=len(sound) > SPEECH_RATE_HZ)

    listener = listening(doubting)
    listener.hear(np.concatenate((voice(1.0), quiet(1.5), voice(0.3), quiet(0.3))))
    assert listener.finish() == "words words" and listener.final.result().is_doubtful


def test_whisper_is_told_the_words_that_no_dictionary_has() -> None:
    assert rare_words(["what is visavis", "where is the zyxomat?", "visavis", "gpu"]) == "Visavis, Zyxomat, GPU"
    assert rare_words(["what is your name"]) == ""
    assert len(rare_words([f"zyxomat{number}" for number in range(100)])) <= 150
    assert Setup("model", language="de", phrases=["visavis"]).prompt is None
    assert Setup("model", language="en", phrases=["visavis"]).prompt == "Visavis."
    assert Setup("model").prompt is None


def test_whisper_is_told_the_name_and_phrases_with_many_long_words() -> None:
    phrases = ["mira", "make me a cappuccino macchiato", "the zyxomat", "a macchiato cappuccino make me"]
    told = expected_words(phrases)
    assert told.startswith("Mira, ") and "Zyxomat" in told and told.endswith(" Make me a cappuccino macchiato.")
    assert len(expected_words(["mira", *(f"tell me about number{number}ville" for number in range(99))])) <= 300
    assert not is_told(0.9) and is_told(1.5)


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("Go forward 10 meters. Go forward 10 meters. Go forward 10", "Go forward 10 meters."),
        ("So 5 5 5 5 5 5", "So 5"),
        ("I see, I see, I see, I see, I see", "I see,"),
        ("no no no", "no no no"),
        ("bye bye", "bye bye"),
        ("again and again", "again and again"),
        ("", ""),
    ],
)
def test_what_nobody_says_so_often_is_said_once(text: str, rest: str) -> None:
    assert without_repeats(text) == rest
    assert Decoded(text, -0.2, 1.0, 0.0).is_doubtful == (text != rest)


def test_whispers_own_measures_make_words_doubtful_or_nothing() -> None:
    clear = Decoded("What time is it?", -0.3, 0.8, 0.1)
    assert together([clear]) == Understood("What time is it?")
    for unlikely in (
        Decoded("Vyabong", -1.2, 0.8, 0.1),
        Decoded("a", -0.2, 3.0, 0.1),
        Decoded("b", -0.2, 1.0, 0.1, True),
    ):
        assert together([clear, unlikely]) == Understood(f"What time is it? {unlikely.text}", is_doubtful=True)
    made_up = Decoded("Thank you.", -1.2, 0.8, 0.9)
    assert together([made_up, Decoded(".", -0.9, 0.1, 0.9), Decoded("", 0.0, 0.0, 0.0)]) == Understood()
    assert together([Decoded("Five.", -0.6, 0.1, 0.7)]) == Understood("Five.")  # hardly a voice, but sure of the word


def test_a_window_holds_the_sound_and_never_more_than_thirty_seconds() -> None:
    assert window_frames(2.0, 8.0) == 1000 and window_frames(29.0, 8.0) == window_frames(1.0, 30.0) == 3000
    lengths = {window_frames(milliseconds / 1000.0, 8.0) for milliseconds in range(100, 8000, 7)}
    assert len(lengths) <= 16  # a new length costs a megabyte for good
    assert most_tokens(0.5) >= 12 and most_tokens(30.0) < 448
