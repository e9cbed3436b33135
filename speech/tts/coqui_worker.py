"""The process in which Coqui's models speak.

Run by `speech.tts.neural` as `python -m speech.tts.coqui_worker`; what it says is there too. Its setup:

    kind        "vits" or "xtts"
    config      path of config.json
    checkpoint  path of the weights
    files       (VITS) setting of the configuration → file of the folder
    speaker     name; "" for a model that has only one, or where a sample is given
    sample      (XTTS) path of a recording of the voice, or null
    language    BCP 47 tag
    sample_rate_hz, rate_wpm, volume, device
"""

from __future__ import annotations

from typing import Any

from speech.errors import InputError
from speech.tts.synthesis.neural_speaker import Model, Speaker
from speech.worker.cores import usable_cores
from speech.worker.main import Work, serve
from speech.worker.priority import let_frames_first

_MAX_THREADS = 4


def torch_threads() -> int:
    """How many threads PyTorch gets: one core is left to the frames."""
    cores = usable_cores()
    return min(_MAX_THREADS, max(1, cores - 1))


def load(setup: dict[str, Any]) -> Work:
    """Loads the model and measures the voice."""
    let_frames_first()
    try:
        import torch

        from speech.tts.coqui_models import VitsModel, XttsModel
    except (ImportError, OSError) as error:
        raise InputError(
            f"expected working coqui-tts and PyTorch, got {error}; run: pip install 'visavis[coqui]'"
        ) from None
    torch.set_num_threads(torch_threads())
    model: Model = XttsModel(setup) if setup["kind"] == "xtts" else VitsModel(setup)
    speaker = Speaker(model, sample_rate_hz=setup["sample_rate_hz"], rate_wpm=setup["rate_wpm"], volume=setup["volume"])
    return speaker.say


if __name__ == "__main__":
    serve(load)
