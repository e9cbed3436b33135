"""How Italian is read aloud; see `speech.text.reading_rules`."""

from __future__ import annotations

import re

from num2words import num2words  # type: ignore[import-untyped]

from speech.text.reading_rules import Match, ReadingRules
from speech.text.roman import roman_number

_MONTHS = ("gennaio", "febbraio", "marzo", "aprile", "maggio", "giugno", "luglio",
           "agosto", "settembre", "ottobre", "novembre", "dicembre")  # fmt: skip
_AFTER_RANK = re.compile(r" secolo\b")


def _number(number: int) -> str:
    return str(num2words(number, lang="it"))


def _date(day: int, month: int, year: int | None, before: str) -> str:
    return f"{'primo' if day == 1 else _number(day)} {_MONTHS[month - 1]}" + (f" {_number(year)}" if year else "")


def _time(hour: int, minute: int) -> str:
    hours = "una" if hour == 1 else _number(hour)
    return f"{hours} e {_number(minute)}" if minute else hours


def _rank(match: Match) -> str | None:
    written, mark = match["n"], match["mark"] or ""
    is_roman = not written.isdecimal()
    if is_roman and not _AFTER_RANK.match(match.string, match.end()):
        return None
    number = roman_number(written) if is_roman else int(written)
    if not number:
        return None
    words = str(num2words(number, lang="it", to="ordinal"))
    return f"{words[:-1]}a" if mark in ("ª", "a") else words


ITALIAN = ReadingRules(
    language="it",
    group="[.']",
    months=_MONTHS,
    comma="virgola",
    minus="meno",
    to="a",
    articles=("un", "una"),
    feminine=frozenset("ora tonnellata sterlina caloria chilocaloria".split()),
    units={
        "km/h": "chilometro all'ora|chilometri all'ora", "m/s": "metro al secondo|metri al secondo",
        "kWh": "chilowattora", "km²": "chilometro quadrato|chilometri quadrati",
        "m²": "metro quadrato|metri quadrati", "mq": "metro quadrato|metri quadrati", "m³": "metro cubo|metri cubi",
        "km": "chilometro|chilometri", "m": "metro|metri", "cm": "centimetro|centimetri", "mm": "millimetro|millimetri",
        "kg": "chilo|chili", "mg": "milligrammo|milligrammi", "g": "grammo|grammi", "t": "tonnellata|tonnellate",
        "l": "litro|litri", "L": "litro|litri", "ml": "millilitro|millilitri", "°C": "grado Celsius|gradi Celsius",
        "°F": "grado Fahrenheit|gradi Fahrenheit", "°": "grado|gradi", "%": "per cento", "‰": "per mille",
        "h": "ora|ore", "min": "minuto|minuti", "s": "secondo|secondi", "ms": "millisecondo|millisecondi",
        "W": "watt", "kW": "chilowatt", "V": "volt", "Hz": "hertz", "kHz": "chilohertz", "MHz": "megahertz",
        "GHz": "gigahertz", "kB": "kilobyte", "MB": "megabyte", "GB": "gigabyte", "TB": "terabyte",
        "dB": "decibel", "kcal": "chilocaloria|chilocalorie", "hPa": "ettopascal", "ha": "ettaro|ettari",
    },
    currencies={
        "€": ("euro", "centesimo|centesimi"), "EUR": ("euro", "centesimo|centesimi"),
        "$": ("dollaro|dollari", "centesimo|centesimi"), "USD": ("dollaro|dollari", "centesimo|centesimi"),
        "£": ("sterlina|sterline", "penny|pence"), "CHF": ("franco svizzero|franchi svizzeri", "centesimo|centesimi"),
        "¥": ("yen", "sen"),
    },
    money_joint="e ",
    of="di {}",
    scales={
        "milioni": "milione|milioni", "milione": "milione|milioni", "mln": "milione|milioni",
        "miliardi": "miliardo|miliardi", "miliardo": "miliardo|miliardi", "mld": "miliardo|miliardi",
    },
    abbreviations={
        "sig.": "signor", "Sig.": "signor", "sig.ra": "signora", "Sig.ra": "signora", "sig.na": "signorina",
        "dott.": "dottor", "Dott.": "dottor", "dott.ssa": "dottoressa", "Dott.ssa": "dottoressa", "dr.": "dottor",
        "Dr.": "dottor", "prof.": "professor", "Prof.": "professor", "prof.ssa": "professoressa", "ing.": "ingegner",
        "avv.": "avvocato", "ecc.": "eccetera", "etc.": "eccetera", "p. es.": "per esempio", "p.es.": "per esempio",
        "es.": "esempio", "ad es.": "ad esempio", "pag.": "pagina", "pagg.": "pagine", "n.": "numero", "nr.": "numero",
        "tel.": "telefono", "Tel.": "telefono", "ca.": "circa", "cfr.": "confronta", "cap.": "capitolo",
        "fig.": "figura", "p.zza": "piazza", "P.zza": "piazza", "v.le": "viale", "a.C.": "avanti Cristo",
        "d.C.": "dopo Cristo", "max.": "massimo", "min.": "minimo", "km/h": "chilometri all'ora", "S.": "San",
        "vs.": "contro",
    },
    signs={
        "&": "e", "%": "per cento", "€": "euro", "$": "dollari", "§": "paragrafo", "+": "più", "=": "uguale",
        "×": "per", "→": "a", "½": "mezzo", "¼": "un quarto", "¾": "tre quarti", "°": "gradi",
    },
    in_addresses={".": "punto", "/": "barra", "-": "trattino", "_": "trattino basso", "@": "chiocciola"},
    clock=r" ?h\b",
    hour="(?!)",
    date=_date,
    between_date="",
    time=_time,
    ordinal=(
        r"(?P<n>[IVXLC]+\b|\d{1,3}(?=[ªº]|°(?= (?!a |e |in |di |per |con |oggi |ieri |ora )[a-z])))(?P<mark>[ªº°])?"
    ),
    rank=_rank,
)  # fmt: skip
