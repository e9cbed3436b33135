"""Stands before the application: what it lets through comes from somebody who may ask, and not too often.

    request ─ how often ─ head ─ called rightly ─ own page ─ (CORS) ─ token ─ body ─ application
                 429       431         421           403                401   413, 408

Every answer, refusals too, has the headers of `safety_headers`, and an error that nobody foresaw ends here.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter

from fastapi import HTTPException
from fastapi.responses import JSONResponse
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agent.web.safety.access import Access
from agent.web.safety.headers import EMBED_SCRIPT, safety_headers
from agent.web.safety.limits import BODY_S, LARGEST_HEAD, WRONG_TOKENS, largest_body, rates_of
from agent.web.safety.rates import Rates
from agent.web.safety.sign_in import sign_in_page
from agent.web.safety.token import TokenCheck
from agent.web.safety.visitor import Visitor, is_called_rightly, is_own_page, visitor_of

OPEN_PATHS = ("/api/health", "/api/ready")
"""What those who watch the server may ask without a token."""

_READS = ("GET", "HEAD", "OPTIONS")
_LOG = logging.getLogger(__name__)


class Guard:
    """The outer gate.

    Args:
        app: the application.
        access: who may come.
        answers: status → how many requests were answered with it; counted here.
    """

    def __init__(self, app: ASGIApp, access: Access, answers: Counter[int]) -> None:
        self._access, self._answers, self._rates = access, answers, Rates()
        self._headers = safety_headers(access)
        inner: ASGIApp = BodyGate(app, access)
        if access.token:
            inner = TokenGate(inner, access, self._rates)
        if access.embed_origins:
            inner = CORSMiddleware(
                inner,
                allow_origins=access.embed_origins,
                allow_methods=["GET", "POST", "DELETE"],
                allow_headers=["Authorization", "Content-Type", "Last-Event-ID"],
                expose_headers=["Location", "Retry-After"],
            )
        self._app = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets through, or refuses."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        if scope["type"] != "http":
            return
        is_begun = is_gone = False

        async def receive_noting() -> Message:
            nonlocal is_gone
            message = await receive()
            is_gone = is_gone or message["type"] == "http.disconnect"
            return message

        async def send_safely(message: Message) -> None:
            nonlocal is_begun
            if message["type"] == "http.response.start":
                is_begun = True
                self._answers[message["status"]] += 1
                self._add_headers(scope, message)
            await send(message)

        refusal = self._refusal(scope)
        try:
            await (refusal or self._app)(scope, receive_noting, send_safely)
        except Exception:
            if is_gone:  # in the middle of a stream; nothing is wrong with that
                _LOG.debug("a visitor left while answered: %s", _route(scope), exc_info=True)
                return
            # Not passed on, where it can be answered: the server above would only log it again.
            _LOG.exception("a request failed: %s %s", scope["method"], _route(scope))
            if is_begun:
                raise
            await refused(500, "something went wrong here; the log says what")(scope, receive, send_safely)

    def _refusal(self, scope: Scope) -> Response | None:
        headers, visitor = Headers(scope=scope), visitor_of(scope, self._access)
        for rate, who in rates_of(scope["method"], scope["path"], visitor.address):
            if wait_s := self._rates.wait_s(rate, who):
                return refused(429, f"too many requests; try again in {wait_s} s", wait_s)
        if sum(len(name) + len(value) for name, value in headers.raw) > LARGEST_HEAD:
            return refused(431, f"expected headers of at most {LARGEST_HEAD} bytes, got more")
        host = headers.get("host", "")
        if not is_called_rightly(host, self._access):
            return refused(421, "this server is not called so; its owner can add names to web.hosts")
        if scope["method"] not in _READS and not self._may_change(headers, host, visitor):
            return refused(403, "another site's page asked; its owner can be let in with web.embed_origins")
        return None

    def _may_change(self, headers: Headers, host: str, visitor: Visitor) -> bool:
        """Whether no page of another site asks; what is no browser says nothing of pages."""
        origin = headers.get("origin")
        if origin is None:
            return headers.get("sec-fetch-site", "none") in ("none", "same-origin")
        return origin in self._access.embed_origins or is_own_page(origin, host, visitor)

    def _add_headers(self, scope: Scope, message: Message) -> None:
        headers = MutableHeaders(scope=message)
        for name, value in self._headers.items():
            headers[name] = value
        if scope["path"] == EMBED_SCRIPT:
            headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        headers.setdefault("Cache-Control", "no-store" if scope["path"].startswith("/api/") else "no-cache")


class TokenGate:
    """Lets in who has the token.

    Args:
        app: behind it.
        access: has the token.
        rates: count wrong ones.
    """

    def __init__(self, app: ASGIApp, access: Access, rates: Rates) -> None:
        self._app, self._access, self._check, self._rates = app, access, TokenCheck(access), rates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets through, or asks for the token."""
        is_open = scope["type"] != "http" or scope["path"] in (*OPEN_PATHS, EMBED_SCRIPT)
        await (self._app if is_open else self._answer(scope) or self._app)(scope, receive, send)

    def _answer(self, scope: Scope) -> Response | None:
        is_page = scope["method"] == "GET" and not scope["path"].startswith("/api/")
        in_link = self._check.in_link(scope) if is_page else None
        # Nobody guesses a cookie: whoever has it comes in even while somebody at the same address guesses tokens.
        if in_link is None and self._check.has_cookie(scope):
            return None
        address = visitor_of(scope, self._access).address
        if wait_s := self._rates.wait_s(WRONG_TOKENS, address, takes=False):
            return refused(429, f"too many wrong tokens; try again in {wait_s} s", wait_s)
        if in_link:
            return self._check.welcome(scope)
        in_header = self._check.in_header(scope)
        if in_header and in_link is None:
            return None
        is_wrong = in_header is False or in_link is False
        if is_wrong:
            self._rates.wait_s(WRONG_TOKENS, address)
        if is_page and "text/html" in Headers(scope=scope).get("accept", ""):
            return sign_in_page("The token is wrong." if is_wrong else "This avatar wants a token.")
        answer = refused(401, "expected the server's token as 'Authorization: Bearer …'")
        answer.headers["WWW-Authenticate"] = "Bearer"
        return answer


class BodyGate:
    """Gives up a request whose body is too large, or does not come.

    Args:
        app: behind it.
        access: says how large an upload may be.
    """

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app, self._access = app, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most, size, is_whole = largest_body(scope["path"], self._access.upload_bytes), 0, False
        until = asyncio.get_running_loop().time() + BODY_S
        too_large = f"expected at most {most} bytes"
        told = Headers(scope=scope).get("content-length", "0")
        if not told.isdecimal() or int(told[:20]) > most:
            await refused(413, f"{too_large}, got {told[:20]}")(scope, receive, send)
            return

        async def receive_within_limits() -> Message:
            nonlocal size, is_whole
            try:
                async with asyncio.timeout_at(None if is_whole else until):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(408, f"the request did not come within {BODY_S:.0f} s") from None
            size += len(message.get("body", b""))
            if size > most:
                raise HTTPException(413, f"{too_large}, got more")
            is_whole = not message.get("more_body", False)
            return message

        await self._app(scope, receive_within_limits, send)


def refused(status: int, detail: str, retry_after_s: int = 0) -> Response:
    """The answer to a request that is not let through."""
    headers = {"Retry-After": str(retry_after_s)} if retry_after_s else None
    return JSONResponse({"detail": detail}, status, headers)


def _route(scope: Scope) -> str:
    """The template of the path: the ids in the path itself are secrets."""
    return str(getattr(scope.get("route"), "path", "no route"))
