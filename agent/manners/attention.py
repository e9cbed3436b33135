"""Whether what was heard is meant for the avatar: by a wake phrase, by its name, or by nobody else's.

What can't be told from words is not guessed: two voices that talk with each other, without a name, sound like one that
talks to the avatar. Where several people are in the room, `room` has it answer only who calls it, or goes on with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from agent.countdown import Countdown
from agent.text.avatar_name import strip_avatar_name
from agent.text.letter_to_sound import phrase_sounds
from agent.text.phonetic_similarity import encode, similarity
from agent.text.words import COMMON_WORDS, QUESTION_WORDS, STOP_WORDS, tokens

_SAME_PHRASE = 0.74
"""From this likeness on what was said is the wake phrase: "Hey, mirror", "hey Mila" for "hey Mira"."""
_MAYBE_ITS_NAME = 0.45
"""From this likeness on a name that is called may be the avatar's, misheard or misremembered."""
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_CALLED = re.compile(
    r"^\W*(?:(?i:hey|hi|hello|okay|ok|so|hallo|salut|hola|ciao)[\s,]+)?(?P<name>[^\W\d_a-z][\w'’-]+)\s*,\s*(?=\w)",
)
_TO_ANOTHER = re.compile(
    r"\b(?:you|your|you're|you've|yours|du|dich|dir|dein\w*|tu|te|toi|ton|ta|vous|ti|tuo|tua|tus?)\b"
    r"|^(?:come|look|give|tell|take|bring|get|let's|don't|wait|pass|hold|put|call|stop|listen)\b"
    r"|^(?:komm|gib|schau|nimm|viens|regarde|ven|mira|vieni|guarda)\b",
    re.IGNORECASE,
)
_NO_NAMES = STOP_WORDS | QUESTION_WORDS | COMMON_WORDS | frozenset(
    """no yes nope actually sorry thanks thank hello hi hey good great honestly basically sure fine right first
    second finally maybe perhaps alright anyway however excuse pardon listen look today tomorrow yesterday
    tonight monday tuesday wednesday thursday friday saturday sunday january february march april may june
    july august september october november december german english french spanish italian ja nein also gut
    danke bitte entschuldigung hallo guten oui non bonjour merci bon alors sí si no hola bueno gracias perdón
    sì ciao grazie scusa allora buongiorno morgen heute""".split()
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class AttentionSettings:
    """When it answers.

    Attributes:
        name: what the avatar calls itself.
        wake_phrase: nothing is answered until this was heard; "" for none.
        room: only who calls it by its name is answered, or goes on with it.
        awake_s: so long after its answer somebody may go on without phrase or name.
    """

    name: str
    wake_phrase: str = ""
    room: bool = False
    awake_s: float = 30.0


class Attention:
    """Who is spoken to, in one conversation.

    Args:
        settings: when it answers.
        is_known: whether the knowledge speaks of a word: it is then no name of somebody in the room.
        on_changed: called when it may have fallen asleep, or woken up.
    """

    def __init__(
        self, settings: AttentionSettings, is_known: Callable[[str], bool], on_changed: Callable[[], None]
    ) -> None:
        self._settings, self._is_known, self._on_changed = settings, is_known, on_changed
        self._needs_call = bool(settings.wake_phrase) or settings.room
        self._countdown = Countdown(self.sleep)
        self._is_called = False

    @property
    def call(self) -> str:
        """What somebody says to wake it; "" where nothing is needed."""
        return (self._settings.wake_phrase or self._settings.name) if self._needs_call else ""

    @property
    def is_awake(self) -> bool:
        """Whether somebody may speak to it without phrase or name."""
        return self._is_called or not self._needs_call

    def wake(self) -> None:
        """Somebody speaks to it, and is answered, which may take long: it stays awake until `stay` says how long."""
        if self._needs_call:
            self._is_called = True
            self._countdown.stop()
            self._on_changed()

    def stay(self) -> None:
        """It has answered: who goes on is heard without phrase or name."""
        if self._needs_call:
            self._is_called = True
            self._countdown.start(self._settings.awake_s)
            self._on_changed()

    def sleep(self) -> None:
        """Nobody goes on, or somebody said goodbye."""
        self._is_called = False
        self._countdown.stop()
        self._on_changed()

    def close(self) -> None:
        """The conversation is over."""
        self._needs_call = False
        self._countdown.stop()

    def addressed(self, words: str) -> str | None:
        """What is said to the avatar, without the wake phrase; None where it is not meant; "" where it was only called.

        Changes nothing; `wake` does.
        """
        settings = self._settings
        if settings.wake_phrase and (rest := after_phrase(words, settings.wake_phrase)) is not None:
            return rest
        if self.is_awake:
            return None if self._calls_another(words) else words
        return words if not settings.wake_phrase and self._calls_me(words) else None

    def _calls_me(self, words: str) -> bool:
        name = self._settings.name
        return strip_avatar_name(words, name, is_known=self._is_known) != words or tokens(words) == tokens(name)

    def _calls_another(self, words: str) -> bool:
        """Another person's name at the beginning, and then words for a person: "Peter, did you lock the car?"."""
        called = _CALLED.match(words)
        if called is None or not _TO_ANOTHER.search(words[called.end() :]):
            return False
        name = called["name"].lower()
        if name in _NO_NAMES or self._is_known(name):
            return False
        ours = encode([phrase_sounds(tokens(self._settings.name))])
        return float(similarity(ours, encode([phrase_sounds([name])]))[0]) < _MAYBE_ITS_NAME


def after_phrase(words: str, phrase: str) -> str | None:
    """What follows the wake phrase, at the beginning of an utterance or in it after a pause; None without it."""
    wanted = tokens(phrase)
    found = list(_WORD.finditer(words))
    pattern = encode([phrase_sounds(wanted)])
    best, end = 0.0, 0
    for first in range(len(found)):
        if first and not re.search(r"[.,!?;:]\s*$", words[: found[first].start()]):
            continue
        for count in range(max(1, len(wanted) - 1), len(wanted) + 2):
            if first + count > len(found):
                break
            said = [token for match in found[first : first + count] for token in tokens(match[0])]
            likeness = float(similarity(pattern, encode([phrase_sounds(said)]))[0]) if said else 0.0
            if likeness > best:
                best, end = likeness, found[first + count - 1].end()
    return words[end:].lstrip(" ,.;:!?-–—") if best >= _SAME_PHRASE else None
