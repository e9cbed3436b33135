"""The process in which portraits are analysed and their decoders built: seconds in which nobody else may stutter.

Run by `agent.face_process` as `python -m agent.face_worker`. What is sent for a call are the pickled sections `output`,
`portrait` and `face` of a configuration; its item's payload is empty, and the pickled portrait and decoder are in the
file that `face` names.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

from agent.config.config import load_config
from agent.faces import load_face
from speech.worker.main import Call, Work, serve
from speech.worker.priority import let_frames_first


def load(setup: dict[str, Any]) -> Work:
    """There is nothing to load before a face is wanted."""
    let_frames_first()

    def build(call: Call) -> None:
        for sections in call.incoming():
            face = load_face(load_config(None, [], {}).model_copy(update=pickle.loads(sections)))
            pickled = pickle.dumps((face.portrait, face.decoder.decoder), protocol=pickle.HIGHEST_PROTOCOL)
            Path(call.fields["face"]).write_bytes(pickled)
            call.emit()

    return build


if __name__ == "__main__":
    serve(load)
