"""How French is read aloud; see `speech.text.reading_rules`."""

from __future__ import annotations

from num2words import num2words  # type: ignore[import-untyped]

from speech.text.reading_rules import Match, ReadingRules
from speech.text.roman import roman_number

_MONTHS = ("janvier", "février", "mars", "avril", "mai", "juin", "juillet",
           "août", "septembre", "octobre", "novembre", "décembre")  # fmt: skip


def _number(number: int) -> str:
    return str(num2words(number, lang="fr"))


def _date(day: int, month: int, year: int | None, before: str) -> str:
    first = "premier" if day == 1 else _number(day)
    return f"{first} {_MONTHS[month - 1]}" + (f" {_number(year)}" if year else "")


def _time(hour: int, minute: int) -> str:
    hours = _number(hour)
    words = f"{hours}{'e' if hours.endswith('un') else ''} heure{'s' if hour > 1 else ''}"
    return f"{words} {_number(minute)}" if minute else words


def _rank(match: Match) -> str | None:
    written = match["n"]
    number = int(written) if written.isdecimal() else roman_number(written)
    if not number:
        return None
    if number == 1:
        return "première" if match["mark"] in ("re", "ère") else "premier"
    return str(num2words(number, lang="fr", to="ordinal"))


FRENCH = ReadingRules(
    language="fr",
    group="[ .]",
    months=_MONTHS,
    comma="virgule",
    minus="moins",
    to="à",
    articles=("un", "une"),
    feminine=frozenset("seconde minute heure tonne livre milliseconde calorie kilocalorie".split()),
    units={
        "km/h": "kilomètre heure|kilomètres heure", "m/s": "mètre par seconde|mètres par seconde",
        "kWh": "kilowattheure|kilowattheures", "km²": "kilomètre carré|kilomètres carrés",
        "m²": "mètre carré|mètres carrés", "m³": "mètre cube|mètres cubes", "km": "kilomètre|kilomètres",
        "m": "mètre|mètres", "cm": "centimètre|centimètres", "mm": "millimètre|millimètres",
        "kg": "kilogramme|kilogrammes", "mg": "milligramme|milligrammes", "g": "gramme|grammes", "t": "tonne|tonnes",
        "l": "litre|litres", "L": "litre|litres", "cl": "centilitre|centilitres", "ml": "millilitre|millilitres",
        "°C": "degré Celsius|degrés Celsius", "°F": "degré Fahrenheit|degrés Fahrenheit", "°": "degré|degrés",
        "%": "pour cent", "‰": "pour mille", "min": "minute|minutes", "s": "seconde|secondes",
        "ms": "milliseconde|millisecondes", "W": "watt|watts", "kW": "kilowatt|kilowatts", "V": "volt|volts",
        "Hz": "hertz", "kHz": "kilohertz", "MHz": "mégahertz", "GHz": "gigahertz", "ko": "kilo-octet|kilo-octets",
        "Mo": "mégaoctet|mégaoctets", "Go": "gigaoctet|gigaoctets", "To": "téraoctet|téraoctets",
        "dB": "décibel|décibels", "kcal": "kilocalorie|kilocalories", "hPa": "hectopascal|hectopascals",
        "ha": "hectare|hectares",
    },
    currencies={
        "€": ("euro|euros", "centime|centimes"), "EUR": ("euro|euros", "centime|centimes"),
        "$": ("dollar|dollars", "cent|cents"), "USD": ("dollar|dollars", "cent|cents"),
        "£": ("livre|livres", "penny|pence"), "CHF": ("franc suisse|francs suisses", "centime|centimes"),
        "¥": ("yen|yens", "sen"),
    },
    money_joint="",
    of="de {}",
    scales={
        "millions": "million|millions", "million": "million|millions", "milliards": "milliard|milliards",
        "milliard": "milliard|milliards", "M": "million|millions", "Md": "milliard|milliards",
    },
    abbreviations={
        "M.": "monsieur", "MM.": "messieurs", "Mme": "madame", "Mmes": "mesdames", "Mlle": "mademoiselle",
        "Dr": "docteur", "Dr.": "docteur", "Pr": "professeur", "Me": "maître", "St": "saint", "Ste": "sainte",
        "p. ex.": "par exemple", "p.ex.": "par exemple", "c.-à-d.": "c'est-à-dire", "etc.": "et cetera",
        "env.": "environ", "av.": "avenue", "bd": "boulevard", "n°": "numéro", "N°": "numéro", "no.": "numéro",
        "tél.": "téléphone", "Tél.": "téléphone", "av. J.-C.": "avant Jésus-Christ",
        "apr. J.-C.": "après Jésus-Christ", "J.-C.": "Jésus-Christ", "max.": "maximum", "min.": "minimum",
        "km/h": "kilomètres heure", "SVP": "s'il vous plaît", "cf.": "voir", "vs": "contre",
    },
    signs={
        "&": "et", "%": "pour cent", "€": "euros", "$": "dollars", "§": "paragraphe", "+": "plus", "=": "égale",
        "×": "fois", "→": "vers", "½": "un demi", "¼": "un quart", "¾": "trois quarts", "°": "degrés",
    },
    in_addresses={".": "point", "/": "barre oblique", "-": "tiret", "_": "tiret bas", "@": "arobase"},
    clock=r" ?h\b",
    hour=r" ?h(?=\b| ?[0-5]\d\b)",
    date=_date,
    between_date="",
    time=_time,
    ordinal=(
        r"(?P<n>\d{1,4}|[IVXL]+(?=\w+ (?:siècle|République|Empire|arrondissement)))(?P<mark>er|re|ère|e|ème|è)\b"
    ),
    rank=_rank,
    phone=2,
)  # fmt: skip
