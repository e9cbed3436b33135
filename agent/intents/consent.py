"""Whether the answer to a yes-or-no question agrees: "Shall I remember you?" — "Um, yes, please"."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache

from agent.intents.tables import table_of
from speech.turns.word_lists import WORD_LISTS

_SIGHS = frozenset({"oh", "ach"})


@dataclass(frozen=True, slots=True)
class _Answers:
    """How answers begin in one language."""

    before: re.Pattern[str]
    yes: re.Pattern[str]
    no: re.Pattern[str]


def consents(answer: str, *languages: str) -> bool | None:
    """Whether an answer agrees, going by how it begins; None where it says neither.

    Args:
        answer: as the recogniser understood it.
        languages: of `agent.intents.tables.LANGUAGES`, in which it may be; the first that knows it counts.
    """
    said = _plain(answer)
    for ways in map(_answers, languages):
        hesitation = ways.before.match(said)
        start = hesitation.end() if hesitation else 0
        if ways.no.match(said, start):
            return False
        if ways.yes.match(said, start):
            return True
    return None


@cache
def _answers(language: str) -> _Answers:
    table = table_of(language)
    fillers = "|".join(sorted(WORD_LISTS[language].fillers | _SIGHS))
    yes, no = ("|".join(map(_plain, table[key])) for key in ("yes", "no"))
    return _Answers(
        before=re.compile(rf"\W*(?:(?:{fillers})\b\W*)*", re.IGNORECASE),
        yes=re.compile(rf"(?:{yes})\b", re.IGNORECASE),
        no=re.compile(rf"(?:{no})\b", re.IGNORECASE),
    )


def _plain(text: str) -> str:
    return unicodedata.normalize("NFC", text).replace("’", "'")
