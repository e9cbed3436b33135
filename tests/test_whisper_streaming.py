"""When Whisper decodes what: the streaming by itself, with a decoder that only says what it was given."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import pytest

from speech.audio import SPEECH_RATE_HZ, Samples
from speech.whisper_options import Setup, is_trustworthy, rare_words
from speech.whisper_streaming import Decode, Stopped, Transcription
from tests.fakes import LoudnessVAD

PIECE = 800


class Listener:
    """A transcription and the thread that decodes for it."""

    def __init__(self, decode: Decode, is_cancelled: Callable[[], bool] = lambda: False) -> None:
        self.transcription = Transcription(decode, LoudnessVAD(), is_cancelled)
        self._pool = ThreadPoolExecutor(1)
        self.final: Future[str] = self._pool.submit(self.transcription.run)

    def hear(self, samples: Samples, *, live: bool = False) -> str:
        words = ""
        for start in range(0, len(samples), PIECE):
            pcm = (samples[start : start + PIECE] * 32767.0).astype("<i2").tobytes()
            words = self.transcription.hear(pcm)
            if live:
                time.sleep(PIECE / SPEECH_RATE_HZ)
        return words

    def finish(self) -> str:
        self.transcription.finish()
        return self.final.result(10)

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


def voiced_s(sound: Samples, check: Callable[[], None]) -> str:
    """A decoder: the seconds of voice that it was given."""
    return f"{np.mean(sound > 0.1) * len(sound) / SPEECH_RATE_HZ:.1f}"


def whole_s(sound: Samples, check: Callable[[], None]) -> str:
    """A decoder: the seconds of sound that it was given."""
    return f"{len(sound) / SPEECH_RATE_HZ:.1f}"


def test_nothing_is_decoded_where_nobody_speaks(listening: Callable[..., Listener]) -> None:
    def never(sound: Samples, check: Callable[[], None]) -> str:
        raise AssertionError("decoded silence")

    listener = listening(never)
    listener.hear(quiet(2.0))
    assert listener.finish() == ""


def test_silence_around_the_voice_is_left_out(listening: Callable[..., Listener]) -> None:
    listener = listening(whole_s)
    listener.hear(np.concatenate((quiet(3.0), voice(1.0), quiet(0.9))))
    assert listener.finish() == "1.5"  # 0.3 s before and 0.2 s after


def test_the_words_are_known_once_a_pause_has_begun(listening: Callable[..., Listener]) -> None:
    decoded: list[float] = []

    def count(sound: Samples, check: Callable[[], None]) -> str:
        decoded.append(len(sound) / SPEECH_RATE_HZ)
        return "words"

    listener = listening(count)
    listener.hear(voice(0.16))
    listener.hear(quiet(0.4))
    wait_until(lambda: bool(decoded))
    assert decoded == [pytest.approx(0.36)]  # with the sound's end still unknown
    assert listener.finish() == "words" and len(decoded) == 1


def test_guesses_are_of_the_latest_sound_and_never_queue(listening: Callable[..., Listener]) -> None:
    decoded: list[float] = []
    gate = threading.Event()

    def slow(sound: Samples, check: Callable[[], None]) -> str:
        decoded.append(len(sound) / SPEECH_RATE_HZ)
        gate.wait(5)
        return "guess"

    listener = listening(slow)
    listener.hear(voice(0.6))
    wait_until(lambda: len(decoded) == 1)
    listener.hear(voice(3.0))  # taken in while the first guess is being made
    assert len(decoded) == 1 and decoded[0] <= 0.6
    gate.set()
    wait_until(lambda: len(decoded) == 2)
    assert decoded[1] == pytest.approx(3.6, abs=0.01)
    assert listener.transcription.hear(b"") == "guess"
    listener.finish()


def test_a_guess_gives_way_to_the_final_words(listening: Callable[..., Listener]) -> None:
    began: list[float] = []
    stopped: list[float] = []

    def stoppable(sound: Samples, check: Callable[[], None]) -> str:
        seconds = len(sound) / SPEECH_RATE_HZ
        began.append(seconds)
        while seconds < 1.0:  # the first guess takes for ever
            try:
                check()
            except Stopped:
                stopped.append(seconds)
                raise
            time.sleep(0.01)
        return f"{seconds:.1f}"

    listener = listening(stoppable)
    listener.hear(voice(0.6))
    wait_until(lambda: bool(began))
    listener.hear(np.concatenate((voice(1.0), quiet(0.3))))
    assert listener.finish() == "1.8" and len(stopped) == 1 and stopped[0] <= 0.6


def test_a_long_silence_and_a_long_stretch_divide_the_utterance(listening: Callable[..., Listener]) -> None:
    listener = listening(voiced_s)
    sound = [voice(1.0), quiet(1.5), voice(16.0), quiet(0.3), voice(2.0), quiet(0.3), voice(3.0)]
    listener.hear(np.concatenate(sound))
    assert listener.finish() == "1.0 16.0 5.0"


@pytest.mark.parametrize("live", [False, True])
def test_the_final_words_do_not_depend_on_when_the_sound_came(listening: Callable[..., Listener], live: bool) -> None:
    listener = listening(whole_s)
    listener.hear(np.concatenate((voice(0.5), quiet(0.3), voice(0.4), quiet(1.2), voice(0.3), quiet(0.1))), live=live)
    assert listener.finish() == "1.4 0.7"


def test_cancelling_ends_a_decoding(listening: Callable[..., Listener]) -> None:
    cancelled = threading.Event()

    def endless(sound: Samples, check: Callable[[], None]) -> str:
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
    def broken(sound: Samples, check: Callable[[], None]) -> str:
        raise RuntimeError("out of memory")

    listener = listening(broken)
    listener.hear(voice(1.0))
    with pytest.raises(RuntimeError, match="out of memory"):
        listener.finish()


def test_whisper_is_told_the_words_that_no_dictionary_has() -> None:
    assert rare_words(["what is visavis", "where is the zyxomat?", "visavis", "gpu"]) == "Visavis, Zyxomat, GPU"
    assert rare_words(["what is your name"]) == ""
    assert len(rare_words([f"zyxomat{number}" for number in range(100)])) <= 200
    assert Setup("model", language="de", phrases=["visavis"]).prompt is None
    assert Setup("model", language="en", phrases=["visavis"]).prompt == "Visavis"


@pytest.mark.parametrize(
    ("avg_logprob", "compression_ratio", "trusted"), [(-0.3, 0.9, True), (-1.2, 0.9, False), (-0.1, 3.0, False)]
)
def test_unlikely_and_repeating_words_are_not_trusted(
    avg_logprob: float, compression_ratio: float, trusted: bool
) -> None:
    assert is_trustworthy(avg_logprob, compression_ratio) is trusted
