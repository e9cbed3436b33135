"""Listening that shows: nods and small sounds at the user's pauses, fillers, and a question back; on virtual time."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import replace

import numpy as np
import pytest

from agent.conversation.confirming import Confirming
from agent.conversation.events import FillerSaid, Say, StateChanged, TypedText
from agent.conversation.listening.fillers import Fillers
from agent.conversation.listening.pauses import ListeningPolicy, ends_clause
from agent.conversation.listening.spoken_phrases import SpokenPhrases
from agent.conversation.questions import RecordedQuestion
from agent.conversation.reply import ForMind
from agent.conversation.session import SessionPolicy
from agent.text.phrases import Phrases
from avatar.clock import SAMPLES_PER_FRAME, PacedClock
from avatar.motion import ConversationState
from speech.audio import OUTPUT_RATE_HZ, AudioChunk, Samples
from speech.events import Transcript
from speech.sound_track import SoundTrack
from speech.turns.detector import SilenceTurnDetector
from tests.fakes import LoudnessVAD, ScriptedEars, ScriptedMind, ToneVoice
from tests.test_session import JAW, Scene, audible_spans, speech
from tests.virtual_time import run

LANGUAGES = ("en", "de", "fr", "es", "it")
QUESTION = "Why is it so?"


def thinking_for(seconds: float, after_s: float = 1.2, **parts: object) -> Scene:
    """One spoken question to a mind that needs so long for its first word."""
    scene = Scene(
        real_time=True,
        ears=ScriptedEars([QUESTION]),
        mind=ScriptedMind({QUESTION: "Because."}, delay_s=seconds),
        policy=SessionPolicy(listening=ListeningPolicy(filler_after_s=after_s)),
        turns=SilenceTurnDetector(LoudnessVAD(), end_of_turn_s=0.4),
        **parts,  # type: ignore[arg-type]
    )
    scene.ask(speech(1.0))
    return scene


def said(scene: Scene, kind: str) -> list[str]:
    return [event.text for event in scene.events if isinstance(event, FillerSaid) and event.kind == kind]


def test_a_late_answer_follows_on_a_filler_without_a_gap_or_an_overlap() -> None:
    scene = thinking_for(0.9)
    (record,), (filler,) = scene.records, said(scene, "filler")
    assert filler in Phrases("en").ways("filler.why") and record.filler == filler
    assert record.heard == record.reply == "Because."
    assert [message.text for message in scene.session.history.messages()] == [QUESTION, "Because."]
    spans = [(start - 1.2, end - 1.2) for start, end in avatar_spans(scene)]  # from the user's last sample on
    (span,) = spans
    assert span[0] == pytest.approx(1.2, abs=0.06)
    words = len(filler.split()) + len(record.reply.split())
    assert span[1] - span[0] == pytest.approx(0.2 * words, abs=0.01)


def test_after_a_filler_the_face_thinks_on_and_a_later_answer_is_heard_at_once() -> None:
    scene = thinking_for(4.0)
    assert len(said(scene, "filler")) == 1  # once in a turn
    first, second = avatar_spans(scene)
    assert second[0] - first[1] > 0.5
    order = [state for state in scene.sampler.states if state is not ConversationState.IDLE]
    think, speak = ConversationState.THINKING, ConversationState.SPEAKING
    assert order == [ConversationState.LISTENING, think, speak, think, speak]
    told = [event.state for event in scene.events if isinstance(event, StateChanged)]
    assert told.count(speak) == 1  # only the answer is one
    assert scene.records[0].since_speech_end()["first_audio"] == pytest.approx(second[0] - 1.2, abs=0.06)


@pytest.mark.parametrize(("seconds", "after_s"), [(0.3, 1.2), (0.6, 1.2), (3.0, 0.0)])
def test_a_quick_answer_has_no_filler_and_is_not_later(seconds: float, after_s: float) -> None:
    scene, without = thinking_for(seconds, after_s), thinking_for(seconds, 0.0)
    assert said(scene, "filler") == [] and scene.records[0].filler == ""
    assert avatar_spans(scene) == avatar_spans(without)
    assert scene.voice.spoken[-1] == "Because."


def test_a_sentence_that_is_being_spoken_keeps_the_filler_back() -> None:
    scene = thinking_for(0.6, voice=ToneVoice(delay_s=0.3))  # the first sound comes after the filler would have
    assert said(scene, "filler") == [] and avatar_spans(scene)[0][0] > 1.2 + 1.25


def test_what_is_said_without_the_mind_needs_no_filler() -> None:
    class Repair(ForMind):
        async def reply_to(self, words: str, *, typed: bool = False) -> Say:  # type: ignore[override]
            await asyncio.sleep(3.0)
            return Say("Once more.")

    scene = thinking_for(0.1, manners=Repair())
    assert said(scene, "filler") == [] and scene.records[0].heard == "Once more."


def test_a_voice_that_cant_say_the_filler_leaves_silence() -> None:
    scene = thinking_for(3.0, voice=ToneVoice(fails_on="why"))
    fillers = said(scene, "filler")
    assert fillers in ([], ["Good question."]) and scene.records[0].problem is None


def avatar_spans(scene: Scene) -> list[tuple[float, float]]:
    """Where the avatar is heard, seconds; the user speaks to 1.2 s."""
    return audible_spans(scene.output.all_sound)


def fillers(language: str) -> Fillers:
    spoken, face = SpokenPhrases(ToneVoice()), Scene()
    phrases = Phrases(language)
    return Fillers(phrases, spoken, SoundTrack(), PacedClock(), face, after_s=1.0)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("language", "question", "kind"),
    [
        ("en", "Why is the sky blue?", "why"),
        ("en", "How many rooms are there?", "number"),
        ("en", "How does it work?", "how"),
        ("en", "And when do you close?", "when"),
        ("en", "What do you think of that?", "opinion"),
        ("en", "Is it far?", "any"),
        ("en", "I live in Rome.", "statement"),
        ("de", "Warum ist der Himmel blau?", "why"),
        ("de", "Wie viele Zimmer gibt es?", "number"),
        ("fr", "Combien ça coûte ?", "number"),
        ("fr", "Qu’en pensez-vous ?", "opinion"),
        ("es", "¿Por qué es azul?", "why"),
        ("es", "¿Dónde está?", "where"),
        ("it", "Quanti sono?", "number"),
        ("it", "Perché no?", "why"),
    ],
)
def test_a_filler_fits_the_question(language: str, question: str, kind: str) -> None:
    ways = Phrases(language).ways(f"filler.{kind}")
    one = fillers(language)
    chosen = [one.fitting(question) for _ in range(2 * len(ways))]
    assert set(chosen) == set(ways)
    assert all(first != second for first, second in itertools.pairwise(chosen))


@pytest.mark.parametrize(
    ("language", "question", "topic"),
    [
        ("en", "What are the opening hours?", "the opening hours"),
        ("en", "So, tell me about the old lift.", "the old lift"),
        ("de", "Wie sind die Öffnungszeiten?", "die Öffnungszeiten"),
        ("fr", "Quels sont les horaires ?", "les horaires"),
        ("es", "¿Cuáles son los horarios?", "los horarios"),
        ("it", "Quali sono gli orari?", "gli orari"),
    ],
)
def test_a_filler_may_name_what_is_asked_about(language: str, question: str, topic: str) -> None:
    one = fillers(language)
    assert any(topic in one.fitting(question) for _ in range(8))
    assert not any("your" in one.fitting("What is your name?") for _ in range(8))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_the_same_phrases(language: str) -> None:
    english, other = Phrases("en"), Phrases(f"{language}-XX")
    assert other.language == language
    for name in english.names:
        assert other.ways(name) or name == "listening.hums", name
    assert other.names == english.names
    assert Phrases("xx").language == Phrases("").language == "en"


def test_a_phrase_is_spoken_once_until_the_voice_changes() -> None:
    voice, pace = ToneVoice(), [1.0]
    spoken = SpokenPhrases(voice, lambda: pace[0])

    async def twice() -> None:
        first, again = await spoken.sound("Let me think."), await spoken.sound("Let me think.")
        assert first is again and len(first) == pytest.approx(0.6 * OUTPUT_RATE_HZ, rel=0.02)
        pace[0] = 0.8
        await spoken.sound("Let me think.")

    run(twice())
    assert len(voice.spoken) == 2


# ---- a question back


def confirming(language: str = "en", near: str = "", known: Sequence[str] = ()) -> Confirming:
    return Confirming(
        ForMind(),
        Phrases(language),
        is_expected=lambda text: text in known,
        nearest=lambda text: near,
        least_confidence=0.25,
    )


def heard(text: str, confidence: float | None = 0.1, *, doubtful: bool = False) -> Transcript:
    return Transcript(text, True, 0.0, 1.0, doubtful, confidence)


async def dialogue(one: Confirming, *turns: Transcript) -> list[Say | TypedText | str | None]:
    """What each turn comes to; "" where nothing was understood."""
    came: list[Say | TypedText | str | None] = []
    for turn in turns:
        words = await one.understood(turn)
        came.append(await one.reply_to(words) if words else "")  # type: ignore[arg-type]
    return came


def test_unsure_words_are_asked_about_and_yes_answers_them() -> None:
    asked, answer, after = run(dialogue(confirming(), heard("Book a boom."), heard("Yes.", 0.9), heard("Yes.", 0.9)))
    assert asked == Say("Did you say: Book a boom?") and answer == TypedText("Book a boom?") and after is None


@pytest.mark.parametrize(
    ("language", "said", "becomes"),
    [
        ("en", "No.", None),
        ("en", "No, I said book a room.", "book a room"),
        ("en", "Yes, please.", "Book a boom?"),
        ("en", "I meant a room", "a room"),
        ("de", "Nein.", None),
        ("de", "Ja, genau!", "Book a boom?"),
        ("de", "Nein, ich meinte ein Zimmer", "ein Zimmer"),
        ("fr", "Non, j’ai dit une chambre", "une chambre"),
        ("es", "Sí.", "Book a boom?"),
        ("it", "No, ho detto una camera", "una camera"),
    ],
)
def test_a_correction_is_taken(language: str, said: str, becomes: str | None) -> None:
    _, answer = run(dialogue(confirming(language), heard("Book a boom."), heard(said, 0.9)))
    if becomes is None:
        assert isinstance(answer, Say) and answer.text in Phrases(language).ways("unsure.was_wrong")
    else:
        assert answer == TypedText(becomes)


def test_other_words_are_a_correction_too_and_never_asked_about_again() -> None:
    turns = [heard("Book a boom."), heard("Cook a room."), heard("Hook a room.")]
    asked, answer, again = run(dialogue(confirming(), *turns))
    assert isinstance(asked, Say) and answer is None and isinstance(again, Say)


def test_what_is_expected_or_surely_heard_is_answered_and_what_is_hopeless_is_not() -> None:
    known = confirming(known=["what time is it"])
    turns = [
        heard("what time is it", 0.01, doubtful=True),
        heard("book a room", 0.5),
        heard("book a room", None),  # ears that can't tell
        heard("vyabong", 0.01, doubtful=True),
        heard("Stop!", 0.01),  # not for the mind
    ]
    assert run(dialogue(known, *turns)) == [None, None, None, "", None]


def test_a_known_question_that_is_near_is_offered_instead_of_the_words() -> None:
    near = confirming(near="Where is the lift?")
    asked, answer = run(dialogue(near, heard("Wear is the left", doubtful=True), heard("yeah", 0.9)))
    assert asked == Say("Did you say: Where is the lift?") and answer == TypedText("Where is the lift?")


def test_many_words_are_not_said_back() -> None:
    asked, answer = run(dialogue(confirming(), heard("and so " * 10), heard("No.", 0.9)))
    assert asked == Say(Phrases("en").ways("unsure.say_again")[0])
    assert isinstance(answer, Say)


def test_without_asking_back_only_doubtful_words_are_left_out() -> None:
    off = Confirming(ForMind(), Phrases("en"), is_expected=bool, nearest=str, least_confidence=0.0)
    off_known = Confirming(ForMind(), Phrases("en"), is_expected=lambda _: False, nearest=str, least_confidence=0.0)
    assert run(dialogue(off, heard("Book a boom.", 0.01))) == [None]
    assert run(dialogue(off_known, heard("Book a boom.", 0.01, doubtful=True))) == [""]


class UnsureEars(ScriptedEars):
    """Not sure of the first utterance."""

    def __init__(self, texts: Sequence[str], confidences: Sequence[float]) -> None:
        super().__init__(texts)
        self._confidences = list(confidences)

    async def transcribe(self, chunks: AsyncIterator[AudioChunk]) -> AsyncGenerator[Transcript, None]:
        async for transcript in super().transcribe(chunks):
            yield replace(transcript, confidence=self._confidences.pop(0)) if transcript.is_final else transcript


def test_a_whole_conversation_asks_back_and_answers_what_was_meant() -> None:
    scene = Scene(
        real_time=True,
        ears=UnsureEars(["Book a room.", "Yes."], [0.1, 0.8]),
        mind=ScriptedMind({"Book a room?": "It is booked."}),
        is_expected=lambda _: False,
        policy=SessionPolicy(listening=ListeningPolicy(least_confidence=0.25)),
    )
    scene.ask(speech(1.0), speech(0.5))
    assert [record.heard for record in scene.records] == ["Did you say: Book a room?", "It is booked."]
    assert [message.text for message in scene.session.history.messages()][-2:] == ["Yes.", "It is booked."]


# ---- nods and small sounds


def turn_of(*parts: float, name: str = "turn.wav") -> RecordedQuestion:
    """Voice and pauses in turn, seconds; each voiced part is a tone."""
    pieces: list[Samples] = [np.zeros(OUTPUT_RATE_HZ // 5, np.float32)]
    for place, seconds in enumerate(parts):
        tone = 0.5 * np.sin(np.arange(round(seconds * OUTPUT_RATE_HZ)) * 0.03)
        pieces.append((tone if place % 2 == 0 else 0.0 * tone).astype(np.float32))
    return RecordedQuestion(name, np.concatenate(pieces))


def listened(*parts: float, interim: str = "And so it was,", sounds: bool = False, nods: float = 1.0) -> Scene:
    scene = Scene(
        real_time=True,
        ears=ScriptedEars(["That was all."], interim=[interim]),
        mind=ScriptedMind({"That was all.": "I see.", interim: "A draft."}),
        policy=SessionPolicy(listening=ListeningPolicy(nods=nods, sounds=sounds)),
        turns=SilenceTurnDetector(LoudnessVAD(), end_of_turn_s=1.5, pause_s=0.22),
    )
    scene.ask(turn_of(*parts))
    return scene


def nodded_s(scene: Scene) -> list[float]:
    return [frame * SAMPLES_PER_FRAME / OUTPUT_RATE_HZ for frame, _ in scene.sampler.nods]


def test_a_nod_comes_after_the_end_of_a_clause_and_not_in_a_gap_between_words() -> None:
    scene = listened(2.0, 0.15, 1.0, 0.8, 1.0)
    ends = [3.35, 5.15]  # of the voice, before pauses that are ones
    nods = nodded_s(scene)
    assert len(nods) == 2
    for end, nod in zip(ends, nods, strict=True):
        assert 0.3 <= nod - end <= 0.7
    assert scene.records[0].heard == "I see."


@pytest.mark.parametrize(
    ("interim", "parts"),
    [
        ("I went to the um", (2.0, 0.9, 1.0)),  # a hesitation
        ("I went to the", (2.0, 0.9, 1.0)),  # something is missing
        ("And so it was,", (0.5, 0.9, 0.2)),  # hardly anything was said yet
    ],
)
def test_hesitations_and_short_words_get_no_nod(interim: str, parts: tuple[float, ...]) -> None:
    first = [nod for nod in nodded_s(listened(*parts, interim=interim)) if nod < 0.2 + sum(parts[:2])]
    assert first == []


def test_without_nods_the_head_stays() -> None:
    assert nodded_s(listened(2.0, 0.9, 1.0, nods=0.0)) == []


def test_a_small_sound_comes_at_a_pause_of_a_long_turn_and_is_no_turn() -> None:
    scene = listened(4.5, 1.0, 1.5, 1.0, 6.0, 1.0, 1.0, sounds=True)
    sounds = said(scene, "backchannel")
    assert len(sounds) == 2 and sounds[0] != sounds[1]  # not at the second pause: that is too soon
    assert [record.heard for record in scene.records] == ["I see."]
    assert [message.text for message in scene.session.history.messages()] == ["That was all.", "I see."]
    assert not scene.records[0].interrupted and scene.ears.heard_s[0] > 15.0  # the user was heard to the end
    jaw = np.array([motion[JAW] for motion in scene.output.motion])
    first = round((0.2 + 4.5 + 0.3) * 25)
    assert np.abs(jaw[first : first + 25]).max() == 0.0  # hummed: the lips stay closed
    assert nodded_s(scene)


def test_no_small_sounds_unless_they_are_wanted_and_none_in_a_short_turn_or_at_its_end() -> None:
    assert said(listened(4.5, 1.0, 1.0), "backchannel") == []
    assert said(listened(2.0, 1.0, 1.0, sounds=True), "backchannel") == []
    short_waits = listened(4.5, 0.3, 1.0, sounds=True)
    assert len(said(short_waits, "backchannel")) <= 1


@pytest.mark.parametrize(
    ("words", "ends"),
    [
        ("", True),
        ("I was there.", True),
        ("I was there, and", True),
        ("I was there,", True),
        ("I was there um", False),
        ("I was in the", False),
        ("I was...", False),
    ],
)
def test_what_ends_a_clause(words: str, ends: bool) -> None:
    assert ends_clause(words, "en") is ends


def test_what_began_while_the_avatar_spoke_is_never_asked_about() -> None:
    async def into_speech() -> tuple[object, object]:
        one = confirming()
        words = await one.understood(heard("Book a boom."), into_speech=True)
        return words, await one.reply_to(words)

    assert run(into_speech()) == ("Book a boom.", None)
