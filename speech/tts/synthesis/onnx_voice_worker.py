"""The process in which voices speak whose networks are ONNX files.

Run by `speech.tts.neural` as `python -m speech.tts.synthesis.onnx_voice_worker`; what it says is there too. Its setup:

    kind        "hibari" or "piper"
    model       path of the network
    symbols     (Piper) symbol → its numbers
    espeak_voice, scales, speaker    (Piper) see `speech.tts.synthesis.piper_voice`
    language    BCP 47 tag
    sample_rate_hz, rate_wpm, volume
"""

from __future__ import annotations

from typing import Any

from speech.errors import InputError
from speech.tts.synthesis.neural_speaker import Model, Speaker
from speech.worker.main import Work, serve
from speech.worker.priority import let_frames_first


def load(setup: dict[str, Any]) -> Work:
    """Loads the network and measures the voice, which also warms it up."""
    let_frames_first()
    model = _hibari(setup) if setup["kind"] == "hibari" else _piper(setup)
    speaker = Speaker(
        model,
        sample_rate_hz=setup["sample_rate_hz"],
        rate_wpm=setup["rate_wpm"],
        volume=setup["volume"],
        language=setup["language"],
    )
    return speaker.say


def _hibari(setup: dict[str, Any]) -> Model:
    try:
        from speech.tts.synthesis.hibari_model import HibariModel
    except (ImportError, OSError) as error:
        raise InputError(f"expected a working hibari-tts, got {error}; run: pip install 'visavis[packaged]'") from None
    return HibariModel(setup)


def _piper(setup: dict[str, Any]) -> Model:
    from speech.tts.synthesis.piper_model import PiperModel

    return PiperModel(setup)


if __name__ == "__main__":
    serve(load)
