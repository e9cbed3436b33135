"""How Spanish is read aloud; see `speech.text.reading_rules`."""

from __future__ import annotations

import re

from num2words import num2words  # type: ignore[import-untyped]

from speech.text.reading_rules import Match, ReadingRules
from speech.text.roman import roman_number

_MONTHS = ("enero", "febrero", "marzo", "abril", "mayo", "junio", "julio",
           "agosto", "septiembre", "octubre", "noviembre", "diciembre")  # fmt: skip
_BEFORE_CENTURY = re.compile(r"(?:siglos?|capítulo|tomo|Luis|Carlos|Felipe|Alfonso|Juan|Pío) \Z", re.I)


def _number(number: int) -> str:
    return str(num2words(number, lang="es"))


def _date(day: int, month: int, year: int | None, before: str) -> str:
    return f"{_number(day)} de {_MONTHS[month - 1]}" + (f" de {_number(year)}" if year else "")


def _time(hour: int, minute: int) -> str:
    hours = "una" if hour == 1 else re.sub("uno$", "una", _number(hour))
    if not minute:
        return hours
    if 1 <= hour <= 12 and minute in (15, 30):
        return f"{hours} y {'cuarto' if minute == 15 else 'media'}"
    return f"{hours} {'y ' if hour <= 12 and minute < 30 else ''}{_number(minute)}"


def _rank(match: Match) -> str | None:
    written, mark = match["n"], match["mark"] or ""
    if not written.isdecimal():
        before = match.string[max(match.start() - 24, 0) : match.start()]
        number = roman_number(written) if _BEFORE_CENTURY.search(before) else 0
        return _number(number) if number > 10 else _ordinal(number, "") if number else None
    return _ordinal(int(written), mark)


def _ordinal(number: int, mark: str) -> str:
    words = str(num2words(number, lang="es", to="ordinal"))
    if "er" in mark and words.endswith("ero"):
        return words[:-1]
    return f"{words[:-1]}a" if "ª" in mark or mark.endswith("a") else words


def _counted(words: str) -> str:
    """Before a masculine noun: "veintiún kilómetros", "treinta y un días"."""
    return re.sub(r"\buno$", "un", re.sub(r"veintiuno$", "veintiún", words))


SPANISH = ReadingRules(
    language="es",
    group="[. ]",
    months=_MONTHS,
    comma="coma",
    minus="menos",
    to="a",
    articles=("un", "una"),
    feminine=frozenset("hora tonelada libra caloría kilocaloría".split()),
    units={
        "km/h": "kilómetro por hora|kilómetros por hora", "m/s": "metro por segundo|metros por segundo",
        "kWh": "kilovatio hora|kilovatios hora", "km²": "kilómetro cuadrado|kilómetros cuadrados",
        "m²": "metro cuadrado|metros cuadrados", "m³": "metro cúbico|metros cúbicos", "km": "kilómetro|kilómetros",
        "m": "metro|metros", "cm": "centímetro|centímetros", "mm": "milímetro|milímetros", "kg": "kilo|kilos",
        "mg": "miligramo|miligramos", "g": "gramo|gramos", "t": "tonelada|toneladas", "l": "litro|litros",
        "L": "litro|litros", "ml": "mililitro|mililitros", "°C": "grado Celsius|grados Celsius",
        "°F": "grado Fahrenheit|grados Fahrenheit", "°": "grado|grados", "%": "por ciento", "‰": "por mil",
        "h": "hora|horas", "min": "minuto|minutos", "s": "segundo|segundos", "ms": "milisegundo|milisegundos",
        "W": "vatio|vatios", "kW": "kilovatio|kilovatios", "V": "voltio|voltios", "Hz": "hercio|hercios",
        "kHz": "kilohercio|kilohercios",
        "MHz": "megahercio|megahercios", "GHz": "gigahercio|gigahercios", "kB": "kilobyte|kilobytes",
        "MB": "megabyte|megabytes", "GB": "gigabyte|gigabytes", "TB": "terabyte|terabytes",
        "dB": "decibelio|decibelios", "kcal": "kilocaloría|kilocalorías", "hPa": "hectopascal|hectopascales",
        "ha": "hectárea|hectáreas",
    },
    currencies={
        "€": ("euro|euros", "céntimo|céntimos"), "EUR": ("euro|euros", "céntimo|céntimos"),
        "$": ("dólar|dólares", "centavo|centavos"), "USD": ("dólar|dólares", "centavo|centavos"),
        "£": ("libra|libras", "penique|peniques"), "CHF": ("franco suizo|francos suizos", "céntimo|céntimos"),
        "¥": ("yen|yenes", "sen"),
    },
    money_joint="con ",
    of="de {}",
    scales={"millones": "millón|millones", "millón": "millón|millones", "M": "millón|millones", "mil": "mil"},
    abbreviations={
        "Sr.": "señor", "Sra.": "señora", "Srta.": "señorita", "Sres.": "señores", "Dr.": "doctor", "Dra.": "doctora",
        "D.": "don", "Dña.": "doña", "Ud.": "usted", "Uds.": "ustedes", "Vd.": "usted", "EE. UU.": "Estados Unidos",
        "EE.UU.": "Estados Unidos", "p. ej.": "por ejemplo", "p.ej.": "por ejemplo", "etc.": "etcétera",
        "aprox.": "aproximadamente", "núm.": "número", "n.º": "número", "nº": "número", "pág.": "página",
        "págs.": "páginas", "tel.": "teléfono", "Tel.": "teléfono", "av.": "avenida", "Av.": "avenida", "c/": "calle",
        "C/": "calle", "a. C.": "antes de Cristo", "d. C.": "después de Cristo", "máx.": "máximo", "mín.": "mínimo",
        "prof.": "profesor", "Prof.": "profesor", "Sta.": "santa", "Sto.": "santo", "km/h": "kilómetros por hora",
        "vs.": "contra",
    },
    signs={
        "&": "y", "%": "por ciento", "€": "euros", "$": "dólares", "§": "párrafo", "+": "más", "=": "igual a",
        "×": "por", "→": "a", "½": "medio", "¼": "un cuarto", "¾": "tres cuartos", "°": "grados",
    },
    in_addresses={".": "punto", "/": "barra", "-": "guion", "_": "guion bajo", "@": "arroba"},
    clock=r" ?h(?:s|oras)?\b",
    hour="(?!)",
    date=_date,
    between_date="(?:de )?",
    time=_time,
    ordinal=(
        r"(?P<n>[IVXLC]+\b|\d{1,3}(?=\.?[ºª]|\.?(?:er|o|a)\b|°(?= (?!a |y |en |de |por |con )[a-z])))"
        r"(?P<mark>\.?(?:[ºª°]|er\b|o\b|a\b))?"
    ),
    rank=_rank,
    phone=2,
    counted=_counted,
)  # fmt: skip
