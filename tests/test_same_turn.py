"""A user who goes on within a moment resumes the same turn, on virtual time."""

from __future__ import annotations

import pytest

from agent.conversation.events import TurnFinished, UserWentOnAfterEnd
from tests.fakes import ScriptedEars, ScriptedMind, ToneVoice
from tests.test_live_session import Live, live_scene, spoken
from tests.test_session import Scene, audible_spans
from tests.virtual_time import run

QUESTION, ADDITION = "tell me", "about cats"
TOGETHER = f"{QUESTION} {ADDITION}"


def talk(
    mind_delay_s: float,
    second: tuple[float, float],
    *,
    texts: tuple[str, ...] = (QUESTION, ADDITION),
    interim: tuple[str, ...] = (),
    voice: ToneVoice | None = None,
    keys: tuple[tuple[float, bool], ...] = (),
) -> Scene:
    """A user speaks from 1.0 to 1.6 s, which ends the turn at 2.1 s, and again."""
    long = "One two three four five six seven eight nine ten."
    mind = ScriptedMind({QUESTION: long, TOGETHER: "Cats purr.", ADDITION: "About what?"}, delay_s=mind_delay_s)
    scene = live_scene(ScriptedEars(list(texts), interim=list(interim)), mind, voice)
    run(scene.converse(Live(spoken((1.0, 1.6), second, until_s=9.0), full_duplex=True, keys=keys)))
    return scene


def went_on(scene: Scene) -> list[UserWentOnAfterEnd]:
    return [event for event in scene.events if isinstance(event, UserWentOnAfterEnd)]


@pytest.mark.parametrize("interim", [(), (QUESTION, ADDITION)], ids=["final words", "drafts"])
def test_words_before_and_after_a_pause_are_one_question(interim: tuple[str, ...]) -> None:
    scene = talk(1.5, (2.6, 3.2), interim=interim)
    (record,) = scene.records
    assert (record.question, record.heard, record.turn.id) == (TOGETHER, "Cats purr.", 0)
    assert [message.text for message in scene.session.history.messages()] == [TOGETHER, "Cats purr."]
    assert all(history == () for history in scene.mind.histories), "the answer that was dropped left no trace"
    assert len(audible_spans(scene.output.all_sound)) == 1
    (event,) = went_on(scene)
    assert not event.was_heard and event.after_s == pytest.approx(1.0 + 0.1, abs=0.1)
    assert record.question_start_sample == pytest.approx(1.0 * 48_000, abs=4_000)


def test_an_answer_of_which_a_word_was_heard_is_dropped_without_a_trace() -> None:
    scene = talk(0.001, (2.5, 3.2), voice=ToneVoice(word_s=0.3))
    (record,) = scene.records
    assert (record.question, record.heard) == (TOGETHER, "Cats purr.")
    first, second = audible_spans(scene.output.all_sound)
    assert first[1] < 2.5 + 0.3 and second[0] > 3.7
    assert [message.text for message in scene.session.history.messages()] == [TOGETHER, "Cats purr."]
    (event,) = went_on(scene)
    assert event.was_heard
    assert sum(isinstance(event, TurnFinished) for event in scene.events) == 1


def test_who_has_heard_more_interrupts() -> None:
    scene = talk(0.001, (3.4, 4.0))
    cut, following = scene.records
    assert cut.interrupted and (cut.question, following.question) == (QUESTION, ADDITION)
    assert went_on(scene) == []


def test_who_waits_for_long_asks_something_else() -> None:
    scene = talk(1.0, (6.4, 7.0))
    assert went_on(scene) == [] and scene.records[-1].question == ADDITION


def test_a_cough_within_the_moment_loses_no_question() -> None:
    scene = talk(0.3, (2.3, 2.6), texts=("about cats", ""))
    (record,) = scene.records
    assert (record.question, record.heard) == (ADDITION, "About what?")


def test_three_parts_are_one_question() -> None:
    mind = ScriptedMind({"tell": "a.", "tell me": "b.", "tell me why": "Because."}, delay_s=1.5)
    scene = live_scene(ScriptedEars(["tell", "me", "why"]), mind)
    run(scene.converse(Live(spoken((1.0, 1.6), (2.4, 3.0), (3.8, 4.4), until_s=9.0), full_duplex=True)))
    assert [record.question for record in scene.records] == ["tell me why"]


def test_the_talk_key_always_begins_a_turn_of_its_own() -> None:
    scene = talk(0.5, (2.6, 3.2), keys=((0.9, True), (1.7, False), (2.5, True), (3.3, False)))
    assert [record.question for record in scene.records] == [QUESTION, ADDITION]
