"""What is done about words that concern the conversation itself, whatever the mind is.

words ─ attention: meant for the avatar? ─ intent ─ said again, slower, louder, in German, goodbye …
                                             └─ none: for the mind
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from agent.conversation.events import (
    AttentionChanged,
    ConversationForgotten,
    Event,
    SaidGoodbye,
    Say,
    TurnFinished,
    TypedText,
    UserWentOnAfterEnd,
)
from agent.conversation.reply import Unanswered
from agent.intents.intent import Intent, Kind
from agent.intents.understood import intent_of, language_name
from agent.manners.attention import Attention, AttentionSettings
from agent.manners.long_silence import LongSilence
from agent.manners.said import Said
from agent.text.languages import LANGUAGES, primary
from agent.text.phrases import Phrases
from agent.text.words import tokens
from speech.tts.adjusted import AdjustedVoice, Adjustment

PACE_STEP, SLOWEST, FASTEST = 0.84, 0.6, 1.7
"""Two steps slower are three quarters of the pace; below the slowest, speech falls apart."""
GAIN_STEP_DB, QUIETEST_DB, LOUDEST_DB = 5.0, -15.0, 15.0

_HUMS = frozenset("m mm mmm mh mhm hm hmm hmmm uh huh uhuh ah aha oh äh".split())

SwitchResult = Literal["switched", "same", "no_mind", "no_voice", "no_ears"]


class Languages(Protocol):
    """The languages of one conversation.

    Attributes:
        language: spoken now, such as "en".
    """

    language: str

    async def switch(self, language: str) -> SwitchResult:
        """Has voice and ears change to another language; whatever is missing, nothing changes.

        Args:
            language: its code, such as "de".
        """
        ...


class OneLanguage:
    """`Languages` where there is one: its code."""

    def __init__(self, language: str) -> None:
        self.language = language

    async def switch(self, language: str) -> SwitchResult:
        """Stays as it is."""
        return "same" if language == primary(self.language) else "no_voice"


@dataclass(frozen=True, slots=True)
class MannersSettings:
    """How somebody is treated.

    Attributes:
        attention: when it answers at all.
        offer_after_s: of silence, after which it says once that it is there; 0 for never.
        is_lesson: somebody is taught: what learners say of the lesson is the teacher's.
        keeps_names: the mind remembers who says their name, and answers that.
    """

    attention: AttentionSettings
    offer_after_s: float = 0.0
    is_lesson: bool = False
    keeps_names: bool = False


class ConversationManners:
    """The manners of one conversation; see `agent.conversation.reply.Manners`.

    Args:
        settings: how somebody is treated.
        voice: whose pace and loudness users may change.
        languages: in which they may speak.
        on_event: called with everything that the session tells, and with what happens here.
        is_known: whether the knowledge speaks of a word.

    Attributes:
        phrases: in the language that is spoken now.
    """

    def __init__(
        self,
        settings: MannersSettings,
        voice: AdjustedVoice,
        languages: Languages,
        *,
        on_event: Callable[[Event], None],
        is_known: Callable[[str], bool] = lambda word: False,
    ) -> None:
        self._settings, self._voice, self._languages, self._tell = settings, voice, languages, on_event
        self._attention = Attention(settings.attention, is_known, self._tell_attention)
        self._silence = LongSilence(settings.offer_after_s, lambda: self._is_quiet(), self._offer)
        self._say: Callable[[str], object]
        self._is_quiet: Callable[[], bool]
        self._known_name: Callable[[], str] = str
        self._is_claimed: Callable[[str], bool] = lambda words: False
        self.phrases = Phrases(languages.language)
        self._said = Said()
        self._own_name = self._offered = ""
        self._is_answering = False
        self._steady = self._before = Adjustment()
        self._repeats = 0
        self._answers: Kind | None = None
        self._told_awake: bool | None = None

    def attend(
        self,
        say: Callable[[str], object],
        is_quiet: Callable[[], bool],
        known_name: Callable[[], str] = str,
        is_claimed: Callable[[str], bool] = lambda words: False,
    ) -> None:
        """Looks after a session; called once, before it runs.

        Args:
            say: has it say something when nobody speaks.
            is_quiet: whether nobody speaks, thinks or is held.
            known_name: who the user is, where somebody else knows; "" where not.
            is_claimed: whether the mind has its own meaning for words, as for "forget that" after it kept something.
        """
        self._say, self._is_quiet, self._known_name, self._is_claimed = say, is_quiet, known_name, is_claimed
        self._tell_attention()

    @property
    def language(self) -> str:
        """In which the conversation is held now, such as "en"."""
        return self._languages.language

    # ---- before the mind is asked

    def is_for_mind(self, words: str) -> bool:
        """See `agent.conversation.reply.Manners`."""
        return self._attention.addressed(words) == words and self._intent(words) is None

    def is_addressed(self, words: str) -> bool:
        """See `agent.conversation.reply.Manners`."""
        return self._attention.addressed(words) is not None

    def intent_of(self, words: str) -> Intent | None:
        """See `agent.conversation.reply.Manners`."""
        asked = self._attention.addressed(words) or words
        return intent_of(asked, self._languages.language, self._settings.attention.name)

    async def reply_to(self, words: str, *, typed: bool = False) -> Say | TypedText | Unanswered | None:
        """See `agent.conversation.reply.Manners`."""
        asked: str | None = words
        if not typed:
            asked = self._attention.addressed(words)
        if asked is None:
            return Unanswered("asleep" if not self._attention.is_awake else "aside")
        self.answers()
        if not asked:
            return Say(self.phrases.say("manners.called"))
        intent = self._intent(asked)
        if intent is None or intent.kind is not Kind.REPEAT:
            self._repeats = 0
        if intent is not None and (reply := await self._answer_to(intent)) is not None:
            self._answers = intent.kind
            return reply
        return TypedText(asked) if asked != words else None

    def answers(self) -> None:
        """See `agent.conversation.reply.Manners`."""
        self._answers, self._before, self._is_answering = None, self._steady, True
        self._attention.wake()

    def _intent(self, words: str) -> Intent | None:
        """What the words want of the conversation; None where that is somebody else's."""
        intent = intent_of(words, self._languages.language, self._settings.attention.name)
        match intent:
            case Intent(Kind.REMEMBER | Kind.RECALL | Kind.FORGET | Kind.GO_ON):
                return None
            case Intent(Kind.NEVER_MIND) if self._is_claimed(words):
                return None
            case Intent(Kind.GREETING, what) if self._settings.keeps_names and what:
                return None
            case Intent(Kind.GREETING, "") if not self._name:
                return None  # a mind greets in more ways
            case Intent(Kind.BACKCHANNEL) if not self._is_idle_hum(words):
                return None  # "yes" answers something
            case Intent(Kind.REPEAT) if not self._said:
                return None
            case Intent(kind) if self._settings.is_lesson and (kind not in _OF_VOICE or len(tokens(words)) < 2):
                return None  # "slower" may be the right answer
        if intent is not None and not self._has_phrases and intent.kind not in _WITHOUT_PHRASES:
            return None  # better the mind's words than ours in another language
        return intent

    async def _answer_to(self, intent: Intent) -> Say | TypedText | Unanswered | None:
        say = self.phrases.say
        match intent:
            case Intent(Kind.BACKCHANNEL):
                return Unanswered("empty")
            case Intent(Kind.REPEAT, what):
                return Say(self._repeated(last_only=what == "last"))
            case Intent(Kind.SLOWER | Kind.FASTER | Kind.LOUDER | Kind.QUIETER as kind):
                return self._adjusted(kind)
            case Intent(Kind.LANGUAGE, language):
                return Say(await self._in_language(language))
            case Intent(Kind.NEVER_MIND | Kind.STOP):
                return Say(say("manners.never_mind"))
            case Intent(Kind.WAIT):
                return Say(say("manners.wait"))
            case Intent(Kind.GREETING, name):
                is_new, self._own_name = bool(name) and name != self._name, name or self._own_name
                return Say(say("manners.met" if is_new else "manners.hello", who=self._name))
            case Intent(Kind.GOODBYE):
                name = self._name
                return Say(say("manners.goodbye_to", who=name) if name else say("manners.goodbye"))
        return None

    @property
    def _has_phrases(self) -> bool:
        return self.phrases.language == primary(self._languages.language)

    @property
    def _name(self) -> str:
        return self._known_name() or self._own_name

    def _is_idle_hum(self, words: str) -> bool:
        """Whether somebody only hums, and nothing was asked."""
        return bool(self._said) and not self._said.whole().endswith("?") and set(tokens(words)) <= _HUMS

    # ---- repair

    def _repeated(self, *, last_only: bool) -> str:
        """What was said last; whoever asks twice hears it slower."""
        self._repeats += 1
        if self._repeats > 1:
            pace = max(SLOWEST, self._steady.pace * PACE_STEP)
            self._voice.adjustment = replace(self._steady, pace=pace)
        return self._said.last() if last_only else self._said.whole()

    def _adjusted(self, kind: Kind) -> Say | TypedText | Unanswered:
        now = self._steady
        match kind:
            case Kind.SLOWER:
                then = replace(now, pace=max(SLOWEST, now.pace * PACE_STEP))
            case Kind.FASTER:
                then = replace(now, pace=min(FASTEST, now.pace / PACE_STEP))
            case Kind.LOUDER:
                then = replace(now, gain_db=min(LOUDEST_DB, now.gain_db + GAIN_STEP_DB))
            case _:
                then = replace(now, gain_db=max(QUIETEST_DB, now.gain_db - GAIN_STEP_DB))
        if abs(then.pace - 1.0) < 0.01:
            then = replace(then, pace=1.0)
        self._steady = self._voice.adjustment = then
        if self._settings.is_lesson:
            return TypedText("Please repeat the question.")
        say = self.phrases.say
        if not self._has_phrases:
            return Say(self._said.whole()) if self._said else Unanswered("empty")
        if then == now:
            return Say(say(f"manners.no_{kind.name.lower()}"))
        if not self._said:
            return Say(say("manners.like_this"))
        return Say(f"{say('manners.all_right')} {self._said.whole()}")

    async def _in_language(self, language: str) -> str:
        """Speaks another language from now on, and says so in it; or says why not."""
        result = await self._languages.switch(language)
        if result in ("switched", "same"):
            self.phrases.switch(self._languages.language)
            if not self._has_phrases:
                return LANGUAGES.get(language, language)
            return self.phrases.say(f"manners.language_{result}")
        name = language_name(language, self.phrases.language)
        return self.phrases.say(f"manners.language_{result}", language=name)

    # ---- what happens in the session

    def on_event(self, event: Event) -> None:
        """Sees what happens in the session, and passes it on. Never waits."""
        is_goodbye = False
        if isinstance(event, TurnFinished):
            self._voice.adjustment = self._before = self._steady
            record, answers, self._answers = event.record, self._answers, None
            if answers not in _NOT_SAID_AGAIN and record.reply != self._offered:
                self._said.take(record)
            is_goodbye = answers is Kind.GOODBYE and not record.interrupted
            if self._is_answering:
                self._is_answering = False
                self._attention.stay()
        elif isinstance(event, ConversationForgotten):
            self._own_name = ""
        elif isinstance(event, UserWentOnAfterEnd):
            # The same words come again, with more.
            self._answers, self._steady = None, self._before
            self._voice.adjustment = self._steady
        self._tell(event)
        self._silence.see(event)
        if is_goodbye:
            self._attention.sleep()
            self._silence.rest()
            self._tell(SaidGoodbye())

    def touch(self) -> None:
        """See `agent.conversation.reply.Manners`."""
        self._silence.touch()

    def close(self) -> None:
        """The conversation is over."""
        self._silence.close()
        self._attention.close()

    def _offer(self) -> None:
        self._offered = self.phrases.say("manners.offer")
        self._say(self._offered)

    def _tell_attention(self) -> None:
        call, is_awake = self._attention.call, self._attention.is_awake
        if call and is_awake is not self._told_awake:
            self._told_awake = is_awake
            self._tell(AttentionChanged(is_awake, call))


_OF_VOICE = frozenset({Kind.SLOWER, Kind.FASTER, Kind.LOUDER, Kind.QUIETER})
_WITHOUT_PHRASES = _OF_VOICE | {Kind.REPEAT, Kind.LANGUAGE, Kind.BACKCHANNEL}
"""What can be done in a language for which there are no phrases."""
_NOT_SAID_AGAIN = _OF_VOICE | {Kind.REPEAT, Kind.NEVER_MIND, Kind.STOP, Kind.WAIT}
"""Answers beside the conversation: "say that again" means what was said before them."""
