"""How German is read aloud; see `speech.text.reading_rules`."""

from __future__ import annotations

import re

from num2words import num2words  # type: ignore[import-untyped]

from speech.text.reading_rules import Match, ReadingRules

_MONTHS = ("Januar", "Februar", "März", "April", "Mai", "Juni", "Juli",
           "August", "September", "Oktober", "November", "Dezember")  # fmt: skip

# After these a rank ends in -en, -e or -er: "am dritten", "das dritte", "ein dritter".
_WEAK = re.compile(r"\b(?:am|vom|zum|im|beim|dem|den|des|ab|bis|seit|nach|vor|einem|einen|jedem|jeden|der) \Z", re.I)
_AFTER_ARTICLE = re.compile(r"\b(?:der|die|das|eine|jede|ihre|seine|meine|unsere) \Z", re.I)


def _ranked(number: int, before: str, *, is_date: bool = False) -> str:
    stem = str(num2words(number, lang="de", to="ordinal"))
    if _AFTER_ARTICLE.search(before):
        return stem
    if _WEAK.search(before):
        return f"{stem}n"
    return f"{stem}r" if is_date or re.search(r"\b(?:ein|kein|mein|dein|sein|ihr|unser) \Z", before, re.I) else stem


def _date(day: int, month: int, year: int | None, before: str) -> str:
    return f"{_ranked(day, before, is_date=True)} {_MONTHS[month - 1]}" + (f" {_year(year)}" if year else "")


def _year(year: int) -> str:
    return str(num2words(year, lang="de", to="year" if 1100 <= year < 2000 else "cardinal"))


def _time(hour: int, minute: int) -> str:
    words = f"{'ein' if hour == 1 else num2words(hour, lang='de')} Uhr"
    return f"{words} {num2words(minute, lang='de')}" if minute else words


def _rank(match: Match) -> str | None:
    before = match.string[max(match.start() - 24, 0) : match.start()]
    following = match.string[match.end() : match.end() + 2]
    is_rank = _WEAK.search(before) or _AFTER_ARTICLE.search(before) or following[1:2].islower()
    return _ranked(int(match["n"]), before) if is_rank else None


GERMAN = ReadingRules(
    language="de",
    group=r"[.']",
    months=_MONTHS,
    comma="Komma",
    minus="minus",
    to="bis",
    articles=("ein", "eine"),
    feminine=frozenset("Sekunde Minute Stunde Tonne Meile Million Milliarde Billion Kalorie Kilokalorie".split()),
    units={
        "km/h": "Kilometer pro Stunde", "m/s": "Meter pro Sekunde", "kWh": "Kilowattstunden", "km²": "Quadratkilometer",
        "m²": "Quadratmeter", "m³": "Kubikmeter", "km": "Kilometer", "m": "Meter", "cm": "Zentimeter",
        "mm": "Millimeter", "kg": "Kilogramm", "mg": "Milligramm", "g": "Gramm", "t": "Tonne|Tonnen", "l": "Liter",
        "L": "Liter", "ml": "Milliliter", "°C": "Grad Celsius", "°F": "Grad Fahrenheit", "°": "Grad", "%": "Prozent",
        "‰": "Promille", "h": "Stunde|Stunden", "Std.": "Stunde|Stunden", "min": "Minute|Minuten",
        "Min.": "Minute|Minuten", "s": "Sekunde|Sekunden", "Sek.": "Sekunde|Sekunden", "ms": "Millisekunden",
        "W": "Watt", "kW": "Kilowatt", "V": "Volt", "Hz": "Hertz", "kHz": "Kilohertz", "MHz": "Megahertz",
        "GHz": "Gigahertz", "kB": "Kilobyte", "MB": "Megabyte", "GB": "Gigabyte", "TB": "Terabyte", "dB": "Dezibel",
        "kcal": "Kilokalorie|Kilokalorien", "hPa": "Hektopascal", "ha": "Hektar",
    },
    currencies={
        "€": ("Euro", "Cent"), "EUR": ("Euro", "Cent"), "$": ("Dollar", "Cent"), "USD": ("US-Dollar", "Cent"),
        "£": ("Pfund", "Penny|Pence"), "CHF": ("Franken", "Rappen"), "¥": ("Yen", "Sen"),
    },
    money_joint="",
    of="{}",
    scales={
        "Mio.": "Million|Millionen", "Mrd.": "Milliarde|Milliarden", "Millionen": "Million|Millionen",
        "Million": "Million|Millionen", "Milliarden": "Milliarde|Milliarden", "Tausend": "Tausend",
    },
    abbreviations={
        "z. B.": "zum Beispiel", "z.B.": "zum Beispiel", "d. h.": "das heißt", "d.h.": "das heißt",
        "u. a.": "unter anderem", "u.a.": "unter anderem", "o. Ä.": "oder Ähnliches", "usw.": "und so weiter",
        "etc.": "et cetera", "bzw.": "beziehungsweise", "ca.": "circa", "evtl.": "eventuell", "ggf.": "gegebenenfalls",
        "bspw.": "beispielsweise", "inkl.": "inklusive", "zzgl.": "zuzüglich", "vgl.": "vergleiche", "Nr.": "Nummer",
        "Dr.": "Doktor", "Prof.": "Professor", "Hr.": "Herr", "Fr.": "Frau", "St.": "Sankt", "Str.": "Straße",
        "Tel.": "Telefon", "Abb.": "Abbildung", "Kap.": "Kapitel", "Jh.": "Jahrhundert", "max.": "maximal",
        "min.": "mindestens", "sog.": "sogenannte", "Mio.": "Millionen", "Mrd.": "Milliarden",
        "v. Chr.": "vor Christus", "n. Chr.": "nach Christus", "km/h": "Kilometer pro Stunde", "vs.": "gegen",
    },
    signs={
        "&": "und", "%": "Prozent", "€": "Euro", "$": "Dollar", "§": "Paragraf", "+": "plus", "=": "gleich",
        "×": "mal", "→": "zu", "½": "ein halb", "¼": "ein Viertel", "¾": "drei Viertel", "°": "Grad",
    },
    in_addresses={".": "Punkt", "/": "Schrägstrich", "-": "Strich", "_": "Unterstrich", "@": "ät"},
    clock=r" ?Uhr\b",
    hour=r" ?Uhr\b",
    date=_date,
    between_date="",
    time=_time,
    ordinal=r"(?P<n>\d{1,3})\.(?= [^\W\d_])",
    rank=_rank,
    year=_year,
)  # fmt: skip
