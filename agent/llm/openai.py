"""A language model behind an OpenAI-compatible server: Ollama, llama.cpp, vLLM, or a hosted one."""

from __future__ import annotations

import asyncio
import importlib.util
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractContextManager, AsyncExitStack, aclosing, nullcontext
from types import TracebackType
from typing import Any, Self

from agent.knowledge.file import Knowledge
from agent.llm.address import address_of, key_from
from agent.llm.base import Conversation, Message
from agent.llm.faults import BROKEN_OFF, lost_connection, retry_after_s, what_went_wrong
from agent.llm.prompt import ChatMessage, Prompt
from agent.llm.stream import ChatStream, ServerFault
from agent.text.foreign_text import shortened
from agent.text.reasoning import ReasoningFilter
from speech.errors import BackendError, InputError, VisavisError

CONNECT_S = 3.0
"""How long it may take to reach the server, or to be told which models it has."""

FIRST_S = 60.0
"""How long the first piece of a reply may take: some servers load the model first. The session is less patient."""

BETWEEN_S = 10.0
"""How long the next piece may take after that."""

ALTOGETHER_S = 180.0
"""How long one reply may keep us waiting, all pieces together."""

SHORT_PAUSE_S = 3.0
"""A server that is busy and names no longer time is asked again after it, once."""

LONGEST_PAUSE_S = 60.0
"""A server that is busy is left alone as long as it asks for, but no longer than this."""

_LONGEST_LINE = 320
_CHARACTERS_PER_TOKEN = 12
"""More than any language has: a reply longer than this times `max_tokens` comes from a server that ignores it."""


class OpenAILLM:
    """Replies from a server that speaks OpenAI's protocol for chats. Its key is never written anywhere.

    A server that can't be reached is no reason not to start: entering never fails because of it; it is told in
    `problem`, and every reply tries again.

    Args:
        base_url: such as "http://127.0.0.1:11434/v1".
        api_key_env: environment variable that holds the key; unset for a server that wants none.
        model: as the server calls it; "" for the first one that it lists.
        name: what the avatar calls itself.
        persona: who it is; "" for the default.
        knowledge: what it knows beside what the model does.
        temperature: 0 always says the likeliest.
        max_tokens: longest reply, tokens.
        connect_s: see `CONNECT_S`.
        first_s: see `FIRST_S`.
        between_s: see `BETWEEN_S`.
        altogether_s: see `ALTOGETHER_S`.
        short_pause_s: see `SHORT_PAUSE_S`.

    Attributes:
        name: the model's name, or the server's where none is named.
        problem: after entering, why replies will fail for now; "" if nothing is known to be wrong.

    Raises:
        InputError: openai is not installed, or the address or the key can't be used.
    """

    def __init__(
        self,
        *,
        base_url: str,
        api_key_env: str = "OPENAI_API_KEY",
        model: str = "",
        name: str,
        persona: str = "",
        knowledge: Knowledge | None = None,
        temperature: float = 0.6,
        max_tokens: int = 220,
        connect_s: float = CONNECT_S,
        first_s: float = FIRST_S,
        between_s: float = BETWEEN_S,
        altogether_s: float = ALTOGETHER_S,
        short_pause_s: float = SHORT_PAUSE_S,
    ) -> None:
        if importlib.util.find_spec("openai") is None:
            raise InputError(
                "language model: expected the package openai, it is not installed; run: pip install 'visavis[openai]'"
            )
        self._address = address_of(base_url)
        key_from(api_key_env)  # only looked at: an object that holds it could show it
        self.name = model or str(self._address.hostname)
        self.problem = self.preparing = ""
        self._base_url, self._api_key_env, self._model = self._address.geturl(), api_key_env, model
        self._prompt = Prompt(name=name, persona=persona, knowledge=knowledge)
        self._temperature, self._max_tokens = temperature, max_tokens
        self._connect_s, self._first_s, self._between_s = connect_s, first_s, between_s
        self._altogether_s, self._short_pause_s = altogether_s, short_pause_s
        self._busy_until_s = 0.0
        self._client: Any = None

    async def __aenter__(self) -> Self:
        """Loads the client and asks the server what it has; see `problem`.

        Raises:
            InputError: the proxy that the environment names can't be used.
        """
        self._client = await asyncio.to_thread(self._make_client)
        try:
            models = await self._models()
            if self._model and models and not any(_is_same_model(self._model, one) for one in models):
                self.problem = self._unknown_model(models)
        except VisavisError as error:
            self.problem = str(error)
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Closes all connections."""
        await self._client.close()

    def conversation(self) -> AbstractContextManager[Conversation]:
        """Itself: the server keeps what it likes of each; several requests may be under way."""
        return nullcontext(self)

    async def stream(self, history: Sequence[Message], text: str) -> AsyncGenerator[str, None]:
        """Answers `text`; see `agent.llm.base.Conversation.stream`. Closing the iteration closes the connection.

        Raises:
            BackendError: the server can't be reached, refuses, breaks off, stalls, or says what can't be understood.
        """
        messages = await asyncio.to_thread(self._prompt.messages, history, text)
        reasoning = ReasoningFilter()
        failure: VisavisError | None = None
        is_empty = True
        try:
            async with aclosing(self._contents(messages)) as contents:
                async for content in contents:
                    if delta := reasoning.push(content):
                        is_empty = False
                        yield delta
            if delta := reasoning.flush():
                is_empty = False
                yield delta
        except Exception as error:
            failure = self._explained(error)
        if failure is not None:
            raise failure  # without its causes: they hold the request, and with it the key
        if is_empty:
            raise self._failure("expected a reply, got an empty one; is mind.max_tokens high enough?")

    async def _contents(self, messages: list[ChatMessage]) -> AsyncGenerator[str, None]:
        """What the server sends, as it comes; at most about `max_tokens`, even if the server goes on."""
        model = self._model or (await self._models())[0]
        now_s = asyncio.get_running_loop().time
        stream, pieces, room = ChatStream(), 0, self._max_tokens * _CHARACTERS_PER_TOKEN
        left_s, silent_s = self._altogether_s, 0.0
        async with AsyncExitStack() as opened:
            received = aiter((await self._open(opened, model, messages)).iter_bytes())
            while not stream.is_done and pieces < self._max_tokens and room > 0:
                began_s, working = now_s(), stream.pieces
                # Time in which the voice lets us wait is not the server's: only its own is counted.
                async with asyncio.timeout(min(left_s, (self._between_s if working else self._first_s) - silent_s)):
                    some = await anext(received, None)
                contents = stream.close() if some is None else stream.push(some)
                waited_s = now_s() - began_s
                left_s -= waited_s
                for content in contents:
                    if pieces < self._max_tokens and room > 0:
                        yield content[:room]
                    pieces, room = pieces + 1, room - len(content)
                silent_s = silent_s + waited_s if stream.pieces == working else 0.0
                if some is None:
                    break
        if stream.finish == "content_filter":
            raise ServerFault("the server's content filter took back the rest of the reply")
        if stream.wants_tools and not pieces:
            raise ServerFault("expected a reply, the model calls a tool instead, and none was offered")
        if pieces < self._max_tokens and room > 0 and not (stream.finish or stream.is_done):
            raise ServerFault(BROKEN_OFF)

    async def _open(self, opened: AsyncExitStack, model: str, messages: list[ChatMessage]) -> Any:
        """Asks for a reply, and once more where the server was only busy, or had closed an idle connection."""
        now_s = asyncio.get_running_loop().time
        if (left_s := self._busy_until_s - now_s()) > 0.0:
            raise ServerFault(f"the server has too much to do and asked for a pause, of which {left_s:.0f} s are left")
        for is_last in (False, True):
            request = self._client.chat.completions.with_streaming_response.create(
                model=model,
                messages=messages,
                temperature=self._temperature,
                max_tokens=self._max_tokens,
                stream=True,
            )
            try:
                async with asyncio.timeout(self._first_s):
                    return await opened.enter_async_context(request)
            except Exception as error:
                pause_s = retry_after_s(error)
                if pause_s is not None and pause_s > self._short_pause_s:
                    self._busy_until_s = now_s() + min(pause_s, LONGEST_PAUSE_S)
                    raise
                if is_last or (pause_s is None and not lost_connection(error)):
                    raise
            await asyncio.sleep(pause_s or 0.0)
        raise AssertionError("the second time returns or raises")

    async def _models(self) -> list[str]:
        """The models that the server has.

        Raises:
            BackendError: it can't be reached or refuses, or it has none and none is named.
        """
        models: list[str] = []
        failure: VisavisError | None = None
        try:
            async with asyncio.timeout(self._connect_s):
                listed = await self._client.models.list()
            models = [str(model.id) for model in listed.data or ()]
        except Exception as error:
            if self._model and getattr(error, "status_code", None) in (404, 405, 501):
                return []  # not every server can list its models
            failure = self._explained(error)
        if failure is not None:
            raise failure
        if not models and not self._model:
            raise self._failure("expected a server with a model, it lists none; set mind.model")
        return models

    def _make_client(self) -> Any:
        """In a thread: the package takes seconds to import, and imports half of itself at the first use."""
        import openai

        from agent.llm.http import http_client

        for name in ("openai", "httpx", "httpcore"):  # what is said, and what a server repeats, belong into no log
            logging.getLogger(name).setLevel(logging.WARNING)
        client = openai.AsyncOpenAI(
            base_url=self._base_url,
            api_key=self._key or "none",
            max_retries=0,  # its waits between tries are longer than anybody waits for an answer
            http_client=http_client(self._address, self._connect_s),
        )
        _ = client.models, client.chat.completions.with_streaming_response
        return client

    @property
    def _key(self) -> str:
        return key_from(self._api_key_env)

    def _explained(self, error: Exception) -> VisavisError:
        if isinstance(error, VisavisError):
            return error
        names_v1 = self._address.path.rstrip("/").endswith("/v1")
        what = what_went_wrong(
            error,
            model=self._model,
            key_variable=self._api_key_env,
            has_key=bool(self._key),
            names_v1=names_v1,
        )
        return self._failure(what)

    def _failure(self, what: str) -> BackendError:
        # The server may repeat the key.
        what = what.replace(self._key, "…") if self._key else what
        return BackendError(f"{self._base_url}: {shortened(what, _LONGEST_LINE)}")

    def _unknown_model(self, models: Sequence[str]) -> str:
        names = ", ".join(f"'{shortened(model, 60)}'" for model in models[:6])
        return f"{self._base_url}: the server has no model '{self._model}'; it has {names}; set mind.model"


def _is_same_model(wanted: str, listed: str) -> bool:
    """Ollama lists "llama3.2:latest" and also takes "llama3.2"."""
    return listed == wanted or listed.removesuffix(":latest") == wanted
