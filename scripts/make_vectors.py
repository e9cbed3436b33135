"""Reads what comes with the program by meaning, so that nobody's first start has to: writes agent/data/vectors.

Run as `python -m scripts.make_vectors` in the project's folder whenever agent/data/knowledge.md or elsewhere.txt
changed.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from agent.knowledge.file import load_knowledge
from agent.knowledge.meaning import elsewhere, texts_of
from agent.knowledge.minilm import MiniLM
from agent.knowledge.vector_cache import file_name, vectors_of
from agent.models.packaged import packaged_path
from agent.models.packaged_catalogue import packaged_of
from agent.parts import DEFAULT_KNOWLEDGE

FOLDER = DEFAULT_KNOWLEDGE.parent / "vectors"


def main() -> None:
    """Makes them in an empty cache, and moves them here."""
    model = packaged_of("embeddings")[0]
    network, version = MiniLM(packaged_path(model)), model.files[0].sha256
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    with tempfile.TemporaryDirectory() as empty:
        os.environ["XDG_CACHE_HOME"] = empty
        for texts in (texts_of(load_knowledge(DEFAULT_KNOWLEDGE).answers)[0], elsewhere()):
            vectors_of(texts, network.encode, size=network.size, model=version)
            name = file_name(texts, version)
            shutil.copyfile(Path(empty) / "visavis" / "meaning" / name, FOLDER / name)
            print(f"{FOLDER / name}: {len(texts)} texts")


if __name__ == "__main__":
    main()
