"""The token that visitors must have: in a header, or in a cookie that a link with it leaves."""

from __future__ import annotations

import hashlib
import hmac
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.responses import RedirectResponse, Response
from starlette.types import Scope

from agent.web.safety.access import Access

COOKIE = "visavis"
COOKIE_S = 30 * 86_400


class TokenCheck:
    """Knows the token.

    Args:
        access: has it, and says how the cookie may travel.
    """

    def __init__(self, access: Access) -> None:
        self._token = access.token.encode()
        # Whoever reads the cookie on a shared machine has not got the token itself.
        self._sign = hmac.new(self._token, b"visavis cookie", hashlib.sha256).hexdigest()
        self._attributes = "; Path=/; HttpOnly"
        if access.encrypted:
            # Inside another site's page a cookie is sent only so, and kept apart for each of these sites.
            self._attributes += "; Secure" + ("; SameSite=None; Partitioned" if access.embed_origins else "")
        if not (access.encrypted and access.embed_origins):
            self._attributes += "; SameSite=Lax"

    def has_cookie(self, scope: Scope) -> bool:
        """Whether a request comes with the cookie that the token left."""
        signed = cookie_parser(Headers(scope=scope).get("cookie", "")).get(COOKIE, "")
        return hmac.compare_digest(signed.encode(), self._sign.encode())

    def in_header(self, scope: Scope) -> bool | None:
        """Whether a request has the right token in its Authorization header; None if it has none there."""
        kind, _, told = Headers(scope=scope).get("authorization", "").partition(" ")
        return self._is(told.strip()) if kind.lower() == "bearer" else None

    def in_link(self, scope: Scope) -> bool | None:
        """Whether the address of a page has the right token; None if it has none."""
        told = dict(_query(scope)).get("token")
        return None if told is None else self._is(told)

    def welcome(self, scope: Scope) -> Response:
        """Sends whoever came by the link on to the address without the token, which the browser then forgets."""
        rest = urlencode([(name, value) for name, value in _query(scope) if name != "token"])
        # Two slashes in the beginning would be another site.
        path = "/" + scope["path"].lstrip("/")
        response = RedirectResponse(f"{path}?{rest}" if rest else path, 303)
        response.headers["Set-Cookie"] = f"{COOKIE}={self._sign}; Max-Age={COOKIE_S}{self._attributes}"
        return response

    def _is(self, token: str) -> bool:
        return hmac.compare_digest(token.encode(), self._token)


def _query(scope: Scope) -> list[tuple[str, str]]:
    try:
        return parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True, max_num_fields=20)
    except ValueError:
        return []
