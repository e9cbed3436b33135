"""A language model behind a real server, through the real client: good days, and all the bad ones."""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Any

import pytest

from agent.llm.base import Message
from agent.llm.openai import BETWEEN_S, CONNECT_S, OpenAILLM
from agent.llm.prompt import Prompt
from speech.errors import BackendError, InputError
from tests.openai_server import Answer, ChatServer

KEY = "sk-a-very-secret-key"


def mind(server: ChatServer, **settings: Any) -> OpenAILLM:
    return OpenAILLM(
        **{"base_url": server.url, "api_key_env": "VISAVIS_TEST_KEY", "model": "tiny", "name": "Mira", **settings}
    )


async def ask(llm: OpenAILLM, text: str = "Hello?", history: Sequence[Message] = ()) -> list[str]:
    return [delta async for delta in llm.stream(history, text)]


def with_server(test: Callable[[ChatServer], Awaitable[None]], **settings: Any) -> None:
    async def main() -> None:
        async with ChatServer(**settings) as server:
            await test(server)

    asyncio.run(main())


def fails_with(expected: str, answer: Answer, said: Sequence[str] = (), **settings: Any) -> str:
    """Asks, and returns the error's line."""
    lines: list[str] = []

    async def test(server: ChatServer) -> None:
        server.answers = [answer]
        async with mind(server, **settings) as llm:
            heard: list[str] = []
            with pytest.raises(BackendError, match=expected) as caught:
                async for delta in llm.stream([], "Hello?"):
                    heard.append(delta)
            assert heard == list(said)
            if answer.status != 200:
                assert len(server.chats) == 1, "nobody waits for a second try"
            lines.append(str(caught.value))
            server.answers = [Answer(("Back", "."))]
            assert await ask(llm) == ["Back", "."], "the next question must not suffer"

    with_server(test)
    (line,) = lines
    assert "\n" not in line
    assert len(line) < 400
    assert line.startswith("http://127.0.0.1:")
    return line


def test_a_reply_comes_as_it_is_written() -> None:
    async def test(server: ChatServer) -> None:
        server.answers = [Answer(("[happy] ", "Hello", ", ", "you."))]
        async with mind(server, temperature=0.3, max_tokens=99, persona="You sell hats.") as llm:
            assert (llm.name, llm.problem) == ("tiny", "")
            history = [Message("user", "Hi."), Message("assistant", "Hel", interrupted=True)]
            assert await ask(llm, "And?", history) == ["[happy] ", "Hello", ", ", "you."]
        (chat,) = server.chats
        assert chat["messages"] == Prompt(name="Mira", persona="You sell hats.").messages(history, "And?")
        assert "I cut you off there" in chat["messages"][-1]["content"]
        assert (chat["model"], chat["temperature"], chat["max_tokens"], chat["stream"]) == ("tiny", 0.3, 99, True)

    with_server(test)


def test_the_first_listed_model_is_taken() -> None:
    async def test(server: ChatServer) -> None:
        async with mind(server, model="") as llm:
            assert llm.name == "127.0.0.1"
            await ask(llm)
        assert server.chats[0]["model"] == "tiny"

    with_server(test)


def test_reasoning_is_not_said() -> None:
    async def test(server: ChatServer) -> None:
        server.answers = [Answer(("<thi", "nk>Hm", ".</think>", "\n\nYes", "."))]
        async with mind(server) as llm:
            assert await ask(llm) == ["Yes", "."]

    with_server(test)


@pytest.mark.parametrize("how", ["close", "cancel"])
def test_leaving_closes_the_connection(how: str) -> None:
    async def test(server: ChatServer) -> None:
        server.answers = [Answer(("one ", "two "), delay_s=0.01, then="again"), Answer(("Here.",))]
        async with mind(server) as llm:
            if how == "close":
                async with aclosing(llm.stream([], "Count.")) as deltas:
                    assert await anext(deltas) == "one "
            else:
                answering = asyncio.create_task(ask(llm, "Count."))
                await asyncio.sleep(0.1)
                answering.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await answering
            await server.client_left(within_s=1.0)
            assert await ask(llm) == ["Here."]

    with_server(test)


def test_several_are_answered_at_once_and_none_ends_another() -> None:
    async def test(server: ChatServer) -> None:
        endless, others = Answer(("on ", "and "), delay_s=0.01, then="again"), Answer(("Here", "."), delay_s=0.01)
        server.answers = [endless, others, others, Answer((), then="cut"), others]
        async with mind(server) as llm:
            with llm.conversation() as first, llm.conversation() as second:
                async with aclosing(first.stream([], "Go on.")) as deltas:
                    assert await anext(deltas) == "on "
                    for _ in range(2):
                        assert [delta async for delta in second.stream([], "And you?")] == ["Here", "."]
                    with pytest.raises(BackendError):
                        await ask(llm)
                    assert await anext(deltas) in ("on ", "and ")
                await server.client_left(within_s=1.0)
                assert [delta async for delta in second.stream([], "Still?")] == ["Here", "."]

    with_server(test)


def test_cancelling_before_the_first_word_closes_the_connection() -> None:
    async def test(server: ChatServer) -> None:
        server.answers = [Answer((), then="stall")]
        async with mind(server) as llm:
            answering = asyncio.create_task(ask(llm))
            await asyncio.sleep(0.1)
            answering.cancel()
            with pytest.raises(asyncio.CancelledError):
                await answering
            await server.client_left(within_s=1.0)

    with_server(test)


def test_an_endless_reply_is_ended() -> None:
    async def test(server: ChatServer) -> None:
        server.answers = [Answer(("again ",), then="again")]
        async with mind(server, max_tokens=25) as llm:
            assert len(await ask(llm)) == 25
            server.answers = [Answer(("so much " * 20,), then="again")]
            assert len("".join(await ask(llm))) < 25 * 20
        for _ in range(2):
            await server.client_left(within_s=1.0)

    with_server(test)


def test_a_slow_reply_is_no_stall() -> None:
    async def test(server: ChatServer) -> None:
        server.answers = [Answer(("a", "b", "c", "d"), delay_s=0.1)]
        async with mind(server, between_s=0.3, first_s=0.3) as llm:
            assert await ask(llm) == ["a", "b", "c", "d"]

    with_server(test)


@pytest.mark.parametrize(("deltas", "limits"), [((), {"first_s": 0.5}), (("Well, ",), {"between_s": 0.5})])
def test_a_stall_is_an_error_soon(deltas: Sequence[str], limits: dict[str, float]) -> None:
    began = time.monotonic()
    fails_with("does not answer, or stopped in the middle", Answer(deltas, then="stall"), said=deltas, **limits)
    assert time.monotonic() - began < 0.5 * BETWEEN_S, "its limits are used, not the usual ones"


def test_a_silent_server_does_not_hold_up_the_start() -> None:
    async def test(server: ChatServer) -> None:
        async with mind(server):
            pass  # the import of the package takes a second
        server.lists_models = Answer(then="stall")
        began = time.monotonic()
        async with mind(server, connect_s=0.2) as llm:
            assert time.monotonic() - began < 0.8 * CONNECT_S, "its limit is used, not the usual one"
            assert "does not answer" in llm.problem
            assert await ask(llm) == ["Hello", "."]

    with_server(test)


@pytest.mark.parametrize(
    ("then", "expected"),
    [
        ("cut", "the reply broke off before its end"),
        ("stop", "the reply broke off before its end"),
        ("garbage", "expected a stream of chat completions"),
        ("nonsense", "expected a stream of chat completions"),
        ("error", r"the server reports an error \('out of memory'\)"),
    ],
)
def test_a_reply_that_breaks_keeps_what_was_said(then: Any, expected: str) -> None:
    fails_with(expected, Answer(("Well, ", "I "), then=then), said=("Well, ", "I "))


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, r"status 400 \('no room'\)"),
        (401, "wants a key, and VISAVIS_TEST_KEY is not set"),
        (403, "wants a key"),
        (404, r"does not know the model 'tiny' \('no room'\)"),
        (429, r"too much to do, or the account is used up \('no room'\)"),
        (500, r"status 500 \('no room'\)"),
        (503, "status 503"),
    ],
)
def test_a_refusal_is_an_error_at_once(status: int, expected: str) -> None:
    fails_with(expected, Answer(status=status, body='{"error": {"message": "no\\nroom"}}'))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("<html>Welcome</html>", r"got something else; does mind\.base_url end in /v1"),
        ('{"hello": 1}', "got something else"),
        ('{"error": "no room"}', r"reports an error \('no room'\)"),
    ],
)
def test_a_page_that_is_no_stream_is_an_error(body: str, expected: str) -> None:
    fails_with(expected, Answer(body=body))


def test_an_error_page_is_not_read_out() -> None:
    assert "html" not in fails_with("status 502", Answer(status=502, body="<html>" + "Bad gateway " * 500))


def test_an_empty_reply_is_an_error() -> None:
    fails_with("expected a reply, got an empty one", Answer(()))
    fails_with("expected a reply, got an empty one", Answer(("<think>", "Hm")))


def test_a_wrong_key_is_never_shown(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setenv("VISAVIS_TEST_KEY", KEY)
    caplog.set_level(logging.DEBUG)

    async def test(server: ChatServer) -> None:
        async with mind(server) as llm:
            assert server.headers["authorization"] == f"Bearer {KEY}"
            with pytest.raises(BackendError, match="wants a key, and VISAVIS_TEST_KEY is not the right one") as caught:
                await ask(llm)
            assert KEY not in f"{caught.value} {llm.problem} {llm!r} {vars(llm)}"

    with_server(test, key="sk-another")
    assert KEY not in caplog.text


def test_the_key_of_the_environment_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISAVIS_TEST_KEY", KEY)

    async def test(server: ChatServer) -> None:
        async with mind(server) as llm:
            assert (llm.problem, await ask(llm)) == ("", ["Hello", "."])

    with_server(test, key=KEY)


def test_a_server_that_is_down_may_come_later() -> None:
    async def test(server: ChatServer) -> None:
        await server.stop()
        async with mind(server) as llm:
            assert "could not connect" in llm.problem
            assert "is the server running" in llm.problem
            with pytest.raises(BackendError, match="could not connect"):
                await ask(llm)
            await server.start()
            assert await ask(llm) == ["Hello", "."]
            await server.stop()
            with pytest.raises(BackendError, match="could not connect"):
                await ask(llm)
            await server.start()
            assert await ask(llm) == ["Hello", "."]

    with_server(test)


def test_models_that_are_not_there_are_told_at_once() -> None:
    async def test(server: ChatServer) -> None:
        async with mind(server, model="huge") as llm:
            assert "has no model 'huge'; it has 'tiny', 'other'" in llm.problem
            with pytest.raises(BackendError, match="does not know the model 'huge'"):
                await ask(llm)
        server.models = ("tiny:latest",)
        async with mind(server) as llm:
            assert llm.problem == ""
        server.models = ()
        async with mind(server, model="") as llm:
            assert "it lists none" in llm.problem
        server.models, server.lists_models = ("tiny",), Answer(status=404, body="{}")
        async with mind(server) as llm:
            assert (llm.problem, await ask(llm)) == ("", ["Hello", "."])
        server.lists_models = Answer(body="<html>")
        async with mind(server) as llm:
            assert "expected" in llm.problem

    with_server(test)


@pytest.mark.parametrize(
    "address", ["", "127.0.0.1:11434", "ftp://host/v1", "http://", "http://host:port/v1", "http://["]
)
def test_an_address_that_is_none_is_an_error(address: str) -> None:
    with pytest.raises(InputError, match=r"mind\.base_url: expected an address such as"):
        OpenAILLM(base_url=address, name="Mira")


def test_a_missing_package_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install 'visavis\[openai\]'"):
        OpenAILLM(base_url="http://127.0.0.1:1/v1", name="Mira")


def test_a_proxy_is_not_asked_for_this_computer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")

    async def test(server: ChatServer) -> None:
        async with mind(server) as llm:
            assert await ask(llm) == ["Hello", "."]

    with_server(test)
