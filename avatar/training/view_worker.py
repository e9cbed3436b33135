"""The process in which the speech encoder hears training sound, some blocks a call.

Run by `avatar.training.views` as `python -m avatar.training.view_worker`. Its setup is `sound`, the path of the
prepared sound. A call has `first`, `stop` (blocks) and `path`, where what was heard goes; it emits that it is done.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from avatar.sampler.speech_encoder import load_speech_encoder
from avatar.training.views import write_block_views
from speech.worker.main import Call, Work, serve


def load(setup: dict[str, Any]) -> Work:
    """Loads the encoder, for one thread: there are as many processes as cores."""
    torch.set_num_threads(1)
    load_speech_encoder()
    sound = Path(setup["sound"])

    def hear(call: Call) -> None:
        write_block_views(sound, range(call.fields["first"], call.fields["stop"]), Path(call.fields["path"]))
        call.emit()

    return hear


if __name__ == "__main__":
    serve(load)
