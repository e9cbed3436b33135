"""The Piper voices that `visavis fetch` knows, one or two a language; others are fetched by their names as well."""

from __future__ import annotations

import re

REPOSITORY = "rhasspy/piper-voices"
REVISION = "v1.0.0"
"""The release that all of Piper's own tools name."""

_SEE = "see MODEL_CARD"
"""A voice has the licence of the recordings it learnt from, which its MODEL_CARD names; it is fetched with it."""

_NAME = re.compile(r"(?P<family>[a-z]{2,3})_(?P<region>[A-Z]{2})-(?P<name>\w+)-(?P<quality>x_low|low|medium|high)")

VOICES: tuple[tuple[str, int, str, str, str], ...] = (
    ("en_US-joe-medium", 63_206_369, "American English, one man", "CC0", "the one that also comes in a package"),
    ("en_GB-alba-medium", 63_208_631, "British English, one woman", _SEE, ""),
    ("en_GB-alan-medium", 63_208_627, "British English, one man", _SEE, ""),
    ("de_DE-thorsten-medium", 63_208_502, "German, one man", "CC0", "the German one"),
    ("de_DE-kerstin-low", 63_110_750, "German, one woman", _SEE, ""),
    ("fr_FR-siwis-medium", 63_208_584, "French, one woman", "CC-BY-4.0", "the French one"),
    ("fr_FR-upmc-medium", 76_738_927, "French, a woman and a man", _SEE, ""),
    ("es_ES-davefx-medium", 63_208_490, "Spanish, one man", _SEE, "the Spanish one"),
    ("es_ES-sharvard-medium", 76_741_052, "Spanish, a man and a woman", _SEE, ""),
    ("it_IT-paola-medium", 0, "Italian, one woman", _SEE, "the Italian one"),
    ("pt_BR-faber-medium", 63_208_541, "Brazilian Portuguese, one man", _SEE, "the Portuguese one"),
    ("nl_BE-nathalie-medium", 63_208_587, "Dutch, one woman", _SEE, "the Dutch one"),
    ("pl_PL-gosia-medium", 63_208_488, "Polish, one woman", _SEE, "the Polish one"),
    ("pl_PL-darkman-medium", 63_208_492, "Polish, one man", _SEE, ""),
    ("ru_RU-irina-medium", 63_208_411, "Russian, one woman", _SEE, "the Russian one"),
    ("ru_RU-dmitri-medium", 63_208_491, "Russian, one man", _SEE, ""),
    ("uk_UA-ukrainian_tts-medium", 76_738_579, "Ukrainian, three speakers", _SEE, "the Ukrainian one"),
    ("cs_CZ-jirka-medium", 63_206_600, "Czech, one man", _SEE, "the Czech one"),
    ("hu_HU-anna-medium", 63_206_589, "Hungarian, one woman", _SEE, "the Hungarian one"),
    ("ro_RO-mihai-medium", 63_206_448, "Romanian, one man", _SEE, "the Romanian one"),
    ("el_GR-rapunzelina-low", 63_110_785, "Greek, one woman", _SEE, "the Greek one"),
    ("sv_SE-nst-medium", 63_110_783, "Swedish", _SEE, "the Swedish one"),
    ("da_DK-talesyntese-medium", 63_208_614, "Danish", _SEE, "the Danish one"),
    ("no_NO-talesyntese-medium", 63_208_618, "Norwegian", _SEE, "the Norwegian one"),
    ("fi_FI-harri-medium", 63_208_604, "Finnish, one man", _SEE, "the Finnish one"),
    ("tr_TR-fahrettin-medium", 63_206_595, "Turkish, one man", _SEE, "the Turkish one"),
    ("zh_CN-huayan-medium", 63_208_492, "Chinese, one woman", _SEE, "the Chinese one"),
)
"""Name, bytes of its files (0 where only the source knows), what it is, licence, and of a language's default, why."""


def piper_folder(name: str) -> str | None:
    """Where a voice is in the repository: "de_DE-thorsten-low" → "de/de_DE/thorsten/low"; None for what is no name."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    return f"{match['family']}/{match['family']}_{match['region']}/{match['name']}/{match['quality']}"


def piper_language(name: str) -> str:
    """The language of a voice's name: "de_DE-thorsten-medium" → "de"."""
    return name.partition("_")[0]
