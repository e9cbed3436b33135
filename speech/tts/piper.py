"""Piper voices: neural voices for many languages, each a network with its settings beside it."""

from __future__ import annotations

from pathlib import Path

from speech.tts.neural import DEFAULT_RATE_WPM, NeuralTTS, check_package, check_settings, choose_speaker
from speech.tts.synthesis.piper_voice import open_piper_voice


class PiperTTS(NeuralTTS):
    """Speaks with a Piper voice, in chunks as they are made: about a tenth of real time on one thread.

    Word and phoneme times come from the durations that the network gives its symbols (with a network that doesn't give
    them out, words are estimated). A sentence always sounds the same.

    Args:
        model: the voice's .onnx file, with its .onnx.json beside it.
        voice: the name of one of its speakers; "" for the first.
        rate_wpm: words a minute, 80 to 300, on the same scale as `EspeakTTS`.
        volume: factor on the even loudness of all voices, 0 to 2.

    Raises:
        InputError: the voice's files are missing or damaged, or the speaker is unknown; (on entering) it could not be
            loaded.
        ValueError: a number is out of its range.
    """

    name = "piper"
    phoneme_set = "ipa"
    parallel = 1

    def __init__(self, *, model: Path, voice: str = "", rate_wpm: int = DEFAULT_RATE_WPM, volume: float = 1.0) -> None:
        check_package(self.name, "onnxruntime", module="onnxruntime", install="pip install visavis")
        check_settings(rate_wpm=rate_wpm, volume=volume)
        opened = open_piper_voice(model)
        speaker = choose_speaker(voice, "", list(opened.speakers))
        super().__init__(
            worker="speech.tts.synthesis.onnx_voice_worker",
            what="Piper",
            setup={
                "kind": "piper",
                "model": str(model),
                "symbols": opened.symbols,
                "espeak_voice": opened.espeak_voice,
                "scales": opened.scales,
                "speaker": opened.speakers[speaker],
                "language": opened.language,
                "rate_wpm": rate_wpm,
                "volume": volume,
            },
            sample_rate_hz=opened.sample_rate_hz,
            speakers=list(opened.speakers),
            language=opened.language,
        )
