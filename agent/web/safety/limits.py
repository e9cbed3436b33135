"""How much one visitor may ask of the server."""

from __future__ import annotations

import re
from collections.abc import Iterator

from agent.web.safety.rates import Rate

ANYTHING = Rate(40.0, 240)
"""Of an address: a classroom behind one router opens the page at once, two dozen requests each."""

VISITS = Rate(1.0, 40)
"""Conversations that begin, of an address."""

UPLOADS = Rate(0.1, 6)
"""Portraits, of an address: each is looked at for a second."""

WRONG_TOKENS = Rate(0.1, 10)
"""Of an address."""

TALK = Rate(1.0, 15)
"""Texts and offers of a visitor."""

MOVES = Rate(15.0, 60)
"""Other requests of a visitor that change something: controls that follow a pointer."""

BODY_S = 60.0
"""A body that takes longer to come is given up."""

LARGEST_HEAD = 16_384
"""Bytes of a request's headers."""

LARGEST_BODY, LARGEST_OFFER = 32_768, 200_000
"""Bytes: a persona of 2000 characters with room; a browser's SDP offer has some 6,000."""

FORM_BYTES = 10_000
"""What a form adds to the file in it."""

_TALKS = re.compile(r"/api/sessions/([^/]+)/(ask|say|whep)")
_MOVES = re.compile(r"/api/sessions/([^/]+)(/.*)?")


def rates_of(method: str, path: str, address: str) -> Iterator[tuple[Rate, str]]:
    """The buckets that a request takes from, and whose they are."""
    yield ANYTHING, address
    if method == "POST" and path == "/api/sessions":
        yield VISITS, address
    elif method == "POST" and path == "/api/portraits":
        yield UPLOADS, address
    elif method == "POST" and (talks := _TALKS.fullmatch(path)):
        yield TALK, talks[1]
    elif method != "GET" and (moves := _MOVES.fullmatch(path)):
        yield MOVES, moves[1]


def largest_body(path: str, upload_bytes: int) -> int:
    """How many bytes a request's body may have.

    Args:
        path: of the request.
        upload_bytes: what a portrait may have.
    """
    if path == "/api/portraits":
        return upload_bytes + FORM_BYTES
    return LARGEST_OFFER if path.endswith("/whep") else LARGEST_BODY
