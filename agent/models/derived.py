"""Packaged weights for a backend that wants them in another form than their package has: converted once, then kept."""

from __future__ import annotations

from pathlib import Path

from agent.models.packaged import converted, packaged_path
from agent.models.packaged_models import PackagedModel

_CHECKPOINT_VERSION = 1
"""Of what `speech.asr.whisper_checkpoint` writes: another number makes every checkpoint anew."""


def path_for(backend: str, model: PackagedModel) -> Path:
    """What a backend is given for packaged weights; conversions take a second or two, once, and import PyTorch.

    Args:
        backend: the model's own, or one that `CONVERTED_FROM` has.
        model: the packaged weights.

    Raises:
        InputError: as `packaged_path`; or they can't be converted.
    """
    path = packaged_path(model)
    return _openai_checkpoint(model, path) if backend == "whisper" else path


def _openai_checkpoint(model: PackagedModel, folder: Path) -> Path:
    """CTranslate2's weights as openai-whisper's checkpoint, called like OpenAI's own."""
    from speech.asr.whisper_checkpoint import write_checkpoint

    name = f"{model.name}.pt"
    weights = [file for file in model.files if file.name == "model.bin"]
    version = " ".join([f"openai-whisper {_CHECKPOINT_VERSION}", *(file.sha256 for file in weights)])
    made = converted(
        f"whisper/{model.name}",
        version,
        sum(file.size for file in weights),
        lambda target: write_checkpoint(folder / "model.bin", target / name),
    )
    return made / name
