"""Words that were as good as made up are marked; what people said clearly is not.

Whisper tiny.en, mean logarithm of the probability: 40 recordings of real English speech -0.22 to -0.84 once the window
is whole; questions of synthetic voices backwards are marked six times of nine by neural voices, seven of seven by
Flite's; five other languages -1.18 to -1.99, Mandarin -0.81, which passes. Noise, silence, drums and echoes give no
words, or unlikely ones that nobody seems to have spoken: no words either.

PocketSphinx with the general language model, mean posterior of a turn's words: the seven recorded questions 0.67 to
1.00, the same ones backwards 0.15 to 0.37; six other languages 0.17 to 0.33, all marked; real English 0.02 to 1.00,
four of 43 turns marked, each misheard in part; speech bent to a melody, five of seven; speech over loud chords, four of
eight.
Singing that is half understood is not marked; chords, drums and noise are no turns of speech to begin with.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from typing import Self

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from agent.backends import making
from agent.command_line import app
from speech.asr.faster_whisper_worker import Decoder
from speech.asr.pocketsphinx_worker import Listener, Setup
from speech.asr.understood import Understood
from speech.audio import SPEECH_RATE_HZ, AudioChunk, Samples
from speech.events import Transcript
from speech.files.sound_file import read_audio

WHISPER = pytest.mark.packaged("faster-whisper/tiny.en")
QUESTIONS = Path(__file__).parent.parent / "agent" / "data" / "questions"


def go_on() -> None:
    """Nothing stops this decoding."""


def understood(whisper: Decoder, sound: Samples) -> Understood:
    return whisper(np.ascontiguousarray(sound, np.float32), go_on)


@WHISPER
@pytest.mark.parametrize("name", ["1_name.wav", "4_laugh.wav", "8_story.wav"])
def test_whisper_doubts_speech_only_backwards(whisper: Decoder, name: str) -> None:
    question = read(QUESTIONS / name)
    clear, backwards = understood(whisper, question), understood(whisper, question[::-1])
    assert clear.text and not clear.is_doubtful
    assert backwards.is_doubtful or not backwards.text


@WHISPER
@pytest.mark.parametrize("sound", ["silence", "noise", "loud noise", "chord", "drums"])
def test_whisper_makes_no_words_up(whisper: Decoder, sound: str) -> None:
    random, at_s = np.random.default_rng(0), np.arange(4 * SPEECH_RATE_HZ) / SPEECH_RATE_HZ
    beat = random.normal(scale=0.3, size=len(at_s)) * np.exp(-40.0 * (at_s % 0.25))
    made = {
        "silence": np.zeros(len(at_s)),
        "noise": random.normal(scale=0.01, size=len(at_s)),
        "loud noise": random.normal(scale=0.1, size=len(at_s)),
        "chord": sum(0.1 * np.sin(2 * np.pi * pitch_hz * at_s) for pitch_hz in (220.0, 277.2, 329.6, 440.0, 554.4)),
        "drums": beat,
    }
    assert understood(whisper, made[sound]).text == ""


@WHISPER
@pytest.mark.testdata
def test_whisper_doubts_noise_and_other_languages(whisper: Decoder, test_data: Path) -> None:
    for name in ("laptop_tap.wav", "phone_rub.wav", "sb_noise2.flac", "sb_rir1.wav"):
        heard = understood(whisper, read(test_data / "noise" / name))
        assert heard.is_doubtful or not heard.text, name
    for language in ("de", "fr", "it"):
        (path,) = (test_data / "speech").glob(f"{language}_*.wav")
        assert understood(whisper, read(path)).is_doubtful, path.name


@pytest.fixture(scope="module")
def listener() -> Listener:
    return Listener(Setup(accurate=True))


def is_doubtful(listener: Listener, sound: Samples) -> bool:
    listener.start()
    for start in range(0, len(sound), 800):
        listener.hear((np.clip(sound[start : start + 800], -1.0, 1.0) * 32_767).astype("<i2").tobytes())
    assert listener.finish()
    return listener.is_doubtful()


def read(path: Path) -> Samples:
    return read_audio(path, SPEECH_RATE_HZ)


@pytest.mark.parametrize("name", ["3_more.wav", "4_laugh.wav"])
def test_clear_questions_are_not_doubtful(listener: Listener, name: str) -> None:
    assert not is_doubtful(listener, read(QUESTIONS / name))


def test_a_voice_without_words_is_doubtful(listener: Listener) -> None:
    assert is_doubtful(listener, read(QUESTIONS / "8_story.wav")[::-1])


@pytest.mark.testdata
def test_real_speech_and_other_languages(listener: Listener, test_data: Path) -> None:
    assert not is_doubtful(listener, read(test_data / "speech" / "en_goforward.wav"))
    assert is_doubtful(listener, read(test_data / "speech" / "it_cheetah_it.wav"))


class _Doubting:
    """Ears that doubt what they heard."""

    name = "doubting ears"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def transcribe(self, chunks: AsyncIterator[AudioChunk]) -> AsyncGenerator[Transcript, None]:
        async for _ in chunks:
            pass
        yield Transcript("our our our", True, 0.0, 1.0, is_doubtful=True)


def test_transcribe_marks_doubtful_words_and_tells_of_lost_sound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making, "make_ears", lambda *_, **__: _Doubting())
    question = read(QUESTIONS / "2_private.wav")
    question[100:200] = np.nan
    soundfile.write(tmp_path / "a.wav", question, SPEECH_RATE_HZ, subtype="FLOAT")
    command = ["transcribe", str(tmp_path / "a.wav")]
    told = CliRunner().invoke(app, command)
    assert told.stdout == "[doubtful] our our our\n"
    assert "a.wav: 100 of its values are no numbers" in told.stderr and "1 of 1 turns doubtful" in told.stderr
    quiet = CliRunner().invoke(app, [*command, "--json", "--quiet"])
    assert json.loads(quiet.stdout)[0]["doubtful"] is True and quiet.stderr == ""
