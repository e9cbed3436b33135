"""Text as the symbols that Piper's and other networks are given: eSpeak NG's IPA, punctuation between the clauses."""

from __future__ import annotations

import re
import unicodedata

from speech.tts.synthesis.espeak_engine import espeak_engine

_MARKS = re.compile(r"([,.;:!?¡¿…。、！？，；：]+)(?:\s+|$)")
_ANOTHER_LANGUAGE = re.compile(r"\([a-z]{2,3}(?:-[a-z0-9]+)*\)")


def ipa_symbols(text: str, voice: str) -> list[str]:
    """The symbols that stand for a text, one character each (NFD), blanks between the words.

    Args:
        text: as it is read aloud.
        voice: of eSpeak NG, which reads it: "en-us".

    Raises:
        InputError: there is no such voice.
    """
    *clauses, last = _MARKS.split(f"{text} ")
    read = [f"{_ipa(clause, voice)}{marks[0]} " for clause, marks in zip(clauses[::2], clauses[1::2], strict=True)]
    return list("".join((*read, _ipa(last, voice))).strip())


def _ipa(text: str, voice: str) -> str:
    if not text.strip():
        return ""
    engine = espeak_engine()
    ipa = engine.worker.submit(engine.ipa, text, voice).result()
    return unicodedata.normalize("NFD", _ANOTHER_LANGUAGE.sub("", ipa))
