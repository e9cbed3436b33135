"""Abbreviations with a point: how each is read, and whether a sentence may end with it.

The one table for the reader (`speech.text.spoken_english`) and for whatever cuts text into sentences
(`agent.text.sentences`), so that what is read as a title is never cut from its name.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable


class Place(enum.Enum):
    """Where an abbreviation stands, which decides whether its point can be a full stop as well."""

    BEFORE_NAME = enum.auto()
    """A title: a name or a number follows, whatever its first letter; a sentence ends with it only where text ends."""
    BEFORE_NUMBER = enum.auto()
    """Short for something only if a number follows; else it is a word with a full stop ("No.", "fig.")."""
    INSIDE = enum.auto()
    """Something always follows: "e.g.", "vs."."""
    LAST = enum.auto()
    """May end a sentence, and does if the next word usually begins one: "Inc.", "p.m.", "Ave."."""
    END = enum.auto()
    """Ends one before any capital letter: "etc."."""


_READ: dict[Place, dict[str, str]] = {
    Place.BEFORE_NAME: {
        "Dr.": "Doctor", "Mr.": "Mister", "Mrs.": "Missis", "Ms.": "Miz", "Mx.": "Mix", "Prof.": "Professor",
        "St.": "Saint", "Ste.": "Sainte", "Mt.": "Mount", "Mts.": "Mountains", "Ft.": "Fort", "Pt.": "Point",
        "Gen.": "General", "Col.": "Colonel", "Maj.": "Major", "Capt.": "Captain", "Lt.": "Lieutenant",
        "Sgt.": "Sergeant", "Cpl.": "Corporal", "Pvt.": "Private", "Adm.": "Admiral", "Cmdr.": "Commander",
        "Rev.": "Reverend", "Fr.": "Father", "Msgr.": "Monsignor", "Hon.": "Honourable", "Gov.": "Governor",
        "Sen.": "Senator", "Rep.": "Representative", "Pres.": "President", "Supt.": "Superintendent",
        "Det.": "Detective", "Insp.": "Inspector", "Messrs.": "Messieurs", "Mme.": "Madame", "Mlle.": "Mademoiselle",
        "Sra.": "Señora", "Srta.": "Señorita",
    },
    Place.BEFORE_NUMBER: {
        "No.": "Number", "no.": "number", "Nos.": "Numbers", "nos.": "numbers", "Nr.": "Number", "nr.": "number",
        "Fig.": "Figure", "fig.": "figure", "Figs.": "Figures", "figs.": "figures", "Vol.": "Volume", "vol.": "volume",
        "Vols.": "Volumes", "Ch.": "Chapter", "ch.": "chapter", "Sec.": "Section", "sec.": "section",
        "Sect.": "Section",
        "Eq.": "Equation", "eq.": "equation", "Art.": "Article", "art.": "article", "p.": "page", "pp.": "pages",
        "Max.": "Maximum", "max.": "maximum", "Min.": "Minimum", "min.": "minimum", "Ext.": "Extension",
        "ext.": "extension", "Tel.": "Telephone", "tel.": "telephone", "Apt.": "Apartment", "apt.": "apartment",
        "Rm.": "Room", "rm.": "room", "Bldg.": "Building", "c.": "circa", "ver.": "version", "Rs.": "rupees",
        "Op.": "Opus", "op.": "opus", "ft.": "feet", "lb.": "pounds",
        "lbs.": "pounds", "oz.": "ounces", "hrs.": "hours",
    },
    Place.INSIDE: {
        "e.g.": "for example", "i.e.": "that is", "cf.": "compare", "viz.": "namely", "vs.": "versus", "v.": "versus",
        "approx.": "approximately", "Approx.": "Approximately", "ca.": "circa", "incl.": "including",
        "Incl.": "Including", "excl.": "excluding", "resp.": "respectively",
    },
    Place.LAST: {
        "Jr.": "Junior", "Sr.": "Senior", "Esq.": "Esquire", "Inc.": "Incorporated", "Ltd.": "Limited",
        "Corp.": "Corporation", "Co.": "Company", "Bros.": "Brothers", "Dept.": "Department", "dept.": "department",
        "Univ.": "University", "Assn.": "Association", "Est.": "Established", "est.": "established",
        "govt.": "government", "misc.": "miscellaneous", "tsp.": "teaspoons", "tbsp.": "tablespoons",
        "Ave.": "Avenue", "Rd.": "Road", "Blvd.": "Boulevard", "Ln.": "Lane", "Pl.": "Place", "Sq.": "Square",
        "Hwy.": "Highway", "Pkwy.": "Parkway", "Ct.": "Court", "Terr.": "Terrace",
        "Ph.D.": "P.H.D", "M.Sc.": "M.S.C", "B.Sc.": "B.S.C", "et al.": "and others", "al.": "al",
        "Jan.": "January", "Feb.": "February", "Mar.": "March", "Apr.": "April", "Jun.": "June", "Jul.": "July",
        "Aug.": "August", "Sep.": "September", "Sept.": "September", "Oct.": "October", "Nov.": "November",
        "Dec.": "December", "Mon.": "Monday", "Tue.": "Tuesday", "Tues.": "Tuesday", "Wed.": "Wednesday",
        "Thu.": "Thursday", "Thur.": "Thursday", "Thurs.": "Thursday", "Fri.": "Friday", "Sat.": "Saturday",
        "Sun.": "Sunday",
    },
    Place.END: {"etc.": "et cetera", "Etc.": "Et cetera"},
}  # fmt: skip

# German, French, Spanish, Italian, known so that a sentence isn't cut after them; `speech.text.reading_rules` reads
# them.
_OTHER_LANGUAGES = (
    "bzw. usw. bspw. evtl. ggf. z.B. d.h. u.a. Hr. Fr. Str. inkl. zzgl. Abb. Kap. Mio. Mrd. av. apr. env. tél. Dra. "
    "Sres. Ud. Uds. EE. pág. págs. núm. tel. máx. mín. dott. Dott. sig. Sig. pag. pagg. avv. ing. cap."
)

ABBREVIATIONS: dict[str, str] = {written: spoken for read in _READ.values() for written, spoken in read.items()}
"""As written → as read."""

_PLACES = {
    **dict.fromkeys(_OTHER_LANGUAGES.split(), Place.INSIDE),
    **{written: place for place, read in _READ.items() for written in read},
}
# Without regard to case only where no ordinary word is meant: "the sun.", "I sat.", "general col."
_ANY_CASE = {
    written.lower(): written
    for written in (
        "Dr. Mr. Mrs. Ms. Prof. St. Mt. Sgt. Capt. Lt. Jr. Sr. Inc. Ltd. Corp. e.g. i.e. vs. etc. approx. Ph.D.".split()
    )
}

_STARTERS = frozenset(
    """A After All Also Although Always An And Another Any Are As Ask At Be Because Before Both But By Call Can Come
    Could Did Do Does Don't During Each Either Even Every Everybody Everyone Everything Few Finally First For From Go
    Had Has Have He Hello Her Here Hers Hi His How However I I'd I'll I'm I've If In Instead Is It It's Its Just Keep
    Last Later Let Let's Like Look Make Many Maybe Me Meanwhile More Most Much My Neither Never Next No Nobody None Nor
    Not Nothing Now Of Often Oh OK Okay On Once One Only Or Other Others Our Over People Perhaps Please Rather Right
    See Several Shall She She's Should Since So Some Someone Something Sometimes Soon Still Such Sure Take Tell Thank
    Thanks That That's The Their Them Then There There's Therefore These They They're This Those Though Three Through
    Thus To Today Together Tomorrow Tonight Too Try Turn Two Under Unfortunately Unless Until Up Use Very Wait Was We
    We're Well Were What What's When Where Whether Which While Who Whose Why Will With Without Would Yes Yesterday Yet
    You You're Your""".split()
)
"""Words that begin sentences, and hardly ever names."""

_NEXT_WORD = re.compile(r"[\s\"'“‘«(\[*_]*+([^\W\d_]+(?:['’][a-z]+)?+)(\.?)")
# "z. B.", "v. Chr."; "am 3. Oktober", "im 2. Stock": German ranks have a point.
_HALF_OF_ABBREVIATION = re.compile(r"\s[A-Z][a-z]{0,2}\.")
_RANK = re.compile(r"\d{1,2}\.")
_BEFORE_RANK = re.compile(r"\b(?:[Aa]m|[Vv]om|[Zz]um|[Ii]m|[Bb]eim|[Dd](?:er|ie|as|em|en|es)) $")
_GERMAN_MONTH = re.compile(
    r"\s+(?:Januar|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember)\b"
)
_MANY_POINTS = re.compile(r"(?:[^\W\d_]\.){2,}")
_HALF_OF_DAY = re.compile(r"[ap]\.m\.", re.IGNORECASE)
# "5 p.m. Eastern Time", "at 9 a.m. Monday": the time goes on.
_AFTER_TIMES = re.compile(
    r"\s*+(?:[A-Z]{2,4}\b|Eastern|Central|Mountain|Pacific|Greenwich|(?:Sun|Mon|Tues|Wednes|Thurs|Fri|Satur)day"
    r"|January|February|March|April|May|June|July|August|September|October|November|December)"
)
_BEFORE_NUMBER = re.compile(r"\s*+(?:#?\d|(?:[IVXLC]{2,}|[VX])\b)")
_SAINTS = frozenset(
    """Agnes Albans Andrew Andrews Anne Anthony Augustine Barbara Bartholomew Benedict Bernard Brendan Brigid Catherine
    Catharines Cecilia Charles Christopher Clair Clara Clare Cloud Croix David Davids Denis Dominic Edmund Elizabeth
    Emilion Etienne Exupéry Francis Gabriel Gallen George Georges Germain Gilles Giles Gregory Helena Helens Hubert
    Ignatius Ives James Jerome Joan John Johns Joseph Jude Kilda Kitts Lawrence Leo Louis Lucia Luke Maarten Malo
    Margaret Maria Mark Martin Mary Matthew Maurice Maximilian Michael Moritz Nazaire Nicholas Olaf Pancras Patrick
    Paul Pauli Peter Peters Petersburg Philip Pölten Raphael Rita Sebastian Simon Stephen Teresa Theresa Thomas Tropez
    Ursula Valentine Vincent Vitus Xavier""".split()
)
# After these a capital "St." or "Dr." still belongs to the name behind it: "Mount St. Helens", "Hello Dr. Smith".
_NOT_A_STREET = frozenset("Mount Lake Port Fort Cathedral Church Hospital Old New North South East West".split())
_NAME = re.compile(r"[NSEW]\.?|[A-Z][\w'’-]*|\d+(?:st|nd|rd|th)")
_HOUSE_NUMBER = re.compile(r"\d+[A-Za-z]?")
_BEFORE_STREETS = frozenset("on at along down off to from of in and".split())
_LONGEST_LOOK_BACK = 80
_LONGEST_STREET = 4


def find_abbreviation(written: str) -> str | None:
    """The entry of the table that a word with its point is: "PROF." → "Prof."; None where it is not in it."""
    if written in _PLACES:
        return written
    return _ANY_CASE.get(written.lower())


def may_be_abbreviation(written: str) -> bool:
    """Whether what follows decides if the point of this word is a full stop: "St.", "J.", "U.S.", but not "end."."""
    is_initial = len(written) == 2 and written[0].isupper()
    is_rank = _RANK.fullmatch(written) is not None
    return (
        is_initial or is_rank or find_abbreviation(written) is not None or _MANY_POINTS.fullmatch(written) is not None
    )


def has_common_word(words: Iterable[str]) -> bool:
    """Whether one of these is a word like "the" or "you", in capitals or not: then they are a sentence, not names."""
    return any(word.capitalize() in _STARTERS for word in words)


def begins_sentence(following: str) -> bool:
    """Whether text that follows a point begins with a word that usually begins a sentence."""
    word = _NEXT_WORD.match(following)
    return word is not None and word[1].replace("’", "'") in _STARTERS and not (word[2] and len(word[1]) == 1)


def is_street(before: str, following: str) -> bool:
    """Whether "St." or "Dr." between these texts names a street: "12 Elm Dr.", not "Dr. Elm"."""
    if not before[-1:].isspace():
        return False
    words = before[-_LONGEST_LOOK_BACK:].split()
    names: list[str] = []
    while words and len(names) < _LONGEST_STREET and _NAME.fullmatch(words[-1]):
        names.append(words.pop())
    if not names:
        return False
    preceding = words[-1] if words else ""
    if _HOUSE_NUMBER.fullmatch(preceding) or names[-1][0].isdigit():
        return True
    if names[0] in _NOT_A_STREET or names[0] in _STARTERS or find_abbreviation(names[0]) is not None:
        return False
    word = _NEXT_WORD.match(following)
    is_named = word is not None and word[1][0].isupper() and not begins_sentence(following)
    return not is_named or (preceding in _BEFORE_STREETS and word is not None and word[1] not in _SAINTS)


def ends_sentence(written: str, before: str, following: str) -> bool | None:
    """Says whether the point of an abbreviation is a full stop as well.

    Args:
        written: the word with its point: "St.", "J.", "U.S.".
        before: the text before it; a few words are enough.
        following: the text after it, with at least one whole word of it, unless the text ends sooner.

    Returns:
        The answer; None where this is no abbreviation, but a word.
    """
    entry = find_abbreviation(written)
    if entry is not None and _PLACES[entry] is Place.BEFORE_NUMBER:
        return False if _BEFORE_NUMBER.match(following) else None
    if not following.strip():
        return True if entry or _MANY_POINTS.fullmatch(written) else None
    if entry is None:
        if _HALF_OF_DAY.fullmatch(written):
            return _starts_with_capital(following) and not _AFTER_TIMES.match(following)
        if _MANY_POINTS.fullmatch(written):
            return begins_sentence(following)
        if len(written) == 2 and written[0].isalpha() and written[0].isupper():  # an initial: "J. R. R. Tolkien"
            return begins_sentence(following)
        if len(written) == 2 and written.islower() and _HALF_OF_ABBREVIATION.match(following):
            return False
        if _RANK.fullmatch(written):
            is_rank = _BEFORE_RANK.search(before) and not begins_sentence(following)
            return False if is_rank or _GERMAN_MONTH.match(following) else None
        return None
    place = _PLACES[entry]
    if entry in ("St.", "Dr.") and is_street(before, following):
        place = Place.LAST
    match place:
        case Place.BEFORE_NAME | Place.INSIDE:
            return False
        case Place.LAST:
            return begins_sentence(following)
    return _starts_with_capital(following)


def _starts_with_capital(following: str) -> bool:
    word = _NEXT_WORD.match(following)
    return word is not None and word[1][0].isupper()
