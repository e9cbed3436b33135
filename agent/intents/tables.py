"""What people say about the conversation itself, and in answer to what the avatar asks: a file for each language."""

from __future__ import annotations

import tomllib
import unicodedata
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

LANGUAGES = ("en", "de", "fr", "es", "it")
"""In these the conversation itself can be spoken about; a request for another language in any of them."""


@cache
def table_of(language: str) -> Mapping[str, Any]:
    """All of a language's, as data/intents/LANGUAGE.toml has it; of one of `LANGUAGES`."""
    return tomllib.loads(resources.files("agent").joinpath(f"data/intents/{language}.toml").read_text("utf-8"))


@cache
def not_names(language: str) -> frozenset[str]:
    """Words that are no names, though they stand where one may ("I'm sorry"); folded."""
    return frozenset(fold(table_of(language)["not_names"]).split())


def fold(text: str) -> str:
    """Lower case without accents."""
    return without_accents(text).casefold()


def without_accents(text: str) -> str:
    """With plain letters and apostrophes."""
    plain = text.replace("’", "'").replace("ß", "ss")
    return "".join(char for char in unicodedata.normalize("NFD", plain) if not unicodedata.combining(char))
