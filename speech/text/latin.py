"""Any alphabet in the 26 letters that an English voice knows, as near as they come to the sound."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

from speech.text.spoken_text import SpokenWord

_LETTERS = {
    # Latin letters that are no letter with an accent
    "ß": "ss", "ẞ": "SS", "ø": "o", "ł": "w", "æ": "ae", "œ": "oe", "đ": "d", "ð": "th", "þ": "th", "ı": "i", "ŋ": "ng",
    "ħ": "h", "ŧ": "t", "ĸ": "k", "ɓ": "b", "ɗ": "d", "ə": "e", "ɛ": "e", "ƒ": "f", "ſ": "s", "ŀ": "l", "ŉ": "n",
    # Cyrillic
    "а": "a", "б": "b", "в": "v", "г": "g", "д": "d", "е": "e", "ж": "zh", "з": "z", "и": "i", "й": "y", "к": "k",
    "л": "l", "м": "m", "н": "n", "о": "o", "п": "p", "р": "r", "с": "s", "т": "t", "у": "oo", "ф": "f", "х": "kh",
    "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch", "ъ": "", "ы": "y", "ь": "", "э": "e", "ю": "yu", "я": "ya", "є": "ye",
    "і": "i", "ґ": "g", "ђ": "j", "ј": "y", "љ": "ly", "њ": "ny", "ћ": "ch", "џ": "j", "ў": "w", "ѕ": "dz",
    # Greek
    "α": "a", "β": "v", "γ": "g", "δ": "th", "ε": "e", "ζ": "z", "η": "i", "θ": "th", "ι": "i", "κ": "k", "λ": "l",
    "μ": "m", "ν": "n", "ξ": "x", "ο": "o", "π": "p", "ρ": "r", "σ": "s", "ς": "s", "τ": "t", "υ": "i", "φ": "f",
    "χ": "h", "ψ": "ps", "ω": "o",
}  # fmt: skip
_TABLE = {ord(letter): latin for letter, latin in _LETTERS.items()} | {
    ord(letter.upper()): latin.capitalize() for letter, latin in _LETTERS.items() if len(letter.upper()) == 1
}
# й is и with an accent, and Ø would be decomposed as well: these are looked up before accents are taken off.


def to_latin(text: str) -> str:
    """Writes text in ASCII: accents go ("café"), other letters become the nearest ("Straße" → "Strasse").

    Scripts that are no alphabets, and alphabets without vowels, have no such letters: theirs are left out.
    """
    if text.isascii():
        return text
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFC", text).translate(_TABLE))
    return plain.translate(_TABLE).encode("ascii", "ignore").decode()


def transliterate_words(words: list[SpokenWord], write: Callable[[str], str]) -> list[SpokenWord]:
    """Writes words in the letters that a voice knows; it would leave others out.

    Words of which nothing is left (of a script without such letters) are shown with the word before or after them.

    Args:
        words: what is to be said.
        write: writes a text in the voice's letters.
    """
    kept: list[SpokenWord] = []
    unsaid = ""
    for word in words:
        spoken = write(word.spoken)
        if any(letter.isalnum() for letter in spoken):
            kept.append(SpokenWord(f"{unsaid}{word.text}", spoken))
            unsaid = ""
        elif kept:
            kept[-1] = SpokenWord(f"{kept[-1].text} {word.text}", kept[-1].spoken)
        else:
            unsaid += f"{word.text} "
    return kept
