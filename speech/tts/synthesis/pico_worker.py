"""The process in which SVOX Pico speaks: C code, which might crash.

Run by `speech.tts.neural` as `python -m speech.tts.synthesis.pico_worker`; what it says is there too. Its setup:

    library     path of the C library
    files       paths of the voice's two files
    pitch       per cent of the voice's own
    language    BCP 47 tag
    sample_rate_hz, rate_wpm, volume
"""

from __future__ import annotations

from typing import Any

from speech.tts.synthesis.neural_speaker import Speaker
from speech.tts.synthesis.pico_model import PicoModel
from speech.worker.main import Work, serve
from speech.worker.priority import let_frames_first


def load(setup: dict[str, Any]) -> Work:
    """Loads the voice, and measures how loud and how fast it is."""
    let_frames_first()
    speaker = Speaker(
        PicoModel(setup),
        sample_rate_hz=setup["sample_rate_hz"],
        rate_wpm=setup["rate_wpm"],
        volume=setup["volume"],
        language=setup["language"],
    )
    return speaker.say


if __name__ == "__main__":
    serve(load)
