import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from speech.audio import SPEECH_RATE_HZ, Samples
from speech.errors import InputError
from speech.files.sound_file import read_audio
from speech.turns.vad import VAD_WINDOW, SileroVAD

QUESTION = Path(__file__).parent.parent / "agent" / "data" / "questions" / "1_name.wav"


def probabilities(vad: SileroVAD, samples: Samples) -> list[float]:
    usable = len(samples) - len(samples) % VAD_WINDOW
    return [vad.probability(window) for window in samples[:usable].reshape(-1, VAD_WINDOW)]


def test_hears_a_voice_and_the_silence_around_it() -> None:
    voice = read_audio(QUESTION, SPEECH_RATE_HZ)
    silence = np.zeros(SPEECH_RATE_HZ, np.float32)
    heard = probabilities(SileroVAD(), np.concatenate((silence, voice, silence)))
    assert max(heard[:28]) < 0.2
    assert np.median(heard[35:70]) > 0.9
    assert max(heard[-15:]) < 0.2


@pytest.mark.parametrize("level", [0.003, 0.1, 0.5])
def test_noise_is_no_voice(level: float) -> None:
    noise = np.random.default_rng(1).normal(0.0, level, 2 * SPEECH_RATE_HZ).astype(np.float32)
    assert max(probabilities(SileroVAD(), noise)) < 0.5


def test_reset_begins_a_new_stream() -> None:
    voice = read_audio(QUESTION, SPEECH_RATE_HZ)
    vad = SileroVAD()
    first = probabilities(vad, voice)
    going_on = probabilities(vad, voice)
    vad.reset()
    assert probabilities(vad, voice) == first
    assert going_on != first


def test_refuses_a_window_of_another_length() -> None:
    with pytest.raises(ValueError, match="512"):
        SileroVAD().probability(np.zeros(480, np.float32))


def test_does_not_load_torch() -> None:
    imported = "print({'torch', 'silero_vad'} & set(sys.modules))"
    script = f"import sys; from speech.turns.vad import SileroVAD; SileroVAD(); {imported}"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"


def test_says_which_package_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="pip install --no-deps 'silero-vad"):
        SileroVAD()
