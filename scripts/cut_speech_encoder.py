"""Cuts the speech encoder out of Whisper tiny.en, which a package carries: writes its asset in avatar/assets.

Run as `python -m scripts.cut_speech_encoder` in the project's folder, whenever the layers or the window of
`avatar.sampler.speech_encoder` change; what was trained with the encoder must then be trained again.
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor

from agent.models.packaged import openai_checkpoint
from agent.models.packaged_catalogue import find_packaged
from avatar.sampler.speech_encoder import FORMAT, LAYERS, SHIPPED, WINDOW_FRAMES, SpeechEncoder
from speech.files.draft import Draft

TARGET = Path("avatar/assets") / SHIPPED

METADATA = {
    "format": FORMAT,
    "origin": (
        "Whisper tiny.en (https://github.com/openai/whisper), half precision: both convolutions, the first positions "
        f"and the first {LAYERS} layers of its encoder"
    ),
    "licence": """MIT License

Copyright (c) 2022 OpenAI

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.
""",
}


def first_layers(checkpoint: Path, layers: int = LAYERS, frames: int = WINDOW_FRAMES) -> dict[str, Tensor]:
    """The state of a `SpeechEncoder` of so many layers and frames, in the checkpoint's half precision.

    Args:
        checkpoint: of openai-whisper, tiny or tiny.en.
        layers: as many as it has at most.
        frames: of the longest window.
    """
    state: dict[str, Tensor] = torch.load(checkpoint, weights_only=True, mmap=True)["model_state_dict"]
    wanted = SpeechEncoder(layers, frames).state_dict()
    # All are whole but the positions.
    return {name: state[f"encoder.{name}"][: len(value)].half().clone() for name, value in wanted.items()}


def main() -> None:
    """Writes the asset."""
    model = find_packaged("faster-whisper", "tiny.en")
    assert model is not None, "the catalogue has it"
    content = save(first_layers(openai_checkpoint(model)), METADATA)
    with Draft(TARGET) as draft:
        draft.path.write_bytes(content)
    print(f"{TARGET}: {len(content) / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
