"""Who is spoken to: wake phrases as a recogniser mishears them, names that are called, and what only sounds like it."""

from __future__ import annotations

import asyncio

import pytest

from agent.manners.attention import Attention, AttentionSettings, after_phrase
from tests.virtual_time import run


@pytest.mark.parametrize(
    ("heard", "rest"),
    [
        ("Hey Mira.", ""),
        ("Hey, mirror, what time is it?", "what time is it?"),
        ("Hey, Mira! What time is it?", "What time is it?"),
        ("Um. Hey Mira, where is the exit?", "where is the exit?"),
        ("hey mirror where is the exit", "where is the exit"),
        ("A mirror hung on the wall.", None),
        ("He's here.", None),
        ("Hey, me too.", None),
        ("I looked into the mirror and said hey.", None),
        ("Here are the keys.", None),
        ("", None),
    ],
)
def test_the_wake_phrase_is_known_by_its_sound_and_only_where_an_utterance_begins(heard: str, rest: str | None) -> None:
    assert after_phrase(heard, "hey Mira") == rest


def _addressed(words: str, *, room: bool = False) -> bool:
    async def ask() -> bool:
        attention = Attention(AttentionSettings("Mira", room=room), {"london"}.__contains__, lambda: None)
        return attention.addressed(words) is not None

    return run(ask())


@pytest.mark.parametrize(
    "words",
    [
        "Peter, did you lock the car?",
        "Hey Alexa, tell us your name.",
        "Susan, come here please.",
        "Thomas, hast du den Schlüssel?",
    ],
)
def test_who_calls_somebody_else_does_not_speak_to_the_avatar(words: str) -> None:
    assert not _addressed(words)


@pytest.mark.parametrize(
    "words",
    [
        "Mira, did you know that?",
        "Mirror, can you help me?",
        "Maria, what do you know?",
        "Sorry, can you help me?",
        "Actually, could you say that again?",
        "London, do you know it?",
        "Tomorrow, will you be here?",
        "Entschuldigung, können Sie mir helfen? Hast du Zeit?",
        "Peter Pan, who wrote it?",
        "What do you think, Peter?",
        "paris, have you been there?",
    ],
)
def test_everything_else_is_for_the_avatar(words: str) -> None:
    assert _addressed(words)


def test_in_a_room_it_must_be_called() -> None:
    assert _addressed("Mira, what is it?", room=True) and _addressed("Where is the exit, Mira?", room=True)
    assert not _addressed("Where is the exit?", room=True)


def test_it_stays_awake_through_a_long_answer_and_for_a_while_after_it() -> None:
    async def listen() -> list[bool]:
        attention = Attention(AttentionSettings("Mira", "hey Mira", awake_s=5.0), lambda word: False, lambda: None)
        seen = [attention.is_awake]
        attention.wake()
        await asyncio.sleep(60.0)
        seen.append(attention.is_awake)
        attention.stay()
        await asyncio.sleep(4.0)
        seen.append(attention.is_awake)
        await asyncio.sleep(2.0)
        seen.append(attention.is_awake)
        attention.close()
        return seen

    assert run(listen()) == [False, True, True, False]
