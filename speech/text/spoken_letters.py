"""Words, initialisms, addresses, file names and codes, read aloud letter by letter where people do that.

Letters that are spelt out are written "A.P.I", without a last point: that is what eSpeak NG and Flite both read as
letters, without a pause.
"""

from __future__ import annotations

import re

from speech.text.spoken_numbers import digit_words, number_words, year_words

# Written in capitals and read as letters although they hold a vowel; words without a vowel are always spelt.
INITIALISMS = frozenset(
    "ADHD AKA AOL ATV CFO CIO COO CTO DUI EMT EPA ER ETA ETF EV GOP GPA ICU IDK IMO IPO IRA ISP ISS IVF LED MIT NBA "
    "NGO NYU OCD OECD OEM SOS SUV UAE UAV UCLA UFC UHF UPS WTO "
    "AC AI AM API AR ASR AWS ATM BA CEO CIA CPU DIY EKG EU FAQ FBI GPU HDMI IBM ID IDE IEEE IO IOT IP IPA IQ IRS IT IV "
    "LA LLM MBA OBS OS OSC PA QA UDP UFO UI UK UN URL US USA USB UTC UV UX UUID VAD VIP".split()
)
_READ_AS = {
    "JPEG": "jay peg", "JPG": "jay peg", "MPEG": "em peg", "WAV": "wave", "OK": "okay", "YAML": "yammel",
    "JSON": "jason", "WiFi": "wye fye", "wifi": "wye fye", "Linux": "Linnux", "SQL": "S.Q.L", "GIF": "gif",
    "Visavis": "veezavee", "hmm": "hum", "Hmm": "Hum", "vs": "versus", "iOS": "I.O.S", "IPv": "I.P V",
    "macOS": "mac O.S",
    "LaTeX": "lah tech", "GmbH": "G.M.B.H", "PhD": "P.H.D", "BSc": "B.S.C", "MSc": "M.S.C",
}  # fmt: skip
READ_AS = frozenset(_READ_AS)
"""Ordinary-looking words among them are not read as written."""
_CAPITALS_AS_WRITTEN = frozenset({"HMM", "SHH", "PSST", "MR", "MRS", "DR", "ST"})
_VOWEL = re.compile(r"[AEIOUY]")
_CAMEL = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_IN_ADDRESSES = {
    ".": "dot", "/": "slash", "\\": "backslash", "@": "at", "-": "dash", "_": "underscore", ":": "colon", "+": "plus",
    "~": "tilde", "#": "hash", "&": "and", "=": "equals", "%": "percent", "?": "question mark",
}  # fmt: skip
_LONGEST_CODE = 64


def read_english_word(word: str) -> str:
    """Reads a word made of letters: initialisms are spelt, "OpenAI" becomes "Open A.I", others stay."""
    if word.endswith("'s"):
        return f"{read_english_word(word[:-2])}'s"
    if word in _READ_AS:
        return _READ_AS[word]
    stem, ending = (word[:-1], "'s") if word.endswith("s") and word[:-1].isupper() and len(word) > 2 else (word, "")
    if stem.isupper() and len(stem) > 1 and stem not in _CAPITALS_AS_WRITTEN:
        spelt = stem in INITIALISMS or not _VOWEL.search(stem)
        return (".".join(stem) if spelt and stem.isascii() and len(stem) <= _LONGEST_CODE else stem) + ending
    if word.islower() or word.istitle():
        return word
    parts = _CAMEL.findall(word)
    if len(parts) > 1 and "".join(parts) == word and not word.startswith(("Mc", "Mac", "De", "La")):
        return " ".join(read_english_word(part) for part in parts)
    return word


def _part(part: str, *, code: bool) -> str:
    if part.isdecimal():
        if part.startswith("0") or len(part) > 7:
            return digit_words(part)
        return year_words(int(part)) if len(part) == 4 and part[:2] in ("19", "20") else number_words(part)
    spelt = part in ("py", "yml") or (part.islower() and 1 < len(part) < 6 and not _VOWEL.search(part.upper()))
    if spelt:
        return _READ_AS.get(part.upper(), ".".join(part.upper()))
    word = read_english_word(part)
    if part in _IN_ADDRESSES:
        return "" if code and part in "_-" else _IN_ADDRESSES[part]
    return word if word[0].isalnum() else ""


_PARTS = re.compile(r"[A-Za-z]+|[^\W\d_]+|\d+|[^A-Za-z\d]")


def read_address(address: str) -> str:
    """Reads an address of the web or of mail: "https://example.com/a" → "example dot com slash a"."""
    address = re.sub(r"^([a-z]+://)?/*(www\.)?|[?#].*$", "", address).rstrip("/")
    return " ".join(said for part in _PARTS.findall(address) if (said := _part(part, code=False)))


def read_name(name: str) -> str:
    """Reads a file's or a program's name: "file_name.py" → "file name dot P.Y"."""
    return " ".join(said for part in _PARTS.findall(name) if (said := _part(part, code=True)))


def read_code(code: str) -> str:
    """Reads a code letter by letter and figure by figure, with a pause at each dash: "3f-A" → "three F, A"."""
    groups = re.split(r"[-: ]+", code)
    return ", ".join(
        " ".join(digit_words(sign) if sign.isdecimal() else sign.upper() for sign in group) for group in groups if group
    )


def read_resolution(number: str) -> str:
    """Reads the number of "1080p" or "737 MAX" in pairs: "ten eighty", "seven thirty-seven"."""
    if len(number) == 4:
        return year_words(int(number))
    hundreds, rest = number[:1], number[1:]
    return f"{number_words(hundreds)} {number_words(rest)}" if rest != "00" else number_words(number)
