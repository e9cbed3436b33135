"""Models that are nothing but small files, with the manifest that fetching writes."""

from __future__ import annotations

import hashlib
from pathlib import Path

from agent.models.catalogue import BACKENDS
from agent.models.fetched import ENTRY_FILES, folder_of
from agent.models.manifest import FileRecord, Manifest, write_manifest

CONTENT = b"weights"


def fake_model(folder: Path, backend: str, name: str) -> Path:
    """Puts a complete model of one file, model.bin, into a models' folder; returns its own folder."""
    (known,) = (known for known in BACKENDS if known == backend)
    place = folder_of(folder, known, name)
    place.mkdir(parents=True)
    (place / "model.bin").write_bytes(CONTENT)
    record = FileRecord(len(CONTENT), hashlib.sha256(CONTENT).hexdigest())
    entry = "model.bin" if backend in ENTRY_FILES else ""
    write_manifest(place, Manifest(f"{backend}/{name}", "a test", "", "MIT", entry, {"model.bin": record}))
    return place
