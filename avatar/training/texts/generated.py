"""English put together by chance: sentences of a small grammar, questions, lists, numbers, letters and syllables.

The words are chosen for their sounds, so that every phoneme is heard in many places.
"""

from __future__ import annotations

import random

_SUBJECTS = (
    "my brother", "the teacher", "a young woman", "everybody", "the boss", "our neighbour", "the people", "you and I",
    "the whole family", "that farmer", "a wise old man", "Bob", "Emma", "the judge", "the visitors", "a few of them",
    "somebody", "the shopkeeper", "both of us", "the prime minister", "those children", "Thomas", "Rebecca", "the band",
)  # fmt: skip
_VERBS = (
    "brought", "remembered", "wants to buy", "will have to move", "should watch", "used to love", "may choose",
    "put away", "forgot", "found", "showed us", "talked about", "asked for", "could never imagine", "was happy with",
    "threw out", "likes", "painted", "opened", "lost", "would rather have", "measured", "carried", "knew", "hid", "saw",
)  # fmt: skip
_OBJECTS = (
    "the big blue boat", "a bowl of fresh fruit", "the paper map", "five purple shirts", "the old piano", "a warm bath",
    "the third chapter", "some new shoes", "the garden behind the house", "an awful noise", "the television",
    "a beautiful view", "the wrong number", "a cup of coffee", "your umbrella", "the broken bottle", "this whole thing",
    "the orange juice", "a very thick book", "the yellow lamp", "that funny joke", "the moon over the water",
    "a pair of gloves", "the first few words", "my mother's ring", "a loaf of bread", "the weather", "chess and cards",
)  # fmt: skip
_ENDINGS = (
    "this morning", "before lunch", "for a while", "without a word", "at the market", "in the village", "every evening",
    "because of the rain", "by the river", "on Wednesday", "when the bus arrived", "with both hands", "so far", "again",
    "after the show", "from the beginning", "in the middle of the room", "for the last time", "if you ask me", "",
)  # fmt: skip
_OPENINGS = (
    "", "", "", "Well, ", "I think ", "You know, ", "Of course ", "Maybe ", "Yesterday ", "As far as I know, ", "Oh, ",
    "I hope ", "Apparently ", "Believe me, ", "To be fair, ", "In fact, ", "No, ", "Yes, ", "Why, ", "Perhaps ",
)  # fmt: skip

_CONSONANTS = "p b m f v th t d n l s z sh ch j k g r w y h".split()
_RHYMES = "ay ee y ow oo ah aw oy air eer ing ap eb im op ub ave eef ive ove oom atch esh ith ar or erm owl oil".split()

_WORDS = (
    "apple baby coffee dinner elephant family garden happy island judge kitchen lemon mother number office paper "
    "question river summer table umbrella village window yellow zebra bubble puppy mama papa maybe before above five "
    "seven eleven twelve thousand million red blue green white black north south east west left right stop start "
    "please thanks hello goodbye yes no maybe move bring push pull open close bath thumb mouth bishop father whisper "
    "wave leaf beef brave move love film bump lamp jump camp tempo robin ribbon cabin public problem probably member"
).split()

_ASKED = (
    "Did {subject} really {verb} {object}?", "Why would {subject} want {object}?", "Where can {subject} find {object}?",
    "Do you think {subject} likes {object}?", "How much is {object}, and who pays for it?",
    "Has anybody seen {object} {ending}?", "What would {subject} do with {object}?", "Is it true about {subject}?",
    "Who gave {object} to {subject}?", "Could {subject} bring {object} {ending}?",
)  # fmt: skip
_PLAIN_VERBS = "buy find paint move hide open carry measure borrow forget want break wash film polish save".split()
_EXCLAIMED = (
    "Look, {object}!", "Oh, how I love {object}!", "{subject} won {object}!", "Give {object} back!",
    "Not {object} again!", "What a mess {subject} made {ending}!", "Help, {subject} fell over {object}!",
)  # fmt: skip
_TOLD = (
    "First {subject} {verb} {object}, then {other} {second} it, and {ending} nobody knew where it was.",
    "{opening}{subject} {verb} {object}. {other} didn't mind. But {ending}, everything changed.",
    "When {subject} came home {ending}, {object} was gone. Had {other} taken it? Perhaps.",
    "{subject} said that {other} {verb} {object}, which I find hard to believe.",
    "If {subject} {verb} {object}, {other} will be happy. If not, well, too bad.",
    "There was {object} on the table. {subject} looked at it, {other} looked away, and I went to bed.",
)  # fmt: skip
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip


def sentence(draw: random.Random) -> str:
    """Somebody did something: a statement, at times with the tone of a question or a call."""
    parts = (draw.choice(_SUBJECTS), draw.choice(_VERBS), draw.choice(_OBJECTS), draw.choice(_ENDINGS))
    text = (draw.choice(_OPENINGS) + " ".join(part for part in parts if part)).strip()
    return _capital(text) + draw.choice((".", ".", ".", ".", "?", "!"))


def question(draw: random.Random) -> str:
    """A question of one of a few patterns."""
    return _filled(draw.choice(_ASKED), draw, draw.choice(_PLAIN_VERBS))


def exclamation(draw: random.Random) -> str:
    """A call of one of a few patterns."""
    return _filled(draw.choice(_EXCLAIMED), draw, draw.choice(_VERBS))


def tale(draw: random.Random) -> str:
    """Two or three clauses that hang together, more or less."""
    return _filled(draw.choice(_TOLD), draw, draw.choice(_VERBS))


def numbers(draw: random.Random) -> str:
    """Something with figures: a date, a time, a price, a telephone number, a sum, a countdown."""
    few, many = draw.randint(2, 12), draw.randint(13, 4999)
    return draw.choice(
        (
            f"The meeting is on {draw.choice(_MONTHS)} {draw.randint(1, 28)}, at half past {few}.",
            f"It costs {draw.randint(2, 99)} dollars and {draw.randint(5, 95)} cents, or {many} a year.",
            "My number is " + ", ".join(" ".join(str(draw.randint(0, 9)) for _ in "123") for _ in "123") + ".",
            f"{few} plus {draw.randint(2, 40)} makes {draw.randint(20, 60)}, doesn't it?",
            f"In {draw.randint(1400, 2030)} about {many} people lived here, {few} percent of them farmers.",
            f"Room {draw.randint(100, 999)} is on the {draw.choice(('first', 'fifth', 'eleventh', 'twelfth'))} floor.",
            f"Bus {draw.randint(1, 99)} leaves at {draw.randint(1, 12)} {draw.randint(10, 59)} from platform {few}.",
            "Ten, nine, eight, seven, six, five, four, three, two, one!",
            ", ".join(str(draw.randint(0, 120)) for _ in range(draw.randint(3, 6))) + ".",
        )
    )


def word_list(draw: random.Random) -> str:
    """Words, things or letters one after the other."""
    kind = draw.random()
    if kind < 0.4:
        return _capital(", ".join(draw.choice(_WORDS) for _ in range(draw.randint(3, 7)))) + "."
    if kind < 0.75:
        *some, last = (draw.choice(_OBJECTS) for _ in range(draw.randint(3, 5)))
        return f"We need {', '.join(some)}, and {last}."
    return " ".join(draw.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ") + "," for _ in range(draw.randint(4, 7)))


def syllables(draw: random.Random) -> str:
    """Nonsense that brings every consonant before every rhyme."""
    return " ".join(draw.choice(_CONSONANTS) + draw.choice(_RHYMES) for _ in range(draw.randint(4, 8))) + "."


def _filled(pattern: str, draw: random.Random, verb: str) -> str:
    subject, other = draw.sample(_SUBJECTS, 2)
    text = pattern.format(
        subject=subject,
        other=other,
        verb=verb,
        second=draw.choice(_VERBS),
        object=draw.choice(_OBJECTS),
        ending=draw.choice(_ENDINGS),
        opening=draw.choice(_OPENINGS),
    )
    text = " ".join(text.split()).replace(" ?", "?").replace(" !", "!").replace(" ,", ",").replace(" .", ".")
    for stop in (". ", "? "):
        text = stop.join(_capital(part) for part in text.split(stop))
    return text


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
