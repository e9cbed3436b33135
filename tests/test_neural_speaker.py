"""What the worker does with a model's sound: pace, loudness, words, stopping; the model is made of plain noise."""

import itertools
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from speech.audio import Samples
from speech.errors import BackendError
from speech.tts.synthesis.loudness import CALIBRATION_TEXT, SPEECH_LEVEL_DBFS, speech_level_dbfs
from speech.tts.synthesis.neural_speaker import RawSpeech, Speaker, Turn
from speech.tts.synthesis.word_times import letters_of
from speech.worker.main import Call, Cancelled

RATE = 16_000
WORDS = ["one", "two,", "three", "four", "five."]


@dataclass
class NoiseModel:
    """Says each letter in a tenth of a second, a piece a word when it knows no times; counts the pieces."""

    knows_times: bool
    level: float = 0.01
    paces: list[float] = field(default_factory=lambda: [1.0])
    pieces: int = 0
    is_closed: bool = False

    def set_pace(self, faster: float) -> None:
        self.paces.append(faster)

    def speak(self, words: list[str], turn: Turn) -> Generator[RawSpeech, None, None]:
        random = np.random.default_rng(0)
        samples_a_letter = 0.1 * RATE / self.paces[-1]
        counts = [round(letters_of(word) * samples_a_letter) for word in words]
        said = [(random.standard_normal(count) * self.level).astype(np.float32) for count in counts]
        try:
            if self.knows_times:
                ends = np.cumsum([0, *counts]).tolist()
                yield RawSpeech(np.concatenate(said), list(itertools.pairwise(ends)))
                return
            for samples in said:
                with turn():
                    self.pieces += 1
                yield RawSpeech(samples, None)
        finally:
            self.is_closed = True


@dataclass
class Sent:
    """Stands for the other side of the pipe."""

    words: list[tuple[int, int, int]] = field(default_factory=list)
    pieces: list[Samples] = field(default_factory=list)


class RecordingCall(Call):
    """A call whose result is kept; cancelled once a number of pieces has been sent."""

    def __init__(self, words: list[str], *, cancelled_after: int = 1_000) -> None:
        super().__init__(1, {"words": words, "pause_s": 0.3}, lambda message: None)
        self.sent = Sent()
        self._cancelled_after = cancelled_after

    def emit(self, fields: Any = None, payload: bytes = b"") -> None:
        super().emit(fields, payload)
        self.sent.words += [tuple(word) for word in fields["words"]]
        self.sent.pieces.append(np.frombuffer(payload, "<f4"))
        if len(self.sent.pieces) == self._cancelled_after:
            self._cancel()


def speaker(model: NoiseModel, rate_wpm: int = 165) -> Speaker:
    return Speaker(model, sample_rate_hz=RATE, rate_wpm=rate_wpm, volume=1.0)


@pytest.mark.parametrize("streams", [False, True])
def test_pace_loudness_and_words(streams: bool) -> None:
    model = NoiseModel(knows_times=not streams)
    one = speaker(model)
    letters = letters_of(CALIBRATION_TEXT)
    assert model.paces[-1] == pytest.approx(letters * 0.1 * 165 / 455, rel=0.02)  # eSpeak NG takes 455 s / 165
    call = RecordingCall(WORDS)
    one.say(call)
    samples = np.concatenate(call.sent.pieces)
    spoken = letters_of("".join(WORDS)) * 0.1 / model.paces[-1]
    assert len(samples) / RATE == pytest.approx(spoken + 0.3, abs=0.03)
    assert speech_level_dbfs(samples, RATE) == pytest.approx(SPEECH_LEVEL_DBFS, abs=0.5)
    assert [number for number, _, _ in call.sent.words] == [0, 1, 2, 3, 4]
    bounds = np.cumsum([0, *(letters_of(word) for word in WORDS)]) * 0.1 / model.paces[-1]
    starts = [first / RATE for _, first, _ in call.sent.words]
    assert starts[:-1] == pytest.approx(bounds[:-2].tolist(), abs=0.02)
    # A stream keeps the last word for what it holds back (0.2 s), and knows only half of that where a word ends.
    assert starts[-1] == pytest.approx(bounds[-2], abs=0.12 if streams else 0.02)
    assert [last / RATE for _, _, last in call.sent.words] == pytest.approx(
        bounds[1:].tolist(), abs=0.12 if streams else 0.02
    )


def test_a_cancelled_stream_stops_at_its_next_piece_and_frees_the_model() -> None:
    model = NoiseModel(knows_times=False)
    one = speaker(model)
    model.pieces, model.is_closed = 0, False
    with pytest.raises(Cancelled):
        one.say(RecordingCall(WORDS, cancelled_after=2))
    assert model.pieces == 2
    assert model.is_closed


@pytest.mark.parametrize(
    ("level", "message"), [(0.0, "expected sound, the voice says nothing"), (np.nan, "numbers are not finite")]
)
def test_a_model_without_sound_is_an_error(level: float, message: str) -> None:
    with pytest.raises(BackendError, match=message):
        speaker(NoiseModel(knows_times=True, level=level))


def test_a_sentence_without_sound_is_an_error() -> None:
    model = NoiseModel(knows_times=False)
    one = speaker(model)
    model.level = 0.0
    with pytest.raises(BackendError, match=r"the voice says nothing for 'one two,"):
        one.say(RecordingCall(WORDS))
