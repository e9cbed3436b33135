"""The process in which training scenes are made, a scene a call.

Run by `avatar.training.synthetic_scenes` as `python -m avatar.training.scene_worker`. Its setup is `voices`, the fields
of `VoiceFiles` with paths as text. A call has `seed`, `validation` and `path`, where the scene goes; it emits `frames`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from avatar.training.scene_store import write_scene
from avatar.training.scenes import make_scene
from avatar.training.voices.cast import Cast
from avatar.training.voices.voice_files import VoiceFiles
from speech.worker.main import Call, Work, serve


def load(setup: dict[str, Any]) -> Work:
    """Looks for the voices; each loads its network when it first speaks."""
    cast = Cast(VoiceFiles.from_fields(setup["voices"]))

    def make(call: Call) -> None:
        scene = make_scene(call.fields["seed"], cast, validation=call.fields["validation"])
        write_scene(Path(call.fields["path"]), scene)
        call.emit({"frames": len(scene.motion)})

    return make


if __name__ == "__main__":
    serve(load)
