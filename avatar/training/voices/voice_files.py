"""Where the networks of natural voices are on this machine. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class VoiceFiles:
    """Where the networks of natural voices are; None or nothing for those that are not installed.

    Attributes:
        hibari: the .onnx file of hibari-tts.
        piper: .onnx files of Piper voices, settings beside them.
        kokoro: Kokoro's .onnx file.
        kokoro_styles: the archive of its voices' style vectors.
    """

    hibari: Path | None = None
    piper: tuple[Path, ...] = ()
    kokoro: Path | None = None
    kokoro_styles: Path | None = None

    def fields(self) -> dict[str, list[str]]:
        """As it is sent to another process."""
        every = {"hibari": [self.hibari], "piper": self.piper, "kokoro": [self.kokoro, self.kokoro_styles]}
        return {name: [str(path) for path in paths if path is not None] for name, paths in every.items()}

    @classmethod
    def from_fields(cls, fields: Mapping[str, Sequence[str]]) -> VoiceFiles:
        """The other way round."""
        hibari, piper, kokoro = ([Path(path) for path in fields[name]] for name in ("hibari", "piper", "kokoro"))
        network, styles = kokoro if len(kokoro) == 2 else (None, None)
        return cls(hibari[0] if hibari else None, tuple(piper), network, styles)

    def paths(self) -> list[Path]:
        """All files that are there."""
        return [Path(path) for paths in self.fields().values() for path in paths]
