"""Servers that are broken, or that want to do harm: each is ended in bounded time and memory, and said in one line."""

from __future__ import annotations

import asyncio
import email.utils
import gzip
import itertools
import json
import logging
import time
import tracemalloc
import zlib
from collections.abc import Iterable, Sequence
from typing import Any

import pytest

from agent.config.config import load_config
from agent.conversation.reply import Reply
from agent.conversation.thinking import LONGEST_REPLY, MIND_FAILED, ThinkingPolicy, think
from agent.doctor import recommended as doctor_recommended
from agent.llm.address import address_of, is_this_computer
from agent.llm.openai import OpenAILLM
from agent.llm.stream import MOST_EVENT_BYTES, ChatStream, ServerFault
from agent.text.sentences import Sentence
from speech.errors import BackendError, InputError
from tests.openai_server import Answer, ChatServer
from tests.test_llm_openai import KEY, ask, fails_with, mind, with_server

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n"
DONE = b"data: [DONE]\n\n"
MEGABYTE = 1_000_000


def event(finish: str | None = None, **delta: Any) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n"


def streamed(*events: bytes, head: bytes = HEAD) -> Answer:
    return Answer(raw=[head + b"\r\n", *events])


def said(*events: bytes) -> str:
    """What is said of a stream that came to its end."""
    stream = ChatStream()
    contents = [text for received in events for text in stream.push(received)]
    return "".join([*contents, *stream.close()])


def refused(answer: Answer, expected: str, **settings: Any) -> str:
    """Asks, and returns the error's line; memory must stay level."""
    import openai.resources.chat.completions  # noqa: F401  # not to be counted

    tracemalloc.start()
    try:
        line = fails_with(expected, answer, **{"first_s": 20.0, "between_s": 20.0} | settings)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 40 * MEGABYTE, "the response was kept"
    assert line.isprintable()
    return line


# ---- too much


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        (itertools.repeat(b"x" * MEGABYTE, 100), "more than 256 kB in one piece"),
        (itertools.repeat(b"data: " + b"x" * 1000, 100_000), "more than 256 kB in one piece"),
        (itertools.repeat(b"data: x\n" * 1000, 1000), "more than 256 kB in one piece"),
        (itertools.repeat(event(reasoning_content="Hm. " * 500) * 10, 10_000), "at most 8 MB, got more"),
        (itertools.repeat((b": still here" * 100 + b"\n\n") * 50, 10_000), "at most 8 MB, got more"),
    ],
    ids=["line", "event", "lines", "reasoning", "comments"],
)
def test_a_flood_is_cut_off(pieces: Iterable[bytes], expected: str) -> None:
    refused(Answer(raw=itertools.chain([HEAD + b"\r\n"], pieces)), expected)


def test_an_error_page_without_end_is_cut_off() -> None:
    head = HEAD.replace(b"200 OK", b"500 Oh")
    refused(Answer(raw=itertools.chain([head + b"\r\n"], itertools.repeat(b"x" * MEGABYTE, 100))), "at most 8 MB")


def test_a_list_of_models_without_end_is_cut_off() -> None:
    async def test(server: ChatServer) -> None:
        server.lists_models = Answer(body="{" + " " * 9 * MEGABYTE)
        async with mind(server) as llm:
            assert "at most 8 MB, got more" in llm.problem
        server.lists_models = Answer(body=json.dumps({"data": [{"id": "\x1b[2J" + "x" * 100_000}] * 9}))
        async with mind(server) as llm:
            assert "has no model 'tiny'" in llm.problem and llm.problem.isprintable() and len(llm.problem) < 600

    with_server(test)


@pytest.mark.parametrize("status", [b"200 OK", b"500 Oh"])
@pytest.mark.parametrize(
    ("encoding", "compressed"),
    [(b"gzip", gzip.compress(b" " * 30 * MEGABYTE)), (b"deflate", zlib.compress(b" " * 30 * MEGABYTE)), (b"br", b"?")],
)
def test_a_bomb_is_not_unpacked(encoding: bytes, compressed: bytes, status: bytes) -> None:
    head = HEAD.replace(b"200 OK", status) + b"Content-Encoding: " + encoding + b"\r\n"
    refused(streamed(compressed, head=head), f"expected an answer that is not compressed, got '{encoding.decode()}'")


def test_nothing_compressed_is_asked_for() -> None:
    async def test(server: ChatServer) -> None:
        async with mind(server) as llm:
            await ask(llm)
            assert server.headers["accept-encoding"] == "identity"

    with_server(test)


def test_fifty_thousand_words_at_once_are_cut_to_what_was_asked_for() -> None:
    async def test(server: ChatServer) -> None:
        for words in (["word " * 50_000], ["word "] * 50_000):
            server.answers = [streamed(*(event(content=word) for word in words), event("stop"), DONE)]
            async with mind(server, max_tokens=20) as llm:
                assert 20 * 5 <= len("".join(await ask(llm))) <= 20 * 12

    with_server(test)


# ---- too slow


def test_a_byte_now_and_then_is_a_stall() -> None:
    chat = event(content="Hello. " * 20)
    bytes_of_it = (chat[at : at + 1] for at in range(len(chat)))
    began = time.monotonic()
    refused(Answer(raw=itertools.chain([HEAD + b"\r\n"], bytes_of_it), delay_s=0.02), "does not answer", first_s=0.3)
    assert time.monotonic() - began < 5.0


def test_pings_are_no_progress() -> None:
    pings = itertools.repeat(b": ping\n\n" + event(), 1000)
    answer = Answer(raw=itertools.chain([HEAD + b"\r\n", event(content="Well, ")], pings), delay_s=0.02)
    fails_with("stopped in the middle", answer, said=["Well, "], between_s=0.3)


def test_a_reply_that_drips_is_given_up_altogether() -> None:
    answer = Answer(("so ",) * 1000, delay_s=0.02)

    async def test(server: ChatServer) -> None:
        server.answers = [answer]
        async with mind(server, altogether_s=0.5, max_tokens=4096) as llm:
            heard: list[str] = []
            with pytest.raises(BackendError, match="stopped in the middle of its reply"):
                async for delta in llm.stream([], "Hello?"):
                    heard.append(delta)
            assert 3 < len(heard) < 200

    with_server(test)


def test_a_voice_that_lets_a_server_wait_costs_it_nothing() -> None:
    async def test(server: ChatServer) -> None:
        server.answers = [Answer(("a", "b", "c"))]
        async with mind(server, altogether_s=0.5, between_s=0.2) as llm:
            heard: list[str] = []
            async for delta in llm.stream([], "Hello?"):
                heard.append(delta)
                await asyncio.sleep(0.4)
            assert heard == ["a", "b", "c"]

    with_server(test)


# ---- something else


@pytest.mark.parametrize(
    ("received", "expected"),
    [
        (event(content="a\x1b[2J\x00b\n"), "a[2Jb\n"),
        (b'data: {"choices":[{"delta":{"content":"a\xff\xfeb"}}]}\n\n', "ab"),
        (event(content="\ud83d") + event(content="\ude00."), "😀."),
        (event(content="a \ud83d b"), "a  b"),
        (event(content=None) + event(content="") + event(content="x"), "x"),
        (event(content=[{"type": "text", "text": "x"}, {"type": "thinking", "thinking": "y"}]), "x"),
        (event(reasoning_content="Hm.") + event(reasoning="Hm.") + event(content="x"), "x"),
        (event(refusal="I can't help with that."), "I can't help with that."),
        (b'data: {"choices":[]}\n\n' + event(content="x"), "x"),
        (b'data: {"choices":[{"delta":null},{"delta":{"content":"y"},"index":1}]}\n\n' + event(content="x"), "x"),
        (b"event: message\r\nid: 1\r\nretry: 5\r\n: hello\r\n" + event(content="x").replace(b"\n", b"\r\n"), "x"),
        (b'data: {"choices":\ndata: [{"delta":{"content":"x"}}]}\n\n', "x"),
        (event(content="x") + DONE + b"data: {garbage\n\n" + b"x" * MEGABYTE, "x"),
        (event(content="x").rstrip(), "x"),
        (b'{\n"choices": [{"message": {"content": "In one piece."}, "finish_reason": "stop"}]}', "In one piece."),
    ],
)  # fmt: skip
def test_what_can_be_understood_is_said(received: bytes, expected: str) -> None:
    assert said(received) == expected
    assert said(*(received[at : at + 1] for at in range(len(received)))) == expected


@pytest.mark.parametrize(
    "received",
    [
        b"",
        b"<html>Welcome</html>",
        b"\x00\x01\x02",
        b"data: " + b"[" * 100_000 + b"\n\n",
        b"data: [1]\n\n",
        b"data: null\n\n",
        b"data: NaN\n\n",
        b"data: " + b"1" * 10_000 + b"\n\n",
        b'data: {"choices":{}}\n\n',
        b'data: {"choices":[1]}\n\n',
        b'data: {"choices":[{"delta":"x"}]}\n\n',
        b'data: {"choices":[{"delta":{"content":5}}]}\n\n',
        b'data: {"choices":[{"delta":{"content":["x"]}}]}\n\n',
        b"x" * (MOST_EVENT_BYTES + 1),
    ],
)
def test_what_is_no_chat_is_an_error(received: bytes) -> None:
    with pytest.raises(ServerFault, match="expected a stream of chat completions, got something else"):
        said(received)


@pytest.mark.parametrize(
    ("events", "expected", "heard"),
    [
        ([event(tool_calls=[{"index": 0, "function": {"name": "f"}}]), event("tool_calls"), DONE], "calls a tool", []),
        ([event(function_call={"name": "f"}), event("function_call"), DONE], "calls a tool", []),
        ([event(content="Well, "), event("content_filter"), DONE], "content filter took back", ["Well, "]),
        ([event("content_filter"), DONE], "content filter took back", []),
        ([event(reasoning_content="Hm"), event("length"), DONE], "empty one; is mind.max_tokens high enough", []),
        (
            [event(content="Well, "), b'data: {"error": "\\u001b[2Jbroken"}\n\n'],
            r"an error \('\\x1b\[2Jbroken'\)",
            ["Well, "],
        ),
        ([event(content="Well, ")], "broke off before its end", ["Well, "]),
    ],
)
def test_a_reply_that_is_none_is_explained(events: list[bytes], expected: str, heard: Sequence[str]) -> None:
    assert fails_with(expected, streamed(*events), said=heard).isprintable()


def test_a_reply_that_is_cut_at_its_longest_is_a_reply() -> None:
    async def test(server: ChatServer) -> None:
        server.answers = [streamed(event(content="One, two"), event("length"))]
        async with mind(server) as llm:
            assert await ask(llm) == ["One, two"]

    with_server(test)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Answer(raw=[b"\x00\xff\x1b[2J\r\n\r\n"]), "could not connect .*is the server running"),
        (Answer(raw=[]), "could not connect"),
        (Answer(raw=[HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"zz\r\n"]), "broke off"),
        (Answer(raw=[HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"ffffff\r\n" + event(content="x")]), "broke off"),
        (Answer(raw=[HEAD + b"Content-Length: 999\r\n\r\n", event(reasoning="x")]), "broke off"),
        (Answer(raw=[HEAD + b"X: " + b"y" * 300_000 + b"\r\n\r\n"]), "could not connect|broke off"),
        (Answer(status=500, body='{"error": {"message": "\x1b[2J' + "bad " * 99_999 + '"}}'), "status 500"),
        (Answer(status=500, body="[" * 100_000), "status 500"),
        (
            Answer(status=404, body='{"error": "model not found"}'),
            r"the model 'tiny' \('model not found'\); check mind.model",
        ),
    ],
)
def test_what_is_no_http_is_explained(answer: Answer, expected: str) -> None:
    said = ("x",) if answer.raw is not None and any(b'"content"' in piece for piece in answer.raw) else ()
    assert fails_with(expected, answer, said=said).isprintable()


def test_an_address_without_v1_is_named_as_a_cause() -> None:
    async def test(server: ChatServer) -> None:
        for slash in ("", "/"):
            async with mind(server, base_url=server.url.removesuffix("/v1") + slash) as llm:
                assert llm.problem == ""  # not every server can list its models
                with pytest.raises(BackendError, match=r"check mind\.model; does mind\.base_url end in /v1\?"):
                    await ask(llm)
        async with mind(server, base_url=f" {server.url}/ ") as llm:
            assert await ask(llm) == ["Hello", "."]

    with_server(test)


# ---- busy


@pytest.mark.parametrize("status", [429, 503])
def test_a_server_that_is_busy_for_a_moment_is_asked_again(status: int) -> None:
    async def test(server: ChatServer) -> None:
        server.answers = [Answer(status=status, headers=["Retry-After: 0.2"]), Answer()]
        async with mind(server) as llm:
            began = time.monotonic()
            assert await ask(llm) == ["Hello", "."]
            assert time.monotonic() - began >= 0.2
            server.answers = [Answer(status=status, headers=["Retry-After: 0"])]
            with pytest.raises(BackendError, match=r"too much to do|status 503"):
                await ask(llm)
            assert len(server.chats) == 4

    with_server(test)


@pytest.mark.parametrize(
    "value", ["30", "1e9", "in", "999999999", "-5", "Fri, 99 Foo", "Wed, 21 Oct 9990 07:28:00 GMT"]
)
def test_a_server_that_is_busy_for_long_is_left_alone(value: str) -> None:
    is_time = value[0] in "39W"

    async def test(server: ChatServer) -> None:
        server.answers = [Answer(status=429, headers=[f"Retry-After: {value}"])]
        async with mind(server) as llm:
            with pytest.raises(BackendError, match="asks for a pause of" if is_time else "too much to do"):
                await ask(llm)
            with pytest.raises(BackendError, match="of which [3-6][0-9] s are left" if is_time else "too much to do"):
                await ask(llm)
            assert len(server.chats) == 1 if is_time else 2

    with_server(test)


def test_a_pause_may_be_given_as_a_date() -> None:
    async def test(server: ChatServer) -> None:
        server.answers = [Answer(status=429, headers=[f"Retry-After: {email.utils.formatdate(time.time() + 20)}"])]
        async with mind(server) as llm:
            with pytest.raises(BackendError, match=r"asks for a pause of (19|20) s"):
                await ask(llm)

    with_server(test)


def test_a_connection_that_was_closed_meanwhile_is_opened_again() -> None:
    async def test(server: ChatServer) -> None:
        server.answers = [Answer(), Answer(raw=[]), Answer(("Here", "."))]
        async with mind(server) as llm:
            assert await ask(llm) == ["Hello", "."]
            assert await ask(llm) == ["Here", "."]

    with_server(test)


# ---- elsewhere


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_takes_neither_key_nor_words_along(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISAVIS_TEST_KEY", KEY)

    async def test(server: ChatServer) -> None:
        async with ChatServer() as other:
            target = other.url.replace("http://", "http://user:word@")
            away = Answer(status=status, headers=[f"Location: {target}/chat/completions?secret=1"])
            server.answers, server.lists_models = [away], away
            async with mind(server) as llm:
                assert (
                    f"sends us on to '{target.replace('user:word', '…')}/chat/completions', where nothing follows"
                    in llm.problem
                )
                with pytest.raises(BackendError, match=r"set mind\.base_url to the right address"):
                    await ask(llm)
            assert other.headers == {} and other.chats == [] and len(server.chats) == 1

    with_server(test, key=KEY)


def test_a_redirect_to_itself_ends_at_once() -> None:
    refused(Answer(status=307, headers=["Location: /v1/chat/completions"]), "sends us on to '/v1/chat/completions'")
    refused(Answer(status=307), "sends us on to ''")


def test_the_doctor_follows_no_redirect(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISAVIS_TEST_KEY", KEY)

    async def test(server: ChatServer) -> None:
        async with ChatServer() as other:
            server.lists_models = Answer(status=302, headers=[f"Location: {other.url}/models"])
            config = load_config(None, (f"mind.base_url={server.url}", "mind.api_key_env=VISAVIS_TEST_KEY"), {})
            parts = await asyncio.to_thread(doctor_recommended.check_recommended, config)
            (part,) = (part for part in parts if part.name == "language model server")
            assert part.status == "broken" and "302" in part.detail
            assert other.headers == {}

    with_server(test, key=KEY)


# ---- the key


def test_the_key_is_in_no_log_and_no_chain_of_errors(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("VISAVIS_TEST_KEY", f"{KEY}\r\n")
    caplog.set_level(logging.DEBUG)
    answers = [
        Answer(status=500, body=json.dumps({"error": {"message": f"no such key: {KEY}"}})),
        streamed(b'data: {"error": {"message": "Bearer ' + KEY.encode() + b'"}}\n\n'),
        Answer(raw=[f"{KEY}\r\n\r\n".encode()]),
        Answer(status=307, headers=[f"Location: http://127.0.0.1:9/{KEY}"]),
    ]

    async def test(server: ChatServer) -> None:
        async with mind(server) as llm:
            assert server.headers["authorization"] == f"Bearer {KEY}"
            for answer in answers:
                server.answers = [answer]
                with pytest.raises(BackendError) as caught:
                    await ask(llm)
                assert KEY not in str(caught.value)
                assert caught.value.__cause__ is caught.value.__context__ is None

    with_server(test, key=KEY)
    assert KEY not in caplog.text


@pytest.mark.parametrize("key", ["sk-secrét", "sk-sec ret", "sk-\x00secret", "sk-\udcff"])
def test_a_key_that_cannot_be_sent_is_refused(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.environ", {"VISAVIS_TEST_KEY": key})
    with pytest.raises(InputError, match="expected VISAVIS_TEST_KEY to hold a key") as caught:
        OpenAILLM(base_url="http://127.0.0.1:9/v1", api_key_env="VISAVIS_TEST_KEY", name="Mira")
    assert "sec" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://user:hunter2@127.0.0.1/v1",
        "https://hunter2@host/v1",
        "http://host/v1?key=hunter2",
        "http://host/v1#hunter2",
        "http://user:hunter2@[::1",
        "http://user:hun/hunter2@host/v1",
        "file://hunter2@host/etc/passwd",
    ],
)
def test_an_address_that_holds_a_secret_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(InputError, match=r"mind\.base_url: expected") as caught:
        address_of(url)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "http://a b/v1", "http://\x1b[2J/v1", "http://host:99999/v1", "http:/v1"]
)
def test_an_address_that_cannot_be_is_refused_in_one_line(url: str) -> None:
    with pytest.raises(InputError, match=r'expected an address such as "http://127\.0\.0\.1:11434/v1"') as caught:
        address_of(url)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("localhost", True),
        ("localhost.", True),
        ("llm.localhost", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("0.0.0.0", True),
        ("192.168.0.7", False),
        ("localhost.example.org", False),
        ("api.example.org", False),
    ],
)
def test_this_computer_is_known_by_all_its_names(host: str, here: bool) -> None:
    assert is_this_computer(host) is here


def test_the_configuration_does_not_repeat_a_password() -> None:
    override = "mind.base_url=http://u:hunter2@host/v1"
    assert "hunter2" not in load_config(None, (override,), {}).source.of("mind.base_url")
    with pytest.raises(InputError) as caught:
        load_config(None, ("mind.port=http://u:hunter2@host/v1",), {})
    assert "hunter2" not in str(caught.value)


# ---- proxies and certificates


@pytest.mark.parametrize("proxy", ["socks9://user:hunter2@127.0.0.1:9", "http://user:hunter2@[::1"])
def test_a_proxy_that_cannot_be_used_is_named(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ALL_PROXY", proxy)

    async def far() -> None:
        async with OpenAILLM(base_url="http://server.invalid/v1", name="Mira"):
            pass

    async def near(server: ChatServer) -> None:
        async with mind(server) as llm:
            assert await ask(llm) == ["Hello", "."]

    with pytest.raises(InputError, match="expected a proxy that can be used in ALL_PROXY") as caught:
        asyncio.run(far())
    assert "hunter2" not in str(caught.value)
    with_server(near)


def test_tls_against_a_plain_port_is_explained() -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async def main() -> None:
        async with await asyncio.start_server(plain, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            async with OpenAILLM(base_url=f"https://127.0.0.1:{port}/v1", name="Mira") as llm:
                assert "does mind.base_url begin with http://" in llm.problem

    asyncio.run(main())


@pytest.mark.parametrize("url", ["http://[::1]:9/v1", "http://127.0.0.1:9"])
def test_where_nobody_listens_is_explained(url: str) -> None:
    async def main() -> None:
        async with OpenAILLM(base_url=url, name="Mira") as llm:
            assert llm.problem.startswith(f"{url}: could not connect (")

    asyncio.run(main())


# ---- what the person hears


def test_the_apology_is_spoken_after_what_was_said() -> None:
    lines: list[str] = []

    async def told(line: str) -> None:
        lines.append(line)

    async def sentences_of(llm: OpenAILLM) -> list[str]:
        queue: asyncio.Queue[Sentence | None] = asyncio.Queue()
        reply = Reply("Hello?", None)
        await think(llm, [], reply, queue, ThinkingPolicy(5.0, told))
        sentences: list[str] = []
        while (sentence := queue.get_nowait()) is not None:
            sentences.append(sentence.text)
        return sentences

    async def test(server: ChatServer) -> None:
        async with mind(server, max_tokens=4096) as llm:
            server.answers = [Answer(("From nine. ", "To s"), then="cut")]
            assert await sentences_of(llm) == ["From nine.", "To s", *_sentences(MIND_FAILED)]
            assert len(lines) == 1 and "broke off" in lines[0]
            server.answers = [streamed(event(content="word, " * 30_000), event("stop"), DONE)]
            *spoken, _, _ = await sentences_of(llm)
            assert len(" ".join(spoken)) <= LONGEST_REPLY
            assert len(lines) == 2 and f"more than {LONGEST_REPLY} characters" in lines[1]

    with_server(test)


def _sentences(text: str) -> list[str]:
    first, second = text.split(". ")
    return [f"{first}.", second]
