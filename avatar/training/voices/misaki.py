"""English as hibari and Kokoro read it: the package hibari-tts has their alphabet (misaki's), dictionaries, rules."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any


def misaki_symbols(text: str, *, british: bool = False) -> str:
    """The phonemes of an English text, with stress and punctuation, a character each.

    Raises:
        ImportError: the package hibari-tts is not installed.
    """
    return "".join(symbol for symbol in _reader(british)(text) if symbol in symbol_numbers())


@lru_cache(maxsize=1)
def symbol_numbers() -> dict[str, int]:
    """Symbol → its number in both networks.

    Raises:
        ImportError: the package hibari-tts is not installed.
    """
    from hibari.g2p import ASSETS

    numbers: dict[str, int] = json.loads((Path(ASSETS) / "vocab.json").read_text("utf-8"))
    return numbers


@lru_cache(maxsize=2)
def _reader(british: bool) -> Any:
    from hibari.g2p import G2P

    return G2P(british=british)
