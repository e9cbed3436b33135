"""A language model behind an OpenAI-compatible server: Ollama, llama.cpp, vLLM, or a hosted one."""

from __future__ import annotations

import asyncio
import importlib.util
import ipaddress
import os
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from agent.knowledge import Knowledge
from agent.llm import Message
from agent.prompt import ChatMessage, Prompt
from agent.reasoning import ReasoningFilter
from speech.errors import InputError

CONNECT_S = 3.0
"""How long it may take to reach the server, or to be told which models it has."""

FIRST_S = 60.0
"""How long the first piece of a reply may take: some servers load the model first. The session is less patient."""

BETWEEN_S = 10.0
"""How long the next piece may take after that."""

_CHARACTERS_PER_TOKEN = 12
"""More than any language has: a reply longer than this times `max_tokens` comes from a server that ignores it."""

_LONGEST_REASON = 200
_BROKEN_OFF = "the reply broke off before its end"
_NO_CHAT = "expected a stream of chat completions, got something else"


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

    Attributes:
        name: the model's name, or the server's where none is named.
        problem: after entering, why replies will fail for now; "" if nothing is known to be wrong.

    Raises:
        InputError: openai is not installed, or the address is none.
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
    ) -> None:
        if importlib.util.find_spec("openai") is None:
            raise InputError(
                "language model: expected the package openai, it is not installed; run: pip install 'visavis[openai]'"
            )
        self._host = _host_of(base_url)
        self.name = model or self._host
        self.problem = ""
        self._base_url, self._api_key_env, self._model = base_url, api_key_env, model
        self._prompt = Prompt(name=name, persona=persona, knowledge=knowledge)
        self._temperature, self._max_tokens = temperature, max_tokens
        self._connect_s, self._first_s, self._between_s = connect_s, first_s, between_s
        self._client: Any = None

    async def __aenter__(self) -> Self:
        """Loads the client and asks the server what it has; see `problem`."""
        self._client = await asyncio.to_thread(self._make_client)
        try:
            models = await self._models()
            if self._model and models and not any(_is_same_model(self._model, one) for one in models):
                self.problem = self._unknown_model(models)
        except InputError as error:
            self.problem = str(error)
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Closes all connections."""
        await self._client.close()

    async def stream(self, history: Sequence[Message], text: str) -> AsyncGenerator[str, None]:
        """Answers `text`; see `agent.llm.LLM.stream`. Closing the iteration closes the connection.

        Raises:
            InputError: the server can't be reached, refuses, breaks off, stalls, or says what can't be understood.
        """
        messages = await asyncio.to_thread(self._prompt.messages, history, text)
        reasoning = ReasoningFilter()
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
            raise self._explained(error) from error
        if is_empty:
            raise InputError(f"{self._base_url}: expected a reply, got an empty one; is mind.max_tokens high enough?")

    async def _contents(self, messages: list[ChatMessage]) -> AsyncGenerator[str, None]:
        """What the server sends, as it comes; at most about `max_tokens`, even if the server goes on."""
        model = self._model or (await self._models())[0]
        async with asyncio.timeout(self._first_s):
            reply = await self._client.chat.completions.create(
                model=model,
                messages=messages,
                temperature=self._temperature,
                max_tokens=self._max_tokens,
                stream=True,
            )
        pieces = characters = 0
        is_chat = is_finished = False
        async with reply:
            while pieces < self._max_tokens and characters < self._max_tokens * _CHARACTERS_PER_TOKEN:
                async with asyncio.timeout(self._between_s if pieces else self._first_s):
                    chunk = await anext(reply, None)
                if chunk is None:
                    if not is_finished:
                        raise self._failure(_BROKEN_OFF if is_chat else f"{_NO_CHAT}; does mind.base_url end in /v1?")
                    return
                is_chat = True
                for choice in _choices(chunk):
                    is_finished = is_finished or choice.finish_reason is not None
                    if content := choice.delta.content:
                        pieces += 1
                        characters += len(content)
                        yield content

    async def _models(self) -> list[str]:
        """The models that the server has.

        Raises:
            InputError: it can't be reached or refuses, or it has none and none is named.
        """
        try:
            async with asyncio.timeout(self._connect_s):
                listed = await self._client.models.list()
            models = [str(model.id) for model in listed.data or ()]
        except Exception as error:
            if self._model and getattr(error, "status_code", None) in (404, 405, 501):
                return []  # not every server can list its models
            raise self._explained(error) from error
        if not models and not self._model:
            raise InputError(f"{self._base_url}: expected a server with a model, it lists none; set mind.model")
        return models

    def _make_client(self) -> Any:
        import httpx
        import openai

        timeout = httpx.Timeout(None, connect=self._connect_s, write=self._connect_s, pool=self._connect_s)
        return openai.AsyncOpenAI(
            base_url=self._base_url,
            api_key=self._key or "none",
            timeout=timeout,
            max_retries=0,  # its waits between tries are longer than anybody waits for an answer
            # A proxy of the network's can't reach a server on this computer.
            http_client=openai.DefaultAsyncHttpxClient(trust_env=not _is_this_computer(self._host)),
        )

    @property
    def _key(self) -> str:
        return os.environ.get(self._api_key_env, "") if self._api_key_env else ""

    def _explained(self, error: Exception) -> InputError:
        """What went wrong, in one line."""
        import httpx
        import openai

        match error:
            case InputError():
                return error
            case TimeoutError() | openai.APITimeoutError() | httpx.TimeoutException():
                return self._failure("the server does not answer, or stopped in the middle of its reply")
            case openai.AuthenticationError() | openai.PermissionDeniedError():
                state = "is not the right one" if self._key else "is not set"
                return self._failure(f"the server wants a key, and {self._api_key_env or 'mind.api_key_env'} {state}")
            case openai.NotFoundError():
                wanted = f"the model '{self._model}'" if self._model else "this address"
                return self._failure(f"the server does not know {wanted}{self._reason(error)}; check mind.model")
            case openai.RateLimitError():
                return self._failure(f"the server has too much to do, or the account is used up{self._reason(error)}")
            case openai.APIStatusError():
                return self._failure(f"the server answered with status {error.status_code}{self._reason(error)}")
            case openai.APIConnectionError():
                cause = f" ({error.__cause__})" if error.__cause__ else ""
                return self._failure(f"could not connect{cause}; is the server running, and mind.base_url right?")
            case openai.APIError():
                return self._failure(f"the server reports an error{self._reason(error)}")
            case httpx.HTTPError() | OSError():
                return self._failure(_BROKEN_OFF)
        return self._failure(f"{_NO_CHAT} ({type(error).__name__})")

    def _failure(self, what: str) -> InputError:
        line = " ".join(f"{self._base_url}: {what}".split())
        return InputError(line.replace(self._key, "…") if self._key else line)

    def _reason(self, error: Any) -> str:
        """What the server says of it, in brackets."""
        body = error.body
        message = body.get("message") if isinstance(body, dict) else None
        return f" ({str(message)[:_LONGEST_REASON]})" if message else ""

    def _unknown_model(self, models: Sequence[str]) -> str:
        names = ", ".join(f"'{model}'" for model in models[:6])
        return f"{self._base_url}: the server has no model '{self._model}'; it has {names}; set mind.model"


def _choices(chunk: Any) -> Sequence[Any]:
    """What a piece of the stream says; the last one often only counts tokens.

    Raises:
        ValueError: it is no piece of a chat.
    """
    choices = getattr(chunk, "choices", None)
    if not isinstance(choices, list) or not all(hasattr(getattr(one, "delta", None), "content") for one in choices):
        raise ValueError("no piece of a chat")
    return choices


def _is_same_model(wanted: str, listed: str) -> bool:
    """Ollama lists "llama3.2:latest" and also takes "llama3.2"."""
    return listed == wanted or listed.removesuffix(":latest") == wanted


def _host_of(base_url: str) -> str:
    try:
        parts = urlsplit(base_url)
        _ = parts.port
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InputError(f'mind.base_url: expected an address such as "http://127.0.0.1:11434/v1", got "{base_url}"')
    return parts.hostname


def _is_this_computer(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
