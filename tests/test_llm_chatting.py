"""The knowledge file first, a language model for the rest: who answers what, how it is said, and what goes wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import pytest

from agent.knowledge.asking_back import ask_back
from agent.knowledge.file import Entry, Knowledge
from agent.llm.base import LLM, Apology, Message
from agent.llm.chatting import INVENTING, ONLY_CHATTING, ChattingLLM
from agent.llm.knowledge_file import KnowledgeLLM
from speech.errors import InputError
from tests.fakes import ScriptedMind

SHOP = KnowledgeLLM(Knowledge((Entry("Opening hours", ("When are you open?",), ("We open at nine.",)),)), name="Mira")
OPEN, WINTER, STORY = "When are you open?", "Do you enjoy the winter, too?", "Tell me a story about a snail."
REPLIES: dict[str, str | Exception] = {WINTER: "[happy] I like snow.", STORY: "Once there was a snail."}


class CannotLoad(ScriptedMind):
    preparing = "this takes long"

    async def __aenter__(self) -> CannotLoad:
        raise InputError("no room on the disk")


async def said_by(mind: LLM, text: str, history: Sequence[Message] = ()) -> str:
    with mind.conversation() as talk:
        return "".join([delta async for delta in talk.stream(history, text)])


def talk(model: ScriptedMind, *questions: str) -> list[str]:
    async def main() -> list[str]:
        history: list[Message] = []
        async with ChattingLLM(SHOP, model) as mind:
            for question in questions:
                reply = await said_by(mind, question, history)
                history += [Message("user", question), Message("assistant", reply)]
        return [message.text for message in history[1::2]]

    return asyncio.run(main())


def test_the_file_answers_and_the_model_chats_and_says_so_once() -> None:
    model = ScriptedMind(REPLIES)
    replies = talk(model, OPEN, "Hello!", WINTER, WINTER, STORY, STORY, OPEN)
    assert replies[0] == replies[-1] == "We open at nine."
    assert "Hello" in replies[1] or "Hi" in replies[1]
    assert replies[2] == f"{ONLY_CHATTING} [happy] I like snow. "
    assert replies[3] == "[happy] I like snow. "
    assert replies[4:6] == [f"{INVENTING} Once there was a snail. ", "Once there was a snail. "]
    assert len(model.histories) == 4, "it is not asked for what the file or small talk answers"
    told = " ".join(message.text for message in model.histories[-1])
    assert "We open at nine." in told and ONLY_CHATTING not in told and INVENTING not in told


def test_a_story_is_invented_even_where_the_file_would_ask_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SHOP, "answer", lambda history, text: ask_back(["When are you open?"]))
    assert talk(ScriptedMind(REPLIES), STORY, WINTER) == [
        f"{INVENTING} Once there was a snail. ",
        "I'm not sure that I heard you right. Did you mean: When are you open?",
    ]


def test_a_model_that_fails_is_replaced_by_an_honest_answer() -> None:
    async def main() -> None:
        async with ChattingLLM(SHOP, ScriptedMind({WINTER: InputError("it died")})) as mind:
            said: list[str] = []
            with mind.conversation() as talk, pytest.raises(Apology, match="scripted mind: it died"):
                async for delta in talk.stream([], WINTER):
                    said.append(delta)
            assert "know" in "".join(said) and "opening hours" in "".join(said)

    asyncio.run(main())


def test_a_model_that_fails_in_its_reply_is_no_answer() -> None:
    class Breaks(ScriptedMind):
        async def stream(self, history: Sequence[Message], text: str) -> AsyncGenerator[str, None]:
            yield "Well, "
            raise InputError("it died")

    async def main() -> None:
        async with ChattingLLM(SHOP, Breaks({})) as mind:
            with pytest.raises(InputError, match="it died") as caught:
                await said_by(mind, WINTER)
            assert not isinstance(caught.value, Apology)

    asyncio.run(main())


def test_without_its_model_the_file_answers_alone_and_it_is_said_why() -> None:
    async def main() -> None:
        mind = ChattingLLM(SHOP, CannotLoad({}), may_do_without=True)
        assert mind.preparing == "this takes long"
        async with mind:
            assert mind.problem == "only the knowledge file answers: no room on the disk"
            assert await said_by(mind, OPEN) == "We open at nine."
            assert "know" in await said_by(mind, WINTER)
        with pytest.raises(InputError, match="no room"):
            await ChattingLLM(SHOP, CannotLoad({})).__aenter__()

    asyncio.run(main())


def test_closing_a_reply_closes_the_models() -> None:
    async def main() -> None:
        model = ScriptedMind({WINTER: "word " * 1000})
        async with ChattingLLM(SHOP, model) as mind:
            with mind.conversation() as talk:
                async with aclosing(talk.stream([], WINTER)) as deltas:
                    async for delta in deltas:
                        if delta == "word ":
                            break
                    await deltas.aclose()
                    assert model.closed == 1

    asyncio.run(main())
