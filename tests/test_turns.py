from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speech.audio import SPEECH_RATE_HZ, AudioChunk, Samples, chunked, resample
from speech.events import SpeechStarted, SpeechStopped
from speech.files.sound_file import read_audio
from speech.turns.base import TurnDetector
from speech.turns.detector import SilenceTurnDetector
from speech.turns.vad import VAD_WINDOW, SileroVAD
from tests.fakes import LoudnessVAD

QUESTIONS = Path(__file__).parent.parent / "agent" / "data" / "questions"
WINDOW_S = VAD_WINDOW / SPEECH_RATE_HZ

Event = SpeechStarted | SpeechStopped


def voice(*parts_s: float, level: float = 0.3) -> Samples:
    """Silence and sound in turn, beginning with silence; 16 kHz."""
    tone = level * np.sin(np.arange(SPEECH_RATE_HZ * 20) * 0.2)
    return np.concatenate(
        [(tone if i % 2 else 0.0 * tone)[: round(s * SPEECH_RATE_HZ)] for i, s in enumerate(parts_s)]
    ).astype(np.float32)


def listen(detector: TurnDetector, chunks: Iterable[AudioChunk]) -> list[Event]:
    events = [event for chunk in chunks for event in detector.push(chunk)]
    return events + detector.flush()


def at_16k(samples: Samples, chunk_samples: int = 1600) -> Iterator[AudioChunk]:
    return chunked(samples, SPEECH_RATE_HZ, chunk_samples)


def test_a_turn_has_its_times() -> None:
    started, stopped = listen(SilenceTurnDetector(LoudnessVAD()), at_16k(voice(1.0, 1.5, 2.0)))
    assert isinstance(started, SpeechStarted) and isinstance(stopped, SpeechStopped)
    assert started.at_s == pytest.approx(1.0, abs=WINDOW_S)
    assert stopped.at_s == pytest.approx(2.5, abs=WINDOW_S)
    assert stopped.decided_at_s - stopped.at_s == pytest.approx(0.6, abs=WINDOW_S)


def test_a_pause_between_words_does_not_end_a_turn_but_a_longer_one_does() -> None:
    sound = at_16k(voice(0.5, 1.0, 0.5, 1.0, 1.0, 1.0))
    kinds = [type(event) for event in listen(SilenceTurnDetector(LoudnessVAD()), sound)]
    assert kinds == [SpeechStarted, SpeechStopped, SpeechStarted, SpeechStopped]
    patient = SilenceTurnDetector(LoudnessVAD(), end_of_turn_s=1.2)
    assert len(listen(patient, at_16k(voice(0.5, 1.0, 0.5, 1.0, 1.0, 1.0)))) == 2


@pytest.mark.parametrize("clicks", [(1.0, 0.1, 1.0), (1.0, 0.1, 0.3, 0.1, 0.3, 0.1, 1.0)])
def test_clicks_are_no_turn(clicks: tuple[float, ...]) -> None:
    assert listen(SilenceTurnDetector(LoudnessVAD()), at_16k(voice(*clicks))) == []


def test_what_is_too_quiet_is_no_turn() -> None:
    class AlwaysSure(LoudnessVAD):
        def probability(self, window: Samples) -> float:
            return 1.0

    assert listen(SilenceTurnDetector(AlwaysSure()), at_16k(voice(0.0, 3.0, level=0.0005))) == []
    assert len(listen(SilenceTurnDetector(AlwaysSure()), at_16k(voice(0.0, 3.0, level=0.005)))) == 2


def test_the_end_of_the_input_ends_the_turn() -> None:
    detector = SilenceTurnDetector(LoudnessVAD())
    _, stopped = listen(detector, at_16k(voice(0.5, 1.01)))
    assert stopped == SpeechStopped(pytest.approx(1.51, abs=1e-6), pytest.approx(1.51, abs=1e-6))
    assert not detector.is_speaking
    assert detector.flush() == []


def test_lost_samples_count_as_silence() -> None:
    samples = voice(0.2, 5.0)
    chunks = list(at_16k(samples))
    kept = [chunk for chunk in chunks if not 2.0 <= chunk.start_sample / SPEECH_RATE_HZ < 3.5]
    started, stopped, again, _ = listen(SilenceTurnDetector(LoudnessVAD()), kept)
    assert isinstance(started, SpeechStarted) and isinstance(again, SpeechStarted)
    assert isinstance(stopped, SpeechStopped)
    assert stopped.at_s == pytest.approx(2.0, abs=WINDOW_S)
    assert again.at_s == pytest.approx(3.5, abs=WINDOW_S)


def test_samples_that_are_lost_twice_in_a_row_in_the_middle_of_a_turn() -> None:
    detector, sound = SilenceTurnDetector(LoudnessVAD(), end_of_turn_s=0.5), voice(0.5, 1.0)
    events = [event for chunk in at_16k(sound) for event in detector.push(chunk)]
    for at_s in (1.55, 1.8, 3.0):
        events += detector.push(AudioChunk(np.zeros(160, np.float32), SPEECH_RATE_HZ, round(at_s * SPEECH_RATE_HZ)))
    assert [type(event) for event in events] == [SpeechStarted, SpeechStopped]


@settings(max_examples=20, deadline=None)
@given(sizes=st.lists(st.integers(1, 9000), min_size=1, max_size=6), rate=st.sampled_from([16_000, 44_100, 48_000]))
def test_any_chunking_gives_the_same_events(sizes: list[int], rate: int) -> None:
    samples = resample(voice(0.7, 0.8, 0.4, 0.5, 1.0, 0.9), SPEECH_RATE_HZ, rate)
    at_once = listen(SilenceTurnDetector(LoudnessVAD()), [AudioChunk(samples, rate, 0)])
    chunks = []
    start = 0
    while start < len(samples):
        size = sizes[len(chunks) % len(sizes)]
        chunks.append(AudioChunk(samples[start : start + size], rate, start))
        start += size
    assert listen(SilenceTurnDetector(LoudnessVAD()), chunks) == at_once
    assert len(at_once) == 4


@pytest.mark.parametrize("rate", [8_000, 22_050, 48_000])
def test_the_rate_does_not_matter(rate: int) -> None:
    samples = voice(0.7, 0.8, 0.4, 0.5, 1.0, 0.9)
    expected = listen(SilenceTurnDetector(LoudnessVAD()), at_16k(samples))
    found = listen(SilenceTurnDetector(LoudnessVAD()), chunked(resample(samples, SPEECH_RATE_HZ, rate), rate, 777))
    assert [type(event) for event in found] == [type(event) for event in expected]
    assert [event.at_s for event in found] == pytest.approx([event.at_s for event in expected], abs=1.1 * WINDOW_S)


@pytest.mark.parametrize("question", sorted(QUESTIONS.glob("*.wav")), ids=lambda path: path.stem)
def test_each_recorded_question_is_one_turn(question: Path) -> None:
    samples = read_audio(question, SPEECH_RATE_HZ)
    padded = np.concatenate((np.zeros(SPEECH_RATE_HZ, np.float32), samples, np.zeros(SPEECH_RATE_HZ, np.float32)))
    started, stopped = listen(SilenceTurnDetector(SileroVAD()), at_16k(padded))
    assert 0.9 < started.at_s < 1.5
    assert 0.5 < stopped.at_s - started.at_s < len(samples) / SPEECH_RATE_HZ


@pytest.mark.testdata
def test_real_noise_is_no_turn(test_data: Path) -> None:
    noises = sorted((test_data / "noise").iterdir())
    assert noises
    for path in noises:
        assert listen(SilenceTurnDetector(SileroVAD()), at_16k(read_audio(path, SPEECH_RATE_HZ))) == [], path.name


@pytest.mark.testdata
def test_every_real_question_is_heard_as_one_turn(test_data: Path) -> None:
    for path in sorted((test_data / "questions").glob("q_*.wav")):
        assert len(listen(SilenceTurnDetector(SileroVAD()), at_16k(read_audio(path, SPEECH_RATE_HZ)))) == 2, path.name
